"""Which track an entry means: normal forms, every way of matching, and what must not be matched."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.library.tracks import fold, upsert_path, upsert_track
from songnet.playlists.fuzzy import match_fuzzy
from songnet.playlists.matching import Match, Wanted, build_index, match_entries
from songnet.playlists.model import Entry, track_key
from songnet.playlists.normalise import first_artist, normalise_artist, normalise_title

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
TRACKS = {
    # id: title, artist, album, seconds, isrc, recording, path
    "studio": ("Hoppípolla", "Sigur Rós", "Takk...", 268.0, "GBAYE0500001", MBID, "/music/Sigur Rós/Takk/03.flac"),
    "live": ("Hoppípolla (Live)", "Sigur Rós", "Inni", 290.0, None, None, "/music/Sigur Rós/Inni/03.flac"),
    "duet": ("Stay (feat. Mikky Ekko)", "Rihanna, Mikky Ekko", "Stay", 240.0, None, None, "/music/Rihanna/stay.mp3"),
    "long": ("Suite", "The Band", "One", 600.0, "GBAYE0500002", None, "/music/Band/One/01.mp3"),
    "short": ("Suite", "The Band", "Two", 180.0, None, None, "/music/Band/Two/01.mp3"),
    "copy a": ("Twice", "Both", "Same", 100.0, None, None, "/a/Both/twice.mp3"),
    "copy b": ("Twice", "Both", "Same", 101.0, None, None, "/b/Both/twice.mp3"),
    "part": ("Symphony Part 1", "Composer", None, None, None, None, "/music/composer/odd name.mp3"),
}


@pytest.fixture
def index(empty_library):
    db = empty_library.db
    for key, (title, artist, album, duration, isrc, recording, path) in TRACKS.items():
        upsert_track(db, {
            "track_id": key, "source": "audio", "title": title, "artist": artist, "album": album,
            "duration_s": duration, "isrc": isrc, "mb_recording_id": recording,
        })  # fmt: skip
        upsert_path(db, os.fsencode(path), key, 1, 1)
    upsert_path(db, b"/music/caf\xe9.mp3", "part", 1, 1)
    db.commit()
    return build_index(db)


NOTHING = Match(None, None, None)
AMBIGUOUS = Match(None, "ambiguous", None)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        # path: absolute, relative to the playlist, by old players, and with a name that is not UTF-8
        (Wanted(path="/music/Rihanna/stay.mp3"), Match("duet", "path", 1.0)),
        (Wanted(path="../Rihanna/./stay.mp3", folder="/music/lists"), Match("duet", "path", 1.0)),
        (Wanted(path="..\\Rihanna\\stay.mp3", folder="/music/lists"), Match("duet", "path", 1.0)),
        (Wanted(path="/music/Sigur Ro\u0301s/Takk/03.flac"), Match("studio", "path", 1.0)),
        (Wanted(path="/music/café.mp3"), Match("part", "path", 1.0)),
        (Wanted(path="http://host/music/Rihanna/stay.mp3"), NOTHING),
        # the end of a path: folder and file, case and diacritics aside; never a file alone without its title
        (Wanted(path="D:\\Tunes\\TAKK\\03.flac"), Match("studio", "path-suffix", 0.7)),
        (Wanted(path="/x/sigur ros/takk/03.flac"), Match("studio", "path-suffix", 0.9)),
        (Wanted(path="takk/03.flac", title="Hoppipolla", folder="/x"), Match("studio", "path-suffix", 0.95)),
        (Wanted(path="takk/03.flac", duration_s=99.0, folder="/x"), NOTHING),
        (Wanted(path="/elsewhere/both/twice.mp3"), AMBIGUOUS),
        (Wanted(path="01.mp3", folder="/x"), NOTHING),
        (Wanted(path="stay.mp3", folder="/x"), NOTHING),
        (Wanted(path="stay.mp3", title="Stay", folder="/x"), Match("duet", "path-suffix", 0.8)),
        (Wanted(path="../../../../../etc/passwd", folder="/x"), NOTHING),
        # recording id
        (Wanted(mb_recording_id=MBID), Match("studio", "mb-recording", 0.99)),
        (Wanted(mb_recording_id=MBID.replace("8", "9")), NOTHING),
        # ISRC: supported, alone, contradicted by the title, by the duration, by the title but not the duration
        (Wanted(isrc="GBAYE0500001", title="Hoppipolla"), Match("studio", "isrc", 0.97)),
        (Wanted(isrc="GBAYE0500001"), Match("studio", "isrc", 0.9)),
        (Wanted(isrc="GBAYE0500001", title="Another"), NOTHING),
        (Wanted(isrc="GBAYE0500001", title="Hoppipolla", duration_s=100.0), NOTHING),
        (Wanted(isrc="GBAYE0500001", title="Jumping in Puddles", duration_s=268.4), Match("studio", "isrc", 0.75)),
        # names
        (Wanted("HOPPÍPOLLA - 2014 Remaster", "sigur ros"), Match("studio", "name", 0.95)),
        (Wanted("Hoppípolla", "Sigur Rós", duration_s=270.0), Match("studio", "name", 0.95)),
        (Wanted("Hoppípolla", "Sigur Rós", duration_s=275.0), Match("studio", "name", 0.8)),
        (Wanted("Hoppípolla", "Sigur Rós", duration_s=290.0), NOTHING),
        (Wanted("Hoppípolla - Live", "Sigur Rós"), Match("live", "name", 0.95)),
        (Wanted("Hoppípolla (Acoustic)", "Sigur Rós"), NOTHING),
        (Wanted("Stay", "Rihanna"), Match("duet", "name", 0.9)),
        (Wanted("Stay", "Rihanna feat. Mikky Ekko"), Match("duet", "name", 0.9)),
        (Wanted("Stay", "Rihanna & Somebody"), Match("duet", "name", 0.85)),
        (Wanted("Stay", "Mikky Ekko"), NOTHING),
        (Wanted("Stay", None), NOTHING),
        # several tracks: the album decides, or the duration, or nothing does
        (Wanted("Suite", "Band", "ONE"), Match("long", "name", 0.95)),
        (Wanted("Suite", "Band", None, 181.0), Match("short", "name", 0.95)),
        (Wanted("Suite", "Band"), AMBIGUOUS),
        (Wanted("Twice", "Both", "Same", 100.5), AMBIGUOUS),
        # a surer way goes first, and one that finds nothing does not end the search
        (Wanted("Suite", "Band", path="/music/Rihanna/stay.mp3"), Match("duet", "path", 1.0)),
        (Wanted("Stay", "Rihanna", path="/gone.mp3", isrc="GBAYE0599999"), Match("duet", "name", 0.9)),
    ],
)
def test_what_an_entry_means(index, wanted, expected):
    assert match_entries(index, [wanted]) == [expected]


def test_an_empty_library_matches_nothing(empty_library):
    wanted = [Wanted("T", "A", "B", 1.0, "/a/b.mp3", "/", "GBAYE0500001", MBID)]
    assert match_entries(build_index(empty_library.db), wanted) == [NOTHING]


def test_likeness_only_when_asked_for_and_never_across_versions_and_numbers(index):
    near = [
        Wanted("Hopipolla", "Sigur Ross"),
        Wanted("Hopipolla (Live)", "Sigur Ross"),
        Wanted("Hopipolla (Acoustic)", "Sigur Ross"),
        Wanted("Hopipolla", "Sigur Ross", duration_s=100.0),
        Wanted("Symphony Part 2", "Composer"),
        Wanted("Symphonie Part 1", "Composer"),
        Wanted("Suites", "Band"),
        Wanted("Hopipolla", None),
        Wanted("Nothing like it", "Nobody at all"),
    ]
    assert match_entries(index, near) == [NOTHING] * len(near)
    found = match_fuzzy(index, near)
    assert [match.track_id for match in found] == ["studio", "live", None, None, None, "part", None, None, None]
    assert [match.method for match in found[:2]] == ["fuzzy", "fuzzy"]
    # The lesser likeness: "sigur ross" and "sigur ros" share 9 of 19 letters twice.
    assert found[0].confidence == pytest.approx(0.8 * min(18 / 19, 18 / 19), abs=1e-3)
    assert found[6] == AMBIGUOUS
    assert match_fuzzy(index, near[:1], threshold=99) == [NOTHING]
    for threshold in (49.9, 100.1, float("nan")):
        with pytest.raises(ParameterError, match=r"fuzzy threshold is .*; it must lie between 50 and 100"):
            match_fuzzy(index, near, threshold=threshold)


@pytest.mark.parametrize(
    ("title", "core", "version"),
    [
        ("Song", "song", ""),
        ("Song (feat. X & Y)", "song", ""),
        ("Song ft. X", "song", ""),
        ("Song [with X]", "song", ""),
        ("Song - Remastered 2009", "song", ""),
        ("Song (2009 Digital Remaster)", "song", ""),
        ("Song - 50th Anniversary Edition", "song", ""),
        ("Song (Album Version) [Explicit]", "song", ""),
        ("Song - Live", "song", "live"),
        ("Song (Live) [2011 Remaster]", "song", "live"),
        ("Song - Live at Wembley / 2011 Remaster", "song", "at live wembley"),
        ("Song – Radio Edit", "song", "edit radio"),
        ("Song (X Remix)", "song", "remix x"),
        ("Song (Taylor's Version)", "song", "taylors version"),
        ("Song - Part 2", "song part 2", ""),
        ("(I Can't Get No) Song", "i cant get no song", ""),
        ("Live and Let Die", "live and let die", ""),
        ("Remaster", "remaster", ""),
        ("(Live)", "live", "live"),
        ("1999", "1999", ""),
        ("Song (1999)", "song 1999", ""),
        ("???", "???", ""),
        ("Ça plane — pour moi!", "ca plane pour moi", ""),
        ("花火 (Live)", "花火", "live"),
        ("Rock ’n’ Roll & Blues", "rock n roll and blues", ""),
    ],
)
def test_titles(title, core, version):
    assert normalise_title(title) == (core, version)


@pytest.mark.parametrize(
    ("artist", "whole", "first"),
    [
        ("The Beatles", "beatles", "beatles"),
        ("The The", "the", "the"),
        ("The", "the", "the"),
        ("Simon & Garfunkel", "simon and garfunkel", "simon"),
        ("Earth, Wind & Fire", "earth wind and fire", "earth"),
        ("A feat. B", "a", "a"),
        ("AC/DC", "ac dc", "ac"),
        ("Björk; Thom Yorke", "bjork thom yorke", "bjork"),
        ("& Son", "and son", "and son"),
        ("!!!", "!!!", "!!!"),
        ("Кино", "кино", "кино"),
    ],
)
def test_artists(artist, whole, first):
    assert (normalise_artist(artist), first_artist(artist)) == (whole, first)


TEXT = st.text(max_size=40).filter(fold)  # a lone accent is no letter


@given(TEXT)
def test_normal_forms_ignore_case_and_spaces_and_are_never_empty(text):
    title = normalise_title(text)
    assert normalise_title(f"  {text}  ") == title
    assert title.core
    assert normalise_artist(text)
    assert first_artist(text)
    assert normalise_title(f"{text} [2011 Remaster]").version == title.version


def test_the_key_of_a_track_without_audio():
    uri = "spotify:track:6YUTL4dYpB9xZO5qExPf05"
    whole = Entry(3, "T", "Ä", path="../a.mp3", isrc="GBAYE0500001", track_uri=uri, mb_recording_id=MBID)
    assert track_key(whole, "/m/l") == uri
    assert track_key(Entry(0, "T", "Ä", path="a", isrc="GBAYE0500001"), "/") == "isrc:GBAYE0500001"
    assert track_key(Entry(0, " T ", "Ä", path="a"), "/") == track_key(Entry(9, "t", "A"), "/x") == "song:a // t"
    assert track_key(Entry(0, "T", path="../a.mp3"), "/m/l") == "path:/m/a.mp3"
    assert track_key(Entry(0, path="http://h/a"), "/m") == "path:http://h/a"
    assert track_key(Entry(0, "T"), "/") == "song: // t"
    assert track_key(Entry(0, mb_recording_id=MBID), "/") == f"mbid:{MBID}"
    assert track_key(Entry(0, "b // c", "a"), "/") != track_key(Entry(0, "c", "a // b"), "/")
