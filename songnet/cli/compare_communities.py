"""`songnet compare-communities`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.cluster import name_of_folder
from songnet.cli.comparison_output import print_comparison, repeat_commands, side_of
from songnet.cli.output import configure_logging, print_json, progress_reports, say, tell
from songnet.config import CommunityConfig, build_config
from songnet.errors import InputNotFoundError, ParameterError, SongNetError

if TYPE_CHECKING:
    from songnet.comparison import ComparisonReport
    from songnet.library import Library, StoredPartition
    from songnet.partition import Partition
    from songnet.progress import Progress
    from songnet.report.comparison_page import Side

NAME = "compare-communities"
EXAMPLE = (
    "Example: songnet compare-communities --library ~/songs     or: songnet compare-communities --clusters mine"
    " --with-tag genre"
)
TAGS = ("genre", "artist", "album")
PAGE = "report.html"
CHANGED = "the playlists changed since these communities were found: find them again"
# Percentiles of fewer values are their extremes.
FEWEST_REBUILDS = 10


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
            "--rebuilds",
            help="Times the communities are found anew in resampled playlists, 10 or more; 0 leaves that and the"
            " ceiling (other seeds) out.",
        ),
    ] = 20,
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Draw figures and a report page into the library.")
    ] = True,
    maps: Annotated[
        bool | None,
        typer.Option(
            "--maps/--no-maps",
            help="Draw PCA and t-SNE maps coloured by cluster and by community. [default: up to 20,000 tracks]",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", help="Where to write the report page. [default: report.html beside the figures]"),
    ] = None,
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
    if rebuilds and rebuilds < FEWEST_REBUILDS:
        raise ParameterError(
            f"--rebuilds is {rebuilds}; an interval takes {FEWEST_REBUILDS} or more, 0 leaves it and the ceiling out"
        )
    _check_page(page, library, figures=figures, maps=maps)

    from songnet.alignment import check_comparison
    from songnet.comparison import compare
    from songnet.library import Library, load_partition, recorded_run
    from songnet.library.tracks import tracks_by_id

    with Library(library, write=True) as opened:
        stored, first = load_partition(opened, clusters, "cluster")
        other = _second(opened, communities, with_tag, with_clusters)
        community = other.stored if with_clusters is None else None
        if community is not None:
            check_comparison(opened, stored, community)
        anew = rebuilds > 0 and community is not None and _is_of_playlists(community)
        finders = _finders(opened, community) if anew and community is not None else None
        rebuild, reseed = finders or (None, None)
        doubts = [CHANGED] if anew and finders is None else []
        tracks = tracks_by_id(opened.db)
        artists = {track: values["artist"] for track, values in tracks.items()}
        parameters = {"first": stored.partition_id, "second": other.what, "draws": draws}
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            report = compare(
                first, other.partition, artists=artists, n_draws=draws, n_rebuilt=rebuilds, seed=seed,
                rebuild=rebuild, reseed=reseed, doubts=doubts, progress=progress,
            )  # fmt: skip
            run.summary.update({"verdict": report.verdict})
            shown = _Shown([], "", None)
            if figures:
                repeat = ["songnet", NAME, "--clusters", stored.name, *other.flag]
                repeat += ["--draws", str(draws), "--rebuilds", str(rebuilds), "--seed", str(seed)]
                shown = _show(
                    opened, report, (stored, first), other, tracks, repeat,
                    maps=maps, page=page, seed=seed, progress=progress,
                )  # fmt: skip
    if as_json:
        content = report.to_json()
        content["first"].update({"partition": stored.partition_id, "name": stored.name})
        content["second"]["what"] = other.what
        content["figures"] = [str(path) for path in shown.figures]
        content["maps_note"] = shown.maps_note
        content["page"] = None if shown.page is None else str(shown.page)
        print_json(content)
        return 0
    print_comparison(report, stored.name, other.what, other.side.names)
    if shown.maps_note and not quiet:
        tell(f"maps: {shown.maps_note}")
    if shown.page is not None:
        say(f"{len(shown.figures)} figures: {shown.figures[0].parent}")
        say(f"report page: {shown.page}")
    return 0


@dataclass(frozen=True, eq=False)
class _Other:
    """What the clusters are compared with: in words, itself, for the page, where it is stored; ``flag`` asks again."""

    what: str
    partition: Partition
    side: Side
    stored: StoredPartition | None
    flag: tuple[str, str]


@dataclass(frozen=True)
class _Shown:
    """What was written: figures, why there are no maps, the page."""

    figures: list[Path]
    maps_note: str
    page: Path | None


def _check_page(page: Path | None, library: Path, *, figures: bool, maps: bool | None) -> None:
    """A slip of the pen must not cost a long comparison, let alone another file."""
    from songnet.report.page import check_page_path

    if not figures and page is not None:
        raise ParameterError("--page shows the figures: leave --no-figures away")
    if not figures and maps:
        raise ParameterError("--maps are figures: leave --no-figures away")
    if page is not None:
        check_page_path(page, library)


def _show(
    library: Library,
    report: ComparisonReport,
    clusters: tuple[StoredPartition, Partition],
    other: _Other,
    tracks: Mapping[str, Mapping[str, Any]],
    repeat: list[str],
    *,
    maps: bool | None,
    page: Path | None,
    seed: int,
    progress: Progress,
) -> _Shown:
    """Draw figures and maps, and write the page."""
    from songnet.comparison import pair
    from songnet.library.partitions import load_silhouettes
    from songnet.playlists.pipeline import track_names
    from songnet.report.comparison import draw_comparison_figures
    from songnet.report.comparison_maps import MAPS_UP_TO, draw_comparison_maps, load_clustered_points
    from songnet.report.comparison_page import TrackFacts, comparison_page
    from songnet.report.page import write_page

    stored, first = clusters
    side, folder = side_of(stored), library.reports / name_of_folder(f"{stored.name}-{_short(other.what)}", "compare")
    drawn = draw_comparison_figures(report, folder, row_names=side.names, column_names=other.side.names, seed=seed)
    note = ""
    if maps is None and len(first.track_ids) > MAPS_UP_TO:
        note = f"none, for there are more than {MAPS_UP_TO:,} tracks; ask for them with --maps"
    elif maps is not False:
        try:
            drawn += draw_comparison_maps(
                load_clustered_points(library, stored, first), first, other.partition, report.contingency, folder,
                titles=(side.what, other.side.what), names=(side.names, other.side.names), seed=seed,
                progress=progress,
            )  # fmt: skip
        except SongNetError as error:
            note = f"none: {error}"
    else:
        note = "none were asked for"
    texts = {track: " - ".join(part for part in name if part) for track, name in track_names(library).items()}
    for track, values in tracks.items():
        if not texts.get(track) and values["path"]:
            texts[track] = values["path"].rpartition(b"/")[2].decode("utf-8", "backslashreplace")
    silhouettes = dict(zip(first.track_ids, load_silhouettes(library, stored).tolist(), strict=True))
    facts = TrackFacts(
        {track: text for track, text in texts.items() if text},
        {track: values["artist"] for track, values in tracks.items()},
        {track: value for track, value in silhouettes.items() if not math.isnan(value)},
    )
    partitions = [stored] if other.stored is None else [stored, other.stored]
    made = comparison_page(
        report, pair(first, other.partition), (side, other.side), facts, drawn=drawn, maps_note=note,
        commands=repeat_commands(library, partitions, repeat),
    )  # fmt: skip
    return _Shown(drawn, note, write_page(made, page if page is not None else folder / PAGE))


def _short(what: str) -> str:
    return what.partition(" (")[0].replace(" ", "-")


def _second(library: Library, communities: str | None, with_tag: str | None, with_clusters: str | None) -> _Other:
    from songnet.library import load_partition
    from songnet.report.comparison_page import Side

    if with_tag is not None:
        partition, names = _tag_partition(library, with_tag)
        what = f"tag {with_tag}"
        return _Other(what, partition, Side(what, with_tag, names), None, ("--with-tag", with_tag))
    branch = "community" if with_clusters is None else "cluster"
    stored, partition = load_partition(library, communities if with_clusters is None else with_clusters, branch)
    what = f"{stored.name} (partition {stored.partition_id})"
    flag = "--communities" if with_clusters is None else "--with-clusters"
    return _Other(what, partition, side_of(stored), stored, (flag, stored.name))


def _is_of_playlists(stored: StoredPartition) -> bool:
    """Whether communities can be found anew: not those of a graph file, nor any that another program found."""
    from songnet.playlists.communities import COMMUNITY_METHODS

    known = {"seed", *(field.name for field in fields(CommunityConfig))}
    return bool(stored.parameters) and set(stored.parameters) <= known and stored.method in list(COMMUNITY_METHODS)


def _finders(
    library: Library, stored: StoredPartition
) -> tuple[Callable[[int], Partition], Callable[[int], Partition]] | None:
    """How the stored communities would be found in resampled playlists, and with other seeds; None in other ones."""
    from songnet.alignment import held_out_of
    from songnet.playlists.pipeline import communities_again, community_memberships, other_seeds
    from songnet.playlists.stored import same_playlists

    settings = build_config(
        CommunityConfig,
        {"method": stored.method},
        {key: value for key, value in stored.parameters.items() if key != "seed"},
    )
    held_out = held_out_of(library, stored)
    try:
        memberships = community_memberships(library, settings, None if held_out is None else held_out.playlist_ids)
    except InputNotFoundError:
        return None
    if not same_playlists(memberships, stored.summary.get("graph", {}), settings.max_playlist_length):
        return None
    return (
        lambda seed: communities_again(memberships, settings, seed, resample=True),
        other_seeds(memberships, settings),
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
