import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.embedding import AGGREGATES
from songnet.embedding.aggregate import as_sequences, clip_vectors, mean_std_vectors, mean_vectors
from songnet.embedding.tfidf import normalise, tfidf_vectors, tfidf_weights
from songnet.errors import ParameterError


def random_corpus(seed, n_tracks=12, words=4, d=6):
    """Tracks of 1 to 5 clips, many of them near copies of a few words."""
    rng = np.random.default_rng(seed)
    vocabulary = rng.standard_normal((words, d))
    counts = rng.integers(1, 6, n_tracks)
    codes = vocabulary[rng.integers(0, words, counts.sum())] + 1e-3 * rng.standard_normal((counts.sum(), d))
    return codes.astype(np.float32), np.concatenate([[0], np.cumsum(counts)[:-1]])


def naive_tfidf(vectors, starts, epsilon):
    """The definition, clip by clip and track by track, as R. D. Smith describes it."""
    ends = [*starts[1:], len(vectors)]
    tracks = [vectors[a:b] for a, b in zip(starts, ends, strict=True)]
    weights = []
    for track in tracks:
        for clip in track:
            tf = sum(1 - clip @ other < epsilon for other in track)
            df = sum(any(1 - clip @ other < epsilon for other in candidate) for candidate in tracks)
            weights.append(tf * np.log(len(tracks) / df))
    return np.array(weights)


@pytest.mark.parametrize("seed", range(4))
def test_tfidf_equals_its_definition(seed, monkeypatch):
    codes, starts = random_corpus(seed)
    vectors = normalise(codes)
    expected = naive_tfidf(vectors.astype(np.float64), starts, 0.001)
    assert len(set(np.round(expected, 6))) > 3
    np.testing.assert_allclose(tfidf_weights(vectors, starts), expected, atol=1e-9)
    monkeypatch.setattr("songnet.embedding.tfidf.BLOCK", 5)
    np.testing.assert_allclose(tfidf_weights(vectors, starts), expected, atol=1e-9)
    monkeypatch.undo()
    ends = [*starts[1:], len(vectors)]
    sums = [(vectors[a:b] * expected[a:b, None]).sum(0) for a, b in zip(starts, ends, strict=True)]
    result = tfidf_vectors(codes, starts, None)
    for row, total in zip(result, sums, strict=True):
        if np.linalg.norm(total) > 0:
            np.testing.assert_allclose(row, total / np.linalg.norm(total), atol=1e-5)


def test_what_every_track_has_weighs_nothing_and_a_lone_track_is_its_mean():
    common, special = np.eye(2, dtype=np.float32)
    codes = np.stack([common, special, common, common])
    np.testing.assert_allclose(tfidf_weights(codes, np.array([0, 2, 3])), [0, np.log(3), 0, 0])
    np.testing.assert_allclose(tfidf_vectors(codes, np.array([0, 2, 3]), None)[0], special)
    alone = tfidf_vectors(codes[:2], np.array([0]), None)
    np.testing.assert_allclose(alone[0], normalise((common + special)[None])[0])


def test_maps_are_pooled_over_time_and_keep_frequency_and_channels(rng):
    codes = rng.standard_normal((5, 3, 7, 2)).astype(np.float32)
    assert as_sequences(codes, 1).shape == (5, 7, 6)
    np.testing.assert_allclose(clip_vectors(codes, 1), codes.mean(axis=2).reshape(5, 6), atol=1e-6)
    shifted = np.roll(codes, 3, axis=2)
    np.testing.assert_allclose(
        mean_std_vectors(codes, np.array([0, 2]), 1), mean_std_vectors(shifted, np.array([0, 2]), 1), atol=1e-5
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.floats(0.01, 1e4))
def test_means_and_deviations_equal_numpy(counts, seed, scale):
    rng = np.random.default_rng(seed)
    codes = (1e3 + scale * rng.standard_normal((sum(counts), 2, 3, 2))).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int)
    both, means = mean_std_vectors(codes, starts, 1), mean_vectors(codes, starts, 1)
    assert both.shape == (len(counts), 8)
    for index, (start, count) in enumerate(zip(starts, counts, strict=True)):
        flat = np.moveaxis(codes[start : start + count].astype(np.float64), 2, 1).reshape(-1, 4)
        np.testing.assert_allclose(both[index, :4], flat.mean(0), rtol=1e-6)
        np.testing.assert_allclose(both[index, 4:], flat.std(0), rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(means[index], flat.mean(0), rtol=1e-6)


@pytest.mark.parametrize("name", sorted(AGGREGATES))
def test_every_aggregation_keeps_the_contract(name):
    codes, starts = random_corpus(1)
    vectors = AGGREGATES[name](codes, starts, None)
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == len(starts)
    assert np.isfinite(vectors).all()
    # The order of a track's clips does not matter, nor does that of the tracks.
    ends = np.append(starts[1:], len(codes))
    order = [np.arange(a, b)[::-1] for a, b in zip(starts, ends, strict=True)][::-1]
    turned_starts = np.concatenate([[0], np.cumsum([len(part) for part in order])[:-1]])
    turned = AGGREGATES[name](codes[np.concatenate(order)], turned_starts, None)
    np.testing.assert_allclose(turned[::-1], vectors, atol=1e-5)
    one = AGGREGATES[name](np.zeros((1, 4), np.float32), np.array([0]), None)
    assert np.isfinite(one).all()


def test_an_unknown_aggregation_is_named():
    with pytest.raises(ParameterError, match="unknown aggregation 'median'; choose one of: mean, mean-std, tfidf"):
        AGGREGATES["median"]
