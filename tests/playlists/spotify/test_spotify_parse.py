"""Names of playlists, headers, kept pages and settings: what is taken, and what is refused in which words."""

import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spotify_stub import CLIENT_ID, item, track, tracks

from songnet.errors import ParameterError
from songnet.playlists.spotify.errors import SpotifyError
from songnet.playlists.spotify.pages import PageFolder
from songnet.playlists.spotify.parse import parse_header, parse_page, parse_playlist_id
from songnet.playlists.spotify.session import GuardedSession
from songnet.playlists.spotify.settings import (
    Endpoints,
    accept_terms,
    read_app,
    read_endpoints,
    terms_accepted,
    token_folder,
    write_private,
)

API = "https://api.spotify.com/v1/"
ID = "37i9dQZF1DXcBWIGoYBM5M"
ENVIRONMENT = {"SPOTIFY_CLIENT_ID": CLIENT_ID}


@pytest.mark.parametrize(
    "text",
    [
        ID,
        f"spotify:playlist:{ID}",
        f"spotify:user:jo.e-x:playlist:{ID}",
        f"https://open.spotify.com/playlist/{ID}",
        f"https://open.spotify.com/playlist/{ID}?si=a1b2&x=/track/y#z",
        f"http://open.spotify.com/intl-de/playlist/{ID}/",
        f"https://open.spotify.com/user/someone/playlist/{ID}",
        f"https://open.spotify.com/embed/playlist/{ID}",
        f"open.spotify.com/playlist/{ID}",
    ],
)
def test_every_way_to_name_a_playlist(text):
    assert parse_playlist_id(text) == ID


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"https://open.spotify.com/track/{ID}", "is a track, no playlist"),
        (f"https://open.spotify.com/intl-fr/album/{ID}?si=1", "is an album, no playlist"),
        (f"spotify:artist:{ID}", "is an artist, no playlist"),
        ("spotify:user:someone", "is a user, no playlist"),
        (f"https://evil.org/playlist/{ID}", "is no address at open.spotify.com"),
        (f"https://open.spotify.com@evil.org/playlist/{ID}", "is no address at open.spotify.com"),
        (f"https://open.spotify.com/playlist/{ID}/../../me", "is no playlist of Spotify"),
        (f"spotify:playlist:{ID}x", "is no playlist of Spotify"),
        ("spotify:playlist:../../../etc/passwd", "is no playlist of Spotify"),
        ("my list", "is no playlist of Spotify"),
        ("", "is no playlist of Spotify"),
        (f"{ID}\n", "is no playlist of Spotify"),
        ("http://[::1", "is no address at open.spotify.com"),
    ],
)
def test_what_is_no_playlist_is_refused_by_name(text, message):
    with pytest.raises(ParameterError, match=r"give the id, URI or web address of a playlist") as caught:
        parse_playlist_id(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60) | st.from_regex(r"(spotify:|https://open\.spotify\.com/).{0,40}", fullmatch=True))
def test_ids_are_never_anything_but_letters_and_digits(text):
    try:
        found = parse_playlist_id(text)
    except ParameterError:
        return
    assert (len(found), found.isalnum(), found.isascii()) == (22, True, True)


def test_header_takes_what_is_there():
    header = parse_header({"id": ID, "name": " ", "owner": None, "description": "Rock &amp; &#x27;Roll&#x27;"})
    assert (header.name, header.owner, header.description, header.snapshot_id) == (ID, None, "Rock & 'Roll'", None)
    for nothing in (None, [], {}, {"id": 7}, {"id": "../x"}):
        assert parse_header(nothing) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([
                "item", "track", "name", "artists", "album", "uri", "id", "type", "is_local", "duration_ms",
                "external_ids", "isrc", "linked_from", "added_at", "episode",
            ]),
            inner, max_size=5,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(JSON, max_size=6))
def test_any_items_are_entries_or_counted(items):
    page = parse_page({"items": items, "total": len(items), "next": None}, API, 0)
    assert len(page.entries) + sum(page.left_out.values()) == len(items) == page.n_items
    assert not any(entry.is_empty for entry in page.entries)


@given(JSON)
def test_any_answer_is_a_page_or_an_error(content):
    with pytest.raises(SpotifyError):
        parse_page(content if isinstance(content, dict) else {}, API, 0)


def test_new_key_goes_before_the_old_one():
    both = {"item": track(1), "track": track(2), "added_at": None}
    page = parse_page({"items": [both, item(None, "track", item=None)], "total": 2}, API, 0)
    assert [entry.title for entry in page.entries] == ["Título 1"]
    assert page.left_out == {"removed from Spotify": 1}


def test_pages_come_back_as_they_were(tmp_path):
    folder = PageFolder(tmp_path, ID)
    kept = [
        parse_page({"items": [*tracks(3, first=at), item(None)], "total": 9, "offset": at}, API, at) for at in (0, 4, 8)
    ]
    for page in kept:
        folder.save("s1", page)
    assert folder.load("s1") == kept
    (folder.path / "00000004.json").unlink()
    assert folder.load("s1") == kept[:1]  # not beyond a gap
    assert folder.load("s2") == []
    assert not folder.path.exists()
    folder.save(None, kept[0])
    assert not folder.path.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"entries": [{"titel": "x"}]}, {"entries": []}, {"left_out": []}, {"left_out": {"x": 9}},
        {"n_items": 5}, {"offset": 50}, {"total": "9"}, {"extra": 1}, {"entries": 7},
    ],
)  # fmt: skip
def test_pages_that_were_tampered_with_are_not_used(tmp_path, change):
    folder = PageFolder(tmp_path, ID)
    folder.save("s1", parse_page({"items": tracks(2), "total": 9, "offset": 0}, API, 0))
    path = folder.path / "00000000.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert folder.load("s1") == []


def test_missing_variables_are_named():
    with pytest.raises(ParameterError, match=r"SPOTIFY_CLIENT_ID is not set: make an app at https://developer.spotify"):
        read_app({})
    with pytest.raises(ParameterError, match="SPOTIFY_CLIENT_SECRET is not set"):
        read_app(ENVIRONMENT, secret=True)
    app = read_app({"SPOTIPY_CLIENT_ID": CLIENT_ID, "SPOTIPY_CLIENT_SECRET": "s3cret"}, secret=True)
    assert (app.client_id, app.client_secret, app.redirect_uri) == (
        CLIENT_ID, "s3cret", "http://127.0.0.1:8888/callback",
    )  # fmt: skip
    assert "s3cret" not in repr(app)
    with pytest.raises(ParameterError, match="other signs than letters and digits") as caught:
        read_app({**ENVIRONMENT, "SPOTIFY_CLIENT_SECRET": "s3\ncret"}, secret=True)
    assert "cret" not in str(caught.value).replace("SECRET", "")


@pytest.mark.parametrize(
    "redirect",
    [
        "http://localhost:8888/callback",
        "http://127.0.0.1/callback",
        "https://127.0.0.1:1/x",
        "http://10.0.0.1:80/",
        "http://evil.org\\@127.0.0.1:80/",
        "http://user@127.0.0.1:80/",
        "http://127.0.0.1:99999/",
        "x",
    ],
)
def test_redirect_address_is_on_this_machine_by_ip(redirect):
    with pytest.raises(ParameterError, match="SPOTIPY_REDIRECT_URI is"):
        read_app({**ENVIRONMENT, "SPOTIPY_REDIRECT_URI": redirect})


def test_tests_may_stand_in_for_spotify_on_this_machine_only():
    assert read_endpoints({}) == Endpoints(API, "https://accounts.spotify.com/")
    both = {"SONGNET_SPOTIFY_API": "http://127.0.0.1:1/v1", "SONGNET_SPOTIFY_ACCOUNTS": "http://[::1]:2/"}
    assert read_endpoints(both) == Endpoints("http://127.0.0.1:1/v1/", "http://[::1]:2/")
    for elsewhere in (
        "https://api.evil.org/v1/", "http://localhost:1/", "http://127.0.0.1.evil.org/", "http://10.0.0.1",
        "http://evil.org\\@127.0.0.1/", "http://evil.org@127.0.0.1/", "http://127.0.0.1@evil.org/",
        "http://127.0.0.1:1\\@evil.org/", "http://127.0.0.1\t.evil.org/", "http://127.0.0.1/\r\nHost: evil.org",
        "\thttp://127.0.0.1/", "http://127.0.0.1 /", "http://127.0.0.1/#@evil.org", "http://127.0.0.1/?@evil.org",
        "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:/", "http://127.1/", "http://2130706433/",
        "http://0177.0.0.1/", "http://127.0.0.\u0661/", "http://[::1%25eth0]/", "http://[::1].evil.org/", "http://[/",
        "http:127.0.0.1/", "http:///127.0.0.1/", "http://127.0.0.1%2eevil.org/", "http://127.0.0.1/%5c@evil.org",
    ):  # fmt: skip
        for name in both:
            with pytest.raises(ParameterError, match="it may only be an http address of this machine by IP"):
                read_endpoints({**both, name: elsewhere})
    with pytest.raises(ParameterError, match="set both"):  # a stand-in's token must not go to Spotify, nor the reverse
        read_endpoints({"SONGNET_SPOTIFY_API": "http://127.0.0.1:1/v1"})


def test_proxies_stay_between_us_and_spotify_only():
    for endpoints, trusted in ((Endpoints(), True), (Endpoints("http://127.0.0.1:1/", "http://127.0.0.1:1/"), False)):
        session = GuardedSession(endpoints, notify=lambda text: None)
        assert session.trust_env is trusted
        session.close()


def test_folder_of_the_sign_in(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert token_folder({}) == tmp_path / ".config" / "songnet" / "spotify"
    assert token_folder({"XDG_CONFIG_HOME": str(tmp_path / "x")}) == tmp_path / "x" / "songnet" / "spotify"
    assert token_folder({"SONGNET_TOKEN_DIR": "~/t"}) == tmp_path / "t" / "spotify"
    with pytest.raises(ParameterError, match="would be kept in the library"):
        token_folder({"SONGNET_TOKEN_DIR": str(tmp_path / "library" / "x")}, tmp_path / "library")


def test_private_files_are_private_and_replaced_whole(tmp_path):
    folder = tmp_path / "a" / "b"
    write_private(folder / "token.json", b"one")
    folder.chmod(0o755)
    write_private(folder / "token.json", b"two")
    assert (folder / "token.json").read_bytes() == b"two"
    assert stat.S_IMODE((folder / "token.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not terms_accepted(folder)
    accept_terms(folder)
    assert terms_accepted(folder)
    (folder / "terms.json").write_text('{"accepted": "2019-01"}')
    assert not terms_accepted(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["terms.json", "token.json"]
