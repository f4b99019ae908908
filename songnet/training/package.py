"""The file a model travels in: a ZIP of named, hashed members; reading one trusts nothing it says.

``manifest.json`` lists every other member with size and SHA-256 and holds its own; what it does not list, or lists
differently, is refused. As in `songnet.training.checkpoint`, hashes show damage; they are no signature.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from songnet.errors import CheckpointError, InputNotFoundError

PACKAGE_FORMAT = 1
MANIFEST = "manifest.json"
CARD = "card.md"
WEIGHTS_NAME = re.compile(r"weights-[0-9a-f]{10}\.safetensors")
MIB = 2**20
# Bytes that a member may have. The weights' limit also keeps the file below where ZIP needs its 64-bit records.
LIMITS = {MANIFEST: MIB, "config.json": MIB, CARD: MIB, "history.csv": 16 * MIB, "history.png": 16 * MIB}
WEIGHTS_LIMIT = 2**31 - 128 * MIB
REQUIRED = ("config.json", CARD, MANIFEST)
# Text deflates to a tenth, weights hardly at all; what swells more than this was made to.
MAX_RATIO = 100
# Seven entries take 500 bytes.
MAX_DIRECTORY = 8192
MAX_NESTING = 32
# The end-of-directory record, and the mark of its 64-bit variant's locator, which stands 20 bytes before it.
END_RECORD = struct.Struct("<4s4H2LH")
LOCATOR_64, LOCATOR_64_SIZE = b"PK\x06\x07", 20
# One moment for all members, so that the same model gives the same bytes; the earliest that ZIP can say.
MOMENT = (1980, 1, 1, 0, 0, 0)
# What `zipfile` raises over damage; NotImplementedError is a RuntimeError.
UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
REMEDY = "get the file anew from where it came from"


@dataclass(frozen=True)
class Package:
    """Checked content of a model file.

    Parameters
    ----------
    manifest : dict
        ``manifest.json``.
    members : dict of str to bytes
        Every other member by name; sizes and hashes are those of the manifest.
    weights_name : str
        Which of them is the safetensors file.
    """

    manifest: dict[str, Any]
    members: dict[str, bytes] = field(repr=False)
    weights_name: str


def digest_json(content: Any) -> str:
    """SHA-256 of an object's canonical JSON, as hexadecimal digits.

    Examples
    --------
    >>> digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def pack(members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> bytes:
    """The bytes of a model file: the same for the same content.

    Parameters
    ----------
    members : Mapping of str to bytes
        All but the manifest.
    manifest : Mapping
        What it says beside the list of members and its own hash, which are added here.
    """
    entries = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()}
    described = json.loads(json.dumps({**manifest, "format": PACKAGE_FORMAT, "members": entries}))
    described["manifest_sha256"] = digest_json(described)
    text = json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in sorted({**members, MANIFEST: text.encode()}.items()):
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            # Trained weights are noise to a compressor.
            is_text = not name.endswith((".safetensors", ".png"))
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED, 9)
    return stream.getvalue()


def read_package(path: Path) -> Package:
    """Read a model file that anyone may have made.

    Raises
    ------
    InputNotFoundError
        If there is no such file.
    CheckpointError
        If it is no ZIP of exactly the members its manifest lists, with their sizes and hashes.
    """
    if not path.is_file():
        raise InputNotFoundError(f"{path} is not a file: name one that `songnet models export` wrote")
    try:
        with path.open("rb") as stream:
            _check_end(path, stream)
            with zipfile.ZipFile(stream) as archive:
                entries = _check_entries(path, archive.infolist())
                content = {name: _read_member(path, archive, entry) for name, entry in entries.items()}
    except UNREADABLE as error:
        raise CheckpointError(f"{path} is no ZIP file that can be read ({error}): {REMEDY}") from error
    except OSError as error:
        # An offset that points before the file; other failures of the disk are told as such.
        if error.errno != errno.EINVAL:
            raise
        raise CheckpointError(f"{path} points outside itself: {REMEDY}") from error
    manifest = _check_manifest(path, content.pop(MANIFEST), content)
    return Package(manifest, content, next(name for name in content if WEIGHTS_NAME.fullmatch(name)))


def _check_end(path: Path, stream: BinaryIO) -> None:
    """Bound what `zipfile` will read before it knows of any member."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - END_RECORD.size - LOCATOR_64_SIZE))
    tail = stream.read()
    record = tail[-END_RECORD.size :]
    if len(record) < END_RECORD.size or not record.startswith(b"PK\x05\x06"):
        raise CheckpointError(f"{path} does not end as a ZIP file does (truncated, or something else): {REMEDY}")
    directory = END_RECORD.unpack(record)[5]
    if directory > MAX_DIRECTORY or (len(tail) > END_RECORD.size and tail.startswith(LOCATOR_64)):
        raise CheckpointError(f"{path} lists far more members than a model has: it is none, or was tampered with")
    stream.seek(0)


def _check_entries(path: Path, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.orig_filename
        limit = WEIGHTS_LIMIT if WEIGHTS_NAME.fullmatch(name) else LIMITS.get(name)
        kind = stat.S_IFMT(info.external_attr >> 16)
        wrong = None
        if limit is None or name != info.filename:
            wrong = "is none of a model's files"
        elif name in entries:
            wrong = "is there twice"
        elif info.flag_bits & 0x1:
            wrong = "is encrypted"
        elif kind not in (0, stat.S_IFREG):
            wrong = "is no plain file"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            wrong = f"is compressed by method {info.compress_type}, not stored or deflated"
        elif info.file_size > limit:
            wrong = f"says it has {info.file_size:,} bytes, more than the {limit:,} allowed"
        elif info.file_size > MIB and info.file_size > MAX_RATIO * info.compress_size:
            wrong = f"would swell from {info.compress_size:,} to {info.file_size:,} bytes"
        if wrong:
            raise CheckpointError(f"{path}: the member {name[:80]!r} {wrong}: do not trust this file")
        entries[name] = info
    n_weights = sum(WEIGHTS_NAME.fullmatch(name) is not None for name in entries)
    missing = [name for name in REQUIRED if name not in entries]
    if missing or n_weights != 1:
        lacks = ", ".join(missing) or f"exactly one weights file (it has {n_weights})"
        raise CheckpointError(f"{path} is no model file of songnet, it lacks {lacks}: {REMEDY}")
    return entries


def _read_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    # What the directory declares was checked; that no more comes out is checked here. The end of the member must
    # be met for its CRC to be compared.
    with archive.open(info) as member:
        content = member.read(info.file_size)
        if len(content) != info.file_size or member.read(1):
            raise CheckpointError(f"{path}: the member {info.filename!r} has not the size it declares: {REMEDY}")
    return content


def _check_manifest(path: Path, text: bytes, members: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        _check_nesting(manifest)
        if manifest["format"] != PACKAGE_FORMAT:
            raise CheckpointError(
                f"{path} has format {manifest['format']!r}, this program reads {PACKAGE_FORMAT}: update songnet"
            )
        unhashed = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
        if manifest["manifest_sha256"] != digest_json(unhashed):
            raise CheckpointError(f"{path}: {MANIFEST} was altered (its hash does not fit): {REMEDY}")
        listed = manifest["members"]
        if set(listed) != set(members):
            odd = sorted(set(listed) ^ set(members))[0]
            raise CheckpointError(f"{path}: {odd[:80]!r} is not both listed in {MANIFEST} and there: {REMEDY}")
        for name, content in members.items():
            if listed[name] != {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}:
                raise CheckpointError(f"{path}: {name} is not what {MANIFEST} lists (hash or size differ): {REMEDY}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}: {MANIFEST} is damaged ({type(error).__name__}: {error}): {REMEDY}") from error
    return manifest  # type: ignore[no-any-return]  # a dict: it has items


def _check_nesting(content: Any, depth: int = 0) -> None:
    if depth > MAX_NESTING:
        raise ValueError("nested too deeply")
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for value in inner:
        _check_nesting(value, depth + 1)
