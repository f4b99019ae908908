"""Figures of what vectors tell that they should not, and of what they forget when they should not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from songnet.errors import ParameterError
from songnet.evaluation.panels.invariance_results import ChangeResult, InvarianceReport
from songnet.evaluation.panels.nuisance import NuisanceReport
from songnet.evaluation.panels.nuisance_readout import Readout
from songnet.report.style import BAND, COLOURS, GREY, LIGHT_GREY, MARKERS, VERMILLION, save_figures
from songnet.report.text import caption, plain

# Below this, how bad a prediction is tells nothing more.
LOWEST_R2 = -0.25
# What the share of clips that find themselves should reach.
GOAL = 0.95
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "oo")
AXES = {
    "gain": ("gain in dB", "gain"),
    "mp3": ("bit rate in kbit/s", "MP3 coding"),
    "resample": ("rate in kHz, and back", "resampling"),
    "offset": ("offset in s", "clip offset"),
}
MEASURES = {"r2": "R² of ridge regression", "auc": "AUC of logistic regression"}
_SMALL = 7.5


def plot_readouts(axes: Axes, readouts: Sequence[Readout], *, legend: bool = True) -> Axes:
    """Bars of how well each nuisance can be read, vectors beside each other, with intervals and chance.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    readouts : sequence of Readout
        Of one measure; of each kind of vectors the same nuisances in the same order.
    legend : bool
        Say which bar is which.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there is no readout, or they are of two measures.
    """
    measures = {each.measure for each in readouts}
    if len(measures) != 1:
        raise ParameterError(f"readouts of one measure are drawn together, got {len(measures)}")
    (measure,) = measures
    names = list(dict.fromkeys(each.nuisance for each in readouts))
    kinds = list(dict.fromkeys(each.vectors for each in readouts))
    floor, origin = (LOWEST_R2, 0.0) if measure == "r2" else (0.0, 0.5)
    height = 0.8 / len(kinds)
    for place, kind in enumerate(kinds):
        colour, hatch = COLOURS[place % len(COLOURS)], HATCHES[place % len(HATCHES)]
        label: str | None = plain(kind)
        for each in (entry for entry in readouts if entry.vectors == kind):
            y = names.index(each.nuisance) - 0.4 + height * (place + 0.5)
            if each.value is None or each.low is None or each.high is None:
                continue
            value, low, high = (max(floor, bound) for bound in (each.value, each.low, each.high))
            axes.barh(
                y, value - origin, 0.92 * height, left=origin, color=colour, hatch=hatch, edgecolor="white", zorder=2,
                label=label,
            )  # fmt: skip
            label = None
            axes.plot([low, high], [y, y], color="black", linewidth=1.0, zorder=4)
            if each.chance_high is not None:
                # The highest of the targets in random order: what lies left of it is chance.
                highest = max(floor, each.chance_high)
                ends = [y - 0.42 * height, y + 0.42 * height]
                axes.plot([highest] * 2, ends, color=VERMILLION, linewidth=1.6, zorder=3)
    for row, name in enumerate(names):
        notes = {each.note for each in readouts if each.nuisance == name and each.value is None}
        if len(notes) == 1 and all(each.value is None for each in readouts if each.nuisance == name):
            axes.text(floor + 0.02, row, plain(notes.pop(), limit=56), va="center", fontsize=_SMALL, color="#404040")
    axes.axvline(origin, color="black", linewidth=0.8, zorder=5)
    axes.set_yticks(range(len(names)), [plain(name.replace("_", " ")) for name in names])
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xlim(floor - (0.02 if floor < 0 else 0.0), 1.02)
    axes.set_xlabel(MEASURES[measure])
    axes.grid(axis="x", color=LIGHT_GREY, alpha=0.5)
    axes.set_axisbelow(True)
    if legend:
        axes.legend(loc="lower right", framealpha=0.9, edgecolor="none")
    return axes


def draw_nuisance(figure: Figure, report: NuisanceReport) -> list[Axes]:
    """Numbers and classes side by side, with one legend.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty, laid out by ``layout="constrained"``.
    report : NuisanceReport
        What to draw.

    Returns
    -------
    list of matplotlib.axes.Axes
        A panel a measure.

    Raises
    ------
    ParameterError
        If the report has no readouts.
    """
    parts = [[each for each in report.readouts if each.measure == measure] for measure in MEASURES]
    parts = [part for part in parts if part]
    if not parts:
        raise ParameterError("the nuisance report has no readouts to draw")
    panels = [figure.add_subplot(1, len(parts), place + 1) for place in range(len(parts))]
    for axes, part in zip(panels, parts, strict=True):
        plot_readouts(axes, part, legend=False)
    entries: dict[str, Artist] = {}
    for axes in panels:
        for handle, word in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(word, handle)
    if entries:
        figure.legend(list(entries.values()), list(entries), loc="outside upper left", ncols=4, frameon=False)
    return panels


def plot_invariance(
    axes: Axes, reports: Mapping[str, InvarianceReport], kind: str, *, level: str = "clip", legend: bool = True
) -> Axes:
    """Share of clips (or tracks) that are still nearest to themselves, over how much was changed.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    reports : mapping of str to InvarianceReport
        One a line.
    kind : str
        ``"gain"``, ``"mp3"``, ``"resample"`` or ``"offset"``.
    level : str
        ``"clip"`` or ``"track"``.
    legend : bool
        Say which line is which.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there is no such kind or level, or nothing of the kind was measured.
    """
    if kind not in AXES or level not in ("clip", "track"):
        raise ParameterError(f"no curve of {kind!r} for each {level!r}; there are {', '.join(AXES)} by clip or track")
    found = {name: [each for each in report.results if each.kind == kind] for name, report in reports.items()}
    amounts = sorted({_shown(each) for results in found.values() for each in results})
    if not amounts:
        raise ParameterError(f"no {kind} was measured: there is no curve to draw")
    axes.axhspan(GOAL, 1.0, color=BAND, zorder=0)
    # By place, not by amount: bit rates and offsets grow by factors, gains do not, and lines must not lie on another.
    for line, (name, results) in enumerate(found.items()):
        ordered = sorted(results, key=_shown)
        x = np.array([amounts.index(_shown(each)) for each in ordered]) + 0.08 * (line - (len(found) - 1) / 2)
        values, low, high = (
            np.array([getattr(each, f"{level}_{what}") for each in ordered]) for what in ("top1", "low", "high")
        )
        colour, marker = COLOURS[line % len(COLOURS)], MARKERS[line % len(MARKERS)]
        axes.vlines(x, low, high, color=colour, linewidth=1.0, alpha=0.8, zorder=2)
        axes.plot(x, values, color=colour, marker=marker, markersize=5, linewidth=1.3, zorder=3, label=plain(name))
    axes.xaxis.set_major_locator(FixedLocator(list(range(len(amounts)))))
    axes.set_xticks(range(len(amounts)), [f"{amount:+g}" if kind == "gain" else f"{amount:g}" for amount in amounts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(-0.5, len(amounts) - 0.5)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel(AXES[kind][0])
    axes.set_title(AXES[kind][1])
    axes.grid(axis="y", color=LIGHT_GREY, alpha=0.5)
    axes.axhline(GOAL, color=GREY, linewidth=0.7, linestyle="--", zorder=1)
    if legend:
        axes.legend(loc="lower right", framealpha=0.9, edgecolor="none")
    return axes


def draw_invariance(figure: Figure, reports: Mapping[str, InvarianceReport], *, level: str = "clip") -> list[Axes]:
    """A panel for each kind of change that was measured, with one legend; parameters as in `plot_invariance`."""
    kinds = [kind for kind in AXES if any(each.kind == kind for r in reports.values() for each in r.results)]
    if not kinds:
        raise ParameterError("no change was measured: there is no curve to draw")
    panels: list[Axes] = []
    for place, kind in enumerate(kinds):
        axes = figure.add_subplot(1, len(kinds), place + 1, sharey=panels[0] if panels else None)
        plot_invariance(axes, reports, kind, level=level, legend=False)
        if panels:
            axes.tick_params(labelleft=False)
        panels.append(axes)
    panels[0].set_ylabel(f"{level}s nearest to themselves")
    handles, words = panels[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper left", ncols=4, frameon=False)
    return panels


def save_nuisance_figures(
    folder: Path,
    *,
    nuisance: NuisanceReport | None = None,
    invariance: Mapping[str, InvarianceReport] | None = None,
    seed: int = 0,
) -> list[Path]:
    """Write the figures of the panels that were measured, as PNG and SVG.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; figures of the same names are replaced.
    nuisance : NuisanceReport or None
        ``nuisance.png``: bars.
    invariance : mapping of str to InvarianceReport or None
        ``invariance-clip.png`` and ``invariance-track.png``: curves.
    seed : int
        For the captions.

    Returns
    -------
    list of pathlib.Path
    """
    drawn: list[Path] = []
    if nuisance is not None:
        report = nuisance
        kinds = len({each.vectors for each in report.readouts})
        rows = max(sum(each.measure == m and each.vectors == report.subject for each in report.readouts)
                   for m in MEASURES)  # fmt: skip
        note = f"folds and 95% intervals by {report.grouped_by}; upright marks: the best of the targets in random order"
        drawn += save_figures(
            lambda figure: draw_nuisance(figure, report), folder, "nuisance", width=8.5,
            height=1.2 + rows * (0.28 + 0.14 * kinds), caption=caption(n=report.n_tracks, seed=seed, note=note),
        )  # fmt: skip
    if invariance:
        reports = invariance
        measured = next(iter(reports.values()))
        note = (
            f"nearest of {measured.n_reference_clips:,} clips of {measured.n_reference_tracks:,} tracks by cosine of"
            " standardised vectors; Wilson 95% intervals over tracks; band: 95% and more"
        )
        for level in ("clip", "track"):

            def draw(figure: Figure, level: str = level) -> object:
                return draw_invariance(figure, reports, level=level)

            words = caption(n=measured.n_measured, seed=seed, note=note)
            drawn += save_figures(draw, folder, f"invariance-{level}", width=8.5, height=3.4, caption=words)
    return drawn


def _shown(result: ChangeResult) -> float:
    """The amount as the axis has it."""
    return result.amount / 1000 if result.kind == "resample" else result.amount
