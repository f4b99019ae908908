"""Signing in for real: the listener on the loopback, the state, the code, PKCE's proof, the file that is left."""

import json
import re
import socket
import stat
import threading
import urllib.error
import urllib.request
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from spotify_stub import ACCESS, CLIENT_ID, CODE, REFRESH, SECRETS, connect, pid, serve, tracks

from songnet.errors import ParameterError
from songnet.playlists.spotify.errors import SignInError
from songnet.playlists.spotify.login import sign_in
from songnet.playlists.spotify.session import GuardedSession
from songnet.playlists.spotify.settings import App, Endpoints
from songnet.playlists.spotify.tokens import TokenFile


@pytest.fixture
def stub():
    with serve() as running:
        yield running


@pytest.fixture
def redirect():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}/callback"


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class SignIn:
    """A sign-in under way in another thread; `query` is what the address to open asks for."""

    def __init__(self, stub, redirect, folder, patience_s=20.0):
        self.shown, self.problem, self.ready = [], None, threading.Event()
        self.cache = TokenFile(folder)
        endpoints = Endpoints(f"{stub.url}/v1/", f"{stub.url}/")

        def show(text):
            self.shown.append(text)
            self.ready.set()

        def work():
            try:
                with closing(GuardedSession(endpoints, notify=self.shown.append)) as session:
                    sign_in(
                        App(CLIENT_ID, None, redirect), endpoints, session, self.cache, show=show, open_browser=False,
                        patience_s=patience_s,
                    )  # fmt: skip
            except Exception as error:
                self.problem = error
            self.ready.set()

        self.thread = threading.Thread(target=work)
        self.thread.start()
        assert self.ready.wait(20)
        self.address = re.search(r"http\S+", self.shown[0]).group() if self.shown else ""
        self.query = {key: values[0] for key, values in parse_qs(urlsplit(self.address).query).items()}

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.problem


def test_sign_in_by_pkce_and_fetch_with_it(stub, redirect, tmp_path):
    folder = tmp_path / "config"
    under_way = SignIn(stub, redirect, folder)
    query = under_way.query
    assert under_way.address.startswith(f"{stub.url}/authorize?")
    assert (query["client_id"], query["redirect_uri"], query["code_challenge_method"]) == (CLIENT_ID, redirect, "S256")
    assert sorted(query["scope"].split()) == ["playlist-read-collaborative", "playlist-read-private"]
    assert (query["response_type"], len(query["state"]) >= 32) == ("code", True)
    stub.challenges[CODE] = query["code_challenge"]
    assert get(redirect.replace("/callback", "/favicon.ico"))[0] == 404
    for wrong in ("", "&state=", "&state=guess", f"&state={query['state']}x", "&state=%C3%BC"):
        assert get(f"{redirect}?code=evil{wrong}")[0] == 400
    assert stub.asked("/api/token") == []
    status, text = get(f"{redirect}?code={CODE}&state={query['state']}")
    assert (status, "SongNet is signed in" in text, CODE in text) == (200, True, False)
    assert under_way.end() is None
    kept = json.loads(under_way.cache.path.read_text())
    assert (kept["access_token"], kept["refresh_token"]) == (ACCESS, REFRESH)
    assert stat.S_IMODE(under_way.cache.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (len(under_way.shown), [secret for secret in SECRETS if secret in under_way.shown[0]]) == (1, [])
    stub.add(1, tracks(3))
    with connect(stub, folder) as connection:
        assert connection.client.page(pid(1), 0)[0].n_items == 3
    with pytest.raises(urllib.error.URLError):  # nobody listens any more
        urllib.request.urlopen(redirect, timeout=5)


def test_code_of_another_sign_in_is_refused(stub, redirect, tmp_path):
    under_way = SignIn(stub, redirect, tmp_path / "config")
    stub.challenges[CODE] = "the proof of somebody else"
    get(f"{redirect}?code={CODE}&state={under_way.query['state']}")
    problem = under_way.end()
    assert isinstance(problem, SignInError)
    assert str(problem) == "Spotify refused the sign-in (invalid_grant): try --login again"
    assert not under_way.cache.path.exists()


@pytest.mark.parametrize(
    ("said", "reason"), [("error=access_denied", "access was denied"), ("error=<b>", "Spotify sent no code")]
)
def test_user_declines(stub, redirect, tmp_path, said, reason):
    under_way = SignIn(stub, redirect, tmp_path / "config")
    _, text = get(f"{redirect}?{said}&state={under_way.query['state']}")
    assert ("not signed in" in text, "<b>" in text) == (True, False)
    assert str(under_way.end()) == f"the sign-in did not succeed ({reason}): try --login again"
    assert stub.requests == []


def test_nobody_comes(stub, redirect, tmp_path):
    assert str(SignIn(stub, redirect, tmp_path, patience_s=0.2).end()) == (
        "nobody signed in within 0.2 s: try --login again"
    )


def test_port_in_use(stub, redirect, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", urlsplit(redirect).port))
        taken.listen()
        problem = SignIn(stub, redirect, tmp_path).end()
    assert isinstance(problem, ParameterError)
    assert str(problem).startswith(f"cannot listen at {redirect} (Address already in use): free that port, or set")


def test_silent_connection_does_not_hold_up_the_sign_in(stub, redirect, tmp_path):
    under_way = SignIn(stub, redirect, tmp_path / "config")
    stub.challenges[CODE] = under_way.query["code_challenge"]
    with socket.create_connection(("127.0.0.1", urlsplit(redirect).port)):  # as browsers do ahead of time
        assert get(f"{redirect}?code={CODE}&state={under_way.query['state']}")[0] == 200
        assert under_way.end() is None
