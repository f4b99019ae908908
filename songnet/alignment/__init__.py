"""An encoder that learns from playlists, and the code that keeps it away from the playlists it learned from.

Data flow: `songnet.playlists.folds` deals the playlists to two sides -> `learn` (Track2Vec's vectors of the training
side become what an encoder learns to predict) -> a model whose card says which playlists it learned from ->
`provenance` (what was learned from playlists is compared with held-out ones alone, or not at all).
"""

from songnet.alignment.learn import AlignConfig, AlignReport, align
from songnet.alignment.provenance import (
    HeldOut,
    aligned_model_of,
    check_comparison,
    held_out_of,
    held_out_playlists,
    hold_out,
    learned_from_playlists,
)

__all__ = [
    "AlignConfig",
    "AlignReport",
    "HeldOut",
    "align",
    "aligned_model_of",
    "check_comparison",
    "held_out_of",
    "held_out_playlists",
    "hold_out",
    "learned_from_playlists",
]
