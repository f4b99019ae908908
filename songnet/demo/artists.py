"""The invented artists: four to a style, each with a sound, favourite keys and tempi."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.demo.names import artist_name, distinct
from songnet.demo.sound import Sound
from songnet.demo.styles import STYLES, Style

ARTISTS_PER_STYLE = 4

_RANGES = (
    "brightness", "attack", "detune_cents", "density", "swing", "drive", "reverb_s", "reverb_mix", "tilt_db",
    "cutoff_hz", "width", "tempo_bpm",
)  # fmt: skip

# Keys of the random streams: the same seed gives unrelated numbers under different keys.
ARTIST_STREAM, TRACK_STREAM, FORMAT_STREAM, ALBUM_STREAM, LISTENER_STREAM, LISTENS_STREAM = range(6)


def stream(seed: int, *key: int) -> np.random.SeedSequence:
    """Random stream of one artist, track or listener; independent of all streams of another key."""
    return np.random.SeedSequence(seed, spawn_key=key)


@dataclass(frozen=True)
class Artist:
    """An invented artist.

    Parameters
    ----------
    name : str
        Name.
    style : Style
        The style of all tracks.
    sound : Sound
        What all tracks share.
    tempo_bpm : (float, float)
        Range of the tempi, a third of the style's.
    tonics : tuple of int
        Favourite pitch classes for the tonic.
    modes : tuple of str
        The modes used, one or two.
    tracks_per_album : int
        Length of each album.
    """

    name: str
    style: Style
    sound: Sound
    tempo_bpm: tuple[float, float]
    tonics: tuple[int, ...]
    modes: tuple[str, ...]
    tracks_per_album: int


def invent_artists(seed: int) -> tuple[Artist, ...]:
    """Invent the artists of a composition.

    Every parameter's range in a style is cut into four strata and each artist of the style gets one, so that no two
    of them have the same brightness, tempo or room.

    Parameters
    ----------
    seed : int
        The composition's seed.

    Returns
    -------
    tuple of Artist
        In the order of `STYLES`, `ARTISTS_PER_STYLE` to a style.
    """
    artists: list[Artist] = []
    for number, style in enumerate(STYLES):
        rng = np.random.default_rng(stream(seed, ARTIST_STREAM, number))
        values = {name: _strata(rng, *getattr(style, name)) for name in _RANGES}
        patterns = rng.permutation(ARTISTS_PER_STYLE)
        shifts = {role: int(rng.integers(4)) for role in ("leads", "beds", "basses")}
        for i in range(ARTISTS_PER_STYLE):
            sound = Sound(
                lead=style.leads[(i + shifts["leads"]) % len(style.leads)],
                bed=style.beds[(i + shifts["beds"]) % len(style.beds)],
                bass=style.basses[(i + shifts["basses"]) % len(style.basses)],
                brightness=values["brightness"][i],
                attack=values["attack"][i],
                detune_cents=values["detune_cents"][i],
                density=values["density"][i],
                pattern=int(patterns[i]),
                swing=values["swing"][i],
                drive=values["drive"][i],
                reverb_s=values["reverb_s"][i],
                reverb_mix=values["reverb_mix"][i],
                tilt_db=values["tilt_db"][i],
                cutoff_hz=values["cutoff_hz"][i],
                width=values["width"][i],
                drums_db=float(rng.uniform(-4, 3)),
                hall=int(rng.integers(2**31)),
            )
            low, high = style.tempo_bpm
            centre = values["tempo_bpm"][i]
            modes = rng.permutation(len(style.modes))[: int(rng.integers(1, 3))]
            artists.append(
                Artist(
                    name=distinct(artist_name, rng, {artist.name for artist in artists}),
                    style=style,
                    sound=sound,
                    tempo_bpm=(max(low, centre - (high - low) / 6), min(high, centre + (high - low) / 6)),
                    tonics=tuple(int(tonic) for tonic in rng.permutation(12)[:4]),
                    modes=tuple(style.modes[int(mode)] for mode in modes),
                    tracks_per_album=int(rng.integers(3, 6)),
                )
            )
    return tuple(artists)


def _strata(rng: np.random.Generator, low: float, high: float) -> list[float]:
    """One value from each quarter of a range, in random order."""
    places = (rng.permutation(ARTISTS_PER_STYLE) + rng.uniform(size=ARTISTS_PER_STYLE)) / ARTISTS_PER_STYLE
    return [float(low + (high - low) * place) for place in places]
