"""Access tokens: kept on disk for a user, in memory for an app."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Protocol

import spotipy

from songnet.playlists.spotify.errors import ServiceError, SignInError, StatusError
from songnet.playlists.spotify.session import GuardedSession
from songnet.playlists.spotify.settings import App, Endpoints, make_private, write_private

SCOPE = "playlist-read-private playlist-read-collaborative"
TIMEOUT_S = (10.0, 30.0)
"""Seconds to connect, and between two pieces of an answer; `session.ANSWER_S` bounds the whole."""

_KEPT = ("access_token", "refresh_token", "expires_at", "expires_in", "scope", "token_type")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


class Tokens(Protocol):
    """Gives access tokens to the client; spotipy calls it an auth manager."""

    def get_access_token(self, as_dict: bool = False) -> str:
        """A token to send with a request."""

    def renew(self) -> None:
        """Get another token after Spotify refused the present one."""


class TokenFile(spotipy.CacheHandler):  # type: ignore[misc]
    """The sign-in of a user in a file that only its owner can read.

    Parameters
    ----------
    folder : pathlib.Path
        See `songnet.playlists.spotify.settings.token_folder`; made with mode 0700, the file with 0600.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "token.json"

    def get_cached_token(self) -> dict[str, Any] | None:
        """What was saved; None when there is nothing that can be used."""
        try:
            content = json.loads(self.path.read_text())
            make_private(self.path.parent)
            self.path.chmod(0o600)
        except (FileNotFoundError, ValueError):
            return None
        return content if _is_usable(content) else None

    def save_token_to_cache(self, token_info: dict[str, Any]) -> None:
        """Replace what was saved."""
        if not _is_usable(token_info):
            raise ServiceError("Spotify's accounts service sent no token that can be used: sign in again with --login")
        kept = {key: value for key, value in token_info.items() if key in _KEPT and isinstance(value, (str, int))}
        write_private(self.path, json.dumps(kept).encode())

    def remove(self) -> bool:
        """Delete what was saved; returns whether there was anything."""
        there = self.path.exists()
        self.path.unlink(missing_ok=True)
        return there


def _is_usable(content: object) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("expires_at"), int):
        return False
    # A line break in a token would end in an error message that quotes it.
    return all(
        isinstance(content.get(key), str) and _TOKEN.fullmatch(content[key])
        for key in ("access_token", "refresh_token")
    )


def make_pkce(app: App, endpoints: Endpoints, session: GuardedSession, cache: TokenFile, state: str | None) -> Any:
    """Spotipy's flow for users (authorization code with PKCE, RFC 7636), on our session and our file."""
    flow = spotipy.SpotifyPKCE(
        client_id=app.client_id,
        redirect_uri=app.redirect_uri,
        state=state,
        scope=SCOPE,
        requests_session=session,
        requests_timeout=TIMEOUT_S,
        open_browser=False,
        cache_handler=cache,
    )
    flow.OAUTH_AUTHORIZE_URL = f"{endpoints.accounts}authorize"
    flow.OAUTH_TOKEN_URL = f"{endpoints.accounts}api/token"
    return flow


class UserTokens:
    """Tokens of the user who signed in.

    Parameters
    ----------
    app, endpoints, session
        As everywhere in this package.
    cache : TokenFile
        Where the sign-in is kept.
    """

    def __init__(self, app: App, endpoints: Endpoints, session: GuardedSession, cache: TokenFile) -> None:
        self._flow = make_pkce(app, endpoints, session, cache, None)
        self._cache = cache
        self._secrets = session.secrets

    def get_access_token(self, as_dict: bool = False) -> str:
        """The stored token, a new one if it is about to expire.

        Raises
        ------
        SignInError
            If nobody is signed in, or the sign-in is accepted no more.
        """
        content = self._load()
        if self._flow.is_token_expired(content):
            self.renew()
            content = self._load()
        return str(content["access_token"])

    def renew(self) -> None:
        """Get another token by the refresh token.

        Raises
        ------
        SignInError
            If Spotify does not accept the refresh token: it was revoked, or belongs to another app.
        """
        try:
            self._secrets.hide(*_texts(self._flow.refresh_access_token(self._load()["refresh_token"])))
        except StatusError as error:
            raise SignInError(
                f"Spotify accepts the stored sign-in no more ({error.said or error.status}): sign in again with --login"
            ) from None
        except (KeyError, TypeError):
            raise ServiceError(
                "Spotify's accounts service sent no token that can be used: sign in again with --login"
            ) from None

    def _load(self) -> dict[str, Any]:
        content = self._cache.get_cached_token()
        if content is None:
            raise SignInError(
                "you are not signed in to Spotify: songnet playlists spotify --login (or --public for public playlists)"
            )
        self._secrets.hide(*_texts(content))
        return content


class AppTokens:
    """Tokens of the app itself, by client credentials: public playlists only. Nothing is kept on disk.

    Parameters
    ----------
    app : App
        With its client secret.
    endpoints, session
        As everywhere in this package.
    """

    def __init__(self, app: App, endpoints: Endpoints, session: GuardedSession) -> None:
        session.secrets.hide(app.client_secret)
        self._secrets = session.secrets
        self._flow = spotipy.SpotifyClientCredentials(
            client_id=app.client_id,
            client_secret=app.client_secret,
            requests_session=session,
            requests_timeout=TIMEOUT_S,
            cache_handler=spotipy.MemoryCacheHandler(),
        )
        self._flow.OAUTH_TOKEN_URL = f"{endpoints.accounts}api/token"

    def get_access_token(self, as_dict: bool = False) -> str:
        """The present token, a new one if there is none or it is about to expire.

        Raises
        ------
        SignInError
            If Spotify does not accept client id and secret.
        """
        return self._ask(check_cache=True)

    def renew(self) -> None:
        """Get another token; raises as `get_access_token` does."""
        self._ask(check_cache=False)

    def _ask(self, *, check_cache: bool) -> str:
        try:
            token = str(self._flow.get_access_token(as_dict=False, check_cache=check_cache))
        except StatusError as error:
            raise SignInError(
                f"Spotify does not accept the app ({error.said or error.status}): check SPOTIFY_CLIENT_ID and"
                " SPOTIFY_CLIENT_SECRET"
            ) from None
        except (KeyError, TypeError):
            token = ""
        if not _TOKEN.fullmatch(token):
            raise ServiceError("Spotify's accounts service sent no token that can be used: try again later")
        self._secrets.hide(token)
        return token


def _texts(content: Any) -> list[str]:
    return [content[key] for key in ("access_token", "refresh_token") if isinstance(content.get(key), str)]
