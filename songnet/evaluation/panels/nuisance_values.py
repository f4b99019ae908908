"""What a track's vector should not tell: how its file was made, how loud it is, when it came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from songnet.clustering.naming import tag_values
from songnet.config import ImageConfig
from songnet.descriptors.acoustic import band_edges, band_energies
from songnet.errors import ParameterError
from songnet.library import Library, from_arrow, table_name
from songnet.library.tracks import tracks_by_id
from songnet.progress import Progress, silent
from songnet.spectrogram import Recipe, get_recipe, to_decibels

# A frame below this level is silence, as a clip is when images are made (`songnet.config.ImageConfig.silence_db`).
SILENCE_DB = -60.0
# A band this far below the loudest of the track is empty: a coder's cut-off falls by more than that.
CUTOFF_DB = 60.0
# Codecs that keep every sample. Their bit rate follows from the music and the rate, not from a setting.
LOSSLESS_CODECS = frozenset({"flac", "alac", "wavpack", "ape", "tta", "tak", "shorten"})
# Images measured together, so that what is computed of them stays in the cache.
IMAGES_AT_ONCE = 16
# Images read at once.
READ_IMAGES = 1024


@dataclass(frozen=True, eq=False)
class Nuisance:
    """One quantity of every track that has nothing to do with what the music is.

    Parameters
    ----------
    name : str
        ``"loudness"``, ``"bandwidth"``, ``"silence"``, ``"bit_rate"``, ``"year"``, ``"codec"``, ``"channels"`` or
        ``"sample_rate"``.
    kind : str
        ``"number"`` or ``"class"``.
    unit : str
        Of a number; empty for classes.
    values : numpy.ndarray [shape=(n_tracks,), dtype=float64 or object]
        Numbers, NaN where unknown; or classes as str, None where unknown.
    """

    name: str
    kind: str
    unit: str
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.kind not in ("number", "class"):
            raise ParameterError(f"{self.kind!r} is no kind of nuisance; choose number or class")
        if self.values.ndim != 1:
            raise ParameterError(f"{self.name} needs one value a track, not an array of shape {self.values.shape}")

    @property
    def known(self) -> np.ndarray:
        """Tracks for which there is a value [shape=(n_tracks,), dtype=bool]."""
        if self.kind == "number":
            return np.isfinite(self.values.astype(np.float64))
        return np.array([value is not None for value in self.values], dtype=bool)


def image_nuisances(pixels: np.ndarray, starts: np.ndarray, recipe: Recipe) -> dict[str, np.ndarray]:
    """Loudness, bandwidth and silence of tracks, from their mel images.

    Parameters
    ----------
    pixels : numpy.ndarray [shape=(n_clips, n_mels, n_frames), dtype=uint8]
        Mel images, the clips of one track next to each other.
    starts : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Row of each track's first clip, ascending from 0.
    recipe : Recipe
        What made the images.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(n_tracks,), dtype=float64]
        ``loudness``: RMS level in dBFS over all clips.
        ``bandwidth``: effective cut-off in Hz, the centre of the highest band whose power per Hz is less than 60 dB
        below that of the loudest band, and above black; at most the recipe's highest band, 0 for silence. A band's
        power is what a tenth of a clip's frames exceed, in the clip where that is most.
        ``silence``: share of frames below -60 dBFS, 0 to 1 (clips that are silent as a whole were never cut).

    Examples
    --------
    >>> recipe = get_recipe("songnet")
    >>> found = image_nuisances(np.zeros((2, 96, 216), np.uint8), np.array([0]), recipe)
    >>> found["bandwidth"].tolist(), found["silence"].tolist()
    ([0.0], [1.0])
    """
    power = np.empty(len(pixels))
    quiet = np.empty(len(pixels))
    bands = np.empty((len(pixels), recipe.n_mels))
    for start in range(0, len(pixels), IMAGES_AT_ONCE):
        part = slice(start, start + IMAGES_AT_ONCE)
        db = to_decibels(pixels[part], recipe)
        levels = band_energies(db, recipe).sum(axis=1, dtype=np.float64)
        power[part] = levels.mean(axis=1)
        quiet[part] = (levels < 10.0 ** (SILENCE_DB / 10.0)).mean(axis=1)
        # No mean: where a clip is cut off, a frame or two at its ends are bright in all bands.
        bands[part] = np.percentile(db, 90.0, axis=2)
    counts = np.diff(np.append(starts, len(pixels)))
    density = np.maximum.reduceat(bands, starts, axis=0)
    floor = np.maximum(recipe.db_min + recipe.step_db / 2, density.max(axis=1) - CUTOFF_DB)
    filled = density > floor[:, None]
    highest = recipe.n_mels - 1 - np.argmax(filled[:, ::-1], axis=1)
    centres = band_edges(recipe)[1:-1]
    return {
        "loudness": 10.0 * np.log10(np.add.reduceat(power, starts) / counts),
        "bandwidth": np.where(filled.any(axis=1), centres[highest], 0.0),
        "silence": np.add.reduceat(quiet, starts) / counts,
    }


def library_nuisances(
    library: Library, track_ids: Sequence[str], images: ImageConfig, *, progress: Progress = silent
) -> tuple[Nuisance, ...]:
    """Everything of the kind that a library knows of some tracks; no file is opened.

    Parameters
    ----------
    library : Library
        Open for reading.
    track_ids : sequence of str
        Sorted, none twice: the rows of the vectors to be examined.
    images : ImageConfig
        Image set to measure loudness, bandwidth and silence on; unknown for tracks without images in it.
    progress : Progress
        Told of images measured.

    Returns
    -------
    tuple of Nuisance
        Values in the order of `track_ids`. ``bit_rate`` is the logarithm to base 2 of kbit/s, the size of the file
        over the track's length (a picture inside the file is counted), and known of lossy codecs only.

    Raises
    ------
    ParameterError
        If the ids are not sorted, or the library does not know one.
    """
    ids = list(track_ids)
    if ids != sorted(set(ids)):
        raise ParameterError("nuisance values need sorted track ids, none twice")
    tracks = tracks_by_id(library.db)
    unknown = next((track for track in ids if track not in tracks), None)
    if unknown is not None:
        raise ParameterError(f"the library has no track {unknown!r}: its vectors are of another library")
    sizes: dict[str, int] = {}
    # One path a track, the first of those where it stands now: the one that `tracks_by_id` names.
    for row in library.db.execute("SELECT track_id, size FROM paths ORDER BY missing_since IS NOT NULL, path"):
        sizes.setdefault(row[0], row[1])
    measured = _measured(library, ids, images, progress)
    return (
        Nuisance("loudness", "number", "dBFS", measured["loudness"]),
        Nuisance("bandwidth", "number", "Hz", measured["bandwidth"]),
        Nuisance("silence", "number", "share of frames", measured["silence"]),
        Nuisance("bit_rate", "number", "log2 kbit/s", np.array([_bit_rate(tracks[t], sizes.get(t)) for t in ids])),
        Nuisance("year", "number", "years", np.array([_year(tracks[track]) for track in ids])),
        *(_classes(name, [tracks[track][column] for track in ids]) for name, column in CLASS_COLUMNS.items()),
    )


CLASS_COLUMNS = {"codec": "codec", "channels": "channels", "sample_rate": "sr"}


def _measured(library: Library, ids: list[str], images: ImageConfig, progress: Progress) -> dict[str, np.ndarray]:
    recipe = get_recipe(images.recipe)
    values = {name: np.full(len(ids), np.nan) for name in ("loudness", "bandwidth", "silence")}
    place = {track: index for index, track in enumerate(ids)}
    keys = library.arrays.keys(table_name("images", images.key))
    track_of_row = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False), dtype=object)
    wanted = np.array([track in place for track in track_of_row], dtype=bool)
    track_of_row, row_ids = track_of_row[wanted], np.asarray(keys["_rowid"])[wanted]
    if not len(row_ids):
        return values
    bounds = np.append(np.flatnonzero(np.append(True, track_of_row[1:] != track_of_row[:-1])), len(row_ids))
    first = 0
    while first < len(bounds) - 1:
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + READ_IMAGES, side="right")) - 1)
        rows = library.arrays.take(table_name("images", images.key), row_ids[bounds[first] : bounds[last]])
        pixels = from_arrow(rows["values"]).reshape(-1, *recipe.shape)
        found = image_nuisances(pixels, bounds[first:last] - bounds[first], recipe)
        places = [place[track] for track in track_of_row[bounds[first:last]]]
        for name, column in values.items():
            column[places] = found[name]
        progress("nuisance", int(bounds[last]), len(row_ids))
        first = last
    return values


def is_lossless(codec: str) -> bool:
    """Whether a codec, by the library's name for it, keeps every sample."""
    return codec in LOSSLESS_CODECS or codec.startswith("pcm") or codec in ("float", "double")


def _bit_rate(track: dict[str, object], size: int | None) -> float:
    codec, duration = track["codec"], track["duration_s"]
    if not isinstance(codec, str) or is_lossless(codec) or not isinstance(duration, float) or not size:
        return float("nan")
    return float(np.log2(size * 8 / 1000 / duration)) if duration > 0 else float("nan")


def _year(track: dict[str, object]) -> float:
    return next((float(value) for kind, value, _ in tag_values(track) if kind == "year"), float("nan"))


def _classes(name: str, values: Sequence[object]) -> Nuisance:
    column = np.empty(len(values), dtype=object)
    column[:] = [None if value is None else str(value) for value in values]
    return Nuisance(name, "class", "", column)
