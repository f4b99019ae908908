"""A SIGKILL at any moment of ``songnet embed`` loses at most the batch under way, and nothing for good.

The real command runs as a process of its own on real files. It is killed, alone or with its workers, at moments drawn
from its whole life and shortly after it has written something. After every kill a reader must find the library in
order, and a copy of it must reconcile; in the end the library must be, byte for byte, that of a run nobody disturbed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from songnet.embedding import load_vectors
from songnet.library import Library, from_arrow, reconcile, table_name
from songnet.training import list_models, read_card

KILLS = int(os.environ.get("SONGNET_KILLS", "100"))
RUN_LIMIT_S = 300.0
# Workers look for their parent all the time; this is for a machine that does something else, too.
ORPHAN_LIMIT_S = 5.0
POLL_S = 0.001


@dataclass
class Kills:
    """What the campaign saw: kills by what the library held then, finished libraries, seconds orphans lived."""

    by_state: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    swept: Counter[str] = field(default_factory=Counter)
    orphans_s: list[float] = field(default_factory=list)


def contents(path: Path) -> dict[str, Any]:
    """All that a library says about its tracks, in an order that does not depend on how it was made."""
    with Library(path) as library:
        found: dict[str, Any] = {
            "tracks": [tuple(row) for row in library.db.execute("SELECT * FROM tracks ORDER BY track_id")],
            "images": [tuple(row) for row in library.db.execute("SELECT * FROM images ORDER BY 1, 2")],
            "codes": [tuple(row) for row in library.db.execute("SELECT * FROM codes ORDER BY 1, 2")],
            "failures": [tuple(row) for row in library.db.execute("SELECT path, kind, reason FROM failures")],
            "reading": library.db.execute("SELECT count(*) FROM reading").fetchone()[0],
        }
        (found["paths"],) = library.db.execute("SELECT count(DISTINCT path) FROM paths").fetchone()
        for name in library.arrays.names():
            keys = library.arrays.keys(name)
            found[name] = keys.drop_columns(["_rowid"]).to_pydict()
            found[f"{name} bytes"] = from_arrow(
                library.arrays.take(name, np.asarray(keys["_rowid"]))["values"]
            ).tobytes()
        for name in list_models(library.models):
            card = read_card(library.models, name)
            found[f"model {name}"] = card.key
            vectors = load_vectors(library, card, "mean")
            found["vectors"] = (vectors.track_ids, vectors.vectors.tobytes())
    return found


def check_reader(path: Path) -> str:
    """What a reader finds right after a kill must be whole; returns how far the library has come."""
    database = path / "songnet.db"
    if not database.exists():
        return "nothing yet"
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    with Library(path) as library:
        counts = {}
        for name in library.arrays.names():
            keys = library.arrays.keys(name)
            pairs = list(zip(keys["track_id"].to_pylist(), keys["clip"].to_pylist(), strict=True))
            assert len(pairs) == len(set(pairs)), f"{name} has rows twice"
            library.arrays.take(name, np.asarray(keys["_rowid"]))
            counts[name.partition("-")[0]] = len(pairs)
        for name in list_models(library.models):
            read_card(library.models, name)
    for state, table in (("vectors", "vectors"), ("codes", "codes")):
        if table in counts:
            return state
    if (path / "models").is_dir() and any((path / "models").iterdir()):
        return "training"
    return "some images" if counts else "no images"


def check_reconciles(path: Path, scratch: Path, kills: Kills) -> None:
    """A copy of the library must come to agree with itself, and the second sweep find nothing."""
    copy = scratch / "copy"
    shutil.copytree(path, copy)
    if (copy / "songnet.db").exists():
        with Library(copy, write=True) as library:
            swept = reconcile(library)
            kills.swept["orphans"] += swept.orphans > 0
            kills.swept["lost"] += swept.lost > 0
            for ledger, column in (("images", "image_set"), ("codes", "model_key")):
                marks: Counter[tuple[str, str]] = Counter()
                for key, track, count in library.db.execute(f"SELECT {column}, track_id, n_clips FROM {ledger}"):
                    marks[key, track] = count
                rows: Counter[tuple[str, str]] = Counter()
                for name in library.arrays.names():
                    if name.startswith(f"{ledger}-"):
                        tracks = library.arrays.keys(name)["track_id"].to_pylist()
                        rows.update((name.partition("-")[2], track) for track in tracks)
                assert marks == rows
            again = reconcile(library)
            assert (again.orphans, again.lost) == (0, 0)
    shutil.rmtree(copy)


def newest_write(path: Path, *, tables_only: bool) -> int:
    """Moment of the library's latest write, as far as folders and the database tell, ns."""
    places = [] if tables_only else [path, path / "songnet.db", path / "songnet.db-wal", path / "models"]
    for table in (path / "tables").glob("*.lance"):
        places += [table / "_versions"] if tables_only else [table, table / "data", table / "_versions"]
    newest = 0
    for place in places:
        with contextlib.suppress(OSError):
            newest = max(newest, place.stat().st_mtime_ns)
    return newest


def wait_for_moment(command: Any, library: Path, rng: np.random.Generator, life_s: float) -> bool:
    """Wait until it is time for the kill; False if the command ended before that.

    Half of the moments lie in the first third of a run's life, where files are read. Then one kill in three comes at
    once, one waits for the next write of any kind, one for a table to be written: SQLite is told right after that.
    """
    moment = rng.uniform(0.05, life_s) * rng.choice([1 / 3, 1.0])
    mode = rng.choice(["at once", "any write", "table written"])
    delay = rng.uniform(0, 0.1) * rng.choice([0.05, 1.0])
    with contextlib.suppress(subprocess.TimeoutExpired):
        command.process.wait(timeout=moment)
    if mode != "at once":
        before = newest_write(library, tables_only=mode == "table written")
        while newest_write(library, tables_only=mode == "table written") == before and command.process.poll() is None:
            time.sleep(POLL_S)
        time.sleep(0.0 if mode == "table written" else delay)
    return command.process.poll() is None


def wait_for_orphans(command: Any, living: Callable[[int], list[int]]) -> float:
    """Seconds until nothing of a killed command is left."""
    begin = time.monotonic()
    while living(command.group):
        assert time.monotonic() - begin < ORPHAN_LIMIT_S, f"workers outlive their parent: {living(command.group)}"
        time.sleep(0.01)
    return time.monotonic() - begin


def campaign(
    music: Path,
    scratch: Path,
    songnet: Callable[..., Any],
    living: Callable[[int], list[int]],
    *options: str,
    n_kills: int,
    seed: int,
) -> Kills:
    """Kill, look, run again; every library that gets finished is compared with the undisturbed one and begun anew."""
    reference, library = scratch / "reference", scratch / "library"
    arguments = ("embed", music, *options, "--quiet", "--json", "--library")
    begin = time.monotonic()
    code, answer, messages = songnet(*arguments, reference).end(RUN_LIMIT_S)
    life_s = time.monotonic() - begin
    assert code == 0, messages
    n_files = answer["files"]["found"]
    expected = contents(reference)
    assert len(expected["tracks"]) == expected["paths"] == n_files
    rng, kills = np.random.default_rng(seed), Kills()

    def compare() -> None:
        found = contents(library)
        assert found.keys() == expected.keys()
        different = [key for key in expected if found[key] != expected[key]]
        assert not different, f"differs from the undisturbed run in {different}"
        kills.finished += 1

    while kills.by_state.total() < n_kills:
        command = songnet(*arguments, library)
        if not wait_for_moment(command, library, rng, life_s):
            code, _, messages = command.end(RUN_LIMIT_S)
            assert code == 0, messages
            compare()
            shutil.rmtree(library)
            continue
        if rng.random() < 0.7:
            command.kill_main()
            kills.orphans_s.append(wait_for_orphans(command, living))
        else:
            command.kill_all()
            wait_for_orphans(command, living)
        if not library.exists():
            kills.by_state["nothing yet"] += 1
            continue
        kills.by_state[check_reader(library)] += 1
        check_reconciles(library, scratch, kills)
    code, _, messages = songnet(*arguments, library).end(RUN_LIMIT_S)
    assert code == 0, messages
    compare()
    for name, rows in expected.items():
        if name.startswith(("codes-", "vectors-")):
            assert set(rows["track_id"] if isinstance(rows, dict) else []) <= {row[0] for row in expected["tracks"]}
    return kills


def test_five_kills_while_reading(
    tmp_path: Path, songnet: Callable[..., Any], living: Callable[..., Any], make_music: Callable[..., Path]
) -> None:
    kills = campaign(
        make_music(tmp_path / "music", 16), tmp_path, songnet, living, "--no-model", "--jobs", "2",
        n_kills=5, seed=5,
    )  # fmt: skip
    assert kills.by_state.total() == 5


@pytest.mark.slow
def test_a_hundred_kills(
    tmp_path: Path,
    songnet: Callable[..., Any],
    living: Callable[..., Any],
    make_music: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    n_tracks = 100
    options = ("--model", "cae-12x15", "--epochs", "2", "--jobs", "2")
    begin = time.monotonic()
    kills = campaign(
        make_music(tmp_path / "music", n_tracks, slow=4), tmp_path, songnet, living, *options, n_kills=KILLS, seed=100
    )
    with Library(tmp_path / "library") as library:
        card = read_card(library.models, "cae-12x15")
        vectors = load_vectors(library, card, "mean")
        codes = library.arrays.keys(table_name("codes", card.key))
        marked = library.db.execute("SELECT count(*) FROM codes WHERE model_key = ?", (card.key,)).fetchone()[0]
    assert len(vectors.track_ids) == len(set(codes["track_id"].to_pylist())) == marked == n_tracks
    with capsys.disabled():
        print(
            f"\n{KILLS} kills in {time.monotonic() - begin:.0f} s, {kills.finished} libraries finished, each equal byte"
            f" for byte to the undisturbed one; killed at: {dict(kills.by_state)}; kills that left rows to sweep:"
            f" {kills.swept['orphans']}, marks: {kills.swept['lost']}; longest-lived worker without its parent:"
            f" {max(kills.orphans_s, default=0):.2f} s"
        )


@pytest.mark.parametrize(
    "left", [".writer.json.x1.tmp", ".songnet.toml.x1.tmp", ".songnet.db.new", ".songnet.db.new-journal"]
)
def test_debris_of_a_library_that_was_being_made_is_not_foreign(tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_bytes(b"half")
    with Library(tmp_path, write=True, create=True) as library:
        assert library.db.execute("SELECT count(*) FROM tracks").fetchone()[0] == 0
