"""Keeps secrets out of logs: spotipy writes tokens, secrets and codes into its debug log."""

from __future__ import annotations

import logging
import re

HIDDEN = "[hidden]"
MUTED = "spotipy"
WATCHED = ("requests", "urllib3")

_SHAPES = (
    re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"),
    re.compile(
        r"(?i)(\b(?:access_token|refresh_token|client_secret|code_verifier|code|authorization)\b['\"]?\s*[=:]\s*['\"]?)"
        r"[^\s'\"&,}]+"
    ),
)


class SecretFilter(logging.Filter):
    """Drops all that spotipy logs, and hides secrets in what the libraries below it log.

    Nothing of spotipy's log is needed: what goes wrong becomes an error of `songnet.playlists.spotify.errors`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()
        self._loggers: list[logging.Logger] = []

    def hide(self, *secrets: str | None) -> None:
        """Remember values that must never be shown."""
        self._secrets.update(secret for secret in secrets if secret)

    def redact(self, text: str) -> str:
        """A text with every known secret, and everything that has the shape of one, replaced.

        Examples
        --------
        >>> SecretFilter().redact("sent {'Authorization': 'Bearer BQD-abc.123'}")
        "sent {'Authorization': '[hidden]'}"
        """
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        text = _SHAPES[0].sub(HIDDEN, text)
        return _SHAPES[1].sub(rf"\g<1>{HIDDEN}", text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record may be written; it is made safe on the way."""
        if record.name.partition(".")[0] == MUTED:
            return False
        record.msg, record.args = self.redact(record.getMessage()), None
        record.exc_info = record.exc_text = None
        return True

    def attach(self) -> None:
        """Watch the loggers of spotipy and of the libraries that it stands on, from now to `detach`."""
        # A filter of a logger is not asked about records of the loggers below it: each needs its own.
        names = {MUTED, f"{MUTED}.client", f"{MUTED}.oauth2", f"{MUTED}.cache_handler", f"{MUTED}.util", *WATCHED}
        names.update(
            name for name in list(logging.root.manager.loggerDict) if name.partition(".")[0] in (MUTED, *WATCHED)
        )
        self._loggers = [logging.getLogger(name) for name in sorted(names)]
        for logger in self._loggers:
            logger.addFilter(self)

    def detach(self) -> None:
        """Leave the loggers as they were."""
        for logger in self._loggers:
            logger.removeFilter(self)
        self._loggers = []
