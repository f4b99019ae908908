"""Options that several commands share, declared once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from songnet.config import VectorConfig, build_config


def _folder(text: str) -> Path:
    # A quoted ~ (from a settings file, say) reaches us as it is.
    return Path(text).expanduser()


Library = Annotated[
    Path,
    typer.Option(
        "--library",
        parser=_folder,
        metavar="<path>",
        envvar="SONGNET_LIBRARY",
        help="Folder of the library.",
        show_default="./songnet-library",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Decides everything that is drawn at random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more of what is being done.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings in TOML: [images], [read], [train], [vectors], [cluster], [communities]; flags go before it.",
    ),
]
Recipe = Annotated[str | None, typer.Option("--recipe", help="Mel recipe: songnet or deejai.")]
Clips = Annotated[int | None, typer.Option("--clips", help="Clips cut from a track, at most. [default: 8]")]
Aggregate = Annotated[
    str | None,
    typer.Option(
        "--aggregate",
        help="How clips become a track vector: mean, mean-std or tfidf. [default: mean, or what the library has]",
    ),
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", help="Worker processes; 0 is one a core. [default: 0]")]

DEFAULT_LIBRARY = Path("songnet-library")


def available_cores() -> int:
    """Cores this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def asked_aggregate(toml: Mapping[str, Mapping[str, Any]], flag: str | None) -> str | None:
    """The aggregation that a flag or a settings file names; None where neither does: what the library has decides."""
    section = toml.get("vectors", {})
    if flag is None and "aggregate" not in section:
        return None
    return build_config(VectorConfig, section, {"aggregate": flag}).aggregate
