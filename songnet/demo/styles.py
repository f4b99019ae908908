"""The styles as data: tempo, modes, harmony, form, instruments, and how they are recorded."""

from __future__ import annotations

from dataclasses import dataclass

from songnet.registry import Registry

ARRANGEMENTS = Registry(
    "arrangement",
    {
        "Ambient": "songnet.demo.electronic:arrange_ambient",
        "House": "songnet.demo.electronic:arrange_house",
        "Chiptune": "songnet.demo.electronic:arrange_chiptune",
        "Folk": "songnet.demo.acoustic:arrange_folk",
        "Jazz": "songnet.demo.acoustic:arrange_jazz",
        "Chamber": "songnet.demo.acoustic:arrange_chamber",
    },
)
"""Style name -> ``arrange(plan, sound, rng) -> list of Part``."""


@dataclass(frozen=True)
class Style:
    """What the artists of a style share. Pairs are the bounds between which artists differ.

    Parameters
    ----------
    name : str
        Name; also the genre tag and the name of the folder.
    tempo_bpm : (float, float)
        Tempi.
    modes : tuple of str
        Modes, the commonest first.
    progressions : tuple of tuple of int
        Degrees of the bars' chords, repeated.
    form : tuple of (str, float, float)
        Name, share of the bars and energy of each section.
    leads, beds, basses : tuple of str
        Voices for melody, chords and bass.
    brightness, attack, density, drive, reverb_mix, width : (float, float)
        As in `songnet.demo.sound.Sound`.
    detune_cents, reverb_s, tilt_db, cutoff_hz : (float, float)
        As in `songnet.demo.sound.Sound`.
    swing : (float, float)
        As in `songnet.demo.sound.Sound`.
    jitter_ms : float
        Standard deviation of the players' timing, in milliseconds.
    """

    name: str
    tempo_bpm: tuple[float, float]
    modes: tuple[str, ...]
    progressions: tuple[tuple[int, ...], ...]
    form: tuple[tuple[str, float, float], ...]
    leads: tuple[str, ...]
    beds: tuple[str, ...]
    basses: tuple[str, ...]
    brightness: tuple[float, float]
    attack: tuple[float, float]
    density: tuple[float, float]
    drive: tuple[float, float]
    reverb_mix: tuple[float, float]
    width: tuple[float, float]
    detune_cents: tuple[float, float]
    reverb_s: tuple[float, float]
    tilt_db: tuple[float, float]
    cutoff_hz: tuple[float, float]
    swing: tuple[float, float]
    jitter_ms: float


_FOUR = (("intro", 1, 0.4), ("A", 2, 0.7), ("B", 2, 1.0), ("outro", 1, 0.45))

STYLES: tuple[Style, ...] = (
    Style(
        name="Ambient",
        tempo_bpm=(60, 84),
        modes=("lydian", "dorian", "major", "minor"),
        progressions=((0, 0, 3, 3), (0, 4, 3, 3), (0, 1, 0, 3), (5, 5, 3, 0)),
        form=(("intro", 1, 0.4), ("A", 2, 0.7), ("B", 2, 0.9), ("outro", 1, 0.5)),
        leads=("bell", "flute", "epiano", "choir"),
        beds=("pad", "strings", "choir", "organ"),
        basses=("sub bass", "pad"),
        brightness=(0.1, 0.75),
        attack=(0.5, 1.0),
        density=(0.15, 0.6),
        drive=(0.0, 0.3),
        reverb_mix=(0.5, 0.9),
        width=(0.5, 1.0),
        detune_cents=(6, 16),
        reverb_s=(2.2, 3.8),
        tilt_db=(-4, 4),
        cutoff_hz=(5_000, 16_000),
        swing=(0.5, 0.5),
        jitter_ms=6,
    ),
    Style(
        name="House",
        tempo_bpm=(116, 130),
        modes=("minor", "dorian", "phrygian"),
        progressions=((0, 0, 5, 6), (0, 3, 0, 3), (0, 5, 2, 6), (0, 0, 3, 4)),
        form=(("intro", 1, 0.5), ("A", 2, 0.75), ("B", 2, 1.0), ("outro", 1, 0.6)),
        leads=("stab", "pulse", "epiano", "bell"),
        beds=("stab", "epiano", "organ", "pad"),
        basses=("saw bass", "sub bass"),
        brightness=(0.2, 0.8),
        attack=(0.0, 0.4),
        density=(0.3, 0.9),
        drive=(0.2, 0.8),
        reverb_mix=(0.1, 0.4),
        width=(0.3, 0.9),
        detune_cents=(5, 18),
        reverb_s=(0.8, 1.8),
        tilt_db=(-4, 3),
        cutoff_hz=(7_000, 17_000),
        swing=(0.5, 0.58),
        jitter_ms=0,
    ),
    Style(
        name="Chiptune",
        tempo_bpm=(128, 168),
        modes=("major", "mixolydian", "minor"),
        progressions=((0, 3, 4, 0), (0, 5, 3, 4), (0, 4, 5, 3), (0, 6, 3, 0)),
        form=_FOUR,
        leads=("pulse", "pulse", "triangle", "blip"),
        beds=("blip", "blip", "pulse"),
        basses=("triangle", "pulse"),
        brightness=(0.1, 0.95),
        attack=(0.0, 0.9),
        density=(0.3, 1.0),
        drive=(0.0, 0.5),
        reverb_mix=(0.0, 0.25),
        width=(0.0, 0.6),
        detune_cents=(3, 10),
        reverb_s=(0.4, 1.2),
        tilt_db=(-6, 1),
        cutoff_hz=(5_000, 15_000),
        swing=(0.5, 0.56),
        jitter_ms=0,
    ),
    Style(
        name="Folk",
        tempo_bpm=(70, 112),
        modes=("major", "minor", "mixolydian", "dorian"),
        progressions=((0, 3, 0, 4), (0, 5, 3, 4), (0, 4, 5, 3), (5, 3, 0, 4)),
        form=_FOUR,
        leads=("flute", "pluck", "choir", "strings"),
        beds=("pluck",),
        basses=("upright", "pluck"),
        brightness=(0.2, 0.9),
        attack=(0.1, 0.7),
        density=(0.3, 0.9),
        drive=(0.0, 0.2),
        reverb_mix=(0.1, 0.5),
        width=(0.2, 0.7),
        detune_cents=(3, 9),
        reverb_s=(0.6, 2.2),
        tilt_db=(-3, 3),
        cutoff_hz=(7_000, 17_000),
        swing=(0.5, 0.56),
        jitter_ms=9,
    ),
    Style(
        name="Jazz",
        tempo_bpm=(104, 184),
        modes=("major", "dorian", "minor"),
        progressions=((1, 4, 0, 5), (0, 5, 1, 4), (0, 3, 1, 4), (2, 5, 1, 4)),
        form=(("intro", 1, 0.55), ("A", 2, 0.75), ("B", 2, 1.0), ("outro", 1, 0.6)),
        leads=("epiano", "flute", "pluck", "bell"),
        beds=("epiano", "organ", "pluck"),
        basses=("upright",),
        brightness=(0.15, 0.75),
        attack=(0.1, 0.9),
        density=(0.3, 0.9),
        drive=(0.0, 0.35),
        reverb_mix=(0.1, 0.4),
        width=(0.2, 0.7),
        detune_cents=(2, 6),
        reverb_s=(0.5, 1.4),
        tilt_db=(-4, 2),
        cutoff_hz=(6_000, 16_000),
        swing=(0.6, 0.68),
        jitter_ms=8,
    ),
    Style(
        name="Chamber",
        tempo_bpm=(72, 120),
        modes=("minor", "major", "dorian"),
        progressions=((0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 1, 4), (0, 2, 3, 4)),
        form=_FOUR,
        leads=("strings", "flute", "strings"),
        beds=("strings",),
        basses=("strings", "pizzicato", "upright"),
        brightness=(0.15, 0.85),
        attack=(0.1, 0.8),
        density=(0.3, 0.9),
        drive=(0.0, 0.1),
        reverb_mix=(0.3, 0.7),
        width=(0.4, 1.0),
        detune_cents=(4, 14),
        reverb_s=(1.4, 2.8),
        tilt_db=(-4, 3),
        cutoff_hz=(6_000, 16_000),
        swing=(0.5, 0.5),
        jitter_ms=12,
    ),
)
"""The styles, in the order in which tracks are dealt out."""
