"""`songnet compare-communities`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.cluster import name_of_folder
from songnet.cli.output import configure_logging, print_json, print_table, progress_reports, say, shorten
from songnet.config import CommunityConfig, build_config
from songnet.errors import InputNotFoundError, ParameterError

if TYPE_CHECKING:
    from songnet.comparison import ComparisonReport
    from songnet.library import Library, StoredPartition
    from songnet.partition import Partition

NAME = "compare-communities"
EXAMPLE = (
    "Example: songnet compare-communities --library ~/songs     or: songnet compare-communities --clusters mine"
    " --with-tag genre"
)
TAGS = ("genre", "artist", "album")
SCORES = (
    ("ami", "AMI", "adjusted mutual information: 0 by chance, 1 when equal"),
    ("ari", "ARI", "adjusted Rand index: 0 by chance, 1 when equal"),
    ("element_centric", "element-centric", "similarity of each track's group, not corrected for chance"),
    ("nmi", "NMI", "not corrected for chance: it grows with the number of groups"),
    ("homogeneity", "homogeneity", "clusters hold tracks of one community; not corrected"),
    ("completeness", "completeness", "communities lie in one cluster; not corrected"),
    ("v_measure", "V-measure", "harmonic mean of the two; not corrected"),
)


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    clusters: Annotated[
        str | None, typer.Option("--clusters", help="Stored clusters, by number or name. [default: the newest]")
    ] = None,
    communities: Annotated[
        str | None, typer.Option("--communities", help="Stored communities, by number or name. [default: the newest]")
    ] = None,
    with_tag: Annotated[
        str | None, typer.Option("--with-tag", help="Compare with a tag instead: genre, artist or album.")
    ] = None,
    with_clusters: Annotated[
        str | None, typer.Option("--with-clusters", help="Compare with other stored clusters instead.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=99, help="Draws of each null model.")] = 999,
    rebuilds: Annotated[
        int,
        typer.Option(
            "--rebuilds", min=0, help="Times the communities are found anew in resampled playlists; 0 for none."
        ),
    ] = 20,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw figures into the library.")] = True,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Measure how far what is heard (clusters) agrees with what people put together (communities, or a tag).

    Chance-corrected scores first; beside them what labels exchanged between tracks, and between whole artists, reach.
    """
    configure_logging(quiet, verbose)
    others = [flag for flag in (communities, with_tag, with_clusters) if flag is not None]
    if len(others) > 1:
        raise ParameterError("name one of --communities, --with-tag and --with-clusters, not several")
    if with_tag is not None and with_tag not in TAGS:
        raise ParameterError(f"--with-tag is {with_tag!r}; choose one of: {', '.join(TAGS)}")

    from songnet.comparison import compare
    from songnet.library import Library, load_partition, recorded_run
    from songnet.library.tracks import tracks_by_id
    from songnet.report.comparison import draw_comparison_figures

    with Library(library, write=True) as opened:
        stored, first = load_partition(opened, clusters, "cluster")
        what, second, names, source = _second(opened, communities, with_tag, with_clusters)
        rebuild, reseed = _finders(opened, source) if source is not None and rebuilds > 1 else (None, None)
        artists = {track: values["artist"] for track, values in tracks_by_id(opened.db).items()}
        parameters = {"first": stored.partition_id, "second": what, "draws": draws}
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            report = compare(
                first, second, artists=artists, n_draws=draws, n_rebuilt=max(2, rebuilds), seed=seed,
                rebuild=rebuild, reseed=reseed, progress=progress,
            )  # fmt: skip
            run.summary.update({"verdict": report.verdict})
            drawn = []
            if figures:
                drawn = draw_comparison_figures(
                    report,
                    opened.reports / name_of_folder(f"{stored.name}-{_short(what)}", "compare"),
                    row_names=_names(stored),
                    column_names=names,
                    seed=seed,
                )
    if as_json:
        content = report.to_json()
        content["first"].update({"partition": stored.partition_id, "name": stored.name})
        content["second"]["what"] = what
        content["figures"] = [str(path) for path in drawn]
        print_json(content)
        return 0
    _print(report, stored.name, what, names)
    if drawn:
        say(f"{len(drawn)} figures: {drawn[0].parent}")
    return 0


def _short(what: str) -> str:
    return what.partition(" (")[0].replace(" ", "-")


def _second(
    library: Library, communities: str | None, with_tag: str | None, with_clusters: str | None
) -> tuple[str, Partition, dict[int, str], StoredPartition | None]:
    """What the clusters are compared with: its name, the partition, names of its groups, and where it is stored."""
    from songnet.library import load_partition

    if with_tag is not None:
        partition, names = _tag_partition(library, with_tag)
        return f"tag {with_tag}", partition, names, None
    branch = "community" if with_clusters is None else "cluster"
    stored, partition = load_partition(library, communities if with_clusters is None else with_clusters, branch)
    what = f"{stored.name} (partition {stored.partition_id})"
    return what, partition, _names(stored), stored if branch == "community" else None


def _finders(
    library: Library, stored: StoredPartition
) -> tuple[Callable[[int], Partition], Callable[[int], Partition]]:
    """How the stored communities would be found in resampled playlists, and with other seeds."""
    from songnet.playlists.pipeline import communities_again
    from songnet.playlists.stored import load_memberships

    memberships = load_memberships(library)
    settings = build_config(
        CommunityConfig,
        {"method": stored.method},
        {key: value for key, value in stored.parameters.items() if key != "seed"},
    )
    return (
        lambda seed: communities_again(memberships, settings, seed, resample=True),
        lambda seed: communities_again(memberships, settings, seed, resample=False),
    )


def _tag_partition(library: Library, tag: str) -> tuple[Partition, dict[int, str]]:
    from songnet.library.tracks import fold, tracks_by_id
    from songnet.partition import Partition

    tagged = {track: values[tag] for track, values in tracks_by_id(library.db).items() if values[tag]}
    if not tagged:
        raise InputNotFoundError(f"no track of this library has a tag {tag}: choose another")
    written: dict[str, str] = {}
    for value in tagged.values():
        written.setdefault(fold(value), value)
    number = {key: index for index, key in enumerate(sorted(written), start=1)}
    partition = Partition.from_labels(
        list(tagged), [number[fold(value)] for value in tagged.values()], f"tag {tag}", {"tag": tag}
    )
    return partition, {index: written[key] for key, index in number.items()}


def _names(stored: StoredPartition) -> dict[int, str]:
    groups = stored.summary.get("clusters", [])
    if groups:
        return {group["label"]: group["name"] for group in groups}
    return {
        group["label"]: group["artists"][0]["artist"]
        for group in stored.summary.get("communities", [])
        if group["label"] > 0 and group["artists"]
    }


def _print(report: ComparisonReport, first: str, what: str, names: dict[int, str]) -> None:
    say(report.verdict)
    for warning in report.warnings:
        say(f"warning: {warning}")
    say("")
    table = report.contingency
    n_rows, n_columns = table.table.shape
    say(f"clusters {first} against {what}: {table.n_shared:,} tracks in both, {n_rows} x {n_columns} groups")
    say("")
    scores = {**report.to_json()["scores"]}
    print_table(["score", "value", ""], [[label, f"{scores[key]:.3f}", note] for key, label, note in SCORES])
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
    if max(table.table.shape) <= 12:
        columns = ["cluster", *(shorten(f"{number} {names.get(number, '')}".strip(), 18) for number in table.columns)]
        cells = [[str(number), *row] for number, row in zip(table.rows, table.table.tolist(), strict=True)]
        print_table(columns, cells)
        say("")
