"""One quantity read from one kind of vectors: how well, how sure, and what chance would have given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.evaluation.folds import grouped_folds
from songnet.evaluation.panels.nuisance_probe import logistic_scores, ridge_errors, weighted_auc
from songnet.evaluation.panels.nuisance_values import Nuisance

# Fewer groups cannot be drawn anew in enough ways for an interval; fewer tracks tell nothing.
MIN_GROUPS, MIN_TRACKS = 8, 20
# Fewer tracks that differ from the commonest value, or of a class, are no quantity to learn.
MIN_DIFFERENT = 8
# Logistic regressions cannot share their work as ridge regressions do.
CLASS_CONTROLS = 5


@dataclass(frozen=True)
class Readout:
    """How well one quantity can be read from one kind of vectors.

    Parameters
    ----------
    vectors, nuisance : str
        Names of both.
    measure : str
        ``"r2"`` (numbers: share of the variance that ridge regression predicts; 0 is the mean, below 0 is worse) or
        ``"auc"`` (classes: area under the ROC curve of logistic regression, each class against the rest, mean over
        the classes, tracks of one fold compared; 0.5 is chance).
    value, low, high : float or None
        Measured, and bounds of its 95% interval over groups. None where there is nothing to read.
    chance, chance_high : float or None
        Mean and largest value for the same target in a random order of the tracks.
    n_tracks, n_groups : int
        Tracks whose value is known, and their groups.
    classes : tuple of str
        Those that were told apart.
    note : str
        Why there is no value, or what was left out; empty otherwise.
    """

    vectors: str
    nuisance: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    chance: float | None
    chance_high: float | None
    n_tracks: int
    n_groups: int
    classes: tuple[str, ...] = ()
    note: str = ""

    @property
    def readable(self) -> bool:
        """Whether the interval lies above chance and every control below the value."""
        if self.value is None or self.low is None or self.chance_high is None:
            return False
        return self.low > (0.0 if self.measure == "r2" else 0.5) and self.value > self.chance_high


def read_out(
    X: np.ndarray,
    nuisance: Nuisance,
    groups: np.ndarray,
    *,
    vectors: str = "vectors",
    n_bootstrap: int = 1000,
    n_controls: int = 20,
    level: float = 0.95,
    seed: int = 0,
) -> Readout:
    """How well one nuisance can be read from vectors; parameters as in `nuisance_panel`."""
    known = nuisance.known
    X, values, groups = X[known], nuisance.values[known], groups[known]
    measure = "r2" if nuisance.kind == "number" else "auc"
    n_groups = len(np.unique(groups))

    def told(note: str) -> Readout:
        nothing = (None,) * 5
        return Readout(vectors, nuisance.name, measure, *nothing, len(values), n_groups, note=note)

    if not len(values):
        return told("unknown for all tracks")
    distinct, counts = np.unique(values.astype(str if measure == "auc" else np.float64), return_counts=True)
    if len(distinct) == 1:
        shown = distinct[0] if measure == "auc" else f"{distinct[0]:g} {nuisance.unit}".strip()
        return told(f"nothing to read: {shown} for all {len(values)} tracks")
    if len(values) < MIN_TRACKS or n_groups < MIN_GROUPS:
        return told(f"{len(values)} tracks in {n_groups} groups are too few: {MIN_TRACKS} in {MIN_GROUPS} are needed")
    common = distinct[counts >= MIN_DIFFERENT]
    if measure == "auc" and len(common) < 2:
        return told(f"nothing to read: fewer than two classes have {MIN_DIFFERENT} tracks")
    if measure == "r2" and len(values) - counts.max() < MIN_DIFFERENT:
        differ = len(values) - int(counts.max())
        return told(f"nothing to read: only {differ} of {len(values)} tracks differ from {distinct[counts.argmax()]:g}")
    folds = grouped_folds(groups, seed=seed)
    rng = np.random.default_rng([seed, 7])
    weights = _draws(groups, n_bootstrap, rng)

    def orders(n: int) -> list[np.ndarray]:
        return [rng.permutation(n) for _ in range(n_controls if measure == "r2" else min(n_controls, CLASS_CONTROLS))]

    classes = tuple(str(name) for name in common) if measure == "auc" else ()
    # One thread: sums are then the same on every machine.
    with ONE_THREAD_BLAS:
        if measure == "r2":
            found, drawn, controls = _numbers(X, values.astype(np.float64), folds, orders(len(values)), weights)
        else:
            found, drawn, controls = _classes(X, values, classes, folds, orders, weights)
    tail = (1 - level) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    rare = len(distinct) - len(common) if measure == "auc" else 0
    return Readout(
        vectors,
        nuisance.name,
        measure,
        found,
        float(low),
        float(high),
        float(controls.mean()) if len(controls) else None,
        float(controls.max()) if len(controls) else None,
        len(values),
        n_groups,
        classes,
        f"{rare} rare classes left out" if rare else "",
    )


def _draws(groups: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """How often each track counts when groups are drawn with replacement [shape=(n, n_tracks)]."""
    _, inverse = np.unique(groups, return_inverse=True)
    n_groups = int(inverse.max()) + 1
    times = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n)
    drawn: np.ndarray = times[:, inverse].astype(np.float64)
    return drawn


def _numbers(
    X: np.ndarray, values: np.ndarray, folds: np.ndarray, orders: list[np.ndarray], weights: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    targets = np.column_stack([values, *(values[order] for order in orders)])
    targets = (targets - values.mean()) / values.std()
    residual, baseline = ridge_errors(X, targets, folds)
    scores = 1.0 - residual.sum(axis=0) / baseline.sum(axis=0)
    drawn = 1.0 - (weights @ residual[:, 0]) / (weights @ baseline[:, 0])
    return float(scores[0]), drawn, scores[1:]


def _classes(
    X: np.ndarray,
    values: np.ndarray,
    classes: tuple[str, ...],
    folds: np.ndarray,
    orders: Callable[[int], list[np.ndarray]],
    weights: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray]:
    inside = np.isin(values, classes)
    # Of two classes, each is the rest of the other: one probe says both.
    tested = classes if len(classes) > 2 else classes[:1]
    kept = values[inside]
    targets = [kept, *(kept[order] for order in orders(len(kept)))]
    positive = np.column_stack([target == name for target in targets for name in tested])
    scores = logistic_scores(X[inside], positive, folds[inside])
    once = np.ones((1, len(kept)))

    def area(target: int, times: np.ndarray) -> np.ndarray:
        columns = range(target * len(tested), (target + 1) * len(tested))
        each = [weighted_auc(scores[:, column], positive[:, column], times, folds[inside]) for column in columns]
        mean: np.ndarray = np.mean(each, axis=0)
        return mean

    both = area(0, np.concatenate([once, weights[:, inside]]))
    controls = np.array([area(target, once)[0] for target in range(1, len(targets))])
    return float(both[0]), both[1:], controls
