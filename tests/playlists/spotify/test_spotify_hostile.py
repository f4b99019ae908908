"""Answers that no sound server gives: endless, huge, nested without end, dated in the year 9999, or not Spotify's."""

import json

import pytest
from spotify_stub import (
    REFRESH,
    SECRETS,
    answer,
    connect,
    drip,
    error,
    item,
    pid,
    serve,
    token_file,
    track,
    tracks,
    zipped,
)

from songnet.playlists.spotify import client as client_module
from songnet.playlists.spotify import fetch as fetch_module
from songnet.playlists.spotify.errors import RateLimitError, ServiceError, SpotifyError
from songnet.playlists.spotify.fetch import fetch_playlists
from songnet.playlists.stored import list_playlists

NESTED = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture
def stub():
    with serve() as running:
        running.add(1, tracks(60))
        yield running


@pytest.fixture
def folder(tmp_path):
    token_file(tmp_path / "config")
    return tmp_path / "config"


@pytest.mark.parametrize("where", ["status", "headers", "body", "closing body", "chunks"])
def test_answer_that_never_ends_is_cut_told_and_asked_for_again(stub, folder, where):
    stub.fail("/items", drip(where))
    with connect(stub, folder, answer_s=1.0) as connection:
        assert connection.client.page(pid(1), 0)[0].n_items == 50
        assert connection.notices == ["127.0.0.1: no whole answer within 1 s; trying again in 0.5 s"]
        assert connection.client.page(pid(1), 50)[0].n_items == 10  # the cut one is not used again
    assert len(stub.asked("/items")) == 3


def test_answers_that_never_end_are_given_up(stub, folder):
    stub.fail("/items", drip("body"), times=99)
    with (
        connect(stub, folder, answer_s=0.1) as connection,
        pytest.raises(ServiceError, match=r"no whole answer within 0.1 s, 5 times: run the same command again later"),
    ):
        connection.client.page(pid(1), 0)
    assert (len(stub.asked("/items")), len(connection.notices)) == (5, 4)


def test_slow_answer_that_ends_in_time_is_taken(stub, folder):
    stub.delay_s = 0.2
    with connect(stub, folder, answer_s=20) as connection:
        assert connection.client.page(pid(1), 0)[0].n_items == 50
    assert connection.notices == []


@pytest.mark.parametrize("app_only", [True, False])
def test_token_that_never_comes_is_given_up(stub, folder, app_only):
    stub.access = set()
    stub.fail("/api/token", drip("body"), times=99)
    with (
        connect(stub, folder, app_only=app_only, answer_s=0.1) as connection,
        pytest.raises(ServiceError, match=r"127.0.0.1: no whole answer within 0.1 s, 5 times"),
    ):
        connection.client.page(pid(1), 0)
    assert len(stub.asked("/api/token")) == 5


def page_of(total, items, padding=b""):
    body = json.dumps({"items": items, "total": total, "offset": 0, "limit": 50, "next": None}).encode()
    return body[:-1] + padding + b"}"


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (zipped(page_of(0, [], b" " * (33 * 2**20))), "127.0.0.1 sends an answer of more than 32 MiB: it was not read"),
        (answer(200, page_of(0, [], b" " * (33 * 2**20))), "answer of more than 32 MiB: it was not read"),
        (zipped(b"[" + b"[]," * 250_001 + b"0]"), "answer of more than 500,000 values: it was not used"),
        (answer(200, NESTED), "127.0.0.1 sends an answer that is nested too deeply: it was not used"),
        (answer(200, b'{"items": ' + NESTED + b"}"), "an answer that is nested too deeply: it was not used"),
        (answer(403, NESTED), "Spotify answers 403: an app in development mode reads only playlists"),
        (answer(403, b'{"error": {"message": [["x"]]}}'), "Spotify answers 403: an app in development"),
        (answer(200, page_of(2**53, [])), "holds, or names, more items than there can be"),
        (answer(200, page_of(60, tracks(51))), "holds, or names, more items than there can be"),
        (answer(200, b'{"items": [], "total": 9, "next": 7}'), "another host for the next page (nowhere)"),
        (answer(200, b'{"items": [], "total": 9, "next": "http://["}'), "another host for the next page (nowhere)"),
        (answer(200, b'{"items": [], "total": 9, "offset": [[1]]}'), "Spotify sent the items from elsewhere on"),
        (answer(302, Location="http://["), "answers with a redirect to an address that is not named"),
    ],
)  # fmt: skip
def test_bad_playlist_is_left_out_and_the_run_goes_on(stub, folder, empty_library, act, reason):
    stub.add(2, tracks(3))
    stub.fail(f"{pid(1)}/items", act, times=9)
    with connect(stub, folder) as connection:
        report = fetch_playlists(empty_library, connection.client, [pid(1), pid(2)])
    assert (report.n_playlists, report.n_skipped, report.stopped) == (1, 1, None)
    assert reason in report.skipped[0].reason
    assert [stored.name for stored in list_playlists(empty_library)] == ["List 2"]
    assert len(stub.asked(f"{pid(1)}/items")) == 1
    assert not list(empty_library.path.glob("downloads/spotify/*"))


@pytest.mark.parametrize("body", [NESTED, b'{"access_token": ' + NESTED + b"}", b" " * (33 * 2**20)])
@pytest.mark.parametrize("app_only", [True, False])
def test_bad_answer_of_the_accounts_service_is_one_line(stub, folder, app_only, body):
    stub.access = set()
    stub.fail("/api/token", zipped(body))
    with connect(stub, folder, app_only=app_only) as connection, pytest.raises(SpotifyError, match="sends an answer"):
        connection.client.page(pid(1), 0)
    assert json.loads((folder / "token.json").read_text())["refresh_token"] == REFRESH


def test_no_more_of_a_token_answer_is_kept_than_is_used(stub, folder):
    stub.access = set()
    sent = {"access_token": "new", "refresh_token": "newer", "expires_in": 3600, "scope": [["x"]], "more": "x" * 1000}
    stub.fail("/api/token", lambda handler: handler.json(sent))
    with connect(stub, folder) as connection, pytest.raises(SpotifyError):
        connection.client.page(pid(1), 0)  # the stub knows no such token
    assert {"more", "scope"}.isdisjoint(json.loads((folder / "token.json").read_text()))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("9999999999", "31,536,000 s or more"),
        ("9" * 400, "31,536,000 s or more"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "31,536,000 s or more"),
        ("999999", "999,999 s"),
    ],
)
def test_endless_wait_stops_the_run(stub, folder, named, told):
    stub.fail("/items", error(429, "", Retry_After=named))
    with connect(stub, folder) as connection, pytest.raises(RateLimitError) as caught:
        connection.client.page(pid(1), 0)
    assert str(caught.value) == f"Spotify asks to wait {told}: run the same command again after that"
    assert (connection.sleeps, len(stub.asked("/items"))) == ([], 1)


def test_wait_that_cannot_be_read_counts_as_none(stub, folder):
    stub.fail("/items", error(429, "", Retry_After="Fri, 31 Dec 2100 23:59:59 +99999999999999"))
    with connect(stub, folder) as connection:
        assert connection.client.page(pid(1), 0)[0].n_items == 50
    assert connection.sleeps == [0.5]


def test_sign_in_page_of_a_network_is_called_what_it_is(stub, folder):
    page = answer(200, b"<html>Welcome to the hotel</html>", Content_Type="text/html; charset=utf-8")
    stub.fail("/items", page)
    reason = "127.0.0.1: an answer that is no JSON but text/html, as the sign-in page of a network sends it"
    with connect(stub, folder) as connection:
        assert connection.client.page(pid(1), 0)[0].n_items == 50
        assert connection.notices == [f"{reason}; trying again in 0.5 s"]
        stub.fail("/items", page, times=99)
        with pytest.raises(ServiceError) as caught:
            connection.client.page(pid(1), 0)
    assert str(caught.value) == f"{reason}, 2 times: run the same command again later"
    assert len(stub.asked("/items")) == 4


def test_sign_in_page_after_other_troubles_ends_the_request(stub, folder):
    stub.fail("/items", answer(500), times=3)
    stub.fail("/items", answer(200, b"<html>", Content_Type="text/html"), times=99)
    with connect(stub, folder) as connection, pytest.raises(ServiceError, match="no JSON but text/html"):
        connection.client.page(pid(1), 0)
    assert len(stub.asked("/items")) == 4


def test_json_by_another_name_is_taken(stub, folder):
    body = page_of(1, tracks(1))
    for kind in ("text/html; charset=utf-16", "application/octet-stream", "application/json; charset=idna", "/"):
        stub.fail("/items", answer(200, body, Content_Type=kind))
        with connect(stub, folder) as connection:
            assert connection.client.page(pid(1), 0)[0].entries[0].title == "Título 0"
        assert connection.notices == []


def test_no_part_of_a_secret_is_left_where_a_message_is_cut(stub, folder):
    token = SECRETS[0]
    for length in range(170, 201, 5):
        stub.fail("/items", error(403, f"{'x' * length} {token}"))
        with connect(stub, folder) as connection, pytest.raises(SpotifyError) as caught:
            connection.client.page(pid(1), 0)
        assert token[:4] not in str(caught.value)


def test_cookies_are_neither_kept_nor_sent(stub, folder):
    stub.fail("/items", answer(200, page_of(60, tracks(50)), Set_Cookie="a=b; Path=/"))
    with connect(stub, folder) as connection:
        connection.client.page(pid(1), 0)
        assert len(connection.session.cookies) == 0


def test_playlist_without_end_is_read_to_a_limit(stub, folder, empty_library, monkeypatch):
    monkeypatch.setattr(fetch_module, "MOST_ENTRIES", 120)

    def endless(handler):
        offset = int(handler.path.partition("offset=")[2].partition("&")[0])
        handler.json({"items": tracks(50, first=offset), "total": 10**12, "offset": offset, "limit": 50, "next": None})

    stub.fail(f"{pid(1)}/items", endless, times=10**9)
    with connect(stub, folder) as connection:
        report = fetch_playlists(empty_library, connection.client, [pid(1)])
    assert len(stub.asked("/items")) == 3
    assert (report.n_playlists, report.n_entries, report.n_tracks, report.n_skipped) == (1, 150, 150, 1)
    assert report.skipped[0].reason == (
        f"spotify:playlist:{pid(1)} (List 1): incomplete: only the first 150 of its 1,000,000,000,000 items are read;"
        " it is fetched again next time"
    )
    positions = "SELECT position FROM entries ORDER BY position"
    assert [row[0] for row in empty_library.db.execute(positions)] == list(range(150))


def test_list_of_playlists_without_end_is_read_to_a_limit(stub, folder, empty_library, monkeypatch):
    monkeypatch.setattr(client_module, "MOST_PLAYLISTS", 100)
    monkeypatch.setattr(fetch_module, "MOST_PLAYLISTS", 100)
    for number in range(2, 151):
        stub.add(number, [])
    told = []
    with connect(stub, folder) as connection:
        report = fetch_playlists(
            empty_library, connection.client, [], mine=True, progress=lambda *said: told.append(said)
        )
    assert len(stub.asked("/me/playlists")) == 2
    assert (report.n_playlists, report.n_skipped) == (100, 50)
    assert report.skipped[0].reason == (
        "your list of playlists: 50 are not named, or stand beyond the first 100, which are read"
    )
    assert ("fetch playlists", 0, 0, "your list, 50 of 150 playlists") in told


def test_texts_without_end_are_not_kept(stub, folder, empty_library):
    long = "x" * 6_000
    stub.add(
        2, [item(track(1, name=long)), item(track(2))], name=long, snapshot=long, owner={"id": long},
        description=long,
    )  # fmt: skip
    with connect(stub, folder) as connection:
        report = fetch_playlists(empty_library, connection.client, [pid(2)])
    assert (report.n_entries, report.n_skipped) == (1, 1)
    assert report.skipped[0].reason.endswith("items left out: 1 with more than 5,000 characters of text")
    (row,) = empty_library.db.execute("SELECT length(name), length(owner), length(description) FROM playlists")
    assert tuple(row) == (5_000, 5_000, 5_000)
