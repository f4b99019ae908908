"""What vectors should not tell, what they should forget, and whether they say anything at all.

`run_panels` feeds them from what an evaluation gathered and answers a `PanelReport`. The way of each:

nuisance
    `nuisance_values` (what is known of files) to `nuisance_probe` and `nuisance_readout` (how well it can be read from
    vectors) and `nuisance_clusters` (how much of a clustering it explains), together in `nuisance`.
invariance
    `changes` (a file's clips, changed) to `invariance_encoders` (vectors of them) and `invariance_neighbours` (do they
    find themselves?), summed up in `invariance_results`, together in `invariance`.
collapse
    `collapse`: how many dimensions a code uses.
"""

from songnet.evaluation.panels.collapse import CollapseReport, collapse_panel
from songnet.evaluation.panels.invariance import measure_invariance
from songnet.evaluation.panels.invariance_results import InvarianceReport
from songnet.evaluation.panels.nuisance import NuisanceReport, nuisance_panel
from songnet.evaluation.panels.report import PanelReport
from songnet.evaluation.panels.run import run_panels

__all__ = [
    "CollapseReport",
    "InvarianceReport",
    "NuisanceReport",
    "PanelReport",
    "collapse_panel",
    "measure_invariance",
    "nuisance_panel",
    "run_panels",
]
