"""A library of images that show the kind of their track, and playlists that keep to a kind or do not."""

import numpy as np

from songnet.config import ImageConfig, TrainConfig
from songnet.library import Library, to_arrow
from songnet.library.tracks import upsert_track
from songnet.playlists.store import import_paths
from songnet.playlists.stored import match_library

N_TRACKS, N_KINDS, N_ARTISTS = 48, 3, 24
IMAGES = ImageConfig()
# Relative to its level an untrained encoder tells these kinds apart already, and training has nothing to show.
QUICK = TrainConfig(epochs=5, batch_size=16, learning_rate=3e-3, validation=0.25, dropout=0.0, level="absolute")


def kind_of(number):
    """Artists keep to a kind: tracks n and n + 24 are of one artist."""
    return number % N_KINDS


def make_library(path):
    """48 tracks of 24 artists and 3 kinds, two images each: a kind is loud in a third of the bands of its own."""
    rng = np.random.default_rng(0)
    with Library(path, write=True, create=True) as library:
        for number in range(N_TRACKS):
            track = f"t{number:02d}"
            said = {"title": f"Song {number}", "artist": f"Artist {number % N_ARTISTS}", "album": f"Album {number}"}
            with library.db:
                upsert_track(library.db, {"track_id": track, "source": "image", **said})
                library.db.execute("INSERT INTO images VALUES (?, ?, ?)", (IMAGES.key, track, 2))
            # Loudness is what an untrained encoder hears most of, and no playlist asks for it.
            images = rng.integers(10, 50, (2, 96, 216)) + rng.integers(0, 130)
            images[:, 32 * kind_of(number) : 32 * (kind_of(number) + 1)] += 60
            rows = to_arrow([track] * 2, range(2), [0.0] * 2, [False] * 2, images.reshape(2, -1).astype(np.uint8))
            library.arrays.append(f"images-{IMAGES.key}", rows)
    return path


def playlist_csv(path, *, planted=True, n_playlists=120, seed=1, kinds=N_KINDS):
    """Playlists of six tracks, all of one kind, or of any."""
    rng = np.random.default_rng(seed)
    lines = ["playlist,artist,title"]
    for playlist in range(n_playlists):
        pool = np.arange(playlist % kinds, N_TRACKS, kinds) if planted else np.arange(N_TRACKS)
        for number in rng.choice(pool, 6, replace=False):
            lines.append(f"P{seed}-{playlist},Artist {number % N_ARTISTS},Song {number}")
    path.write_text("\n".join(lines) + "\n")
    return path


def import_playlists(library_path, *files):
    with Library(library_path, write=True) as library:
        import_paths(library, list(files))
        match_library(library)
