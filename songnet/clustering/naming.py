"""Names: which tags say the same thing, how they are written, and what a cluster is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from songnet.library.tracks import fold

if TYPE_CHECKING:
    from songnet.clustering.description import AcousticTrait, ClusterDescription, Trait

NOISE_NAME = "noise"
NOTHING = "nothing stands out"
# What little and much of each acoustic quantity is called.
WORDS = {
    "tempo_bpm": ("slow", "fast"),
    "brightness_hz": ("dark", "bright"),
    "loudness_db": ("quiet", "loud"),
    "dynamics_db": ("steady", "dynamic"),
    "percussiveness": ("smooth", "percussive"),
    "pulse_clarity": ("drifting", "pulsing"),
    "bass_share": ("light", "bass-heavy"),
}
MAX_WORDS = 3
# A word is in the name from a medium effect on (Cliff's delta; Romano et al. 2006: 0.147, 0.33, 0.474), a tag when
# this share of the cluster carries it: one artist among thousands is a finding, not a name.
WORD_EFFECT, TAG_SHARE = 0.33, 0.1
TAG_ORDER = ("genre", "artist", "decade")
# "Rock; Pop", "Rock/Pop". A comma separates nothing: "Folk, World, & Country" is one genre.
GENRE_SEPARATORS = re.compile(r"[;/|\0]")
# "1999", "1999-05-01", "01.05.1999", "19990501".
YEAR = re.compile(r"(?<!\d)([12]\d{3})(?:(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01]))?(?!\d)")


def tag_values(track: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a track's tags say of it.

    Parameters
    ----------
    track : Mapping
        With any of the keys ``artist``, ``album``, ``album_artist``, ``genre`` and ``date``, as
        `songnet.library.tracks.tracks_by_id` gives it.

    Yields
    ------
    tuple of str
        Kind (``"artist"``, ``"album"``, ``"genre"``, ``"year"`` or ``"decade"``), what to compare it by, and how it is
        written. Albums of one title by different artists are different; genres are parted at ``;``, ``/`` and ``|``;
        the year is the first number of four digits in the date, or the beginning of one of eight.

    Examples
    --------
    >>> [value[::2] for value in tag_values({"genre": "Rock/Pop", "date": "1999-05-01"})]
    [('genre', 'Rock'), ('genre', 'Pop'), ('year', '1999'), ('decade', '1990s')]
    """
    artist, album = _text(track, "artist"), _text(track, "album")
    if fold(artist):
        yield "artist", fold(artist), artist
    if fold(album):
        yield "album", f"{fold(_text(track, 'album_artist') or artist)}\0{fold(album)}", album
    for genre in GENRE_SEPARATORS.split(_text(track, "genre")):
        if fold(genre):
            yield "genre", fold(genre), genre.strip()
    year = YEAR.search(_text(track, "date"))
    if year is not None:
        yield "year", year[1], year[1]
        yield "decade", year[1][:3], f"{year[1][:3]}0s"


def _text(track: Mapping[str, Any], key: str) -> str:
    return " ".join(str(track.get(key) or "").split())


@dataclass
class _Name:
    """A name in the making: what it says already, and what it could say besides."""

    words: list[str]
    tags: list[str]
    spare: list[tuple[str, bool]]

    def extend(self) -> None:
        text, is_tag = self.spare.pop(0)
        (self.tags if is_tag else self.words).append(text)

    @property
    def text(self) -> str:
        return " · ".join(([", ".join(self.words)] if self.words else []) + self.tags) or NOTHING


def name_clusters(descriptions: Sequence[ClusterDescription], titles: Mapping[str, str | None]) -> list[str]:
    """Call each cluster by what sets it apart, such as "fast, bright, percussive · House".

    First up to three words for its strongest acoustic effects, then the most over-represented genre, else artist, else
    decade. Clusters that would be called the same get more of what sets them apart, then the title of the track
    nearest their centre, then a number.

    Parameters
    ----------
    descriptions : sequence of ClusterDescription
        Traits strongest first; their own names are not looked at.
    titles : Mapping of str to (str or None)
        Title by track id, for the medoids.

    Returns
    -------
    list of str
        In the same order, no two alike even without regard to case. ``"noise"`` for label -1 and for no other.
    """
    names = [_begin(description.traits, description.acoustic) for description in descriptions]
    texts = [NOISE_NAME if description.label < 0 else "" for description in descriptions]
    real = [index for index, description in enumerate(descriptions) if description.label >= 0]
    while extended := [index for index in _alike(names, real) if names[index].spare]:
        for index in extended:
            names[index].extend()
    alike = set(_alike(names, real))
    taken = {NOISE_NAME} | {names[index].text.casefold() for index in real if index not in alike}
    for index in real:
        text = names[index].text
        if index in alike:
            text = _numbered(_with_title(text, descriptions[index].medoids, titles), taken)
            taken.add(text.casefold())
        texts[index] = text
    return texts


def _begin(traits: Sequence[Trait], acoustic: Sequence[AcousticTrait]) -> _Name:
    """The first words and the first tag, and the rest to choose from."""
    spoken = [
        (WORDS[trait.name][trait.effect > 0], abs(trait.effect) >= WORD_EFFECT)
        for trait in acoustic
        if trait.name in WORDS
    ]
    words = [word for word, strong in spoken if strong][:MAX_WORDS]
    common = [trait for trait in traits if trait.count_in >= TAG_SHARE * trait.size]
    first = next((trait.value for kind in TAG_ORDER for trait in common if trait.kind == kind), None)
    tags = [] if first is None else [first]
    spare = [(trait.value, True) for trait in traits if trait.value != first]
    spare += [(word, False) for word, _ in spoken if word not in words]
    name = _Name(words, tags, list(dict.fromkeys(spare)))
    if not words and not tags and name.spare:
        name.extend()
    return name


def _alike(names: Sequence[_Name], real: Sequence[int]) -> list[int]:
    """Indices of clusters whose name another has, too, or that is kept for noise."""
    counts: dict[str, int] = {NOISE_NAME: 1}
    for index in real:
        key = names[index].text.casefold()
        counts[key] = counts.get(key, 0) + 1
    return [index for index in real if counts[names[index].text.casefold()] > 1]


def _with_title(text: str, medoids: Sequence[str], titles: Mapping[str, str | None]) -> str:
    title = next((titles[track] for track in medoids if titles.get(track)), None)
    return text if title is None else f"{text} (like {title})"


def _numbered(text: str, taken: set[str]) -> str:
    """The text, or the text with the first number that makes it new."""
    number, candidate = 1, text
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{text} ({number})"
    return candidate
