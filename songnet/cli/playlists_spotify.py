"""`songnet playlists spotify`."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import songnet
from songnet.cli import options
from songnet.cli.embed import EXIT_SOME_FAILED
from songnet.cli.output import configure_logging, print_json, progress_reports, say, tell
from songnet.cli.playlists_output import say_matched
from songnet.errors import ParameterError

if TYPE_CHECKING:
    from songnet.playlists.spotify.fetch import FetchReport
    from songnet.playlists.spotify.session import GuardedSession
    from songnet.playlists.spotify.settings import App, Endpoints
    from songnet.playlists.spotify.tokens import TokenFile
    from songnet.playlists.stored import PlaylistStats

NAME = "spotify"
EXAMPLE = (
    "Example: songnet playlists spotify --login --mine --library ~/songs     or, a public playlist: songnet playlists"
    " spotify --public https://open.spotify.com/playlist/37i9dQZF1DXcBWIGoYBM5M"
)
REASONS_SHOWN = 20


def spotify_command(
    playlists: Annotated[
        list[str] | None, typer.Argument(help="Ids, URIs or web addresses of playlists.", metavar="PLAYLIST...")
    ] = None,
    mine: Annotated[bool, typer.Option("--mine", help="All playlists of the user who is signed in.")] = False,
    login: Annotated[bool, typer.Option("--login", help="Sign in with the browser; needs SPOTIFY_CLIENT_ID.")] = False,
    logout: Annotated[bool, typer.Option("--logout", help="Delete the stored sign-in.")] = False,
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="Ask as the app, without a user: needs SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET."
        ),
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept-terms", help="Accept the notice of Spotify's terms; once is enough.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or only print the address.")
    ] = True,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Read playlists from the Spotify Web API into the library and match them to its tracks.

    Spotify's developer policy forbids using its content to train a model: SongNet reads which tracks stand in the
    playlists that you may read, for your own analysis, and never asks for audio; Track2Vec leaves them out. You
    need an app of your own, made at https://developer.spotify.com/dashboard with the redirect address
    http://127.0.0.1:8888/callback. In development mode its owner has Premium, it has 5 users at most, and only
    playlists that the user owns or works on have entries. Secrets come from the environment, never from flags.
    """
    configure_logging(quiet, verbose)
    named = playlists or []
    if logout and (login or mine or public or named):
        raise ParameterError("--logout goes alone")
    if public and (mine or login):
        raise ParameterError("--public asks without a user: leave out --mine and --login")
    if not (named or mine or login or logout):
        raise ParameterError("name playlists, or add --mine; sign in with --login")

    from songnet.playlists.spotify import require_spotipy

    require_spotipy()

    from songnet.playlists.spotify.login import sign_in
    from songnet.playlists.spotify.parse import parse_playlist_id
    from songnet.playlists.spotify.session import GuardedSession
    from songnet.playlists.spotify.settings import read_app, read_endpoints, token_folder
    from songnet.playlists.spotify.tokens import TokenFile

    folder = token_folder(os.environ, library)
    cache = TokenFile(folder)
    if logout:
        removed = cache.remove()
        if as_json:
            print_json({"signed_in": False, "removed": removed})
        else:
            say(f"the sign-in at {cache.path} is deleted" if removed else "nobody was signed in")
        return 0
    ids = [parse_playlist_id(text) for text in named]
    endpoints = read_endpoints(os.environ)
    app = read_app(os.environ, secret=public)
    _agree(folder, accept)
    session = GuardedSession(endpoints, notify=lambda text: None if quiet else tell(text))
    with closing(session):
        if login:
            sign_in(app, endpoints, session, cache, show=tell, open_browser=browser)
            if not (ids or mine):
                if as_json:
                    print_json({"signed_in": True, "token": str(cache.path)})
                else:
                    say(f"signed in; the sign-in is kept at {cache.path}, --logout deletes it")
                return 0
        return _fetch(
            library, ids, mine, app, endpoints, session, None if public else cache, as_json=as_json, quiet=quiet
        )


def _agree(folder: Path, accept: bool) -> None:
    """Show the terms until they are accepted."""
    from songnet.playlists.spotify.settings import TERMS, accept_terms, terms_accepted

    if terms_accepted(folder):
        return
    for line in TERMS.splitlines():
        tell(line)
    if not accept:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise ParameterError("Spotify's terms are not accepted yet: add --accept-terms once if you do")
        sys.stderr.write("Do you accept them? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise ParameterError("Spotify's terms were not accepted: nothing was asked of Spotify")
    accept_terms(folder)


def _fetch(
    library: Path,
    ids: list[str],
    mine: bool,
    app: App,
    endpoints: Endpoints,
    session: GuardedSession,
    cache: TokenFile | None,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    from songnet.library import Library, recorded_run
    from songnet.playlists.spotify.client import SpotifyClient
    from songnet.playlists.spotify.fetch import fetch_playlists
    from songnet.playlists.spotify.tokens import AppTokens, Tokens, UserTokens
    from songnet.playlists.stored import match_library, playlist_stats

    tokens: Tokens = AppTokens(app, endpoints, session) if cache is None else UserTokens(app, endpoints, session, cache)
    tokens.get_access_token()  # before a library is made for it
    parameters = {"playlists": ids, "mine": mine, "public": cache is None}
    with (
        Library(library, write=True, create=True) as opened,
        recorded_run(opened, f"playlists {NAME}", songnet.__version__, parameters, None) as run,
    ):
        with progress_reports(quiet) as progress:
            client = SpotifyClient(endpoints, session, tokens)
            report = fetch_playlists(opened, client, ids, mine=mine, progress=progress)
            match_library(opened, progress=progress)
        stats = playlist_stats(opened)
        run.summary.update({key: value for key, value in asdict(report).items() if key != "skipped"})
        run.partial = bool(report.n_skipped or report.stopped)
    if as_json:
        content = {**asdict(report), "skipped": [asdict(part) for part in report.skipped]}
        print_json({**content, "library": {**asdict(stats), "matched": dict(stats.matched)}})
    else:
        _say(report, stats)
        if stats.n_playlists:
            say(f"next: songnet playlists stats --library {library}")
    return EXIT_SOME_FAILED if report.n_skipped or report.stopped else 0


def _say(report: FetchReport, stats: PlaylistStats) -> None:
    say(
        f"{report.n_playlists:,} playlists read: {report.n_entries:,} entries, {report.n_tracks:,} tracks;"
        f" {report.n_unchanged:,} playlists there already"
    )
    for part in report.skipped[:REASONS_SHOWN]:
        tell(f"skipped: {part.reason}")
    if report.n_skipped:
        more = max(0, len(report.skipped) - REASONS_SHOWN)
        unseen = f", {more:,} reasons not shown" if more else ""
        say(f"{report.n_skipped:,} playlists or items were left out" + unseen)
    if report.stopped is not None:
        after = ""
        if report.retry_after_s is not None:
            moment = datetime.now(UTC) + timedelta(seconds=report.retry_after_s + 1)
            after = f" ({moment:%Y-%m-%d %H:%M:%S} UTC)"
        tell(f"stopped: {report.stopped}{after}; what was fetched is kept")
        say(f"{report.n_waiting:,} playlists are still to be fetched")
    say_matched(stats)
