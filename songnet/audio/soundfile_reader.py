"""Reader over libsndfile: WAV, AIFF, FLAC and Ogg Vorbis, with seeks exact to the sample; odd MPEG audio as well."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile as sf

from songnet.audio.declared import declared_frames
from songnet.audio.samples import check_finite, mix_down
from songnet.audio.sniff import sniff
from songnet.errors import AudioError

__all__ = ["SoundfileReader"]

logger = logging.getLogger(__name__)

_CODECS = {"MPEG_LAYER_I": "mp1", "MPEG_LAYER_II": "mp2", "MPEG_LAYER_III": "mp3"}
_UNKNOWN_LENGTH = 1 << 60
"""libsndfile says about 2**63 where a FLAC stream does not declare its length."""


class SoundfileReader:
    """Mono samples of a file at its native rate, through libsndfile.

    Parameters
    ----------
    path : bytes
        The file.

    Attributes
    ----------
    sr : int
        Native sampling rate, Hz.
    channels : int
        Channels before mixing down.
    n_samples : int
        Declared length, samples at `sr`; for WAV and AIFF what the header promises, even if the file was cut.
    codec : str
        ``"mp3"``, ``"flac"``, ``"vorbis"``, ``"pcm_16"``, ...

    Raises
    ------
    AudioError
        ``kind="corrupt"`` if libsndfile cannot open the file or does not know its length, ``"too-short"`` if it says
        that there is nothing in it.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._file = self._open()
        self.sr: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.codec: str = _codec(self._file.format, self._file.subtype)
        self.n_samples: int = self._file.frames
        if self.n_samples >= _UNKNOWN_LENGTH:
            self.close()
            raise AudioError("does not say how long it is", "corrupt")
        if self.n_samples <= 0:
            # Also a WAV written to a pipe, whose header says zero; FFmpeg reads such files to their end.
            self.close()
            raise AudioError("holds no samples", "too-short")
        if self._file.format in ("WAV", "WAVEX", "RF64", "AIFF"):
            with open(path, "rb") as file:
                declared = declared_frames(file, sniff(file).family)
            self.n_samples = max(declared or 0, self.n_samples)

    def _open(self) -> sf.SoundFile:
        try:
            return sf.SoundFile(self._path)
        except (sf.LibsndfileError, OSError, TypeError, ValueError) as error:
            logger.debug("%r: libsndfile cannot open it: %s", self._path, error)
            raise AudioError("its audio is damaged or of an unknown kind", "corrupt") from error

    def read(self, start: int, n: int) -> npt.NDArray[np.float32]:
        """Samples ``start .. start + n`` at the native rate, channels averaged.

        Parameters
        ----------
        start : int
            First sample, >= 0.
        n : int
            Samples wanted, >= 0.

        Returns
        -------
        np.ndarray [shape=(<=n,)]
            float32; shorter than `n` only where the audio ends.

        Raises
        ------
        AudioError
            ``kind="corrupt"`` if the place cannot be decoded or holds samples that are not finite.
        """
        n = min(n, self._file.frames - start)
        if n <= 0:
            return np.zeros(0, np.float32)
        try:
            self._file.seek(start)
            block = self._file.read(n, dtype="float32", always_2d=True)
        except (sf.LibsndfileError, RuntimeError, ValueError) as error:
            # ValueError: a seek in damaged MPEG audio may end behind the end of it.
            # After a failed FLAC or Vorbis seek the handle stays unusable, even for places that are sound.
            self._file.close()
            self._file = self._open()
            raise AudioError(f"its audio is damaged at {start / self.sr:.1f} s", "corrupt") from error
        return check_finite(mix_down(block.T))

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _codec(container: str, subtype: str) -> str:
    if container == "FLAC" or (container == "OGG" and subtype.startswith("PCM")):
        return "flac"
    if subtype.startswith("ALAC"):
        return "alac"
    return _CODECS.get(subtype, subtype.lower())
