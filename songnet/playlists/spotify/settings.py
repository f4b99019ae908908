"""What the environment says of Spotify: the app, where to send requests, where the sign-in is kept; and the terms."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from songnet.errors import ParameterError
from songnet.library.tracks import now

DASHBOARD = "https://developer.spotify.com/dashboard"
DEFAULT_REDIRECT = "http://127.0.0.1:8888/callback"
# Nothing that two programs may read differently: no user's name, no backslash, no space, no escapes.
_LOCAL = re.compile(r"http://(?P<host>[0-9.]+|\[[0-9a-f:]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?")
TERMS_VERSION = "2026-02"
TERMS = """\
Spotify's terms, before you sign in:
- Spotify's developer policy forbids using its content to train a model. SongNet reads which tracks stand in the
  playlists that you may read, for your own analysis, and never asks for audio. Track2Vec leaves them out.
- Your app is bound by https://developer.spotify.com/terms and https://developer.spotify.com/policy; you answer for it.
- Since February 2026 an app in development mode needs an owner with Premium, has 5 users at most, and reads the
  entries of playlists that its user owns or works on, not of others."""


@dataclass(frozen=True)
class Endpoints:
    """Where requests go, and tokens with them; nowhere else.

    Parameters
    ----------
    api : str
        Base address of the Web API, with a slash at its end.
    accounts : str
        Base address of the accounts service, with a slash at its end.
    """

    api: str = "https://api.spotify.com/v1/"
    accounts: str = "https://accounts.spotify.com/"


@dataclass(frozen=True)
class App:
    """A Spotify app, as its owner set it up in the dashboard.

    Parameters
    ----------
    client_id : str
        Public name of the app.
    client_secret : str, optional
        Needed for client credentials only; never shown.
    redirect_uri : str
        Where the browser comes back to: a loopback address by IP, with a port.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    redirect_uri: str = DEFAULT_REDIRECT


def is_loopback(url: str) -> bool:
    """Whether an address names this machine by its IP; names, ``localhost`` too, may lead anywhere.

    Examples
    --------
    >>> [is_loopback(url) for url in ("http://127.0.0.1:80/", "http://[::1]/", "http://localhost/", "http://10.0.0.1/")]
    [True, True, False, False]
    """
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False


def _local_port(url: str) -> int | None:
    """The port of an http address of this machine by IP, 80 where none is named; None when it is no such address."""
    found = _LOCAL.fullmatch(url)
    if found is None or not is_loopback(url):
        return None
    port = int(found["port"] or 80)
    return port if 0 < port < 2**16 else None


def read_endpoints(environment: Mapping[str, str]) -> Endpoints:
    """The addresses to use: Spotify's, or a stand-in on this machine for tests.

    Raises
    ------
    ParameterError
        If SONGNET_SPOTIFY_API or SONGNET_SPOTIFY_ACCOUNTS leads to another machine, or is no plain address.
    """
    standard = Endpoints()
    found = []
    for name, usual in (("SONGNET_SPOTIFY_API", standard.api), ("SONGNET_SPOTIFY_ACCOUNTS", standard.accounts)):
        url = environment.get(name) or usual
        if url != usual and _local_port(url) is None:
            raise ParameterError(
                f"{name} is {url!r}: it may only be an http address of this machine by IP, such as"
                " http://127.0.0.1:8080/; unset it to reach Spotify"
            )
        found.append(url.rstrip("/") + "/")
    if (found[0] == standard.api) != (found[1] == standard.accounts):
        raise ParameterError("set both of SONGNET_SPOTIFY_API and SONGNET_SPOTIFY_ACCOUNTS, or neither")
    return Endpoints(*found)


def read_app(environment: Mapping[str, str], *, secret: bool = False) -> App:
    """The app that the environment names; variables in spotipy's spelling count as well.

    Parameters
    ----------
    environment : mapping
        Such as ``os.environ``.
    secret : bool
        Whether the client secret is needed.

    Raises
    ------
    ParameterError
        If a variable is missing, or the redirect address is not on this machine.
    """
    client_id = _variable(environment, "CLIENT_ID", "Client ID")
    client_secret = _variable(environment, "CLIENT_SECRET", "Client secret") if secret else None
    redirect = environment.get("SPOTIPY_REDIRECT_URI") or environment.get("SPOTIFY_REDIRECT_URI") or DEFAULT_REDIRECT
    if _local_port(redirect) is None or urlsplit(redirect).port is None:
        raise ParameterError(
            f"SPOTIPY_REDIRECT_URI is {redirect!r}: it must be an http address of this machine by IP and with a port,"
            f" such as {DEFAULT_REDIRECT}, and be written so in the app's settings as well"
        )
    return App(client_id, client_secret, redirect)


def _variable(environment: Mapping[str, str], name: str, label: str) -> str:
    found = environment.get(f"SPOTIFY_{name}") or environment.get(f"SPOTIPY_{name}")
    if not found:
        raise ParameterError(
            f"SPOTIFY_{name} is not set: make an app at {DASHBOARD} and put its {label} into that variable"
        )
    # Control characters would end up in a request's header, and in the message of its refusal.
    if not (found.isascii() and found.isalnum()):
        raise ParameterError(f"SPOTIFY_{name} holds other signs than letters and digits: copy it anew from {DASHBOARD}")
    return found


def token_folder(environment: Mapping[str, str], library: Path | None = None) -> Path:
    """The folder of the sign-in: below SONGNET_TOKEN_DIR, else below the user's folder of settings.

    Raises
    ------
    ParameterError
        If it would lie in the library, which people copy and share.
    """
    if environment.get("SONGNET_TOKEN_DIR"):
        base = Path(environment["SONGNET_TOKEN_DIR"]).expanduser()
    elif os.name == "nt" and environment.get("APPDATA"):
        base = Path(environment["APPDATA"]) / "songnet"
    else:
        base = Path(environment.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "songnet"
    folder = (base / "spotify").resolve()
    if library is not None and folder.is_relative_to(library.resolve()):
        raise ParameterError(
            f"the sign-in would be kept in the library, at {folder}: set SONGNET_TOKEN_DIR to a folder outside"
        )
    return folder


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter, or make it so."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that at no moment anybody but its owner can read: whole or not at all."""
    make_private(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def terms_accepted(folder: Path) -> bool:
    """Whether the notice of `TERMS` was accepted in its present version."""
    try:
        return bool(json.loads((folder / "terms.json").read_text())["accepted"] == TERMS_VERSION)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def accept_terms(folder: Path) -> None:
    """Remember that the notice was accepted."""
    write_private(folder / "terms.json", json.dumps({"accepted": TERMS_VERSION, "at": now()}).encode())
