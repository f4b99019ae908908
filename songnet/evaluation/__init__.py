"""What a code is worth: is a model better than no training, than descriptors, than loudness alone?

`evaluate` is the whole way to an `EvaluationReport` whose first line is a verdict; `one_line_verdict` is the short one
without labels. The way of the data: `settings` (what is asked) to `gather` (the vectors asked for, and the baselines of
`baselines` and `untrained`, on the same tracks) to `measures` (one module a task: `knn`, `retrieval`, `probe`,
`clusters`, `consistency`, `hubness`; `intervals` says how sure each figure is) to `verdict`. `panels` looks at the same
vectors from the other side: what they should not tell, and whether they have collapsed. All measures are functions of
plain arrays, and `measures.MEASURES` lists them.
"""

from songnet.evaluation.clusters import agreement, cluster_labels, cluster_scores
from songnet.evaluation.consistency import ConsistencyScores, consistency_scores
from songnet.evaluation.evaluate import evaluate
from songnet.evaluation.figures_of_model import store_figures
from songnet.evaluation.folds import grouped_folds
from songnet.evaluation.hubness import k_occurrence, mutual_neighbours
from songnet.evaluation.intervals import Difference, Estimate, Resampling, difference, estimate_mean, make_resampling
from songnet.evaluation.knn import KnnScores, knn_scores, nearest
from songnet.evaluation.labels import Labels
from songnet.evaluation.measures import MEASURES, Measure
from songnet.evaluation.panels import PanelReport, run_panels
from songnet.evaluation.probe import ProbeScores, probe_scores
from songnet.evaluation.quick import one_line_verdict
from songnet.evaluation.retrieval import RetrievalScores, retrieval_scores
from songnet.evaluation.settings import PANELS, Asked, EvaluationConfig, parse_panels
from songnet.evaluation.verdict import Compared, EvaluationReport

__all__ = [
    "MEASURES",
    "PANELS",
    "Asked",
    "Compared",
    "ConsistencyScores",
    "Difference",
    "Estimate",
    "EvaluationConfig",
    "EvaluationReport",
    "KnnScores",
    "Labels",
    "Measure",
    "PanelReport",
    "ProbeScores",
    "Resampling",
    "RetrievalScores",
    "agreement",
    "cluster_labels",
    "cluster_scores",
    "consistency_scores",
    "difference",
    "estimate_mean",
    "evaluate",
    "grouped_folds",
    "k_occurrence",
    "knn_scores",
    "make_resampling",
    "mutual_neighbours",
    "nearest",
    "one_line_verdict",
    "parse_panels",
    "probe_scores",
    "retrieval_scores",
    "run_panels",
    "store_figures",
]
