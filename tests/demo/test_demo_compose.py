"""Files on disk: determinism, tags, durations, resuming, refusing."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from tinytag import TinyTag

from songnet.demo import Composition, compose, invent_artists, plan_tracks
from songnet.demo.encode import write_audio
from songnet.demo.tracks import FORMATS
from songnet.errors import ParameterError


def digests(root: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def decode(path: Path) -> np.ndarray:
    """Samples [shape=(n, channels)], with what the container says is padding taken off."""
    if path.suffix != ".m4a":
        return soundfile.read(path, dtype="float32", always_2d=True)[0]
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray() for frame in container.decode(stream) if frame.pts is not None and frame.pts >= 0]
        return np.concatenate(frames, axis=1).T


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_hash_seed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from songnet.demo import compose\n"
        "if __name__ == '__main__': compose(Path(sys.argv[1]), n_tracks=7, seed=5, n_workers=2)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script)
    here = compose(tmp_path / "here", n_tracks=7, seed=5, n_workers=1)
    repository = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "4321", "PYTHONPATH": str(repository)}
    subprocess.run([sys.executable, str(program), str(tmp_path / "there")], check=True, env=environment, timeout=120)
    assert digests(here.root) == digests(tmp_path / "there")


def test_every_format_is_written_byte_for_byte_alike(tmp_path: Path, composition: Composition) -> None:
    track = composition.tracks[0]
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 100_000)).astype(np.float32)
    for extension in sorted(set(FORMATS)):
        asked = replace(
            track, format=extension, channels=2, bitrate_kbps=128 if extension in ("mp3", "ogg", "m4a") else 0
        )
        paths = [tmp_path / f"{name}.{extension}" for name in ("first", "second")]
        for path in paths:
            write_audio(path, noise, asked)
        assert paths[0].read_bytes() == paths[1].read_bytes(), extension


def test_another_seed_gives_other_music() -> None:
    first, second = (plan_tracks(12, seed, invent_artists(seed)) for seed in (0, 1))
    assert [track.title for track in first] != [track.title for track in second]
    assert not {track.artist for track in first} & {track.artist for track in second}


def test_a_smaller_composition_is_the_beginning_of_a_larger_one() -> None:
    artists = invent_artists(2)
    assert plan_tracks(40, 2, artists)[:15] == plan_tracks(15, 2, artists)


def test_files_decode_at_the_claimed_duration_without_clipping(composition: Composition) -> None:
    for track in composition.tracks:
        audio = decode(composition.root / track.path)
        assert audio.shape[1] == track.channels
        # AAC ends on a whole frame of 1,024 samples.
        assert abs(len(audio) - track.n_samples) <= (1_024 if track.format == "m4a" else 0), track.path
        assert np.abs(audio).max() <= 0.98, track.path
        assert np.abs(audio.mean()) < 1e-3
        silent = audio[: int(0.9 * track.leading_silence_s * 44_100)]
        if len(silent):
            assert np.abs(silent).max() < 0.05 * np.abs(audio).max() + 0.02


def test_tags_are_read_back(composition: Composition) -> None:
    for track in composition.tracks:
        tag = TinyTag.get(composition.root / track.path)
        assert (tag.title, tag.artist, tag.album) == (track.title, track.artist, track.album)
        assert (tag.genre, tag.year, tag.track) == (track.style, str(track.year), track.track_number)
        assert tag.duration == pytest.approx(track.duration_s, abs=0.08)
        if track.format != "wav":
            assert tag.albumartist == track.artist


def test_truth_matches_the_folders(composition: Composition) -> None:
    with (composition.root / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    there = {path.relative_to(composition.root).as_posix() for path in composition.music.rglob("*") if path.is_file()}
    assert {row["path"] for row in rows} == there
    for row, track in zip(rows, composition.tracks, strict=True):
        folders = row["path"].split("/")
        assert folders[1] == row["style"] == track.style
        assert folders[-1].startswith(f"{int(row['track_number']):02d} - ")
        assert folders[-1].endswith("." + row["format"])
        assert float(row["tempo_bpm"]) == track.tempo_bpm
        assert -10 <= float(row["gain_db"]) <= 0
    head = "path,title,artist,album,style,tempo_bpm,key,mode,duration_s,gain_db,format,seed"
    assert ",".join(rows[0]).startswith(head)


def test_formats_and_gains_say_nothing_about_the_style() -> None:
    tracks = plan_tracks(120, 0, invent_artists(0))
    styles = sorted({track.style for track in tracks})
    for style in styles:
        assert Counter(t.format for t in tracks if t.style == style) == {f: 2 * FORMATS.count(f) for f in set(FORMATS)}
    means = [np.mean([t.gain_db for t in tracks if t.style == style]) for style in styles]
    assert max(means) - min(means) < 4
    assert len({track.path.casefold() for track in tracks}) == 120


def test_a_complete_composition_is_left_alone(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in composition.root.rglob("*")}
    monkeypatch.setattr("songnet.demo.composition._render_track", None)
    again = compose(composition.root, n_tracks=12, seed=3)
    assert again == composition
    assert before == {path: path.stat().st_mtime_ns for path in composition.root.rglob("*")}


def test_an_interrupted_composition_is_completed(tmp_path: Path, composition: Composition) -> None:
    root = tmp_path / "library"
    shutil.copytree(composition.root, root)
    first, second, third = (root / track.path for track in composition.tracks[:3])
    first.unlink()
    second.write_bytes(second.read_bytes()[:1000])
    (third.parent / f".{third.name}.partial").write_bytes(b"half a track")
    (root / "listens.csv").unlink()
    seen: list[tuple[int, int]] = []
    compose(root, n_tracks=12, seed=3, n_workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(11, 12), (12, 12)]
    assert digests(root) == digests(composition.root)


def test_a_killed_composition_is_resumed(tmp_path: Path, composition: Composition) -> None:
    class Killed(BaseException):
        """What a signal raises."""

    def kill(done: int, total: int) -> None:
        if done == 2:
            raise Killed

    root = tmp_path / "library"
    with pytest.raises(Killed):
        compose(root, n_tracks=4, seed=3, n_workers=1, progress=kill)
    assert json.loads((root / "composition.json").read_text(encoding="utf-8"))["complete"] is False
    kept = {path: path.stat().st_mtime_ns for path in (root / "music").rglob("*.*")}
    assert len(kept) == 2
    compose(root, n_tracks=4, seed=3, n_workers=1)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert all(
        (root / track.path).read_bytes() == (composition.root / track.path).read_bytes()
        for track in composition.tracks[:4]
    )


def test_other_folders_and_parameters_are_refused(tmp_path: Path, composition: Composition) -> None:
    (tmp_path / "thesis.txt").write_text("all my work")
    with pytest.raises(ParameterError, match="other files"):
        compose(tmp_path, n_tracks=2)
    with pytest.raises(ParameterError, match="is a file"):
        compose(tmp_path / "thesis.txt", n_tracks=2)
    with pytest.raises(ParameterError, match="name another folder"):
        compose(composition.root, n_tracks=12, seed=4)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "composition.json").write_text("[1, 2]")
    with pytest.raises(ParameterError, match="not the manifest"):
        compose(foreign, n_tracks=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign", "thesis.txt"]


@pytest.mark.parametrize("name", ["n_tracks", "seed", "n_workers"])
def test_numbers_out_of_range_are_refused(tmp_path: Path, name: str) -> None:
    numbers = {"n_tracks": 2, "seed": 0, "n_workers": 1, name: -1}
    with pytest.raises(ParameterError, match=f"{name} must be at least"):
        compose(tmp_path, n_tracks=numbers["n_tracks"], seed=numbers["seed"], n_workers=numbers["n_workers"])
