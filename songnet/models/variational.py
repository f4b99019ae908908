"""What the variational autoencoders share: the objective, its schedule, and the posterior of an image.

References
----------
Kingma and Welling: "Auto-encoding variational Bayes", ICLR 2014. Higgins et al.: "beta-VAE", ICLR 2017 (`beta`).
Kingma et al.: "Improved variational inference with inverse autoregressive flow", NeurIPS 2016, section C.8 (free
bits). Bowman et al.: "Generating sentences from a continuous space", CoNLL 2016 (KL warm-up).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import keras
from keras import ops

from songnet.errors import ModelError
from songnet.models import parameters, seeded
from songnet.models.autoencoder import MelAutoencoder
from songnet.models.tensors import Tensor


class Posterior(NamedTuple):
    """Approximate posterior of a batch of images.

    Attributes
    ----------
    mean : tensor [shape=(batch, latent_dim)]
        The code.
    kl_per_dim : tensor [shape=(batch, latent_dim)]
        Divergence from the prior in nats, attributed to dimensions so that a row sums to the total divergence.
    """

    mean: Tensor
    kl_per_dim: Tensor


class VariationalAutoencoder(MelAutoencoder):
    """Base of the VAEs: minimises reconstruction + weight * KL, both in nats per image.

    While training, the latent vector is one draw from the posterior, `weight` rises linearly from 0 to `beta` over
    `kl_warmup_steps` batches, and each dimension's KL (mean over the batch) counts at least `free_bits`. In evaluation
    the latent vector is the posterior's mean and the loss is reconstruction + beta * KL: deterministic, and comparable
    between epochs. (At the mean it is not a bound on the likelihood; it is usually a little lower.)

    The metric ``reconstruction`` is the negative log-likelihood summed over pixels, ``kl`` the unmodified divergence;
    both are means over the batch.

    Attributes
    ----------
    latent_dim : int
    steps : keras.Variable
        Batches trained on; part of the checkpoint.
    """

    latent_dim: int
    beta: float
    seed: int

    def _start(
        self, *, latent_dim: int, beta: float, seed: int, free_bits: float = 0.0, kl_warmup_steps: int = 0
    ) -> None:
        self.latent_dim = parameters.integer("latent_dim", latent_dim, minimum=1)
        self.beta = parameters.number("beta", beta, minimum=0)
        self.free_bits = parameters.number("free_bits", free_bits, minimum=0)
        self.kl_warmup_steps = parameters.integer("kl_warmup_steps", kl_warmup_steps, minimum=0)
        self.seed = parameters.integer("seed", seed, minimum=0)
        self.code_shape = (self.latent_dim,)
        self.time_axis = None
        self.steps = self.add_weight(name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.sampling_seed = keras.random.SeedGenerator(seeded.derived_seed(self.seed, "sampling"))
        self.reconstruction_metric = keras.metrics.Mean(name="reconstruction")
        self.kl_metric = keras.metrics.Mean(name="kl")

    @abstractmethod
    def split(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """The posterior's mean and scale (or scale factor) from the encoder's output."""

    @abstractmethod
    def sample(self, mean: Tensor, scale: Tensor) -> Tensor:
        """One reparametrised draw, shape ``(batch, latent_dim)``."""

    @abstractmethod
    def divergence(self, mean: Tensor, scale: Tensor) -> Tensor:
        """KL from the prior as the loss needs it, shape ``(batch, terms)``; `free_bits` holds for each term."""

    @abstractmethod
    def divergence_per_dimension(self, mean: Tensor, scale: Tensor) -> Tensor:
        """KL from the prior attributed to dimensions, shape ``(batch, latent_dim)``; rows sum to the total."""

    @abstractmethod
    def negative_log_likelihood(self, target: Tensor, decoded: Tensor, training: bool) -> Tensor:
        """Summed over pixels, shape ``(batch,)``; `decoded` is the decoder's output."""

    def encode(self, x: Tensor) -> Tensor:
        """Posterior means of images, shape ``(batch, latent_dim)``, in inference mode."""
        return self.split(self.encoded(x))[0]

    def posterior(self, x: Tensor) -> Posterior:
        """Posterior means and divergences of images, in inference mode.

        Parameters
        ----------
        x : tensor [shape=(batch, frequency, time, 1)]
        """
        mean, scale = self.split(self.encoded(x))
        return Posterior(mean, self.divergence_per_dimension(mean, scale))

    def call(self, inputs: Tensor, training: bool = False) -> dict[str, Tensor]:
        """The decoder's output (``decoded``) and the posterior's divergence (``kl``)."""
        mean, scale = self.split(self.encoder(inputs, training=training))
        latent = self.sample(mean, scale) if training else mean
        decoded = ops.cast(self.decoder(latent, training=training), "float32")
        return {"decoded": decoded, "kl": self.divergence(mean, scale)}

    def kl_weight(self) -> Tensor:
        """Weight of the KL term in the next training step: from 0 to `beta` over the warm-up."""
        if not self.kl_warmup_steps:
            return ops.convert_to_tensor(self.beta, dtype="float32")
        progress = ops.cast(self.steps.value, "float32") / self.kl_warmup_steps
        return self.beta * ops.minimum(progress, 1.0)

    def training_penalty(self, kl: Tensor) -> Tensor:
        """The KL term of the training loss for divergences ``(batch, terms)``: floored, summed, weighted; a scalar."""
        return self.kl_weight() * ops.sum(ops.maximum(ops.mean(kl, axis=0), self.free_bits))

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Keras's hook for losses that need more than one output; works inside its own steps on every backend."""
        if sample_weight is not None:
            raise ModelError("variational models take no sample_weight")
        nll = self.negative_log_likelihood(x if y is None else y, y_pred["decoded"], training)
        total_kl = ops.sum(y_pred["kl"], axis=-1)  # (batch,)
        self.reconstruction_metric.update_state(nll)
        self.kl_metric.update_state(total_kl)
        if not training:
            return ops.mean(nll) + self.beta * ops.mean(total_kl)
        loss = ops.mean(nll) + self.training_penalty(y_pred["kl"])
        self.steps.assign(self.steps + 1)
        return loss

    def compile_for_training(self, learning_rate: float, decay_steps: int = 0) -> None:
        self.compile(optimizer=keras.optimizers.Adam(learning_rate))

    def named_variables(self) -> dict[str, keras.Variable]:
        return {
            **super().named_variables(),
            "training/steps": self.steps,
            "training/sampling_seed": self.sampling_seed.state,
        }

    def get_config(self) -> dict[str, Any]:
        return {"beta": self.beta, "seed": self.seed}
