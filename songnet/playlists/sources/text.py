"""Lines of text files whose encoding nobody wrote down."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from songnet.errors import PlaylistError

LINE_LIMIT = 1 << 20
"""Bytes of one line; the longest path of any system is a fraction of it."""

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_IN_WINDOWS_1252 = frozenset({0x81, 0x8D, 0x8F, 0x90, 0x9D})


def decode(raw: bytes) -> str:
    """Bytes as UTF-8 (a byte order mark is dropped), else as Windows-1252 or Latin-1, in which all bytes are letters.

    Examples
    --------
    >>> decode("Café".encode()), decode("Café".encode("latin-1"))
    ('Café', 'Café')
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1" if _NOT_IN_WINDOWS_1252 & set(raw) else "cp1252")


def head_text(head: bytes) -> str:
    """The beginning of a file as text, for `Source.sniff`; the last character may be cut."""
    if head[:2] in _WIDE:
        return head.decode("utf-16", "replace")
    return head.decode("utf-8-sig", "replace")


def is_text(head: bytes) -> bool:
    """Whether the beginning of a file is text of any encoding that `read_lines` knows."""
    return head[:2] in _WIDE or b"\x00" not in head


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a text file, from 1, with their ends; each is decoded on its own.

    Raises
    ------
    PlaylistError
        If a line is longer than `LINE_LIMIT`: the file is no list of lines.
    """
    with path.open("rb") as stream:
        if stream.peek(2)[:2] in _WIDE:
            with io.TextIOWrapper(stream, "utf-16", errors="replace") as text:
                for number, line in enumerate(iter(lambda: text.readline(LINE_LIMIT), ""), 1):
                    _check_length(path, number, len(line))
                    yield number, line
            return
        for number, raw in enumerate(iter(lambda: stream.readline(LINE_LIMIT), b""), 1):
            _check_length(path, number, len(raw))
            yield number, decode(raw)


def _check_length(path: Path, number: int, length: int) -> None:
    if length >= LINE_LIMIT:
        raise PlaylistError(f"{path}, line {number}: longer than {LINE_LIMIT:,} bytes, so this is no playlist")
