"""`songnet export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, progress_reports, say
from songnet.config import ImageConfig, build_config

NAME = "export"
EXAMPLE = (
    "Example: songnet export --spectrograms ~/png --library ~/songs     or: songnet export --vectors songs.parquet"
)


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    spectrograms: Annotated[
        Path | None, typer.Option("--spectrograms", help="Folder to write mel images to, as PNG.")
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option("--vectors", help="File to write track vectors to: .parquet, .npz or .csv."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="A trained model (see `songnet models`).")] = None,
    aggregate: options.Aggregate = None,
    recipe: options.Recipe = None,
    clips: options.Clips = None,
    flip: Annotated[bool, typer.Option("--flip", help="Write the lowest band at the bottom of a PNG.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Write what the library holds in formats that other programs read."""
    configure_logging(quiet, verbose)

    from songnet.embedding import choose_aggregate, choose_trained, export_vectors
    from songnet.errors import ParameterError
    from songnet.library import Library
    from songnet.spectrogram import export_spectrograms
    from songnet.training import read_card

    if spectrograms is None and vectors is None:
        raise ParameterError("nothing to export: name --spectrograms FOLDER or --vectors FILE")
    content: dict[str, object] = {}
    with Library(library) as opened, progress_reports(quiet) as progress:
        if spectrograms is not None:
            layers = (asdict(opened.settings.images), {"recipe": recipe, "clips": clips})
            image_set = build_config(ImageConfig, *layers).key
            report = export_spectrograms(opened, spectrograms, image_set, flip=flip, progress=progress)
            content["spectrograms"] = {"folder": str(spectrograms), "image_set": image_set, "files": report.exported}
        if vectors is not None:
            card = read_card(opened.models, choose_trained(opened, model))
            chosen = choose_aggregate(opened, card, aggregate)
            n_tracks = export_vectors(opened, card, chosen, vectors)
            content["vectors"] = {"file": str(vectors), "model": card.key, "aggregate": chosen, "tracks": n_tracks}
    if as_json:
        print_json(content)
        return 0
    for what, entry in content.items():
        say(f"{what}: " + ", ".join(f"{key} {value}" for key, value in dict(entry).items()))  # type: ignore[call-overload]
    return 0
