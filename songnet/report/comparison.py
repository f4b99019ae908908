"""The figures of one run of `songnet compare-communities`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from songnet.comparison import ComparisonReport
from songnet.report.confusion import comparison_size, confusion_size, draw_comparison, plot_confusion, plot_null
from songnet.report.style import save_figures
from songnet.report.text import caption

# Groups a side that a confusion matrix of its own is drawn for.
MAX_GROUPS = 40


def draw_comparison_figures(
    report: ComparisonReport,
    folder: Path,
    *,
    row_names: Mapping[int, str] | None = None,
    column_names: Mapping[int, str] | None = None,
    seed: int = 0,
) -> list[Path]:
    """Draw the comparison as a whole, its parts, and the confusion matrix in three ways, as PNG and SVG.

    Parameters
    ----------
    report : ComparisonReport
        What to draw.
    folder : pathlib.Path
        Where to; figures and maps that an earlier comparison left there are removed.
    row_names, column_names : mapping of int to str or None
        Names of groups, shown after their numbers.
    seed : int
        For the captions.

    Returns
    -------
    list of pathlib.Path
        ``comparison``, ``nulls``, and of up to 40 groups a side ``confusion-counts``, ``confusion-row`` and
        ``confusion-log``.
    """
    # What an earlier run drew would stand beside this comparison as if it were of it.
    for stem in ("comparison", "nulls", "confusion-*", "maps-*"):
        for ending in ("png", "svg"):
            for stale in folder.glob(f"{stem}.{ending}"):
                stale.unlink()
    table = report.contingency
    line = caption(n=table.n_shared, method=" x ".join(report.names), seed=seed)

    def draw_whole(figure: Figure) -> object:
        return draw_comparison(figure, report, row_names=row_names, column_names=column_names)

    width, height = comparison_size(report, row_names=row_names, column_names=column_names)
    drawn = save_figures(draw_whole, folder, "comparison", width=width, height=height, caption=line)

    def draw_nulls(figure: Figure) -> object:
        tests = {"tracks": report.tracks_null, "artists": report.artists_null}
        known = {name: test for name, test in tests.items() if test is not None}
        return plot_null(
            figure.add_subplot(),
            {name: test.draws for name, test in known.items()},
            report.scores.ami,
            None if report.interval is None else (report.interval.low, report.interval.high),
            p_values={name: test.p_value for name, test in known.items()},
            ceiling=None if report.ceiling is None else report.ceiling.mean,
            label="adjusted mutual information",
        )

    drawn += save_figures(draw_nulls, folder, "nulls", width=7.6, height=3.0, caption=line)
    if max(table.table.shape) > MAX_GROUPS:
        return drawn
    rows = [f"{number} {(row_names or {}).get(number, '')}".strip() for number in table.rows]
    columns = [f"{number} {(column_names or {}).get(number, '')}".strip() for number in table.columns]
    for kind in ("counts", "row", "log"):

        def draw_matrix(figure: Figure, kind: str = kind) -> object:
            return plot_confusion(figure.add_subplot(), table.table, rows, columns, kind=kind)

        width, height = confusion_size(rows, columns)
        drawn += save_figures(draw_matrix, folder, f"confusion-{kind}", width=width, height=height, caption=line)
    return drawn
