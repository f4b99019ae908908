"""Matching by likeness, for entries that nothing exact was found for; done only when asked for.

Artist and title must each be as like as a threshold says (normalised Indel similarity of rapidfuzz, 0 to 100), and
version, numbers and duration must agree as they must for an exact name: ``part 1`` is very like ``part 2``.
"""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz, process

from songnet.errors import ParameterError
from songnet.playlists.matching import AMBIGUOUS, NEAR_LENGTH_S, Match, TrackIndex, Wanted, seconds_apart
from songnet.playlists.normalise import Title, normalise_artist, normalise_title, numerals

THRESHOLD = 88.0
"""Likeness asked for unless another is named: one letter in eight may be another."""

LEAST_THRESHOLD = 50.0

CLEAR_MARGIN = 3.0
"""How much more like than any other track the best one must be."""

_ARTISTS_KEPT = 10
_CONFIDENCE = 0.8


def match_fuzzy(index: TrackIndex, wanted: Iterable[Wanted], *, threshold: float = THRESHOLD) -> list[Match]:
    """Find the tracks that entries nearly name.

    Parameters
    ----------
    index : TrackIndex
        The library's tracks.
    wanted : iterable of Wanted
        Entries without an exact match.
    threshold : float
        Likeness that artist and title must have, 50 to 100.

    Returns
    -------
    list of Match
        One an entry, in order; the confidence is 0.8 times the lesser of the two likenesses, as a share.

    Raises
    ------
    ParameterError
        If the threshold is out of its range.
    """
    check_threshold(threshold)
    titles: dict[str, dict[str, Title]] = {}
    for names in (index.names, index.first_names):
        for (artist, title), track_ids in names.items():
            titles.setdefault(artist, {}).update(dict.fromkeys(track_ids, title))
    artists = sorted(titles)
    alike: dict[str, list[tuple[str, float]]] = {}
    found = []
    for entry in wanted:
        if not entry.artist or not entry.title:
            found.append(Match(None, None, None))
            continue
        name = normalise_artist(entry.artist)
        if name not in alike:
            hits = process.extract(name, artists, scorer=fuzz.ratio, score_cutoff=threshold, limit=_ARTISTS_KEPT)
            alike[name] = [(artist, score) for artist, score, _ in hits]
        found.append(_best(index, entry, titles, alike[name], threshold))
    return found


def check_threshold(threshold: float) -> None:
    """Refuse a likeness out of its range, before the work begins.

    Raises
    ------
    ParameterError
        If it is not within 50 and 100.
    """
    if not LEAST_THRESHOLD <= threshold <= 100:
        raise ParameterError(f"the fuzzy threshold is {threshold:g}; it must lie between {LEAST_THRESHOLD:g} and 100")


def _best(
    index: TrackIndex,
    entry: Wanted,
    titles: dict[str, dict[str, Title]],
    artists: list[tuple[str, float]],
    threshold: float,
) -> Match:
    wanted = normalise_title(entry.title or "")
    numbers = numerals(wanted.core)
    scores: dict[str, float] = {}
    for artist, likeness in artists:
        for track_id, title in titles[artist].items():
            if title.version != wanted.version or numerals(title.core) != numbers:
                continue
            if (seconds_apart(entry, index.tracks[track_id]) or 0) > NEAR_LENGTH_S:
                continue
            score = fuzz.ratio(wanted.core, title.core, score_cutoff=threshold)
            if score:
                scores[track_id] = max(scores.get(track_id, 0.0), min(likeness, score))
    if not scores:
        return Match(None, None, None)
    best, *others = sorted(scores, key=lambda track_id: (-scores[track_id], track_id))
    if others and scores[best] - scores[others[0]] < CLEAR_MARGIN:
        return Match(None, AMBIGUOUS, None)
    return Match(best, "fuzzy", round(_CONFIDENCE * scores[best] / 100, 3))
