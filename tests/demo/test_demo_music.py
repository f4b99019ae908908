"""The sound agrees with the truth: tempo, key, loudness, drums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import stft

from songnet.demo import TrackTruth, invent_artists, plan_tracks
from songnet.demo.instruments import VOICES
from songnet.demo.render import note_time, play, write_plan
from songnet.demo.sound import SAMPLE_RATE
from songnet.demo.theory import PITCH_NAMES, midi_to_hz, scale_pitch_classes

ARTISTS = invent_artists(11)
TRACKS = plan_tracks(24, 11, ARTISTS)


def sound_of(track: TrackTruth) -> np.ndarray:
    """Mono sound after the leading silence, without mastering gain."""
    audio = play(replace(track, gain_db=0.0, noise_db=-100.0, fade_in_s=0.0), ARTISTS[track.artist_index])
    return audio.mean(axis=0)[round(track.leading_silence_s * SAMPLE_RATE) :]


def spectrum(audio: np.ndarray, size: int, hop: int) -> np.ndarray:
    """Magnitudes. [shape=(frequencies, frames)]"""
    return np.abs(stft(audio, SAMPLE_RATE, nperseg=size, noverlap=size - hop)[2])


@pytest.mark.parametrize("track", [t for t in TRACKS if t.style == "House"][:3], ids=lambda t: f"{t.tempo_bpm}bpm")
def test_house_repeats_at_its_beat(track: TrackTruth) -> None:
    hop = 256
    magnitudes = spectrum(sound_of(track), 1024, hop)
    flux = np.maximum(0, np.diff(np.log1p(100 * magnitudes), axis=1)).sum(axis=0)
    flux -= flux.mean()
    power = np.correlate(flux, flux, "full")[len(flux) - 1 :]
    lags = np.arange(1, len(power)) * hop / SAMPLE_RATE
    beat = 60 / track.tempo_bpm
    # Off-beats and bars repeat as well: the beat is looked for within a third of an octave.
    near = np.flatnonzero((lags > 0.8 * beat) & (lags < 1.25 * beat))
    found = lags[near[power[1:][near].argmax()]]
    assert found == pytest.approx(beat, rel=0.02)


@pytest.mark.parametrize("track", TRACKS[:12], ids=lambda t: f"{t.style}-{t.key}-{t.mode}")
def test_the_energy_lies_on_the_notes_of_the_key(track: TrackTruth) -> None:
    size = 16_384
    magnitudes = spectrum(sound_of(track), size, size // 2).mean(axis=1)
    hz = np.arange(len(magnitudes)) * SAMPLE_RATE / size
    band = (hz > 150) & (hz < 1_500)
    classes = np.round(12 * np.log2(hz[band] / 440) + 69).astype(int) % 12
    # The floor of drums and noise is flat over the classes; what stands above it are notes.
    chroma = np.array([np.mean(magnitudes[band][classes == c] ** 2) for c in range(12)])
    chroma -= chroma.min()
    inside = [c in scale_pitch_classes(track.tonic, track.mode) for c in range(12)]
    assert PITCH_NAMES[track.tonic] == track.key
    assert chroma[inside].sum() > 0.8 * chroma.sum()


@pytest.mark.parametrize("name", sorted(VOICES))
@pytest.mark.parametrize("midi", [40, 69])
def test_voices_are_in_tune(name: str, midi: int) -> None:
    note = VOICES[name](midi_to_hz(midi), 1.0, ARTISTS[0].sound, np.random.default_rng(0))
    assert note.dtype == np.float32
    assert np.isfinite(note).all()
    assert 0.1 < np.abs(note).max() < 8
    padded = np.concatenate([note * np.hanning(len(note)), np.zeros(4 * SAMPLE_RATE)])
    power = np.abs(np.fft.rfft(padded)) ** 2
    hz = np.arange(len(power)) * SAMPLE_RATE / len(padded)
    # The fundamental is the strongest within a whole tone of where it belongs.
    near = np.abs(12 * np.log2(np.maximum(hz, 1) / midi_to_hz(midi))) < 2
    found = hz[near][power[near].argmax()]
    assert abs(1200 * np.log2(found / midi_to_hz(midi))) < 30


def test_loudness_is_drawn_apart_from_the_style() -> None:
    levels = []
    for track in TRACKS[:6]:
        audio = play(replace(track, gain_db=0.0), ARTISTS[track.artist_index])
        quieter = play(replace(track, gain_db=-10.0), ARTISTS[track.artist_index])
        np.testing.assert_allclose(quieter, audio * 10**-0.5, atol=1e-6)
        levels.append(20 * np.log10(np.sqrt(np.mean(audio**2))))
    assert max(levels) - min(levels) < 8


def test_swing_moves_only_off_beats() -> None:
    assert note_time(3.0, 60.0, 0.66) == 3.0
    assert note_time(3.5, 60.0, 0.66) == pytest.approx(3.66)
    assert note_time(3.999999, 60.0, 0.66) == pytest.approx(4.0, abs=1e-4)


def test_the_form_ends_on_the_tonic_and_its_sections_differ() -> None:
    for track in TRACKS:
        style = ARTISTS[track.artist_index].style
        plan = write_plan(track, style, np.random.default_rng(track.seed))
        assert [section.name for section in plan.sections] == ["intro", "A", "B", "outro"]
        assert len(plan.harmony) == track.bars
        assert plan.harmony[-1] == 0
