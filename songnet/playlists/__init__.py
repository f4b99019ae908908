"""Playlists that people made: read, matched to tracks, turned into a graph, searched for communities."""
