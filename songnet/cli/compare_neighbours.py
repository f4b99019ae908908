"""`songnet compare-neighbours`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.cluster import name_of_folder
from songnet.cli.output import configure_logging, print_json, print_table, progress_reports, say
from songnet.config import ClusterConfig, build_config, read_toml
from songnet.errors import ParameterError

if TYPE_CHECKING:
    from songnet.alignment import HeldOut
    from songnet.clustering import FeatureChoice
    from songnet.comparison.neighbourhood.report import NeighbourReport, SettingReport
    from songnet.comparison.neighbourhood.representation import Representation
    from songnet.descriptors import Descriptors
    from songnet.library import Library
    from songnet.progress import Progress

NAME = "compare-neighbours"
EXAMPLE = (
    "Example: songnet compare-neighbours --library ~/songs     or: songnet compare-neighbours --vectors mine.npz"
    " --pairs all"
)
CONTROLS = ("shuffled",)


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="What sound is: descriptors (of timbre), codes (of a model), joined (both), or auto, as `songnet"
            " cluster` decides. [default: auto; codes with --model of another family]",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Whose codes (see `songnet models`).")] = None,
    aggregate: options.Aggregate = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            "--vectors",
            help="Measure the vectors of an .npz instead (track_ids, vectors, as songnet export writes), as they are.",
        ),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Parts of the playlists, each held out once.")] = 5,
    pairs: Annotated[
        str,
        typer.Option(
            "--pairs",
            help="new: tracks that no training playlist brings together; all; auto: new, unless most tracks have met.",
        ),
    ] = "auto",
    queries: Annotated[int, typer.Option("--queries", min=1, help="Playlist entries asked for, at most.")] = 4_000,
    draws: Annotated[int, typer.Option("--draws", min=99, help="Draws of each null model.")] = 199,
    control: Annotated[
        str | None,
        typer.Option("--control", help="shuffled: deal the tracks to the playlists at random, to see the answer."),
    ] = None,
    held_out_from: Annotated[
        str | None,
        typer.Option(
            "--held-out-from",
            help="Ask only the playlists that this model of `songnet align` never saw; its own codes ask no others.",
        ),
    ] = None,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw a figure into the library.")] = True,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Ask whether tracks that sound alike stand together in playlists that were held out.

    No clusters are needed. Beside sound stand MFCC statistics, loudness, popularity, random vectors and what the
    other playlists know; with and without pairs of the same artist and of the same album.
    """
    configure_logging(quiet, verbose)
    toml = read_toml(config)
    settings = build_config(ClusterConfig, toml.get("cluster", {}), {"features": features})
    pooling = options.asked_aggregate(toml, aggregate)
    if vectors is not None and (features is not None or model is not None):
        raise ParameterError("--vectors brings its own features: leave --features and --model away")
    if control is not None and control not in CONTROLS:
        raise ParameterError(f"--control is {control!r}; there is: {', '.join(CONTROLS)}")

    from songnet.alignment import hold_out
    from songnet.clustering import choose_features
    from songnet.comparison.neighbourhood.held_out import shuffle_memberships
    from songnet.comparison.neighbourhood.measures import PAIRS
    from songnet.comparison.neighbourhood.report import compare_neighbours
    from songnet.library import Library, recorded_run
    from songnet.library.tracks import tracks_by_id
    from songnet.playlists.pipeline import track_names
    from songnet.playlists.stored import load_memberships
    from songnet.report.neighbourhood import draw_neighbour_figures

    if pairs not in (*PAIRS, "auto"):
        raise ParameterError(f"--pairs is {pairs!r}; choose one of: {', '.join(PAIRS)}, auto")
    with Library(library, write=True) as opened:
        choice = None
        if vectors is None:
            choice = choose_features(opened, settings.features, model=model, aggregate=pooling)
            settings = choice.settings(settings)
        parameters = {
            "cluster": {key: asdict(settings)[key] for key in ("features", "n_components", "shrinkage")},
            "asked": choice.asked if choice else None,
            "model": choice.card.key if choice and choice.card else None,
            "aggregate": choice.aggregate if choice else None,
            "vectors": None if vectors is None else vectors.name, "folds": folds, "pairs": pairs, "queries": queries,
            "draws": draws, "control": control,
        }  # fmt: skip
        # Whether there are playlists is known at once, descriptors may take a while.
        memberships = load_memberships(opened)
        heard = choice.card if choice is not None and settings.features != "descriptors" else None
        held_out = hold_out(opened, held_out_from, codes=heard)
        if control is not None:
            memberships = shuffle_memberships(memberships, seed)
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            sound, descriptors = _sound(opened, settings, choice, vectors, progress)
            names = track_names(opened)
            report = compare_neighbours(
                memberships,
                sound,
                descriptors=descriptors,
                artists={track: name[0] for track, name in names.items()},
                albums={track: values["album"] for track, values in tracks_by_id(opened.db).items()},
                n_folds=folds, pairs=pairs, n_queries=queries, n_draws=draws, seed=seed, progress=progress,
                asked=None if held_out is None else held_out.playlist_ids,
            )  # fmt: skip
            run.summary.update({"verdict": report.verdict})
            drawn = []
            if figures:
                what = vectors.stem if vectors is not None else f"{model or settings.features}"
                folder = opened.reports / name_of_folder("-".join([what, pairs, *([control] if control else [])]), NAME)
                drawn = draw_neighbour_figures(report, folder, seed=seed)
    _tell(report, choice, held_out, control, drawn, as_json=as_json)
    return 0


def _tell(
    report: NeighbourReport,
    choice: FeatureChoice | None,
    held_out: HeldOut | None,
    control: str | None,
    drawn: list[Path],
    *,
    as_json: bool,
) -> None:
    """Say what was found, as JSON or in words."""
    if as_json:
        content = report.to_json()
        content["representation"] = choice.to_json() if choice else None
        content["held_out_from"] = held_out.record()["held_out_from"] if held_out else None
        content.update({"control": control, "figures": [str(path) for path in drawn]})
        print_json(content)
        return
    if control is not None:
        say(f"control: playlists put together at random ({control})")
    _print(report, choice.note() if choice else "")
    if held_out is not None:
        say(f"asked of {len(held_out.playlist_ids):,} playlists that {held_out.name} never saw; the others are known")
    if drawn:
        say(f"{len(drawn)} figures: {drawn[0].parent}")


def _sound(
    library: Library, settings: ClusterConfig, choice: FeatureChoice | None, vectors: Path | None, progress: Progress
) -> tuple[Representation, Descriptors]:
    """What stands for the sound, and the descriptors that baselines are made from."""
    from songnet.comparison.neighbourhood.representation import from_features, read_vectors
    from songnet.descriptors import load_descriptors, update_descriptors

    read = None if vectors is None else read_vectors(vectors)
    images = choice.images if choice else library.settings.images
    update_descriptors(library, images, progress=progress)
    if choice is not None:
        read = from_features(choice.load(library, settings), settings)
    assert read is not None
    return read, load_descriptors(library, images)


def _print(report: NeighbourReport, note: str) -> None:
    from songnet.comparison.neighbourhood.verdict import NAMES

    say(report.verdict)
    for warning in report.warnings:
        say(f"warning: {warning}")
    if note:
        say(f"note: {note}")
    say("")
    facts: dict[str, Any] = dict(report.facts)
    used = facts["settings_used"]
    say(
        f"{report.what}: {facts['n_tracks']:,} tracks in {facts['n_playlists']:,} playlists, {used['folds']} folds,"
        f" {facts['n_queries']:,} of {facts['n_entries']:,} entries asked for, {used['pairs']} pairs"
    )
    say("")
    labels = [label.upper() if label in ("auc", "mrr") else label for label in report.measures]
    for entry in report.settings:
        rows = [
            [NAMES[name], *(_cell(values[measure]) for measure in report.measures), *_difference(entry, name)]
            for name, values in entry.scores.items()
        ]
        say(f"{entry.setting}: {entry.n_queries:,} queries, {entry.n_pairs:,} pairs")
        print_table(["predictor", *labels, "sound's AUC is higher by"], rows)
        tests = [
            f"p = {null.p_value:.3g} when {null.kind} exchange their sound"
            for null in (entry.tracks_null, entry.artists_null)
            if null is not None
        ]
        say("AUC of sound: " + ", ".join(tests)) if tests else say("no pairs")
        say("")


def _cell(value: Any) -> str:
    return "" if value is None else f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"


def _difference(entry: SettingReport, name: str) -> list[str]:
    value = entry.differences.get(name, {}).get("auc")
    return ["" if value is None else f"{value.value:+.3f} ({value.low:+.3f} to {value.high:+.3f})"]
