"""An evaluation in the terminal: verdict, measures by systems, rivals, panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from songnet.cli.output import print_table, say, shorten, terminal_width

if TYPE_CHECKING:
    from songnet.evaluation import Compared, EvaluationReport, PanelReport
    from songnet.evaluation.panels import InvarianceReport, NuisanceReport

# Columns of a system's cell, and of what stands before and after the systems.
CELL_WIDTH, FRAME_WIDTH = 24, 46


def print_evaluation(report: EvaluationReport) -> None:
    """Verdict first, then measures by systems, each system beside its strongest rival (--json has them all), panels."""
    for line in report.verdict.splitlines():
        say(line)
    for warning in report.warnings:
        say(f"warning: {warning}")
    say("")
    labelled = (
        "no labels"
        if report.labels is None
        else (f"{report.n_labelled:,} with a label ({report.labels}: {len(report.label_names)} kinds)")
    )
    settings = report.settings
    say(
        f"{report.n_tracks:,} tracks, {labelled}; {settings['space']} space; 95% intervals over"
        f" {settings['intervals_over']}"
    )
    say(report.recipe)
    say("")
    names = list(report.table)
    rows = []
    for key in report.measures:
        cells = [_cell(report, name, key) for name in names]
        chances = [
            entry.chance for row in report.table.values() if (entry := row.get(key)) and entry.chance is not None
        ]
        rows.append([report.label_of(key), *cells, f"{chances[0]:.3f}" if chances else ""])
    _print_in_parts("", names, rows, "chance")
    _print_untold(report)
    _print_rivals(report)
    print_panels(report.panels)


def _print_untold(report: EvaluationReport) -> None:
    notes = dict.fromkeys(reason for row in report.untold.values() for reason in row.values())
    for note in notes:
        where = [name for name, row in report.untold.items() if note in row.values()]
        keys = dict.fromkeys(
            report.label_of(key) for name in where for key, why in report.untold[name].items() if why == note
        )
        say(f"not told for {', '.join(where)}: {'; '.join(keys)}: {note}")


def _print_rivals(report: EvaluationReport) -> None:
    from songnet.evaluation.verdict import strongest_rival

    rivals = []
    for (name, key), entries in by_question(report).items():
        least = strongest_rival(entries)
        told = "better" if least.better else "worse" if least.worse else "not told apart"
        spread = f"[{least.difference.low:+.3f}, {least.difference.high:+.3f}]"
        rivals.append([name, report.label_of(key), least.rival, f"{least.difference.value:+.3f}", spread, told])
    if rivals:
        print_table(["system", "question", "less its strongest rival", "difference", "95% interval", ""], rivals)
        say("")


def by_question(report: EvaluationReport) -> dict[tuple[str, str], list[Compared]]:
    """Decisive comparisons of each system on each measure."""
    found: dict[tuple[str, str], list[Compared]] = {}
    for entry in report.differences:
        if entry.decisive:
            found.setdefault((entry.system, entry.measure), []).append(entry)
    return found


def _cell(report: EvaluationReport, name: str, key: str) -> str:
    entry = report.table[name].get(key)
    return "-" if entry is None else _spread(entry.value, entry.low, entry.high)


def _spread(value: float, low: float | None, high: float | None) -> str:
    return f"{value:.3g}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def print_panels(panels: PanelReport) -> None:
    """What can be read, what is found again, what is in use; a short table each."""
    if panels.nuisance is not None:
        _print_nuisance(panels.nuisance, panels.n_clusters)
    if panels.invariance:
        _print_invariance(dict(panels.invariance))
    if panels.collapse:
        say("collapse: does the code use its dimensions?")
        rows = [
            [
                name, f"{each.n:,} {panels.collapse_rows[name]}", f"{each.active_units} of {each.d}",
                f"{each.standard_rank:.1f}", f"{each.standard_first_share:.0%}",
                "-" if each.silent_units is None else str(each.silent_units), "COLLAPSED" if each.collapsed else "no",
            ]
            for name, each in panels.collapse.items()
        ]  # fmt: skip
        columns = ["", "measured on", "active units", "effective rank", "first direction", "below 0.01 nats"]
        print_table([*columns, "collapsed"], rows)
        say("")
    for what, reason in panels.not_told.items():
        say(f"not told: {what}: {reason}")


def _print_nuisance(report: NuisanceReport, n_clusters: int) -> None:
    say(
        f"nuisance: what can be read from the vectors and should not (R² of numbers, AUC of classes; folds and 95%"
        f" intervals over {report.grouped_by}; * = above chance)"
    )
    shares = {entry.nuisance: entry for entry in report.clusters}
    names = list(dict.fromkeys(entry.vectors for entry in report.readouts))
    found = {(entry.vectors, entry.nuisance): entry for entry in report.readouts}
    rows = []
    notes: dict[str, str] = {}
    for nuisance in dict.fromkeys(entry.nuisance for entry in report.readouts):
        entries = [found[name, nuisance] for name in names]
        if all(entry.value is None for entry in entries):
            notes[nuisance] = entries[0].note
            continue
        cells = [
            "-"
            if entry.value is None
            else f"{entry.value:.2f} [{entry.low:.2f}, {entry.high:.2f}]{'*' if entry.readable else ''}"
            for entry in entries
        ]
        share = shares.get(nuisance)
        told = "" if share is None or share.ami is None else f"{share.ami:.2f} (p {share.ami_p:.3f})"
        measure = "R²" if entries[0].measure == "r2" else "AUC"
        rows.append([f"{nuisance.replace('_', ' ')}, {measure}", *cells, told])
    if rows:
        last = f"AMI with {n_clusters} clusters of {shorten(report.subject, 22)}" if n_clusters else ""
        _print_in_parts("", names, rows, last)
    for nuisance, note in notes.items():
        say(f"{nuisance.replace('_', ' ')}: {note}")
    if notes:
        say("")


def _print_invariance(reports: dict[str, InvarianceReport]) -> None:
    first = next(iter(reports.values()))
    skipped = f"; {sum(first.skipped.values())} left out ({_counts(first)})" if first.skipped else ""
    say(
        f"invariance: share of clips that find themselves among {first.n_reference_clips:,} after a change"
        f" ({first.n_measured:,} tracks read again{skipped}; 95% intervals)"
    )
    changes = list(dict.fromkeys(result.change for report in reports.values() for result in report.results))
    cells = {
        (name, result.change): f"{result.clip_top1:.1%} [{result.clip_low:.0%}, {result.clip_high:.0%}]"
        for name, report in reports.items()
        for result in report.results
    }
    rows = [[change, *(cells.get((name, change), "-") for name in reports), ""] for change in changes]
    if rows:
        _print_in_parts("", list(reports), rows, "")
    for change in first.not_measured:
        say(f"not measured: {change}: this FFmpeg has no MP3 encoder")


def _counts(report: InvarianceReport) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(report.skipped.items()))


def _print_in_parts(corner: str, names: list[str], rows: list[list[str]], last: str) -> None:
    """A table of systems, several beside each other as far as the width goes."""
    at_once = max(1, (terminal_width() - FRAME_WIDTH) // CELL_WIDTH)
    for start in range(0, len(names), at_once):
        stop = start + at_once
        part = [[row[0], *row[1 + start : 1 + min(stop, len(names))], row[-1]] for row in rows]
        print_table([corner, *(shorten(name, 22) for name in names[start:stop]), last], part)
        say("")
