"""Plots of projected tracks, a point a track."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from songnet.errors import ParameterError
from songnet.report.layers import (
    LABEL_SIZE,
    MAX_LEGEND_ROWS,
    NAME_COLUMNS,
    Layer,
    apart,
    cluster_layers,
    draw_layers,
    legend_beside,
)
from songnet.report.style import GREY, HALO, LIGHT_GREY, group_style, halo_text
from songnet.report.text import plain

if TYPE_CHECKING:
    from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]


@dataclass(frozen=True, eq=False)
class ScatterPanel:
    """One of several plots side by side; its parts are parameters of `plot_scatter`.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, 2)]
        A projection.
    labels : numpy.ndarray [shape=(n,), dtype=int]
        Cluster of each point; another projection may be of a sample, so each panel has its own.
    title : str
        Such as ``"PCA"``.
    explained : numpy.ndarray [shape=(2,)] or None
        Shares of the variance, 0 to 1.
    """

    points: np.ndarray
    labels: np.ndarray
    title: str = ""
    explained: np.ndarray | None = None


def plot_scatter(
    axes: Axes,
    points: np.ndarray,
    labels: np.ndarray,
    *,
    names: Mapping[int, str] | None = None,
    noise: int = -1,
    explained: np.ndarray | None = None,
    title: str = "",
    legend: bool = True,
) -> Axes:
    """Tracks by cluster: a colour and a marker each, and its number at the median of its points.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    points : numpy.ndarray [shape=(n, 2)]
        A projection, n at least 1.
    labels : numpy.ndarray [shape=(n,), dtype=int]
        Cluster of each point, from 1.
    names : mapping of int to str or None
        Names of clusters, for the legend.
    noise : int
        Label of the points that belong to no cluster; they are drawn as grey crosses.
    explained : numpy.ndarray [shape=(2,)] or None
        Shares of the variance, 0 to 1: the axes are principal components and say so. Without it the axes have no
        unit and no numbers.
    title : str
        Above the plot.
    legend : bool
        List the clusters and their sizes beside the plot; of more than 20, the first 19.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there are no points, or points and labels do not match.
    """
    _check(points, labels, 2, "labels")
    layers = cluster_layers(labels, names, noise)
    draw_layers(axes, points, layers)
    _label_axes(axes, explained, title)
    numbered = [layer for layer in layers if layer.number is not None]
    medians = np.array([np.median(points[layer.rows], axis=0) for layer in numbered]).reshape(-1, 2)
    for layer, median, offset in zip(numbered, medians, apart(axes, medians), strict=True):
        halo_text(axes, str(layer.number), (float(median[0]), float(median[1])), offset=offset, size=LABEL_SIZE)
    if legend:
        legend_beside(axes, layers)
    return axes


def plot_scatter_by_tag(
    axes: Axes,
    points: np.ndarray,
    values: Sequence[str | None],
    *,
    max_values: int = 8,
    explained: np.ndarray | None = None,
    title: str = "",
) -> Axes:
    """Tracks by a tag: the most common values in colours and markers, the others grey, missing ones hollow.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    points : numpy.ndarray [shape=(n, 2)]
        A projection, n at least 1.
    values : sequence of str or None
        The tag of each track; None or blank is unknown.
    max_values : int
        Values with a look of their own, 1 to 18; of equally common ones the first by alphabet.
    explained, title
        As in `plot_scatter`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there are no points, points and values do not match, or ``max_values`` is out of its range.
    """
    _check(points, values, 2, "values")
    if not 1 <= max_values <= MAX_LEGEND_ROWS - 2:
        raise ParameterError(f"max_values is {max_values}; it must be from 1 to {MAX_LEGEND_ROWS - 2}")
    tags = np.array([plain(value or "") for value in values], dtype=object)
    counts = Counter(tag for tag in tags if tag)
    common = sorted(counts, key=lambda tag: (-counts[tag], tag))[:max_values]
    layers = []
    for rank, tag in enumerate(common, start=1):
        rows = np.flatnonzero(tags == tag)
        layers.append(Layer(rows, *group_style(rank), f"{plain(values[rows[0]], NAME_COLUMNS)} ({len(rows):,})"))
    other = np.flatnonzero([tag != "" and tag not in common for tag in tags])
    unknown = np.flatnonzero(tags == "")
    if len(other):
        layers.append(Layer(other, LIGHT_GREY, "o", f"other ({len(other):,})"))
    if len(unknown):
        layers.append(Layer(unknown, GREY, "o", f"unknown ({len(unknown):,})", hollow=True))
    draw_layers(axes, points, layers, n_behind=bool(len(other)) + bool(len(unknown)))
    _label_axes(axes, explained, title)
    legend_beside(axes, layers)
    return axes


def plot_scatter_3d(
    axes: Axes3D,
    points: np.ndarray,
    labels: np.ndarray,
    *,
    names: Mapping[int, str] | None = None,
    noise: int = -1,
    explained: np.ndarray | None = None,
    title: str = "",
    legend: bool = True,
) -> Axes3D:
    """Tracks by cluster in three principal components.

    Parameters
    ----------
    axes : mpl_toolkits.mplot3d.Axes3D
        As ``figure.add_subplot(projection="3d")`` makes them.
    points : numpy.ndarray [shape=(n, 3)]
        A projection, n at least 1.
    labels, names, noise, explained, title, legend
        As in `plot_scatter`; ``explained`` has three shares.

    Returns
    -------
    mpl_toolkits.mplot3d.Axes3D

    Raises
    ------
    ParameterError
        If there are no points, or points and labels do not match.
    """
    _check(points, labels, 3, "labels")
    layers = cluster_layers(labels, names, noise)
    draw_layers(axes, points, layers)
    for layer in layers:
        if layer.number is None:
            continue
        x, y, z = np.median(points[layer.rows], axis=0)
        for effects in (HALO, ()):
            text = axes.text(x, y, z, str(layer.number), ha="center", va="center", fontsize=LABEL_SIZE,
                             fontweight="bold", zorder=100)  # fmt: skip
            text.set_path_effects(effects)
    for index, set_label in enumerate((axes.set_xlabel, axes.set_ylabel, axes.set_zlabel)):
        set_label(_component(index, explained), fontsize=8, labelpad=-3)
    axes.tick_params(labelsize=6.5, pad=-2)
    axes.locator_params(nbins=5)
    axes.set_aspect("equal")
    # The words along the edges of the cube stand outside of it, but belong inside the axes.
    axes.set_box_aspect(None, zoom=0.95)
    axes.set_title(plain(title, 60))
    if legend:
        legend_beside(axes, layers)
    return axes


def draw_scatters(
    figure: Figure, panels: Sequence[ScatterPanel], *, names: Mapping[int, str] | None = None
) -> list[Axes]:
    """Several projections of the same clusters side by side, with one legend.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty, laid out by ``layout="constrained"`` (as `songnet.report.style.save_figures` makes it).
    panels : sequence of ScatterPanel
        One or more, from left to right. The legend counts the tracks of the panel that shows most of them.
    names : mapping of int to str or None
        Names of clusters.

    Returns
    -------
    list of matplotlib.axes.Axes
        A plot a panel.

    Raises
    ------
    ParameterError
        If there is no panel, or one does not fit.
    """
    if not panels:
        raise ParameterError("there is no projection to draw")
    plots = [figure.add_subplot(1, len(panels), place + 1) for place in range(len(panels))]
    for axes, panel in zip(plots, panels, strict=True):
        plot_scatter(axes, panel.points, panel.labels, explained=panel.explained, title=panel.title, legend=False)
    fullest = max(panels, key=lambda panel: len(panel.labels))
    legend_beside(plots[-1], cluster_layers(fullest.labels, names, -1))
    return plots


def _check(points: np.ndarray, values: Sequence[Any] | np.ndarray, d: int, what: str) -> None:
    if points.ndim != 2 or points.shape[1] != d or not len(points):
        raise ParameterError(f"a plot in {d} dimensions needs points [n, {d}], not an array of shape {points.shape}")
    if len(points) != len(values):
        raise ParameterError(f"{len(points)} points and {len(values)} {what} do not match")


def _label_axes(axes: Axes, explained: np.ndarray | None, title: str) -> None:
    axes.set_title(plain(title, 60))
    # Distances mean something only where both axes have one scale.
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.05)
    if explained is None:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["top", "right"]].set_visible(True)
        axes.spines[:].set_color(LIGHT_GREY)
        return
    axes.set_xlabel(_component(0, explained, "% of variance"))
    axes.set_ylabel(_component(1, explained, "% of variance"))
    axes.grid(color=LIGHT_GREY, alpha=0.5)
    axes.set_axisbelow(True)


def _component(index: int, explained: np.ndarray | None, unit: str = "%") -> str:
    share = "" if explained is None else f" ({100 * explained[index]:.1f} {unit})"
    return f"component {index + 1}{share}"
