"""Track2Vec: a vector a track, learned by word2vec from playlists, where a track is a word and a playlist a sentence.

Smith (2019, Deej-AI) learned 100 dimensions with a window of 2, CBOW and 15 epochs from tracks in 10 playlists or more;
word2vec is by Mikolov et al. (2013, arXiv:1301.3781, arXiv:1310.4546), its code gensim's (extra ``track2vec``). Two
tracks may be close without ever standing in one playlist: their neighbours there are the same. Unlike co-occurrence,
the order within a playlist matters.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from songnet.config import CommunityConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library.files import write_bytes
from songnet.playlists.stored import Memberships
from songnet.progress import Progress, silent

# Vectors start at random. Fifteen passes over a million playlists move them away from there; over 200 they hardly do.
USUAL_ENTRIES, USUAL_ENTRIES_A_TRACK = 500_000, 1_000
FEWEST_EPOCHS, MOST_EPOCHS = 15, 1_000
# gensim cuts a longer sentence off without a word.
LONGEST_SENTENCE = 10_000


@dataclass(frozen=True, eq=False)
class Track2Vec:
    """Vectors of tracks.

    Parameters
    ----------
    track_ids : tuple of str
        Sorted: the tracks in enough playlists.
    vectors : numpy.ndarray [shape=(n_tracks, dimensions), dtype=float32]
        As they were learned: neither centred nor of length 1.
    settings : dict
        Everything that decided them, in plain JSON values; ``epochs`` is the number of passes made.
    n_playlists, n_left_out : int
        Playlists with an entry that were read, and those that were left out for their length.
    n_entries : int
        Entries of one pass: no track twice in a playlist, none in too few playlists, none alone in its playlist.
    """

    track_ids: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    settings: Mapping[str, Any]
    n_playlists: int
    n_left_out: int
    n_entries: int


def usual_epochs(n_entries: int, n_tracks: int) -> int:
    """Passes that read 1,000 entries a track and half a million beside: 15, as Smith (2019), to 1,000.

    Of a million playlists of the usual kind, 15 passes read each track about 1,000 times too; communities of fewer
    playlists were still moving from seed to seed below that (docs/communities.md).

    Parameters
    ----------
    n_entries, n_tracks : int
        Entries of one pass, and different tracks among them.

    Examples
    --------
    >>> usual_epochs(65_000_000, 900_000), usual_epochs(7_000, 2_000), usual_epochs(10, 5)
    (15, 358, 1000)
    """
    wanted = USUAL_ENTRIES + USUAL_ENTRIES_A_TRACK * n_tracks
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-wanted // max(1, n_entries))))


def track2vec(
    memberships: Memberships, config: CommunityConfig | None = None, *, seed: int = 0, progress: Progress = silent
) -> Track2Vec:
    """Learn a vector for each track.

    One thread learns, from tracks in the order of their ids: the result is the same to the last bit in every process.

    Parameters
    ----------
    memberships : Memberships
        Tracks of playlists in their order; of a track that stands in a playlist twice the first entry counts.
    config : CommunityConfig, optional
        ``min_support`` (2, where Smith took 10 of a million playlists: a library of a few hundred would keep next to
        nothing), ``max_playlist_length``, ``dimensions``, ``window``, ``epochs`` and ``skip_gram`` are read.
    seed : int
        0 to 2,147,483,647.
    progress : Progress
        Told of every epoch.

    Returns
    -------
    Track2Vec

    Raises
    ------
    ParameterError
        If gensim is not installed, or the seed is out of range.
    InputNotFoundError
        If no two tracks in enough playlists stand in one.
    """
    config = config or CommunityConfig(graph="track2vec")
    if not 0 <= seed < 2**31:
        raise ParameterError(f"seed is {seed}; it must lie between 0 and {2**31 - 1:,}")
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise ParameterError('Track2Vec needs gensim: pip install "songnet[track2vec]"') from error
    n_tracks = len(memberships.track_ids)
    playlist_of, track_of, n_playlists, n_left_out = _distinct(memberships, config.max_playlist_length)
    support = np.bincount(track_of, minlength=n_tracks)
    enough = support[track_of] >= config.min_support
    playlist_of, track_of = playlist_of[enough], track_of[enough]
    together = np.bincount(playlist_of, minlength=1)[playlist_of] > 1
    playlist_of, track_of = playlist_of[together], track_of[together]
    vocabulary = np.unique(track_of)
    if not len(vocabulary):
        raise InputNotFoundError(
            f"no two tracks that stand in {config.min_support} playlists or more stand in one: lower --min-support, or"
            " import more playlists"
        )
    epochs = config.epochs or usual_epochs(len(track_of), len(vocabulary))
    sentences = _Sentences(np.searchsorted(vocabulary, track_of), playlist_of)
    model = Word2Vec(
        vector_size=config.dimensions, window=config.window, sg=int(config.skip_gram), min_count=1, seed=seed,
        # More threads finish in another order each time; vocabularies are sorted below.
        workers=1, sorted_vocab=0, hashfxn=_hash,
    )  # fmt: skip
    counts = np.bincount(track_of, minlength=n_tracks)[vocabulary].tolist()
    with _gensim_silent():
        model.build_vocab_from_freq({str(word): count for word, count in enumerate(counts)})
        model.train(
            sentences, total_examples=sentences.n_sentences, total_words=len(track_of), epochs=epochs,
            callbacks=[_Epochs(progress, epochs)],
        )  # fmt: skip
    vectors = np.array(model.wv[[str(word) for word in range(len(vocabulary))]], dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise ParameterError(f"Track2Vec found no finite vectors in {epochs} epochs: lower --epochs")
    names = ("min_support", "max_playlist_length", "dimensions", "window", "skip_gram")
    settings = {**{name: getattr(config, name) for name in names}, "epochs": epochs, "seed": seed}
    ids = tuple(memberships.track_ids[index] for index in vocabulary.tolist())
    return Track2Vec(ids, vectors, settings, n_playlists, n_left_out, len(track_of))


def write_vectors(embedding: Track2Vec, path: Path) -> None:
    """Write vectors for other programs, whole or not at all; a file that is there is replaced.

    Parameters
    ----------
    embedding : Track2Vec
        What to write.
    path : pathlib.Path
        Ends in ``.npz``: arrays ``track_ids`` (text), ``vectors`` (float32) and ``settings`` (JSON as text, with
        ``learned_from``, by which other commands know not to ask the playlists about them); nothing in it needs
        unpickling.

    Raises
    ------
    ParameterError
        If the name ends in something else, or is that of a folder.
    InputNotFoundError
        If there is no folder to write to.
    """
    check_vectors_path(path)
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        track_ids=np.array(embedding.track_ids, dtype=np.str_),
        vectors=embedding.vectors,
        settings=np.array(json.dumps({**embedding.settings, "learned_from": "playlists"}, sort_keys=True)),
    )
    write_bytes(path, stream.getvalue())


def check_vectors_path(path: Path) -> None:
    """Refuse a path that `write_vectors` cannot write to; to be called before the work begins."""
    if path.suffix != ".npz":
        raise ParameterError(f"{path} ends in {path.suffix!r}; Track2Vec's vectors are written as .npz")
    if not path.absolute().parent.is_dir():
        raise InputNotFoundError(f"there is no folder {path.absolute().parent} to write {path.name} to: make it first")
    if path.is_dir():
        raise ParameterError(f"{path} is a folder; name a file to write the vectors to")


def _distinct(memberships: Memberships, longest: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Entries in order, each track once a playlist and no playlist too long; playlists read and left out."""
    places = memberships.playlist_of * max(1, len(memberships.track_ids)) + memberships.track_of
    _, first = np.unique(places, return_index=True)
    first.sort()
    playlist_of, track_of = memberships.playlist_of[first], memberships.track_of[first]
    lengths = np.bincount(playlist_of, minlength=1)
    fits = lengths[playlist_of] <= longest
    n_left_out = int(np.count_nonzero(lengths > longest))
    return playlist_of[fits], track_of[fits], int(np.count_nonzero(lengths)) - n_left_out, n_left_out


class _Sentences:
    """Playlists as gensim reads them, made anew each epoch: words of a million playlists would take gigabytes."""

    def __init__(self, words: np.ndarray, playlist_of: np.ndarray) -> None:
        self.words = words
        starts = np.flatnonzero(np.diff(playlist_of, prepend=-1))
        ends = np.append(starts[1:], len(words))
        self.spans = [
            (begin, min(begin + LONGEST_SENTENCE, end))
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            for begin in range(start, end, LONGEST_SENTENCE)
        ]

    @property
    def n_sentences(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[list[str]]:
        for start, end in self.spans:
            yield [str(word) for word in self.words[start:end].tolist()]


class _Epochs:
    """What gensim calls as it goes on."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        self.progress, self.epochs, self.done = progress, epochs, 0

    def on_train_begin(self, model: Any) -> None:
        self.progress("learn vectors", 0, self.epochs)

    def on_epoch_begin(self, model: Any) -> None:
        """Nothing to tell."""

    def on_epoch_end(self, model: Any) -> None:
        self.done += 1
        self.progress("learn vectors", self.done, self.epochs)

    def on_train_end(self, model: Any) -> None:
        """Nothing to tell."""


def _hash(text: str) -> int:
    # Python's own differs from process to process.
    return crc32(text.encode())


@contextmanager
def _gensim_silent() -> Iterator[None]:
    """Keep gensim's warnings (of few words in an epoch, say) from stderr."""
    logger = logging.getLogger("gensim")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
