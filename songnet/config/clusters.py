"""Settings of clustering."""

from __future__ import annotations

from dataclasses import dataclass

from songnet.config.ranges import check_range
from songnet.errors import ParameterError

CLUSTER_FEATURES = ("descriptors", "codes", "joined")
AUTO_FEATURES = "auto"


@dataclass(frozen=True)
class ClusterConfig:
    """How tracks are clustered and how the number of clusters is chosen.

    Parameters
    ----------
    features : str
        What is clustered: ``"descriptors"`` (timbre and modulation statistics of the mel images), ``"codes"`` (a
        model's track vectors), ``"joined"`` (both, each whitened by itself), or ``"auto"``: joined with a contrastive
        model's codes where the library has them, else descriptors (`songnet.clustering.choose_features`).
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

    features: str = AUTO_FEATURES
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
        if self.features not in (AUTO_FEATURES, *CLUSTER_FEATURES):
            allowed = ", ".join((AUTO_FEATURES, *CLUSTER_FEATURES))
            raise ParameterError(f"cluster.features is {self.features!r}; choose one of: {allowed}")
        check_range("cluster", "n_init", self.n_init, 1, 100)
        check_range("cluster", "n_components", self.n_components, 0, 4096)
        check_range("cluster", "shrinkage", self.shrinkage, 0, 1000)
        if self.nulls:
            # Fewer draws cannot give a p-value of .01.
            check_range("cluster", "nulls (0 for no null test)", self.nulls, 99, 9_999)
        if self.resamples:
            check_range("cluster", "resamples (0 for no stability)", self.resamples, 2, 1_000)
        for name in ("null_sample", "stability_sample", "silhouette_sample"):
            check_range("cluster", name, getattr(self, name), 100, 100_000)
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
            check_range("cluster", "k", first, 2, 1000)
            check_range("cluster", "k", last, 2, 1000)
            wanted.update(range(first, last + 1))
        return tuple(sorted(wanted))
