"""Model files that were damaged, or made by someone who means harm: refused, and nothing is left behind."""

import hashlib
import json
import os
import stat
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from songnet.errors import CheckpointError, InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.training import load_model
from songnet.training.data_card import render_card
from songnet.training.description import describe_model
from songnet.training.package import digest_json, pack, read_package
from songnet.training.portable import export_model, import_model
from songnet.training.removal import delete_model

NAME = "cae-12x15"
VERSION = "0.0-test"


@pytest.fixture(scope="module")
def exported(made_library, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model.zip"
    with Library(made_library) as library:
        export_model(library, NAME, path, version=VERSION)
    return path


@pytest.fixture(scope="module")
def package(exported):
    return read_package(exported)


def forge(path, package, *, config=None, weights=None, extra=None, **manifest):
    """A file whose hashes all fit, as someone would make it who means harm."""
    members = {**package.members, **(extra or {})}
    described = {key: value for key, value in package.manifest.items() if key != "manifest_sha256"}
    if weights is not None:
        digest = hashlib.sha256(weights).hexdigest()
        del members[package.weights_name]
        members[f"weights-{digest[:10]}.safetensors"] = weights
        config = {**(config or {}), "weights_sha256": digest, "weights": f"weights-{digest[:10]}.safetensors"}
        described["model"] = {**described["model"], "weights_sha256": digest}
    if config is not None:
        changed = {**json.loads(members["config.json"]), **config}
        changed.pop("config_sha256")
        members["config.json"] = json.dumps({**changed, "config_sha256": digest_json(changed)}).encode()
        described["model"] = {**described["model"], **{k: changed[k] for k in ("preset", "family")}}
    path.write_bytes(pack(members, {**described, **manifest}))
    return path


def raw_zip(path, entries):
    """A ZIP written entry by entry: pairs of ZipInfo or name, and content."""
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in entries:
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def whole(package, exported):
    with zipfile.ZipFile(exported) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def symlink(name):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../../songnet.db", "is none of a model's files"),
        ("/etc/passwd", "is none of a model's files"),
        ("C:\\evil.json", "is none of a model's files"),
        ("nested/config.json", "is none of a model's files"),
        ("history.csv/", "is none of a model's files"),
        ("run.py", "is none of a model's files"),
        ("weights-0000000000.safetensors", "exactly one weights file"),
        ("history.png", "'history.png' is not both listed in manifest.json and there"),
    ],
)
def test_members_that_do_not_belong_are_refused(package, exported, tmp_path, name, message):
    path = raw_zip(tmp_path / "odd.zip", [*whole(package, exported), (zipfile.ZipInfo(name), b"x")])
    with pytest.raises(CheckpointError, match=message):
        read_package(path)


def test_links_bombs_and_other_zip_tricks_are_refused(package, exported, tmp_path):
    entries = whole(package, exported)
    path = tmp_path / "t.zip"
    raw_zip(path, entries)
    assert read_package(path).members == package.members
    with pytest.raises(CheckpointError, match=r"'history\.png' is no plain file: do not trust"):
        read_package(raw_zip(path, [*entries, (symlink("history.png"), "/etc/passwd")]))
    with pytest.raises(CheckpointError, match=r"'history\.png' would swell from 16,\d+ to 16,777,216 bytes"):
        read_package(raw_zip(path, [*entries, ("history.png", bytes(16 * 2**20))]))
    with pytest.raises(CheckpointError, match=r"says it has 16,777,217 bytes, more than the 16,777,216 allowed"):
        read_package(raw_zip(path, [*entries, ("history.png", bytes(16 * 2**20 + 1))]))
    with pytest.warns(UserWarning, match="Duplicate name"):
        raw_zip(path, [*entries, entries[0]])
    with pytest.raises(CheckpointError, match=r"'card\.md' is there twice"):
        read_package(path)
    with pytest.raises(CheckpointError, match="lists far more members than a model has"):
        read_package(raw_zip(path, [*entries, *((f"{n:0100d}", b"") for n in range(100))]))
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content, zipfile.ZIP_LZMA)
    with pytest.raises(CheckpointError, match=r"'card\.md' is compressed by method 14, not stored or deflated"):
        read_package(path)
    deep = [(name, b"[" * 900_000 if name == "manifest.json" else data) for name, data in entries]
    for content, message in (
        (b"", "does not end as a ZIP file does"),
        (b"not a zip" * 9, "does not end as a ZIP file does"),
        (exported.read_bytes()[:-1], "does not end as a ZIP file does"),
        (exported.read_bytes() + b"more", "does not end as a ZIP file does"),
        (raw_zip(path, entries[1:]).read_bytes(), "it lacks card.md"),
        (raw_zip(path, deep).read_bytes(), r"manifest.json is damaged \(RecursionError"),
    ):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            read_package(path)
    with pytest.raises(InputNotFoundError, match="is not a file: name one that `songnet models export` wrote"):
        read_package(tmp_path)


def test_encrypted_members_and_wrong_sizes_are_refused(exported, tmp_path):
    path, content = tmp_path / "t.zip", exported.read_bytes()
    entry = content.index(b"PK\x01\x02")
    for offset, value, message in (
        (8, struct.pack("<H", 1), "is encrypted"),
        (24, struct.pack("<L", 10), "no ZIP file that can be read"),
        (24, struct.pack("<L", 100_000), r"has not the size it declares|no ZIP file that can be read"),
        (24, struct.pack("<L", 2**31), r"says it has 2,147,483,648 bytes"),
        (10, struct.pack("<H", 99), "is compressed by method 99"),
    ):
        path.write_bytes(content[: entry + offset] + value + content[entry + offset + len(value) :])
        with pytest.raises(CheckpointError, match=message):
            read_package(path)


def test_flipped_bytes_give_an_error_or_the_same_model(exported, package, tmp_path):
    content = exported.read_bytes()
    heads = [at for at in range(len(content)) if content[at : at + 4] in (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06")]
    assert len(heads) == 11
    positions = {at + step for at in heads for step in range(80)} | set(range(0, len(content), 211))
    path, survived, refused = tmp_path / "flipped.zip", 0, 0
    for at in sorted(position for position in positions if position < len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 0xFF if at % 2 else 0x01
        path.write_bytes(flipped)
        try:
            read = read_package(path)
        except CheckpointError:
            refused += 1
        else:
            assert (read.members, read.manifest) == (package.members, package.manifest)
            survived += 1
    # Times, versions and attributes of ZIP entries say nothing of the model; all else is held.
    assert refused > 2 * survived > 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.tuples(st.floats(0, 1), st.floats(0, 1)), put=st.binary(max_size=40), seed=st.integers(0, 2**32 - 1))
def test_cut_and_mended_files_give_an_error_or_the_same_model(exported, package, tmp_path, cut, put, seed):
    content = exported.read_bytes()
    first, last = sorted(round(share * len(content)) for share in cut)
    if seed % 2:
        last = min(last, first + len(put))
    path = tmp_path / "cut.zip"
    path.write_bytes(content[:first] + put + content[last:])
    try:
        read = read_package(path)
    except CheckpointError:
        return
    assert (read.members, read.manifest) == (package.members, package.manifest)


def changed_weights(package, change):
    tensors = load(package.members[package.weights_name])
    change(tensors)
    return save(tensors)


def _nan(tensors):
    tensors["encoder/encoder_conv_1/bias"][0] = np.nan


def _missing(tensors):
    del tensors["encoder/encoder_conv_1/bias"]


def _wide(tensors):
    tensors["encoder/encoder_conv_1/bias"] = np.zeros(49, np.float32)


def _whole_numbers(tensors):
    tensors["encoder/encoder_conv_1/bias"] = np.zeros(48, np.int64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_nan, "encoder_conv_1/bias holds values that are not finite"),
        (_missing, r"encoder_conv_1/bias' has shape None, but the architecture of its config.json needs \(48,\)"),
        (_wide, r"encoder_conv_1/bias' has shape \(49,\), but the architecture"),
        (_whole_numbers, "encoder_conv_1/bias has type int64, but the model needs floating-point"),
    ],
)
def test_weights_that_are_no_models_are_refused_though_every_hash_fits(
    empty_library, package, tmp_path, change, message
):
    path = forge(tmp_path / "forged.zip", package, weights=changed_weights(package, change))
    with pytest.raises(CheckpointError, match=message):
        import_model(empty_library, path, version=VERSION)
    assert list(empty_library.models.iterdir()) == []


def training(package, **changes):
    return {"training": {**json.loads(package.members["config.json"])["training"], **changes}}


def architecture(package, **changes):
    return {"config": {**json.loads(package.members["config.json"])["config"], **changes}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda p: {"format": 2}, "has format 2, this program reads 1: update songnet"),
        (lambda p: {"family": "os.system"}, "of the unknown family 'os.system': update songnet"),
        (lambda p: {"preset": "nosuch"}, "of the preset 'nosuch', which no conv-autoencoder here has"),
        (lambda p: {"family": "conv-vae"}, "of the preset 'cae-12x15', which no conv-vae here has"),
        (lambda p: {"images": {"recipe": "nosuch"}}, "unknown recipe 'nosuch'.*: update songnet"),
        (lambda p: {"images": {"recipe": ["songnet"]}}, "unhashable type"),
        (lambda p: {"scaling": {"low": 9, "high": 9}}, "grey levels 9 and 9 are no range"),
        (lambda p: {"scaling": {"low": 0.5, "high": 9}}, "holds a value of the wrong kind"),
        (lambda p: training(p, best_loss="low"), "holds a value of the wrong kind"),
        (lambda p: training(p, latent={"active_units": 3}), "holds a value of the wrong kind"),
        (lambda p: training(p, code_shape=[4, 9, 6]), r"states a code of \[4, 9, 6\] and 28268 parameters"),
        (lambda p: training(p, parameters=3), "and 3 parameters, but the model has"),
        # 130 GB of weights, if they were made.
        (
            lambda p: architecture(p, channels=[60000, 60000, 12, 5]),
            r"has shape \(24,\), but the architecture of its config.json needs \(60000,\)",
        ),
        (lambda p: architecture(p, channels=[1] * 65), "holds a value of the wrong kind"),
        (lambda p: architecture(p, activation={"class_name": "Lambda"}), "holds a value of the wrong kind"),
        (lambda p: architecture(p, activation="softmax"), "activation must be one of relu"),
        (lambda p: architecture(p, input_shape=[48, 216, 1]), "reads images of"),
        (lambda p: architecture(p, nosuch=1), "unexpected keyword argument 'nosuch'"),
        (lambda p: architecture(p, seed="x"), "seed must be a whole number of at least 0, got 'x'"),
    ],
)
def test_descriptions_of_no_model_are_refused_though_every_hash_fits(empty_library, package, tmp_path, config, message):
    path = forge(tmp_path / "forged.zip", package, config=config(package))
    with pytest.raises(CheckpointError, match=message) as caught:
        import_model(empty_library, path, version=VERSION)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert list(empty_library.models.iterdir()) == []


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10_000) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=JSON_VALUES)
def test_any_value_anywhere_in_a_description_gives_an_error_or_a_model(empty_library, package, tmp_path, data, value):
    described = json.loads(package.members["config.json"])
    section = data.draw(st.sampled_from(["config", "images", "scaling", "training", None]))
    if section is None:
        changed = {data.draw(st.sampled_from(sorted(described))): value}
    else:
        changed = {section: {**described[section], data.draw(st.sampled_from(sorted(described[section]))): value}}
    path = forge(tmp_path / "any.zip", package, config=changed)
    try:
        import_model(empty_library, path, name="any", version=VERSION)
    except CheckpointError:
        assert list(empty_library.models.iterdir()) == []
        return
    card, model = load_model(empty_library.models, "any")
    assert list(model.code_shape) == card.training["code_shape"]
    assert render_card(card, describe_model(empty_library, card, version=VERSION)).startswith("# any\n")
    delete_model(empty_library, "any")


def test_weights_that_are_no_safetensors_are_refused(empty_library, package, tmp_path):
    for junk in (b"", b"x" * 100, b"\xff" * 8, b"\x02" + bytes(7) + b"{}", package.members[package.weights_name][:-1]):
        path = forge(tmp_path / "junk.zip", package, weights=junk)
        with pytest.raises(CheckpointError, match=r"describes no model \(SafetensorError|has shape None"):
            import_model(empty_library, path, version=VERSION)
    assert list(empty_library.models.iterdir()) == []


def test_manifests_that_lie_are_refused(empty_library, package, tmp_path):
    path, model, data = tmp_path / "lie.zip", package.manifest["model"], package.manifest["data"]
    recipe = {**package.manifest["recipe"], "fmin": 20.0}
    for changes, message in (
        ({"model": {**model, "name": "../up"}}, r"wrong value \(model\.name\)"),
        ({"model": {**model, "weights_sha256": "0" * 64}}, "speak of different models"),
        ({"data": {**data, "tracks": 13}}, r"wrong value \(data_sha256\)"),
        ({"data": {**data, "genres": {"\x1b[31mred": 5}}}, r"wrong value \(data\.genres\)"),
        ({"figures": {"loss": "low"}}, r"wrong value \(figures\.loss\)"),
        ({"licence": "a\nb"}, r"wrong value \(licence\)"),
        ({"trained_on": "2026-01-01\n# evil"}, r"wrong value \(trained_on\)"),
        ({"recipe": recipe}, "recipe 'songnet' makes other images than this version's"),
        ({"extra": {"history.csv": b"=cmd|'/C calc'!A1\n"}}, "history.csv is no table of numbers"),
        ({"extra": {"history.png": b"<script>"}}, "history.png is no PNG image"),
    ):
        forge(path, package, **changes)
        with pytest.raises(CheckpointError, match=message):
            import_model(empty_library, path, version=VERSION)
    with pytest.raises(ParameterError, match="is no model name"):
        import_model(empty_library, path, name="../up", version=VERSION)
    assert list(empty_library.models.iterdir()) == []
    # What is odd and harmless: the recipe's other clip count only needs images of its own.
    images = {"recipe": "songnet", "clips": 3, "silence_db": -60.0}
    report = import_model(empty_library, forge(path, package, config={"images": images}), version=VERSION)
    assert (report.card.images.key, report.tracks_with_images) == ("songnet-3", 0)


def test_a_folder_left_by_a_killed_training_is_no_obstacle_and_other_files_are(empty_library, exported):
    debris = empty_library.models / "late"
    debris.mkdir()
    (debris / "weights-0123456789.safetensors").write_bytes(b"half")
    assert import_model(empty_library, exported, name="late", version=VERSION).card.name == "late"
    mine = empty_library.models / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep")
    with pytest.raises(ParameterError, match="is there and is no model"):
        import_model(empty_library, exported, name="mine", version=VERSION)
    assert os.listdir(mine) == ["notes.txt"]
