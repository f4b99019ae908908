"""What the shared encoder sees and what it ignores."""

from __future__ import annotations

import numpy as np
import pytest

from songnet.errors import ParameterError
from songnet.models import backbone

STRIDES = ((2, 2), (2, 2))


@pytest.fixture(scope="module")
def encoder():
    return backbone.pooled_encoder(
        32, channels=(4, 8), strides=STRIDES, features=6, outputs=5, activation="relu", dropout=0.0, seed=1
    )


def test_time_statistics_are_the_mean_and_the_deviation_in_any_order(rng) -> None:
    frames = rng.normal(2, 3, (2, 50, 4)).astype(np.float32)
    pooled = np.asarray(backbone.time_statistics(frames))
    np.testing.assert_allclose(pooled[:, :4], frames.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(pooled[:, 4:], frames.std(axis=1), rtol=1e-3)
    shuffled = np.asarray(backbone.time_statistics(frames[:, rng.permutation(50)]))
    np.testing.assert_allclose(shuffled, pooled, rtol=1e-4)


def test_images_of_any_length_have_codes_and_a_repeated_one_keeps_its_own(encoder, rng) -> None:
    steady = np.repeat(rng.random((2, 32, 1, 1)).astype(np.float32), 96, axis=2)
    codes = {n: np.asarray(encoder(steady[:, :, :n])) for n in (24, 96)}
    assert codes[24].shape == codes[96].shape == (2, 5)
    # Only the padding at the two ends tells the lengths apart.
    spread = np.abs(codes[96][0] - codes[96][1]).max()
    assert np.abs(codes[24] - codes[96]).max() < 0.5 * spread


def test_frequency_is_kept(encoder, rng) -> None:
    image = np.zeros((2, 32, 48, 1), np.float32)
    image[0, 4:8], image[1, 20:24] = 1, 1
    codes = np.asarray(encoder(image))
    assert np.abs(codes[0] - codes[1]).max() > 0.1


def test_the_decoder_mirrors_the_map(rng) -> None:
    shape = backbone.map_shape((32, 48, 1), (4, 8), STRIDES)
    assert shape == (8, 12, 8)
    decoder = backbone.mirror_decoder(5, shape, channels=(4, 8), strides=STRIDES, activation="relu", seed=0)
    assert np.asarray(decoder(rng.random((3, 5)).astype(np.float32))).shape == (3, 32, 48, 1)


def test_strides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"strides\[1\] must be \(frequency, time\), got \(2,\)"):
        backbone.stride_pairs(((2, 2), (2,)), (4, 8))
    with pytest.raises(ParameterError, match="one pair per entry of channels"):
        backbone.stride_pairs(((2, 2),), (4, 8))
    with pytest.raises(ParameterError, match="multiply to 4 along axis 1, which does not divide 50"):
        backbone.map_shape((32, 50, 1), (4, 8), STRIDES)
