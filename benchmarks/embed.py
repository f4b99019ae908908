"""Claim: from files to mel images, SongNet on 2 cores is several times as fast as what people write themselves.

Ratios of one run, on three-minute stereo files that the script makes itself:

- against ``librosa.load(offset, duration)``, ``melspectrogram`` and ``power_to_db`` a clip in one process: at least 3x
  on mp3, and 8x when a quarter of the files are m4a (where librosa decodes from the beginning), with 3 clips a track
  and with 8; with a single clip, opening and checking a file weigh more, and the ratio is lower;
- against loading whole tracks and cutting all their slices (Deej-AI's way), 3 clips a track: at least 12x a core;
- memory is flat in the number of tracks: peaks at 1,000 and at 10,000 tracks differ by less than 200 MB (``--memory``).

SongNet's side is `songnet.spectrogram.ingest` into a fresh library: isolated workers, identities, tags, database and
arrays included. Rates count from when a tenth of the files are read, so that neither side pays for its imports; what
ours costs is printed beside them. The peers run in the same invocation, in turn with ours, on a part of the same files.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import music
import numpy as np
from threadpoolctl import threadpool_limits

from songnet.audio import audio_identity, clip_starts, cut_clips, decodable_samples, open_audio, read_tags
from songnet.config import ImageConfig, ReadConfig
from songnet.library import Library
from songnet.spectrogram import RECIPES, ingest, mel_image

MB = 10**6
SAMPLE_EVERY_S = 0.1
MEMORY_LIMIT = 200 * MB
# What a worker does with a file; the first four are decoding.
WORK = ("open", "find the end", "identity", "cut clips", "tags", "mel images")
N_DECODING = 4


@dataclass(frozen=True)
class IngestRate:
    """One run of `ingest`.

    Parameters
    ----------
    steady : float
        Tracks a second after the first tenth.
    start_up_s : float
        Seconds that the run took beyond what all its tracks take at that rate.
    """

    steady: float
    start_up_s: float


@dataclass(frozen=True)
class Peak:
    """Highest resident memory during one `songnet embed`, in bytes.

    Parameters
    ----------
    tracks : int
        Files that were read.
    main : int
        The command's own process (as the kernel counted it).
    tree : int
        It and its workers, sampled; pages they share count once each.
    seconds : float
        Length of the run.
    """

    tracks: int
    main: int
    tree: int
    seconds: float


def our_rate(folders: list[Path], n_clips: int, n_workers: int) -> IngestRate:
    """Ingest folders or files into a fresh library."""
    moments: list[float] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        Library(Path(scratch) / "library", write=True, create=True) as library,
    ):
        begin = time.perf_counter()
        report = ingest(
            library,
            folders,
            ImageConfig(clips=n_clips),
            ReadConfig(),
            n_workers=n_workers,
            progress=lambda *_: moments.append(time.perf_counter()),
        )
        end = time.perf_counter()
    if report.new_tracks != report.found:
        raise RuntimeError(f"only {report.new_tracks} of {report.found} files became tracks: {report}")
    first = report.found // 10
    steady = (report.found - first) / (end - moments[first - 1])
    return IngestRate(steady, end - begin - report.found / steady)


def peer_rate(read: Callable[[Path], object], files: list[Path]) -> float:
    """Tracks a second of a function, one file after the other."""
    begin = time.perf_counter()
    for path in files:
        read(path)
    return len(files) / (time.perf_counter() - begin)


def costs(files: list[Path], n_clips: int) -> dict[str, float]:
    """Milliseconds a track of each thing a worker does (`songnet.spectrogram.read`), in this process on one thread."""
    recipe = RECIPES["songnet"]
    seconds = np.zeros(len(WORK))
    with threadpool_limits(1):
        for path in files:
            name = bytes(path)
            moments = [time.perf_counter()]
            with open_audio(name) as reader:
                moments.append(time.perf_counter())
                n = decodable_samples(reader, name)
                moments.append(time.perf_counter())
                audio_identity(reader, n)
                moments.append(time.perf_counter())
                clips = cut_clips(reader, n, sr=recipe.sr, clip_samples=recipe.clip_samples, n_clips=n_clips)
            moments.append(time.perf_counter())
            read_tags(name)
            moments.append(time.perf_counter())
            for clip in clips:
                mel_image(clip.y, recipe)
            moments.append(time.perf_counter())
            seconds += np.diff(moments)
    return dict(zip(WORK, (1000 * seconds / len(files)).tolist(), strict=True))


def duration(path: Path) -> float:
    """Seconds that a file declares."""
    with open_audio(bytes(path)) as reader:
        return reader.n_samples / reader.sr


def spread(files: list[Path], count: int) -> list[Path]:
    """A part of the files, evenly from the first to the last within each format, so that formats keep their shares."""
    chosen: list[Path] = []
    for suffix in sorted({path.suffix for path in files}):
        of_format = [path for path in files if path.suffix == suffix]
        n = max(1, min(len(of_format), round(count * len(of_format) / len(files))))
        chosen += [of_format[i * len(of_format) // n] for i in range(n)]
    return chosen


def compare(files: list[Path], folder: Path, n_clips: int, repeats: int, *, part: int) -> dict[str, Any]:
    """Rates of SongNet and its peers on the same files, in turn, as medians."""
    folder.mkdir()
    for path in files:
        (folder / f"{path.parent.name}-{path.name}").hardlink_to(path)
    peers = importlib.import_module("peers")  # here: workers import this module, and need no librosa
    # The peer is told for nothing where its clips begin.
    starts = {path: clip_starts(duration(path), peers.CLIP_S, n_clips) for path in files}
    rates: dict[str, list[float]] = {"one_worker": [], "two_workers": [], "librosa": [], "whole_track": []}
    start_ups = []
    costs(files[:2], n_clips)
    spent = costs(spread(files, part), n_clips)
    for path in (files[0], files[-1]):
        peers.clips(path, starts[path][:1])
    for _ in range(repeats):
        rates["one_worker"].append(our_rate([folder], n_clips, 1).steady)
        rates["librosa"].append(peer_rate(lambda path: peers.clips(path, starts[path]), spread(files, part)))
        two = our_rate([folder], n_clips, 2)
        rates["two_workers"].append(two.steady)
        start_ups.append(two.start_up_s)
        with threadpool_limits(1):
            rates["whole_track"].append(peer_rate(peers.whole_track, spread(files, max(4, part // 5))))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "clips": n_clips,
        **medians,
        "start_up_s": statistics.median(start_ups),
        "against_librosa": medians["two_workers"] / medians["librosa"],
        "against_whole_track": medians["one_worker"] / medians["whole_track"],
        "decode_share": sum(list(spent.values())[:N_DECODING]) / sum(spent.values()),
        "ms_a_track": spent,
    }


def _processes() -> Iterator[tuple[int, int, int]]:
    """Id, parent and resident bytes of every process there is."""
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in brackets may hold anything; what follows it is fixed.
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            yield int(entry.name), int(fields[1]), int(fields[21]) * page


def _tree_bytes(root: int) -> int:
    processes = {pid: (parent, resident) for pid, parent, resident in _processes()}
    total = 0
    for pid, (_, resident) in processes.items():
        ancestor = pid
        while ancestor in processes and ancestor != root:
            ancestor = processes[ancestor][0]
        total += resident if ancestor == root else 0
    return total


def _high_water(pid: int) -> int:
    """The kernel's own record of the most memory a process had resident."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def peak_memory(n_tracks: int, *options: str) -> Peak:
    """Run ``songnet embed`` on short generated files in a fresh process and watch its memory.

    Parameters
    ----------
    n_tracks : int
        Files to make and read.
    *options : str
        Further options of the command, for instance ``"--no-model"``.
    """
    with tempfile.TemporaryDirectory() as scratch:
        music.make_small_tracks(Path(scratch) / "music", n_tracks)
        command = [sys.executable, "-c", "from songnet.cli.app import run; run()", "embed", "music", "--jobs", "2"]
        begin, main, tree = time.perf_counter(), 0, 0
        with (Path(scratch) / "out.json").open("w") as out:
            process = subprocess.Popen([*command, "--quiet", "--json", *options], cwd=scratch, stdout=out)
            while process.poll() is None:
                main, tree = max(main, _high_water(process.pid)), max(tree, _tree_bytes(process.pid))
                time.sleep(SAMPLE_EVERY_S)
        seconds = time.perf_counter() - begin
        answer = json.loads((Path(scratch) / "out.json").read_text())
    if process.returncode or answer["files"]["new_tracks"] != n_tracks:
        raise RuntimeError(f"songnet embed left with {process.returncode}: {answer}")
    return Peak(n_tracks, main, tree, seconds)


@contextmanager
def made_sets(n_tracks: int, masters: int) -> Iterator[tuple[Path, dict[str, list[Path]]]]:
    """A scratch folder with the benchmark's file sets: mp3, mp3 with a quarter of m4a, and flac."""
    with tempfile.TemporaryDirectory() as scratch:
        made = music.make_tracks(
            Path(scratch), {"mp3": n_tracks, "m4a": n_tracks // 4, "flac": min(24, n_tracks)}, masters=masters
        )
        mixed: list[Path] = []
        for i, path in enumerate(made["m4a"]):
            mixed += [*made["mp3"][3 * i : 3 * i + 3], path]
        yield Path(scratch), {"mp3": made["mp3"], "1/4 m4a": mixed, "flac": made["flac"]}


def claims(results: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The claims that these results decide."""
    by_set = {(name, row["clips"]): row for name, rows in results.items() for row in rows}
    wanted = (
        ("2 cores against librosa, mp3, 3 clips", "mp3", 3, "against_librosa", 3.0),
        ("2 cores against librosa, mp3, 8 clips", "mp3", 8, "against_librosa", 3.0),
        ("2 cores against librosa, 1/4 m4a, 3 clips", "1/4 m4a", 3, "against_librosa", 8.0),
        ("2 cores against librosa, 1/4 m4a, 8 clips", "1/4 m4a", 8, "against_librosa", 8.0),
        ("a core against whole tracks, mp3, 3 clips", "mp3", 3, "against_whole_track", 12.0),
    )
    return [
        {"claim": text, "at_least": least, "measured": by_set[name, clips][column]}
        for text, name, clips, column, least in wanted
        if (name, clips) in by_set
    ]


def print_rates(results: dict[str, list[dict[str, Any]]]) -> None:
    print("tracks/s of 3 minutes      SongNet           librosa  ratio  whole tracks  ratio   decoding  start-up")
    print("files     clips 1 worker  2 workers  one process    2:1   one process    1:1  of a core         s")
    for name, rows in results.items():
        for row in rows:
            print(
                f"{name:<9} {row['clips']:5d} {row['one_worker']:8.1f} {row['two_workers']:10.1f}"
                f" {row['librosa']:12.1f} {row['against_librosa']:5.1f}x"
                f" {row['whole_track']:13.2f} {row['against_whole_track']:5.1f}x"
                f" {row['decode_share']:9.0%} {row['start_up_s']:9.1f}"
            )
    print("\nms a track, one thread" + "".join(f"{name:>14}" for name in WORK))
    for name, rows in results.items():
        for row in rows:
            print(f"{name:<9} {row['clips']:5d}       " + "".join(f"{ms:14.2f}" for ms in row["ms_a_track"].values()))
    print()
    for claim in claims(results):
        verdict = "holds" if claim["measured"] >= claim["at_least"] else "MISSED"
        print(f"{claim['claim']}: {claim['measured']:.1f}x, claimed at least {claim['at_least']:g}x: {verdict}")


def print_memory(peaks: list[Peak]) -> None:
    print("tracks    peak of the main process, MB    of it and its workers, MB    tracks/s")
    for peak in peaks:
        print(f"{peak.tracks:6d} {peak.main / MB:30.0f} {peak.tree / MB:28.0f} {peak.tracks / peak.seconds:11.1f}")
    for name in ("main", "tree"):
        grown = getattr(peaks[-1], name) - getattr(peaks[0], name)
        verdict = "holds" if grown < MEMORY_LIMIT else "MISSED"
        print(f"growth ({name}): {grown / MB:+.0f} MB, claimed less than {MEMORY_LIMIT / MB:.0f} MB: {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tracks", type=int, default=400, help="three-minute files a set [400]")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions; medians are printed [3]")
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 3, 8], help="clips a track [1 3 8]")
    parser.add_argument("--quick", action="store_true", help="60 files, once: the shape of the table, not its figures")
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead of speed")
    parser.add_argument("--memory-tracks", type=int, nargs=2, default=[1000, 10_000], metavar=("FEW", "MANY"))
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    wanted = parser.parse_args()
    if wanted.memory:
        peaks = [peak_memory(n, "--no-model") for n in wanted.memory_tracks]
        if wanted.json:
            print(json.dumps({"memory": [asdict(peak) for peak in peaks]}, indent=2))
        else:
            print_memory(peaks)
        return
    n_tracks, repeats, masters = (60, 1, 2) if wanted.quick else (wanted.tracks, wanted.repeats, 6)
    results: dict[str, list[dict[str, Any]]] = {}
    with made_sets(n_tracks, masters) as (scratch, sets):
        for s, (name, files) in enumerate(sets.items()):
            results[name] = [
                compare(files, scratch / f"set{s}-{clips}", clips, repeats, part=20 if wanted.quick else 40)
                for clips in wanted.clips
            ]
    if wanted.json:
        pipe = importlib.import_module("peers").HAS_FFMPEG
        print(json.dumps({"sets": results, "claims": claims(results), "peer_m4a_by_ffmpeg": pipe}, indent=2))
    else:
        print_rates(results)


if __name__ == "__main__":
    main()
