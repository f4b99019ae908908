"""The figure of an evaluation: systems as rows, a panel a measure, every value with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from songnet.evaluation import MEASURES, Estimate, EvaluationReport
from songnet.report.style import BLUE, GREY, LIGHT_GREY, VERMILLION, save_figures
from songnet.report.text import caption, plain

PANELS_A_ROW = 3
# What mends hubs is a table's affair but for its effect on them.
LEFT_OUT = ("hub_largest", "mp_largest", "hub_knn", "probe_accuracy", "recall_label", "recall_artist", "recall_album",
            "clip_top1", "mp_anti")  # fmt: skip


def plot_measure(
    axes: Axes,
    names: Sequence[str],
    estimates: Sequence[Estimate | None],
    baselines: Sequence[bool],
    *,
    label: str,
    higher: bool = True,
    show_names: bool = True,
) -> Axes:
    """One measure of several systems as dots with intervals.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    names : sequence of str
        Systems, the first on top.
    estimates : sequence of Estimate or None
        One a system; None where it could not be told.
    baselines : sequence of bool
        Which are baselines: hollow squares; the others are filled circles.
    label : str
        The measure.
    higher : bool
        Higher is better; said in the title.
    show_names : bool
        Write the systems' names on the left.

    Returns
    -------
    matplotlib.axes.Axes
        The best baseline is a line over all rows, so that what lies beyond it is seen at once; chance is dotted.
    """
    best: float | None = None
    for row, (entry, baseline) in enumerate(zip(estimates, baselines, strict=True)):
        if entry is None:
            axes.text(0.02, row, "not told", transform=axes.get_yaxis_transform(), va="center", fontsize=7, color=GREY)
            continue
        colour = GREY if baseline else BLUE
        if entry.low is not None and entry.high is not None:
            axes.plot([entry.low, entry.high], [row, row], color=colour, linewidth=1.4, zorder=3)
        axes.plot(
            entry.value, row, marker="s" if baseline else "o", markersize=4.5 if baseline else 6, color=colour,
            markerfacecolor="white" if baseline else colour, linestyle="none", zorder=4,
        )  # fmt: skip
        if baseline:
            candidates = [value for value in (best, entry.value) if value is not None]
            best = max(candidates) if higher else min(candidates)
    if best is not None:
        axes.axvline(best, color=VERMILLION, linestyle="--", linewidth=1.0, zorder=2)
    chance = next((entry.chance for entry in estimates if entry is not None and entry.chance is not None), None)
    if chance is not None:
        axes.axvline(chance, color=LIGHT_GREY, linestyle=":", linewidth=1.2, zorder=1)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [plain(name, 26) for name in names] if show_names else [""] * len(names))
    axes.set_title(label + ("" if higher else " (less is better)"), fontsize=8.5)
    axes.grid(axis="x", alpha=0.3)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    return axes


def draw_evaluation(figure: Figure, report: EvaluationReport) -> Figure:
    """All measures of a report as small panels."""
    keys = _shown(report)
    names = list(report.table)
    baselines = [report.kinds[name] == "baseline" for name in names]
    n_rows = -(-len(keys) // PANELS_A_ROW)
    for index, key in enumerate(keys):
        axes = figure.add_subplot(n_rows, min(PANELS_A_ROW, len(keys)), index + 1)
        entries = [report.table[name].get(key) for name in names]
        plot_measure(
            axes, names, entries, baselines, label=report.label_of(key), higher=MEASURES[key].higher,
            show_names=index % PANELS_A_ROW == 0,
        )  # fmt: skip
    return figure


def _shown(report: EvaluationReport) -> list[str]:
    keys = [key for key in report.measures if key not in LEFT_OUT]
    return keys or report.measures


def evaluation_size(report: EvaluationReport) -> tuple[float, float]:
    """Width and height in inches that a report's figure needs."""
    n_rows = -(-len(_shown(report)) // PANELS_A_ROW)
    return 10.0, 0.6 + n_rows * (0.75 + 0.21 * len(report.table))


def draw_evaluation_figure(report: EvaluationReport, folder: Path) -> list[Path]:
    """Write ``evaluation.png`` and ``evaluation.svg``.

    Parameters
    ----------
    report : EvaluationReport
        From `songnet.evaluation.evaluate`.
    folder : pathlib.Path
        Where to; made when it is missing.
    """
    width, height = evaluation_size(report)
    note = (
        f"{report.labels or 'no labels'} · 95% intervals over {report.settings['intervals_over']} · filled: evaluated,"
        " hollow: baselines · dashed: best baseline · dotted: chance"
        f" · {report.recipe}"
    )
    return save_figures(
        lambda figure: draw_evaluation(figure, report), folder, "evaluation", width=width, height=height,
        caption=caption(n=report.n_tracks, seed=report.settings["seed"], note=note),
    )  # fmt: skip
