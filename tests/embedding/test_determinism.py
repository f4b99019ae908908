"""The same music and the same seed give the same vectors, whatever the environment."""

import os
import subprocess
import sys

import numpy as np


def vectors(music, library, *, jobs, environment, cores=None):
    command = [sys.executable, "-m", "songnet.cli", "embed", music, "--library", library, "--model", "vae-conv"]
    command += ["--epochs", "2", "--seed", "3", "--jobs", str(jobs), "--quiet"]
    pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    subprocess.run(command, check=True, env={**os.environ, **environment}, preexec_fn=pin, capture_output=True)
    file = library.parent / f"{library.name}.npz"
    export = [sys.executable, "-m", "songnet.cli", "export", "--vectors", file, "--library", library]
    subprocess.run(export, check=True, capture_output=True)
    return np.load(file, allow_pickle=False)


def test_vectors_repeat_to_the_last_bit(music, tmp_path):
    first = vectors(music, tmp_path / "a", jobs=1, environment={"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"})
    one_core = {min(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else None
    second = vectors(
        music, tmp_path / "b", jobs=3, environment={"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "4"}, cores=one_core
    )
    assert list(first["track_ids"]) == list(second["track_ids"])
    assert first["vectors"].tobytes() == second["vectors"].tobytes()
    assert np.unique(first["vectors"], axis=0).shape == (12, 32)
