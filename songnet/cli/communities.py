"""`songnet communities`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, print_table, progress_reports, say, shorten, tell
from songnet.config import CommunityConfig, build_config, read_toml

if TYPE_CHECKING:
    from songnet.playlists.pipeline import CommunityReport

NAME = "communities"
EXAMPLE = (
    "Example: songnet communities --library ~/songs     or, with a number of communities: songnet communities"
    " --communities 10 --stats --sweep"
)
SHOWN = 20


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="louvain, leiden, python-louvain, networkx-louvain, label-propagation or leading-eigenvector."
            " [default: louvain]",
        ),
    ] = None,
    n_communities: Annotated[
        int | None, typer.Option("--communities", help="Communities wanted: the resolution is searched.")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option("--resolution", help="Larger gives more communities. [default: 1]")
    ] = None,
    weighting: Annotated[
        str | None,
        typer.Option(
            "--weighting", help="raw, newman, cosine, newman-cosine, jaccard or pmi. [default: newman-cosine]"
        ),
    ] = None,
    min_support: Annotated[
        int | None, typer.Option("--min-support", help="Playlists a track must stand in. [default: 2]")
    ] = None,
    min_pair_support: Annotated[
        int | None, typer.Option("--min-pair-support", help="Playlists two tracks must share. [default: 2]")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-playlist-length", help="Longer playlists are left out. [default: 1000]")
    ] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", help="Edges kept a track; 0 keeps all. [default: 50]")] = None,
    mutual: Annotated[
        bool | None, typer.Option("--mutual/--union", help="Whether an edge must be among the strongest of both ends.")
    ] = None,
    backbone: Annotated[
        float | None, typer.Option("--backbone", help="Disparity filter at this significance, such as 0.05.")
    ] = None,
    k_core: Annotated[int | None, typer.Option("--k-core", help="Peel off tracks with fewer neighbours.")] = None,
    largest: Annotated[
        bool | None, typer.Option("--largest-component/--all-components", help="Keep the largest part only.")
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Tell what each step of making the graph kept.")] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Also try other resolutions, each under several seeds.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="Name to store the communities under.")] = "communities",
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Find groups of tracks that people put together in playlists more than popularity explains."""
    configure_logging(quiet, verbose)
    settings = build_config(
        CommunityConfig,
        read_toml(config).get("communities", {}),
        {
            "method": method,
            "n_communities": n_communities,
            "resolution": resolution,
            "weighting": weighting,
            "min_support": min_support,
            "min_pair_support": min_pair_support,
            "max_playlist_length": max_length,
            "top_k": top_k,
            "mutual": mutual,
            "backbone": backbone,
            "k_core": k_core,
            "largest_component": largest,
        },
    )

    from songnet.library import Library, check_partition_name, recorded_run, save_partition
    from songnet.playlists.communities import COMMUNITY_METHODS
    from songnet.playlists.pipeline import find_communities

    _ = COMMUNITY_METHODS[settings.method]
    check_partition_name(name)
    with Library(library, write=True) as opened:
        parameters = {"communities": asdict(settings), "name": name, "sweep": sweep}
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            report = find_communities(opened, settings, seed=seed, sweep=sweep, progress=progress)
            partition_id = save_partition(
                opened, report.partition, name=name, branch="community", run_id=run.run_id, summary=report.summary
            )
            run.summary.update({"partition": partition_id, "modularity": report.modularity})
    if report.degenerate:
        tell("warning: DEGENERATE: one community holds over 80% of the tracks, which nothing can agree with")
    if as_json:
        print_json({**report.summary, "partition": {"id": partition_id, "name": name}, "sweep": _sweep(report)})
        return 0
    _print(report, stats=stats)
    say(f"stored as partition {partition_id} ({name}); compare it: songnet compare-communities --library {library}")
    return 0


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
    say(
        f"{len(numbered)} communities of {graph['n_tracks']:,} tracks ({graph['n_playlists']:,} playlists,"
        f" {graph['n_edges']:,} edges), modularity {report.modularity:.3f}"
    )
    if report.found is not None and not report.found.exact:
        say(f"{report.found.requested} were asked for; {report.found.achieved} is the nearest number that was met")
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
    rows = [
        [
            "alone" if group["label"] < 0 else str(group["label"]),
            f"{group['size']} ({100 * group['share']:.0f}%)",
            shorten("; ".join(f"{entry['artist']} ({entry['tracks']})" for entry in group["artists"]), 60),
            shorten("; ".join(entry["text"] for entry in group["central"][:2]), 70),
        ]
        for group in groups[:SHOWN]
    ]
    print_table(["community", "tracks", "artists", "most connected"], rows)
    if len(groups) > SHOWN:
        say(f"and {len(groups) - SHOWN} smaller ones")
    say("")
