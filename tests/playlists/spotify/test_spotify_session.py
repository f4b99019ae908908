"""The way out: who is sent what, what is tried again, and that no secret is ever written anywhere."""

import json
import logging
import stat
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from spotify_stub import (
    ACCESS,
    CLIENT_SECRET,
    NEXT_REFRESH,
    REFRESH,
    RENEWED,
    SECRETS,
    answer,
    connect,
    cut_body,
    error,
    hang_up,
    pid,
    serve,
    token_file,
    tracks,
)

from songnet.playlists.spotify.answer import read_retry_after
from songnet.playlists.spotify.errors import LONGEST_NAMED_S, RateLimitError, ServiceError, SignInError, SpotifyError
from songnet.playlists.spotify.fetch import fetch_playlists
from songnet.playlists.spotify.redact import SecretFilter
from songnet.playlists.spotify.session import origin


@pytest.fixture
def stub():
    with serve() as running:
        running.add(1, tracks(60))
        yield running


@pytest.fixture
def other():
    with serve() as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    token_file(tmp_path / "config")
    return tmp_path / "config"


def test_waits_that_spotify_asks_for_are_told_and_kept_to(stub, folder):
    stub.fail("/items", error(429, "", Retry_After=12), times=2)
    with connect(stub, folder) as connection:
        page, step = connection.client.page(pid(1), 0)
    assert (page.n_items, page.total, step) == (50, 60, 50)
    assert (connection.sleeps, connection.notices) == ([12.0, 12.0], ["Spotify asks to wait 12 s"] * 2)


@pytest.mark.parametrize(("waits", "slept"), [((61,), 0), ((40, 40), 1), ((0, 0, 0, 0, 0), 4)])
def test_waiting_ends(stub, folder, waits, slept):
    for wait in waits:
        stub.fail("/items", error(429, "", Retry_After=wait))
    with connect(stub, folder) as connection, pytest.raises(RateLimitError, match="run the same command again"):
        connection.client.page(pid(1), 0)
    assert (len(connection.sleeps), len(stub.asked("/items"))) == (slept, slept + 1)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (answer(500), "answer 500"),
        (answer(502, b"<html>"), "answer 502"),
        (answer(503), "answer 503"),
        (cut_body, "an answer that is cut off"),
        (answer(200, b'{"items": ['), "an answer that is cut off"),
        (answer(200, b"[]"), "an answer that is cut off"),
        (hang_up, "no connection"),
    ],
)
def test_failures_are_tried_again_with_growing_waits_that_end(stub, folder, act, reason):
    stub.fail("/items", act, times=2)
    with connect(stub, folder) as connection:
        assert connection.client.page(pid(1), 0)[0].n_items == 50
        assert connection.notices == [f"127.0.0.1: {reason}; trying again in {wait} s" for wait in ("0.5", "1")]
        stub.fail("/items", act, times=99)
        with pytest.raises(ServiceError, match=rf"127.0.0.1: {reason}, 5 times: run the same command again later"):
            connection.client.page(pid(1), 0)
    assert connection.sleeps == [0.5, 1, 0.5, 1, 2, 4]


def test_three_playlists_that_fail_in_a_row_end_the_run(stub, folder, empty_library):
    for number in range(2, 8):
        stub.add(number, tracks(1))
    stub.fail("/items", answer(500), times=999)
    with connect(stub, folder) as connection:
        report = fetch_playlists(empty_library, connection.client, [pid(number) for number in range(1, 8)])
    assert (report.n_playlists, report.n_skipped, report.n_waiting) == (0, 3, 4)
    assert report.stopped == "Spotify failed on 3 playlists in a row: run the same command again later"


def test_next_page_at_another_host_is_named_and_never_asked(stub, other, folder, empty_library):
    def elsewhere(handler):
        following = f"{other.url.replace('127.0.0.1', '127.0.0.2')}/v1/next"
        handler.json({"items": tracks(50), "total": 60, "offset": 0, "next": following})

    stub.fail("offset=0", elsewhere)
    stub.fail("offset=0", lambda handler: handler.json({"items": [], "total": 60, "next": f"{other.url}/v1/next"}))
    with connect(stub, folder) as connection:
        report = fetch_playlists(empty_library, connection.client, [pid(1)])
        assert report.skipped[0].reason == (
            f"spotify:playlist:{pid(1)}: Spotify's answer leads to another host for the next page (127.0.0.2): nothing"
            " was sent"
        )
        with pytest.raises(SpotifyError, match=r"another host for the next page \(127.0.0.1\)"):  # the port counts
            connection.client.page(pid(1), 0)
    assert (other.requests, report.n_playlists) == ([], 0)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(stub, other, folder, status):
    stub.fail("/items", answer(status, Location=f"{other.url.replace('127.0.0.1', '127.0.0.3')}/v1/x"))
    with connect(stub, folder) as connection, pytest.raises(SpotifyError) as caught:
        connection.client.page(pid(1), 0)
    assert str(caught.value) == "127.0.0.1 answers with a redirect to 127.0.0.3: it was not followed"
    assert other.requests == []


def test_session_sends_nothing_to_other_hosts(stub, other, folder):
    with connect(stub, folder) as connection, pytest.raises(SpotifyError, match=r"would leave Spotify for 127.0.0.1"):
        connection.session.get(f"{other.url}/v1/me", headers={"Authorization": f"Bearer {ACCESS}"})
    assert other.requests == []


def test_netrc_does_not_replace_the_token(stub, folder, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with connect(stub, folder) as connection:
        connection.session.trust_env = True
        connection.client.page(pid(1), 0)
    assert stub.requests[-1][2] == f"Bearer {ACCESS}"


def test_refused_token_is_renewed_once(stub, folder):
    stub.access = set()
    with connect(stub, folder) as connection:
        assert connection.client.page(pid(1), 0)[0].n_items == 50
        stub.access = set()
        stub.refresh = {NEXT_REFRESH: "still-no-good"}
        stub.fail("/items", error(401, "Bad token"), times=2)
        with pytest.raises(SignInError, match=r"just given \(Bad token\): sign in again with --login"):
            connection.client.page(pid(1), 0)


def test_revoked_sign_in(stub, folder):
    stub.access, stub.refresh = set(), {}
    with connect(stub, folder) as connection, pytest.raises(SignInError) as caught:
        connection.client.page(pid(1), 0)
    assert str(caught.value) == (
        "Spotify accepts the stored sign-in no more (invalid_grant): sign in again with --login"
    )
    assert (caught.value.__suppress_context__, len(stub.asked("/api/token"))) == (True, 1)


def test_sign_in_revoked_on_the_way_keeps_what_is_there(stub, folder, empty_library):
    stub.add(2, tracks(3))
    stub.fail(f"{pid(2)}/items", error(401, "revoked"))
    stub.refresh = {}
    with connect(stub, folder) as connection:
        report = fetch_playlists(empty_library, connection.client, [pid(1), pid(2)])
    assert (report.n_playlists, report.n_waiting) == (1, 1)
    assert report.stopped.endswith("sign in again with --login")


def test_token_about_to_expire_is_renewed_before_it_is_used(stub, tmp_path):
    token_file(tmp_path, expires_in=30)
    with connect(stub, tmp_path) as connection:
        connection.client.page(pid(1), 0)
    assert [(method, authorization) for method, _, authorization in stub.requests] == [
        ("POST", None), ("GET", f"Bearer {RENEWED}"),
    ]  # fmt: skip
    kept = tmp_path / "token.json"
    assert json.loads(kept.read_text())["refresh_token"] == NEXT_REFRESH
    assert (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(tmp_path.stat().st_mode)) == (0o600, 0o700)
    assert [path.name for path in tmp_path.iterdir()] == ["token.json"]


def test_client_credentials_keep_nothing(stub, tmp_path):
    with connect(stub, tmp_path / "none", app_only=True) as connection:
        assert connection.client.page(pid(1), 50)[0].n_items == 10
        connection.client.page(pid(1), 0)
    assert len(stub.asked("/api/token")) == 1
    assert not (tmp_path / "none").exists()
    stub.fail("/api/token", answer(400, b'{"error": "invalid_client"}'))
    with (
        connect(stub, tmp_path / "none", app_only=True) as connection,
        pytest.raises(SignInError, match=r"not accept the app \(invalid_client\): check SPOTIFY_CLIENT_ID"),
    ):
        connection.client.page(pid(1), 0)


@pytest.mark.parametrize("token", ["", "two\nlines", None, 7])
def test_tokens_that_would_break_a_header_are_never_used(stub, folder, token):
    stub.access = set()
    stub.fail("/api/token", lambda handler: handler.json({"access_token": token, "expires_in": 3600}))
    with connect(stub, folder) as connection, pytest.raises(ServiceError, match="no token that can be used"):
        connection.client.page(pid(1), 0)
    assert json.loads((folder / "token.json").read_text())["refresh_token"] == REFRESH


def test_damaged_token_file_is_nobody_signed_in(stub, folder):
    for content in ("", "{", "[]", '{"access_token": "x"}', "\x00"):
        (folder / "token.json").write_text(content)
        with connect(stub, folder) as connection, pytest.raises(SignInError, match="you are not signed in"):
            connection.client.page(pid(1), 0)
    assert stub.requests == []


def test_no_secret_in_any_log_at_debug(stub, folder, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    stub.access = set()
    heard = []

    class Ear(logging.Handler):
        def emit(self, record):
            heard.append(self.format(record))

    ears = [logging.getLogger(name) for name in ("spotipy", "spotipy.client", "spotipy.oauth2", "urllib3")]
    ear = Ear()
    for logger in ears:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(ear)
    try:
        stub.fail("/items", error(403, f"no such thing: Bearer {RENEWED}"))
        with connect(stub, folder) as connection:
            with pytest.raises(SpotifyError) as caught:
                connection.client.page(pid(1), 0)
            connection.client.page(pid(1), 0)
        stub.access.add(ACCESS)
        with connect(stub, folder, app_only=True) as connection:
            connection.client.page(pid(1), 0)
        text = "\n".join([*heard, *caplog.messages, str(caught.value)])
        assert "GET /v1/playlists/" in text  # urllib3 was heard
        assert [secret for secret in SECRETS if secret in text] == []
        # Without the filter the same log holds them: the test hears what it should.
        heard.clear()
        with connect(stub, folder) as connection:
            connection.session.secrets.detach()
            connection.client.page(pid(1), 0)
        assert f"Bearer {RENEWED}" in "\n".join(heard)
    finally:
        for logger in ears:
            logger.removeHandler(ear)
            logger.setLevel(logging.NOTSET)


def test_filter_hides_known_secrets_and_shapes_and_leaves_the_rest():
    guard = SecretFilter()
    guard.hide(CLIENT_SECRET, None, "")
    assert guard.redact(f"x{CLIENT_SECRET}y") == "x[hidden]y"
    assert guard.redact("code=abc&state=1") == "code=[hidden]&state=1"
    assert guard.redact('{"refresh_token": "AQ.b-1"}') == '{"refresh_token": "[hidden]"}'
    assert guard.redact("GET /v1/me/playlists 200") == "GET /v1/me/playlists 200"


@given(st.text(alphabet="abcXYZ019-_~.+/=", min_size=6, max_size=80))
def test_filter_hides_every_bearer(token):
    assert token not in SecretFilter().redact(f"{{'Authorization': 'Bearer {token}'}} more").replace("[hidden]", "")


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,400}(\.[0-9]+)?", fullmatch=True))
@example("Fri, 31 Dec 9999 23:59:59 GMT")
@example("Fri, 31 Dec 2100 23:59:59 +99999999999999")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("9999999999")
def test_retry_after_takes_any_text(text):
    wait = read_retry_after(text)
    assert wait is None or 0 <= wait <= LONGEST_NAMED_S


def test_retry_after_of_any_length_is_a_wait():
    named = ("60", "9" * 9, "9" * 10, "1" + "0" * 400, "Fri, 31 Dec 9999 23:59:59 GMT")
    assert [read_retry_after(text) for text in named] == [60.0, *[31_536_000.0] * 4]


def test_retry_after_as_a_date():
    moment = datetime.now(UTC) + timedelta(seconds=90)
    assert 85 <= read_retry_after(format_datetime(moment)) <= 90
    assert read_retry_after(format_datetime(moment - timedelta(days=1))) == 0


@given(st.text(max_size=40))
def test_origin_takes_any_text(text):
    assert len(origin(text)) == 3


def test_origin_trusts_no_lookalike():
    assert origin("https://API.spotify.com/v1/x?y") == ("https", "api.spotify.com", 443)
    for trick in (
        "https://api.spotify.com@evil.org/",
        "https://api.spotify.com.evil.org",
        "http://api.spotify.com/",
        "https://api.spotify.com:8443/",
        "//api.spotify.com/",
        "https://evil.org/api.spotify.com/",
        "https://evil.org\\@api.spotify.com/",
        "https://user@api.spotify.com/",
        "https://api.spotify.com\t/v1/",
        "https://api.spotify.com/v1/\n",
        " https://api.spotify.com/",
    ):
        assert origin(trick) != ("https", "api.spotify.com", 443)
