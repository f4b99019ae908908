"""What the benchmarks count with is right: known answers and negative controls for their own functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from songnet.audio import audio_identity, open_audio
from songnet.evaluation import Labels

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


def _result(model: str, seed: int | None, systems: dict[str, tuple[float, list[float]]]) -> dict[str, Any]:
    told = {name: {"nmi": {"value": value, "draws": draws}} for name, (value, draws) in systems.items()}
    return {"model": model, "seed": seed, "systems": told}


def test_a_lead_is_over_the_strongest_rival_and_its_interval_is_paired(benchmark_module: Load) -> None:
    table = benchmark_module("quality_table")
    rows = table.rows_of(
        [
            _result("ear", 0, {"codes": (0.5, [0.4, 0.6]), "random": (0.1, [0.1, 0.1])}),
            _result("ear", 1, {"codes": (0.7, [0.6, 0.8]), "random": (0.2, [0.2, 0.2])}),
            _result("eye", 0, {"codes": (0.9, [0.9, 0.9]), "random": (0.8, [0.8, 0.8])}),
            _result("baselines", None, {"MFCC + PCA": (0.65, [0.55, 0.75]), "descriptors": (0.9, [0.9, 0.9])}),
        ]
    )
    ear = next(row for row in rows if row.model == "ear" and row.system == "codes")
    lead = table.strongest_rival(ear, rows, "nmi")
    # Another architecture's random encoder (.8) and descriptors (for joined codes alone) are no rivals of its codes.
    assert lead.rival == "MFCC + PCA"
    # The draws move together, so their difference does not spread although each of them does.
    assert [lead.value, lead.low, lead.high] == pytest.approx([-0.05, -0.05, -0.05])
    lines = table.value_table(rows)
    assert lines[0] == ["model", "system", "seeds", "NMI"]
    assert lines[1] == ["ear", "codes", "0, 1", ".600 (.500 to .700)"]
    assert lines[-1] == ["", "descriptors", "", ".900"]
    assert table.lead_table(rows)[1][2] == "-.050 (-.050 to -.050) MFCC + PCA"


def test_a_result_that_a_kill_cut_off_costs_itself_alone(benchmark_module: Load, tmp_path: Path) -> None:
    table = benchmark_module("quality_table")
    path = tmp_path / "results.jsonl"
    table.append_record(path, {"seed": 0})
    path.write_text(path.read_text() + '{"seed": 1, "sys')
    assert table.read_records(path) == [{"seed": 0}]
    table.append_record(path, {"seed": 1})
    assert table.read_records(path) == [{"seed": 0}, {"seed": 1}]


def test_artists_are_found_within_a_style_where_they_differ(benchmark_module: Load, rng: np.random.Generator) -> None:
    quality = benchmark_module("embedding_quality")
    styles, artists = np.repeat([0, 1], 40), np.repeat([0, 1, 2, 3], 20)
    labels = Labels(styles, ("folk", "house"), "planted")
    apart = np.eye(4)[artists] + 0.05 * rng.standard_normal((80, 4))
    assert quality.artists_within(apart, labels, artists, range(2)).value == 1.0
    # Points that tell styles and nothing else: within each, artists are at chance.
    same = np.eye(4)[styles] + 0.05 * rng.standard_normal((80, 4))
    assert quality.artists_within(same, labels, artists, range(2)).value < 0.2
    assert quality.artists_within(same, labels, styles, range(2)) is None


def test_the_family_is_trained_measured_and_resumed(
    benchmark_module: Load, write_sound: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quality = benchmark_module("embedding_quality")
    sounds, lines = tmp_path / "sounds", ["file,class"]
    sounds.mkdir()
    for i in range(12):
        write_sound(sounds / f"1-{i // 2}-{'AB'[i % 2]}.wav", seed=i, seconds=5.2)
        lines.append(f"1-{i // 2}-{'AB'[i % 2]}.wav,{'rain' if i < 6 else 'frogs'}")
    (sounds / "labels.csv").write_text("\n".join(lines))
    asked = ["--sets", "sounds", "--sounds", str(sounds), "--seeds", "3", "--models", "vae-conv", "--images", "10"]
    asked += ["--work", str(tmp_path / "work"), "--jobs", "1"]
    assert quality.main(asked) == 0
    first = capsys.readouterr().out
    results = tmp_path / "work" / "results.jsonl"
    (model, baselines) = [json.loads(line) for line in results.read_text().splitlines()]
    assert [model[key] for key in ("set", "model", "seed", "cap", "epochs", "images")] == [
        *("sounds", "vae-conv", 3, 10, 1, 10)
    ]
    assert list(model["systems"]) == ["codes", "joined", "random", "random joined"]
    assert list(baselines["systems"]) == ["descriptors", "MFCC + PCA", "MFCC standard", "bliss-style", "loudness"]
    assert {"nmi", "knn_artist"} <= set(model["systems"]["joined"])
    assert "sounds: 10 images a training at most (vae-conv 10)" in first
    before = results.read_bytes()
    assert quality.main(asked) == 0
    assert results.read_bytes() == before
    again = capsys.readouterr().out
    assert again.splitlines()[:-1] == first.splitlines()[:-1]
    assert quality.main([*asked, "--stored", "--markdown"]) == 0
    assert "| vae-conv | joined | 3 |" in capsys.readouterr().out


def test_rates_are_compared_within_one_run(benchmark_module: Load) -> None:
    train = benchmark_module("train")
    rates = {
        "tensorflow": {"cae-72x72": {"train": 40.0}, "contrastive": {"train": 500.0}},
        "jax": {"contrastive": {"train": 100.0}},
    }
    assert train.ratio(rates, "tensorflow", "contrastive", "train", "cae-72x72") == 12.5
    assert train.ratio(rates, "jax", "contrastive", "train", "tensorflow") == 0.2
    assert train.ratio(rates, "jax", "contrastive", "train", "cae-72x72") is None
