"""Scores of agreement between two partitions, each computed from their contingency table.

Conventions: rows are groups of the first partition, columns of the second; logarithms are natural; empty rows and
columns do not count. AMI and ARI are corrected for chance: 0 is what independent partitions with groups of these sizes
reach on average, 1 is the same partition, and less than 0 is possible. NMI, homogeneity, completeness and V-measure are
not: they grow with the number of groups (two independent partitions of 50,000 tracks into 2,000 groups have an NMI of
0.57), so they are for comparison with the literature, never for a verdict.

References
----------
N. X. Vinh, J. Epps, J. Bailey, "Information theoretic measures for clusterings comparison: variants, properties,
normalization and correction for chance", JMLR 11, 2010 (AMI). L. Hubert, P. Arabie, "Comparing partitions", Journal of
Classification 2, 1985 (ARI). A. Rosenberg, J. Hirschberg, "V-measure: a conditional entropy-based external cluster
evaluation measure", EMNLP-CoNLL 2007.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, xlogy

from songnet.comparison.element_centric import element_centric_similarity
from songnet.errors import ParameterError

_CHUNK = 1_000_000


@dataclass(frozen=True)
class Scores:
    """Agreement of two partitions, chance-corrected scores first.

    Parameters
    ----------
    ami, ari : float
        Adjusted mutual information (arithmetic normaliser) and adjusted Rand index: 0 by chance, at most 1.
    element_centric : float
        Element-centric similarity, 0 to 1; not corrected for chance.
    nmi, homogeneity, completeness, v_measure : float
        0 to 1; not corrected for chance. Homogeneity is 1 when each group of the second partition holds tracks of one
        group of the first only, completeness the other way round; V-measure, their harmonic mean, equals NMI.
    """

    ami: float
    ari: float
    element_centric: float
    nmi: float
    homogeneity: float
    completeness: float
    v_measure: float


def score_table(table: np.ndarray) -> Scores:
    """All scores of a contingency table.

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b), dtype=int64]
        Tracks in each pair of groups.

    Returns
    -------
    Scores

    Raises
    ------
    ParameterError
        If the table holds no track or a number below 0.

    Examples
    --------
    >>> scores = score_table(np.array([[2, 0], [0, 2]]))
    >>> scores.ami, scores.ari, scores.v_measure
    (1.0, 1.0, 1.0)
    """
    margins = check_table(table)
    information = mutual_information(table)
    rows, columns = (entropy(sizes) for sizes in margins)
    homogeneity = information / rows if rows > 0 else 1.0
    completeness = information / columns if columns > 0 else 1.0
    both = homogeneity + completeness
    return Scores(
        adjusted_mutual_information(table),
        adjusted_rand_index(table),
        element_centric_similarity(table),
        normalised_mutual_information(table),
        homogeneity,
        completeness,
        2 * homogeneity * completeness / both if both > 0 else 0.0,
    )


def adjusted_rand_index(table: np.ndarray) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985), from -0.5 to 1.

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b), dtype=int64]
        Tracks in each pair of groups.

    Returns
    -------
    float
        1 for equal partitions, two trivial ones included.

    Examples
    --------
    >>> adjusted_rand_index(np.array([[1, 1], [1, 1]]))
    -0.5
    """
    rows, columns = check_table(table)
    n = int(rows.sum())
    # Squares of pairs of 300,000 tracks do not fit 64 bits: whole numbers of Python do not overflow.
    together = _pairs(table[table > 0])
    in_rows, in_columns, all_pairs = _pairs(rows), _pairs(columns), n * (n - 1) // 2
    if in_rows == in_columns == together:
        return 1.0
    expected = 2 * in_rows * in_columns
    return (2 * together * all_pairs - expected) / ((in_rows + in_columns) * all_pairs - expected)


def adjusted_mutual_information(table: np.ndarray) -> float:
    """Adjusted mutual information with the arithmetic normaliser (Vinh et al. 2010).

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b), dtype=int64]
        Tracks in each pair of groups.

    Returns
    -------
    float
        0 on average for independent partitions with groups of these sizes; 1 for equal ones, two trivial ones
        included; 0 when only one of them is a single group.

    Examples
    --------
    >>> round(adjusted_mutual_information(np.array([[4, 1], [1, 4]])), 3)
    0.21
    """
    rows, columns = check_table(table)
    return adjust(mutual_information(table), rows, columns)


def adjust(information: float, rows: np.ndarray, columns: np.ndarray, expected: float | None = None) -> float:
    """Correct a mutual information for chance.

    Parameters
    ----------
    information : float
        Mutual information in nats.
    rows, columns : numpy.ndarray [shape=(a,), shape=(b,), dtype=int64]
        Sizes of the groups, all at least 1.
    expected : float or None
        From `expected_mutual_information`, if it is known already.

    Returns
    -------
    float
    """
    if len(rows) == 1 or len(columns) == 1:
        return float(len(rows) == len(columns))
    if expected is None:
        expected = expected_mutual_information(rows, columns)
    most = (entropy(rows) + entropy(columns)) / 2
    if most - expected < 1e-12 * most:
        # Every partition with groups of these sizes scores the same: all tracks alone, twice.
        return 1.0
    return (information - expected) / (most - expected)


def normalised_mutual_information(table: np.ndarray) -> float:
    """Mutual information over the mean of both entropies, 0 to 1; not corrected for chance.

    Two trivial partitions are equal and have 1.
    """
    rows, columns = check_table(table)
    most = (entropy(rows) + entropy(columns)) / 2
    return mutual_information(table) / most if most > 0 else 1.0


def mutual_information(table: np.ndarray) -> float:
    """Mutual information of the groups of a table [nats], at least 0."""
    rows, columns = check_table(table)
    joint = table[table > 0]
    return max(0.0, entropy(rows) + entropy(columns) - entropy(joint))


def entropy(counts: np.ndarray) -> float:
    """Entropy of a distribution given as counts of at least 1 [nats]."""
    n = counts.sum()
    return max(0.0, float(np.log(n) - xlogy(counts, counts).sum() / n)) if len(counts) > 1 else 0.0


def expected_mutual_information(rows: np.ndarray, columns: np.ndarray) -> float:
    """Mean mutual information of random partitions with groups of given sizes [nats].

    Parameters
    ----------
    rows, columns : numpy.ndarray [shape=(a,), shape=(b,), dtype=int64]
        Sizes of the groups, all at least 1, of the same sum.

    Returns
    -------
    float

    Notes
    -----
    The number of tracks in a cell is hypergeometric (Vinh et al. 2010, equation 24a). Cells of one pair of sizes have
    the same expectation, and there are at most sqrt(2 n) distinct sizes, so 2,000 x 2,000 groups cost no more than some
    thousand cells. Counts farther from the mean than 32 + 10 standard deviations are left out: a hypergeometric
    count is a sum of independent indicators (Vatutin and Mikhailov 1982), and Bernstein's inequality puts less than
    1e-19 there.
    """
    n = int(rows.sum())
    a, times_a = (values.astype(np.int64) for values in np.unique(rows, return_counts=True))
    b, times_b = (values.astype(np.int64) for values in np.unique(columns, return_counts=True))
    a, b = (grid.ravel() for grid in np.meshgrid(a, b, indexing="ij"))
    weights = np.outer(times_a, times_b).ravel().astype(np.float64)
    mean = a * (b / n)
    reach = 32 + 10 * np.sqrt(mean * (1 - a / n) * (1 - b / n) * n / max(n - 1, 1))
    low = np.maximum(np.maximum(1, a + b - n), np.floor(mean - reach).astype(np.int64))
    lengths = np.maximum(np.minimum(np.minimum(a, b), np.ceil(mean + reach).astype(np.int64)) - low + 1, 0)
    log_factorial = gammaln(np.arange(n + 1) + 1.0)
    constant = (
        log_factorial[a] + log_factorial[b] + log_factorial[n - a] + log_factorial[n - b] - log_factorial[n]
    )  # of the logarithm of the probability
    total = 0.0
    ends = np.cumsum(lengths)
    start = 0
    while start < len(a):
        # As many pairs of sizes at once as fit a chunk, at least one.
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _CHUNK, side="right")))
        of = np.repeat(np.arange(start, stop), lengths[start:stop])
        count = low[of] + np.arange(len(of)) - (ends[of] - lengths[of] - done)
        log_p = (
            constant[of]
            - log_factorial[count]
            - log_factorial[a[of] - count]
            - log_factorial[b[of] - count]
            - log_factorial[n - a[of] - b[of] + count]
        )
        information = count / n * (np.log(count) - np.log(mean[of]))
        total += float((weights[of] * information * np.exp(log_p)).sum())
        start = stop
    return total


def check_table(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of the groups of a table, without empty ones.

    Raises
    ------
    ParameterError
        If it has not two dimensions, holds no track, or a number below 0.
    """
    if table.ndim != 2:
        raise ParameterError(f"a contingency table has two dimensions, not {table.ndim}")
    if table.size and table.min() < 0:
        raise ParameterError(f"a contingency table counts tracks; {table.min()} is no count")
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if not rows.any():
        raise ParameterError("the contingency table holds no track: there is nothing to compare")
    return rows[rows > 0], columns[columns > 0]


def _pairs(counts: np.ndarray) -> int:
    """Pairs of tracks within groups; the sum fits 64 bits up to four thousand million tracks."""
    values = counts.astype(np.int64)
    return int((values * (values - 1) // 2).sum())
