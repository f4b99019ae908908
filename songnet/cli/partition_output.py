"""What the commands say that write stored clusters and stored communities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songnet.cli.output import print_json, say
from songnet.errors import ParameterError

if TYPE_CHECKING:
    from songnet.library import StoredPartition
    from songnet.library.partition_files import PartitionExport


def check_destination(path: Path) -> Path:
    """Where to write, the user's home written out; the folder one is in is refused."""
    if path == Path():
        raise ParameterError("name a file or a folder to write to; . is not taken, so that nothing is strewn about")
    return path.expanduser()


def say_export(report: PartitionExport, stored: StoredPartition, path: Path, *, as_json: bool) -> None:
    """Tell what was written, left out, altered, removed and kept."""
    if as_json:
        print_json({"partition": stored.partition_id, **report.to_json()})
        return
    say(f"partition {stored.partition_id} ({stored.name}): {report.tracks} tracks in {len(report.files)} files, {path}")
    for reason, count in report.left_out.items():
        say(f"left out: {count} tracks, {reason}")
    for reason, count in report.altered.items():
        say(f"altered: {count} cells, {reason}")
    for what, files in (("removed, of an earlier export", report.removed), ("kept, changed since", report.kept)):
        if files:
            say(f"{what}: {', '.join(file.name for file in files)}")


def where_is(track: Mapping[str, Any]) -> str:
    """The path of a track (its id where it has none), and whether the file is gone."""
    where = track["path"].decode("utf-8", "backslashreplace") if track["path"] is not None else track["track_id"]
    return f"{where} (missing)" if track["missing"] else where
