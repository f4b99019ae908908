"""Scales, chords and progressions.

Conventions
-----------
- A pitch is a MIDI number (69 is A4, 440 Hz); a pitch class is 0 (C) to 11 (B).
- A degree counts scale steps from the tonic, from 0: 0 is the tonic, 4 the fifth, 7 the octave, -1 the step below.
- A mode is the seven semitone offsets of its scale.
"""

from __future__ import annotations

from collections.abc import Sequence

from songnet.errors import ParameterError

PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}


def mode_offsets(mode: str) -> tuple[int, ...]:
    """Semitone offsets of a mode.

    Parameters
    ----------
    mode : str
        One of the keys of `MODES`.

    Returns
    -------
    tuple of int
        Seven increasing offsets, the first 0.
    """
    if mode not in MODES:
        raise ParameterError(f"unknown mode {mode!r}; choose one of: {', '.join(sorted(MODES))}")
    return MODES[mode]


def midi_to_hz(midi: float) -> float:
    """Frequency of a pitch in equal temperament at A4 = 440 Hz.

    Examples
    --------
    >>> midi_to_hz(69)
    440.0
    """
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def scale_pitch_classes(tonic: int, mode: str) -> frozenset[int]:
    """Pitch classes of a scale.

    Parameters
    ----------
    tonic : int in [0, 11]
        Pitch class of the tonic.
    mode : str
        Name of the mode.

    Examples
    --------
    >>> sorted(scale_pitch_classes(0, "major"))
    [0, 2, 4, 5, 7, 9, 11]
    """
    return frozenset((tonic + offset) % 12 for offset in mode_offsets(mode))


def degree_to_midi(degree: int, tonic: int, mode: str) -> int:
    """Pitch of a scale degree.

    Parameters
    ----------
    degree : int
        Steps above (or, negative, below) the tonic.
    tonic : int
        MIDI number of the tonic that degree 0 stands for.
    mode : str
        Name of the mode.

    Returns
    -------
    int
        MIDI number; increases with `degree`, and by 12 every seven degrees.

    Examples
    --------
    >>> degree_to_midi(4, 60, "major"), degree_to_midi(-1, 60, "minor")
    (67, 58)
    """
    octave, step = divmod(degree, 7)
    return tonic + 12 * octave + mode_offsets(mode)[step]


def chord_degrees(root: int, size: int = 3) -> tuple[int, ...]:
    """Degrees of a chord in stacked thirds: 3 for a triad, 4 for a seventh chord.

    Examples
    --------
    >>> chord_degrees(1, 4)
    (1, 3, 5, 7)
    """
    if size < 1:
        raise ParameterError(f"a chord needs at least 1 note, not {size}")
    return tuple(root + 2 * i for i in range(size))


def chord(root: int, tonic: int, mode: str, size: int = 3) -> tuple[int, ...]:
    """Pitches of the chord on a degree, in root position.

    Parameters
    ----------
    root : int
        Degree of the chord's root.
    tonic : int
        MIDI number of the tonic.
    mode : str
        Name of the mode.
    size : int
        Number of notes.

    Examples
    --------
    >>> chord(4, 60, "major", 4)  # G7
    (67, 71, 74, 77)
    """
    return tuple(degree_to_midi(degree, tonic, mode) for degree in chord_degrees(root, size))


def fold(midi: int, low: int, high: int) -> int:
    """Move a pitch by octaves into ``[low, high]``.

    Parameters
    ----------
    midi : int
        Pitch to move.
    low, high : int
        Range, at least an octave less a semitone wide (``high - low >= 11``), so that every pitch class has a place.
    """
    if high - low < 11:
        raise ParameterError(f"the range {low}..{high} is narrower than an octave")
    return low + (midi - low) % 12 if midi < low or midi > high else midi


def lead_voices(previous: Sequence[int], pitches: Sequence[int], low: int, high: int) -> tuple[int, ...]:
    """Invert a chord so that its notes move little from the previous chord.

    Each pitch is placed in ``[low, high]`` at the octave nearest to the mean of `previous` (or to the middle of the
    range where there is no previous chord).

    Parameters
    ----------
    previous : sequence of int
        Pitches of the chord before; may be empty.
    pitches : sequence of int
        Pitches of the chord to place.
    low, high : int
        Range (``high - low >= 11``).

    Returns
    -------
    tuple of int
        As many pitches as given, of the same pitch classes, increasing unless two share a pitch class.
    """
    centre = sum(previous) / len(previous) if previous else (low + high) / 2
    placed = []
    for pitch in pitches:
        base = fold(low + (pitch - low) % 12, low, high)
        placed.append(min(range(base, high + 1, 12), key=lambda p: (abs(p - centre), p)))
    return tuple(sorted(placed))


def key_name(tonic: int) -> str:
    """Name of a pitch class.

    Examples
    --------
    >>> key_name(10)
    'Bb'
    """
    return PITCH_NAMES[tonic % 12]
