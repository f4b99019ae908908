"""Settings: one frozen dataclass a stage, filled from a TOML file and from flags, in that order.

Every class checks its own ranges, so a setting is right from the moment it exists, wherever it came from.
"""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from songnet.errors import InputNotFoundError, ParameterError

T = TypeVar("T")


def _check(section: str, name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ParameterError(f"{section}.{name} is {value}; it must lie between {low:g} and {high:g}")


@dataclass(frozen=True)
class ImageConfig:
    """How a track becomes mel images.

    Parameters
    ----------
    recipe : str
        Name of a mel recipe (`songnet.spectrogram.RECIPES`).
    clips : int
        Clips cut from a track, 1 to 1,000; a shorter track gives fewer.
    silence_db : float
        A clip whose RMS lies below this level (dBFS, -120 to 0) is passed over.
    """

    recipe: str = "songnet"
    clips: int = 8
    silence_db: float = -60.0

    def __post_init__(self) -> None:
        _check("images", "clips", self.clips, 1, 1000)
        _check("images", "silence_db", self.silence_db, -120, 0)

    @property
    def key(self) -> str:
        """Name of the image set: images of two recipes, or of two clip counts, never mix."""
        return f"{self.recipe}-{self.clips}"


@dataclass(frozen=True)
class ReadConfig:
    """How files are read.

    Parameters
    ----------
    jobs : int
        Worker processes, 0 to 256; 0 means one a core.
    timeout_s : float
        Seconds one file may take, 1 to 86,400; then its worker is ended and the file is listed as failed.
    memory_mb : int
        Memory one worker may take beyond what it starts with, in MiB, 64 to 1,048,576.
    """

    jobs: int = 0
    timeout_s: float = 60.0
    memory_mb: int = 1024

    def __post_init__(self) -> None:
        _check("read", "jobs", self.jobs, 0, 256)
        _check("read", "timeout_s", self.timeout_s, 1, 86_400)
        _check("read", "memory_mb", self.memory_mb, 64, 1_048_576)


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
    patience : int
        Epochs without a better validation loss after which training ends, 1 to 10,000.
    validation : float
        Share of the artists (of the tracks where artists are unknown) held out, 0.01 to 0.5.
    activation : str or None
        Activation of the convolutions.
    dropout : float or None
        Dropout rate, 0 to 0.9.
    latent_dim, beta, free_bits, kl_warmup_steps : int or float or None
        Options of variational models; refused by the others.
    """

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    patience: int = 8
    validation: float = 0.1
    activation: str | None = None
    dropout: float | None = None
    latent_dim: int | None = None
    beta: float | None = None
    free_bits: float | None = None
    kl_warmup_steps: int | None = None

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
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None:
                _check("train", name, value, low, high)

    @property
    def model_overrides(self) -> dict[str, Any]:
        """The options that belong to the model rather than to its training, without the unset ones."""
        names = ("activation", "dropout", "latent_dim", "beta", "free_bits", "kl_warmup_steps")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class VectorConfig:
    """How a track's clip codes become one vector.

    Parameters
    ----------
    aggregate : str
        Name of an aggregation (`songnet.embedding.AGGREGATES`).
    """

    aggregate: str = "mean-std"


@dataclass(frozen=True)
class ClusterConfig:
    """How tracks are clustered and how the number of clusters is chosen.

    Parameters
    ----------
    features : str
        What is clustered: ``"descriptors"`` (timbre and modulation statistics of the mel images), ``"codes"`` (a
        model's track vectors) or ``"joined"`` (both, side by side).
    method : str
        Name of a clusterer (`songnet.clustering.CLUSTERERS`).
    k : str or int
        Numbers of clusters to try: ``"2..20"``, ``"2,3,4,10"``, ``"6"``; each 2 to 1,000.
    n_init : int
        Starts of every fit, 1 to 100; the best is kept.
    n_components : int
        Principal components kept before clustering, 1 to 4,096; 0 clusters the features as they are.
    shrinkage : float
        0 whitens the components fully, 1 hardly (`songnet.embedding.fit_whitening`).
    nulls : int
        Draws of each null model, 99 to 9,999; 0 leaves the null test and the gap statistic out.
    resamples : int
        Repetitions of each stability measure, 2 to 1,000; 0 leaves stability out.
    null_sample, stability_sample, silhouette_sample : int
        Tracks that these measures look at, at most, 100 to 100,000: they are drawn once when there are more.
    """

    features: str = "descriptors"
    method: str = "kmeans"
    k: str | int = "2..20"
    n_init: int = 10
    n_components: int = 16
    shrinkage: float = 0.3
    nulls: int = 99
    resamples: int = 20
    null_sample: int = 2_000
    stability_sample: int = 5_000
    silhouette_sample: int = 10_000

    def __post_init__(self) -> None:
        if self.features not in CLUSTER_FEATURES:
            allowed = ", ".join(CLUSTER_FEATURES)
            raise ParameterError(f"cluster.features is {self.features!r}; choose one of: {allowed}")
        _check("cluster", "n_init", self.n_init, 1, 100)
        _check("cluster", "n_components", self.n_components, 0, 4096)
        _check("cluster", "shrinkage", self.shrinkage, 0, 1000)
        if self.nulls:
            # Fewer draws cannot give a p-value of .01.
            _check("cluster", "nulls (0 for no null test)", self.nulls, 99, 9_999)
        if self.resamples:
            _check("cluster", "resamples (0 for no stability)", self.resamples, 2, 1_000)
        for name in ("null_sample", "stability_sample", "silhouette_sample"):
            _check("cluster", name, getattr(self, name), 100, 100_000)
        _ = self.n_clusters

    @property
    def n_clusters(self) -> tuple[int, ...]:
        """The numbers of clusters to try, ascending, none twice."""
        wanted: set[int] = set()
        for part in str(self.k).split(","):
            low, dots, high = part.strip().partition("..")
            try:
                first, last = int(low), int(high if dots else low)
            except ValueError:
                raise ParameterError(f"k is {self.k!r}; write it as 2..20, as 2,3,4,10 or as 6") from None
            if first > last:
                raise ParameterError(f"k is {self.k!r}; the range {part.strip()} runs backwards")
            _check("cluster", "k", first, 2, 1000)
            _check("cluster", "k", last, 2, 1000)
            wanted.update(range(first, last + 1))
        return tuple(sorted(wanted))


@dataclass(frozen=True)
class CommunityConfig:
    """How playlists become a graph, and the graph communities.

    Parameters
    ----------
    method : str
        Name of a community method (`songnet.playlists.communities.COMMUNITY_METHODS`).
    graph : str
        ``"cooccurrence"`` (playlists that hold both tracks) or ``"track2vec"`` (`songnet.playlists.track2vec`).
    weighting : str
        Weight of a pair of tracks (`songnet.playlists.weighting.WEIGHTINGS`); of co-occurrence only.
    min_support : int
        Tracks in fewer playlists are left out, 1 to 1,000,000.
    min_pair_support : int
        Pairs in fewer playlists are left out, 1 to 1,000,000; of co-occurrence only.
    max_playlist_length : int
        Longer playlists are left out, 2 to 1,000,000.
    top_k : int
        Edges kept a track, 1 to 10,000; 0 keeps all, which Track2Vec does not allow.
    mutual : bool
        Keep an edge only if it is among the strongest of both its tracks.
    backbone : float
        Significance of the disparity filter, 0 to 1; 0 leaves it out.
    k_core : int
        Tracks with fewer neighbours are peeled off, 0 to 10,000.
    largest_component : bool
        Keep the largest connected part only.
    resolution : float
        0.001 to 1,000; larger gives more communities.
    n_communities : int
        Communities wanted, 1 to 1,000,000: the resolution is searched; 0 leaves it as it is.
    n_seeds : int
        Seeds a resolution in the sweep, 1 to 100.
    dimensions : int
        Of Track2Vec's vectors, 2 to 1,000.
    window : int
        Entries before and after a track in its playlist that are its context in Track2Vec, 1 to 1,000.
    epochs : int
        Passes over the playlists in Track2Vec, 1 to 10,000; 0 for `songnet.playlists.track2vec.usual_epochs`.
    skip_gram : bool
        Track2Vec predicts the context from the track instead of the track from its context (CBOW).
    """

    method: str = "leiden"
    graph: str = "cooccurrence"
    weighting: str = "newman-cosine"
    min_support: int = 2
    min_pair_support: int = 2
    max_playlist_length: int = 1_000
    top_k: int = 50
    mutual: bool = False
    backbone: float = 0.0
    k_core: int = 0
    largest_component: bool = False
    resolution: float = 1.0
    n_communities: int = 0
    n_seeds: int = 3
    dimensions: int = 100
    window: int = 2
    epochs: int = 0
    skip_gram: bool = False

    def __post_init__(self) -> None:
        if self.graph not in TRACK_GRAPHS:
            raise ParameterError(f"communities.graph is {self.graph!r}; choose one of: {', '.join(TRACK_GRAPHS)}")
        limits: dict[str, tuple[float, float]] = {
            "min_support": (1, 1_000_000),
            "min_pair_support": (1, 1_000_000),
            "max_playlist_length": (2, 1_000_000),
            "top_k": (0, 10_000),
            "backbone": (0, 1),
            "k_core": (0, 10_000),
            "resolution": (0.001, 1_000),
            "n_communities": (0, 1_000_000),
            "n_seeds": (1, 100),
            "dimensions": (2, 1_000),
            "window": (1, 1_000),
            "epochs": (0, 10_000),
        }
        for name, (low, high) in limits.items():
            _check("communities", name, getattr(self, name), low, high)
        if self.graph == "track2vec" and not self.top_k:
            # Any two vectors have a cosine: all pairs would be a full matrix.
            raise ParameterError("communities.top_k is 0; a graph of Track2Vec keeps 1 to 10,000 edges a track")


CLUSTER_FEATURES = ("descriptors", "codes", "joined")
TRACK_GRAPHS = ("cooccurrence", "track2vec")

SECTIONS: dict[str, type[Any]] = {
    "images": ImageConfig,
    "read": ReadConfig,
    "train": TrainConfig,
    "vectors": VectorConfig,
    "cluster": ClusterConfig,
    "communities": CommunityConfig,
}


def read_toml(path: Path | None) -> dict[str, dict[str, Any]]:
    """Read a settings file and refuse what no stage knows.

    Parameters
    ----------
    path : pathlib.Path or None
        A TOML file with the tables ``[images]``, ``[read]``, ``[train]``, ``[vectors]`` and ``[cluster]``, each
        optional; None gives no settings.

    Returns
    -------
    dict
        ``section -> {key: value}``, keys checked.

    Raises
    ------
    InputNotFoundError
        If the file is not there.
    ParameterError
        If it is not TOML, or holds a section or key that does not exist.
    """
    if path is None:
        return {}
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputNotFoundError(f"cannot read the settings file {path}: {error.strerror}") from error
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} is not valid TOML: {error}") from error
    for section, values in content.items():
        if section not in SECTIONS:
            raise ParameterError(f"{path}: unknown section [{section}]; there are: {', '.join(SECTIONS)}")
        if not isinstance(values, dict):
            raise ParameterError(f"{path}: {section} must be a table, [{section}]")
        _refuse_unknown(SECTIONS[section], values, f"{path}: [{section}]")
    return content


def _refuse_unknown(cls: type[Any], values: Mapping[str, Any], origin: str) -> None:
    allowed = [field.name for field in fields(cls)]
    for key in values:
        if key not in allowed:
            raise ParameterError(f"{origin} has an unknown key {key!r}; allowed: {', '.join(allowed)}")


def build_config(cls: type[T], *layers: Mapping[str, Any]) -> T:
    """Fill a settings class from layers of values, later ones on top; None means "not said".

    Examples
    --------
    >>> build_config(ImageConfig, {"clips": 3}, {"recipe": "deejai", "clips": None}).key
    'deejai-3'
    """
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(cls)
    section = next((name for name, known in SECTIONS.items() if known is cls), cls.__name__)
    for layer in layers:
        _refuse_unknown(cls, layer, section)
        for key, value in layer.items():
            if value is not None:
                values[key] = _coerce(section, key, value, hints[key])
    return cls(**values)


def _coerce(section: str, key: str, value: Any, hint: Any) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if bool in options and isinstance(value, bool):
        return value
    if float in options and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if any(isinstance(value, option) for option in options) and not isinstance(value, bool):
        return value
    wanted = " or ".join(option.__name__ for option in options if option is not type(None))
    raise ParameterError(f"{section}.{key} is {value!r}; it must be of type {wanted}")
