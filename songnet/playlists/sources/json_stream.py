"""JSON files of any size, one object of them in memory at a time."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ijson
import numpy as np

from songnet.errors import PlaylistError

OBJECT_BYTES = 32 << 20
"""Bytes of one playlist at most; a playlist of 10,000 tracks, the most that Spotify allows, has five million."""

OBJECT_PARTS = 1_000_000
"""Objects and arrays within one playlist, at most: they need far more memory than text does."""

DEPTH = 100
"""Objects and arrays within each other, at most: the parser's memory grows with the square of it."""

_CHUNK_BYTES = 1 << 18
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_STEP = np.zeros(256, dtype=np.int64)
_STEP[list(b"[{")], _STEP[list(b"]}")] = 1, -1


def stream_objects(path: Path, prefix: str) -> Iterator[Any]:
    """Objects of a JSON file that stand at a place, in order.

    Parameters
    ----------
    path : pathlib.Path
        The file. Line breaks do not matter.
    prefix : str
        Place as ijson writes it: ``"playlists.item"`` is every member of the array ``playlists``.

    Yields
    ------
    Any
        What stands there, as `json.load` gives it, numbers with a fraction as float.

    Raises
    ------
    PlaylistError
        Where the file is cut off or is not JSON, or where one object is larger than `OBJECT_BYTES`, has more parts
        than `OBJECT_PARTS` or is nested deeper than `DEPTH`; what stood before has been yielded.
    """
    found = ijson.sendable_list()
    parser = ijson.items_coro(found, prefix, use_float=True)
    n_found = n_read = since = parts = depth = 0
    opened = b""
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK_BYTES)
            if n_read == 0:
                chunk = chunk.removeprefix(codecs.BOM_UTF8)
            n_read += len(chunk)
            brackets, opened = _outside_strings(opened + chunk)
            steps = _STEP[np.frombuffer(brackets, dtype=np.uint8)]
            if depth + int(np.cumsum(steps).max(initial=0)) > DEPTH:
                raise PlaylistError(f"{path}, near byte {n_read:,}: nested deeper than {DEPTH}, which no playlist is")
            depth += int(steps.sum())
            error = _feed(parser, chunk)
            # What was whole before the fault is worth keeping.
            since, parts = (0, 0) if found else (since + len(chunk), parts + int((steps == 1).sum()))
            n_found += len(found)
            yield from found
            del found[:]
            if error is not None:
                raise PlaylistError(_explain(path, error, n_found, n_read, ended=not chunk))
            if not chunk:
                return
            if since > OBJECT_BYTES or parts > OBJECT_PARTS:
                size = f"{OBJECT_BYTES >> 20} MiB" if since > OBJECT_BYTES else f"{OBJECT_PARTS:,} parts"
                raise PlaylistError(
                    f"{path}, byte {n_read:,}: playlist {n_found + 1} has more than {size}, which no playlist needs;"
                    f" the {n_found} before it were read"
                )


def _outside_strings(text: bytes) -> tuple[bytes, bytes]:
    """The brackets of a piece of JSON that stand in no string, and what opens the string that it ends in, if any."""
    structure, quote, rest = _STRING.sub(b"", text).partition(b'"')
    brackets = structure.translate(None, delete=_NO_BRACKETS)
    # A backslash at the very end belongs to what comes next.
    escaped = (len(rest) - len(rest.rstrip(b"\\"))) % 2
    return brackets, quote + b"\\" * escaped


def _feed(parser: Any, chunk: bytes) -> Exception | None:
    try:
        if chunk:
            parser.send(chunk)
        else:
            parser.close()
    except StopIteration:  # something stands behind the end of the JSON value
        return ValueError("text behind the end")
    except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        fault: Exception = error
        return fault
    return None


def _explain(path: Path, error: Exception, n_found: int, n_read: int, *, ended: bool) -> str:
    if ended:
        return (
            f"{path}, byte {n_read:,}: the file is cut off within playlist {n_found + 1}; the {n_found} before it were"
            " read: get the file again"
        )
    # The parser draws an arrow under the place, in further lines.
    told = error.args[0] if error.args else error
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    reason = text.partition("\n")[0].strip()
    return f"{path}, before byte {n_read:,}: not JSON behind playlist {n_found} ({reason}); what came before was read"
