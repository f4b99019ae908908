"""How an evaluation is done, and what is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from songnet.config import CLUSTER_FEATURES, VectorConfig
from songnet.errors import ParameterError
from songnet.evaluation.hubness import MUTUAL_PROXIMITY
from songnet.evaluation.labels import CONTROLS, TAGS
from songnet.evaluation.points import SPACES

PANELS = ("nuisance", "invariance", "collapse")
QUICK_PANELS = ("nuisance", "collapse")
# What a parameter is called where most people set it; the others have no flag.
FLAGS = {
    "n_components": "--components",
    "shrinkage": "--shrinkage",
    "k": "--k",
    "n_seeds": "--seeds",
    "n_draws": "--draws",
    "random_seed": "--random-seed",
    "invariance_tracks": "--invariance-tracks",
}


def parse_panels(text: str) -> tuple[str, ...]:
    """Names of panels as they are written after ``--panels``.

    Parameters
    ----------
    text : str
        Names with commas between them, ``"all"`` or ``"none"``.

    Returns
    -------
    tuple of str
        In the order of `PANELS`; what is no panel's name stays, for `EvaluationConfig` to refuse.

    Examples
    --------
    >>> parse_panels("collapse, nuisance")
    ('nuisance', 'collapse')
    """
    names = [name.strip() for name in text.split(",")]
    if names in (["all"], ["none"]):
        return PANELS if names == ["all"] else ()
    return (*(name for name in PANELS if name in names), *(name for name in names if name not in PANELS))


@dataclass(frozen=True)
class EvaluationConfig:
    """Parameters of the measures.

    Parameters
    ----------
    space : str
        Where cosines are taken: ``"whitened"``, ``"standard"`` or ``"raw"`` (`songnet.evaluation.points.points_of`).
    n_components : int
        Principal components of the whitened space, 1 to 4,096.
    shrinkage : float
        Of the whitening, 0 to 1,000.
    k : int
        Neighbours, 1 to 100.
    recall_k : int
        Places of recall@k, 1 to 1,000.
    n_seeds : int
        Clusterings, 1 to 100.
    n_draws : int
        Draws of every interval, 100 to 10,000.
    sample : int
        Tracks at most, 10 or more; 0 takes all. They are drawn once, for all systems.
    clip_tracks : int
        Tracks whose clips are asked at most, 10 to 100,000.
    clips_a_track : int
        Clips of each of them at most, 2 to 1,000.
    hub_sample : int
        Tracks that hubness is measured on at most, 10 to 100,000.
    mutual_proximity : str
        ``"gaussian"``, ``"empirical"`` or ``"none"``.
    random_seed : int
        Of the untrained encoder's weights.
    panels : tuple of str
        Of `PANELS`: what is examined beside the measures. Invariance reads files again and takes minutes.
    invariance_tracks : int
        Tracks drawn for it, 1 to 10,000.
    """

    space: str = "whitened"
    n_components: int = 16
    shrinkage: float = 0.3
    k: int = 5
    recall_k: int = 10
    n_seeds: int = 5
    n_draws: int = 1000
    sample: int = 10_000
    clip_tracks: int = 2_000
    clips_a_track: int = 8
    hub_sample: int = 5_000
    mutual_proximity: str = "gaussian"
    random_seed: int = 0
    panels: tuple[str, ...] = QUICK_PANELS
    invariance_tracks: int = 60

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("space", self.space, SPACES),
            ("mutual-proximity", self.mutual_proximity, (*MUTUAL_PROXIMITY, "none")),
        ):
            if value not in allowed:
                raise ParameterError(f"--{name} is {value!r}; choose one of: {', '.join(allowed)}")
        for name in self.panels:
            if name not in PANELS:
                raise ParameterError(f"--panels names {name!r}; choose among: {', '.join(PANELS)}, all, none")
        limits: dict[str, tuple[float, float]] = {
            "n_components": (1, 4_096),
            "shrinkage": (0, 1_000),
            "k": (1, 100),
            "recall_k": (1, 1_000),
            "n_seeds": (1, 100),
            "n_draws": (100, 10_000),
            "clip_tracks": (10, 100_000),
            "clips_a_track": (2, 1_000),
            "hub_sample": (10, 100_000),
            "random_seed": (0, 2**31 - 1),
            "invariance_tracks": (1, 10_000),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ParameterError(f"{FLAGS.get(name, name)} is {value}; it must lie between {low} and {high}")
        if self.sample and self.sample < 10:
            raise ParameterError(f"--sample is {self.sample}; it must be 10 or more, or 0 for all tracks")


@dataclass(frozen=True)
class Asked:
    """What is evaluated, against what.

    Parameters
    ----------
    features : tuple of str
        ``"descriptors"``, ``"codes"``, ``"joined"``: the last two for each model.
    models : tuple of str
        Names of trained models.
    aggregate : str
        How their codes became track vectors.
    vectors : tuple of pathlib.Path
        .npz files (`songnet.evaluation.systems.read_npz`).
    labels : pathlib.Path or None
        CSV of labels.
    label_column, tag : str or None
        Its column; or the tag to take instead of a file.
    control : str or None
        ``"shuffled-labels"``.
    """

    features: tuple[str, ...] = ("codes",)
    models: tuple[str, ...] = ()
    aggregate: str = VectorConfig.aggregate
    vectors: tuple[Path, ...] = field(default=())
    labels: Path | None = None
    label_column: str | None = None
    tag: str | None = None
    control: str | None = None

    def __post_init__(self) -> None:
        for name in self.features:
            if name not in CLUSTER_FEATURES:
                raise ParameterError(f"--features is {name!r}; choose one of: {', '.join(CLUSTER_FEATURES)}")
        if self.tag is not None and self.tag not in TAGS:
            raise ParameterError(f"--tag is {self.tag!r}; choose one of: {', '.join(TAGS)}")
        if self.control is not None and self.control not in CONTROLS:
            raise ParameterError(f"--control is {self.control!r}; there is: {', '.join(CONTROLS)}")
        if self.tag is not None and self.labels is not None:
            raise ParameterError("--labels and --tag both name labels: give one of them")
        if self.label_column is not None and self.labels is None:
            raise ParameterError("--label-column names a column of --labels FILE: give that too")
        if self.control is not None and self.labels is None and self.tag is None:
            raise ParameterError(f"--control {self.control} needs labels: give --labels FILE or --tag")
        if len(set(self.vectors)) != len(self.vectors) or len({path.stem for path in self.vectors}) < len(self.vectors):
            raise ParameterError("two --vectors files have one name: rename one, since tables name them by it")
