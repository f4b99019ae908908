"""Claim: the default model trains and encodes many times faster than the autoencoder of 2020, on the same images.

Clips a second in training (one `train_on_batch` of 64 random images a step; of 64 pairs for models that learn from
pairs, both images counted) and in encoding (`songnet.embedding.encode_images`): all models in one process in turn, a
process for every backend that is installed, medians over the steps after a warm-up. TensorFlow is the fastest backend
on CPUs, and the same code trains on the others. Backends differ by their compilers and machines by their neighbours,
so nothing but the ratios of one run is of interest.
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
from dataclasses import dataclass, field

import numpy as np

from songnet.embedding import encode_images
from songnet.models import build_model
from songnet.spectrogram import RECIPES
from songnet.training import PixelScaling

BACKENDS = ("tensorflow", "jax", "torch")
PRESETS = ("cae-72x72", "cae-12x15", "vae-conv", "contrastive")
REFERENCE = "cae-72x72"
BATCH = 64
WARM_UP = 2
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
# A slow backend is timed for this long a model, and for no fewer steps than these.
BUDGET_S = 40.0
FEWEST = 3


@dataclass
class Work:
    """A step that is timed: how many clips it does, and how long it took each time (s)."""

    preset: str
    kind: str
    step: Callable[[], object]
    n_clips: int
    durations: list[float] = field(default_factory=list)

    def time_once(self, clock: Callable[[], float]) -> None:
        begin = clock()
        self.step()
        self.durations.append(clock() - begin)

    @property
    def rate(self) -> float:
        """Clips a second, by the median duration."""
        return self.n_clips / statistics.median(self.durations)


def steps_of(preset: str) -> list[Work]:
    """Training and encoding of one preset, on random images that are the same for all."""
    pixels = np.random.default_rng(0).integers(0, 256, (2 * BATCH, *RECIPES["songnet"].shape), dtype=np.uint8)
    scaling = PixelScaling(0, 255)
    both = scaling.apply(pixels)[..., np.newaxis]
    model = build_model(preset)
    model.compile_for_training(1e-3)
    x, y, n_seen = (both[:BATCH], both[BATCH:], 2 * BATCH) if model.paired else (both[:BATCH], both[:BATCH], BATCH)
    return [
        # Losses come back as numbers, so a step has ended when the call returns, on every backend.
        Work(preset, "train", lambda: [float(v) for v in np.ravel(model.train_on_batch(x, y))], n_seen),
        Work(preset, "encode", lambda: encode_images(model, pixels, scaling), len(pixels)),
    ]


def measure(presets: list[str], n_steps: int, clock: Callable[[], float]) -> dict[str, dict[str, float]]:
    """Rates of some presets on this process's backend, step by step in turn: neighbours disturb all alike."""
    works = [work for preset in presets for work in steps_of(preset)]
    for work in works:
        for _ in range(WARM_UP):
            work.step()
    begin = time.perf_counter()
    for done in range(n_steps):
        if done >= FEWEST and time.perf_counter() - begin > BUDGET_S * len(presets):
            break
        for work in works:
            work.time_once(clock)
    rates: dict[str, dict[str, float]] = {preset: {} for preset in presets}
    for work in works:
        rates[work.preset][work.kind] = work.rate
    return rates


def measure_backend(backend: str, presets: list[str], n_steps: int, clock: str) -> dict[str, dict[str, float]]:
    """Rates of some presets in a fresh process on one backend."""
    command = [sys.executable, __file__, "--child", "--steps", str(n_steps), "--clock", clock, "--presets", *presets]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    answer = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)
    if answer.returncode:
        raise RuntimeError(f"{backend} left with {answer.returncode}:\n{answer.stderr[-2000:]}")
    rates: dict[str, dict[str, float]] = json.loads(answer.stdout.splitlines()[-1])
    return rates


def ratio(rates: dict[str, dict[str, dict[str, float]]], backend: str, preset: str, work: str, to: str) -> float | None:
    """A rate by that of another preset or backend in the same run; None where that was not measured."""
    base = rates.get(to, {}).get(preset) if to in BACKENDS else rates[backend].get(to)
    return None if base is None else rates[backend][preset][work] / base[work]


def print_rates(rates: dict[str, dict[str, dict[str, float]]], presets: list[str]) -> None:
    heads = f"{'to ' + REFERENCE:>13} {'to TensorFlow':>14}"
    print(f"{'clips/s':<16}{'backend':<12} {'training':>9} {heads} {'encoding':>9} {heads}")
    for preset in presets:
        for backend, by_preset in rates.items():
            line = f"{preset:<16}{backend:<12}"
            for work in ("train", "encode"):
                found = [ratio(rates, backend, preset, work, to) for to in (REFERENCE, "tensorflow")]
                first, second = ("" if value is None else f"{value:.2f}x" for value in found)
                line += f" {by_preset[preset][work]:9.1f} {first:>13} {second:>14}"
            print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=15, help="steps at most after the warm-up [15]")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), help=f"models [{' '.join(PRESETS)}]")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=None, help="[all that are installed]")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: seconds of all threads, where neighbours are busy [wall]"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        print(json.dumps(measure(wanted.presets, wanted.steps, CLOCKS[wanted.clock])))
        return
    installed = [name for name in wanted.backends or BACKENDS if importlib.util.find_spec(name) is not None]
    rates = {backend: measure_backend(backend, wanted.presets, wanted.steps, wanted.clock) for backend in installed}
    if wanted.json:
        print(
            json.dumps({"clips_per_s": rates, "batch": BATCH, "steps": wanted.steps, "clock": wanted.clock}, indent=2)
        )
    else:
        print_rates(rates, wanted.presets)


if __name__ == "__main__":
    main()
