"""Libraries of made-up mel images: three plain kinds, or noise without any."""

import numpy as np

from songnet.library import Library, to_arrow
from songnet.library import tracks as ledger

N_BANDS, N_FRAMES = 96, 216


def planted_images(kinds: np.ndarray, seed: int) -> np.ndarray:
    """An image a kind [dtype=uint8]: 0 low bands, 1 high bands, 2 pulses; each with a pitch of its own, and noise."""
    rng = np.random.default_rng(seed)
    band, frame = np.arange(N_BANDS)[:, None], np.arange(N_FRAMES)[None, :]
    images = []
    for kind in kinds:
        middle = {0: 20, 1: 70}.get(int(kind), 0) + rng.uniform(-3, 3)
        if kind == 2:
            shape = np.exp(4 * (np.cos(2 * np.pi * frame / rng.uniform(25, 35)) - 1)) * np.ones_like(band)
        else:
            shape = np.exp(-(((band - middle) / 8) ** 2)) * np.ones_like(frame)
        images.append(rng.uniform(120, 150) * shape + rng.uniform(30, 60) * rng.random((N_BANDS, N_FRAMES)))
    return np.clip(np.stack(images), 0, 255).astype(np.uint8)


def noise_images(count: int, seed: int) -> np.ndarray:
    """Planted images with all pixels of the collection dealt out anew: nothing is left to find."""
    rng = np.random.default_rng(seed)
    return rng.permuted(planted_images(np.arange(count) % 3, seed).reshape(-1)).reshape(count, N_BANDS, N_FRAMES)


def fill_library(library: Library, images: np.ndarray, clips: int = 2) -> None:
    """Tracks of so many images each, by artists of three tracks each (consecutive ones)."""
    for n in range(len(images) // clips):
        track = f"t{n:04d}"
        values = images[n * clips : (n + 1) * clips].reshape(clips, -1)
        library.arrays.append(
            "images-songnet-8", to_arrow([track] * clips, range(clips), [0.0] * clips, [False] * clips, values)
        )
        with library.db:
            ledger.upsert_track(
                library.db, {"track_id": track, "source": "image", "title": track, "artist": f"artist {n // 3}"}
            )
            library.db.execute("INSERT INTO images VALUES ('songnet-8', ?, ?)", (track, clips))
