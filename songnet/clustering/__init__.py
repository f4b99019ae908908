"""Track features to clusters, and the evidence for or against them.

`choose_features` decides what is to be clustered, `load_features` reads it; `sweep` tries every number of clusters,
compares them with data without clusters and says what it finds; `cluster_features` is the whole way to a
`songnet.partition.Partition` with stable numbers, names and descriptions. The parts: `estimators` (clusterers behind
one registry), `lloyd` (k-means for all k at once), `silhouette`, `nulls`, `stability`, `choose` (votes, recommendation,
verdict), `identity`, `description`, `projection`.
"""

from songnet.clustering.against import AgainstLabels, compare_with_labels, read_labels
from songnet.clustering.description import ClusterDescription, describe_clusters
from songnet.clustering.estimators import CLUSTERERS, fit_path
from songnet.clustering.export import export_partition
from songnet.clustering.feature_choice import FeatureChoice, choose_features
from songnet.clustering.features import Features, control_features, load_features
from songnet.clustering.identity import match_labels, number_by_size
from songnet.clustering.pipeline import ClusterReport, cluster_features
from songnet.clustering.projection import PROJECTIONS, Projection
from songnet.clustering.results import StabilityScore, SweepRow, Verdict
from songnet.clustering.sweep import SweepReport, sweep

__all__ = [
    "CLUSTERERS",
    "PROJECTIONS",
    "AgainstLabels",
    "ClusterDescription",
    "ClusterReport",
    "FeatureChoice",
    "Features",
    "Projection",
    "StabilityScore",
    "SweepReport",
    "SweepRow",
    "Verdict",
    "choose_features",
    "cluster_features",
    "compare_with_labels",
    "control_features",
    "describe_clusters",
    "export_partition",
    "fit_path",
    "load_features",
    "match_labels",
    "number_by_size",
    "read_labels",
    "sweep",
]
