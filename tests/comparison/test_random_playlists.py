"""The demo's tracks in playlists drawn at random: communities that agree with nothing, p uniform over seeds."""

from __future__ import annotations

import numpy as np
from scipy import stats

from songnet.comparison import artist_null, contingency, pair, permutation_null, score_table
from songnet.config import CommunityConfig
from songnet.demo import invent_artists, plan_tracks
from songnet.demo.listeners import count_listens, make_playlists
from songnet.partition import Partition
from songnet.playlists.pipeline import communities_again
from songnet.playlists.stored import Memberships

N_SEEDS, N_DRAWS = 200, 99
ARTISTS = invent_artists(0)
TRACKS = plan_tracks(120, 0, ARTISTS)
IDS = tuple(f"{number:03}" for number in range(120))
PLAYLISTS = make_playlists(TRACKS, count_listens(TRACKS, ARTISTS, 0), 60, 200, 0)
STYLES = Partition.from_labels(IDS, np.unique([t.style for t in TRACKS], return_inverse=True)[1] + 1, "styles", {})
ARTIST_OF = np.unique([track.artist for track in TRACKS], return_inverse=True)[1].astype(np.int64)


def communities(playlists: list[np.ndarray], seed: int) -> Partition:
    """What `songnet communities` finds in playlists of these tracks."""
    playlist_of = np.repeat(np.arange(len(playlists)), [len(tracks) for tracks in playlists])
    memberships = Memberships(np.arange(len(playlists)), IDS, playlist_of, np.concatenate(playlists).astype(np.int64))
    return communities_again(memberships, CommunityConfig(), seed, resample=False)


def random_playlists(seed: int) -> list[np.ndarray]:
    """As many playlists as the demo's, as long as they are, of tracks that chance put together."""
    rng = np.random.default_rng([seed, 7])
    return [rng.choice(len(IDS), len(playlist.tracks), replace=False) for playlist in PLAYLISTS]


def looks_uniform(p_values: list[float]) -> bool:
    # In the middle of their steps, p-values of 99 draws lie on a grid that a test of continuous numbers can read.
    return bool(stats.kstest(np.array(p_values) - 0.5 / (N_DRAWS + 1), "uniform").pvalue > 0.01)


def test_random_playlists_give_uniform_p_over_200_seeds() -> None:
    tracks, artists, amis = [], [], []
    for seed in range(N_SEEDS):
        paired = pair(STYLES, communities(random_playlists(seed), seed))
        numbers = ARTIST_OF[[int(track) for track in paired.track_ids]]
        test = permutation_null(paired.first, paired.second, n_draws=N_DRAWS, seed=seed)
        tracks.append(test.p_value)
        artists.append(artist_null(paired.first, paired.second, numbers, n_draws=N_DRAWS, seed=seed).p_value)
        amis.append(test.observed)
    assert looks_uniform(tracks)
    assert looks_uniform(artists)
    assert abs(np.mean(amis)) < 0.01


def test_the_demos_own_playlists_agree_far_beyond_that() -> None:
    found = communities([np.array(playlist.tracks) for playlist in PLAYLISTS], 0)
    assert score_table(contingency(STYLES, found).table).ami > 0.8
    paired = pair(STYLES, found)
    assert permutation_null(paired.first, paired.second, n_draws=N_DRAWS, seed=0).p_value == 1 / (N_DRAWS + 1)
