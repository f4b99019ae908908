"""Claim: co-occurrence of 100,000 playlists, 1.5 times as fast as scipy in blocks and 15 times as fast as a Counter.

Playlists are made with a seed and shaped like the Million Playlist Dataset. Every side gets the same entries from a
file, in a process of its own that counts its memory, and ends with the same: pairs of tracks in at least two playlists,
and of these the 20 that share the most playlists with each track.

- ours: `songnet.playlists.cooccurrence.count_pairs`, which also sums up Newman's weights;
- blocked: scipy, ``B[:, rows].T @ B`` for 2,048 tracks at a time, each block thinned before the next;
- full: scipy, ``B.T @ B`` at once;
- counter: ``collections.Counter`` over ``itertools.combinations``, without the choice of 20. It goes through a
  quarter of the playlists, and its seconds are multiplied by four: a whole one needs some twenty gigabytes at
  100,000. A quarter of the playlists meets fewer different pairs, so this flatters it.

Ours uses all cores, the others one; seconds of all cores together stand beside.

Claimed at 100,000: 1.5 times as fast as blocked, 15 times as fast as the counter, less than 1 GB; at 1,000,000 (with
``--large``): less than 10 minutes and 4 GB. Checked at 10,000: the same counts as the full product.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack

from songnet.playlists.cooccurrence import count_pairs
from songnet.playlists.generate import generate_playlists

SIZES = (10_000, 30_000, 100_000)
LARGE = (300_000, 1_000_000)
TOP_K = 20
BLOCK = 2_048
COUNTER_PART = 4
# The full product of 100,000 playlists has 220 million pairs; more do not fit.
LIMITS = {"full": 100_000, "counter": 100_000, "blocked": 300_000}
MB = 10**6


def peak_bytes() -> int:
    """Most memory that this program had resident."""
    status = Path("/proc/self/status")
    if status.is_file():
        # What getrusage tells a process includes its parent's memory from before it became a program of its own.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def incidence(playlist_of: np.ndarray, track_of: np.ndarray, n_tracks: int) -> csr_array:
    """Playlists by tracks, ones; only tracks that stand in two playlists can make a pair that does."""
    matrix = csr_array(
        (np.ones(len(track_of), dtype=np.int32), (playlist_of.astype(np.int32), track_of.astype(np.int32))),
        shape=(int(playlist_of.max()) + 1, n_tracks),
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix[:, np.flatnonzero(matrix.sum(axis=0) >= 2)]


def thin(product: csr_array, first_row: int) -> csr_array:
    """Pairs of two playlists and more, without the diagonal, the 20 largest of each row."""
    rows = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
    keep = (product.data >= 2) & (product.indices != rows + first_row)
    rows, columns, counts = rows[keep], product.indices[keep], product.data[keep]
    order = np.lexsort((-counts, rows))
    sizes = np.bincount(rows, minlength=product.shape[0])
    place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = order[place < TOP_K]
    return csr_array((counts[chosen], (rows[chosen], columns[chosen])), shape=product.shape)


def union(thinned: csr_array) -> int:
    return int(thinned.maximum(thinned.T.tocsr()).nnz) // 2


def ours(playlist_of: np.ndarray, track_of: np.ndarray, n_tracks: int) -> int:
    return int(count_pairs(playlist_of, track_of, n_tracks, weighting="raw", top_k=TOP_K).counts.nnz) // 2


def blocked(playlist_of: np.ndarray, track_of: np.ndarray, n_tracks: int) -> int:
    matrix = incidence(playlist_of, track_of, n_tracks)
    across = matrix.T.tocsr()
    parts = [thin(csr_array(across[i : i + BLOCK] @ matrix), i) for i in range(0, across.shape[0], BLOCK)]
    return union(csr_array(vstack(parts)))


def full(playlist_of: np.ndarray, track_of: np.ndarray, n_tracks: int) -> int:
    matrix = incidence(playlist_of, track_of, n_tracks)
    return union(thin(csr_array(matrix.T.tocsr() @ matrix), 0))


def counter(playlist_of: np.ndarray, track_of: np.ndarray, n_tracks: int) -> int:
    end = np.searchsorted(playlist_of, (int(playlist_of[-1]) + 1) // COUNTER_PART)
    pairs: Counter[tuple[int, int]] = Counter()
    edges = np.flatnonzero(np.diff(playlist_of[:end])) + 1
    for tracks in np.split(track_of[:end], edges):
        pairs.update(combinations(sorted(set(tracks.tolist())), 2))
    return sum(count >= 2 for count in pairs.values())


SIDES: dict[str, Callable[[np.ndarray, np.ndarray, int], int]] = {
    "ours": ours,
    "blocked": blocked,
    "full": full,
    "counter": counter,
}


def run_side(name: str, data: Path) -> dict[str, Any]:
    """One side in this process; ours compiles beforehand, on two entries."""
    with np.load(data) as entries:
        playlist_of, track_of, n_tracks = entries["playlist_of"], entries["track_of"], int(entries["n_tracks"])
    begin = time.perf_counter()
    if name == "ours":
        ours(np.zeros(2, dtype=np.int64), np.arange(2), 2)
    ready = time.perf_counter()
    before, worked = peak_bytes(), time.process_time()
    n_pairs = SIDES[name](playlist_of, track_of, n_tracks)
    parts = COUNTER_PART if name == "counter" else 1
    return {
        "seconds": (time.perf_counter() - ready) * parts,
        "cpu_s": (time.process_time() - worked) * parts,
        "compile_s": ready - begin,
        "peak": peak_bytes(),
        "before": before,
        "pairs": n_pairs,
    }


def in_child(name: str, data: Path) -> dict[str, Any]:
    """`run_side` in a fresh process, so that its memory is its own."""
    command = [sys.executable, __file__, "--child", name, str(data)]
    answer = subprocess.run(command, capture_output=True, check=False, text=True)
    if answer.returncode:
        raise RuntimeError(f"{name} left with {answer.returncode}:\n{answer.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def same_counts(playlist_of: np.ndarray, track_of: np.ndarray, n_tracks: int) -> bool:
    """Whether all pairs of two playlists and more are those of the full product."""
    found = count_pairs(playlist_of, track_of, n_tracks).counts
    used = np.flatnonzero(np.bincount(np.unique(playlist_of * n_tracks + track_of) % n_tracks, minlength=n_tracks) >= 2)
    matrix = incidence(playlist_of, track_of, n_tracks)
    product = csr_array(matrix.T.tocsr() @ matrix)
    product.setdiag(0)
    product.data[product.data < 2] = 0
    product.eliminate_zeros()
    rest = csr_array(found[used][:, used])
    return found.nnz == rest.nnz == product.nnz and (abs(rest - product)).nnz == 0


def compare(sizes: Sequence[int], sides: Sequence[str], repeats: int, seed: int) -> dict[str, Any]:
    """Every side at every size that it is good for."""
    rows = []
    made = generate_playlists(SIZES[0], seed=seed)
    exact = same_counts(made.playlist_of, made.track_of, made.n_tracks)
    for size in sizes:
        made = generate_playlists(size, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            data = Path(scratch) / "entries.npz"
            np.savez(data, playlist_of=made.playlist_of, track_of=made.track_of, n_tracks=made.n_tracks)
            entries, n_tracks = len(made.track_of), made.n_tracks
            del made
            # In turn, so that a neighbour on the machine disturbs all sides alike.
            runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides if size <= LIMITS.get(name, size)}
            for turn in range(repeats):
                for name, found in runs.items():
                    if turn == 0 or (name in ("ours", "blocked") and size <= SIZES[-1]):
                        found.append(in_child(name, data))
        row: dict[str, Any] = {"playlists": size, "entries": entries, "tracks": n_tracks}
        for name, found in runs.items():
            row[name] = {
                "seconds": float(np.median([run["seconds"] for run in found])),
                "cpu_s": float(np.median([run["cpu_s"] for run in found])),
                "peak": max(run["peak"] for run in found),
                "before": max(run["before"] for run in found),
                "compile_s": max(run["compile_s"] for run in found),
                "pairs": found[0]["pairs"],
            }
        rows.append(row)
        print(f"{size:,} playlists done", file=sys.stderr, flush=True)
    return {"rows": rows, "exact": exact}


def claims(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The claims that a result decides."""
    answer = [
        {"claim": "same counts as the full product", "limit": 1, "measured": result["exact"], "holds": result["exact"]}
    ]
    for row in result["rows"]:
        wanted: list[tuple[str, float, float, bool]] = []
        seconds, memory = row["ours"]["seconds"], row["ours"]["peak"] / MB
        if row["playlists"] == SIZES[-1]:
            for name, least in (("blocked", 1.5), ("counter", 15.0)):
                if name in row:
                    ratio = row[name]["seconds"] / seconds
                    wanted.append((f"times as fast as {name}, at least", least, ratio, ratio >= least))
            wanted.append(("peak memory in MB, below", 1000, memory, memory < 1000))
        if row["playlists"] == LARGE[-1]:
            wanted += [
                ("seconds, below", 600, seconds, seconds < 600),
                ("peak memory in MB, below", 4000, memory, memory < 4000),
            ]
        answer += [
            {"claim": f"{row['playlists']:,}: {text}", "limit": limit, "measured": got, "holds": holds}
            for text, limit, got, holds in wanted
        ]
    return answer


def print_result(result: dict[str, Any]) -> None:
    print(
        f"{'playlists':>10}{'entries':>12}{'side':>10}{'seconds':>9}{'ratio':>7}{'cpu':>8}{'peak MB':>9}{'before':>8}"
    )
    for row in result["rows"]:
        for name in SIDES:
            if name in row:
                side = row[name]
                ratio, peak, before = side["seconds"] / row["ours"]["seconds"], side["peak"] / MB, side["before"] / MB
                print(
                    f"{row['playlists']:10,}{row['entries']:12,}{name:>10}{side['seconds']:9.2f}"
                    f"{ratio:7.1f}{side['cpu_s']:8.1f}{peak:9.0f}{before:8.0f}"
                )
    print("ratio: seconds to ours; cpu: seconds of all cores; before: memory of the program and its input;")
    print("counter: a quarter of the playlists, times four\n")
    for claim in claims(result):
        print(f"{'holds' if claim['holds'] else 'FAILS'}: {claim['claim']} {claim['limit']:g}: {claim['measured']:.4g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help=f"playlists [{' '.join(map(str, SIZES))}]")
    parser.add_argument("--large", action="store_true", help=f"also {' and '.join(f'{size:,}' for size in LARGE)}")
    parser.add_argument("--sides", nargs="+", choices=tuple(SIDES), default=tuple(SIDES), help="ours always runs")
    parser.add_argument("--repeats", type=int, default=3, help="of ours and blocked, up to 100,000 playlists [3]")
    parser.add_argument("--seed", type=int, default=0, help="of the playlists [0]")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--child", nargs=2, default=None, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        name, data = wanted.child
        print(json.dumps(run_side(name, Path(data))))
        return
    sizes = [*wanted.sizes, *(LARGE if wanted.large else ())]
    sides = [name for name in SIDES if name == "ours" or name in wanted.sides]
    result = compare(sizes, sides, wanted.repeats, wanted.seed)
    if wanted.json:
        print(json.dumps({**result, "claims": claims(result)}, indent=2))
    else:
        print_result(result)


if __name__ == "__main__":
    main()
