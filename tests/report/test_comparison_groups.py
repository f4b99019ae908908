"""Which groups match, which do not, and the tracks that show it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.comparison import align, contingency, pair
from songnet.comparison.contingency import Contingency
from songnet.partition import Partition
from songnet.report.comparison_groups import example_tracks, find_overlaps, group_words, listed


def table_of(cells):
    cells = np.array(cells)
    a, b = cells.shape
    return Contingency(cells, tuple(range(1, a + 1)), tuple(range(11, b + 11)), int(cells.sum()), 0, 0)


def test_matched_and_crossed_pairs_with_their_sizes():
    found = find_overlaps(table_of([[0, 9, 1], [8, 2, 0], [0, 1, 0]]), most=2)
    assert [(pair.row, pair.column, pair.n) for pair in found.matched] == [(1, 12, 9), (2, 11, 8)]
    assert [(pair.row_size, pair.column_size) for pair in found.matched] == [(10, 12), (10, 8)]
    assert found.matched[0].expected == pytest.approx(10 * 12 / 21)
    assert [(pair.row, pair.column, pair.n) for pair in found.crossed] == [(2, 12, 2), (1, 13, 1)]
    assert (found.n_crossed, found.n_crossed_tracks) == (3, 4)
    assert (found.rows_alone, found.columns_alone) == ((3,), (13,))


def test_one_group_has_one_pair_and_nothing_crossed():
    found = find_overlaps(table_of([[5]]))
    assert [(pair.n, pair.expected) for pair in found.matched] == [(5, 5.0)]
    assert (found.crossed, found.n_crossed, found.rows_alone, found.columns_alone) == ((), 0, (), ())


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=6))
def test_every_track_is_matched_or_crossed(cells):
    table = table_of(cells)
    found = find_overlaps(table, most=100)
    assert sum(pair.n for pair in found.matched) == round(align(table.table).share * max(table.n_shared, 1))
    assert sum(pair.n for pair in found.matched) + found.n_crossed_tracks == table.n_shared
    assert sum(pair.n for pair in found.crossed) == found.n_crossed_tracks
    assert len(found.crossed) == found.n_crossed
    assert len(found.matched) + len(found.rows_alone) == len(table.rows)
    assert len(found.matched) + len(found.columns_alone) == len(table.columns)
    counts = [pair.n for pair in found.crossed]
    assert counts == sorted(counts, reverse=True)


def test_examples_are_the_most_typical_and_of_several_artists():
    ids = ["a", "b", "c", "d", "e", "f"]
    first = Partition.from_labels(ids, [1, 1, 1, 1, 1, 2], "kmeans", {})
    second = Partition.from_labels(ids, [7, 7, 7, 7, 9, 7], "louvain", {})
    paired = pair(first, second)
    (overlap, *_) = find_overlaps(contingency(first, second)).matched
    assert (overlap.row, overlap.column, overlap.n) == (1, 7, 4)
    artists = {"a": "X", "b": "x ", "c": "Y", "d": None}
    typical = {"a": 0.1, "b": 0.9, "c": 0.5}
    assert example_tracks(paired, overlap, typical=typical, artists=artists) == ["b", "c", "d"]
    assert example_tracks(paired, overlap, typical=typical, artists=artists, most=9) == ["b", "c", "d", "a"]
    assert example_tracks(paired, overlap, typical={}, artists={}, most=2) == ["a", "b"]


def test_words_for_groups():
    assert group_words(3, {3: "slow"}) == "3 slow"
    assert group_words(4, {3: "slow"}) == "4"
    assert group_words(-1, {}) == "noise"
    assert listed(["1", "2"]) == "1, 2"
    assert listed([str(n) for n in range(1_010)], 2) == "0, 1 and 1,008 more"
