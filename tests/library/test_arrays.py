import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.errors import InputNotFoundError
from songnet.library import ArrayStore, from_arrow, to_arrow


def rows(track_ids, clips, values):
    n = len(track_ids)
    return to_arrow(track_ids, clips, [0.5] * n, [False] * n, np.asarray(values))


def test_keys_are_sorted_whatever_the_order_of_writing(tmp_path):
    store = ArrayStore(tmp_path / "tables")
    store.append("codes-a", rows(["b", "b"], [1, 0], np.array([[3.0, 4.0], [1.0, 2.0]], np.float32)))
    store.append("codes-a", rows(["a"], [0], np.array([[5.0, 6.0]], np.float32)))
    keys = store.keys("codes-a")
    assert list(zip(keys["track_id"].to_pylist(), keys["clip"].to_pylist(), strict=True)) == [
        ("a", 0),
        ("b", 0),
        ("b", 1),
    ]
    taken = from_arrow(store.take("codes-a", np.asarray(keys["_rowid"]))["values"])
    assert taken.dtype == np.float32
    np.testing.assert_array_equal(taken, [[5, 6], [1, 2], [3, 4]])
    np.testing.assert_array_equal(
        from_arrow(store.take("codes-a", np.asarray(keys["_rowid"])[[2, 0]])["values"]), [[3, 4], [5, 6]]
    )


def test_deleting_dropping_and_compacting(tmp_path, rng):
    store = ArrayStore(tmp_path / "tables")
    images = rng.integers(0, 256, (30, 12), dtype=np.uint8)
    for i in range(30):
        store.append("images-x", rows([f"t{i:02d}"], [0], images[i : i + 1]))
    store.delete("images-x", ["t03", "it's not there"])
    assert store.compact("images-x", force=True)
    keys = store.keys("images-x")
    assert keys.num_rows == 29
    np.testing.assert_array_equal(
        from_arrow(store.take("images-x", np.asarray(keys["_rowid"]))["values"]), np.delete(images, 3, 0)
    )
    store.drop("images-x")
    store.drop("images-x")
    assert store.names() == []


def test_a_track_id_with_a_quote_is_deleted_and_nothing_else(tmp_path):
    store = ArrayStore(tmp_path / "tables")
    store.append("x", rows(["it's", "its"], [0, 0], np.zeros((2, 1), np.uint8)))
    store.delete("x", ["it's"])
    assert store.keys("x")["track_id"].to_pylist() == ["its"]


def test_what_is_not_there_is_empty_or_named(tmp_path):
    store = ArrayStore(tmp_path / "tables")
    assert store.names() == []
    assert store.keys("none").num_rows == 0
    with pytest.raises(InputNotFoundError, match="'none'"):
        store.take("none", np.array([0], np.uint64))


def test_a_table_killed_before_its_first_manifest_is_no_table(tmp_path):
    (tmp_path / "tables" / "codes-a.lance" / "data").mkdir(parents=True)
    store = ArrayStore(tmp_path / "tables")
    assert store.names() == []
    store.append("codes-a", rows(["a"], [0], np.zeros((1, 3), np.float32)))
    assert store.keys("codes-a").num_rows == 1


@given(st.lists(st.lists(st.integers(0, 255), min_size=6, max_size=6), min_size=1, max_size=5))
def test_values_survive_arrow(values):
    matrix = np.array(values, np.uint8)
    table = rows([str(i) for i in range(len(values))], [0] * len(values), matrix)
    np.testing.assert_array_equal(from_arrow(table["values"]), matrix)
    np.testing.assert_array_equal(from_arrow(table.slice(1)["values"]), matrix[1:])
