"""How `songnet cluster` and `songnet cluster show` put their findings: verdict first, then tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from songnet.cli.output import print_table, say, shorten, terminal_width

if TYPE_CHECKING:
    from songnet.clustering import AgainstLabels, ClusterReport, SweepReport
    from songnet.clustering.estimators import Fit
    from songnet.config import ClusterConfig

FULL_WIDTH = 125
LEFT_OUT_WHEN_NARROW = ("inertia", "distortion", "sizes")
AGAINST = {"gaussian": "Gaussian data of the same covariance", "shuffled": "shuffled columns"}


def print_verdict(report: ClusterReport, n_tracks: int, what: str, settings: ClusterConfig) -> None:
    """The answer, in two or three lines."""
    say(f"{n_tracks:,} tracks, {what}, {settings.method}")
    for line in verdict_lines(report.verdict_summary()):
        say(line)
    say("")


def verdict_lines(verdict: Mapping[str, Any]) -> list[str]:
    """A stored verdict in words; "no structure" comes first when that is the answer."""
    k, by_name = verdict["n_clusters"], verdict["tests"]
    tests = ", ".join(f"{test['p_value']:.3g} against {AGAINST[test['model']]}" for test in by_name)
    if k is None:
        lines = [f"NO STRUCTURE: {verdict['reason']}"]
    elif verdict["explained_by"] == "columns":
        lines = [
            f"NO STRUCTURE beyond single columns (p = {tests}): skewed values, or groups along one feature; look at the"
            " maps"
        ]
        lines.append(f"if there must be clusters: {k}, {verdict['reason']}")
    elif verdict["structured"] is False:
        lines = [f"NO STRUCTURE: no more clustered than noise (p = {tests})"]
        lines.append(f"if there must be clusters: {k}, {verdict['reason']}")
    else:
        tested = " (not tested)"
        if verdict["structured"]:
            tested = f" (more clustered than noise: p = {tests})"
        lines = [f"{k} clusters{tested}", f"why {k}: {verdict['reason']}"]
    if verdict["trust"]:
        lines.append(f"how far it repeats: {verdict['trust']}")
    voted = ", ".join(f"{name} {vote}" for name, vote in verdict["votes"].items() if vote is not None)
    if voted:
        lines.append(f"votes: {voted}")
    return lines


def print_sweep(sweep: SweepReport) -> None:
    """One row a number of clusters."""
    kinds = [kind for kind in ("halves", "seeds", "artists") if any(kind in row.stability for row in sweep.rows)]
    with_null = any(row.null_mean is not None for row in sweep.rows)
    with_bic = any(row.bic is not None for row in sweep.rows)
    columns = ["", "k", "inertia", "distortion", "silhouette"]
    columns += ["of noise", "gap", "break"] if with_null else []
    columns += ["BIC"] if with_bic else []
    columns += [*kinds, "sizes"]
    # Numbers broken over two lines help nobody: a narrow terminal gets fewer columns (--json and the figures have all).
    narrow = terminal_width() < FULL_WIDTH
    rows = []
    for row in sweep.rows:
        half = None if row.silhouette is None else (row.silhouette_high or 0.0) - row.silhouette
        mark = ">" if row.n_clusters == sweep.verdict.n_clusters else ""
        cells = [mark, str(row.n_clusters), f"{row.inertia:.5g}", f"{row.distortion:.4f}"]
        cells.append(_plus_minus(row.silhouette, half))
        null = [_number(row.null_mean), _plus_minus(row.gap, row.gap_s), _number(row.gap_break, 1)]
        cells += null if with_null else []
        cells += ["" if row.bic is None else f"{row.bic:.0f}"] if with_bic else []
        cells += [_number(row.stability[kind].mean if kind in row.stability else None, 2) for kind in kinds]
        sizes = f"{row.sizes[0]} to {row.sizes[-1]}" if row.sizes else "none"
        rows.append([*cells, sizes + (f", {row.noise} noise" if row.noise else "")])
    if narrow:
        shown = [index for index, name in enumerate(columns) if name not in LEFT_OUT_WHEN_NARROW]
        columns, rows = [columns[index] for index in shown], [[row[index] for index in shown] for row in rows]
        # Without what follows ±.
        rows = [[cell.partition(" ±")[0] for cell in row] for row in rows]
    print_table(columns, rows)
    legend = ["silhouette: mean over tracks"] if narrow else ["silhouette with its 95% interval"]
    if with_null:
        legend.append("of noise: mean silhouette of Gaussian data")
        legend.append("break: how sharply the gap stops rising, in deviations")
    if kinds:
        legend.append(f"{', '.join(kinds)}: adjusted Rand index between repetitions")
    say(f"({'; '.join(legend)})")
    say("")


def print_clusters(clusters: Sequence[Mapping[str, Any]]) -> None:
    """What the clusters are."""
    rows = [
        [
            "noise" if cluster["label"] < 0 else str(cluster["label"]),
            shorten(cluster["name"], 50),
            f"{cluster['size']} ({100 * cluster['share']:.0f}%)",
            _number(cluster["silhouette"]),
            shorten("; ".join(medoid["text"] for medoid in cluster["medoids"][:2]), 60),
            shorten("; ".join(_trait(trait) for trait in cluster["traits"][:3]), 70),
        ]
        for cluster in clusters
    ]
    print_table(["cluster", "name", "tracks", "silhouette", "nearest its centre", "stands out by"], rows)
    say("")


def _trait(trait: Mapping[str, Any]) -> str:
    return f"{trait['kind']} {trait['value']} ({trait['count_in']} of {trait['size']}, {trait['lift']:.1f}x)"


def print_against(scores: Sequence[AgainstLabels]) -> None:
    """Agreement with labels, the baseline beside it; nothing without labels."""
    if not scores:
        return
    rows = [
        [entry.what, entry.n_clusters, entry.n_tracks, f"{entry.ari:.3f}", f"{entry.ami:.3f}", f"{entry.nmi:.3f}"]
        for entry in scores
    ]
    print_table(["against the labels", "k", "tracks", "ARI", "AMI", "NMI"], rows)
    say("")


def print_interrupted(fits: Sequence[Fit]) -> None:
    """What an interrupted sweep had finished."""
    rows = [
        [fit.n_clusters, f"{fit.inertia:.5g}", f"{fit.distortion:.4f}", "" if fit.bic is None else f"{fit.bic:.6g}"]
        for fit in sorted(fits, key=lambda fit: fit.n_clusters)
    ]
    say(f"interrupted: {len(fits)} numbers of clusters were finished and are kept")
    print_table(["k", "inertia", "distortion", "BIC"], rows)


def sweep_json(
    report: ClusterReport,
    what: str,
    settings: ClusterConfig,
    seed: int,
    partition_id: int | None,
    name: str,
    summary: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything a run found, with stable keys."""
    sweep = report.sweep
    rows = [
        {
            "k": row.n_clusters,
            "inertia": row.inertia,
            "distortion": row.distortion,
            "silhouette": {
                "mean": row.silhouette,
                "low": row.silhouette_low,
                "high": row.silhouette_high,
                "squared_distances_all_tracks": row.silhouette_squared,
            },
            "null_silhouette": {"mean": row.null_mean, "high": row.null_high},
            "gap": {"value": row.gap, "s": row.gap_s, "break": row.gap_break},
            "bic": row.bic,
            "stability": {kind: asdict(score) for kind, score in row.stability.items()},
            "sizes": list(row.sizes),
            "noise": row.noise,
            "converged": row.converged,
        }
        for row in sweep.rows
    ]
    return {
        "n_tracks": len(report.partition.track_ids),
        "features": what,
        "settings": asdict(settings),
        "seed": seed,
        "samples": {
            "silhouette": sweep.silhouette_sample,
            "null_models": sweep.null_sample,
            "stability": sweep.stability_sample,
        },
        "sweep": rows,
        "verdict": summary["verdict"],
        "clusters": summary["clusters"],
        "partition": (
            None if partition_id is None else {"id": partition_id, "name": name, "numbered_like": report.matched}
        ),
        "notes": list(sweep.notes),
    }


def _plus_minus(value: float | None, half: float | None) -> str:
    return "" if value is None else f"{value:.3f} ±{half or 0.0:.3f}"


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
