"""Clusters keep their numbers from one run to the next."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.clustering.identity import match_labels, number_by_size
from songnet.errors import ParameterError
from songnet.partition import NOISE, Partition

LABELS = st.lists(st.one_of(st.just(NOISE), st.integers(1, 6)), max_size=24)
PARTITIONS = st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.one_of(st.just(NOISE), st.integers(1, 5)))


def of(text, offset=0):
    """A partition from one digit a track; a dot is noise."""
    labels = [NOISE if char == "." else int(char) for char in text]
    return Partition.from_labels([f"t{index + offset:03d}" for index in range(len(text))], labels, "kmeans", {"k": 3})


def matched(previous, current, **options):
    labels = match_labels(of(previous), of(current), **options).labels
    return "".join("." if label == NOISE else str(label) for label in labels)


def from_dict(labelled):
    return Partition.from_labels(list(labelled), list(labelled.values()), "m", {})


def pairs(labels):
    """The partition as a relation: which tracks stand together, and which are noise."""
    together = [(i, j) for i in range(len(labels)) for j in range(i) if labels[i] == labels[j] != NOISE]
    return together, [i for i, label in enumerate(labels) if label == NOISE]


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("123")])
def test_other_numbers_for_the_same_groups_change_nothing(order):
    assert matched("111223.", "111223.".translate(str.maketrans("123", order))) == "111223."


def test_the_larger_half_of_a_split_group_keeps_its_number():
    assert matched("1111122", "1111133") == "1111122"
    assert matched("1111122", "2233311") == "3311122"


def test_merged_groups_take_the_number_of_the_larger_one():
    assert matched("1122233", "1111122") == "2222233"


def test_more_groups_get_numbers_that_were_never_used():
    # Of two halves alike the one that stands first keeps the number.
    assert matched("1122", "1234") == "1324"
    # 5 was the highest number, though 1 to 4 are free; of the new groups the larger comes first.
    assert matched("55....", "112233") == "556677"
    assert matched("55....", "332111") == "557666"


def test_fewer_groups_leave_numbers_unused():
    assert matched("112233", "222211") == "111133"


def test_numbers_that_vanished_earlier_do_not_come_back():
    assert matched("1122", "1123") == "1123"
    assert matched("1122", "1123", above=7) == "1128"


def test_new_groups_without_shared_tracks_are_not_paired_with_old_ones():
    # An assignment over the whole table pairs the last two as well, at nothing shared.
    previous = Partition.from_labels(["a", "b", "c"], [1, 1, 2], "m", {})
    current = Partition.from_labels(["a", "b", "x"], [1, 1, 2], "m", {})
    assert match_labels(previous, current).labels.tolist() == [1, 1, 3]


def test_other_tracks_altogether_get_other_numbers():
    result = match_labels(of("1123"), of("112.", offset=50))
    assert result.labels.tolist() == [4, 4, 5, NOISE]


def test_only_shared_tracks_count():
    # Group 2 is larger by tracks that the library had not heard of before.
    previous = from_dict({"a": 1, "b": 1, "c": 1})
    current = from_dict({"a": 1, "b": 1, "c": 2, "x": 2, "y": 2, "z": 2})
    assert match_labels(previous, current).labels.tolist() == [1, 1, 2, 2, 2, 2]


def test_noise_passes_no_number_on_and_takes_none():
    assert matched("..1122", "111122".replace("2", ".")) == "1111.."
    assert matched("....11", "11113.") == "22221."
    assert matched("......", "112...") == "112..."
    assert matched("112233", "......") == "......"
    assert matched("", "") == ""


def test_the_best_pairing_as_a_whole_goes_before_the_best_pair():
    # Greedy: 1 with 1 (3 shared), leaving 2 with 2 (0 shared). Best: 1 with 2 and 2 with 1 (2 + 2).
    assert matched("1111122", "1112211") == "2221122"


def test_what_was_found_and_how_stays():
    current = Partition.from_labels(["a"], [4], "leiden", {"resolution": 0.5})
    result = match_labels(Partition.from_labels(["a"], [9], "kmeans", {}), current)
    assert (result.method, result.parameters, result.labels.dtype) == ("leiden", {"resolution": 0.5}, np.int32)


@settings(deadline=None)
@given(PARTITIONS, PARTITIONS, st.permutations(range(1, 6)))
def test_matching_renumbers_and_nothing_else(previous, current, order):
    before, after = from_dict(previous), from_dict(current)
    result = match_labels(before, after)
    assert result.track_ids == after.track_ids
    assert pairs(result.labels) == pairs(after.labels)
    assert match_labels(before, result).labels.tolist() == result.labels.tolist()
    assert match_labels(result, after).labels.tolist() == result.labels.tolist()
    # Ties included, the numbers that the estimator gave have no say.
    renamed = from_dict({track: label if label == NOISE else order[label - 1] for track, label in current.items()})
    assert match_labels(before, renamed).labels.tolist() == result.labels.tolist()
    # No other assignment of old numbers keeps more tracks where they were.
    kept = sum(a == b != NOISE for a, b in zip(*before.shared(result), strict=True))
    for numbers in permutations(range(1, 6), len(after.groups)):
        other = dict(zip(after.groups, numbers, strict=True))
        assert kept >= sum(other[b] == a for a, b in zip(*before.shared(after), strict=True) if b != NOISE)
    new = set(result.groups) - set(before.groups)
    assert all(number > max(before.groups, default=0) for number in new)


def test_numbers_go_by_size_and_then_by_place():
    assert number_by_size([3, 3, 0, 0, 7, -1, 7, 7]).tolist() == [2, 2, 3, 3, 1, -1, 1, 1]
    assert number_by_size(np.array([-1, -1])).tolist() == [-1, -1]
    assert number_by_size([]).dtype == np.int32
    with pytest.raises(ParameterError, match=r"-2 is no label of an estimator: clusters count from 0, noise is -1"):
        number_by_size([0, -2])


@settings(deadline=None)
@given(LABELS, st.permutations(range(6)))
def test_numbers_by_size_do_not_depend_on_the_estimators(labels, order):
    raw = [label if label == NOISE else label - 1 for label in labels]
    result = number_by_size(raw)
    assert pairs(result) == pairs(raw)
    assert number_by_size([label if label == NOISE else order[label] for label in raw]).tolist() == result.tolist()
    sizes = [int((result == number).sum()) for number in range(1, max(result, default=0) + 1)]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 not in sizes
