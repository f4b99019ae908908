"""What encoders share that are trained on changed cuts of images rather than on the images themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import keras

from songnet.errors import ParameterError
from songnet.models import backbone, parameters, seeded
from songnet.models.augment import Augmenter, ranges_from
from songnet.models.encoder import MelEncoder

# Whether an image is read as it is, or relative to its own level (`songnet.models.level`).
LEVELS = ("absolute", "relative")


class AugmentedEncoder(MelEncoder):
    """The pooled backbone and the changes that its images go through while it is trained.

    A subclass calls `_start` in its constructor, adds its own head, sets `code_shape` and ends with ``built = True``.
    Layers of the backbone have the same names in all of them, so that one may start from the weights of another.
    """

    # Held-out tracks or artists are few: such a loss selects no epoch.
    stops_early: ClassVar[bool] = False

    def _start(
        self,
        *,
        input_shape: Sequence[int],
        channels: Sequence[int],
        strides: Sequence[Sequence[int]],
        features: int,
        outputs: int,
        crop_frames: int,
        augmentation: Mapping[str, float] | None,
        decibels: float,
        level: str,
        activation: str,
        dropout: float,
        seed: int,
    ) -> None:
        """Check and keep the arguments that the families share, and build the backbone with `outputs` numbers."""
        self.image_shape = parameters.image_shape("input_shape", input_shape)
        self.channels = parameters.integers("channels", channels, minimum=1)
        self.strides = backbone.stride_pairs(strides, self.channels)
        self.features = parameters.integer("features", features, minimum=1)
        self.crop_frames = parameters.integer("crop_frames", crop_frames, minimum=2)
        if self.crop_frames > self.image_shape[1]:
            raise ParameterError(
                f"crop_frames is {self.crop_frames}; an image has {self.image_shape[1]} frames, and a cut no more"
            )
        self.ranges = ranges_from(augmentation)
        self.decibels = parameters.number("decibels", decibels, minimum=1e-3)
        self.level = parameters.choice("level", level, LEVELS)
        self.activation = parameters.choice("activation", activation, parameters.ACTIVATIONS)
        self.dropout = parameters.number("dropout", dropout, minimum=0, below=1)
        self.seed = parameters.integer("seed", seed, minimum=0)
        self.time_axis = None
        self.encoder = backbone.pooled_encoder(
            self.image_shape[0],
            channels=self.channels,
            strides=self.strides,
            features=self.features,
            outputs=outputs,
            activation=self.activation,
            dropout=self.dropout,
            seed=self.seed,
            relative_to=self.decibels if self.level == "relative" else None,
        )
        # An attribute of the model itself: JAX carries on the states of those alone.
        self.augmentation_seed = keras.random.SeedGenerator(seeded.derived_seed(self.seed, "augmentation"))
        self.augmenter = Augmenter(
            self.ranges, decibels=self.decibels, frames=self.crop_frames, seeds=self.augmentation_seed
        )

    def compile_for_training(self, learning_rate: float, decay_steps: int = 0) -> None:
        """Adam, its step size falling to 0 along half a cosine over `decay_steps`."""
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps) if decay_steps else learning_rate
        self.compile(optimizer=keras.optimizers.Adam(schedule))

    def named_variables(self) -> dict[str, keras.Variable]:
        return {**super().named_variables(), "training/augmentation_seed": self.augmentation_seed.state}

    def get_config(self) -> dict[str, Any]:
        """The arguments that the families share; a subclass adds its own."""
        return {
            "input_shape": list(self.image_shape),
            "channels": list(self.channels),
            "strides": [list(pair) for pair in self.strides],
            "features": self.features,
            "crop_frames": self.crop_frames,
            "augmentation": asdict(self.ranges),
            "decibels": self.decibels,
            # Left out where nothing was chosen: such a model is stored as those that know no choice.
            **({"level": self.level} if self.level != "absolute" else {}),
            "activation": self.activation,
            "dropout": self.dropout,
            "seed": self.seed,
        }
