"""`songnet cluster`."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import cluster_stored, options
from songnet.cli.cluster_output import (
    print_against,
    print_clusters,
    print_interrupted,
    print_sweep,
    print_verdict,
    sweep_json,
)
from songnet.cli.output import configure_logging, print_json, progress_reports, say
from songnet.config import ClusterConfig, build_config, read_toml
from songnet.errors import ParameterError

if TYPE_CHECKING:
    from songnet.clustering import AgainstLabels, ClusterReport, FeatureChoice, Features
    from songnet.library import Library

NAME = "cluster"
EXAMPLE = (
    "Example: songnet cluster --k 2..20 --library ~/songs     then: songnet cluster show --library ~/songs"
    "     or: songnet cluster export ~/playlists --library ~/songs"
)
# What the 2020 project tried, on codes as they lie in its latent images.
LAYOUTS = {"deejai": {"features": "codes", "k": "2,3,4,5,6,8,10", "n_components": 0}}

app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context,
    library: options.Library = options.DEFAULT_LIBRARY,
    k: Annotated[
        str | None,
        typer.Option("--k", help="Numbers of clusters to try: 2..20, or 2,3,4,10, or 6. [default: 2..20]"),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="What to cluster: descriptors (of timbre), codes (of a model), joined (both), or auto: joined with a"
            " contrastive model's codes where there are any, else descriptors. [default: auto; codes with --model of"
            " another family]",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method", help="kmeans, minibatch-kmeans, gmm-diag, gmm-tied, gmm-full or hdbscan. [default: kmeans]"
        ),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Whose codes (see `songnet models`).")] = None,
    aggregate: options.Aggregate = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            help="deejai: the first clip's code, flattened and not whitened, k in 2,3,4,5,6,8,10, as in Farnan et al."
            " (2020).",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Name to store the clusters under; a later run keeps its numbers.")
    ] = "clusters",
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="CSV of known labels (path or file, and label) to compare the clusters with."),
    ] = None,
    label_column: Annotated[str | None, typer.Option("--label-column", help="Column of it with the labels.")] = None,
    colour_by: Annotated[
        str | None,
        typer.Option("--colour-by", help="Draw the maps also coloured by artist, album, genre, year or label."),
    ] = None,
    projections: Annotated[
        str, typer.Option("--projections", help="Maps to draw: pca, tsne, umap (slow to start), or none.")
    ] = "pca,tsne",
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw figures into the library.")] = True,
    n_init: Annotated[int | None, typer.Option("--n-init", help="Starts of every fit. [default: 10]")] = None,
    nulls: Annotated[
        int | None, typer.Option("--nulls", help="Draws of each null model, 99 or more; 0 for none. [default: 99]")
    ] = None,
    resamples: Annotated[
        int | None, typer.Option("--resamples", help="Repetitions for stability; 0 for none. [default: 20]")
    ] = None,
    include_missing: Annotated[
        bool, typer.Option("--include-missing", help="Also tracks whose files are gone.")
    ] = False,
    control: Annotated[
        str | None,
        typer.Option(
            "--control",
            help="Cluster data without clusters instead, to see the answer: shuffled (every column on its own) or"
            " gaussian. Nothing is stored.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Threads; 0 is one a core.")] = 0,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Find out how many kinds of track there are, if any, and which track is of which kind.

    Every number of clusters is tried; silhouette, elbow, gap, BIC and stability vote, and data without clusters are
    clustered beside the real ones: the answer may be that there is no structure.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return 0
    configure_logging(quiet, verbose)
    toml = read_toml(config)
    settings = _settings(toml, features, layout, k, method, n_init, nulls, resamples)
    wanted = _projections(projections)
    request = _Request(
        settings=settings,
        model=model,
        aggregate=options.asked_aggregate(toml, aggregate),
        layout=layout,
        name=name,
        labels=labels,
        label_column=label_column,
        colour_by=colour_by,
        projections=wanted if figures else None,
        include_missing=include_missing,
        control=control,
        n_threads=jobs or options.available_cores(),
        seed=seed,
    )
    _check(request)
    outcome = _run(library, request, as_json=as_json, quiet=quiet)
    report, summary = outcome.report, outcome.summary
    if as_json:
        settings = outcome.choice.settings(settings)
        content = sweep_json(report, outcome.what, settings, seed, outcome.partition_id, name, summary)
        representation = {**outcome.choice.to_json(), **outcome.blocks}
        # A layout takes one code of a track and aggregates none.
        content["representation"] = {**representation, "aggregate": None} if layout else representation
        content["against_labels"] = [asdict(entry) for entry in outcome.against]
        content["figures"] = [str(path) for path in outcome.figures]
        print_json(content)
        return 0
    print_verdict(report, len(report.partition.track_ids), outcome.what, settings)
    print_sweep(report.sweep)
    print_clusters(summary["clusters"])
    print_against(outcome.against)
    for note in (outcome.choice.note(), *report.sweep.notes):
        if note:
            say(f"note: {note}")
    if outcome.partition_id is None:
        say(f"a control ({control}): nothing was stored")
        return 0
    kept = f", numbered like partition {report.matched}" if report.matched is not None else ""
    say(
        f"stored as partition {outcome.partition_id} ({name}){kept}; see it again: songnet cluster show"
        f" --library {shlex.quote(str(library))}"
    )
    if outcome.figures:
        say(f"{len(outcome.figures)} figures: {outcome.figures[0].parent}")
    return 0


@dataclass(frozen=True)
class _Request:
    """What the flags ask for; without projections (not even an empty list) no figures are drawn."""

    settings: ClusterConfig
    model: str | None
    aggregate: str | None
    layout: str | None
    name: str
    labels: Path | None
    label_column: str | None
    colour_by: str | None
    projections: list[str] | None
    include_missing: bool
    control: str | None
    n_threads: int
    seed: int


@dataclass(frozen=True)
class _Outcome:
    report: ClusterReport
    what: str
    choice: FeatureChoice
    blocks: dict[str, Any]
    partition_id: int | None
    summary: dict[str, Any]
    against: list[AgainstLabels]
    figures: list[Path]


def _check(request: _Request) -> None:
    """A slip of the pen must not cost a long sweep."""
    from songnet.clustering import CLUSTERERS
    from songnet.clustering.nulls import NULL_MODELS
    from songnet.library.partitions import check_partition_name
    from songnet.report.cluster_figures import TAGS

    _ = CLUSTERERS[request.settings.method]
    check_partition_name(request.name)
    if request.control is not None and request.control not in NULL_MODELS:
        raise ParameterError(f"--control is {request.control!r}; choose one of: {', '.join(NULL_MODELS)}")
    if request.colour_by is not None and request.colour_by not in TAGS:
        raise ParameterError(f"--colour-by is {request.colour_by!r}; choose one of: {', '.join(TAGS)}")
    if request.label_column is not None and request.labels is None:
        raise ParameterError("--label-column names a column of --labels FILE: give that too")
    if request.colour_by == "label" and request.labels is None:
        raise ParameterError("--colour-by label needs --labels FILE")


def _run(library: Path, request: _Request, *, as_json: bool, quiet: bool) -> _Outcome:
    from songnet.clustering import choose_features, compare_with_labels, read_labels
    from songnet.descriptors import load_descriptors
    from songnet.library import Library, recorded_run
    from songnet.library.partitions import save_partition
    from songnet.library.tracks import tracks_by_id
    from songnet.report.cluster_figures import draw_cluster_figures

    with Library(library, write=True) as opened:
        choice = choose_features(opened, request.settings.features, model=request.model, aggregate=request.aggregate)
        settings, images = choice.settings(request.settings), choice.images
        tracks = tracks_by_id(opened.db)
        truth = read_labels(request.labels, tracks, request.label_column)[1] if request.labels else {}
        parameters = {
            "cluster": asdict(settings),
            "asked": choice.asked,
            "model": choice.card.key if choice.card else None,
            "aggregate": choice.aggregate,
            "layout": request.layout,
            "name": request.name,
            "control": request.control,
        }
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, request.seed) as run,
            progress_reports(quiet) as progress,
        ):
            features, report = _sweep(opened, request, choice, progress, as_json=as_json)
            what = features.what
            blocks = {"widths": list(features.widths), "weights": list(features.weights)}
            against = []
            if truth:
                described = load_descriptors(opened, images)
                against = compare_with_labels(
                    report.partition.track_ids, report.sweep.labels, report.n_clusters, truth, described,
                    what=f"{settings.method} on {what}", n_init=settings.n_init, seed=request.seed,
                )  # fmt: skip
            summary = report.summary(tracks, what)
            run.summary.update(summary["verdict"])
            if request.control is not None:
                return _Outcome(report, what, choice, blocks, None, summary, against, [])
            partition_id = save_partition(
                opened,
                report.partition,
                name=request.name,
                branch="cluster",
                run_id=run.run_id,
                summary=summary,
                silhouettes=report.silhouettes,
            )
            run.summary["partition"] = partition_id
            figures = []
            if request.projections is not None:
                figures = draw_cluster_figures(
                    opened, report,
                    folder=opened.reports / name_of_folder(request.name),
                    method=settings.method, seed=request.seed, projections=request.projections,
                    colour_by=request.colour_by, truth=truth, progress=progress,
                )  # fmt: skip
    return _Outcome(report, what, choice, blocks, partition_id, summary, against, figures)


def _sweep(
    library: Library, request: _Request, choice: FeatureChoice, progress: Any, *, as_json: bool
) -> tuple[Features, ClusterReport]:
    """Describe, read and cluster; when interrupted, print what was finished."""
    from songnet.clustering import cluster_features, control_features
    from songnet.descriptors import update_descriptors

    fits: list[Any] = []
    try:
        update_descriptors(library, choice.images, progress=progress)
        chosen = choice.load(library, request.settings, layout=request.layout, include_missing=request.include_missing)
        if request.control is not None:
            chosen = control_features(chosen, request.control, request.seed)
        settings = choice.settings(request.settings)
        report = cluster_features(
            library, chosen, settings, images=choice.images, name=request.name, seed=request.seed,
            version=songnet.__version__, n_threads=request.n_threads,
            keep_parts=request.control is None, progress=progress, on_fit=fits.append,
        )  # fmt: skip
    except KeyboardInterrupt:
        if fits and not as_json:
            print_interrupted(fits)
        raise
    return chosen, report


def name_of_folder(name: str, prefix: str = "cluster") -> str:
    """A folder's name for a partition's name: letters, digits, dash and underscore; no two names share one."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in name)[:60]
    return f"{prefix}-{safe}" if safe == name else f"{prefix}-{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _settings(
    toml: dict[str, dict[str, Any]],
    features: str | None,
    layout: str | None,
    k: str | None,
    method: str | None,
    n_init: int | None,
    nulls: int | None,
    resamples: int | None,
) -> ClusterConfig:
    if layout is not None and layout not in LAYOUTS:
        raise ParameterError(f"--layout is {layout!r}; there is: {', '.join(LAYOUTS)}")
    if layout is not None and features not in (None, "auto", "codes"):
        raise ParameterError(f"--layout {layout} lays out codes: leave --features {features} away")
    asked = {"k": k, "method": method, "n_init": n_init, "nulls": nulls, "resamples": resamples}
    laid = LAYOUTS.get(layout or "", {})
    wanted = {"features": laid.get("features", features)}
    return build_config(ClusterConfig, toml.get("cluster", {}), laid, {**wanted, **asked})


def _projections(text: str) -> list[str]:
    from songnet.clustering.projection import PROJECTIONS

    names = [name.strip() for name in text.split(",") if name.strip()]
    wanted = [name for name in names if name != "none"]
    for name in wanted:
        _ = PROJECTIONS[name]
    return wanted


def _refuse_options(context: typer.Context) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            flag = "--" + name.replace("as_json", "json").replace("_", "-")
            raise ParameterError(f"{flag} stands before {context.invoked_subcommand}: write it after that word")


for word, example, stored in cluster_stored.COMMANDS:
    app.command(word, epilog=example)(stored)
