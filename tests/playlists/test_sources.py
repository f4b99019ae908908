"""One contract for every playlist format, on the samples that the demo writes; then what each does on its own."""

import json
import random
from pathlib import Path

import pytest

from songnet.demo.artists import invent_artists
from songnet.demo.listeners import count_listens, make_playlists
from songnet.demo.playlist_files import format_files
from songnet.demo.tracks import plan_tracks
from songnet.errors import ParameterError, PlaylistError
from songnet.playlists.model import Entry, Playlist
from songnet.playlists.sources import ENDINGS, SOURCES, choose_source, detect

SAMPLES = Path(__file__).parents[2] / "playlists"
SAMPLE_OF = {
    "mpd": "mpd.slice.0-2.json", "exportify": "exportify.csv", "m3u": "sample.m3u8", "pls": "sample.pls",
    "xspf": "sample.xspf", "jspf": "sample.jspf", "itunes": "Library.xml", "spotify-export": "Playlist1.json",
    "csv": "playlists.csv",
}  # fmt: skip
EVERY = sorted(path.name for path in SAMPLES.iterdir() if path.name != "README.md")


def composed():
    """The composition that the samples in the repository were taken from: `songnet demo --tracks 48 --seed 0`."""
    artists = invent_artists(0)
    tracks = plan_tracks(48, 0, artists)
    return tracks, make_playlists(tracks, count_listens(tracks, artists, 0), 24, 80, 0)


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, name=None):
    """Playlists, and the messages of what was skipped, the last of which may have ended the reading."""
    skipped, playlists = [], []
    try:
        for playlist in choose_source(path, name)(path, lambda error: skipped.append(str(error))):
            playlists.append(playlist)
    except PlaylistError as error:
        skipped.append(str(error))
    return playlists, skipped


def test_the_samples_are_what_the_demo_writes():
    tracks, playlists = composed()
    files = format_files(playlists, tracks)
    assert sorted(files) == EVERY
    for name, content in files.items():
        assert (SAMPLES / name).read_bytes() == content, name
    assert set(SAMPLE_OF) == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_keeps_the_contract(name, tmp_path):
    source, sample = SOURCES[name], SAMPLES / SAMPLE_OF[name]
    assert source.name == name
    assert source.title
    assert sample.suffix in ENDINGS
    tracks, composed_playlists = composed()
    playlists = list(source(sample))
    assert [type(playlist) for playlist in playlists] == [Playlist] * len(playlists)
    expected = composed_playlists[: len(playlists)]
    assert len(playlists) in (1, 3)
    for playlist, truth in zip(playlists, expected, strict=True):
        assert playlist.source == name
        assert playlist.name == {"exportify": "exportify", "pls": "sample"}.get(name, truth.name)
        assert [entry.position for entry in playlist.entries] == list(range(len(truth.tracks)))
        for entry, track in zip(playlist.entries, (tracks[index] for index in truth.tracks), strict=True):
            assert (entry.artist, entry.title) == (track.artist, track.title)
            if entry.duration_s is not None:
                assert entry.duration_s == pytest.approx(track.duration_s, abs=0.51)
            if entry.path is not None:
                assert entry.path.endswith(track.path)
            if entry.isrc is not None:
                assert entry.isrc == track.isrc
            assert not entry.is_empty
    # Content decides: under a name that says nothing, the format is the same.
    assert detect(write(tmp_path, "unknown", sample.read_bytes())).name == name
    # An empty file, other formats and noise are refused or read as something, with no error but PlaylistError.
    noise = random.Random(0).randbytes(5000)
    for content in (b"", noise, b"\x00" * 100, b"hello", b"{}", b"<a/>", b"[]", *map(bytes_of, EVERY)):
        path = write(tmp_path, "other", content)
        assert 0 <= source.sniff(content[:65536], "other") <= 1
        read(path, name)


def bytes_of(name):
    return (SAMPLES / name).read_bytes()


@pytest.mark.parametrize("name", EVERY)
def test_broken_samples_give_whole_playlists_or_one_line(name, tmp_path):
    """Cut anywhere, or with bytes changed: never another error, and what is kept is what was written."""
    content = bytes_of(name)
    source = detect(SAMPLES / name).name
    whole, none = read(SAMPLES / name)
    assert none == []
    draw = random.Random(name)
    for _ in range(25):
        cut = write(tmp_path, name, content[: draw.randrange(len(content))])
        for playlist in read(cut, source)[0]:
            (original,) = [known for known in whole if known.name == playlist.name] or [None]
            if source in ("mpd", "spotify-export", "itunes"):
                assert playlist == original
        changed = bytearray(content)
        for _ in range(5):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        for message in read(write(tmp_path, name, bytes(changed)), source)[1]:
            assert message.startswith(str(tmp_path / name))
            assert "\n" not in message


@pytest.mark.parametrize("name", ["unknown.json", "notes.txt", "page.xml", "table.csv", "song.m3u"])
def test_what_is_no_playlist_is_none(name, tmp_path):
    contents = {
        "unknown.json": '{"a": [1, 2]}', "notes.txt": "hello\nworld\n", "page.xml": "<html><body/></html>",
        "table.csv": "x,y\n1,2\n", "song.m3u": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n0.ts\n",
    }  # fmt: skip
    path = write(tmp_path, name, contents[name])
    assert detect(path) is None
    with pytest.raises(PlaylistError, match=r"is no playlist of a known format \(mpd, exportify, m3u, .*\): name one"):
        choose_source(path)
    with pytest.raises(ParameterError, match="unknown playlist format 'mp3'; choose one of: csv, exportify"):
        choose_source(path, "mp3")


def test_a_slice_that_is_cut_off_keeps_the_playlists_before_the_cut(tmp_path):
    content = bytes_of("mpd.slice.0-2.json")
    third = content.index(b'"name": "', content.index(b'"pid": 1'))
    path = write(tmp_path, "mpd.json", content[: third + 500])
    playlists, (message,) = read(path)
    assert [playlist.source_id for playlist in playlists] == ["0", "1"]
    size = path.stat().st_size
    assert message == (
        f"{path}, byte {size:,}: the file is cut off within playlist 3; the 2 before it were read: get the file again"
    )
    with pytest.raises(PlaylistError, match="cut off within playlist 3"):
        list(SOURCES["mpd"](path))


def test_broken_playlists_of_a_slice_are_skipped_and_the_rest_is_kept(tmp_path):
    track = {"pos": 0, "track_name": "T", "artist_name": "A", "track_uri": "spotify:track:6YUTL4dYpB9xZO5qExPf05"}
    slices = [
        {"name": "one", "pid": 7, "tracks": [{**track, "pos": 1, "track_name": "U"}, track]},
        {"name": "no tracks", "pid": 8},
        "text",
        {"name": " ", "pid": 9, "tracks": [3, track, {"pos": 1}]},
    ]
    path = write(tmp_path, "m.json", json.dumps({"playlists": slices}))
    playlists, skipped = read(path)
    assert [(playlist.name, len(playlist.entries)) for playlist in playlists] == [("one", 2), ("m 4", 1)]
    assert [entry.title for entry in playlists[0].entries] == ["T", "U"]
    assert skipped == [
        f"{path}, playlist 2: has no list of tracks",
        f"{path}, playlist 3: has no list of tracks",
        f"{path}, playlist 4: an entry behind the first 0 names no track",
        f"{path}, playlist 4: an entry behind the first 1 names no track",
    ]
    assert read(write(tmp_path, "e.json", '{"playlists": []}'), "mpd")[1] == [
        f"{tmp_path / 'e.json'}: holds no playlists"
    ]


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        ("#EXTM3U\n#EXTINF:12,Ä - T\na.mp3\n".encode("latin-1"), "a.m3u", ("Ä", "T", 12.0, "a.mp3")),
        ("#EXTM3U\n#EXTINF:12,Ä - T\na.mp3\n".encode("utf-8-sig"), "a.m3u", ("Ä", "T", 12.0, "a.mp3")),
        ("#EXTM3U\r\n#EXTINF:12,Ä - T\r\na.mp3".encode("utf-16"), "a.m3u", ("Ä", "T", 12.0, "a.mp3")),
        (b"#EXTM3U\r#EXTINF:12,A - T\ra.mp3\r", "a.m3u", ("A", "T", 12.0, "a.mp3")),
        (b'#EXTM3U\n#EXTINF:-1 id="a, b" x="",A - T - U\n/m/a.mp3\n', "a.m3u", ("A", "T - U", None, "/m/a.mp3")),
        (b"#EXTM3U\n#EXTART:B\n#EXTINF:3.5,T\nfile:///m/a%20b.mp3\n", "a.m3u", ("B", "T", 3.5, "/m/a b.mp3")),
        (b"# a comment\nC:\\Music\\a.mp3\n", "a.m3u", (None, None, None, "C:\\Music\\a.mp3")),
        (b"\n\n../../../etc/passwd\n", "a.m3u8", (None, None, None, "../../../etc/passwd")),
        (b"#EXTM3U\nhttp://host/stream?a=1\n", "a.m3u", (None, None, None, "http://host/stream?a=1")),
    ],
)
def test_m3u_in_the_wild(content, name, expected, tmp_path):
    ((playlist,), skipped) = read(write(tmp_path, name, content))
    (entry,) = playlist.entries
    assert (entry.artist, entry.title, entry.duration_s, entry.path) == expected
    assert skipped == []


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ('"Spotify URI","Track Name","Artist Name","Album Name","Disc Number","Track Number","Track Duration (ms)",'
         '"Added By","Added At"', '"spotify:track:6YUTL4dYpB9xZO5qExPf05","T","A, B","L","1","2","1500","me","2020"'),
        ('"Track URI","Track Name","Artist URI(s)","Artist Name(s)","Album URI","Album Name","Track Duration (ms)",'
         '"ISRC","Added At"', "spotify:track:6YUTL4dYpB9xZO5qExPf05,T,u,\"A, B\",v,L,1500,GBAYE6700077,2020"),
        ('\ufeff"Spotify ID","Artist IDs","Track Name","Album Name","Artist Name(s)","Release Date","Duration (ms)",'
         '"Added At"', '"6YUTL4dYpB9xZO5qExPf05","x","T","L","A, B","2001","1500","2020"'),
    ],
    ids=["2018", "2021", "pavelkomarov"],
)  # fmt: skip
def test_the_layouts_of_exportify(header, row, tmp_path):
    ((playlist,), skipped) = read(write(tmp_path, "road_trip.csv", f"{header}\n{row}\n"))
    assert (playlist.name, playlist.source, skipped) == ("road trip", "exportify", [])
    (entry,) = playlist.entries
    isrc = "GBAYE6700077" if "ISRC" in header else None
    uri = "spotify:track:6YUTL4dYpB9xZO5qExPf05"
    assert entry == Entry(0, "T", "A, B", "L", 1.5, None, isrc, None, uri, "2020")


def test_plain_tables_in_any_order_of_rows(tmp_path):
    text = 'Playlist;Artist;Song;Length\nx;A;T;3:07\ny;B;"U\nV";12\nx;A;T;\n;;;\ny;;;4\n'
    path = write(tmp_path, "p.csv", text)
    playlists, skipped = read(path)
    assert [(p.name, [(e.title, e.duration_s) for e in p.entries]) for p in playlists] == [
        ("x", [("T", 187.0), ("T", None)]),
        ("y", [("U\nV", 12.0)]),
    ]
    assert skipped == [f"{path}, line 7: names no track"]
    # Playlists of one name are told apart by their ids.
    named = "playlist_name,playlist_id,track_name,track_artist,track_id\n" + "".join(
        f"Pop,{n},T{n},A,6YUTL4dYpB9xZO5qExPf0{n}\n" for n in (1, 1, 2)
    )
    playlists, _ = read(write(tmp_path, "q.csv", named))
    assert [(p.name, p.source_id, len(p.entries)) for p in playlists] == [("Pop", "1", 2), ("Pop", "2", 1)]
    assert playlists[1].entries[0].track_uri == "spotify:track:6YUTL4dYpB9xZO5qExPf02"
    path = write(tmp_path, "r.csv", "a,b\n1,2\n")
    assert read(path, "csv")[1] == [f"{path}, line 1: no columns that name tracks, such as artist and title"]


def test_pls_is_ordered_by_its_numbers(tmp_path):
    text = "[Playlist]\nFile10=c.mp3\nFile2=b.mp3\nTitle2=A - B\nLength2=-1\nTitle9=x\nNumberOfEntries=99\n"
    path = write(tmp_path, "p.pls", text)
    ((playlist,), skipped) = read(path)
    assert [(e.path, e.artist, e.title, e.duration_s) for e in playlist.entries] == [
        ("b.mp3", "A", "B", None),
        ("c.mp3", None, None, None),
    ]
    assert skipped == [f"{path}: number 9 has no File9="]


def test_an_itunes_library_without_what_nobody_made(tmp_path):
    playlists, _ = read(SAMPLES / "Library.xml")
    assert [playlist.name for playlist in playlists] == [playlist.name for playlist in composed()[1][:3]]
    assert playlists[0].entries[0].path.startswith("/Music/music/")
    text = bytes_of("Library.xml").decode()
    lost = write(tmp_path, "l.xml", text.replace("<key>Track ID</key><integer>1018</integer>", "", 1))
    playlists, skipped = read(lost)
    assert len(playlists[0].entries) == 15
    assert f"{lost}, playlist 'second kitchen': track 1018 is not among the library's tracks" in skipped


def test_spiff_identifiers_and_local_tracks(tmp_path):
    mbid = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
    text = (
        '<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><title>N &amp; M</title><trackList><track>'
        f"<identifier>https://musicbrainz.org/recording/{mbid.upper()}</identifier><location>a%20b.mp3</location>"
        "<title>T</title></track><track/></trackList></playlist>"
    )
    path = write(tmp_path, "x.xspf", text)
    ((playlist,), skipped) = read(path)
    assert playlist.name == "N & M"
    assert playlist.entries == (Entry(0, "T", path="a b.mp3", mb_recording_id=mbid),)
    assert skipped == [f"{path}: a track behind the first 1 names nothing"]
    export = {"playlists": [{"name": "N", "items": [
        {"track": None, "episode": {"episodeName": "E"}, "addedDate": "x"},
        {"track": None, "episode": None, "localTrack": {"uri": "spotify:local:A:L:T:12", "trackName": "T"}},
    ], "lastModifiedDate": "2020"}]}  # fmt: skip
    ((playlist,), skipped) = read(write(tmp_path, "Playlist1.json", json.dumps(export)))
    assert (playlist.entries, skipped) == ((Entry(0, "T"),), [])
