"""What the benchmarks count with is right: known answers and negative controls for their own functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from songnet.audio import audio_identity, open_audio

Load = Callable[[str], ModuleType]


def test_nearest_neighbours_find_planted_classes(benchmark_module: Load, rng: np.random.Generator) -> None:
    sounds = benchmark_module("sounds")
    labels = np.repeat(["a", "b", "c"], 20)
    points = np.eye(3)[np.repeat([0, 1, 2], 20)] + 0.05 * rng.standard_normal((60, 3))
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert sounds.knn_correct(unit, labels).all()
    assert not sounds.knn_correct(unit, rng.permutation(labels)).all()
    assert sounds.chance(labels) == pytest.approx(1 / 3)


def test_nearest_neighbours_of_noise_are_at_chance(benchmark_module: Load, rng: np.random.Generator) -> None:
    sounds = benchmark_module("sounds")
    points = rng.standard_normal((1000, 8))
    labels = rng.choice(list("abcd"), 1000)
    scored = sounds.score("noise", "", 0, points / np.linalg.norm(points, axis=1, keepdims=True), labels)
    assert scored.low < 0.25 < scored.high


def test_a_draw_goes_to_the_nearer_neighbour(benchmark_module: Load) -> None:
    angles = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    unit = np.stack([np.cos(angles), np.sin(angles)], 1)
    correct = benchmark_module("sounds").knn_correct(unit, np.array(["a", "a", "b", "b", "c"]), k=2)
    # Neighbours of the first are the second and third, one vote each: the second is nearer and has its label.
    assert correct[0]


def test_agreement_counts_other_tracks_only(benchmark_module: Load) -> None:
    first_answer = benchmark_module("first_answer")
    nearest = np.array([[1, 2], [0, 3], [3, 0], [2, 1]])
    share, chance = first_answer.agreement(nearest, ["x", "x", "y", "y"])
    assert (share, chance) == (0.5, pytest.approx(1 / 3))
    assert np.isnan(first_answer.agreement(nearest, [None] * 4)[0])


def test_small_tracks_are_all_different(benchmark_module: Load, tmp_path: Path) -> None:
    benchmark_module("music").make_small_tracks(tmp_path / "m", 40, seconds=1.0)
    identities = set()
    for path in (tmp_path / "m").rglob("*.wav"):
        with open_audio(bytes(path)) as reader:
            identities.add(audio_identity(reader, reader.n_samples))
    assert len(identities) == 40


def test_files_are_spread_over_the_whole_list(benchmark_module: Load) -> None:
    files = [Path(str(i)) for i in range(100)]
    assert [int(path.name) for path in benchmark_module("embed").spread(files, 4)] == [0, 25, 50, 75]
    assert benchmark_module("embed").spread(files[:3], 10) == files[:3]
