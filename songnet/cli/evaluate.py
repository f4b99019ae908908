"""`songnet evaluate`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import songnet
from songnet.cli import options
from songnet.cli.evaluate_output import print_evaluation
from songnet.cli.output import configure_logging, print_json, progress_reports, say
from songnet.config import ImageConfig, read_toml
from songnet.errors import InputNotFoundError, ParameterError

if TYPE_CHECKING:
    from songnet.evaluation import EvaluationReport
    from songnet.evaluation.settings import Asked
    from songnet.library import Library

NAME = "evaluate"
EXAMPLE = (
    "Example: songnet evaluate --features codes --features joined --tag genre --library ~/songs"
    "     or: songnet evaluate --vectors mine.npz --labels truth.csv --label-column style"
)
NO_MODEL = (
    "the library has no trained model, so its descriptors were evaluated (`songnet embed` trains one from 50 tracks on)"
)


def command(
    library: options.Library = options.DEFAULT_LIBRARY,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            help="What to evaluate: descriptors, codes (of a model) or joined (both); may be given several times."
            " [default: codes; nothing with --vectors]",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Whose codes (see `songnet models`); may be given several times."),
    ] = None,
    all_models: Annotated[bool, typer.Option("--all-models", help="Every trained model of the library.")] = False,
    aggregate: options.Aggregate = None,
    vectors: Annotated[
        list[Path] | None,
        typer.Option(
            "--vectors",
            help="An .npz of another program: track_ids and vectors, also clip_track_ids and clip_vectors; may be given"
            " several times.",
        ),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="CSV of labels: track_id, path or file, and a label.")
    ] = None,
    label_column: Annotated[str | None, typer.Option("--label-column", help="Column of it with the labels.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Labels from a tag: genre, artist or album.")] = None,
    control: Annotated[
        str | None,
        typer.Option(
            "--control", help="shuffled-labels: deal the labels to other tracks, to see that nothing is then found."
        ),
    ] = None,
    space: Annotated[
        str, typer.Option("--space", help="Where cosines are taken: whitened, standard (standardised) or raw.")
    ] = "whitened",
    components: Annotated[int, typer.Option("--components", help="Principal components of the whitened space.")] = 16,
    shrinkage: Annotated[float, typer.Option("--shrinkage", help="0 whitens fully, 1 hardly.")] = 0.3,
    k: Annotated[int, typer.Option("--k", help="Nearest neighbours.")] = 5,
    seeds: Annotated[int, typer.Option("--seeds", help="Clusterings, each with a seed of its own.")] = 5,
    draws: Annotated[int, typer.Option("--draws", help="Draws of every interval.")] = 1000,
    sample: Annotated[int, typer.Option("--sample", help="Tracks at most, drawn once for all; 0 takes all.")] = 10_000,
    mutual_proximity: Annotated[
        str, typer.Option("--mutual-proximity", help="Correction of hubs shown: gaussian, empirical or none.")
    ] = "gaussian",
    random_seed: Annotated[int, typer.Option("--random-seed", help="Of the untrained encoder's weights.")] = 0,
    panels: Annotated[
        str,
        typer.Option(
            "--panels",
            help="nuisance (what can be read and should not), collapse, invariance (files are changed and encoded"
            " again: minutes); several with commas, all, or none.",
        ),
    ] = "nuisance,collapse",
    invariance_tracks: Annotated[
        int, typer.Option("--invariance-tracks", help="Tracks that the invariance panel reads again.")
    ] = 60,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw figures into the library.")] = True,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Threads; 0 is one a core.")] = 0,
    seed: options.Seed = 0,
    config: options.Config = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Measure what codes are worth, beside the baselines that every model must beat.

    Baselines: the same encoder untrained, MFCC statistics, a bliss-style vector, loudness alone. Without labels the
    figures are clip-to-track consistency, hubness, and retrieval of the same artist and album where tags tell them.
    The figures stay with the model (`songnet models show`), unless labels came from a file or were shuffled.
    """
    configure_logging(quiet, verbose)
    toml = read_toml(config)
    if all_models and model:
        raise ParameterError("--all-models and --model name models: give one of them")

    from songnet.descriptors import update_descriptors
    from songnet.evaluation import Asked, EvaluationConfig, evaluate, parse_panels, store_figures
    from songnet.library import Library, recorded_run
    from songnet.training import list_models

    settings = EvaluationConfig(
        space=space, n_components=components, shrinkage=shrinkage, k=k, n_seeds=seeds, n_draws=draws, sample=sample,
        mutual_proximity=mutual_proximity, random_seed=random_seed, panels=parse_panels(panels),
        invariance_tracks=invariance_tracks,
    )  # fmt: skip
    wanted = tuple(dict.fromkeys(features or (() if vectors and not (model or all_models) else ("codes",))))
    asked = Asked(
        features=wanted,
        vectors=tuple(vectors or ()),
        labels=labels,
        label_column=label_column,
        tag=tag,
        control=control,
    )
    with Library(library, write=True) as opened:
        nothing_named = not (features or model or all_models or vectors)
        alone = nothing_named and not list_models(opened.models)
        if alone:
            asked = replace(asked, features=("descriptors",))
        asked = _with_models(opened, asked, tuple(model or ()), all_models)
        asked = _with_aggregate(opened, asked, options.asked_aggregate(toml, aggregate))
        images = _images(opened, asked)
        named = {"features": list(asked.features), "models": list(asked.models), "aggregate": asked.aggregate}
        parameters = {**asdict(settings), **named, "control": control}
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            update_descriptors(opened, images, progress=progress)
            report = evaluate(
                opened, asked, settings, seed=seed, n_threads=jobs or options.available_cores(), progress=progress
            )
            if alone:
                report = replace(report, warnings=(NO_MODEL, *report.warnings))
            run.summary.update({"verdict": report.verdict})
            drawn = _draw(opened, report, seed) if figures else []
            stored = store_figures(opened, report, asked)
    if as_json:
        print_json({**report.to_json(), "figures": [str(path) for path in drawn], "stored": [str(p) for p in stored]})
        return 0
    print_evaluation(report)
    if drawn:
        say(f"{len(drawn)} figures: {drawn[0].parent}")
    if stored:
        names = ", ".join(path.parent.name for path in stored)
        say(f"stored with {names}: songnet models show NAME --library {library}")
    return 0


def _with_models(library: Library, asked: Asked, named: tuple[str, ...], all_models: bool) -> Asked:
    """The models that are meant; none where only descriptors or foreign vectors are evaluated and none was named."""
    from songnet.embedding import DEFAULT_PRESET, choose_trained
    from songnet.training import list_models

    trained = list_models(library.models)
    needed = all_models or (not named and {"codes", "joined"} & set(asked.features))
    if needed and not trained:
        raise InputNotFoundError(
            f"the library {library.path} has no trained model: `songnet embed FOLDER --model {DEFAULT_PRESET}` trains"
            " one, however few tracks there are; --features descriptors needs none"
        )
    if all_models:
        return replace(asked, models=tuple(trained))
    if named:
        return replace(asked, models=tuple(choose_trained(library, name) for name in named))
    if "codes" in asked.features or "joined" in asked.features:
        return replace(asked, models=(choose_trained(library, None),))
    return asked


def _with_aggregate(library: Library, asked: Asked, aggregate: str | None) -> Asked:
    """The aggregation that was named, else the one that the library has vectors of."""
    from songnet.embedding import choose_aggregate
    from songnet.training import read_card

    if not asked.models:
        return asked if aggregate is None else replace(asked, aggregate=aggregate)
    return replace(asked, aggregate=choose_aggregate(library, read_card(library.models, asked.models[0]), aggregate))


def _images(library: Library, asked: Asked) -> ImageConfig:
    from songnet.training import read_card

    return read_card(library.models, asked.models[0]).images if asked.models else library.settings.images


def _draw(library: Library, report: EvaluationReport, seed: int) -> list[Path]:
    from songnet.report.evaluation import draw_evaluation_figure
    from songnet.report.nuisance import save_nuisance_figures

    folder = library.reports / "evaluation"
    drawn = draw_evaluation_figure(report, folder)
    panels = report.panels
    return drawn + save_nuisance_figures(folder, nuisance=panels.nuisance, invariance=panels.invariance, seed=seed)
