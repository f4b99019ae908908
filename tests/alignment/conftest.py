"""One library with planted playlists and a model aligned with half of them."""

import shutil
from pathlib import Path

import pytest
from planted_playlists import IMAGES, QUICK, import_playlists, make_library, playlist_csv

from songnet.alignment import AlignConfig, align
from songnet.config import CommunityConfig
from songnet.library import Library


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """The library, still without a model."""
    folder = tmp_path_factory.mktemp("planted")
    path = make_library(folder / "library")
    import_playlists(path, playlist_csv(folder / "lists.csv"))
    return path


@pytest.fixture(scope="session")
def aligned(planted, tmp_path_factory):
    """The library with the model, and how its training went."""
    path = Path(shutil.copytree(planted, tmp_path_factory.mktemp("aligned") / "library"))
    with Library(path, write=True) as library:
        report = align(
            library, name="aligned", images=IMAGES, config=AlignConfig(), training=QUICK, seed=0,
            playlists=CommunityConfig(graph="track2vec", dimensions=16),
        )  # fmt: skip
    return path, report


@pytest.fixture
def aligned_copy(aligned, tmp_path):
    return Path(shutil.copytree(aligned[0], tmp_path / "library"))
