"""What agreement chance brings: labels of one partition are dealt out anew, and the score is taken again.

Two null models. Under ``"tracks"`` the labels of the second partition are exchangeable between any two tracks. That is
easily refuted for music: tracks of one artist sound alike and stand in the same playlists, so two partitions that know
nothing but the artist agree far more than shuffled labels do. Under ``"artists"`` whole artists change places: the
labels of an artist's tracks stay together and go to another artist of as many tracks. What exceeds that is agreement
about music, not about names.

Held fixed by ``"artists"``: the first partition; which tracks belong to one artist; how many tracks an artist has; how
often each group occurs in the second partition; and which labels occur together at one artist. Exchangeable: artists of
the same number of tracks, the tracks within an artist, and tracks of unknown artist among each other.

Sizes that fewer than `MIN_ARTISTS` artists have are put together with sizes up to a quarter larger. So that their
artists can change places exactly, each of them then counts with as many tracks as the smallest among them has, chosen
at random once, in the observed score as in every draw. An artist whose size remains its own stays where it is: only
its tracks change places. Both make the test weaker, never too sure.

References
----------
B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical Applications in Genetics and
Molecular Biology 9, 2010. P. I. Good, "Permutation, parametric and bootstrap tests of hypotheses", 2005 (exchangeable
units).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from songnet.comparison.scores import adjust, entropy, expected_mutual_information
from songnet.errors import ParameterError
from songnet.progress import Progress, silent

NULL_KINDS = ("tracks", "artists")
# Sizes of at least this many artists are exchanged among themselves alone.
MIN_ARTISTS = 10
# The largest size of artists that change places, over the smallest.
SIMILAR = 1.25
UNKNOWN = -1
# A draw that happens to be the observed labels may differ in the last bits, its cells being summed in another order.
_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class NullTest:
    """An observed AMI among those of labels dealt out anew.

    Parameters
    ----------
    kind : str
        ``"tracks"`` or ``"artists"``.
    observed : float
        AMI of the tracks that took part.
    draws : numpy.ndarray [shape=(n_draws,), dtype=float64]
        AMI of each draw.
    p_value : float
        Share of draws, the observed counted among them, that reach the observed: at least 1 / (n_draws + 1).
    z : float
        (observed - mean of draws) / deviation of draws; 0 where all draws are the observed.
    n_tracks : int
        Tracks that took part.
    n_left_out : int
        Tracks that did not, because their artist has more tracks than those it changes places with.
    n_fixed : int
        Tracks, among those that took part, of artists that could not change places.
    """

    kind: str
    observed: float
    draws: np.ndarray
    p_value: float
    z: float
    n_tracks: int
    n_left_out: int = 0
    n_fixed: int = 0


def permutation_null(
    first: np.ndarray, second: np.ndarray, *, n_draws: int = 999, seed: int = 0, progress: Progress = silent
) -> NullTest:
    """Test against labels that any two tracks may exchange.

    Parameters
    ----------
    first, second : numpy.ndarray [shape=(n,), dtype=int]
        Labels of the same tracks.
    n_draws : int
        Draws, at least 1.
    seed : int
        Of the draws.
    progress : Progress
        Told of draws.

    Returns
    -------
    NullTest

    Raises
    ------
    ParameterError
        If the labels do not match, are none, or ``n_draws`` is less than 1.

    Examples
    --------
    >>> labels = np.repeat([0, 1, 2], 20)
    >>> permutation_null(labels, labels, n_draws=99).p_value
    0.01
    """
    _check(first, second, n_draws)
    strata = [np.arange(len(first))[:, None]]
    return _test("tracks", first, second, strata, n_draws, np.random.default_rng([seed, 0]), progress)


def artist_null(
    first: np.ndarray,
    second: np.ndarray,
    artists: np.ndarray,
    *,
    n_draws: int = 999,
    seed: int = 0,
    progress: Progress = silent,
) -> NullTest:
    """Test against labels that change places artist by artist.

    Parameters
    ----------
    first, second : numpy.ndarray [shape=(n,), dtype=int]
        Labels of the same tracks.
    artists : numpy.ndarray [shape=(n,), dtype=int64]
        Number of each track's artist; -1 where it is unknown, such tracks exchange labels freely.
    n_draws, seed, progress
        As in `permutation_null`.

    Returns
    -------
    NullTest

    Raises
    ------
    ParameterError
        If labels and artists do not match, are none, or ``n_draws`` is less than 1.

    Examples
    --------
    >>> artists = np.repeat(np.arange(60), 10)
    >>> rng = np.random.default_rng(0)
    >>> sound, playlists = rng.integers(0, 4, 60)[artists], rng.integers(0, 4, 60)[artists]
    >>> plain, blocks = permutation_null(sound, playlists), artist_null(sound, playlists, artists)
    >>> plain.p_value < 0.01, blocks.p_value > 0.05
    (True, True)
    """
    _check(first, second, n_draws)
    if len(artists) != len(first):
        raise ParameterError(f"{len(artists)} artists and {len(first)} tracks do not match")
    strata = artist_strata(artists, np.random.default_rng([seed, 1]))
    return _test("artists", first, second, strata, n_draws, np.random.default_rng([seed, 2]), progress)


def artist_strata(artists: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Artists that may change places.

    Parameters
    ----------
    artists : numpy.ndarray [shape=(n,), dtype=int64]
        Number of each track's artist, -1 where it is unknown.
    rng : numpy.random.Generator
        Chooses which tracks of larger artists take part.

    Returns
    -------
    list of numpy.ndarray [shape=(n_artists, n_tracks), dtype=int64]
        Rows of tracks, a line an artist; artists of one array may change places. A track stands once at most. Tracks of
        unknown artist are an array of their own with one track a line.
    """
    unknown = np.flatnonzero(artists == UNKNOWN)
    known = np.flatnonzero(artists != UNKNOWN)
    # In a random order within the artist, so that the first ones are a random choice.
    shuffled = rng.permutation(known)
    order = shuffled[np.argsort(artists[shuffled], kind="stable")]
    _, starts, sizes = np.unique(artists[order], return_index=True, return_counts=True)
    strata = [unknown[:, None]] if len(unknown) else []
    for group in _similar_sizes(sizes):
        members = np.flatnonzero(np.isin(sizes, group))
        strata.append(order[starts[members, None] + np.arange(min(group))])
    return strata


def _similar_sizes(sizes: np.ndarray) -> list[list[int]]:
    """Sizes of artists in groups: common ones each alone, rare ones with those that are little larger."""
    values, counts = np.unique(sizes, return_counts=True)
    groups: list[list[int]] = []
    rare: list[int] = []
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        if count >= MIN_ARTISTS:
            groups.append([value])
        elif rare and value <= SIMILAR * rare[0]:
            rare.append(value)
        else:
            rare = [value]
            groups.append(rare)
    return groups


def deal(labels: np.ndarray, strata: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Labels after artists have changed places within their strata, and tracks within their artists.

    Parameters
    ----------
    labels : numpy.ndarray [shape=(n,)]
        Labels of all tracks.
    strata : sequence of numpy.ndarray
        From `artist_strata`.
    rng : numpy.random.Generator
        Deals.

    Returns
    -------
    numpy.ndarray [shape=(n,)]
    """
    dealt = labels.copy()
    for lines in strata:
        sources = lines[rng.permutation(len(lines))]
        if lines.shape[1] > 1:
            sources = rng.permuted(sources, axis=1)
        dealt[lines] = labels[sources]
    return dealt


def _test(
    kind: str,
    first: np.ndarray,
    second: np.ndarray,
    strata: Sequence[np.ndarray],
    n_draws: int,
    rng: np.random.Generator,
    progress: Progress,
) -> NullTest:
    rows = np.sort(np.concatenate([lines.ravel() for lines in strata]))
    place = np.full(len(first), -1)
    place[rows] = np.arange(len(rows))
    inside = [place[lines] for lines in strata]
    (_, left, a), (_, right, b) = (
        np.unique(labels[rows], return_inverse=True, return_counts=True) for labels in (first, second)
    )
    # Dealing changes neither the sizes of groups nor what chance is worth: only the cells are new.
    expected = expected_mutual_information(a, b)
    apart = entropy(a) + entropy(b) - np.log(len(rows))
    weights = xlogy(np.arange(len(rows) + 1), np.arange(len(rows) + 1)) / len(rows)
    base = left * len(b)

    def score(labels: np.ndarray) -> float:
        return adjust(apart + float(weights[_cells(base + labels, len(a) * len(b))].sum()), a, b, expected)

    observed = score(right)
    draws = np.empty(n_draws)
    for draw in range(n_draws):
        draws[draw] = score(deal(right, inside, rng))
        if draw % 100 == 99 or draw == n_draws - 1:
            progress(f"draws of {kind}", draw + 1, n_draws)
    deviation = float(draws.std(ddof=1)) if n_draws > 1 else 0.0
    difference = observed - float(draws.mean())
    return NullTest(
        kind,
        observed,
        draws,
        (1 + int((draws >= observed - _TIE).sum())) / (1 + n_draws),
        difference / deviation if deviation > _TIE else 0.0,
        len(rows),
        len(first) - len(rows),
        sum(lines.size for lines in strata if len(lines) == 1),
    )


def _cells(cells: np.ndarray, n_cells: int) -> np.ndarray:
    """Tracks in each cell that may hold one: by counting where the table is small, else by sorting."""
    if n_cells <= 4 * len(cells):
        return np.bincount(cells)
    ordered = np.sort(cells)
    edges = np.flatnonzero(np.diff(ordered, prepend=-1))
    return np.diff(edges, append=len(ordered))


def _check(first: np.ndarray, second: np.ndarray, n_draws: int) -> None:
    if len(first) != len(second):
        raise ParameterError(f"{len(first)} and {len(second)} labels do not speak of the same tracks")
    if not len(first):
        raise ParameterError("there is no track to compare")
    if n_draws < 1:
        raise ParameterError(f"n_draws is {n_draws}; a null model needs at least 1 draw")
