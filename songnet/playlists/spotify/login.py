"""Signing in: the browser goes to Spotify and comes back to this machine with a code (PKCE, RFC 7636 and RFC 8252)."""

from __future__ import annotations

import hmac
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from songnet.errors import ParameterError
from songnet.playlists.spotify.errors import ServiceError, SignInError, StatusError
from songnet.playlists.spotify.session import GuardedSession
from songnet.playlists.spotify.settings import App, Endpoints
from songnet.playlists.spotify.tokens import TokenFile, make_pkce

PATIENCE_S = 300.0
"""Seconds that a user has to sign in."""

_PAGE = "<!doctype html><meta charset=utf-8><title>SongNet</title><p>{}</p>"


def sign_in(
    app: App,
    endpoints: Endpoints,
    session: GuardedSession,
    cache: TokenFile,
    *,
    show: Callable[[str], None],
    open_browser: bool = True,
    patience_s: float = PATIENCE_S,
) -> None:
    """Let a user sign in, and keep the tokens in `cache`.

    Parameters
    ----------
    app, endpoints, session
        As everywhere in this package.
    cache : TokenFile
        Where the sign-in is kept.
    show : callable
        Is told the address to open, in one line.
    open_browser : bool
        Open it as well.
    patience_s : float
        Seconds to wait for the user.

    Raises
    ------
    SignInError
        If the user declines, does not come back in time, or Spotify refuses the code.
    ParameterError
        If the port of the redirect address is in use.
    """
    state = secrets.token_urlsafe(24)
    flow = make_pkce(app, endpoints, session, cache, state)
    address = flow.get_authorize_url()
    session.secrets.hide(flow.code_verifier)
    with _Listener(app.redirect_uri, state) as listener:
        show(f"open this address to sign in: {address}")
        if open_browser:
            webbrowser.open(address)
        code = listener.wait(patience_s)
    session.secrets.hide(code)
    try:
        flow.get_access_token(code=code, check_cache=False)
    except StatusError as error:
        raise SignInError(f"Spotify refused the sign-in ({error.said or error.status}): try --login again") from None
    except (KeyError, TypeError):
        raise ServiceError("Spotify's accounts service sent no token that can be used: try --login again") from None


class _Listener:
    """Waits on a loopback port for the browser to come back with our state; other callers are refused."""

    def __init__(self, redirect_uri: str, state: str) -> None:
        parts = urlsplit(redirect_uri)
        self._code: str | None = None
        self._refusal: str | None = None
        self._answered = threading.Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # seconds: browsers open connections that they never use

            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                said = {key: values[0] for key, values in parse_qs(asked.query).items()}
                if asked.path != (parts.path or "/"):
                    self._answer(404, "Nothing is here.")
                elif not hmac.compare_digest(said.get("state", "").encode(), state.encode()):
                    # Somebody else's answer, or a forged one: the user may still come.
                    self._answer(400, "This is not the sign-in that SongNet asked for. Start again with --login.")
                elif said.get("code"):
                    self._answer(200, "SongNet is signed in. You can close this page.")
                    listener._finish(said["code"], None)
                else:
                    self._answer(200, "SongNet is not signed in. You can close this page.")
                    listener._finish(None, said.get("error", "no code"))

            def _answer(self, status: int, text: str) -> None:
                content = _PAGE.format(text).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the request line holds the code."""

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing: a browser that hangs up is no error."""

        try:
            self._server = Server((parts.hostname or "", parts.port or 0), Handler)
        except OSError as error:
            raise ParameterError(
                f"cannot listen at {redirect_uri} ({error.strerror}): free that port, or set SPOTIPY_REDIRECT_URI to"
                " another and add it to the app's settings"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def _finish(self, code: str | None, refusal: str | None) -> None:
        if not self._answered.is_set():
            self._code, self._refusal = code, refusal
            self._answered.set()

    def wait(self, patience_s: float) -> str:
        """The code that came back."""
        if not self._answered.wait(patience_s):
            raise SignInError(f"nobody signed in within {patience_s:g} s: try --login again")
        if self._code is None:
            # What stands in an address that anybody could have made is shown as little as possible.
            reason = "access was denied" if self._refusal == "access_denied" else "Spotify sent no code"
            raise SignInError(f"the sign-in did not succeed ({reason}): try --login again")
        return self._code

    def __enter__(self) -> _Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
