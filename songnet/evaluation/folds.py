"""Folds of whole groups, for every probe: what is predicted of an artist was never learnt from that artist."""

from __future__ import annotations

import numpy as np

from songnet.errors import ParameterError

N_FOLDS = 5


def grouped_folds(
    groups: np.ndarray, labels: np.ndarray | None = None, *, n_folds: int = N_FOLDS, seed: int = 0
) -> np.ndarray:
    """Fold of each track; a group is never parted, folds are about equally large, and labels are spread over them.

    Parameters
    ----------
    groups : numpy.ndarray [shape=(n,), dtype=int]
        Any numbers; equal numbers are one group.
    labels : numpy.ndarray or None [shape=(n,), dtype=int]
        Classes, from 0.
    n_folds : int
        2 or more; fewer are made where there are fewer groups.
    seed : int
        Decides which groups stand together.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=int64]
        The largest groups are laid first, each into the fold with the fewest tracks of its commonest label, of those
        into the emptiest.

    Raises
    ------
    ParameterError
        If there are fewer than two groups, or ``n_folds`` is below 2.

    Examples
    --------
    >>> folds = grouped_folds(np.array([7, 7, 8, 8, 9, 9]), n_folds=3)
    >>> sorted(folds[::2].tolist()), (folds[::2] == folds[1::2]).all().item()
    ([0, 1, 2], True)
    """
    if n_folds < 2:
        raise ParameterError(f"n_folds is {n_folds}; it must be 2 or more")
    _, numbers = np.unique(groups, return_inverse=True)
    n_groups = int(numbers.max()) + 1 if len(numbers) else 0
    if n_groups < 2:
        raise ParameterError("all labelled tracks are one group: nothing can be held out")
    known = np.zeros(len(groups), dtype=np.int64) if labels is None else labels
    table = np.zeros((n_groups, int(known.max()) + 1), dtype=np.int64)
    np.add.at(table, (numbers, known), 1)
    order = np.random.default_rng([seed, 0x666F6C64]).permutation(n_groups)
    # Those of one size stay in random order.
    order = order[np.argsort(-table.sum(axis=1)[order], kind="stable")]
    filled = np.zeros((min(n_folds, n_groups), table.shape[1]), dtype=np.int64)
    fold_of_group = np.empty(n_groups, dtype=np.int64)
    for group in order:
        commonest = int(table[group].argmax())
        fold = np.lexsort((filled.sum(axis=1), filled[:, commonest]))[0]
        fold_of_group[group] = fold
        filled[fold] += table[group]
    folds: np.ndarray = fold_of_group[numbers]
    return folds
