"""`songnet embed`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.embed_output import print_embedded
from songnet.cli.output import configure_logging, print_json, progress_reports, say, tell
from songnet.config import ImageConfig, ReadConfig, TrainConfig, VectorConfig, build_config, read_toml
from songnet.errors import InputNotFoundError, SongNetError

NAME = "embed"
EXAMPLE = (
    "Example: songnet embed ~/Music /mnt/dj --library ~/songs"
    "     then: songnet similar 'Artist - Title' --library ~/songs"
)
EXIT_SOME_FAILED = 3


def command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Music folders, or files; without any, what the library holds is encoded.", metavar="PATH"),
    ] = None,
    library: options.Library = options.DEFAULT_LIBRARY,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="A trained model, or a preset to train (see `songnet models`). [default: contrastive]"
        ),
    ] = None,
    recipe: options.Recipe = None,
    clips: options.Clips = None,
    aggregate: options.Aggregate = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Epochs at most, if a model is trained.")] = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Stop after the mel images: train and encode later.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file again, also those that look unchanged.")
    ] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Read again what failed before.")] = False,
    no_verdict: Annotated[
        bool, typer.Option("--no-verdict", help="Do not tell what the codes are worth at the end (seconds).")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be read and written.")] = False,
    jobs: options.Jobs = None,
    timeout: Annotated[float | None, typer.Option("--timeout", help="Seconds one file may take. [default: 60]")] = None,
    memory: Annotated[int | None, typer.Option("--memory", help="MiB one worker may take. [default: 1024]")] = None,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Turn music into codes: scan, decode, make mel images, train a model if there is none, encode every track.

    Only what is new or changed is read; it can be stopped at any moment and goes on where it was. Files that cannot
    be read are listed by `songnet failures` and stop nothing.
    """
    configure_logging(quiet, verbose)
    toml = read_toml(config)
    read = build_config(ReadConfig, toml.get("read", {}), {"jobs": jobs, "timeout_s": timeout, "memory_mb": memory})
    training = build_config(TrainConfig, toml.get("train", {}), {"epochs": epochs})
    vectors = build_config(VectorConfig, toml.get("vectors", {}), {"aggregate": aggregate})
    image_layers = (toml.get("images", {}), {"recipe": recipe, "clips": clips})
    roots = paths or []
    _check_paths(roots, library)
    if dry_run:
        return _dry_run(roots, library, image_layers, as_json)

    from songnet.embedding import AGGREGATES, default_model, describe_alone, embed_images, resolve_model
    from songnet.library import Library, LibrarySettings, reconcile, recorded_run
    from songnet.report import plot_history, save_figure
    from songnet.spectrogram import get_recipe, ingest
    from songnet.training import list_models, read_card

    fresh = LibrarySettings(images=build_config(ImageConfig, *image_layers))
    # A misspelt name must not cost a night of decoding.
    get_recipe(fresh.images.recipe)
    _ = AGGREGATES[vectors.aggregate]
    name, preset = resolve_model(list_models(library / "models"), model)
    with Library(library, write=True, create=True, settings=fresh) as opened:
        # A trained model has its own images; it need not be told again which.
        use_own = preset is None and not no_model
        own = read_card(opened.models, name).images if use_own else opened.settings.images
        images = build_config(ImageConfig, asdict(own), *image_layers)
        parameters = {
            "paths": [os.fsdecode(path) for path in roots],
            "model": model,
            "images": asdict(images),
            "read": asdict(read),
            "train": asdict(training),
            "vectors": asdict(vectors),
        }
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            swept = reconcile(opened)
            if swept.orphans or swept.lost:
                tell(
                    f"an interrupted run was swept up: {swept.orphans} tracks written but not marked,"
                    f" {swept.lost} to be made anew"
                )
            workers = read.jobs or options.available_cores()
            report = ingest(
                opened,
                roots,
                images,
                read,
                n_workers=workers,
                verify=verify,
                retry_failed=retry_failed,
                progress=progress,
            )
            run.summary["files"] = asdict(report)
            run.partial = report.failed > 0
            embedded, alone = None, None
            wanted = model or default_model(opened, images)
            if not no_model and wanted is None and _has_images(opened, images):
                alone = describe_alone(opened, images, progress=progress)
            elif not no_model and _has_images(opened, images):
                embedded = embed_images(
                    opened,
                    model_name=wanted,
                    images=images,
                    training=training,
                    vectors=vectors,
                    seed=seed,
                    progress=progress,
                )
                run.summary["model"] = embedded.card.key
                if embedded.training is not None:
                    history = embedded.training.history
                    save_figure(
                        lambda axes: plot_history(axes, history, title=name), opened.models / name / "history.png"
                    )
            totals = _totals(opened, images, embedded)
            run.summary["library"] = totals
            verdict = None
            # Nothing new is nothing to judge: the last run said it.
            if embedded is not None and not no_verdict and (embedded.training or embedded.encoding.tracks):
                verdict = _verdict(opened, embedded, vectors.aggregate, seed, progress)
                run.summary["verdict"] = verdict
    print_embedded(report, embedded, totals, library, as_json, scanned=bool(roots), verdict=verdict, alone=alone)
    return EXIT_SOME_FAILED if report.failed or report.unreadable_folders else 0


def _check_paths(paths: list[Path], library: Path) -> None:
    if not paths and not (library / "songnet.db").exists():
        raise InputNotFoundError(f"there is no library at {library} yet: name a music folder to make one from")
    # One of several roots may be away, that is warned of; all of them away is a slip of the pen.
    if paths and not any(path.exists() for path in paths):
        raise InputNotFoundError(f"there is no file or folder {paths[0]}: check the path, or mount the disk")


def _dry_run(paths: list[Path], library: Path, image_layers: tuple[dict[str, Any], ...], as_json: bool) -> int:
    from songnet.library import Library
    from songnet.spectrogram import get_recipe, preview

    images = build_config(ImageConfig, *image_layers)
    if (library / "songnet.db").exists():
        with Library(library) as opened:
            images = build_config(ImageConfig, asdict(opened.settings.images), *image_layers)
            report, to_read = preview(opened, paths, images)
    else:
        report, to_read = preview(None, paths, images)
    rows, columns = get_recipe(images.recipe).shape
    size = to_read * images.clips * rows * columns
    if as_json:
        print_json({"files": asdict(report), "to_read": to_read, "image_bytes_at_most": size, "image_set": images.key})
    else:
        say(
            f"{report.found} audio files: {to_read} to read, {report.unchanged} unchanged,"
            f" {report.known_failures} failed before"
        )
        say(f"their mel images ({images.key}) would take up to {size / 2**20:,.0f} MiB; nothing was read or written")
    return 0


def _has_images(library: Any, images: ImageConfig) -> bool:
    return bool(library.db.execute("SELECT 1 FROM images WHERE image_set = ? LIMIT 1", (images.key,)).fetchone())


def _totals(library: Any, images: ImageConfig, embedded: Any) -> dict[str, int]:
    db = library.db
    (tracks,) = db.execute("SELECT count(*) FROM tracks").fetchone()
    (failed,) = db.execute("SELECT count(*) FROM failures").fetchone()
    count = "SELECT count(*) FROM codes WHERE model_key = ?"
    (coded,) = db.execute(count, (embedded.card.key,)).fetchone() if embedded else (0,)
    (with_images,) = db.execute("SELECT count(*) FROM images WHERE image_set = ?", (images.key,)).fetchone()
    return {"tracks": tracks, "with_images": with_images, "with_codes": coded, "failed_files": failed}


def _verdict(library: Any, embedded: Any, aggregate: str, seed: int, progress: Any) -> str:
    """What the codes are worth in one line; whatever it is that cannot be told, the codes are made."""
    from songnet.evaluation import one_line_verdict

    try:
        return one_line_verdict(
            library, embedded.card, aggregate, seed=seed, n_threads=options.available_cores(), progress=progress
        )
    except SongNetError as error:
        return f"{embedded.card.name}: what its codes are worth cannot be told ({error})"
