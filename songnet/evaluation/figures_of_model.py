"""Figures that stay with a model: what an evaluation found of its codes, for its card and whoever is given it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from songnet.evaluation.panels.report import PanelReport
from songnet.evaluation.settings import Asked
from songnet.evaluation.verdict import EvaluationReport, decisive_measures
from songnet.library import Library
from songnet.library.files import write_bytes
from songnet.training import ModelCard, read_card
from songnet.training.description import EVALUATION
from songnet.training.manifest import MAX_ENTRIES, MAX_TEXT


def store_figures(library: Library, report: EvaluationReport, asked: Asked) -> list[Path]:
    """Write ``models/NAME/evaluation.json`` for every model whose codes were evaluated.

    Parameters
    ----------
    library : Library
        Open for writing.
    report : EvaluationReport
        From `songnet.evaluation.evaluate`.
    asked : Asked
        What was asked for.

    Returns
    -------
    list of pathlib.Path
        Files written. None of a control, nor of labels from a file: a card tells what the library itself can repeat.
    """
    if asked.control is not None or asked.labels is not None:
        return []
    written = []
    for name in asked.models:
        card = read_card(library.models, name)
        figures = figures_of(report, card)
        if figures:
            path = library.models / name / EVALUATION
            content = {"weights_sha256": card.weights_sha256, "settings": report.settings, "figures": figures}
            write_bytes(path, (json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())
            written.append(path)
    return written


def figures_of(report: EvaluationReport, card: ModelCard) -> list[dict[str, Any]]:
    """Every measure of a model's codes, then the decisive ones of the baselines, the panels last.

    Returns
    -------
    list of dict
        ``measure`` (text of 1 to 200 characters), ``value``, ``low`` and ``high`` (None without an interval); 200 at
        most. Empty if the model's codes were not evaluated.
    """
    system = f"codes:{card.name}"
    if system not in report.table:
        return []
    against = "" if report.labels is None else f" ({report.labels})"
    found = []
    for key in report.measures:
        if key in report.table[system]:
            found.append((key, report.label_of(key), report.table[system][key]))
    for name, kind in report.kinds.items():
        if kind == "baseline":
            for key in decisive_measures(report.table[system]):
                if key in report.table[name]:
                    found.append((key, f"{report.label_of(key)}: {name}", report.table[name][key]))
    figures = [
        _figure(text + (against if _of_labels(key) else ""), entry.value, entry.low, entry.high)
        for key, text, entry in found
    ]
    figures += _panel_figures(report.panels, system)
    return [entry for entry in figures if math.isfinite(entry["value"])][:MAX_ENTRIES]


def _panel_figures(panels: PanelReport, system: str) -> list[dict[str, Any]]:
    figures = []
    if system in panels.collapse:
        collapse = panels.collapse[system]
        figures.append(_figure(f"effective rank of {collapse.d}", collapse.standard_rank, None, None))
    for each in panels.nuisance.of(system) if panels.nuisance is not None else ():
        if each.value is not None:
            measure = "R²" if each.measure == "r2" else "AUC"
            what = f"{each.nuisance.replace('_', ' ')} read from the codes, {measure}"
            figures.append(_figure(what, each.value, each.low, each.high))
    for result in panels.invariance[system].results if system in panels.invariance else ():
        what = f"clips nearest to themselves: {result.change}"
        figures.append(_figure(what, result.clip_top1, result.clip_low, result.clip_high))
    return figures


def _of_labels(key: str) -> bool:
    """Whether a measure needs labels."""
    return key.startswith(("knn", "probe", "nmi", "ami", "ari", "hub_knn", "mp_knn")) or "_label" in key


def _figure(measure: str, value: float, low: float | None, high: float | None) -> dict[str, Any]:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        low = high = None
    return {"measure": measure[:MAX_TEXT], "value": value, "low": low, "high": high}
