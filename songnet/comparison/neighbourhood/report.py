"""The whole evidence without clusters: playlists held out, neighbours by sound and by baselines, a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from songnet.comparison.neighbourhood.evidence import Estimate, estimate, resample_playlists, vector_null
from songnet.comparison.neighbourhood.held_out import (
    NEVER,
    Queries,
    SplitPlaylists,
    draw_queries,
    share_together,
    split_playlists,
)
from songnet.comparison.neighbourhood.measures import UNKNOWN, Measured, measure
from songnet.comparison.neighbourhood.predictors import (
    CosinePredictor,
    PlaylistPredictor,
    PopularityPredictor,
    Predictor,
    random_predictor,
)
from songnet.comparison.neighbourhood.representation import Representation, baselines
from songnet.comparison.neighbourhood.verdict import find_warnings, headline, write_verdict
from songnet.comparison.nulls import NullTest
from songnet.descriptors import Descriptors
from songnet.library.tracks import fold
from songnet.playlists.stored import Memberships
from songnet.progress import Progress, silent

KS = (10, 50, 100)
# New pairs are asked for unless so many of the tracks stand beside a query already that they would be exceptions.
MUCH_KNOWN = 0.5
N_QUERIES, N_DRAWS, N_RESAMPLES = 4_000, 199, 1_000
# The others are measured against this one.
SOUND = "sound"
COMPARED_WITH = ("mfcc", "loudness", "popularity", "random")


@dataclass(frozen=True, eq=False)
class SettingReport:
    """What was found under one setting.

    Parameters
    ----------
    setting : str
        Which pairs: a key of `songnet.comparison.neighbourhood.SETTINGS`.
    n_queries, n_playlists : int
        Queries with a relevant track, and the playlists they come from.
    n_pairs : int
        Pairs of a query and a relevant track that the AUC compared.
    n_unmatched : int
        Pairs for which no tracks of like popularity were there.
    n_candidates : float
        Tracks that a query ranked, in the mean.
    scores : dict of str to dict of str to Estimate or None
        Predictor to measure (``"auc"``, ``"mrr"``, ``"recall@10"`` and so on, each 0 to 1) to estimate.
    differences : dict of str to dict of str to Estimate or None
        The same measures of sound less those of another predictor, on the same playlists.
    tracks_null : NullTest or None
        AUC of sound when any two tracks exchange their vectors; None without pairs.
    artists_null : NullTest or None
        When whole artists exchange them; None also where no artist is known.
    """

    setting: str
    n_queries: int
    n_playlists: int
    n_pairs: int
    n_unmatched: int
    n_candidates: float
    scores: Mapping[str, Mapping[str, Estimate | None]]
    differences: Mapping[str, Mapping[str, Estimate | None]]
    tracks_null: NullTest | None
    artists_null: NullTest | None


@dataclass(frozen=True, eq=False)
class NeighbourReport:
    """Everything that was found out about neighbours and held-out playlists.

    Parameters
    ----------
    verdict : str
        One sentence, about the setting ``headline``.
    warnings : tuple of str
        What makes it doubtful.
    headline : str
        The setting that the verdict speaks of: without same artist, or all where no artist is known.
    what : str
        What stands for the sound.
    settings : tuple of SettingReport
        In the order of `songnet.comparison.neighbourhood.SETTINGS`.
    facts : dict
        Counts and settings, plain JSON values.
    """

    verdict: str
    warnings: tuple[str, ...]
    headline: str
    what: str
    settings: tuple[SettingReport, ...]
    facts: Mapping[str, Any]

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures."""
        return tuple(next(iter(self.settings[0].scores.values())))

    def setting(self, name: str) -> SettingReport:
        """The report of one setting."""
        return next(entry for entry in self.settings if entry.setting == name)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values with stable keys."""
        return {
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            "headline": self.headline,
            "features": self.what,
            **self.facts,
            "settings": {entry.setting: _setting_json(entry) for entry in self.settings},
        }


def compare_neighbours(
    memberships: Memberships,
    sound: Representation,
    *,
    descriptors: Descriptors | None = None,
    artists: Mapping[str, str | None] | None = None,
    albums: Mapping[str, str | None] | None = None,
    n_folds: int = 5,
    pairs: str = "auto",
    n_queries: int = N_QUERIES,
    n_draws: int = N_DRAWS,
    n_resamples: int = N_RESAMPLES,
    asked: np.ndarray | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> NeighbourReport:
    """Ask whether tracks that sound alike stand together in playlists that were held out.

    Parameters
    ----------
    memberships : Memberships
        From `songnet.playlists.stored.load_memberships`.
    sound : Representation
        What is tested. Tracks without it, or in no playlist of two or more, are left out.
    descriptors : Descriptors or None
        For the baselines MFCC statistics and loudness; left out unless all the tracks are described.
    artists, albums : mapping of str to str or None
        ``track_id -> name``; the same name in other case or with other diacritics is the same, a missing one is
        unknown and never the same as another.
    n_folds : int
        Folds of the playlists, 2 up to their number.
    pairs : str
        ``"new"`` or ``"all"``, see `songnet.comparison.neighbourhood.measures`; ``"auto"``: new, unless a query stands
        beside more than half of the other tracks in some playlist. Then what never met are exceptions in themselves.
    n_queries : int
        Entries asked for, at most.
    n_draws : int
        Draws of each null model; 99 at least to show p <= 0.01.
    n_resamples : int
        Draws of playlists for the intervals.
    asked : numpy.ndarray [dtype=int64], optional
        Numbers of the playlists that may be held out, where the sound was learned from the others; these are known in
        every fold, and a pair that one of them brings together is not new.
    seed : int
        Of everything that is drawn.
    progress : Progress
        Told of queries and draws.

    Raises
    ------
    InputNotFoundError
        If no playlist names a track that there is sound of.
    ParameterError
        If there are fewer than two playlists, or a number is out of range.
    """
    split = split_playlists(memberships, sound.track_ids, n_folds=n_folds, seed=seed, asked=asked)
    queries = draw_queries(split, n_queries, seed)
    n_tracks = len(split.track_ids)
    share = share_together(split, queries)
    if pairs == "auto":
        pairs = "all" if share > MUCH_KNOWN else "new"
    numbers = {"artist": number_names(split.track_ids, artists), "album": number_names(split.track_ids, albums)}
    heard = CosinePredictor(SOUND, sound.rows(split.track_ids))
    known = [] if descriptors is None else baselines(descriptors, split.track_ids)
    predictors: list[Predictor] = [
        heard, *known, PopularityPredictor(), random_predictor(n_tracks, seed), PlaylistPredictor(),
    ]  # fmt: skip
    ks = [k for k in KS if 2 * k <= n_tracks] or [1]
    measured = measure(split, queries, predictors, groups=numbers, pairs=pairs, ks=ks, seed=seed, progress=progress)
    names = [predictor.name for predictor in predictors]
    n_nulls = len(measured) * (1 + bool((numbers["artist"] != UNKNOWN).any()))
    count = iter(range(n_nulls))

    def test(artists: np.ndarray | None, of: Measured) -> NullTest:
        before = next(count) * n_draws

        def told(stage: str, done: int, total: int, note: str = "") -> None:
            progress(stage, before + done, n_nulls * n_draws, note)

        return vector_null(heard.unit, of.pairs, artists, n_draws=n_draws, seed=seed, progress=told)

    settings = tuple(_report(entry, queries, names, numbers["artist"], test, n_resamples, seed) for entry in measured)
    facts = {**_facts(split, queries, numbers, memberships), "share_together": share}
    facts["settings_used"] = {
        "folds": n_folds, "pairs": pairs, "queries": n_queries, "draws": n_draws, "resamples": n_resamples,
        "seed": seed, "recall_at": ks,
    }  # fmt: skip
    facts["heard"] = sound.heard
    leading = headline(settings, artists_known=facts["unknown_artists"] < 1)
    warnings = find_warnings(leading, facts)
    verdict = write_verdict(leading, warnings, heard=sound.heard)
    return NeighbourReport(verdict, warnings, leading.setting, sound.what, settings, facts)


def number_names(track_ids: Sequence[str], names: Mapping[str, str | None] | None) -> np.ndarray:
    """Number of each track's artist or album [shape=(n,), dtype=int64], -1 where it is unknown."""
    found: dict[str, int] = {}
    numbers = np.full(len(track_ids), UNKNOWN, dtype=np.int64)
    for row, track in enumerate(track_ids if names else ()):
        name = fold((names or {}).get(track) or "")
        if name:
            numbers[row] = found.setdefault(name, len(found))
    return numbers


def _report(
    measured: Measured,
    queries: Queries,
    names: Sequence[str],
    artists: np.ndarray,
    test: Callable[[np.ndarray | None, Measured], NullTest],
    n_resamples: int,
    seed: int,
) -> SettingReport:
    labels = ["auc", "mrr", *(f"recall@{k}" for k in measured.ks)]
    # [predictor, measure, query]
    values = np.concatenate([measured.auc[:, None], measured.reciprocal_rank[:, None], measured.recall], axis=1)
    asked = np.flatnonzero(measured.n_relevant > 0)
    shape = values.shape[:2]
    means, resampled = resample_playlists(
        values[:, :, asked].reshape(shape[0] * shape[1], len(asked)),
        queries.playlist[asked],
        n_resamples=n_resamples,
        seed=seed,
    )
    means, resampled = means.reshape(shape), resampled.reshape(*shape, n_resamples)
    mine = names.index(SOUND)
    scores = {
        name: {label: estimate(means[row, column], resampled[row, column]) for column, label in enumerate(labels)}
        for row, name in enumerate(names)
    }
    differences = {
        name: {
            label: estimate(means[mine, column] - means[row, column], resampled[mine, column] - resampled[row, column])
            for column, label in enumerate(labels)
        }
        for row, name in enumerate(names)
        if name in COMPARED_WITH
    }
    nulls: list[NullTest | None] = [None, None]
    if len(measured.pairs.query):
        nulls[0] = test(None, measured)
        if (artists != UNKNOWN).any():
            nulls[1] = test(artists, measured)
    return SettingReport(
        measured.setting,
        len(asked),
        len(np.unique(queries.playlist[asked])),
        measured.n_positives,
        measured.n_unmatched,
        float(measured.n_candidates[asked].mean()) if len(asked) else 0.0,
        scores,
        differences,
        nulls[0],
        nulls[1],
    )


def _facts(
    split: SplitPlaylists,
    queries: Queries,
    numbers: Mapping[str, np.ndarray],
    memberships: Memberships,
) -> dict[str, Any]:
    n_tracks = len(split.track_ids)
    return {
        "n_tracks": n_tracks,
        "n_tracks_without_features": len(memberships.track_ids) - n_tracks,
        "n_playlists": split.n_playlists,
        "n_playlists_never_asked": int((split.fold_of == NEVER).sum()),
        "n_too_short": split.n_too_short,
        "n_too_long": split.n_too_long,
        "n_entries": queries.n_entries,
        "n_queries": len(queries),
        "unknown_artists": float((numbers["artist"] == UNKNOWN).mean()),
        "unknown_albums": float((numbers["album"] == UNKNOWN).mean()),
    }


def _setting_json(entry: SettingReport) -> dict[str, Any]:
    return {
        "n_queries": entry.n_queries,
        "n_playlists": entry.n_playlists,
        "n_pairs": entry.n_pairs,
        "n_unmatched": entry.n_unmatched,
        "n_candidates": entry.n_candidates,
        "scores": _estimates_json(entry.scores),
        "differences": _estimates_json(entry.differences),
        "null_tracks": _null_json(entry.tracks_null),
        "null_artists": _null_json(entry.artists_null),
    }


def _estimates_json(table: Mapping[str, Mapping[str, Estimate | None]]) -> dict[str, Any]:
    return {
        name: {label: None if value is None else asdict(value) for label, value in row.items()}
        for name, row in table.items()
    }


def _null_json(test: NullTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {
        "observed": test.observed,
        "mean": float(test.draws.mean()),
        "high": float(np.quantile(test.draws, 0.975)),
        "p": test.p_value,
        "z": test.z,
        "n_draws": len(test.draws),
        "n_fixed": test.n_fixed,
    }
