"""Reader for bare MPEG audio and ADTS streams: files of frames and nothing that says how many.

Other decoders guess the length of such a file from its first frame, and reach a late place by stepping through
everything before it. Here frames are counted: by arithmetic where all have one bit rate (probed, never assumed),
by walking from header to header otherwise. A clip then costs one seek, at whatever hour of the recording. The
count leaves out tags at either end, so retagging a file does not change its length.
"""

from __future__ import annotations

import logging
import os
from array import array
from types import TracebackType
from typing import Any, BinaryIO, Self

import av
import numpy as np
import numpy.typing as npt

from songnet.audio.mpeg import FrameHeader, parse_header
from songnet.audio.samples import check_finite, mix_down, paste_frame
from songnet.audio.sniff import sniff
from songnet.errors import AudioError

__all__ = ["StreamReader"]

logger = logging.getLogger(__name__)

_CODECS = {0: "aac", 1: "mp1", 2: "mp2", 3: "mp3"}
_DECODERS = {"aac": "aac", "mp1": "mp1float", "mp2": "mp2float", "mp3": "mp3float"}
_PROBES = 24
_PRE_ROLL_S = 0.5
_BLOCK = 1 << 20


class StreamReader:
    """Mono samples of a bare MPEG audio or ADTS stream at its native rate.

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
        Length of the frames in the file, samples at `sr`.
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
            self._begin = sniff(self._file).offset
            self._end = _end_of_audio(self._file)
            header = parse_header(self._read_at(self._begin, 8))
            if header is None:
                raise AudioError("its audio is damaged or of an unknown kind", "corrupt")
            self._header: FrameHeader = header
            self.codec: str = _CODECS[header.layer]
            # Bytes a frame takes on average: padding makes single frames a byte longer, never the sum.
            self._mean_size = header.samples / 8 * header.bit_rate / header.sr
            self._offsets: array[int] | None = None
            if not self._has_constant_rate():
                self._offsets = self._walk()
            self.sr, self.channels, self._frame_samples = self._first_frame()
        except BaseException:
            self._file.close()
            raise

    @property
    def n_samples(self) -> int:
        """Length, samples at `sr`."""
        return self._n_frames * self._frame_samples

    @property
    def _n_frames(self) -> int:
        if self._offsets is not None:
            return len(self._offsets)
        return int((self._end - self._begin + 1) / self._mean_size)

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
        if n <= 0:
            return np.zeros(0, np.float32)
        size = self._frame_samples
        pre_roll = int(_PRE_ROLL_S * self.sr / size) + 1
        first = max(0, start // size - pre_roll)
        stop = min(self._n_frames, (start + n - 1) // size + 1)
        decoder = self._decoder()
        out = np.zeros((self.channels, n), np.float32)
        filled = 0
        for k, packet in enumerate(self._packets(first, stop), first):
            for frame in _decode(decoder, packet):
                filled = max(filled, paste_frame(frame, k * size - start, out))
        return check_finite(mix_down(out[:, :filled]))

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_at(self, offset: int, n: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(max(0, min(n, self._end - offset)))

    def _decoder(self) -> Any:
        # A new one for each read: decoders keep noise generators running across seeks, and a clip must not
        # depend on what was read before it.
        decoder = av.CodecContext.create(_DECODERS[self.codec], "r")
        decoder.thread_count = 1
        return decoder

    def _first_frame(self) -> tuple[int, int, int]:
        decoder = self._decoder()
        for packet in self._packets(0, min(16, self._n_frames)):
            for frame in _decode(decoder, packet):
                return frame.sample_rate, len(frame.layout.channels), frame.samples
        raise AudioError("none of its audio can be decoded", "corrupt")

    def _packets(self, first: int, stop: int) -> list[bytes]:
        """The bytes of frames ``first .. stop``, fewer if the file ends."""
        if self._offsets is None:
            located = self._locate(first)
            packets = [] if located is None else self._cut(located, stop - first)
            if len(packets) >= min(stop - first, self._n_frames - 1 - first):
                return packets
            logger.debug("%r: bit rate changes after all, walking through it", self._path)
            self._offsets = self._walk()
        offsets = self._offsets[first:stop]
        if not offsets:
            return []
        block = self._read_at(offsets[0], offsets[-1] - offsets[0] + 8192)
        packets = []
        for offset in offsets:
            at = offset - offsets[0]
            header = parse_header(block[at : at + 8])
            packets.append(block[at : at + header.size] if header else b"")
        return packets

    def _cut(self, offset: int, count: int) -> list[bytes]:
        block = self._read_at(offset, int((count + 1) * self._mean_size) + 64)
        packets: list[bytes] = []
        at = 0
        while len(packets) < count:
            header = parse_header(block[at : at + 8])
            if header is None or at + header.size > len(block) or not self._alike(header):
                break
            packets.append(block[at : at + header.size])
            at += header.size
        return packets

    def _alike(self, header: FrameHeader) -> bool:
        return (header.layer, header.sr, header.bit_rate) == (
            self._header.layer,
            self._header.sr,
            self._header.bit_rate,
        )

    def _has_constant_rate(self) -> bool:
        if self._header.layer == 0 or self._n_frames < 1:
            return False
        last = self._n_frames - 1
        return all(self._locate(last * i // _PROBES) is not None for i in range(_PROBES + 1))

    def _locate(self, k: int) -> int | None:
        """Where frame `k` begins if all frames have one bit rate; None if there is no such frame there."""
        slack = 4 if self._header.layer == 1 else 1
        low = max(self._begin, self._begin + int(k * self._mean_size) - slack)
        block = self._read_at(low, 2 * slack + 16)
        for shift in range(2 * slack + 2):
            header = parse_header(block[shift : shift + 8])
            if header is not None and self._alike(header):
                return low + shift
        return None

    def _walk(self) -> array[int]:
        """Offsets of all frames, from header to header, skipping what is none."""
        sizes: dict[bytes, int] = {}
        offsets = array("q")
        position, base, block = self._begin, 0, b""
        while position + 8 <= self._end:
            at = position - base
            if not 0 <= at <= len(block) - 8:
                base, at, block = position, 0, self._read_at(position, _BLOCK)
            key = block[at : at + 6] if self._header.layer == 0 else block[at : at + 3]
            size = sizes.get(key)
            if size is None:
                header = parse_header(block[at : at + 8])
                alike = header is not None and (header.layer, header.sr) == (self._header.layer, self._header.sr)
                size = sizes[key] = header.size if header is not None and alike else 0
            if size == 0:
                sync = block.find(b"\xff", at + 1, len(block) - 7)
                position = base + sync if sync >= 0 else base + max(len(block) - 7, at + 1)
            elif position + size <= self._end:
                offsets.append(position)
                position += size
            else:
                break
        return offsets


def _decode(decoder: Any, packet: bytes) -> list[Any]:
    try:
        return list(decoder.decode(av.Packet(packet))) if packet else []
    except av.error.FFmpegError:
        return []


def _end_of_audio(file: BinaryIO) -> int:
    """Length of the file without an ID3v1 tag and an APE tag at its end, bytes."""
    end = file.seek(0, os.SEEK_END)
    if end >= 128:
        file.seek(end - 128)
        if file.read(3) == b"TAG":
            end -= 128
    if end >= 32:
        file.seek(end - 32)
        footer = file.read(32)
        if footer[:8] == b"APETAGEX":
            has_header = 32 if footer[23] & 0x80 else 0
            end = max(0, end - int.from_bytes(footer[12:16], "little") - has_header)
    return end
