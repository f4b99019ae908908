"""Vectors learned from playlists: planted groups, playlists at random, the same bits in every process, odd sizes."""

import json
import logging
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from songnet.config import CommunityConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.playlists import track2vec as module
from songnet.playlists.building import build_graph
from songnet.playlists.generate import generate_playlists
from songnet.playlists.pipeline import communities_again
from songnet.playlists.stored import Memberships
from songnet.playlists.track2vec import track2vec, usual_epochs, write_vectors


def memberships(playlists, ids=None):
    """From lists of track ids, in their order."""
    known = tuple(sorted({track for tracks in playlists for track in tracks})) if ids is None else ids
    place = {track: index for index, track in enumerate(known)}
    lengths = [len(tracks) for tracks in playlists]
    return Memberships(
        np.arange(len(playlists)),
        known,
        np.repeat(np.arange(len(playlists)), lengths),
        np.array([place[track] for tracks in playlists for track in tracks], dtype=np.int64),
    )


def generated(**settings):
    made = generate_playlists(300, n_tracks=200, n_groups=4, mean_length=20, **settings)
    ids = tuple(f"t{number:03d}" for number in range(made.n_tracks))
    return Memberships(np.arange(made.n_playlists), ids, made.playlist_of, made.track_of), made.track_group


def found_groups(data, **settings):
    config = CommunityConfig(graph="track2vec", **settings)
    return communities_again(data, config, 0, resample=False)


def truth_of(partition, groups):
    return [groups[int(track[1:])] for track in partition.track_ids]


@pytest.mark.parametrize("settings", [{}, {"skip_gram": True}, {"window": 5, "dimensions": 32}, {"top_k": 10}])
def test_planted_groups_are_found(settings):
    data, groups = generated(purity=0.8, seed=1)
    partition = found_groups(data, **settings)
    assert len(partition.track_ids) > 190
    assert adjusted_mutual_info_score(truth_of(partition, groups), partition.labels) > 0.95


def test_playlists_at_random_give_groups_that_are_nobodys():
    data, groups = generated(purity=0.0, seed=2)
    partition = found_groups(data)
    assert abs(adjusted_mutual_info_score(truth_of(partition, groups), partition.labels)) < 0.05
    again = communities_again(data, CommunityConfig(graph="track2vec"), 1, resample=False)
    assert adjusted_mutual_info_score(*partition.shared(again)) < 0.3


def test_tracks_of_the_same_company_are_close_without_ever_meeting():
    # a and b never share a playlist, but both stand between x and y; c stands between p and q.
    data = memberships([["x", "a", "y"], ["x", "b", "y"], ["p", "c", "q"], ["p", "d", "q"]] * 25)
    learned = track2vec(data, CommunityConfig(graph="track2vec", dimensions=16, window=1))
    unit = learned.vectors - learned.vectors.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    at = {track: unit[row] for row, track in enumerate(learned.track_ids)}
    assert at["a"] @ at["b"] > 0.8
    assert at["a"] @ at["c"] < 0.2


def test_what_is_learned_and_what_is_left_out():
    playlists = [["a", "b", "a", "c"], ["b", "a", "rare"], ["c", "d"], ["d"], ["e", "f", "g", "h", "i"], []]
    told = []
    learned = track2vec(
        memberships(playlists),
        CommunityConfig(graph="track2vec", dimensions=5, epochs=3, max_playlist_length=4),
        seed=7,
        progress=lambda *report: told.append(report[:3]),
    )
    # d stands in two, but a track alone has no context: the playlist of d alone teaches nothing.
    assert learned.track_ids == ("a", "b", "c", "d")
    assert (learned.vectors.shape, learned.vectors.dtype) == ((4, 5), np.float32)
    # a b c, b a and c d; the second a of the first playlist counts no more.
    assert (learned.n_playlists, learned.n_left_out, learned.n_entries) == (4, 1, 7)
    assert learned.settings == {
        "min_support": 2, "max_playlist_length": 4, "dimensions": 5, "window": 2, "skip_gram": False, "epochs": 3,
        "seed": 7,
    }  # fmt: skip
    assert told == [("learn vectors", done, 3) for done in range(4)]


def test_settings_and_seed_decide_the_vectors():
    data, _ = generated(seed=3)
    base = CommunityConfig(graph="track2vec", epochs=2)
    first = track2vec(data, base).vectors
    assert np.array_equal(first, track2vec(data, base).vectors)
    others = [
        track2vec(data, base, seed=1),
        track2vec(data, CommunityConfig(graph="track2vec", epochs=3)),
        track2vec(data, CommunityConfig(graph="track2vec", epochs=2, skip_gram=True)),
        track2vec(data, CommunityConfig(graph="track2vec", epochs=2, window=3)),
    ]
    assert not any(np.array_equal(first, other.vectors) for other in others)


def test_a_playlist_longer_than_gensims_longest_sentence_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_SENTENCE", 3)
    read = module._Sentences(np.arange(8), np.array([0, 0, 0, 0, 0, 2, 2, 2]))
    assert read.n_sentences == 3
    assert [list(read) for _ in range(2)] == [[["0", "1", "2"], ["3", "4"], ["5", "6", "7"]]] * 2


@pytest.mark.parametrize(
    ("entries", "tracks", "epochs"),
    [(65_000_000, 900_000, 15), (3_279, 120, 190), (1_000, 1_000, 1_000), (0, 0, 1_000)],
)
def test_fewer_entries_are_read_more_often(entries, tracks, epochs):
    assert usual_epochs(entries, tracks) == epochs


SCRIPT = """
import hashlib, sys
from pathlib import Path
import numpy as np
from songnet.config import CommunityConfig
from songnet.playlists.generate import generate_playlists
from songnet.playlists.pipeline import communities_again
from songnet.playlists.stored import Memberships
from songnet.playlists.track2vec import track2vec, write_vectors
made = generate_playlists(60, n_tracks=80, n_groups=4, mean_length=12, seed=4)
ids = tuple(f"spotify:track:{n:03d}" for n in range(80))
data = Memberships(np.arange(60), ids, made.playlist_of, made.track_of)
config = CommunityConfig(graph="track2vec", epochs=40, top_k=8)
write_vectors(track2vec(data, config, seed=3), Path(sys.argv[1]))
print(hashlib.sha256(Path(sys.argv[1]).read_bytes()).hexdigest())
print(communities_again(data, config, 3, resample=True).labels.tolist())
"""


def test_the_same_bits_in_every_process_whatever_its_hash_seed_and_threads(tmp_path):
    outputs = []
    for seed, threads in (("1", "1"), ("2", "2")):
        environment = {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed,
            "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
        }  # fmt: skip
        arguments = [sys.executable, "-c", SCRIPT, str(tmp_path / f"{seed}.npz")]
        outputs.append(subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout)
    assert outputs[0] == outputs[1]
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()


def test_vectors_are_written_for_other_programs(tmp_path):
    data, _ = generated(seed=5)
    learned = track2vec(data, CommunityConfig(graph="track2vec", epochs=1, dimensions=8))
    path = tmp_path / "v.npz"
    path.write_bytes(b"an older file")
    write_vectors(learned, path)
    with np.load(path) as read:  # allow_pickle is False
        assert tuple(read["track_ids"]) == learned.track_ids
        assert np.array_equal(read["vectors"], learned.vectors)
        assert json.loads(str(read["settings"])) == {**learned.settings, "learned_from": "playlists"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.npz"]
    with pytest.raises(ParameterError, match=r"v\.npy ends in '\.npy'; Track2Vec's vectors are written as \.npz"):
        write_vectors(learned, tmp_path / "v.npy")
    with pytest.raises(InputNotFoundError, match=r"there is no folder .*nowhere to write v\.npz to: make it first"):
        write_vectors(learned, tmp_path / "nowhere" / "v.npz")


def test_gensim_that_is_not_there_and_gensim_that_talks(monkeypatch, caplog, capfd):
    data = memberships([["a", "b"], ["a", "b"]])
    config = CommunityConfig(graph="track2vec", epochs=1)
    before = logging.getLogger("gensim").level
    track2vec(data, config)
    assert (caplog.records, capfd.readouterr().err, logging.getLogger("gensim").level) == ([], "", before)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ParameterError, match=r'^Track2Vec needs gensim: pip install "songnet\[track2vec\]"$'):
        track2vec(data, config)


@pytest.mark.parametrize("playlists", [[], [[]], [["a"], ["a"]], [["a", "b"], ["c", "d"]], [["a", "b"], ["a"], ["c"]]])
def test_playlists_that_teach_nothing(playlists):
    config = CommunityConfig(graph="track2vec")
    with pytest.raises(InputNotFoundError, match=r"no two tracks .* 2 playlists or more stand in one: lower --min-sup"):
        track2vec(memberships(playlists), config)


def test_two_tracks_alone_are_no_graph():
    # Without their mean two vectors point away from each other.
    with pytest.raises(
        InputNotFoundError, match=r"50 nearest \(union\), weighted by cosine\): lower --min-support, or"
    ):
        build_graph(memberships([["a", "b"], ["a", "b"]]), CommunityConfig(graph="track2vec"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"graph": "word2vec"}, "communities.graph is 'word2vec'; choose one of: cooccurrence, track2vec"),
        ({"graph": "track2vec", "top_k": 0}, "top_k is 0; a graph of Track2Vec keeps 1 to 10,000 edges a track"),
        ({"dimensions": 1}, "communities.dimensions is 1; it must lie between 2 and 1000"),
        ({"window": 0}, "communities.window is 0; it must lie between 1 and 1000"),
        ({"epochs": -1}, "communities.epochs is -1; it must lie between 0 and 10000"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ParameterError) as caught:
        CommunityConfig(**settings)
    assert message in str(caught.value)
    with pytest.raises(ParameterError, match="seed is -1; it must lie between 0 and 2,147,483,647"):
        track2vec(memberships([["a", "b"], ["a", "b"]]), seed=-1)
