"""Training on two devices is training on one: virtual CPU devices, each backend in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from songnet.config import TrainConfig
from songnet.errors import ModelError, ParameterError
from songnet.training.devices import Devices, auto_precision, choose_devices, even_batch

PROBE = Path(__file__).with_name("device_probe.py")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Probed:
    """What the probe found on one backend."""

    backend: str
    told: dict[str, Any]
    arrays: dict[str, np.ndarray]


@pytest.fixture(scope="module", params=["jax", "tensorflow"])
def probed(request: pytest.FixtureRequest, made_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Probed:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(f"devices-{request.param}")
    library = shutil.copytree(made_library, folder / "library")
    environment = {**os.environ, "KERAS_BACKEND": request.param, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROBE), str(folder), str(library)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]
    with np.load(folder / "weights.npz") as archive:
        return Probed(request.param, json.loads((folder / "told.json").read_text()), dict(archive))


# The pairs are compared with those of both devices: with those of its own alone, the loss would be far smaller. On
# JAX, where the numbers drawn do not depend on the devices either, they are changed at random.
@pytest.mark.parametrize("case", ["cae-12x15", "nt-xent"])
def test_two_devices_train_as_one_does(probed: Probed, case: str) -> None:
    one, two = probed.told[f"{case}/1"], probed.told[f"{case}/2"]
    assert two["losses"][0] == pytest.approx(one["losses"][0], rel=1e-5)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-3)
    assert one["losses"][4] != pytest.approx(one["losses"][0], rel=0.05)
    names = [name for name in probed.arrays if name.startswith(f"{case}/1/")]
    assert any(name.endswith("kernel") for name in names)
    for name in names:
        other = probed.arrays[name.replace("/1/", "/2/", 1)]
        # Five of Adam's steps of 1e-3; sums in another order turn few of them.
        np.testing.assert_allclose(other, probed.arrays[name], atol=1e-4, err_msg=name)


@pytest.mark.parametrize("case", ["cae-12x15", "nt-xent"])
def test_a_batch_that_cannot_be_dealt_evenly_is_evaluated_whole(probed: Probed, case: str) -> None:
    evaluated = probed.told[f"{case}/2"]["evaluated"]
    assert evaluated == pytest.approx(probed.told[f"{case}/1"]["evaluated"], rel=1e-3, abs=1e-4)


def test_vicreg_and_lower_precision_on_two_devices(probed: Probed) -> None:
    if probed.backend != "tensorflow":
        pytest.skip("what depends on the replicas of TensorFlow")
    told = probed.told
    assert told["vicreg/2/float32"] == pytest.approx(told["vicreg/1/float32"], rel=1e-4)
    assert told["nt-xent/2/mixed_bfloat16"] == pytest.approx(told["nt-xent/2"]["losses"], rel=0.05, abs=0.02)
    assert told["nt-xent/2/mixed_bfloat16"] != told["nt-xent/2"]["losses"]


def test_a_training_that_goes_on_ends_in_the_same_bits(probed: Probed) -> None:
    same = probed.told["resumed"]
    assert "training/augmentation_seed" in same
    assert [name for name, value in same.items() if not value] == []


def test_a_library_is_trained_on_two_devices(probed: Probed) -> None:
    if probed.backend != "tensorflow":
        pytest.skip("the same code on both backends")
    trained = probed.told["trained"]
    assert (trained["devices"], trained["precision"], trained["batch_size"]) == (2, "float32", 4)
    assert 0 < trained["best_loss"] < 0.2
    assert trained["message"] == (
        "train.batch_size is 5, which cannot be dealt to 2 devices in equal parts: choose a multiple of 2"
    )


def test_devices_are_counted_and_nothing_holds_afterwards(probed: Probed) -> None:
    assert (probed.told["default"], probed.told["all"]) == (1, 2)
    assert f"train.devices is 3, and Keras's backend {probed.backend} finds 2 (" in probed.told["too many"]
    refused = "cannot watch for overflow on several devices" in probed.told["float16"]
    assert refused == (probed.backend == "tensorflow")
    assert probed.told["policy"] == "float32"


def test_this_machine_trains_in_float32_on_one_device() -> None:
    chosen = choose_devices("auto", None)
    assert (len(chosen.names), chosen.precision, chosen.mirrored) == (1, "float32", False)
    with pytest.raises(ParameterError, match=r"train.devices is 99, and Keras's backend \w+ finds 1 "):
        choose_devices("float32", 99)


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([], "float32"),
        ([(6, 1)], "float32"),
        ([(7, 0)], "mixed_float16"),
        ([(8, 0), (9, 0)], "mixed_bfloat16"),
        ([(8, 0), (7, 5)], "mixed_float16"),
        ([(8, 0), None], "float32"),
    ],
)
def test_the_precision_is_what_all_gpus_are_fast_in(capabilities: list[Any], precision: str) -> None:
    assert auto_precision(capabilities) == precision


def test_settings_are_checked() -> None:
    assert TrainConfig(precision="mixed_float16", devices="all").devices == "all"
    with pytest.raises(ParameterError, match="precision is 'half'; choose one of: auto, float32, mixed_float16"):
        TrainConfig(precision="half")
    with pytest.raises(ParameterError, match="devices is 'two'; it must be a number, or all"):
        TrainConfig(devices="two")
    with pytest.raises(ParameterError, match="devices is 0; it must lie between 1 and 1024"):
        TrainConfig(devices=0)


def test_batches_are_rounded_down_unless_they_were_asked_for() -> None:
    four = Devices("jax", ("gpu:0", "gpu:1", "gpu:2", "gpu:3"), "float32")
    assert [even_batch(size, four) for size in (4, 7, 64)] == [4, 4, 64]
    assert even_batch(30, four, asked=32) == 28
    with pytest.raises(ParameterError, match="batch_size is 30, which cannot be dealt to 4 devices"):
        even_batch(30, four, asked=30)
    with pytest.raises(ModelError, match="3 rows to train on are too few for 4 devices"):
        even_batch(3, four)
