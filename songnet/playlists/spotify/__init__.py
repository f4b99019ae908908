"""Playlists from the Spotify Web API, for those who ask for it: an extra, ``pip install "songnet[spotify]"``.

Reading order: `settings` (the app, the terms), `session` (the one way out), `answer` and `deadline` (how much and how
long an answer may be), `tokens` and `login` (who may ask), `client` (what is asked), `parse` (what is answered),
`pages` (what of a long playlist is there already), `fetch` (all together). spotipy is imported by `tokens` and what
stands on it, never by this package itself.
"""

from __future__ import annotations

from importlib.util import find_spec

from songnet.errors import ParameterError


def require_spotipy() -> None:
    """Check that the extra is installed.

    Raises
    ------
    ParameterError
        If it is not.
    """
    try:
        found = find_spec("spotipy") is not None
    except ValueError:  # a module that was made unavailable
        found = False
    if not found:
        raise ParameterError('reading from Spotify needs spotipy: pip install "songnet[spotify]"')


__all__ = ["require_spotipy"]
