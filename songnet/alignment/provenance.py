"""What was learned from playlists is compared with held-out playlists, or not at all.

An encoder that was aligned with playlists agrees with them because it was taught to. Only playlists that it never saw
can tell whether it hears what people put together; everything here refuses the rest with `CircularError`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from songnet.errors import CheckpointError, CircularError, InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library.partitions import StoredPartition
from songnet.playlists.folds import restrict_memberships, split_sides
from songnet.playlists.stored import Memberships
from songnet.training import ModelCard, list_models, read_card

# Key of a community partition's summary that says what it is held out from.
RECORD = "held_out_from"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Playlists that a model never saw.

    Parameters
    ----------
    model : str
        Key of the model (name and weights).
    playlist_ids : numpy.ndarray [dtype=int64]
        Their numbers, ascending.
    digest : str
        Hash of what they are.
    """

    model: str
    playlist_ids: npt.NDArray[np.int64]
    digest: str

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.rpartition(".")[0]

    def record(self) -> dict[str, Any]:
        """What the summary of a partition found in these playlists keeps of them, in plain JSON values."""
        return {RECORD: {"model": self.model, "digest": self.digest, "n_playlists": len(self.playlist_ids)}}

    def restrict(self, memberships: Memberships) -> Memberships:
        """Memberships of these playlists alone."""
        return restrict_memberships(memberships, self.playlist_ids)


def learned_from_playlists(card: ModelCard) -> dict[str, Any] | None:
    """What a model's card says of the playlists it learned from; None for one that learned from none."""
    said = card.training.get("playlists")
    return said if isinstance(said, dict) else None


def held_out_playlists(library: Library, card: ModelCard) -> HeldOut:
    """The playlists of the library that an aligned model never saw.

    Parameters
    ----------
    library : Library
        Open for reading, with playlists.
    card : ModelCard
        The model.

    Raises
    ------
    ParameterError
        If the model learned from no playlists.
    CircularError
        If the library's playlists are no longer those it learned from: which it has seen is not known then.
    InputNotFoundError
        If no playlist is held out.
    """
    said = learned_from_playlists(card)
    if said is None:
        raise ParameterError(f"the model {card.name!r} learned from no playlists: all of them are held out from it")
    try:
        share, seed, digest = float(said["share"]), int(said["seed"]), str(said["digest"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the card of the model {card.name!r} does not say what it learned from: run `songnet align` again"
        ) from error
    sides = split_sides(library, share, seed)
    if sides.training_digest != digest:
        command = _line(library, ["align", "--name", card.name, "--share", f"{share:g}", "--seed", str(seed)])
        raise CircularError(
            f"the playlists changed since the model {card.name!r} learned from them, and which of them it saw is not"
            f" known: train it again with `{command}`"
        )
    if not len(sides.held_out):
        raise InputNotFoundError(f"no playlist is held out from the model {card.name!r}: import more playlists")
    return HeldOut(card.key, sides.held_out, sides.held_out_digest)


def hold_out(library: Library, name: str | None, *, codes: ModelCard | None = None) -> HeldOut | None:
    """The playlists that may be asked: those held out from a model that was named, or whose codes are compared.

    Parameters
    ----------
    library : Library
        Open for reading, with playlists.
    name : str or None
        An aligned model of the library.
    codes : ModelCard or None
        Whose codes are compared with playlists.

    Returns
    -------
    HeldOut or None
        None for all playlists.

    Raises
    ------
    CircularError
        If the codes are those of another aligned model than the one named, or the playlists changed.
    """
    aligned = codes if codes is not None and learned_from_playlists(codes) is not None else None
    card = aligned if name is None else read_card(library.models, name)
    if card is None:
        return None
    if aligned is not None and card.key != aligned.key:
        raise CircularError(
            f"the codes are of the model {aligned.name!r}, which learned from playlists that are held out from"
            f" {card.name!r}: leave --held-out-from away, or name {aligned.name!r}"
        )
    return held_out_playlists(library, card)


def held_out_of(library: Library, communities: StoredPartition) -> HeldOut | None:
    """The held-out playlists that stored communities were found in; None for communities of all playlists.

    Raises
    ------
    CircularError
        If they are no longer the same: the communities could not be found anew in them.
    """
    record = communities.summary.get(RECORD)
    if not isinstance(record, Mapping):
        return None
    name = str(record["model"]).rpartition(".")[0]
    again = _line(library, ["communities", "--held-out-from", name])
    what = f"the communities {communities.name!r} (partition {communities.partition_id})"
    card = _current(library, name)
    if card is None or card.key != record["model"]:
        raise CircularError(
            f"{what} were found in the playlists held out from the model {record['model']}, which is not there any"
            f" more: find them again with `{again}`"
        )
    held_out = held_out_playlists(library, card)
    if held_out.digest != record["digest"]:
        raise CircularError(
            f"the playlists held out from {name!r} changed since {what} were found: find them again with `{again}`"
        )
    return held_out


def aligned_model_of(library: Library, clusters: StoredPartition) -> str | None:
    """Key of the aligned model whose codes were clustered; None where none was.

    A model of which nothing is known any more counts as aligned.

    Parameters
    ----------
    library : Library
        Open for reading.
    clusters : StoredPartition
        Of the branch ``"cluster"``.
    """
    row = library.db.execute("SELECT parameters FROM runs WHERE run_id = ?", (clusters.run_id,)).fetchone()
    made = json.loads(row[0]) if row else {}
    key = made.get("model")
    if key is None:
        # Stored by a program, not by the command: the text that says what was clustered names the model.
        what = str(clusters.parameters.get("features") or clusters.summary.get("features") or "")
        named = (_current(library, name) for name in list_models(library.models) if what.endswith(f"codes of {name}"))
        return next((card.key for card in named if card is not None and learned_from_playlists(card)), None)
    if made.get("cluster", {}).get("features") == "descriptors" and not made.get("layout"):
        return None
    card = _current(library, key.rpartition(".")[0])
    if card is not None and card.key == key:
        return None if learned_from_playlists(card) is None else str(key)
    return None if _trained_on_sound_alone(library, key) else str(key)


def check_comparison(library: Library, clusters: StoredPartition, communities: StoredPartition) -> None:
    """Refuse to compare clusters with communities that the clusters' model learned from, or may have.

    Parameters
    ----------
    library : Library
        Open for reading.
    clusters, communities : StoredPartition
        What is to be compared.

    Raises
    ------
    CircularError
        If the clusters come from an aligned model and the communities were not found in the playlists that are held out
        from just that model; also if these playlists changed.
    """
    key = aligned_model_of(library, clusters)
    if key is None:
        held_out_of(library, communities)
        return
    name = key.rpartition(".")[0]
    what = f"the clusters {clusters.name!r} (partition {clusters.partition_id})"
    card = _current(library, name)
    if card is None or card.key != key:
        command = _line(library, ["cluster", "--features", "codes", "--model", name, "--name", clusters.name])
        state = "is not there any more" if card is None else "was trained anew since"
        raise CircularError(
            f"{what} come from the model {key}, which {state}, and which playlists it learned from is not known:"
            f" cluster again with `{command}`"
        )
    record = communities.summary.get(RECORD)
    if not isinstance(record, Mapping) or record.get("model") != key:
        raise CircularError(
            f"{what} come from the model {name!r}, which learned from playlists, and the communities"
            f" {communities.name!r} (partition {communities.partition_id}) were not found in those held out from it:"
            f" find such with `{_line(library, ['communities', '--held-out-from', name])}`"
        )
    held_out_of(library, communities)


def _trained_on_sound_alone(library: Library, key: str) -> bool:
    """Whether the recorded runs say that a model that is gone was trained here, and from no playlists."""
    query = (
        "SELECT command FROM runs WHERE json_extract(summary, '$.model') = ? OR json_extract(summary, '$.imported') = ?"
    )
    commands = {row[0] for row in library.db.execute(query, (key, key))}
    return bool(commands) and commands <= {"train", "embed"}


def _current(library: Library, name: str) -> ModelCard | None:
    try:
        return read_card(library.models, name)
    except InputNotFoundError:
        return None


def _line(library: Library, words: list[str]) -> str:
    return shlex.join(["songnet", *words, "--library", str(library.path)])
