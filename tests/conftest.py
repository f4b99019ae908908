"""Fixtures: small real audio, and a library made from it once."""

import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from hypothesis import settings
from synthetic import STYLES, write_track

# How long an example takes says more about the machine than about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve tracks: three artists of four tracks each, two albums an artist, flac, ogg and wav mixed."""
    root = tmp_path_factory.mktemp("music")
    for a, (artist, kind) in enumerate(STYLES.items()):
        for n in range(4):
            ending = ("flac", "ogg", "wav")[n % 3]
            write_track(
                root / artist / f"{n}.{ending}",
                kind,
                220.0 * 2 ** (n / 4),
                seed=10 * a + n,
                title=f"Piece {n}",
                artist=artist,
                album=f"Album {n // 2}",
            )
    (root / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0 not audio")
    return root


@pytest.fixture(scope="session")
def made_library(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of `music` with a model trained for two epochs; tests that write take `library_copy`."""
    from songnet.config import ImageConfig, ReadConfig, TrainConfig, VectorConfig
    from songnet.embedding import embed_images
    from songnet.library import Library
    from songnet.spectrogram import ingest

    path = tmp_path_factory.mktemp("made") / "library"
    with Library(path, write=True, create=True) as library:
        report = ingest(library, [music], ImageConfig(), ReadConfig(), n_workers=2)
        assert (report.read, report.failed) == (12, 0)
        embed_images(
            library,
            model_name="cae-12x15",
            images=ImageConfig(),
            training=TrainConfig(epochs=2, batch_size=8),
            vectors=VectorConfig(),
            seed=0,
        )
    return path


@pytest.fixture
def library_copy(made_library: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_library, tmp_path / "library"))


@pytest.fixture
def empty_library(tmp_path: Path):
    from songnet.library import Library

    with Library(tmp_path / "empty-library", write=True, create=True) as library:
        yield library


@pytest.fixture
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("the recordings in ../shared/data are not here")
    return SHARED_DATA
