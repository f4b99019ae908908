"""What a comparison comes to in a sentence, and what must be said beside it."""

from __future__ import annotations

from songnet.comparison.bootstrap import Interval
from songnet.comparison.contingency import Contingency
from songnet.comparison.nulls import NullTest
from songnet.partition import NOISE

# A p-value above this is "no more than chance".
ALPHA = 0.01
# A class with more than this share of the tracks leaves nothing to agree about.
DEGENERATE = 0.8
FEW_TRACKS = 200
TRACKS_A_GROUP = 10
# Words for an AMI below each bound: this project's convention, so that one word always means the same.
STRENGTHS = ((0.05, "hardly"), (0.2, "weakly"), (0.5, "moderately"), (0.8, "strongly"), (0.9995, "almost entirely"))


def find_warnings(
    table: Contingency,
    names: tuple[str, str],
    *,
    tracks_null: NullTest,
    artists_null: NullTest | None,
    unknown_artists: float,
) -> tuple[str, ...]:
    """What makes a comparison doubtful, the worst first.

    Parameters
    ----------
    table : Contingency
        What was compared.
    names : tuple of str
        What to call the two partitions.
    tracks_null, artists_null : NullTest
        Its tests; None where artists were not given.
    unknown_artists : float
        Share of the tracks whose artist is unknown, 0 to 1.

    Returns
    -------
    tuple of str
        Each begins with a few words that name it, then a colon.
    """
    found = []
    n = table.n_shared
    for axis, groups, name in ((1, table.rows, names[0]), (0, table.columns, names[1])):
        sizes = table.table.sum(axis=axis)
        largest = int(sizes.argmax())
        if sizes[largest] > DEGENERATE * n:
            called = "noise" if groups[largest] == NOISE else f"group {groups[largest]}"
            found.append(
                f"DEGENERATE: {called} of {name} holds {_percent(int(sizes[largest]), n)} of the tracks, so there is "
                "next to nothing to agree about"
            )
    if n < FEW_TRACKS:
        found.append(f"few shared tracks: {n}; differences in the second decimal mean nothing")
    for only, name in ((table.n_first_only, names[0]), (table.n_second_only, names[1])):
        shared = n + table.n_noise
        if only > shared:
            found.append(f"most of {name} is not compared: {only:,} of its {only + shared:,} tracks are not shared")
    if table.n_noise > 0.2 * (n + table.n_noise):
        found.append(f"much noise: {table.n_noise:,} shared tracks are noise in one of the two and left out")
    most = max(len(table.rows), len(table.columns))
    if n < TRACKS_A_GROUP * most:
        found.append(
            f"many groups: {most:,} for {n:,} tracks; NMI, homogeneity and completeness are high by chance alone, "
            "read AMI and ARI"
        )
    if len(tracks_null.draws) + 1 < 1 / ALPHA:
        found.append(
            f"few draws: {len(tracks_null.draws)} cannot show p <= {ALPHA:g}, {round(1 / ALPHA) - 1} are needed"
        )
    if artists_null is not None:
        if artists_null.n_fixed > artists_null.n_tracks / 2:
            found.append(
                f"artists hardly movable: {_percent(artists_null.n_fixed, artists_null.n_tracks)} of the tracks are of "
                "artists without another of like size, so that test finds little"
            )
        if unknown_artists > 0.2:
            found.append(
                f"unknown artists: {unknown_artists:.0%} of the tracks have none; some may be of the same artist"
            )
    return tuple(found)


def write_verdict(
    table: Contingency,
    names: tuple[str, str],
    ami: float,
    *,
    interval: Interval | None,
    rebuilt: Interval | None,
    tracks_null: NullTest,
    artists_null: NullTest | None,
    ceiling: Interval | None,
    share_of_ceiling: float | None,
    warnings: tuple[str, ...],
) -> str:
    """One sentence: how much, how sure, more than chance, more than artists, and of how much possible.

    Parameters
    ----------
    table : Contingency
        What was compared.
    names : tuple of str
        What to call the two partitions.
    ami : float
        Adjusted mutual information.
    interval, rebuilt : Interval or None
        Of the AMI, over tracks or artists and over rebuilt partitions.
    tracks_null, artists_null : NullTest
        Tests; None where artists were not given.
    ceiling : Interval or None
        How far the second partition agrees with itself.
    share_of_ceiling : float or None
        ``ami`` over the ceiling's mean.
    warnings : tuple of str
        From `find_warnings`.

    Returns
    -------
    str
    """
    who = f"the {_groups(len(table.rows))} of {names[0]} and the {_groups(len(table.columns))} of {names[1]}"
    amount = f"AMI {_shown(ami)}"
    if interval is not None:
        amount += f", {interval.level:.0%} interval {_shown(interval.low)} to {_shown(interval.high)}"
    if rebuilt is not None:
        amount += f", rebuilt {_shown(rebuilt.low)} to {_shown(rebuilt.high)}"
    if tracks_null.p_value > ALPHA:
        said = f"{who} agree no more than chance ({amount}; p = {_p(tracks_null)})"
    else:
        said = f"{who} {strength(ami)} agree ({amount}), more than chance (p = {_p(tracks_null)})"
        if artists_null is None:
            said += "; whether tracks of the same artist explain it was not tested"
        elif artists_null.p_value > ALPHA:
            said += f" but no more than tracks of the same artist explain (p = {_p(artists_null)})"
        else:
            said += f" and more than tracks of the same artist explain (p = {_p(artists_null)})"
    if ceiling is not None and share_of_ceiling is not None:
        said += f"; {max(share_of_ceiling, 0.0):.0%} of the ceiling (AMI {_shown(ceiling.mean)})"
    degenerate = [warning for warning in warnings if warning.startswith("DEGENERATE")]
    others = [warning.split(":")[0] for warning in warnings if warning not in degenerate]
    if others:
        said += f"; beware: {', '.join(others)}"
    if degenerate:
        return f"{'; '.join(degenerate)}: {said}."
    return f"{said[0].upper()}{said[1:]}."


def strength(ami: float) -> str:
    """A word for an AMI.

    Examples
    --------
    >>> [strength(value) for value in (0.01, 0.1, 0.3, 0.6, 0.9, 1.0)]
    ['hardly', 'weakly', 'moderately', 'strongly', 'almost entirely', 'entirely']
    """
    return next((word for bound, word in STRENGTHS if ami < bound), "entirely")


def _groups(number: int) -> str:
    return f"{number:,} group{'s' * (number != 1)}"


def _shown(value: float) -> str:
    # Without the zero, -0.0004 would be shown as -0.000.
    return f"{round(value, 3) + 0.0:.3f}"


def _p(test: NullTest) -> str:
    return f"{test.p_value:.3g}"


def _percent(part: int, whole: int) -> str:
    # Never rounded up to all of them.
    share = int(1000 * part / whole) / 10
    return f"{share:g}%"
