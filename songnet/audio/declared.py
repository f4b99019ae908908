"""The length that a file's header promises, which decoders correct in silence when the file was cut short."""

from __future__ import annotations

from typing import BinaryIO, Literal

__all__ = ["declared_frames", "declared_seconds"]

_PLACEHOLDERS = frozenset({0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF})
"""Chunk sizes that writers to a pipe leave behind, meaning "until the end"."""
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def declared_frames(file: BinaryIO, family: str) -> int | None:
    """Sample frames that a WAV or AIFF header promises, whatever the file still holds.

    Parameters
    ----------
    file : binary file
        Seekable.
    family : str
        `Signature.family`; anything but ``"wav"`` and ``"aiff"`` gives None.

    Returns
    -------
    int or None
        Frames (samples per channel); None where the header does not say (compressed data, written to a pipe).
    """
    file.seek(0)
    head = file.read(12)
    if family == "aiff" and head[:4] == b"FORM":
        return _aiff_frames(file)
    if family == "wav" and head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return _riff_frames(file, "big" if head[:4] == b"RIFX" else "little")
    return None


def _riff_frames(file: BinaryIO, order: Literal["big", "little"]) -> int | None:
    block, long_size = 0, 0
    for _ in range(64):
        chunk = file.read(8)
        if len(chunk) < 8:
            return None
        size = int.from_bytes(chunk[4:], order)
        if chunk[:4] == b"data":
            size = long_size if long_size and size == 0xFFFFFFFF else size
            return size // block if block and size not in _PLACEHOLDERS else None
        body = file.read(min(size, 40)) if chunk[:4] in (b"fmt ", b"ds64") else b""
        if chunk[:4] == b"ds64":
            long_size = int.from_bytes(body[8:16], "little")
        elif chunk[:4] == b"fmt ":
            kind = int.from_bytes(body[:2], order)
            # PCM, float and extensible: only there does a block hold one sample frame.
            block = int.from_bytes(body[12:14], order) if kind in (1, 3, 0xFFFE) else 0
        file.seek(size - len(body) + (size & 1), 1)
    return None


def _aiff_frames(file: BinaryIO) -> int | None:
    for _ in range(64):
        chunk = file.read(8)
        if len(chunk) < 8:
            return None
        size = int.from_bytes(chunk[4:], "big")
        if chunk[:4] == b"COMM":
            frames = int.from_bytes(file.read(6)[2:], "big")
            return frames if frames not in _PLACEHOLDERS else None
        file.seek(size + (size & 1), 1)
    return None


def declared_seconds(file: BinaryIO) -> float | None:
    """Playing time that the header of an ASF file (WMA) promises.

    Parameters
    ----------
    file : binary file
        Seekable.

    Returns
    -------
    float or None
        Seconds; None where the header does not say (broadcasts).
    """
    file.seek(0)
    header = file.read(1 << 16)
    at = header.find(_ASF_PROPERTIES)
    if at < 0 or len(header) < at + 92:
        return None
    play_100ns = int.from_bytes(header[at + 64 : at + 72], "little")
    preroll_ms = int.from_bytes(header[at + 80 : at + 88], "little")
    is_broadcast = header[at + 88] & 1
    seconds = play_100ns / 1e7 - preroll_ms / 1e3
    return seconds if seconds > 0 and not is_broadcast else None
