"""Tables as pictures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from songnet.errors import ParameterError
from songnet.report.style import BAND
from songnet.report.text import plain, text_width

Cell = str | float | int | None

_FONT_SIZE = 8.0
# Advance of DejaVu Sans Mono and height of a line, in font sizes.
_ADVANCE, _LINE = 0.602, 1.55
_BETWEEN = 2
_CELL_COLUMNS = 28


def plot_k_table(axes: Axes, columns: Sequence[str], rows: Sequence[Sequence[Cell]], chosen_row: int | None) -> Axes:
    """A table over the number of clusters, aligned, the chosen row in bold on a band and marked with a triangle.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw; of the size that `k_table_size` says, the text has its full size, else it shrinks to fit.
    columns : sequence of str
        Names of the columns; long ones are broken at blanks.
    rows : sequence of sequence of str, float, int or None
        A cell a column. The numbers of a column are shown with as many decimals as give its largest four digits;
        None and NaN are a dash.
    chosen_row : int or None
        Index of the row to stress.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there is no column, a row has not one cell a column, or ``chosen_row`` is not among the rows.
    """
    header, cells, widths, right = _laid_out(columns, rows)
    if chosen_row is not None and not 0 <= chosen_row < len(rows):
        raise ParameterError(f"chosen_row is {chosen_row}, but the table has {len(rows)} rows")
    total = _BETWEEN + sum(widths) + _BETWEEN * len(widths)
    n_lines = len(header) + len(rows)
    box = axes.get_position()
    figure_width, figure_height = axes.figure.get_size_inches()  # type: ignore[union-attr]
    size = min(
        _FONT_SIZE,
        72 * box.width * figure_width / (total * _ADVANCE),
        72 * box.height * figure_height / (n_lines * _LINE),
    )
    axes.set_axis_off()
    axes.set_xlim(0, total)
    axes.set_ylim(n_lines, 0)
    if chosen_row is not None:
        axes.add_patch(Rectangle((0, len(header) + chosen_row), total, 1, facecolor=BAND, edgecolor="none"))
        axes.text(_BETWEEN / 2, len(header) + chosen_row + 0.5, "\N{BLACK RIGHT-POINTING TRIANGLE}", ha="center",
                  va="center", fontsize=size)  # fmt: skip
    axes.axhline(len(header), color="black", linewidth=0.8)
    left = _BETWEEN
    for column, width in enumerate(widths):
        x = left + (width if right[column] else 0)
        for line, texts in enumerate([*header, *cells]):
            axes.text(
                x, line + 0.5, texts[column], ha="right" if right[column] else "left", va="center", fontsize=size,
                family="monospace",
                fontweight="bold" if chosen_row is not None and line == len(header) + chosen_row else "normal",
            )  # fmt: skip
        left += width + _BETWEEN
    return axes


def k_table_size(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> tuple[float, float]:
    """Width and height of a figure in inches on which `plot_k_table` has its full size.

    Raises
    ------
    ParameterError
        If there is no column, or a row has not one cell a column.
    """
    header, _, widths, _ = _laid_out(columns, rows)
    total = _BETWEEN + sum(widths) + _BETWEEN * len(widths)
    # A figure's axes take 77.5 % of its width and 77 % of its height before they are laid out.
    width = total * _ADVANCE * _FONT_SIZE / 72 / 0.775
    return width, (len(header) + len(rows)) * _LINE * _FONT_SIZE / 72 / 0.77


def _laid_out(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]]
) -> tuple[list[list[str]], list[list[str]], list[int], list[bool]]:
    """Lines of the header, cells as text, columns of text a column takes, and which are numbers."""
    if not columns:
        raise ParameterError("a table needs at least one column")
    for row in rows:
        if len(row) != len(columns):
            raise ParameterError(f"a row of the table has {len(row)} cells for {len(columns)} columns")
    texts = [_column([row[index] for row in rows]) for index in range(len(columns))]
    right = [not any(isinstance(row[index], str) for row in rows) for index in range(len(columns))]
    names, widths = [], []
    for name, column in zip(columns, texts, strict=True):
        words = plain(name, _CELL_COLUMNS)
        needed = max([text_width(cell) for cell in column] + [len(word) for word in words.split()] + [1])
        lines = textwrap.wrap(words, needed) or [""]
        names.append(lines)
        widths.append(max(needed, *(text_width(line) for line in lines)))
    height = max(len(lines) for lines in names)
    padded = [[""] * (height - len(lines)) + lines for lines in names]
    header = [[lines[line] for lines in padded] for line in range(height)]
    return header, [list(cells) for cells in zip(*texts, strict=True)], widths, right


def _column(cells: Sequence[Cell]) -> list[str]:
    numbers = [abs(cell) for cell in cells if isinstance(cell, float) and math.isfinite(cell)]
    largest = max(numbers, default=0.0)
    decimals = max(0, 3 - math.floor(math.log10(largest))) if largest > 0 else 3
    return [_cell(cell, min(decimals, 6)) for cell in cells]


def _cell(cell: Cell, decimals: int) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "\N{EN DASH}"
    if isinstance(cell, str):
        return plain(cell, _CELL_COLUMNS)
    shown = f"{cell:,.{decimals}f}" if isinstance(cell, float) else f"{cell:,}"
    return shown.replace("-", "\N{MINUS SIGN}")
