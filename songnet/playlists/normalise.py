"""Titles and artists as they compare: what differs between writings goes, what differs between recordings stays.

A title is split into its core and its version. ``Song (feat. X) [2011 Remaster]`` is the core ``song`` and no version;
``Song - Live at Wembley`` is the same core and the version ``at live wembley``: another recording.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from songnet.library.tracks import fold

# Say that it is another recording, or another cut of it.
VERSION_WORDS = frozenset(
    {
        "acapella", "acoustic", "cappella", "cover", "covered", "demo", "dub", "edit", "extended",
        "instrumental", "karaoke", "live", "medley", "mix", "mono", "nightcore", "orchestral", "rehearsal",
        "remake", "remix", "remixed", "reprise", "rerecorded", "session", "sessions", "slowed", "sped",
        "stripped", "take", "taylors", "tribute", "unplugged", "version", "vip",
    }
)  # fmt: skip
# Say how the same recording was packaged. Years go with them.
PACKAGE = re.compile(
    r"\b(?:(?:digital(?:ly)? )?re-?master(?:ed|ing)?(?: version| edition)?|(?:original )?album version"
    r"|original (?:mix|version)|bonus track|(?:super )?deluxe(?: edition| version)?|explicit(?: version)?"
    r"|(?:anniversary|expanded|special) edition|\d{1,3}(?:st|nd|rd|th) anniversary(?: edition)?"
    r"|official (?:music )?(?:video|audio)|lyrics?(?: video)?|audio|stereo(?: version)?|hd|hq)\b"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_GROUP = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_GUESTS = re.compile(r"\b(?:feat|ft|featuring)\b\.?\s.*$")
_GUEST_GROUP = re.compile(r"(?:feat|ft|featuring|with)\b\.?\s")
_DASH = re.compile(r"\s+[-\u2013\u2014]\s+|\s*/\s*(?=[^/]*re-?master)")
_NAMES = re.compile(r"\s*[,;/&+]\s*|\s+(?:and|x|vs\.?|with|y|et|und)\s+")
_NUMERAL = re.compile(r"\d+|[ivx]+")


class Title(NamedTuple):
    """A title as it compares.

    Parameters
    ----------
    core : str
        The song, folded, without punctuation; never empty for a title that is not.
    version : str
        Sorted words that tell this recording of it from others; empty for the plain one.
    """

    core: str
    version: str


@lru_cache(maxsize=1 << 16)
def normalise_title(text: str) -> Title:
    """Split a title into core and version.

    Examples
    --------
    >>> normalise_title("Don’t Stop (feat. X) - Remastered 2009") == normalise_title("DON'T STOP [Album Version]")
    True
    >>> normalise_title("Hurt - Live at Wembley / 2011 Remaster")
    Title(core='hurt', version='at live wembley')
    >>> normalise_title("(I Can't Get No) Satisfaction").core, normalise_title("!!!").core
    ('i cant get no satisfaction', '!!!')
    """
    folded = fold(text)
    versions: list[str] = []

    def group(found: re.Match[str]) -> str:
        return f" {_sort_out(found.group(1), versions)} "

    bare = _GROUP.sub(group, folded)
    first, *rest = _DASH.split(bare)
    kept = [_GUESTS.sub("", first) if _GUESTS.sub("", first).strip() else first]
    kept += [_sort_out(part, versions) for part in rest]
    core = plain(" ".join(kept))
    return Title(core or plain(folded) or folded, " ".join(sorted(set(" ".join(versions).split()))))


def _sort_out(part: str, versions: list[str]) -> str:
    """What a part in brackets or behind a dash leaves in the core; a version that it tells is noted."""
    part = part.strip()
    if _GUEST_GROUP.match(part):
        return ""
    packaged = PACKAGE.sub(" ", part)
    rest = plain(_YEAR.sub(" ", packaged) if packaged != part else packaged)
    if not rest and packaged != part:
        return ""
    if VERSION_WORDS & set(rest.split()):
        versions.append(rest)
        return ""
    return part


@lru_cache(maxsize=1 << 16)
def normalise_artist(text: str) -> str:
    """A credit as it compares: folded, without guests, punctuation and a leading "the".

    Examples
    --------
    >>> normalise_artist("The Beatles"), normalise_artist("AC/DC"), normalise_artist("Jay-Z feat. Mr. Hudson")
    ('beatles', 'ac dc', 'jay z')
    """
    folded = fold(text)
    without = _GUESTS.sub("", folded).rstrip(" ([-,&;") or folded
    words = plain(without) or without
    return words.removeprefix("the ") or words


@lru_cache(maxsize=1 << 16)
def first_artist(text: str) -> str:
    """The first name of a credit, as `normalise_artist` has it.

    Examples
    --------
    >>> first_artist("Calvin Harris, Rihanna"), first_artist("Simon & Garfunkel"), first_artist("Björk")
    ('calvin harris', 'simon', 'bjork')
    """
    first = _NAMES.split(_GUESTS.sub("", fold(text)).strip() or fold(text), maxsplit=1)[0]
    return normalise_artist(first) if first else normalise_artist(text)


def plain(folded: str) -> str:
    """Folded text without punctuation; letters, digits and the marks of all scripts stay, ``&`` is a word.

    Examples
    --------
    >>> plain("rock'n'roll & jazz, pt. 2")
    'rocknroll and jazz pt 2'
    """
    folded = re.sub(r"['’‘`´]", "", folded).replace("&", " and ")
    if not folded.isascii():
        return " ".join("".join(char if _is_letter(char) else " " for char in folded).split())
    return " ".join(re.sub(r"[^a-z0-9]+", " ", folded).split())


def numerals(core: str) -> tuple[str, ...]:
    """The numbers in a core, Arabic and Roman: ``part 1`` and ``part 2`` are nearly the same text.

    Examples
    --------
    >>> numerals("suite no 2 part iv")
    ('2', 'iv')
    """
    return tuple(word for word in core.split() if _NUMERAL.fullmatch(word))


def _is_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"
