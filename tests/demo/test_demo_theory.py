"""Scales, chords, melodies: invariances."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.demo.names import file_name, title
from songnet.demo.score import BEATS, Plan, divide, motif, sing
from songnet.demo.styles import STYLES, Style
from songnet.demo.theory import (
    MODES,
    chord,
    degree_to_midi,
    fold,
    lead_voices,
    midi_to_hz,
    mode_offsets,
    scale_pitch_classes,
)
from songnet.errors import ParameterError

modes = st.sampled_from(sorted(MODES))
degrees = st.integers(-20, 20)
tonics = st.integers(48, 71)


@given(degrees, tonics, modes)
def test_a_degree_is_a_note_of_the_scale_and_repeats_at_the_octave(degree: int, tonic: int, mode: str) -> None:
    pitch = degree_to_midi(degree, tonic, mode)
    assert pitch % 12 in scale_pitch_classes(tonic % 12, mode)
    assert degree_to_midi(degree + 7, tonic, mode) == pitch + 12
    assert degree_to_midi(degree + 1, tonic, mode) > pitch


@given(degrees, tonics, modes, st.integers(1, 5))
def test_a_chord_stacks_thirds_of_the_scale(root: int, tonic: int, mode: str, size: int) -> None:
    pitches = chord(root, tonic, mode, size)
    assert len(pitches) == size
    assert {pitch % 12 for pitch in pitches} <= scale_pitch_classes(tonic % 12, mode)
    assert all(3 <= above - below <= 4 for below, above in pairwise(pitches))


@given(st.integers(0, 127), st.integers(20, 60), st.integers(11, 40))
def test_folding_keeps_the_pitch_class_and_the_range(midi: int, low: int, span: int) -> None:
    folded = fold(midi, low, low + span)
    assert low <= folded <= low + span
    assert (folded - midi) % 12 == 0
    assert fold(folded, low, low + span) == folded


@given(st.lists(st.integers(40, 90), min_size=1, max_size=5), st.lists(st.integers(50, 74), max_size=4))
def test_voice_leading_only_changes_octaves(pitches: list[int], previous: list[int]) -> None:
    placed = lead_voices(previous, pitches, 50, 74)
    assert sorted(pitch % 12 for pitch in placed) == sorted(pitch % 12 for pitch in pitches)
    assert all(50 <= pitch <= 74 for pitch in placed)


@given(st.floats(0, 120))
def test_an_octave_doubles_the_frequency(midi: float) -> None:
    assert midi_to_hz(midi + 12) == pytest.approx(2 * midi_to_hz(midi))


def test_known_chords() -> None:
    assert chord(0, 60, "major") == (60, 64, 67)
    assert chord(1, 60, "major", 4) == (62, 65, 69, 72)
    assert chord(0, 57, "minor") == (57, 60, 64)


def test_unknown_modes_and_narrow_ranges_are_refused() -> None:
    with pytest.raises(ParameterError, match="'locrian'"):
        mode_offsets("locrian")
    with pytest.raises(ParameterError, match="octave"):
        fold(60, 60, 70)


@given(st.integers(6, 40), st.sampled_from(STYLES))
def test_a_form_has_all_bars_once(n_bars: int, style: Style) -> None:
    sections = divide(n_bars, style.form)
    assert [section.first for section in sections] == list(np.cumsum([0] + [s.bars for s in sections[:-1]]))
    assert sum(section.bars for section in sections) == n_bars
    assert all(section.bars >= 1 for section in sections)


@given(st.integers(0, 1000), st.integers(0, 11), modes)
def test_melodies_stay_in_the_scale_and_in_time(seed: int, tonic: int, mode: str) -> None:
    sections = divide(8, STYLES[0].form)
    plan = Plan(100.0, tonic, mode, sections, (0, 3, 4, 0, 5, 1, 4, 0))
    notes = sing(plan, np.random.default_rng(seed), ((1.0, 0.5, 0.5, -1.0, 1.0),), 67, ("A", "B"))
    assert notes
    assert {note.midi % 12 for note in notes} <= scale_pitch_classes(tonic, mode)
    assert all(note.beat >= 0 and note.beat + note.beats <= 8 * BEATS for note in notes)


@given(st.integers(0, 1000))
def test_a_motif_rests_on_the_chord_on_strong_beats(seed: int) -> None:
    for beat, _, step in motif(np.random.default_rng(seed), (1.0, 1.0, 0.5, 0.5, 1.0)):
        assert beat % 2 or step in (-3, 0, 2, 4, 7)


@given(st.integers(0, 10_000))
def test_file_names_suit_every_file_system(seed: int) -> None:
    name = file_name(title(np.random.default_rng(seed)))
    assert name
    assert not set(name) & set('/\\:*?"<>|')
    assert name == name.strip(" .")
