"""What people and programs see: results on stdout, progress and messages on stderr, nothing a file name could forge."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

# Without a terminal a line is written when the work begins, when it ends, and this often in between.
PLAIN_EVERY_S = 10.0


def clean(value: object) -> str:
    r"""Text that is safe on a terminal: control and direction-changing characters are shown as escapes.

    Examples
    --------
    >>> clean("red \x1b[31m, new line \n")
    'red \\x1b[31m, new line \\x0a'
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return "".join(
        _escape(char) if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char for char in text
    )


def _escape(char: str) -> str:
    # Joiners belong to emoji and to several scripts and change nothing but their neighbours.
    if char in "\u200c\u200d":
        return char
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"


def shorten(value: object, width: int = 60) -> str:
    """A tag cut to a width that a table can bear; tags of 70,000 characters exist."""
    text = "" if value is None else str(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def path_text(path: bytes | None) -> str | None:
    """A path for JSON: undecodable bytes become lone surrogates (`os.fsencode` gives them back)."""
    return None if path is None else os.fsdecode(path)


def print_json(content: Any) -> None:
    """One JSON object on stdout, pure ASCII, keys sorted."""
    sys.stdout.write(json.dumps(content, indent=2, sort_keys=True) + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table on stdout; numbers stand right, text left."""
    table = Table(title=clean(title) or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows)
        table.add_column(clean(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else clean(cell)) for cell in row))
    _console(sys.stdout).print(table)


def terminal_width() -> int:
    """Columns that a table on stdout may take; much where it is no terminal."""
    return _console(sys.stdout).width


def say(text: str) -> None:
    """One line of result on stdout."""
    sys.stdout.write(clean(text) + "\n")


def tell(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(clean(text) + "\n")


def _console(stream: Any) -> Console:
    # Piped output must not be folded at 80 columns.
    width = None if stream.isatty() else 200
    return Console(file=stream, width=width, no_color="NO_COLOR" in os.environ or None, highlight=False)


class _RateColumn(ProgressColumn):
    """Units a second, lately."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


class _Bars:
    """Progress bars on a terminal: one a stage."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage not in self.tasks:
            self.tasks[stage] = self.progress.add_task(stage, note="")
        self.progress.update(self.tasks[stage], completed=done, total=total or None, note=clean(note))


class _Lines:
    """Progress as plain lines, for logs."""

    def __init__(self) -> None:
        self.started: dict[str, tuple[float, int]] = {}
        self.spoken = 0.0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        moment = time.monotonic()
        begin, base = self.started.setdefault(stage, (moment, done))
        finished = done == total
        if not finished and moment - self.spoken < PLAIN_EVERY_S:
            return
        self.spoken = moment
        rate = (done - base) / (moment - begin) if moment > begin else 0.0
        parts = [f"{stage}: {done}/{total}"]
        if rate:
            parts.append(f"{rate:.1f}/s")
        if rate and not finished:
            parts.append(f"{(total - done) / rate:.0f} s left")
        if note:
            parts.append(note)
        tell(", ".join(parts))


@contextmanager
def progress_reports(quiet: bool) -> Iterator[Any]:
    """A `songnet.progress.Progress` for this command: bars on a terminal, lines elsewhere, nothing when quiet."""
    if quiet:
        yield lambda stage, done, total, note="": None
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        columns = (
            TextColumn("{task.description:<13}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=_console(sys.stderr)) as progress:
            yield _Bars(progress)


def configure_logging(quiet: bool, verbose: bool) -> None:
    """Library logs to stderr: warnings as a rule, errors only when quiet, everything of ours when verbose."""
    level = logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler()
    handler.setFormatter(_CleanFormatter("%(levelname)s: %(message)s"))
    root = logging.getLogger("songnet")
    root.handlers[:] = [handler]
    root.setLevel(level)


class _CleanFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))
