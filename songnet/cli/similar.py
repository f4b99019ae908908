"""`songnet similar`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from songnet.cli import options
from songnet.cli.output import configure_logging, path_text, print_json, print_table, progress_reports, say, shorten
from songnet.config import ClusterConfig, ReadConfig, build_config, read_toml

NAME = "similar"
TAGS = ("artist", "title", "album")
EXAMPLE = (
    "Example: songnet similar 'Some Artist - Some Title' -n 20 --other-artists"
    "     or: songnet similar ~/new/demo.mp3 --json"
)


def command(
    track: Annotated[
        str, typer.Argument(help="A path inside or outside the library, a track id, or 'artist - title'.")
    ],
    library: options.Library = options.DEFAULT_LIBRARY,
    n: Annotated[int, typer.Option("-n", "--count", min=1, help="Answers wanted.")] = 10,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="What to compare: descriptors (of timbre), codes (of a model), joined (both), or auto, as `songnet"
            " cluster` decides. [default: auto; codes with --model of another family]",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Whose codes (see `songnet models`).")] = None,
    aggregate: options.Aggregate = None,
    other_artists: Annotated[bool, typer.Option("--other-artists", help="Leave out the track's own artist.")] = False,
    other_albums: Annotated[bool, typer.Option("--other-albums", help="Leave out the track's own album.")] = False,
    include_missing: Annotated[
        bool, typer.Option("--include-missing", help="Also tracks whose files are gone.")
    ] = False,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Find the tracks that sound most like one; a track of the library comes first itself."""
    configure_logging(quiet, verbose)
    toml = read_toml(config)
    read = build_config(ReadConfig, toml.get("read", {}))
    settings = build_config(ClusterConfig, toml.get("cluster", {}), {"features": features})
    wanted = options.asked_aggregate(toml, aggregate)

    from songnet.clustering import choose_features
    from songnet.descriptors import update_descriptors
    from songnet.library import Library
    from songnet.retrieval import descriptors_behind, load_sounds, similar

    with Library(library) as opened:
        choice = choose_features(opened, settings.features, model=model, aggregate=wanted)
        behind = choice.features != "codes" and descriptors_behind(opened, choice.images)
    if behind:
        # Nobody else need wait: only a library that was made before, or half made, is written to.
        with Library(library, write=True) as opened, progress_reports(quiet) as progress:
            update_descriptors(opened, choice.images, progress=progress)
    with Library(library) as opened:
        sounds = load_sounds(opened, settings.features, model=model, aggregate=wanted, config=settings)
        report = similar(
            opened,
            track,
            sounds,
            n=n,
            other_artists=other_artists,
            other_albums=other_albums,
            include_missing=include_missing,
            read=read,
        )
    choice = sounds.choice
    if as_json:
        neighbours = [{**_public(entry.track), "similarity": round(entry.similarity, 6)} for entry in report.neighbours]
        print_json(
            {
                "query": _public(report.query),
                "in_library": report.inside,
                "features": sounds.what,
                "representation": choice.to_json(),
                "model": choice.card.key if choice.card and choice.with_codes else None,
                "aggregate": choice.aggregate,
                "searched": report.searched,
                "neighbours": neighbours,
            }
        )
        return 0
    asked = report.query["title"] or _text(report.query["path"] or report.query["track_id"])
    say(f"nearest to {shorten(asked, 200)} among {report.searched} tracks ({sounds.what}):")
    rows = [
        [rank, f"{entry.similarity:+.3f}", *(shorten(entry.track[name], 32) for name in TAGS), _where(entry.track)]
        for rank, entry in enumerate(report.neighbours, start=1)
    ]
    print_table(["", "similarity", *TAGS, "path"], rows)
    if choice.note():
        say(f"note: {choice.note()}")
    return 0


def _public(track: dict[str, Any]) -> dict[str, Any]:
    return {**track, "path": path_text(track["path"])}


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _where(track: dict[str, Any]) -> str:
    where = _text(track["path"]) if track["path"] is not None else track["track_id"]
    return f"{where} (missing)" if track["missing"] else where
