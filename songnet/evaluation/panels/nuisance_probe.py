"""Linear probes with grouped folds: what can be read from vectors of tracks whose artists were never seen.

Everything is a prediction for a track from a probe that was fitted without its artist. A quantity that is the same for
all tracks of an artist can then not be read by recognising the artist.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

# Ridge penalties, times the number of training tracks: from next to none to a probe that tells the mean.
RIDGE_PENALTIES = tuple(10.0**power for power in range(-4, 5))
# Inverse penalties of the logistic regression on standardised columns.
LOGISTIC_C = (1e-4, 1e-2, 1.0)


def ridge_errors(X: np.ndarray, Y: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors of ridge regression and of the mean, each track predicted by the other folds.

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d)]
        Vectors; columns are standardised by the training folds.
    Y : numpy.ndarray [shape=(n, m)]
        Any number of targets, predicted independently. The penalty of each is chosen within the training folds, one
        of which is held out in turn.
    folds : numpy.ndarray [shape=(n,), dtype=int]
        From `songnet.evaluation.folds.grouped_folds`, three or more.

    Returns
    -------
    residual, baseline : numpy.ndarray [shape=(n, m), dtype=float64]
        Squared errors of the probe and of the training folds' mean; ``1 - residual.sum() / baseline.sum()`` is R^2.
    """
    X, Y = X.astype(np.float64), Y.astype(np.float64)
    residual, baseline = np.empty_like(Y), np.empty_like(Y)
    numbers = np.unique(folds)
    for fold in numbers:
        test = folds == fold
        losses = np.zeros((len(RIDGE_PENALTIES), Y.shape[1]))
        for inner in numbers[numbers != fold]:
            held_out = folds == inner
            predicted = _ridge_paths(X[~test & ~held_out], Y[~test & ~held_out], X[held_out])
            losses += ((predicted - Y[held_out]) ** 2).sum(axis=1)
        best = losses.argmin(axis=0)
        predicted = _ridge_paths(X[~test], Y[~test], X[test])
        chosen = predicted[best, :, np.arange(Y.shape[1])].T
        residual[test] = (chosen - Y[test]) ** 2
        baseline[test] = (Y[~test].mean(axis=0) - Y[test]) ** 2
    return residual, baseline


def _standardised(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, std = train.mean(axis=0), train.std(axis=0)
    # What is the same for all training tracks to within rounding tells nothing and would blow up.
    varies = std > 1e-9 * np.maximum(1.0, np.abs(mean))
    scale = np.where(varies, std, 1.0)
    return np.where(varies, (train - mean) / scale, 0.0), np.where(varies, (test - mean) / scale, 0.0)


def _ridge_paths(X: np.ndarray, Y: np.ndarray, X_test: np.ndarray) -> np.ndarray:
    """Predictions for every penalty [shape=(n_penalties, n_test, m)]; one decomposition serves all."""
    X, X_test = _standardised(X, X_test)
    mean = Y.mean(axis=0)
    centred = Y - mean
    if X.shape[1] <= len(X):
        values, basis = np.linalg.eigh(X.T @ X)
        left, right = X_test @ basis, basis.T @ (X.T @ centred)
    else:
        values, basis = np.linalg.eigh(X @ X.T)
        left, right = (X_test @ X.T) @ basis, basis.T @ centred
    values = np.maximum(values, 0.0)[:, None]
    return np.stack([left @ (right / (values + len(X) * penalty)) + mean for penalty in RIDGE_PENALTIES])


def logistic_scores(X: np.ndarray, positive: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Scores of classes against the rest, each track scored by the other folds.

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d)]
        Vectors; columns are standardised by the training folds.
    positive : numpy.ndarray [shape=(n, m), dtype=bool]
        Tracks of each class; any number of them, told from the rest independently.
    folds : numpy.ndarray [shape=(n,), dtype=int]
        From `songnet.evaluation.folds.grouped_folds`, three or more.

    Returns
    -------
    numpy.ndarray [shape=(n, m), dtype=float64]
        Log odds without their constant; 0 where the training part holds no track of the class, or no other. Scores of
        two folds come from two probes: compare them within folds (`weighted_auc`).
    """
    X = X.astype(np.float64)
    scores = np.zeros(positive.shape)
    numbers = np.unique(folds)
    for place, fold in enumerate(numbers):
        test = folds == fold
        # One of the training folds decides on the penalty: of all in turn, a probe would cost four times as much.
        held_out = folds == numbers[(place + 1) % len(numbers)]
        inner = ~test & ~held_out
        inside, outside = _spanned(X[inner], X[held_out])
        train, tested = _spanned(X[~test], X[test])
        for column in range(positive.shape[1]):
            target = positive[:, column]
            losses = [_log_loss(inside, target[inner], outside, target[held_out], C) for C in LOGISTIC_C]
            scores[test, column] = _fit_score(train, target[~test], tested, LOGISTIC_C[int(np.argmin(losses))])[0]
    return scores


def _spanned(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standardised, and turned into the span of the training tracks where that has fewer columns.

    The solution of a penalised regression lies in that span: fewer columns give the same scores.
    """
    train, test = _standardised(train, test)
    if train.shape[1] <= len(train):
        return train, test
    rotation = np.linalg.svd(train, full_matrices=False)[2].T
    return train @ rotation, test @ rotation


def _log_loss(X: np.ndarray, positive: np.ndarray, X_test: np.ndarray, truth: np.ndarray, C: float) -> float:
    score, constant = _fit_score(X, positive, X_test, C)
    return float(np.logaddexp(0.0, np.where(truth, -1.0, 1.0) * (score + constant)).mean())


def _fit_score(X: np.ndarray, positive: np.ndarray, X_test: np.ndarray, C: float) -> tuple[np.ndarray, float]:
    if positive.all() or not positive.any():
        return np.zeros(len(X_test)), 0.0
    probe = LogisticRegression(C=C, max_iter=500)
    with warnings.catch_warnings():
        # What 500 steps leave undone moves no rank worth speaking of.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(X, positive)
    return X_test @ probe.coef_[0], float(probe.intercept_[0])


def weighted_auc(
    scores: np.ndarray, positive: np.ndarray, weights: np.ndarray, folds: np.ndarray | None = None
) -> np.ndarray:
    """Area under the ROC curve for many weightings of the tracks at once; ties count half.

    Parameters
    ----------
    scores : numpy.ndarray [shape=(n,)]
        Higher speaks for the class.
    positive : numpy.ndarray [shape=(n,), dtype=bool]
        Tracks of the class.
    weights : numpy.ndarray [shape=(m, n)]
        How often each track counts.
    folds : numpy.ndarray or None [shape=(n,), dtype=int]
        Only tracks of one fold are compared with each other. Across folds, scores come from different probes, and a
        fold that holds more of a class was scored by a probe that saw less of it: random scores would fall below 0.5.

    Returns
    -------
    numpy.ndarray [shape=(m,), dtype=float64]
        NaN where there is no pair to compare.

    Examples
    --------
    >>> weighted_auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]), np.ones((1, 4))).tolist()
    [0.875]
    """
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for fold in np.unique(folds) if folds is not None else [None]:
        inside = slice(None) if fold is None else folds == fold
        values, inverse = np.unique(scores[inside], return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[order], np.arange(len(values)))
        sorted_weights, sorted_positive = weights[:, inside][:, order], positive[inside][order]
        hits = np.add.reduceat(sorted_weights * sorted_positive, starts, axis=1)
        misses = np.add.reduceat(sorted_weights * ~sorted_positive, starts, axis=1)
        won += (hits * (np.cumsum(misses, axis=1) - misses / 2)).sum(axis=1)
        pairs += hits.sum(axis=1) * misses.sum(axis=1)
    area: np.ndarray = np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return area
