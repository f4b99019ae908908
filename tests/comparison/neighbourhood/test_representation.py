"""What stands for the sound: the clustering space, baselines from descriptors, files of vectors and broken ones."""

import numpy as np
import pytest

from songnet.clustering.features import Features
from songnet.clustering.space import Space
from songnet.comparison.neighbourhood.representation import Representation, baselines, from_features, read_vectors
from songnet.config import ClusterConfig
from songnet.descriptors import Descriptors
from songnet.errors import InputNotFoundError, ParameterError


def described(rng, n=20):
    return Descriptors(
        [f"t{number:02d}" for number in range(n)],
        rng.standard_normal((n, 260)).astype(np.float32) * np.r_[np.full(60, 9.0), np.zeros(200)].astype(np.float32)
        + 3,
        {"loudness_db": np.linspace(-30, -10, n).astype(np.float32)},
    )


def test_features_come_into_the_space_that_is_clustered(rng):
    values = rng.standard_normal((50, 30)).astype(np.float32)
    features = Features([f"t{number:02d}" for number in range(50)], values, "numbers")
    config = ClusterConfig(n_components=8, shrinkage=0.2)
    made = from_features(features, config)
    assert made.unit == pytest.approx(Space(8, 0.2).points(values), abs=1e-6)
    assert np.linalg.norm(made.unit, axis=1) == pytest.approx(np.ones(50), abs=1e-6)
    assert made.rows(["t07", "t03"]).tolist() == made.unit[[7, 3]].tolist()
    assert made.what == "numbers"
    with pytest.raises(ParameterError, match="numbers of all 50 tracks are identical"):
        from_features(Features(features.track_ids, np.ones((50, 3), dtype=np.float32), "numbers"), config)


def test_baselines_are_mfcc_statistics_and_loudness(rng):
    descriptors = described(rng)
    mfcc, loudness = baselines(descriptors, ["t03", "t01", "t10"])
    assert (mfcc.name, loudness.name) == ("mfcc", "loudness")
    statistics = descriptors.timbre[:, :60].astype(float)
    standard = ((statistics - statistics.mean(axis=0)) / statistics.std(axis=0))[[3, 1, 10]]
    standard /= np.linalg.norm(standard, axis=1, keepdims=True)
    assert mfcc.scores(np.arange(3)) == pytest.approx(standard @ standard.T, abs=2e-6)
    assert loudness.scores(np.array([0]))[0] == pytest.approx([0, -2 * 20 / 19, -7 * 20 / 19], abs=1e-5)
    assert baselines(descriptors, ["t03", "unknown"]) == []
    descriptors.acoustic["loudness_db"][1] = np.nan
    assert [predictor.name for predictor in baselines(descriptors, ["t03", "t01"])] == ["mfcc"]


def test_vectors_of_a_file(tmp_path, rng):
    vectors = rng.standard_normal((4, 3))
    np.savez_compressed(tmp_path / "mine.npz", track_ids=np.array(["b", "a", "d", "c"]), vectors=vectors)
    found = read_vectors(tmp_path / "mine.npz")
    assert isinstance(found, Representation)
    assert (found.track_ids, found.what) == (("b", "a", "d", "c"), "vectors of mine.npz")
    assert not found.heard
    assert found.rows(["a"])[0] == pytest.approx(vectors[1] / np.linalg.norm(vectors[1]), abs=1e-6)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"vectors": np.ones((2, 3))}, "has no array 'track_ids'"),
        ({"track_ids": np.array(["a", "b"])}, "has no array 'vectors'"),
        (
            {"track_ids": np.array([["a"], ["b"]]), "vectors": np.ones((2, 3))},
            r"list of text, not <U1 of shape \(2, 1\)",
        ),
        ({"track_ids": np.array([1, 2]), "vectors": np.ones((2, 3))}, "list of text, not int64"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.ones(2)}, r"shape \(2,\).*numbers of shape \(2, d\)"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.ones((3, 2))}, r"a row for each of the 2 track_ids"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.ones((2, 0))}, r"shape \(2, 0\)"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.array([["x"], ["y"]])}, r"\(<U1\); numbers"),
        ({"track_ids": np.array(["a", "a"]), "vectors": np.ones((2, 3))}, "1 of the track_ids stand there twice"),
        ({"track_ids": np.array(["a", "b"]), "vectors": np.array([[1.0], [np.inf]])}, "mine.npz: 1 of 2 vectors hold"),
        (
            {
                "track_ids": np.array(["a", "b"]),
                "vectors": np.ones((2, 3)),
                "settings": np.array('{"learned_from": "playlists"}'),
            },
            "mine.npz holds Track2Vec vectors, which were learned from these playlists",
        ),
        (
            {"track_ids": np.array(["a", None], dtype=object), "vectors": np.ones((2, 1))},
            "is not an .npz of plain arrays",
        ),
    ],
)
def test_unusable_files_are_refused(tmp_path, content, said):
    np.savez(tmp_path / "mine.npz", **content)
    with pytest.raises(ParameterError, match=said):
        read_vectors(tmp_path / "mine.npz")


def test_what_is_no_archive_is_refused(tmp_path, rng):
    with pytest.raises(InputNotFoundError, match=r"cannot read the vectors .*none.npz: No such file"):
        read_vectors(tmp_path / "none.npz")
    for name, data in (("text.npz", b"track_id,vector\n"), ("empty.npz", b""), ("zip.npz", b"PK\x03\x04 broken")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ParameterError, match=f"{name} is not an .npz of plain arrays"):
            read_vectors(tmp_path / name)
    np.save(tmp_path / "one.npy", rng.random(3))
    with pytest.raises(ParameterError, match=r"one.npy is not an .npz"):
        read_vectors(tmp_path / "one.npy")
    np.savez(tmp_path / "good.npz", track_ids=np.array(["a", "b"]), vectors=rng.random((2, 900)))
    cut = (tmp_path / "good.npz").read_bytes()[:5000]
    (tmp_path / "cut.npz").write_bytes(cut)
    with pytest.raises(ParameterError, match=r"cut.npz is not an .npz"):
        read_vectors(tmp_path / "cut.npz")
