"""`songnet cluster list`, `show` and `export`: clusters that were stored before."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from songnet.cli import options
from songnet.cli.cluster_output import print_clusters, verdict_lines
from songnet.cli.output import configure_logging, path_text, print_json, print_table, say, shorten
from songnet.cli.partition_output import check_destination, say_export, where_is
from songnet.errors import ParameterError
from songnet.partition import NOISE

WHICH = typer.Option("--partition", "-p", help="Number or name of the stored clusters. [default: the newest]")


def list_command(
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """List what was clustered, the newest first."""
    configure_logging(quiet, verbose)

    from songnet.library import Library
    from songnet.library.partitions import list_partitions

    with Library(library) as opened:
        stored = list_partitions(opened, "cluster")
    if as_json:
        print_json({"partitions": [_entry(partition) for partition in stored]})
        return 0
    if not stored:
        say(f"nothing was clustered yet: songnet cluster --library {library}")
        return 0
    rows = [
        [
            partition.partition_id,
            shorten(partition.name, 30),
            partition.created_at,
            partition.n_tracks,
            partition.n_groups,
            partition.method,
            partition.summary.get("features", ""),
            _answer(partition.summary),
        ]
        for partition in stored
    ]
    print_table(["", "name", "stored at", "tracks", "clusters", "method", "features", "verdict"], rows)
    return 0


def show_command(
    cluster: Annotated[
        str | None,
        typer.Argument(help="Number of one cluster, or noise, to see all its tracks.", metavar="[CLUSTER]"),
    ] = None,
    which: Annotated[str | None, WHICH] = None,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Show stored clusters, or the tracks of one of them."""
    configure_logging(quiet, verbose)

    from songnet.errors import InputNotFoundError
    from songnet.library import Library
    from songnet.library.partitions import load_partition, load_silhouettes
    from songnet.library.tracks import tracks_by_id

    label = _label(cluster)
    with Library(library) as opened:
        stored, partition = load_partition(opened, which, "cluster")
        tracks = tracks_by_id(opened.db) if cluster is not None else {}
        silhouettes = load_silhouettes(opened, stored).tolist() if cluster is not None else []
    if cluster is None:
        if as_json:
            print_json({**_entry(stored), **stored.summary})
            return 0
        say(f"partition {stored.partition_id} ({stored.name}), {stored.created_at}: {stored.n_tracks:,} tracks")
        for line in verdict_lines(stored.summary["verdict"]):
            say(line)
        say("")
        print_clusters(stored.summary["clusters"])
        return 0
    if label not in partition.sizes:
        known = ", ".join("noise" if number == NOISE else str(number) for number in partition.sizes)
        raise InputNotFoundError(f"partition {stored.partition_id} has no cluster {cluster}; it has: {known}")
    members = [
        {**tracks[track], "silhouette": None if math.isnan(silhouette) else round(silhouette, 4)}
        for track, own, silhouette in zip(partition.track_ids, partition.labels, silhouettes, strict=True)
        if own == label and track in tracks
    ]
    # The most typical first; what is not known comes last.
    members.sort(key=lambda track: -2 if track["silhouette"] is None else track["silhouette"], reverse=True)
    if as_json:
        rows = [{**track, "path": path_text(track["path"])} for track in members]
        print_json({**_entry(stored), "cluster": label, "tracks": rows})
        return 0
    cells = [
        ["" if track["silhouette"] is None else f"{track['silhouette']:+.2f}"]
        + [shorten(track[column], 40) for column in ("artist", "title", "album")]
        + [where_is(track)]
        for track in members
    ]
    names = {entry["label"]: entry["name"] for entry in stored.summary["clusters"]}
    what = "noise" if label == NOISE else f"cluster {label}, {names.get(label, '')}"
    title = f"{what}: {partition.sizes[label]} tracks"
    print_table(["silhouette", "artist", "title", "album", "path"], cells, title=title)
    return 0


def _label(cluster: str | None) -> int:
    """The number that stands for what the user wrote; 0 for nothing."""
    if cluster is None:
        return 0
    if cluster == "noise":
        return NOISE
    if not cluster.isdecimal() or len(cluster) > 9:
        raise ParameterError(f"{cluster!r} is no cluster: name a number, or noise")
    return int(cluster)


def export_command(
    path: Annotated[
        Path,
        typer.Argument(help="A .csv or .parquet file (replaced if it is there), or a folder for one .m3u8 a cluster."),
    ],
    which: Annotated[str | None, WHICH] = None,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Write stored clusters as a table, or as playlists."""
    configure_logging(quiet, verbose)

    from songnet.clustering import export_partition
    from songnet.library import Library
    from songnet.library.partitions import load_partition

    destination = check_destination(path)
    with Library(library) as opened:
        stored, partition = load_partition(opened, which, "cluster")
        names = {entry["label"]: entry["name"] for entry in stored.summary.get("clusters", [])}
        report = export_partition(opened, stored, partition, destination, names)
    say_export(report, stored, path, as_json=as_json)
    return 0


def _entry(stored: Any) -> dict[str, Any]:
    return {
        "id": stored.partition_id,
        "name": stored.name,
        "created_at": stored.created_at,
        "n_tracks": stored.n_tracks,
        "n_clusters": stored.n_groups,
        "method": stored.method,
        "parameters": stored.parameters,
    }


def _answer(summary: dict[str, Any]) -> str:
    structured = summary.get("verdict", {}).get("structured")
    return {True: "structured", False: "no structure", None: "not tested"}[structured]


COMMANDS = (
    ("list", "Example: songnet cluster list --library ~/songs", list_command),
    ("show", "Example: songnet cluster show --library ~/songs     or: songnet cluster show 3 --json", show_command),
    (
        "export",
        "Example: songnet cluster export ~/playlists --library ~/songs     or: songnet cluster export songs.parquet",
        export_command,
    ),
)
