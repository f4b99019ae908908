"""One line on a model, without labels, cheap enough to end every `songnet embed` with."""

from __future__ import annotations

import numpy as np

from songnet.clustering.against import N_MFCC_STATISTICS
from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.descriptors import timbre_descriptor
from songnet.errors import ParameterError
from songnet.evaluation.baselines import halves
from songnet.evaluation.clips import ClipPlan, Parts, plan_clips, stream_images
from songnet.evaluation.consistency import consistency_scores
from songnet.evaluation.hubness import k_occurrence, powers, skewness
from songnet.evaluation.intervals import Difference, Estimate, Resampling, difference, estimate_mean, make_resampling
from songnet.evaluation.knn import nearest
from songnet.evaluation.labels import independent_groups, number_albums, number_groups
from songnet.evaluation.points import points_of
from songnet.evaluation.systems import load_code_parts, load_codes
from songnet.evaluation.untrained import untrained_encoder, untrained_system
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe, to_decibels
from songnet.training import ModelCard

QUICK_CLIPS = 2
QUICK_DRAWS = 300
K = 5


def one_line_verdict(
    library: Library,
    card: ModelCard,
    aggregate: str,
    *,
    n_tracks: int = 1_000,
    seed: int = 0,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> str:
    """What a model's codes are worth, in one line and a few seconds.

    Parameters
    ----------
    library : Library
        Open for reading, codes and vectors up to date; descriptors are not needed.
    card : ModelCard
        The model.
    aggregate : str
        How its codes became track vectors.
    n_tracks : int
        Tracks asked at most, with two clips each (or two halves); the untrained encoder encodes so many.
    seed : int
        Decides which.
    n_threads : int or None
        The result does not depend on it.
    progress : Progress
        Told of images.

    Returns
    -------
    str
        Clip-to-track AUC beside the same encoder untrained and MFCC statistics, and hubness. Where it cannot be told
        (fewer than 10 tracks, codes without time), the line says so; it never fails for the data's sake.
    """
    try:
        with ONE_THREAD_BLAS:
            return _line(library, card, aggregate, n_tracks, seed, n_threads or 1, progress)
    except ParameterError as error:
        return f"{card.name}: what its codes are worth cannot be told ({error})"


def _line(
    library: Library, card: ModelCard, aggregate: str, n_tracks: int, seed: int, n_threads: int, progress: Progress
) -> str:
    codes = load_codes(library, card, aggregate)
    plan = plan_clips(library, card.images, codes.track_ids, n_tracks=n_tracks, clips_a_track=QUICK_CLIPS, seed=seed)
    if plan is None:
        return f"{card.name}: what its codes are worth cannot be told from fewer than 10 tracks with a whole clip"
    asked = sorted(plan.track_ids)
    mine = load_code_parts(library, card, aggregate, plan)
    if mine is None:
        return f"{card.name}: tracks have one clip and its codes no time to halve: `songnet evaluate` with labels tells"
    encoder = untrained_encoder(library, card.images, card, seed)
    parts = {
        "the codes": mine,
        "the same encoder untrained": untrained_system(
            library, card.images, encoder, aggregate, asked, plan, clips_a_track=QUICK_CLIPS, progress=progress
        ).parts,
        "MFCC statistics": _mfcc_parts(library, card, plan, asked),
    }
    tracks = tracks_by_id(library.db)
    chosen = [tracks[track] for track in asked]
    groups, over = independent_groups(number_groups([track["artist"] for track in chosen]), number_albums(chosen))
    resampling = make_resampling(groups, n_draws=QUICK_DRAWS, seed=seed, over=over)
    row = {track: index for index, track in enumerate(asked)}
    aucs = {name: _auc(entry, row, resampling, n_threads) for name, entry in parts.items() if entry is not None}
    paired = {name: difference(aucs["the codes"], entry) for name, entry in aucs.items() if name != "the codes"}
    points = points_of(codes.of_tracks(asked).vectors, "whitened")
    occurrence = k_occurrence(nearest(points, K, n_threads=n_threads)[0])
    skew = float(skewness(powers(occurrence).sum(axis=0, keepdims=True))[0])
    anti = float((occurrence == 0).mean())
    own = aucs["the codes"]
    rest = ", ".join(f"{name} {entry.value:.3f}" for name, entry in aucs.items() if name != "the codes")
    unit = "clips" if plan.unit == "clips" else "halves of a clip"
    return (
        f"{card.name} {_judged(paired)}: clip-to-track AUC {own.value:.3f} [{own.low:.3f}, {own.high:.3f}]; {rest};"
        f" hubness {skew:.1f}, {anti:.0%} of tracks nobody's neighbour ({len(asked):,} tracks, two {unit} each)"
    )


def _judged(paired: dict[str, Difference | None]) -> str:
    lost = [name for name, entry in paired.items() if entry is None or entry.low <= 0]
    if not lost:
        return "knows its tracks again better than every baseline"
    ahead = [name for name in lost if (entry := paired[name]) is not None and entry.high < 0]
    worse = f" ({' and '.join(ahead)} ahead of it)" if ahead else ""
    return f"does NOT beat {' and '.join(lost)}{worse}"


def _auc(parts: Parts, row: dict[str, int], resampling: Resampling, n_threads: int) -> Estimate:
    owners = np.array([row[owner] for owner in parts.owners], dtype=np.int64)
    scores = consistency_scores(points_of(parts.vectors, "whitened"), owners, n_threads=n_threads)
    return estimate_mean(scores.auc, resampling, owners[scores.rows], chance=0.5)


def _mfcc_parts(library: Library, card: ModelCard, plan: ClipPlan, track_ids: list[str]) -> Parts:
    """MFCC statistics of the clips of a plan."""
    recipe = get_recipe(card.images.recipe)
    found = []
    for block in stream_images(library, card.images, track_ids, clips_a_track=QUICK_CLIPS):
        wanted = plan.wanted(block.owners, block.numbers)
        pixels = halves(block.pixels[wanted]) if plan.unit == "halves" else block.pixels[wanted]
        timbre = timbre_descriptor(to_decibels(pixels, recipe), frame_rate=recipe.sr / recipe.hop_length)
        found.append(plan.parts(block.owners[wanted], block.numbers[wanted], timbre[:, :N_MFCC_STATISTICS]))
    return Parts(
        np.concatenate([part.owners for part in found]),
        np.concatenate([part.numbers for part in found]),
        np.concatenate([part.vectors for part in found]),
    )
