"""`songnet import-spectrograms`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import songnet
from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, progress_reports, say
from songnet.config import ImageConfig

NAME = "import-spectrograms"
EXAMPLE = (
    "Example: songnet import-spectrograms ~/spectrograms --library ~/songs"
    "     then: songnet train --model contrastive --recipe deejai --clips 1 --library ~/songs"
)
EXIT_SOME_FAILED = 3


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of 96 x 216 grayscale PNGs named <track id>.png.")],
    library: options.Library = options.DEFAULT_LIBRARY,
    recipe: Annotated[str, typer.Option("--recipe", help="Recipe that they were made by.")] = "deejai",
    clips: Annotated[int, typer.Option("--clips", min=1, help="Clips a track, at most.")] = 1,
    flip: Annotated[bool, typer.Option("--flip", help="The lowest band is at the bottom: turn them over.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Read mel-spectrogram pictures into the library; the file names are the track ids.

    Several clips of a track are named <track id>.clip0.png, <track id>.clip1.png and so on. Pixels are kept exactly,
    the first row being the lowest band.
    """
    configure_logging(quiet, verbose)

    from songnet.embedding import DEFAULT_PRESET
    from songnet.errors import InputNotFoundError
    from songnet.library import Library, LibrarySettings, reconcile, recorded_run
    from songnet.spectrogram import get_recipe, import_spectrograms

    get_recipe(recipe)
    if not folder.is_dir():  # before a library is made for it
        raise InputNotFoundError(f"{folder} is not a folder: name the folder that holds the PNG files")
    fresh = LibrarySettings(images=ImageConfig(recipe, clips))
    parameters = {"folder": str(folder), "recipe": recipe, "clips": clips, "flip": flip}
    with (
        Library(library, write=True, create=True, settings=fresh) as opened,
        recorded_run(opened, NAME, songnet.__version__, parameters, None) as run,
        progress_reports(quiet) as progress,
    ):
        reconcile(opened)
        report = import_spectrograms(opened, folder, recipe=recipe, clips=clips, flip=flip, progress=progress)
        run.summary.update(asdict(report))
        run.partial = report.failed > 0
    if as_json:
        print_json(asdict(report))
    else:
        say(
            f"{report.found} PNG files: {report.imported} imported as images of {report.tracks} tracks,"
            f" {report.unchanged} there already,"
            f" {report.failed} failed{f' (songnet failures --library {library})' if report.failed else ''}"
        )
        if report.beyond:
            say(f"{report.beyond} further clips of these tracks were left out: --clips takes more than {clips} a track")
        say(
            f"image set {report.image_set}; next: songnet train --model {DEFAULT_PRESET} --recipe {recipe} --clips"
            f" {clips} --library {library}"
        )
    return EXIT_SOME_FAILED if report.failed else 0
