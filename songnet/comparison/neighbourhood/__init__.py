"""Evidence without clusters: are the tracks of a held-out playlist near each other by sound?

Data flow: `held_out` (folds of playlists, one query an entry) -> `representation` (vectors of sound, MFCC statistics,
loudness) -> `predictors` (how near a query every track is) -> `measures` (`degree_matching` for the AUC, `ranking` for
reciprocal rank and recall) -> `evidence` (intervals over playlists, permutation nulls) -> `report`, with its `verdict`.
"""

from songnet.comparison.neighbourhood.report import NeighbourReport, compare_neighbours

__all__ = ["NeighbourReport", "compare_neighbours"]
