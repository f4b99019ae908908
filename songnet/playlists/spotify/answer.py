"""Reads what a server answers: so much and no more, whatever it sends."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from songnet.playlists.spotify.errors import LONGEST_NAMED_S, SpotifyError

MOST_BYTES = 32 * 2**20
"""Bytes of an answer after decompression; the largest page of Spotify's has less than a thirtieth of it."""
MOST_SIGNS = 500_000
"""Commas and opening brackets of an answer: what bounds the number of its values, and so the memory they take."""

_PIECE = 2**16


def read_body(answer: requests.Response, host: str) -> bytes:
    """The body of an answer that was asked for as a stream, decompressed; the answer then holds it too.

    Parameters
    ----------
    answer : requests.Response
        Not read yet. Its text is taken as UTF-8 from now on, as JSON is (RFC 8259, 8.1).
    host : str
        Who sent it, for the message.

    Raises
    ------
    SpotifyError
        If it is larger than `MOST_BYTES`.
    requests.RequestException
        If it breaks off.
    """
    body = bytearray()
    for piece in answer.iter_content(_PIECE):
        body += piece
        if len(body) > MOST_BYTES:
            answer.close()
            raise SpotifyError(f"{host} sends an answer of more than {MOST_BYTES // 2**20} MiB: it was not read")
    # spotipy reads the answer by its own means, and again; a guess of the encoding would take minutes.
    answer._content = bytes(body)
    answer._content_consumed = True
    answer.encoding = "utf-8"
    return answer._content


def read_json(body: bytes, host: str) -> Any:
    """What a body holds; None when it is no JSON.

    Raises
    ------
    SpotifyError
        If it holds more values than `MOST_SIGNS` allows, or values nested too deeply.
    """
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > MOST_SIGNS:
        raise SpotifyError(f"{host} sends an answer of more than {MOST_SIGNS:,} values: it was not used")
    try:
        return json.loads(body.decode("utf-8"))
    except RecursionError:
        raise SpotifyError(f"{host} sends an answer that is nested too deeply: it was not used") from None
    except ValueError:
        return None


def content_type(answer: requests.Response) -> str:
    """The media type that an answer names, such as ``"text/html"``; empty when it names none."""
    found = re.match(r"\s*([\w.+-]{1,40}/[\w.+-]{1,40})", answer.headers.get("Content-Type", ""), re.ASCII)
    return found.group(1).lower() if found else ""


def said_of_refusal(content: object) -> str:
    r"""Spotify's words for a refusal: ``error`` is an object in the API and a word in the accounts service.

    Examples
    --------
    >>> said_of_refusal({"error": {"message": "Not\nfound"}}), said_of_refusal({"error": [1]})
    ('Not found', '')
    """
    error = content.get("error") if isinstance(content, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    return " ".join(text.split()) if isinstance(text, str) else ""


def read_retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait, `LONGEST_NAMED_S` at most; None when it says nothing of use.

    Parameters
    ----------
    text : str or None
        Seconds, or a date (RFC 9110, 10.2.3).

    Examples
    --------
    >>> read_retry_after(" 12 "), read_retry_after("-3"), read_retry_after("soon"), read_retry_after("9" * 20)
    (12.0, None, None, 31536000.0)
    """
    text = (text or "").strip()
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        return min(float(text), LONGEST_NAMED_S)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        wait = (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, round(wait, 1)), LONGEST_NAMED_S)


__all__ = [
    "MOST_BYTES", "MOST_SIGNS", "content_type", "read_body", "read_json", "read_retry_after",
    "said_of_refusal",
]  # fmt: skip
