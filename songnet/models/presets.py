"""Named models, as data.

A preset's `config` holds the constructor arguments that define it; `training` values that were found to work on two
cores; `published` those of its source, where there is one. Adding a preset takes an entry here and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from songnet.errors import ParameterError


@dataclass(frozen=True)
class Preset:
    """A named configuration of a model family.

    Attributes
    ----------
    name : str
    family : str
        Key of `songnet.models.MODELS`.
    config : Mapping
        Constructor arguments; the rest keep their defaults.
    description : str
        One line for people.
    training : Mapping
        ``batch_size`` (tracks for models trained on pairs, clips for the others), ``learning_rate`` (of Adam) and
        ``epochs`` that are used unless others are asked for; ``images``, where given, is how many images a training
        sees in all without ``epochs`` being asked for.
    published : Mapping
        The same as the source has them; empty where there is no source.
    source : str
        Where the architecture comes from.
    """

    name: str
    family: str
    config: Mapping[str, object]
    description: str
    training: Mapping[str, float]
    published: Mapping[str, float]
    source: str


# What the encoders that pool over time have in common.
BACKBONE_CHANNELS = (16, 32, 64, 64)
BACKBONE_STRIDES = ((2, 2), (2, 2), (2, 2), (2, 1))
SONGNET_2020 = "Farnan, Dantuluri, Bose: SongNet, Stanford CS230, 2020"


def _published(batch_size: int, learning_rate: float, epochs: int) -> Mapping[str, float]:
    return MappingProxyType({"batch_size": batch_size, "learning_rate": learning_rate, "epochs": epochs})


def _training(batch_size: int, learning_rate: float, epochs: int, images: int = 1_000_000) -> Mapping[str, float]:
    return MappingProxyType({**_published(batch_size, learning_rate, epochs), "images": images})


def _cae(name: str, channels: tuple[int, ...], pools: tuple[int, ...], code: str, parameters: str) -> Preset:
    return Preset(
        name=name,
        family="conv-autoencoder",
        config=MappingProxyType({"channels": channels, "pools": pools}),
        description=f"convolutional autoencoder, code map {code}, {parameters} parameters",
        training=_training(batch_size=16, learning_rate=1e-3, epochs=20),
        published=_published(batch_size=5, learning_rate=5e-4, epochs=125),
        source=SONGNET_2020,
    )


def _reference_vae(head: str, description: str) -> Preset:
    return Preset(
        name=f"vae-r1-{head}",
        family="reference-vae",
        config=MappingProxyType({"head": head}),
        description=f"variational autoencoder, 16 numbers, full covariance, {description}; reference: it hardly learns",
        training=_training(batch_size=16, learning_rate=5e-4, epochs=40),
        published=_published(batch_size=15, learning_rate=5e-4, epochs=125),
        source=SONGNET_2020,
    )


def _contrastive(name: str, config: Mapping[str, object], images: int, description: str) -> Preset:
    return Preset(
        name=name,
        family="contrastive-encoder",
        config=MappingProxyType(dict(config)),
        description=f"contrastive encoder, {description}",
        training=_training(batch_size=64, learning_rate=1e-3, epochs=200, images=images),
        published=MappingProxyType({}),
        source="SongNet; after SimCLR (Chen et al., 2020) and COLA (Saeed, Grangier, Zeghidour, 2021)",
    )


_ALL = (
    _contrastive("contrastive", {"level": "relative"}, 400_000, "128 numbers, pooled over time, 167,168 parameters"),
    _contrastive(
        "contrastive-base",
        {
            **{"channels": (32, 64, 128, 256), "features": 512, "latent_dim": 256, "projection": 128},
            "level": "relative",
        },
        4_000_000,
        "256 numbers, pooled over time, for a GPU",
    ),
    Preset(
        name="aligned",
        family="aligned-encoder",
        config=MappingProxyType({"level": "relative"}),
        description="predicts Track2Vec's vector of a track from its sound; trained by `songnet align`",
        training=_training(batch_size=64, learning_rate=1e-3, epochs=100, images=100_000),
        published=MappingProxyType({}),
        source="SongNet; after MP3ToVec (Smith: Deej-AI, 2019)",
    ),
    _cae("cae-72x72", (96, 45, 16), (2, 2, 2), "12 x 27 x 16 = 5,184", "95,067"),
    _cae("cae-48x81", (48, 24, 12), (2, 2, 2), "12 x 27 x 12 = 3,888", "28,249"),
    _cae("cae-168x108", (96, 14), (2, 2), "24 x 54 x 14 = 18,144", "27,905"),
    _cae("cae-12x15", (48, 24, 12, 5), (2, 2, 2, 3), "4 x 9 x 5 = 180", "28,268"),
    _reference_vae("sigmoid", "sigmoid pixels"),
    _reference_vae("bernoulli", "Bernoulli logits"),
    Preset(
        name="vae-conv",
        family="conv-vae",
        config=MappingProxyType({"latent_dim": 32, "kl_warmup_steps": 500}),
        description="convolutional variational autoencoder, 32 numbers, calibrated Gaussian pixels",
        training=_training(batch_size=64, learning_rate=1e-3, epochs=50),
        published=MappingProxyType({}),
        source="SongNet; calibrated decoder after Rybkin, Daniilidis, Levine, ICML 2021",
    ),
    Preset(
        name="beta-vae-time",
        family="conv-vae",
        config=MappingProxyType(
            {
                **{"channels": BACKBONE_CHANNELS, "strides": BACKBONE_STRIDES, "pooling": "time", "latent_dim": 128},
                **{"beta": 0.5, "free_bits": 0.05, "kl_warmup_steps": 500},
            }
        ),
        description="beta-VAE with free bits on the contrastive encoder's backbone, 128 numbers, pooled over time",
        training=_training(batch_size=64, learning_rate=1e-3, epochs=200, images=400_000),
        published=MappingProxyType({}),
        source="SongNet; after Higgins et al., ICLR 2017, and Kingma et al., NeurIPS 2016 (free bits)",
    ),
    Preset(
        name="masked-cae",
        family="masked-autoencoder",
        config=MappingProxyType({}),
        description="masked autoencoder on the contrastive encoder's backbone, 128 numbers, pooled over time",
        training=_training(batch_size=64, learning_rate=1e-3, epochs=200, images=400_000),
        published=MappingProxyType({}),
        source="SongNet; after Vincent et al., JMLR 2010, and He et al., CVPR 2022",
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})


def get_preset(name: str) -> Preset:
    """The preset of a name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if name not in PRESETS:
        raise ParameterError(f"unknown preset {name!r}; choose one of: {', '.join(PRESETS)}")
    return PRESETS[name]
