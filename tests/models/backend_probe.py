"""Run by the backend tests in a process of its own: load weights, encode, evaluate, train one step.

Usage: ``KERAS_BACKEND=jax python backend_probe.py FOLDER`` turns every ``NAME.in.npz`` into ``NAME.out.npz``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

from songnet.models import MODELS


def main(source: Path, destination: Path) -> None:
    with np.load(source) as archive:
        stored = dict(archive)
    model = MODELS[str(stored.pop("family"))](**json.loads(str(stored.pop("config"))))
    images = stored.pop("images")
    fresh = model.weights_by_name()
    model.load_weights_by_name(stored)
    model.compile_for_training(1e-3)
    codes = keras.ops.convert_to_numpy(model.encode(images))
    evaluated = model.test_on_batch(images, images, return_dict=True)
    trained = model.train_on_batch(images, images, return_dict=True)
    np.savez(
        destination,
        backend=keras.backend.backend(),
        codes=codes,
        evaluated=json.dumps({key: float(value) for key, value in evaluated.items()}),
        trained=json.dumps({key: float(value) for key, value in trained.items()}),
        **{f"fresh/{name}": array for name, array in fresh.items()},
        **{f"after/{name}": array for name, array in model.weights_by_name().items()},
    )


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.in.npz")):
        main(path, path.with_name(path.name.replace(".in.npz", ".out.npz")))
