"""Brings playlists from Spotify into the library: each whole or not at all, and none twice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from songnet.library.store import Library
from songnet.playlists.model import Entry, Playlist, track_key
from songnet.playlists.spotify.client import MOST_PLAYLISTS, SpotifyClient
from songnet.playlists.spotify.errors import RateLimitError, ServiceError, SignInError, SpotifyError, StatusError
from songnet.playlists.spotify.pages import PageFolder
from songnet.playlists.spotify.parse import Header, Page
from songnet.playlists.store import REASONS_KEPT, Skipped, find_fetched, store_fetched
from songnet.progress import Progress, silent

FAILURES_IN_A_ROW = 3
"""So many playlists that Spotify fails on, one after the other, end a run."""
MOST_ENTRIES = 20_000
"""So many items of a playlist are read, and no more; Spotify itself allows about 11,000."""


@dataclass(frozen=True)
class FetchReport:
    """What a run brought.

    Parameters
    ----------
    n_files, n_playlists : int
        Playlists fetched and stored now; each stands for one file.
    n_unchanged : int
        Playlists that were in the library already, as they are now.
    n_entries, n_tracks : int
        Entries read now, and different tracks among them.
    n_skipped : int
        Items and playlists left out, those of unchanged playlists included.
    skipped : tuple of Skipped
        Why, the first `songnet.playlists.store.REASONS_KEPT`.
    n_waiting : int
        Playlists that were not reached because the run was stopped.
    stopped : str or None
        Why it was stopped.
    retry_after_s : float or None
        Seconds after which Spotify may be asked again, if it named any.
    """

    n_files: int
    n_unchanged: int
    n_playlists: int
    n_entries: int
    n_tracks: int
    n_skipped: int
    skipped: tuple[Skipped, ...]
    n_waiting: int
    stopped: str | None
    retry_after_s: float | None


@dataclass
class _Tally:
    n_stored: int = 0
    n_unchanged: int = 0
    n_entries: int = 0
    n_skipped: int = 0
    keys: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)
    failures: int = 0

    def skip(self, uri: str, reason: str, *, whole: bool, count: int = 1) -> None:
        self.n_skipped += count
        if len(self.skipped) < REASONS_KEPT:
            self.skipped.append(Skipped(uri, reason, whole))


def fetch_playlists(
    library: Library, client: SpotifyClient, playlist_ids: Sequence[str], *, mine: bool = False,
    progress: Progress = silent,
) -> FetchReport:  # fmt: skip
    """Fetch playlists that are new or changed, and store each when it is whole.

    A run that was stopped, by Spotify, a kill or the network, goes on at the page where it stopped when it is repeated.

    Parameters
    ----------
    library : Library
        Open for writing.
    client : SpotifyClient
        Who is asked.
    playlist_ids : sequence of str
        See `songnet.playlists.spotify.parse.parse_playlist_id`.
    mine : bool
        Also all playlists that the user owns or follows.
    progress : Progress
        Is told of each playlist and page.

    Returns
    -------
    FetchReport

    Raises
    ------
    SignInError
        If Spotify accepts the sign-in no more, and nothing was done before.
    SpotifyError
        If the list of the user's playlists cannot be read.
    """
    tally = _Tally()
    known: dict[str, Header] = {}
    wanted = list(dict.fromkeys(playlist_ids))
    stopped: SpotifyError | None = None
    n_waiting = 0
    try:
        if mine:
            progress("fetch playlists", 0, 0, "your list of playlists")
            listed, missing = client.user_playlists(
                lambda done, total: progress("fetch playlists", 0, 0, f"your list, {done:,} of {total:,} playlists")
            )
            known = {header.playlist_id: header for header in listed}
            wanted = list(dict.fromkeys([*wanted, *known]))
            if missing:
                reason = f"your list of playlists: {missing:,} are not named"
                if len(listed) + missing > MOST_PLAYLISTS:
                    reason += f", or stand beyond the first {MOST_PLAYLISTS:,}, which are read"
                tally.skip("spotify:user", reason, whole=True, count=missing)
    except RateLimitError as error:
        stopped, n_waiting = error, len(wanted)
        wanted = []
    for done, playlist_id in enumerate(wanted):
        note = partial(progress, "fetch playlists", done, len(wanted))
        try:
            _fetch_one(library, client, playlist_id, known.get(playlist_id), tally, note)
            tally.failures = 0
        except (RateLimitError, SignInError) as error:
            if isinstance(error, SignInError) and tally.n_stored + tally.n_unchanged == 0:
                raise
            stopped = error
        except SpotifyError as error:
            tally.skip(f"spotify:playlist:{playlist_id}", _reason(playlist_id, known, error), whole=True)
            tally.failures = tally.failures + 1 if isinstance(error, ServiceError) else 0
            if tally.failures == FAILURES_IN_A_ROW and done + 1 < len(wanted):
                stopped = ServiceError(
                    f"Spotify failed on {FAILURES_IN_A_ROW} playlists in a row: run the same command again later"
                )
        if stopped is not None:
            n_waiting = len(wanted) - done - isinstance(stopped, ServiceError)
            break
    else:
        progress("fetch playlists", len(wanted), len(wanted))
    return FetchReport(
        n_files=tally.n_stored,
        n_unchanged=tally.n_unchanged,
        n_playlists=tally.n_stored,
        n_entries=tally.n_entries,
        n_tracks=len(tally.keys),
        n_skipped=tally.n_skipped,
        skipped=tuple(tally.skipped),
        n_waiting=n_waiting,
        stopped=None if stopped is None else str(stopped),
        retry_after_s=stopped.wait_s if isinstance(stopped, RateLimitError) else None,
    )


def _reason(playlist_id: str, known: dict[str, Header], error: SpotifyError) -> str:
    name = f" ({known[playlist_id].name})" if playlist_id in known else ""
    text = str(error)
    if isinstance(error, StatusError) and error.status == 403:
        text = f"{text}: an app in development mode reads only playlists that its user owns or works on"
    elif isinstance(error, StatusError) and error.status == 404:
        text = f"{text}: it does not exist, or is not yours to see"
    return f"spotify:playlist:{playlist_id}{name}: {text}"


def _fetch_one(
    library: Library,
    client: SpotifyClient,
    playlist_id: str,
    header: Header | None,
    tally: _Tally,
    note: Callable[[str], None],
) -> None:
    note(header.name if header else playlist_id)
    header = header or client.playlist(playlist_id)
    folder = PageFolder(library.path, playlist_id)
    before = find_fetched(library, header.uri)
    if before is not None and before.problem is None and header.snapshot_id and before.digest == _digest(header):
        folder.drop()
        tally.n_unchanged += 1
        if before.n_skipped:
            what = f"{header.uri} ({header.name}): {before.n_skipped:,} items were left out when it was read"
            tally.skip(header.uri, f"{what}, {before.imported_at}", whole=False, count=before.n_skipped)
        return
    pages, problem = _read_pages(client, header, folder, note)
    if len(pages) > 1 or problem is not None:
        # Somebody may have changed it between two pages; once more then, and no more than once.
        current = client.playlist(playlist_id)
        if current.snapshot_id != header.snapshot_id:
            header = current
            pages.clear()
            pages, problem = _read_pages(client, header, folder, note)
            if problem is None and client.playlist(playlist_id).snapshot_id != header.snapshot_id:
                problem = "it was changed again and again while it was read"
    left_out: Counter[str] = Counter()
    for page in pages:
        left_out.update(page.left_out)
    where = f"{header.uri} ({header.name})"
    if problem is not None and before is not None and before.problem is None:
        folder.drop()
        tally.skip(header.uri, f"{where}: {problem}; what was stored before stays", whole=True)
        return
    entries = tuple(_numbered(pages))
    playlist = Playlist(
        name=header.name,
        source="spotify",
        entries=entries,
        source_id=header.playlist_id,
        owner=header.owner,
        description=header.description,
    )
    n_left_out = left_out.total()
    store_fetched(library, playlist, header.uri, _digest(header), n_skipped=n_left_out, problem=problem)
    folder.drop()
    tally.n_stored += 1
    tally.n_entries += len(entries)
    tally.keys.update(track_key(entry, "/") for entry in entries)
    if n_left_out:
        parts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(left_out.items()))
        tally.skip(header.uri, f"{where}: items left out: {parts}", whole=False, count=n_left_out)
    if problem is not None:
        tally.skip(header.uri, f"{where}: incomplete: {problem}; it is fetched again next time", whole=False)


def _read_pages(
    client: SpotifyClient, header: Header, folder: PageFolder, note: Callable[[str], None]
) -> tuple[list[Page], str | None]:
    """All pages, those kept of an earlier run first; and what is wrong with them together, if anything."""
    pages = folder.load(header.snapshot_id)
    missing = 0
    offset = pages[-1].offset + pages[-1].n_items if pages else 0
    total = pages[0].total if pages else None
    while total is None or offset < min(total, MOST_ENTRIES):
        page, step = client.page(header.playlist_id, offset)
        expected = min(step, max(0, page.total - offset))
        if page.n_items < expected:  # cut short once is a hiccup
            page, step = client.page(header.playlist_id, offset)
            expected = min(step, max(0, page.total - offset))
        if total is not None and page.total != total:
            folder.drop()
            return pages, f"its length changed from {total:,} to {page.total:,} while it was read"
        total = page.total
        pages.append(page)
        if page.n_items < expected:
            missing += expected - page.n_items
            if not page.n_items:
                missing += total - offset - expected
                break
        elif not missing and page.n_items and total > step:  # a playlist of one page is stored at once
            folder.save(header.snapshot_id, page)
        offset += max(expected, page.n_items)
        note(f"{header.name}, {min(offset, total):,} of {total:,}")
    if total > MOST_ENTRIES and not missing:
        return pages, f"only the first {offset:,} of its {total:,} items are read"
    return pages, f"Spotify sent {total - missing:,} of its {total:,} items" if missing else None


def _numbered(pages: list[Page]) -> Iterator[Entry]:
    """The entries of all pages with their places in the playlist; a page is given up once it is used."""
    position = 0
    pages.reverse()
    while pages:
        for entry in pages.pop().entries:
            yield replace(entry, position=position)
            position += 1


def _digest(header: Header) -> str:
    """What a state of a playlist is known by; without a snapshot it is never the same as before."""
    text = f"{header.uri} {header.snapshot_id}" if header.snapshot_id else f"{header.uri} without a snapshot"
    return hashlib.sha256(text.encode()).hexdigest()
