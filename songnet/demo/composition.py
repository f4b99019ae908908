"""Composes the whole library: plans, plays and writes the tracks, then the playlists and tables."""

from __future__ import annotations

import json
import logging
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from songnet.demo.artists import Artist, invent_artists
from songnet.demo.encode import partial_path, write_audio
from songnet.demo.export import README, m3u8_path, write_listens, write_playlists, write_text, write_truth
from songnet.demo.listeners import Playlist, count_listens, make_playlists
from songnet.demo.playlist_files import format_files
from songnet.demo.render import play
from songnet.demo.tracks import TrackTruth, plan_tracks
from songnet.errors import ParameterError, SongNetError

logger = logging.getLogger(__name__)

VERSION = 2
"""Version of what is composed: raised whenever the same parameters give other files."""

MANIFEST = "composition.json"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Composition:
    """A composed library.

    Parameters
    ----------
    root : Path
        Folder of everything.
    music, playlists : Path
        Folders of the audio files and of the playlists.
    tracks : tuple of TrackTruth
        What each track was composed to be.
    parameters : dict of str to int
        ``"n_tracks"`` and ``"seed"``.
    """

    root: Path
    music: Path
    playlists: Path
    tracks: tuple[TrackTruth, ...]
    parameters: dict[str, int]


def compose(
    root: Path, *, n_tracks: int = 120, seed: int = 0, n_workers: int = 2, progress: Progress | None = None
) -> Composition:
    """Compose a music library with known structure under `root`.

    The same `n_tracks` and `seed` give the same bytes in every file, whatever `n_workers` (on one machine with the
    same versions of NumPy, SciPy, libsndfile and PyAV). Over a complete composition of the same parameters nothing is
    done but for files that are missing or have another size; after an interruption, what is there is kept.

    Parameters
    ----------
    root : Path
        Folder to write to: absent, empty, or with a composition of the same parameters.
    n_tracks : int
        Number of tracks, at least 1. There are half as many listeners and five playlists for every three tracks.
    seed : int
        Seed of everything, at least 0.
    n_workers : int
        Number of processes, at least 1; with 1, no process is started. More are started afresh, so that a script
        which calls this needs the usual ``if __name__ == "__main__":``.
    progress : callable, optional
        Called as ``progress(done, total)`` after each track.

    Returns
    -------
    Composition
        Where everything is, and the truth about every track.

    Raises
    ------
    ParameterError
        If a number is out of range, or `root` has other files or another composition in it.
    """
    for name, value, least in (("n_tracks", n_tracks, 1), ("seed", seed, 0), ("n_workers", n_workers, 1)):
        if value < least:
            raise ParameterError(f"{name} must be at least {least}, not {value}")
    root = Path(root)
    parameters = {"n_tracks": n_tracks, "seed": seed}
    sizes = _open(root, parameters)
    artists = invent_artists(seed)
    tracks = plan_tracks(n_tracks, seed, artists)
    composition = Composition(root, root / "music", root / "playlists", tracks, parameters)
    if sizes and all(_is_whole(root / path, size) for path, size in sizes.items()):
        logger.info("%s is complete already", root)
        return composition

    # Damaged files go before their sizes are forgotten: from here on, a file that is there is whole.
    for path, size in sizes.items():
        if not _is_whole(root / path, size):
            (root / path).unlink(missing_ok=True)
    _write_manifest(root, parameters, {})
    _remove_partials(root)
    missing = [track for track in tracks if not (root / track.path).is_file()]
    _render(root, missing, artists, n_workers, progress, n_tracks)

    listens = count_listens(tracks, artists, seed)
    playlists = make_playlists(tracks, listens, max(6, n_tracks // 2), max(10, n_tracks * 5 // 3), seed)
    write_listens(root, tracks, listens)
    write_playlists(root, playlists, tracks)
    write_truth(root, tracks)
    write_text(root / "README.txt", README)
    written = _written(tracks, playlists)
    _write_manifest(root, parameters, {path: (root / path).stat().st_size for path in written})
    return composition


def _open(root: Path, parameters: dict[str, int]) -> dict[str, int]:
    """Check that `root` may be written to; sizes of the files of a complete composition, else nothing."""
    if root.exists() and not root.is_dir():
        raise ParameterError(f"{root} is a file; name a folder for the composition")
    root.mkdir(parents=True, exist_ok=True)
    manifest = root / MANIFEST
    if not manifest.exists():
        if any(path != partial_path(manifest) for path in root.iterdir()):
            raise ParameterError(f"{root} has other files in it; name an empty or new folder for the composition")
        return {}
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        version, there, sizes = found["version"], dict(found["parameters"]), dict(found["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ParameterError(f"{manifest} is not the manifest of a composition; name another folder") from error
    if version != VERSION:
        raise ParameterError(f"{root} was composed by version {version}, not {VERSION}; name another folder")
    if there != parameters:
        raise ParameterError(f"{root} has a composition of {there}, not {parameters}; name another folder")
    return sizes


def _render(
    root: Path,
    tracks: Sequence[TrackTruth],
    artists: Sequence[Artist],
    n_workers: int,
    progress: Progress | None,
    total: int,
) -> None:
    """Play and write tracks, in this process or in several."""
    done = total - len(tracks)
    if n_workers == 1 or len(tracks) < 2:
        for track in tracks:
            _render_track(root, track, artists[track.artist_index])
            done += 1
            if progress is not None:
                progress(done, total)
        return
    # Fresh processes: a fork would copy the locks of the caller's threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(n_workers, len(tracks)), mp_context=context)
    try:
        futures = [pool.submit(_render_track, root, track, artists[track.artist_index]) for track in tracks]
        for future in as_completed(futures):
            future.result()
            done += 1
            if progress is not None:
                progress(done, total)
    except BrokenProcessPool as error:
        raise SongNetError(f"a process ended while composing {root}; run again to go on from there") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _render_track(root: Path, track: TrackTruth, artist: Artist) -> None:
    path = root / track.path
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, play(track, artist), track)


def _is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _remove_partials(root: Path) -> None:
    for folder in (root / "music", root / "playlists"):
        for path in folder.rglob(".*.partial"):
            path.unlink()


def _written(tracks: Sequence[TrackTruth], playlists: Sequence[Playlist]) -> list[str]:
    """All files of a composition but the manifest, relative to the root."""
    tables = ["README.txt", "listens.csv", "truth.csv", "truth-playlists.csv"]
    slices = [f"playlists/mpd.slice.0-{len(playlists) - 1}.json"]
    samples = [f"playlists/formats/{name}" for name in format_files(playlists, tracks)]
    lists = [*(m3u8_path(playlist) for playlist in playlists), *slices, *samples]
    return [*(track.path for track in tracks), *lists, *tables]


def _write_manifest(root: Path, parameters: dict[str, int], files: dict[str, int]) -> None:
    manifest = {"version": VERSION, "parameters": parameters, "complete": bool(files), "files": files}
    write_text(root / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
