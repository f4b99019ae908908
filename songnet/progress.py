"""How long work tells of itself: a stage calls a `Progress`, the command line decides what it looks like."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the state of one piece of work."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Take one report.

        Parameters
        ----------
        stage : str
            What is being done, e.g. ``"read files"``; a new name starts a new bar.
        done, total : int
            Units finished and units in all; ``total`` may grow, 0 means unknown.
        note : str
            A short addition such as the current loss.
        """


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Report nothing."""
