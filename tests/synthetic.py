"""Plain sounds that ears and models tell apart, written as real files."""

from pathlib import Path

import numpy as np
import soundfile as sf

STYLES = {"Sines": "sine", "Squares": "square", "Noises": "noise"}
SECONDS = 11.0
SR = 22_050


def synthesise(kind: str, pitch: float, seconds: float = SECONDS, sr: int = SR, seed: int = 0) -> np.ndarray:
    """A plain sound of a kind that ears and models tell apart: a sine, a square wave, or filtered noise."""
    t = np.arange(int(seconds * sr)) / sr
    rng = np.random.default_rng(seed)
    if kind == "noise":
        y = np.convolve(rng.standard_normal(len(t)), np.hanning(max(2, int(sr / pitch / 8))), mode="same")
        y /= np.abs(y).max()
    else:
        y = np.sin(2 * np.pi * pitch * t) * (1 + 0.3 * np.sin(2 * np.pi * 3 * t))
        y = np.sign(y) * 0.5 if kind == "square" else y * 0.7
    return (0.4 * y + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


def write_track(path: Path, kind: str, pitch: float, *, seed: int = 0, seconds: float = SECONDS, **tags: str) -> Path:
    """One audio file with tags; the format follows the file name's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with sf.SoundFile(path, "w", SR, 1) as stream:
        for name, value in tags.items():
            setattr(stream, name, value)
        stream.write(synthesise(kind, pitch, seconds, seed=seed))
    return path
