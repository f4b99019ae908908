"""`songnet train`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, print_table, progress_reports, say
from songnet.config import ImageConfig, TrainConfig, build_config, read_toml

NAME = "train"
EXAMPLE = (
    "Example: songnet train --model contrastive --library ~/songs     then: songnet embed ~/Music --model contrastive"
)


def command(
    model: Annotated[str, typer.Option("--model", "-m", help="Preset to train: see `songnet models --presets`.")],
    library: options.Library = options.DEFAULT_LIBRARY,
    name: Annotated[str | None, typer.Option("--name", help="What to call it. [default: the preset's name]")] = None,
    recipe: options.Recipe = None,
    clips: options.Clips = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the clips, at most.")] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="Clips a step; contrastive: tracks, two cuts of each.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Adam's step size.")] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            help="Stop after so many epochs without a better validation loss. [default: 8; contrastive: never]",
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option("--validation", help="Share of the artists held out. [default: 0.1]"),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option("--activation", help="relu, leaky_relu, elu or sigmoid."),
    ] = None,
    dropout: Annotated[float | None, typer.Option("--dropout", help="Dropout rate.")] = None,
    latent_dim: Annotated[
        int | None, typer.Option("--latent-dim", help="Length of the code, where it is a vector.")
    ] = None,
    beta: Annotated[float | None, typer.Option("--beta", help="Weight of a VAE's KL term.")] = None,
    free_bits: Annotated[
        float | None,
        typer.Option("--free-bits", help="Nats a latent dimension may use without penalty."),
    ] = None,
    kl_warmup: Annotated[
        int | None,
        typer.Option("--kl-warmup", help="Steps over which the KL term's weight rises from 0."),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            "--pooling", help="time or none: whether vae-conv, beta-vae-time, masked-cae pool their code over time."
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", help="Contrastive loss: the smaller, the more the nearest strangers count."),
    ] = None,
    reconstruction: Annotated[
        float | None,
        typer.Option(
            "--reconstruction",
            help="Contrastive models: weight of rebuilding a cut's mean spectrum from its code. [default: 0]",
        ),
    ] = None,
    loss: Annotated[str | None, typer.Option("--loss", help="Contrastive loss: nt-xent or vicreg.")] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--level", help="Contrastive models: relative to each clip's own level, or absolute. [default: relative]"
        ),
    ] = None,
    crop_frames: Annotated[
        int | None, typer.Option("--crop-frames", help="Frames of the cuts that are compared, 43 a second.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            help="float32, mixed_float16, mixed_bfloat16 or auto: 16 bits where a GPU is faster so. [default: auto]",
        ),
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            "--devices", metavar="N|all", help="Devices to deal every batch to. [default: all GPUs, or one CPU]"
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on with an interrupted training.")] = False,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Train a model on the library's mel images, without labels.

    Whole artists are held out for validation; the best weights are kept (of a contrastive model the last ones); an
    interrupted training goes on where it was. A model of the same name is replaced when the new one is done. Learning
    curves: history.csv and history.png in the model's folder.
    """
    configure_logging(quiet, verbose)
    flags = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "patience": patience,
        "validation": validation,
        "activation": activation,
        "dropout": dropout,
        "latent_dim": latent_dim,
        "beta": beta,
        "free_bits": free_bits,
        "kl_warmup_steps": kl_warmup,
        "pooling": pooling,
        "temperature": temperature,
        "reconstruction": reconstruction,
        "loss": loss,
        "level": level,
        "crop_frames": crop_frames,
        "precision": precision,
        "devices": int(devices) if devices is not None and devices.isdecimal() else devices,
    }
    toml = read_toml(config)
    training = build_config(TrainConfig, toml.get("train", {}), flags)

    from songnet.library import Library, reconcile, recorded_run
    from songnet.report import plot_history, save_figure
    from songnet.training import train

    with Library(library, write=True) as opened:
        layers = (asdict(opened.settings.images), toml.get("images", {}), {"recipe": recipe, "clips": clips})
        images = build_config(ImageConfig, *layers)
        parameters = {"preset": model, "name": name or model, "images": asdict(images), "train": asdict(training)}
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            reconcile(opened)
            report = train(
                opened,
                preset=model,
                name=name or model,
                images=images,
                config=training,
                seed=seed,
                fresh=fresh,
                progress=progress,
            )
            run.summary["model"] = report.card.key
        folder = opened.models / report.card.name
        save_figure(lambda axes: plot_history(axes, report.history, title=report.card.name), folder / "history.png")
    _print(report, folder, as_json)
    return 0


def _print(report: Any, folder: Any, as_json: bool) -> None:
    card = report.card
    if as_json:
        content = {
            "name": card.name,
            "key": card.key,
            "preset": card.preset,
            "config": card.config,
            "training": card.training,
        }
        print_json(
            {
                **content,
                "history": report.history,
                "resumed": report.resumed,
                "seconds": round(report.seconds, 3),
                "clips_per_s": round(report.clips_per_s, 1),
            }
        )
        return
    training = card.training
    epochs = [
        entry for entry in report.history if entry["epoch"] in (0, training["best_epoch"], len(report.history) - 1)
    ]
    rows = [[int(entry["epoch"]) + 1, f"{entry['loss']:.6g}", f"{entry['val_loss']:.6g}"] for entry in epochs]
    print_table(["epoch", "loss", "validation loss"], rows)
    say(
        f"{card.name}: {training['parameters']:,} parameters, {training['n_train']} clips to train on,"
        f" {training['n_validation']} held out"
        f" by {training['split_by']}; {report.clips_per_s:.0f} clips/s{', resumed' if report.resumed else ''}"
    )
    if training["devices"] > 1 or training["precision"] != "float32":
        say(f"trained in {training['precision']} on {training['devices']} device{'s' * (training['devices'] > 1)}")
    if training["latent"]:
        latent = training["latent"]
        say(
            f"latent space: {latent['active_units']} of {training['code_shape'][0]} units active, KL"
            f" {latent['kl_nats']:.1f} nats"
            f"{': COLLAPSED, the code tells nothing of the clip' if latent['collapsed'] else ''}"
        )
    say(f"learning curves: {folder / 'history.png'}")
    say(f"to encode the library with it: songnet embed --model {card.name} --library {folder.parent.parent}")
