"""What a file is, by its first bytes.

Extensions lie often enough (an m4a named .mp3, a web page saved as .flac) that none is looked at here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from songnet.audio.mpeg import parse_header

__all__ = ["Signature", "sniff"]

_HEAD = 4096
_CONTAINERS = (
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    b"\x1a\x45\xdf\xa3",
    b"MAC ",
    b"wvpk",
    b"TTA1",
    b"TTA2",
    b"MPCK",
    b"MP+",
    b"caff",
    b".snd",
    b"\x0b\x77",
    b"#!AMR",
    b"DSD ",
    b"FRM8",
    b"tBaK",
    b"\x7f\xfe\x80\x01",
)
_FOREIGN = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"%PDF",
    b"PK\x03\x04",
    b"\x7fELF",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"#EXTM3U",
    b"[playlist]",
    b"<?xml",
    b"BM",
)


@dataclass(frozen=True)
class Signature:
    """A file's family and where its audio begins.

    Attributes
    ----------
    family : str
        ``"wav"``, ``"aiff"``, ``"flac"``, ``"vorbis"`` (also FLAC in Ogg), ``"opus"``, ``"mpeg"`` (MPEG audio
        that says how long it is), ``"stream"`` (MPEG audio or ADTS that does not), ``"container"`` (another known
        one: MP4, ASF, Matroska, ...), ``"foreign"`` (known not to be audio) or ``""`` (unknown).
    offset : int
        Bytes before the first one that belongs to that family: the length of ID3v2 tags.
    """

    family: str
    offset: int


def sniff(file: BinaryIO) -> Signature:
    """Recognise an open file by its content.

    Parameters
    ----------
    file : binary file
        Seekable; read from its beginning, a few kilobytes.

    Returns
    -------
    Signature
    """
    offset = 0
    head = _read_at(file, 0)
    # Some taggers put a new ID3 tag before the one that they do not understand.
    for _ in range(8):
        if head[:3] != b"ID3" or len(head) < 10:
            break
        offset += 10 + _synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
        head = _read_at(file, offset)
    if offset and not head.strip(b"\0"):
        return Signature("mpeg", offset)
    if offset and head[:1] == b"\0":
        padding = len(head) - len(head.lstrip(b"\0"))
        offset += padding
        head = _read_at(file, offset)
    family = _family(head)
    if not offset or family:
        return Signature(family, offset)
    # Behind a tag there is music; its first frame may be a little further on than the tag says.
    junk = head.find(b"\xff")
    while junk >= 0 and not _mpeg_family(head[junk:]):
        junk = head.find(b"\xff", junk + 1)
    return Signature("mpeg", offset) if junk < 0 else Signature(_mpeg_family(head[junk:]), offset + junk)


def _read_at(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    return file.read(_HEAD)


def _synchsafe(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _family(head: bytes) -> str:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:16] == b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        page = head[28:512]
        if b"OpusHead" in page:
            return "opus"
        return "vorbis" if b"\x01vorbis" in page or b"\x7fFLAC" in page else "container"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") or head.startswith(_CONTAINERS):
        return "container"
    if head.startswith(_FOREIGN) or head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return "foreign"
    return _mpeg_family(head)


def _mpeg_family(head: bytes) -> str:
    header = parse_header(head)
    if header is None:
        return ""
    following = head[header.size : header.size + 8]
    # One sync word turns up in random bytes every few kilobytes; two in the right places do not.
    if len(following) >= 8 and parse_header(following) is None:
        return ""
    frame = head[: header.size]
    has_length = header.layer == 3 and (b"Xing" in frame[:48] or b"Info" in frame[:48] or b"VBRI" in frame[:48])
    return "mpeg" if has_length else "stream"
