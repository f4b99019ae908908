"""The graph of nearest neighbours: as brute force finds it, ties by id, in blocks of any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.playlists import neighbours as module
from songnet.playlists.neighbours import neighbour_graph


def ids_of(n):
    return [f"{number:03d}" for number in range(n)]


def by_hand(vectors, k, *, mutual):
    """Edge -> cosine, one pair at a time."""
    n = len(vectors)
    centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    cosine = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if lengths[i] > 1e-9 and lengths[j] > 1e-9:
                cosine[i, j] = round(float(centred[i] @ centred[j] / lengths[i] / lengths[j]), 6)
    near = [sorted((j for j in range(n) if j != i), key=lambda j: (-cosine[i, j], j))[:k] for i in range(n)]
    edges = {}
    for i in range(n):
        for j in range(i):
            ends = (j in near[i], i in near[j])
            if (all(ends) if mutual else any(ends)) and cosine[i, j] > 0:
                edges[j, i] = cosine[i, j]
    return edges


def edges_of(graph):
    return {(i, j): w for i, j, w in zip(*(part.tolist() for part in graph.edges()), strict=True)}


@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize("k", [1, 3, 10, 99])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_graph_is_that_of_brute_force_in_blocks_of_any_size(rng, monkeypatch, k, mutual, rows):
    n = 40
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * n * rows)
    vectors = rng.normal(size=(n, 6)).astype(np.float32)
    graph = neighbour_graph(ids_of(n), vectors, k, mutual=mutual)
    expected = by_hand(vectors, k, mutual=mutual)
    assert graph.ids == tuple(ids_of(n))
    assert set(edges_of(graph)) == set(expected)
    assert edges_of(graph) == pytest.approx(expected, abs=2e-6)
    if mutual:
        assert graph.degrees.max() <= k


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=0, max_size=14),
    st.integers(1, 6),
    st.booleans(),
)
def test_of_equal_cosines_the_first_id_is_nearer(points, k, mutual):
    vectors = np.array(points, dtype=np.float64).reshape(-1, 2)
    graph = neighbour_graph(ids_of(len(points)), vectors, k, mutual=mutual)
    expected = by_hand(vectors, k, mutual=mutual) if len(points) > 1 else {}
    assert edges_of(graph) == pytest.approx(expected, abs=2e-6)


def test_equal_vectors_are_like_nothing():
    graph = neighbour_graph(ids_of(3), np.full((3, 4), 0.1, dtype=np.float32), 2)
    assert (graph.n_nodes, graph.n_edges) == (3, 0)


def test_progress_and_wrong_use(rng):
    told = []
    neighbour_graph(ids_of(5), rng.normal(size=(5, 3)), 2, progress=lambda *report: told.append(report[:3]))
    assert told == [("find neighbours", 5, 5)]
    with pytest.raises(ParameterError, match="n_neighbours is 0; it must be 1 or more"):
        neighbour_graph(ids_of(2), np.ones((2, 2)), 0)
    with pytest.raises(ParameterError, match="3 ids and 2 vectors make no graph"):
        neighbour_graph(ids_of(3), np.ones((2, 2)), 1)
