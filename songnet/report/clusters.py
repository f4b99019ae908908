"""Plots of how well the tracks lie in their clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from songnet.errors import ParameterError
from songnet.report.style import GREY, MAX_VECTOR_POINTS, darker, group_style
from songnet.report.text import plain

_NAME_COLUMNS = 24
_LABEL_SIZE = 7.5


def plot_silhouettes(
    axes: Axes, values: np.ndarray, labels: np.ndarray, *, mean: float, names: Mapping[int, str] | None = None
) -> Axes:
    """Silhouettes of one clustering: a bar a track, sorted in each cluster, the clusters one below the other.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    values : numpy.ndarray [shape=(n,)]
        Silhouette of each track, -1 to 1; not read for noise.
    labels : numpy.ndarray [shape=(n,), dtype=int]
        Cluster of each track, from 1; -1 is noise and left out.
    mean : float
        Mean silhouette, drawn as a line.
    names : mapping of int to str or None
        Names of clusters, shown after their number.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If values and labels do not match, no track is in a cluster, or a value is not finite.

    Notes
    -----
    Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
    """
    if len(values) != len(labels):
        raise ParameterError(f"{len(values)} silhouettes and {len(labels)} labels do not match")
    inside = labels >= 1
    if not inside.any():
        raise ParameterError("no track is in a cluster, so there are no silhouettes to draw")
    if not np.isfinite(values[inside]).all():
        raise ParameterError("a silhouette is not finite; leave its track out or label it -1")
    numbers = [int(number) for number in np.unique(labels[inside])]
    total = int(inside.sum())
    gap = max(0.012 * total, 0.4)
    top, middles, notes = 0.0, [], []
    for number in numbers:
        bars = np.sort(values[labels == number])[::-1]
        edges = top + np.arange(len(bars) + 1)
        colour, _ = group_style(number)
        axes.fill_betweenx(
            edges, 0, np.append(bars, bars[-1]), step="post", facecolor=colour, edgecolor=darker(colour),
            linewidth=0.3, rasterized=total > MAX_VECTOR_POINTS, label=str(number),
        )  # fmt: skip
        middles.append(top + len(bars) / 2)
        notes.append(f"{len(bars):,} · {bars.mean():.2f}".replace("-", "\N{MINUS SIGN}"))
        top += len(bars) + gap
    axes.set_xlim(
        np.floor(min(0.0, values[inside].min()) * 20) / 20, np.ceil(max(0.05, values[inside].max()) * 20) / 20
    )
    axes.set_ylim(top - gap / 2, -gap / 2)
    beside = axes.get_yaxis_transform()
    for number, note, middle, line in zip(numbers, notes, middles, _spread(axes, middles), strict=True):
        name = plain((names or {}).get(number, ""), _NAME_COLUMNS)
        for side, out, ha, text in ((0, -1, "right", f"{number} {name}".strip()), (1, 1, "left", note)):
            axes.add_line(
                Line2D([side, side + 0.022 * out], [middle, line], transform=beside, clip_on=False, linewidth=0.5,
                       color=GREY)
            )  # fmt: skip
            axes.text(
                side + 0.03 * out, line, text, transform=beside, ha=ha, va="center", fontsize=_LABEL_SIZE,
                fontweight="bold" if out < 0 else "normal",
            )  # fmt: skip
    axes.axvline(mean, color="black", linestyle="--", linewidth=1.0)
    above = axes.get_xaxis_transform()
    axes.text(mean, 1.01, f"mean {mean:.3f}".replace("-", "\N{MINUS SIGN}"), transform=above, ha="center", va="bottom",
              fontsize=_LABEL_SIZE)  # fmt: skip
    axes.text(1.03, 1.01, "tracks · mean", transform=axes.transAxes, va="bottom", fontsize=_LABEL_SIZE, color="#404040")
    axes.axvline(0, color="black", linewidth=0.7)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.set_xlabel("silhouette")
    return axes


def _spread(axes: Axes, positions: Sequence[float]) -> np.ndarray:
    """Ascending positions on the y axis moved apart as little as needed for lines of text, in data units."""
    bottom, top = axes.get_ylim()
    inches = axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    line = abs(bottom - top) * 1.25 * _LABEL_SIZE / 72 / inches
    # Least squares with minimal distances is isotonic regression of the positions less the lines above them.
    blocks: list[tuple[float, int]] = []
    for index, position in enumerate(positions):
        blocks.append((position - index * line, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (second, m), (first, n) = blocks.pop(), blocks.pop()
            blocks.append(((first * n + second * m) / (n + m), n + m))
    starts = np.concatenate([np.full(count, start) for start, count in blocks])
    spread: np.ndarray = starts + np.arange(len(positions)) * line
    return spread
