"""Spotify's answers as playlists, in the shape before February 2026 (``track``) and the one since (``item``)."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from songnet.errors import ParameterError
from songnet.playlists.model import Entry, seconds, tidy, tidy_isrc, tidy_uri
from songnet.playlists.spotify.errors import ForeignHostError, SpotifyError
from songnet.playlists.spotify.session import origin

_ID = re.compile(r"[0-9A-Za-z]{22}")
_KINDS = ("playlist", "track", "album", "artist", "show", "episode", "audiobook", "chapter", "user")

PAGE_SIZE = 50
"""Items a page: what the API allows at most."""
MOST_CHARACTERS = 5_000
"""Characters of all texts of an item together, and of one text of a playlist; Spotify's own are far shorter."""

REMOVED, LOCAL, EPISODE, NAMELESS = "removed from Spotify", "local files", "podcast episodes", "without a name"
OVERLONG = f"with more than {MOST_CHARACTERS:,} characters of text"
"""Why an item is left out."""


@dataclass(frozen=True)
class Header:
    """A playlist without its entries.

    Parameters
    ----------
    playlist_id : str
        22 letters and digits.
    name : str
        As written; the id where none is.
    snapshot_id : str or None
        Changes with every change of the entries.
    owner, description : str or None
        As shown; HTML entities decoded.
    """

    playlist_id: str
    name: str
    snapshot_id: str | None
    owner: str | None = None
    description: str | None = None

    @property
    def uri(self) -> str:
        """What Spotify calls the playlist."""
        return f"spotify:playlist:{self.playlist_id}"


@dataclass(frozen=True)
class Page:
    """A piece of a playlist.

    Parameters
    ----------
    offset : int
        Place of its first item in the playlist, from 0.
    total : int
        Items of the whole playlist, as this answer counts them.
    n_items : int
        Items in the answer, those left out included.
    entries : tuple of Entry
        Their positions mean nothing.
    left_out : dict of str to int
        Items left out, by reason.
    """

    offset: int
    total: int
    n_items: int
    entries: tuple[Entry, ...]
    left_out: Mapping[str, int]


def parse_playlist_id(text: str) -> str:
    """The id of a playlist from its id, URI or web address.

    Raises
    ------
    ParameterError
        If it is none, such as the address of a track.

    Examples
    --------
    >>> parse_playlist_id("https://open.spotify.com/playlist/37i9dQZF1DXcBWIGoYBM5M?si=1")
    '37i9dQZF1DXcBWIGoYBM5M'
    >>> parse_playlist_id("spotify:playlist:37i9dQZF1DXcBWIGoYBM5M")
    '37i9dQZF1DXcBWIGoYBM5M'
    """
    hint = "give the id, URI or web address of a playlist (Share, Copy link)"
    parts: list[str] = []
    if text.lower().startswith("spotify:"):
        parts = text.split(":")[1:]
    elif "://" in text or text.startswith("open.spotify.com/"):
        if origin(text if "://" in text else f"https://{text}")[1] != "open.spotify.com":
            raise ParameterError(f"{text!r} is no address at open.spotify.com: {hint}")
        path = urlsplit(text if "://" in text else f"https://{text}").path.strip("/").split("/")
        parts = path[1:] if path[0].startswith("intl-") or path[0] == "embed" else path
    elif _ID.fullmatch(text):
        return text
    if parts[:1] == ["user"] and parts[2:3] == ["playlist"]:
        parts = parts[2:]
    if parts and parts[0] != "playlist" and parts[0] in _KINDS:
        article = "an" if parts[0][0] in "ae" else "a"
        raise ParameterError(f"{text!r} is {article} {parts[0]}, no playlist: {hint}")
    if len(parts) == 2 and parts[0] == "playlist" and _ID.fullmatch(parts[1]):
        return parts[1]
    raise ParameterError(f"{text!r} is no playlist of Spotify: {hint}")


def parse_header(content: object) -> Header | None:
    """A playlist's header; None when the answer names none (Spotify's lists have holes)."""
    fields = content if isinstance(content, dict) else {}
    playlist_id = fields.get("id")
    if not isinstance(playlist_id, str) or not _ID.fullmatch(playlist_id):
        return None
    owner = _mapping(fields.get("owner"))
    snapshot_id = tidy(fields.get("snapshot_id"))
    return Header(
        playlist_id=playlist_id,
        name=_shown(fields.get("name")) or playlist_id,
        # A state is known by the whole of its name or not at all.
        snapshot_id=snapshot_id if snapshot_id and len(snapshot_id) <= MOST_CHARACTERS else None,
        owner=_shown(owner.get("display_name")) or _shown(owner.get("id")),
        description=_shown(html.unescape(_shown(fields.get("description")) or "")),
    )


def _shown(value: object) -> str | None:
    text = tidy(value)
    return text and text[:MOST_CHARACTERS]


def check_paging(content: Mapping[str, Any], api: str, offset: int) -> tuple[list[Any], int]:
    """Items and total of a page, once it is sure that it is the page that was asked for.

    Raises
    ------
    ForeignHostError
        If the next page is said to be at another host; the message names it.
    SpotifyError
        If the answer is no page, or another one.
    """
    items, total, where = content.get("items"), content.get("total"), content.get("offset", offset)
    if not isinstance(items, list) or not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise SpotifyError("Spotify's answer holds no list of items and their number")
    if total >= 2**53 or len(items) > PAGE_SIZE:
        raise SpotifyError("Spotify's answer holds, or names, more items than there can be")
    following = content.get("next")
    # Addresses are never followed, but one that leads elsewhere means that the answer is not to be believed.
    if following is not None and not (isinstance(following, str) and origin(following) == origin(api)):
        host = (origin(following)[1] if isinstance(following, str) else "")[:100] or "nowhere"
        raise ForeignHostError(f"Spotify's answer leads to another host for the next page ({host}): nothing was sent")
    if where != offset:
        where = where if isinstance(where, int) and abs(where) < 2**53 else "elsewhere"
        raise SpotifyError(f"Spotify sent the items from {where} on where those from {offset} on were asked for")
    return items, total


def parse_page(content: Mapping[str, Any], api: str, offset: int) -> Page:
    """A page of a playlist's items; raises as `check_paging` does."""
    items, total = check_paging(content, api, offset)
    entries: list[Entry] = []
    left_out: Counter[str] = Counter()
    for item in items:
        found = _parse_item(_mapping(item), len(entries))
        if isinstance(found, Entry):
            entries.append(found)
        else:
            left_out[found] += 1
    return Page(offset, total, len(items), tuple(entries), dict(sorted(left_out.items())))


def _parse_item(item: Mapping[str, Any], position: int) -> Entry | str:
    """The entry of an item, or why it is left out."""
    # During the change both keys are sent.
    track = next((item[key] for key in ("item", "track") if isinstance(item.get(key), dict)), None)
    if track is None:
        return LOCAL if item.get("is_local") is True else REMOVED
    uri = str(track.get("uri") or "")
    if item.get("is_local") is True or track.get("is_local") is True or uri.startswith("spotify:local:"):
        return LOCAL
    if track.get("type") == "episode" or track.get("episode") is True or uri.startswith("spotify:episode:"):
        return EPISODE
    # In a country where a track is sold under another id, the playlist still holds the one that it is linked from.
    original = _mapping(track.get("linked_from"))
    artists = track.get("artists") if isinstance(track.get("artists"), list) else []
    names = [tidy(_mapping(artist).get("name")) for artist in artists or []]
    entry = Entry(
        position=position,
        title=tidy(track.get("name")),
        artist=", ".join(name for name in names if name) or None,
        album=tidy(_mapping(track.get("album")).get("name")),
        duration_s=seconds(track.get("duration_ms"), unit=0.001),
        isrc=tidy_isrc(_mapping(track.get("external_ids")).get("isrc")),
        track_uri=next(
            filter(None, (tidy_uri(source.get(key)) for source in (original, track) for key in ("uri", "id"))), None
        ),
        added_at=tidy(item.get("added_at")),
    )
    if sum(len(value) for value in vars(entry).values() if isinstance(value, str)) > MOST_CHARACTERS:
        return OVERLONG
    return NAMELESS if entry.is_empty else entry


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
