"""`songnet playlists spotify` as a stranger would use it, against a server that stands in for Spotify."""

import json
import os
import pty
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from spotify_stub import (
    ACCESS,
    CLIENT_ID,
    CLIENT_SECRET,
    CODE,
    SECRETS,
    answer,
    error,
    item,
    pid,
    serve,
    token_file,
    track,
    tracks,
)

from songnet.cli.app import main
from songnet.library import Library
from songnet.library.tracks import upsert_track

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from songnet.cli.app import run; run()", "playlists", "spotify"]


@pytest.fixture
def stub():
    with serve() as running:
        yield running


@pytest.fixture
def world(stub, tmp_path, monkeypatch):
    """The environment of an app's owner who has not signed in; returns the library's folder."""
    for name in [name for name in os.environ if name.startswith(("SPOTI", "SONGNET"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("SONGNET_TOKEN_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SONGNET_SPOTIFY_API", f"{stub.url}/v1/")
    monkeypatch.setenv("SONGNET_SPOTIFY_ACCOUNTS", f"{stub.url}/")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "library"


@pytest.fixture
def signed_in(world, tmp_path):
    token_file(tmp_path / "config" / "spotify")
    return world


def run(capsys, *arguments):
    code = main(["playlists", "spotify", *map(str, arguments)])
    captured = capsys.readouterr()
    assert [secret for secret in SECRETS if secret in captured.out + captured.err] == []
    return code, captured.out, captured.err


def assert_no_secret_below(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    found = [(path, secret) for path in files for secret in SECRETS if secret.encode() in path.read_bytes()]
    assert found == []


def test_fetch_match_and_fetch_again(stub, signed_in, capsys):
    with Library(signed_in, write=True, create=True) as library, library.db:
        for number in (0, 3):
            upsert_track(library.db, {
                "track_id": f"t{number}", "source": "audio", "title": f"Título {number}", "duration_s": 180.0,
                "artist": f"Artist {number % 7}", "album": None, "isrc": f"GBAYE{number:07d}",
            })  # fmt: skip
    stub.add(1, tracks(60))
    stub.add(2, [item(track(3)), item(None)], name="Mañana \x1b[31m")
    code, out, err = run(capsys, "--mine", "--accept-terms", "--library", signed_in)
    assert code == 3
    assert out.splitlines() == [
        "2 playlists read: 61 entries, 60 tracks; 0 playlists there already",
        "1 playlists or items were left out",
        "in the library: 2 playlists, 61 entries of 60 tracks; 3 entries matched (3 by isrc), 0 ambiguous,"
        " 58 not found",
        f"next: songnet playlists stats --library {signed_in}",
    ]
    assert "Spotify's developer policy forbids using its content to train a model" in err
    assert f"skipped: spotify:playlist:{pid(2)} (Mañana \\x1b[31m): items left out: 1 removed from Spotify" in err
    stub.playlists[pid(2)].update(items=tracks(1), snapshot_id="s2")
    code, out, err = run(capsys, "--mine", f"spotify:playlist:{pid(1)}", "--library", signed_in, "--json", "--quiet")
    content = json.loads(out)
    assert (code, err) == (0, "")  # the terms are told once
    assert {key: content[key] for key in content if key not in ("library", "skipped")} == {
        "n_files": 1, "n_playlists": 1, "n_unchanged": 1, "n_entries": 1, "n_tracks": 1, "n_skipped": 0, "n_waiting": 0,
        "stopped": None, "retry_after_s": None,
    }  # fmt: skip
    assert (content["library"]["n_playlists"], content["library"]["matched"]["isrc"]) == (2, 3)
    runs = sqlite3.connect(signed_in / "songnet.db").execute("SELECT command, status, parameters FROM runs").fetchall()
    assert [row[:2] for row in runs] == [("playlists spotify", "partial"), ("playlists spotify", "done")]
    assert json.loads(runs[1][2]) == {"mine": True, "playlists": [pid(1)], "public": False}
    assert_no_secret_below(signed_in)


def test_public_playlist_by_client_credentials(stub, world, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", CLIENT_SECRET)
    stub.add(1, tracks(3, "track"))
    address = f"https://open.spotify.com/playlist/{pid(1)}?si=x"
    code, out, _ = run(capsys, "--public", address, "--accept-terms", "--library", world)
    assert (code, out.splitlines()[0]) == (0, "1 playlists read: 3 entries, 3 tracks; 0 playlists there already")
    assert [path.name for path in (tmp_path / "config" / "spotify").iterdir()] == ["terms.json"]
    assert_no_secret_below(tmp_path)
    monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", "wrong")
    code, _, err = run(capsys, "--public", pid(1), "--library", tmp_path / "other")
    assert (code, err) == (
        2, "error: Spotify does not accept the app (invalid_client): check SPOTIFY_CLIENT_ID and"
        " SPOTIFY_CLIENT_SECRET\n",
    )  # fmt: skip
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name playlists, or add --mine; sign in with --login"),
        (["--logout", "--mine"], "--logout goes alone"),
        (["--public", "--mine"], "--public asks without a user: leave out --mine and --login"),
        ([f"spotify:album:{pid(1)}"], f"'spotify:album:{pid(1)}' is an album, no playlist: give the id, URI or web"),
        (["--mine"], "Spotify's terms are not accepted yet: add --accept-terms once if you do"),
        (["--mine", "--accept-terms"], "you are not signed in to Spotify: songnet playlists spotify --login"),
        (["--public", pid(1)], "SPOTIFY_CLIENT_SECRET is not set: make an app at https://developer.spotify.com/dashboard"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_makes_no_library(stub, world, capsys, arguments, message):
    code, out, err = run(capsys, *arguments, "--library", world)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"error: {message}")
    assert (world.exists(), stub.requests) == (False, [])


def test_missing_variable_and_missing_program(world, capsys, monkeypatch):
    monkeypatch.delenv("SPOTIFY_CLIENT_ID")
    code, _, err = run(capsys, "--mine", "--library", world)
    assert (code, err) == (
        2, "error: SPOTIFY_CLIENT_ID is not set: make an app at https://developer.spotify.com/dashboard and put its"
        " Client ID into that variable\n",
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "spotipy", None)
    code, _, err = run(capsys, "--mine", "--library", world)
    assert (code, err) == (2, 'error: reading from Spotify needs spotipy: pip install "songnet[spotify]"\n')


def test_spotipy_costs_nothing_until_it_is_used():
    check = "import sys, songnet.cli.app; print([name for name in ('spotipy', 'requests') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_secrets_are_no_flags(capsys):
    for flag in ("--client-secret", "--token", "--client-id"):
        assert run(capsys, flag, "x", "--mine")[0] == 2


def test_logout_deletes_the_sign_in(signed_in, capsys, tmp_path):
    kept = tmp_path / "config" / "spotify" / "token.json"
    assert kept.exists()
    assert run(capsys, "--logout")[:2] == (0, f"the sign-in at {kept} is deleted\n")
    assert not kept.exists()
    assert run(capsys, "--logout")[:2] == (0, "nobody was signed in\n")
    code, out, _ = run(capsys, "--logout", "--json")
    assert (code, json.loads(out)) == (0, {"removed": False, "signed_in": False})


def test_revoked_sign_in_shows_no_secret_even_with_a_traceback(stub, signed_in, capsys):
    stub.add(1, tracks(3))
    stub.access, stub.refresh = set(), {}
    code, _, err = run(capsys, "--mine", "--accept-terms", "--library", signed_in, "--debug", "--verbose")
    assert code == 2
    assert "Traceback" in err
    assert err.splitlines()[-1] == (
        "error: Spotify accepts the stored sign-in no more (invalid_grant): sign in again with --login"
    )
    assert_no_secret_below(signed_in)


def test_long_wait_stops_with_what_is_there(stub, signed_in, capsys):
    stub.add(1, tracks(3))
    stub.add(2, tracks(120, first=10))
    stub.fail("offset=50", error(429, "", Retry_After=3600))
    code, out, err = run(capsys, "--mine", "--accept-terms", "--library", signed_in)
    assert (code, "1 playlists are still to be fetched" in out) == (3, True)
    stop = "stopped: Spotify asks to wait 3,600 s: run the same command again after that"
    assert re.search(rf"^{re.escape(stop)} \(\d{{4}}-.* UTC\); what was fetched is kept$", err, re.MULTILINE)
    stub.requests.clear()
    code, out, _ = run(capsys, "--mine", "--library", signed_in)
    assert (code, out.splitlines()[0]) == (0, "1 playlists read: 120 entries, 120 tracks; 1 playlists there already")
    assert [path.partition("offset=")[2][:3] for path in stub.asked("/items")] == ["50&", "100"]


@pytest.mark.parametrize("named", ["Fri, 31 Dec 9999 23:59:59 GMT", "9" * 12, "9" * 400])
def test_wait_beyond_every_calendar_is_told_as_a_year(stub, signed_in, capsys, named):
    stub.add(1, tracks(3))
    stub.add(2, tracks(3))
    stub.fail(f"{pid(2)}/items", error(429, "", Retry_After=named))
    code, out, err = run(capsys, "--mine", "--accept-terms", "--library", signed_in)
    assert (code, out.splitlines()[0]) == (3, "1 playlists read: 3 entries, 3 tracks; 0 playlists there already")
    assert re.search(r"^stopped: Spotify asks to wait 31,536,000 s or more: .* \(\d{4}-.* UTC\); what was", err, re.M)


def test_one_nested_playlist_does_not_end_the_run(stub, signed_in, capsys):
    stub.add(1, tracks(3))
    stub.add(2, tracks(3))
    stub.fail(f"{pid(1)}/items", answer(200, b"[" * 200_000))
    code, out, err = run(capsys, "--mine", "--accept-terms", "--library", signed_in, "--json")
    content = json.loads(out)
    assert (code, content["n_playlists"], content["n_skipped"], content["stopped"]) == (3, 1, 1, None)
    assert content["skipped"][0]["reason"].endswith("sends an answer that is nested too deeply: it was not used")
    assert "unexpected" not in err


@pytest.mark.parametrize("name", ["SONGNET_SPOTIFY_API", "SONGNET_SPOTIFY_ACCOUNTS"])
def test_address_that_programs_read_differently_is_refused(stub, signed_in, capsys, monkeypatch, name):
    monkeypatch.setenv(name, r"http://example.com\@127.0.0.1/")
    code, _, err = run(capsys, "--mine", "--accept-terms", "--library", signed_in)
    assert (code, err.startswith(f"error: {name} is ")) == (2, True)
    assert (stub.requests, signed_in.exists()) == ([], False)


def start(*arguments):
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_killed_run_goes_on_at_its_page_and_waits_are_seen(stub, signed_in, tmp_path):
    stub.add(1, tracks(5))
    stub.add(2, tracks(500, first=5))
    stub.delay_s = 0.1
    first = start("--mine", "--accept-terms", "--library", signed_in)
    deadline = time.monotonic() + 60
    while not stub.asked("offset=200") and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    out, err = first.communicate()
    assert (first.returncode, [secret for secret in SECRETS if secret in out + err]) == (-signal.SIGKILL, [])
    assert_no_secret_below(signed_in)
    stub.requests.clear()
    stub.delay_s = 0.0
    stub.fail("offset=300", error(429, "", Retry_After=1))
    stub.fail("offset=350", answer(502))
    second = start("--mine", "--library", signed_in)
    out, err = second.communicate()
    assert (second.returncode, out.splitlines()[0]) == (
        0, "1 playlists read: 500 entries, 500 tracks; 1 playlists there already",
    )  # fmt: skip
    assert err.splitlines().count("Spotify asks to wait 1 s") == 1
    assert "127.0.0.1: answer 502; trying again in 0.5 s" in err.splitlines()
    offsets = {int(path.partition("offset=")[2].partition("&")[0]) for path in stub.asked("/items")}
    assert min(offsets) >= 200  # those before were kept
    assert not list(signed_in.glob("downloads/spotify/*"))
    assert [secret for secret in SECRETS if secret in out + err] == []
    assert stat.S_IMODE((tmp_path / "config" / "spotify" / "token.json").stat().st_mode) == 0o600
    assert_no_secret_below(signed_in)


@pytest.mark.parametrize(
    ("typed", "message"), [(b"n\n", "Spotify's terms were not accepted"), (b"y\n", "you are not signed in to Spotify")]
)
def test_terms_are_asked_for_on_a_terminal(world, tmp_path, typed, message):
    terminal, side = pty.openpty()
    process = subprocess.Popen([*PROGRAM, "--mine", "--library", str(world)], stdin=side, stderr=side, cwd=ROOT)
    os.close(side)
    os.write(terminal, typed)
    heard = b""
    try:
        while more := os.read(terminal, 4096):
            heard += more
    except OSError:  # how a terminal says that nobody is at its other side
        pass
    os.close(terminal)
    assert process.wait(60) == 2
    assert b"Do you accept them? [y/N]" in heard
    assert message in heard.decode()
    assert (tmp_path / "config" / "spotify" / "terms.json").exists() == (typed == b"y\n")


def test_login_in_a_process_of_its_own(stub, world, tmp_path, monkeypatch):
    port = urlsplit(stub.url).port
    monkeypatch.setenv("SPOTIPY_REDIRECT_URI", f"http://127.0.0.2:{port}/back")  # a free address of the same port
    stub.add(1, tracks(4))
    process = start("--login", "--mine", "--no-browser", "--accept-terms", "--library", world)
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("open this address to sign in: "):
            break
    query = {key: values[0] for key, values in parse_qs(urlsplit(lines[-1].split()[-1]).query).items()}
    stub.challenges[CODE] = query["code_challenge"]
    with urllib.request.urlopen(f"{query['redirect_uri']}?code={CODE}&state={query['state']}", timeout=20) as page:
        assert page.status == 200
    out, err = process.communicate()
    watchdog.cancel()
    assert process.returncode == 0
    assert out.splitlines()[0] == "1 playlists read: 4 entries, 4 tracks; 0 playlists there already"
    text = out + err + "".join(lines)
    assert [secret for secret in SECRETS if secret in text] == []
    kept = json.loads((tmp_path / "config" / "spotify" / "token.json").read_text())
    assert kept["access_token"] == ACCESS
    assert_no_secret_below(world)
