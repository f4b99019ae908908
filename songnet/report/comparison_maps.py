"""Maps of what was clustered, twice side by side: coloured by cluster, and by what the clusters are compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from songnet.clustering.features import load_features
from songnet.clustering.projection import PROJECTIONS, Projection
from songnet.clustering.space import Space
from songnet.comparison import align
from songnet.comparison.contingency import Contingency
from songnet.config import ClusterConfig, VectorConfig, build_config
from songnet.errors import InputNotFoundError
from songnet.library import Library, StoredPartition
from songnet.partition import NOISE, Partition
from songnet.progress import Progress, silent
from songnet.report.layers import (
    LABEL_SIZE,
    MAX_LEGEND_ROWS,
    NAME_COLUMNS,
    Layer,
    apart,
    draw_layers,
    legend_beside,
)
from songnet.report.style import GREY, LIGHT_GREY, NOISE_MARKER, group_style, halo_text, save_figures
from songnet.report.text import caption, plain
from songnet.training import read_card

# Above this many clustered tracks, maps are drawn only when they are asked for.
MAPS_UP_TO = 20_000
# t-SNE of this many points takes some ten seconds; it is of a sample where there are more.
TSNE_SAMPLE = 5_000
MAPS = {"pca": "PCA", "tsne": "t-SNE"}
# Label of a track that the second partition does not have: groups are numbered from 1, noise is -1.
ABSENT = 0


@dataclass(frozen=True, eq=False)
class ClusteredPoints:
    """The points in which clusters were found.

    Parameters
    ----------
    track_ids : tuple of str
        Sorted.
    points : numpy.ndarray [shape=(n, d), dtype=float32]
        A row a track.
    what : str
        What they are made of.
    n_lost : int
        Tracks of the clusters whose features are gone.
    """

    track_ids: tuple[str, ...]
    points: np.ndarray
    what: str
    n_lost: int


def load_clustered_points(library: Library, stored: StoredPartition, partition: Partition) -> ClusteredPoints:
    """Load features as stored clusters were made of them, and take them the same way to points.

    Parameters
    ----------
    library : Library
        Open for reading.
    stored : StoredPartition
        Clusters that `songnet cluster` stored.
    partition : Partition
        Their labels.

    Returns
    -------
    ClusteredPoints

    Raises
    ------
    InputNotFoundError
        If it is not known what the clusters were made of, or the library no longer holds it.
    CheckpointError
        If the description of their model is damaged.
    """
    what = stored.parameters.get("features")
    row = library.db.execute("SELECT parameters FROM runs WHERE run_id = ?", (stored.run_id,)).fetchone()
    made = json.loads(row[0]) if row is not None else {}
    if not what or "cluster" not in made:
        raise InputNotFoundError(f"clusters {stored.name!r} do not say what they were made of: find them again")
    config = build_config(ClusterConfig, made["cluster"])
    card = None
    if made.get("model"):
        name = made["model"].rpartition(".")[0]
        card = read_card(library.models, name)
        if card.key != made["model"]:
            raise InputNotFoundError(f"model {name!r} was trained again since: run `songnet cluster` again")
    features = load_features(
        library,
        config,
        images=library.settings.images if card is None else card.images,
        card=card,
        aggregate=made.get("aggregate") or VectorConfig().aggregate,
        layout=made.get("layout"),
        include_missing=True,
    )
    if features.what != what:
        raise InputNotFoundError(f"the clusters are of {what}, the library now holds {features.what}")
    place = {track: index for index, track in enumerate(features.track_ids)}
    kept = [track for track in partition.track_ids if track in place]
    if len(kept) < 3:
        raise InputNotFoundError(f"the {what} of {len(partition.track_ids) - len(kept):,} clustered tracks are gone")
    # Joined features that were clustered before blocks were whitened one by one say nothing of blocks.
    blocks = stored.parameters.get("widths", []), stored.parameters.get("weights", [])
    space = Space(config.n_components, config.shrinkage, *map(tuple, blocks))
    points = space.points(features.values[[place[track] for track in kept]])
    return ClusteredPoints(tuple(kept), points, what, len(partition.track_ids) - len(kept))


def draw_comparison_maps(
    clustered: ClusteredPoints,
    first: Partition,
    second: Partition,
    table: Contingency,
    folder: Path,
    *,
    titles: tuple[str, str],
    names: tuple[Mapping[int, str], Mapping[int, str]],
    seed: int = 0,
    progress: Progress = silent,
) -> list[Path]:
    """Draw a PCA and a t-SNE of the clustered tracks, each twice, as PNG and SVG.

    Parameters
    ----------
    clustered : ClusteredPoints
        What to lay out.
    first, second : Partition
        The clusters, and what they are compared with.
    table : Contingency
        Of the two: groups that it matches one to one have the same colour and marker on both sides.
    folder : pathlib.Path
        Where to.
    titles : tuple of str
        What each partition is, above its side.
    names : tuple of mapping of int to str
        Names of groups of either, for the legends.
    seed : int
        Of t-SNE and of its sample.
    progress : Progress
        Told of every map.

    Returns
    -------
    list of pathlib.Path
    """
    looks = matched_looks(table, first.groups, second.groups)
    labels = [_labels_of(partition, clustered.track_ids) for partition in (first, second)]
    drawn: list[Path] = []
    for done, method in enumerate(MAPS, start=1):
        options = {"sample_size": TSNE_SAMPLE} if method == "tsne" else {}
        entry: Projection = PROJECTIONS[method](clustered.points, seed=seed, **options)

        def draw(figure: Figure, entry: Projection = entry) -> object:
            plots = figure.subplots(1, 2)
            for side, axes in enumerate(plots):
                layers = map_layers(labels[side][entry.rows], looks[side], names[side])
                plot_map(axes, entry, layers, f"{MAPS[entry.method]}, coloured by {titles[side]}")
            return plots

        line = caption(n=len(entry.rows), method=clustered.what, seed=seed, note=map_note(entry, clustered))
        drawn += save_figures(draw, folder, f"maps-{method}", width=12.2, height=4.4, caption=line)
        progress("maps", done, len(MAPS))
    return drawn


def map_note(entry: Projection, clustered: ClusteredPoints) -> str:
    """What a map leaves out, in words; empty when that is nothing."""
    n = len(clustered.track_ids)
    parts = [f"a random sample of {n:,} tracks" if len(entry.rows) < n else ""]
    parts.append(f"the features of {clustered.n_lost:,} more tracks are gone" if clustered.n_lost else "")
    return "; ".join(part for part in parts if part)


def matched_looks(
    table: Contingency, first: Sequence[int], second: Sequence[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Which of the looks of `songnet.report.style.group_style` each group has: partners have the same.

    Groups of the first keep the look of their number, as in every other figure of them.

    Examples
    --------
    >>> table = Contingency(np.array([[0, 9], [8, 1]]), (1, 2), (4, 5), 18, 0, 0)
    >>> matched_looks(table, [1, 2, 3], [4, 5, 6])
    ({1: 1, 2: 2, 3: 3}, {4: 2, 5: 1, 6: 4})
    """
    own = {number: number for number in first}
    theirs = {
        table.columns[partner]: table.rows[place]
        for place, partner in enumerate(align(table.table).partners)
        if partner >= 0
    }
    free = max(own, default=0)
    for number in second:
        if number not in theirs:
            free += 1
            theirs[number] = free
    return own, dict(sorted(theirs.items()))


def map_layers(labels: np.ndarray, looks: Mapping[int, int], names: Mapping[int, str]) -> list[Layer]:
    """A layer a group by number, small groups of many together, then noise, then tracks that are in no group.

    Parameters
    ----------
    labels : numpy.ndarray [shape=(n,), dtype=int]
        Groups from 1; -1 is noise, 0 a track that the partition does not have.
    looks : mapping of int to int
        From `matched_looks`.
    names : mapping of int to str
        For the legend.
    """
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    largest = numbers[np.argsort(-counts, kind="stable")]
    shown = largest if len(largest) <= MAX_LEGEND_ROWS - 1 else largest[: MAX_LEGEND_ROWS - 2]
    layers = []
    for number in sorted(int(number) for number in shown):
        rows = np.flatnonzero(labels == number)
        words = f"{number} {plain(names.get(number, ''), NAME_COLUMNS)}".strip()
        layers.append(Layer(rows, *group_style(looks[number]), f"{words} ({len(rows):,})", number))
    noise, absent = np.flatnonzero(labels == NOISE), np.flatnonzero(labels == ABSENT)
    others = np.flatnonzero((labels > 0) & ~np.isin(labels, shown))
    if len(noise):
        layers.append(Layer(noise, GREY, NOISE_MARKER, f"noise ({len(noise):,})"))
    if len(others):
        layers.append(Layer(others, GREY, "o", f"{len(largest) - len(shown):,} other groups ({len(others):,})"))
    if len(absent):
        layers.append(Layer(absent, LIGHT_GREY, "o", f"in none ({len(absent):,})", hollow=True))
    return layers


def plot_map(axes: Axes, entry: Projection, layers: Sequence[Layer], title: str) -> Axes:
    """Draw layers of a projection in two dimensions, with the numbers of groups and a legend."""
    draw_layers(axes, entry.points, layers, n_behind=sum(layer.number is None for layer in layers))
    axes.set_title(plain(title, 60))
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.05)
    if entry.explained is None:
        # The units of t-SNE mean nothing.
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["top", "right"]].set_visible(True)
        axes.spines[:].set_color(LIGHT_GREY)
    else:
        axes.set_xlabel(f"component 1 ({100 * entry.explained[0]:.1f} % of variance)")
        axes.set_ylabel(f"component 2 ({100 * entry.explained[1]:.1f} % of variance)")
        axes.grid(color=LIGHT_GREY, alpha=0.5)
        axes.set_axisbelow(True)
    numbered = [layer for layer in layers if layer.number is not None]
    medians = np.array([np.median(entry.points[layer.rows], axis=0) for layer in numbered]).reshape(-1, 2)
    for layer, median, offset in zip(numbered, medians, apart(axes, medians), strict=True):
        halo_text(axes, str(layer.number), (float(median[0]), float(median[1])), offset=offset, size=LABEL_SIZE)
    legend_beside(axes, layers)
    return axes


def _labels_of(partition: Partition, track_ids: Sequence[str]) -> np.ndarray:
    known = dict(zip(partition.track_ids, partition.labels.tolist(), strict=True))
    return np.array([known.get(track, ABSENT) for track in track_ids], dtype=np.int64)
