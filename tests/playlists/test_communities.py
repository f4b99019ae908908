"""Communities: one contract for every method, known answers, and the search over resolutions."""

import os
import subprocess
import sys

import networkit as nk
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_mutual_info_score

from songnet.errors import ParameterError
from songnet.playlists.communities import COMMUNITY_METHODS, RESOLUTION_METHODS
from songnet.playlists.cooccurrence import cooccurrence
from songnet.playlists.generate import generate_playlists
from songnet.playlists.graph import Graph, from_networkx, graph_from_edges, to_networkx
from songnet.playlists.modularity import (
    community_sizes,
    is_degenerate,
    modularity,
    number_communities,
    split_disconnected,
)
from songnet.playlists.resolution import find_resolution, resolution_sweep

METHODS = sorted(COMMUNITY_METHODS)
every_method = pytest.mark.parametrize("method", METHODS)


def with_numbers(network):
    return from_networkx(nx.relabel_nodes(network, {node: f"{node:06}" for node in network}))


def planted(n_groups=4, size=25, seed=0):
    network = nx.planted_partition_graph(n_groups, size, 0.6, 0.03, seed=seed)
    return with_numbers(network), np.repeat(np.arange(n_groups), size)


def cliques(size=6):
    """Two cliques joined by an edge."""
    return with_numbers(nx.barbell_graph(size, 0))


def agreement(first, second):
    return adjusted_mutual_info_score(first, second)


@every_method
def test_planted_groups_are_found(method):
    # Repeated cuts in two need not find four groups: the first cut may go through one of them.
    graph, truth = planted(n_groups=2 if method == "leading-eigenvector" else 4)
    labels = COMMUNITY_METHODS[method](graph)
    assert labels.dtype == np.int32
    assert agreement(truth, labels) > 0.95
    assert sorted(set(labels.tolist())) == list(range(labels.max() + 1))
    assert np.all(np.diff(np.bincount(labels)) <= 0)


@every_method
def test_two_cliques_joined_by_an_edge_are_two(method):
    assert COMMUNITY_METHODS[method](cliques()).tolist() == [0] * 6 + [1] * 6


@every_method
def test_disconnected_nodes_are_never_together_and_isolated_ones_are_noise(method):
    graph = graph_from_edges(list("abcdefgh"), [0, 1, 0, 3, 4, 3], [1, 2, 2, 4, 5, 5])
    assert COMMUNITY_METHODS[method](graph).tolist() == [0, 0, 0, 1, 1, 1, -1, -1]


@every_method
def test_graphs_of_nothing(method):
    detect = COMMUNITY_METHODS[method]
    assert detect(graph_from_edges([], [], [])).tolist() == []
    assert detect(graph_from_edges(["a"], [], [])).tolist() == [-1]
    assert detect(graph_from_edges(["a", "b"], [0], [1])).tolist() in ([0, 0], [0, 1])


@every_method
def test_weights_are_respected(method):
    ring = ([0, 1, 2, 3], [1, 2, 3, 0])
    detect = COMMUNITY_METHODS[method]
    assert detect(graph_from_edges(list("abcd"), *ring, [10, 0.1, 10, 0.1])).tolist() == [0, 0, 1, 1]
    assert detect(graph_from_edges(list("abcd"), *ring, [0.1, 10, 0.1, 10])).tolist() == [0, 1, 1, 0]


@every_method
def test_a_seed_repeats_and_leaves_the_graph_alone(method):
    graph, _ = planted(seed=3)
    before = graph.adjacency.data.tobytes()
    detect = COMMUNITY_METHODS[method]
    first = detect(graph, seed=7)
    detect(graph, seed=8)
    assert detect(graph, seed=7).tobytes() == first.tobytes()
    assert graph.adjacency.data.tobytes() == before


@every_method
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, 2.0])
def test_wrong_weights_are_refused(method, value):
    graph = cliques()
    graph.adjacency.data[0] = value
    with pytest.raises(ParameterError, match=r"no weight|not finite|not symmetric"):
        COMMUNITY_METHODS[method](graph)


@every_method
def test_parameters_are_taken_or_refused(method):
    detect = COMMUNITY_METHODS[method]
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ParameterError, match=r"resolution is .*; it must be above 0"):
            detect(cliques(), resolution=wrong)
    with pytest.raises(ParameterError, match="seed is -1; it must lie between 0 and"):
        detect(cliques(), seed=-1)
    if method not in RESOLUTION_METHODS:
        with pytest.raises(ParameterError, match=f"{method} has no resolution other than 1, not 2"):
            detect(cliques(), resolution=2.0)
    else:
        graph, _ = planted()
        assert detect(graph, resolution=8.0).max() > detect(graph, resolution=1.0).max()
    if method == "leading-eigenvector":
        assert detect(planted()[0], n_communities=2).max() == 1
        with pytest.raises(ParameterError, match="n_communities is 0; it must be 1 or more"):
            detect(cliques(), n_communities=0)
    else:
        with pytest.raises(ParameterError, match=f"{method} finds its own number of communities"):
            detect(cliques(), n_communities=2)


SCRIPT = """
import hashlib, numpy as np
from songnet.playlists.communities import COMMUNITY_METHODS
from songnet.playlists.cooccurrence import cooccurrence
from songnet.playlists.generate import generate_playlists
from songnet.playlists.graph import Graph
made = generate_playlists(300, n_tracks=500, n_groups=5, seed=1)
graph = Graph(cooccurrence(made.playlist_of, made.track_of, 500, top_k=8), tuple(f"{i:03}" for i in range(500)))
print("graph", hashlib.sha256(graph.adjacency.data.tobytes() + graph.adjacency.indices.tobytes()).hexdigest())
for name in sorted(COMMUNITY_METHODS):
    labels = COMMUNITY_METHODS[name](graph, seed=5)
    print(name, labels.max() + 1, hashlib.sha256(labels.tobytes()).hexdigest())
"""


def test_every_process_finds_the_same():
    running = []
    for hash_seed, threads in (("0", "1"), ("1", "2")):
        variables = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "OMP_NUM_THREADS": threads,
        }
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables
            )
        )
    answers = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    lines = answers[0][0].decode().splitlines()
    assert [line.split()[0] for line in lines] == ["graph", *METHODS]
    assert all(int(line.split()[1]) > 1 for line in lines[1:])


@pytest.mark.parametrize("method", ["louvain", "leiden"])
def test_networkit_keeps_its_threads_and_seeds_matter(method):
    graph = with_numbers(nx.gnm_random_graph(150, 600, seed=2))
    before = nk.getMaxNumberOfThreads()
    try:
        nk.setNumberOfThreads(2)
        found = {COMMUNITY_METHODS[method](graph, seed=seed).tobytes() for seed in range(6)}
        assert nk.getMaxNumberOfThreads() == 2
    finally:
        nk.setNumberOfThreads(before)
    assert len(found) > 1, "without an effect, the agreement of seeds would mean nothing"


def test_karate_club():
    graph = with_numbers(nx.karate_club_graph())
    for method in ("louvain", "leiden", "python-louvain", "networkx-louvain"):
        assert modularity(graph.adjacency, COMMUNITY_METHODS[method](graph)) >= 0.41


@pytest.mark.parametrize("method", ["louvain", "leiden"])
def test_lfr_graphs(method):
    network = nx.LFR_benchmark_graph(
        1500, 2.5, 1.5, 0.3, average_degree=20, max_degree=60, min_community=40, max_community=150, seed=4
    )
    truth = np.empty(len(network), dtype=int)
    for number, members in enumerate({frozenset(network.nodes[node]["community"]) for node in network}):
        truth[list(members)] = number
    network.remove_edges_from(nx.selfloop_edges(network))
    assert agreement(truth, COMMUNITY_METHODS[method](with_numbers(network))) >= 0.97


def test_planted_tastes_come_back_from_playlists_and_random_ones_do_not():
    def found(purity):
        made = generate_playlists(3000, n_tracks=1500, n_groups=6, purity=purity, seed=1)
        weights = cooccurrence(made.playlist_of, made.track_of, 1500, top_k=15)
        graph = Graph(weights, tuple(f"{i:05}" for i in range(1500)))
        labels = COMMUNITY_METHODS["louvain"](graph)
        return agreement(made.track_group[labels >= 0], labels[labels >= 0])

    assert found(0.8) > 0.95
    assert abs(found(0.0)) < 0.02


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.1, 5.0))
def test_modularity_is_that_of_networkx(seed, gamma):
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.random((12, 12)) * (rng.random((12, 12)) < 0.4), 1)
    weights[0, 1] = 1.0
    graph = Graph(csr_array(weights + weights.T), tuple(f"{i:02}" for i in range(12)))
    labels = rng.integers(-1, 4, 12)
    sets = [set(np.flatnonzero(labels == c).tolist()) for c in range(4)] + [
        {int(i)} for i in np.flatnonzero(labels < 0)
    ]
    theirs = nx.community.modularity(to_networkx(graph, names=False), [s for s in sets if s], resolution=gamma)
    assert modularity(graph.adjacency, labels, gamma) == pytest.approx(theirs, abs=1e-12)


def test_modularity_of_known_partitions():
    graph = cliques(5)
    assert modularity(graph.adjacency, np.zeros(10, dtype=int)) == pytest.approx(0)
    # 20 of 21 edges inside, half of the strength in each.
    assert modularity(graph.adjacency, [0] * 5 + [1] * 5) == pytest.approx(20 / 21 - 0.5)
    assert modularity(csr_array((3, 3)), [0, 1, 2]) == 0
    with pytest.raises(ParameterError, match="a graph of 10 nodes needs as many labels"):
        modularity(graph.adjacency, [0])


def test_communities_in_pieces_are_split():
    graph = graph_from_edges(list("abcdef"), [0, 2, 4, 1], [1, 3, 5, 2])
    labels = split_disconnected(graph.adjacency, [0, 0, 1, 1, 0, -1])
    # e stands alone: f is noise.
    assert number_communities(labels).tolist() == [0, 0, 1, 1, 2, -1]


def test_sizes_and_degenerate_partitions():
    assert community_sizes([2, 2, 5, -1, 2]).tolist() == [3, 1]
    assert is_degenerate([0] * 98 + [1, 2])
    assert is_degenerate([0] * 9 + [1] + [-1] * 90), "nodes in no community do not hide it"
    assert not is_degenerate([0] * 8 + [1] * 2)
    assert not is_degenerate([])


def test_sweep_tells_what_every_resolution_gives():
    graph, truth = planted(n_groups=6, size=20)
    told = []
    rows = resolution_sweep(
        graph, (0.05, 1.0, 6.0), n_seeds=3, progress=lambda stage, done, total, note="": told.append((done, total))
    )
    assert [row.resolution for row in rows] == [0.05, 1.0, 6.0]
    assert rows[0].n_communities < rows[1].n_communities == 6 < rows[2].n_communities
    assert agreement(truth, rows[1].labels) > 0.98
    assert rows[1].modularity == rows[1].quality == modularity(graph.adjacency, rows[1].labels)
    assert rows[2].quality == modularity(graph.adjacency, rows[2].labels, 6.0)
    assert rows[1].seed_ami == pytest.approx(1.0)
    assert rows[2].seed_ami < 0.9
    assert [row.degenerate for row in rows] == [True, False, False]
    assert rows[1].sizes.tolist() == community_sizes(rows[1].labels).tolist()
    assert told == [(i + 1, 9) for i in range(9)]
    assert resolution_sweep(graph, (1.0,), n_seeds=1)[0].seed_ami is None


@pytest.mark.parametrize("wanted", [2, 6, 17])
def test_a_wanted_number_of_communities_is_found(wanted):
    graph, _ = planted(n_groups=6, size=20)
    found = find_resolution(graph, wanted)
    assert (found.achieved, found.requested, found.exact) == (wanted, wanted, True)
    again = COMMUNITY_METHODS["louvain"](graph, resolution=found.resolution)
    assert again.tobytes() == found.labels.tobytes()
    assert again.max() + 1 == wanted


def test_fewer_communities_than_parts_are_not_promised():
    parts = with_numbers(nx.disjoint_union_all([nx.complete_graph(5)] * 3))
    found = find_resolution(parts, 2)
    assert (found.achieved, found.exact, found.n_tried) == (3, False, 1)


def test_searches_that_cannot_be_made_are_explained():
    graph = graph_from_edges(list("abc"), [0], [1])
    with pytest.raises(ParameterError, match="2 nodes with edges make 1 to as many communities, not 3"):
        find_resolution(graph, 3)
    with pytest.raises(ParameterError, match="python-louvain has no resolution; choose one of: leiden, louvain"):
        find_resolution(graph, 1, method="python-louvain")
    with pytest.raises(ParameterError, match="unknown community method 'metis'"):
        resolution_sweep(graph, method="metis")
    with pytest.raises(ParameterError, match="n_seeds is 0"):
        resolution_sweep(graph, n_seeds=0)
    with pytest.raises(ParameterError, match="max_tries is 0"):
        find_resolution(graph, 1, max_tries=0)
