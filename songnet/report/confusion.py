"""Plots of how far two partitions agree: confusion matrices, and the score among those of null models."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from songnet.comparison import ComparisonReport, align, log_ratio, row_shares
from songnet.errors import ParameterError
from songnet.partition import NOISE
from songnet.report.style import BLUE, GREY, LIGHT_GREY, ORANGE, VERMILLION
from songnet.report.text import plain, text_width

KINDS = ("counts", "row", "log")
MAX_GROUPS = 40
NAME_COLUMNS = 20
# Lightness falls all the way, so that a grey printer keeps the order.
COUNTS_MAP: Colormap = LinearSegmentedColormap.from_list("songnet-counts", ["#FFFFFF", "#9CC9E8", BLUE, "#002A4A"])
RATIO_MAP: Colormap = LinearSegmentedColormap.from_list(
    "songnet-ratio", ["#003959", BLUE, "#FFFFFF", VERMILLION, "#6A2F00"]
)
_MEASURES = {
    "counts": "tracks (square-root scale)",
    "row": "share of the row",
    "log": "log₂ observed / expected",
}
_LARGEST_NUMBER, _SMALLEST_NUMBER = 8.0, 4.0
# Width of a digit of DejaVu Sans in font sizes.
_DIGIT = 0.64
_LABEL_SIZE = 7.5
# Inches for a histogram and its legend.
_NULL_WIDTH = 5.2
_NULLS = {"tracks": ("any tracks exchanged", GREY, None), "artists": ("whole artists exchanged", BLUE, "////")}


def plot_confusion(
    axes: Axes,
    table: np.ndarray,
    row_names: Sequence[str],
    column_names: Sequence[str],
    *,
    kind: str = "counts",
    row_label: str = "",
    column_label: str = "",
    title: str = "",
    numbers: bool = True,
    matched: bool = True,
) -> Axes:
    """A contingency table as a coloured matrix.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw; its figure is laid out once if it has a layout engine, to see how large cells are.
    table : numpy.ndarray [shape=(a, b), dtype=int64]
        Tracks in each pair of groups, at most 40 x 40.
    row_names, column_names : sequence of str
        A name a row and a column; long ones are shortened.
    kind : str
        ``"counts"``: tracks. ``"row"``: each row divided by its sum. ``"log"``: log2 of observed over expected, shrunk
        to 0 where counts are small (`songnet.comparison.log_ratio`); white is what independent groups would share.
    row_label, column_label, title : str
        What rows and columns are, and the whole.
    numbers : bool
        Write the value into each cell, when there is room for it.
    matched : bool
        Frame the cells that the best one-to-one matching of columns to rows takes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If names and table do not match, the table is empty or larger than 40 x 40, or ``kind`` is unknown.
    """
    if kind not in KINDS:
        raise ParameterError(f"kind is {kind!r}; choose one of: {', '.join(KINDS)}")
    if table.ndim != 2 or table.shape != (len(row_names), len(column_names)):
        shape = " x ".join(str(side) for side in table.shape)
        raise ParameterError(
            f"{len(row_names)} row names and {len(column_names)} column names do not fit a {shape} table"
        )
    if not table.size or max(table.shape) > MAX_GROUPS:
        raise ParameterError(
            f"a {table.shape[0]} x {table.shape[1]} confusion matrix cannot be drawn: 1 to {MAX_GROUPS} groups a side"
        )
    values, norm, colours = _scaled(table, kind)
    _steady(axes)
    image = axes.imshow(values, cmap=colours, norm=norm, aspect="equal", interpolation="nearest")
    _name_sides(axes, row_names, column_names)
    axes.set_xlabel(plain(column_label))
    axes.set_ylabel(plain(row_label))
    axes.set_title(plain(title), loc="left")
    # Lines between cells; the ticks themselves would only repeat them.
    axes.set_xticks(np.arange(1, table.shape[1]) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, table.shape[0]) - 0.5, minor=True)
    axes.grid(which="minor", color=LIGHT_GREY, linewidth=0.4)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.5, edgecolor=GREY)
    if matched:
        for row, column in enumerate(align(table).partners):
            if column >= 0:
                axes.add_patch(
                    Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=1.1, zorder=3)
                )
    _add_scale(axes, image, kind)
    if numbers:
        _lay_out(axes)
        write_numbers(axes, values, kind)
    return axes


def write_numbers(axes: Axes, values: np.ndarray, kind: str) -> None:
    """Write values into the cells of a drawn matrix in one size that fits the widest; none where none fits.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With the matrix as its image, laid out.
    values : numpy.ndarray [shape=(a, b)]
        What the image shows.
    kind : str
        As in `plot_confusion`.
    """
    image = axes.images[0]
    box = axes.get_window_extent()
    per_point = axes.figure.dpi / 72
    width, height = box.width / per_point / values.shape[1], box.height / per_point / values.shape[0]
    texts = [[_number(value, kind) for value in row] for row in values]
    widest = max(_number_width(text) for row in texts for text in row)
    size = min(_LARGEST_NUMBER, 0.8 * width / widest, 0.8 * height)
    if size < _SMALLEST_NUMBER:
        return
    rgba = np.asarray(image.cmap(image.norm(values)))
    lightness = rgba[..., :3] @ np.array([0.299, 0.587, 0.114])
    for row, column in np.ndindex(*values.shape):
        axes.text(
            column, row, texts[row][column], ha="center", va="center", fontsize=size,
            color="white" if lightness[row, column] < 0.5 else "black",
        )  # fmt: skip


def confusion_size(row_names: Sequence[str], column_names: Sequence[str]) -> tuple[float, float]:
    """Width and height of a figure in inches on which `plot_confusion` has room for its numbers.

    Parameters
    ----------
    row_names, column_names : sequence of str
        As `plot_confusion` takes them.
    """
    a, b = len(row_names), len(column_names)
    cell = float(np.clip(7.0 / max(a, b, 1), 0.27, 0.5))
    beside_letters, below_letters = _widest(row_names), _widest(column_names)
    beside = 0.6 + 0.075 * beside_letters
    below = 0.8 + (0.0 if _lie(column_names, cell * 72) else 0.07 * below_letters)
    return max(3.2, cell * b + beside + 0.9), max(2.2, cell * a + below)


def plot_null(
    axes: Axes,
    draws: Mapping[str, np.ndarray],
    observed: float,
    interval: tuple[float, float] | None = None,
    *,
    p_values: Mapping[str, float] | None = None,
    ceiling: float | None = None,
    label: str = "AMI",
    title: str = "",
) -> Axes:
    """A score beside what null models reach.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    draws : mapping of str to numpy.ndarray [shape=(n_draws,)]
        Scores of each null model, ``"tracks"`` and ``"artists"`` or one of the two.
    observed : float
        The score.
    interval : tuple of float or None
        Bounds of the score.
    p_values : mapping of str to float or None
        Shown with the null models.
    ceiling : float or None
        The most that can be expected, drawn as a line.
    label, title : str
        What the score is, and the whole.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there are no draws, or a null model is unknown.
    """
    unknown = [name for name in draws if name not in _NULLS]
    if unknown or not any(len(values) for values in draws.values()):
        wrong = f"unknown null model {unknown[0]!r}" if unknown else "there are no draws to show"
        raise ParameterError(f"{wrong}; draws are those of: {', '.join(_NULLS)}")
    _steady(axes)
    everything = np.concatenate(list(draws.values()))
    low, high = float(everything.min()), float(everything.max())
    spread = max(high - low, 1e-3)
    edges = np.linspace(low - 0.02 * spread, low + 1.02 * spread, 31)
    for name in (name for name in _NULLS if name in draws):
        words, colour, hatch = _NULLS[name]
        if p_values is not None and name in p_values:
            words += f"\n(p = {p_values[name]:.3g})"
        axes.hist(
            draws[name], bins=edges.tolist(), histtype="stepfilled", facecolor=LIGHT_GREY if hatch is None else "none",
            edgecolor=colour, hatch=hatch, linewidth=1.0, label=words, zorder=2 if hatch is None else 3,
        )  # fmt: skip
    if interval is not None:
        axes.axvspan(*interval, facecolor=ORANGE, alpha=0.3, linewidth=0, zorder=1, label="interval")
    axes.axvline(observed, color="black", linewidth=1.5, zorder=4, label=f"observed {_signed(f'{observed:.3f}')}")
    if ceiling is not None:
        words = f"ceiling {_signed(f'{ceiling:.3f}')}"
        axes.axvline(ceiling, color=VERMILLION, linestyle="--", linewidth=1.3, zorder=4, label=words)
    axes.set_xlabel(plain(label))
    axes.set_ylabel("draws")
    axes.set_title(plain(title), loc="left")
    axes.margins(x=0.06)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.04)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0), frameon=False, borderaxespad=0.0)
    return axes


def draw_comparison(
    figure: Figure,
    report: ComparisonReport,
    *,
    row_names: Mapping[int, str] | None = None,
    column_names: Mapping[int, str] | None = None,
) -> list[Axes]:
    """Where two partitions agree, where more than chance, and how much beside null models.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty, laid out by ``layout="constrained"``; of the size that `comparison_size` says.
    report : ComparisonReport
        What to draw. Of more than 40 groups a side the 39 largest are drawn, the others together.
    row_names, column_names : mapping of int to str or None
        Names of groups, shown after their numbers.

    Returns
    -------
    list of matplotlib.axes.Axes
        Shares of rows, log observed / expected, null models.
    """
    table, *labels = _largest_groups(report, row_names, column_names)
    width, _ = confusion_size(*labels)
    panels = figure.subplots(1, 3, width_ratios=[width, width, _NULL_WIDTH])
    shown = [("row", "(a) shares of rows"), ("log", "(b) against chance")]
    for axes, (kind, title) in zip(panels, shown, strict=False):
        plot_confusion(
            axes, table, *labels, kind=kind, row_label=report.names[0], column_label=report.names[1], title=title,
            numbers=False,
        )  # fmt: skip
    tests = {"tracks": report.tracks_null, "artists": report.artists_null}
    plot_null(
        panels[2],
        {name: test.draws for name, test in tests.items() if test is not None},
        report.scores.ami,
        None if report.interval is None else (report.interval.low, report.interval.high),
        p_values={name: test.p_value for name, test in tests.items() if test is not None},
        ceiling=None if report.ceiling is None else report.ceiling.mean,
        label="adjusted mutual information",
        title="(c) beside null models",
    )
    _lay_out(panels[0])
    for axes, (kind, _) in zip(panels, shown, strict=False):
        write_numbers(axes, _scaled(table, kind)[0], kind)
    return list(panels)


def comparison_size(
    report: ComparisonReport,
    *,
    row_names: Mapping[int, str] | None = None,
    column_names: Mapping[int, str] | None = None,
) -> tuple[float, float]:
    """Width and height of a figure in inches on which `draw_comparison` is easy to read."""
    _, *labels = _largest_groups(report, row_names, column_names)
    width, height = confusion_size(*labels)
    return 2 * width + _NULL_WIDTH, max(height + 0.5, 2.6)


def _scaled(table: np.ndarray, kind: str) -> tuple[np.ndarray, Normalize, Colormap]:
    if kind == "counts":
        return table, PowerNorm(0.5, 0, max(int(table.max()), 1)), COUNTS_MAP
    if kind == "row":
        return row_shares(table), Normalize(0, 1), COUNTS_MAP
    ratio = log_ratio(table)
    # A doubling at least, or chance deviations of independent groups would shine.
    reach = max(float(np.abs(ratio).max()), 1.0)
    return ratio, Normalize(-reach, reach), RATIO_MAP


def _number(value: float, kind: str) -> str:
    if kind == "counts":
        return f"{int(value):,}"
    if kind == "row":
        return "1" if value >= 0.995 else f"{value:.2f}".removeprefix("0") if value >= 0.005 else "0"
    shown = f"{value:+.1f}"
    return "0" if shown in ("+0.0", "-0.0") else _signed(shown)


def _number_width(text: str) -> float:
    """Width of a number in font sizes (of DejaVu Sans)."""
    return sum(0.84 if letter in "+\N{MINUS SIGN}" else 0.32 if letter in ".," else _DIGIT for letter in text)


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _name_sides(axes: Axes, row_names: Sequence[str], column_names: Sequence[str]) -> None:
    figure_width, figure_height = axes.figure.get_size_inches()  # type: ignore[union-attr]
    box = axes.get_position()
    cell = 65 * min(box.width * figure_width / len(column_names), box.height * figure_height / len(row_names))
    size = float(np.clip(0.85 * cell, 4.0, _LABEL_SIZE))
    axes.set_yticks(range(len(row_names)), [plain(name, NAME_COLUMNS) for name in row_names], fontsize=size)
    words = [plain(name, NAME_COLUMNS) for name in column_names]
    # Upright rather than slanting: slanting names of forty columns lie on each other.
    axes.set_xticks(range(len(words)), words, fontsize=size, rotation=0 if _lie(column_names, cell, size) else 90)


def _lie(names: Sequence[str], cell: float, size: float = _LABEL_SIZE) -> bool:
    """Whether names fit side by side under cells of a width in points."""
    return _DIGIT * size * _widest(names) <= 0.95 * cell


def _widest(names: Sequence[str]) -> int:
    return max((text_width(plain(name, NAME_COLUMNS)) for name in names), default=0)


def _add_scale(axes: Axes, image: AxesImage, kind: str) -> None:
    # A part of the axes' own box: it is as high as the matrix however flat that is.
    beside = axes.inset_axes((1.03, 0.0, 0.035, 1.0))
    bar = axes.figure.colorbar(image, cax=beside)
    bar.outline.set(linewidth=0.5, edgecolor=GREY)
    bar.ax.tick_params(labelsize=7, length=2, width=0.5)
    bar.set_label(_MEASURES[kind], fontsize=_LABEL_SIZE)
    bar.locator = MaxNLocator(nbins=5, integer=kind == "counts")
    bar.formatter = FuncFormatter(lambda value, _: _signed(f"{value:,.6g}"))
    bar.update_ticks()


def _steady(axes: Axes) -> None:
    # The layout's solver differs in the last bits from time to time, and an SVG names clip paths after all bits.
    axes.set_axes_locator(lambda axes, _: Bbox(axes.get_position(original=True).get_points().round(9)))


def _lay_out(axes: Axes) -> None:
    figure = axes.figure
    with warnings.catch_warnings():
        # A letter that no font has is drawn as a box, as `songnet.report.style.paper_style` has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for _ in range(2):  # what keeps its proportions has another size only after the first
            figure.draw_without_rendering()  # type: ignore[union-attr]


def _largest_groups(
    report: ComparisonReport, row_names: Mapping[int, str] | None, column_names: Mapping[int, str] | None
) -> tuple[np.ndarray, list[str], list[str]]:
    """The table with its smallest groups put together until it can be drawn, and what to call rows and columns."""
    table, labels = report.contingency.table, []
    sides = ((report.contingency.rows, row_names), (report.contingency.columns, column_names))
    for axis, (numbers, names) in enumerate(sides):
        words = [
            f"{'noise' if number == NOISE else number} {(names or {}).get(number, '')}".strip() for number in numbers
        ]
        if len(numbers) > MAX_GROUPS:
            # Put together rather than left out: the shares and expectations of the others stay as they are.
            by_size = np.argsort(-table.sum(axis=1 - axis), kind="stable")
            kept, rest = np.sort(by_size[: MAX_GROUPS - 1]), by_size[MAX_GROUPS - 1 :]
            others = table.take(rest, axis=axis).sum(axis=axis, keepdims=True)
            table = np.concatenate([table.take(kept, axis=axis), others], axis=axis)
            words = [*(words[place] for place in kept), f"{len(rest)} others"]
        labels.append(words)
    return table, labels[0], labels[1]
