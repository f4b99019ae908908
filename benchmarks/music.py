"""Audio files for the benchmarks: music-like, in the formats that people have, many different ones at little cost.

A handful of masters is synthesised and encoded; every further track is a master without its first packets, copied
from container to container without encoding again. Its sound differs (SongNet tells tracks apart by their sound), and
it is as ordinary a file as one that was cut with ``ffmpeg -c copy``.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile as sf

SR = 44_100
SECONDS = 180.0
BIT_RATE = 192_000
# Packets left out from one variant of a master to the next: about a tenth of a second.
SKIPPED_PACKETS = 4


def music_signal(seconds: float, seed: int, sr: int = SR) -> npt.NDArray[np.float32]:
    """Chords that change twice a second over noise bursts, in stereo [shape=(seconds * sr, 2)], seeded."""
    rng = np.random.default_rng(seed)
    n, beat = int(seconds * sr), sr // 2
    t = np.arange(beat, dtype=np.float32) / np.float32(sr)
    decay = np.exp(-4.0 * t)[:, None]
    noise = rng.standard_normal((4 * beat, 2), dtype=np.float32)
    y = np.empty((n, 2), np.float32)
    for start in range(0, n, beat):
        notes = 110.0 * 2.0 ** (rng.integers(0, 36, 4) / 12)
        chord = sum(np.sin(2 * np.pi * np.float32(f) * t) / (1 + i) for i, f in enumerate(notes))
        place = int(rng.integers(0, 3 * beat))
        mixed = 0.15 * np.stack([chord, np.roll(chord, 200)], 1) + 0.1 * decay * noise[place : place + beat]
        y[start : start + beat] = mixed[: n - start]
    return y


def encode(path: Path, y: npt.NDArray[np.float32], sr: int = SR) -> None:
    """Write samples [shape=(n, 2)]; the file name's ending names the format."""
    if path.suffix != ".m4a":
        sf.write(path, y, sr)
        return
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=sr, layout="stereo")
        stream.bit_rate = BIT_RATE
        for start in range(0, len(y), 10 * sr):
            planes = np.ascontiguousarray(y[start : start + 10 * sr].T)
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = sr, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def copy_without(source: Path, target: Path, n_packets: int) -> None:
    """Copy a compressed file without its first packets and without encoding it again."""
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = before.streams.audio[0]
        copied = after.add_stream_from_template(stream)
        for index, packet in enumerate(before.demux(stream)):
            if packet.dts is not None and index >= n_packets:
                packet.stream = copied
                after.mux(packet)


def _master(job: tuple[Path, int]) -> None:
    path, seed = job
    encode(path, music_signal(SECONDS, seed))


def make_tracks(folder: Path, counts: dict[str, int], *, masters: int, seed: int = 0) -> dict[str, list[Path]]:
    """Write three-minute tracks.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; a folder a format is made in it.
    counts : dict
        ``{"mp3": 300, "m4a": 100}``.
    masters : int
        Different pieces a format, at most; flac files are all different.
    seed : int
        Of the first master.

    Returns
    -------
    dict
        Files a format, in order.
    """
    jobs, files = [], {}
    for ending, count in counts.items():
        (folder / ending).mkdir(parents=True)
        files[ending] = [folder / ending / f"{i:05d}.{ending}" for i in range(count)]
        # FLAC frames are numbered: a copy that leaves some out is the same sound to a decoder that seeks by number.
        originals = count if ending == "flac" else masters
        jobs += [(path, seed + i) for i, path in enumerate(files[ending][:originals])]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_master, jobs))
    for ending, paths in files.items():
        if ending == "flac":
            continue
        for i, path in enumerate(paths[masters:], start=masters):
            copy_without(paths[i % masters], path, i // masters * SKIPPED_PACKETS)
    return files


def make_small_tracks(folder: Path, count: int, *, seconds: float = 6.0, sr: int = 22_050, seed: int = 0) -> None:
    """Write many short wav files (8 bit, mono), each with noise of its own place and a tone of its own."""
    rng = np.random.default_rng(seed)
    n = int(seconds * sr)
    t = np.arange(n) / sr
    noise = rng.integers(-20, 21, 4 * n, dtype=np.int16)
    for i in range(count):
        if i % 500 == 0:
            (folder / f"{i // 500:04d}").mkdir(parents=True)
            tone = 70 * np.sin(2 * np.pi * (110.0 * 2 ** (rng.integers(0, 48) / 12)) * t)
        start = 37 * i % (3 * n)  # never the same within 3 n files
        y = (tone + noise[start : start + n]) / 128
        sf.write(folder / f"{i // 500:04d}" / f"{i:06d}.wav", y, sr, subtype="PCM_U8")
