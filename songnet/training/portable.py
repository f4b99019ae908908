"""Models from one library to another: one file out, and in again only what was proved to be a model.

A model file holds the library's own ``config.json`` and weights unchanged, so an imported model is the exported one bit
for bit, and gives the same codes. ``imported.json`` in the model's folder says where it came from.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from songnet.errors import CheckpointError, InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library.files import write_bytes, write_json
from songnet.library.tracks import now
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe
from songnet.training.admission import UPDATE, admit_model
from songnet.training.checkpoint import ModelCard, check_name, list_models, parse_card, read_card
from songnet.training.data_card import render_card
from songnet.training.description import IMPORTED, describe_model, read_optional
from songnet.training.manifest import check_manifest
from songnet.training.package import CARD, LIMITS, MANIFEST, REMEDY, WEIGHTS_LIMIT, Package, pack, read_package

STAGING = ".importing"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
HISTORY_LINE = re.compile(r"[\w.,+\- ]*", re.ASCII)


@dataclass(frozen=True)
class ExportReport:
    """What `export_model` wrote.

    Parameters
    ----------
    card : ModelCard
        The model.
    path : pathlib.Path
        The file.
    size : int
        Its bytes.
    sha256 : str
        Its hash, to be told by another way than the file.
    members : list of str
        What it holds.
    """

    card: ModelCard
    path: Path
    size: int
    sha256: str
    members: list[str]


@dataclass(frozen=True)
class ImportReport:
    """What `import_model` did.

    Parameters
    ----------
    card : ModelCard
        The model under its name in this library.
    unchanged : bool
        The library had it already.
    original_name : str
        What it was called where it came from.
    source : str
        Fingerprint of the description of the data it was trained on.
    tracks_with_images : int
        Tracks of this library that it can encode at once: they have mel images of its recipe.
    """

    card: ModelCard
    unchanged: bool
    original_name: str
    source: str
    tracks_with_images: int


def export_model(
    library: Library, name: str, path: Path, *, version: str, licence: str | None = None, force: bool = False
) -> ExportReport:
    """Write a model into one file that another library can import.

    The same model, described in the same way, gives the same bytes.

    Parameters
    ----------
    library : Library
        That has it; reading is enough.
    name : str
        The model.
    path : pathlib.Path
        The file, ending in ``.zip``.
    version, licence : str
        As in `songnet.training.description.describe_model`.
    force : bool
        Replace a file that is there.

    Raises
    ------
    InputNotFoundError
        If there is no such model, or no folder for the file.
    ParameterError
        If the file's name does not end in ``.zip``, or it is there and must not be replaced.
    CheckpointError
        If the model is damaged.
    """
    card = read_card(library.models, name)
    if path.suffix.lower() != ".zip":
        raise ParameterError(f"{path} ends in {path.suffix!r}; a model is written as .zip")
    if not path.absolute().parent.is_dir():
        raise InputNotFoundError(f"there is no folder {path.absolute().parent} to write {path.name} to: make it first")
    if path.is_dir() or (path.exists() and not force):
        remedy = "choose another name" if path.is_dir() else "choose another name, or replace it with --force"
        raise ParameterError(f"{path} is there already: {remedy}")
    folder = library.models / name
    weights = folder / f"weights-{card.weights_sha256[:10]}.safetensors"
    content = read_optional(weights)
    if content is None or hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise CheckpointError(f"{weights} is missing, damaged or was altered: train the model again, or import it anew")
    members = {"config.json": (folder / "config.json").read_bytes(), weights.name: content}
    for extra in ("history.csv", "history.png"):
        if (data := read_optional(folder / extra)) is not None:
            members[extra] = data
    manifest = describe_model(library, card, version=version, licence=licence)
    members[CARD] = render_card(card, manifest).encode()
    for member, data in members.items():
        if len(data) > LIMITS.get(member, WEIGHTS_LIMIT):
            raise CheckpointError(f"{folder / member} has {len(data):,} bytes, more than a model file may hold")
    packed = pack(members, manifest)
    write_bytes(path, packed)
    return ExportReport(card, path, len(packed), hashlib.sha256(packed).hexdigest(), sorted([*members, MANIFEST]))


def import_model(
    library: Library, path: Path, *, name: str | None = None, version: str, progress: Progress = silent
) -> ImportReport:
    """Check a model file and put its model into a library.

    The model is built and loaded in memory first. Its folder is written under another name and renamed, so a kill
    leaves either all of it or nothing.

    Parameters
    ----------
    library : Library
        Open for writing.
    path : pathlib.Path
        What `export_model` wrote, here or elsewhere.
    name : str, optional
        What to call it; its own name without.
    version : str
        Of this program.
    progress : Progress
        Told of the three steps: read, checked, written.

    Raises
    ------
    InputNotFoundError
        If there is no such file.
    ParameterError
        If the name is none, or another model has it.
    CheckpointError
        If the file is damaged, was altered, or holds no model that this program can use.
    """
    package = read_package(path)
    check_manifest(package.manifest, str(path))
    original = package.manifest["model"]["name"]
    name = check_name(original if name is None else name)
    card = parse_card(package.members["config.json"], name, f"{path}: config.json", REMEDY)
    _check_agreement(path, package, card)
    progress("import", 1, 3, "read")
    target = library.models / name
    unchanged = _holds(target, package)
    if not unchanged:
        _refuse_taken(library, target)
        admit_model(card, package.members[package.weights_name], str(path), REMEDY)
        progress("import", 2, 3, "checked")
        _store(library, target, package, {
            "at": now(), "file": path.name, "original_name": original, "version": version,
            "weights_sha256": card.weights_sha256,
        }, progress)  # fmt: skip
    progress("import", 3, 3, "")
    (ready,) = library.db.execute("SELECT count(*) FROM images WHERE image_set = ?", (card.images.key,)).fetchone()
    return ImportReport(card, unchanged, original, package.manifest["data_sha256"], ready)


def _check_agreement(path: Path, package: Package, card: ModelCard) -> None:
    stated, recipe = package.manifest["model"], package.manifest["recipe"]
    if (stated["weights_sha256"], stated["preset"], stated["family"]) != (
        card.weights_sha256,
        card.preset,
        card.family,
    ):
        raise CheckpointError(f"{path}: manifest.json and config.json speak of different models: {REMEDY}")
    if package.weights_name != f"weights-{card.weights_sha256[:10]}.safetensors":
        raise CheckpointError(f"{path}: {package.weights_name} is not the weights file of config.json: {REMEDY}")
    try:
        known = asdict(get_recipe(card.images.recipe))
    except (ParameterError, TypeError) as error:
        raise CheckpointError(f"{path}: {error}: {UPDATE}") from error
    if recipe != known:
        raise CheckpointError(
            f"{path}: its recipe {card.images.recipe!r} makes other images than this version's, so its codes would mean"
            f" something else: {UPDATE}"
        )
    lines = package.members.get("history.csv", b"").decode("utf-8", "replace").split("\n")
    if not all(HISTORY_LINE.fullmatch(line) for line in lines):
        raise CheckpointError(f"{path}: history.csv is no table of numbers: {REMEDY}")
    if not package.members.get("history.png", PNG_SIGNATURE).startswith(PNG_SIGNATURE):
        raise CheckpointError(f"{path}: history.png is no PNG image: {REMEDY}")


def _holds(target: Path, package: Package) -> bool:
    """Whether a folder holds just this model already."""
    names = ("config.json", package.weights_name)
    return all(read_optional(target / name) == package.members[name] for name in names)


def _refuse_taken(library: Library, target: Path) -> None:
    if target.name in list_models(library.models):
        raise ParameterError(
            f"the library has another model {target.name!r} already: import this one with --name NEW, or remove that"
            f" one with `songnet models delete {target.name}`"
        )
    if target.exists():
        # A training that was killed at its very end leaves weights without a description.
        for orphan in target.glob("weights-*.safetensors"):
            orphan.unlink()
        try:
            target.rmdir()
        except OSError:
            raise ParameterError(
                f"{target} is there and is no model: move it away, or import with --name NEW"
            ) from None


def _store(library: Library, target: Path, package: Package, origin: Mapping[str, Any], progress: Progress) -> None:
    staging = library.models / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    folder = staging / target.name
    folder.mkdir(parents=True)
    try:
        for name, content in package.members.items():
            # The card is rendered anew from checked values where it is wanted.
            if name != CARD:
                write_bytes(folder / name, content)
        write_json(folder / IMPORTED, {**origin, "manifest": package.manifest})
        progress("import", 2, 3, "written")
        os.replace(folder, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
