"""What a training computes on, and in which precision.

A batch is dealt to the devices in equal parts, and a step is that of the whole batch: on the JAX backend because the
batch stays one array (`keras.distribution.DataParallel`), on TensorFlow because gradients are averaged over the
replicas (`tf.distribute.MirroredStrategy`) and losses that compare the images of a batch gather them first
(`songnet.models.replicas`). What a training takes from the devices alone, which images share a draw of noise, may
differ between numbers of devices; what a training stores does not depend on them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from songnet.errors import ModelError, ParameterError
from songnet.models.backend import load_backend

if TYPE_CHECKING:
    import keras

    from songnet.models.encoder import MelEncoder

log = logging.getLogger(__name__)

ALL = "all"
AUTO = "auto"
# CUDA compute capability from which GPUs multiply in the precision faster than in float32.
BFLOAT16_FROM = (8, 0)
FLOAT16_FROM = (7, 0)


@dataclass(frozen=True)
class Devices:
    """Where a training runs.

    Parameters
    ----------
    backend : str
        Keras's: ``"tensorflow"``, ``"jax"`` or ``"torch"``.
    names : tuple of str
        The devices, as the backend calls them.
    precision : str
        Keras's name of the dtype policy: ``"float32"``, ``"mixed_float16"`` or ``"mixed_bfloat16"``.
    """

    backend: str
    names: tuple[str, ...]
    precision: str

    @property
    def mirrored(self) -> bool:
        """Whether each device runs the model's code on its own part of a batch."""
        return self.backend == "tensorflow" and len(self.names) > 1


def choose_devices(precision: str, devices: int | str | None) -> Devices:
    """Find what a training is to run on.

    Parameters
    ----------
    precision : str
        As in `Devices`, or ``"auto"``: `auto_precision`.
    devices : int or str or None
        How many; ``"all"``; None for all GPUs, or the one CPU.

    Raises
    ------
    ParameterError
        If there are fewer devices, or the backend cannot do what is asked.
    """
    load_backend()
    import keras

    backend = str(keras.backend.backend())
    names, capabilities = _found(backend)
    wanted = devices if devices is not None else (ALL if capabilities else 1)
    n_devices = len(names) if isinstance(wanted, str) else wanted
    if n_devices > len(names):
        raise ParameterError(
            f"train.devices is {n_devices}, and Keras's backend {backend} finds {len(names)}"
            f" ({', '.join(names)}): ask for no more than that"
        )
    mirrored = backend == "tensorflow" and n_devices > 1
    if mirrored and precision == "mixed_float16":
        raise ParameterError(
            "train.precision is 'mixed_float16', which TensorFlow cannot watch for overflow on several devices: choose"
            " mixed_bfloat16 or float32, or 1 device"
        )
    if precision == AUTO:
        precision = auto_precision(capabilities[:n_devices])
        if mirrored and precision == "mixed_float16":
            precision = "float32"
    log.info("training in %s on %s", precision, ", ".join(names[:n_devices]))
    return Devices(backend, names[:n_devices], precision)


def auto_precision(capabilities: Sequence[tuple[int, int] | None]) -> str:
    """The lowest precision that is both fast and safe on all of some GPUs.

    Parameters
    ----------
    capabilities : sequence of (int, int) or None
        CUDA compute capability of each, None where it is not known; empty on a CPU.

    Examples
    --------
    >>> auto_precision([(8, 6)]), auto_precision([(8, 6), (7, 5)]), auto_precision([])
    ('mixed_bfloat16', 'mixed_float16', 'float32')
    """
    known = [capability for capability in capabilities if capability is not None]
    if not known or len(known) < len(capabilities) or min(known) < FLOAT16_FROM:
        return "float32"
    return "mixed_bfloat16" if min(known) >= BFLOAT16_FROM else "mixed_float16"


def _found(backend: str) -> tuple[tuple[str, ...], list[tuple[int, int] | None]]:
    """Names of the GPUs and their capabilities; where there are none, names of the CPUs and nothing."""
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        logical = tf.config.list_logical_devices("GPU" if gpus else "CPU")
        return tuple(device.name for device in logical), [found.get("compute_capability") for found in details]
    if backend == "jax":
        import jax

        found = jax.devices()
        on_gpu = found[0].platform == "gpu"
        names = tuple(f"{device.platform}:{device.id}" for device in found)
        return names, [_capability(device) for device in found] if on_gpu else []
    # PyTorch: Keras trains on one device, which it chooses.
    return (backend,), []


def _capability(device: Any) -> tuple[int, int] | None:
    # JAX writes "8.0"; what is no NVIDIA GPU has none.
    major, _, minor = str(getattr(device, "compute_capability", "")).partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


@contextmanager
def computing_on(devices: Devices) -> Iterator[None]:
    """Build, compile and train a model in here; nothing of it holds for the process afterwards."""
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(devices.precision)
    try:
        if len(devices.names) == 1:
            yield
        elif devices.mirrored:
            with _mirrored(devices.names).scope():
                yield
        else:
            with _data_parallel(devices).scope():
                yield
    finally:
        keras.config.set_dtype_policy(policy)


@cache
def _mirrored(names: tuple[str, ...]) -> Any:
    # One a process: a second one numbers its collective operations as the first did, which TensorFlow takes for a
    # mistake in those.
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(list(names))


def _data_parallel(devices: Devices) -> keras.distribution.DataParallel:
    import keras

    class DataParallel(keras.distribution.DataParallel):  # type: ignore[misc]  # Keras ships no types
        """Also takes batches that cannot be dealt evenly, which are evaluated only: every device gets all of it."""

        def get_data_layout(self, data_shape: Sequence[int]) -> keras.distribution.TensorLayout:
            if data_shape[0] % self.num_model_replicas == 0:
                return super().get_data_layout(data_shape)
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

    return DataParallel(devices=list(devices.names))


def even_batch(batch_size: int, devices: Devices, asked: int | None = None) -> int:
    """The largest batch up to `batch_size` that can be dealt to the devices in equal parts.

    Parameters
    ----------
    batch_size : int
        Rows a step, over all devices.
    devices : Devices
    asked : int, optional
        What the user asked for, which is not changed silently.

    Raises
    ------
    ParameterError
        If what was asked for is no multiple of the number of devices.
    ModelError
        If there are fewer rows than devices.
    """
    n_devices = len(devices.names)
    if asked is not None and asked % n_devices:
        raise ParameterError(
            f"train.batch_size is {asked}, which cannot be dealt to {n_devices} devices in equal parts: choose a"
            f" multiple of {n_devices}"
        )
    if 0 < batch_size < n_devices:
        raise ModelError(f"{batch_size} rows to train on are too few for {n_devices} devices: ask for fewer --devices")
    return batch_size - batch_size % n_devices


class Steps(Protocol):
    """Single steps of a compiled model."""

    def train(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        """Take a step on one batch, and tell its losses."""

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        """Losses of one batch in inference mode."""


def steps_of(model: MelEncoder, devices: Devices) -> Steps:
    """Steps of a model that was built, compiled and, where that applies, restored inside `computing_on`."""
    return _MirroredSteps(model) if devices.mirrored else _Steps(model)


class _Steps:
    """Keras's own: on one device, or on what JAX spreads a batch over."""

    def __init__(self, model: MelEncoder) -> None:
        self.model = model

    def train(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        return _plain(self.model.train_on_batch(x, y, return_dict=True))

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        return _plain(self.model.test_on_batch(x, y, return_dict=True))


class _MirroredSteps:
    """On TensorFlow's replicas. Keras's `train_on_batch` would give the whole batch to each of them."""

    def __init__(self, model: MelEncoder) -> None:
        import tensorflow as tf

        self.model = model
        self.strategy = tf.distribute.get_strategy()
        _average_over_replicas(model, self.strategy.num_replicas_in_sync)
        _separate_draws(model)
        model.make_train_function()
        # Not given to the replicas: the first device evaluates the batch as one, and batches of any size.
        self._evaluate = tf.function(lambda x, y: model.test_step((x, y, None)), reduce_retracing=True)

    def train(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        self.model.reset_metrics()
        return _plain(self.model.train_function(iter([(self._dealt(x), self._dealt(y), None)])))

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        import tensorflow as tf

        self.model.reset_metrics()
        return _plain(self._evaluate(tf.convert_to_tensor(x), tf.convert_to_tensor(y)))

    def _dealt(self, rows: np.ndarray) -> Any:
        import tensorflow as tf

        parts = np.split(rows, self.strategy.num_replicas_in_sync)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(parts[context.replica_id_in_sync_group])
        )


def _plain(logs: dict[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in logs.items()}


def _average_over_replicas(model: MelEncoder, n_replicas: int) -> None:
    """Gradients are added over replicas; Keras divides its own losses by their number, and a family's own must be."""
    import keras

    if type(model).compute_loss is keras.Model.compute_loss:
        return
    whole = model.compute_loss

    def compute_loss(
        x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        return whole(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training) / n_replicas

    model.compute_loss = compute_loss


def _separate_draws(model: MelEncoder) -> None:
    """Give each replica random numbers of its own: images at the same place of two parts would share theirs.

    Replica 0, whose state is what a checkpoint holds, keeps the model's.
    """
    for variable in model.named_variables().values():
        if variable.path.endswith("seed_generator_state"):
            for replica, copy in enumerate(variable.value.values):
                seed, drawn = copy.numpy()
                copy.assign([(int(seed) + replica) % 2**31, drawn])
