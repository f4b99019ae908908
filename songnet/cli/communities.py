"""`songnet communities`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import communities_options as graph_options
from songnet.cli import communities_stored, options
from songnet.cli.communities_stored import print_communities
from songnet.cli.output import configure_logging, print_json, print_table, progress_reports, say, tell
from songnet.errors import ParameterError

if TYPE_CHECKING:
    from songnet.playlists.pipeline import CommunityReport

NAME = "communities"
EXAMPLE = (
    "Example: songnet communities --library ~/songs     or, with a number of communities: songnet communities"
    " --communities 10 --stats --sweep     then: songnet communities show --library ~/songs"
)

app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context,
    library: options.Library = options.DEFAULT_LIBRARY,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="leiden, louvain, python-louvain, networkx-louvain, label-propagation or leading-eigenvector."
            " [default: leiden]",
        ),
    ] = None,
    n_communities: Annotated[
        int | None, typer.Option("--communities", help="Communities wanted: the resolution is searched.")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option("--resolution", help="Larger gives more communities. [default: 1]")
    ] = None,
    graph: graph_options.GraphKind = None,
    graph_file: Annotated[
        Path | None,
        typer.Option(
            "--graph-file",
            help="A .graphml, .gexf or .csv (source,target,weight) made elsewhere, instead of the playlists; the ids of"
            " its nodes stand for tracks.",
        ),
    ] = None,
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
    stats: Annotated[bool, typer.Option("--stats", help="Tell what each step of making the graph kept.")] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Also try other resolutions, each under several seeds.")
    ] = False,
    held_out_from: graph_options.HeldOutFrom = None,
    name: Annotated[str, typer.Option("--name", help="Name to store the communities under.")] = "communities",
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Find groups of tracks that people put together in playlists more than popularity explains."""
    if context.invoked_subcommand is not None:
        graph_options.refuse_options(context)
        return 0
    configure_logging(quiet, verbose)
    settings = graph_options.community_settings(
        config,
        {
            "method": method,
            "n_communities": n_communities,
            "resolution": resolution,
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
        graph_file=graph_file,
    )

    from songnet.alignment import hold_out
    from songnet.library import Library, check_partition_name, recorded_run, save_partition
    from songnet.playlists.communities import COMMUNITY_METHODS, RESOLUTION_METHODS
    from songnet.playlists.pipeline import find_communities

    _ = COMMUNITY_METHODS[settings.method]
    if sweep and settings.method not in RESOLUTION_METHODS:
        methods = ", ".join(sorted(RESOLUTION_METHODS))
        raise ParameterError(f"--sweep tries resolutions, and {settings.method} has none: choose one of: {methods}")
    check_partition_name(name)
    file = None if graph_file is None else graph_file.expanduser()
    if file is not None and held_out_from is not None:
        raise ParameterError("--held-out-from chooses playlists, --graph-file takes their place: leave one away")
    with Library(library, write=True) as opened:
        held_out = hold_out(opened, held_out_from)
        parameters = {"communities": asdict(settings), "name": name, "sweep": sweep}
        if file is not None:
            parameters["graph_file"] = str(file)
        if held_out is not None:
            parameters["held_out_from"] = held_out.name
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            report = find_communities(
                opened, settings, seed=seed, sweep=sweep, graph_file=file,
                playlist_ids=None if held_out is None else held_out.playlist_ids, progress=progress,
            )  # fmt: skip
            if held_out is not None:
                report.summary.update(held_out.record())
            partition_id = save_partition(
                opened, report.partition, name=name, branch="community", run_id=run.run_id, summary=report.summary
            )
            run.summary.update({"partition": partition_id, "modularity": report.modularity})
    if report.degenerate:
        tell("warning: DEGENERATE: one community holds over 80% of the tracks, which nothing can agree with")
    if as_json:
        partition = {"id": partition_id, "name": name}
        print_json({**report.summary, "partition": partition, "search": _search(report), "sweep": _sweep(report)})
        return 0
    _print(report, stats=stats)
    where = shlex.quote(str(library))
    if held_out is not None:
        say(f"found in {len(held_out.playlist_ids):,} playlists that {held_out.name} never saw")
    say(f"stored as partition {partition_id} ({name}); see it again: songnet communities show --library {where}")
    say(f"compare it: songnet compare-communities --library {where}")
    return 0


def _search(report: CommunityReport) -> dict[str, Any] | None:
    """How the search for a requested number ended; None where none was requested."""
    if report.found is None:
        return None
    names = ("requested", "achieved", "resolution", "n_tried", "n_parts")
    return {name: getattr(report.found, name) for name in names}


def _sweep(report: CommunityReport) -> list[dict[str, Any]]:
    return [
        {
            "resolution": row.resolution,
            "n_communities": row.n_communities,
            "largest": int(row.sizes[0]) if len(row.sizes) else 0,
            "modularity": row.modularity,
            "seed_ami": row.seed_ami,
            "degenerate": row.degenerate,
        }
        for row in report.sweep
    ]


def _print(report: CommunityReport, *, stats: bool) -> None:
    graph, groups = report.summary["graph"], report.summary["communities"]
    numbered = [group for group in groups if group["label"] > 0]
    of_playlists = f"{graph['n_playlists']:,} playlists, " if graph["n_playlists"] else ""
    say(
        f"{len(numbered)} communities of {graph['n_tracks']:,} tracks ({of_playlists}{graph['n_edges']:,} edges),"
        f" modularity {report.modularity:.3f}"
    )
    if report.found is not None and not report.found.exact:
        say(f"{report.found.requested} were asked for; {report.found.achieved} is the nearest number that was met")
        if report.found.n_parts > report.found.requested:
            say(
                f"the graph falls into {report.found.n_parts:,} parts without an edge between them, each a community at"
                " least: --largest-component keeps one of them"
            )
    if report.built.n_left_out:
        say(f"{report.built.n_left_out} playlists were left out for their length")
    say("")
    if stats:
        print_table(
            ["step", "tracks", "pairs"], [[step["step"], step["n_tracks"], step["n_pairs"]] for step in graph["steps"]]
        )
        say("")
    if report.sweep:
        rows = [
            [
                f"{row['resolution']:g}",
                row["n_communities"],
                row["largest"],
                f"{row['modularity']:.3f}",
                "" if row["seed_ami"] is None else f"{row['seed_ami']:.3f}",
                "degenerate" if row["degenerate"] else "",
            ]
            for row in _sweep(report)
        ]
        print_table(["resolution", "communities", "largest", "modularity", "AMI between seeds", ""], rows)
        say("")
    print_communities(groups)
    say("")


for word, example, stored in communities_stored.COMMANDS:
    app.command(word, epilog=example)(stored)
