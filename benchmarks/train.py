"""Claim: TensorFlow is the fastest Keras backend for SongNet's models on CPUs, and the same code trains on the others.

Clips a second in training (one `train_on_batch` of 64 random images a step) and in encoding
(`songnet.embedding.encode_images`), for every backend that is installed, each in a process of its own; medians over
the steps after a warm-up. Backends differ by their compilers, so nothing but the ratios of one run is of interest.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from songnet.embedding import encode_images
from songnet.models import build_model
from songnet.spectrogram import RECIPES
from songnet.training import PixelScaling

BACKENDS = ("tensorflow", "jax", "torch")
PRESETS = ("cae-72x72", "cae-12x15", "vae-conv")
BATCH = 64
WARM_UP = 2
# A slow backend is timed for this long, and for no fewer steps than these.
BUDGET_S = 20.0
FEWEST = 3


def median_rate(step: Callable[[], object], n_steps: int, n_clips: int) -> float:
    """Clips a second of a step, by the median of its durations after the warm-up."""
    for _ in range(WARM_UP):
        step()
    durations: list[float] = []
    while len(durations) < n_steps and (len(durations) < FEWEST or sum(durations) < BUDGET_S):
        begin = time.perf_counter()
        step()
        durations.append(time.perf_counter() - begin)
    return n_clips / statistics.median(durations)


def measure(preset: str, n_steps: int) -> dict[str, float]:
    """Rates of one preset on this process's backend."""
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, *RECIPES["songnet"].shape), dtype=np.uint8)
    scaling = PixelScaling(0, 255)
    x = scaling.apply(pixels)[..., np.newaxis]
    model = build_model(preset)
    model.compile_for_training(1e-3)
    return {
        # Losses come back as numbers, so a step has ended when the call returns, on every backend.
        "train": median_rate(lambda: [float(v) for v in np.ravel(model.train_on_batch(x, x))], n_steps, BATCH),
        "encode": median_rate(lambda: encode_images(model, pixels, scaling), n_steps, BATCH),
    }


def measure_backend(backend: str, presets: list[str], n_steps: int) -> dict[str, dict[str, float]]:
    """Rates of some presets in a fresh process on one backend."""
    command = [sys.executable, __file__, "--child", "--steps", str(n_steps), "--presets", *presets]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    answer = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)
    if answer.returncode:
        raise RuntimeError(f"{backend} left with {answer.returncode}:\n{answer.stderr[-2000:]}")
    rates: dict[str, dict[str, float]] = json.loads(answer.stdout.splitlines()[-1])
    return rates


def print_rates(rates: dict[str, dict[str, dict[str, float]]], presets: list[str]) -> None:
    print(f"{'clips/s':<12}{'backend':<12} {'training':>9} {'to TensorFlow':>14} {'encoding':>9} {'to TensorFlow':>14}")
    for preset in presets:
        for backend, by_preset in rates.items():
            line = f"{preset:<12}{backend:<12}"
            for work in ("train", "encode"):
                base = rates.get("tensorflow", {}).get(preset, {}).get(work)
                ratio = f"{by_preset[preset][work] / base:13.2f}x" if base else f"{'':14}"
                line += f" {by_preset[preset][work]:9.1f} {ratio}"
            print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=15, help="steps at most after the warm-up [15]")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), help=f"models [{' '.join(PRESETS)}]")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=None, help="[all that are installed]")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        measured: dict[str, Any] = {preset: measure(preset, wanted.steps) for preset in wanted.presets}
        print(json.dumps(measured))
        return
    installed = [name for name in wanted.backends or BACKENDS if importlib.util.find_spec(name) is not None]
    rates = {backend: measure_backend(backend, wanted.presets, wanted.steps) for backend in installed}
    if wanted.json:
        print(json.dumps({"clips_per_s": rates, "batch": BATCH, "steps": wanted.steps}, indent=2))
    else:
        print_rates(rates, wanted.presets)


if __name__ == "__main__":
    main()
