"""`songnet communities list`, `show`, `export`, `graph` and `vectors`: what was found before, and files of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from songnet.cli import communities_options as graph_options
from songnet.cli import options
from songnet.cli.output import configure_logging, path_text, print_json, print_table, progress_reports, say, shorten
from songnet.cli.partition_output import check_destination, say_export, where_is
from songnet.errors import InputNotFoundError, ParameterError
from songnet.partition import NOISE

WHICH = typer.Option("--partition", "-p", help="Number or name of the stored communities. [default: the newest]")
SHOWN = 20
ALONE = "alone"


def list_command(
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """List what communities were found, the newest first."""
    configure_logging(quiet, verbose)

    from songnet.library import Library, list_partitions

    with Library(library) as opened:
        stored = list_partitions(opened, "community")
    if as_json:
        print_json({"partitions": [_entry(partition) for partition in stored]})
        return 0
    if not stored:
        say(f"no communities were found yet: songnet communities --library {library}")
        return 0
    rows = []
    for partition in stored:
        quality = partition.summary.get("modularity")
        rows.append(
            [
                partition.partition_id,
                shorten(partition.name, 30),
                partition.created_at,
                partition.n_tracks,
                partition.n_groups,
                partition.method,
                shorten(_graph(partition), 40),
                "" if quality is None else f"{quality:.3f}",
                "degenerate" if partition.summary.get("degenerate") else "",
            ]
        )
    print_table(["", "name", "stored at", "tracks", "communities", "method", "graph", "modularity", ""], rows)
    return 0


def show_command(
    community: Annotated[
        str | None,
        typer.Argument(
            help="Number of one community, or alone, to see all its tracks: the most connected ones first, then by"
            " artist and title.",
            metavar="[COMMUNITY]",
        ),
    ] = None,
    which: Annotated[str | None, WHICH] = None,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Show stored communities, or the tracks of one of them."""
    configure_logging(quiet, verbose)

    from songnet.library import Library, load_partition
    from songnet.playlists.export import community_tracks

    label = _label(community)
    with Library(library) as opened:
        stored, partition = load_partition(opened, which, "community")
        if label is not None and label not in partition.sizes:
            numbers = [_called(number) for number in sorted(partition.sizes, key=lambda n: (n == NOISE, n))]
            more = ", ..." if len(numbers) > SHOWN else ""
            raise InputNotFoundError(
                f"partition {stored.partition_id} has no community {community}; it has: {', '.join(numbers[:SHOWN])}"
                f"{more}"
            )
        members = [] if label is None else community_tracks(opened, stored, partition, label)
    if label is None:
        if as_json:
            print_json({**_entry(stored), **stored.summary})
            return 0
        quality = stored.summary.get("modularity")
        say(
            f"partition {stored.partition_id} ({stored.name}), {stored.created_at}: {stored.n_groups:,} communities of"
            f" {stored.n_tracks:,} tracks, {stored.method} on {_graph(stored)}"
            + ("" if quality is None else f", modularity {quality:.3f}")
        )
        say("")
        print_communities(stored.summary.get("communities", []), shown=None)
        return 0
    if as_json:
        rows = [{**track, "path": path_text(track["path"])} for track in members]
        print_json({**_entry(stored), "community": label, "tracks": rows})
        return 0
    cells = [
        ["" if track["central"] is None else str(track["central"])]
        + [shorten(track[column], 40) for column in ("artist", "title", "album")]
        + [where_is(track)]
        for track in members
    ]
    what = "alone" if label == NOISE else f"community {label}"
    print_table(["most connected", "artist", "title", "album", "path"], cells, title=f"{what}: {len(members)} tracks")
    return 0


def export_command(
    path: Annotated[
        Path,
        typer.Argument(
            help="A .csv or .parquet file (replaced if it is there), or a folder for one .m3u8 a community."
        ),
    ],
    which: Annotated[str | None, WHICH] = None,
    library: options.Library = options.DEFAULT_LIBRARY,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Write stored communities as a table, or as playlists of the tracks that the library has."""
    configure_logging(quiet, verbose)

    from songnet.library import Library, load_partition
    from songnet.playlists.export import export_communities

    destination = check_destination(path)
    with Library(library) as opened:
        stored, partition = load_partition(opened, which, "community")
        report = export_communities(opened, stored, partition, destination)
    say_export(report, stored, path, as_json=as_json)
    return 0


def graph_command(
    path: Annotated[
        Path,
        typer.Argument(help="A .graphml, .gexf (both with artist and title) or .csv file; replaced if it is there."),
    ],
    library: options.Library = options.DEFAULT_LIBRARY,
    graph: graph_options.GraphKind = None,
    weighting: graph_options.Weighting = None,
    min_support: graph_options.MinSupport = None,
    min_pair_support: graph_options.MinPairSupport = None,
    max_length: graph_options.MaxLength = None,
    top_k: graph_options.TopK = None,
    mutual: graph_options.Mutual = None,
    backbone: graph_options.Backbone = None,
    k_core: graph_options.KCore = None,
    largest: graph_options.Largest = None,
    dimensions: graph_options.Dimensions = None,
    window: graph_options.Window = None,
    epochs: graph_options.Epochs = None,
    skip_gram: graph_options.SkipGram = None,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Write the graph that communities are found in, for other programs."""
    configure_logging(quiet, verbose)
    settings = graph_options.community_settings(
        config,
        {
            "graph": graph,
            "weighting": weighting,
            "min_support": min_support,
            "min_pair_support": min_pair_support,
            "max_playlist_length": max_length,
            "top_k": top_k,
            "mutual": mutual,
            "backbone": backbone,
            "k_core": k_core,
            "largest_component": largest,
            "dimensions": dimensions,
            "window": window,
            "epochs": epochs,
            "skip_gram": skip_gram,
        },
    )

    from songnet.library import Library
    from songnet.playlists.building import build_graph
    from songnet.playlists.export import check_graph_path, write_named_graph
    from songnet.playlists.pipeline import community_memberships, track_names

    path = path.expanduser()
    check_graph_path(path)
    with Library(library) as opened, progress_reports(quiet) as progress:
        built = build_graph(community_memberships(opened, settings), settings, seed=seed, progress=progress)
        write_named_graph(built.graph, path, track_names(opened))
    if as_json:
        steps = [{"step": step.step, "n_tracks": step.n_tracks, "n_pairs": step.n_pairs} for step in built.steps]
        n_tracks, n_edges = built.graph.n_nodes, built.graph.n_edges
        print_json({"file": str(path), "n_tracks": n_tracks, "n_edges": n_edges, "steps": steps})
        return 0
    say(f"{built.graph.n_nodes:,} tracks, {built.graph.n_edges:,} edges: {path}")
    return 0


def vectors_command(
    path: Annotated[
        Path,
        typer.Argument(help="A .npz file with track_ids, vectors and settings; replaced if it is there."),
    ],
    library: options.Library = options.DEFAULT_LIBRARY,
    min_support: graph_options.MinSupport = None,
    max_length: graph_options.MaxLength = None,
    dimensions: graph_options.Dimensions = None,
    window: graph_options.Window = None,
    epochs: graph_options.Epochs = None,
    skip_gram: graph_options.SkipGram = None,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Learn a vector a track from the playlists (Track2Vec, extra track2vec) and write them for other programs."""
    configure_logging(quiet, verbose)
    settings = graph_options.community_settings(
        config,
        {
            "min_support": min_support,
            "max_playlist_length": max_length,
            "dimensions": dimensions,
            "window": window,
            "epochs": epochs,
            "skip_gram": skip_gram,
        },
        graph="track2vec",
    )

    from songnet.library import Library
    from songnet.playlists.stored import load_memberships
    from songnet.playlists.track2vec import check_vectors_path, track2vec, write_vectors

    path = path.expanduser()
    check_vectors_path(path)
    with Library(library) as opened, progress_reports(quiet) as progress:
        learned = track2vec(load_memberships(opened, for_training=True), settings, seed=seed, progress=progress)
    write_vectors(learned, path)
    n_tracks, n_dimensions = learned.vectors.shape
    if as_json:
        content = {"file": str(path), "n_tracks": n_tracks, "dimensions": n_dimensions}
        print_json({**content, "settings": dict(learned.settings), "n_playlists": learned.n_playlists})
        return 0
    say(
        f"{n_tracks:,} tracks, {n_dimensions} dimensions, from {learned.n_playlists:,} playlists"
        f" ({learned.settings['epochs']} epochs): {path}"
    )
    if learned.n_left_out:
        say(f"{learned.n_left_out} playlists were left out for their length")
    return 0


def print_communities(groups: list[dict[str, Any]], *, shown: int | None = SHOWN) -> None:
    """A table of communities from a summary, the first so many of them or all."""
    rows = [
        [
            _called(group["label"]),
            f"{group['size']} ({100 * group['share']:.0f}%)",
            shorten("; ".join(f"{entry['artist']} ({entry['tracks']})" for entry in group["artists"]), 60),
            shorten("; ".join(entry["text"] for entry in group["central"][:2]), 70),
        ]
        for group in groups[:shown]
    ]
    print_table(["community", "tracks", "artists", "most connected"], rows)
    if len(groups) > len(rows):
        say(f"and {len(groups) - len(rows)} smaller ones")


def _called(label: int) -> str:
    return ALONE if label == NOISE else str(label)


def _label(community: str | None) -> int | None:
    """The number that stands for what the user wrote."""
    if community is None:
        return None
    if community == ALONE:
        return NOISE
    if not (community.isascii() and community.isdecimal()) or len(community) > 9:
        raise ParameterError(f"{community!r} is no community: name a number, or {ALONE}")
    return int(community)


def _entry(stored: Any) -> dict[str, Any]:
    return {
        "id": stored.partition_id,
        "name": stored.name,
        "created_at": stored.created_at,
        "n_tracks": stored.n_tracks,
        "n_communities": stored.n_groups,
        "method": stored.method,
        "modularity": stored.summary.get("modularity"),
        "parameters": stored.parameters,
    }


def _graph(stored: Any) -> str:
    """What connected the tracks; libraries of before Track2Vec do not say, and had one way."""
    file = stored.parameters.get("graph_file")
    return stored.parameters.get("graph", "cooccurrence") if file is None else Path(file).name


COMMANDS = (
    ("list", "Example: songnet communities list --library ~/songs", list_command),
    (
        "show",
        "Example: songnet communities show --library ~/songs     or: songnet communities show 3 --json",
        show_command,
    ),
    (
        "export",
        "Example: songnet communities export ~/playlists --library ~/songs     or: songnet communities export"
        " communities.parquet",
        export_command,
    ),
    (
        "graph",
        "Example: songnet communities graph songs.gexf --library ~/songs     or: songnet communities graph"
        " songs.graphml --graph track2vec --top-k 10",
        graph_command,
    ),
    (
        "vectors",
        "Example: songnet communities vectors tracks.npz --library ~/songs     or: songnet communities vectors"
        " tracks.npz --skip-gram --window 5",
        vectors_command,
    ),
)
