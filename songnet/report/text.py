"""Words in figures: tags as people wrote them, made fit to be drawn, and the line under a figure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# More accents than this on one letter are a prank and reach over the lines above and below.
_MAX_ACCENTS = 3
_MISSING = "\N{REPLACEMENT CHARACTER}"
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"


def plain(text: object, limit: int | None = None) -> str:
    r"""Text as Matplotlib and SVG can take it, on one line, and never read as mathematics.

    Control characters and line ends become blanks, direction marks go, halves of surrogate pairs and code points that
    XML forbids become U+FFFD, and a dollar sign, which would begin a formula, is escaped (Matplotlib draws ``\$`` as
    ``$``). Text that holds Hebrew or Arabic is put between marks, so that a number before or after it stays there.
    Every word that comes from tags, names of clusters or files passes here before it is drawn.

    Parameters
    ----------
    text : object
        What `str` makes of it is shown.
    limit : int or None
        Columns to keep to, wide characters (Chinese, Japanese, Korean, emoji) counting two; longer text ends in an
        ellipsis. None keeps all.

    Returns
    -------
    str

    Examples
    --------
    >>> plain("A$AP\n Rocky")
    'A\\$AP Rocky'
    >>> plain("Godspeed You! Black Emperor", 12)
    'Godspeed Yo…'
    """
    kept: list[str] = []
    accents = 0
    for character in unicodedata.normalize("NFC", str(text)):
        category = unicodedata.category(character)
        accents = accents + 1 if category == "Mn" else 0
        if accents > _MAX_ACCENTS or category == "Cf":
            continue
        if category in ("Cc", "Zl", "Zp", "Zs"):
            kept.append(" ")
        elif category == "Cs" or _is_noncharacter(ord(character)):
            kept.append(_MISSING)
        else:
            kept.append(character)
    line = re.sub(" +", " ", "".join(kept)).strip()
    line = (line if limit is None else _shortened(line, limit)).replace("$", r"\$")
    backwards = any(unicodedata.bidirectional(character) in ("R", "AL") for character in line)
    return f"{_LEFT_TO_RIGHT}{line}{_LEFT_TO_RIGHT}" if backwards else line


def text_width(text: str) -> int:
    """Columns that a text takes, wide characters counting two and accents none."""
    return sum(_columns(character) for character in text)


def caption(
    *, n: int | None = None, k: int | None = None, method: str = "", seed: int | None = None, note: str = ""
) -> str:
    """The line under a figure: what it shows and how it was found; what is not known is left out.

    Parameters
    ----------
    n : int or None
        Tracks.
    k : int or None
        Groups.
    method, note : str
        What found the groups; anything else that a reader must know.
    seed : int or None
        Seed of the result.

    Returns
    -------
    str

    Examples
    --------
    >>> caption(n=1200, k=6, method="kmeans", seed=0, note="PCA")
    '1,200 tracks · k = 6 · kmeans · seed 0 · PCA'
    """
    parts = [
        "" if n is None else f"{n:,} track{'s' * (n != 1)}",
        "" if k is None else f"k = {k}",
        method,
        "" if seed is None else f"seed {seed}",
        note,
    ]
    return " · ".join(_nonempty(plain(part) for part in parts))


def _nonempty(parts: Iterable[str]) -> list[str]:
    return [part for part in parts if part]


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _shortened(line: str, limit: int) -> str:
    if text_width(line) <= limit:
        return line
    end = room = 0
    for end, character in enumerate(line):  # noqa: B007  # where the loop stopped is what is wanted
        room += _columns(character)
        if room > limit - 1:
            break
    return line[:end].rstrip() + "…"
