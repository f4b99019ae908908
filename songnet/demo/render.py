"""Plays a planned track: harmony, arrangement, mix, master."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from songnet.demo.artists import Artist
from songnet.demo.drums import DRUMS
from songnet.demo.effects import colour, db_to_gain, fade, limit, loudness, reverberate, room, widen
from songnet.demo.instruments import VOICES
from songnet.demo.oscillators import Audio
from songnet.demo.score import Note, Part, Plan, divide
from songnet.demo.sound import SAMPLE_RATE, Sound
from songnet.demo.styles import ARRANGEMENTS, Style
from songnet.demo.theory import midi_to_hz
from songnet.demo.tracks import TrackTruth

_LOUDNESS = 0.16
_DRUM_TAKES = 4
_DRUMLESS = 0.12
_OTHER_KIT = 0.35

GUESTS = ("pad", "strings", "epiano", "pluck", "organ", "flute", "choir", "stab", "pulse", "bell")
"""Voices that any artist may borrow for a track."""

GUEST_BASSES = ("upright", "sub bass", "saw bass", "triangle", "pad", "pizzicato")
"""Bass voices that any artist may borrow for a track."""

KITS: tuple[dict[str, str], ...] = (
    {
        "noise kick": "kick",
        "noise snare": "clap",
        "noise hat": "hat",
        "ride": "hat",
        "brush": "snare",
        "sweep": "shaker",
    },
    {"kick": "noise kick", "clap": "noise snare", "hat": "noise hat", "open hat": "noise snare", "ride": "noise hat"},
    {
        "clap": "snare",
        "hat": "ride",
        "noise snare": "brush",
        "noise hat": "shaker",
        "open hat": "brush",
        "shaker": "hat",
    },
)
"""Drum kits that any artist may borrow for a track: which drum takes whose place."""


def play(track: TrackTruth, artist: Artist) -> Audio:
    """Play a track.

    Parameters
    ----------
    track : TrackTruth
        The track.
    artist : Artist
        Its artist.

    Returns
    -------
    array [shape=(track.channels, track.n_samples), float32]
        Sound at 44.1 kHz, peak below 0.9.
    """
    rng = np.random.default_rng(track.seed)
    plan = write_plan(track, artist.style, rng)
    sound = for_one_track(artist.sound, rng)
    parts = ARRANGEMENTS[track.style](plan, sound, rng)
    if rng.uniform() < _DRUMLESS:
        parts = [part for part in parts if part.voice not in DRUMS]
    elif rng.uniform() < _OTHER_KIT:
        kit = KITS[int(rng.integers(len(KITS)))]
        parts = [replace(part, voice=kit.get(part.voice, part.voice)) for part in parts]
    n_silent = round(track.leading_silence_s * SAMPLE_RATE)
    mix = _mix(parts, plan, sound, artist.style.jitter_ms / 1000, track.n_samples - n_silent, rng)
    mix = colour(mix, sound.tilt_db, sound.cutoff_hz, sound.drive)
    if track.channels == 1:
        mix = mix.mean(axis=0, keepdims=True)
    mix = limit(mix * np.float32(_LOUDNESS / max(loudness(mix, 0.4, 0.5), 1e-6)))
    mix = fade(mix, track.fade_in_s, track.fade_out_s)
    out = np.zeros((track.channels, track.n_samples), dtype=np.float32)
    out[:, n_silent:] = mix
    out += rng.standard_normal(out.shape, dtype=np.float32) * np.float32(db_to_gain(track.noise_db))
    out *= np.float32(db_to_gain(track.gain_db))
    out -= out.mean(axis=1, keepdims=True)
    return out


def write_plan(track: TrackTruth, style: Style, rng: np.random.Generator) -> Plan:
    """Choose the form and the chords: one progression for the A section and the ends, another for B."""
    sections = divide(track.bars, style.form)
    first, second = (int(i) for i in rng.permutation(len(style.progressions))[:2])
    harmony: list[int] = []
    for section in sections:
        progression = style.progressions[second if section.name == "B" else first]
        harmony += [progression[bar % len(progression)] for bar in range(section.bars)]
    harmony[-1] = 0
    return Plan(track.tempo_bpm, track.tonic, track.mode, sections, tuple(harmony))


def note_time(beat: float, tempo_bpm: float, swing: float) -> float:
    """Time of a beat in seconds; `swing` is where the off-beat eighth falls within its beat.

    Examples
    --------
    >>> note_time(2.5, 120.0, 0.5), note_time(2.5, 120.0, 0.75)
    (1.25, 1.375)
    """
    whole = np.floor(beat)
    part = beat - whole
    bent = part * 2 * swing if part < 0.5 else swing + (part - 0.5) * 2 * (1 - swing)
    return float((whole + bent) * 60 / tempo_bpm)


def for_one_track(sound: Sound, rng: np.random.Generator) -> Sound:
    """An artist's sound on one track: now and then a guest's instrument or an old machine, always another balance."""
    lead = str(rng.choice(GUESTS)) if rng.uniform() < 0.4 else sound.lead
    bed = str(rng.choice(GUESTS)) if rng.uniform() < 0.35 else sound.bed
    bass = str(rng.choice(GUEST_BASSES)) if rng.uniform() < 0.3 else sound.bass
    cutoff = float(rng.uniform(2_500, 6_000)) if rng.uniform() < 0.25 else sound.cutoff_hz
    return replace(
        sound,
        lead=lead,
        bed=bed,
        bass=bass,
        cutoff_hz=cutoff,
        brightness=float(np.clip(sound.brightness + rng.normal(0, 0.12), 0, 1)),
        tilt_db=sound.tilt_db + float(rng.normal(0, 3)),
        drums_db=sound.drums_db + float(rng.uniform(-9, 1)),
        reverb_mix=sound.reverb_mix * float(rng.uniform(0.6, 1.5)),
    )


def _mix(
    parts: list[Part], plan: Plan, sound: Sound, jitter_s: float, n_samples: int, rng: np.random.Generator
) -> Audio:
    """Play all parts, place them in the stereo image and add the room. [shape=(2, n_samples)]"""
    mix = np.zeros((2, n_samples), dtype=np.float32)
    send = np.zeros(n_samples, dtype=np.float32)
    for part in parts:
        if not part.notes:
            continue
        mono = _play_part(part, plan, sound, jitter_s, n_samples, rng)
        if part.duck > 0:
            mono *= _duck(n_samples, plan.tempo_bpm, part.duck)
        # Voices differ much in power: every part is brought to one loudness first, so that gains mean the same for all.
        mono *= np.float32(0.1 * db_to_gain(part.gain_db) / max(loudness(mono), 1e-6))
        mix += widen(mono, part.pan, part.width)
        send += np.float32(part.send) * mono
    wet = reverberate(send, room(sound.reverb_s, sound.hall))
    return mix + np.float32(1.4 * sound.reverb_mix) * wet


def _play_part(
    part: Part, plan: Plan, sound: Sound, jitter_s: float, n_samples: int, rng: np.random.Generator
) -> Audio:
    """All notes of a part, mono; equal notes are synthesised once."""
    drum = part.voice in DRUMS
    voice = DRUMS[part.voice] if drum else VOICES[part.voice]
    out = np.zeros(n_samples, dtype=np.float32)
    takes: dict[tuple[int, float, int], Audio] = {}
    for i, note in enumerate(part.notes):
        start_s = note_time(note.beat, plan.tempo_bpm, sound.swing)
        held_s = note_time(note.beat + note.beats, plan.tempo_bpm, sound.swing) - start_s
        key = (note.midi, round(held_s, 2), i % _DRUM_TAKES if drum else 0)
        if key not in takes:
            takes[key] = voice(midi_to_hz(note.midi), key[1], sound, rng)
        first = max(0, round((start_s + float(rng.normal(0, jitter_s))) * SAMPLE_RATE))
        take = takes[key][: max(0, n_samples - first)]
        out[first : first + len(take)] += np.float32(_level(note)) * take
    return out


def _level(note: Note) -> float:
    return float(note.velocity**1.5)


def _duck(n_samples: int, tempo_bpm: float, depth: float) -> NDArray[np.float32]:
    """Gain that dips on every beat and recovers, as a compressor fed by the kick does."""
    since = (np.arange(n_samples) / SAMPLE_RATE) % (60 / tempo_bpm)
    return (1 - depth * np.exp(-since / 0.1)).astype(np.float32)
