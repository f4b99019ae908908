"""`songnet failures`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from songnet.cli import options
from songnet.cli.output import configure_logging, path_text, print_json, print_table, say

NAME = "failures"
EXAMPLE = "Example: songnet failures --library ~/songs --kind corrupt     then: songnet embed ~/Music --retry-failed"


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    kind: Annotated[str | None, typer.Option("--kind", help="Only failures of this kind.")] = None,
    truncated: Annotated[
        bool, typer.Option("--truncated", help="List tracks that end before their declared length instead.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """List the files that could not be read, and why; `songnet embed --retry-failed` tries them again."""
    configure_logging(quiet, verbose)

    from songnet.library import Library
    from songnet.library.tracks import list_failures, tracks_by_id

    with Library(library) as opened:
        if truncated:
            cut = [track for track in tracks_by_id(opened.db).values() if track["truncated"]]
            if as_json:
                print_json(
                    {"truncated": [{"path": path_text(track["path"]), "seconds": track["duration_s"]} for track in cut]}
                )
            else:
                print_table(
                    ["path", "decodable seconds"], [[track["path"], round(track["duration_s"], 1)] for track in cut]
                )
                say(f"{len(cut)} tracks end early; what there is of them is in the library")
            return 0
        found = [failure for failure in list_failures(opened.db) if kind in (None, failure.kind)]
    counts = dict(sorted(Counter(failure.kind for failure in found).items()))
    if as_json:
        entries = [
            {
                "path": path_text(f.path),
                "kind": f.kind,
                "reason": f.reason,
                "attempts": f.attempts,
                "failed_at": f.failed_at,
            }
            for f in found
        ]
        print_json({"failures": entries, "count": len(found), "by_kind": counts})
        return 0
    if found:
        print_table(["path", "kind", "why", "attempts"], [[f.path, f.kind, f.reason, f.attempts] for f in found])
    say(
        f"{len(found)} files could not be read"
        + (f" ({', '.join(f'{n} {k}' for k, n in counts.items())})" if found else "")
    )
    return 0
