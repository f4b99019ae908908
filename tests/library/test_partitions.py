"""Partitions and parts of clusterings in the library."""

import json
import math
import sqlite3

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import (
    Library,
    begin_parts,
    check_partition_name,
    highest_label,
    list_partitions,
    load_partition,
    load_parts,
    load_silhouettes,
    partitions,
    recorded_run,
    save_part,
    save_partition,
)
from songnet.partition import NOISE, Partition

SHARED_FIXTURE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def of(labels, **parameters):
    return Partition.from_labels([f"t{index}" for index in range(len(labels))], labels, "kmeans", parameters)


def save(library, labels, name="styles", branch="cluster", **summary):
    return save_partition(library, of(labels, k=2), name=name, branch=branch, run_id=None, summary=summary)


def test_what_is_saved_is_loaded(empty_library, monkeypatch):
    monkeypatch.setattr(partitions, "now", lambda: "2031-05-06T07:08:09Z")
    with recorded_run(empty_library, "cluster", "1", {}, 0) as run:
        number = save_partition(
            empty_library,
            of([2, NOISE, 1, 2], k=2, weights=[0.1, 1e-300], nested={"a": None}),
            name="my styles",
            branch="cluster",
            run_id=run.run_id,
            summary={"names": {"1": "Bläser"}, "verdict": True},
        )
    with Library(empty_library.path) as reader:
        stored, partition = load_partition(reader, "my styles", "cluster")
        assert list_partitions(reader) == [stored]
    assert partition.track_ids == ("t0", "t1", "t2", "t3")
    assert (partition.labels.tolist(), partition.labels.dtype) == ([2, NOISE, 1, 2], np.int32)
    assert (partition.method, partition.parameters) == (
        "kmeans",
        {"k": 2, "weights": [0.1, 1e-300], "nested": {"a": None}},
    )
    assert (stored.partition_id, stored.run_id, stored.n_tracks, stored.n_groups) == (number, run.run_id, 4, 2)
    assert (stored.name, stored.branch, stored.created_at) == ("my styles", "cluster", "2031-05-06T07:08:09Z")
    assert (stored.method, stored.parameters) == (partition.method, partition.parameters)
    assert stored.summary == {"names": {"1": "Bläser"}, "verdict": True}


def test_silhouettes_are_kept_beside_the_labels(empty_library):
    partition = of([2, NOISE, 1, 2])
    given_values = np.array([0.25, np.nan, -0.5, 1.0], dtype=np.float32)
    save_partition(
        empty_library, partition, name="s", branch="cluster", run_id=None, summary={}, silhouettes=given_values
    )
    stored, _ = load_partition(empty_library, "s", "cluster")
    np.testing.assert_array_equal(load_silhouettes(empty_library, stored), given_values)
    save(empty_library, [1, 1], name="without")
    stored, _ = load_partition(empty_library, "without", "cluster")
    assert np.isnan(load_silhouettes(empty_library, stored)).tolist() == [True, True]
    with pytest.raises(ParameterError, match="3 silhouettes do not fit 4 tracks"):
        save_partition(
            empty_library, partition, name="s", branch="cluster", run_id=None, summary={}, silhouettes=np.zeros(3)
        )


def test_tracks_need_not_be_in_the_library(empty_library):
    assert empty_library.db.execute("SELECT count(*) FROM tracks").fetchone()[0] == 0
    save(empty_library, [1, 1], branch="community")
    assert load_partition(empty_library, None, "community")[1].labels.tolist() == [1, 1]


def test_a_later_partition_of_the_same_name_hides_the_earlier_one_and_keeps_it(empty_library):
    first, second, other = (
        save(empty_library, [1]),
        save(empty_library, [1, 2]),
        save(empty_library, [3], name="other"),
    )
    community = save(empty_library, [4], branch="community")
    assert [entry.partition_id for entry in list_partitions(empty_library)] == [community, other, second, first]
    assert [entry.partition_id for entry in list_partitions(empty_library, "cluster")] == [other, second, first]
    assert [entry.partition_id for entry in list_partitions(empty_library, "community")] == [community]

    def found(which, branch="cluster"):
        return load_partition(empty_library, which, branch)[0].partition_id

    assert (found("styles"), found("other"), found(None)) == (second, other, other)
    assert (found(str(first)), found(f"0{first}")) == (first, first)
    assert (found("styles", "community"), found(None, "community")) == (community, community)


def test_what_is_not_there_is_explained(empty_library):
    for branch, remedy in (("cluster", "run `songnet cluster` first"), ("community", "find communities")):
        for which in (None, "x", "1"):
            with pytest.raises(InputNotFoundError, match=f"^the library has no {branch} partition: {remedy}"):
                load_partition(empty_library, which, branch)
    number = save(empty_library, [1], branch="community")
    for index in range(6):
        save(empty_library, [1], name=f"n{index}")
    with pytest.raises(
        InputNotFoundError, match=r"no cluster partition 'x'; choose one of: 7 \(n5\), .*3 \(n1\), \.\.\.$"
    ):
        load_partition(empty_library, "x", "cluster")
    # The number of a partition of the other branch, and one that no database can hold.
    for which in (str(number), "9" * 40):
        with pytest.raises(InputNotFoundError, match=f"no cluster partition '{which}'; choose"):
            load_partition(empty_library, which, "cluster")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "'' cannot name a partition: a name is printable text"),
        ("  ", "printable"),
        ("a\x1b[31m", "printable"),
        ("\ud800", "printable"),
        ("12", "'12' cannot name a partition: a number stands for the partition with that number"),
    ],
)
def test_names_that_could_not_be_asked_for_are_refused(empty_library, name, message):
    with pytest.raises(ParameterError, match=message):
        save(empty_library, [1], name=name)
    with pytest.raises(ParameterError, match=message):
        check_partition_name(name)
    assert list_partitions(empty_library) == []


def test_unknown_branches_are_refused(empty_library):
    for call in (
        lambda: save(empty_library, [1], branch="genre"),
        lambda: list_partitions(empty_library, "genre"),
        lambda: load_partition(empty_library, None, "genre"),
        lambda: highest_label(empty_library, "x", "genre"),
    ):
        with pytest.raises(
            ParameterError, match="'genre' is no branch of partitions; choose one of: cluster, community"
        ):
            call()


@pytest.mark.parametrize("value", [np.float32(1), math.nan, {1, 2}, b"x", {(1, 2): 3}])
def test_what_json_cannot_hold_is_refused(empty_library, value):
    with pytest.raises(ParameterError, match=r"^the summary of partition 'styles' must hold plain JSON values only \("):
        save(empty_library, [1], value=value)
    with pytest.raises(ParameterError, match=r"^the parameters of partition 'x' must hold plain JSON"):
        save_partition(empty_library, of([1], value=value), name="x", branch="cluster", run_id=None, summary={})
    assert list_partitions(empty_library) == []


def test_a_partition_is_stored_whole_or_not_at_all(empty_library):
    partition = of([1, 2, 3])
    object.__setattr__(partition, "labels", np.array([1, 2, 0], np.int32))  # the last row breaks a rule of the table
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        save_partition(empty_library, partition, name="x", branch="cluster", run_id=None, summary={})
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        save_partition(empty_library, of([1]), name="x", branch="cluster", run_id=77, summary={})
    for table in ("partitions", "labels"):
        assert empty_library.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0


def test_a_reader_cannot_save(empty_library):
    with Library(empty_library.path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        save(reader, [1])


def test_the_highest_number_counts_vanished_groups(empty_library):
    assert highest_label(empty_library, "styles", "cluster") == 0
    save(empty_library, [NOISE])
    assert highest_label(empty_library, "styles", "cluster") == 0
    save(empty_library, [1, 9, NOISE])
    save(empty_library, [1, 2])
    save(empty_library, [50], name="other")
    save(empty_library, [60], branch="community")
    assert highest_label(empty_library, "styles", "cluster") == 9


@SHARED_FIXTURE
@given(labelled=st.dictionaries(st.text(max_size=5), st.one_of(st.just(NOISE), st.integers(1, 2**31 - 1)), max_size=20))
def test_ids_of_any_text_come_back_in_order(empty_library, labelled):
    before = Partition.from_labels(list(labelled), list(labelled.values()), "m", {})
    number = save_partition(empty_library, before, name="x", branch="cluster", run_id=None, summary={})
    stored, after = load_partition(empty_library, str(number), "cluster")
    assert after.track_ids == before.track_ids
    assert after.labels.tolist() == before.labels.tolist()
    assert (stored.n_tracks, stored.n_groups) == (len(labelled), len(before.groups))


def test_parts_of_a_clustering_are_kept(empty_library):
    save_part(empty_library, "k1", "b", {"scores": [0.1, 1e-17, -0.0]})
    save_part(empty_library, "k1", "a", None)
    save_part(empty_library, "k2", "a", 3)
    save_part(empty_library, "k1", "a", [1])
    assert json.dumps(load_parts(empty_library, "k1")) == '{"a": [1], "b": {"scores": [0.1, 1e-17, -0.0]}}'
    with Library(empty_library.path) as reader:
        assert load_parts(reader, "k2") == {"a": 3}


def test_the_newest_clusterings_keep_their_parts(empty_library):
    for key in ("a", "b", "c"):
        assert begin_parts(empty_library, key, newest=2) == (1 if key == "c" else 0)
        save_part(empty_library, key, "x", key)
    assert [load_parts(empty_library, key) for key in ("a", "b", "c")] == [{}, {"x": "b"}, {"x": "c"}]
    # One that goes on is the newest again.
    assert begin_parts(empty_library, "b", newest=2) == 0
    assert begin_parts(empty_library, "d", newest=2) == 1
    assert [load_parts(empty_library, key) for key in ("b", "c")] == [{"x": "b"}, {}]
    assert begin_parts(empty_library, "d", newest=1) == 1


def test_a_part_may_hold_what_is_not_defined_but_nothing_beyond_json(empty_library):
    save_part(empty_library, "k", "a", [math.nan, -math.inf])
    (undefined, least) = load_parts(empty_library, "k")["a"]
    assert math.isnan(undefined)
    assert least == -math.inf
    with pytest.raises(ParameterError, match="part 'b' of a clustering must hold plain JSON values only"):
        save_part(empty_library, "k", "b", np.int64(1))


@SHARED_FIXTURE
@given(value=st.floats(allow_nan=False))
def test_numbers_in_parts_come_back_bit_for_bit(empty_library, value):
    save_part(empty_library, "k", "a", value)
    assert np.float64(load_parts(empty_library, "k")["a"]).tobytes() == np.float64(value).tobytes()


def test_each_part_is_safe_as_soon_as_it_is_saved(empty_library):
    save_part(empty_library, "k", "a", 1)
    assert not empty_library.db.in_transaction
    empty_library.db.rollback()
    assert load_parts(empty_library, "k") == {"a": 1}
