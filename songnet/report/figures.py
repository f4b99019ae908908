"""Plots of trainings."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from songnet.library.files import write_bytes

# Dark and light enough to tell apart in print, and for colour-blind eyes (Okabe and Ito, 2008).
TRAIN_COLOUR = "#0072B2"
VALIDATION_COLOUR = "#D55E00"


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
    axes.plot(epochs, losses, color=TRAIN_COLOUR, marker="o", markersize=3, label="training")
    axes.plot(epochs, validation, color=VALIDATION_COLOUR, linestyle="--", marker="s", markersize=3, label="validation")
    axes.plot(
        epochs[best], validation[best], marker="*", markersize=13, color=VALIDATION_COLOUR, markeredgecolor="black",
        linestyle="none", label=f"best: epoch {epochs[best]}, {validation[best]:.5g}",
    )  # fmt: skip
    if min(losses + validation) > 0:
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.set_title(title)
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
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix.removeprefix("."), dpi=150)
    write_bytes(path, stream.getvalue())
