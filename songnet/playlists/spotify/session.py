"""The one way out to the network: two hosts, no redirects, answers of bounded time and size, retries that end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from songnet.playlists.spotify.answer import content_type, read_body, read_json, read_retry_after, said_of_refusal
from songnet.playlists.spotify.deadline import Deadline, DeadlineAdapter
from songnet.playlists.spotify.errors import (
    ForeignHostError,
    RateLimitError,
    ServiceError,
    SpotifyError,
    StatusError,
)
from songnet.playlists.spotify.redact import SecretFilter
from songnet.playlists.spotify.settings import Endpoints, is_loopback

ATTEMPTS = 5
LONGEST_WAIT_S = 60.0
"""Seconds that one request may be held up by waiting, all waits together."""
ANSWER_S = 60.0
"""Seconds that one answer may take from the first byte of the request to the last of the answer."""

_FEW_ATTEMPTS = 2
_SAID_SHOWN = 200
_RETRIED = frozenset({429, 500, 502, 503, 504})
_CONFUSING = re.compile(r"[\x00-\x20\x7f\\]")


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address: what decides who gets a token.

    An address that two programs may read differently, with a user's name, a backslash, or a space or control character
    in it, has none.

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
        return ("", "", None)
    if "@" in parts.netloc or _CONFUSING.search(url):
        return ("", "", None)
    scheme = parts.scheme.lower()
    return (scheme, (parts.hostname or "").lower(), port or {"https": 443, "http": 80}.get(scheme))


@dataclass(frozen=True)
class _Trouble:
    """Why a request may be tried again, how often in all, and how long Spotify asks to wait, seconds."""

    reason: str
    attempts: int = ATTEMPTS
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
    answer_s : float
        Seconds that one answer may take as a whole.

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
        answer_s: float = ANSWER_S,
    ) -> None:
        super().__init__()
        self.secrets = SecretFilter()
        self.secrets.attach()
        self._origins = {origin(endpoints.api), origin(endpoints.accounts)}
        self._notify = notify
        self._sleep = sleep
        self._backoff_s = backoff_s
        self._answer_s = answer_s
        self.mount("https://", DeadlineAdapter())
        self.mount("http://", DeadlineAdapter())
        # The API needs no cookies, and a server could send more and more of them.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
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
            If Spotify cannot be reached, fails, takes too long or answers with something cut off, `ATTEMPTS` times, or
            something else than Spotify answers.
        SpotifyError
            If the answer is too large or too deeply nested.
        StatusError
            If Spotify refuses the request.
        """
        host = origin(request.url or "")
        if host not in self._origins:
            raise ForeignHostError(f"a request would leave Spotify for {host[1]}: it was not sent")
        kwargs.update(allow_redirects=False, stream=True)
        waited = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._once(request, kwargs)
            if isinstance(answer, requests.Response):
                return answer
            wait = self._backoff_s * 2 ** (attempt - 1) if answer.wait_s is None else answer.wait_s
            waited += wait
            if waited > LONGEST_WAIT_S or (answer.limited and attempt >= answer.attempts):
                raise RateLimitError(wait)
            if attempt >= answer.attempts:
                raise ServiceError(f"{host[1]}: {answer.reason}, {attempt} times: run the same command again later")
            if answer.wait_s is None:
                self._notify(f"{host[1]}: {answer.reason}; trying again in {wait:g} s")
            else:
                self._notify(f"Spotify asks to wait {wait:g} s")
            self._sleep(wait)
        raise AssertionError("unreachable")

    def _once(self, request: requests.PreparedRequest, kwargs: dict[str, Any]) -> requests.Response | _Trouble:
        with Deadline(self._answer_s) as deadline:
            answer = self._ask(request, kwargs, deadline)
        # What was cut in time may look like any other answer or trouble.
        if deadline.over:
            if isinstance(answer, requests.Response):
                answer.close()
            return _Trouble(f"no whole answer within {self._answer_s:g} s")
        return self._judge(answer, origin(request.url or "")[1]) if isinstance(answer, requests.Response) else answer

    def _ask(
        self, request: requests.PreparedRequest, kwargs: dict[str, Any], deadline: Deadline
    ) -> requests.Response | _Trouble:
        """An answer with its body, where that is needed; what goes wrong on the way."""
        host = origin(request.url or "")[1]
        # The errors of requests are not passed on: their text can hold what was sent.
        try:
            answer = super().send(request, **kwargs)
            if 300 <= answer.status_code < 400 or answer.status_code in _RETRIED:
                answer.close()
            else:
                read_body(answer, host)
        except requests.exceptions.SSLError:
            if deadline.over:  # a connection that is cut in the middle of a record
                return _Trouble("cut")
            raise ServiceError(f"{host}: its certificate is not accepted: check the clock and the network") from None
        except requests.exceptions.Timeout:
            return _Trouble("no answer in time")
        except (requests.exceptions.RequestException, HTTPError) as error:
            cut = isinstance(
                error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
            )
            return _Trouble("an answer that is cut off" if cut else "no connection")
        return answer

    def _judge(self, answer: requests.Response, host: str) -> requests.Response | _Trouble:
        """The answer if it is a success with a JSON object in it."""
        if 300 <= answer.status_code < 400:
            goal = origin(answer.headers.get("Location", ""))[1][:100] or "an address that is not named"
            raise ForeignHostError(f"{host} answers with a redirect to {goal}: it was not followed")
        if answer.status_code in _RETRIED:
            return _Trouble(
                f"answer {answer.status_code}",
                limited=answer.status_code == 429,
                wait_s=read_retry_after(answer.headers.get("Retry-After")),
            )
        if answer.status_code >= 400:
            # Hidden first, then cut: the rest of a secret cut in two would not be known as one.
            said = self.secrets.redact(said_of_refusal(_or_none(answer.content, host)))[:_SAID_SHOWN]
            raise StatusError(answer.status_code, said)
        content = read_json(answer.content, host)
        if isinstance(content, dict):
            return answer
        kind = content_type(answer)
        if content is None and kind and "json" not in kind:
            return _Trouble(
                f"an answer that is no JSON but {kind}, as the sign-in page of a network sends it", _FEW_ATTEMPTS
            )
        return _Trouble("an answer that is cut off")

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No redirect is followed, nor its body read, which requests would do even so."""

    def close(self) -> None:
        """Close the connections and leave the loggers."""
        super().close()
        self.secrets.detach()


def _leave(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _or_none(body: bytes, host: str) -> object:
    try:
        return read_json(body, host)
    except SpotifyError:
        return None


__all__ = ["ANSWER_S", "ATTEMPTS", "LONGEST_WAIT_S", "GuardedSession", "origin"]
