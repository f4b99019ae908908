"""Mel images as PNG files: R1's exchange format, one grayscale picture a clip, named by track id.

Rows and grey levels are kept exactly as they are, row 0 being the lowest mel band, so that import and export are
inverse to each other to the last bit. Pictures drawn with the lowest band at the bottom are turned over on request.
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from PIL import Image

from songnet.config import ImageConfig
from songnet.errors import ImageError, InputNotFoundError, ParameterError
from songnet.library import Library, from_arrow, table_name, to_arrow
from songnet.library import tracks as ledger
from songnet.library.files import write_bytes
from songnet.progress import Progress, silent
from songnet.spectrogram.recipes import get_recipe

BATCH_IMAGES = 1024
COLOUR_TYPES = {0: "grayscale", 2: "RGB", 3: "palette", 4: "grayscale with alpha", 6: "RGB with alpha"}
# "<track id>.png" is the only clip of a track, "<track id>.clip3.png" one of several.
CLIP_NAME = re.compile(r"(?P<track>.+?)(\.clip(?P<clip>\d{1,4}))?\.png", re.IGNORECASE | re.DOTALL)


@dataclass
class PngReport:
    """What an import or export did; counts are files unless said otherwise.

    ``beyond`` counts images of tracks that have more clips than the set takes.
    """

    found: int = 0
    image_set: str = ""
    imported: int = 0
    beyond: int = 0
    unchanged: int = 0
    exported: int = 0
    failed: int = 0
    tracks: int = 0


def read_png(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read one mel image.

    Parameters
    ----------
    path : pathlib.Path
        A grayscale PNG of 8 bits a pixel.
    shape : tuple of int
        Rows and columns it must have.

    Returns
    -------
    numpy.ndarray [shape=shape, dtype=uint8]
        The picture's rows, the first one first.

    Raises
    ------
    ImageError
        If it is not such a picture; the message says what it is instead.
    """
    try:
        with path.open("rb") as stream:
            _judge_header(stream.read(26), shape)
            stream.seek(0)
            with Image.open(stream, formats=["PNG"]) as picture:
                pixels: np.ndarray = np.asarray(picture, dtype=np.uint8)
                return pixels
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"cannot be read: {error}") from error


def _judge_header(header: bytes, shape: tuple[int, int]) -> None:
    """Refuse by the first 26 bytes, before a single pixel is unpacked."""
    if len(header) < 26 or header[:8] != b"\x89PNG\r\n\x1a\n" or header[12:16] != b"IHDR":
        raise ImageError("is not a PNG file")
    columns, rows, depth, colour = struct.unpack(">IIBB", header[16:26])
    if (depth, colour) != (8, 0):
        kind = COLOUR_TYPES.get(colour, f"of colour type {colour}")
        raise ImageError(f"is a PNG with {depth} bits a sample, {kind}, not 8-bit grayscale")
    if (rows, columns) != shape:
        raise ImageError(f"is {rows} x {columns} pixels (rows x columns), not {shape[0]} x {shape[1]}")


def _named_images(folder: Path) -> Iterator[tuple[Path, str, int, os.stat_result]]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.lower().endswith(".png") and entry.is_file())
    for name in names:
        match = CLIP_NAME.fullmatch(name)
        if match is not None:
            path = folder / name
            yield path, match["track"], int(match["clip"] or 0), path.stat()


def import_spectrograms(
    library: Library,
    folder: Path,
    *,
    recipe: str = "deejai",
    clips: int = 1,
    flip: bool = False,
    progress: Progress = silent,
) -> PngReport:
    """Read a folder of mel images into the library; the file names are the track ids.

    Parameters
    ----------
    library : Library
        Open for writing and reconciled.
    folder : pathlib.Path
        Holds ``<track id>.png``, or ``<track id>.clip<n>.png`` for several clips of a track.
    recipe : str
        Recipe that the images were made by.
    clips : int
        Clips a track at most; the images go to the image set ``<recipe>-<clips>``.
    flip : bool
        The pictures have the lowest band at the bottom: turn them over.
    progress : Progress
        Told of every file.

    Returns
    -------
    PngReport
        Counts. Files that are no such images are in the library's ``failures``.
    """
    if not folder.is_dir():
        raise InputNotFoundError(f"{folder} is not a folder: name the folder that holds the PNG files")
    shape = get_recipe(recipe).shape
    found = list(_named_images(folder))
    if not found:
        raise InputNotFoundError(f"{folder} holds no .png files")
    by_track: dict[str, list[tuple[int, Path, os.stat_result]]] = {}
    for path, track_id, clip, stat in found:
        by_track.setdefault(track_id, []).append((clip, path, stat))
    image_set = ImageConfig(recipe, clips).key
    done = {row[0] for row in library.db.execute("SELECT track_id FROM images WHERE image_set = ?", (image_set,))}
    report = PngReport(found=len(found), image_set=image_set)
    rows: dict[str, list[tuple[int, np.ndarray]]] = {}
    failures: list[tuple[Path, os.stat_result, str]] = []
    seen = 0
    for track_id, files in by_track.items():
        seen += len(files)
        if track_id in done:
            report.unchanged += len(files)
            continue
        images = []
        files.sort(key=lambda entry: entry[0])
        report.beyond += len(files[clips:])
        for clip, path, stat in files[:clips]:
            try:
                track_id.encode("utf-8")
                pixels = read_png(path, shape)
            except UnicodeEncodeError:
                failures.append((path, stat, "its name is not valid UTF-8, so it cannot be a track id"))
            except ImageError as error:
                failures.append((path, stat, str(error)))
            else:
                images.append((clip, (pixels[::-1] if flip else pixels).reshape(-1)))
        if images:
            rows[track_id] = images
        if sum(map(len, rows.values())) + len(failures) >= BATCH_IMAGES:
            _write(library, image_set, rows, failures, report)
        progress("import images", seen, len(found))
    _write(library, image_set, rows, failures, report)
    library.arrays.compact(table_name("images", image_set))
    return report


def _write(
    library: Library,
    image_set: str,
    rows: dict[str, list[tuple[int, np.ndarray]]],
    failures: list[tuple[Path, os.stat_result, str]],
    report: PngReport,
) -> None:
    if rows:
        flat = [(track_id, clip, pixels) for track_id, images in rows.items() for clip, pixels in images]
        table = to_arrow(
            [row[0] for row in flat],
            [row[1] for row in flat],
            [0.0] * len(flat),
            [False] * len(flat),
            np.stack([row[2] for row in flat]),
        )
        library.arrays.append(table_name("images", image_set), table)
    with library.db:
        for track_id, images in rows.items():
            library.db.execute(
                "INSERT INTO tracks (track_id, source) VALUES (?, 'image') ON CONFLICT (track_id) DO NOTHING",
                (track_id,),
            )
            library.db.execute(
                "INSERT INTO images (image_set, track_id, n_clips) VALUES (?, ?, ?)", (image_set, track_id, len(images))
            )
        for path, stat, reason in failures:
            ledger.record_failure(
                library.db, bytes(path.absolute()), stat.st_size, stat.st_mtime_ns, "not-image", reason
            )
    report.imported += sum(map(len, rows.values()))
    report.tracks += len(rows)
    report.failed += len(failures)
    rows.clear()
    failures.clear()


def export_spectrograms(
    library: Library, folder: Path, image_set: str, *, flip: bool = False, progress: Progress = silent
) -> PngReport:
    """Write an image set as PNG files, the inverse of `import_spectrograms`.

    Parameters
    ----------
    library : Library
        Open for reading.
    folder : pathlib.Path
        Made when it does not exist; files that are there already are written anew.
    image_set : str
        E.g. ``"songnet-8"``.
    flip : bool
        Write the lowest band at the bottom.
    progress : Progress
        Told of every image.
    """
    name = table_name("images", image_set)
    if name not in library.arrays.names():
        there = [entry.removeprefix("images-") for entry in library.arrays.names() if entry.startswith("images-")]
        raise ParameterError(f"the library has no image set {image_set!r}; it has: {', '.join(there) or 'none'}")
    shape = get_recipe(image_set.rpartition("-")[0]).shape
    folder.mkdir(parents=True, exist_ok=True)
    keys = library.arrays.keys(name)
    single = image_set.endswith("-1")
    report = PngReport(found=keys.num_rows, image_set=image_set, tracks=len(pc.unique(keys["track_id"])))
    row_ids = np.asarray(keys["_rowid"])
    for rows in library.arrays.batches(name, row_ids, BATCH_IMAGES, ["track_id", "clip", "values"]):
        pixels = from_arrow(rows["values"]).reshape(-1, *shape)
        for track_id, clip, image in zip(rows["track_id"].to_pylist(), rows["clip"].to_pylist(), pixels, strict=True):
            stream = io.BytesIO()
            Image.fromarray(image[::-1] if flip else image).save(stream, format="PNG")
            write_bytes(
                folder / (f"{track_id}.png" if single else f"{track_id}.clip{clip}.png"),
                stream.getvalue(),
                durable=False,
            )
            report.exported += 1
            progress("export images", report.exported, report.found)
    return report
