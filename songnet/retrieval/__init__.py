"""Answers from what tracks sound like: `load_sounds` brings a library to points, `similar` finds nearest neighbours."""

from songnet.retrieval.representation import Sounds, descriptors_behind, load_sounds, point_of_file
from songnet.retrieval.similar import Neighbour, SimilarReport, find_track, similar

__all__ = [
    "Neighbour",
    "SimilarReport",
    "Sounds",
    "descriptors_behind",
    "find_track",
    "load_sounds",
    "point_of_file",
    "similar",
]
