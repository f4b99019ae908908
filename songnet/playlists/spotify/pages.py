"""Pages of a playlist that is being fetched, kept in the library until the playlist is whole.

One file a page, each written atomically, so that keeping a long playlist costs no more than fetching it. They hold no
token.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from songnet.library.files import write_bytes
from songnet.playlists.model import Entry
from songnet.playlists.spotify.parse import Page

FORMAT = 1


class PageFolder:
    """The kept pages of one playlist.

    Parameters
    ----------
    library : pathlib.Path
        Folder of the library.
    playlist_id : str
        22 letters and digits.
    """

    def __init__(self, library: Path, playlist_id: str) -> None:
        self.path = library / "downloads" / "spotify" / playlist_id

    def save(self, snapshot_id: str | None, page: Page) -> None:
        """Keep a page; without a snapshot nothing would say later whether it still holds."""
        if snapshot_id is None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        content = {**vars(page), "format": FORMAT, "snapshot_id": snapshot_id}
        content["entries"] = [_lean(vars(entry)) for entry in page.entries]
        data = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
        # What a power failure takes is fetched again.
        write_bytes(self.path / f"{page.offset:08d}.json", data, durable=False)

    def load(self, snapshot_id: str | None) -> list[Page]:
        """The pages kept of this snapshot, from the first on without a gap; others are deleted."""
        pages: list[Page] = []
        for path in sorted(self.path.glob("*.json")) if snapshot_id is not None else ():
            page = _read(path, snapshot_id)
            expected = pages[-1].offset + pages[-1].n_items if pages else 0
            if page is None or page.offset != expected or (pages and page.total != pages[0].total):
                break
            pages.append(page)
        if not pages:
            self.drop()
        return pages

    def drop(self) -> None:
        """Delete what is kept."""
        if self.path.exists():
            shutil.rmtree(self.path)


def _lean(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None and key != "position"}


def _read(path: Path, snapshot_id: str | None) -> Page | None:
    """A page of this snapshot; None when it is of another, of another format, or damaged."""
    try:
        content = json.loads(path.read_bytes())
        if content.pop("format") != FORMAT or content.pop("snapshot_id") != snapshot_id:
            return None
        content["entries"] = tuple(Entry(position=at, **fields) for at, fields in enumerate(content["entries"]))
        page = Page(**content)
        counted = len(page.entries) + sum(page.left_out.values())
        sound = page.n_items == counted > 0 and path.stem == f"{page.offset:08d}" and isinstance(page.total, int)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return page if sound else None
