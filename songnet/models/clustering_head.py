"""Deep embedded clustering: pull a trained encoder's codes towards centres that they already lie near.

References
----------
Xie, Girshick, Farhadi: "Unsupervised deep embedding for clustering analysis", ICML 2016 (DEC: Student-t assignments,
the sharpened target). Guo, Gao, Liu, Yin: "Improved deep embedded clustering with local structure preservation",
IJCAI 2017 (IDEC: the model's own loss is kept beside, so that codes do not fall onto the centres).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from songnet.models.encoder import MelEncoder
from songnet.models.tensors import Tensor
from songnet.models.variational import VariationalAutoencoder

# Of a share under a logarithm or below a line.
SMALLEST = 1e-8


def pool_codes(codes: Tensor, time_axis: int | None) -> Tensor:
    """Codes as vectors: the mean over time where a code has that axis.

    Parameters
    ----------
    codes : tensor [shape=(batch, *code_shape)]
    time_axis : int or None
        Axis of the code shape that is time.

    Returns
    -------
    tensor [shape=(batch, features)]
        The other axes, flattened in their order.
    """
    pooled = codes if time_axis is None else ops.mean(codes, axis=time_axis + 1)
    return ops.reshape(pooled, (ops.shape(pooled)[0], -1))


def soft_assignments(points: Tensor, centers: Tensor) -> Tensor:
    """How much each point belongs to each centre: Student's t with one degree of freedom, normalised over centres.

    Parameters
    ----------
    points : tensor [shape=(batch, d)]
    centers : tensor [shape=(k, d)]

    Returns
    -------
    tensor [shape=(batch, k)]
        Positive, rows sum to 1.
    """
    differences = ops.expand_dims(points, 1) - ops.expand_dims(centers, 0)
    closeness = 1.0 / (1.0 + ops.sum(ops.square(differences), axis=-1))
    return closeness / ops.sum(closeness, axis=1, keepdims=True)


def target_distribution(assignments: Tensor) -> Tensor:
    """Sharper assignments to learn from: squared, and divided by how much each centre holds in all.

    Parameters
    ----------
    assignments : tensor [shape=(n, k)]
        Of the whole training set: the division keeps large clusters from swallowing small ones.

    Returns
    -------
    tensor [shape=(n, k)]
        Rows sum to 1.
    """
    weighted = ops.square(assignments) / (ops.sum(assignments, axis=0, keepdims=True) + SMALLEST)
    return weighted / ops.sum(weighted, axis=1, keepdims=True)


def divergence(target: Tensor, assignments: Tensor) -> Tensor:
    """Mean KL divergence of assignments from their target, in nats; 0 where they agree."""
    ratio = ops.log(target + SMALLEST) - ops.log(assignments + SMALLEST)
    return ops.mean(ops.sum(target * ratio, axis=1))


class ClusteringHead(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """A trained model with centres on its codes, for a training that minimises both losses.

    The loss is ``own / own_scale + gamma * KL``, or the KL divergence alone. `own` is whatever the model was trained
    with: reconstruction of an autoencoder, the variational bound, the contrastive loss.

    ``train_on_batch(inputs, target)`` takes images ``{"x": ...}``, with a model that learns from pairs also
    ``{"y": ...}``, and the target rows of the images in `x`, then of those in `y`.

    Parameters
    ----------
    model : MelEncoder
        Trained, and compiled by its own `compile_for_training`.
    mean, projection : numpy.ndarray [shape=(d,)], [shape=(d, r)]
        Fixed map from pooled codes to the space of the centres.
    centers : numpy.ndarray [shape=(k, r)]
        Where the centres begin; they are trained too.
    gamma : float
        Weight of the divergence beside the model's own loss.
    own_scale : float or None
        What counts as 1 of the model's own loss; None leaves that loss out, and the parts that only it trains alone.
    """

    def __init__(
        self,
        model: MelEncoder,
        *,
        mean: np.ndarray,
        projection: np.ndarray,
        centers: np.ndarray,
        gamma: float,
        own_scale: float | None,
    ) -> None:
        super().__init__(name="clustering_head")
        self.model = model
        self.gamma = gamma
        self.own_scale = own_scale
        self.mean = np.asarray(mean, dtype=np.float32)
        self.projection = np.asarray(projection, dtype=np.float32)
        self.centers = self.add_weight(name="centers", shape=centers.shape, initializer="zeros")
        self.centers.assign(np.asarray(centers, dtype=np.float32))
        if own_scale is None:
            for part in model.parts():
                part.trainable = part is model.encoder
        self.divergence_metric = keras.metrics.Mean(name="divergence")
        self.own_metric = keras.metrics.Mean(name="own")
        self.built = True

    def points(self, images: Tensor) -> Tensor:
        """Images to the space of the centres, differentiable, in inference mode [shape=(batch, r)]."""
        encoded = self.model.encoder(images, training=False)
        codes = self.model.split(encoded)[0] if isinstance(self.model, VariationalAutoencoder) else encoded
        return ops.matmul(pool_codes(codes, self.model.time_axis) - self.mean, self.projection)

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> Tensor:
        """Soft assignments of the images in `x`, then of those in `y`."""
        images = ops.concatenate([inputs["x"], inputs["y"]], axis=0) if "y" in inputs else inputs["x"]
        return soft_assignments(self.points(images), self.centers)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Keras's hook for losses of more than outputs and targets: `y` holds the target rows."""
        clustering = divergence(y, y_pred)
        self.divergence_metric.update_state(clustering)
        if self.own_scale is None:
            return clustering
        first, second = x["x"], x.get("y", x["x"])
        predicted = self.model(first, training=training)
        own = self.model.compute_loss(x=first, y=second, y_pred=predicted, training=training)
        self.own_metric.update_state(own)
        return own / self.own_scale + self.gamma * clustering
