"""The panels of one evaluation: what was gathered, and the baselines, through nuisance, invariance and collapse."""

from __future__ import annotations

import numpy as np

from songnet.clustering.against import N_MFCC_STATISTICS
from songnet.errors import InputNotFoundError, ParameterError
from songnet.evaluation.clips import Parts
from songnet.evaluation.clusters import cluster_labels
from songnet.evaluation.gather import Gathered
from songnet.evaluation.labels import Labels, independent_groups, number_albums, number_groups
from songnet.evaluation.panels.collapse import CollapseReport, collapse_panel
from songnet.evaluation.panels.invariance import Encode, measure_invariance
from songnet.evaluation.panels.invariance_encoders import (
    codes_encoder,
    descriptor_encoder,
    joined_encoder,
    placed,
    remembering,
    untrained_encoder_of,
)
from songnet.evaluation.panels.invariance_results import InvarianceReport
from songnet.evaluation.panels.nuisance import NuisanceReport, nuisance_panel
from songnet.evaluation.panels.nuisance_values import library_nuisances
from songnet.evaluation.panels.report import PanelReport
from songnet.evaluation.points import points_of, whitened_space
from songnet.evaluation.settings import Asked, EvaluationConfig
from songnet.evaluation.systems import System
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe
from songnet.training import load_model

MFCC = "MFCC statistics"
# Clusters that nuisances are asked to explain where no labels say how many there should be.
N_CLUSTERS = 8


def run_panels(
    library: Library,
    gathered: Gathered,
    asked: Asked,
    config: EvaluationConfig,
    *,
    labels: Labels | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> PanelReport:
    """Every panel that was asked for, of every system that is no baseline, beside the baselines.

    Parameters
    ----------
    library : Library
        Open for reading; invariance reads music files again.
    gathered : Gathered
        From `songnet.evaluation.gather.gather`.
    asked : Asked
        Its ``aggregate`` is how clips become vectors.
    config : EvaluationConfig
        Its ``panels``, ``invariance_tracks`` and space.
    labels : Labels or None
        How many clusters there are to be explained.
    seed : int
        Of folds, draws, clusters and samples.
    n_threads : int or None
        Processes that decode.
    progress : Progress
        Told of every panel.

    Returns
    -------
    PanelReport
        What cannot be told (no file is where it was, vectors of another program under changes) is said there, and is
        no error.
    """
    systems = panel_systems(gathered)
    examined = tuple(system.name for system in systems if system.kind != "baseline")
    not_told: dict[str, str] = {}
    nuisance, n_clusters = None, 0
    if "nuisance" in config.panels:
        n_clusters = len(labels.names) if labels is not None else N_CLUSTERS
        nuisance, n_clusters = _nuisance(library, gathered, systems, config, n_clusters, seed, progress)
    collapse: dict[str, CollapseReport] = {}
    rows: dict[str, str] = {}
    if "collapse" in config.panels:
        coded = collapse_systems(gathered)
        for number, system in enumerate(coded):
            progress("collapse", number, len(coded), system.name)
            collapse[system.name], rows[system.name] = _collapse(system, gathered, asked.aggregate, seed)
        progress("collapse", len(coded), len(coded))
    invariance: dict[str, InvarianceReport] = {}
    if "invariance" in config.panels:
        encoders, in_space = _encoders(library, gathered, systems, asked, config)
        for name in examined:
            if name not in encoders:
                not_told[f"invariance of {name}"] = (
                    "vectors of another program cannot be made anew from changed sound: give a --model instead"
                )
        if not any(name in encoders for name in examined):
            not_told["invariance"] = "there is no model to encode changed sound with: give --model or --features"
        else:
            try:
                invariance = measure_invariance(
                    library, gathered.images, encoders, in_space=in_space, n_tracks=config.invariance_tracks,
                    n_workers=n_threads or 1, seed=seed, progress=progress,
                )  # fmt: skip
            except InputNotFoundError as error:
                not_told["invariance"] = str(error)
    return PanelReport(nuisance, n_clusters, invariance, collapse, rows, not_told)


def panel_systems(gathered: Gathered) -> list[System]:
    """What the panels examine first, then untrained encoders, MFCC statistics and descriptors."""
    asked = [system for system in gathered.systems if system.kind != "baseline"]
    random = [system for system in gathered.systems if system.kind == "baseline" and system.name.startswith("random")]
    timbre = gathered.descriptors
    statistics = next((system for system in gathered.systems if system.name == "MFCC standard"), None)
    if statistics is None:
        statistics = next(system for system in gathered.systems if system.name == "MFCC + PCA")
    # Standardised, which whitening can only hurt for them (`songnet.evaluation.baselines`).
    plain = [System(MFCC, "baseline", statistics.track_ids, statistics.vectors, statistics.parts, "standard")]
    if all(system.name != timbre.name for system in asked):
        plain.append(System(timbre.name, "baseline", timbre.track_ids, timbre.vectors, timbre.parts))
    finite = [system for system in (*random, *plain) if np.isfinite(system.vectors).all()]
    return [*asked, *finite]


def collapse_systems(gathered: Gathered) -> list[System]:
    """Codes (also those inside of joined vectors), foreign vectors, untrained codes, MFCC statistics.

    Descriptors are no code, and their units are many: whether one of them is active cannot be told by comparing it with
    the largest.
    """
    found: dict[str, System] = {}
    before = gathered.descriptors.vectors.shape[1]
    for system in panel_systems(gathered):
        if system.kind == "joined":
            name = system.name.replace("joined:", "codes:", 1)
            parts = system.parts
            if parts is not None:
                parts = Parts(parts.owners, parts.numbers, parts.vectors[:, before:])
            found.setdefault(name, System(name, "codes", system.track_ids, system.vectors[:, before:], parts))
        elif system.kind in ("codes", "vectors") or system.name == MFCC or system.name.startswith("random:"):
            found[system.name] = system
    return list(found.values())


def _nuisance(
    library: Library,
    gathered: Gathered,
    systems: list[System],
    config: EvaluationConfig,
    n_clusters: int,
    seed: int,
    progress: Progress,
) -> tuple[NuisanceReport, int]:
    tracks = tracks_by_id(library.db)
    chosen = [tracks[track] for track in gathered.track_ids]
    groups, over = independent_groups(number_groups([track["artist"] for track in chosen]), number_albums(chosen))
    subject = systems[0]
    points = points_of(
        subject.vectors,
        subject.space or config.space,
        n_components=config.n_components,
        shrinkage=config.shrinkage,
        widths=subject.widths,
    )
    clusters: np.ndarray | None
    try:
        clusters = cluster_labels(points, n_clusters, [seed])[0]
    except ParameterError:
        # Fewer different points than clusters: there is nothing to explain.
        clusters, n_clusters = None, 0
    report = nuisance_panel(
        {system.name: system.vectors for system in systems},
        library_nuisances(library, gathered.track_ids, gathered.images, progress=progress),
        groups,
        grouped_by=over,
        labels=clusters,
        seed=seed,
        progress=progress,
    )
    return report, n_clusters


def _collapse(system: System, gathered: Gathered, aggregate: str, seed: int) -> tuple[CollapseReport, str]:
    card = next((card for card in gathered.cards if system.name == f"codes:{card.name}"), None)
    latent = None if card is None else card.training["latent"]
    known = set(gathered.track_ids)
    vectors, groups, rows = system.vectors, None, "tracks"
    if system.parts is not None and gathered.plan is not None and len(system.parts.vectors) > 1:
        kept = np.array([owner in known for owner in system.parts.owners], dtype=bool)
        if kept.sum() > 1:
            # Clips of vectors that another program made are as it made them, whatever the library's are.
            rows = gathered.plan.unit if system.kind != "vectors" else "clips"
            vectors, groups = system.parts.vectors[kept], system.parts.owners[kept].astype(str)
    if aggregate == "mean-std" and (card is not None or system.name.startswith("random:")):
        # The means are the code itself; the deviations of a code without time are 0 and no units.
        vectors = vectors[:, : vectors.shape[1] // 2]
    report = collapse_panel(
        vectors,
        groups=groups,
        posterior=latent is not None,
        kl_per_dim=None if latent is None else latent.get("kl_per_dim_nats"),
        seed=seed,
    )
    return report, rows


def _encoders(
    library: Library, gathered: Gathered, systems: list[System], asked: Asked, config: EvaluationConfig
) -> tuple[dict[str, Encode], set[str]]:
    """An encoder for each system that can hear changed sound, under the system's name; and which answer with points."""
    recipe = get_recipe(gathered.images.recipe)
    # Each is asked alone and as a part of others.
    timbre = remembering(descriptor_encoder(recipe))
    heard: dict[str, Encode] = {"descriptors": timbre, MFCC: lambda pixels: timbre(pixels)[:, :N_MFCC_STATISTICS]}
    for card in gathered.cards:
        _, model = load_model(library.models, card.name)
        codes = remembering(codes_encoder(card, model, asked.aggregate))
        heard |= {f"codes:{card.name}": codes, f"joined:{card.name}": joined_encoder(timbre, codes)}
    for encoder in gathered.untrained:
        codes = remembering(untrained_encoder_of(encoder, asked.aggregate))
        heard |= {f"random:{encoder.name}": codes, f"random joined:{encoder.name}": joined_encoder(timbre, codes)}
    found, in_space = {}, set()
    for system in systems:
        if system.name not in heard:
            continue
        found[system.name] = heard[system.name]
        if (system.space or config.space) == "whitened":
            space = whitened_space(config.n_components, config.shrinkage, system.widths).fit(system.vectors)
            found[system.name] = placed(heard[system.name], space)
            in_space.add(system.name)
    return found, in_space
