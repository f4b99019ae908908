import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from songnet.audio.workers import isolated_map
from songnet.errors import AudioError

LIMITS = {"n_workers": 2, "timeout_s": 20.0, "memory_mb": 512}


def behave(item):
    """What a decoder may do to its worker."""
    what, value = item
    if what == "square":
        return value * value
    if what == "refuse":
        raise AudioError("is not audio", "not-audio")
    if what == "crash":
        os.abort()
    if what == "hang":
        time.sleep(600)
    if what == "eat":
        hoard = [np.ones(2**24) for _ in range(1000)]
        return len(hoard)
    if what == "bug":
        return {}["no such key"]
    if what == "pid":
        return os.getpid()
    raise AssertionError(what)


def test_answers_and_errors_each_belong_to_their_item():
    items = [("square", n) for n in range(20)] + [("refuse", 0), ("bug", 0)]
    outcomes = {outcome.item: outcome for outcome in isolated_map(behave, items, **LIMITS)}
    assert [outcomes["square", n].answer for n in range(20)] == [n * n for n in range(20)]
    refused = outcomes["refuse", 0].error
    assert (refused.kind, refused.reason) == ("not-audio", "is not audio")
    assert outcomes["bug", 0].error.reason.startswith("unexpected KeyError")


def test_a_crash_costs_only_its_own_item():
    items = [("square", 1), ("crash", 0), *[("square", n) for n in range(2, 12)], ("crash", 1), ("square", 99)]
    outcomes = list(isolated_map(behave, items, **LIMITS))
    assert len(outcomes) == len(items)
    assert sorted(o.answer for o in outcomes if o.error is None) == sorted([1, *[n * n for n in range(2, 12)], 99 * 99])
    assert [o.error.kind for o in outcomes if o.error is not None] == ["crash", "crash"]


def test_a_hang_is_ended_after_its_time_and_the_rest_goes_on():
    items = [("hang", 0), *[("square", n) for n in range(5)]]
    started = time.monotonic()
    outcomes = list(isolated_map(behave, items, n_workers=2, timeout_s=2.0, memory_mb=512))
    assert time.monotonic() - started < 30
    assert [(o.error.kind, o.error.reason) for o in outcomes if o.error] == [
        ("timeout", "reading took longer than 2 s and was ended")
    ]
    assert len(outcomes) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="address space limits are kept by Linux only")
def test_eating_memory_is_stopped_at_the_limit():
    (outcome,) = isolated_map(behave, [("eat", 0)], n_workers=1, timeout_s=30.0, memory_mb=256)
    assert (outcome.error.kind, outcome.error.reason) == ("memory", "reading needs more than 256 MiB of memory")


def test_items_are_taken_lazily_and_noted_before_they_are_read():
    taken, noted = [], []

    def stream():
        for n in range(100):
            taken.append(n)
            yield ("square", n)

    outcomes = isolated_map(behave, stream(), **LIMITS, before=noted.extend, group=4)
    next(outcomes)
    assert len(taken) <= 16
    assert [n for _, n in noted] == taken
    outcomes.close()


def test_workers_die_with_a_killed_parent(tmp_path: Path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_workers import behave\n"
        "from songnet.audio.workers import isolated_map\n"
        "if __name__ == '__main__':\n"
        "    items = [('pid', n) for n in range(8)] + [('hang', 0)]\n"
        "    for outcome in isolated_map(behave, items, n_workers=2, timeout_s=600, memory_mb=512):\n"
        "        print(outcome.answer, flush=True)\n"
    )
    path = tmp_path / "parent.py"
    path.write_text(script)
    parent = subprocess.Popen([sys.executable, path, Path(__file__).parent], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = {int(parent.stdout.readline()) for _ in range(8)}
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
