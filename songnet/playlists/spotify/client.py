"""What is asked of Spotify: a user's playlists, one playlist's header, one page of its items. Nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import spotipy

from songnet.playlists.spotify.errors import SignInError, SpotifyError, StatusError
from songnet.playlists.spotify.parse import PAGE_SIZE, Header, Page, check_paging, parse_header, parse_page
from songnet.playlists.spotify.session import GuardedSession
from songnet.playlists.spotify.settings import Endpoints
from songnet.playlists.spotify.tokens import TIMEOUT_S, Tokens

MOST_PLAYLISTS = 50_000
"""So many playlists of a user are read, and no more, whatever number a server names."""

_FIELDS = "id,name,description,snapshot_id,owner(id,display_name)"


class SpotifyClient:
    """A connection to the Web API. It counts offsets itself and follows no address that an answer holds.

    Parameters
    ----------
    endpoints : Endpoints
        Where the API is.
    session : GuardedSession
        Sends, waits and repeats.
    tokens : Tokens
        Who asks.
    """

    def __init__(self, endpoints: Endpoints, session: GuardedSession, tokens: Tokens) -> None:
        self._api = endpoints.api
        self._tokens = tokens
        self._spotify = spotipy.Spotify(
            auth_manager=tokens, requests_session=session, requests_timeout=TIMEOUT_S, retries=0, status_retries=0
        )
        self._spotify.prefix = endpoints.api
        self._address = "items"

    def user_playlists(self, told: Callable[[int, int], None] = lambda done, total: None) -> tuple[list[Header], int]:
        """Headers of the playlists that the user owns or follows, and how many more are said to be there.

        Parameters
        ----------
        told : callable
            Is told after each page how many places of the list are read, and how many it has.

        Raises
        ------
        SpotifyError
            If the list cannot be read.
        """
        headers: dict[str, Header] = {}
        offset, total, missing = 0, 1, 0
        while offset < min(total, MOST_PLAYLISTS):
            content = self._ask(lambda at=offset: self._spotify.current_user_playlists(limit=PAGE_SIZE, offset=at))  # type: ignore[misc]
            items, total = check_paging(content, self._api, offset)
            step = page_step(content)
            expected = min(step, total - offset)
            found = [header for header in map(parse_header, items) if header is not None]
            missing += max(0, expected - len(found))
            headers.update({header.playlist_id: header for header in found})
            if not items:
                missing += max(0, total - offset - expected)
                break
            offset += step
            told(min(offset, total), total)
        else:
            missing += max(0, total - offset)
        return list(headers.values()), missing

    def playlist(self, playlist_id: str) -> Header:
        """A playlist's header.

        Raises
        ------
        SpotifyError
            If it cannot be read; `StatusError` if there is none, or it may not be read.
        """
        header = parse_header(self._ask(lambda: self._spotify.playlist(playlist_id, fields=_FIELDS)))
        if header is None or header.playlist_id != playlist_id:
            raise SpotifyError("Spotify's answer is not the playlist that was asked for")
        return header

    def page(self, playlist_id: str, offset: int) -> tuple[Page, int]:
        """The items of a playlist from an offset on, and how many one page holds.

        The address since 2026 (``/items``) comes first. Where it is not known (404), the one before (``/tracks``) is
        asked, and first from then on. A refusal (403) is about the playlist, not about the address.
        """
        try:
            content = self._ask(lambda: self._items(playlist_id, offset))
        except StatusError as error:
            if error.status != 404:
                raise
            usual, self._address = self._address, "tracks" if self._address == "items" else "items"
            try:
                content = self._ask(lambda: self._items(playlist_id, offset))
            except StatusError:
                self._address = usual
                raise error from None
        return parse_page(content, self._api, offset), page_step(content)

    def _items(self, playlist_id: str, offset: int) -> Any:
        if self._address == "items":
            return self._spotify.playlist_items(playlist_id, limit=PAGE_SIZE, offset=offset)
        # spotipy has no public method for this address any more.
        return self._spotify._get(
            f"playlists/{playlist_id}/tracks", limit=PAGE_SIZE, offset=offset, additional_types="track,episode"
        )

    def _ask(self, ask: Callable[[], Any]) -> Mapping[str, Any]:
        """An answer; a token that is refused is renewed once."""
        try:
            try:
                answer = ask()
            except StatusError as error:
                if error.status != 401:
                    raise
                self._tokens.renew()
                answer = ask()
        except StatusError as error:
            if error.status == 401:
                raise SignInError(
                    f"Spotify refuses a token that it has just given ({error.said or 401}): sign in again with --login,"
                    " or check the app in the dashboard"
                ) from None
            raise
        except RecursionError:  # spotipy writes the answer out for its log
            raise SpotifyError("Spotify's answer is nested too deeply: it was not used") from None
        return answer if isinstance(answer, dict) else {}


def page_step(content: Mapping[str, Any]) -> int:
    """Items that a whole page holds: what was asked for, or less if the answer says so."""
    limit = content.get("limit")
    return limit if isinstance(limit, int) and 0 < limit < PAGE_SIZE else PAGE_SIZE
