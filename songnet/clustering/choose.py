"""Choosing the number of clusters in the open: every criterion votes, a stated rule recommends."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from songnet.clustering.nulls import ALPHA, NullTest
from songnet.clustering.results import StabilityScore, SweepRow, Verdict

# What the mean adjusted Rand index between repetitions is called.
STABLE, FAIR = 0.75, 0.5


def kneedle(n_clusters: Sequence[int], values: Sequence[float]) -> int | None:
    """The elbow of a falling curve.

    Parameters
    ----------
    n_clusters : sequence of int
        Ascending.
    values : sequence of float
        Inertia or distortion at each.

    Returns
    -------
    int or None
        Both axes are brought to [0, 1]; the elbow is where the curve lies farthest below the straight line from its
        first to its last point. None with fewer than three points, or when the curve lies nowhere below the line.

    References
    ----------
    V. Satopää, J. Albrecht, D. Irwin, B. Raghavan, "Finding a 'kneedle' in a haystack", ICDCS workshops, 2011.

    Examples
    --------
    >>> kneedle([2, 3, 4, 5, 6], [100, 60, 30, 28, 26])
    4
    """
    x, y = np.asarray(n_clusters, dtype=float), np.asarray(values, dtype=float)
    if len(x) < 3 or y[0] <= y[-1]:
        return None
    depth = (x[-1] - x) / (x[-1] - x[0]) - (y - y[-1]) / (y[0] - y[-1])
    best = int(depth.argmax())
    return int(x[best]) if depth[best] > 1e-9 else None


def gap_vote(rows: Sequence[SweepRow]) -> int | None:
    """The smallest k with Gap(k) >= Gap(k + 1) - s(k + 1) (Tibshirani et al., 2001); None when there is none."""
    for row, following in pairwise(rows):
        if row.gap is None or following.gap is None or following.gap_s is None:
            return None
        if row.gap >= following.gap - following.gap_s:
            return row.n_clusters
    return None


def stability_vote(rows: Sequence[SweepRow], kind: str) -> int | None:
    """The smallest k that is as stable as the most stable one, within a standard error."""
    scores = [(row.n_clusters, row.stability[kind]) for row in rows if kind in row.stability]
    if not scores:
        return None
    best: StabilityScore = max((score for _, score in scores), key=lambda score: score.mean)
    return min(k for k, score in scores if score.mean >= best.mean - best.se)


def silhouette_vote(rows: Sequence[SweepRow]) -> int | None:
    """The k of the highest mean silhouette; the smaller one of equals."""
    known = [row for row in rows if row.silhouette is not None]
    return max(known, key=lambda row: (row.silhouette, -row.n_clusters)).n_clusters if known else None


def break_vote(rows: Sequence[SweepRow], threshold: float | None = 0.0) -> int | None:
    """The k at which the gap's rise breaks off most sharply; None when noise often has as sharp a break."""
    known = [row for row in rows if row.gap_break is not None]
    best = max(known, key=lambda row: (row.gap_break or 0.0, -row.n_clusters), default=None)
    return best.n_clusters if best is not None and (best.gap_break or 0.0) > (threshold or 0.0) else None


def recommend(rows: Sequence[SweepRow], threshold: float | None = None) -> tuple[int | None, str]:
    """The recommended number of clusters, and why.

    Only k whose silhouette is above what the Gaussian null reaches there (95 of 100 draws) are looked at, if there are
    such. Of them the one at which the gap's rise breaks off most sharply (`songnet.clustering.gap`) is recommended, if
    it is sharper than the sharpest break of 95 of 100 draws: it is also right where clusters lie inside clusters, where
    silhouette and gap go on rising. Else it is the smallest k whose mean silhouette lies inside the 95% interval of the
    highest: the highest alone is seldom significantly the highest.

    Parameters
    ----------
    rows : sequence of SweepRow
        Ascending in k.
    threshold : float or None
        Breaks below it are common in noise; None when no null model was drawn.

    Returns
    -------
    tuple of (int or None) and str
        None when no k has a silhouette.
    """
    known = [row for row in rows if row.silhouette is not None]
    if not known:
        return None, "the method finds fewer than two clusters"
    if len(rows) == 1:
        return known[0].n_clusters, "the only number of clusters there is"
    candidates = [row for row in known if _above_noise(row)] or known
    broken = break_vote(candidates, threshold)
    if broken is not None:
        return broken, _why_broken(candidates, broken, threshold or 0.0)
    best = max(candidates, key=lambda row: (row.silhouette or 0.0, -row.n_clusters))
    floor = best.silhouette_low if best.silhouette_low is not None else best.silhouette
    chosen = next(row for row in candidates if (row.silhouette or 0.0) >= (floor or 0.0))
    if chosen is best:
        return best.n_clusters, f"it has the highest mean silhouette ({best.silhouette:.3f})"
    return chosen.n_clusters, (
        f"the smallest number whose mean silhouette ({chosen.silhouette:.3f}) lies inside the 95% interval of the"
        f" highest ({best.silhouette:.3f} at {best.n_clusters}, from {best.silhouette_low:.3f})"
    )


def _above_noise(row: SweepRow) -> bool:
    # The data as the null models were measured: so many tracks, so many starts.
    return row.null_high is None or row.null_observed is None or row.null_observed > row.null_high


def _why_broken(rows: Sequence[SweepRow], broken: int, threshold: float) -> str:
    """The reason, with the next peak of the breaks that noise seldom reaches."""
    breaks = [row.gap_break or 0.0 for row in rows]
    peaks = [
        (z, row.n_clusters)
        for at, (z, row) in enumerate(zip(breaks, rows, strict=True))
        if row.n_clusters != broken and z > max([threshold, *breaks[max(0, at - 1) : at], *breaks[at + 1 : at + 2]])
    ]
    own = next(z for z, row in zip(breaks, rows, strict=True) if row.n_clusters == broken)
    following = f"; next sharpest at {max(peaks)[1]}: {max(peaks)[0]:.1f}" if peaks else ""
    return (
        f"another cluster gains much less from there on (break of the gap: {own:.1f}, noise {threshold:.1f}{following})"
    )


def votes(rows: Sequence[SweepRow], threshold: float | None = None) -> dict[str, int | None]:
    """The number of clusters that each criterion prefers, by itself; ``threshold`` as in `recommend`."""
    ks = [row.n_clusters for row in rows]
    with_bic = [row for row in rows if row.bic is not None]
    return {
        "elbow of inertia": kneedle(ks, [row.inertia for row in rows]),
        "elbow of distortion": kneedle(ks, [row.distortion for row in rows]),
        "silhouette": silhouette_vote(rows),
        "gap": gap_vote(rows),
        "break of the gap": break_vote(rows, threshold),
        "bic": min(with_bic, key=lambda row: row.bic or 0.0).n_clusters if with_bic else None,
        "stability, halves": stability_vote(rows, "halves"),
        "stability, seeds": stability_vote(rows, "seeds"),
        "stability, artists": stability_vote(rows, "artists"),
    }


def reach_verdict(rows: Sequence[SweepRow], tests: Sequence[NullTest], break_threshold: float | None = None) -> Verdict:
    """Put the evidence into one answer.

    Parameters
    ----------
    rows : sequence of SweepRow
        Ascending in k.
    tests : sequence of NullTest
        One a null model; empty when the test was left out.
    break_threshold : float or None
        From `songnet.clustering.gap.gap_breaks`.

    Returns
    -------
    Verdict
    """
    chosen, reason = recommend(rows, break_threshold)
    p_values = {test.model: test.p_value for test in tests}
    reached = [model for model, p_value in p_values.items() if p_value > ALPHA]
    explained_by = None
    if tests or chosen is None:
        explained_by = "noise" if chosen is None or "gaussian" in reached else "columns" if reached else "clusters"
    return Verdict(
        structured=None if explained_by is None else explained_by == "clusters",
        explained_by=explained_by,
        p_value=max(p_values.values(), default=None),
        n_clusters=chosen,
        reason=reason,
        votes=votes(rows, break_threshold),
    )


def trust(row: SweepRow) -> str | None:
    """How far a clustering repeats, in words; None when stability was not measured.

    The word is about halves of the tracks where they were measured: artists left out and other seeds change less, and
    are told beside it.
    """
    told = {
        "halves": "between clusterings of halves of the tracks",
        "seeds": "between seeds",
        "artists": "without a fifth of the artists",
    }
    measured = [(row.stability[kind].mean, how) for kind, how in told.items() if kind in row.stability]
    if not measured:
        return None
    first = measured[0][0]
    word = "stable" if first >= STABLE else "fairly stable" if first >= FAIR else "unstable"
    return f"{word}: adjusted Rand index " + ", ".join(f"{mean:.2f} {how}" for mean, how in measured)
