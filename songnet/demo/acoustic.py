"""Arrangements of the acoustic styles: ``arrange(plan, sound, rng) -> list of Part``."""

from __future__ import annotations

import numpy as np

from songnet.demo.score import BEATS, Note, Part, Plan, beat_pattern, sing
from songnet.demo.sound import Sound
from songnet.demo.theory import chord, lead_voices

# Strings of the picking hand for each eighth note: 0 is the thumb's bass, 1 to 4 the chord from below, None a rest.
_PICKING: tuple[tuple[int | None, ...], ...] = (
    (0, 2, 3, 4, 0, 3, 2, 3),
    (0, 3, 2, 4, 0, 4, 3, 2),
    (0, None, 2, 3, 0, 4, None, 3),
    (0, 4, 3, 2, 3, 4, 3, 2),
)
_COMPING = ((1.5, 3.5), (0.0, 1.5), (0.5, 2.5), (0.0, 2.5, 3.5))
_RIDES = ("x...x.oox...x.oo", "x...x...x...x...", "o...X.ooo...X.oo", "x..ox..ox..ox..o")


def arrange_folk(plan: Plan, sound: Sound, rng: np.random.Generator) -> list[Part]:
    """Fingerpicked guitar under a quiet melody; a bass and a shaker in the fuller sections of some artists."""
    guitar: list[Note] = []
    bass: list[Note] = []
    voices: tuple[int, ...] = ()
    for bar, section, degree in plan.bars():
        first = BEATS * bar
        voices = lead_voices(voices, chord(degree, 60 + plan.tonic, plan.mode), 52, 66)
        roots = (plan.pitch(degree, 40, 51), plan.pitch(degree + 4, 40, 52))
        strings = (roots[0], *voices, voices[0] + 12)
        for i, string in enumerate(_PICKING[sound.pattern]):
            if string is None or (i % 2 and rng.uniform() > 0.45 + 0.6 * sound.density):
                continue
            pitch = roots[1] if string == 0 and i == 4 else strings[string]
            guitar.append(Note(first + i / 2, 1.4, pitch, rng.uniform(0.6, 0.85) + 0.15 * (string == 0)))
        if section.energy > 0.65:
            bass += [Note(first + beat, 1.8, roots[0], 0.8) for beat in (0, 2)]
    rhythms = ((1.0, 0.5, 0.5, 1.5, -0.5), (2.0, 1.0, 1.0), (1.5, 0.5, 1.0, -1.0), (0.5, 0.5, 1.0, 2.0))
    percussion = "shaker" if sound.density > 0.6 else "brush"
    return [
        Part(sound.bed, guitar, -3, -0.2, sound.width, 0.3),
        Part(sound.bass, bass, -9, 0.05, 0.0, 0.1),
        Part(sound.lead, sing(plan, rng, rhythms, 67, ("A", "B"), 0.15), -9, 0.2, 0.2, 0.6),
        Part(percussion, beat_pattern(plan, "o.x.o.x.", 0.65), -24 + sound.drums_db, 0.4, 0.0, 0.3),
    ]


def _walk(plan: Plan, rng: np.random.Generator) -> list[Note]:
    """Walking bass: root, chord notes, and on the last beat a semitone next to the coming root."""
    notes: list[Note] = []
    last = 43
    for bar, _section, degree in plan.bars():
        following = plan.harmony[bar + 1] if bar + 1 < len(plan.harmony) else plan.harmony[0]
        roots = [plan.pitch(degree, low, low + 12) for low in (29, 36)]
        root = min(roots, key=lambda pitch: abs(pitch - last))
        tones = [pitch for step in (2, 4, 6, 1) for pitch in (plan.pitch(degree + step, 31, 51),)]
        second, third = (tones[i] for i in rng.permutation(3 if rng.uniform() < 0.7 else 4)[:2])
        goal = min((plan.pitch(following, low, low + 12) for low in (29, 36)), key=lambda pitch: abs(pitch - third))
        fourth = goal + int(rng.choice([-1, 1, 1, 2]))
        for beat, pitch in enumerate((root, second, third, fourth)):
            notes.append(Note(BEATS * bar + beat, 0.85, pitch, rng.uniform(0.75, 0.95)))
        last = goal
    return notes


def arrange_jazz(plan: Plan, sound: Sound, rng: np.random.Generator) -> list[Part]:
    """Swing trio: walking bass, ride and brushes, seventh chords off the beat, and a solo line."""
    comping: list[Note] = []
    voices: tuple[int, ...] = ()
    for bar, section, degree in plan.bars():
        # The bass has the root: the chord leaves it out and takes the ninth.
        upper = chord(degree + 2, 60 + plan.tonic, plan.mode, 4)
        voices = lead_voices(voices, upper, 53, 72)
        figure = _COMPING[(sound.pattern + int(rng.uniform() < 0.35)) % len(_COMPING)]
        for beat in figure:
            length = 1.0 if rng.uniform() < 0.3 else 0.45
            comping += [Note(BEATS * bar + beat, length, pitch, 0.45 + 0.35 * section.energy) for pitch in voices]
    rhythms = (
        (0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0),
        (-0.5, 0.5, 1.0, 0.5, 0.5, -1.0),
        (1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
        (1.5, 0.5, -0.5, 0.5, 1.0),
    )
    drums = sound.drums_db
    cymbal = "ride" if sound.attack < 0.55 else "brush"
    return [
        Part(sound.bass, _walk(plan, rng), -3, 0.0, 0.0, 0.15),
        Part(cymbal, beat_pattern(plan, _RIDES[sound.pattern], 0.0), -16 + drums, 0.3, 0.2, 0.25),
        Part("sweep", beat_pattern(plan, "x.x.", 0.0), -21 + drums, -0.2, 0.4, 0.2),
        Part("hat", beat_pattern(plan, ".x.x", 0.6), -20 + drums, 0.35, 0.0, 0.15),
        Part("brush", beat_pattern(plan, "......o.....o..o", 0.9), -15 + drums, -0.1, 0.0, 0.2),
        Part(sound.bed, comping, -15, -0.25, sound.width, 0.3),
        Part(sound.lead, sing(plan, rng, rhythms, 65, ("A", "B"), 0.35 - 0.3 * sound.density), -6, 0.2, 0.1, 0.4),
    ]


def arrange_chamber(plan: Plan, sound: Sound, rng: np.random.Generator) -> list[Part]:
    """Strings in four parts, bowed or plucked, a solo line, and a kettledrum under the climax of some artists."""
    inner: list[Note] = []
    plucked: list[Note] = []
    bass: list[Note] = []
    drum: list[Note] = []
    voices: tuple[int, ...] = ()
    for bar, section, degree in plan.bars():
        first = BEATS * bar
        voices = lead_voices(voices, chord(degree, 60 + plan.tonic, plan.mode), 53, 72)
        loud = 0.4 + 0.5 * section.energy
        moving = sound.pattern % 2 == 1 and section.name in ("A", "B")
        if moving:
            for i in range(2 * BEATS):
                inner += [Note(first + i / 2, 0.4, pitch, loud * (1.0 if i % 4 == 0 else 0.75)) for pitch in voices]
        else:
            inner += [Note(first, BEATS, pitch, loud) for pitch in voices]
        if sound.pattern >= 2 or section.name == "intro":
            order = (0, 1, 2, 1, 0, 2, 1, 2)
            plucked += [
                Note(first + i / 2, 0.3, voices[order[i]] + 12, 0.7 * loud)
                for i in range(8)
                if i % 2 == 0 or rng.uniform() < sound.density
            ]
        root = plan.pitch(degree, 36, 47)
        bass += [Note(first + beat, 1.9, root, loud) for beat in (0, 2)]
        if section.name == "B" and sound.density > 0.5:
            drum.append(Note(first, 2, plan.pitch(degree, 40, 51), 0.8))
    rhythms = ((2.0, 1.0, 1.0), (1.5, 0.5, 2.0), (1.0, 1.0, 1.0, 1.0), (3.0, 1.0), (0.5, 0.5, 1.0, 2.0))
    return [
        Part("strings", inner, -13, -0.1, sound.width, 0.6),
        Part("pizzicato", plucked, -7, 0.3, 0.2, 0.5),
        Part(sound.bass, bass, -7, 0.25, 0.2, 0.4),
        Part(sound.lead, sing(plan, rng, rhythms, 67, ("A", "B", "outro"), 0.1), -7, -0.3, 0.2, 0.7),
        Part("kettledrum", drum, -9 + sound.drums_db, 0.1, 0.2, 0.6),
    ]
