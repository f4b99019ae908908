"""AUC, MRR and recall of held-out playlists: equal to counting by hand, and matched in popularity."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from songnet.comparison.neighbourhood.degree_matching import matched_wins
from songnet.comparison.neighbourhood.held_out import draw_queries, split_playlists
from songnet.comparison.neighbourhood.measures import SETTINGS, measure
from songnet.comparison.neighbourhood.predictors import (
    CosinePredictor,
    DifferencePredictor,
    PlaylistPredictor,
    PopularityPredictor,
    random_predictor,
    rounded,
    unit_rows,
)
from songnet.comparison.neighbourhood.ranking import Ranking, order_keys, rank_measures
from songnet.errors import ParameterError
from songnet.playlists.stored import Memberships

KS = (1, 3, 10)


def planted(rng, n_tracks=120, n_groups=4, n_playlists=60, length=6, steep=0.0):
    """Playlists each of one group; a track of number n is as popular as (n + 1) ** -steep."""
    group = np.arange(n_tracks) % n_groups
    weight = (1.0 + np.arange(n_tracks)) ** -steep
    tracks = []
    for playlist in range(n_playlists):
        own = np.flatnonzero(group == playlist % n_groups) if n_groups > 1 else np.arange(n_tracks)
        tracks.append(rng.choice(own, length, replace=False, p=weight[own] / weight[own].sum()))
    ids = tuple(f"t{number:04d}" for number in range(n_tracks))
    made = Memberships(
        np.arange(n_playlists), ids, np.repeat(np.arange(n_playlists), length), np.concatenate(tracks)
    )  # fmt: skip
    return made, ids, group


def no_groups(split, artist=None):
    unknown = np.full(len(split.track_ids), -1)
    return {"artist": unknown if artist is None else artist, "album": unknown}


def by_hand(split, asked, scores_of, pairs, artist, ks, ties):
    """Relevant tracks, others, reciprocal rank and recalls of every query, with loops and sets."""
    members = [set(row.nonzero()[1].tolist()) for row in (split.incidence[[n]] for n in range(split.n_playlists))]
    for playlist, track, fold in zip(asked.playlist.tolist(), asked.track.tolist(), asked.fold.tolist(), strict=True):
        before = set().union(
            *(members[n] for n in range(len(members)) if split.fold_of[n] != fold and track in members[n])
        )
        ever = set().union(*(row for row in members if track in row))
        apart = {w for w in range(len(split.track_ids)) if w != track and (artist[w] != artist[track] or artist[w] < 0)}
        if pairs == "new":
            relevant, others = (members[playlist] - before) & apart, apart - ever
        else:
            relevant, others = members[playlist] & apart, apart - members[playlist]
        scores = scores_of(fold, track)
        ranked = sorted(relevant | others, key=lambda w: (-scores[w], -ties[w]))
        places = [place for place, w in enumerate(ranked, start=1) if w in relevant]
        yield (
            relevant,
            others,
            (1 / places[0], [sum(p <= k for p in places) / len(places) for k in ks]) if places else None,
        )


@pytest.mark.parametrize("pairs", ["new", "all"])
def test_ranks_and_candidates_are_those_counted_by_hand(pairs, rng):
    made, ids, _ = planted(rng, n_tracks=40, n_playlists=30, length=5)
    split = split_playlists(made, ids, n_folds=3, seed=1)
    asked = draw_queries(split, 80, 2)
    artist = np.arange(len(split.track_ids)) % 13 - 1
    unit = unit_rows(rng.integers(-1, 2, (len(split.track_ids), 3)).astype(float))  # many ties
    predictors = [CosinePredictor("sound", unit), PopularityPredictor()]
    found = measure(split, asked, predictors, groups=no_groups(split, artist), pairs=pairs, ks=KS, seed=7)
    ties = np.random.default_rng([7, 0x74696573]).permutation(len(unit))
    cosines = rounded(unit @ unit.T)
    scores = [lambda fold, track: cosines[track], lambda fold, track: split.training(fold).sum(axis=0)]
    assert [entry.setting for entry in found] == list(SETTINGS)
    n_ranked = 0
    for (index, used), (which, of) in product(
        ((0, np.full(len(unit), -1)), (1, artist), (3, artist)), enumerate(scores)
    ):
        entry = found[index]
        for query, (relevant, others, ranks) in enumerate(by_hand(split, asked, of, pairs, used, KS, ties)):
            assert entry.n_relevant[query] == len(relevant)
            assert entry.n_candidates[query] == len(relevant) + len(others)
            mine = entry.pairs.query == query
            assert set(entry.pairs.positive[mine].tolist()) <= relevant
            assert set(entry.pairs.negative[mine].tolist()) <= others
            if ranks is None:
                assert np.isnan(entry.reciprocal_rank[which, query])
                continue
            n_ranked += 1
            assert entry.reciprocal_rank[which, query] == pytest.approx(ranks[0])
            assert entry.recall[which, :, query].tolist() == pytest.approx(ranks[1])
            if mine.any():
                assert entry.pairs.weight[mine].sum() == pytest.approx(1)
                track = asked.track[query]
                total = sum(
                    weight * (near > far) + weight * 0.5 * (near == far)
                    for weight, near, far in zip(
                        entry.pairs.weight[mine],
                        np.float32(of(asked.fold[query], track))[entry.pairs.positive[mine]],
                        np.float32(of(asked.fold[query], track))[entry.pairs.negative[mine]],
                        strict=True,
                    )
                )
                assert entry.auc[which, query] == pytest.approx(total)
            else:
                assert np.isnan(entry.auc[which, query])
    assert n_ranked > 100


@settings(deadline=None, max_examples=200)
@given(
    hnp.arrays(np.float32, (1, 14), elements=st.sampled_from([-2.5, -1.0, 0.0, 1e-7, 0.5, 3.0])),
    st.lists(st.sampled_from("rrooox"), min_size=14, max_size=14).filter(lambda roles: "r" in roles),
    st.permutations(range(14)),
    st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True).map(sorted),
)
def test_ranks_of_any_scores(scores, roles, ties, ks):
    """Relevant tracks, others, and others that do not count."""
    keys = order_keys(scores, np.array(ties))[0]
    ranked = sorted(range(14), key=lambda w: (-scores[0, w], -ties[w]))
    assert np.argsort(-keys).tolist() == ranked
    role = np.array(roles)
    left_out = keys[role == "x"]
    others = Ranking.of(keys[role != "r"], max(ks) + len(left_out))
    first, recalls = rank_measures(keys[role == "r"], others, ks, left_out=left_out)
    counted = [w for w in ranked if roles[w] != "x"]
    places = [place for place, w in enumerate(counted, start=1) if roles[w] == "r"]
    assert first == 1 / places[0]
    assert recalls.tolist() == [sum(place <= k for place in places) / len(places) for k in ks]


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(np.float64, st.integers(1, 9), elements=st.integers(0, 3).map(float)),
    hnp.arrays(np.float64, st.integers(1, 9), elements=st.integers(0, 3).map(float)),
)
def test_all_matched_wins_are_the_area_under_the_curve(near, far):
    from sklearn.metrics import roc_auc_score

    first, second = (grid.ravel() for grid in np.meshgrid(near, far))
    truth = np.r_[np.ones(len(near)), np.zeros(len(far))]
    assert matched_wins(first, second).mean() == pytest.approx(roc_auc_score(truth, np.r_[near, far]))


def test_popularity_alone_reaches_half_though_it_decides_what_is_played(rng):
    """Playlists of nothing but popular tracks: among any other tracks popularity tells them, among like ones not."""
    made, ids, _ = planted(rng, n_tracks=400, n_groups=1, n_playlists=150, length=10, steep=0.8)
    split = split_playlists(made, ids, seed=0)
    asked = draw_queries(split, 1500)
    found = measure(split, asked, [PopularityPredictor()], groups=no_groups(split), pairs="all", ks=(10,))[0]
    assert np.nanmean(found.auc[0]) == pytest.approx(0.5, abs=0.01)
    wins = []
    for playlist, track, fold in zip(asked.playlist[::10], asked.track[::10], asked.fold[::10], strict=True):
        counts = split.training(fold).sum(axis=0)
        inside = split.incidence[[playlist]].toarray()[0] > 0
        inside_too = inside.copy()
        inside_too[track] = False
        first, second = np.meshgrid(counts[inside_too], counts[~inside])
        wins.append(matched_wins(first, second).mean())
    assert np.mean(wins) > 0.65


def test_negatives_are_as_popular_and_balanced(rng):
    made, ids, _ = planted(rng, n_tracks=300, n_playlists=150, length=10, steep=0.6)
    split = split_playlists(made, ids)
    asked = draw_queries(split, 600)
    pairs = measure(split, asked, [PopularityPredictor()], groups=no_groups(split), pairs="all", ks=(10,))[0].pairs
    counts = np.stack([split.training(fold).sum(axis=0) for fold in range(5)])
    folds = asked.fold[pairs.query]
    near, far = counts[folds, pairs.positive] + 1, counts[folds, pairs.negative] + 1
    assert (far / near).max() <= 2
    assert (near / far).max() <= 2
    _, first, sizes = np.unique(
        np.stack([pairs.query, pairs.positive]), axis=1, return_index=True, return_counts=True
    )  # fmt: skip
    assert sizes.max() == 8
    for start, size in zip(first[:200], sizes[:200], strict=True):
        part = slice(start, start + size)
        assert (far[part] <= near[part]).sum() >= size // 2 <= (far[part] >= near[part]).sum()
        assert ((far[part] < near[part]).any() and (far[part] > near[part]).any()) or (far[part] == near[part]).any()
        assert len(set(pairs.negative[part].tolist())) == size


def test_planted_groups_are_found_by_sound_and_by_playlists_and_not_at_random(rng):
    made, ids, group = planted(rng)
    split = split_playlists(made, ids)
    asked = draw_queries(split, 400)
    kept = group[[ids.index(track) for track in split.track_ids]]
    unit = unit_rows(np.eye(4)[kept] + 0.3 * rng.standard_normal((len(kept), 4)))
    predictors = [CosinePredictor("sound", unit), PlaylistPredictor(), random_predictor(len(kept), 0)]
    found = measure(split, asked, predictors, groups=no_groups(split), ks=(10,))[0]
    sound, playlists, chance = np.nanmean(found.auc, axis=1)
    # Tracks of one group that no playlist brought together are among the others.
    assert sound > 0.85
    assert playlists > 0.75
    assert 0.44 < chance < 0.56
    first = np.nanmean(found.reciprocal_rank, axis=1)
    assert first[0] > 2 * first[2]
    recall = np.nanmean(found.recall[:, 0], axis=1)
    assert recall[0] > 2 * recall[2]


def test_playlist_predictor_is_the_cosine_of_cooccurrence_rows(rng):
    made, ids, _ = planted(rng, n_tracks=30, n_playlists=20, length=5)
    training = split_playlists(made, ids).training(0)
    b = training.toarray() / np.sqrt(training.toarray().sum(axis=1, keepdims=True) - 1)
    c = b.T @ b
    lengths = np.linalg.norm(c, axis=1)
    wanted = c @ c.T / np.where(np.outer(lengths, lengths) > 0, np.outer(lengths, lengths), 1)
    predictor = PlaylistPredictor()
    predictor.fit(training)
    assert predictor.scores(np.array([3, 0, 7])) == pytest.approx(wanted[[3, 0, 7]], abs=2e-6)


def test_other_predictors_know_what_they_say():
    loudness = DifferencePredictor("loudness", np.float32([1, 4, 2]))
    assert loudness.scores(np.array([0, 1])).tolist() == [[0, -3, -1], [-3, 0, -2]]
    assert not np.signbit(loudness.scores(np.array([0]))[0, 0])
    unit = unit_rows(np.array([[1e200, 0], [0, -3], [0, 0]]))
    assert unit.tolist() == [[1, 0], [0, -1], [0, 0]]
    with pytest.raises(ParameterError, match="1 of 2 vectors hold values that are not finite"):
        unit_rows(np.array([[1, np.nan], [0, 1]]))
    with pytest.raises(ParameterError, match=r"shape \(3,\)"):
        unit_rows(np.zeros(3))


def test_refuses_unknown_pairs(rng):
    made, ids, _ = planted(rng, n_tracks=20, n_playlists=8, length=3)
    split = split_playlists(made, ids)
    with pytest.raises(ParameterError, match="pairs is 'old'; choose one of: new, all"):
        measure(split, draw_queries(split, 9), [], groups=no_groups(split), pairs="old")
