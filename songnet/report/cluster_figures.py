"""The figures of one run of `songnet cluster`, drawn into a folder of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from songnet.clustering.identity import number_by_size
from songnet.clustering.pipeline import ClusterReport
from songnet.clustering.projection import PROJECTIONS, Projection
from songnet.clustering.results import SweepRow
from songnet.errors import ParameterError
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.progress import Progress, silent
from songnet.report.clusters import plot_silhouettes
from songnet.report.criteria import Curve, draw_criteria
from songnet.report.scatter import ScatterPanel, draw_scatters, plot_scatter_3d, plot_scatter_by_tag
from songnet.report.style import save_figures
from songnet.report.tables import k_table_size, plot_k_table
from songnet.report.text import caption

TAGS = ("artist", "album", "genre", "year", "label")
TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def draw_cluster_figures(
    library: Library,
    report: ClusterReport,
    *,
    folder: Path,
    method: str,
    seed: int,
    projections: Sequence[str],
    colour_by: str | None = None,
    truth: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> list[Path]:
    """Draw criteria, table, silhouettes of every k and maps, each as PNG and SVG.

    Parameters
    ----------
    library : Library
        Open for reading: tags to colour by.
    report : ClusterReport
        What to draw.
    folder : pathlib.Path
        Where to. Figures of an earlier run in it are removed.
    method : str
        For the captions.
    seed : int
        For the maps and the captions.
    projections : sequence of str
        Names in `songnet.clustering.PROJECTIONS`.
    colour_by : str or None
        One of `TAGS`: the maps are drawn once more, coloured by it.
    truth : dict or None
        ``track_id -> label``, for ``"label"``.
    progress : Progress
        Told of every figure.

    Returns
    -------
    list of pathlib.Path
    """
    rows, k = report.sweep.rows, report.n_clusters
    n = len(report.partition.track_ids)
    names = {entry.label: entry.name for entry in report.descriptions}
    line = caption(n=n, k=k, method=method, seed=seed)
    over_k = caption(n=n, method=method, seed=seed, note=f"k = {numbers_tried(rows)}")
    with_silhouettes = [row for row in rows if row.silhouette is not None]
    total = 2 + len(with_silhouettes) + (2 if projections else 0) + (colour_by is not None)
    drawn: list[Path] = []

    def note(paths: list[Path]) -> None:
        drawn.extend(paths)
        progress("figures", len(drawn) // 2, total)

    # What an earlier run drew would stand beside the new clusters as if it were theirs.
    for stem in ("criteria", "k-table", "silhouettes-k*", "maps", "maps-by-*", "pca-3d"):
        for ending in ("png", "svg"):
            for stale in folder.glob(f"{stem}.{ending}"):
                stale.unlink()
    if len(rows) > 1:
        curves = criteria_curves(rows, report)
        height = 2.4 * ((len(curves) + 1) // 2) + 0.4

        def draw_curves(figure: Figure) -> object:
            return draw_criteria(figure, curves)

        note(save_figures(draw_curves, folder, "criteria", width=8.0, height=height, caption=over_k))
    columns, cells = table_cells(rows)
    chosen_row = next((index for index, row in enumerate(rows) if row.n_clusters == k), None)

    def draw_table(figure: Figure) -> object:
        return plot_k_table(figure.add_subplot(), columns, cells, chosen_row)

    width, height = k_table_size(columns, cells)
    height = max(height, 1.3)
    note(save_figures(draw_table, folder, "k-table", width=width, height=height, caption=over_k))
    for row in with_silhouettes:
        note(_silhouettes(report, row, names if row.n_clusters == k else None, folder, method, seed))
    maps = [PROJECTIONS[name](report.sweep.points, seed=seed) for name in projections]
    if maps:
        note(_maps(report, maps, names, folder, line))
        if report.sweep.points.shape[1] >= 3 and "pca" in projections:
            note(_three_components(report, names, folder, line, seed))
        if colour_by is not None:
            note(_maps_by_tag(library, report, maps, colour_by, truth, folder, line))
    return drawn


def numbers_tried(rows: Sequence[SweepRow]) -> str:
    """The numbers of clusters of a sweep as `ClusterConfig.k` writes them: ``2..20`` or ``2, 3, 10``."""
    ks = [row.n_clusters for row in rows]
    if len(ks) > 2 and ks == list(range(ks[0], ks[-1] + 1)):
        return f"{ks[0]}..{ks[-1]}"
    return ", ".join(str(k) for k in ks)


def criteria_curves(rows: Sequence[SweepRow], report: ClusterReport) -> list[Curve]:
    """Every criterion that was measured, as a curve over k."""
    ks = [row.n_clusters for row in rows]
    votes, chosen = report.sweep.verdict.votes, report.n_clusters

    def values(name: str) -> np.ndarray:
        return np.array([np.nan if getattr(row, name) is None else getattr(row, name) for row in rows], dtype=float)

    has_null = any(row.null_low is not None for row in rows)
    curves = [
        Curve("inertia", ks, values("inertia"), chosen=chosen, voted=votes["elbow of inertia"]),
        Curve(
            "distortion (mean distance)", ks, values("distortion"), chosen=chosen, voted=votes["elbow of distortion"]
        ),
        Curve(
            "mean silhouette",
            ks,
            values("silhouette"),
            values("silhouette_low"),
            values("silhouette_high"),
            chosen,
            votes["silhouette"],
            values("null_low") if has_null else None,
            values("null_high") if has_null else None,
        ),
    ]
    if has_null:
        gap, s = values("gap"), values("gap_s")
        curves.append(Curve("gap statistic", ks, gap, gap - s, gap + s, chosen, votes["gap"]))
        label = "break of the gap (z)"
        curves.append(Curve(label, ks, values("gap_break"), chosen=chosen, voted=votes["break of the gap"]))
    if any(row.bic is not None for row in rows):
        curves.append(Curve("BIC", ks, values("bic"), chosen=chosen, voted=votes["bic"]))
    for kind in ("halves", "seeds", "artists"):
        scores = [row.stability.get(kind) for row in rows]
        if any(score is not None for score in scores):
            mean = np.array([np.nan if score is None else score.mean for score in scores])
            se = np.array([np.nan if score is None else score.se for score in scores])
            label = f"stability, {kind} (ARI)"
            curves.append(Curve(label, ks, mean, mean - se, mean + se, chosen, votes[f"stability, {kind}"]))
    return curves


def table_cells(rows: Sequence[SweepRow]) -> tuple[list[str], list[list[float | int | str | None]]]:
    """Columns and cells of the k-table: what was measured for at least one k."""
    kinds = [kind for kind in ("halves", "seeds", "artists") if any(kind in row.stability for row in rows)]
    cells: dict[str, list[float | int | str | None]] = {
        "k": [row.n_clusters for row in rows],
        "inertia": [row.inertia for row in rows],
        "distortion": [row.distortion for row in rows],
        "silhouette": [row.silhouette for row in rows],
        "noise's silhouette": [row.null_mean for row in rows],
        "gap": [row.gap for row in rows],
        "break of gap": [row.gap_break for row in rows],
        "BIC": [row.bic for row in rows],
    }
    for kind in kinds:
        cells[f"stability, {kind}"] = [row.stability[kind].mean if kind in row.stability else None for row in rows]
    cells["largest"] = [row.sizes[0] if row.sizes else None for row in rows]
    cells["smallest"] = [row.sizes[-1] if row.sizes else None for row in rows]
    measured = [name for name, column in cells.items() if any(cell is not None for cell in column)]
    return measured, [[cells[name][index] for name in measured] for index in range(len(rows))]


def _silhouettes(
    report: ClusterReport, row: SweepRow, names: Mapping[int, str] | None, folder: Path, method: str, seed: int
) -> list[Path]:
    plot = report.sweep.silhouettes[row.n_clusters]
    # The chosen clusters carry their numbers; those of other k have none of their own.
    numbers = report.partition.labels if names is not None else number_by_size(report.sweep.labels[row.n_clusters])
    mean = row.silhouette or 0.0

    def draw(figure: Figure) -> object:
        return plot_silhouettes(figure.add_subplot(), plot.values, numbers[plot.rows], mean=mean, names=names)

    line = caption(n=len(plot.rows), k=row.n_clusters, method=method, seed=seed)
    height = min(9.0, 2.4 + 0.28 * row.n_clusters)
    return save_figures(draw, folder, f"silhouettes-k{row.n_clusters:02d}", height=height, caption=line)


def _maps(
    report: ClusterReport, maps: Sequence[Projection], names: Mapping[int, str], folder: Path, line: str
) -> list[Path]:
    panels = [
        ScatterPanel(entry.points, report.partition.labels[entry.rows], TITLES[entry.method], entry.explained)
        for entry in maps
    ]
    width = 4.2 * len(panels) + 2.4
    return save_figures(
        lambda figure: draw_scatters(figure, panels, names=names), folder, "maps", width=width, height=4.8, caption=line
    )


def _three_components(
    report: ClusterReport, names: Mapping[int, str], folder: Path, line: str, seed: int
) -> list[Path]:
    solid = PROJECTIONS["pca"](report.sweep.points, n_components=3, seed=seed)

    def draw(figure: Figure) -> object:
        axes = figure.add_subplot(projection="3d")
        return plot_scatter_3d(
            axes, solid.points, report.partition.labels[solid.rows], names=names, explained=solid.explained
        )

    return save_figures(draw, folder, "pca-3d", width=8.0, height=5.6, caption=line)


def _maps_by_tag(
    library: Library,
    report: ClusterReport,
    maps: Sequence[Projection],
    tag: str,
    truth: Mapping[str, str] | None,
    folder: Path,
    line: str,
) -> list[Path]:
    values = tag_values(library, report.partition.track_ids, tag, truth)

    def draw(figure: Figure) -> object:
        plots = figure.subplots(1, len(maps), squeeze=False)[0]
        for axes, entry in zip(plots, maps, strict=True):
            here = [values[row] for row in entry.rows]
            plot_scatter_by_tag(
                axes, entry.points, here, explained=entry.explained, title=f"{TITLES[entry.method]}: {tag}"
            )
        return plots

    return save_figures(draw, folder, f"maps-by-{tag}", width=6.0 * len(maps), height=4.8, caption=line)


def tag_values(
    library: Library, track_ids: Sequence[str], tag: str, truth: Mapping[str, str] | None
) -> list[str | None]:
    """What each track has for a tag of `TAGS`; None where it has nothing.

    Raises
    ------
    ParameterError
        If there is no such tag.
    """
    if tag not in TAGS:
        raise ParameterError(f"tracks cannot be coloured by {tag!r}; choose one of: {', '.join(TAGS)}")
    if tag == "label":
        return [(truth or {}).get(track) for track in track_ids]
    tracks = tracks_by_id(library.db)
    if tag == "year":
        return [(tracks[track]["date"] or "")[:4] or None for track in track_ids]
    return [tracks[track][tag] for track in track_ids]
