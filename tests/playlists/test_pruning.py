"""Pruning: each step against networkx or a definition, and what it tells of itself."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from songnet.errors import ParameterError
from songnet.playlists.graph import Graph, graph_from_edges, to_networkx
from songnet.playlists.pruning import (
    by_pair_support,
    by_track_support,
    disparity_filter,
    k_core,
    largest_component,
    top_k,
)


def random_graph(seed, n=30, density=0.15):
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.integers(1, 9, (n, n)) * (rng.random((n, n)) < density), 1)
    return Graph(csr_array((weights + weights.T).astype(float)), tuple(f"{i:03}" for i in range(n)))


def named_edges(graph):
    return {(graph.ids[a], graph.ids[b]): w for a, b, w in zip(*(x.tolist() for x in graph.edges()), strict=True)}


GRAPHS = st.builds(random_graph, st.integers(0, 10_000), st.integers(0, 25), st.floats(0, 0.6))


@settings(deadline=None, max_examples=40)
@given(GRAPHS, st.integers(0, 6))
def test_k_core_is_that_of_networkx(graph, k):
    kept = k_core(graph, k)
    theirs = nx.k_core(to_networkx(graph), k)
    assert set(kept.graph.ids) == set(theirs)
    assert kept.graph.n_edges == theirs.number_of_edges()
    assert (kept.n_nodes, kept.n_edges, kept.step) == (graph.n_nodes, graph.n_edges, f"{k}-core")
    assert [graph.ids[node] for node in kept.nodes] == list(kept.graph.ids)


@settings(deadline=None, max_examples=40)
@given(GRAPHS, st.integers(1, 4))
def test_top_k_by_definition(graph, k):
    matrix = graph.adjacency.toarray()
    strongest = set()
    for a in range(graph.n_nodes):
        others = sorted((b for b in range(graph.n_nodes) if matrix[a, b]), key=lambda b: (-matrix[a, b], b))
        strongest |= {(a, b) for b in others[:k]}
    for mutual in (False, True):
        kept = top_k(graph, k, mutual=mutual)
        combine = all if mutual else any
        expected = {
            (a, b) for a, b in strongest | {(b, a) for a, b in strongest}
            if a < b and combine(pair in strongest for pair in ((a, b), (b, a)))
        }  # fmt: skip
        assert named_edges(kept.graph) == {(graph.ids[a], graph.ids[b]): matrix[a, b] for a, b in expected}
        if mutual:
            assert kept.graph.degrees.max(initial=0) <= k


@settings(deadline=None, max_examples=40)
@given(GRAPHS, st.floats(0.01, 1.0))
def test_disparity_filter_by_definition(graph, alpha):
    expected = {}
    network = to_networkx(graph)
    for a, b, weight in network.edges(data="weight"):
        for node in (a, b):
            degree, strength = network.degree(node), network.degree(node, weight="weight")
            if degree > 1 and (1 - weight / strength) ** (degree - 1) < alpha:
                expected[a, b] = weight
    assert named_edges(disparity_filter(graph, alpha).graph) == expected


def test_disparity_filter_keeps_a_strong_edge_of_a_weak_node():
    # A star with one strong ray; its rays are leaves, so that only the middle decides.
    star = graph_from_edges(list("abcdef"), [0] * 5, [1, 2, 3, 4, 5], [100.0, 1, 1, 1, 1])
    kept = disparity_filter(star, 0.05)
    assert named_edges(kept.graph) == {("a", "b"): 100.0}
    assert kept.graph.n_nodes == 6
    assert kept.step == "disparity filter 0.05"


def test_support_of_tracks_and_pairs():
    graph = graph_from_edges(list("abcd"), [0, 1, 2], [1, 2, 3], [0.1, 0.2, 0.3])
    tracks = by_track_support(graph, [5, 2, 5, 5], 3)
    assert (tracks.graph.ids, tracks.nodes.tolist(), named_edges(tracks.graph)) == (
        ("a", "c", "d"), [0, 2, 3], {("c", "d"): 0.3},
    )  # fmt: skip
    counts = graph_from_edges(list("abcd"), [0, 1, 2], [1, 2, 3], [4, 3, 2]).adjacency
    pairs = by_pair_support(graph, counts, 3)
    assert named_edges(pairs.graph) == {("a", "b"): 0.1, ("b", "c"): 0.2}
    assert (pairs.n_edges, pairs.graph.n_edges, pairs.graph.n_nodes) == (3, 2, 4)


def test_the_largest_component_is_by_nodes_and_the_first_of_equal_ones():
    graph = graph_from_edges(list("abcdefg"), [3, 4, 0, 1], [4, 5, 1, 2])
    assert largest_component(graph).graph.ids == ("a", "b", "c")
    larger = graph_from_edges(list("abcdefg"), [3, 4, 5, 0, 1], [4, 5, 6, 1, 2], [1, 1, 1, 50, 50])
    assert largest_component(larger).graph.ids == ("d", "e", "f", "g")


def test_an_empty_graph_stays_one():
    empty = graph_from_edges([], [], [])
    for kept in (
        k_core(empty, 2), top_k(empty, 3), disparity_filter(empty, 0.1), largest_component(empty),
        by_track_support(empty, [], 1), by_pair_support(empty, empty.adjacency, 1),
    ):  # fmt: skip
        assert (kept.graph.n_nodes, kept.graph.n_edges) == (0, 0)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda graph: top_k(graph, 0), "k is 0; it must be 1 or more"),
        (lambda graph: k_core(graph, -1), "k is -1; it must be 0 or more"),
        (lambda graph: disparity_filter(graph, 0.0), "alpha is 0.0; it must lie above 0"),
        (lambda graph: by_track_support(graph, [1], 1), r"30 nodes needs as many supports, not shape \(1,\)"),
        (lambda graph: by_pair_support(graph, csr_array((2, 2)), 1), r"the counts of \(2, 2\)"),
        (lambda graph: by_pair_support(graph, graph.adjacency, 0), "minimum is 0; it must be 1 or more"),
    ],
)
def test_wrong_settings_are_explained(step, message):
    with pytest.raises(ParameterError, match=message):
        step(random_graph(0))
