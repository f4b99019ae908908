"""`songnet demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, progress_reports, say

NAME = "demo"
EXAMPLE = "Example: songnet demo ~/demo-music     then: songnet embed ~/demo-music/music --library ~/demo-library"


def command(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; made when it does not exist.")] = Path(
        "demo-music"
    ),
    tracks: Annotated[int, typer.Option("--tracks", min=1, max=10_000, help="Tracks to compose.")] = 120,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes. [default: one a core]")] = None,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Compose a small music library with known structure: styles, artists, albums, playlists, listens.

    Real audio files in several formats, tagged, with truth.csv telling what each track was composed to be. The same
    seed gives the same files.
    """
    configure_logging(quiet, verbose)

    from songnet.demo import compose

    with progress_reports(quiet) as progress:
        result = compose(
            folder,
            n_tracks=tracks,
            seed=seed,
            n_workers=jobs or options.available_cores(),
            progress=lambda done, total: progress("compose", done, total),
        )
    styles: dict[str, int] = {}
    for track in result.tracks:
        styles[track.style] = styles.get(track.style, 0) + 1
    if as_json:
        print_json(
            {
                "root": str(result.root),
                "music": str(result.music),
                "playlists": str(result.playlists),
                "tracks": len(result.tracks),
                "styles": styles,
            }
        )
        return 0
    say(f"{len(result.tracks)} tracks of {len(styles)} styles ({', '.join(sorted(styles))}) in {result.music}")
    say(f"what they were composed to be: {result.root / 'truth.csv'}; playlists: {result.playlists}")
    return 0
