"""Plots of what speaks for how many clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from songnet.errors import ParameterError
from songnet.report.style import BLUE, GREY, LIGHT_GREY, ORANGE, VERMILLION, halo_text
from songnet.report.text import plain

_LABEL_SIZE = 7.5
_NULL = "without clusters"


@dataclass(frozen=True, eq=False)
class Curve:
    """A criterion over the number of clusters, as `plot_criterion` takes it.

    Parameters
    ----------
    label : str
        What is measured, with its unit if it has one.
    n_clusters : sequence of int
        Ascending, one or more.
    values : numpy.ndarray [shape=(n,)]
        One a number of clusters; NaN where it is not defined.
    low, high : numpy.ndarray [shape=(n,)] or None
        Bounds of an interval around the values.
    chosen : int or None
        The number of clusters that was taken in the end.
    voted : int or None
        The number of clusters that this criterion speaks for.
    null_low, null_high : numpy.ndarray [shape=(n,)] or None
        Bounds of what the criterion is in data without clusters.
    """

    label: str
    n_clusters: Sequence[int]
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    chosen: int | None = None
    voted: int | None = None
    null_low: np.ndarray | None = None
    null_high: np.ndarray | None = None


def plot_criterion(
    axes: Axes,
    n_clusters: Sequence[int],
    values: np.ndarray,
    *,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
    chosen: int | None = None,
    voted: int | None = None,
    null_low: np.ndarray | None = None,
    null_high: np.ndarray | None = None,
    label: str,
    legend: bool = True,
) -> Axes:
    """A criterion over the number of clusters, with what it speaks for and what was chosen.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    n_clusters, values, low, high, chosen, voted, null_low, null_high, label
        As in `Curve`. A vote or choice that is not among ``n_clusters`` is not drawn.
    legend : bool
        Say what the lines and bands are.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there is not one value, and one bound, for each number of clusters.
    """
    ks = np.asarray(n_clusters)
    bounds = (("low", low), ("high", high), ("null_low", null_low), ("null_high", null_high))
    for what, array in (("values", values), *bounds):
        if array is not None and len(array) != len(ks):
            raise ParameterError(f"{label}: {len(array)} {what} for {len(ks)} numbers of clusters")
    if null_low is not None and null_high is not None:
        axes.fill_between(
            ks, null_low, null_high, facecolor="white", edgecolor=GREY, hatch="/////", linewidth=0.5, zorder=1,
            label=_NULL,
        )  # fmt: skip
    if low is not None and high is not None:
        axes.fill_between(ks, low, high, color=BLUE, alpha=0.22, linewidth=0, zorder=2, label="interval")
    axes.plot(ks, values, color=BLUE, marker="o", markersize=3.5, linewidth=1.3, zorder=4, label="value")
    axes.margins(x=0.04, y=0.16)
    if voted is not None and voted in ks:
        axes.axvline(voted, color=VERMILLION, linestyle="--", linewidth=1.1, zorder=3, label="vote")
        axes.text(voted, 1.01, f"vote {voted}", transform=axes.get_xaxis_transform(), ha="center", va="bottom",
                  fontsize=_LABEL_SIZE, color="black")  # fmt: skip
    if chosen is not None and chosen in ks:
        height = float(values[int(np.flatnonzero(ks == chosen)[0])])
        axes.plot(
            chosen, height, marker="*", markersize=12, color=ORANGE, markeredgecolor="black", markeredgewidth=0.8,
            linestyle="none", zorder=5, label="chosen",
        )  # fmt: skip
        offset, ha = _free_side(np.asarray(values, dtype=float), int(np.flatnonzero(ks == chosen)[0]))
        halo_text(axes, f"chosen {chosen}", (chosen, height), offset=offset, size=_LABEL_SIZE, ha=ha)
    axes.set_xlabel("number of clusters k")
    axes.set_ylabel(plain(label))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    axes.grid(color=LIGHT_GREY, alpha=0.5)
    axes.set_axisbelow(True)
    if np.nanmax(np.abs(values), initial=0.0) >= 10_000:
        # In place of a power of ten in the corner, where the vote may stand.
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if legend:
        axes.legend(*_explained([axes]), framealpha=0.9, edgecolor="none")
    return axes


def draw_criteria(figure: Figure, curves: Sequence[Curve], *, columns: int = 2) -> list[Axes]:
    """Several criteria on one figure with one legend, each in a panel of its own.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty, laid out by ``layout="constrained"`` (as `songnet.report.style.save_figures` makes it).
    curves : sequence of Curve
        One or more.
    columns : int
        Panels in a row at most.

    Returns
    -------
    list of matplotlib.axes.Axes
        A panel a curve.

    Raises
    ------
    ParameterError
        If there is no curve, or one does not fit.
    """
    if not curves:
        raise ParameterError("there is no criterion to draw")
    columns = min(columns, len(curves))
    rows = -(-len(curves) // columns)
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(len(curves))]
    for place, (axes, curve) in enumerate(zip(panels, curves, strict=True)):
        plot_criterion(
            axes, curve.n_clusters, curve.values, low=curve.low, high=curve.high, chosen=curve.chosen,
            voted=curve.voted, null_low=curve.null_low, null_high=curve.null_high, label=curve.label, legend=False,
        )  # fmt: skip
        if place + columns < len(curves):
            axes.set_xlabel("")
    handles, words = _explained(panels)
    figure.legend(handles, words, loc="outside upper left", ncols=len(words), frameon=False)
    figure.align_ylabels(panels)
    return panels


def _explained(panels: Sequence[Axes]) -> tuple[list[Artist], list[str]]:
    """Handles and words of a legend for all panels, in one order."""
    entries: dict[str, Artist] = {}
    for axes in panels:
        handles, words = axes.get_legend_handles_labels()
        entries.update(zip(words, handles, strict=True))
    order = [word for word in ("value", "interval", _NULL, "vote", "chosen") if word in entries]
    return [entries[word] for word in order], order


def _free_side(values: np.ndarray, place: int) -> tuple[tuple[float, float], str]:
    """Where a word beside a point of a curve does not lie on the curve: its offset in points and its alignment."""
    before, here, after = np.pad(values, 1, mode="edge")[place : place + 3]
    if before > here and after > here:
        return (0, -12), "center"
    return ((-7, 8), "right") if after > here else ((7, 8), "left")
