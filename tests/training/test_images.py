import numpy as np
import pytest

from songnet.config import ImageConfig
from songnet.errors import ModelError
from songnet.library import Library, to_arrow
from songnet.library import tracks as ledger
from songnet.training import ImageStream, PixelScaling, split_images
from songnet.training import images as module

IMAGES = ImageConfig()


def fill(library, artists, clips=2, level=None):
    """A track an entry of `artists`; its images are flat, of the level that is its number."""
    for n, artist in enumerate(artists):
        with library.db:
            ledger.upsert_track(library.db, {"track_id": f"t{n:04d}", "source": "image", "artist": artist})
        values = np.full((clips, 96 * 216), n if level is None else level, np.uint8)
        rows = to_arrow([f"t{n:04d}"] * clips, range(clips), [0.0] * clips, [False] * clips, values)
        library.arrays.append("images-songnet-8", rows)


def artists_of(library, row_ids, artists):
    rows = library.arrays.take("images-songnet-8", row_ids, ["track_id"])
    return {artists[int(track[1:])] for track in rows["track_id"].to_pylist()}


def test_whole_artists_are_held_out(empty_library):
    artists = [f"artist {n // 3}" for n in range(30)]
    fill(empty_library, artists)
    split = split_images(empty_library, IMAGES, 0.2, seed=1)
    assert split.grouped_by == "artist"
    assert len(split.train) + len(split.validation) == 60
    assert len(split.validation) == 12
    assert not artists_of(empty_library, split.train, artists) & artists_of(empty_library, split.validation, artists)
    again = split_images(empty_library, IMAGES, 0.2, seed=1)
    np.testing.assert_array_equal(again.validation, split.validation)
    other = split_images(empty_library, IMAGES, 0.2, seed=2)
    assert not np.array_equal(other.validation, split.validation)


@pytest.mark.parametrize("artists", [[None] * 5, ["one and the same"] * 5])
def test_tracks_are_held_out_where_artists_tell_nothing(empty_library, artists):
    fill(empty_library, artists)
    split = split_images(empty_library, IMAGES, 0.2, seed=0)
    assert split.grouped_by == "track"
    assert (len(split.train), len(split.validation)) == (8, 2)


def test_one_track_is_too_few(empty_library):
    with pytest.raises(ModelError, match="at least 2 tracks, the library has 0"):
        split_images(empty_library, IMAGES, 0.1, seed=0)
    fill(empty_library, ["a"])
    with pytest.raises(ModelError, match="at least 2 tracks, the library has 1"):
        split_images(empty_library, IMAGES, 0.1, seed=0)


def test_scaling_is_fitted_on_the_given_rows_only(empty_library):
    fill(empty_library, [f"a{n}" for n in range(200)], clips=1)
    keys = np.asarray(empty_library.arrays.keys("images-songnet-8")["_rowid"])
    scaling = ImageStream(empty_library, IMAGES).fit_scaling(keys[20:150])
    assert (scaling.low, scaling.high) == (20, 149)
    pixels = np.array([0, 20, 84, 149, 255], np.uint8)
    np.testing.assert_allclose(scaling.apply(pixels), [0, 0, 64 / 129, 1, 1], atol=1e-6)


def test_flat_images_teach_nothing(empty_library):
    fill(empty_library, ["a", "b"], level=9)
    keys = np.asarray(empty_library.arrays.keys("images-songnet-8")["_rowid"])
    with pytest.raises(ModelError, match="one flat grey"):
        ImageStream(empty_library, IMAGES).fit_scaling(keys)


def test_batches_deal_every_row_once_in_order_and_never_hold_more_than_a_few_blocks(empty_library, monkeypatch):
    fill(empty_library, [f"a{n}" for n in range(50)], clips=1)
    monkeypatch.setattr(module, "BLOCK_IMAGES", 8)
    stream = ImageStream(empty_library, IMAGES)
    taken = []
    original = stream.pixels
    monkeypatch.setattr(stream, "pixels", lambda rows: taken.append(len(rows)) or original(rows))
    keys = np.asarray(empty_library.arrays.keys("images-songnet-8")["_rowid"])
    order = np.random.default_rng(3).permutation(50)
    scaling = PixelScaling(0, 255)
    levels = []
    for number, batch in enumerate(stream.batches(keys[order], 4, scaling)):
        assert batch.shape[1:] == (96, 216, 1)
        assert batch.dtype == np.float32
        levels += [round(float(image[0, 0, 0]) * 255) for image in batch]
        assert sum(taken) <= 4 * (number + 1) + 3 * 8
    assert levels == list(order)
    assert max(taken) == 8
    dropped = [len(batch) for batch in stream.batches(keys, 16, scaling, skip=1, drop_last=True)]
    assert dropped == [16, 16]


def test_a_consumer_that_stops_early_leaves_no_thread(empty_library):
    import threading

    fill(empty_library, [f"a{n}" for n in range(4)], clips=1)
    keys = np.asarray(empty_library.arrays.keys("images-songnet-8")["_rowid"])
    before = threading.active_count()
    batches = ImageStream(empty_library, IMAGES).batches(keys, 1, PixelScaling(0, 255))
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_errors_while_reading_ahead_reach_the_reader(empty_library):
    fill(empty_library, ["a", "b"])
    batches = ImageStream(empty_library, IMAGES).batches(np.array([10**12], np.uint64), 1, PixelScaling(0, 255))
    with pytest.raises(Exception, match=r"."):
        next(batches)
    assert isinstance(empty_library, Library)
