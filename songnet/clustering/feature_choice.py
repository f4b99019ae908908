"""Which features a reader means: descriptors, codes, or both; by default the best that the library has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from songnet.clustering.features import Features, load_features
from songnet.config import AUTO_FEATURES, ClusterConfig, ImageConfig
from songnet.embedding import (
    DEFAULT_PRESET,
    MIN_TRACKS_TO_TRAIN,
    choose_aggregate,
    choose_trained,
    stored_aggregates,
)
from songnet.embedding.vectors import vector_table
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.training import ModelCard, list_models, read_card

# Families whose codes make descriptors better; those of autoencoders make them worse (docs/clustering.md), and those of
# aligned encoders know the playlists that clusters are compared with.
JOINED_FAMILIES = ("contrastive-encoder",)
# Codes of fewer of the tracks are not joined unasked: the tracks without would be left out.
MIN_COVERAGE = 0.9


@dataclass(frozen=True)
class FeatureChoice:
    """What was decided.

    Parameters
    ----------
    asked : str
        ``"auto"``, or the same as ``features``.
    features : str
        ``"descriptors"``, ``"codes"`` or ``"joined"``.
    card : ModelCard or None
        Whose codes; of descriptors the model whose images are described, if one was named.
    aggregate : str or None
        How the codes become track vectors.
    images : ImageConfig
        Image set of the descriptors.
    reason : str
        Why, in words; empty where it was asked for.
    n_without : int
        Tracks with images that are left out because they have no codes.
    """

    asked: str
    features: str
    card: ModelCard | None
    aggregate: str | None
    images: ImageConfig
    reason: str = ""
    n_without: int = 0

    @property
    def with_codes(self) -> bool:
        """Whether a model's codes are part of it."""
        return self.features != "descriptors"

    def settings(self, config: ClusterConfig) -> ClusterConfig:
        """Settings with the decision in the place of ``"auto"``."""
        return replace(config, features=self.features)

    def load(
        self, library: Library, config: ClusterConfig, *, layout: str | None = None, include_missing: bool = False
    ) -> Features:
        """The features themselves, see `songnet.clustering.features.load_features`."""
        return load_features(
            library,
            self.settings(config),
            images=self.images,
            card=self.card,
            aggregate=self.aggregate or "",
            layout=layout,
            include_missing=include_missing,
        )

    def note(self) -> str:
        """What a reader must know who did not ask for it; empty when that is nothing."""
        refined = self.card.training.get("refined_from") if self.card is not None and self.with_codes else None
        if self.card is not None and refined:
            return (
                f"the codes of {self.card.name} were refined towards {refined['n_clusters']} clusters: finding them"
                f" again is circular; test clusters on descriptors or on codes of {refined['model']}"
            )
        if self.features == "joined" and self.card is not None and self.n_without:
            return (
                f"{self.n_without:,} tracks have no codes of {self.card.name} and are left out: `songnet embed --model"
                f" {self.card.name}` makes them"
            )
        return self.reason if self.asked == AUTO_FEATURES and self.features == "descriptors" else ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values with stable keys."""
        return {
            "asked": self.asked,
            "features": self.features,
            "model": self.card.key if self.card and self.with_codes else None,
            "aggregate": self.aggregate if self.with_codes else None,
            "reason": self.reason,
            "tracks_without_codes": self.n_without,
        }


def choose_features(
    library: Library, asked: str, *, model: str | None = None, aggregate: str | None = None
) -> FeatureChoice:
    """Decide what stands for the sound of tracks.

    Parameters
    ----------
    library : Library
        Open for reading.
    asked : str
        ``"descriptors"``, ``"codes"``, ``"joined"``, or ``"auto"``: descriptors joined to the codes of a contrastive
        model, where the library has codes for at least nine in ten of its tracks; else descriptors alone. With a model
        named, auto is joined for contrastive models and codes for others.
    model : str or None
        A trained model. By default that of the default preset's name.
    aggregate : str or None
        By default the aggregation that most tracks have vectors of.

    Returns
    -------
    FeatureChoice

    Raises
    ------
    InputNotFoundError
        If a model was named, or codes were asked for, and there is no such model, or no saying which is meant.
    """
    if asked == "descriptors" or (asked == AUTO_FEATURES and model is None):
        if asked == AUTO_FEATURES:
            return _automatic(library, aggregate)
        card = None if model is None else read_card(library.models, model)
        return FeatureChoice(asked, asked, card, None, card.images if card else library.settings.images)
    card = read_card(library.models, choose_trained(library, model))
    features, reason = asked, ""
    if asked == AUTO_FEATURES:
        features = "joined" if card.family in JOINED_FAMILIES else "codes"
        reason = f"{card.name}, a {card.family}, was named"
    wanted = choose_aggregate(library, card, aggregate)
    without = _count_without(library, card, wanted)[0] if features == "joined" else 0
    return FeatureChoice(asked, features, card, wanted, card.images, reason, without)


def _automatic(library: Library, aggregate: str | None) -> FeatureChoice:
    reason = (
        "descriptors alone: the library has no contrastive model with codes (`songnet embed` makes one from"
        f" {MIN_TRACKS_TO_TRAIN} tracks on)"
    )
    # The default's name first; of several others the first by name.
    for name in sorted(list_models(library.models), key=lambda name: (name != DEFAULT_PRESET, name)):
        card = read_card(library.models, name)
        # Codes that were refined towards clusters would make `songnet cluster` circular.
        if card.family not in JOINED_FAMILIES or card.training.get("refined_from"):
            continue
        if not stored_aggregates(library, card):
            continue
        wanted = choose_aggregate(library, card, aggregate)
        without, described = _count_without(library, card, wanted)
        if described and described - without >= MIN_COVERAGE * described:
            why = f"the library has codes of {name}, a contrastive model"
            return FeatureChoice(AUTO_FEATURES, "joined", card, wanted, card.images, why, without)
        reason = (
            f"descriptors alone: {described - without:,} of {described:,} tracks have {wanted} codes of {name}"
            f" (`songnet embed --model {name} --aggregate {wanted}` makes the rest)"
        )
    return FeatureChoice(AUTO_FEATURES, "descriptors", None, None, library.settings.images, reason)


def _count_without(library: Library, card: ModelCard, aggregate: str) -> tuple[int, int]:
    """Tracks that are there and have images but no vectors of the model, and tracks that are there and have images."""
    query = "SELECT track_id FROM images WHERE image_set = ?"
    tracks = tracks_by_id(library.db)
    imaged = {row[0] for row in library.db.execute(query, (card.images.key,))}
    there = {track for track in imaged if track in tracks and not tracks[track]["missing"]}
    have = library.arrays.keys(vector_table(card, aggregate))["track_id"].to_pylist()
    return len(there.difference(have)), len(there)
