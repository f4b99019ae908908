"""Projections: known answers, neighbours kept, repeatable, clear refusals."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from songnet.clustering.projection import PROJECTIONS, project_pca, project_tsne, project_umap
from songnet.errors import ParameterError


def three_groups(rng, n=20, d=8):
    """Points [3 n, d] around three far corners, and which."""
    corners = 20 * np.eye(3, d)
    return np.repeat(corners, n, axis=0) + rng.normal(size=(3 * n, d)), np.repeat([1, 2, 3], n)


def neighbour_share(points, labels):
    """Share of points whose nearest other point is of their group."""
    squares = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    return float((labels[squares.argmin(axis=1)] == labels).mean())


def test_the_registry_names_all_three():
    assert list(PROJECTIONS) == ["pca", "tsne", "umap"]
    assert PROJECTIONS["pca"] is project_pca
    with pytest.raises(ParameterError, match="unknown projection 'mds'; choose one of: pca, tsne, umap"):
        PROJECTIONS["mds"]


def test_pca_of_points_on_a_line_and_a_little_beside_it():
    # Along (3, 4) / 5 at -2 .. 2, beside it at +-0.5: both directions and variances are known.
    along, beside = np.array([3.0, 4.0]) / 5, np.array([4.0, -3.0]) / 5
    positions, sides = np.array([-2.0, -1, 0, 1, 2]), np.array([0.5, -0.5, 0, -0.5, 0.5])
    X = positions[:, None] * along + sides[:, None] * beside + [100, -7]
    result = project_pca(X)
    np.testing.assert_allclose(result.points, np.stack([positions, sides], axis=1), atol=1e-6)
    np.testing.assert_allclose(result.explained, [10 / 11, 1 / 11])
    assert (result.points.dtype, result.method) == (np.float32, "pca")
    assert result.rows.tolist() == [0, 1, 2, 3, 4]
    assert result.parameters == {"n_components": 2, "seed": 0}


@pytest.mark.parametrize("shape", [(30, 7), (7, 30), (20_000, 3)])
def test_pca_agrees_with_scikit_learn_up_to_sign(rng, shape):
    from sklearn.decomposition import PCA

    X = rng.normal(size=shape) * np.linspace(3, 1, shape[1])
    fitted = PCA(3, svd_solver="full").fit(X)
    result = project_pca(X.astype(np.float32), n_components=3)
    np.testing.assert_allclose(np.abs(result.points), np.abs(fitted.transform(X)), atol=2e-4)
    np.testing.assert_allclose(result.explained, fitted.explained_variance_ratio_, rtol=1e-4)


def test_pca_has_nothing_beyond_the_rank(rng):
    line = rng.normal(size=(10, 1)) @ rng.normal(size=(1, 5))
    result = project_pca(line, n_components=3)
    assert not result.points[:, 1:].any()
    np.testing.assert_allclose(result.explained, [1, 0, 0])
    still = project_pca(np.full((4, 3), 7.5))
    assert not still.points.any()
    assert still.explained.tolist() == [0, 0]


@settings(max_examples=40, deadline=None)
@given(n=st.integers(3, 30), d=st.integers(2, 12), seed=st.integers(0, 2**31))
def test_pca_is_centred_ordered_and_never_stretches(n, d, seed):
    X = np.random.default_rng(seed).normal(size=(n, d))
    result = project_pca(X)
    assert np.abs(result.points.mean(axis=0)).max() < 1e-5
    assert result.explained[0] >= result.explained[1] >= 0
    assert result.explained.sum() <= 1 + 1e-12
    full = np.linalg.norm(X[0] - X[1])
    assert np.linalg.norm(result.points[0] - result.points[1]) <= full + 1e-4
    # Order of the features and the place of the cloud change nothing but the sign rule's choice.
    moved = project_pca(X[:, ::-1] + 3)
    np.testing.assert_allclose(np.abs(moved.points), np.abs(result.points), atol=1e-4)


@pytest.mark.parametrize("n", [3, 4, 5, 12])
def test_tsne_takes_few_points(rng, n):
    result = project_tsne(rng.normal(size=(n, 6)))
    assert result.points.shape == (n, 2)
    assert np.isfinite(result.points).all()
    assert result.points.std() > 0.1
    assert result.explained is None
    assert result.parameters["perplexity"] == max(1.0, (n - 1) / 3)


def test_tsne_keeps_neighbours_and_noise_has_none_to_keep(rng):
    X, labels = three_groups(rng)
    result = project_tsne(X)
    assert neighbour_share(result.points, labels) == 1.0
    assert result.parameters["perplexity"] == pytest.approx(59 / 3)
    assert neighbour_share(project_tsne(rng.normal(size=X.shape)).points, labels) < 0.7


def test_tsne_takes_equal_points_and_one_feature(rng):
    twins = np.repeat(rng.normal(size=(5, 3)), 3, axis=0)
    assert np.isfinite(project_tsne(twins).points).all()
    assert np.isfinite(project_tsne(np.ones((6, 2))).points).all()
    assert project_tsne(np.arange(9.0)[:, None], n_components=1).points.shape == (9, 1)


def test_tsne_of_many_takes_a_sample_and_says_which(rng):
    X, labels = three_groups(rng)
    result = project_tsne(X, sample_size=30, seed=4)
    assert result.points.shape == (30, 2)
    assert (np.diff(result.rows) > 0).all()
    assert result.rows[0] >= 0
    assert result.rows[-1] < 60
    assert neighbour_share(result.points, labels[result.rows]) == 1.0
    assert project_tsne(X, sample_size=30, seed=5).rows.tolist() != result.rows.tolist()
    np.testing.assert_array_equal(project_tsne(X[result.rows], seed=4).points, result.points)


@pytest.mark.parametrize(("name", "shape"), [("pca", (700, 300)), ("tsne", (150, 40))])
def test_the_same_bytes_whatever_the_threads(rng, name, shape):
    # At the first shape OpenBLAS gives other last digits with four threads than with one, unless it is held to one.
    X, results = rng.normal(size=shape), []
    for threads in (1, 4):
        with threadpool_limits(threads):
            result = PROJECTIONS[name](X, seed=3)
        results.append((result.points.tobytes(), None if result.explained is None else result.explained.tobytes()))
    assert results[0] == results[1]


def test_another_seed_is_another_tsne(rng):
    X = rng.normal(size=(30, 5))
    assert project_tsne(X, seed=1).points.tobytes() != project_tsne(X, seed=2).points.tobytes()


@pytest.mark.parametrize("name", ["pca", "tsne", "umap"])
def test_what_cannot_be_projected_is_refused_in_one_line(name):
    project, X = PROJECTIONS[name], np.ones((5, 4))
    X[2, 1] = np.nan
    X[4, 0] = np.inf
    with pytest.raises(ParameterError, match=r"^2 of 5 vectors are not finite \(first: row 2\): leave them out$"):
        project(X)
    with pytest.raises(ParameterError, match=r"^a projection needs at least 3 vectors, not 2: add tracks$"):
        project(np.ones((2, 4)))
    with pytest.raises(ParameterError, match=r"^a projection needs a table of vectors, not an array of shape \(4,\)$"):
        project(np.ones(4))
    with pytest.raises(ParameterError, match=r"^n_components is 0; it must be at least 1$"):
        project(np.ones((5, 4)), n_components=0)


def test_parameters_out_of_range_are_refused():
    X = np.ones((5, 2))
    with pytest.raises(ParameterError, match="n_components is 3, but 5 vectors of 2 values have no more than 2"):
        project_pca(X, n_components=3)
    with pytest.raises(ParameterError, match="n_components is 3, but t-SNE draws in 1 or 2; take pca or umap for more"):
        project_tsne(X, n_components=3)
    with pytest.raises(ParameterError, match="perplexity is 5; it must be at least 1 and below the 5 points"):
        project_tsne(X, perplexity=5)
    with pytest.raises(ParameterError, match="sample_size is 2; it must be at least 3"):
        project_tsne(X, sample_size=2)
    with pytest.raises(ParameterError, match="n_neighbors is 1; it must be at least 2"):
        project_umap(X, n_neighbors=1)
    with pytest.raises(ParameterError, match="min_dist is 2; it must be from 0 to 1"):
        project_umap(X, min_dist=2)


def test_heavy_libraries_wait_until_they_are_needed():
    code = (
        "import sys, songnet.clustering.projection as projection, numpy as np; projection.project_pca(np.eye(3)); "
        "print([name for name in ('umap', 'openTSNE', 'tensorflow') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_umap_keeps_neighbours_repeats_and_leaves_tensorflow_alone(rng, tmp_path):
    X, labels = three_groups(rng)
    result = project_umap(X, seed=1)
    assert neighbour_share(result.points, labels) == 1.0
    assert (result.method, result.points.dtype, result.explained) == ("umap", np.float32, None)
    assert project_umap(X, n_components=3).points.shape == (60, 3)
    for few in (3, 5):
        assert np.isfinite(project_umap(X[:few]).points).all()
    assert np.isfinite(project_umap(np.ones((6, 2))).points).all()
    assert project_umap(X, sample_size=30).rows.shape == (30,)
    np.save(tmp_path / "X.npy", X)
    code = (
        "import hashlib, sys, numpy as np; from songnet.clustering.projection import project_umap; "
        f"points = project_umap(np.load({str(tmp_path / 'X.npy')!r}), seed=1).points; "
        "print(hashlib.sha256(points.tobytes()).hexdigest(), 'tensorflow' in sys.modules)"
    )
    for threads in ("1", "4"):
        environment = {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert ran.stderr == ""
        assert ran.stdout == f"{hashlib.sha256(result.points.tobytes()).hexdigest()} False\n"
