"""What the campaign's tests share: small sound files, and the real command as a child of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf

ROOT = Path(__file__).resolve().parents[2]
SR = 22_050


def short_sound(seed: int, seconds: float, sr: int = SR) -> np.ndarray:
    """A chord with noise, mono, different for every seed [shape=(seconds * sr,), dtype=float32]."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * sr)) / sr
    tones = sum(np.sin(2 * np.pi * f * t) for f in 110.0 * 2.0 ** (rng.integers(0, 48, 3) / 12))
    return (0.15 * tones + 0.05 * rng.standard_normal(len(t))).astype(np.float32)


def write_music(root: Path, n_tracks: int, *, slow: int = 0) -> Path:
    """Tagged files of 5 to 12 s in four formats, three artists; ``slow`` of them hold much more to decode."""
    rng = np.random.default_rng(n_tracks)
    for i in range(n_tracks):
        is_slow = slow > 0 and i % (n_tracks // slow) == n_tracks // slow - 1
        sr, channels = (192_000, 8) if is_slow else (SR, 1)
        path = root / f"artist {i % 3}" / f"{i:03d}.{'flac' if is_slow else ('wav', 'flac', 'ogg', 'mp3')[i % 4]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        y = short_sound(i, 1.0 if is_slow else float(rng.uniform(5, 12)), sr)
        with sf.SoundFile(path, "w", sr, channels) as stream:
            stream.title, stream.artist, stream.album = f"piece {i}", f"artist {i % 3}", f"album {i % 9}"
            for _ in range(41 if is_slow else 1):
                stream.write(np.stack([y] * channels, 1))
    return root


def write_short_sound(path: Path, *, seed: int, seconds: float) -> None:
    """One mono file of a sound of its own; the file name's ending names the format."""
    y = short_sound(seed, seconds)
    if path.suffix != ".m4a":
        sf.write(path, y, SR)
        return
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=SR, layout="mono")
        frame = av.AudioFrame.from_ndarray(y[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = SR
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def living_in(group: int) -> list[int]:
    """Processes of a group that run: neither gone nor waiting to be buried."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.append(int(entry.name))
    return sorted(found)


class Command:
    """``songnet`` with arguments, started in a process group of its own."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from songnet.cli.app import run; run()", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            start_new_session=True,
        )
        self.group = self.process.pid

    def end(self, timeout_s: float) -> tuple[int, Any, str]:
        """Wait for it: exit code, what it printed as JSON (None if nothing), and its messages."""
        try:
            out, messages = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise
        return self.process.returncode, json.loads(out) if out.strip() else None, messages

    def kill_main(self) -> None:
        """SIGKILL for the command alone: its workers have to notice."""
        self.process.kill()
        self._bury()

    def kill_all(self) -> None:
        """SIGKILL for the command and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self._bury()

    def _bury(self) -> None:
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def make_music() -> Callable[..., Path]:
    return write_music


@pytest.fixture
def write_sound() -> Callable[..., None]:
    return write_short_sound


@pytest.fixture
def living() -> Callable[[int], list[int]]:
    return living_in


@pytest.fixture
def songnet() -> Iterator[Callable[..., Command]]:
    """Start commands; whatever is left of them at the end is killed."""
    started: list[Command] = []

    def start(*arguments: str | Path) -> Command:
        started.append(Command(*arguments))
        return started[-1]

    yield start
    for command in started:
        if living_in(command.group) or command.process.poll() is None:
            command.kill_all()


@pytest.fixture
def benchmark_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Load a script of ``benchmarks/`` by its path."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load
