"""Playlist files that mean harm, or are merely enormous: refused or read, in little memory, and nothing else opened."""

import json
import subprocess
import sys

import pytest

from songnet.errors import PlaylistError
from songnet.library import Library
from songnet.playlists.sources import SOURCES
from songnet.playlists.store import import_paths

XSPF = '<?xml version="1.0"?>{doctype}<playlist version="1" xmlns="http://xspf.org/ns/0/"><title>{title}</title>'
BOMB = '<!DOCTYPE lolz [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip

MEASURED = """
import resource, sys
from pathlib import Path
from songnet.errors import PlaylistError
from songnet.playlists.sources import SOURCES
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count, message = 0, ""
try:
    for playlist in SOURCES[sys.argv[1]](Path(sys.argv[2]), lambda error: None):
        count += len(playlist.entries)
except PlaylistError as error:
    message = str(error)
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, message, sep="|")
"""


def measure(source, path):
    """Entries read, growth of memory in MB, message; in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", MEASURED, source, str(path)], capture_output=True, text=True, check=True
    )
    count, growth, message = result.stdout.strip().split("|", 2)
    return int(count), int(growth) / 1024, message


def write_slice(path, n_playlists, n_tracks):
    """A slice on a single line."""
    uri = "spotify:track:6YUTL4dYpB9xZO5qExPf05"
    tracks = [
        {"pos": n, "artist_name": f"Artist {n}", "track_uri": uri, "track_name": f"Title {n}", "duration_ms": 1000 * n}
        for n in range(n_tracks)
    ]
    with path.open("w") as stream:
        stream.write('{"info": {}, "playlists": [')
        rest = json.dumps({"name": "p", "tracks": tracks})[1:]
        for pid in range(n_playlists):
            stream.write(("," if pid else "") + f'{{"pid": {pid}, {rest}')
        stream.write("]}")


def test_a_large_single_line_is_read_in_little_memory(tmp_path):
    path = tmp_path / "slice.json"
    write_slice(path, 3500, 100)
    assert path.stat().st_size > 48e6
    count, growth, message = measure("mpd", path)
    assert (count, message) == (350_000, "")
    assert growth < 30


@pytest.mark.parametrize("inner", ["text", "numbers", "open brackets"])
def test_one_enormous_value_is_refused_in_bounded_memory(tmp_path, inner):
    fill, message = {
        "text": ('"[\\"', "more than 32 MiB"),
        "numbers": ("[", "more than 32 MiB"),
        "open brackets": ("", "nested deeper than 100"),
    }[inner]
    body = {"text": "x" * (1 << 20), "numbers": "1," * (1 << 19), "open brackets": "[" * (1 << 20)}[inner]
    path = tmp_path / "slice.json"
    with path.open("w") as stream:
        stream.write('{"playlists": [{"name": "first", "tracks": []}, {"name": ' + fill)
        for _ in range(34):
            stream.write(body)
    count, growth, told = measure("mpd", path)
    assert count == 0
    assert message in told
    assert growth < 350  # 32 MiB of the smallest numbers are 16 million references


def test_xml_bombs_and_external_entities_are_refused(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    external = f'<!DOCTYPE p [<!ENTITY i SYSTEM "{secret.as_uri()}">]>'
    for kind, doctype in (("EntitiesForbidden", BOMB), ("EntitiesForbidden", external)):
        path = tmp_path / "x.xspf"
        path.write_text(XSPF.format(doctype=doctype, title="&i;") + "<trackList/></playlist>")
        with pytest.raises(PlaylistError, match=rf"defines entities or includes other files \({kind}\).*was not read"):
            list(SOURCES["xspf"](path))
        plist = f'<?xml version="1.0"?>{doctype}<plist><dict><key>Tracks</key><dict></dict></dict></plist>'
        path.write_text(plist)
        with pytest.raises(PlaylistError, match="defines entities"):
            list(SOURCES["itunes"](path))
    # Apple's own document type names an address; it is not looked up, and no error.
    path.write_text('<!DOCTYPE plist PUBLIC "x" "http://127.0.0.1:1/x.dtd"><plist><dict/></plist>')
    assert list(SOURCES["itunes"](path)) == []
    path.write_text(XSPF.format(doctype="", title="") + "<a>" * 5000)
    with pytest.raises(PlaylistError, match="nested deeper than 100"):
        list(SOURCES["xspf"](path))


def test_enormous_elements_and_lines_are_refused(tmp_path):
    path = tmp_path / "x.xspf"
    with path.open("w") as stream:
        stream.write(XSPF.format(doctype="", title=""))
        for _ in range(34):
            stream.write("x" * (1 << 20))
    count, growth, told = measure("xspf", path)
    assert count == 0
    assert "an element has more than 32 MiB" in told
    assert growth < 200
    path = tmp_path / "x.m3u"
    path.write_text("a.mp3\n" + "x" * (1 << 20))
    with pytest.raises(PlaylistError, match="line 2: longer than 1,048,576 bytes"):
        list(SOURCES["m3u"](path))
    path.write_text("#EXTM3U\n" + "x" * (1 << 20), encoding="utf-16")
    with pytest.raises(PlaylistError, match="line 2: longer than 1,048,576 bytes"):
        list(SOURCES["m3u"](path))


OPENED = set()
WATCHING = []


def _watch(event, arguments):
    if WATCHING and event in ("open", "os.listdir", "os.scandir"):
        OPENED.add(str(arguments[0]))


sys.addaudithook(_watch)


def test_paths_in_playlists_are_text_and_never_opened(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "present.mp3").write_bytes(b"secret")
    lines = ["../../../../../../etc/passwd", "/etc/passwd", "../present.mp3", "file:///etc/passwd", "\\\\host\\x.mp3"]
    (tmp_path / "lists" / "x.m3u").write_text("\n".join(lines))
    (tmp_path / "lists" / "y.pls").write_text(
        "[playlist]\n" + "\n".join(f"File{number}={line}" for number, line in enumerate(lines, 1))
    )
    with Library(tmp_path / "library", write=True, create=True) as library:
        WATCHING.append(True)
        try:
            report = import_paths(library, [tmp_path / "lists"])
        finally:
            WATCHING.clear()
        stored = [row[0] for row in library.db.execute("SELECT path FROM playlist_items ORDER BY path")]
        keys = {row[0] for row in library.db.execute("SELECT track_key FROM playlist_items")}
    assert (report.n_entries, report.n_skipped) == (10, 0)
    assert stored == sorted({"/etc/passwd", *lines} - {"file:///etc/passwd"})
    assert keys == {"path:/etc/passwd", f"path:{tmp_path / 'present.mp3'}", "path://host/x.mp3"}
    touched = {name for name in OPENED if "passwd" in name or "present" in name or "host" in name}
    assert touched == set()
    assert str(tmp_path / "lists" / "x.m3u") in OPENED


@pytest.mark.parametrize("n_tracks", [1, 10_000])
def test_playlists_of_one_and_of_ten_thousand_tracks(tmp_path, n_tracks):
    write_slice(tmp_path / "m.json", 1, n_tracks)
    (playlist,) = SOURCES["mpd"](tmp_path / "m.json")
    assert [entry.position for entry in playlist.entries] == list(range(n_tracks))
    lines = "".join(f"folder/{n % 5000}.mp3\n" for n in range(n_tracks))
    (tmp_path / "m.m3u").write_text(lines)
    (playlist,) = SOURCES["m3u"](tmp_path / "m.m3u")
    assert [entry.path for entry in playlist.entries] == lines.splitlines()
