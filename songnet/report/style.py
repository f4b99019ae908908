"""How figures look, and how they are saved: one place for colours, markers, labels and files.

Nothing is told by colour alone: every group has a marker and its number too, so that a figure survives a grey printer
and colour-blind eyes.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.patheffects import AbstractPathEffect, Stroke
from matplotlib.text import Text

from songnet.errors import ParameterError
from songnet.library.files import write_bytes

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILLION, YELLOW = "#56B4E9", "#D55E00", "#F0E442"
GREY, LIGHT_GREY, BAND = "#7F7F7F", "#C4C4C4", "#E8EEF4"
# Okabe and Ito (2008), "Color universal design", without black, which would outweigh the others; in an order in which
# neighbours differ in lightness too.
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, YELLOW)
# As many as have no common divisor with the colours: 77 groups look different.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", "*", ">")
NOISE_MARKER = "x"
# Markers of one nominal size do not look equally large.
_MARKER_SCALES = {"D": 0.85, "s": 0.92, "*": 1.45, "P": 1.1, "X": 1.1, "p": 1.1, "x": 0.85}
# Beyond this many points a picture of them is smaller and faster than a path for each.
MAX_VECTOR_POINTS = 5_000
DOTS_PER_INCH = 200
HALO: list[AbstractPathEffect] = [Stroke(linewidth=2.5, foreground="white")]
# DejaVu Sans comes with Matplotlib; those that are installed of the others lend it the letters that it lacks.
_FONTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "Yu Gothic", "PingFang SC", "Microsoft YaHei",
    "Apple SD Gothic Neo", "Malgun Gothic", "WenQuanYi Micro Hei", "Arial Unicode MS",
)  # fmt: skip
_CAPTION_SIZE = 7.5


def group_style(number: int) -> tuple[str, str]:
    """Colour and marker of the group with a number, from 1; the same in every figure."""
    return COLOURS[(number - 1) % len(COLOURS)], MARKERS[(number - 1) % len(MARKERS)]


def darker(colour: str) -> tuple[float, float, float]:
    """A colour's outline: itself at half its lightness, so that yellow has an edge on white paper."""
    red, green, blue = to_rgb(colour)
    return red / 2, green / 2, blue / 2


def point_size(n_points: int, marker: str) -> float:
    """Diameter of a point in points (1/72 inch): smaller the more there are, about equal to the eye."""
    return float(np.clip(6.5 * (120 / max(n_points, 1)) ** 0.25, 0.9, 6.5)) * _MARKER_SCALES.get(marker, 1.0)


def halo_text(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    *,
    offset: tuple[float, float] = (0, 0),
    size: float = 8,
    weight: str = "bold",
    ha: str = "center",
) -> Text:
    """Text over data with a white halo.

    The halo is an artist of its own beneath: text with path effects would be outlines in an SVG, which nobody can
    search or copy.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to write.
    text : str
        What; passed through `songnet.report.text.plain` if it came from people.
    at : tuple of float
        Position in data coordinates.
    offset : tuple of float
        Shift from there in points (1/72 inch).
    size : float
        Points.
    weight, ha : str
        ``"bold"`` or ``"normal"``; ``"left"``, ``"center"`` or ``"right"`` of the position.

    Returns
    -------
    matplotlib.text.Text
        The text itself.
    """
    halo, shown = (
        axes.annotate(
            text, at, xytext=offset, textcoords="offset points", ha=ha, va="center", fontsize=size, fontweight=weight,
            zorder=zorder,
        )
        for zorder in (9, 10)
    )  # fmt: skip
    halo.set_path_effects(HALO)
    return shown


@contextmanager
def paper_style() -> Iterator[None]:
    """The look of all figures for a while, whatever the user's own settings of Matplotlib are."""
    installed = {font.name for font in fontManager.ttflist}
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A letter that no font has is drawn as a box in a PNG; an SVG keeps the letter itself.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": ["sans-serif"],
                "font.sans-serif": ["DejaVu Sans", *(font for font in _FONTS if font in installed)],
                "font.size": 9,
                "axes.titlesize": 9.5,
                "axes.labelsize": 9,
                "xtick.labelsize": 8,
                "ytick.labelsize": 8,
                "legend.fontsize": 8,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.linewidth": 0.7,
                "grid.linewidth": 0.5,
                "hatch.linewidth": 0.5,
                "svg.fonttype": "none",
                "svg.hashsalt": "songnet",
            }
        )
        yield


def save_figures(
    draw: Callable[[Figure], object],
    folder: Path,
    stem: str,
    *,
    width: float = 7.0,
    height: float = 4.2,
    caption: str = "",
    formats: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Draw a figure once and write it in several formats, each atomically; the same figure is the same bytes.

    Parameters
    ----------
    draw : callable
        Takes an empty Figure and draws on it, one panel or many.
    folder : pathlib.Path
        Where to; made when it is missing.
    stem : str
        Name of the files without ending.
    width, height : float
        Inches.
    caption : str
        Line under the figure, wrapped where it must be.
    formats : sequence of str
        ``"png"`` and ``"svg"``.

    Returns
    -------
    list of pathlib.Path
        The files, in the order of the formats.

    Raises
    ------
    ParameterError
        If a format is none of the two.
    """
    for name in formats:
        if name not in ("png", "svg"):
            raise ParameterError(f"unknown format {name!r} of a figure; choose png or svg")
    with paper_style():
        figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        if caption:
            columns = max(20, int(width * 72 / (0.56 * _CAPTION_SIZE)))
            figure.supxlabel(
                textwrap.fill(caption, columns), x=0.01, ha="left", fontsize=_CAPTION_SIZE, color="#404040"
            )
        # One layout for all formats: each would measure its text a little differently.
        figure.draw_without_rendering()
        figure.draw_without_rendering()  # what keeps its proportions has another size only after the first
        figure.set_layout_engine("none")
        contents = [_rendered(figure, name) for name in formats]
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{stem}.{name}" for name in formats]
    for path, content in zip(paths, contents, strict=True):
        write_bytes(path, content)
    return paths


def _rendered(figure: Figure, name: str) -> bytes:
    stream = io.BytesIO()
    # A date would make every run another file.
    figure.savefig(stream, format=name, dpi=DOTS_PER_INCH, metadata={"Date": None} if name == "svg" else None)
    return stream.getvalue()
