"""`songnet align`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

import songnet
from songnet.cli import communities_options as graph_options
from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, print_table, progress_reports, say
from songnet.config import CommunityConfig, ImageConfig, TrainConfig, build_config, read_toml

if TYPE_CHECKING:
    from songnet.alignment import AlignReport

NAME = "align"
EXAMPLE = (
    "Example: songnet align --library ~/songs     then: songnet embed ~/Music --model aligned     and: songnet"
    " communities --held-out-from aligned"
)


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    name: Annotated[str, typer.Option("--name", help="What to call the model.")] = "aligned",
    share: Annotated[
        float, typer.Option("--share", help="Share of the playlists to learn from; the others are held out.")
    ] = 0.5,
    start_from: Annotated[
        str,
        typer.Option(
            "--start-from",
            help="A contrastive model whose backbone is taken over; auto: if there is one; none.",
        ),
    ] = "auto",
    recipe: options.Recipe = None,
    clips: options.Clips = None,
    min_support: graph_options.MinSupport = None,
    max_length: graph_options.MaxLength = None,
    dimensions: graph_options.Dimensions = None,
    window: graph_options.Window = None,
    playlist_epochs: Annotated[
        int | None,
        typer.Option(
            "--playlist-epochs", help="Passes of Track2Vec over the playlists; 0 is as many as they need. [default: 0]"
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the clips.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Clips a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Adam's step size.")] = None,
    dropout: Annotated[float | None, typer.Option("--dropout", help="Dropout rate.")] = None,
    validation: Annotated[
        float | None, typer.Option("--validation", help="Share of the artists held out. [default: 0.2]")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on with an interrupted training.")] = False,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Train an encoder to predict, from sound, the vector that playlists give a track (extra track2vec).

    The playlists are dealt to two sides: Track2Vec learns from one, the other is held out, and what the encoder makes
    is compared with held-out playlists alone. Playlists from Spotify are never learned from. Artists are held out too:
    they tell whether sound foresees anything.
    """
    configure_logging(quiet, verbose)
    toml = read_toml(config)
    flags = {
        "min_support": min_support, "max_playlist_length": max_length, "dimensions": dimensions, "window": window,
        "epochs": playlist_epochs,
    }  # fmt: skip
    playlists = build_config(CommunityConfig, toml.get("communities", {}), flags, {"graph": "track2vec"})
    training = build_config(
        TrainConfig, {"validation": 0.2}, toml.get("train", {}),
        {
            "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate, "dropout": dropout,
            "validation": validation,
        },
    )  # fmt: skip

    from songnet.alignment import AlignConfig, align
    from songnet.library import Library, reconcile, recorded_run
    from songnet.report import plot_history, save_figure

    wanted = AlignConfig(share, None if start_from == "none" else start_from)
    with Library(library, write=True) as opened:
        layers = (asdict(opened.settings.images), toml.get("images", {}), {"recipe": recipe, "clips": clips})
        images = build_config(ImageConfig, *layers)
        parameters = {
            "name": name, "align": asdict(wanted), "images": asdict(images), "train": asdict(training),
            "communities": asdict(playlists),
        }  # fmt: skip
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            reconcile(opened)
            report = align(
                opened, name=name, images=images, config=wanted, playlists=playlists, training=training, seed=seed,
                fresh=fresh, progress=progress,
            )  # fmt: skip
            run.summary.update({"model": report.training.card.key, "verdict": report.verdict})
        folder = opened.models / name
        save_figure(lambda axes: plot_history(axes, report.training.history, title=name), folder / "history.png")
    if as_json:
        print_json(_json(report))
        return 0
    _print(report, shlex.quote(str(library)))
    return 0


def _json(report: AlignReport) -> dict[str, object]:
    card, training = report.training.card, report.training
    return {
        "verdict": report.verdict,
        "name": card.name,
        "key": card.key,
        "config": card.config,
        "training": card.training,
        "history": training.history,
        "resumed": training.resumed,
        "seconds": round(training.seconds, 3),
        "clips_per_s": round(training.clips_per_s, 1),
    }


def _print(report: AlignReport, where: str) -> None:
    card, vectors = report.training.card, report.vectors
    training, said = card.training, card.training["playlists"]
    say(report.verdict)
    say("")
    history = report.training.history
    rows = [
        [int(entry["epoch"]) + 1, f"{1 - entry['loss']:.3f}", f"{1 - entry['val_loss']:.3f}"]
        for entry in (history[0], history[len(history) // 2], history[-1])
    ]
    print_table(["epoch", "cosine", "validation cosine"], rows)
    say(
        f"{said['n_playlists']:,} playlists to learn from, {said['n_held_out_playlists']:,} held out; vectors of"
        f" {len(vectors.track_ids):,} tracks, {said['n_tracks']:,} of them with images ({vectors.vectors.shape[1]}"
        f" dimensions, {vectors.settings['epochs']} epochs)"
    )
    resumed = ", resumed" if report.training.resumed else ""
    say(
        f"{card.name}: {training['parameters']:,} parameters, {training['n_train']:,} clips to train on,"
        f" {training['n_validation']:,} held out by {training['split_by']}; {report.training.clips_per_s:.0f}"
        f" clips/s{resumed}"
    )
    say(f"to encode the library with it: songnet embed --model {card.name} --library {where}")
    say(f"communities to compare with: songnet communities --held-out-from {card.name} --library {where}")
