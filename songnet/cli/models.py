"""`songnet models`."""

from __future__ import annotations

from typing import Annotated

import typer

from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, print_table, say, tell
from songnet.errors import CheckpointError

NAME = "models"
EXAMPLE = "Example: songnet models --presets     or: songnet models --library ~/songs --json"


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    presets: Annotated[bool, typer.Option("--presets", help="List what can be trained instead of what is.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """List the trained models of a library, or the presets that can be trained."""
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

    content, rows, damaged = {}, [], 0
    with Library(library) as opened:
        for name in list_models(opened.models):
            try:
                card = read_card(opened.models, name)
            except CheckpointError as error:
                damaged += 1
                tell(f"error: {error}")
                continue
            (tracks,) = opened.db.execute("SELECT count(*) FROM codes WHERE model_key = ?", (card.key,)).fetchone()
            training, aggregates = card.training, stored_aggregates(opened, card)
            content[name] = {"key": card.key, "preset": card.preset, "images": card.images.key, "training": training}
            content[name] |= {"tracks_with_codes": tracks, "aggregates": aggregates}
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
        ]
        print_table(columns, rows)
    elif not damaged:
        say("no trained model yet: songnet embed FOLDER trains one")
    return CheckpointError.exit_code if damaged else 0
