"""What a playlist format is made of: a look at the beginning of a file, and a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from songnet.errors import PlaylistError
from songnet.playlists.model import Playlist

HEAD_BYTES = 65_536
"""How much of a file `Source.sniff` is shown."""

OnSkip = Callable[[PlaylistError], None]


def refuse(error: PlaylistError) -> None:
    """Raise what would be skipped."""
    raise error


@dataclass(frozen=True)
class Source:
    """A playlist format.

    Parameters
    ----------
    name : str
        Its name in `SOURCES`.
    title : str
        What people call it.
    sniff : callable
        ``sniff(head, name) -> float``: how surely a file is of this format, 0 (not) to 1, from its first bytes
        (`HEAD_BYTES` of them at most) and its name. Content decides; a name may only help content that is not
        telling. Never raises.
    read : callable
        ``read(path, on_skip) -> Iterator[Playlist]``: one playlist after the other, not more than one in memory where
        a file can hold many. `on_skip` is told of each part that is left out; `PlaylistError` is raised where nothing
        behind can be read, after all playlists before have been yielded.
    """

    name: str
    title: str
    sniff: Callable[[bytes, str], float]
    read: Callable[[Path, OnSkip], Iterator[Playlist]]

    def __call__(self, path: Path, on_skip: OnSkip = refuse) -> Iterator[Playlist]:
        """Read a file; without `on_skip` a broken part raises `PlaylistError`."""
        return self.read(path, on_skip)
