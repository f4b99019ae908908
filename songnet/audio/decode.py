"""Opening a file with the reader that suits its content, and finding where its audio really ends."""

from __future__ import annotations

import logging
import os
import stat
from types import TracebackType
from typing import Protocol, Self, cast

import numpy as np
import numpy.typing as npt

from songnet.audio.samples import NonFiniteError
from songnet.audio.sniff import sniff
from songnet.errors import AudioError
from songnet.registry import Registry

__all__ = ["READERS", "Reader", "decodable_samples", "open_audio"]

logger = logging.getLogger(__name__)

READERS = Registry(
    "reader",
    {
        "soundfile": "songnet.audio.soundfile_reader:SoundfileReader",
        "stream": "songnet.audio.stream_reader:StreamReader",
        "pyav": "songnet.audio.pyav_reader:PyavReader",
    },
)
"""Name -> class that opens a path (bytes) and satisfies `Reader`."""

_ROUTES = {
    "wav": ("soundfile", "pyav"),
    "aiff": ("soundfile", "pyav"),
    "flac": ("soundfile", "pyav"),
    "vorbis": ("soundfile", "pyav"),
    "mpeg": ("stream", "soundfile", "pyav"),
    "stream": ("stream", "pyav"),
}
_DEFAULT_ROUTE = ("pyav", "soundfile")
_END_WINDOW_S = 0.05
_END_RESOLUTION_S = 0.1


class Reader(Protocol):
    """An open file: mono samples at its native rate, from any place, at the cost of one seek.

    Attributes
    ----------
    sr : int
        Native sampling rate, Hz.
    channels : int
        Channels before mixing down.
    n_samples : int
        Declared length, samples at `sr`; see `decodable_samples` for the real one.
    codec : str
        ``"mp3"``, ``"flac"``, ``"vorbis"``, ``"pcm_16"``, ``"aac"``, ``"opus"``, ``"wmav2"``, ...
    """

    @property
    def sr(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def codec(self) -> str: ...

    def read(self, start: int, n: int) -> npt.NDArray[np.float32]:
        """Samples ``start .. start + n``; fewer only where the audio ends.

        The result depends on the file, `start` and `n` alone, not on earlier reads.
        """
        ...

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_audio(path: bytes) -> Reader:
    """Open a file with the reader that its content, not its name, calls for.

    Parameters
    ----------
    path : bytes
        The file.

    Returns
    -------
    Reader
        A context manager.

    Raises
    ------
    AudioError
        ``kind`` is ``"unreadable"`` (gone, no permission, no regular file), ``"empty"`` (zero bytes),
        ``"not-audio"`` (text, an image, a film without sound), ``"too-short"`` (no samples) or ``"corrupt"``
        (audio that no reader can open).
    """
    family = _recognise(path)
    if family == "foreign":
        raise AudioError("is not audio, whatever its name says", "not-audio")
    failures: list[AudioError] = []
    for name in _ROUTES.get(family, _DEFAULT_ROUTE):
        try:
            return cast(Reader, READERS[name](path))
        except AudioError as error:
            failures.append(error)
        except OSError as error:
            raise AudioError(f"cannot be read: {error.strerror or error}", "unreadable") from error
    if family in _ROUTES:
        raise failures[0]
    for failure in failures:
        if failure.kind == "not-audio":
            raise failure
    if not family:
        raise AudioError("is not audio that can be recognised", "not-audio") from failures[0]
    raise failures[0]


def _recognise(path: bytes) -> str:
    """Family of a file by its content (see `songnet.audio.sniff.Signature`)."""
    try:
        status = os.stat(path)  # noqa: PTH116 (paths are bytes)
        if not stat.S_ISREG(status.st_mode):
            raise AudioError("is not a regular file", "unreadable")
        if status.st_size == 0:
            raise AudioError("is empty", "empty")
        with open(path, "rb") as file:
            return sniff(file).family
    except FileNotFoundError as error:
        raise AudioError("does not exist any more", "unreadable") from error
    except PermissionError as error:
        raise AudioError("cannot be read: no permission", "unreadable") from error
    except (OSError, ValueError) as error:
        raise AudioError(f"cannot be read: {error}", "unreadable") from error


def decodable_samples(reader: Reader, path: bytes) -> int:
    """Find where the audio ends, which in a file cut short is before the declared end.

    The last 0.05 s before the declared end are read; only if they are not all there is the end searched for, by
    halving, with O(log n) reads as short.

    Parameters
    ----------
    reader : Reader
        The open file.
    path : bytes
        Its path, for the log.

    Returns
    -------
    int
        Samples at the native rate, at most ``reader.n_samples``; exact, or 0.1 s too few where the decoder fails
        at the end instead of stopping. Declared lengths may be some 50 ms too long in healthy files (containers
        that count in milliseconds or leave out the encoder's delay), so only a larger gap means a damaged file.

    Raises
    ------
    AudioError
        ``kind="corrupt"`` if nothing can be decoded, not even the beginning.
    """
    declared = reader.n_samples
    window = max(1, min(declared, int(_END_WINDOW_S * reader.sr)))
    start = max(0, declared - window)
    got = _readable(reader, start, window)
    if got > 0:
        return start + got
    got = _readable(reader, 0, window)
    if got == 0:
        raise AudioError("none of its audio can be decoded", "corrupt")
    if got < window:
        return got
    good, bad = window, start
    while bad - good > max(1, int(_END_RESOLUTION_S * reader.sr)):
        middle = (good + bad) // 2
        got = _readable(reader, middle, window)
        if got == 0:
            bad = middle
        elif got < window:
            good = bad = middle + got
        else:
            good = min(middle + window, bad)
    logger.debug("%r: declares %d samples, holds %d", path, declared, good)
    return good


def _readable(reader: Reader, start: int, n: int) -> int:
    try:
        return len(reader.read(start, n))
    except NonFiniteError:
        return n
    except AudioError:
        return 0
