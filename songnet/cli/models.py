"""`songnet models`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from songnet.cli import models_stored, options
from songnet.cli.output import configure_logging, print_json, print_table, say, tell
from songnet.errors import CheckpointError, ParameterError

NAME = "models"
EXAMPLE = (
    "Example: songnet models --presets     or: songnet models --library ~/songs --json     or: songnet models export"
    " cae-12x15 cae-12x15.zip     then: songnet models import cae-12x15.zip --library ~/other"
)

app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context,
    library: options.Library = options.DEFAULT_LIBRARY,
    presets: Annotated[bool, typer.Option("--presets", help="List what can be trained instead of what is.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """List the trained models of a library, or the presets that can be trained; move models between libraries."""
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return 0
    configure_logging(quiet, verbose)
    return _list_presets(as_json) if presets else _list_models(library, as_json)


def _list_presets(as_json: bool) -> int:
    from songnet.models import PRESETS

    if as_json:
        print_json(
            {
                name: {
                    "family": preset.family,
                    "config": dict(preset.config),
                    "training": dict(preset.training),
                    "published": dict(preset.published),
                    "source": preset.source,
                }
                for name, preset in PRESETS.items()
            }
        )
        return 0
    print_table(
        ["preset", "what it is", "source"],
        [[name, preset.description, preset.source] for name, preset in PRESETS.items()],
    )
    return 0


def _list_models(library: options.Library, as_json: bool) -> int:
    from songnet.embedding import stored_aggregates
    from songnet.library import Library
    from songnet.training import list_models, read_card
    from songnet.training.description import read_origin

    content: dict[str, dict[str, Any]] = {}
    rows, damaged = [], 0
    with Library(library) as opened:
        for name in list_models(opened.models):
            try:
                card = read_card(opened.models, name)
                origin = read_origin(opened, card)
            except CheckpointError as error:
                damaged += 1
                tell(f"error: {error}")
                continue
            (tracks,) = opened.db.execute("SELECT count(*) FROM codes WHERE model_key = ?", (card.key,)).fetchone()
            training, aggregates = card.training, stored_aggregates(opened, card)
            content[name] = {"key": card.key, "preset": card.preset, "images": card.images.key, "training": training}
            content[name] |= {"tracks_with_codes": tracks, "aggregates": aggregates}
            content[name] |= {"imported": models_stored.origin_entry(origin)}
            latent = training["latent"]
            active = f"{latent['active_units']}/{training['code_shape'][0]}" if latent else ""
            code = " x ".join(map(str, training["code_shape"]))
            rows.append(
                [
                    name,
                    card.preset,
                    code,
                    training["parameters"],
                    card.images.key,
                    training["n_train"],
                    f"{training['best_loss']:.5g}",
                    active,
                    tracks,
                    "imported" if origin else "trained here",
                ]
            )
    if as_json:
        print_json(content)
    elif rows:
        columns = [
            "model",
            "preset",
            "code",
            "parameters",
            "images",
            "clips trained on",
            "validation loss",
            "active units",
            "tracks",
            "origin",
        ]
        print_table(columns, rows)
    elif not damaged:
        say("no trained model yet: songnet embed FOLDER trains one")
    return CheckpointError.exit_code if damaged else 0


def _refuse_options(context: typer.Context) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            flag = "--" + name.replace("as_json", "json").replace("_", "-")
            raise ParameterError(f"{flag} stands before {context.invoked_subcommand}: write it after that word")


for word, example, stored in models_stored.COMMANDS:
    app.command(word, epilog=example)(stored)
