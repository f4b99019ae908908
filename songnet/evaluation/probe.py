"""Linear probe: what a straight cut can read from the vectors, on artists it has not seen.

Conventions
-----------
Logistic regression (L2, C = 1) on standardised vectors, as they are: no whitening, no components left out. The means
and deviations are those of the training folds. Folds hold whole groups (artists, else albums, else tracks), so that a
probe cannot know a label by knowing its artist. Balanced accuracy is the mean over labels of the share found; chance is
1 / labels for it, and the share of the commonest label (the majority baseline) for accuracy. Vectors that know nothing
can fall below chance: what is commoner in the training folds is rarer in the one that is held out.

References
----------
G. Alain, Y. Bengio, "Understanding intermediate layers using linear classifier probes", 2016. J. Turian et al.,
"HEAR: Holistic evaluation of audio representations", NeurIPS 2021 competitions track, PMLR 176.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from songnet.clustering.blocks import ONE_THREAD_BLAS, as_rows
from songnet.evaluation.folds import N_FOLDS, grouped_folds

MAX_ITERATIONS = 500


@dataclass(frozen=True, eq=False)
class ProbeScores:
    """What the held-out folds were told.

    Parameters
    ----------
    correct : numpy.ndarray [shape=(n,), dtype=float64]
        Whether the probe names each row's label: 1 or 0.
    majority : float
        Share of the commonest label.
    n_unseen : int
        Rows whose label stands in their own fold alone: no probe could name it.
    converged : bool
        Whether every fold's fit came to rest.
    """

    correct: np.ndarray
    majority: float
    n_unseen: int
    converged: bool


def probe_scores(
    vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, n_folds: int = N_FOLDS, seed: int = 0
) -> ProbeScores:
    """Fit on all folds but one, ask the one, in turn.

    Parameters
    ----------
    vectors : numpy.ndarray [shape=(n, d)]
        Finite.
    labels, groups : numpy.ndarray [shape=(n,), dtype=int]
        Class and group of each row, from 0.
    n_folds, seed : int
        See `songnet.evaluation.folds.grouped_folds`.

    Raises
    ------
    ParameterError
        If there are fewer than two groups.
    """
    X = as_rows(vectors, "vectors").astype(np.float64)
    folds = grouped_folds(groups, labels, n_folds=n_folds, seed=seed)
    correct = np.zeros(len(X))
    n_unseen, converged = 0, True
    for fold in np.unique(folds):
        held = folds == fold
        told, truth = labels[~held], labels[held]
        n_unseen += int((~np.isin(truth, told)).sum())
        if len(np.unique(told)) < 2:
            correct[held] = truth == told[0]
            continue
        mean, deviation = X[~held].mean(axis=0), X[~held].std(axis=0)
        scale = np.where(deviation > 1e-9 * max(1e-300, float(deviation.max())), deviation, np.inf)
        with ONE_THREAD_BLAS, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model = LogisticRegression(C=1.0, max_iter=MAX_ITERATIONS).fit((X[~held] - mean) / scale, told)
            correct[held] = model.predict((X[held] - mean) / scale) == truth
        converged &= not any(issubclass(entry.category, ConvergenceWarning) for entry in caught)
    return ProbeScores(correct, float(np.bincount(labels).max() / len(labels)), n_unseen, converged)


def class_columns(correct: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Columns whose sums are, for each class, how many were right, then how many there are [shape=(n, 2 classes)]."""
    n_classes = int(labels.max()) + 1
    belongs = np.eye(n_classes)[labels]
    return np.concatenate([belongs * correct[:, None], belongs], axis=1)


def balanced(sums: np.ndarray) -> np.ndarray:
    """Balanced accuracy of sums of `class_columns`; classes that a draw does not hold are left out."""
    n_classes = sums.shape[1] // 2
    there = sums[:, n_classes:] > 0
    shares = np.divide(sums[:, :n_classes], sums[:, n_classes:], out=np.zeros_like(sums[:, n_classes:]), where=there)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = shares.sum(axis=1) / there.sum(axis=1)
    return means
