"""Composes a small music library with known structure, its playlists and its listeners' tastes.

A seed gives artists (`invent_artists`), the truth about every track (`plan_tracks`), and from that, in this order:
notes (`electronic`, `acoustic`), sound (`oscillators`, `instruments`, `drums`), a mix (`effects`, `render`), tagged
files (`encode`), and listeners (`listeners`). Nothing is recorded and nothing is downloaded; what is composed is in
the public domain.

Examples
--------
>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     composition = compose(Path(folder), n_tracks=2, n_workers=1)
...     [track.style for track in composition.tracks]
['Ambient', 'House']
"""

from songnet.demo.artists import Artist, invent_artists
from songnet.demo.composition import Composition, compose
from songnet.demo.listeners import Playlist
from songnet.demo.styles import STYLES, Style
from songnet.demo.tracks import TrackTruth, plan_tracks

__all__ = [
    "STYLES",
    "Artist",
    "Composition",
    "Playlist",
    "Style",
    "TrackTruth",
    "compose",
    "invent_artists",
    "plan_tracks",
]
