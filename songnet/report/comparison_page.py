"""The report of one comparison: the verdict, what it rests on, where it holds and where not, and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import songnet
from songnet.comparison import ComparisonReport, Interval, NullTest, bootstrap_interval
from songnet.comparison.compare import number_artists
from songnet.comparison.contingency import Paired
from songnet.comparison.scores import adjusted_rand_index
from songnet.comparison.verdict import ALPHA
from songnet.report.comparison_groups import Overlap, example_tracks, find_overlaps, group_words, listed
from songnet.report.page import Block, Cell, Commands, Page, Section, Table, Text, read_picture

# Name in `songnet.comparison.Scores`, name in tables, explanation; those that are corrected for chance first.
CORRECTED = (
    ("ami", "AMI", "adjusted mutual information: 0 by chance, 1 when equal"),
    ("ari", "ARI", "adjusted Rand index: 0 by chance, 1 when equal"),
)
UNCORRECTED = (
    ("element_centric", "element-centric", "similarity of each track's group, not corrected for chance"),
    ("nmi", "NMI", "not corrected for chance: it grows with the number of groups"),
    ("homogeneity", "homogeneity", "groups of the second hold tracks of one group of the first; not corrected"),
    ("completeness", "completeness", "groups of the first hold tracks of one group of the second; not corrected"),
    ("v_measure", "V-measure", "harmonic mean of the two; not corrected"),
)
MAX_MATCHES = 40
MAX_CROSSED = 15
_CONFUSIONS = (
    ("counts", "Tracks in each pair of groups.", "the tracks"),
    ("row", "The same as shares of each row.", "each row's shares"),
    (
        "log",
        "The same against chance: how many times as many tracks as independent groups of these sizes would share, as a"
        " power of two. White is chance, +1 twice as many, −1 half as many.",
        "log2 of observed over expected tracks",
    ),
)


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two partitions, as the page speaks of it.

    Parameters
    ----------
    what : str
        The partition: ``"clusters mine"``, ``"tag genre"``.
    group : str
        One of its groups: ``"cluster"``, ``"community"``, ``"genre"``.
    names : mapping of int to str
        Names of groups.
    settings : sequence of (str, str)
        How it was made.
    steps : sequence of (str, int, int)
        Steps by which a graph of playlists was made: step, tracks and pairs left.
    """

    what: str
    group: str
    names: Mapping[int, str]
    settings: Sequence[tuple[str, str]] = ()
    steps: Sequence[tuple[str, int, int]] = ()


@dataclass(frozen=True, eq=False)
class TrackFacts:
    """What the page says of tracks.

    Parameters
    ----------
    texts : mapping of str to str
        ``track_id -> "artist - title"``.
    artists : mapping of str to str or None
        ``track_id -> artist``.
    silhouettes : mapping of str to float
        ``track_id -> silhouette in its cluster``, where it is known.
    """

    texts: Mapping[str, str]
    artists: Mapping[str, str | None] = field(default_factory=dict)
    silhouettes: Mapping[str, float] = field(default_factory=dict)


def comparison_page(
    report: ComparisonReport,
    paired: Paired,
    sides: tuple[Side, Side],
    tracks: TrackFacts,
    *,
    drawn: Sequence[Path] = (),
    maps_note: str = "",
    commands: Sequence[str] = (),
) -> Page:
    """Lay out the report of a comparison; the interval of the ARI is taken here.

    Parameters
    ----------
    report : ComparisonReport
        What was found.
    paired : Paired
        The partitions that it is of, side by side.
    sides : tuple of Side
        What they are.
    tracks : TrackFacts
        For examples.
    drawn : sequence of pathlib.Path
        Figures of `songnet.report.comparison.draw_comparison_figures` and
        `songnet.report.comparison_maps.draw_comparison_maps`; what is not there is left out.
    maps_note : str
        Why there are no maps, or what they leave out.
    commands : sequence of str
        What to type to repeat it.

    Returns
    -------
    Page
        For `songnet.report.page.write_page`.
    """
    folders = {path.stem: path.parent for path in drawn if path.suffix == ".png"}
    sections = [
        Section("scores", "How far they agree", _scores(report, paired, tracks)),
        Section("chance", "More than chance?", _chance(report, folders)),
        Section("ceiling", "How much could be expected?", _ceiling(report, sides)),
        Section("confusion", "Group by group", _confusion(report, sides, folders)),
        Section("agreement", "Which groups match", _agreement(report, paired, sides, tracks)),
        Section("disagreement", "Where they disagree", _disagreement(report, paired, sides, tracks)),
        Section("maps", "Maps", _maps(sides, folders, maps_note)),
        Section("made", "How it was made", _made(report, sides, commands)),
    ]
    return Page(
        f"{sides[0].what} against {sides[1].what}",
        report.verdict,
        report.warnings,
        sections,
        f"SongNet {songnet.__version__} · seed {report.settings['seed']}",
    )


def _scores(report: ComparisonReport, paired: Paired, tracks: TrackFacts) -> list[Block]:
    intervals = {"ami": report.interval, "ari": _ari_interval(report, paired, tracks)}
    rows = [
        [label, _shown(getattr(report.scores, key)), _range(intervals.get(key)), note]
        for key, label, note in CORRECTED + UNCORRECTED
    ]
    words = "Only the first two lines can be compared between numbers of groups; the others are high by chance alone."
    if report.interval is not None:
        words += (
            f" The intervals ({report.interval.level:.0%}) are over random halves of the {report.interval.over}: how"
            " far the scores of another sample of this size would lie."
        )
    caption = f"{report.contingency.n_shared:,} tracks in both. Scores that are corrected for chance first."
    table = Table(
        ("score", "value", "interval", "what it is"), rows, numbers=(1, 2), caption=caption,
        strong=range(len(CORRECTED)),
    )  # fmt: skip
    return [table, Text(words, "note")]


def _ari_interval(report: ComparisonReport, paired: Paired, tracks: TrackFacts) -> Interval | None:
    """As the report has it of the AMI."""
    if report.interval is None:
        return None
    return bootstrap_interval(
        paired.first,
        paired.second,
        adjusted_rand_index,
        blocks=number_artists(paired, tracks.artists) if report.interval.over == "artists" else None,
        n=len(report.interval.values),
        level=report.interval.level,
        seed=report.settings["seed"],
    )


def _chance(report: ComparisonReport, folders: Mapping[str, Path]) -> list[Block]:
    rows = [["labels exchanged between tracks", *_null_cells(report.tracks_null)]]
    said = [f"Between tracks: {_null_words(report.tracks_null)}"]
    if report.artists_null is not None:
        test = report.artists_null
        rows.append(["labels exchanged between whole artists", *_null_cells(test)])
        aside = ""
        if test.n_left_out or test.n_fixed:
            aside = (
                f" {test.n_left_out:,} tracks took no part and {test.n_fixed:,} are of artists that could not change"
                " places, which makes the test weaker and not wrong."
            )
        said.append(
            "Between artists: tracks of one artist sound alike and stand in the same playlists, so this is the harder"
            f" test. {_null_words(test, ' beyond the artist')}{aside}"
        )
    else:
        said.append("Whether tracks of the same artist explain the agreement was not tested: no artist is known.")
    blocks: list[Block] = [
        Table(("null model", "AMI", "mean of draws", "z", "p"), rows, numbers=(1, 2, 3, 4)),
        *(Text(words) for words in said),
        Text(
            "z: how many standard deviations of the draws the observed AMI lies above their mean. p: share of the draws"
            " that reach it, the observed counted among them.",
            "note",
        ),
    ]
    if "nulls" in folders:
        low, high = float(report.tracks_null.draws.min()), float(report.tracks_null.draws.max())
        alt = (
            f"Histogram of the AMI under null models, from {_shown(low)} to {_shown(high)} between tracks, and the"
            f" observed AMI of {_shown(report.scores.ami)} as a line."
        )
        blocks.append(read_picture(folders["nulls"], "nulls", alt=alt))
    return blocks


def _null_cells(test: NullTest) -> list[str]:
    return [_shown(test.observed), _shown(float(test.draws.mean())), _shown(test.z, 1), f"{test.p_value:.3g}"]


def _null_words(test: NullTest, beyond: str = "") -> str:
    reached = round(test.p_value * (len(test.draws) + 1)) - 1
    words = f"{reached:,} of {len(test.draws):,} draws reach the observed AMI of {_shown(test.observed)}."
    if test.p_value > ALPHA:
        return f"{words} The two may well have nothing in common{beyond}."
    return f"{words} Chance does not explain what they have in common{beyond}."


def _ceiling(report: ComparisonReport, sides: tuple[Side, Side]) -> list[Block]:
    entries = [
        (f"{sides[1].what} found anew in resampled playlists, against {sides[0].what}", report.rebuilt),
        (f"{sides[1].what} found under other seeds, with each other (ceiling)", report.ceiling),
    ]
    rows = [[what, f"{len(e.values):,}", _shown(e.mean), _range(e)] for what, e in entries if e is not None]
    if not rows:
        words = "No ceiling is known: that takes communities found anew in resampled playlists and under other seeds."
        return [Text(words)]
    blocks: list[Block] = [Table(("AMI of", "values", "mean", "interval"), rows, numbers=(1, 2, 3))]
    if report.ceiling is not None and report.share_of_ceiling is not None:
        blocks.append(
            Text(
                "Nothing can be expected to agree with a partition better than it agrees with itself: the AMI of"
                f" {_shown(report.scores.ami)} is {max(report.share_of_ceiling, 0):.0%} of the ceiling."
            )
        )
    if report.rebuilt is not None:
        blocks.append(
            Text("Resampled playlists are poorer than all of them, so their AMI may lie below that of all.", "note")
        )
    return blocks


def _confusion(report: ComparisonReport, sides: tuple[Side, Side], folders: Mapping[str, Path]) -> list[Block]:
    a, b = report.contingency.table.shape
    size = f"{a:,} x {b:,}"
    blocks: list[Block] = [
        Text(
            f"Rows are groups of {sides[0].what}, columns of {sides[1].what}, in the order of the best one-to-one"
            f" matching (framed): {report.matched_share:.0%} of the tracks are in matched cells."
        )
    ]
    for kind, text, alt in _CONFUSIONS:
        if f"confusion-{kind}" in folders:
            stem = f"confusion-{kind}"
            words = f"Confusion matrix of {size} groups showing {alt}; the matched pairs are listed below."
            blocks.append(read_picture(folders[stem], stem, alt=words, caption=text))
    if len(blocks) == 1 and "comparison" in folders:
        alt = f"Confusion matrices of {size} groups by row and against chance; the matched pairs are listed below."
        text = "Of more than 40 groups a side the 39 largest are drawn, the others together as one."
        blocks.append(read_picture(folders["comparison"], "comparison", alt=alt, caption=text))
    return blocks


def _agreement(report: ComparisonReport, paired: Paired, sides: tuple[Side, Side], tracks: TrackFacts) -> list[Block]:
    found = find_overlaps(report.contingency, most=0)
    largest = sorted(found.matched, key=lambda pair: (-pair.n, pair.row))[:MAX_MATCHES]
    shown = sorted(largest, key=lambda pair: pair.row)
    blocks: list[Block] = [_pairs_table(shown, paired, sides, tracks, "typical tracks")]
    if len(found.matched) > len(shown):
        blocks.append(Text(f"The largest {len(shown)} of {len(found.matched):,} pairs.", "note"))
    for side, alone in zip(sides, (found.rows_alone, found.columns_alone), strict=True):
        if alone:
            words = listed([group_words(number, side.names) for number in alone])
            blocks.append(Text(f"Without a partner: {len(alone):,} of {side.what} ({words}).", "note"))
    if tracks.silhouettes:
        blocks.append(Text(f"Typical tracks: those most at home in their {sides[0].group} (silhouette).", "note"))
    return blocks


def _disagreement(
    report: ComparisonReport, paired: Paired, sides: tuple[Side, Side], tracks: TrackFacts
) -> list[Block]:
    found = find_overlaps(report.contingency, most=MAX_CROSSED)
    if not found.crossed:
        return [Text("Nowhere: every track lies in a matched pair of groups.")]
    share = found.n_crossed_tracks / report.contingency.n_shared
    pairs = f"{found.n_crossed:,} other pair{'s' * (found.n_crossed != 1)}"
    words = f"{found.n_crossed_tracks:,} of the tracks ({share:.0%}) lie outside matched pairs, in {pairs}."
    if found.n_crossed > len(found.crossed):
        words += f" The largest {len(found.crossed)}:"
    return [Text(words), _pairs_table(found.crossed, paired, sides, tracks, "such as")]


def _pairs_table(
    pairs: Sequence[Overlap], paired: Paired, sides: tuple[Side, Side], tracks: TrackFacts, examples: str
) -> Table:
    rows: list[list[Cell]] = []
    for pair in pairs:
        shown = example_tracks(paired, pair, typical=tracks.silhouettes, artists=tracks.artists)
        rows.append(
            [
                group_words(pair.row, sides[0].names),
                group_words(pair.column, sides[1].names),
                pair.n,
                f"{pair.n / pair.row_size:.0%}",
                f"{pair.n / pair.column_size:.0%}",
                f"{pair.n / pair.expected:.1f}",
                tuple(tracks.texts.get(track, "untitled") for track in shown),
            ]
        )
    first, second = sides[0].group, sides[1].group
    columns = (first, second, "tracks", f"of the {first}", f"of the {second}", "times chance", examples)
    return Table(columns, rows, numbers=(2, 3, 4, 5))


def _maps(sides: tuple[Side, Side], folders: Mapping[str, Path], note: str) -> list[Block]:
    blocks: list[Block] = []
    for stem, name in (("maps-pca", "PCA"), ("maps-tsne", "t-SNE")):
        if stem in folders:
            alt = f"{name} of the clustered tracks, coloured by {sides[0].what} (left) and by {sides[1].what} (right)."
            blocks.append(read_picture(folders[stem], stem, alt=alt))
    if not blocks:
        return [Text(note or "No maps were asked for.")]
    words = (
        "The same tracks at the same places, left and right. Matched groups have the same colour and marker on both"
        " sides: where the two pictures look alike, what is heard and what it is compared with agree. Distances between"
        " far groups mean little in t-SNE."
    )
    return [Text(words), *blocks, *([Text(note, "note")] if note else [])]


def _made(report: ComparisonReport, sides: tuple[Side, Side], commands: Sequence[str]) -> list[Block]:
    settings, table = report.settings, report.contingency
    rows: list[tuple[str, str]] = [
        ("tracks in both", f"{table.n_shared:,}"),
        (f"tracks only in {sides[0].what}", f"{table.n_first_only:,}"),
        (f"tracks only in {sides[1].what}", f"{table.n_second_only:,}"),
        ("shared tracks left out as noise", f"{table.n_noise:,}"),
        ("draws of each null model", f"{settings['n_draws']:,}"),
        ("repetitions of the interval", f"{settings['n_bootstrap']:,}"),
        ("rebuilt partitions", f"{settings['n_rebuilt']:,}"),
        ("seed of the comparison", f"{settings['seed']}"),
        ("SongNet", songnet.__version__),
    ]
    blocks: list[Block] = [Table(("comparison", ""), rows)]
    for side in sides:
        if side.settings:
            blocks.append(Table((side.what, ""), list(side.settings)))
        if side.steps:
            steps = [[step, f"{n_tracks:,}", f"{n_pairs:,}"] for step, n_tracks, n_pairs in side.steps]
            blocks.append(Table((f"graph of {side.what}", "tracks", "pairs"), steps, numbers=(1, 2)))
    if commands:
        blocks.append(Text("To repeat it in the same library (add --library FOLDER if it is not in the usual place):"))
        blocks.append(Commands(tuple(commands)))
    return blocks


def _range(interval: Interval | None) -> str | None:
    return None if interval is None else f"{_shown(interval.low)} to {_shown(interval.high)}"


def _shown(value: float, digits: int = 3) -> str:
    # Without the zero, -0.0004 would be shown as -0.000.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")
