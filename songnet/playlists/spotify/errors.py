"""What may go wrong between SongNet and Spotify. No message holds a token, a secret or a code."""

from __future__ import annotations

from songnet.errors import PlaylistError

LONGEST_NAMED_S = 365 * 86_400.0
"""Seconds: a wait of a year or more counts as a year."""


class SpotifyError(PlaylistError):
    """Spotify's answer cannot be used."""


class SignInError(SpotifyError):
    """Nobody is signed in, or Spotify accepts the sign-in no more."""

    exit_code = 2


class ForeignHostError(SpotifyError):
    """An answer leads to another host than Spotify's; it was not followed."""


class ServiceError(SpotifyError):
    """Spotify could not be reached, or failed, several times in a row."""


class RateLimitError(SpotifyError):
    """Spotify asks to wait for longer than anybody sits before a screen.

    Parameters
    ----------
    wait_s : float
        Seconds that Spotify asks to wait.
    """

    def __init__(self, wait_s: float) -> None:
        more = " or more" if wait_s >= LONGEST_NAMED_S else ""
        super().__init__(f"Spotify asks to wait {wait_s:,.0f} s{more}: run the same command again after that")
        self.wait_s = wait_s


class StatusError(SpotifyError):
    """Spotify refused a request.

    Parameters
    ----------
    status : int
        HTTP status, 400 to 499.
    said : str
        Spotify's own words, secrets taken out; may be empty.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"Spotify answers {status}{f' ({said})' if said else ''}")
        self.status = status
        self.said = said
