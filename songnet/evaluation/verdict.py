"""What an evaluation found, as data and in words. A model that does not beat its baselines is said so first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from songnet.evaluation.intervals import Difference, Estimate, difference
from songnet.evaluation.measures import MEASURES
from songnet.evaluation.panels.report import PanelReport
from songnet.evaluation.points import space_in_words
from songnet.evaluation.systems import System


@dataclass(frozen=True)
class Compared:
    """One system against one rival on one measure.

    Parameters
    ----------
    system, rival, measure : str
        Names; the measure is a key of `MEASURES`.
    difference : Difference
        System less rival.
    better, worse : bool
        Whether the whole interval says so, by the measure's own direction.
    decisive : bool
        Whether the verdict counts this measure.
    """

    system: str
    rival: str
    measure: str
    difference: Difference
    better: bool
    worse: bool
    decisive: bool


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """What `songnet.evaluation.evaluate` found.

    Parameters
    ----------
    verdict : str
        One line a system that is no baseline; the first that must be read.
    warnings : tuple of str
        What limits the figures.
    kinds : dict of str to str
        System to its kind (`songnet.evaluation.systems.KINDS`), in the order of the table.
    table : dict of str to dict of str to Estimate
        System to measure (a key of `MEASURES`) to value, interval and chance.
    untold : dict of str to dict of str to str
        System to measure to the reason why it could not be taken.
    differences : tuple of Compared
        Every system against every rival, paired.
    n_tracks, n_labelled : int
        Tracks evaluated; those of them with a label.
    labels : str or None
        Where the labels come from.
    label_names : tuple of str
    settings : dict
        Plain JSON values.
    panels : PanelReport
        What the vectors should not tell, and whether a code has collapsed; empty where not asked for.
    """

    verdict: str
    warnings: tuple[str, ...]
    kinds: dict[str, str]
    table: dict[str, dict[str, Estimate]]
    untold: dict[str, dict[str, str]]
    differences: tuple[Compared, ...]
    n_tracks: int
    n_labelled: int
    labels: str | None
    label_names: tuple[str, ...]
    settings: dict[str, Any]
    panels: PanelReport = field(default_factory=PanelReport)

    @property
    def measures(self) -> list[str]:
        """Keys of the measures that any system has, in the order of `MEASURES`."""
        return [key for key in MEASURES if any(key in row for row in self.table.values())]

    @property
    def recipe(self) -> str:
        """How clips became track vectors, and these became points, for people."""
        settings = self.settings
        space = space_in_words(
            settings["space"],
            n_components=settings["n_components"],
            shrinkage=settings["shrinkage"],
            joined=settings["joined_weights"] is not None,
        )
        return f"codes of a track: {settings['aggregate']} of its clips; {space}"

    def label_of(self, key: str) -> str:
        """A measure's name for people."""
        return MEASURES[key].label.format(k=self.settings["k"], r=self.settings["recall_k"])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values with stable keys."""
        decisive = {entry.measure for entry in self.differences if entry.decisive}
        told = {key for row in self.table.values() for key in row} | {
            key for row in self.untold.values() for key in row
        }
        return {
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            "n_tracks": self.n_tracks,
            "n_labelled": self.n_labelled,
            "labels": None if self.labels is None else {"what": self.labels, "names": list(self.label_names)},
            "systems": [{"name": name, "kind": kind} for name, kind in self.kinds.items()],
            "measures": [
                {
                    "key": key,
                    "label": self.label_of(key),
                    "higher_is_better": MEASURES[key].higher,
                    "decisive": key in decisive,
                    "systems": {name: _public(row[key]) for name, row in self.table.items() if key in row},
                    "not_told": {name: rows[key] for name, rows in self.untold.items() if key in rows},
                }
                for key in MEASURES
                if key in told
            ],
            "differences": [
                {
                    "system": entry.system,
                    "baseline": entry.rival,
                    "measure": entry.measure,
                    "value": entry.difference.value,
                    "low": entry.difference.low,
                    "high": entry.difference.high,
                    "better": entry.better,
                    "worse": entry.worse,
                }
                for entry in self.differences
            ],
            "panels": self.panels.to_json(),
            "settings": self.settings,
        }


def _public(entry: Estimate) -> dict[str, float | int | None]:
    return {"value": entry.value, "low": entry.low, "high": entry.high, "chance": entry.chance, "n": entry.n}


def rivals_of(system: System, systems: Sequence[System]) -> list[System]:
    """What a system must beat: the baselines, and descriptors that it is not itself."""
    return [
        other
        for other in systems
        if other is not system
        and (other.kind == "baseline" or (other.kind == "descriptors" and system.kind == "joined"))
        and other.rival_of in (None, system.kind)
    ]


def decisive_measures(measured: Mapping[str, Estimate]) -> list[str]:
    """One measure for each question, the hardest that could be taken."""
    chosen: dict[str, str] = {}
    for key, measure in MEASURES.items():
        if measure.question and key in measured:
            chosen.setdefault(measure.question, key)
    return list(chosen.values())


def compare_systems(systems: Sequence[System], table: Mapping[str, Mapping[str, Estimate]]) -> list[Compared]:
    """Paired differences of every system that is no baseline to each of its rivals."""
    found = []
    for system in systems:
        if system.kind == "baseline":
            continue
        decisive = decisive_measures(table[system.name])
        for rival in rivals_of(system, systems):
            for key, entry in table[system.name].items():
                if key not in table[rival.name]:
                    continue
                paired = difference(entry, table[rival.name][key])
                if paired is not None:
                    above, below = paired.low > 0, paired.high < 0
                    better, worse = (above, below) if MEASURES[key].higher else (below, above)
                    found.append(Compared(system.name, rival.name, key, paired, better, worse, key in decisive))
    return found


def verdict_of(system: str, compared: Sequence[Compared], labels: Mapping[str, str]) -> str:
    """One line on one system.

    Parameters
    ----------
    system : str
        Name.
    compared : sequence of Compared
        From `compare_systems`; others' are passed over.
    labels : dict
        Measure to its name for people.

    Returns
    -------
    str
        "Beats" only where the interval of every paired difference lies on the better side. The best rival is named
        for every measure on which that is not so.
    """
    mine = [entry for entry in compared if entry.system == system and entry.decisive]
    keys = list(dict.fromkeys(entry.measure for entry in mine))
    if not keys:
        return f"{system}: no measure could be compared with a baseline"
    won, ahead, close = [], dict[str, list[str]](), dict[str, list[str]]()
    for key in keys:
        entries = [entry for entry in mine if entry.measure == key]
        if all(entry.better for entry in entries):
            won.append(labels[key])
            continue
        strongest = strongest_rival(entries)
        if _lead(strongest) < 0:
            ahead.setdefault(strongest.rival, []).append(labels[key])
        else:
            # In front of every rival, but the interval of a difference holds 0: name the one that is least beaten.
            least = next(entry for entry in sorted(entries, key=_margin) if not entry.better)
            close.setdefault(least.rival, []).append(labels[key])
    if len(won) == len(keys):
        return f"{system} beats every baseline on all {len(keys)} questions ({'; '.join(won)})"
    parts = [
        f"{system} does NOT beat every baseline: better than all of them on {len(won)} of {len(keys)} questions"
        + (f" ({'; '.join(won)})" if won else "")
    ]
    for words, rivals in (("best instead:", ahead), ("too close to tell from", close)):
        if rivals:
            told = [f"{rival} ({'; '.join(names)})" for rival, names in rivals.items()]
            parts.append(f"{words} {', '.join(told)}")
    return "; ".join(parts)


def strongest_rival(entries: Sequence[Compared]) -> Compared:
    """Of one system and measure: the rival that it leads by least, or that leads it by most."""
    return min(entries, key=_lead)


def _lead(entry: Compared) -> float:
    return entry.difference.value if MEASURES[entry.measure].higher else -entry.difference.value


def _margin(entry: Compared) -> float:
    return entry.difference.low if MEASURES[entry.measure].higher else -entry.difference.high
