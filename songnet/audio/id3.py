"""The one ID3v2 frame that tag libraries leave out and that MusicBrainz Picard needs: unique file identifiers."""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["read_unique_file_ids"]

_LONGEST_TAG = 1 << 24
_LONGEST_ID = 64


def read_unique_file_ids(file: BinaryIO) -> dict[str, str]:
    """Read the ``UFID`` frames of the ID3v2 tag at the beginning of a file.

    Parameters
    ----------
    file : binary file
        Seekable. Other frames (pictures) are skipped over, not read.

    Returns
    -------
    dict
        Owner -> identifier, such as ``{"http://musicbrainz.org": "<recording id>"}``; empty if there is no such tag
        or it is damaged.
    """
    file.seek(0)
    header = file.read(10)
    if len(header) < 10 or header[:3] != b"ID3" or header[3] not in (2, 3, 4):
        return {}
    version, flags, end = header[3], header[5], 10 + _synchsafe(header[6:10])
    if end > _LONGEST_TAG:
        return {}
    unsynchronised = bool(flags & 0x80)
    if flags & 0x40 and version > 2:
        size = file.read(4)
        # Version 2.3 counts the extended header without its own four bytes, 2.4 with them.
        file.seek(int.from_bytes(size, "big") if version == 3 else max(0, _synchsafe(size) - 4), 1)
    head_size = 6 if version == 2 else 10
    found: dict[str, str] = {}
    while file.tell() + head_size <= end:
        head = file.read(head_size)
        name = head[:3] if version == 2 else head[:4]
        if len(head) < head_size or not name.isalnum():
            break
        if version == 2:
            size_of_frame = int.from_bytes(head[3:6], "big")
        else:
            size_of_frame = _synchsafe(head[4:8]) if version == 4 else int.from_bytes(head[4:8], "big")
        if name not in (b"UFI", b"UFID") or size_of_frame > 4096:
            file.seek(size_of_frame, 1)
            continue
        data = file.read(size_of_frame)
        if unsynchronised:
            data = data.replace(b"\xff\x00", b"\xff")
        owner, _, identifier = data.partition(b"\0")
        if identifier and len(identifier) <= _LONGEST_ID:
            found[owner.decode("latin-1")] = identifier.decode("latin-1")
    return found


def _synchsafe(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value
