"""Damaged files cost themselves and nothing else.

Good files of six formats stand among copies of them that were cut short, had bits flipped or were named for another
format, and among files that never were audio. The real command must embed every good one, list with a reason what
cannot be read, come to an end, and not read it again until it is told to.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from songnet.library import Library
from songnet.library.tracks import list_failures

FORMATS = ("wav", "flac", "ogg", "mp3", "m4a", "aiff")
# Of these nothing can be read, whatever the decoder; the rest may be audio still.
HOPELESS = ("empty", "text", "zeros", "random")
DAMAGES = ("truncated", "flipped", "mislabelled", *HOPELESS)
RUN_LIMIT_S = 300.0
FILE_LIMIT_S = 20.0


def damaged(kind: str, content: bytes, rng: np.random.Generator) -> bytes:
    """What damage makes of a good file's content."""
    size = len(content)
    match kind:
        case "truncated":
            return content[: int(rng.integers(1, size))]
        case "flipped":
            flipped = np.frombuffer(content, np.uint8).copy()
            # One bit somewhere, or many; half of the time among the headers.
            n_bits, reach = int(rng.choice([1, 10, 1000])), size if rng.random() < 0.5 else min(size, 512)
            flipped[rng.integers(0, reach, n_bits)] ^= (1 << rng.integers(0, 8, n_bits)).astype(np.uint8)
            return flipped.tobytes()
        case "text":
            return b"This file says that it is music, and is a letter.\n" * int(rng.integers(1, 2000))
        case "zeros":
            return bytes(int(rng.integers(1, 200_000)))
        case "random":
            return rng.bytes(int(rng.integers(1, 200_000)))
    return b"" if kind == "empty" else content


def make_files(root: Path, n_damaged: int, write_sound: Callable[..., None], seed: int) -> dict[bytes, str]:
    """Good and damaged files; every path with what was done to it (``"good"``: nothing)."""
    rng = np.random.default_rng(seed)
    made: dict[bytes, str] = {}
    contents: dict[str, list[bytes]] = {ending: [] for ending in FORMATS}
    for i in range(4 * len(FORMATS)):
        ending = FORMATS[i % len(FORMATS)]
        path = root / f"{i % 5}" / f"good {i}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sound(path, seed=i, seconds=float(rng.uniform(6, 9)))
        contents[ending].append(path.read_bytes())
        made[bytes(path)] = "good"
    for i in range(n_damaged):
        kind, ending = DAMAGES[i % len(DAMAGES)], FORMATS[i // len(DAMAGES) % len(FORMATS)]
        content = damaged(kind, contents[ending][int(rng.integers(4))], rng)
        shown = FORMATS[(FORMATS.index(ending) + 1 + i % 5) % 6] if kind == "mislabelled" else ending
        path = root / f"{i % 5}" / f"{kind} {i}.{shown}"
        path.write_bytes(content)
        made[bytes(path)] = kind
    return made


def check_damaged(root: Path, n_damaged: int, songnet: Callable[..., Any], write_sound: Callable[..., None]) -> str:
    """The three runs; returns a summary for people."""
    made = make_files(root / "music", n_damaged, write_sound, seed=n_damaged)
    arguments = ("embed", root / "music", "--library", root / "library", "--no-model", "--json", "--quiet")
    arguments = (*arguments, "--jobs", "2", "--timeout", str(FILE_LIMIT_S))
    begin = time.monotonic()
    code, answer, messages = songnet(*arguments).end(RUN_LIMIT_S)
    seconds = time.monotonic() - begin
    files = answer["files"]
    assert code == 3, messages
    assert files["found"] == len(made) == files["read"] + files["failed"]
    assert "timeout" not in files["failed_by_kind"]
    assert "unexpected" not in messages
    with Library(root / "library") as library:
        failures = {failure.path: failure for failure in list_failures(library.db)}
        kept = {row[0] for row in library.db.execute("SELECT path FROM paths JOIN images USING (track_id)")}
        assert library.db.execute("SELECT count(*) FROM reading").fetchone()[0] == 0
    assert failures.keys() | kept == made.keys()
    assert not failures.keys() & kept
    for path, failure in failures.items():
        assert made[path] != "good", failure
        assert failure.reason.strip(), failure
        assert not failure.reason.startswith("unexpected"), failure
    readable = Counter(made[path] for path in kept)
    assert readable["good"] == 4 * len(FORMATS)
    heard = {path: made[path] for path in kept if made[path] in HOPELESS}
    assert not heard, f"taken for music: {heard}"

    code, answer, messages = songnet(*arguments).end(RUN_LIMIT_S)
    again = answer["files"]
    assert code == 0, messages
    assert (again["read"], again["failed"], again["known_failures"]) == (0, 0, files["failed"])
    assert again["unchanged"] == files["read"]

    code, answer, messages = songnet(*arguments, "--retry-failed").end(RUN_LIMIT_S)
    retried = answer["files"]
    assert code == 3, messages
    assert (retried["failed"], retried["known_failures"], retried["read"]) == (files["failed"], 0, 0)
    assert retried["failed_by_kind"] == files["failed_by_kind"]
    with Library(root / "library") as library:
        assert {failure.attempts for failure in list_failures(library.db)} == {2}
    return (
        f"{n_damaged} damaged among {4 * len(FORMATS)} good files in {seconds:.0f} s; failed:"
        f" {files['failed_by_kind']}; readable all the same: {dict(sorted(readable.items()))}, of these"
        f" {files['truncated']} end early"
    )


def test_thirty_damaged_files(tmp_path: Path, songnet: Callable[..., Any], write_sound: Callable[..., None]) -> None:
    check_damaged(tmp_path, 30, songnet, write_sound)


@pytest.mark.slow
def test_three_hundred_damaged_files(
    tmp_path: Path,
    songnet: Callable[..., Any],
    write_sound: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary = check_damaged(tmp_path, 300, songnet, write_sound)
    with capsys.disabled():
        print(f"\n{summary}")
