"""Plots of trainings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from songnet.report.style import BLUE, VERMILLION, save_figures
from songnet.report.text import plain


def plot_history(axes: Axes, history: list[dict[str, float]], title: str = "") -> Axes:
    """Training and validation loss over epochs, the best epoch marked.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    history : list of dict
        Entries with ``epoch`` (from 0), ``loss`` and ``val_loss``.
    title : str
        The model's name.

    Returns
    -------
    matplotlib.axes.Axes
    """
    epochs = [int(entry["epoch"]) + 1 for entry in history]
    losses = [entry["loss"] for entry in history]
    validation = [entry["val_loss"] for entry in history]
    best = min(range(len(history)), key=lambda index: validation[index])
    axes.plot(epochs, losses, color=BLUE, marker="o", markersize=3, label="training")
    axes.plot(epochs, validation, color=VERMILLION, linestyle="--", marker="s", markersize=3, label="validation")
    axes.plot(
        epochs[best], validation[best], marker="*", markersize=13, color=VERMILLION, markeredgecolor="black",
        linestyle="none", label=f"best: epoch {epochs[best]}, {validation[best]:.5g}",
    )  # fmt: skip
    if min(losses + validation) > 0:
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.set_title(plain(title))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return axes


def save_figure(draw: Callable[[Axes], Axes], path: Path, *, width: float = 7.0, height: float = 4.2) -> None:
    """Draw on fresh axes and write the picture, atomically.

    Parameters
    ----------
    draw : callable
        Takes and returns Axes.
    path : pathlib.Path
        Ends in ``.png`` or ``.svg``.
    width, height : float
        Inches.
    """
    save_figures(
        lambda figure: draw(figure.add_subplot()),
        path.parent,
        path.stem,
        width=width,
        height=height,
        formats=(path.suffix.removeprefix("."),),
    )
