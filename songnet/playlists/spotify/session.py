"""The one way out to the network: two hosts, no redirects, retries that are told of and end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from songnet.playlists.spotify.errors import (
    ForeignHostError,
    RateLimitError,
    ServiceError,
    StatusError,
)
from songnet.playlists.spotify.redact import SecretFilter
from songnet.playlists.spotify.settings import Endpoints, is_loopback

ATTEMPTS = 5
LONGEST_WAIT_S = 60.0
"""Seconds that one request may be held up by waiting, all waits together."""

_RETRIED = frozenset({429, 500, 502, 503, 504})


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address: what decides who gets a token.

    Examples
    --------
    >>> origin("https://api.spotify.com/v1/") == origin("https://API.spotify.com:443/x")
    True
    >>> origin("https://api.spotify.com.evil.org/") == origin("https://api.spotify.com/")
    False
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ("", url, None)
    scheme = parts.scheme.lower()
    return (scheme, (parts.hostname or "").lower(), port or {"https": 443, "http": 80}.get(scheme))


@dataclass(frozen=True)
class _Trouble:
    """Why a request may be tried again, and how long Spotify asks to wait, seconds."""

    reason: str
    limited: bool = False
    wait_s: float | None = None


class GuardedSession(requests.Session):
    """A session that sends to Spotify's two hosts only, and repeats itself rather than letting spotipy do so.

    Parameters
    ----------
    endpoints : Endpoints
        The two hosts.
    notify : callable
        Is told of every wait, in one line, before it.
    sleep : callable
        Waits that many seconds.
    backoff_s : float
        First wait where Spotify names none; it doubles with every attempt.

    Attributes
    ----------
    secrets : SecretFilter
        Watches the loggers until `close`.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        notify: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        backoff_s: float = 0.5,
    ) -> None:
        super().__init__()
        self.secrets = SecretFilter()
        self.secrets.attach()
        self._origins = {origin(endpoints.api), origin(endpoints.accounts)}
        self._notify = notify
        self._sleep = sleep
        self._backoff_s = backoff_s
        # With an auth of its own a session takes none from ~/.netrc, which would replace the token.
        self.auth = _leave
        self.trust_env = not is_loopback(endpoints.api)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request; the answer is a success with a JSON object in it.

        Raises
        ------
        ForeignHostError
            If the request, or a redirect, leads to another host. Nothing is sent there.
        RateLimitError
            If Spotify asks for more than `LONGEST_WAIT_S` of waiting.
        ServiceError
            If Spotify cannot be reached, fails, or answers with something cut off, `ATTEMPTS` times.
        StatusError
            If Spotify refuses the request.
        """
        host = origin(request.url or "")
        if host not in self._origins:
            raise ForeignHostError(f"a request would leave Spotify for {host[1]}: it was not sent")
        kwargs["allow_redirects"] = False
        waited = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._once(request, kwargs)
            if isinstance(answer, requests.Response):
                return answer
            wait = self._backoff_s * 2 ** (attempt - 1) if answer.wait_s is None else answer.wait_s
            waited += wait
            if waited > LONGEST_WAIT_S or (answer.limited and attempt == ATTEMPTS):
                raise RateLimitError(wait)
            if attempt == ATTEMPTS:
                raise ServiceError(f"{host[1]}: {answer.reason}, {ATTEMPTS} times: run the same command again later")
            if answer.wait_s is None:
                self._notify(f"{host[1]}: {answer.reason}; trying again in {wait:g} s")
            else:
                self._notify(f"Spotify asks to wait {wait:g} s")
            self._sleep(wait)
        raise AssertionError("unreachable")

    def _once(self, request: requests.PreparedRequest, kwargs: dict[str, Any]) -> requests.Response | _Trouble:
        host = urlsplit(request.url or "").hostname
        # The errors of requests are not passed on: their text can hold what was sent.
        try:
            answer = super().send(request, **kwargs)
        except requests.exceptions.SSLError:
            raise ServiceError(f"{host}: its certificate is not accepted: check the clock and the network") from None
        except requests.exceptions.Timeout:
            return _Trouble("no answer in time")
        except requests.exceptions.RequestException as error:
            cut = isinstance(
                error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
            )
            return _Trouble("an answer that is cut off" if cut else "no connection")
        if 300 <= answer.status_code < 400:
            goal = urlsplit(answer.headers.get("Location", "")).hostname or "an address that is not named"
            raise ForeignHostError(f"{host} answers with a redirect to {goal}: it was not followed")
        if answer.status_code in _RETRIED:
            return _Trouble(
                f"answer {answer.status_code}",
                limited=answer.status_code == 429,
                wait_s=read_retry_after(answer.headers.get("Retry-After")),
            )
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.status_code >= 400:
            raise StatusError(answer.status_code, self.secrets.redact(_said(content)))
        return answer if isinstance(content, dict) else _Trouble("an answer that is cut off")

    def close(self) -> None:
        """Close the connections and leave the loggers."""
        super().close()
        self.secrets.detach()


def _leave(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _said(content: object) -> str:
    """What Spotify says of a refusal: ``error`` is an object in the API and a word in the accounts service."""
    error = content.get("error") if isinstance(content, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(text or "").split())[:200]


def read_retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait; None when it says nothing of use.

    Parameters
    ----------
    text : str or None
        Seconds, or a date (RFC 9110, 10.2.3).

    Examples
    --------
    >>> read_retry_after(" 12 "), read_retry_after("-3"), read_retry_after("soon")
    (12.0, None, None)
    """
    text = (text or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, round((moment - datetime.now(UTC)).total_seconds(), 1))


__all__ = ["ATTEMPTS", "LONGEST_WAIT_S", "GuardedSession", "origin", "read_retry_after"]
