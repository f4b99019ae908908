"""One small composition, made once and read by all tests of the room."""

from __future__ import annotations

from pathlib import Path

import pytest

from songnet.demo import Composition, compose


@pytest.fixture(scope="session")
def composition(tmp_path_factory: pytest.TempPathFactory) -> Composition:
    """Twelve tracks, two of each style; seed 3. Not to be written to."""
    root: Path = tmp_path_factory.mktemp("demo") / "library"
    return compose(root, n_tracks=12, seed=3, n_workers=2)
