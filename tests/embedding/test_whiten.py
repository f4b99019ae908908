import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.embedding import fit_whitening
from songnet.errors import ModelError


def test_without_shrinkage_the_kept_components_are_white(rng):
    data = rng.standard_normal((500, 5)) @ rng.standard_normal((5, 5)) + 7
    whitening = fit_whitening(data, shrinkage=0.0)
    mapped = (data - whitening.mean) @ whitening.projection
    np.testing.assert_allclose(mapped.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(np.cov(mapped.T, bias=True), np.eye(5), atol=1e-8)
    assert whitening.explained == pytest.approx(1.0)


def test_both_decompositions_agree(rng):
    wide = rng.standard_normal((30, 40))
    square = fit_whitening(np.vstack([wide, wide]), n_components=10)
    narrow = fit_whitening(wide, n_components=10)
    np.testing.assert_allclose(square.apply(wide), narrow.apply(wide), atol=1e-4)


def test_constant_and_repeated_dimensions_do_no_harm(rng):
    data = rng.standard_normal((50, 3))
    padded = np.hstack([data, np.full((50, 2), 1e6), data[:, :1] * 0 + 3])
    np.testing.assert_allclose(fit_whitening(padded).apply(padded), fit_whitening(data).apply(data), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**31))
def test_any_size_gives_finite_rows_of_unit_length_or_zero(n, d, seed):
    data = np.random.default_rng(seed).standard_normal((n, d))
    unit = fit_whitening(data).apply(data)
    assert np.isfinite(unit).all()
    lengths = np.linalg.norm(unit, axis=1)
    assert all(np.isclose(length, 1, atol=1e-5) or length < 1e-5 for length in lengths)


def test_identical_vectors_have_no_directions():
    unit = fit_whitening(np.ones((4, 3))).apply(np.ones((4, 3)))
    np.testing.assert_array_equal(unit, np.zeros((4, 1)))


def test_nan_is_an_error():
    with pytest.raises(ModelError, match="not finite"):
        fit_whitening(np.array([[1.0, np.nan]]))
