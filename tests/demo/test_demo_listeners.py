"""Playlists and listens: planted structure, and the files that hold them."""

from __future__ import annotations

import csv
import json
from itertools import combinations

import numpy as np

from songnet.demo import STYLES, Composition, invent_artists, plan_tracks
from songnet.demo.artists import ARTISTS_PER_STYLE
from songnet.demo.listeners import count_listens, make_playlists

ARTISTS = invent_artists(0)
TRACKS = plan_tracks(120, 0, ARTISTS)
LISTENS = count_listens(TRACKS, ARTISTS, 0)
PLAYLISTS = make_playlists(TRACKS, LISTENS, 60, 200, 0)


def test_tracks_of_a_style_share_playlists() -> None:
    together = np.zeros((120, 120))
    for playlist in PLAYLISTS:
        for a, b in combinations(playlist.tracks, 2):
            together[a, b] += 1
            together[b, a] += 1
    style = np.array([track.style for track in TRACKS])
    same = style[:, np.newaxis] == style
    np.fill_diagonal(same, False)
    across = style[:, np.newaxis] != style
    assert together[same].mean() > 4 * together[across].mean()
    assert together[across].mean() > 0
    shuffled = np.random.default_rng(0).permutation(style)
    control = shuffled[:, np.newaxis] == shuffled
    np.fill_diagonal(control, False)
    assert together[control].mean() < 1.5 * together[shuffled[:, np.newaxis] != shuffled].mean()


def test_playlists_have_the_lengths_and_names_of_playlists() -> None:
    assert [playlist.pid for playlist in PLAYLISTS] == list(range(200))
    assert len({playlist.listener for playlist in PLAYLISTS}) >= 55
    assert len({playlist.name for playlist in PLAYLISTS}) > 60
    for playlist in PLAYLISTS:
        assert 8 <= len(playlist.tracks) <= 25
        assert len(set(playlist.tracks)) == len(playlist.tracks)


def test_popular_tracks_are_in_more_playlists() -> None:
    counts = np.bincount([index for playlist in PLAYLISTS for index in playlist.tracks], minlength=120)
    assert np.corrcoef(counts, np.log(LISTENS))[0, 1] > 0.3


def test_listens_are_partly_audible_and_partly_luck() -> None:
    explained = []
    for seed in range(6):
        artists = invent_artists(seed)
        tracks = plan_tracks(240, seed, artists)
        listens = np.log(count_listens(tracks, artists, seed))
        # Ordinary least squares on artist (which implies style) and tempo.
        columns = np.zeros((240, len(artists) + 1))
        columns[range(240), [track.artist_index for track in tracks]] = 1
        columns[:, -1] = [track.tempo_bpm for track in tracks]
        fitted = columns @ np.linalg.lstsq(columns, listens, rcond=None)[0]
        explained.append(1 - np.var(listens - fitted) / np.var(listens))
    assert 0.3 < np.mean(explained) < 0.75


def test_listens_differ_by_style() -> None:
    style = np.array([track.artist_index // ARTISTS_PER_STYLE for track in TRACKS])
    means = [np.log(LISTENS[style == i]).mean() for i in range(len(STYLES))]
    assert max(means) - min(means) > 0.7


def test_m3u8_paths_resolve(composition: Composition) -> None:
    files = sorted((composition.playlists / "m3u8").glob("*.m3u8"))
    assert len(files) == 20
    known = {track.path: track for track in composition.tracks}
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "#EXTM3U"
        assert lines[1].startswith("#PLAYLIST:")
        entries = list(zip(lines[2::2], lines[3::2], strict=True))
        assert entries
        for info, path in entries:
            place = (file.parent / path).resolve()
            assert place.is_file()
            track = known[place.relative_to(composition.root.resolve()).as_posix()]
            assert info == f"#EXTINF:{round(track.duration_s)},{track.artist} - {track.title}"


def test_the_dataset_slice_has_the_schema_and_the_same_playlists(composition: Composition) -> None:
    (file,) = composition.playlists.glob("mpd.slice.*.json")
    assert file.name == "mpd.slice.0-19.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    assert set(data) == {"info", "playlists"}
    assert data["info"]["slice"] == "0-19"
    by_title = {(track.title, track.artist, track.album): track for track in composition.tracks}
    for playlist in data["playlists"]:
        assert playlist["num_tracks"] == len(playlist["tracks"])
        (m3u8,) = (composition.playlists / "m3u8").glob(f"{playlist['pid']:04d} - *.m3u8")
        paths = [line for line in m3u8.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        tracks = [by_title[t["track_name"], t["artist_name"], t["album_name"]] for t in playlist["tracks"]]
        assert [f"../../{track.path}" for track in tracks] == paths
        assert [t["pos"] for t in playlist["tracks"]] == list(range(len(tracks)))
        fields = {
            "pos",
            "track_name",
            "artist_name",
            "album_name",
            "track_uri",
            "artist_uri",
            "album_uri",
            "duration_ms",
        }
        assert all(set(entry) == fields for entry in playlist["tracks"])
        assert playlist["duration_ms"] == sum(entry["duration_ms"] for entry in playlist["tracks"])


def test_listens_are_written_for_every_track(composition: Composition) -> None:
    with (composition.root / "listens.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [track.path for track in composition.tracks]
    assert all(int(row["listens"]) >= 1 for row in rows)
