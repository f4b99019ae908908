"""Where k-means begins: greedy k-means++, merged small clusters, and swaps.

Three kinds of starts, each of which finds what the others miss:

- chains of centres drawn by greedy k-means++ (Arthur & Vassilvitskii 2007), a prefix of which serves every smaller k;
- Ward merging (Ward 1963) of many small clusters down to each k: which of many groups to join is what random starts
  with few centres get wrong;
- swaps: of a solution, two close centres become one and a new centre goes where distances are large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from songnet.clustering.blocks import squared_norms
from songnet.clustering.lloyd import distance_weights

# Candidates for each new centre. Were their number to depend on k, a prefix would not be the chain of a smaller k.
N_CANDIDATES = 5
SMALL_CLUSTERS = 40


def small_clusters(n_clusters: int) -> int:
    """How many small clusters are merged for a start of k: 40, doubled until it is 2 k."""
    wanted = SMALL_CLUSTERS
    while wanted < 2 * n_clusters:
        wanted *= 2
    return wanted


def _draw(mass: np.ndarray, generator: np.random.Generator, n_draws: int) -> np.ndarray:
    drawn = np.searchsorted(mass, generator.random(n_draws) * mass[-1], side="right")
    return np.asarray(np.minimum(drawn, len(mass) - 1))


def _gains(rows: np.ndarray, norms: np.ndarray, nearest: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """Squared distances [shape=(n_runs, n_tried, n)] to the nearest centre, had a run each of the tried rows too."""
    squared = distance_weights(rows[tried.ravel(), :-1]) @ rows.T
    squared += norms
    np.maximum(squared, 0, out=squared)
    squared[np.arange(tried.size), tried.ravel()] = 0
    closer: np.ndarray = squared.reshape(*tried.shape, len(rows))
    np.minimum(closer, nearest[:, None], out=closer)
    return closer


def seed_chains(rows: np.ndarray, n_centers: int, n_chains: int, seed: int) -> np.ndarray:
    """Chains of centres by greedy k-means++.

    Parameters
    ----------
    rows : numpy.ndarray [shape=(n, d + 1), dtype=float32]
        The data in a frame, a column of ones behind.
    n_centers : int
        Length of a chain.
    n_chains : int
        Chains, each with random numbers of its own.
    seed : int
        0 or more.

    Returns
    -------
    numpy.ndarray [shape=(n_chains, n_centers), dtype=int64]
        Rows that were chosen, in the order of choosing: the first k of a chain are the chain for k.
    """
    generators = [np.random.default_rng((seed, chain)) for chain in range(n_chains)]
    chains = np.arange(n_chains)
    norms = squared_norms(rows)
    chosen = np.empty((n_chains, n_centers), dtype=np.int64)
    nearest = np.full((n_chains, len(rows)), np.inf, dtype=np.float32)
    for j in range(n_centers):
        if j == 0:
            tried = np.array([[generator.integers(len(rows))] for generator in generators])
        else:
            mass = np.cumsum(nearest, axis=1, dtype=np.float64)
            tried = np.stack([_draw(m, g, N_CANDIDATES) for m, g in zip(mass, generators, strict=True)])
        squared = _gains(rows, norms, nearest, tried)
        best = squared.sum(axis=2, dtype=np.float64).argmin(axis=1)
        nearest = squared[chains, best]
        chosen[:, j] = tried[chains, best]
    return chosen


def merge_costs(centers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Growth of the inertia when two clusters become one [shape=(k, k), dtype=float64], infinite on the diagonal."""
    points = centers.astype(np.float64)
    squares = np.square(points).sum(axis=1)
    squared = np.maximum(squares[:, None] + squares - 2 * (points @ points.T), 0)
    costs = counts[:, None] * counts / np.maximum(counts[:, None] + counts, 1) * squared
    np.fill_diagonal(costs, np.inf)
    return np.asarray(costs)


def merged_starts(centers: np.ndarray, counts: np.ndarray, n_clusters: Iterable[int]) -> dict[int, np.ndarray]:
    """Ward's merging of small clusters.

    Parameters
    ----------
    centers : numpy.ndarray [shape=(m, d), dtype=float32]
        Centres of the small clusters.
    counts : numpy.ndarray [shape=(m,)]
        Their sizes; empty ones are left out.
    n_clusters : iterable of int
        Numbers of clusters for which centres are wanted.

    Returns
    -------
    dict of int to numpy.ndarray [shape=(k, d), dtype=float32]
        Centres for each k that is no more than the small clusters there are.
    """
    points = centers[counts > 0].astype(np.float64)
    sizes = counts[counts > 0].astype(np.float64)
    costs = merge_costs(points, sizes)
    alive = np.ones(len(points), dtype=bool)
    wanted = {k for k in n_clusters if k <= len(points)}
    starts: dict[int, np.ndarray] = {}
    for k in range(len(points), min(wanted, default=len(points)) - 1, -1):
        if k in wanted:
            starts[k] = points[alive].astype(np.float32)
        if k == 1:
            break
        a, b = divmod(int(costs.argmin()), len(points))
        both = sizes[a] + sizes[b]
        points[a] = (sizes[a] * points[a] + sizes[b] * points[b]) / both
        # Lance & Williams (1967): the new costs follow from the old ones.
        with np.errstate(invalid="ignore"):
            row = ((sizes[a] + sizes) * costs[a] + (sizes[b] + sizes) * costs[b] - sizes * costs[a, b]) / (both + sizes)
        sizes[a], alive[b] = both, False
        row[~alive] = row[a] = np.inf
        costs[a], costs[:, a] = row, row
        costs[b], costs[:, b] = np.inf, np.inf
    return starts


def swapped_starts(
    rows: np.ndarray,
    centers: Sequence[np.ndarray],
    labels: np.ndarray,
    squared: np.ndarray,
    generators: Sequence[np.random.Generator],
    n_swaps: int,
) -> list[list[np.ndarray]]:
    """New starts from solutions: the two centres whose merging costs least become one, a new one is drawn.

    Parameters
    ----------
    rows : numpy.ndarray [shape=(n, d + 1), dtype=float32]
        The data in a frame, a column of ones behind.
    centers : sequence of numpy.ndarray [shape=(k, d), dtype=float32]
        One solution a run.
    labels, squared : numpy.ndarray [shape=(n_runs, n)]
        Nearest centre of each row, and the squared distance from it.
    generators : sequence of numpy.random.Generator
        One a run.
    n_swaps : int
        Starts for each run; the second merges the pair that costs second least, and so on.

    Returns
    -------
    list of list of numpy.ndarray [shape=(k, d), dtype=float32]
        Starts of each run; none for a run of a single centre.
    """
    mass = np.cumsum(squared, axis=1, dtype=np.float64)
    drawn = [_draw(m, g, n_swaps * N_CANDIDATES) for m, g in zip(mass, generators, strict=True)]
    left = _gains(rows, squared_norms(rows), squared, np.stack(drawn)).sum(axis=2, dtype=np.float64)
    best = left.reshape(len(centers), n_swaps, N_CANDIDATES).argmin(axis=2) + N_CANDIDATES * np.arange(n_swaps)
    starts: list[list[np.ndarray]] = []
    for run, old in enumerate(centers):
        counts = np.bincount(labels[run], minlength=len(old))
        first, second = np.triu_indices(len(old), 1)
        cheapest = np.argsort(merge_costs(old, counts)[first, second], kind="stable")[:n_swaps]
        starts.append([])
        for swap, pair in enumerate(cheapest):
            a, b = first[pair], second[pair]
            new = old.copy()
            weight = np.float32(counts[b] / max(counts[a] + counts[b], 1))
            new[a] += weight * (old[b] - old[a])
            new[b] = rows[drawn[run][best[run, swap]], :-1]
            starts[-1].append(new)
    return starts
