"""What every model family shares: codes, and weights as named arrays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import NDArray

from songnet.errors import CheckpointError
from songnet.models.tensors import Tensor


class MelEncoder(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """Base of all models: an `encoder`, a functional Keras model, and what else a family needs to train it.

    A subclass sets the attributes below in its constructor, after ``super().__init__()``. Layers inside the parts are
    named by the subclass; those names, not Keras's process-wide counters, name the weights.

    Attributes
    ----------
    paired : bool
        True for a family that trains on ``(x, y)`` where row i of both is cut from the same track; false for one that
        trains on ``(x, x)``.
    targeted : bool
        True for a family that trains on ``(x, targets)``, vectors that something other than sound gave the tracks.
    stops_early : bool
        True if the epoch with the lowest validation loss is the one to keep; false if it is the last.
    image_shape : tuple of int
        Shape of one input, ``(frequency, time, 1)``.
    code_shape : tuple of int
        Shape of one code: ``(frequency, time, channels)`` for a map, ``(latent_dim,)`` for a vector.
    time_axis : int or None
        Axis of `code_shape` that runs along the clip; None if the code has no time axis.
    encoder : keras.Model
    """

    paired: ClassVar[bool] = False
    targeted: ClassVar[bool] = False
    stops_early: ClassVar[bool] = True

    image_shape: tuple[int, int, int]
    code_shape: tuple[int, ...]
    time_axis: int | None
    encoder: keras.Model

    def __init__(self, name: str) -> None:
        # Whatever precision its layers compute in, a model takes float32 images, and changes and compares them so.
        super().__init__(name=name, autocast=False)

    def parts(self) -> tuple[keras.Model, ...]:
        """The functional models that hold this model's layers."""
        return (self.encoder,)

    @abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Constructor arguments as plain JSON values; ``type(model)(**config)`` is the same architecture."""

    @abstractmethod
    def compile_for_training(self, learning_rate: float, decay_steps: int = 0) -> None:
        """Compile with Adam and the family's own loss.

        Afterwards ``train_on_batch(x, y)`` and ``test_on_batch(x, y)`` work on every Keras backend.

        Parameters
        ----------
        learning_rate : float
            Adam's step size.
        decay_steps : int
            Steps that the training will take, for a family whose step size falls; 0 for a constant one.
        """

    def encode(self, x: Tensor) -> Tensor:
        """Deterministic codes of images, in inference mode.

        Parameters
        ----------
        x : tensor [shape=(batch, frequency, time, 1)]
            Values in [0, 1].

        Returns
        -------
        array [shape=(batch, *code_shape)]
        """
        return self.encoded(x)

    def encoded(self, x: Tensor) -> Tensor:
        """Output of `encoder` for one batch of images, in inference mode, as a NumPy array."""
        # Keras's compiled step: eager calls gave the same bytes at half the speed.
        return self.encoder.predict_on_batch(x)

    def named_variables(self) -> dict[str, keras.Variable]:
        """Every variable that a resumed model needs: weights, and the states of dropout's random generators.

        A subclass with variables outside its parts adds them.
        """
        return {
            f"{part.name}/{layer.name}/{variable.name}": variable
            for part in self.parts()
            for layer in part.layers
            for variable in layer.variables
        }

    def weights_by_name(self) -> dict[str, NDArray[Any]]:
        """Copy of all state, under names that depend only on the architecture.

        Returns
        -------
        dict of str to array
            Floating-point variables as float32; counters and random states as int64, since their type differs
            between backends.
        """
        return {
            name: variable.numpy().astype(np.float32 if _is_float(variable) else np.int64)
            for name, variable in self.named_variables().items()
        }

    def load_weights_by_name(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `weights_by_name` gave, possibly in another process or on another backend.

        Everything is checked before anything is assigned, so a refused call leaves the model as it was.

        Raises
        ------
        CheckpointError
            If names are missing or unknown, a shape or kind of number differs, or a value is not finite.
        """
        variables = self.named_variables()
        missing = sorted(variables.keys() - weights.keys())
        unknown = sorted(weights.keys() - variables.keys())
        if missing or unknown:
            raise CheckpointError(
                f"weights do not fit this {type(self).__name__}: "
                f"missing {', '.join(missing) or 'none'}; unknown {', '.join(unknown) or 'none'}"
            )
        for name, variable in variables.items():
            _check_array(name, np.asarray(weights[name]), variable)
        for name, variable in variables.items():
            variable.assign(np.asarray(weights[name]).astype(variable.dtype))


def _is_float(variable: keras.Variable) -> bool:
    return bool(keras.backend.is_float_dtype(variable.dtype))


def _check_array(name: str, array: NDArray[Any], variable: keras.Variable) -> None:
    if array.shape != tuple(variable.shape):
        raise CheckpointError(f"weight {name} has shape {array.shape}, but the model needs {tuple(variable.shape)}")
    if _is_float(variable):
        if not np.issubdtype(array.dtype, np.floating):
            raise CheckpointError(f"weight {name} has type {array.dtype}, but the model needs floating-point numbers")
        # Checked in the type it will be stored in: a float64 may be finite and still overflow float32.
        with np.errstate(over="ignore"):
            finite = bool(np.isfinite(array.astype(variable.dtype)).all())
        if not finite:
            raise CheckpointError(f"weight {name} holds values that are not finite; the stored model is damaged")
        return
    if not np.issubdtype(array.dtype, np.integer):
        raise CheckpointError(f"weight {name} has type {array.dtype}, but the model needs whole numbers")
    limits = np.iinfo(variable.dtype)
    if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
        raise CheckpointError(f"weight {name} holds values outside the range of {variable.dtype}")
