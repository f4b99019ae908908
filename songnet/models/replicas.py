"""What a loss over a whole batch has to know of a batch that lies on several devices: the only file that does.

On the JAX backend a batch is one array wherever its parts lie, and losses need to know nothing. On TensorFlow each
device runs the model's code on its own part.
"""

from __future__ import annotations

import keras
from keras import ops

from songnet.models.tensors import Tensor


def whole_batch(rows: Tensor) -> Tensor:
    """Rows of all devices, those of the first device first; differentiable.

    Parameters
    ----------
    rows : tensor [shape=(n, ...)]
        This device's part of a batch, as long on every device.

    Returns
    -------
    tensor [shape=(n * n_devices, ...)]
        `rows` itself where there is one device, and outside of a training step.
    """
    if keras.backend.backend() != "tensorflow":
        return rows
    import tensorflow as tf  # loaded already: it is what Keras runs on

    context = tf.distribute.get_replica_context()
    # None where a model is evaluated: there the first device sees the whole batch.
    if context is None or context.num_replicas_in_sync == 1:
        return rows
    # TensorFlow forgets the other sides.
    return ops.reshape(context.all_gather(rows, axis=0), (-1, *rows.shape[1:]))
