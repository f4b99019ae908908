"""What is played: notes in beats, parts, sections, and the melodies that the arrangements share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from songnet.demo.theory import degree_to_midi, fold


@dataclass(frozen=True)
class Note:
    """One note or stroke.

    Parameters
    ----------
    beat, beats : float
        Start and length, in quarter notes from the first bar.
    midi : int
        Pitch; ignored by drums that are not tuned.
    velocity : float
        Loudness in (0, 1].
    """

    beat: float
    beats: float
    midi: int
    velocity: float


@dataclass(frozen=True)
class Part:
    """One instrument's notes and its place in the mix.

    Parameters
    ----------
    voice : str
        Name in `songnet.demo.instruments.VOICES` or `songnet.demo.drums.DRUMS`.
    notes : sequence of Note
        In any order.
    gain_db : float
        Level, in dB.
    pan : float
        Place from left (-1) to right (1).
    width : float
        Stereo width in [0, 1].
    send : float
        Level into the reverberation, in [0, 1].
    duck : float
        How far the part dips under each beat's kick, in [0, 1].
    """

    voice: str
    notes: Sequence[Note]
    gain_db: float = 0.0
    pan: float = 0.0
    width: float = 0.0
    send: float = 0.3
    duck: float = 0.0


@dataclass(frozen=True)
class Section:
    """A stretch of the form: ``"intro"``, ``"A"``, ``"B"`` or ``"outro"``.

    Parameters
    ----------
    name : str
        Name of the section.
    first, bars : int
        First bar, and how many.
    energy : float
        How full the arrangement is, in (0, 1].
    """

    name: str
    first: int
    bars: int
    energy: float


@dataclass(frozen=True)
class Plan:
    """A piece before it is arranged.

    Parameters
    ----------
    tempo_bpm : float
        Quarter notes per minute.
    tonic : int
        Pitch class of the tonic.
    mode : str
        Name of the mode.
    sections : tuple of Section
        The form, in order and without gaps.
    harmony : tuple of int
        Degree of each bar's chord.
    """

    tempo_bpm: float
    tonic: int
    mode: str
    sections: tuple[Section, ...]
    harmony: tuple[int, ...]

    def bars(self) -> Iterator[tuple[int, Section, int]]:
        """Each bar's number, section and chord degree."""
        for section in self.sections:
            for bar in range(section.first, section.first + section.bars):
                yield bar, section, self.harmony[bar]

    def pitch(self, degree: int, low: int, high: int) -> int:
        """MIDI number of a degree, moved by octaves into ``[low, high]``."""
        return fold(degree_to_midi(degree, 60 + self.tonic, self.mode), low, high)


BEATS = 4
"""Quarter notes in a bar."""

Motif = tuple[tuple[float, float, int], ...]
"""Beat in the bar, length, and step above the chord's root."""

_CHORD_STEPS = np.array([-3, 0, 2, 4, 7])


def divide(n_bars: int, form: Sequence[tuple[str, float, float]]) -> tuple[Section, ...]:
    """Share bars out among the sections of a form.

    Parameters
    ----------
    n_bars : int
        Number of bars, at least one for each section.
    form : sequence of (str, float, float)
        Name, share of the bars and energy of each section.
    """
    edges = np.round(np.cumsum([0.0] + [share for _, share, _ in form]) * n_bars / sum(s for _, s, _ in form)).astype(
        int
    )
    return tuple(
        Section(name, int(edges[i]), int(edges[i + 1] - edges[i]), energy) for i, (name, _, energy) in enumerate(form)
    )


def motif(rng: np.random.Generator, rhythm: Sequence[float]) -> Motif:
    """Draw a bar of melody: a walk in small steps that rests on chord notes on the strong beats.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    rhythm : sequence of float
        Lengths in beats; negative ones are rests.
    """
    notes = []
    beat = 0.0
    step = int(rng.choice([0, 2, 4]))
    for length in rhythm:
        if length > 0:
            if beat % 2 == 0:
                step = int(_CHORD_STEPS[np.abs(_CHORD_STEPS - step).argmin()])
            notes.append((beat, length, step))
            step = int(np.clip(step + rng.choice([-2, -1, -1, 1, 1, 2, 3]), -3, 8))
        beat += abs(length)
    return tuple(notes)


def vary(rng: np.random.Generator, phrase: Motif) -> Motif:
    """Change one note of a motif, or none."""
    if len(phrase) < 2 or rng.uniform() < 0.4:
        return phrase
    i = int(rng.integers(1, len(phrase)))
    beat, length, step = phrase[i]
    return (*phrase[:i], (beat, length, step + int(rng.choice([-1, 1, 2]))), *phrase[i + 1 :])


def sing(
    plan: Plan,
    rng: np.random.Generator,
    rhythms: Sequence[Sequence[float]],
    low: int,
    names: Sequence[str],
    rest: float = 0.0,
) -> list[Note]:
    """Melody over the named sections: two motifs in alternation, other ones in each section name.

    Parameters
    ----------
    plan : Plan
        The piece.
    rng : numpy.random.Generator
        Source of chance.
    rhythms : sequence of rhythms
        Bars of note lengths to draw from (see `motif`).
    low : int
        MIDI number near which the chord roots lie.
    names : sequence of str
        Sections that have a melody.
    rest : float
        Chance of leaving a bar out.
    """
    motifs = {
        name: [motif(rng, rhythms[int(rng.integers(len(rhythms)))]) for _ in range(2)]
        for name in ("intro", "A", "B", "outro")
    }
    notes = []
    for bar, section, degree in plan.bars():
        phrase = vary(rng, motifs[section.name][(bar - section.first) % 2])
        if section.name not in names or rng.uniform() < rest:
            continue
        root = degree if degree < 4 else degree - 7
        for beat, length, step in phrase:
            pitch = degree_to_midi(root + step, low + (plan.tonic - low) % 12, plan.mode)
            accent = 0.9 if beat % 2 == 0 else 0.7
            notes.append(Note(BEATS * bar + beat, 0.92 * length, pitch, accent * (0.6 + 0.4 * section.energy)))
    return notes


def beat_pattern(plan: Plan, pattern: str, least: float, velocity: float = 1.0) -> list[Note]:
    """Strokes of a drum in all bars whose energy is at least `least`.

    Parameters
    ----------
    plan : Plan
        The piece.
    pattern : str
        One character for each equal part of a bar: ``X`` accent, ``x`` stroke, ``o`` soft stroke, ``.`` nothing.
    least : float
        Energy from which on the drum plays.
    velocity : float
        Loudness of an accent.

    Examples
    --------
    >>> plan = Plan(120.0, 0, "minor", (Section("A", 0, 1, 1.0),), (0,))
    >>> [(note.beat, note.velocity) for note in beat_pattern(plan, "X..o", 0.5)]
    [(0.0, 1.0), (3.0, 0.45)]
    """
    levels = {"X": 1.0, "x": 0.75, "o": 0.45}
    step = BEATS / len(pattern)
    return [
        Note(BEATS * bar + i * step, step, 60, velocity * levels[mark])
        for bar, section, _ in plan.bars()
        if section.energy >= least
        for i, mark in enumerate(pattern)
        if mark != "."
    ]
