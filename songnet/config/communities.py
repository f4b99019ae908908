"""Settings of the playlists' graph and its communities."""

from __future__ import annotations

from dataclasses import dataclass

from songnet.config.ranges import check_range
from songnet.errors import ParameterError

TRACK_GRAPHS = ("cooccurrence", "track2vec")


@dataclass(frozen=True)
class CommunityConfig:
    """How playlists become a graph, and the graph communities.

    Parameters
    ----------
    method : str
        Name of a community method (`songnet.playlists.communities.COMMUNITY_METHODS`).
    graph : str
        ``"cooccurrence"`` (playlists that hold both tracks) or ``"track2vec"`` (`songnet.playlists.track2vec`).
    weighting : str
        Weight of a pair of tracks (`songnet.playlists.weighting.WEIGHTINGS`); of co-occurrence only.
    min_support : int
        Tracks in fewer playlists are left out, 1 to 1,000,000.
    min_pair_support : int
        Pairs in fewer playlists are left out, 1 to 1,000,000; of co-occurrence only.
    max_playlist_length : int
        Longer playlists are left out, 2 to 1,000,000.
    top_k : int
        Edges kept a track, 1 to 10,000; 0 keeps all, which Track2Vec does not allow.
    mutual : bool
        Keep an edge only if it is among the strongest of both its tracks.
    backbone : float
        Significance of the disparity filter, 0 to 1; 0 leaves it out.
    k_core : int
        Tracks with fewer neighbours are peeled off, 0 to 10,000.
    largest_component : bool
        Keep the largest connected part only.
    resolution : float
        0.001 to 1,000; larger gives more communities.
    n_communities : int
        Communities wanted, 1 to 1,000,000: the resolution is searched; 0 leaves it as it is.
    n_seeds : int
        Seeds a resolution in the sweep, 1 to 100.
    dimensions : int
        Of Track2Vec's vectors, 2 to 1,000.
    window : int
        Entries before and after a track in its playlist that are its context in Track2Vec, 1 to 1,000.
    epochs : int
        Passes over the playlists in Track2Vec, 1 to 10,000; 0 for `songnet.playlists.track2vec.usual_epochs`.
    skip_gram : bool
        Track2Vec predicts the context from the track instead of the track from its context (CBOW).
    """

    method: str = "leiden"
    graph: str = "cooccurrence"
    weighting: str = "newman-cosine"
    min_support: int = 2
    min_pair_support: int = 2
    max_playlist_length: int = 1_000
    top_k: int = 50
    mutual: bool = False
    backbone: float = 0.0
    k_core: int = 0
    largest_component: bool = False
    resolution: float = 1.0
    n_communities: int = 0
    n_seeds: int = 3
    dimensions: int = 100
    window: int = 2
    epochs: int = 0
    skip_gram: bool = False

    def __post_init__(self) -> None:
        if self.graph not in TRACK_GRAPHS:
            raise ParameterError(f"communities.graph is {self.graph!r}; choose one of: {', '.join(TRACK_GRAPHS)}")
        limits: dict[str, tuple[float, float]] = {
            "min_support": (1, 1_000_000),
            "min_pair_support": (1, 1_000_000),
            "max_playlist_length": (2, 1_000_000),
            "top_k": (0, 10_000),
            "backbone": (0, 1),
            "k_core": (0, 10_000),
            "resolution": (0.001, 1_000),
            "n_communities": (0, 1_000_000),
            "n_seeds": (1, 100),
            "dimensions": (2, 1_000),
            "window": (1, 1_000),
            "epochs": (0, 10_000),
        }
        for name, (low, high) in limits.items():
            check_range("communities", name, getattr(self, name), low, high)
        if self.graph == "track2vec" and not self.top_k:
            # Any two vectors have a cosine: all pairs would be a full matrix.
            raise ParameterError("communities.top_k is 0; a graph of Track2Vec keeps 1 to 10,000 edges a track")
