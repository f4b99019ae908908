"""The baseline that surprises: the same encoder with the weights it was born with.

A random convolutional network already sees edges and textures; its pooled codes tell kinds of music apart well enough
that a trained model must be shown to do better. Everything but the weights is the model's own: architecture, scaling
of the pixels, pooling, aggregation and space.

References
----------
J. Pons, X. Serra, "Randomly weighted CNNs for (music) audio classification", ICASSP 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from songnet.config import ImageConfig
from songnet.embedding.aggregate import AGGREGATES, CORPUS_AGGREGATES, clip_vectors
from songnet.embedding.encode import encode_images
from songnet.embedding.pipeline import DEFAULT_PRESET
from songnet.embedding.vectors import time_axis
from songnet.evaluation.clips import ClipPlan, Parts, stream_images
from songnet.evaluation.systems import System, code_parts
from songnet.library import Library, table_name
from songnet.models import build_model, load_family
from songnet.progress import Progress, silent
from songnet.training import ImageStream, ModelCard, PixelScaling

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

# Images that the grey levels of an encoder without a model are taken from.
SCALING_IMAGES = 512


@dataclass(frozen=True, eq=False)
class Untrained:
    """An encoder with random weights, and what its inputs and outputs go through.

    Parameters
    ----------
    name : str
        Of the model whose architecture it has.
    model : MelEncoder
    scaling : PixelScaling
    time_axis : int or None
        Axis of its code shape that is time.
    """

    name: str
    model: MelEncoder
    scaling: PixelScaling
    time_axis: int | None


def untrained_encoder(library: Library, images: ImageConfig, card: ModelCard | None, seed: int) -> Untrained:
    """Build an encoder and train it not.

    Parameters
    ----------
    library : Library
        Open for reading.
    images : ImageConfig
        Image set that it will encode.
    card : ModelCard or None
        The model whose architecture and scaling it takes; None takes the default preset.
    seed : int
        Of the weights; never the training's own start, unless that had the same seed.
    """
    if card is not None:
        config = {**card.config, **({"seed": seed} if "seed" in card.config else {})}
        return Untrained(card.name, load_family(card.family)(**config), card.scaling, time_axis(card))
    model = build_model(DEFAULT_PRESET, seed=seed)
    rows = np.asarray(library.arrays.keys(table_name("images", images.key))["_rowid"])
    drawn = np.sort(np.random.default_rng([seed, 0x7363]).permutation(len(rows))[:SCALING_IMAGES])
    return Untrained(DEFAULT_PRESET, model, ImageStream(library, images).fit_scaling(rows[drawn]), model.time_axis)


def untrained_system(
    library: Library,
    images: ImageConfig,
    encoder: Untrained,
    aggregate: str,
    track_ids: Sequence[str],
    plan: ClipPlan | None,
    *,
    clips_a_track: int | None = None,
    progress: Progress = silent,
) -> System:
    """Encode every clip of the given tracks with random weights.

    Parameters
    ----------
    library, images, track_ids, plan
        As in `songnet.evaluation.baselines.descriptor_systems`.
    encoder : Untrained
        From `untrained_encoder`.
    aggregate : str
        How clips become a track vector.
    clips_a_track : int or None
        Encode the first ones alone; None is all.
    progress : Progress
        Told of images.

    Returns
    -------
    System
        Named ``"random:MODEL"``.
    """
    vectors: list[np.ndarray] = []
    pooled: list[np.ndarray] = []
    starts: list[np.ndarray] = []
    found: list[Parts] = []
    n_seen = 0
    stage = "random encoder"
    for block in stream_images(library, images, track_ids, clips_a_track=clips_a_track, progress=progress, stage=stage):
        codes = encode_images(encoder.model, block.pixels, encoder.scaling)
        if aggregate in CORPUS_AGGREGATES:
            pooled.append(clip_vectors(codes, encoder.time_axis))
            starts.append(block.starts + n_seen)
            n_seen += len(codes)
        else:
            vectors.append(AGGREGATES[aggregate](codes, block.starts, encoder.time_axis))
        if plan is None:
            continue
        wanted = plan.wanted(block.owners, block.numbers)
        if wanted.any():
            part = code_parts(codes[wanted], encoder.time_axis, aggregate, plan.unit)
            if part is not None:
                found.append(plan.parts(block.owners[wanted], block.numbers[wanted], part))
    if pooled:
        vectors = [AGGREGATES[aggregate](np.concatenate(pooled), np.concatenate(starts), None)]
    parts = None
    if found:
        parts = Parts(
            np.concatenate([part.owners for part in found]),
            np.concatenate([part.numbers for part in found]),
            np.concatenate([part.vectors for part in found]),
        )
    return System(f"random:{encoder.name}", "baseline", list(track_ids), np.concatenate(vectors), parts)
