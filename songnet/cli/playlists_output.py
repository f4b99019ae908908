"""What the commands that bring playlists say at their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from songnet.cli.output import say

if TYPE_CHECKING:
    from songnet.playlists.stored import PlaylistStats


def say_matched(stats: PlaylistStats) -> None:
    """Tell what the library's playlists hold, and how many of their entries are its tracks."""
    matched = sum(stats.matched.values())
    by = ", ".join(f"{count:,} by {method}" for method, count in stats.matched.items() if count)
    say(
        f"in the library: {stats.n_playlists:,} playlists, {stats.n_entries:,} entries of {stats.n_tracks:,} tracks;"
        f" {matched:,} entries matched{f' ({by})' if by else ''}, {stats.n_ambiguous:,} ambiguous,"
        f" {stats.n_unmatched:,} not found"
    )
