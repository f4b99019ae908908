"""`songnet refine`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import songnet
from songnet.cli import options
from songnet.cli.output import configure_logging, print_json, print_table, progress_reports, say
from songnet.config import ClusterConfig

if TYPE_CHECKING:
    import numpy as np

    from songnet.progress import Progress
    from songnet.training.refine import RefineReport
    from songnet.training.refine_config import Begin, Start

NAME = "refine"
EXAMPLE = (
    "Example: songnet refine --model contrastive --clusters 6 --name contrastive-6 --library ~/songs"
    "     then: songnet embed --model contrastive-6 --library ~/songs"
)


def command(
    model: Annotated[str, typer.Option("--model", "-m", help="Trained model to refine; it stays as it is.")],
    clusters: Annotated[int, typer.Option("--clusters", help="Number of clusters to refine towards.")],
    name: Annotated[str, typer.Option("--name", help="What to call the refined model.")],
    library: options.Library = options.DEFAULT_LIBRARY,
    gamma: Annotated[float | None, typer.Option("--gamma", help="Weight of the clustering loss.")] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep-own-loss/--drop-own-loss",
            help="Keep the loss that the model was trained with (IDEC), or leave the clustering loss alone (DEC).",
        ),
    ] = True,
    update_every: Annotated[
        int | None,
        typer.Option("--update-every", help="Steps between two targets. [default: every clip once, 10 at least]"),
    ] = None,
    max_updates: Annotated[int | None, typer.Option("--max-updates", help="Targets at most.")] = None,
    tol: Annotated[
        float | None,
        typer.Option("--tol", help="End when a smaller share of the assignments has changed, three times in a row."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Clips (contrastive: tracks) a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Adam's step size.")] = None,
    nulls: Annotated[
        int,
        typer.Option("--nulls", help="Draws of data without clusters to compare the codes with first; 0: no test."),
    ] = 99,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Threads of that test; 0 is one a core.")] = 0,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Refine a trained model towards a number of clusters (DEC, IDEC) and store it as a new one.

    Refinement makes groups denser whether or not there are any: the codes as they are are tested first, and clusters of
    refined codes prove nothing. An interrupted refinement leaves nothing behind and begins anew.
    """
    configure_logging(quiet, verbose)

    from songnet.library import Library, reconcile, recorded_run
    from songnet.training.refine import check_refinable, refine
    from songnet.training.refine_config import RefineConfig

    asked = {
        "gamma": gamma,
        "update_every": update_every,
        "max_updates": max_updates,
        "tol": tol,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
    }
    given: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    config = RefineConfig(clusters, keep_own_loss=keep, **given)
    settings = ClusterConfig(features="codes", k=clusters, nulls=nulls, resamples=0)
    with Library(library, write=True) as opened:
        check_refinable(opened, model, name)
        parameters = {"model": model, "name": name, "nulls": nulls, **asdict(config)}
        with (
            recorded_run(opened, NAME, songnet.__version__, parameters, seed) as run,
            progress_reports(quiet) as progress,
        ):
            reconcile(opened)
            begin = beginning(settings, seed=seed, n_threads=jobs or options.available_cores(), progress=progress)
            report = refine(opened, model=model, name=name, config=config, begin=begin, seed=seed, progress=progress)
            run.summary["model"] = report.card.key
    _print(report, library, as_json)
    return 0


def beginning(settings: ClusterConfig, *, seed: int, n_threads: int, progress: Progress) -> Begin:
    """What makes space, centres and evidence from the codes of a model that is not refined yet.

    Parameters
    ----------
    settings : ClusterConfig
        ``k`` is the one number of clusters; components, shrinkage and nulls as for `songnet cluster`.
    seed : int
        Of k-means and of the null models.
    n_threads : int
        The result does not depend on it.
    progress : Progress
        Told of the null models.
    """

    def begin(codes: np.ndarray, starts: np.ndarray) -> Start:
        import numpy as np

        from songnet.clustering import sweep
        from songnet.clustering.kmeans import sweep_kmeans
        from songnet.embedding.whiten import fit_whitening
        from songnet.training.refine_config import Start

        (n_clusters,) = settings.n_clusters
        counts = np.diff(np.append(starts, len(codes)))
        # Clips of one track are alike: only tracks can be compared with data without clusters.
        tracks = (np.add.reduceat(codes.astype(np.float64), starts) / counts[:, None]).astype(np.float32)
        found = sweep(tracks, settings, seed=seed, what="codes", n_threads=n_threads, progress=progress)
        row = found.rows[0]
        evidence = {
            "beats_chance": found.verdict.structured,
            "p_values": {test.model: test.p_value for test in found.tests},
            "draws": settings.nulls,
            "tracks": len(tracks),
            "silhouette": row.silhouette,
            "silhouette_of_noise": row.null_mean,
        }
        whitening = fit_whitening(codes, n_components=settings.n_components, shrinkage=settings.shrinkage)
        points = ((codes.astype(np.float64) - whitening.mean) @ whitening.projection).astype(np.float32)
        fit = sweep_kmeans(points, [n_clusters], n_init=settings.n_init, seed=seed, n_threads=n_threads)[0]
        return Start(whitening.mean, whitening.projection, fit.centers, evidence)

    return begin


def _print(report: RefineReport, library: Path, as_json: bool) -> None:
    card, result = report.card, report.result
    if as_json:
        print_json(
            {
                "name": card.name,
                "key": card.key,
                "preset": card.preset,
                "refined_from": result,
                "history": report.history,
                "seconds": round(report.seconds, 3),
            }
        )
        return
    for line in verdict_lines(result):
        say(line)
    rows = []
    for what, key in (
        ("silhouette, training clips", "silhouette_train"),
        ("silhouette, held-out clips", "silhouette_held_out"),
        ("the model's own loss, held-out clips", "own_loss_held_out"),
    ):
        before, after = result[key]
        rows.append([what, _number(before), _number(after)])
    print_table(["", "before", "after"], rows)
    end = "settled" if result["converged"] else "not settled: raise --max-updates"
    say(
        f"{card.name}: {result['updates']} updates, {result['steps']} steps, {report.seconds:.0f} s ({end});"
        f" {result['changed_in_all']:.1%} of the assignments changed in all, {result['changed_last']:.1%} in the last"
        f" update"
    )
    say(f"clips a cluster: {', '.join(map(str, sorted(result['cluster_sizes'], reverse=True)))}")
    where = shlex.quote(str(library))
    say(
        "clusters of refined codes are circular evidence; test them on codes that were not refined: songnet cluster"
        f" --features codes --model {result['model']} --k {result['n_clusters']} --library {where}"
    )
    say(f"to encode the library with it: songnet embed --model {card.name} --library {where}")


def verdict_lines(result: dict[str, Any]) -> list[str]:
    """First what the codes said before they were refined, then what went wrong with refining, if anything."""
    from songnet.clustering.nulls import ALPHA

    evidence, k = result["evidence"], result["n_clusters"]
    p_values = ", ".join(f"{value:.3g} ({model})" for model, value in evidence["p_values"].items())
    if evidence["beats_chance"] is None:
        lines = [f"not tested whether the codes of {result['model']} have {k} clusters rather than none"]
    elif evidence["beats_chance"]:
        lines = [f"before refining, {k} clusters of {result['model']} were clearer than chance: p = {p_values}"]
    else:
        lines = [
            f"NOT BEATING CHANCE: before refining, {k} clusters of {result['model']} were no clearer than in data"
            f" without clusters: p = {p_values}, where {ALPHA:g} or less is asked of each; refining made them look"
            " like clusters all the same"
        ]
    return lines + [f"DEGENERATE: {reason}" for reason in result["degenerate"]]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
