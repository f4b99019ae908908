"""Arrangements of the electronic styles: ``arrange(plan, sound, rng) -> list of Part``."""

from __future__ import annotations

import numpy as np

from songnet.demo.score import BEATS, Note, Part, Plan, beat_pattern, sing
from songnet.demo.sound import Sound
from songnet.demo.theory import chord, degree_to_midi, lead_voices

_KICKS = ("x...x...x...x...", "x...x...x...x.o.", "x...x...x...x...", "x..ox...x...x...")
_HATS = ("..x...x...x...x.", "o.x.o.x.o.x.o.x.", "ooxoooxoooxoooxo", "..x..ox...x..ox.")
_BASSES = (
    (0.5, 1.5, 2.5, 3.5),
    (0.0, 0.75, 1.5, 2.5, 3.25),
    (0.5, 0.75, 1.5, 1.75, 2.5, 2.75, 3.5, 3.75),
    (0.0, 1.5, 2.0, 3.5),
)
_STABS = ((0.5, 2.0, 3.5), (0.75, 1.5, 2.75), (1.0, 2.5, 3.0), (0.0, 1.5, 3.0))
_CHIP_KICKS = ("X.......X.......", "X.....x.X.......", "X..x..X...x.....", "X...X...X...X...")
_CHIP_HATS = ("x.x.x.x.x.x.x.x.", "..x...x...x...x.", "xoxoxoxoxoxoxoxo", "x..xx..xx..xx..x")


def arrange_ambient(plan: Plan, sound: Sound, rng: np.random.Generator) -> list[Part]:
    """Slow chords over a drone, with single notes far apart; a distant beat or none."""
    bed: list[Note] = []
    shimmer: list[Note] = []
    drone: list[Note] = []
    voices: tuple[int, ...] = ()
    size = 3 + int(sound.density > 0.35)
    for bar, section, degree in plan.bars():
        first = BEATS * bar
        if bar == section.first or plan.harmony[bar - 1] != degree:
            length = BEATS
            while (
                bar + length // BEATS < section.first + section.bars and plan.harmony[bar + length // BEATS] == degree
            ):
                length += BEATS
            voices = lead_voices(voices, chord(degree, 60 + plan.tonic, plan.mode, size), 50, 74)
            bed += [Note(first, length, pitch, 0.5 + 0.4 * section.energy) for pitch in voices]
        if bar % 2 == 0:
            root = plan.pitch(0 if sound.pattern % 2 else degree, 33, 45)
            drone.append(Note(first, 2 * BEATS, root, 0.8))
        for beat in np.flatnonzero(rng.uniform(size=2 * BEATS) < 0.35 * sound.density * section.energy) / 2:
            step = int(rng.choice([0, 2, 4, 4, 7, 1]))
            shimmer.append(Note(first + beat, 1.5, plan.pitch(degree + step, 67, 86), rng.uniform(0.4, 0.8)))
    return [
        Part(sound.bed, bed, -8, 0.0, sound.width, 0.8),
        Part(sound.bass, drone, -7, 0.0, 0.2, 0.4),
        Part(sound.lead, shimmer, -10, 0.3, sound.width, 1.0),
        # Half of the artists have a distant beat.
        Part(
            "kick", beat_pattern(plan, "x...o...", 0.6 if sound.pattern >= 2 else 2.0), -10 + sound.drums_db, send=0.5
        ),
        Part(
            "hat",
            beat_pattern(plan, "..o.o.oo", 0.6 if sound.pattern >= 2 else 2.0),
            -20 + sound.drums_db,
            0.3,
            0.4,
            0.7,
        ),
        Part("sweep", beat_pattern(plan, "o", 0.0), -28 + sound.drums_db, -0.3, 1.0, 0.6),
    ]


def arrange_house(plan: Plan, sound: Sound, rng: np.random.Generator) -> list[Part]:
    """Four-on-the-floor kick, claps on two and four, off-beat bass, chord stabs and a short hook."""
    bass: list[Note] = []
    stabs: list[Note] = []
    pads: list[Note] = []
    voices: tuple[int, ...] = ()
    figure = _STABS[int(rng.integers(len(_STABS)))]
    for bar, section, degree in plan.bars():
        first = BEATS * bar
        voices = lead_voices(voices, chord(degree, 60 + plan.tonic, plan.mode, 3 + int(sound.density > 0.55)), 55, 76)
        root = plan.pitch(degree, 33, 44)
        if section.energy > 0.55:
            for beat in _BASSES[sound.pattern]:
                octave = 12 if rng.uniform() < 0.25 * sound.density else 0
                bass.append(Note(first + beat, 0.4, root + octave, 0.9))
        stabs += [Note(first + beat, 0.3, pitch, 0.6 + 0.3 * section.energy) for beat in figure for pitch in voices]
        if section.name in ("intro", "B"):
            pads += [Note(first, BEATS, pitch, 0.6) for pitch in voices[:3]]
    hook = sing(plan, rng, ((-0.5, 0.5, 0.5, -0.5, 0.75, -1.25), (0.75, 0.75, 0.5, -2.0)), 69, ("B",))
    drums = sound.drums_db
    return [
        Part("kick", beat_pattern(plan, _KICKS[sound.pattern], 0.0), drums, send=0.02),
        Part("clap", beat_pattern(plan, "....x.......x...", 0.55), -8 + drums, width=0.5, send=0.3),
        Part("hat", beat_pattern(plan, _HATS[sound.pattern], 0.55), -15 + drums, 0.2, send=0.05),
        Part("open hat", beat_pattern(plan, "..x...x...x...x.", 0.9), -17 + drums, -0.2, send=0.1),
        Part(sound.bass, bass, -6, send=0.02, duck=0.5),
        Part(sound.bed, stabs, -15, 0.0, sound.width, 0.5, 0.5),
        Part("pad", pads, -17, 0.0, 1.0, 0.5, 0.8),
        Part(sound.lead, hook, -13, 0.15, sound.width, 0.6, 0.3),
    ]


def arrange_chiptune(plan: Plan, sound: Sound, rng: np.random.Generator) -> list[Part]:
    """Console voices: a lead, chords as fast arpeggios, a bouncing bass and noise drums."""
    arpeggio: list[Note] = []
    bass: list[Note] = []
    fast = 0.25 if sound.density > 0.6 else 0.5
    order = ((0, 1, 2, 1), (0, 1, 2, 3), (2, 1, 0, 1), (0, 2, 1, 3))[sound.pattern]
    for bar, section, degree in plan.bars():
        pitches = chord(degree, 60 + plan.tonic, plan.mode)
        tones = (*pitches, pitches[0] + 12)
        for i in range(round(BEATS / fast)):
            arpeggio.append(Note(BEATS * bar + i * fast, 0.9 * fast, tones[order[i % 4]], 0.5 + 0.3 * section.energy))
        root = plan.pitch(degree, 36, 47)
        for i in range(2 * BEATS):
            if section.energy > 0.5 or i % 2 == 0:
                fifth = degree_to_midi(degree + 4, 0, plan.mode) - degree_to_midi(degree, 0, plan.mode)
                move = (0, 12 if sound.pattern % 2 else 0, 0, fifth)[i % 4]
                bass.append(Note(BEATS * bar + i / 2, 0.42, root + move, 0.85))
    rhythms = (
        (0.5, 0.5, 0.5, 0.5, 1.0, 1.0),
        (0.75, 0.75, 0.5, 1.0, 0.5, 0.5),
        (0.5, 0.25, 0.25, 0.5, 0.5, 0.5, 0.5, 1.0),
        (1.0, 0.5, 0.5, 1.5, -0.5),
    )
    drums = sound.drums_db
    return [
        Part(sound.lead, sing(plan, rng, rhythms, 69, ("A", "B", "outro")), -7, 0.1, 0.3 * sound.width, 0.4),
        Part(sound.bed, arpeggio, -14, -0.35, sound.width, 0.3),
        Part(sound.bass, bass, -7, send=0.05),
        Part("noise kick", beat_pattern(plan, _CHIP_KICKS[sound.pattern], 0.5), -6 + drums, send=0.02),
        Part("noise snare", beat_pattern(plan, "....X.......X..o", 0.5), -13 + drums, send=0.1),
        Part("noise hat", beat_pattern(plan, _CHIP_HATS[sound.pattern], 0.5), -20 + drums, 0.2, send=0.05),
    ]
