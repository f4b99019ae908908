"""Answers from track vectors: `similar` finds a track's nearest neighbours."""

from songnet.retrieval.similar import Neighbour, SimilarReport, find_track, similar

__all__ = ["Neighbour", "SimilarReport", "find_track", "similar"]
