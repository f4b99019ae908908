"""What is said of a model to those it is given to: the music it heard in numbers, how its training went, `card.md`.

No path, title, album or artist's name is written down: whoever passes a model on need not show their collection.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from songnet.library import Library
from songnet.library.tracks import fold
from songnet.training.checkpoint import ModelCard

# A genre that fewer tracks carry may be somebody's private word.
MIN_GENRE_TRACKS = 5
MAX_GENRES = 10
MAX_GENRE_LENGTH = 40
PRIVACY = "Paths, titles, albums and names of artists are not part of this file."
# Values of a training that are told elsewhere on the card, or are no single value.
NOT_LISTED = ("code_shape", "parameters", "latent", "source", "n_tracks", "n_train", "n_validation", "split_by",
              "best_loss", "best_epoch", "epochs_run")  # fmt: skip


def describe_data(library: Library, card: ModelCard) -> dict[str, Any]:
    """The tracks of a model's image set, as numbers and as genres that several of them share.

    Parameters
    ----------
    library : Library
        Where the model was trained. What was added or removed since is not told apart.
    card : ModelCard
        The model.

    Returns
    -------
    dict
        Plain JSON values: counts, ``duration_s`` (total, median, shortest, longest, in seconds; None when unknown),
        ``genres`` (of at least 5 tracks, the 10 most frequent).

    Notes
    -----
    A genre is left out when it is also the name of an artist, a title or an album of the library.
    """
    rows = library.db.execute(
        "SELECT t.duration_s, t.artist, t.genre, t.title, t.album, t.source, i.n_clips FROM images AS i"
        " JOIN tracks AS t USING (track_id) WHERE i.image_set = ? ORDER BY t.track_id",
        (card.images.key,),
    ).fetchall()
    durations = np.array([row["duration_s"] for row in rows if row["duration_s"] is not None], dtype=np.float64)
    genres = Counter(" ".join(row["genre"].split()) for row in rows if row["genre"] and row["genre"].strip())
    names = {fold(row[column]) for row in rows for column in ("artist", "title", "album") if row[column]}
    told = [
        (genre, count)
        for genre, count in sorted(genres.items(), key=lambda item: (-item[1], item[0]))
        if count >= MIN_GENRE_TRACKS
        and len(genre) <= MAX_GENRE_LENGTH
        and genre.isprintable()
        and fold(genre) not in names
    ]
    return {
        "image_set": card.images.key,
        "tracks": len(rows),
        "clips": sum(row["n_clips"] for row in rows),
        "artists": len({fold(row["artist"]) for row in rows if row["artist"]}),
        "tracks_without_artist": sum(not row["artist"] for row in rows),
        "sources": dict(sorted(Counter(row["source"] for row in rows).items())),
        "duration_s": _summary(durations),
        "genres": dict(told[:MAX_GENRES]),
        "tracks_without_genre": len(rows) - sum(genres.values()),
    }


def _summary(durations: np.ndarray) -> dict[str, float] | None:
    if not len(durations):
        return None
    measures = {"total": durations.sum(), "median": np.median(durations), "shortest": durations.min()}
    return {name: round(float(value), 1) for name, value in {**measures, "longest": durations.max()}.items()}


def training_date(library: Library, card: ModelCard) -> str | None:
    """The day (UTC, ISO 8601) on which the run that made a model ended; None when no run is recorded."""
    query = "SELECT min(finished_at) FROM runs WHERE json_extract(summary, '$.model') = ?"
    (moment,) = library.db.execute(query, (card.key,)).fetchone()
    return None if moment is None else str(moment)[:10]


def training_figures(card: ModelCard, history: bytes | None) -> dict[str, float]:
    """Losses, epochs and speed of a training.

    Parameters
    ----------
    card : ModelCard
        The model.
    history : bytes or None
        Its ``history.csv``; what cannot be read from it is left out.

    Returns
    -------
    dict
        ``epochs``, ``best_epoch`` (from 1), ``best_val_loss``, ``first_val_loss``, ``last_val_loss``,
        ``train_seconds`` and ``clips_per_s``, as far as known.
    """
    training = card.training
    figures: dict[str, float] = {"best_val_loss": training["best_loss"]}
    if isinstance(training.get("best_epoch"), int):
        figures["best_epoch"] = training["best_epoch"] + 1
    try:
        rows = list(csv.DictReader(io.StringIO((history or b"").decode())))
        losses = [float(row["val_loss"]) for row in rows]
        seconds = math.fsum(float(row["seconds"]) for row in rows)
    except (ValueError, KeyError, TypeError, csv.Error):
        return figures
    if not rows or not math.isfinite(seconds) or seconds <= 0:
        return figures
    speed = len(rows) * training["n_train"] / seconds
    figures |= {"epochs": len(rows), "first_val_loss": losses[0], "last_val_loss": losses[-1]}
    figures |= {"train_seconds": round(seconds, 1), "clips_per_s": round(speed, 1)}
    return {name: value for name, value in figures.items() if math.isfinite(value)}


def render_card(card: ModelCard, manifest: Mapping[str, Any], imported: Mapping[str, Any] | None = None) -> str:
    """`card.md`: what a person should know before using a model.

    Parameters
    ----------
    card : ModelCard
        The model.
    manifest : Mapping
        What `songnet.training.portable` puts into ``manifest.json``: data, figures, evaluation, licence, versions.
    imported : Mapping, optional
        When and from which file the model came into this library.
    """
    training, data = card.training, manifest["data"]
    latent = training["latent"]
    lines = [f"# {card.name}", "", "A SongNet model: mel images of music in, codes for comparing tracks out.", ""]
    if imported:
        lines += [
            f"Imported on {imported['at'][:10]} from {_cell(imported['file'])}; it was trained in another library.",
            "",
        ]
    rows: list[tuple[str, object]] = [
        ("preset", card.preset),
        ("family", card.family),
        ("parameters", f"{training['parameters']:,}"),
        ("code", " x ".join(map(str, training["code_shape"]))),
        ("reads", f"{_recipe_line(manifest['recipe'])}, up to {card.images.clips} clips a track"),
        ("grey levels", f"{card.scaling.low} to {card.scaling.high} scaled to 0 to 1"),
        ("after", training.get("source")),
        ("weights", f"SHA-256 {card.weights_sha256}"),
    ]
    if latent:
        collapsed = ", COLLAPSED" if latent["collapsed"] else ""
        rows.append(("latent units", f"{latent['active_units']} active, KL {latent['kl_nats']:.1f} nats{collapsed}"))
    lines += [*_table(("what", "value"), rows), "", "## Data", ""]
    day = manifest["trained_on"] or "a day that was not recorded"
    lines += [
        f"Trained on {day}. {PRIVACY}",
        "",
        *_table(("what", "value"), _data_rows(card, data)),
    ]
    lines += ["", f"Fingerprint of this description: {manifest['data_sha256']}", "", "## Training", ""]
    listed = [(key.replace("_", " "), training[key]) for key in sorted(training) if key not in NOT_LISTED]
    listed += [(f"model: {key.replace('_', ' ')}", card.config[key]) for key in sorted(card.config)]
    lines += [*_table(("parameter", "value"), listed), "", *_table(("figure", "value"), _figures(manifest)), ""]
    lines += ["## Evaluation", "", *_evaluation(manifest["evaluation"]), "", "## Licence", ""]
    licence = _cell(manifest["licence"] or "not stated; ask who gave you this file")
    lines += [
        f"Licence of the weights: {licence}.",
        "The file holds no audio and grants no right to the music it was computed from. Weights can keep traces of",
        "what they were trained on: pass on only what you may.",
        "",
        "## Use",
        "",
        f"    songnet models import {card.name}.zip --library ~/songs",
        f"    songnet embed ~/Music --model {card.name} --library ~/songs",
        "",
        "Nothing in the file is executed. Hashes show damage; they do not tell who made it.",
        "",
        f"Written by {', '.join(f'{name} {version}' for name, version in sorted(manifest['versions'].items()))}.",
    ]
    return "\n".join(lines) + "\n"


def _recipe_line(recipe: Mapping[str, Any]) -> str:
    return (
        f"mel images of recipe {recipe['name']} ({recipe['n_mels']} bands, {recipe['clip_s']:g} s at {recipe['sr']} Hz)"
    )


def _data_rows(card: ModelCard, data: Mapping[str, Any]) -> list[tuple[str, object]]:
    training, seconds = card.training, data["duration_s"]
    split = f"{training['n_train']:,} to train on, {training.get('n_validation', 'unknown')} held out by"
    genres = ", ".join(
        f"{genre} ({count})" for genre, count in sorted(data["genres"].items(), key=lambda g: (-g[1], g[0]))
    )
    rows: list[tuple[str, object]] = [
        ("tracks in the split", training.get("n_tracks", "unknown")),
        ("clips", f"{split} {training.get('split_by', 'unknown')}"),
        ("tracks in the library when exported", f"{data['tracks']:,} ({data['clips']:,} clips)"),
        ("artists", f"{data['artists']:,} ({data['tracks_without_artist']:,} tracks name none)"),
        ("genres of 5 tracks or more", f"{genres or 'none'} ({data['tracks_without_genre']:,} tracks name none)"),
    ]
    if seconds:
        spread = f"median {seconds['median']:g} s, {seconds['shortest']:g} to {seconds['longest']:g} s"
        rows.append(("duration", f"{seconds['total'] / 3600:.1f} hours in all; {spread}"))
    return rows


def _figures(manifest: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [(name.replace("_", " "), f"{value:.6g}") for name, value in sorted(manifest["figures"].items())]


def _evaluation(figures: list[dict[str, Any]]) -> list[str]:
    if not figures:
        return ["None is stored with the model."]
    rows = [
        (
            entry["measure"],
            f"{entry['value']:.4g}",
            "" if entry["low"] is None else f"{entry['low']:.4g} to {entry['high']:.4g}",
        )
        for entry in figures
    ]
    return _table(("measure", "value", "interval"), rows)


def _table(header: tuple[str, ...], rows: list[Any]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return lines + [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]


def _cell(value: object) -> str:
    """A value as it may stand in a Markdown table: one line, printable, no markup."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    elif isinstance(value, dict):
        value = ", ".join(f"{key} = {inner}" for key, inner in sorted(value.items())) or "none"
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return "".join(f"\\{char}" if char in "|<[`\\" else char for char in text)
