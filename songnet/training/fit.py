"""Training a model on a library's images."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import shutil
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from songnet.config import ImageConfig, TrainConfig
from songnet.errors import ModelError
from songnet.library import Library
from songnet.library.files import write_bytes
from songnet.models import build_model, get_preset
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe
from songnet.training.checkpoint import ModelCard, check_name, save_model
from songnet.training.devices import Devices, choose_devices, computing_on, even_batch, steps_of
from songnet.training.feeds import ClipFeed, PairFeed, pair_feed
from songnet.training.images import ImageStream, PixelScaling, Split, split_images
from songnet.training.session import Session
from songnet.training.state import TrainingState, load_state
from songnet.training.targets import TargetFeed, Targets, judge_targets, target_feed

if TYPE_CHECKING:
    from songnet.models.aligned import AlignedEncoder
    from songnet.models.encoder import MelEncoder

log = logging.getLogger(__name__)

# A kill costs at most this much work.
SAVE_EVERY_S = 60.0
# Without --epochs, a training sees about as many images as its preset says, and never fewer epochs than this.
MIN_EPOCHS = 4
# Without --patience, for models that are judged by their validation loss.
PATIENCE = 8
# Images whose posteriors tell how many latent units are in use.
DIAGNOSED_IMAGES = 2048


@dataclass(frozen=True)
class TrainReport:
    """How a training went.

    Parameters
    ----------
    card : ModelCard
        The model as stored.
    history : list of dict
        One entry an epoch: losses, seconds.
    resumed : bool
        The training continued an interrupted one.
    seconds : float
        This process's share of the time.
    clips_per_s : float
        Images trained on a second, both of a pair counted, validation and saving included.
    """

    card: ModelCard
    history: list[dict[str, float]]
    resumed: bool
    seconds: float
    clips_per_s: float


def resolve_training(preset: str, config: TrainConfig, n_train: int) -> dict[str, Any]:
    """Epochs, batch size and learning rate: what was asked for, else the preset's, fitted to the library's size."""
    values = get_preset(preset).training
    epochs = config.epochs or max(MIN_EPOCHS, min(int(values["epochs"]), int(values["images"]) // max(1, n_train)))
    return {
        "epochs": epochs,
        "batch_size": min(config.batch_size or int(values["batch_size"]), n_train),
        "learning_rate": config.learning_rate or float(values["learning_rate"]),
        "patience": config.patience,
        "validation": config.validation,
    }


def train(
    library: Library,
    *,
    preset: str,
    name: str,
    images: ImageConfig,
    config: TrainConfig,
    seed: int,
    fresh: bool = False,
    targets: Targets | None = None,
    progress: Progress = silent,
) -> TrainReport:
    """Train a model and store it under a name.

    Parameters
    ----------
    library : Library
        Open for writing, with images.
    preset : str
        Key of `songnet.models.PRESETS`.
    name : str
        What the model is called in the library; a model of that name is replaced when the training is done.
    images : ImageConfig
        The image set to train on.
    config : TrainConfig
        How; None stands for the preset's values.
    seed : int
        Decides the split, the initial weights, the order of the images, dropout and sampling.
    fresh : bool
        Begin anew even where an interrupted training of the same parameters could go on.
    targets : Targets, optional
        What a family that is trained towards vectors learns to predict; tracks without one are left out.
    progress : Progress
        Told of every step.

    Returns
    -------
    TrainReport

    Raises
    ------
    ModelError
        If there is too little to train on, or the loss stops being a number.
    ParameterError
        If the preset does not know an option, the name is no file name, or there are not the devices that `config`
        asks for.
    """
    check_name(name)
    get_preset(preset)  # before the backend takes its seconds to load
    started = time.monotonic()
    overrides = {**config.model_overrides, **(targets.settings if targets is not None else {})}
    devices = choose_devices(config.precision, config.devices)
    with computing_on(devices):
        model = build_model(preset, overrides, seed)
        if model.targeted and targets is None:
            raise ModelError(f"the preset {preset} learns from playlists: train it with `songnet align --name {name}`")
        split = split_images(library, images, config.validation, seed)
        if targets is not None:
            split = targets.restrict(library, images, split)
        stream = ImageStream(library, images)
        plan = {**resolve_training(preset, config, len(split.train)), "precision": devices.precision}
        plan |= {"devices": len(devices.names)}
        plan["batch_size"] = even_batch(plan["batch_size"], devices, config.batch_size)
        if len(split.train) == 0 or len(split.validation) == 0:
            raise ModelError("the split leaves nothing to train or to validate on: add music, or change --validation")
        scaling = stream.fit_scaling(split.train)
        if "decibels" in model.get_config():
            # Built above to refuse wrong options before any image is read; what a gain in dB is, only the images tell.
            decibels = (scaling.high - scaling.low) * get_recipe(images.recipe).step_db
            model = build_model(preset, {**overrides, "decibels": decibels}, seed)
        feed = _feed(library, images, split, scaling, plan["batch_size"], seed, targets, devices, model.paired)
        if isinstance(feed, TargetFeed) and targets is not None:
            cast("AlignedEncoder", model).start_from(feed.constant, targets.start)
        plan["batch_size"] = feed.batch_size
        if plan["patience"] is None and model.stops_early:
            plan["patience"] = PATIENCE
        model.compile_for_training(plan["learning_rate"], plan["epochs"] * feed.n_steps)
        # Adam makes its moments at the first step; a restored state needs a place for them.
        model.optimizer.build(model.trainable_variables)
        state_path = library.models / f".{name}.training" / "state.safetensors"
        fingerprint = _fingerprint(library, preset, model, images, split, plan, seed, targets)
        restored = None if fresh else load_state(state_path, fingerprint, model)
        state, best = restored or (TrainingState(fingerprint), {})
        steps = steps_of(model, devices)
        session = Session(model, steps, feed, plan, state, best, state_path, SAVE_EVERY_S, progress)
        session.run()
    # In float32 and on one device, as everybody who loads it will find it.
    model = type(model)(**model.get_config())
    model.load_weights_by_name(session.best)
    description = {
        **plan,
        "overrides": config.model_overrides,
        "seed": seed,
        "epochs_run": len(state.history),
        "best_epoch": state.best_epoch,
        "best_loss": state.best_loss,
        "n_tracks": split.n_tracks,
        "n_train": len(split.train),
        "n_validation": len(split.validation),
        "split_by": split.grouped_by,
        "parameters": int(model.count_params()),
        "code_shape": list(model.code_shape),
        "source": get_preset(preset).source,
        "latent": _diagnose(model, stream, split, scaling),
    }
    if targets is not None and isinstance(feed, TargetFeed):
        description["playlists"] = {**targets.told, **judge_targets(library, feed, targets, model, seed)}
    card = save_model(
        library.models,
        model,
        name=name,
        preset=preset,
        family=get_preset(preset).family,
        images=images,
        scaling=scaling,
        training=description,
    )
    write_bytes(library.models / name / "history.csv", _history_csv(state.history).encode())
    shutil.rmtree(state_path.parent, ignore_errors=True)
    seconds = time.monotonic() - started
    return TrainReport(card, state.history, restored is not None, seconds, session.images_seen / seconds)


def _feed(
    library: Library,
    images: ImageConfig,
    split: Split,
    scaling: PixelScaling,
    batch_size: int,
    seed: int,
    targets: Targets | None,
    devices: Devices,
    paired: bool,
) -> ClipFeed | PairFeed | TargetFeed:
    if paired:
        pairs = pair_feed(library, images, split, scaling, batch_size, seed)
        # There may be fewer tracks than a batch has room for.
        return replace(pairs, batch_size=even_batch(pairs.batch_size, devices))
    if targets is not None:
        return target_feed(library, images, split, scaling, batch_size, seed, targets)
    return ClipFeed(ImageStream(library, images), split, scaling, batch_size, seed)


def _fingerprint(
    library: Library,
    preset: str,
    model: MelEncoder,
    images: ImageConfig,
    split: Split,
    plan: dict[str, Any],
    seed: int,
    targets: Targets | None,
) -> str:
    tracks = library.db.execute("SELECT track_id, n_clips FROM images WHERE image_set = ? ORDER BY 1", (images.key,))
    parts = [preset, model.get_config(), asdict(images), len(split.train), len(split.validation), plan, seed]
    if targets is not None:
        parts.append(targets.digest)
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for row in tracks:
        digest.update(f"{row[0]} {row[1]}\n".encode())
    return digest.hexdigest()


def _diagnose(model: MelEncoder, stream: ImageStream, split: Split, scaling: PixelScaling) -> dict[str, Any] | None:
    """Active units and KL a dimension on held-out images, for models that have a posterior."""
    from songnet.models.variational import VariationalAutoencoder  # imports Keras

    if not isinstance(model, VariationalAutoencoder) or len(split.validation) < 2:
        return None
    from songnet.models.diagnostics import latent_report

    means, divergences = [], []
    for x in stream.batches(split.validation[:DIAGNOSED_IMAGES], 64, scaling):
        posterior = model.posterior(x)
        means.append(np.asarray(posterior.mean))
        divergences.append(np.asarray(posterior.kl_per_dim))
    report = latent_report(np.concatenate(means), np.concatenate(divergences))
    return {
        "active_units": int(report.active_units),
        "kl_nats": float(report.kl),
        "kl_per_dim_nats": [float(value) for value in report.kl_per_dim],
        "collapsed": bool(report.collapsed),
    }


def _history_csv(history: list[dict[str, float]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return stream.getvalue()
