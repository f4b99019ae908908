"""`songnet models show`, `export`, `import` and `delete`: one trained model at a time."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, progress_reports, say
from songnet.errors import ParameterError

Name = Annotated[str, typer.Argument(help="A trained model: see `songnet models`.", metavar="NAME")]


def show_command(
    name: Name,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Show a model's card: what it is, what it was trained on, how that went, where it came from."""
    configure_logging(quiet, verbose)

    from songnet.library import Library
    from songnet.training import read_card
    from songnet.training.data_card import render_card
    from songnet.training.description import describe_model, read_origin

    with Library(library) as opened:
        card = read_card(opened.models, name)
        described = describe_model(opened, card, version=songnet.__version__)
        origin = read_origin(opened, card)
    if as_json:
        print_json(
            {
                **described,
                "name": card.name,
                "key": card.key,
                "config": card.config,
                "images": {**vars(card.images), "key": card.images.key},
                "scaling": vars(card.scaling),
                "training": card.training,
                "imported": origin_entry(origin),
            }
        )
        return 0
    for line in render_card(card, described, origin).splitlines():
        say(line)
    return 0


def origin_entry(origin: dict[str, Any] | None) -> dict[str, str] | None:
    """What JSON says of where an imported model came from; None for one that was trained here."""
    if origin is None:
        return None
    keys = ("at", "file", "original_name", "version")
    return {**{key: origin[key] for key in keys}, "source": origin["manifest"]["data_sha256"]}


def export_command(
    name: Name,
    path: Annotated[Path, typer.Argument(help="The file to write, ending in .zip.", metavar="OUT.zip")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Licence of the weights, to be stated on the card: one line.")
    ] = None,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Write a model into one file, with a card that describes it; another library can import that.

    No path, title, album or artist's name is written: the music is described in numbers and in genres that several
    tracks share. The same model gives the same bytes.
    """
    configure_logging(quiet, verbose)

    from songnet.library import Library
    from songnet.training.portable import export_model

    with Library(library) as opened:
        report = export_model(
            opened, name, path.expanduser(), version=songnet.__version__, licence=licence, force=force
        )
    if as_json:
        content = {"name": name, "key": report.card.key, "file": str(report.path), "bytes": report.size}
        print_json({**content, "sha256": report.sha256, "members": report.members})
        return 0
    say(f"{name}: {report.size:,} bytes in {report.path} ({', '.join(report.members)})")
    say(f"SHA-256 {report.sha256}")
    say(f"in another library: songnet models import {shlex.quote(report.path.name)} --library OTHER")
    return 0


def import_command(
    path: Annotated[Path, typer.Argument(help="What `songnet models export` wrote.", metavar="FILE.zip")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it here. [default: its own name]")] = None,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Take a model from a file into the library, after checking all of it.

    The file may come from anyone: nothing in it is executed, and what is damaged, altered or does not fit is refused
    with exit code 4. A model that is here already is left as it is.
    """
    configure_logging(quiet, verbose)

    from songnet.library import Library, recorded_run
    from songnet.training.portable import import_model

    with Library(library, write=True) as opened:
        parameters = {"file": path.name, "name": name}
        with (
            recorded_run(opened, "models import", songnet.__version__, parameters, None) as run,
            progress_reports(quiet) as progress,
        ):
            report = import_model(opened, path.expanduser(), name=name, version=songnet.__version__, progress=progress)
            # Not "model": that is what the run which trained it is found by.
            run.summary.update({"imported": report.card.key, "unchanged": report.unchanged})
        own = opened.settings.images
    card = report.card
    folder = "" if report.tracks_with_images else "FOLDER "
    follow = f"songnet embed {folder}--model {card.name} --library {shlex.quote(str(library))}"
    if as_json:
        print_json(
            {
                "name": card.name,
                "key": card.key,
                "status": "unchanged" if report.unchanged else "imported",
                "original_name": report.original_name,
                "source": report.source,
                "images": card.images.key,
                "tracks_with_images": report.tracks_with_images,
                "next": follow,
            }
        )
        return 0
    if report.unchanged:
        say(f"{card.name} is in the library already, the same model: unchanged")
    else:
        say(f"{card.name} imported ({card.preset}, trained on {card.training['n_train']:,} clips of {card.images.key})")
    if report.tracks_with_images:
        say(f"{report.tracks_with_images:,} tracks have images of its recipe; to encode them: {follow}")
    else:
        say(f"it reads images of {card.images.key}, and no track here has any (the library's own are {own.key})")
        say(f"to make them from your music and encode them: {follow}")
    return 0


def delete_command(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Delete a model with its codes and track vectors; mel images and stored clusters stay."""
    configure_logging(quiet, verbose)

    from songnet.library import Library, recorded_run
    from songnet.training.removal import check_trained, delete_model

    with Library(library, write=True) as opened:
        check_trained(opened, name)
        if not yes:
            if not sys.stdin.isatty():
                raise ParameterError(f"deleting {name!r} cannot be undone: say so with --yes")
            typer.confirm(f"delete the model {name} with its codes and vectors?", abort=True, err=True)
        with recorded_run(opened, "models delete", songnet.__version__, {"name": name}, None) as run:
            removal = delete_model(opened, name)
            run.summary["deleted"] = name
    if as_json:
        print_json({"name": name, "tracks_with_codes": removal.tracks, "tables": removal.tables})
        return 0
    say(f"{name} deleted, with codes of {removal.tracks:,} tracks")
    return 0


COMMANDS = (
    ("show", "Example: songnet models show cae-12x15 --library ~/songs", show_command),
    ("export", "Example: songnet models export cae-12x15 cae-12x15.zip --library ~/songs", export_command),
    (
        "import",
        "Example: songnet models import cae-12x15.zip --library ~/other     then: songnet embed ~/Music --model"
        " cae-12x15 --library ~/other",
        import_command,
    ),
    ("delete", "Example: songnet models delete cae-12x15 --library ~/songs", delete_command),
)
