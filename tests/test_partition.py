"""`Partition`: what it holds, what it refuses, and what it tells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.partition import NOISE, Partition

LABELS = st.one_of(st.just(NOISE), st.integers(1, 6))
LABELLED = st.dictionaries(st.text(max_size=4), LABELS, max_size=30)


def from_dict(labelled, method="by hand"):
    return Partition.from_labels(list(labelled), list(labelled.values()), method, {})


def test_groups_and_sizes_are_those_of_the_labels():
    partition = Partition(("a", "b", "c", "d", "e"), np.array([2, NOISE, 7, 2, 2]), "kmeans", {"k": 2})
    assert partition.groups == [2, 7]
    assert partition.sizes == {-1: 1, 2: 3, 7: 1}
    assert partition.labels.dtype == np.int32
    assert (partition.method, partition.parameters) == ("kmeans", {"k": 2})


def test_without_noise_there_is_no_entry_for_it():
    assert Partition(("a",), np.array([1]), "").sizes == {1: 1}
    assert Partition(("a",), np.array([NOISE]), "").groups == []


def test_a_partition_of_nothing_is_one():
    for empty in (Partition((), np.array([]), "x"), Partition.from_labels([], [], "x", {})):
        assert (empty.groups, empty.sizes, empty.labels.dtype) == ([], {}, np.int32)


def test_ids_in_any_order_keep_their_labels():
    parameters = {"seed": 0}
    partition = Partition.from_labels(["z", "é", "a"], [3, 1, 2], "m", parameters)
    assert (partition.track_ids, partition.labels.tolist()) == (("a", "z", "é"), [2, 3, 1])
    parameters["seed"] = 1
    assert partition.parameters == {"seed": 0}


@pytest.mark.parametrize(
    ("ids", "labels", "message"),
    [
        (("a", "b"), [1], "2 track ids and 1 labels make no partition"),
        (("a",), [1, 2], "1 track ids and 2 labels make no partition"),
        (("a", "a"), [1, 1], "must be sorted and none may stand twice"),
        (("a", "b"), [1, 0], "0 is no label: groups are numbered from 1, -1 is noise"),
        (("a", "b"), [-2, 1], "-2 is no label"),
        (("a", "b"), [1.0, 1.7], "are whole numbers, not float64"),
        (("a", "b"), [True, True], "are whole numbers, not bool"),
        (("a", "b"), [[1], [2]], r"not an array of shape \(2, 1\)"),
        (("a", "b"), [1, 2**32 + 1], "4294967297 is no label: the largest is 2147483647"),
        (("a", "b"), [1, 1 - 2**32], "-4294967295 is no label"),
    ],
)
def test_what_is_no_partition_is_refused_however_it_is_made(ids, labels, message):
    with pytest.raises(ParameterError, match=message):
        Partition(ids, np.array(labels), "m")
    with pytest.raises(ParameterError, match=message):
        Partition.from_labels(ids, labels, "m", {})


def test_unsorted_ids_are_refused_only_by_the_plain_constructor():
    with pytest.raises(ParameterError, match="sorted"):
        Partition(("b", "a"), np.array([1, 2]), "m")


def test_shared_tracks_come_in_one_order():
    first = from_dict({"a": 1, "b": 2, "c": NOISE, "e": 1})
    second = from_dict({"b": 5, "c": 6, "d": 7, "e": NOISE})
    mine, theirs = first.shared(second)
    assert (mine.tolist(), theirs.tolist()) == ([2, NOISE, 1], [5, 6, NOISE])
    assert (mine.dtype, theirs.dtype) == (np.int32, np.int32)
    nothing = first.shared(from_dict({"x": 1}))
    assert [part.shape for part in nothing] == [(0,), (0,)]


@settings(deadline=None)
@given(LABELLED, st.randoms(use_true_random=False))
def test_the_order_of_the_ids_changes_nothing(labelled, random):
    shuffled = list(labelled.items())
    random.shuffle(shuffled)
    one, other = from_dict(labelled), from_dict(dict(shuffled))
    assert one.track_ids == other.track_ids == tuple(sorted(labelled))
    assert dict(zip(one.track_ids, one.labels.tolist(), strict=True)) == labelled
    assert one.labels.tolist() == other.labels.tolist()
    assert sum(one.sizes.values()) == len(labelled)
    assert one.groups == sorted(set(labelled.values()) - {NOISE})


@settings(deadline=None)
@given(LABELLED, LABELLED)
def test_shared_is_the_same_from_both_sides(left, right):
    one, other = from_dict(left), from_dict(right)
    mine, theirs = one.shared(other)
    back = other.shared(one)
    common = sorted(set(left) & set(right))
    assert mine.tolist() == back[1].tolist() == [left[track] for track in common]
    assert theirs.tolist() == back[0].tolist() == [right[track] for track in common]
