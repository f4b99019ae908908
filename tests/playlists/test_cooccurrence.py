"""Co-occurrence: exact against counting by hand, the same with any number of threads, bounded, and explained errors."""

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.playlists import cooccurrence as module
from songnet.playlists.cooccurrence import cooccurrence, count_pairs
from songnet.playlists.generate import generate_playlists, usual_n_tracks
from songnet.playlists.weighting import WEIGHTINGS, weigh_pairs


def by_hand(playlists, min_support=1, min_pair_support=1, longest=None):
    """Counts and Newman sums of pairs (a, b), a < b, and supports, with dictionaries."""
    kept = [sorted(set(tracks)) for tracks in playlists if longest is None or len(set(tracks)) <= longest]
    support = Counter(track for tracks in kept for track in tracks)
    counts, newman = Counter(), defaultdict(float)
    for tracks in kept:
        for pair in combinations(tracks, 2):
            if min(support[pair[0]], support[pair[1]]) >= min_support:
                counts[pair] += 1
                newman[pair] += 1.0 / (len(tracks) - 1)
    counts = {pair: count for pair, count in counts.items() if count >= min_pair_support}
    return counts, {pair: newman[pair] for pair in counts}, support


def entries(playlists):
    playlist_of = [p for p, tracks in enumerate(playlists) for _ in tracks]
    return np.array(playlist_of, dtype=np.int64), np.array([t for tracks in playlists for t in tracks], dtype=np.int64)


def upper(matrix):
    coo = matrix.tocoo()
    return {(int(a), int(b)): v for a, b, v in zip(coo.row, coo.col, coo.data.tolist(), strict=True) if a < b}


LOW = st.integers(1, 3)
PLAYLISTS = st.lists(st.lists(st.integers(0, 11), max_size=14), max_size=12)


@settings(deadline=None)
@given(
    PLAYLISTS, st.integers(1, 3), st.integers(1, 3), st.none() | st.integers(2, 8), st.randoms(use_true_random=False)
)
def test_pairs_are_exactly_those_counted_by_hand(playlists, min_support, min_pair_support, longest, random):
    order = list(range(sum(map(len, playlists))))
    random.shuffle(order)
    playlist_of, track_of = (part[order] for part in entries(playlists))
    pairs = count_pairs(
        playlist_of, track_of, 12,
        min_support=min_support, min_pair_support=min_pair_support, max_playlist_length=longest,
    )  # fmt: skip
    counts, newman, support = by_hand(playlists, min_support, min_pair_support, longest)
    assert upper(pairs.counts) == counts
    assert upper(pairs.newman) == newman  # to the last bit: the same sums in the same order
    assert pairs.support.tolist() == [support[track] for track in range(12)]
    assert (abs(pairs.newman - pairs.newman.T)).nnz == 0
    assert not pairs.counts.diagonal().any()
    assert pairs.n_frequent == len(counts) == pairs.counts.nnz // 2
    used = [tracks for tracks in playlists if tracks and (longest is None or len(set(tracks)) <= longest)]
    assert pairs.n_playlists == len(used)
    assert pairs.n_left_out == sum(bool(tracks) for tracks in playlists) - len(used)


@settings(deadline=None, max_examples=60)
@given(PLAYLISTS, st.integers(1, 4), st.sampled_from(sorted(WEIGHTINGS)))
def test_top_k_keeps_what_is_strongest_for_either_end(playlists, k, weighting):
    playlist_of, track_of = entries(playlists)
    everything = count_pairs(playlist_of, track_of, 12, min_pair_support=1)
    weights = everything.weigh(weighting).toarray()
    counts = everything.counts.toarray()
    expected = set()
    for a in range(12):
        others = [b for b in range(12) if counts[a, b]]
        others.sort(key=lambda b: (-weights[a, b], -everything.support[b], b))
        expected |= {(min(a, b), max(a, b)) for b in others[:k]}
    pairs = count_pairs(playlist_of, track_of, 12, min_pair_support=1, top_k=k, weighting=weighting)
    assert set(upper(pairs.counts)) == expected
    assert all(upper(pairs.counts)[pair] == counts[pair] for pair in expected)
    assert pairs.n_frequent == everything.counts.nnz // 2


def test_newman_strength_is_the_number_of_playlists_with_company():
    made = generate_playlists(300, n_tracks=400, n_groups=4, seed=2)
    weights = cooccurrence(made.playlist_of, made.track_of, 400, weighting="newman", min_pair_support=1)
    support = count_pairs(made.playlist_of, made.track_of, 400).support
    np.testing.assert_allclose(weights.sum(axis=1), support, rtol=1e-12)


@pytest.mark.parametrize("top_k", [None, 5])
def test_threads_and_blocks_do_not_change_a_bit(monkeypatch, top_k):
    made = generate_playlists(400, n_tracks=3000, n_groups=10, seed=1)
    whole = count_pairs(made.playlist_of, made.track_of, made.n_tracks, top_k=top_k, n_threads=1)
    monkeypatch.setattr(module, "BLOCK_WORK", 5000)
    seen = []
    small = count_pairs(
        made.playlist_of, made.track_of, made.n_tracks, top_k=top_k, n_threads=4,
        progress=lambda stage, done, total, note="": seen.append((stage, done, total)),
    )  # fmt: skip
    for ours, theirs in ((whole.counts, small.counts), (whole.newman, small.newman)):
        assert ours.data.tobytes() == theirs.data.tobytes()
        assert ours.indices.tobytes() == theirs.indices.tobytes()
        assert ours.indptr.tobytes() == theirs.indptr.tobytes()
    assert (whole.n_seen, whole.n_frequent) == (small.n_seen, small.n_frequent)
    assert len(seen) > 50
    assert seen[-1][1] == seen[-1][2] == max(done for _, done, _ in seen)


def test_columns_are_sorted_and_the_dtypes_as_documented():
    made = generate_playlists(200, n_tracks=500, n_groups=5)
    pairs = count_pairs(made.playlist_of, made.track_of, 500, top_k=3)
    assert (pairs.counts.dtype, pairs.newman.dtype, pairs.support.dtype) == (np.int32, np.float64, np.int64)
    for matrix in (pairs.counts, pairs.newman):
        assert all(np.all(np.diff(row.indices) > 0) for row in (matrix[[i]] for i in range(500)))


def test_a_weighting_changes_what_is_kept():
    # Track 0 stands in everything; track 1 only ever with track 2.
    playlists = [[0, 3], [0, 4], [0, 5], [0, 6], [0, 1, 2], [0, 1, 2], [0, 1, 2, 7, 8, 9]]
    playlist_of, track_of = entries(playlists)
    options = {"min_pair_support": 1, "top_k": 1}
    raw = upper(cooccurrence(playlist_of, track_of, 10, weighting="raw", **options))
    cosine = upper(cooccurrence(playlist_of, track_of, 10, weighting="cosine", shrink=0, **options))
    assert (0, 1) in raw and (1, 2) not in raw  # noqa: PT018
    assert cosine[1, 2] == 1.0


def test_a_long_playlist_is_left_out_whole():
    playlists = [list(range(50)), [0, 1], [0, 1]]
    pairs = count_pairs(*entries(playlists), 50, min_pair_support=1, max_playlist_length=49)
    assert upper(pairs.counts) == {(0, 1): 2}
    assert (pairs.n_left_out, pairs.n_playlists, pairs.support[5]) == (1, 2, 0)


@pytest.mark.parametrize("playlists", [[], [[]], [[3]], [[3, 3, 3]]])
def test_nothing_stands_together_in_nothing(playlists):
    pairs = count_pairs(*entries(playlists), 4, min_pair_support=1, top_k=2)
    assert (pairs.counts.shape, pairs.counts.nnz, pairs.n_seen) == ((4, 4), 0, 0)
    assert count_pairs([], [], 0).counts.shape == (0, 0)


@pytest.mark.parametrize(
    ("playlist_of", "track_of", "options", "message"),
    [
        ([0], [0, 1], {}, "playlist_of has 1 entries, track_of 2"),
        ([0, 0], [0, 9], {}, "track_of holds 9; with n_tracks = 4 it must be less"),
        ([0, -1], [0, 1], {}, "playlist_of holds -1; numbers of playlists and tracks start at 0"),
        ([0.0], [1], {}, "playlist_of must be one whole number an entry, not float64"),
        ([[0]], [[1]], {}, r"not int64 of shape \(1, 1\)"),
        ([10**9], [1], {}, "must be numbered without gaps from 0"),
        ([0], [1], {"top_k": 0}, "top_k is 0; it must be 1 or more"),
        ([0], [1], {"min_support": 0}, "min_support is 0"),
        ([0], [1], {"min_pair_support": -1}, "min_pair_support is -1"),
        ([0], [1], {"max_playlist_length": 1}, "max_playlist_length is 1; it must be 2 or more"),
        ([0], [1], {"n_threads": 0}, "n_threads is 0"),
        ([0], [1], {"shrink": -1.0}, "shrink is -1.0; it must be 0 or more"),
        ([0], [1], {"weighting": "tfidf"}, "unknown weighting 'tfidf'; choose one of: cosine, jaccard, newman"),
    ],
)
def test_wrong_input_is_explained(playlist_of, track_of, options, message):
    with pytest.raises(ParameterError, match=message):
        count_pairs(np.array(playlist_of), np.array(track_of), 4, **options)


def test_generated_playlists_have_the_shape_they_promise():
    made = generate_playlists(20_000, n_groups=50, seed=3)
    again = generate_playlists(20_000, n_groups=50, seed=3)
    assert made.track_of.tobytes() == again.track_of.tobytes()
    assert made.track_of.tobytes() != generate_playlists(20_000, n_groups=50, seed=4).track_of.tobytes()
    lengths = np.bincount(made.playlist_of)
    assert lengths.mean() == pytest.approx(54, abs=1.5)
    assert 38 < np.median(lengths) < 46
    assert (lengths.min(), lengths.max()) == (5, 250)
    own = made.track_group[made.track_of] == made.playlist_group[made.playlist_of]
    assert own.mean() == pytest.approx(0.8 + 0.2 / 50, abs=0.003)
    popularity = np.sort(np.bincount(made.track_of))[::-1]
    assert 0.02 < popularity[0] / 20_000 < 0.1
    slope = np.polyfit(np.log(np.arange(500, 20_000)), np.log(popularity[500:20_000]), 1)[0]
    assert slope == pytest.approx(-0.95, abs=0.1)
    assert (usual_n_tracks(250), made.n_tracks) == (19_171, usual_n_tracks(20_000))
    assert usual_n_tracks(1_000_000) == pytest.approx(2_262_292, rel=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_playlists": 0}, "0 playlists of"),
        ({"n_playlists": 5, "n_tracks": 3, "n_groups": 4}, "5 playlists of 3 tracks in 4 groups cannot be made"),
        ({"n_playlists": 5, "purity": 1.5}, "purity is 1.5; it must lie between 0 and 1"),
        ({"n_playlists": 5, "exponent": 1.0}, "exponent 1.0 and flat_head 60.0 must be above 0"),
    ],
)
def test_playlists_that_cannot_be_made_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        generate_playlists(**options)


def test_weights_of_pairs_do_not_depend_on_how_they_are_stored():
    pairs = count_pairs(*entries([[0, 1, 2], [0, 1]]), 3, min_pair_support=1)
    matrix = pairs.weigh("jaccard")
    assert matrix[0, 1] == weigh_pairs([2], [1.5], [2], [2], 2, weighting="jaccard")[0] == 1.0
    assert matrix[0, 2] == 0.5
