"""Fetching from a real HTTP server that stands in for Spotify: shapes, pages, what is left out, what goes on."""

import json

import pytest
from spotify_stub import RENEWED, connect, error, item, pid, serve, token_file, track, tracks

from songnet.playlists.spotify.fetch import fetch_playlists
from songnet.playlists.stored import list_playlists


@pytest.fixture
def stub():
    with serve() as running:
        yield running


@pytest.fixture
def fetch(stub, empty_library, tmp_path):
    """Run once as a signed-in user; returns the report and the connection."""
    token_file(tmp_path / "config" / "spotify")

    def run(*ids, mine=False):
        stub.requests.clear()
        with connect(stub, tmp_path / "config" / "spotify") as connection:
            return fetch_playlists(empty_library, connection.client, ids, mine=mine), connection

    return run


def entries(library, number):
    rows = library.db.execute(
        "SELECT position, title, artist, album, duration_s, isrc, track_uri, added_at FROM playlists JOIN entries USING"
        " (playlist_id) JOIN playlist_items USING (item_id) WHERE source_id = ? ORDER BY position",
        (pid(number),),
    )
    return [tuple(row) for row in rows]


def counts(report):
    return report.n_playlists, report.n_unchanged, report.n_entries, report.n_tracks, report.n_skipped


@pytest.mark.parametrize("shape", ["item", "track", "both"])
def test_both_shapes_give_the_same_entries(stub, fetch, empty_library, shape):
    stub.add(1, tracks(120, shape), name="Mañana ☀ \u202e")
    report, _ = fetch(pid(1))
    assert counts(report) == (1, 0, 120, 120, 0)
    assert (report.stopped, report.n_waiting) == (None, 0)
    found = entries(empty_library, 1)
    assert found[101] == (
        101, "Título 101", "Artist 3, Björk 🎵", "Album 2", 180.101, "GBAYE0000101", f"spotify:track:{101:022d}",
        "2026-03-01T10:00:00Z",
    )  # fmt: skip
    assert [row[0] for row in found] == list(range(120))
    (stored,) = list_playlists(empty_library)
    assert (stored.name, stored.source, stored.n_entries) == ("Mañana ☀ \u202e", "spotify", 120)
    assert stored.file == f"spotify:playlist:{pid(1)}".encode()
    (row,) = empty_library.db.execute("SELECT owner, description, source_id FROM playlists").fetchall()
    assert tuple(row) == ("Zoë", "a & b", pid(1))
    assert len(stub.asked("/items?")) == 3
    assert not list(empty_library.path.glob("downloads/spotify/*"))


def test_old_address_is_used_where_the_new_one_is_not_known(stub, fetch, empty_library):
    stub.addresses = ("tracks",)
    stub.add(1, tracks(60, "track"))
    stub.add(2, tracks(3, "track"))
    report, _ = fetch(pid(1), pid(2))
    assert counts(report) == (2, 0, 63, 60, 0)
    assert (len(stub.asked("/items?")), len(stub.asked("/tracks?"))) == (1, 3)


def test_what_is_no_track_is_left_out_and_counted(stub, fetch, empty_library):
    stub.add(1, [
        item(None), item(track(1)), item(track(2, uri="spotify:local:a:b:c:1", id=None)), item(track(3), is_local=True),
        item(track(4, type="episode", uri="spotify:episode:x")), item(track(5, name="", artists=None, album=None)),
        item({"type": "track"}), "nonsense", item(track(6, linked_from={"uri": f"spotify:track:{66:022d}"})),
    ])  # fmt: skip
    report, _ = fetch(pid(1))
    assert counts(report) == (1, 0, 3, 3, 6)
    assert report.skipped[0].reason == (
        f"spotify:playlist:{pid(1)} (List 1): items left out: 2 local files, 1 podcast episodes, 2 removed from"
        " Spotify, 1 without a name"
    )
    assert [(row[0], row[6][-2:]) for row in entries(empty_library, 1)] == [(0, "01"), (1, "05"), (2, "66")]
    report, _ = fetch(pid(1))  # told again, as playlist files are
    assert (counts(report), "6 items were left out" in report.skipped[0].reason) == ((0, 1, 0, 0, 6), True)


def test_empty_playlist_and_repetitions(stub, fetch, empty_library):
    stub.add(1, [])
    stub.add(2, [item(track(9))] * 130)
    report, _ = fetch(mine=True)
    assert counts(report) == (2, 0, 130, 1, 0)
    assert [stored.n_entries for stored in list_playlists(empty_library)] == [0, 130]


def test_unchanged_snapshot_is_not_fetched_again_and_a_changed_one_replaces(stub, fetch, empty_library):
    for number in range(60):
        stub.add(number, tracks(2, first=2 * number))
    assert counts(fetch(mine=True)[0]) == (60, 0, 120, 120, 0)
    assert len(stub.asked("/me/playlists")) == 2
    assert counts(fetch(mine=True)[0]) == (0, 60, 0, 0, 0)
    assert len(stub.requests) == 2  # the list alone
    stub.add(7, tracks(3, first=500), snapshot="s2")
    stub.mine.pop()
    assert counts(fetch(mine=True)[0]) == (1, 59, 3, 3, 0)
    assert [row[1] for row in entries(empty_library, 7)] == ["Título 500", "Título 501", "Título 502"]
    assert len(list_playlists(empty_library)) == 60
    orphans = "SELECT count(*) FROM playlist_items WHERE item_id NOT IN (SELECT item_id FROM entries)"
    assert empty_library.db.execute(orphans).fetchone()[0] == 0


def test_ten_thousand_entries(stub, fetch, empty_library):
    stub.add(1, tracks(10_000))
    report, _ = fetch(pid(1))
    assert counts(report) == (1, 0, 10_000, 10_000, 0)
    assert len(stub.asked("/items?")) == 200
    assert entries(empty_library, 1)[9_999][6] == f"spotify:track:{9_999:022d}"


def test_long_wait_stops_the_run_and_the_next_goes_on_at_that_page(stub, fetch, empty_library):
    stub.add(1, tracks(10))
    stub.add(2, tracks(400))
    stub.add(3, tracks(10))
    stub.fail("offset=250", error(429, "slow down", Retry_After=3600))
    report, connection = fetch(pid(1), pid(2), pid(3))
    assert counts(report) == (1, 0, 10, 10, 0)
    assert (report.stopped, report.n_waiting, report.retry_after_s) == (
        "Spotify asks to wait 3,600 s: run the same command again after that", 2, 3600.0,
    )  # fmt: skip
    assert (connection.sleeps, connection.notices) == ([], [])
    assert len(list(empty_library.path.glob(f"downloads/spotify/{pid(2)}/*.json"))) == 5
    report, _ = fetch(pid(1), pid(2), pid(3))
    assert counts(report) == (2, 1, 410, 400, 0)
    offsets = [path.partition("offset=")[2].partition("&")[0] for path in stub.asked(f"{pid(2)}/items")]
    assert offsets == ["250", "300", "350"]
    assert entries(empty_library, 2)[0][1] == "Título 0"
    assert [row[0] for row in entries(empty_library, 2)] == list(range(400))


def test_kept_pages_of_another_snapshot_or_damaged_ones_are_not_used(stub, fetch, empty_library):
    stub.add(1, tracks(200))
    stub.fail("offset=150", error(429, "", Retry_After=3600))
    fetch(pid(1))
    folder = empty_library.path / "downloads" / "spotify" / pid(1)
    (folder / "00000050.json").write_text('{"half":')
    stub.fail("offset=150", error(429, "", Retry_After=3600))
    fetch(pid(1))
    assert [path.partition("offset=")[2][:3] for path in stub.asked("/items?")] == ["50&", "100", "150"]
    stub.add(1, tracks(160, first=1_000), snapshot="s2")
    report, _ = fetch(pid(1))
    assert (counts(report), len(stub.asked("/items?"))) == ((1, 0, 160, 160, 0), 4)
    assert (entries(empty_library, 1)[0][1], folder.exists()) == ("Título 1000", False)


def test_refused_and_missing_playlists_among_good_ones(stub, fetch):
    for number in (1, 2, 3):
        stub.add(number, tracks(2, first=2 * number))
    stub.fail(f"{pid(2)}/items", error(403, "Forbidden"))
    report, _ = fetch(pid(1), pid(9), pid(2), pid(3))
    assert counts(report) == (2, 0, 4, 4, 2)
    assert [part.reason for part in report.skipped] == [
        f"spotify:playlist:{pid(9)}: Spotify answers 404 (Resource not found): it does not exist, or is not"
        " yours to see",
        f"spotify:playlist:{pid(2)}: Spotify answers 403 (Forbidden): an app in development mode reads only playlists"
        " that its user owns or works on",
    ]
    assert len(stub.asked(f"{pid(2)}/tracks")) == 0


def test_playlist_that_changes_while_it_is_read_is_read_once_more(stub, fetch, empty_library):
    def edit(playlist_id, offset):
        if offset == 50:
            stub.edit = None
            stub.playlists[playlist_id].update(items=tracks(120, first=300), snapshot_id="s2")

    stub.add(1, tracks(120))
    stub.edit = edit
    report, _ = fetch(pid(1))
    assert counts(report) == (1, 0, 120, 120, 0)
    assert entries(empty_library, 1)[0][1] == "Título 300"
    assert counts(fetch(pid(1))[0]) == (0, 1, 0, 0, 0)


def test_playlist_that_never_rests_is_incomplete(stub, fetch, empty_library):
    def edit(playlist_id, offset):
        content = stub.playlists[playlist_id]
        content.update(items=tracks(len(content["items"]) + 1), snapshot_id=content["snapshot_id"] + "+")

    stub.add(1, tracks(120))
    stub.edit = edit
    report, _ = fetch(pid(1))
    assert "incomplete: its length changed from" in report.skipped[0].reason
    (row,) = empty_library.db.execute("SELECT problem FROM playlist_files").fetchall()
    assert row[0].startswith("its length changed from")
    stub.edit = None
    report, _ = fetch(pid(1))
    assert (report.n_playlists, report.n_entries, report.n_skipped) == (1, len(stub.playlists[pid(1)]["items"]), 0)
    assert empty_library.db.execute("SELECT count(*) FROM playlist_files WHERE problem IS NULL").fetchone()[0] == 1


def page(items, total, offset, **more):
    def act(handler):
        handler.json({"items": items, "total": total, "offset": offset, "limit": 50, "next": None, **more})

    return act


def test_short_page_is_asked_for_again_and_if_it_stays_short_the_playlist_is_incomplete(stub, fetch, empty_library):
    stub.add(1, tracks(150))
    stub.fail("offset=50", page(tracks(30, first=50), 150, 50))
    assert counts(fetch(pid(1))[0]) == (1, 0, 150, 150, 0)
    stub.add(2, tracks(150))
    stub.fail(f"{pid(2)}/items?limit=50&offset=50", page(tracks(30, first=50), 150, 50), times=2)
    report, _ = fetch(pid(2))
    assert counts(report) == (1, 0, 130, 130, 1)
    assert report.skipped[0].reason == (
        f"spotify:playlist:{pid(2)} (List 2): incomplete: Spotify sent 130 of its 150 items; it is fetched again next"
        " time"
    )
    assert counts(fetch(pid(2))[0]) == (1, 0, 150, 150, 0)  # not taken for unchanged


def test_pages_that_end_early_lose_nothing_in_silence(stub, fetch, empty_library):
    stub.add(1, tracks(200))
    stub.fail("offset=100", page([], 200, 100), times=2)
    report, _ = fetch(pid(1))
    assert counts(report) == (1, 0, 100, 100, 1)
    assert "Spotify sent 100 of its 200 items" in report.skipped[0].reason
    assert len(stub.asked("offset=150")) == 0


def test_incomplete_answer_does_not_replace_what_was_whole(stub, fetch, empty_library):
    stub.add(1, tracks(100))
    fetch(pid(1))
    stub.playlists[pid(1)].update(snapshot_id="s2")
    stub.fail("offset=50", page([], 100, 50), times=2)
    report, _ = fetch(pid(1))
    assert (counts(report)[:2], len(entries(empty_library, 1))) == ((0, 0), 100)
    assert report.skipped[0].reason.endswith("50 of its 100 items; what was stored before stays")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"items": tracks(50), "total": 100, "offset": 0}, "the items from 0 on where those from 50 on were asked for"),
        ({"total": 100, "offset": 50}, "Spotify's answer holds no list of items and their number"),
        ({"items": [], "total": "many", "offset": 50}, "Spotify's answer holds no list of items and their number"),
    ],
)
def test_page_that_is_not_the_one_asked_for(stub, fetch, empty_library, content, message):
    stub.add(1, tracks(100))
    stub.add(2, tracks(1))
    stub.fail(f"{pid(1)}/items?limit=50&offset=50", lambda handler: handler.json(content))
    report, _ = fetch(pid(1), pid(2))
    assert counts(report) == (1, 0, 1, 1, 1)
    assert report.skipped[0].reason.endswith(message)
    assert [stored.name for stored in list_playlists(empty_library)] == ["List 2"]


def test_rate_limit_on_the_list_itself_stops_before_anything(stub, fetch, empty_library):
    stub.add(1, tracks(1))
    stub.fail("/me/playlists", error(429, "", Retry_After=100))
    report, _ = fetch(pid(1), mine=True)
    assert (report.n_playlists, report.n_waiting, report.retry_after_s) == (0, 1, 100.0)
    assert list_playlists(empty_library) == []


def test_holes_in_the_list_of_playlists_are_counted(stub, fetch):
    stub.add(1, tracks(1))
    stub.mine.append(None)
    report, _ = fetch(mine=True)
    assert counts(report) == (1, 0, 1, 1, 1)
    assert report.skipped[0].reason == "your list of playlists: 1 are not named"


def test_expired_token_is_renewed_and_kept(stub, fetch, tmp_path):
    stub.add(1, tracks(60))
    stub.access = set()
    assert counts(fetch(pid(1))[0]) == (1, 0, 60, 60, 0)
    kept = json.loads((tmp_path / "config" / "spotify" / "token.json").read_text())
    assert kept["access_token"] == RENEWED
    assert len(stub.asked("/api/token")) == 1
