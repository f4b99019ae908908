"""Does a code use its dimensions, or does it say the same of everything?

References
----------
Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016 (active units).
O. Roy, M. Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
T. Wang, P. Isola, "Understanding contrastive representation learning through alignment and uniformity on the
hypersphere", ICML 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.errors import ParameterError
from songnet.evaluation.panels.plain import plain_numbers

# Burda et al.: variance over data of a posterior's mean, whose prior has variance 1.
ACTIVE_VARIANCE = 0.01
# Codes without a prior have no scale of their own: a dimension is compared with the largest.
ACTIVE_SHARE = 0.01
# A posterior that is this close to its prior says nothing: Burda's variance of 0.01 is about half of it, in nats.
SILENT_KL = 0.01
# One direction with so much of the variance orders tracks along a line, whatever the others hold.
COLLAPSED_SHARE = 0.95
# Roy and Vetterli's effective rank of a line is 1, of a disc 2.
COLLAPSED_RANK = 2.0
# Rows that pairs are taken of, for uniformity.
MAX_PAIRED = 2000


@dataclass(frozen=True)
class CollapseReport:
    """The collapse panel.

    Parameters
    ----------
    n, d : int
        Rows and dimensions.
    active_units : int
        Dimensions in use, by `active_rule`.
    active_rule : str
        ``"variance > 0.01"`` for posterior means (Burda et al. 2016); ``"std > 1% of the largest"`` otherwise.
    effective_rank, participation_ratio, first_share : float
        Of the centred rows as they are: exponential of the entropy of the normalised singular values (1 to
        min(n - 1, d)); squared sum of the variances along the principal axes over the sum of their squares; share of
        the variance along the first. 0 where all rows are equal.
    standard_rank, standard_participation, standard_first_share : float
        The same with the active dimensions brought to standard deviation 1, as SongNet does before it compares
        vectors: units of the dimensions then play no part. The verdict is on these.
    uniformity : float
        Logarithm of the mean of ``exp(-2 d^2)`` over pairs of the standardised rows on the unit sphere (Wang and
        Isola 2020): 0 for a single point, the lower the better spread.
    alignment : float or None
        Mean squared distance there of two rows of one group (clips of a track), 0 to 4; None without groups.
    kl_per_dim : tuple of float or None
        Divergence from the prior in nats, for models that have one.
    silent_units : int or None
        Dimensions with less than 0.01 nats.
    collapsed : bool
        The verdict.
    reason : str
        What it rests on, with the thresholds.
    """

    n: int
    d: int
    active_units: int
    active_rule: str
    effective_rank: float
    participation_ratio: float
    first_share: float
    standard_rank: float
    standard_participation: float
    standard_first_share: float
    uniformity: float
    alignment: float | None
    kl_per_dim: tuple[float, ...] | None
    silent_units: int | None
    collapsed: bool
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; numbers to six digits."""
        return plain_numbers(asdict(self))


def collapse_panel(
    codes: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    posterior: bool = False,
    kl_per_dim: Sequence[float] | np.ndarray | None = None,
    seed: int = 0,
) -> CollapseReport:
    """How many dimensions a code uses, and whether it has collapsed.

    Parameters
    ----------
    codes : numpy.ndarray [shape=(n, d)]
        Of clips or tracks; two rows or more, finite.
    groups : numpy.ndarray or None [shape=(n,)]
        Track of each row; with it, alignment is measured over pairs of rows of one track.
    posterior : bool
        The rows are posterior means of a model whose prior has variance 1.
    kl_per_dim : array or None [shape=(m,)]
        Mean divergence from the prior over data, in nats, as ``card.training["latent"]["kl_per_dim_nats"]`` has it.
    seed : int
        Of the rows that pairs are taken of, where there are more than 2,000.

    Returns
    -------
    CollapseReport

    Raises
    ------
    ParameterError
        If shapes do not fit, or a value is not finite.

    Examples
    --------
    >>> codes = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> report = collapse_panel(codes)
    >>> report.active_units, round(report.effective_rank, 6), report.collapsed
    (2, 2.0, False)
    """
    X = np.asarray(codes, dtype=np.float64)
    if X.ndim != 2 or len(X) < 2 or X.shape[1] < 1 or not np.isfinite(X).all():
        raise ParameterError(f"codes must be (n, d), two rows or more, and finite; got {X.shape}")
    if groups is not None and len(groups) != len(X):
        raise ParameterError(f"{len(groups)} groups for {len(X)} rows")
    divergences = None if kl_per_dim is None else np.asarray(kl_per_dim, dtype=np.float64)
    if divergences is not None and (divergences.ndim != 1 or not np.isfinite(divergences).all()):
        raise ParameterError("kl_per_dim must be one finite number a dimension")
    centred = X - X.mean(axis=0)
    std = centred.std(axis=0, ddof=1)
    # What equal rows leave of rounding is no variance.
    std[std <= 1e-12 * np.abs(X).max(axis=0)] = 0.0
    active = std**2 > ACTIVE_VARIANCE if posterior else std > ACTIVE_SHARE * std.max()
    with ONE_THREAD_BLAS:
        raw = _spectrum(centred[:, std > 0])
        standard = centred[:, active] / std[active]
        scaled = _spectrum(standard)
        uniformity, alignment = _sphere(standard, groups, seed)
    silent_units = None if divergences is None else int((divergences < SILENT_KL).sum())
    reason, collapsed = _verdict(int(active.sum()), scaled, divergences, min(len(X) - 1, X.shape[1]))
    return CollapseReport(
        len(X), X.shape[1], int(active.sum()),
        f"variance > {ACTIVE_VARIANCE:g}" if posterior else f"std > {ACTIVE_SHARE:.0%} of the largest",
        *raw, *scaled, uniformity, alignment,
        None if divergences is None else tuple(divergences.tolist()), silent_units, collapsed, reason,
    )  # fmt: skip


def effective_rank(X: np.ndarray) -> float:
    """Roy and Vetterli's effective rank of a matrix: exp of the entropy of its normalised singular values.

    Examples
    --------
    >>> round(effective_rank(np.eye(3)), 6)
    3.0
    """
    return _spectrum(X)[0]


def _spectrum(centred: np.ndarray) -> tuple[float, float, float]:
    """Effective rank, participation ratio and share of the first component; zeros where nothing varies."""
    if not centred.size:
        return 0.0, 0.0, 0.0
    singular = np.linalg.svd(centred, compute_uv=False)
    if singular[0] == 0:
        return 0.0, 0.0, 0.0
    # Divided by the largest first, so that neither squares overflow nor rounding counts as a dimension.
    singular = singular / singular[0]
    singular = singular[singular > max(centred.shape) * np.finfo(np.float64).eps]
    shares = singular / singular.sum()
    variances = singular**2 / (singular**2).sum()
    return (
        float(np.exp(-(shares * np.log(shares)).sum())),
        float(1.0 / (variances**2).sum()),
        float(variances[0]),
    )


def _sphere(standard: np.ndarray, groups: np.ndarray | None, seed: int) -> tuple[float, float | None]:
    """Uniformity and alignment of standardised rows."""
    lengths = np.linalg.norm(standard, axis=1, keepdims=True)
    unit = standard / np.where(lengths > 0, lengths, 1.0)
    kept = np.arange(len(unit))
    if len(unit) > MAX_PAIRED:
        kept = np.sort(np.random.default_rng([seed, 10]).permutation(len(unit))[:MAX_PAIRED])
    drawn = unit[kept]
    squares = (drawn**2).sum(axis=1)
    distances = np.maximum(0.0, squares[:, None] + squares - 2.0 * drawn @ drawn.T)
    upper = np.triu_indices(len(drawn), 1)
    uniformity = float(np.log(np.exp(-2.0 * distances[upper]).mean()))
    if groups is None:
        return uniformity, None
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), unit.shape[1]))
    np.add.at(sums, inverse, unit)
    squared = np.bincount(inverse, weights=(unit**2).sum(axis=1))
    # Over ordered pairs of a group of m: sum of |x - y|^2 = 2 m sum |x|^2 - 2 |sum x|^2.
    pairs = counts * (counts - 1)
    total = 2.0 * counts * squared - 2.0 * (sums**2).sum(axis=1)
    several = counts > 1
    return uniformity, float((total[several] / pairs[several]).mean()) if several.any() else None


def _verdict(
    active: int, standard: tuple[float, float, float], divergences: np.ndarray | None, most: int
) -> tuple[str, bool]:
    rank, _, first = standard
    if active == 0:
        return "no dimension is active: the code does not depend on the sound", True
    if divergences is not None and (divergences < SILENT_KL).all():
        return f"no dimension has {SILENT_KL:g} nats: the posterior is the prior", True
    if rank < COLLAPSED_RANK:
        return f"effective rank {rank:.2f} is below {COLLAPSED_RANK:g}: the code lies on a line", True
    if first >= COLLAPSED_SHARE:
        return f"one direction has {first:.1%} of the variance, {COLLAPSED_SHARE:.0%} or more is a line", True
    return (
        f"effective rank {rank:.1f} of {most} (collapsed below {COLLAPSED_RANK:g}), first direction {first:.1%} of the"
        f" variance (collapsed from {COLLAPSED_SHARE:.0%})"
    ), False
