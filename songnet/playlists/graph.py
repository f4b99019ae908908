"""`Graph`: which tracks people put together, and how strongly; in memory, and as files of other programs.

A graph is a symmetric sparse matrix and the ids of its nodes, in sorted order: row i of one is id i of the other, in
every process. Where other programs keep objects and dictionaries, here are arrays.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np
import numpy.typing as npt
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse as parse_safely
from scipy.sparse import csr_array, triu

from songnet.errors import InputNotFoundError, ParameterError

log = logging.getLogger(__name__)

EDGE_COLUMNS = ("source", "target", "weight")
FORMATS = (".csv", ".gexf", ".graphml")
# What XML 1.0 (section 2.2) has no place for, escaped or not.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, eq=False)
class Graph:
    """An undirected, weighted graph without loops.

    Parameters
    ----------
    adjacency : scipy.sparse.csr_array [shape=(n_nodes, n_nodes), dtype=float32 or float64]
        Weight of each edge, in both directions: symmetric, finite, not negative, zero on the diagonal. Stored zeros
        are dropped and the columns of a row are brought into ascending order; other dtypes become float64.
    ids : tuple of str
        Id of each node, sorted, none twice.

    Raises
    ------
    ParameterError
        If the matrix is not such a matrix, or the ids are not such ids.
    """

    adjacency: csr_array
    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        matrix = csr_array(self.adjacency, copy=True)
        if matrix.dtype not in (np.float32, np.float64):
            matrix = matrix.astype(np.float64)
        matrix.sum_duplicates()
        check_adjacency(matrix)
        matrix.eliminate_zeros()
        object.__setattr__(self, "adjacency", matrix)
        object.__setattr__(self, "ids", tuple(self.ids))
        if len(self.ids) != matrix.shape[0]:
            raise ParameterError(f"a graph of {matrix.shape[0]} nodes needs as many ids, not {len(self.ids)}")
        if any(first >= second for first, second in zip(self.ids, self.ids[1:], strict=False)):
            raise ParameterError("the ids of a graph's nodes must be sorted and none may stand twice")

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.ids)

    @property
    def n_edges(self) -> int:
        """Number of edges, each counted once."""
        return int(self.adjacency.nnz) // 2

    @property
    def strengths(self) -> npt.NDArray[np.float64]:
        """Sum of the weights of each node's edges [shape=(n_nodes,)]."""
        return np.asarray(self.adjacency.sum(axis=1, dtype=np.float64)).ravel()

    @property
    def degrees(self) -> npt.NDArray[np.int64]:
        """Number of each node's edges [shape=(n_nodes,)]."""
        return np.asarray(np.diff(self.adjacency.indptr), dtype=np.int64)

    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every edge once, by source and then target: ``(sources, targets, weights)``, each source below its target."""
        upper = triu(self.adjacency, k=1, format="csr").tocoo()
        return upper.row.astype(np.int64), upper.col.astype(np.int64), upper.data

    def subgraph(self, nodes: np.ndarray) -> Graph:
        """The graph of some nodes and the edges between them.

        Parameters
        ----------
        nodes : numpy.ndarray [shape=(n_kept,), dtype=int64]
            Indices of nodes, ascending.
        """
        chosen = np.asarray(nodes, dtype=np.int64)
        return Graph(self.adjacency[chosen][:, chosen], tuple(self.ids[node] for node in chosen))


def check_adjacency(matrix: csr_array) -> None:
    """Raise a ParameterError unless a matrix is square, finite, not negative, symmetric and zero on its diagonal.

    Weights must also be such that the square of their sum, by which modularity divides, is a number above 0.
    """
    if matrix.shape[0] != matrix.shape[1]:
        raise ParameterError(f"an adjacency matrix is square, not of shape {matrix.shape}")
    if not np.isfinite(matrix.data).all():
        raise ParameterError("the adjacency matrix holds weights that are not finite: drop those edges")
    if matrix.nnz and matrix.data.min() < 0:
        raise ParameterError(f"{float(matrix.data.min()):g} is no weight: weights of edges are 0 or more")
    if matrix.diagonal().any():
        raise ParameterError("the adjacency matrix has weights on its diagonal: drop edges from a node to itself")
    with np.errstate(over="ignore"):
        total = matrix.data.sum(dtype=np.float64)
        square = total * total
    if not np.isfinite(square) or (square == 0 < total):
        largest = float(matrix.data.max())
        raise ParameterError(
            f"weights up to {largest:g} are too {'large' if total > 1 else 'small'} to add up: multiply all of them by"
            " the same number, so that the largest is about 1"
        )
    if matrix.nnz and abs(matrix - matrix.T).max() > 0:
        raise ParameterError("the adjacency matrix is not symmetric: give each edge in both directions, equally heavy")


def graph_from_edges(
    ids: Sequence[str], sources: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> Graph:
    """A graph from a list of edges.

    Parameters
    ----------
    ids : sequence of str
        Ids of the nodes in any order; nodes without edges too.
    sources, targets : array-like [shape=(n_edges,), dtype=int64]
        Positions in ``ids``; each edge once, in either direction. Weights of edges given more than once are added up.
    weights : array-like [shape=(n_edges,)] or None
        None makes every edge as heavy as 1.

    Raises
    ------
    ParameterError
        If a weight is negative or not finite, a position is not there, or an edge leads from a node to itself.

    Examples
    --------
    >>> graph = graph_from_edges(["b", "a", "c"], [0, 1], [1, 2], [2.0, 1.0])
    >>> graph.ids, graph.adjacency.toarray().tolist()
    (('a', 'b', 'c'), [[0.0, 2.0, 1.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    """
    first, second = np.asarray(sources, dtype=np.int64), np.asarray(targets, dtype=np.int64)
    values = np.ones(len(first)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(first) == len(second) == len(values):
        raise ParameterError(f"{len(first)} sources, {len(second)} targets and {len(values)} weights make no edges")
    for ends in (first, second):
        if len(ends) and not (ends.min() >= 0 and ends.max() < len(ids)):
            raise ParameterError(f"an edge ends at node {int(ends.min())} or {int(ends.max())} of {len(ids)}")
    order = sorted(range(len(ids)), key=lambda index: ids[index])
    position = np.empty(len(ids), dtype=np.int64)
    position[order] = np.arange(len(ids))
    low, high = np.minimum(position[first], position[second]), np.maximum(position[first], position[second])
    # Added up in one direction and then mirrored: both directions hold the same bits.
    upper = csr_array((values, (low, high)), shape=(len(ids), len(ids)))
    upper.sum_duplicates()
    if upper.diagonal().any():
        raise ParameterError("an edge leads from a node to itself: drop it")
    return Graph(upper + upper.T, tuple(ids[index] for index in order))


def from_networkx(graph: nx.Graph, *, weight: str = "weight") -> Graph:
    """A graph from networkx; edges without the attribute ``weight`` are as heavy as 1.

    Weights of parallel edges are added up; edges from a node to itself are dropped.

    Raises
    ------
    ParameterError
        If it is directed, or two nodes have the same name.
    """
    if graph.is_directed():
        raise ParameterError("co-occurrence has no direction: call to_undirected() on the graph first")
    nodes = list(graph)
    ids = [str(node) for node in nodes]
    if len(set(ids)) < len(ids):
        raise ParameterError("two nodes of the graph have the same name as text; rename one of them")
    index = {node: i for i, node in enumerate(nodes)}
    listed = [(index[a], index[b], value) for a, b, value in graph.edges(data=weight, default=1.0) if a != b]
    return graph_from_edges(ids, *zip(*listed, strict=True)) if listed else graph_from_edges(ids, [], [])


def to_networkx(graph: Graph, *, names: bool = True) -> nx.Graph:
    """A graph for networkx, with its weights as the attribute ``weight``.

    Parameters
    ----------
    graph : Graph
        The graph.
    names : bool
        Whether nodes are ids; otherwise they are their indices, which methods that depend on the hash of a node's name
        need to repeat.
    """
    answer = nx.Graph()
    answer.add_nodes_from(graph.ids if names else range(graph.n_nodes))
    sources, targets, weights = (part.tolist() for part in graph.edges())
    ends: Iterable[Any] = zip(sources, targets, weights, strict=True)
    if names:
        ends = ((graph.ids[a], graph.ids[b], w) for a, b, w in ends)
    answer.add_weighted_edges_from(ends)
    return answer


def write_graph(graph: Graph, path: Path) -> None:
    """Write a graph; the ending says how: ``.graphml``, ``.gexf`` or ``.csv`` (`EDGE_COLUMNS`, an edge a row).

    An edge list has no place for nodes without edges; the other two formats keep them, with the ids of `xml_ids`.

    Raises
    ------
    ParameterError
        If the ending is another.
    """
    kind = _format(path)
    if kind == ".graphml":
        nx.write_graphml_xml(to_xml_networkx(graph)[0], path)
    elif kind == ".gexf":
        # The day of writing, which networkx puts into the file, would make two equal graphs two different files.
        text = "\n".join(nx.generate_gexf(to_xml_networkx(graph)[0]))
        path.write_text(_without_meta(text) + "\n", encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(EDGE_COLUMNS)
            for source, target, weight in zip(*(part.tolist() for part in graph.edges()), strict=True):
                writer.writerow((graph.ids[source], graph.ids[target], repr(weight)))


def xml_ids(ids: Sequence[str]) -> dict[str, str]:
    r"""Ids as XML can hold them: characters that it has no place for become escapes, different ids stay different.

    Parameters
    ----------
    ids : sequence of str
        None twice.

    Returns
    -------
    dict of str to str
        Id -> what is written; an id that XML can hold is written as it is.

    Examples
    --------
    >>> xml_ids(["plain", "a\x1b"])
    {'plain': 'plain', 'a\x1b': 'a\\x1b'}
    """
    written = {name: name for name in ids if not NOT_XML.search(name)}
    taken = set(written)
    for name in ids:
        if name not in written:
            plain = NOT_XML.sub(_escape, name)
            while plain in taken:
                plain += "_"
            taken.add(plain)
            written[name] = plain
    return written


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def to_xml_networkx(graph: Graph) -> tuple[nx.Graph, dict[str, str]]:
    """`to_networkx` with the ids of `xml_ids`, and these."""
    answer, written = to_networkx(graph), xml_ids(graph.ids)
    altered = {name: plain for name, plain in written.items() if name != plain}
    return (nx.relabel_nodes(answer, altered) if altered else answer), written


def read_graph(path: Path) -> Graph:
    """Read a graph that `write_graph` or another program wrote: ``.graphml``, ``.gexf`` or a ``.csv`` edge list.

    Weights of edges between the same two nodes are added up. Edges from a node to itself are left out, and how many is
    logged.

    Raises
    ------
    InputNotFoundError
        If there is no such file.
    ParameterError
        If it is not such a file, is directed, or has weights that no graph has.
    """
    kind = _format(path)
    if not path.is_file():
        raise InputNotFoundError(f"there is no file {path}")
    if kind == ".csv":
        return _read_edges(path)
    try:
        # networkx parses with the standard library, which entities in a small file can make fill the memory.
        tree = parse_safely(path)
        read = nx.read_graphml if kind == ".graphml" else nx.read_gexf
        found = _undirected(read(path), path)
        n_written = sum(1 for element in tree.iter() if str(element.tag).rpartition("}")[2] == "edge")
        if n_written != found.number_of_edges():
            # Of edges that share an id networkx keeps the last.
            raise ParameterError(
                f"{path} holds {n_written:,} edges, {found.number_of_edges():,} of which can be told apart: give each"
                " an id of its own, or none an id, in a single graph"
            )
        if any(not str(node) for node in found):
            raise ParameterError(f"{path}: a node has no id: give it one")
        graph = from_networkx(found)
        _tell_loops(path, nx.number_of_selfloops(found))
        return graph
    except DefusedXmlException as error:
        raise ParameterError(
            f"{path} defines entities or includes other files, which SongNet does not follow: write it without them"
        ) from error
    except (ParseError, nx.NetworkXError, KeyError, ValueError, OverflowError) as error:
        if isinstance(error, ParameterError):
            raise
        first = str(error).partition("\n")[0]
        raise ParameterError(f"{path} is no {kind[1:]} file that can be read: {first}") from error


def _format(path: Path) -> str:
    if path.suffix not in FORMATS:
        raise ParameterError(f"{path.name!r} is no name for a graph: end it in {', '.join(FORMATS)}")
    return path.suffix


def _undirected(graph: nx.Graph, path: Path) -> nx.Graph:
    if graph.is_directed():
        raise ParameterError(f"{path} holds a directed graph; co-occurrence has no direction")
    return graph


def _tell_loops(path: Path, n_loops: int) -> None:
    if n_loops:
        log.warning("%s: left out %d edge%s from a node to itself", path, n_loops, "s" * (n_loops > 1))


def _without_meta(text: str) -> str:
    start, end = text.find("<meta"), text.find("</meta>")
    return text if start < 0 or end < 0 else text[:start].rstrip() + text[end + len("</meta>") :]


def _read_edges(path: Path) -> Graph:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if tuple(header) not in (EDGE_COLUMNS, EDGE_COLUMNS[:2]):
            raise ParameterError(f"{path}: an edge list begins with the columns {', '.join(EDGE_COLUMNS)}")
        index: dict[str, int] = {}
        ends: list[tuple[int, int]] = []
        weights: list[float] = []
        n_loops = 0
        for row in rows:
            if len(row) != len(header):
                raise ParameterError(f"{path}, line {rows.line_num}: {len(row)} columns instead of {len(header)}")
            for name in row[:2]:
                if not name or "\0" in name:
                    raise ParameterError(f"{path}, line {rows.line_num}: {name!r} cannot name a node: write its id")
            first, second = (index.setdefault(name, len(index)) for name in row[:2])
            try:
                weight = float(row[2]) if len(row) > 2 else 1.0
            except ValueError:
                raise ParameterError(f"{path}, line {rows.line_num}: {row[2]!r} is no weight") from None
            if first == second:
                n_loops += 1
                continue
            weights.append(weight)
            ends.append((first, second))
    _tell_loops(path, n_loops)
    pairs = np.array(ends, dtype=np.int64).reshape(-1, 2)
    return graph_from_edges(list(index), pairs[:, 0], pairs[:, 1], weights)
