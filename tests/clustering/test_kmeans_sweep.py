"""K-means for all k at once: as good as scikit-learn's, the same on any number of threads, and open to Ctrl-C."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_info, threadpool_limits

from songnet.clustering.blocks import ONE_THREAD_BLAS, TaskPool, check_distinct, find_frame
from songnet.clustering.kmeans import assign, sweep_kmeans
from songnet.clustering.kmeanspp import merged_starts, seed_chains
from songnet.errors import ParameterError

DIGEST = """
import hashlib, sys
import numpy as np
from songnet.clustering.kmeans import sweep_kmeans
X = np.random.default_rng(5).standard_t(3, (6000, 12)).astype(np.float32)
summed = hashlib.sha256()
for fit in sweep_kmeans(X, [2, 5, 9], seed=1, sample_size=2500, n_threads=int(sys.argv[1]) or None):
    summed.update(fit.labels.tobytes() + fit.centers.tobytes() + repr((fit.inertia, fit.distortion)).encode())
print(summed.hexdigest())
"""


def planted(rng: np.random.Generator, n: int, k: int, d: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    # Corners of a lattice, so that no two centres come close.
    labels = rng.integers(k, size=n)
    centers = distance * (np.arange(k)[:, None] // 3 ** np.arange(d) % 3).astype(np.float64)
    return (centers[labels] + rng.standard_normal((n, d))).astype(np.float32), labels


def noise(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.standard_normal((n, d)).astype(np.float32)


def heavy(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.standard_t(2.5, (n, d)).astype(np.float32)


def decaying(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    spectrum = 1 / np.arange(1, d + 1)
    centers = rng.standard_normal((30, d)) * spectrum * 2
    return (centers[rng.integers(30, size=n)] + rng.standard_normal((n, d)) * spectrum).astype(np.float32)


def by_hand(X: np.ndarray, centers: np.ndarray) -> np.ndarray:
    squared: np.ndarray = ((X[:, None].astype(np.float64) - centers[None]) ** 2).sum(axis=2)
    return squared


@pytest.mark.parametrize("make", [noise, heavy, decaying])
def test_no_k_is_worse_than_scikit_learn(make, rng: np.random.Generator) -> None:
    X = make(rng, 2500, 10)
    for fit in sweep_kmeans(X, [2, 3, 5, 8, 12, 20]):
        with threadpool_limits(1):
            theirs = KMeans(fit.n_clusters, n_init=3, random_state=0).fit(X).inertia_
        assert fit.inertia < 1.005 * theirs


def test_a_sample_serves_all_rows(rng: np.random.Generator) -> None:
    X = decaying(rng, 12_000, 16)
    fits = sweep_kmeans(X, [2, 6, 15], sample_size=3000)
    whole = sweep_kmeans(X, [2, 6, 15], sample_size=12_000)
    for fit, full in zip(fits, whole, strict=True):
        assert fit.inertia < 1.005 * full.inertia
        assert len(fit.labels) == 12_000
    (hasty,) = sweep_kmeans(X, [15], sample_size=3000, max_iter=2, tol=0.0)
    assert (hasty.n_iter, hasty.converged) == (2, False)


def test_planted_blobs_are_found_at_every_seed(rng: np.random.Generator) -> None:
    X, truth = planted(rng, 2000, 12, 8, 8.0)
    for seed in range(5):
        (fit,) = sweep_kmeans(X, [12], seed=seed, n_init=1)
        assert adjusted_rand_score(truth, fit.labels) > 0.99


def test_what_is_reported_follows_from_labels_and_centres(rng: np.random.Generator) -> None:
    X = heavy(rng, 700, 5)
    for fit in sweep_kmeans(X, [1, 4, 9]):
        squared = by_hand(X, fit.centers)
        nearest = squared.min(axis=1)
        assert fit.labels.dtype == np.int32
        assert fit.centers.dtype == np.float32
        np.testing.assert_array_equal(np.unique(fit.labels), np.arange(fit.n_clusters))
        # Of nearly equal distances rounding may choose either.
        np.testing.assert_allclose(squared[np.arange(700), fit.labels], nearest, rtol=1e-5, atol=1e-5)
        assert fit.inertia == pytest.approx(nearest.sum(), rel=1e-5)
        assert fit.distortion == pytest.approx(np.sqrt(nearest).mean(), rel=1e-5)
    (one,) = sweep_kmeans(X, [1])
    np.testing.assert_allclose(one.centers[0], X.mean(axis=0), atol=1e-5)


def test_converged_centres_are_the_means_of_their_rows(rng: np.random.Generator) -> None:
    X = noise(rng, 300, 4)
    (fit,) = sweep_kmeans(X, [5], tol=0.0, max_iter=300)
    assert fit.converged
    means = np.stack([X[fit.labels == j].mean(axis=0, dtype=np.float64) for j in range(5)])
    np.testing.assert_allclose(fit.centers, means, atol=1e-5)


def test_one_pass_is_not_called_converged(rng: np.random.Generator) -> None:
    X = noise(rng, 5000, 16)
    (fit,) = sweep_kmeans(X, [15], max_iter=1, tol=0.0)
    assert (fit.n_iter, fit.converged) == (1, False)


def test_results_come_in_the_order_asked_and_do_not_depend_on_the_company(rng: np.random.Generator) -> None:
    X, _ = planted(rng, 800, 7, 6, 3.0)
    together = sweep_kmeans(X, [9, 3, 6], seed=4)
    assert [fit.n_clusters for fit in together] == [9, 3, 6]
    for fit in together:
        (alone,) = sweep_kmeans(X, [fit.n_clusters], seed=4)
        assert adjusted_rand_score(alone.labels, fit.labels) == 1
        assert alone.inertia == pytest.approx(fit.inertia, rel=1e-5)


def test_threads_make_no_difference_to_the_last_bit(rng: np.random.Generator) -> None:
    X = heavy(rng, 9000, 8)
    first = sweep_kmeans(X, [2, 7, 12], sample_size=3000, n_threads=1)
    for n_threads in (2, 4):
        for one, other in zip(first, sweep_kmeans(X, [2, 7, 12], sample_size=3000, n_threads=n_threads), strict=True):
            assert one.labels.tobytes() == other.labels.tobytes()
            assert one.centers.tobytes() == other.centers.tobytes()
            assert (one.inertia, one.distortion, one.n_iter) == (other.inertia, other.distortion, other.n_iter)
    labels, squared = assign(X, first[2].centers, n_threads=1)
    for n_threads in (2, 4):
        again = assign(X, first[2].centers, n_threads=n_threads)
        assert (labels.tobytes(), squared.tobytes()) == (again[0].tobytes(), again[1].tobytes())


def test_the_environment_makes_no_difference_to_the_last_bit() -> None:
    digests = set()
    for n_threads, blas, hash_seed in (("1", "1", "1"), ("4", "2", "2"), ("0", "4", "3")):
        environment = {"OMP_NUM_THREADS": blas, "OPENBLAS_NUM_THREADS": blas, "PYTHONHASHSEED": hash_seed}
        answer = subprocess.run(
            [sys.executable, "-c", DIGEST, n_threads],
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
            text=True,
        )
        digests.add(answer.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == hashlib.sha256().digest_size * 2


def test_another_seed_begins_elsewhere(rng: np.random.Generator) -> None:
    X = noise(rng, 400, 6)
    one, same, other = (sweep_kmeans(X, [10], seed=seed)[0] for seed in (0, 0, 1))
    assert one.labels.tobytes() == same.labels.tobytes()
    assert one.labels.tobytes() != other.labels.tobytes()


def test_rows_far_from_the_origin_keep_their_clusters(rng: np.random.Generator) -> None:
    X, truth = planted(rng, 600, 4, 3, 10.0)
    (fit,) = sweep_kmeans(X + np.float32(20_000), [4])
    assert adjusted_rand_score(truth, fit.labels) == 1
    assert fit.inertia == pytest.approx(600 * 3, rel=0.2)


@pytest.mark.parametrize("factor", [1e-28, 1e-12, 1e25])
def test_scale_does_not_matter(factor: float, rng: np.random.Generator) -> None:
    X, truth = planted(rng, 300, 3, 2, 8.0)
    (fit,) = sweep_kmeans(X * np.float32(factor), [3])
    assert adjusted_rand_score(truth, fit.labels) == 1
    assert fit.distortion == pytest.approx(sweep_kmeans(X, [3])[0].distortion * factor, rel=1e-4)


def test_tight_clusters_have_exact_distances(rng: np.random.Generator) -> None:
    centers = rng.standard_normal((5, 8)) * 100
    truth = rng.integers(5, size=500)
    X = (centers[truth] + 1e-3 * rng.standard_normal((500, 8))).astype(np.float32)
    (fit,) = sweep_kmeans(X, [5])
    means = np.stack([X[fit.labels == j].mean(axis=0, dtype=np.float64) for j in range(5)])
    assert fit.inertia == pytest.approx(((X - means[fit.labels]) ** 2).sum(), rel=0.02)


def test_as_many_clusters_as_rows_leave_nothing_over() -> None:
    X = np.arange(12, dtype=np.float32).reshape(-1, 1) ** 2
    (fit,) = sweep_kmeans(X, [12])
    assert sorted(fit.labels.tolist()) == list(range(12))
    assert fit.inertia == pytest.approx(0, abs=1e-3)


def test_duplicates_do_not_leave_clusters_empty(rng: np.random.Generator) -> None:
    X = np.repeat(rng.standard_normal((6, 3)).astype(np.float32), [500, 1, 1, 1, 1, 1], axis=0)
    for fit in sweep_kmeans(X, [2, 3, 4, 5, 6]):
        assert len(np.unique(fit.labels)) == fit.n_clusters
    assert fit.inertia == pytest.approx(0, abs=1e-6)


def test_rows_that_the_sample_missed_get_their_clusters() -> None:
    # The sample is all zeros but for luck: the three other rows are found among all rows.
    X = np.zeros((5000, 2), dtype=np.float32)
    X[[17, 1700, 4321]] = [[1, 0], [0, 5], [9, 9]]
    (fit,) = sweep_kmeans(X, [4], sample_size=10)
    assert sorted(np.bincount(fit.labels).tolist()) == [1, 1, 1, 4997]
    assert fit.inertia == pytest.approx(0, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 60),
    d=st.integers(1, 5),
    k=st.integers(1, 8),
    seed=st.integers(0, 10**6),
    levels=st.integers(1, 50),
)
def test_every_cluster_has_rows_or_the_error_says_why(n: int, d: int, k: int, seed: int, levels: int) -> None:
    X = np.random.default_rng(seed).integers(0, levels, (n, d)).astype(np.float32)
    n_distinct = len(np.unique(X, axis=0))
    if n_distinct < k:
        with pytest.raises(ParameterError, match=f"{k} clusters need as many"):
            sweep_kmeans(X, [k], n_threads=1)
        return
    (fit,) = sweep_kmeans(X, [k], seed=seed, n_threads=1)
    assert len(np.unique(fit.labels)) == k
    assert fit.inertia <= by_hand(X, X.mean(axis=0, keepdims=True)).sum() * (1 + 1e-5) + 1e-4
    labels, squared = assign(X, fit.centers, n_threads=1)
    assert adjusted_rand_score(labels, fit.labels) == 1
    np.testing.assert_allclose(squared, by_hand(X, fit.centers).min(axis=1), rtol=1e-3, atol=1e-3)


def test_assignment_matches_the_definition(rng: np.random.Generator) -> None:
    X, centers = noise(rng, 1500, 7), noise(rng, 11, 7)
    labels, squared = assign(X, centers)
    expected = by_hand(X, centers)
    np.testing.assert_array_equal(labels, expected.argmin(axis=1))
    np.testing.assert_allclose(squared, expected.min(axis=1), rtol=1e-4)
    assert (labels.dtype, squared.dtype) == (np.int32, np.float32)
    tied, _ = assign(X[:5], np.repeat(centers[:1], 3, axis=0))
    assert tied.tolist() == [0] * 5


def test_chains_are_prefixes_of_longer_ones(rng: np.random.Generator) -> None:
    X = noise(rng, 200, 3)
    rows = find_frame(X).extended(X)
    longer = seed_chains(rows, 12, 2, seed=3)
    np.testing.assert_array_equal(seed_chains(rows, 5, 2, seed=3), longer[:, :5])
    assert all(len(set(chain)) == 12 for chain in longer.tolist())
    assert longer[0].tolist() != longer[1].tolist()


def test_merging_joins_what_is_close_and_small() -> None:
    centers = np.array([[0.0], [1.0], [10.0], [13.0], [50.0]], dtype=np.float32)
    starts = merged_starts(centers, np.array([1, 3, 5, 5, 0]), [2, 3, 4, 5])
    assert starts[4].ravel().tolist() == [0, 1, 10, 13]
    assert starts[3].ravel().tolist() == [0.75, 10, 13]
    assert starts[2].ravel().tolist() == [0.75, 11.5]
    assert 5 not in starts


def test_finished_fits_survive_ctrl_c(rng: np.random.Generator) -> None:
    X, _ = planted(rng, 9000, 4, 6, 8.0)
    kept = []

    def stop(fit) -> None:
        kept.append(fit)
        if len(kept) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep_kmeans(X, range(2, 9), sample_size=2000, n_threads=2, on_fit=stop)
    assert len(kept) == 2
    assert all(len(fit.labels) == 9000 for fit in kept)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


def test_an_interrupt_in_a_thread_cancels_what_has_not_begun() -> None:
    begun = []

    def work(start: int, stop: int) -> int:
        begun.append(start)
        time.sleep(0.01)
        if start == 0:
            raise KeyboardInterrupt
        return stop

    with pytest.raises(KeyboardInterrupt), TaskPool(2) as pool:
        list(pool.map(work, 10_000, task_rows=10))
    assert len(begun) < 20


def test_small_data_start_no_thread_and_blas_is_given_back(rng: np.random.Generator) -> None:
    def blas_threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = blas_threads()
    seen = []
    X = noise(rng, 150, 4)
    sweep_kmeans(X, [3], n_threads=4, on_fit=lambda _: seen.extend([threading.active_count(), *blas_threads()]))
    assert seen[0] == threading.active_count()
    assert set(seen[1:]) == {1}
    with ONE_THREAD_BLAS, ONE_THREAD_BLAS:
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_progress_ends_with_all_done(rng: np.random.Generator) -> None:
    told = []
    sweep_kmeans(noise(rng, 100, 3), [2, 3, 4], progress=lambda stage, done, total, note="": told.append((done, total)))
    assert (told[0], told[-1]) == ((0, 3), (3, 3))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def rows_with(value: float, *where: int) -> np.ndarray:
    X = np.ones((30, 2), dtype=np.float32) * np.arange(30, dtype=np.float32)[:, None]
    X[list(where), 1] = value
    return X


@pytest.mark.parametrize(
    ("X", "n_clusters", "message"),
    [
        (rows_with(np.nan, 4, 9), [2], "^2 of 30 rows of X hold NaN or infinite values, the first is row 4: "),
        (rows_with(-np.inf, 29), [2], "^1 of 30 rows of X hold NaN or infinite values, the first is row 29: "),
        (rows_with(1e33, 0), [2], r"^X has values as large as 1e\+33; scale it below 1e\+30$"),
        (np.ones((30, 2)), [2], r"^2 clusters need as many distinct rows, X has 1 \(30 rows in all\): ask for fewer$"),
        (np.eye(3), [2, 4], "^4 clusters need as many rows, X has 3: ask for fewer$"),
        (np.eye(3), [0], "^a number of clusters is 0; it must be a whole number of 1 or more$"),
        (np.eye(3), [2.5], "^a number of clusters is 2.5; it must be a whole number"),
        (np.eye(3), [], "^no number of clusters is given; give at least one$"),
        (np.ones((0, 4)), [1], r"^X is empty \(shape \(0, 4\)\): there is nothing to cluster$"),
        (np.ones((4, 0)), [1], r"^X is empty \(shape \(4, 0\)\)"),
        (np.ones(4), [1], "^X has 1 dimensions; it must have two, rows and columns$"),
        (np.array([["a", "b"]]), [1], "^X is no table of real numbers "),
    ],
)
def test_bad_rows_are_explained_in_one_line(X: np.ndarray, n_clusters: list[int], message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        sweep_kmeans(X, n_clusters)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "bad", [{"n_init": 0}, {"max_iter": 0}, {"tol": -1.0}, {"seed": -1}, {"sample_size": 0}, {"n_threads": 0}]
)
def test_bad_settings_are_explained(bad: dict[str, int]) -> None:
    (name,) = bad
    with pytest.raises(ParameterError, match=f"^{name} is {bad[name]}; it must be"):
        sweep_kmeans(np.eye(5), [2], **bad)


def test_centres_of_other_columns_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"^X has 3 columns, the centres 2: they must be the same$"):
        assign(np.eye(3), np.eye(2))


def test_zeros_of_both_signs_are_one_row() -> None:
    X = np.array([[0.0], [-0.0], [1.0]], dtype=np.float32)
    check_distinct(X, 2)
    with pytest.raises(ParameterError, match="X has 2 "):
        check_distinct(X, 3)
