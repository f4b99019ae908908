"""Reader for MPEG audio and ADTS streams: files of frames, with a first one that counts them or with none.

Other decoders guess the length of a file without such a count from its first frame, and reach a late place of any by
stepping through everything before it. Here `FrameMap` finds the frames, and a read decodes those that it needs.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any, BinaryIO, Self

import av
import numpy as np
import numpy.typing as npt

from songnet.audio.frames import FrameMap, end_of_audio
from songnet.audio.layer3 import decode_layer3, parse_info_tag
from songnet.audio.mpeg import parse_header
from songnet.audio.samples import check_finite, mix_down, paste_frame
from songnet.audio.sniff import sniff
from songnet.errors import AudioError

__all__ = ["StreamReader"]

logger = logging.getLogger(__name__)

_CODECS = {0: "aac", 1: "mp1", 2: "mp2", 3: "mp3"}
_DECODERS = {"aac": "aac", "mp1": "mp1float", "mp2": "mp2float", "mp3": "mp3float"}
_PRE_ROLL_S = 0.5
_HEAD = 4096


class StreamReader:
    """Mono samples of an MPEG audio or ADTS stream at its native rate.

    Parameters
    ----------
    path : bytes
        The file.

    Attributes
    ----------
    sr : int
        Native sampling rate, Hz, as decoded (twice the header's for HE-AAC).
    channels : int
        Channels before mixing down.
    n_samples : int
        Length, samples at `sr`: what the file declares, without the delays of encoder and decoder; where it declares
        nothing, that of the frames in it.
    codec : str
        ``"mp1"``, ``"mp2"``, ``"mp3"`` or ``"aac"``.

    Raises
    ------
    AudioError
        ``kind="corrupt"`` if there is no run of frames that can be decoded.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 (held for the reader's life)
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        signature = sniff(self._file)
        begin, end = signature.offset, end_of_audio(self._file)
        self._file.seek(begin)
        head = self._file.read(_HEAD)
        header = parse_header(head)
        if header is None:
            raise AudioError("its audio is damaged or of an unknown kind", "corrupt")
        self.codec: str = _CODECS[header.layer]
        tag = None
        if signature.family == "mpeg":
            tag = parse_info_tag(head[: header.size])
            following = parse_header(head[header.size : header.size + 8])
            if tag is None or following is None or (following.layer, following.sr) != (3, header.sr):
                raise AudioError("says how long it is in a way of its own", "corrupt")
            begin += header.size
            header = following
        self._header = header
        self._frames = FrameMap(self._file, begin, end, header, promised=tag.n_frames if tag else None)
        self.sr, self.channels, self._frame_samples = header.sr, header.channels, header.samples
        if self.codec != "mp3":
            self.sr, self.channels, self._frame_samples = self._first_frame()
        elif tag is None and len(self._frames) == 0:
            raise AudioError("none of its audio can be decoded", "corrupt")
        self._skip: int = tag.skip if tag else 0
        self.n_samples: int = tag.n_samples if tag else len(self._frames) * self._frame_samples

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
            float32; shorter than `n` only where the audio ends. Frames too damaged to decode are silent.

        Raises
        ------
        AudioError
            ``kind="corrupt"`` if the place holds samples that are not finite.
        """
        n = min(n, self.n_samples - start)
        start += self._skip
        first, stop = start // self._frame_samples, (start + n - 1) // self._frame_samples + 1
        stop = min(stop, len(self._frames))
        if n <= 0 or first >= stop:
            return np.zeros(0, np.float32)
        y = decode_layer3(self._frames, first, stop, self._header) if self.codec == "mp3" else None
        if y is None:
            y = self._decode_each(first, stop)
        offset = start - first * self._frame_samples
        return check_finite(y[offset : offset + n])

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode_each(self, first: int, stop: int) -> npt.NDArray[np.float32]:
        """Frames ``first .. stop``, one after the other, each that fails leaving silence."""
        size = self._frame_samples
        begin = max(0, first - int(_PRE_ROLL_S * self.sr / size) - 1)
        decoder = self._decoder()
        out = np.zeros((self.channels, (stop - first) * size), np.float32)
        filled = 0
        for k, packet in enumerate(self._frames.frames(begin, stop), begin):
            for frame in _decode(decoder, packet):
                filled = max(filled, paste_frame(frame, (k - first) * size, out))
        return mix_down(out[:, :filled])

    def _decoder(self) -> Any:
        # A new one for each read: decoders keep noise generators running across seeks, and a clip must not
        # depend on what was read before it.
        decoder = av.CodecContext.create(_DECODERS[self.codec], "r")
        decoder.thread_count = 1
        return decoder

    def _first_frame(self) -> tuple[int, int, int]:
        decoder = self._decoder()
        for packet in self._frames.frames(0, 16):
            for frame in _decode(decoder, packet):
                return frame.sample_rate, len(frame.layout.channels), frame.samples
        raise AudioError("none of its audio can be decoded", "corrupt")


def _decode(decoder: Any, packet: bytes) -> list[Any]:
    try:
        return list(decoder.decode(av.Packet(packet))) if packet else []
    except av.error.FFmpegError:
        return []
