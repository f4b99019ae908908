"""`songnet playlists import`, `match`, `list`, `stats` and `unmatched`."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import options, playlists_spotify
from songnet.cli.embed import EXIT_SOME_FAILED
from songnet.cli.output import (
    clean,
    configure_logging,
    path_text,
    print_json,
    print_table,
    progress_reports,
    say,
    shorten,
    tell,
)
from songnet.cli.playlists_output import say_matched

if TYPE_CHECKING:
    from songnet.playlists.store import ImportReport
    from songnet.playlists.stored import PlaylistStats

NAME = "playlists"
EXAMPLE = (
    "Example: songnet playlists import ~/Playlists mpd.slice.0-999.json --library ~/songs     then: songnet playlists"
    " stats --library ~/songs"
)
REASONS_SHOWN = 20

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Read playlists from files, match them to the library's tracks, show what they hold. No audio is needed.",
)

Fuzzy = Annotated[
    bool, typer.Option("--fuzzy", help="Also match artists and titles that are only nearly the same; takes longer.")
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", help="How like they must be, 50 to 100; needs --fuzzy. [default: 88]"),
]


@app.command(
    "import", epilog="Example: songnet playlists import ~/Playlists --library ~/songs     or: ... import x.csv --fuzzy"
)
def import_command(
    paths: Annotated[list[Path], typer.Argument(help="Playlist files, or folders of them.", metavar="PATH...")],
    library: options.Library = options.DEFAULT_LIBRARY,
    source: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="mpd, exportify, m3u, pls, xspf, jspf, itunes, spotify-export or csv. [default: by content]",
        ),
    ] = None,
    fuzzy: Fuzzy = False,
    threshold: Threshold = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Read playlist files into the library, which is made if there is none, and match them to its tracks.

    A file that was read before adds nothing; one that changed replaces what it held. What cannot be read is counted
    and told, and the rest is kept.
    """
    configure_logging(quiet, verbose)

    from songnet.errors import InputNotFoundError
    from songnet.library import Library, recorded_run
    from songnet.playlists.sources import SOURCES
    from songnet.playlists.store import find_files, import_paths
    from songnet.playlists.stored import match_library, playlist_stats

    likeness = _likeness(fuzzy, threshold)
    paths = [path.expanduser() for path in paths]
    if source is not None:
        _ = SOURCES[source]
    for path in paths:  # before a library is made for it
        if not path.exists():
            raise InputNotFoundError(f"{path} does not exist: name playlist files or folders of them")
    if next(find_files(paths, source), None) is None:
        where = paths[0] if len(paths) == 1 else "these folders"
        raise InputNotFoundError(f"there is no playlist file in {where}: name playlist files or folders of them")
    parameters = {"paths": [path_text(bytes(path)) for path in paths], "format": source, "fuzzy": likeness}
    with (
        Library(library, write=True, create=True) as opened,
        recorded_run(opened, f"{NAME} import", songnet.__version__, parameters, None) as run,
    ):
        with progress_reports(quiet) as progress:
            report = import_paths(opened, paths, source=source, progress=progress)
            match_library(opened, fuzzy=likeness, progress=progress)
        stats = playlist_stats(opened)
        run.summary.update({key: value for key, value in asdict(report).items() if key != "skipped"})
        run.partial = report.n_skipped > 0
    if as_json:
        print_json({**_report_json(report), "library": _stats_json(stats)})
    else:
        _say_report(report)
        say_matched(stats)
        if stats.n_playlists:
            say(f"next: songnet playlists stats --library {library}")
    return EXIT_SOME_FAILED if report.n_skipped else 0


@app.command("match", epilog="Example: songnet playlists match --library ~/songs --fuzzy --threshold 92")
def match_command(
    library: options.Library = options.DEFAULT_LIBRARY,
    fuzzy: Fuzzy = False,
    threshold: Threshold = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Match all playlists anew, after `songnet embed` brought tracks; without --fuzzy by nothing but exact means."""
    configure_logging(quiet, verbose)

    from songnet.library import Library, recorded_run
    from songnet.playlists.stored import match_library, playlist_stats

    likeness = _likeness(fuzzy, threshold)
    with (
        Library(library, write=True) as opened,
        recorded_run(opened, f"{NAME} match", songnet.__version__, {"fuzzy": likeness}, None) as run,
    ):
        with progress_reports(quiet) as progress:
            match_library(opened, fuzzy=likeness, keep_fuzzy=False, progress=progress)
        stats = playlist_stats(opened)
        run.summary.update(_stats_json(stats))
    if as_json:
        print_json(_stats_json(stats))
    else:
        say_matched(stats)
    return 0


@app.command("list", epilog="Example: songnet playlists list --library ~/songs --json")
def list_command(
    library: options.Library = options.DEFAULT_LIBRARY,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Playlists shown at most; 0 for all.")] = 50,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """List the playlists in the library, in the order they were read; --json lists all."""
    configure_logging(quiet, verbose)

    from songnet.library import Library
    from songnet.playlists.stored import list_playlists

    with Library(library) as opened:
        stored = list_playlists(opened)
    if as_json:
        print_json({"playlists": [{**entry._asdict(), "file": path_text(entry.file)} for entry in stored]})
        return 0
    if not stored:
        say(f"no playlists yet: songnet playlists import PATH --library {library}")
        return 0
    shown = stored[:limit] if limit else stored
    rows = [
        [entry.playlist_id, shorten(entry.name, 50), entry.n_entries, entry.n_matched, entry.source, entry.file]
        for entry in shown
    ]
    print_table(["", "name", "entries", "matched", "format", "file"], rows)
    if len(shown) < len(stored):
        say(f"{len(stored) - len(shown):,} more: --limit 0 shows all")
    return 0


@app.command("stats", epilog="Example: songnet playlists stats --library ~/songs")
def stats_command(
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Count playlists, entries, tracks and repetitions, and the entries matched by each method."""
    configure_logging(quiet, verbose)

    from songnet.library import Library
    from songnet.playlists.stored import playlist_stats

    with Library(library) as opened:
        stats = playlist_stats(opened)
    if as_json:
        print_json(_stats_json(stats))
        return 0
    say(f"{stats.n_playlists:,} playlists of {stats.n_files:,} files, {stats.n_entries:,} entries")
    say(f"{stats.n_tracks:,} tracks, {stats.n_library_tracks:,} of them in the library")
    say(f"{stats.n_duplicates:,} entries repeat a track of their playlist; {stats.n_skipped:,} parts could not be read")
    outcomes = {**stats.matched, "ambiguous": stats.n_ambiguous, "not found": stats.n_unmatched}
    rows = [
        [name, count, f"{100 * count / stats.n_entries:.1f}%"] for name, count in outcomes.items() if stats.n_entries
    ]
    if rows:
        print_table(["matched by", "entries", "share"], rows)
    return 0


@app.command("unmatched", epilog="Example: songnet playlists unmatched --library ~/songs --csv > missing.csv")
def unmatched_command(
    library: options.Library = options.DEFAULT_LIBRARY,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Rows of the table at most; 0 for all. --csv, --json: all.")
    ] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """List the tracks that playlists name and the library has not, the most frequent first."""
    configure_logging(quiet, verbose)

    from songnet.errors import ParameterError
    from songnet.library import Library
    from songnet.playlists.stored import Unmatched, list_unmatched

    if as_csv and as_json:
        raise ParameterError("--csv and --json exclude each other: choose one")
    with Library(library) as opened:
        missing = list_unmatched(opened)
    if as_json:
        print_json({"unmatched": [track._asdict() for track in missing], "count": len(missing)})
        return 0
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(Unmatched._fields)
        writer.writerows([_cell(value) for value in track] for track in missing)
        return 0
    shown = missing[:limit] if limit else missing
    rows = [
        [track.n_entries, shorten(track.artist, 40), shorten(track.title or track.path, 60), track.reason]
        for track in shown
    ]
    if rows:
        print_table(["entries", "artist", "title", "why"], rows)
    say(f"{len(missing):,} tracks have no match" + (f", {len(shown)} shown" if len(shown) < len(missing) else ""))
    return 0


app.command(playlists_spotify.NAME, epilog=playlists_spotify.EXAMPLE)(playlists_spotify.spotify_command)


def _likeness(fuzzy: bool, threshold: float | None) -> float | None:
    from songnet.errors import ParameterError
    from songnet.playlists.fuzzy import THRESHOLD, check_threshold

    if threshold is not None and not fuzzy:
        raise ParameterError("--threshold says how like things must be for --fuzzy: add --fuzzy")
    if threshold is not None:
        check_threshold(threshold)
    return (threshold or THRESHOLD) if fuzzy else None


def _report_json(report: ImportReport) -> dict[str, Any]:
    return {**asdict(report), "skipped": [asdict(part) for part in report.skipped]}


def _stats_json(stats: PlaylistStats) -> dict[str, Any]:
    return {**asdict(stats), "matched": dict(stats.matched)}


def _say_report(report: ImportReport) -> None:
    say(
        f"{report.n_files:,} files read: {report.n_playlists:,} playlists, {report.n_entries:,} entries,"
        f" {report.n_tracks:,} tracks; {report.n_unchanged:,} files there already"
    )
    for part in report.skipped[:REASONS_SHOWN]:
        tell(f"skipped: {part.reason}")
    if report.n_skipped:
        more = report.n_skipped - min(len(report.skipped), REASONS_SHOWN)
        say(
            f"{report.n_skipped:,} files or parts of files were skipped" + (f", {more:,} not shown" if more > 0 else "")
        )


def _cell(value: object) -> object:
    """A cell that no terminal acts on and no spreadsheet runs as a formula."""
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
