"""`songnet evaluate` whole: vectors, labels and baselines to a report with a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.clustering.features import JOINED_WEIGHTS
from songnet.clustering.space import check_features
from songnet.errors import ParameterError
from songnet.evaluation.gather import Gathered, gather
from songnet.evaluation.intervals import FEW_GROUPS, Estimate, make_resampling
from songnet.evaluation.labels import (
    Labels,
    independent_groups,
    labels_of_file,
    labels_of_tag,
    number_albums,
    number_groups,
    shuffled,
)
from songnet.evaluation.measures import MEASURES, Setting, measure_clips, measure_hubs, measure_labels, measure_tags
from songnet.evaluation.panels.run import run_panels
from songnet.evaluation.points import points_of
from songnet.evaluation.settings import Asked, EvaluationConfig
from songnet.evaluation.systems import System
from songnet.evaluation.verdict import EvaluationReport, compare_systems, verdict_of
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.progress import Progress, silent


def evaluate(
    library: Library,
    asked: Asked,
    config: EvaluationConfig,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> EvaluationReport:
    """Measure what vectors are worth, beside the baselines that every model must beat.

    Parameters
    ----------
    library : Library
        Open for reading, descriptors up to date (`songnet.descriptors.update_descriptors`).
    asked : Asked
        What is evaluated, against what.
    config : EvaluationConfig
        How.
    seed : int
        Decides samples, folds, clusterings and intervals.
    n_threads : int or None
        Threads; the result does not depend on them.
    progress : Progress
        Told of every stage. The untrained encoder encodes every clip of the tracks that are evaluated, which takes as
        long as encoding them with the model did; invariance decodes and encodes files again.

    Returns
    -------
    EvaluationReport

    Raises
    ------
    InputNotFoundError
        If the library lacks what was asked for.
    ParameterError
        If there are fewer than 10 tracks, or labels or vectors cannot be used.
    """
    with ONE_THREAD_BLAS:
        tracks = tracks_by_id(library.db)
        # A slip in the labels must not cost the encoding of a library.
        read_asked_labels(asked, tracks, list(tracks), seed)
        gathered = gather(library, asked, config, seed=seed, progress=progress)
        labels = read_asked_labels(asked, tracks, gathered.track_ids, seed)
        report = measure(gathered, labels, tracks, asked, config, seed=seed, n_threads=n_threads, progress=progress)
        panels = run_panels(
            library, gathered, asked, config, labels=labels, seed=seed, n_threads=n_threads, progress=progress
        )
        return replace(report, panels=panels, verdict=panels.before(report.verdict))


def read_asked_labels(
    asked: Asked, tracks: Mapping[str, Mapping[str, Any]], track_ids: Sequence[str], seed: int
) -> Labels | None:
    """The labels that were asked for, shuffled where a control was."""
    if asked.labels is not None:
        labels = labels_of_file(tracks, track_ids, asked.labels, asked.label_column)
    elif asked.tag is not None:
        labels = labels_of_tag(tracks, track_ids, asked.tag)
    else:
        return None
    return shuffled(labels, seed) if asked.control is not None else labels


def measure(
    gathered: Gathered,
    labels: Labels | None,
    tracks: Mapping[str, Mapping[str, Any]],
    asked: Asked,
    config: EvaluationConfig,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> EvaluationReport:
    """Every measure of every system, the differences, and the verdict.

    Parameters
    ----------
    gathered : Gathered
        From `gather`, or made by hand; all systems have the same tracks.
    labels : Labels or None
        Of the same tracks.
    tracks : dict
        From `songnet.library.tracks.tracks_by_id`.
    asked, config, seed, n_threads, progress
        As in `evaluate`.
    """
    chosen = [tracks[track] for track in gathered.track_ids]
    artists, albums = number_groups([track["artist"] for track in chosen]), number_albums(chosen)
    groups, over = independent_groups(artists, albums)
    n_groups = len(np.unique(groups))
    warnings = list(gathered.warnings)
    if n_groups < FEW_GROUPS:
        warnings.append(f"only {n_groups} {over}: intervals over so few are too narrow to be trusted")
    tag = labels.tag if labels is not None else None
    coarsest = "albums" if tag == "artist" else "tracks" if tag == "album" else "artists"
    folds_of, folds_over = independent_groups(artists, albums, coarsest=coarsest)
    hub_rows = np.arange(len(chosen))
    if len(chosen) > config.hub_sample:
        hub_rows = np.sort(np.random.default_rng([seed, 0x687562]).permutation(len(chosen))[: config.hub_sample])
        warnings.append(f"hubness was measured on {config.hub_sample:,} of {len(chosen):,} tracks")
    setting = Setting(
        labels=labels,
        artists=artists,
        albums=albums,
        folds_of=folds_of,
        resampling=make_resampling(groups, n_draws=config.n_draws, seed=seed, over=over),
        hub_rows=hub_rows,
        k=config.k,
        recall_k=config.recall_k,
        n_seeds=config.n_seeds,
        seed=seed,
        mutual_proximity=config.mutual_proximity,
        n_threads=n_threads or 1,
    )
    table: dict[str, dict[str, Estimate]] = {}
    untold: dict[str, dict[str, str]] = {}
    systems = []
    for number, system in enumerate(gathered.systems):
        progress("measures", number, len(gathered.systems), system.name)
        try:
            check_features(system.vectors, f"vectors of {system.name}")
        except ParameterError as error:
            if system.kind != "baseline":
                raise
            warnings.append(f"a baseline is missing: {error}")
            continue
        found, reasons = _measure_system(system, gathered, setting, config)
        table[system.name] = {key: found[key] for key in MEASURES if key in found}
        if reasons:
            untold[system.name] = reasons
        systems.append(system)
    progress("measures", len(gathered.systems), len(gathered.systems))
    compared = compare_systems(systems, table)
    in_blocks = config.space == "whitened" and any(system.widths for system in systems)
    names = {key: entry.label.format(k=config.k, r=config.recall_k) for key, entry in MEASURES.items()}
    lines = [verdict_of(system.name, compared, names) for system in systems if system.kind != "baseline"]
    if asked.control is not None and labels is not None:
        lines.insert(0, control_verdict(labels, table))
    return EvaluationReport(
        verdict="\n".join(lines),
        warnings=tuple(warnings),
        kinds={system.name: system.kind for system in systems},
        table=table,
        untold=untold,
        differences=tuple(compared),
        n_tracks=len(gathered.track_ids),
        n_labelled=0 if labels is None else len(labels.rows),
        labels=None if labels is None else labels.what,
        label_names=() if labels is None else labels.names,
        settings={
            **asdict(config),
            "seed": seed,
            "aggregate": asked.aggregate,
            "control": asked.control,
            "intervals_over": over,
            "folds_over": folds_over,
            "clip_unit": gathered.plan.unit if gathered.plan else None,
            "joined_weights": list(JOINED_WEIGHTS) if in_blocks else None,
        },
    )


def control_verdict(labels: Labels, table: Mapping[str, Mapping[str, Estimate]]) -> str:
    """How many intervals of label measures hold chance, when labels know nothing."""
    keys = [key for key in MEASURES if key.startswith(("knn", "probe", "ami", "ari")) or "_label" in key]
    told = ((name, key, row[key]) for name, row in table.items() for key in keys if key in row)
    entries = [entry for entry in told if entry[2].chance is not None]
    outside = [
        f"{name} {key}"
        for name, key, entry in entries
        if entry.low is not None and entry.high is not None and not entry.low <= (entry.chance or 0.0) <= entry.high
    ]
    rest = f" (not: {', '.join(outside)})" if outside else ""
    return (
        f"CONTROL: {labels.what}: {len(entries) - len(outside)} of {len(entries)} intervals of label measures hold"
        f" chance{rest}"
    )


def _measure_system(
    system: System, gathered: Gathered, setting: Setting, config: EvaluationConfig
) -> tuple[dict[str, Estimate], dict[str, str]]:
    space = system.space or config.space

    def points(vectors: np.ndarray) -> np.ndarray:
        return points_of(
            vectors, space, n_components=config.n_components, shrinkage=config.shrinkage, widths=system.widths
        )

    placed = points(system.vectors)
    found: dict[str, Estimate] = {}
    untold: dict[str, str] = {}
    if setting.labels is not None:
        of_labels, reasons = measure_labels(placed, system.vectors, setting)
        found.update(of_labels)
        untold.update(reasons)
    found.update(measure_tags(placed, setting))
    of_hubs, reasons = measure_hubs(placed, setting)
    found.update(of_hubs)
    untold.update(reasons)
    row = {track: index for index, track in enumerate(gathered.track_ids)}
    kept = None if system.parts is None else np.array([owner in row for owner in system.parts.owners], dtype=bool)
    if system.parts is None or kept is None or not kept.any():
        reason = "there are no vectors of single clips, or codes without time to halve"
        untold.update(dict.fromkeys(("clip_auc", "clip_mrr", "clip_top1"), reason))
        return found, untold
    owners = np.array([row[owner] for owner in system.parts.owners[kept]], dtype=np.int64)
    try:
        check_features(system.parts.vectors[kept], f"clips of {system.name}")
        found.update(measure_clips(points(system.parts.vectors[kept]), owners, setting))
    except ParameterError as error:
        untold.update(dict.fromkeys(("clip_auc", "clip_mrr", "clip_top1"), str(error)))
    return found, untold
