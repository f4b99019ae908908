"""Claim: in the demo's library, which a model saw without any label, the nearest tracks are of the same style.

Prints the nearest neighbours of a few tracks, and how often the 5 nearest other tracks have the same style (the
``genre`` tag, or the column ``style`` of the demo's truth.csv) and the same artist, beside what chance gives. Compares
tracks by what ``songnet similar`` compares them by.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from songnet.cli.output import clean
from songnet.errors import SongNetError
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.retrieval import Sounds, load_sounds, similar

K = 5


def neighbours(sounds: Sounds, k: int = K) -> np.ndarray:
    """The k nearest other tracks of every track [shape=(n, k)], the nearest first."""
    similarities = sounds.points @ sounds.points.T
    np.fill_diagonal(similarities, -np.inf)
    return np.argsort(-similarities, axis=1, kind="stable")[:, :k]


def agreement(nearest: np.ndarray, labels: list[str | None]) -> tuple[float, float]:
    """Share of neighbours with the same label, and among all others; tracks without one are left out."""
    known = [i for i, label in enumerate(labels) if label]
    counts = Counter(labels[i] for i in known)
    shares = [np.mean([labels[j] == labels[i] for j in nearest[i]]) for i in known]
    by_chance = [(counts[labels[i]] - 1) / max(1, len(labels) - 1) for i in known]
    return (float(np.mean(shares)), float(np.mean(by_chance))) if known else (float("nan"), float("nan"))


def styles(tracks: list[dict[str, Any]], truth: Path | None) -> list[str | None]:
    """Each track's style: from truth.csv where there is one, else its genre tag."""
    if truth is None:
        return [track["genre"] for track in tracks]
    with truth.open(encoding="utf-8", newline="") as stream:
        by_title = {(row["artist"], row["album"], row["title"]): row["style"] for row in csv.DictReader(stream)}
    return [by_title.get((track["artist"], track["album"], track["title"])) for track in tracks]


def name(track: dict[str, Any], style: str | None) -> str:
    return clean(f"{track['artist']} - {track['title']} ({style or 'style unknown'})")


def show(library: Library, sounds: Sounds, truth: Path | None, n_shown: int) -> None:
    by_id = tracks_by_id(library.db)
    tracks = [by_id[track] for track in sounds.track_ids]
    style = dict(zip(sounds.track_ids, styles(tracks, truth), strict=True))
    # One track of each of the most frequent styles.
    firsts = {value: track for track, value in reversed(style.items()) if value}
    chosen = [firsts[value] for value, _ in Counter(filter(None, style.values())).most_common(n_shown)]
    for track in chosen or sounds.track_ids[:n_shown]:
        print(f"nearest to {name(by_id[track], style[track])}, other albums:")
        for entry in similar(library, track, sounds, n=3, other_albums=True).neighbours:
            print(f"  {entry.similarity:+.3f}  {name(entry.track, style[entry.track['track_id']])}")
    nearest = neighbours(sounds)
    print(f"of the {K} nearest others of each of {len(tracks)} tracks ({clean(sounds.what)}):")
    for what, labels in (("style", list(style.values())), ("artist", [track["artist"] for track in tracks])):
        share, by_chance = agreement(nearest, labels)
        print(f"  {share:4.0%} have the same {what} (by chance: {by_chance:.0%})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("library", type=Path, help="a library that `songnet embed` made")
    parser.add_argument("--truth", type=Path, default=None, help="the demo's truth.csv [genre tags]")
    parser.add_argument("--model", default=None, help="a trained model of the library")
    parser.add_argument("--tracks", type=int, default=3, help="tracks to show the neighbours of [3]")
    wanted = parser.parse_args()
    try:
        with Library(wanted.library) as library:
            show(library, load_sounds(library, model=wanted.model), wanted.truth, wanted.tracks)
    except (SongNetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
