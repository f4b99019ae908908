"""Folds of playlists: every playlist held out once, nothing of it known before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.comparison.neighbourhood.held_out import draw_queries, share_together, shuffle_memberships, split_playlists
from songnet.errors import InputNotFoundError, ParameterError
from songnet.playlists.stored import Memberships


def memberships_of(*playlists):
    """Memberships of playlists given as lists of track names."""
    ids = tuple(sorted({track for playlist in playlists for track in playlist}))
    rows = [(number, ids.index(track)) for number, playlist in enumerate(playlists) for track in playlist]
    playlist_of, track_of = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return Memberships(np.arange(len(playlists)), ids, playlist_of, track_of)


def test_only_tracks_with_features_and_playlists_of_two():
    made = memberships_of(["a", "b", "x"], ["b", "c", "b"], ["a", "x"], ["c", "y"], list("abcd"))
    split = split_playlists(made, ["d", "c", "b", "a", "never"], n_folds=2, max_playlist_length=3)
    assert split.track_ids == ("a", "b", "c")
    assert split.incidence.toarray().tolist() == [[1, 1, 0], [0, 1, 1]]
    assert (split.n_too_short, split.n_too_long) == (2, 1)
    assert sorted(split.fold_of.tolist()) == [0, 1]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=6), min_size=4, max_size=15), st.integers(0, 9)
)
def test_every_playlist_is_held_out_once(playlists, seed):
    made = memberships_of(*playlists, ["a", "b"], ["c", "d"])
    split = split_playlists(made, "abcdefgh", n_folds=2, seed=seed)
    sizes = np.bincount(split.fold_of)
    assert sizes.sum() == split.n_playlists
    assert sizes.max() - sizes.min() <= 1
    for fold in range(2):
        assert split.held_out(fold).shape[0] == sizes[fold]
        total = split.held_out(fold).sum(axis=0) + split.training(fold).sum(axis=0)
        assert total.tolist() == split.incidence.sum(axis=0).tolist()
    asked = draw_queries(split, 10_000, seed)
    assert len(asked) == asked.n_entries == split.incidence.nnz
    assert (split.incidence.toarray()[asked.playlist, asked.track] == 1).all()
    assert (asked.fold == split.fold_of[asked.playlist]).all()
    seen = [row for _, rows in asked.blocks(4) for row in rows.tolist()]
    assert sorted(seen) == list(range(len(asked)))


def test_queries_are_drawn_alike_and_in_number():
    split = split_playlists(memberships_of(*[list("abcdefghij")] * 30), "abcdefghij", n_folds=5)
    asked = draw_queries(split, 60, 1)
    assert (len(asked), asked.n_entries) == (60, 300)
    assert len({*zip(asked.playlist.tolist(), asked.track.tolist(), strict=True)}) == 60
    assert asked.track.tolist() == draw_queries(split, 60, 1).track.tolist()
    assert asked.track.tolist() != draw_queries(split, 60, 2).track.tolist()
    with pytest.raises(ParameterError, match="n_queries is 0"):
        draw_queries(split, 0)


def test_seed_decides_the_folds():
    made = memberships_of(*[["a", "b"]] * 40)
    first, again, other = (split_playlists(made, "ab", seed=seed).fold_of.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_share_of_tracks_that_have_met():
    split = split_playlists(memberships_of(["a", "b"], ["a", "b"], ["c", "d", "e"]), "abcde", n_folds=2)
    # Each of the 4 entries a, b stands beside 1 of 4 others, each of c, d, e beside 2 of 4.
    assert share_together(split, draw_queries(split, 100)) == pytest.approx((4 * 0.25 + 3 * 0.5) / 7)


def test_shuffled_playlists_keep_their_lengths_and_lose_their_sense():
    made = memberships_of(*[list("abcde")] * 50, *[list("vwxyz")] * 50)
    dealt = shuffle_memberships(made, 0)
    assert np.bincount(dealt.playlist_of).tolist() == [5] * 100
    assert np.bincount(dealt.track_of).tolist() == [50] * 10
    first = dealt.track_of[dealt.playlist_of < 50]
    assert 0.4 < (first < 5).mean() < 0.6
    assert dealt.track_of.tolist() == shuffle_memberships(made, 0).track_of.tolist()
    assert dealt.track_of.tolist() != shuffle_memberships(made, 1).track_of.tolist()


def test_refusals_say_what_to_do():
    made = memberships_of(["a", "b"], ["b", "c"], ["c", "x"])
    with pytest.raises(InputNotFoundError, match=r"that there are features of: import playlists .*unmatched"):
        split_playlists(made, ["nobody"])
    with pytest.raises(ParameterError, match=r"1 playlist\(s\) hold two or more .* at least 2 are needed"):
        split_playlists(made, ["a", "b"])
    with pytest.raises(ParameterError, match="5 folds of 2 playlists; choose 2 to 2"):
        split_playlists(made, "abc", n_folds=5)
    with pytest.raises(ParameterError, match="1 folds of 2 playlists"):
        split_playlists(made, "abc", n_folds=1)
    with pytest.raises(ParameterError, match="max_playlist_length is 1"):
        split_playlists(made, "abc", max_playlist_length=1)
