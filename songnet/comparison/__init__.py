"""Two partitions of the same tracks: how far they agree, and how far that is more than chance.

`compare` is the whole way to a `ComparisonReport` with a verdict. The parts: `contingency` (the table that everything
is computed from), `scores` and `element_centric` (agreement), `nulls` (chance, with and without artists), `bootstrap`
(intervals, ceiling), `verdict` (words). Without clusters: `songnet.comparison.neighbourhood`.
"""

from songnet.comparison.bootstrap import Interval, bootstrap_interval, bootstrap_rebuilt, ceiling
from songnet.comparison.compare import ComparisonReport, compare
from songnet.comparison.contingency import Alignment, Contingency, align, contingency, log_ratio, pair, row_shares
from songnet.comparison.element_centric import element_centric_similarity
from songnet.comparison.nulls import NullTest, artist_null, permutation_null
from songnet.comparison.scores import Scores, score_table

__all__ = [
    "Alignment",
    "ComparisonReport",
    "Contingency",
    "Interval",
    "NullTest",
    "Scores",
    "align",
    "artist_null",
    "bootstrap_interval",
    "bootstrap_rebuilt",
    "ceiling",
    "compare",
    "contingency",
    "element_centric_similarity",
    "log_ratio",
    "pair",
    "permutation_null",
    "row_shares",
    "score_table",
]
