"""The graph itself: what it refuses, and the way to other programs and back."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from songnet.errors import InputNotFoundError, ParameterError
from songnet.playlists.graph import (
    Graph,
    from_networkx,
    graph_from_edges,
    read_graph,
    to_networkx,
    write_graph,
    xml_ids,
)

NAMES = ["zebra", 'quote " comma ,', "ünïcode <&>", "a", "isolated"]


@pytest.fixture
def small():
    return graph_from_edges(NAMES, [0, 1, 3], [1, 2, 0], [0.1, 2.5, 1 / 3])


def same(first, second):
    return first.ids == second.ids and (abs(first.adjacency - second.adjacency)).nnz == 0


def test_nodes_are_sorted_and_edges_listed_once(small):
    assert small.ids == tuple(sorted(NAMES))
    sources, targets, weights = small.edges()
    assert np.all(sources < targets)
    assert sorted(weights.tolist()) == [0.1, 1 / 3, 2.5]
    assert (small.n_nodes, small.n_edges) == (5, 3)
    # a, isolated, quote, zebra, ünïcode
    assert small.degrees.tolist() == [1, 0, 2, 2, 1]
    assert small.strengths.tolist() == pytest.approx([1 / 3, 0, 2.6, 0.1 + 1 / 3, 2.5])


def test_dtypes_stored_zeros_and_order_are_settled():
    matrix = csr_array((np.array([1, 0, 0, 1]), np.array([2, 1, 0, 0]), np.array([0, 2, 3, 4])), shape=(3, 3))
    graph = Graph(matrix, ("a", "b", "c"))
    assert graph.adjacency.dtype == np.float64
    assert graph.adjacency.nnz == 2
    assert matrix.nnz == 4, "the given matrix stays as it was"
    single = Graph(csr_array(np.array([[0, 1], [1, 0]], dtype=np.float32)), ("a", "b"))
    assert single.adjacency.dtype == np.float32


@pytest.mark.parametrize(
    ("matrix", "ids", "message"),
    [
        ([[0.0, 1.0]], ("a",), r"is square, not of shape \(1, 2\)"),
        ([[0, -2.0], [-2.0, 0]], ("a", "b"), "-2 is no weight: weights of edges are 0 or more"),
        ([[0, np.nan], [np.nan, 0]], ("a", "b"), "weights that are not finite"),
        ([[0, np.inf], [np.inf, 0]], ("a", "b"), "weights that are not finite"),
        ([[1.0, 0], [0, 0]], ("a", "b"), "weights on its diagonal"),
        ([[0, 1.0], [2.0, 0]], ("a", "b"), "not symmetric"),
        ([[0, 1.0], [0, 0]], ("a", "b"), "not symmetric"),
        ([[0, 1.0], [1.0, 0]], ("a",), "a graph of 2 nodes needs as many ids, not 1"),
        ([[0, 1.0], [1.0, 0]], ("b", "a"), "must be sorted"),
        ([[0, 1.0], [1.0, 0]], ("a", "a"), "none may stand twice"),
    ],
)
def test_what_is_no_graph_is_refused(matrix, ids, message):
    with pytest.raises(ParameterError, match=message):
        Graph(csr_array(matrix), ids)


def test_edges_given_twice_add_up_and_wrong_ones_are_refused():
    graph = graph_from_edges(["b", "a"], [0, 1], [1, 0], [0.1, 0.2])
    assert graph.adjacency.toarray().tolist() == [[0, 0.1 + 0.2], [0.1 + 0.2, 0]]
    with pytest.raises(ParameterError, match="from a node to itself"):
        graph_from_edges(["a", "b"], [0], [0])
    with pytest.raises(ParameterError, match="an edge ends at node 5 or 5 of 2"):
        graph_from_edges(["a", "b"], [0], [5])
    with pytest.raises(ParameterError, match="1 sources, 1 targets and 2 weights make no edges"):
        graph_from_edges(["a", "b"], [0], [1], [1.0, 2.0])


def test_subgraph_keeps_the_edges_between(small):
    part = small.subgraph(np.array([0, 1, 3]))
    assert part.ids == tuple(small.ids[i] for i in (0, 1, 3))
    assert same(part, Graph(csr_array(small.adjacency.toarray()[np.ix_([0, 1, 3], [0, 1, 3])]), part.ids))


def test_networkx_and_back(small):
    assert same(from_networkx(to_networkx(small)), small)
    assert sorted(to_networkx(small, names=False)) == [0, 1, 2, 3, 4]
    loop = nx.Graph([("a", "b"), ("a", "a")])
    assert from_networkx(loop).adjacency.toarray().tolist() == [[0, 1], [1, 0]]
    with pytest.raises(ParameterError, match="no direction"):
        from_networkx(nx.DiGraph([(1, 2)]))
    with pytest.raises(ParameterError, match="the same name as text"):
        from_networkx(nx.Graph([(1, "1")]))


@pytest.mark.parametrize("ending", ["graphml", "gexf", "csv"])
def test_files_and_back(small, tmp_path, ending):
    path, again = tmp_path / f"graph.{ending}", tmp_path / f"again.{ending}"
    write_graph(small, path)
    read = read_graph(path)
    if ending == "csv":
        connected = np.flatnonzero(small.degrees > 0)
        assert same(read, small.subgraph(connected))
    else:
        assert same(read, small)
    write_graph(small, again)
    assert path.read_bytes() == again.read_bytes()
    write_graph(graph_from_edges([], [], []), path)
    assert read_graph(path).n_nodes == 0


def test_files_hold_no_date(small, tmp_path):
    path = tmp_path / "graph.gexf"
    write_graph(small, path)
    text = path.read_text(encoding="utf-8")
    assert "lastmodified" not in text
    assert text.count("<edge ") == 3


def test_an_edge_list_of_another_program(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("source,target\nb,a\na,c\n", encoding="utf-8")
    assert read_graph(path).adjacency.toarray().tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


PARALLEL = nx.MultiGraph()
PARALLEL.add_weighted_edges_from([("a", "b", 1), ("b", "a", 4), ("a", "b", 4), ("a", "a", 3), ("c", "c", 1)])
PARALLEL.add_edge("b", "c")


@pytest.mark.parametrize("ending", ["graphml", "gexf", "csv"])
def test_parallel_edges_add_up_and_loops_are_told_in_all_formats(tmp_path, caplog, ending):
    path = tmp_path / f"graph.{ending}"
    if ending == "csv":
        path.write_text("source,target,weight\na,b,1\nb,a,4\na,b,4\na,a,3\nc,c,1\nb,c,1\n", encoding="utf-8")
    else:
        {"graphml": nx.write_graphml_xml, "gexf": nx.write_gexf}[ending](PARALLEL, path)
    read = read_graph(path)
    assert read.ids == ("a", "b", "c")
    assert read.adjacency.toarray().tolist() == [[0, 9, 0], [9, 0, 1], [0, 1, 0]]
    assert caplog.messages == [f"{path}: left out 2 edges from a node to itself"]


def test_one_loop_is_one_edge_and_none_is_not_told(tmp_path, caplog):
    path = tmp_path / "graph.csv"
    path.write_text("source,target\na,a\na,b\n", encoding="utf-8")
    assert read_graph(path).n_edges == 1
    assert caplog.messages == [f"{path}: left out 1 edge from a node to itself"]
    caplog.clear()
    path.write_text("source,target\na,b\n", encoding="utf-8")
    read_graph(path)
    assert not caplog.messages


@pytest.mark.parametrize("ending", ["graphml", "gexf"])
def test_ids_that_xml_cannot_hold_are_written_as_escapes(tmp_path, ending):
    path = tmp_path / f"graph.{ending}"
    write_graph(graph_from_edges(["a\x1b", "a\\x1b", "b\ufffe", "two\tlines\n"], [0, 1, 2], [1, 2, 3]), path)
    read = read_graph(path)
    assert read.ids == ("a\\x1b", "a\\x1b_", "b\\ufffe", "two\tlines\n")
    assert read.n_edges == 3


@given(st.sets(st.text(st.sampled_from("a\\x01b_\x01\x1b\n"), max_size=6), max_size=8))
def test_different_ids_stay_different_and_clean_ones_as_they_are(ids):
    written = xml_ids(sorted(ids))
    assert set(written) == ids
    assert len(set(written.values())) == len(ids)
    for name, plain in written.items():
        assert not {"\x01", "\x1b"} & set(plain)
        assert plain == name or {"\x01", "\x1b"} & set(name)


GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{}</graphml>'
NODES = '<node id="a"/><node id="b"/>'
SAME_ID = GRAPHML.format(
    f'<graph edgedefault="undirected">{NODES}<edge id="e" source="a" target="b"/><edge id="e" source="b" target="a"/>'
    "</graph>"
)
NO_ID = GRAPHML.format('<graph edgedefault="undirected"><node id=""/></graph>')
HUGE = GRAPHML.format(
    '<key id="w" for="edge" attr.name="weight" attr.type="long"/>'
    f'<graph edgedefault="undirected">{NODES}<edge source="a" target="b"><data key="w">{"9" * 400}</data></edge>'
    "</graph>"
)
BOMB = '<!DOCTYPE z [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><graphml>&b;</graphml>'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "begins with the columns source, target, weight"),
        ("a.csv", "source,target,weight\na,b\n", "line 2: 2 columns instead of 3"),
        ("a.csv", "source,target,weight\na,b,much\n", "line 2: 'much' is no weight"),
        ("a.csv", "source,target,weight\na,b,-1\n", "-1 is no weight"),
        ("a.csv", "source,target,weight\na,b,nan\n", "not finite"),
        ("a.graphml", "<graphml", "is no graphml file that can be read"),
        ("a.graphml", BOMB, "a.graphml defines entities or includes other files, which SongNet does not follow: write"),
        ("a.gexf", BOMB, "a.gexf defines entities or includes other files"),
        ("a.csv", "source,target\na,b\n,c\n", "line 3: '' cannot name a node: write its id"),
        ("a.csv", "source,target\na,b\0\n", r"line 2: 'b\\x00' cannot name a node: write its id"),
        (
            "a.csv",
            "source,target,weight\na,b,1e308\nb,c,1\n",
            r"weights up to 1e\+308 are too large to add up: multiply",
        ),
        ("a.csv", "source,target,weight\na,b,1e308\na,b,1e308\n", "not finite"),
        ("a.csv", "source,target,weight\na,b,1e-200\n", "weights up to 1e-200 are too small to add up: multiply"),
        ("a.graphml", SAME_ID, "a.graphml holds 2 edges, 1 of which can be told apart: give each an id of its own"),
        ("a.graphml", NO_ID, "a.graphml: a node has no id: give it one"),
        ("a.graphml", HUGE, "is no graphml file that can be read: int too large"),
        ("a.gexf", "<other/>", "is no gexf file that can be read"),
        ("a.txt", "", "'a.txt' is no name for a graph: end it in .csv, .gexf, .graphml"),
    ],
)
def test_files_that_are_no_graphs_are_explained(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match=message) as error:
        read_graph(path)
    assert "\n" not in str(error.value)


def test_directed_and_missing_files(tmp_path):
    path = tmp_path / "directed.graphml"
    nx.write_graphml_xml(nx.DiGraph([("a", "b")]), path)
    with pytest.raises(ParameterError, match="holds a directed graph"):
        read_graph(path)
    with pytest.raises(InputNotFoundError, match="there is no file"):
        read_graph(tmp_path / "none.csv")
