"""Losses that pull two views of the same track together and keep the tracks apart.

Row i of both arguments is a view of the same track, and no track has two rows; both arguments are
``(batch, dimensions)`` and the result is a scalar. Arguments of any precision are compared in float32, in which the
constants below are not 0. In a training on several devices the batch is that of all devices.

References
----------
Chen et al.: "A simple framework for contrastive learning of visual representations", ICML 2020 (NT-Xent). Bardes,
Ponce, LeCun: "VICReg", ICLR 2022.
"""

from __future__ import annotations

from keras import ops

from songnet.models.replicas import whole_batch
from songnet.models.tensors import Tensor

LOSSES = ("nt-xent", "vicreg")
# VICReg's weights, as published.
INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0
# Of a squared length and of a variance, so that neither division nor root meets a zero.
SMALL = 1e-4


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """Cosine of every row of `first` with every row of `second` [shape=(n, m)]; 0 for a row of zeros."""
    return ops.matmul(_unit(first), ops.transpose(_unit(second)))


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross entropy: every view has to find its partner among all other views.

    Returns
    -------
    tensor
        In nats: 0 at best, ``log(2 * batch - 1)`` where all views are alike.
    """
    first, second = _whole(first), _whole(second)
    views = ops.concatenate([first, second], axis=0)
    n = ops.shape(views)[0]
    # A view is no candidate for its own partner.
    logits = cosines(views, views) / temperature - 1e9 * ops.eye(n, dtype="float32")
    partner = ops.sum(_unit(first) * _unit(second), axis=-1) / temperature  # (batch,)
    return ops.mean(ops.logsumexp(logits, axis=-1)) - ops.mean(partner)


def vicreg(first: Tensor, second: Tensor) -> Tensor:
    """Views of a track coincide, every dimension varies with a deviation of at least 1, no two dimensions correlate."""
    first, second = _whole(first), _whole(second)
    spread, overlap = [], []
    degrees = ops.maximum(ops.cast(ops.shape(first)[0], "float32") - 1.0, 1.0)
    for views in (first, second):
        centred = views - ops.mean(views, axis=0, keepdims=True)
        covariance = ops.matmul(ops.transpose(centred), centred) / degrees
        variances = ops.diagonal(covariance)
        spread.append(ops.mean(ops.relu(1.0 - ops.sqrt(variances + SMALL))))
        overlap.append((ops.sum(ops.square(covariance)) - ops.sum(ops.square(variances))) / views.shape[1])
    invariance = ops.mean(ops.square(first - second))
    return INVARIANCE * invariance + VARIANCE * sum(spread) / 2.0 + COVARIANCE * sum(overlap)


def found_partners(first: Tensor, second: Tensor) -> Tensor:
    """Share of the rows of `first` whose nearest row of `second`, by cosine, is their partner: 1 / batch by chance."""
    first, second = _whole(first), _whole(second)
    nearest = ops.cast(ops.argmax(cosines(first, second), axis=-1), "int32")
    return ops.mean(ops.cast(ops.equal(nearest, ops.arange(ops.shape(first)[0], dtype="int32")), "float32"))


def _whole(rows: Tensor) -> Tensor:
    return whole_batch(ops.cast(rows, "float32"))


def _unit(vectors: Tensor) -> Tensor:
    return vectors / ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + SMALL**2)
