import shutil

import numpy as np
import pytest
from synthetic import write_track

from songnet.config import ImageConfig, ReadConfig, TrainConfig, VectorConfig
from songnet.descriptors import load_descriptors
from songnet.embedding import (
    AGGREGATES,
    choose_aggregate,
    choose_trained,
    default_model,
    describe_alone,
    embed_file,
    embed_images,
    encode_images,
    encode_library,
    load_vectors,
    resolve_model,
    stored_aggregates,
    update_vectors,
)
from songnet.errors import AudioError, InputNotFoundError, ParameterError
from songnet.library import Library, from_arrow, reconcile
from songnet.library.tracks import upsert_track
from songnet.spectrogram import ingest
from songnet.training import load_model, train


@pytest.fixture
def library(library_copy):
    with Library(library_copy, write=True) as opened:
        yield opened


def codes_of(library, card):
    keys = library.arrays.keys(f"codes-{card.key}")
    values = from_arrow(library.arrays.take(f"codes-{card.key}", np.asarray(keys["_rowid"]))["values"])
    return keys["track_id"].to_pylist(), values


def test_a_code_does_not_depend_on_its_company(made_library, rng):
    card, model = load_model(made_library / "models", "cae-12x15")
    pixels = rng.integers(0, 256, (70, 96, 216), dtype=np.uint8)
    together = encode_images(model, pixels, card.scaling)
    assert together.shape == (70, 4, 9, 5)
    np.testing.assert_array_equal(encode_images(model, pixels[66:67], card.scaling)[0], together[66])
    np.testing.assert_array_equal(encode_images(model, pixels[::-1], card.scaling)[::-1], together)


def test_only_what_is_new_is_encoded_and_the_result_is_that_of_one_go(library, music, tmp_path):
    card, model = load_model(library.models, "cae-12x15")
    assert encode_library(library, card, model).tracks == 0
    more = tmp_path / "more"
    write_track(more / "new.flac", "square", 333, title="New", artist="Squares")
    ingest(library, [more], ImageConfig(), ReadConfig(), n_workers=1)
    report = encode_library(library, card, model)
    assert (report.tracks, report.clips, report.unchanged) == (1, 2, 12)
    assert update_vectors(library, card, "mean") == 1
    ids, incremental = codes_of(library, card)
    vectors = load_vectors(library, card, "mean")
    for table in (f"codes-{card.key}", f"vectors-{card.key}.mean"):
        library.arrays.drop(table)
    assert reconcile(library).lost == 13
    assert encode_library(library, card, model).tracks == 13
    assert update_vectors(library, card, "mean") == 13
    assert codes_of(library, card)[0] == ids
    np.testing.assert_array_equal(codes_of(library, card)[1], incremental)
    again = load_vectors(library, card, "mean")
    assert again.track_ids == vectors.track_ids
    np.testing.assert_array_equal(again.vectors, vectors.vectors)


def test_a_second_model_touches_nothing_of_the_first(library):
    card, _ = load_model(library.models, "cae-12x15")
    before = codes_of(library, card)
    embed_images(
        library,
        model_name="cae-48x81",
        images=ImageConfig(),
        training=TrainConfig(epochs=1, batch_size=8),
        vectors=VectorConfig("mean-std"),
        seed=0,
    )
    np.testing.assert_array_equal(codes_of(library, card)[1], before[1])
    assert stored_aggregates(library, card) == ["mean"]
    second, _ = load_model(library.models, "cae-48x81")
    assert load_vectors(library, second, "mean-std").vectors.shape == (12, 2 * 12 * 12)


def test_retraining_replaces_codes_of_the_old_weights(library):
    old, _ = load_model(library.models, "cae-12x15")
    train(
        library,
        preset="cae-12x15",
        name="cae-12x15",
        images=ImageConfig(),
        config=TrainConfig(epochs=1, batch_size=8),
        seed=9,
    )
    card, model = load_model(library.models, "cae-12x15")
    assert card.key != old.key
    assert encode_library(library, card, model).tracks == 12
    assert [name for name in library.arrays.names() if old.key in name] == []
    assert library.db.execute("SELECT count(*), min(model_key) FROM codes").fetchone()[:] == (12, card.key)


@pytest.mark.parametrize("aggregate", sorted(AGGREGATES))
def test_every_aggregation_is_stored_and_renewed(library, aggregate, tmp_path):
    card, model = load_model(library.models, "cae-12x15")
    update_vectors(library, card, aggregate)
    stored = load_vectors(library, card, aggregate)
    assert stored.track_ids == sorted(stored.track_ids)
    assert len(stored.track_ids) == 12
    assert update_vectors(library, card, aggregate) == 0
    write_track(tmp_path / "more" / "new.flac", "square", 333)
    ingest(library, [tmp_path / "more"], ImageConfig(), ReadConfig(), n_workers=1)
    encode_library(library, card, model)
    # The weights of all tracks change with one more track.
    assert update_vectors(library, card, aggregate) == (13 if aggregate == "tfidf" else 1)
    assert len(load_vectors(library, card, aggregate).track_ids) == 13


def test_a_file_outside_has_the_vector_it_would_have_inside(library, music, tmp_path):
    card, model = load_model(library.models, "cae-12x15")
    outside = shutil.copy(music / "Sines" / "0.flac", tmp_path / "elsewhere.flac")
    vector = embed_file(card, model, tmp_path / "elsewhere.flac", "mean", ReadConfig())
    row = library.db.execute(
        "SELECT track_id FROM paths WHERE path = ?", (bytes(music / "Sines" / "0.flac"),)
    ).fetchone()
    stored = load_vectors(library, card, "mean")
    np.testing.assert_array_equal(vector, stored.vectors[stored.track_ids.index(row[0])])
    outside.write_text("now it is a text")
    with pytest.raises(AudioError):
        embed_file(card, model, outside, "mean", ReadConfig())
    with pytest.raises(InputNotFoundError, match="is not a file"):
        embed_file(card, model, tmp_path / "none.mp3", "mean", ReadConfig())


def test_models_are_found_by_name_preset_or_for_want_of_another(library, empty_library):
    assert resolve_model(["cae-12x15"], "cae-12x15") == ("cae-12x15", None)
    assert resolve_model(["cae-12x15"], "cae-48x81") == ("cae-48x81", "cae-48x81")
    with pytest.raises(ParameterError, match=r"neither a trained model \(cae-12x15\) nor a preset"):
        resolve_model(["cae-12x15"], "cae-13x15")
    # The default of libraries that were made before.
    assert choose_trained(library, None) == "cae-12x15"
    with pytest.raises(InputNotFoundError, match="no trained model yet"):
        choose_trained(empty_library, None)


def test_a_model_of_another_recipe_is_not_fed_these_images(library):
    with pytest.raises(ParameterError, match=r"encodes images of songnet-8, not of deejai-8"):
        embed_images(
            library,
            model_name="cae-12x15",
            images=ImageConfig(recipe="deejai"),
            training=TrainConfig(),
            vectors=VectorConfig(),
            seed=0,
        )


def test_below_fifty_tracks_nothing_is_trained_unasked(library, empty_library):
    images = ImageConfig()
    # The only model goes on being used; of other images it would be none.
    assert default_model(library, images) == "cae-12x15"
    assert default_model(library, ImageConfig(clips=2)) is None
    assert default_model(empty_library, images) is None
    for number in range(49):
        add_image_row(empty_library, f"track{number}")
    assert default_model(empty_library, images) is None
    add_image_row(empty_library, "track49")
    assert default_model(empty_library, images) == "contrastive"
    assert resolve_model([], "contrastive") == ("contrastive", "contrastive")


def add_image_row(library, track):
    with library.db:
        upsert_track(library.db, {"track_id": track, "source": "image"})
        library.db.execute("INSERT INTO images (image_set, track_id, n_clips) VALUES ('songnet-8', ?, 1)", (track,))


def test_descriptors_alone_are_made_and_told(library):
    images = ImageConfig()
    for name in library.arrays.names():
        if name.startswith("descriptors"):
            library.arrays.drop(name)
    assert load_descriptors(library, images).track_ids == []
    line = describe_alone(library, images)
    assert line == (
        "12 tracks are described; descriptors stand alone until there are 50 tracks to train on (--model NAME trains"
        " now)"
    )
    assert len(load_descriptors(library, images).track_ids) == 12


def test_the_aggregation_with_most_tracks_is_read(library):
    card, _ = load_model(library.models, "cae-12x15")
    assert choose_aggregate(library, card) == "mean"
    update_vectors(library, card, "mean-std")
    assert choose_aggregate(library, card) == "mean"
    assert choose_aggregate(library, card, "tfidf") == "tfidf"
    library.arrays.delete(f"vectors-{card.key}.mean", set(load_vectors(library, card, "mean").track_ids[:1]))
    assert choose_aggregate(library, card) == "mean-std"
    for aggregate in ("mean", "mean-std"):
        library.arrays.drop(f"vectors-{card.key}.{aggregate}")
    assert choose_aggregate(library, card) == "mean"
