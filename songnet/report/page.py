"""A report as one HTML file: no script, nothing fetched, figures inside; it opens from disk, prints, and is only read.

A `Page` is text, tables and pictures in sections; `render_page` makes the file of it. Titles, artists and names of
groups come from other people's files: whatever they hold, on the page it is text.
"""

from __future__ import annotations

import base64
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

import songnet
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library.files import write_bytes
from songnet.report.style import DOTS_PER_INCH
from songnet.report.text import plain

# An SVG is sharp at any size and in print; beyond this size it must also be the smaller of the two.
MAX_SVG_BYTES = 150_000
CSS_DOTS_PER_INCH = 96
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"
# By this a page is known as one that may be written anew.
GENERATOR = b'<meta name="generator" content="SongNet '

Cell = str | int | None | tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """A paragraph; ``kind`` is ``"plain"``, ``"note"`` (smaller) or ``"warning"``."""

    text: str
    kind: str = "plain"


@dataclass(frozen=True)
class Commands:
    """Lines to be typed into a terminal, shown letter by letter."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table; one that is too wide scrolls inside itself.

    Parameters
    ----------
    columns : sequence of str
        Heads of the columns.
    rows : sequence of sequence of str, int, None or tuple of str
        A cell a column; of a tuple each text stands on a line of its own. None is a dash.
    numbers : sequence of int
        Columns that stand to the right.
    caption : str
        What the table shows.
    strong : sequence of int
        Rows to stress.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: Sequence[int] = ()
    caption: str = ""
    strong: Sequence[int] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ParameterError(f"a row of the table has {len(row)} cells for {len(self.columns)} columns")


@dataclass(frozen=True)
class Picture:
    """A figure inside the page.

    Parameters
    ----------
    content : bytes
        The file.
    media : str
        ``"image/png"`` or ``"image/svg+xml"``.
    width : int
        Full width in CSS pixels (1/96 inch).
    alt : str
        What it shows, for who cannot see it.
    caption : str
        Under it.
    """

    content: bytes
    media: str
    width: int
    alt: str
    caption: str = ""

    @property
    def source(self) -> Markup:
        """The picture as a data URI; an SVG that is loaded this way runs nothing and shares no ids with others."""
        return Markup("data:{};base64,{}").format(self.media, base64.b64encode(self.content).decode())


Block = Text | Commands | Table | Picture


@dataclass(frozen=True)
class Section:
    """A part of a page; ``anchor`` is its id, of letters, digits and dashes."""

    anchor: str
    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A report.

    Parameters
    ----------
    title : str
        Of the window; what was looked at.
    verdict : str
        The answer in a sentence, which is the heading.
    warnings : sequence of str
        What makes it doubtful, below the heading.
    sections : sequence of Section
        In the order of reading; no two share an anchor.
    footer : str
        Last line.
    """

    title: str
    verdict: str
    warnings: Sequence[str]
    sections: Sequence[Section]
    footer: str = ""

    def __post_init__(self) -> None:
        twice = [anchor for anchor, n in Counter(part.anchor for part in self.sections).items() if n > 1]
        if twice:
            raise ParameterError(f"two sections of a page share the anchor {twice[0]!r}: give each its own")


def read_picture(folder: Path, stem: str, *, alt: str, caption: str = "") -> Picture:
    """A figure that `songnet.report.style.save_figures` wrote as PNG and SVG.

    Parameters
    ----------
    folder : pathlib.Path
        Where both files are.
    stem : str
        Their name without ending.
    alt, caption : str
        As in `Picture`.

    Returns
    -------
    Picture
        The SVG, or the PNG where the SVG takes more than 150,000 bytes and the PNG fewer.
    """
    png = (folder / f"{stem}.png").read_bytes()
    svg = (folder / f"{stem}.svg").read_bytes()
    (pixels,) = struct.unpack(">I", png[16:20])  # where every PNG holds its width
    width = round(pixels / DOTS_PER_INCH * CSS_DOTS_PER_INCH)
    if len(svg) <= max(MAX_SVG_BYTES, len(png)):
        return Picture(svg, "image/svg+xml", width, alt, caption)
    return Picture(png, "image/png", width, alt, caption)


def render_page(page: Page) -> str:
    """The page as HTML; the same page is the same text.

    Parameters
    ----------
    page : Page
        What to show.

    Returns
    -------
    str
        A whole document without scripts that loads nothing; a policy in its head forbids both besides.
    """
    style = Path(__file__).with_name("templates") / "page.css"
    return (
        _environment()
        .get_template("page.html")
        .render(page=page, style=Markup(style.read_text(encoding="utf-8")), version=songnet.__version__)
    )


def check_page_path(path: Path, library: Path) -> None:
    """Refuse a place where a page would take away what is there; to be called before the work begins.

    Parameters
    ----------
    path : pathlib.Path
        Where the user wants the page.
    library : pathlib.Path
        Folder of the library: within it, pages belong below ``reports``.

    Raises
    ------
    ParameterError
        If it does not end in ``.html``, lies among the library's own files, or is there and no page of SongNet's.
    InputNotFoundError
        If its folder is not there.
    """
    if path.is_dir():
        raise ParameterError(f"{path} is a folder: name a file in it, such as report.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise ParameterError(f"{path} is no name for a page: end it in .html")
    if not path.absolute().parent.is_dir():
        raise InputNotFoundError(f"there is no folder {path.absolute().parent}: make it first")
    place, own = path.resolve(), library.resolve()
    if place.is_relative_to(own) and not place.is_relative_to(own / "reports"):
        raise ParameterError(f"{path} lies among the library's own files: choose a place outside, or below reports")
    if place.exists() and (not place.is_file() or GENERATOR not in place.read_bytes()[:4096]):
        raise ParameterError(f"{path} is there and no page of SongNet's: choose another name, or delete it first")


def write_page(page: Page, path: Path) -> Path:
    """Render a page and write it, whole or not at all; its folder must exist."""
    write_bytes(path, render_page(page).encode())
    return path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("songnet.report", "templates"),
        autoescape=True,
        finalize=_words,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["a"] = lambda block, kind: type(block).__name__ == kind
    environment.filters["letters"] = _letters
    return environment


def _words(value: object) -> object:
    """What the template shows of a value: text cleaned of what no page can take; escaping comes after."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    # A page needs no escaped dollars, and sets text of either direction apart by itself.
    return plain(value).replace("\\$", "$").strip(_LEFT_TO_RIGHT)


def _letters(text: str) -> Markup:
    """Text letter by letter, blanks included."""
    return escape(text.encode("utf-8", "replace").decode())
