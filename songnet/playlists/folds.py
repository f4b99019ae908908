"""Playlists in two sides: one that a model may learn from, one that it never sees.

A playlist's side comes from a hash of what it is, not from the row it stands in: playlists that are imported again,
from another file or in another order, keep their side, and copies of one playlist never stand on both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songnet.errors import ParameterError
from songnet.library import Library
from songnet.playlists.stored import UNTRAINABLE, Memberships, load_memberships

_BATCH = 50_000


@dataclass(frozen=True, eq=False)
class PlaylistSides:
    """Which stored playlists are on which side.

    Parameters
    ----------
    training, held_out : numpy.ndarray [dtype=int64]
        Numbers of playlists, ascending. Some may be on neither side: copies of training playlists in other words,
        and what may not be trained on (`songnet.playlists.stored.UNTRAINABLE`) but would have fallen there.
    training_digest, held_out_digest : str
        Hashes of the identities on each side: equal only where the playlists are the same.
    """

    training: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.int64]
    training_digest: str
    held_out_digest: str


def playlist_identities(library: Library) -> tuple[npt.NDArray[np.int64], list[bytes]]:
    """Numbers of all stored playlists, ascending, and what each is, whatever row or file it stands in.

    The identity is a hash of the tracks as the playlist names them (`songnet.playlists.model.track_key`), each once, in
    any order; name, owner and format say nothing. It does not depend on what the library has matched.

    Parameters
    ----------
    library : Library
        Open for reading, with playlists.
    """
    numbers = [row[0] for row in library.db.execute("SELECT playlist_id FROM playlists ORDER BY 1")]
    ids = np.array(numbers, dtype=np.int64)
    cursor = library.db.execute("SELECT item_id, track_key FROM playlist_items ORDER BY item_id")
    items, words = [], bytearray()
    for item_id, key in cursor:
        items.append(item_id)
        words += hashlib.blake2b(key.encode(), digest_size=16).digest()
    hashes = np.frombuffer(bytes(words), dtype=np.uint64).reshape(-1, 2)
    place = np.array(items, dtype=np.int64)
    sums = np.zeros((len(ids), 2), dtype=np.uint64)
    counts = np.zeros(len(ids), dtype=np.int64)
    cursor = library.db.execute("SELECT playlist_id, item_id FROM entries ORDER BY playlist_id")
    rest = np.empty((0, 2), dtype=np.int64)
    while True:
        rows = cursor.fetchmany(_BATCH)
        pairs = np.concatenate([rest, np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)])
        if not len(pairs):
            break
        # The last playlist may go on in the next batch.
        whole = pairs[:, 0] < pairs[-1, 0] if rows else np.ones(len(pairs), dtype=bool)
        rest, pairs = pairs[~whole], pairs[whole]
        owner = np.searchsorted(ids, pairs[:, 0])
        entries = hashes[np.searchsorted(place, pairs[:, 1])]
        named = np.unique(np.column_stack([owner.astype(np.uint64), entries]), axis=0)
        owner = named[:, 0].astype(np.int64)
        # Sums modulo 2^64 of evenly spread numbers: the same in any order.
        np.add.at(sums, owner, named[:, 1:])
        np.add.at(counts, owner, 1)
    return ids, [
        hashlib.blake2b(total.tobytes() + int(count).to_bytes(8, "little"), digest_size=16).digest()
        for total, count in zip(sums, counts.tolist(), strict=True)
    ]


def on_training_side(identities: Sequence[bytes], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which playlists fall to the training side [shape=(n,)].

    Each is dealt by itself: others that come or go change nothing.

    Parameters
    ----------
    identities : sequence of bytes
        From `playlist_identities`.
    share : float
        Of the training side, about; above 0 and below 1.
    seed : int
        Another seed deals otherwise; 0 or more.

    Raises
    ------
    ParameterError
        If the share would leave a side empty.

    Examples
    --------
    >>> on_training_side([b"one", b"two"], 0.5, 0).tolist() == on_training_side([b"two", b"one"], 0.5, 0).tolist()[::-1]
    True
    """
    if not 0 < share < 1:
        raise ParameterError(f"share is {share:g}; it must lie between 0 and 1, so that both sides have playlists")
    salt = seed.to_bytes(8, "little")
    limit = round(share * 2**64)
    draws = (hashlib.blake2b(identity, digest_size=8, salt=salt).digest() for identity in identities)
    return np.array([int.from_bytes(draw, "little") < limit for draw in draws], dtype=bool)


def split_sides(library: Library, share: float, seed: int) -> PlaylistSides:
    """Deal the stored playlists to a training side and a held-out side.

    Parameters
    ----------
    library : Library
        Open for reading, with playlists.
    share, seed
        As in `on_training_side`.

    Raises
    ------
    InputNotFoundError
        If the library has no playlists.
    """
    # Says in words that there are none, and knows which entries are the same track of the library.
    memberships = load_memberships(library)
    ids, identities = playlist_identities(library)
    first = on_training_side(identities, share, seed)
    found = library.db.execute(
        "SELECT playlist_id, source FROM playlists JOIN playlist_files USING (file_id) ORDER BY 1"
    )
    trainable = np.array([row[1] not in UNTRAINABLE for row in found], dtype=bool)
    contents = _contents(memberships)
    taught = {content for content, mine in zip(contents, first.tolist(), strict=True) if mine}
    copies = np.array([content in taught for content in contents], dtype=bool)
    training, held_out = first & trainable, ~first & ~copies
    return PlaylistSides(ids[training], ids[held_out], _digest(identities, training), _digest(identities, held_out))


def restrict_memberships(memberships: Memberships, playlist_ids: npt.NDArray[np.int64]) -> Memberships:
    """Memberships of some playlists alone; what they do not hold is not there.

    Parameters
    ----------
    memberships : Memberships
        From `songnet.playlists.stored.load_memberships`.
    playlist_ids : numpy.ndarray [dtype=int64]
        Playlists to keep; those that are not there are passed over.
    """
    kept = np.isin(memberships.playlist_ids, playlist_ids)
    entries = kept[memberships.playlist_of]
    used = np.unique(memberships.track_of[entries])
    return Memberships(
        memberships.playlist_ids[kept],
        tuple(memberships.track_ids[index] for index in used.tolist()),
        (np.cumsum(kept) - 1)[memberships.playlist_of[entries]],
        np.searchsorted(used, memberships.track_of[entries]).astype(np.int64),
    )


def _contents(memberships: Memberships) -> list[bytes]:
    """The different tracks of each playlist, matched as the library matches them, as a hash."""
    pairs = np.unique(np.stack([memberships.playlist_of, memberships.track_of]), axis=1)
    ends = np.searchsorted(pairs[0], np.arange(1, len(memberships.playlist_ids)))
    return [hashlib.blake2b(part.tobytes(), digest_size=16).digest() for part in np.split(pairs[1], ends)]


def _digest(identities: Sequence[bytes], chosen: npt.NDArray[np.bool_]) -> str:
    taken = sorted(identity for identity, mine in zip(identities, chosen.tolist(), strict=True) if mine)
    return hashlib.sha256(b"".join(taken)).hexdigest()[:16]
