"""How `songnet compare-communities` puts its findings, and the commands that repeat them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songnet.cli.output import print_table, say, shorten
from songnet.config import ClusterConfig, CommunityConfig

if TYPE_CHECKING:
    from songnet.comparison import ComparisonReport
    from songnet.library import Library, StoredPartition
    from songnet.report.comparison_page import Side

# More groups a side than this make no table that a terminal bears.
SHOWN_GROUPS = 12
CLUSTER_FLAGS = ("features", "method", "k", "n_init", "nulls", "resamples")
# Settings whose flag has another name.
COMMUNITY_FLAGS = {"n_communities": "--communities", "mutual": "--mutual", "largest_component": "--largest-component"}


def print_comparison(report: ComparisonReport, first: str, what: str, names: Mapping[int, str]) -> None:
    """The verdict, then scores, null models, intervals and a small confusion matrix."""
    from songnet.report.comparison_page import CORRECTED, UNCORRECTED

    say(report.verdict)
    for warning in report.warnings:
        say(f"warning: {warning}")
    say("")
    table = report.contingency
    n_rows, n_columns = table.table.shape
    say(f"clusters {first} against {what}: {table.n_shared:,} tracks in both, {n_rows} x {n_columns} groups")
    say("")
    scores = asdict(report.scores)
    rows = [[label, f"{scores[key]:.3f}", note] for key, label, note in CORRECTED + UNCORRECTED]
    print_table(["score", "value", ""], rows)
    say("")
    nulls: list[tuple[str, Any]] = [("labels exchanged between tracks", report.tracks_null)]
    if report.artists_null is not None:
        nulls.append(("labels exchanged between whole artists", report.artists_null))
    rows = [[what_null, f"{null.p_value:.3g}", f"{null.z:.1f}", f"{null.observed:.3f}"] for what_null, null in nulls]
    print_table(["beyond chance?", "p", "z", "AMI"], rows)
    say("")
    intervals = [
        ("this sample, halves of the artists", report.interval),
        ("playlists resampled, communities found anew", report.rebuilt),
        ("communities under other seeds, with each other (ceiling)", report.ceiling),
    ]
    known = [[text, f"{entry.mean:.3f}", f"{entry.low:.3f} to {entry.high:.3f}"] for text, entry in intervals if entry]
    if known:
        print_table(["AMI", "mean", "interval"], known)
        say("")
    if max(table.table.shape) <= SHOWN_GROUPS:
        columns = ["cluster", *(shorten(f"{number} {names.get(number, '')}".strip(), 18) for number in table.columns)]
        cells = [[str(number), *row] for number, row in zip(table.rows, table.table.tolist(), strict=True)]
        print_table(columns, cells)
        say("")


def group_names(stored: StoredPartition) -> dict[int, str]:
    """Names of stored groups: of clusters as they were described, of communities their most common artist."""
    groups = stored.summary.get("clusters", [])
    if groups:
        return {group["label"]: group["name"] for group in groups}
    return {
        group["label"]: group["artists"][0]["artist"]
        for group in stored.summary.get("communities", [])
        if group["label"] > 0 and group["artists"]
    }


def side_of(stored: StoredPartition) -> Side:
    """A stored partition as the report page speaks of it."""
    from songnet.report.comparison_page import Side

    cluster = stored.branch == "cluster"
    settings = [
        ("stored as", f"{stored.name}, partition {stored.partition_id}, {stored.created_at}"),
        ("tracks and groups", f"{stored.n_tracks:,} and {stored.n_groups:,}"),
        ("method", stored.method),
        *((key.replace("_", " "), _setting(key, value)) for key, value in sorted(stored.parameters.items())),
    ]
    graph = stored.summary.get("graph", {})
    if graph:
        settings.append(("playlists", f"{graph['n_playlists']:,}"))
        settings.append(("modularity", f"{stored.summary['modularity']:.3f}"))
    steps = [(step["step"], step["n_tracks"], step["n_pairs"]) for step in graph.get("steps", [])]
    kind = "clusters" if cluster else "communities"
    what = kind if stored.name == kind else f"{kind} {stored.name}"
    return Side(what, "cluster" if cluster else "community", group_names(stored), settings, steps)


def repeat_commands(library: Library, parts: Sequence[StoredPartition], compared: Sequence[str]) -> list[str]:
    """What to type to make partitions and their comparison again; of a partition without a recorded run nothing.

    Parameters
    ----------
    library : Library
        Open for reading.
    parts : sequence of StoredPartition
        The partitions.
    compared : sequence of str
        The command of the comparison, word by word.
    """
    commands = []
    for stored in parts:
        row = library.db.execute("SELECT command, seed, parameters FROM runs WHERE run_id = ?", (stored.run_id,))
        command, seed, parameters = row.fetchone() or (None, None, "{}")
        made = json.loads(parameters)
        if command == "cluster" and "cluster" in made:
            words, notes = _cluster_words(made)
        elif command == "communities" and "communities" in made:
            words, notes = _community_words(made["communities"])
            if "graph_file" in made:
                words += ["--graph-file", Path(made["graph_file"]).name]
            if "held_out_from" in made:
                words += ["--held-out-from", made["held_out_from"]]
        else:
            continue
        line = shlex.join(["songnet", command, *words, "--name", stored.name, "--seed", str(seed)])
        commands.append(line + (f"  # with --config FILE: [{command}] {', '.join(notes)}" if notes else ""))
    return [*commands, shlex.join(compared)]


def _cluster_words(made: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    settings, usual = made["cluster"], asdict(ClusterConfig())
    words = ["--k", str(settings["k"])]
    for key in CLUSTER_FLAGS:
        if key != "k" and settings.get(key, usual[key]) != usual[key]:
            words += [f"--{key.replace('_', '-')}", str(settings[key])]
    if made.get("model"):
        words += ["--model", made["model"].rpartition(".")[0], "--aggregate", made["aggregate"]]
    if made.get("layout"):
        words += ["--layout", made["layout"]]
    # A layout brings its own number of components.
    others = [key for key in usual if key not in CLUSTER_FLAGS and not (made.get("layout") and key == "n_components")]
    return words, _notes(settings, usual, others)


def _community_words(settings: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    usual = asdict(CommunityConfig())
    words, without_flag = [], []
    for key, value in usual.items():
        if settings.get(key, value) == value or (key == "resolution" and settings.get("n_communities")):
            continue
        if key == "n_seeds":
            without_flag.append(key)
            continue
        words.append(COMMUNITY_FLAGS.get(key, f"--{key.replace('_', '-')}"))
        if not isinstance(value, bool):
            words.append(str(settings[key]))
    return words, _notes(settings, usual, without_flag)


def _notes(settings: Mapping[str, Any], usual: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    return [f"{key} = {settings[key]}" for key in keys if settings.get(key, usual[key]) != usual[key]]


def _setting(key: str, value: object) -> str:
    if key == "graph_file":
        # The page may be sent to somebody whom the names of folders do not concern.
        return Path(str(value)).name
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value)
