"""Run by `test_devices` in a process of its own, whose CPU counts as two devices.

Usage: ``KERAS_BACKEND=jax python device_probe.py FOLDER LIBRARY`` leaves ``told.json`` and ``weights.npz`` in the
folder.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Compiling takes longer than computing here.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"

import keras
import numpy as np

from songnet.config import ImageConfig, TrainConfig
from songnet.errors import SongNetError
from songnet.library import Library
from songnet.models import MODELS, PRESETS
from songnet.training import TrainReport, train
from songnet.training.devices import Steps, choose_devices, computing_on, steps_of
from songnet.training.state import TrainingState, load_state, save_state

SMALL = {
    "input_shape": (16, 24, 1),
    "channels": (8, 8),
    "strides": ((2, 2), (2, 2)),
    "features": 16,
    "latent_dim": 8,
    "projection": 8,
}
# What is drawn at random differs where replicas draw for themselves: no room to cut in, no dropout and none of these.
NOTHING = dict.fromkeys(("gain_down_db", "gain_up_db", "tempo", "pitch_bands", "mixing", "band_limit"), 0.0)
NOTHING |= dict.fromkeys(("frequency_mask", "time_mask", "noise_db"), 0.0)
QUIET = {**SMALL, "crop_frames": 24, "augmentation": NOTHING}
CHANGED = {**SMALL, "crop_frames": 16, "dropout": 0.2}
CASES = {
    "cae-12x15": ("conv-autoencoder", PRESETS["cae-12x15"].config),
    "nt-xent": ("contrastive-encoder", CHANGED if keras.backend.backend() == "jax" else QUIET),
    "vicreg": ("contrastive-encoder", {**QUIET, "loss": "vicreg"}),
    "changed": ("contrastive-encoder", CHANGED),
}


@dataclass
class Run:
    """A model in training, and what to train it on."""

    model: Any
    steps: Steps
    x: np.ndarray
    y: np.ndarray

    def take(self, count: int) -> list[float]:
        return [self.steps.train(self.x, self.y)["loss"] for _ in range(count)]


@contextmanager
def running(case: str, n_devices: int, precision: str = "float32", state: Path | None = None) -> Iterator[Run]:
    family, config = CASES[case]
    devices = choose_devices(precision, n_devices)
    with computing_on(devices):
        model = MODELS[family](**{**config, "seed": 3})
        model.compile_for_training(1e-3, 100)
        model.optimizer.build(model.trainable_variables)
        if state is not None:
            assert load_state(state, "probe", model) is not None
        rng = np.random.default_rng(0)
        x = rng.random((4, *model.image_shape), dtype=np.float32)
        y = np.clip(x + 0.1 * rng.random(x.shape, dtype=np.float32), 0, 1) if model.paired else x
        yield Run(model, steps_of(model, devices), x, y)


def compared(case: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Five steps on one device and on two."""
    told, arrays = {}, {}
    for n_devices in (1, 2):
        with running(case, n_devices) as run:
            losses = run.take(5)
            # Three images cannot be dealt to two devices in equal parts.
            evaluated = run.steps.evaluate(run.x[:3], run.y[:3])
            told[f"{case}/{n_devices}"] = {"losses": losses, "evaluated": evaluated}
            arrays |= {f"{case}/{n_devices}/{name}": value for name, value in run.model.weights_by_name().items()}
    return told, arrays


def resumed(folder: Path) -> dict[str, bool]:
    """Whether three steps, a kill and two steps end in the very weights of five steps, on two devices."""
    with running("changed", 2) as run:
        run.take(3)
        save_state(folder / "state", TrainingState("probe"), run.model, {})
        run.take(2)
        undisturbed = run.model.weights_by_name()
    with running("changed", 2, state=folder / "state") as run:
        run.take(2)
        after = run.model.weights_by_name()
    return {name: bool((after[name] == value).all()) for name, value in undisturbed.items()}


def refused(precision: str, devices: int) -> str:
    try:
        choose_devices(precision, devices)
    except SongNetError as error:
        return str(error)
    return ""


def trained(library: Path) -> dict[str, Any]:
    with Library(library, write=True) as opened:

        def run(batch_size: int) -> TrainReport:
            config = TrainConfig(epochs=1, batch_size=batch_size, devices=2)
            return train(opened, preset="cae-12x15", name="m", images=ImageConfig(), config=config, seed=5)

        try:
            run(5)
        except SongNetError as error:
            message = str(error)
        training = run(4).card.training
    return {"message": message, **{key: training[key] for key in ("devices", "precision", "batch_size", "best_loss")}}


def main(folder: Path, library: Path) -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        from songnet.models.backend import load_backend

        load_backend()
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    told: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for case in ("cae-12x15", "nt-xent"):
        results, weights = compared(case)
        told |= results
        arrays |= weights
    if keras.backend.backend() == "tensorflow":
        for case, precision in (("vicreg", "float32"), ("nt-xent", "mixed_bfloat16")):
            with running(case, 2, precision) as run:
                told[f"{case}/2/{precision}"] = run.take(5)
        with running("vicreg", 1) as run:
            told["vicreg/1/float32"] = run.take(5)
        told["trained"] = trained(library)
    told["resumed"] = resumed(folder)
    told["too many"] = refused("auto", 3)
    told["float16"] = refused("mixed_float16", 2)
    told["default"] = len(choose_devices("auto", None).names)
    told["all"] = len(choose_devices("auto", "all").names)
    told["policy"] = keras.config.dtype_policy().name
    np.savez(folder / "weights.npz", **arrays)
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
