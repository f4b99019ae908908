"""The type of a tensor on whichever backend Keras runs."""

from __future__ import annotations

from typing import Any, TypeAlias

# Keras has no common static type for the tensors of TensorFlow, JAX and PyTorch.
Tensor: TypeAlias = Any
