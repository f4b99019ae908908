"""What is evaluated: one vector a track, and where there are any, vectors of its clips."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from songnet.clustering.features import load_features
from songnet.config import ClusterConfig, ImageConfig
from songnet.embedding.aggregate import AGGREGATES, CORPUS_AGGREGATES, as_sequences, clip_vectors
from songnet.embedding.vectors import time_axis
from songnet.errors import InputNotFoundError, ParameterError
from songnet.evaluation.clips import ClipPlan, Parts
from songnet.library import Library, from_arrow, table_name
from songnet.training import ModelCard

# Code values read at once: 64 MB.
READ_VALUES = 16 * 2**20
KINDS = ("codes", "joined", "descriptors", "vectors", "baseline")


@dataclass(frozen=True, eq=False)
class System:
    """One way to turn a track into numbers.

    Parameters
    ----------
    name : str
        For people, and the key of the report: ``"codes:cae-12x15"``.
    kind : str
        One of `KINDS`; a ``"baseline"`` is what the others must beat.
    track_ids : list of str
        Sorted.
    vectors : numpy.ndarray [shape=(n, d), dtype=float32]
    parts : Parts or None
        None where single clips have no vectors.
    space : str or None
        A space of its own (`songnet.evaluation.points.SPACES`); None takes the evaluation's.
    widths : tuple of int
        Columns of each block, where several kinds of numbers are joined; each is whitened by itself.
    rival_of : str or None
        Of a baseline: the kind of system that must beat it; None is every kind.
    """

    name: str
    kind: str
    track_ids: list[str]
    vectors: np.ndarray
    parts: Parts | None = None
    space: str | None = None
    rival_of: str | None = None
    widths: tuple[int, ...] = ()

    def of_tracks(self, track_ids: Sequence[str]) -> System:
        """The same with the given tracks alone, in their order."""
        row = {track: index for index, track in enumerate(self.track_ids)}
        return replace(self, track_ids=list(track_ids), vectors=self.vectors[[row[track] for track in track_ids]])


def code_parts(codes: np.ndarray, axis: int | None, aggregate: str, unit: str) -> np.ndarray | None:
    """Vectors of clips or halves from code maps.

    Parameters
    ----------
    codes : numpy.ndarray [shape=(n, *code_shape)]
        One a clip.
    axis : int or None
        Axis of the code shape that is time.
    aggregate : str
        As the track vectors are made (`songnet.embedding.AGGREGATES`); where those depend on all tracks, the mean.
    unit : str
        ``"clips"``: a vector a clip; ``"halves"``: two, the halves of each in turn.

    Returns
    -------
    numpy.ndarray or None [shape=(n or 2 n, d), dtype=float32]
        None for halves of codes without (enough) time.
    """
    if unit == "halves":
        sequences = as_sequences(codes, axis)
        half = sequences.shape[1] // 2
        if axis is None or half == 0:
            return None
        both = np.stack([sequences[:, :half], sequences[:, -half:]], axis=1)
        codes, axis = both.reshape(2 * len(codes), half, -1), 0
    if aggregate in CORPUS_AGGREGATES:
        return clip_vectors(codes, axis)
    vectors: np.ndarray = AGGREGATES[aggregate](codes, np.arange(len(codes)), axis)
    return vectors


def load_codes(library: Library, card: ModelCard, aggregate: str) -> System:
    """A model's track vectors as a system, without tracks whose files are gone.

    Raises
    ------
    InputNotFoundError
        If the library has none.
    """
    config = ClusterConfig(features="codes")
    features = load_features(library, config, images=card.images, card=card, aggregate=aggregate)
    return System(f"codes:{card.name}", "codes", features.track_ids, features.values)


def load_code_parts(library: Library, card: ModelCard, aggregate: str, plan: ClipPlan) -> Parts | None:
    """A model's vectors of the clips (or halves) of a plan; None where its codes have no time to halve."""
    table = table_name("codes", card.key)
    keys = library.arrays.keys(table)
    owners = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False), dtype=object)
    numbers = np.asarray(keys["clip"])
    wanted = plan.wanted(owners, numbers)
    shape = tuple(card.training["code_shape"])
    size = max(1, READ_VALUES // int(np.prod(shape)))
    found = []
    for rows in library.arrays.batches(table, np.asarray(keys["_rowid"])[wanted], size, ["values"]):
        part = code_parts(from_arrow(rows["values"]).reshape(-1, *shape), time_axis(card), aggregate, plan.unit)
        if part is None:
            return None
        found.append(part)
    if not found:
        return None
    return plan.parts(owners[wanted], numbers[wanted], np.concatenate(found))


def load_timbre(library: Library, images: ImageConfig) -> System:
    """The library's timbre descriptors as a system, without tracks whose files are gone.

    Raises
    ------
    InputNotFoundError
        If the library has none.
    """
    config = ClusterConfig(features="descriptors")
    features = load_features(library, config, images=images, card=None, aggregate="")
    return System("descriptors", "descriptors", features.track_ids, features.values)


def join(first: System, second: System, name: str, kind: str) -> System:
    """Two systems side by side, on the tracks (and clips) that both have."""
    rows = {track: index for index, track in enumerate(second.track_ids)}
    pairs = [(index, rows[track]) for index, track in enumerate(first.track_ids) if track in rows]
    if not pairs:
        raise InputNotFoundError(f"no track has both {first.name} and {second.name}: run `songnet embed FOLDER` again")
    left, right = np.array(pairs).T
    vectors = np.concatenate([first.vectors[left], second.vectors[right]], axis=1)
    track_ids = [first.track_ids[index] for index in left]
    widths = first.vectors.shape[1], second.vectors.shape[1]
    return System(name, kind, track_ids, vectors, join_parts(first.parts, second.parts), widths=widths)


def join_parts(first: Parts | None, second: Parts | None) -> Parts | None:
    """Parts side by side, those that both have; None where one has none."""
    if first is None or second is None:
        return None
    row = {key: index for index, key in enumerate(zip(second.owners, second.numbers.tolist(), strict=True))}
    keys = list(zip(first.owners, first.numbers.tolist(), strict=True))
    pairs = [(index, row[key]) for index, key in enumerate(keys) if key in row]
    if not pairs:
        return None
    left, right = np.array(pairs).T
    vectors = np.concatenate([first.vectors[left], second.vectors[right]], axis=1)
    return Parts(first.owners[left], first.numbers[left], vectors)


def read_npz(path: Path, known: Sequence[str]) -> System:
    """Vectors that another program made.

    Parameters
    ----------
    path : pathlib.Path
        An .npz with ``track_ids`` (text) and ``vectors`` [shape=(n, d)]; optional ``clip_track_ids`` and
        ``clip_vectors`` [shape=(m, d')].
    known : sequence of str
        Track ids of the library.

    Raises
    ------
    InputNotFoundError
        If there is no such file.
    ParameterError
        If it is no such archive, arrays do not fit, a value is not finite, or a track is unknown or there twice.
    """
    arrays = _read_arrays(path)
    track_ids, vectors = _table(path, arrays, "track_ids", "vectors")
    if len(set(track_ids)) != len(track_ids):
        raise ParameterError(f"{path}: track_ids holds a track twice: one vector a track is needed")
    library_ids = set(known)
    clips = "clip_track_ids" in arrays or "clip_vectors" in arrays
    owners, clip_values = _table(path, arrays, "clip_track_ids", "clip_vectors") if clips else ([], vectors[:0])
    for name, ids in (("track_ids", track_ids), ("clip_track_ids", owners)):
        unknown = [track for track in dict.fromkeys(ids) if track not in library_ids]
        if unknown:
            raise ParameterError(
                f"{path}: {len(unknown)} of the {len(set(ids))} tracks in {name} are not in this library (the first is"
                f" {unknown[0][:64]!r}): `songnet export` writes the ids that are"
            )
    order = np.argsort(np.array(track_ids, dtype=object), kind="stable")
    parts = None
    if clips:
        names = np.array(owners, dtype=object)
        by_track = np.argsort(names, kind="stable")
        names, clip_values = names[by_track], clip_values[by_track]
        starts = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
        lengths = np.diff(np.append(starts, len(names)))
        parts = Parts(names, np.arange(len(names)) - np.repeat(starts, lengths), clip_values)
    return System(f"vectors:{path.stem}", "vectors", [track_ids[index] for index in order], vectors[order], parts)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an archive by name; nothing in it is executed."""
    remedy = "write it with numpy.savez, track_ids with dtype str and vectors with dtype float"
    try:
        # Opened here: of a file that is no archive, NumPy leaves closing to chance.
        with path.open("rb") as stream:
            # NumPy takes what is no archive for a pickle, and would tell how to run it.
            if not zipfile.is_zipfile(stream):
                raise ParameterError(f"{path} is no readable .npz file (it is no archive of arrays): {remedy}")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except OSError as error:
        if path.exists() and not path.is_dir():
            raise ParameterError(f"{path} is no readable .npz file ({error}): {remedy}") from error
        raise InputNotFoundError(f"cannot read the vectors {path}: {error.strerror or error}") from error
    except ValueError as error:
        if isinstance(error, ParameterError):
            raise
        reason = "an array holds Python objects, which are not read" if "allow_pickle" in str(error) else error
        raise ParameterError(f"{path} is no readable .npz file ({reason}): {remedy}") from error
    except (EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, RuntimeError) as error:
        raise ParameterError(f"{path} is no readable .npz file ({error}): {remedy}") from error


def _table(path: Path, arrays: dict[str, np.ndarray], ids: str, values: str) -> tuple[list[str], np.ndarray]:
    missing = [name for name in (ids, values) if name not in arrays]
    if missing:
        raise ParameterError(
            f"{path} has the arrays {', '.join(sorted(arrays)) or 'none'}; {' and '.join(missing)} missing: {ids}"
            f" (text) and {values} (a row a track or clip) are needed"
        )
    names, table = arrays[ids], arrays[values]
    if names.ndim != 1 or names.dtype.kind != "U":
        raise ParameterError(f"{path}: {ids} has shape {names.shape} and type {names.dtype}; a list of text is needed")
    if table.ndim != 2 or len(table) != len(names) or not table.shape[1] or table.dtype.kind not in "fiu":
        raise ParameterError(
            f"{path}: {values} has shape {table.shape} and type {table.dtype}; ({len(names)}, d) real numbers are"
            f" needed, a row for each of {ids}"
        )
    with np.errstate(over="ignore"):
        rows = table.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise ParameterError(
            f"{path}: {len(bad)} rows of {values} hold values that are not finite, the first is {bad[0]}"
        )
    return [str(name) for name in names], rows
