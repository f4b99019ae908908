"""Memory does not grow with the library: the claim of ``benchmarks/embed.py``, measured by its own code."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

FEW, MANY = 1_000, 10_000


@pytest.mark.slow
def test_peak_memory_is_flat_in_the_number_of_tracks(
    benchmark_module: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    embed = benchmark_module("embed")
    peaks = [embed.peak_memory(count, "--no-model") for count in (FEW, MANY)]
    with capsys.disabled():
        print()
        embed.print_memory(peaks)
    for process in ("main", "tree"):
        few, many = (getattr(peak, process) for peak in peaks)
        assert few > 50e6, "a process that has loaded Arrow is larger: it was not measured"
        assert many - few < embed.MEMORY_LIMIT, process
