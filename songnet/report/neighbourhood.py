"""The figure of one run of `songnet compare-neighbours`: a point and an interval a predictor, a panel a setting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from songnet.comparison.neighbourhood.report import NeighbourReport, SettingReport
from songnet.comparison.neighbourhood.verdict import NAMES
from songnet.report.style import GREY, group_style, save_figures
from songnet.report.text import caption

# The same colour and marker for a predictor in every figure, whichever of them there are.
_NUMBERS = {name: number for number, name in enumerate(NAMES, start=1)}
_WIDTH, _ROW, _FRAME = 8.0, 0.22, 0.95


def plot_neighbours(axes: Axes, entry: SettingReport, measure: str = "auc", *, names: bool = True) -> Axes:
    """One measure of every predictor under one setting, with 95% intervals.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    entry : SettingReport
        What to draw; a predictor without the measure has a line without a point.
    measure : str
        ``"auc"``, ``"mrr"`` or ``"recall@10"`` and so on.
    names : bool
        Write the predictors' names.

    Returns
    -------
    matplotlib.axes.Axes
    """
    predictors = list(entry.scores)
    for row, name in enumerate(predictors):
        value = entry.scores[name][measure]
        if value is None:
            continue
        colour, marker = group_style(_NUMBERS[name])
        axes.plot([value.low, value.high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2)
        axes.plot(
            value.value, row, marker=marker, color=colour, markersize=5.5, markeredgecolor="black",
            markeredgewidth=0.5, linestyle="none", zorder=3,
        )  # fmt: skip
    if measure == "auc":
        axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
    axes.set_yticks(range(len(predictors)), [NAMES[name] for name in predictors] if names else [])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(predictors) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    return axes


def draw_neighbours(figure: Figure, report: NeighbourReport, measures: Sequence[str] | None = None) -> Figure:
    """A row of panels a setting, a column a measure; panels of a column have one scale.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty.
    report : NeighbourReport
        What to draw.
    measures : sequence of str or None
        Columns; None for the AUC, the MRR and the first recall.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = list(measures or report.measures[:3])
    grid = figure.subplots(len(report.settings), len(shown), squeeze=False, sharex="col")
    for row, entry in enumerate(report.settings):
        for column, measure in enumerate(shown):
            axes = plot_neighbours(grid[row, column], entry, measure, names=column == 0)
            if column == 0:
                axes.set_title(f"{entry.setting} ({entry.n_queries:,} queries)", loc="left", fontsize=8.5)
            if row == len(report.settings) - 1:
                axes.set_xlabel(measure.upper() if measure in ("auc", "mrr") else measure)
    return figure


def draw_neighbour_figures(report: NeighbourReport, folder: Path, *, seed: int = 0) -> list[Path]:
    """Draw the report as PNG and SVG.

    Parameters
    ----------
    report : NeighbourReport
        What to draw.
    folder : pathlib.Path
        Where to; a figure of the same name is replaced.
    seed : int
        For the caption.

    Returns
    -------
    list of pathlib.Path
    """
    n_predictors = len(report.settings[0].scores)
    height = len(report.settings) * (_ROW * n_predictors + 0.35) + _FRAME
    used = report.facts["settings_used"]
    note = (
        f"{report.facts['n_playlists']:,} playlists, {used['folds']} folds, {used['pairs']} pairs; 95% intervals over"
        " playlists; AUC against tracks of like popularity, 0.5 by chance"
    )
    line = caption(n=report.facts["n_tracks"], method=report.what, seed=seed, note=note)
    return save_figures(
        lambda figure: draw_neighbours(figure, report), folder, "neighbours", width=_WIDTH, height=height, caption=line
    )
