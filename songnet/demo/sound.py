"""What makes an artist recognisable: the parameters that all of an artist's tracks share."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_RATE = 44_100
"""Samples per second of everything composed."""


@dataclass(frozen=True)
class Sound:
    """How one artist sounds; every number that is not in a unit lies in [0, 1].

    Parameters
    ----------
    lead, bed, bass : str
        Names of the voices that play the melody, the chords and the bass (see `songnet.demo.instruments.VOICES`).
    brightness : float
        How strong the upper partials are.
    attack : float
        How slowly notes begin.
    detune_cents : float
        Spread of doubled oscillators, in cents.
    density : float
        How many notes are played.
    pattern : int
        Which of the style's drum, picking or bass figures is used.
    swing : float
        Place of the off-beat eighth within its beat: 0.5 is straight, 0.67 a triplet.
    drive : float
        Saturation of the mix.
    reverb_s : float
        Reverberation time (to -60 dB), in seconds.
    reverb_mix : float
        Level of the reverberation.
    tilt_db : float
        Level of the treble against the bass, in dB.
    cutoff_hz : float
        Corner of the mix's low-pass filter, in Hz.
    width : float
        Width of the stereo image.
    drums_db : float
        Level of the drums against the style's usual balance, in dB.
    hall : int
        Seed of the artist's room.
    """

    lead: str
    bed: str
    bass: str
    brightness: float
    attack: float
    detune_cents: float
    density: float
    pattern: int
    swing: float
    drive: float
    reverb_s: float
    reverb_mix: float
    tilt_db: float
    cutoff_hz: float
    width: float
    drums_db: float
    hall: int
