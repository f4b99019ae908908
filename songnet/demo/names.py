"""Invented names: artists, albums, titles and playlists from a small word grammar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

# fmt: off
_ONSETS = (
    "B", "Br", "C", "D", "F", "G", "H", "J", "K", "L", "M", "N", "P", "R", "S", "Sk", "T", "Th", "V", "Z", "Qu", "Ch",
    "Sv",
)
_VOWELS = ("a", "e", "i", "o", "u", "ae", "ei", "ou", "é", "ö", "å", "ía", "ü")
_MIDDLES = ("l", "r", "nd", "rv", "m", "st", "ll", "v", "n", "rn", "ç", "ld", "sk", "mb", "ñ", "ts")
_ENDS = ("", "n", "r", "s", "l", "sk", "nne", "th", "ck", "ra", "lle", "vik", "ø", "ndo", "š")
_ENSEMBLES = ("Quartet", "Ensemble", "Collective", "Trio", "Sisters", "Orchestra", "& Sons", "Sound System", "Club")
_ADJECTIVES = (
    "Slow", "Paper", "Northern", "Copper", "Quiet", "Electric", "Second", "Hollow", "Amber", "Crooked", "Distant",
    "Velvet", "Broken", "Early", "Salted", "Borrowed", "Weightless", "Painted", "Blue", "Unfinished", "Last", "Tidal",
    "Gilded", "Double",
)
_NOUNS = (
    "Harbour", "Lantern", "Orchard", "Signal", "Staircase", "Meridian", "Sparrow", "Kettle", "Weather", "Telegram",
    "Garden", "Carousel", "Window", "Compass", "Satellite", "River", "Attic", "Thread", "Glacier", "Ferry", "Mirror",
    "Almanac", "Comet", "Tangerine", "Pavilion", "Motor", "Archive", "Pigeon", "Umbrella", "Corridor", "Antenna",
    "Market", "Monsoon", "Cathedral",
)
_VERBS = ("Wait", "Borrow", "Follow", "Count", "Carry", "Forget", "Paint", "Unfold", "Chase", "Answer", "Keep", "Wind")
_FOREIGN = (
    "Été sans fin", "Fjärran ljus", "Niebla en la cañada", "Über den Dächern", "Ĝis la revido", "Première neige",
    "Señal", "Žluté světlo", "Ao longe", "Kış güneşi", "Où vont les bateaux", "Sült körte", "Łódź nocą", "Tänk om",
)
_MOMENTS = (
    "Sunday", "late night", "kitchen", "Running", "rainy day", "deep focus", "Road trip", "summer", "Gym", "commute",
    "sleep",
)
_KINDS = ("mix", "songs", "vibes", "2.0", "favourites", "playlist", "♥", "beats", "mood", "!!", "list", "hour")
# fmt: on


def _pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def word(rng: np.random.Generator) -> str:
    """A pronounceable word of two or three syllables that means nothing."""
    middle = "".join(_pick(rng, _VOWELS[:6]) + _pick(rng, _MIDDLES) for _ in range(int(rng.integers(1, 3))))
    return _pick(rng, _ONSETS) + middle + _pick(rng, _VOWELS) + _pick(rng, _ENDS)


def artist_name(rng: np.random.Generator) -> str:
    """A person, a band or an alias; always with an invented word in it."""
    form = int(rng.integers(6))
    if form <= 1:
        return f"{word(rng)} {word(rng)}"
    if form == 2:
        return f"The {word(rng)} {_pick(rng, _ENSEMBLES)}"
    if form == 3:
        return f"{word(rng)}’s {_pick(rng, _NOUNS)}"
    if form == 4:
        return f"{_pick(rng, _ADJECTIVES)} {word(rng)}"
    return word(rng)


def title(rng: np.random.Generator) -> str:
    """A title of one of a dozen shapes."""
    adjective, noun, other = _pick(rng, _ADJECTIVES), _pick(rng, _NOUNS), _pick(rng, _NOUNS)
    verb, foreign, name = _pick(rng, _VERBS), _pick(rng, _FOREIGN), word(rng)
    shapes = (
        f"{adjective} {noun}",
        f"{noun} of {name}",
        f"The {noun}’s {other}",
        f"Don't {verb} the {noun}",
        f"{verb} Me, {adjective} {noun}",
        f"{noun} & {other}",
        foreign,
        f"{adjective} {noun}, Pt. {'II' if rng.uniform() < 0.5 else 'I'}",
        f"{noun} No. {int(rng.integers(2, 40))}",
        f"{name}",
        f"{noun} ({adjective} Version)",
        f"I'll {verb} Your {noun}",
    )
    return shapes[int(rng.integers(len(shapes)))]


def album_title(rng: np.random.Generator) -> str:
    """A title for an album."""
    shapes = (
        f"{_pick(rng, _ADJECTIVES)} {_pick(rng, _NOUNS)}s",
        f"{_pick(rng, _NOUNS)} / {_pick(rng, _NOUNS)}",
        f"Songs for a {_pick(rng, _NOUNS)}",
        f"{word(rng)} EP",
        f"{word(rng)}",
        f"{int(rng.integers(3, 99))} {_pick(rng, _NOUNS)}s",
    )
    return shapes[int(rng.integers(len(shapes)))]


def playlist_name(rng: np.random.Generator, style: str) -> str:
    """What a listener calls a playlist; some names tell the style, most do not."""
    shapes = (
        f"{_pick(rng, _MOMENTS)} {_pick(rng, _KINDS)}",
        f"{_pick(rng, _MOMENTS)}",
        f"{style.lower()} {_pick(rng, _KINDS)}",
        f"{_pick(rng, _ADJECTIVES).lower()} {_pick(rng, _MOMENTS).lower()}",
        f"my {_pick(rng, _NOUNS).lower()}",
    )
    return shapes[int(rng.integers(len(shapes)))]


def distinct(draw: Callable[[np.random.Generator], str], rng: np.random.Generator, taken: Collection[str]) -> str:
    """Draw until the name, whatever its case, is not among `taken`."""
    known = {name.casefold() for name in taken}
    while True:
        name = draw(rng)
        if name.casefold() not in known:
            return name


def file_name(name: str) -> str:
    """Turn a name into one that every file system takes.

    Examples
    --------
    >>> file_name("Signal / Kettle: Pt. ?")
    'Signal - Kettle - Pt'
    """
    for mark, instead in (("/", "-"), (":", " -"), ("\\", "-"), ('"', "'"), ("|", "-")):
        name = name.replace(mark, instead)
    return "".join(c for c in name if c not in "<>?*" and c.isprintable()).strip(" .")
