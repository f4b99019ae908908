"""Figures: every plot function takes and returns Matplotlib Axes."""

from songnet.report.clusters import plot_silhouettes
from songnet.report.confusion import comparison_size, confusion_size, draw_comparison, plot_confusion, plot_null
from songnet.report.criteria import Curve, draw_criteria, plot_criterion
from songnet.report.figures import plot_history, save_figure
from songnet.report.scatter import (
    ScatterPanel,
    draw_scatters,
    plot_scatter,
    plot_scatter_3d,
    plot_scatter_by_tag,
)
from songnet.report.style import save_figures
from songnet.report.tables import k_table_size, plot_k_table
from songnet.report.text import caption, plain

__all__ = [
    "Curve",
    "ScatterPanel",
    "caption",
    "comparison_size",
    "confusion_size",
    "draw_comparison",
    "draw_criteria",
    "draw_scatters",
    "k_table_size",
    "plain",
    "plot_confusion",
    "plot_criterion",
    "plot_history",
    "plot_k_table",
    "plot_null",
    "plot_scatter",
    "plot_scatter_3d",
    "plot_scatter_by_tag",
    "plot_silhouettes",
    "save_figure",
    "save_figures",
]
