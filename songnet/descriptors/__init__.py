"""Mel images to hand-made descriptors: no training, the same for every library.

`timbre_descriptor` is 260 numbers for machines to compare; the acoustic quantities (`ACOUSTIC_UNITS`) are a few
that people have words for. `update_descriptors` does for a library what is new, `load_descriptors` reads it back.
"""

from songnet.descriptors.acoustic import ACOUSTIC_UNITS, acoustic_descriptors, clip_acoustics
from songnet.descriptors.percussive import percussive_mask
from songnet.descriptors.rhythm import estimate_tempo, onset_autocorrelation, onset_strength
from songnet.descriptors.store import Descriptors, describe_images, load_descriptors, update_descriptors
from songnet.descriptors.timbre import MODULATION_EDGES_HZ, TIMBRE_SIZE, timbre_descriptor

__all__ = [
    "ACOUSTIC_UNITS",
    "MODULATION_EDGES_HZ",
    "TIMBRE_SIZE",
    "Descriptors",
    "acoustic_descriptors",
    "clip_acoustics",
    "describe_images",
    "estimate_tempo",
    "load_descriptors",
    "onset_autocorrelation",
    "onset_strength",
    "percussive_mask",
    "timbre_descriptor",
    "update_descriptors",
]
