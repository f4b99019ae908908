"""What the panels found, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from songnet.evaluation.panels.collapse import CollapseReport
from songnet.evaluation.panels.invariance_results import InvarianceReport
from songnet.evaluation.panels.nuisance import NuisanceReport


@dataclass(frozen=True)
class PanelReport:
    """What `songnet.evaluation.panels.run_panels` found.

    Parameters
    ----------
    nuisance : NuisanceReport or None
    n_clusters : int
        K-means clusters that its shares are told of; 0 without.
    invariance : mapping of str to InvarianceReport
        System to report; empty where it was not measured.
    collapse : mapping of str to CollapseReport
        System to report; empty where it was not measured.
    collapse_rows : mapping of str to str
        System to what its rows were: ``"clips"``, ``"halves"`` or ``"tracks"``.
    not_told : mapping of str to str
        Panel, or panel and system, to the reason why it was asked for and could not be told.
    """

    nuisance: NuisanceReport | None = None
    n_clusters: int = 0
    invariance: Mapping[str, InvarianceReport] = field(default_factory=dict)
    collapse: Mapping[str, CollapseReport] = field(default_factory=dict)
    collapse_rows: Mapping[str, str] = field(default_factory=dict)
    not_told: Mapping[str, str] = field(default_factory=dict)

    @property
    def collapsed(self) -> list[str]:
        """Codes and foreign vectors that have collapsed; baselines are not judged."""
        judged = (name for name in self.collapse if name.startswith(("codes:", "vectors:")))
        return [name for name in judged if self.collapse[name].collapsed]

    def before(self, verdict: str) -> str:
        """A verdict that says first what has collapsed."""
        told = ", ".join(f"{name} ({self.collapse[name].reason})" for name in self.collapsed)
        return f"COLLAPSED: {told}; {verdict}" if told else verdict

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values with stable keys; None for a panel that was not measured."""
        nuisance = None if self.nuisance is None else {**self.nuisance.to_json(), "n_clusters": self.n_clusters}
        collapse = {name: {**each.to_json(), "rows": self.collapse_rows[name]} for name, each in self.collapse.items()}
        return {
            "nuisance": nuisance,
            "invariance": {name: each.to_json() for name, each in self.invariance.items()} or None,
            "collapse": collapse or None,
            "collapsed": self.collapsed,
            "not_told": dict(self.not_told),
        }
