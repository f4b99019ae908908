"""What holds for every clusterer in the registry, and what is particular to some."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from songnet.clustering.centroids import KMeans, MiniBatchKMeans
from songnet.clustering.density import HDBSCAN
from songnet.clustering.estimators import CLUSTERERS, fit_path, kmeans_bic
from songnet.clustering.kmeans import sweep_kmeans
from songnet.clustering.mixture import DiagonalMixture, FullMixture, TiedMixture
from songnet.errors import ParameterError

CENTERS = 12.0 * np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 0]])


@pytest.fixture
def blobs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.permutation(np.repeat(np.arange(4), [150, 100, 80, 70]))
    return (CENTERS[truth] + rng.standard_normal((400, 4))).astype(np.float32), truth


def make(name: str, n_clusters: int = 4, **settings: int):
    clusterer = CLUSTERERS[name]
    return clusterer(n_clusters, **settings) if clusterer.needs_n_clusters else clusterer(**settings)


def test_every_method_is_here() -> None:
    assert list(CLUSTERERS) == ["kmeans", "minibatch-kmeans", "gmm-diag", "gmm-tied", "gmm-full", "hdbscan"]
    assert {name for name in CLUSTERERS if not CLUSTERERS[name].needs_n_clusters} == {"hdbscan"}


@pytest.mark.parametrize("name", CLUSTERERS)
def test_planted_groups_are_found(name: str, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, truth = blobs
    clusterer = make(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels = clusterer.fit_predict(X)
    assert not caught
    assert labels is clusterer.labels_
    assert labels.dtype == np.int32
    assert labels.shape == (400,)
    assert adjusted_rand_score(truth, labels) > 0.95
    assert clusterer.n_clusters_ == len(np.unique(labels[labels >= 0])) == 4
    assert clusterer.n_features_in_ == 4
    assert clusterer.converged_ is True
    assert clusterer.fit(X) is clusterer


@pytest.mark.parametrize("name", CLUSTERERS)
def test_no_groups_are_found_where_truth_is_shuffled(name: str, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, truth = blobs
    assert abs(adjusted_rand_score(np.roll(truth, 1), make(name).fit_predict(X))) < 0.1


@pytest.mark.parametrize("name", CLUSTERERS)
def test_the_same_seed_gives_the_same_bytes_and_refitting_leaves_nothing(
    name: str, blobs: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    X, _ = blobs
    other = rng.standard_normal((300, 6)).astype(np.float32)
    first = make(name, seed=3).fit(X)
    used = make(name, seed=3).fit(other).fit(X)
    new = rng.uniform(-3, 15, (200, 4)).astype(np.float32)
    assert first.labels_.tobytes() == used.labels_.tobytes()
    assert first.predict(new).tobytes() == used.predict(new).tobytes()


@pytest.mark.parametrize("name", CLUSTERERS)
def test_parameters_are_kept_as_given(name: str, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    clusterer = make(name, seed=5)
    parameters = clusterer.get_params()
    assert parameters["seed"] == 5
    copied = clone(clusterer.fit(blobs[0]))
    assert copied.get_params() == parameters == clusterer.get_params()
    assert not hasattr(copied, "labels_")
    assert copied.set_params(seed=6).get_params() == {**parameters, "seed": 6}
    with pytest.raises(NotFittedError):
        copied.predict(blobs[0])


@pytest.mark.parametrize("name", CLUSTERERS)
def test_new_rows_go_where_their_group_is(name: str, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, truth = blobs
    clusterer = make(name).fit(X)
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)
    expected = [np.bincount(clusterer.labels_[(truth == j) & (clusterer.labels_ >= 0)]).argmax() for j in range(4)]
    found = clusterer.predict((CENTERS + 0.1).astype(np.float32))
    assert found.tolist() == expected
    assert found.dtype == np.int32


@pytest.mark.parametrize("name", CLUSTERERS)
def test_the_order_of_rows_does_not_matter(
    name: str, blobs: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> None:
    X, _ = blobs
    order = rng.permutation(len(X))
    assert adjusted_rand_score(make(name).fit_predict(X)[order], make(name).fit_predict(X[order])) == 1


@pytest.mark.parametrize("name", CLUSTERERS)
def test_place_and_scale_do_not_matter(name: str, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, truth = blobs
    assert adjusted_rand_score(truth, make(name).fit_predict((X + 500) * np.float32(1e-6))) > 0.95


@pytest.mark.parametrize("name", CLUSTERERS)
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.where(np.eye(40) > 0, np.nan, 1.0)[:, :3], "^3 of 40 rows of X hold NaN or infinite values, the first is"),
        (np.full((40, 3), np.inf), "^40 of 40 rows of X hold NaN or infinite values, the first is row 0"),
        (np.ones(40), "^X has 1 dimensions; it must have two"),
        (np.ones((0, 3)), "^X is empty"),
        (np.arange(6.0).reshape(3, 2), "^4 clusters need as many rows, X has 3|^5 rows make a cluster of HDBSCAN"),
    ],
)
def test_bad_rows_are_explained(name: str, X: np.ndarray, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        make(name).fit(X)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CLUSTERERS)
def test_bad_settings_are_explained(name: str, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = blobs
    with pytest.raises(ParameterError, match=r"^seed is -1; it must be 0 or more$"):
        make(name, seed=-1).fit(X)
    if CLUSTERERS[name].needs_n_clusters:
        with pytest.raises(ParameterError, match=r"^a number of clusters is 0; it must be a whole number"):
            make(name, 0).fit(X)
        with pytest.raises(ParameterError, match=r"^2 clusters need as many distinct rows, X has 1"):
            make(name, 2).fit(np.ones((50, 2)))
        with pytest.raises(ParameterError, match="max_iter is 0"):
            CLUSTERERS[name](2, max_iter=0).fit(X)
    with pytest.raises(ParameterError, match="columns"):
        make(name).fit(X).predict(X[:, :3])


@pytest.mark.parametrize("name", CLUSTERERS)
def test_a_path_tells_every_fit_as_it_comes(name: str, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, truth = blobs
    told, steps = [], []
    fits = fit_path(
        name, X, [6, 2, 4], n_init=2, seed=0, on_fit=told.append, progress=lambda *report: steps.append(report[1:3])
    )
    assert sorted(map(id, told)) == sorted(map(id, fits))
    if CLUSTERERS[name].needs_n_clusters:
        assert [fit.n_clusters for fit in fits] == [6, 2, 4]
        assert {fit.n_clusters: fit.bic for fit in fits}[4] == min(fit.bic for fit in fits)
        assert [fit.n_clusters for fit in sorted(fits, key=lambda fit: -fit.inertia)] == [2, 4, 6]
    else:
        assert [(fit.n_clusters, fit.bic) for fit in fits] == [(4, None)]
    assert steps[-1] == (len(fits), len(fits))
    (four,) = [fit for fit in fits if fit.n_clusters == 4]
    assert adjusted_rand_score(truth, four.labels) > 0.95
    assert adjusted_rand_score(four.labels, four.predict(X)) == 1
    clear = four.labels >= 0
    means = np.stack([X[four.labels == j].mean(axis=0, dtype=np.float64) for j in range(4)])
    squared = ((X[clear] - means[four.labels[clear]]) ** 2).sum(axis=1)
    assert four.inertia == pytest.approx(squared.sum(), rel=1e-3)
    assert four.distortion == pytest.approx(np.sqrt(squared).mean(), rel=1e-3)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ParameterError, match=r"^unknown clustering method 'dbscan'; choose one of: gmm-diag, "):
        fit_path("dbscan", np.eye(3), [2], n_init=1, seed=0)


def test_a_path_that_breaks_off_has_told_what_was_finished(rng: np.random.Generator) -> None:
    told = []
    X = np.repeat([[0.0], [50.0]], 10, axis=0) + rng.standard_normal((20, 3))
    with pytest.raises(ParameterError, match=r"^a full mixture of 6 components in 3 columns needs 24 rows"):
        fit_path("gmm-full", X, [2, 6], n_init=1, seed=0, on_fit=told.append)
    assert [fit.n_clusters for fit in told] == [2]
    skipped = {}
    fits = fit_path("gmm-full", X, [6, 2], n_init=1, seed=0, on_skip=skipped.__setitem__)
    assert [fit.n_clusters for fit in fits] == [2]
    assert list(skipped) == [6]
    assert skipped[6].startswith("a full mixture of 6 components in 3 columns needs 24 rows or more and has 20: ")


def test_the_clusterer_is_the_sweep(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = blobs
    fitted = KMeans(4, seed=2).fit(X)
    (swept,) = sweep_kmeans(X, [4], seed=2)
    assert fitted.labels_.tobytes() == swept.labels.tobytes()
    assert fitted.cluster_centers_.tobytes() == swept.centers.tobytes()
    assert (fitted.inertia_, fitted.distortion_, fitted.n_iter_) == (swept.inertia, swept.distortion, swept.n_iter)
    (path,) = fit_path("kmeans", X, [4], n_init=3, seed=2)
    assert path.bic == pytest.approx(fitted.bic(X), rel=1e-6)


def test_small_batches_lose_little(rng: np.random.Generator) -> None:
    X = rng.standard_t(4, (6000, 5)).astype(np.float32)
    batches, whole = MiniBatchKMeans(6).fit(X), KMeans(6).fit(X)
    assert whole.inertia_ < batches.inertia_ < 1.1 * whole.inertia_
    assert batches.distortion_ == pytest.approx(
        np.linalg.norm(X - batches.cluster_centers_[batches.labels_], axis=1).mean(), rel=1e-4
    )


def test_bic_of_kmeans_by_hand() -> None:
    # Two clusters of 2 and 3 rows in one column, inertia 6: variance 6 / (1 * 3) = 2.
    likelihood = 2 * np.log(2 / 5) + 3 * np.log(3 / 5) - 2.5 * np.log(2 * np.pi * 2) - 1.5
    assert kmeans_bic(6.0, np.array([2, 3]), 1) == pytest.approx(4 * np.log(5) - 2 * likelihood)
    assert kmeans_bic(6.0, np.array([2, 0, 3]), 1) == kmeans_bic(6.0, np.array([2, 3]), 1)
    assert kmeans_bic(0.0, np.array([2, 3]), 1) is None
    assert kmeans_bic(1.0, np.array([1, 1]), 1) is None


def test_bic_prefers_one_cluster_for_one_gaussian(rng: np.random.Generator) -> None:
    X = rng.standard_normal((2000, 3)).astype(np.float32)
    for name in ("kmeans", "gmm-diag", "gmm-tied", "gmm-full"):
        fits = fit_path(name, X, [1, 2, 3, 5], n_init=2, seed=0)
        assert min(fits, key=lambda fit: fit.bic).n_clusters == 1


@pytest.mark.parametrize("mixture", [DiagonalMixture, TiedMixture, FullMixture])
def test_mixtures_agree_with_scikit_learn(mixture: type, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = blobs
    ours = mixture(4, tol=1e-6).fit(X)
    theirs = GaussianMixture(4, covariance_type=mixture.covariance_type, tol=1e-6, random_state=0, n_init=3).fit(X)
    assert ours.bic(X) == pytest.approx(theirs.bic(X), rel=1e-4)
    order, other = np.argsort(ours.weights_), np.argsort(theirs.weights_)
    np.testing.assert_allclose(ours.weights_[order], theirs.weights_[other], atol=1e-4)
    np.testing.assert_allclose(ours.means_[order], theirs.means_[other], atol=1e-2)
    assert mixture.n_parameters(4, 4) == theirs._n_parameters()
    if mixture is not TiedMixture:
        np.testing.assert_allclose(ours.covariances_[order], theirs.covariances_[other], atol=1e-2)


def test_a_mixture_that_runs_out_of_passes_says_so_without_a_warning(rng: np.random.Generator) -> None:
    X = rng.standard_normal((800, 4)).astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert FullMixture(5, max_iter=2, tol=1e-9).fit(X).converged_ is False
    assert not caught


@pytest.mark.parametrize("mixture", [DiagonalMixture, FullMixture])
def test_a_collapse_is_explained(mixture: type, rng: np.random.Generator) -> None:
    X = np.concatenate([rng.standard_normal((300, 2)), np.full((30, 2), 9.0)]).astype(np.float32)
    with pytest.raises(ParameterError, match=r"variance has shrunk to nothing .*: use fewer clusters"):
        mixture(2).fit(X)


def test_a_component_of_one_row_is_explained(rng: np.random.Generator) -> None:
    X = np.concatenate([rng.standard_normal((300, 2)), [[500.0, 500.0]]]).astype(np.float32)
    with pytest.raises(ParameterError, match=r"^a component holds 1.00 rows, fewer than 2, in a diag mixture of 2"):
        DiagonalMixture(2).fit(X)


def test_too_few_rows_for_the_covariances_are_explained() -> None:
    with pytest.raises(
        ParameterError,
        match=r"^a full mixture of 6 components in 10 columns needs 66 rows or more and has 60: "
        r"use fewer clusters, fewer columns, or gmm-tied or gmm-diag$",
    ):
        FullMixture(6).fit(np.random.default_rng(0).standard_normal((60, 10)))


def test_a_number_that_cannot_be_fitted_is_skipped_when_asked() -> None:
    X = np.random.default_rng(0).standard_normal((60, 10))
    skipped: dict[int, str] = {}
    fits = fit_path("gmm-full", X, [1, 6], n_init=1, seed=0, on_skip=skipped.__setitem__)
    assert [fit.n_clusters for fit in fits] == [1]
    assert list(skipped) == [6]
    assert skipped[6].startswith("a full mixture of 6 components in 10 columns needs 66 rows")
    with pytest.raises(ParameterError, match="needs 66 rows"):
        fit_path("gmm-full", X, [1, 6], n_init=1, seed=0)


def test_a_large_mixture_is_fitted_on_a_sample(
    blobs: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, truth = blobs
    whole = TiedMixture(4).fit(X)
    monkeypatch.setattr("songnet.clustering.mixture.SAMPLE_ROWS", 150)
    sampled = TiedMixture(4).fit(X)
    assert len(sampled.labels_) == 400
    assert adjusted_rand_score(truth, sampled.labels_) > 0.95
    assert not np.allclose(np.sort(whole.weights_), np.sort(sampled.weights_), atol=1e-6)


def test_hdbscan_calls_far_rows_noise(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = blobs
    far = np.array([[50, 0, 0, 0], [0, -60, 0, 0], [0, 0, 70, 0], [0, 0, 0, -80]], dtype=np.float32)
    fitted = HDBSCAN().fit(np.concatenate([X, far]))
    assert (fitted.labels_[400:] == -1).all()
    assert (fitted.labels_[:400] == -1).mean() < 0.2
    assert fitted.predict(far + 1).tolist() == [-1] * 4
    # Nearest to a row of a cluster, but farther from it than any row of the cluster is from its neighbours.
    assert HDBSCAN().fit(X).predict(np.full((1, 4), -30.0)).tolist() == [-1]


def test_hdbscan_may_find_nothing(rng: np.random.Generator) -> None:
    X = rng.uniform(size=(60, 8)).astype(np.float32)
    fitted = HDBSCAN(min_cluster_size=25).fit(X)
    assert fitted.n_clusters_ == 0
    assert set(fitted.labels_.tolist()) == set(fitted.predict(X).tolist()) == {-1}
    (fit,) = fit_path("hdbscan", X[:20], [2, 3], n_init=1, seed=0)
    assert fit.n_clusters == len(np.unique(fit.labels[fit.labels >= 0]))


def test_the_smallest_cluster_grows_with_the_rows(rng: np.random.Generator) -> None:
    group = rng.standard_normal((12, 3)) * 0.1 + 20
    few = np.concatenate([rng.standard_normal((150, 3)), rng.standard_normal((150, 3)) + 40, group])
    many = np.concatenate([rng.standard_normal((1000, 3)), rng.standard_normal((1000, 3)) + 40, group])
    assert HDBSCAN().fit(few).n_clusters_ == 3
    assert HDBSCAN().fit(many).n_clusters_ == 2
    with pytest.raises(ParameterError, match=r"^min_cluster_size is 1, min_samples 5; they must be 2 and 1 or more$"):
        HDBSCAN(min_cluster_size=1).fit(few)


def test_a_large_hdbscan_is_fitted_on_a_sample(
    blobs: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, truth = blobs
    monkeypatch.setattr("songnet.clustering.density.SAMPLE_ROWS", 200)
    labels = HDBSCAN().fit_predict(X)
    clear = labels >= 0
    assert clear.mean() > 0.8
    assert adjusted_rand_score(truth[clear], labels[clear]) > 0.95
