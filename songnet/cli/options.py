"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Library = Annotated[
    Path,
    typer.Option(
        "--library", envvar="SONGNET_LIBRARY", help="Folder of the library.", show_default="./songnet-library"
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Decides everything that is drawn at random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more of what is being done.")]
Config = Annotated[
    Optional[Path],  # noqa: UP045  typer reads the annotation at run time
    typer.Option("--config", help="Settings in TOML: [images], [read], [train], [vectors]; flags go before it."),
]
Recipe = Annotated[Optional[str], typer.Option("--recipe", help="Mel recipe: songnet or deejai.")]  # noqa: UP045
Clips = Annotated[Optional[int], typer.Option("--clips", help="Clips cut from a track, at most. [default: 8]")]  # noqa: UP045
Aggregate = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--aggregate", help="How clips become a track vector: mean, mean-std or tfidf. [default: mean-std]"),
]
Jobs = Annotated[Optional[int], typer.Option("--jobs", "-j", help="Worker processes; 0 is one a core. [default: 0]")]  # noqa: UP045

DEFAULT_LIBRARY = Path("songnet-library")
