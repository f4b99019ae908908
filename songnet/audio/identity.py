"""A name for a track that is made of its sound, so that moving, renaming and retagging keep it."""

from __future__ import annotations

import hashlib

import numpy as np

from songnet.audio.decode import Reader
from songnet.errors import AudioError

__all__ = ["audio_identity"]

_WINDOW = 4096
_PLACES = (1, 2, 3)
"""Quarters of the length at which a window is read."""


def audio_identity(reader: Reader, n_samples: int) -> str:
    """Hash of a recording: its format, its length and its samples at three places.

    Parameters
    ----------
    reader : Reader
        The open file.
    n_samples : int
        Decodable length, samples at the native rate (see `songnet.audio.decodable_samples`).

    Returns
    -------
    str
        32 hexadecimal digits. The same for the same encoded audio, whatever its path, its tags and mostly even its
        container; different for another encoding of the same recording.

    Raises
    ------
    AudioError
        ``kind="corrupt"`` if one of the places cannot be decoded.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{reader.sr}:{reader.channels}:{n_samples}".encode())
    for place in _PLACES:
        start = max(0, n_samples * place // 4 - _WINDOW // 2)
        y = reader.read(start, min(_WINDOW, n_samples - start))
        if len(y) == 0:
            raise AudioError(f"its audio is damaged at {start / reader.sr:.1f} s", "corrupt")
        # Whole 16-bit steps: the last bits of a decoder's floats differ between processors.
        digest.update(np.rint(np.clip(y, -1.0, 1.0) * np.float32(32767.0)).astype("<i2").tobytes())
    return digest.hexdigest()
