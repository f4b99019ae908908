import shutil

import numpy as np
import pytest
from synthetic import write_track

from songnet.config import ClusterConfig, ImageConfig, ReadConfig
from songnet.descriptors import load_descriptors, update_descriptors
from songnet.errors import AudioError, InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library import tracks as ledger
from songnet.retrieval import descriptors_behind, find_track, load_sounds, point_of_file, similar


@pytest.fixture
def library(library_copy):
    with Library(library_copy, write=True) as opened:
        yield opened


def ask(library, query, features="auto", **options):
    return similar(library, str(query), load_sounds(library, features), **options)


def titles(report):
    return [f"{entry.track['artist']} - {entry.track['title']}" for entry in report.neighbours]


def test_a_track_is_nearest_to_itself_and_its_kind_comes_next(library, music):
    for artist in ("Sines", "Squares", "Noises"):
        report = ask(library, music / artist / "1.ogg", n=4)
        assert report.inside
        assert titles(report)[0] == f"{artist} - Piece 1"
        assert report.neighbours[0].similarity == pytest.approx(1, abs=1e-5)
        # Sines and squares of one pitch are near each other; noise is near neither.
        assert {title.startswith("Noises") for title in titles(report)[:3]} == {artist == "Noises"}
        by_codes = ask(library, music / artist / "1.ogg", "codes", n=4)
        assert sum(title.startswith(artist) for title in titles(by_codes)) >= 3
        scores = [entry.similarity for entry in report.neighbours]
        assert scores == sorted(scores, reverse=True)


def test_a_track_can_be_named_in_every_way(library, music):
    expected = find_track(library, str(music / "Sines" / "2.wav"))
    assert find_track(library, expected) == expected
    assert find_track(library, expected[:10]) == expected
    assert find_track(library, "  sines - PIECE 2 ") == expected
    assert find_track(library, "Sines - Pièce 2") == expected
    assert find_track(library, "nothing of the kind") is None
    with pytest.raises(ParameterError, match="'piece 2' fits 3 tracks"):
        find_track(library, "piece 2")


def test_own_artist_and_album_can_be_left_out(library):
    assert not any(title.startswith("Sines") for title in titles(ask(library, "Sines - Piece 0", other_artists=True)))
    report = ask(library, "Sines - Piece 0", other_albums=True, n=20)
    assert report.searched == 10
    # "Album 0" by other artists is another album.
    assert "Sines - Piece 1" not in titles(report)
    assert "Squares - Piece 1" in titles(report)


def test_missing_files_are_left_out_unless_asked_for(library, music):
    with library.db:
        ledger.mark_missing(library.db, [bytes(music / "Sines" / "1.ogg")])
    assert "Sines - Piece 1" not in titles(ask(library, "Sines - Piece 0", n=20))
    assert "Sines - Piece 1" in titles(ask(library, "Sines - Piece 0", n=20, include_missing=True))


def test_a_file_outside_the_library(library, music, tmp_path):
    copy = shutil.copy(music / "Squares" / "0.flac", tmp_path / "unknown.flac")
    report = ask(library, copy, n=3)
    assert not report.inside
    assert titles(report)[0] == "Squares - Piece 0"
    other = write_track(tmp_path / "other.wav", "noise", 300, seed=99)
    assert titles(ask(library, other, n=1))[0].startswith("Noises")
    (tmp_path / "text.mp3").write_text("no music " * 100)
    with pytest.raises(AudioError):
        ask(library, tmp_path / "text.mp3")


def test_questions_without_an_answer_say_what_is_missing(library, empty_library):
    with pytest.raises(InputNotFoundError, match="is no file, track id, title"):
        ask(library, "no such song")
    with library.db:
        ledger.upsert_track(library.db, {"track_id": "new", "source": "image"})
    with pytest.raises(InputNotFoundError, match="'new' has no descriptors of songnet-8 yet: run `songnet embed`"):
        ask(library, "new")
    with pytest.raises(InputNotFoundError, match="no mel images of songnet-8 to describe: run `songnet embed FOLDER`"):
        load_sounds(empty_library)
    with pytest.raises(InputNotFoundError, match="the library has no model 'none'"):
        load_sounds(library, model="none")


@pytest.mark.parametrize("features", ["auto", "descriptors", "codes", "joined"])
def test_a_file_outside_has_the_point_it_would_have_inside(library, music, tmp_path, features):
    sounds = load_sounds(library, features)
    shutil.copy(music / "Sines" / "0.flac", tmp_path / "elsewhere.flac")
    point = point_of_file(library, sounds, tmp_path / "elsewhere.flac", ReadConfig())
    own = sounds.track_ids.index(find_track(library, "Sines - Piece 0"))
    np.testing.assert_allclose(point, sounds.points[own], atol=1e-6)
    assert np.argmax(sounds.points @ point) == own
    np.testing.assert_allclose(np.linalg.norm(sounds.points, axis=1), 1, atol=1e-6)
    # Three tracks a component, in both blocks.
    assert sounds.points.shape == (12, 8 if features == "joined" else 4)


def test_points_are_those_that_are_clustered(library):
    sounds = load_sounds(library, "joined")
    config = ClusterConfig(n_components=4)
    features = sounds.choice.load(library, config)
    assert features.weights == (1.0, 0.6)
    np.testing.assert_allclose(features.space(config).points(features.values), sounds.points, atol=1e-6)


def test_no_model_is_needed(library):
    for name in [entry.name for entry in library.models.iterdir()]:
        shutil.rmtree(library.models / name)
    report = ask(library, "Squares - Piece 0", n=3)
    assert titles(report)[0] == "Squares - Piece 0"
    assert [title.partition(" ")[0] for title in titles(report)] == ["Squares"] * 3


def test_descriptors_that_are_behind_are_noticed(library):
    assert not descriptors_behind(library, ImageConfig())
    track = load_descriptors(library, ImageConfig()).track_ids[0]
    with library.db:
        library.db.execute("UPDATE images SET n_clips = n_clips + 1 WHERE track_id = ?", (track,))
    assert descriptors_behind(library, ImageConfig())
    with library.db:
        library.db.execute("UPDATE images SET n_clips = n_clips - 1 WHERE track_id = ?", (track,))
    (table,) = [name for name in library.arrays.names() if name.startswith("descriptors")]
    library.arrays.drop(table)
    assert descriptors_behind(library, ImageConfig())
    update_descriptors(library, ImageConfig())
    assert not descriptors_behind(library, ImageConfig())


def test_answers_repeat(library):
    first, second = (ask(library, "Noises - Piece 3", n=12) for _ in range(2))
    assert [entry.track["track_id"] for entry in first.neighbours] == [
        entry.track["track_id"] for entry in second.neighbours
    ]
    assert np.array_equal([e.similarity for e in first.neighbours], [e.similarity for e in second.neighbours])
