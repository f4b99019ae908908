"""Tables of `embedding_quality`: means and ranges over training seeds, and paired leads over what must be beaten.

A run's lines are read back from its JSONL file, so that tables can be printed again without training. Each line is one
trained model (or the baselines of one set) with the value and the bootstrap draws of every measure of every system.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BASELINES = "baselines"
# Measures of the table and their headings; those that no system has are left out.
COLUMNS = {
    "nmi": "NMI",
    "ami": "AMI",
    "ari": "ARI",
    "knn_artist": "5-NN",
    "probe_balanced": "probe",
    "clip_auc": "clip AUC",
    "artists_nmi": "artists",
}
# What a code, and a code joined to descriptors, is compared with in the second table.
RIVALS = {
    "codes": ("random", "MFCC + PCA", "MFCC standard", "bliss-style", "loudness"),
    "joined": ("random joined", "descriptors", "MFCC + PCA", "MFCC standard", "bliss-style", "loudness"),
}
LEVEL = (2.5, 97.5)


@dataclass(frozen=True)
class Row:
    """One system over the seeds that were run.

    Parameters
    ----------
    model, system : str
        ``"contrastive"``, ``"codes"``; a baseline without weights has `BASELINES` as its model.
    seeds : tuple of int
        Of the trainings; empty without any.
    values : dict of str to list of float
        Measure to a value a seed.
    draws : dict of str to numpy.ndarray [shape=(n_draws,)]
        Measure to the bootstrap draws over tracks of the mean over seeds.
    """

    model: str
    system: str
    seeds: tuple[int, ...]
    values: dict[str, list[float]]
    draws: dict[str, np.ndarray]


@dataclass(frozen=True)
class Lead:
    """How far a system is ahead of its strongest rival, with the 95% interval of the paired draws."""

    rival: str
    value: float
    low: float
    high: float


def read_records(path: Path) -> list[dict[str, Any]]:
    """Lines of a run; one that a kill cut off is passed over."""
    records = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
    return records


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Add a line, after whatever a kill may have left without an end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record) + "\n"
    if path.exists() and path.read_bytes()[-1:] not in (b"", b"\n"):
        text = "\n" + text
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def rows_of(records: Sequence[dict[str, Any]]) -> list[Row]:
    """Rows of one set: a model's systems, models in the order of their first record, baselines last."""
    models = dict.fromkeys(record["model"] for record in records if record["model"] != BASELINES)
    rows = []
    for model in (*models, BASELINES):
        runs = sorted((r for r in records if r["model"] == model), key=lambda r: -1 if r["seed"] is None else r["seed"])
        if not runs:
            continue
        seeds = tuple(run["seed"] for run in runs if run["seed"] is not None)
        for system, measures in runs[0]["systems"].items():
            told = [run["systems"][system] for run in runs]
            rows.append(
                Row(
                    model,
                    system,
                    seeds,
                    {key: [entry[key]["value"] for entry in told] for key in measures},
                    # The same draws for every seed and system: their mean stays paired with all others'.
                    {key: np.mean([entry[key]["draws"] for entry in told], axis=0) for key in measures},
                )
            )
    return rows


def leads_of(row: Row, rows: Sequence[Row], key: str) -> list[Lead]:
    """Lead over every rival that has the measure; a random encoder is the rival of its own architecture alone."""
    leads = []
    for other in rows:
        if other.system not in RIVALS.get(row.system, ()) or key not in row.values or key not in other.values:
            continue
        if other.model not in (row.model, BASELINES):
            continue
        paired = row.draws[key] - other.draws[key]
        low, high = np.nanpercentile(paired, LEVEL)
        lead = float(np.mean(row.values[key]) - np.mean(other.values[key]))
        leads.append(Lead(other.system, lead, float(low), float(high)))
    return leads


def strongest_rival(row: Row, rows: Sequence[Row], key: str) -> Lead | None:
    """The rival that leaves a system the smallest lead on a measure; None where nothing can be compared."""
    return min(leads_of(row, rows, key), key=lambda entry: entry.value, default=None)


def _told(lead: Lead) -> str:
    text = f"{lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f})"
    return text.replace("+0.", "+.").replace("-0.", "-.")


def _number(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def _cell(row: Row, key: str) -> str:
    if key not in row.values:
        return ""
    values = row.values[key]
    text = _number(float(np.mean(values)))
    return text if len(values) == 1 else f"{text} ({_number(min(values))} to {_number(max(values))})"


def value_table(rows: Sequence[Row]) -> list[list[str]]:
    """Heading and lines: mean over seeds, with the least and the greatest value where there are several."""
    keys = [key for key in COLUMNS if any(key in row.values for row in rows)]
    table = [["model", "system", "seeds", *(COLUMNS[key] for key in keys)]]
    for row in rows:
        name = "" if row.model == BASELINES else row.model
        table.append([name, row.system, ", ".join(map(str, row.seeds)), *(_cell(row, key) for key in keys)])
    return table


def lead_table(rows: Sequence[Row]) -> list[list[str]]:
    """Heading and lines: lead over the strongest rival, with its bootstrap interval over tracks."""
    keys = [key for key in COLUMNS if any(key in row.values for row in rows)]
    table = [["model", "system", *(COLUMNS[key] for key in keys)]]
    for row in rows:
        if row.system not in RIVALS:
            continue
        cells = []
        for key in keys:
            lead = strongest_rival(row, rows, key)
            cells.append("" if lead is None else f"{_told(lead)} {lead.rival}")
        table.append([row.model, row.system, *cells])
    return table


def rival_table(rows: Sequence[Row]) -> list[list[str]]:
    """Heading and lines: lead over each rival, with its bootstrap interval over tracks."""
    keys = [key for key in COLUMNS if any(key in row.values for row in rows)]
    table = [["model", "system", "over", *(COLUMNS[key] for key in keys)]]
    for row in rows:
        leads = {key: {lead.rival: _told(lead) for lead in leads_of(row, rows, key)} for key in keys}
        for rival in RIVALS.get(row.system, ()):
            table.append([row.model, row.system, rival, *(leads[key].get(rival, "") for key in keys)])
    return table


def to_text(table: list[list[str]], *, markdown: bool) -> str:
    """Lines of equal columns, or of Markdown."""
    if markdown:
        lines = ["| " + " | ".join(line) + " |" for line in table]
        return "\n".join([lines[0], "|" + "---|" * len(table[0]), *lines[1:]])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
    )
