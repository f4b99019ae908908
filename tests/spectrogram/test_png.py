import struct

import numpy as np
import pytest
from PIL import Image

from songnet.errors import ImageError, InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library.tracks import list_failures
from songnet.spectrogram import export_spectrograms, import_spectrograms
from songnet.spectrogram.png import read_png


@pytest.fixture
def pictures(tmp_path, rng):
    folder = tmp_path / "png"
    folder.mkdir()
    images = {
        name: rng.integers(0, 256, (96, 216), dtype=np.uint8) for name in ("6f807x0ima9a1j3VPbc7VN", "été", "a.b")
    }
    for name, image in images.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    return folder, images


def test_the_round_trip_is_exact(pictures, empty_library, tmp_path):
    folder, images = pictures
    report = import_spectrograms(empty_library, folder)
    assert (report.found, report.imported, report.tracks, report.failed) == (3, 3, 3, 0)
    assert import_spectrograms(empty_library, folder).unchanged == 3
    exported = export_spectrograms(empty_library, tmp_path / "out", "deejai-1")
    assert exported.exported == 3
    for name, image in images.items():
        np.testing.assert_array_equal(read_png(tmp_path / "out" / f"{name}.png", (96, 216)), image)


def test_turning_over_twice_is_exact_and_once_is_not(pictures, empty_library, tmp_path):
    folder, images = pictures
    import_spectrograms(empty_library, folder, flip=True)
    export_spectrograms(empty_library, tmp_path / "plain", "deejai-1")
    export_spectrograms(empty_library, tmp_path / "turned", "deejai-1", flip=True)
    for name, image in images.items():
        np.testing.assert_array_equal(read_png(tmp_path / "plain" / f"{name}.png", (96, 216)), image[::-1])
        np.testing.assert_array_equal(read_png(tmp_path / "turned" / f"{name}.png", (96, 216)), image)


def test_several_clips_of_a_track(made_library, tmp_path):
    with Library(made_library) as library, Library(tmp_path / "second", write=True, create=True) as second:
        report = export_spectrograms(library, tmp_path / "out", "songnet-8")
        assert (report.exported, report.tracks) == (24, 12)
        again = import_spectrograms(second, tmp_path / "out", recipe="songnet", clips=2)
        assert (again.imported, again.tracks) == (24, 12)
        export_spectrograms(second, tmp_path / "twice", "songnet-2")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "twice").iterdir())
    for name in names:
        first, again = (read_png(tmp_path / folder / name, (96, 216)) for folder in ("out", "twice"))
        np.testing.assert_array_equal(first, again)


def test_pictures_that_are_no_mel_images_are_listed_and_stop_nothing(pictures, empty_library):
    folder, _ = pictures
    Image.fromarray(np.zeros((100, 216), np.uint8)).save(folder / "size.png")
    Image.fromarray(np.zeros((96, 216, 3), np.uint8)).save(folder / "colour.png")
    (folder / "text.png").write_text("not a picture")
    (folder / "empty.png").write_bytes(b"")
    whole = (folder / "a.b.png").read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    report = import_spectrograms(empty_library, folder)
    assert (report.imported, report.failed) == (3, 5)
    reasons = {failure.path.rsplit(b"/", 1)[1].decode(): failure.reason for failure in list_failures(empty_library.db)}
    assert reasons["size.png"] == "is 100 x 216 pixels (rows x columns), not 96 x 216"
    assert reasons["colour.png"] == "is a PNG with 8 bits a sample, RGB, not 8-bit grayscale"
    assert reasons["text.png"] == reasons["empty.png"] == "is not a PNG file"
    assert reasons["half.png"].startswith("cannot be read")


def test_a_bomb_is_judged_by_its_header(tmp_path):
    header = struct.pack(">IIBBBBB", 20_000, 8_000, 8, 0, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header)
    with pytest.raises(ImageError, match="is 8000 x 20000"):
        read_png(tmp_path / "bomb.png", (96, 216))


def test_wrong_folders_and_sets_are_named(empty_library, tmp_path):
    with pytest.raises(InputNotFoundError, match="is not a folder"):
        import_spectrograms(empty_library, tmp_path / "none")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputNotFoundError, match=r"holds no \.png"):
        import_spectrograms(empty_library, tmp_path / "bare")
    with pytest.raises(ParameterError, match="no image set 'deejai-1'; it has: none"):
        export_spectrograms(empty_library, tmp_path / "out", "deejai-1")
