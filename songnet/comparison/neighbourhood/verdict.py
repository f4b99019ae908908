"""What neighbours and held-out playlists come to in a sentence, and what must be said beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from songnet.comparison.verdict import ALPHA

if TYPE_CHECKING:
    from songnet.comparison.neighbourhood.evidence import Estimate
    from songnet.comparison.neighbourhood.report import SettingReport

FEW_PLAYLISTS = 50
FEW_PAIRS = 500
# Where a query stands beside more than this share of the tracks, those it never met are exceptions.
MUCH_KNOWN = 0.5
NAMES = {
    "sound": "sound",
    "mfcc": "MFCC statistics",
    "loudness": "loudness",
    "popularity": "popularity",
    "random": "random",
    "playlists": "other playlists",
}
PHRASES = {
    "all artists and albums": "with same-artist pairs",
    "without same artist": "without same-artist pairs",
    "without same album": "without same-album pairs",
    "without either": "without same-artist and same-album pairs",
}


def headline(settings: Sequence[SettingReport], *, artists_known: bool) -> SettingReport:
    """The setting that the verdict speaks of: without same artist, if artists are known and pairs are left."""
    by_name = {entry.setting: entry for entry in settings}
    apart = by_name["without same artist"]
    return apart if artists_known and apart.n_pairs else by_name["all artists and albums"]


def find_warnings(leading: SettingReport, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes the evidence doubtful.

    Parameters
    ----------
    leading : SettingReport
        From `headline`.
    facts : dict
        Counts of `songnet.comparison.neighbourhood.report.NeighbourReport`.

    Returns
    -------
    tuple of str
        Each begins with a few words that name it, then a colon.
    """
    found = []
    if leading.n_playlists < FEW_PLAYLISTS:
        found.append(f"few playlists: {leading.n_playlists} answer anything; intervals over them are rough")
    if leading.n_pairs < FEW_PAIRS:
        found.append(f"few pairs: {leading.n_pairs} held-out pairs were compared")
    if facts["settings_used"]["pairs"] == "new" and facts["share_together"] > MUCH_KNOWN:
        found.append(
            f"dense playlists: a track stands beside {facts['share_together']:.0%} of the others in some playlist, so"
            " that new pairs are the exceptions; ask for all pairs (--pairs all)"
        )
    if facts["unknown_artists"] == 1:
        found.append("no artists: none is known, so pairs of one artist cannot be left out and may explain everything")
    elif facts["unknown_artists"] > 0.2:
        found.append(
            f"unknown artists: {facts['unknown_artists']:.0%} of the tracks have none and count as different artists;"
            " some may be of the same"
        )
    looked_at = leading.n_pairs + leading.n_unmatched
    if leading.n_unmatched > 0.2 * looked_at:
        found.append(
            f"unmatched pairs: {leading.n_unmatched / looked_at:.0%} of the pairs had no tracks of like popularity to"
            " be compared with and are not in the AUC"
        )
    null = leading.artists_null or leading.tracks_null
    if null is not None and len(null.draws) + 1 < 1 / ALPHA:
        found.append(f"few draws: {len(null.draws)} cannot show p <= {ALPHA:g}, {round(1 / ALPHA) - 1} are needed")
    if leading.artists_null is not None and leading.artists_null.n_fixed > leading.artists_null.n_tracks / 2:
        found.append(
            f"artists hardly movable: {leading.artists_null.n_fixed:,} of the {leading.artists_null.n_tracks:,} tracks"
            " keep their vector because their artist has no other of like size, so that test finds little"
        )
    if "mfcc" not in leading.scores:
        found.append("no MFCC baseline: not all of the compared tracks have descriptors (songnet cluster makes them)")
    if not facts["heard"]:
        found.append(
            "vectors of a file: only their maker knows whether these playlists had a part in them; if they had, nothing"
            " was held out"
        )
    return tuple(found)


def write_verdict(leading: SettingReport, warnings: Sequence[str], *, heard: bool = True) -> str:
    """One sentence: more than chance or not, more than MFCC statistics or not, with the figures.

    Parameters
    ----------
    leading : SettingReport
        The setting to speak of.
    warnings : sequence of str
        From `find_warnings`.
    heard : bool
        As in `songnet.comparison.neighbourhood.representation.Representation`.

    Returns
    -------
    str
    """
    alike = "Tracks that sound alike" if heard else "Tracks that the vectors put near each other"
    sound = "sound" if heard else "vectors"
    beware = f"; beware: {', '.join(warning.split(':')[0] for warning in warnings)}" if warnings else ""
    mine = leading.scores["sound"]["auc"]
    if mine is None:
        return (
            f"Nothing can be said of {sound} and held-out playlists: no pair was left to compare"
            f" {PHRASES[leading.setting]}{beware}."
        )
    null = leading.artists_null or leading.tracks_null
    assert null is not None, "where there is an AUC there are pairs to test"
    figures = f"AUC {_interval(mine)} {PHRASES[leading.setting]}, p = {null.p_value:.3g}"
    others = {
        name: leading.scores[name]["auc"] for name in ("mfcc", "loudness", "popularity", "random", "playlists")
        if name in leading.scores
    }  # fmt: skip
    beside = ", ".join(f"{NAMES[name]} {value.value:.2f}" for name, value in others.items() if value is not None)
    if mine.low <= 0.5 or leading.tracks_null is None or leading.tracks_null.p_value > ALPHA:
        said = f"{alike} do not stand together in held-out playlists more than chance"
    elif null.p_value > ALPHA:
        said = (
            f"{alike} stand together in held-out playlists, but no more than they would if whole artists exchanged"
            f" their {sound}"
        )
    else:
        said = f"{alike} stand together in held-out playlists more than chance"
        difference = leading.differences.get("mfcc", {}).get("auc")
        if difference is not None:
            said += _against_mfcc(difference)
    return f"{said}: {figures}; {beside}{beware}."


def _against_mfcc(difference: Estimate) -> str:
    amount = f"(AUC {difference.value:+.3f}, {difference.low:+.3f} to {difference.high:+.3f})"
    if difference.low > 0:
        return f" and more than MFCC statistics tell {amount}"
    if difference.high < 0:
        return f", but LESS than MFCC statistics tell {amount}"
    return f", but no more than MFCC statistics tell {amount}"


def _interval(value: Estimate) -> str:
    return f"{value.value:.2f} ({value.low:.2f} to {value.high:.2f})"
