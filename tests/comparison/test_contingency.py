"""The table of two partitions: who is counted, what is matched, what small counts are worth."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.comparison import align, contingency, log_ratio, pair, row_shares
from songnet.errors import ParameterError
from songnet.partition import Partition


def partition(labels, method="by hand"):
    return Partition.from_labels(list(labels), list(labels.values()), method, {})


FIRST = partition({"a": 1, "b": 1, "c": 2, "d": -1, "only-first": 9, "e": 2})
SECOND = partition({"a": 5, "b": 7, "c": 7, "d": 7, "e": -1, "only-second": 5, "other": 1})
tables = st.integers(1, 5).flatmap(
    lambda b: st.lists(st.lists(st.integers(0, 9), min_size=b, max_size=b), min_size=1, max_size=5)
)


def test_counts_shared_tracks_and_drops_noise():
    found = contingency(FIRST, SECOND)
    assert found.table.tolist() == [[1, 1], [0, 1]]
    assert found.table.dtype == np.int64
    assert (found.rows, found.columns) == ((1, 2), (5, 7))
    assert (found.n_shared, found.n_first_only, found.n_second_only, found.n_noise) == (3, 1, 2, 2)


def test_noise_can_be_a_group_of_its_own_and_stands_last():
    found = contingency(FIRST, SECOND, noise="own")
    assert (found.rows, found.columns) == ((1, 2, -1), (5, 7, -1))
    assert found.table.tolist() == [[1, 1, 0], [0, 1, 1], [0, 1, 0]]
    assert (found.n_shared, found.n_noise) == (5, 0)


def test_pairs_stand_in_the_order_of_their_ids():
    paired = pair(FIRST, SECOND)
    assert paired.track_ids == ("a", "b", "c")
    assert [paired.rows[code] for code in paired.first] == [1, 1, 2]
    assert [paired.columns[code] for code in paired.second] == [5, 7, 7]


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        ({"a": 1}, {"b": 1}, {}, r"the partitions \(1 and 1 tracks\) share no track"),
        ({}, {}, {}, "share no track"),
        ({"a": 1, "b": -1}, {"a": -1, "b": 2}, {}, "all 2 shared tracks are noise"),
        ({"a": 1}, {"a": 1}, {"noise": "keep"}, "noise is 'keep'; choose one of: drop, own"),
    ],
)
def test_refuses_what_cannot_be_compared(first, second, options, message):
    with pytest.raises(ParameterError, match=message):
        contingency(partition(first), partition(second), **options)


def test_refuses_a_table_that_would_fill_the_memory():
    ids = [f"{n:05}" for n in range(8_000)]
    alone = Partition.from_labels(ids, np.arange(1, 8_001), "by hand", {})
    with pytest.raises(ParameterError, match="8,000 x 8,000 groups make a table of 64,000,000 cells"):
        contingency(alone, alone)


def test_shares_of_rows():
    assert row_shares(np.array([[1, 3], [0, 0]])).tolist() == [[0.25, 0.75], [0, 0]]


def test_log_ratio_is_shrunk_where_counts_are_small():
    large = log_ratio(np.array([[300, 100], [100, 300]]))
    assert large[0, 0] == pytest.approx(np.log2(301 / 201))
    # One track where a hundredth was expected is a ratio of 100, but only one track.
    table = np.array([[1, 0], [0, 99]])
    assert log_ratio(table)[0, 0] == pytest.approx(np.log2(2 / 1.01))
    assert log_ratio(table, shrinkage=1e-9)[0, 0] == pytest.approx(np.log2(100), abs=1e-3)
    assert not log_ratio(np.outer([1, 2, 3], [2, 4, 6])).any()
    with pytest.raises(ParameterError, match="shrinkage is 0; it must be more than 0"):
        log_ratio(table, shrinkage=0)


@given(tables)
def test_alignment_is_the_best_of_all(rows):
    table = np.array(rows)
    found = align(table)
    a, b = table.shape
    wide = np.zeros((max(a, b), max(a, b)), dtype=int)
    wide[:a, :b] = table
    best = max(sum(wide[i, j] for i, j in enumerate(order)) for order in permutations(range(len(wide))))
    held = sum(table[row, column] for row, column in enumerate(found.partners) if column >= 0)
    assert held == best
    assert found.share == pytest.approx(best / max(table.sum(), 1))
    assert sorted(found.columns) == list(range(b))
    partners = found.partners[found.partners >= 0].tolist()
    assert found.columns[: len(partners)].tolist() == partners
    assert all(table[row, column] > 0 for row, column in enumerate(found.partners) if column >= 0)


@pytest.mark.parametrize("shape", [(4, 10), (10, 4), (10, 11), (1, 7), (7, 1)])
def test_aligned_tables_have_their_matches_on_the_diagonal(shape, rng):
    b, k = shape[1], min(shape)
    diagonal = np.zeros(shape, dtype=np.int64)
    diagonal[np.arange(k), np.arange(k)] = 50
    ids = [f"{n:04}" for n in range(50 * k)]
    rows = np.repeat(np.arange(k), 50)
    renamed = rng.permutation(b)[:k]
    table = contingency(
        Partition.from_labels(ids, rows + 1, "x", {}), Partition.from_labels(ids, renamed[rows] + 1, "y", {})
    ).aligned()
    assert table.table.tolist() == diagonal[:k, :k].tolist()
    assert table.columns == tuple(int(number) + 1 for number in renamed)
    assert align(rng.permuted(diagonal, axis=1)[:, rng.permutation(b)]).columns.shape == (b,)
