"""Settings of training models and of making track vectors from their codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from songnet.config.ranges import check_range
from songnet.errors import ParameterError

PRECISIONS = ("auto", "float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. None stands for the preset's own value.

    Parameters
    ----------
    epochs : int or None
        Passes over the training images at most, 1 to 100,000.
    batch_size : int or None
        Images a step, 1 to 4,096.
    learning_rate : float or None
        Adam's step size, 1e-7 to 1.
    patience : int or None
        Epochs without a better validation loss after which training ends, 1 to 10,000. None stands for 8, and for no
        such end in models that keep their last weights (contrastive ones).
    validation : float
        Share of the artists (of the tracks where artists are unknown) held out, 0.01 to 0.5.
    activation : str or None
        Activation of the convolutions.
    dropout : float or None
        Dropout rate, 0 to 0.9.
    latent_dim, beta, free_bits, kl_warmup_steps : int or float or None
        Options of variational models; refused by the others (`latent_dim` is also one of contrastive ones).
    pooling : str or None
        ``"time"``: codes without a time axis, for models that have the choice; ``"none"``.
    temperature : float or None
        Of a contrastive loss, 0.001 to 100.
    reconstruction : float or None
        Weight of the reconstruction error beside a contrastive loss, 0 to 1000.
    loss : str or None
        Contrastive loss (`songnet.models.contrastive_losses.LOSSES`).
    level : str or None
        ``"relative"``: contrastive models read images relative to their own level; ``"absolute"``: as they are.
    crop_frames : int or None
        Frames of the cuts that a contrastive model compares, 2 to 100,000.
    precision : str
        ``"float32"``; ``"mixed_float16"`` or ``"mixed_bfloat16"``: layers compute in 16 bits, weights and losses stay
        in 32; ``"auto"``: float32 on CPUs and GPUs that are not known to be faster in 16 bits, else bfloat16 where the
        GPU has it, else float16.
    devices : int or str or None
        Devices that a batch is dealt to, 1 to 1,024, or ``"all"``. None stands for all GPUs, or the one CPU.
    """

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    patience: int | None = None
    validation: float = 0.1
    activation: str | None = None
    dropout: float | None = None
    latent_dim: int | None = None
    beta: float | None = None
    free_bits: float | None = None
    kl_warmup_steps: int | None = None
    pooling: str | None = None
    temperature: float | None = None
    reconstruction: float | None = None
    loss: str | None = None
    level: str | None = None
    crop_frames: int | None = None
    precision: str = "auto"
    devices: int | str | None = None

    def __post_init__(self) -> None:
        limits = {
            "epochs": (1, 100_000),
            "batch_size": (1, 4096),
            "learning_rate": (1e-7, 1),
            "patience": (1, 10_000),
            "validation": (0.01, 0.5),
            "dropout": (0, 0.9),
            "latent_dim": (1, 4096),
            "beta": (0, 1000),
            "free_bits": (0, 100),
            "kl_warmup_steps": (0, 10_000_000),
            "temperature": (1e-3, 100),
            "reconstruction": (0, 1000),
            "crop_frames": (2, 100_000),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None:
                check_range("train", name, value, low, high)
        if self.precision not in PRECISIONS:
            raise ParameterError(f"train.precision is {self.precision!r}; choose one of: {', '.join(PRECISIONS)}")
        if isinstance(self.devices, str):
            if self.devices != "all":
                raise ParameterError(f"train.devices is {self.devices!r}; it must be a number, or all")
        elif self.devices is not None:
            check_range("train", "devices", self.devices, 1, 1024)

    @property
    def model_overrides(self) -> dict[str, Any]:
        """The options that belong to the model rather than to its training, without the unset ones."""
        names = (
            *("activation", "dropout", "latent_dim", "beta", "free_bits", "kl_warmup_steps"),
            *("pooling", "temperature", "reconstruction", "loss", "level", "crop_frames"),
        )
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class VectorConfig:
    """How a track's clip codes become one vector.

    Parameters
    ----------
    aggregate : str
        Name of an aggregation (`songnet.embedding.AGGREGATES`).
    """

    aggregate: str = "mean"
