"""Figures: every plot function takes and returns Matplotlib Axes."""

from songnet.report.figures import plot_history, save_figure

__all__ = ["plot_history", "save_figure"]
