"""The sweep as a whole: planted clusters are found, noise is called noise, an interrupted sweep goes on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from songnet.clustering.sweep import SweepReport, sweep
from songnet.config import ClusterConfig
from songnet.errors import ParameterError

# Points as they are: whitening is tested on its own.
RAW = ClusterConfig(k="2..8", n_components=0, n_init=3, resamples=5)


def planted(
    seed: int, n_clusters: int = 4, n: int = 160, d: int = 6, spread: float = 5.0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % n_clusters
    centres = spread * rng.standard_normal((n_clusters, d))
    return centres[truth] + rng.standard_normal((n, d)), truth


@pytest.fixture(scope="module")
def found() -> tuple[SweepReport, np.ndarray]:
    features, truth = planted(0)
    return sweep(features, RAW, artists=np.arange(160) // 8), truth


def test_planted_clusters_are_found_at_the_right_k(found: tuple[SweepReport, np.ndarray]) -> None:
    report, truth = found
    assert report.verdict.structured is True
    assert report.verdict.p_value == 0.01
    assert report.verdict.n_clusters == 4
    assert adjusted_rand_score(truth, report.labels[4]) == 1.0
    assert [test.model for test in report.tests] == ["gaussian", "shuffled"]


def test_every_criterion_votes_for_planted_clusters(found: tuple[SweepReport, np.ndarray]) -> None:
    votes = found[0].verdict.votes
    for name in ("elbow of inertia", "elbow of distortion", "silhouette", "bic", "break of the gap", "gap"):
        assert votes[name] == 4, name
    for name in ("stability, halves", "stability, seeds", "stability, artists"):
        assert votes[name] in (2, 3, 4), name


def test_rows_hold_what_the_labels_say(found: tuple[SweepReport, np.ndarray]) -> None:
    report, _ = found
    assert [row.n_clusters for row in report.rows] == list(range(2, 9))
    for row in report.rows:
        labels = report.labels[row.n_clusters]
        means = np.stack([report.points[labels == label].mean(axis=0) for label in range(row.n_clusters)])
        distances = np.linalg.norm(report.points - means[labels], axis=1)
        assert row.inertia == pytest.approx((distances**2).sum(), rel=1e-4)
        assert row.distortion == pytest.approx(distances.mean(), rel=1e-3)
        assert row.silhouette == pytest.approx(silhouette_score(report.points, labels), abs=1e-5)
        assert row.silhouette_squared == pytest.approx(
            silhouette_score(report.points, labels, metric="sqeuclidean"), abs=1e-5
        )
        assert row.silhouette_low < row.silhouette < row.silhouette_high
        assert row.sizes == tuple(sorted(np.bincount(labels), reverse=True))
        assert set(row.stability) == {"halves", "seeds", "artists"}
    assert report.rows[2].stability["halves"].mean > 0.95
    assert report.rows[2].stability["artists"].mean > 0.95
    assert report.rows[2].null_high < report.rows[2].silhouette


@pytest.mark.parametrize("seed", range(3))
def test_gaussian_noise_has_no_structure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stretched = rng.standard_normal((150, 10)) * np.geomspace(3, 0.3, 10)
    report = sweep(stretched, ClusterConfig(k="2..8", n_components=8, n_init=3, resamples=0))
    assert report.verdict.structured is False
    assert report.verdict.p_value > 0.01
    assert report.rows[0].stability == {}


def test_shuffled_columns_of_structured_data_have_no_structure() -> None:
    features, _ = planted(1, d=12)
    config = ClusterConfig(k="2..8", n_components=8, n_init=3, resamples=0)
    assert sweep(features, config).verdict.structured is True
    shuffled = np.random.default_rng(0).permuted(features, axis=0)
    assert sweep(shuffled, config).verdict.structured is False


def test_skewed_columns_alone_are_no_structure() -> None:
    # Beside a Gaussian of the same covariance these look clustered; with their columns shuffled they look the same.
    skewed = np.random.default_rng(0).exponential(size=(300, 2))
    report = sweep(skewed, ClusterConfig(k="2..8", n_components=0, n_init=3, resamples=0))
    by_model = {test.model: test.p_value for test in report.tests}
    assert by_model["gaussian"] <= 0.01 < by_model["shuffled"]
    assert (report.verdict.structured, report.verdict.explained_by) == (False, "columns")


def test_groups_along_one_column_alone_are_told_as_that() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((100, 5))
    features[::2, 0] += 12
    verdict = sweep(features, ClusterConfig(k="2..5", n_components=0, n_init=3, resamples=0)).verdict
    assert (verdict.structured, verdict.explained_by, verdict.n_clusters) == (False, "columns", 2)


def test_the_largest_number_tried_can_be_the_right_one() -> None:
    features, truth = planted(5, n_clusters=6, n=180, d=8)
    report = sweep(features, ClusterConfig(k="2..6", n_components=0, n_init=3, resamples=0))
    assert report.verdict.n_clusters == 6
    assert adjusted_rand_score(truth, report.labels[6]) == 1.0
    assert report.notes[-1] == "6 is the largest number tried: there may be more clusters, raise --k"


def test_numbers_that_begin_late_break_nowhere_by_themselves() -> None:
    features, _ = planted(0)
    report = sweep(features, ClusterConfig(k="6,8,10", n_components=0, n_init=3, resamples=0))
    # Four clusters: whatever is chosen, it is not because another cluster gains much less from six on.
    assert report.verdict.votes["break of the gap"] is None


def test_clusters_inside_clusters_are_told_by_their_sharpest_level() -> None:
    rng = np.random.default_rng(0)
    outer = 30 * rng.standard_normal((3, 6))
    inner = outer[:, None] + 5 * rng.standard_normal((3, 4, 6))
    truth = np.repeat(np.arange(12), 15)
    features = inner.reshape(12, 6)[truth] + 0.5 * rng.standard_normal((180, 6))
    report = sweep(features, ClusterConfig(k="2..15", n_components=0, n_init=5, resamples=0))
    assert report.verdict.n_clusters in (3, 12)
    for k, wanted in ((3, truth // 4), (12, truth)):
        assert adjusted_rand_score(wanted, report.labels[k]) == 1.0


@pytest.mark.slow
def test_p_values_of_noise_are_not_small_too_often() -> None:
    config = ClusterConfig(k="2..5", n_components=0, n_init=1, resamples=0)
    p_values = [
        sweep(np.random.default_rng(seed).standard_normal((40, 4)), config, seed=seed).tests[0].p_value
        for seed in range(40)
    ]
    # With 40 honest p-values, 8 or more below .1 happen once in 23 times, 11 or more once in 1,000.
    assert sum(p <= 0.1 for p in p_values) <= 10
    assert np.mean(p_values) > 0.3


class KeptParts:
    """Parts in memory; interrupts when it has kept so many."""

    def __init__(self, limit: int | None = None) -> None:
        self.parts: dict[str, Any] = {}
        self.limit = limit

    def load(self) -> Mapping[str, Any]:
        return self.parts

    def save(self, part: str, value: Any) -> None:
        if self.limit is not None and len(self.parts) >= self.limit:
            raise KeyboardInterrupt
        self.parts[part] = value


def as_numbers(report: SweepReport) -> tuple[Any, ...]:
    return report.rows, report.tests, {k: labels.tolist() for k, labels in report.labels.items()}


@pytest.mark.parametrize("limit", [2, 205])
def test_an_interrupted_sweep_goes_on_and_ends_the_same(limit: int) -> None:
    features, _ = planted(2, n=60)
    config = ClusterConfig(k="2..5", n_components=4, n_init=1, resamples=4)
    whole = sweep(features, config)
    parts = KeptParts(limit)
    with pytest.raises(KeyboardInterrupt):
        sweep(features, config, parts=parts)
    assert len(parts.parts) == limit
    parts.limit = None
    before = set(parts.parts)  # with 2 parts, some k are fitted and some are not
    fits: list[int] = []
    resumed = sweep(features, config, parts=parts, on_fit=lambda fit: fits.append(fit.n_clusters))
    assert as_numbers(resumed) == as_numbers(whole)
    assert sorted(fits) == [2, 3, 4, 5]
    assert before < set(parts.parts)


def test_the_number_of_threads_changes_nothing() -> None:
    features, _ = planted(3, n=80)
    config = ClusterConfig(k="2..6", n_components=4, n_init=2, resamples=3)
    assert as_numbers(sweep(features, config, n_threads=1)) == as_numbers(sweep(features, config, n_threads=3))


def test_another_seed_is_another_draw() -> None:
    features, _ = planted(3, n=80)
    config = ClusterConfig(k="3", n_components=4, n_init=2, resamples=3)
    first, second = sweep(features, config, seed=0), sweep(features, config, seed=1)
    assert first.rows[0].null_mean != second.rows[0].null_mean


def test_numbers_that_the_tracks_do_not_allow_are_left_out_and_said() -> None:
    features, _ = planted(0, n=6, n_clusters=2)
    report = sweep(features, ClusterConfig(k="2..20", n_components=0, resamples=0))
    assert [row.n_clusters for row in report.rows] == [2, 3, 4, 5]
    assert report.notes == ("k from 6 on was left out: there are only 6 different tracks",)
    with pytest.raises(ParameterError, match="9 clusters cannot be made of 6 different tracks"):
        sweep(features, ClusterConfig(k="9", n_components=0))


def test_copies_count_once() -> None:
    features = np.repeat(np.eye(4), 5, axis=0)
    report = sweep(features, ClusterConfig(k="2..9", n_components=0, nulls=0, resamples=0))
    assert report.rows[-1].n_clusters == 3


@pytest.mark.parametrize("method", ["gmm-diag", "minibatch-kmeans", "hdbscan"])
def test_other_methods_sweep_too(method: str) -> None:
    features, truth = planted(0, n=120, n_clusters=3, spread=8.0)
    config = ClusterConfig(k="2..4", method=method, n_components=0, n_init=1, nulls=0, resamples=3)
    report = sweep(features, config)
    assert report.verdict.n_clusters == 3
    assert adjusted_rand_score(truth, report.labels[3]) > 0.95
    assert report.verdict.structured is None
    row = next(row for row in report.rows if row.n_clusters == 3)
    assert (row.bic is None) == (method == "hdbscan" or ("kmeans" in method and row.bic is None))
    assert "seeds" in row.stability


def test_a_mixture_leaves_out_what_cannot_be_fitted_and_says_so() -> None:
    features, truth = planted(0, n=45, n_clusters=3, d=4, spread=8.0)
    report = sweep(features, ClusterConfig(k="2..12", method="gmm-full", n_components=0, n_init=1, resamples=2))
    assert report.verdict.n_clusters == 3
    assert report.verdict.structured is True
    assert adjusted_rand_score(truth, report.labels[3]) == 1.0
    assert any(
        note.startswith(
            "k = 10 was left out: a full mixture of 10 components in 4 columns needs 50 rows or more and has 45"
        )
        for note in report.notes
    )
    assert 10 not in report.labels
    with pytest.raises(ParameterError, match="needs 50 rows or more"):
        sweep(features, ClusterConfig(k="10", method="gmm-full", n_components=0))


def test_density_finds_planted_clusters_and_calls_noise_noise() -> None:
    features, truth = planted(0, n=120, n_clusters=3, spread=8.0)
    report = sweep(features, ClusterConfig(method="hdbscan", n_components=0, resamples=0))
    assert (report.verdict.structured, report.verdict.n_clusters) == (True, 3)
    assert adjusted_rand_score(truth, report.labels[3]) > 0.95
    assert report.rows[0].gap is None
    noise = np.random.default_rng(1).standard_normal((120, 4))
    assert sweep(noise, ClusterConfig(method="hdbscan", n_components=0, resamples=0)).verdict.structured is False


def test_density_keeps_its_stability_when_a_sample_finds_another_number() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(6), [120, 60, 40, 30, 20, 10])
    features = 9 * rng.standard_normal((6, 5))[truth] + rng.standard_normal((280, 5))
    config = ClusterConfig(method="hdbscan", n_components=0, nulls=0, resamples=3, stability_sample=100)
    report = sweep(features, config)
    assert set(report.rows[0].stability) == {"halves", "seeds"}


def test_density_that_finds_nothing_says_so() -> None:
    noise = np.random.default_rng(0).uniform(size=(60, 8))
    report = sweep(noise, ClusterConfig(method="hdbscan", n_components=0))
    assert report.verdict.structured is False
    assert report.verdict.n_clusters is None
    assert report.verdict.reason == "the method finds fewer than two clusters"


def test_samples_are_told() -> None:
    features, _ = planted(4, n=260)
    config = ClusterConfig(
        k="4", n_components=0, n_init=1, resamples=2, silhouette_sample=120, null_sample=100, stability_sample=110
    )
    report = sweep(features, config)
    assert (report.silhouette_sample, report.null_sample, report.stability_sample) == (120, 100, 110)
    assert report.notes == (
        "silhouettes: on 120 of 260 tracks, drawn with the seed",
        "null models: on 100 of 260 tracks, drawn with the seed",
        "stability: on 110 of 260 tracks, drawn with the seed",
    )
    assert len(report.silhouettes[4].values) == 120
