"""`songnet align` whole: half of the playlists to vectors, vectors and images to a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from songnet.config import CommunityConfig, ImageConfig, TrainConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library, table_name
from songnet.models import PRESETS
from songnet.playlists.folds import PlaylistSides, restrict_memberships, split_sides
from songnet.playlists.stored import load_memberships
from songnet.playlists.track2vec import Track2Vec, track2vec
from songnet.progress import Progress, silent
from songnet.training import TrainReport, list_models, load_model, read_card, train
from songnet.training.targets import Targets

PRESET = "aligned"
START_FAMILY = "contrastive-encoder"


@dataclass(frozen=True)
class AlignConfig:
    """How an encoder is aligned with playlists.

    Parameters
    ----------
    share : float
        Share of the playlists that are learned from, about; 0.05 to 0.95. The others are held out.
    start : str or None
        A contrastive model of the library whose backbone the training starts from; ``"auto"``: one of the same images,
        where there is one (the one called ``contrastive`` before others); None: at random.
    """

    share: float = 0.5
    start: str | None = "auto"

    def __post_init__(self) -> None:
        if not 0.05 <= self.share <= 0.95:
            raise ParameterError(
                f"share is {self.share:g}; it must lie between 0.05 and 0.95, for both sides need some"
            )


@dataclass(frozen=True, eq=False)
class AlignReport:
    """How an alignment went.

    Parameters
    ----------
    training : TrainReport
        The model as stored, and its history.
    sides : PlaylistSides
        What was learned from, and what was held out.
    vectors : Track2Vec
        What the encoder learned to predict, before it was brought to length 1.
    """

    training: TrainReport
    sides: PlaylistSides
    vectors: Track2Vec

    @property
    def verdict(self) -> str:
        """One line: does sound foresee where playlists put a track, of artists that were held out?"""
        said = self.training.card.training["playlists"]
        numbers = (
            f"cosine {said['validation_cosine']:.3f}; a constant {said['constant_cosine']:.3f}, predictions of other"
            f" artists {said['exchanged_cosine']:.3f}"
        )
        who = f"{said['n_held_out_tracks']} tracks of {said['n_held_out_artists']} held-out artist(s)"
        if said["gain_low"] is None:
            return f"NOT TO BE TOLD from {who}: {numbers}"
        if said["better"]:
            return f"sound foresees where playlists put {who}: {numbers}"
        return f"NO BETTER THAN A CONSTANT: sound does not foresee where playlists put {who}: {numbers}"


def align(
    library: Library,
    *,
    name: str,
    images: ImageConfig,
    config: AlignConfig,
    playlists: CommunityConfig,
    training: TrainConfig,
    seed: int,
    fresh: bool = False,
    progress: Progress = silent,
) -> AlignReport:
    """Train an encoder to predict from sound what Track2Vec learned from a part of the playlists.

    Parameters
    ----------
    library : Library
        Open for writing, with images and playlists.
    name : str
        What the model is called; one of that name is replaced when the training is done.
    images : ImageConfig
        The image set to train on.
    config : AlignConfig
        Sides and start.
    playlists : CommunityConfig
        Of Track2Vec: ``dimensions``, ``window``, ``min_support``, ``epochs`` and so on.
    training : TrainConfig
        Of the encoder; ``validation`` is the share of artists held out. None stands for the preset's values.
    seed : int
        Decides the sides, Track2Vec, the held-out artists and the training.
    fresh : bool
        Begin anew even where an interrupted training could go on.
    progress : Progress
        Told of every step.

    Raises
    ------
    InputNotFoundError
        If there are no playlists to learn from, or no track in them has images.
    ParameterError
        If the model to start from does not fit, or gensim is not installed.
    ModelError
        If there is too little to train or to validate on.
    """
    if training.latent_dim is not None:
        raise ParameterError("an aligned code has the dimensions of Track2Vec's vectors: set --dimensions instead")
    sides = split_sides(library, config.share, seed)
    begun_from = _find_start(library, images) if config.start == "auto" else config.start
    start, settings = _start(library, begun_from, images)
    memberships = restrict_memberships(load_memberships(library, for_training=True), sides.training)
    for which, rows in (("learned from", sides.training), ("held out", sides.held_out)):
        if len(rows) < 2:
            raise InputNotFoundError(
                f"a share of {config.share:g} leaves {len(rows)} playlist(s) to be {which}: import more playlists, or"
                " change --share"
            )
    vectors = track2vec(memberships, playlists, seed=seed, progress=progress)
    pictured = set(library.arrays.keys(table_name("images", images.key))["track_id"].to_pylist())
    rows = np.array([row for row, track in enumerate(vectors.track_ids) if track in pictured], dtype=np.int64)
    if not len(rows):
        raise InputNotFoundError(
            f"no track in the playlists that are learned from has mel images of {images.key}: see why with `songnet"
            " playlists unmatched`"
        )
    lengths = np.linalg.norm(vectors.vectors[rows].astype(np.float64), axis=1, keepdims=True)
    unit = (vectors.vectors[rows] / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    told: dict[str, Any] = {
        "share": config.share,
        "seed": seed,
        "digest": sides.training_digest,
        "n_playlists": len(sides.training),
        "n_held_out_playlists": len(sides.held_out),
        "n_tracks": len(rows),
        "started_from": begun_from,
        "track2vec": dict(vectors.settings),
    }
    targets = Targets(tuple(vectors.track_ids[row] for row in rows.tolist()), unit, told, start, settings)
    report = train(
        library, preset=PRESET, name=name, images=images, config=replace(training, latent_dim=unit.shape[1]), seed=seed,
        fresh=fresh, targets=targets, progress=progress,
    )  # fmt: skip
    return AlignReport(report, sides, vectors)


def _find_start(library: Library, images: ImageConfig) -> str | None:
    """The contrastive model to start from, where the library has one of the same images."""
    cards = [read_card(library.models, name) for name in list_models(library.models)]
    names = sorted(card.name for card in cards if card.family == START_FAMILY and card.images == images)
    return "contrastive" if "contrastive" in names else next(iter(names), None)


def _start(library: Library, name: str | None, images: ImageConfig) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Weights to start from, and the settings of the backbone that they fit; nothing without a name."""
    if name is None:
        return {}, {}
    card, model = load_model(library.models, name)
    if card.family != START_FAMILY:
        known = ", ".join(preset for preset, entry in PRESETS.items() if entry.family == START_FAMILY)
        raise ParameterError(
            f"the model {name!r} is of family {card.family}; an alignment starts from one of preset {known}"
        )
    if card.images != images:
        raise ParameterError(
            f"the model {name!r} reads images of {card.images.key} ({asdict(card.images)}), not of {images.key}: choose"
            " the same --recipe and --clips"
        )
    shared = {key: card.config[key] for key in ("input_shape", "channels", "strides", "features", "activation")}
    # Models stored before there was a choice read images as they are.
    shared["level"] = card.config.get("level", "absolute")
    return model.weights_by_name(), {**shared, "bottleneck": card.config["latent_dim"]}
