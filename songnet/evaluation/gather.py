"""Everything that an evaluation measures, brought to the same tracks: what was asked for, and the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from songnet.config import ImageConfig
from songnet.descriptors import load_descriptors
from songnet.errors import InputNotFoundError, ParameterError
from songnet.evaluation.baselines import descriptor_systems
from songnet.evaluation.clips import ClipPlan, plan_clips
from songnet.evaluation.settings import Asked, EvaluationConfig
from songnet.evaluation.systems import System, join, load_code_parts, load_codes, load_timbre, read_npz
from songnet.evaluation.untrained import Untrained, untrained_encoder, untrained_system
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.progress import Progress, silent
from songnet.training import ModelCard, read_card

MIN_TRACKS = 10


@dataclass(frozen=True, eq=False)
class Gathered:
    """Everything that is measured, on the same tracks.

    Parameters
    ----------
    systems : list of System
        Those asked for, then the baselines.
    track_ids : list of str
        Sorted.
    plan : ClipPlan or None
        Clips that were taken.
    warnings : list of str
    cards : list of ModelCard
        Of the models asked for.
    images : ImageConfig
        Image set that all were made from.
    descriptors : System
        The timbre descriptors of the same tracks, whether asked for or not.
    untrained : list of Untrained
        One encoder an architecture.
    """

    systems: list[System]
    track_ids: list[str]
    plan: ClipPlan | None
    warnings: list[str]
    cards: list[ModelCard]
    images: ImageConfig
    descriptors: System
    untrained: list[Untrained]


def gather(
    library: Library, asked: Asked, config: EvaluationConfig, *, seed: int, progress: Progress = silent
) -> Gathered:
    """Load what was asked for, make the baselines, and bring all to the same tracks."""
    cards = [read_card(library.models, name) for name in dict.fromkeys(asked.models)]
    images = _image_set(library, cards)
    codes = [load_codes(library, card, asked.aggregate) for card in cards]
    vectors = [read_npz(path, list(tracks_by_id(library.db))) for path in asked.vectors]
    described = load_descriptors(library, images)
    if not described.track_ids:
        raise InputNotFoundError(
            f"the library has no mel images of {images.key} to make baselines of: run `songnet embed FOLDER` first"
        )
    present = set(load_timbre(library, images).track_ids)
    shared = sorted(present.intersection(*(system.track_ids for system in (*codes, *vectors))))
    if len(shared) < MIN_TRACKS:
        raise ParameterError(
            f"{len(shared)} track(s) have all the vectors that were asked for: an evaluation needs {MIN_TRACKS} or more"
        )
    warnings = []
    most = max(len(present), *(len(system.track_ids) for system in (*codes, *vectors)), 0)
    if most > len(shared):
        warnings.append(f"{len(shared):,} of {most:,} tracks have everything that was asked for; the rest is left out")
    if config.sample and len(shared) > config.sample:
        drawn = np.random.default_rng([seed, 0x736D]).permutation(len(shared))[: config.sample]
        warnings.append(f"a sample of {config.sample:,} of {len(shared):,} tracks was evaluated (--sample 0 takes all)")
        shared = [shared[index] for index in np.sort(drawn)]
    plan = plan_clips(
        library, images, shared, n_tracks=config.clip_tracks, clips_a_track=config.clips_a_track, seed=seed
    )
    if plan is None:
        warnings.append("clip-to-track consistency cannot be told: fewer than 10 tracks have a whole clip")
    elif plan.unit == "halves":
        warnings.append(
            f"tracks have one clip: the halves of {len(plan.track_ids):,} clips stand for two, an easier question"
        )
    elif len(plan.track_ids) < len(shared):
        warnings.append(f"clip-to-track consistency was measured on {len(plan.track_ids):,} of {len(shared):,} tracks")
    timbre, *baselines = descriptor_systems(library, images, shared, plan, progress=progress)
    with_parts = [
        replace(system.of_tracks(shared), parts=load_code_parts(library, card, asked.aggregate, plan) if plan else None)
        for system, card in zip(codes, cards, strict=True)
    ]
    encoders = _untrained_encoders(library, images, cards, config)
    untrained = [
        untrained_system(library, images, encoder, asked.aggregate, shared, plan, progress=progress)
        for encoder in encoders
    ]
    # Models first: their verdict is the first line.
    wanted = with_parts if "codes" in asked.features else []
    extra = list(untrained)
    if "joined" in asked.features:
        joined = [
            join(timbre, system, f"joined:{card.name}", "joined")
            for system, card in zip(with_parts, cards, strict=True)
        ]
        wanted = [*wanted, *joined]
        for system in untrained:
            both = join(timbre, system, system.name.replace("random:", "random joined:"), "baseline")
            extra.append(replace(both, rival_of="joined"))
    wanted = [*wanted, *(system.of_tracks(shared) for system in vectors)]
    # Who evaluates descriptors joined to codes must see what the descriptors alone are worth.
    if "descriptors" in asked.features or "joined" in asked.features:
        wanted = [*wanted, timbre]
    if config.space == "standard":
        baselines = [system for system in baselines if system.space is None]
    return Gathered([*wanted, *extra, *baselines], shared, plan, warnings, cards, images, timbre, encoders)


def _image_set(library: Library, cards: Sequence[ModelCard]) -> ImageConfig:
    keys = {card.images.key for card in cards}
    if len(keys) > 1:
        told = ", ".join(f"{card.name}: {card.images.key}" for card in cards)
        raise ParameterError(f"the models read different images ({told}): evaluate them one at a time with --model")
    return cards[0].images if cards else library.settings.images


def _untrained_encoders(
    library: Library, images: ImageConfig, cards: Sequence[ModelCard], config: EvaluationConfig
) -> list[Untrained]:
    """One untrained encoder for each architecture among the models; the default's where there is no model."""
    made: dict[str, Untrained] = {}
    chosen: Sequence[ModelCard | None] = cards or [None]
    for card in chosen:
        architecture = (
            "" if card is None else repr((card.family, sorted({**card.config, "seed": 0}.items()), card.scaling))
        )
        if architecture not in made:
            made[architecture] = untrained_encoder(library, images, card, config.random_seed)
    return list(made.values())
