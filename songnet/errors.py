"""The error tree: everything SongNet raises on purpose descends from `SongNetError`.

A message is one line and says what went wrong, in which file or value, and what to do about it.
The command line prints that line and leaves with the error's `exit_code`.
"""

from __future__ import annotations


class SongNetError(Exception):
    """Root of all errors that SongNet raises on purpose."""

    exit_code = 1


class ParameterError(SongNetError, ValueError):
    """A parameter, option or configuration value is outside what is allowed."""

    exit_code = 2


class CircularError(ParameterError):
    """A comparison would ask playlists about what was learned from them."""

    exit_code = 4


class InputNotFoundError(SongNetError):
    """A file, folder, track, model or table that was asked for does not exist."""

    exit_code = 2


class AudioError(SongNetError):
    """A file could not be turned into sound.

    Parameters
    ----------
    reason : str
        What is wrong, in a sentence a listener understands.
    kind : str
        One word for the summary: ``"unreadable"``, ``"empty"``, ``"not-audio"``, ``"corrupt"``,
        ``"silent"``, ``"too-short"``, ``"timeout"``, ``"crash"`` or ``"memory"``.
    """

    def __init__(self, reason: str, kind: str = "corrupt") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind

    def __reduce__(self) -> tuple[type[AudioError], tuple[str, str]]:
        return (type(self), (self.reason, self.kind))


class ImageError(SongNetError):
    """A PNG is not a mel image that SongNet can read."""


class PlaylistError(SongNetError):
    """A playlist file, or a part of it, cannot be read."""


class LibraryError(SongNetError):
    """The library on disk is not in the state that a command needs."""


class LibraryDamagedError(LibraryError):
    """A part of the library cannot be read any more."""

    exit_code = 4


class LibraryVersionError(LibraryError):
    """The library was written by a newer (or needs migrating from an older) program."""

    exit_code = 4


class LibraryLockedError(LibraryError):
    """Another process is writing to the library."""

    exit_code = 5


class ModelError(SongNetError):
    """A model cannot be built, trained or used as asked."""


class CheckpointError(ModelError):
    """A stored model is missing a part, damaged, altered, or does not fit its configuration."""

    exit_code = 4
