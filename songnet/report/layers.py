"""Layers of a scatter plot: points that look the same, their legend, and numbers that do not lie on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from songnet.report.style import GREY, MAX_VECTOR_POINTS, NOISE_MARKER, darker, group_style, point_size
from songnet.report.text import plain

MAX_LEGEND_ROWS = 20
NAME_COLUMNS = 26
LABEL_SIZE = 8.0
_LEGEND_MARKER_SIZE = 5.5
_ROUNDS = 16


@dataclass(frozen=True, eq=False)
class Layer:
    """Points that look the same: their rows, their look, their number if they are a cluster, their legend."""

    rows: np.ndarray
    colour: str
    marker: str
    entry: str
    number: int | None = None
    hollow: bool = False

    def look(self, size: float) -> dict[str, Any]:
        """Properties of a line that is nothing but markers of a diameter in points."""
        lines_only = self.hollow or self.marker == NOISE_MARKER
        edge = self.colour if lines_only else darker(self.colour)
        # The outline of a dot would be most of it.
        thin = 0.15 if lines_only else 0.0
        return {
            "linestyle": "none", "marker": self.marker, "markersize": size, "color": self.colour,
            "markerfacecolor": "none" if self.hollow else self.colour, "markeredgecolor": edge,
            "markeredgewidth": min(size / 9, 0.8) if size >= 2 else thin,
        }  # fmt: skip


def cluster_layers(labels: np.ndarray, names: Mapping[int, str] | None, noise: int) -> list[Layer]:
    """A layer a cluster by number, noise last."""
    layers = []
    for number in (int(label) for label in np.unique(labels) if label != noise):
        rows = np.flatnonzero(labels == number)
        name = plain((names or {}).get(number, ""), NAME_COLUMNS)
        layers.append(Layer(rows, *group_style(number), f"{number} {name}".strip() + f" ({len(rows):,})", number))
    rows = np.flatnonzero(labels == noise)
    if len(rows):
        layers.append(Layer(rows, GREY, NOISE_MARKER, f"noise ({len(rows):,})"))
    return layers


def behind_first(layers: Sequence[Layer], n_behind: int = 0) -> list[Layer]:
    """Layers in the order of drawing: small ones on large ones, and those without a look of their own below all."""
    own, behind = list(layers[: len(layers) - n_behind]), list(layers[len(layers) - n_behind :])
    behind += [layer for layer in own if layer.marker == NOISE_MARKER]
    own = [layer for layer in own if layer.marker != NOISE_MARKER]
    return behind[::-1] + sorted(own, key=lambda layer: -len(layer.rows))


def draw_layers(axes: Axes, points: np.ndarray, layers: Sequence[Layer], n_behind: int = 0) -> None:
    """Draw layers in two or three dimensions from the back to the front, the last ``n_behind`` at the back."""
    ordered = behind_first(layers, n_behind)
    # Of many points the last layer would hide the others: all are drawn a part at a time.
    rounds = 1 if len(points) <= MAX_VECTOR_POINTS else _ROUNDS
    for part in range(rounds):
        for layer in ordered:
            look = layer.look(point_size(len(points), layer.marker))
            axes.plot(*points[layer.rows[part::rounds]].T, label=layer.entry, rasterized=rounds > 1, **look)


def legend_beside(axes: Axes, layers: Sequence[Layer]) -> None:
    """A legend to the right of the data: at most `MAX_LEGEND_ROWS` rows, noise not counted."""
    noise = [layer for layer in layers if layer.marker == NOISE_MARKER]
    groups = [layer for layer in layers if layer.marker != NOISE_MARKER]
    shown = groups if len(groups) <= MAX_LEGEND_ROWS else groups[: MAX_LEGEND_ROWS - 1]
    rows = [(Line2D([], [], **layer.look(_LEGEND_MARKER_SIZE)), layer.entry) for layer in [*shown, *noise]]
    if len(shown) < len(groups):
        rows.insert(len(shown), (Line2D([], [], linestyle="none"), f"and {len(groups) - len(shown)} more"))
    handles, entries = zip(*rows, strict=True)
    axes.legend(
        handles, entries, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0,
        handletextpad=0.3, labelspacing=0.35,
    )  # fmt: skip


def apart(axes: Axes, positions: np.ndarray) -> list[tuple[float, float]]:
    """Offsets in points [a pair a position] that keep the numbers at these data positions from lying on each other.

    Pairs that are too near push each other apart, each by half of what is missing, until none is.
    """
    axes.apply_aspect()
    per_point = axes.figure.dpi / 72
    start = axes.transData.transform(positions) / per_point if len(positions) else positions
    placed, nearest = start.copy(), 1.5 * LABEL_SIZE
    for _ in range(100):
        moved = False
        for first in range(len(placed)):
            for second in range(first + 1, len(placed)):
                step = placed[second] - placed[first]
                distance = float(np.hypot(*step))
                if distance < nearest - 1e-6:
                    direction = step / distance if distance > 1e-6 else np.array([0.0, 1.0])
                    placed[first] -= direction * (nearest - distance) / 2
                    placed[second] += direction * (nearest - distance) / 2
                    moved = True
        if not moved:
            break
    return [(float(x), float(y)) for x, y in placed - start]
