"""Where the frames of an MPEG audio or ADTS stream lie in its file.

Frames say how long they are, not which they are. Here they are counted: by arithmetic where all have one bit rate
(probed, never assumed), by going from header to header otherwise, once and only when a frame is asked for. A late
frame is then as near as an early one, at whatever hour of the recording. The count leaves out tags at either end, so
retagging a file does not change it.
"""

from __future__ import annotations

import logging
import os
from array import array
from typing import BinaryIO

from songnet.audio.mpeg import FrameHeader, parse_header

__all__ = ["FrameMap", "end_of_audio"]

logger = logging.getLogger(__name__)

_PROBES = 24
_BLOCK = 1 << 20
_LONGEST = 8192
"""More than any frame has, bytes: ADTS counts them in 13 bits."""


class FrameMap:
    """The frames between two places of a file.

    Parameters
    ----------
    file : binary file
        Seekable; stays the caller's.
    begin : int
        Offset of the first frame, bytes.
    end : int
        Where audio ends at the latest, bytes; see `end_of_audio`.
    header : FrameHeader
        The first frame's. Frames of another layer or sampling rate are passed over.
    promised : int, optional
        Frames that the file claims to have; no more are looked for.
    """

    def __init__(
        self, file: BinaryIO, begin: int, end: int, header: FrameHeader, *, promised: int | None = None
    ) -> None:
        self._file, self._begin, self._end, self._header = file, begin, end, header
        # Bytes a frame takes on average: padding makes single frames a byte longer, never the sum.
        self._mean_size = header.samples / 8 * header.bit_rate / header.sr
        self._promised = promised
        self._key_size = 6 if header.layer == 0 else 3
        self._sizes: dict[bytes, int] = {}
        self._offsets: array[int] | None = None
        self._constant = header.layer != 0
        self._constant = self._constant and self._has_constant_rate()

    def __len__(self) -> int:
        """Frames that are wholly in the file."""
        n = int((self._end - self._begin + 1) / self._mean_size) if self._constant else len(self._walked())
        return n if self._promised is None else min(n, self._promised)

    def frames(self, first: int, stop: int) -> list[bytes]:
        """The bytes of frames ``first .. stop``.

        Parameters
        ----------
        first : int
            Number of the first, >= 0.
        stop : int
            One more than the last; beyond the end means up to it.

        Returns
        -------
        list of bytes
            One item a frame.
        """
        stop = min(stop, len(self))
        if first >= stop:
            return []
        if self._constant:
            frames = self._cut(first, stop)
            # The last frame may be cut off.
            if len(frames) >= min(stop, len(self) - 1) - first:
                return frames
            logger.debug("bit rate changes after all; going through the whole file")
            self._constant = False
            self._sizes.clear()
        offsets = self._walked()[first:stop]
        if not offsets:
            return []
        block = self._read_at(offsets[0], offsets[-1] - offsets[0] + _LONGEST)
        places = [offset - offsets[0] for offset in offsets]
        return [block[at : at + self._size(block, at)] for at in places]

    def first_within(self, frame: int, n_bytes: int, overhead: int) -> int:
        """The latest frame from which `n_bytes` of payload lie before `frame`.

        Parameters
        ----------
        frame : int
            Number of a frame.
        n_bytes : int
            Payload wanted, bytes.
        overhead : int
            Bytes of each frame that are no payload.

        Returns
        -------
        int
            Number of a frame, at most `frame`; 0 if there is not so much.
        """
        first, got = frame, 0.0
        while first > 0 and got < n_bytes:
            first -= 1
            size = self._mean_size if self._constant else self._walked()[first + 1] - self._walked()[first]
            # A frame with next to no payload still counts, so that the way back has an end.
            got += max(size - overhead, 1)
        return first

    def _read_at(self, offset: int, n: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(max(0, min(n, self._end - offset)))

    def _size(self, block: bytes, at: int) -> int:
        """Length of the frame at a place of a block, bytes; 0 if there is none that belongs to this stream."""
        key = block[at : at + self._key_size]
        size = self._sizes.get(key)
        if size is None:
            header = parse_header(block[at : at + 8])
            size = self._sizes[key] = header.size if header is not None and self._alike(header) else 0
        return size

    def _alike(self, header: FrameHeader) -> bool:
        known = self._header
        if (header.layer, header.sr) != (known.layer, known.sr):
            return False
        return header.bit_rate == known.bit_rate or not self._constant

    def _cut(self, first: int, stop: int) -> list[bytes]:
        offset = self._locate(first)
        if offset is None:
            return []
        block = self._read_at(offset, int((stop - first + 1) * self._mean_size) + 64)
        frames: list[bytes] = []
        at = 0
        while len(frames) < stop - first and at + 8 <= len(block):
            size = self._size(block, at)
            if size == 0 or at + size > len(block):
                break
            frames.append(block[at : at + size])
            at += size
        return frames

    def _has_constant_rate(self) -> bool:
        last = len(self) - 1
        return last >= 0 and all(self._locate(last * i // _PROBES) is not None for i in range(_PROBES, -1, -1))

    def _locate(self, k: int) -> int | None:
        """Where frame `k` begins if all frames have one bit rate; None if there is no such frame there."""
        slack = 4 if self._header.layer == 1 else 1
        low = max(self._begin, self._begin + int(k * self._mean_size) - slack)
        block = self._read_at(low, 2 * slack + 16)
        for shift in range(2 * slack + 2):
            if block[shift : shift + 1] == b"\xff" and len(block) >= shift + 8 and self._size(block, shift):
                return low + shift
        return None

    def _walked(self) -> array[int]:
        if self._offsets is None:
            self._sizes.clear()
            self._offsets = self._walk()
        return self._offsets

    def _walk(self) -> array[int]:
        """Offsets of all frames, from header to header, skipping what is none."""
        sizes, key_size = self._sizes, self._key_size
        offsets = array("q")
        position = self._begin
        while position + 8 <= self._end:
            block = self._read_at(position, _BLOCK)
            at, last = 0, len(block) - 8
            while at <= last:
                size = sizes.get(block[at : at + key_size])
                if size is None:
                    size = self._size(block, at)
                if size:
                    offsets.append(position + at)
                    at += size
                else:
                    sync = block.find(b"\xff", at + 1, last + 1)
                    at = sync if sync >= 0 else last + 1
            position += max(at, 1)
        if position > self._end and offsets:
            # Only the last frame can reach beyond the end.
            offsets.pop()
        return offsets


def end_of_audio(file: BinaryIO) -> int:
    """Length of a file without an ID3v1 tag and an APE tag at its end.

    Parameters
    ----------
    file : binary file
        Seekable.

    Returns
    -------
    int
        Bytes.
    """
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
