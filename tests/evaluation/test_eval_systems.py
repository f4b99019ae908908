"""What is evaluated: clips and halves, baselines from images, untrained encoders, vectors of other programs."""

import re

import numpy as np
import pytest

from songnet.config import ImageConfig, VectorConfig
from songnet.descriptors import describe_images, load_descriptors, update_descriptors
from songnet.embedding import DEFAULT_PRESET, load_vectors
from songnet.errors import InputNotFoundError, ParameterError
from songnet.evaluation.baselines import descriptor_systems, halves
from songnet.evaluation.clips import plan_clips, stream_images
from songnet.evaluation.pitch import class_weights, pitch_class_profile
from songnet.evaluation.quick import one_line_verdict
from songnet.evaluation.systems import code_parts, join, load_code_parts, load_codes, read_npz
from songnet.evaluation.untrained import untrained_encoder, untrained_system
from songnet.library import Library
from songnet.spectrogram import get_recipe, mel_image
from songnet.training import read_card

IMAGES = ImageConfig()
AGGREGATE = VectorConfig().aggregate


@pytest.fixture(scope="module")
def described(made_library, tmp_path_factory):
    import shutil

    path = shutil.copytree(made_library, tmp_path_factory.mktemp("described") / "library")
    with Library(path, write=True) as library:
        update_descriptors(library, IMAGES)
    return path


@pytest.fixture
def library(described):
    with Library(described) as opened:
        yield opened


def tone(pitch, seconds=5.0):
    recipe = get_recipe("songnet")
    t = np.arange(recipe.clip_samples) / recipe.sr
    return mel_image((0.3 * np.sin(2 * np.pi * pitch * t)).astype(np.float32), recipe)


def test_a_tone_is_heard_as_its_pitch_class():
    recipe = get_recipe("songnet")
    pitches = 1046.5 * 2 ** (np.arange(12) / 12)
    profile = pitch_class_profile(np.stack([tone(pitch) for pitch in pitches]), recipe)
    np.testing.assert_array_equal(profile.argmax(axis=1), np.arange(12))
    np.testing.assert_allclose(profile.sum(axis=1), 1, atol=1e-6)
    octave = pitch_class_profile(np.stack([tone(2093.0)]), recipe)
    assert octave.argmax() == 0
    silent = pitch_class_profile(np.zeros((1, *recipe.shape), dtype=np.uint8), recipe)
    np.testing.assert_allclose(silent, 1 / 12)


def test_bands_too_wide_for_semitones_have_no_share():
    weights = class_weights(get_recipe("songnet"))
    used = np.flatnonzero(weights.sum(axis=1))
    assert 14 < used.min() < 20
    np.testing.assert_allclose(weights.sum(axis=0), 1)


def test_images_stream_whole_tracks_in_order(library):
    blocks = list(stream_images(library, IMAGES, [], progress=lambda *_: None))
    assert blocks == []
    tracks = load_descriptors(library, IMAGES).track_ids
    (block,) = stream_images(library, IMAGES, tracks[3:5])
    assert block.owners.tolist() == [tracks[3]] * 2 + [tracks[4]] * 2
    assert block.starts.tolist() == [0, 2]
    (first,) = stream_images(library, IMAGES, tracks[3:5], clips_a_track=1)
    assert first.numbers.tolist() == [0, 0]


def test_clips_are_chosen_by_the_seed_and_halved_where_there_is_one(library):
    tracks = load_descriptors(library, IMAGES).track_ids
    plan = plan_clips(library, IMAGES, tracks, n_tracks=10, clips_a_track=8, seed=0)
    assert (plan.unit, len(plan.track_ids)) == ("clips", 10)
    assert plan == plan_clips(library, IMAGES, tracks, n_tracks=10, clips_a_track=8, seed=0)
    assert plan != plan_clips(library, IMAGES, tracks, n_tracks=10, clips_a_track=8, seed=1)
    assert plan_clips(library, IMAGES, tracks[:5], n_tracks=10, clips_a_track=8, seed=0) is None


def test_halves_of_codes_are_the_means_of_their_halves(rng):
    codes = rng.standard_normal((3, 4, 10, 5)).astype(np.float32)
    found = code_parts(codes, 1, "mean", "halves")
    assert found.shape == (6, 20)
    np.testing.assert_allclose(found[2], codes[1, :, :5].mean(axis=1).reshape(-1), atol=1e-6)
    np.testing.assert_allclose(found[3], codes[1, :, 5:].mean(axis=1).reshape(-1), atol=1e-6)
    assert code_parts(rng.standard_normal((3, 16)), None, AGGREGATE, "halves") is None
    np.testing.assert_array_equal(code_parts(codes, 1, "tfidf", "clips"), code_parts(codes, 1, "mean", "clips"))
    pixels = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    assert halves(pixels)[:, 0].tolist() == [[0, 1], [3, 4], [15, 16], [18, 19]]


def test_baselines_are_the_descriptors_of_the_same_clips(library):
    tracks = load_descriptors(library, IMAGES).track_ids
    plan = plan_clips(library, IMAGES, tracks, n_tracks=20, clips_a_track=8, seed=0)
    timbre, *baselines = descriptor_systems(library, IMAGES, tracks, plan)
    assert [system.name for system in baselines] == ["MFCC + PCA", "MFCC standard", "bliss-style", "loudness"]
    assert [system.vectors.shape[1] for system in baselines] == [60, 60, 23, 1]
    assert all(np.isfinite(system.vectors).all() for system in baselines)
    (block,) = stream_images(library, IMAGES, tracks)
    expected, acoustic = describe_images(block.pixels, np.arange(24), get_recipe("songnet"))
    np.testing.assert_array_equal(timbre.parts.vectors, expected)
    np.testing.assert_array_equal(baselines[3].parts.vectors[:, 0], acoustic["loudness_db"])
    np.testing.assert_array_equal(timbre.parts.owners, block.owners)


def test_an_untrained_encoder_is_the_same_architecture_with_other_weights(library):
    card = read_card(library.models, "cae-12x15")
    tracks = load_descriptors(library, IMAGES).track_ids
    plan = plan_clips(library, IMAGES, tracks, n_tracks=20, clips_a_track=8, seed=0)
    trained = load_codes(library, card, AGGREGATE)
    made = [
        untrained_system(library, IMAGES, untrained_encoder(library, IMAGES, card, seed), AGGREGATE, tracks, plan)
        for seed in (1, 1, 2)
    ]
    assert made[0].name == "random:cae-12x15"
    assert made[0].vectors.shape == trained.vectors.shape
    np.testing.assert_array_equal(made[0].vectors, made[1].vectors)
    assert not np.allclose(made[0].vectors, made[2].vectors)
    assert not np.allclose(made[0].vectors, trained.vectors)
    own = load_code_parts(library, card, AGGREGATE, plan)
    assert made[0].parts.vectors.shape == own.vectors.shape
    np.testing.assert_array_equal(made[0].parts.owners, own.owners)
    both = join(made[0], trained, "joined:x", "joined")
    np.testing.assert_array_equal(both.vectors, np.concatenate([made[0].vectors, trained.vectors], axis=1))
    assert join(made[0], made[2], "x", "joined").parts.vectors.shape == (24, 2 * own.vectors.shape[1])
    without_model = untrained_encoder(library, IMAGES, None, 1)
    assert without_model.name == DEFAULT_PRESET


def test_code_parts_agree_with_the_track_vectors(library):
    card = read_card(library.models, "cae-12x15")
    stored = load_vectors(library, card, AGGREGATE)
    plan = plan_clips(library, IMAGES, stored.track_ids, n_tracks=20, clips_a_track=8, seed=0)
    parts = load_code_parts(library, card, "mean", plan)
    means = parts.vectors.reshape(12, 2, -1).mean(axis=1)
    np.testing.assert_allclose(means, stored.vectors[:, : means.shape[1]], atol=1e-5)


def test_the_short_verdict_is_one_line_and_repeats(library):
    card = read_card(library.models, "cae-12x15")
    line = one_line_verdict(library, card, AGGREGATE)
    assert "\n" not in line
    pattern = (
        r"cae-12x15 (does NOT beat|knows its tracks again better than) .*: clip-to-track AUC [01]\.\d{3} \[[01]\.\d{3},"
        r" [01]\.\d{3}\]; the same encoder untrained [01]\.\d{3}, MFCC statistics [01]\.\d{3}; hubness -?\d\.\d, \d+%"
        r" of tracks nobody's neighbour \(12 tracks, two clips each\)"
    )
    assert re.fullmatch(pattern, line), line
    assert line == one_line_verdict(library, card, AGGREGATE, n_threads=3)


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_vectors_of_another_program_are_sorted_and_their_clips_numbered(tmp_path):
    path = write(
        tmp_path / "mine.npz",
        track_ids=np.array(["b", "a"]), vectors=np.array([[1, 2], [3, 4]]),
        clip_track_ids=np.array(["b", "a", "b"]), clip_vectors=np.array([[1.0], [2.0], [3.0]]),
    )  # fmt: skip
    found = read_npz(path, ["a", "b", "c"])
    assert (found.name, found.kind, found.track_ids) == ("vectors:mine", "vectors", ["a", "b"])
    assert found.vectors.tolist() == [[3, 4], [1, 2]]
    assert found.parts.owners.tolist() == ["a", "b", "b"]
    assert found.parts.numbers.tolist() == [0, 0, 1]
    assert found.parts.vectors[:, 0].tolist() == [2, 1, 3]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vectors": np.ones((2, 2))}, "has the arrays vectors; track_ids missing"),
        ({"track_ids": np.array([1, 2]), "vectors": np.ones((2, 2))}, "a list of text is needed"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.ones((3, 2))}, r"vectors has shape \(3, 2\) and type"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.ones(2)}, r"\(2, d\) real numbers are needed"),
        ({"track_ids": np.array(["a", "a"]), "vectors": np.ones((2, 2))}, "holds a track twice"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.array([[1, np.nan], [1, 1]])}, "not finite, the first is 0"),
        ({"track_ids": np.array(["a", "z"]), "vectors": np.ones((2, 2))}, "1 of the 2 tracks in track_ids are not in"),
        (
            {"track_ids": np.array(["a"]), "vectors": np.ones((1, 2)), "clip_vectors": np.ones((1, 2))},
            "clip_track_ids missing",
        ),
    ],
)
def test_vectors_that_do_not_fit_are_refused(tmp_path, arrays, message):
    with pytest.raises(ParameterError, match=message):
        read_npz(write(tmp_path / "bad.npz", **arrays), ["a", "b"])


def test_files_that_are_no_archives_are_refused(tmp_path):
    for content in (b"", b"PK\x03\x04 broken", b"\x93NUMPY nonsense", b"words"):
        path = tmp_path / "bad.npz"
        path.write_bytes(content)
        with pytest.raises(ParameterError, match=r"bad\.npz is no readable \.npz file") as refused:
            read_npz(path, ["a"])
        assert "pickle" not in str(refused.value)
    np.save(tmp_path / "plain.npy", np.ones(3))
    with pytest.raises(ParameterError, match="is no readable"):
        read_npz(tmp_path / "plain.npy", ["a"])
    pickled = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ParameterError, match="holds Python objects, which are not read"):
        read_npz(write(tmp_path / "pickled.npz", track_ids=pickled, vectors=pickled), ["a"])
    whole = write(tmp_path / "cut.npz", track_ids=np.array(["a"] * 50), vectors=np.ones((50, 9))).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ParameterError, match="is no readable"):
        read_npz(tmp_path / "cut.npz", ["a"])
    with pytest.raises(InputNotFoundError, match="cannot read the vectors"):
        read_npz(tmp_path / "none.npz", ["a"])
    with pytest.raises(InputNotFoundError, match="cannot read the vectors"):
        read_npz(tmp_path, ["a"])
