"""Real playlists, told by a stand-in for Spotify, are the same in the library as read from their file."""

import json

import pytest
from spotify_stub import connect, item, serve, token_file

from songnet.library import Library
from songnet.playlists.spotify.fetch import fetch_playlists
from songnet.playlists.store import import_paths


def lay_out(stub, source):
    """Give a stub the playlists of a slice, in Spotify's shape."""
    for content in json.loads(source.read_bytes())["playlists"]:
        rows = [
            item({
                "type": "track", "uri": row["track_uri"], "name": row["track_name"], "duration_ms": row["duration_ms"],
                "artists": [{"name": row["artist_name"]}], "album": {"name": row["album_name"]},
            })
            for row in content["tracks"]
        ]  # fmt: skip
        stub.add(content["pid"], rows, name=content["name"])


@pytest.mark.realdata
def test_real_playlists_come_through_as_they_do_from_a_file(empty_library, shared_data, tmp_path):
    source = shared_data / "playlists" / "mpd.slice.0-249.json"
    token_file(tmp_path / "config")
    with serve() as stub, connect(stub, tmp_path / "config") as connection:
        lay_out(stub, source)
        report = fetch_playlists(empty_library, connection.client, [], mine=True)
    assert (report.n_playlists, report.n_entries, report.n_tracks, report.n_skipped) == (250, 24_387, 19_171, 0)
    fields = "p.name, e.position, title, artist, album, duration_s, track_uri"
    query = (
        f"SELECT {fields} FROM playlists p JOIN entries e USING (playlist_id) JOIN playlist_items USING (item_id)"
        " ORDER BY CAST(source_id AS INTEGER), e.position"
    )
    with Library(tmp_path / "from-file", write=True, create=True) as library:
        import_paths(library, [source])
        wanted = [tuple(row) for row in library.db.execute(query)]
    assert [tuple(row) for row in empty_library.db.execute(query)] == wanted
