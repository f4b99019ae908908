r"""SongNet: hear what songs have in common.

The data flow, and the packages that are its stages::

    music files -> clips -> mel images -> model -> codes -> track vectors -> similar tracks
    (audio)                 (spectrogram) (models,  (embedding)       |     (retrieval)
                                 |         training)                  v
                                 v                                 clusters -> figures, names, playlists
                            descriptors ------------------------> (clustering, report) ----\
                                                                                           +-> comparison
    playlist files -> entries -> matched tracks -> graph -> communities -------------------/
    (playlists)

Both ways end in a `songnet.partition.Partition`; only the comparison sees two of them. `songnet.library` is what lies
on disk between the stages; `songnet.demo` composes music with known structure to try everything on; `songnet.cli` is
the command line.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("songnet")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"

_PUBLIC = {
    "Library": "songnet.library",
    "RECIPES": "songnet.spectrogram",
    "ingest": "songnet.spectrogram",
    "mel_image": "songnet.spectrogram",
    "PRESETS": "songnet.models",
    "build_model": "songnet.models",
    "train": "songnet.training",
    "load_model": "songnet.training",
    "encode_library": "songnet.embedding",
    "load_vectors": "songnet.embedding",
    "similar": "songnet.retrieval",
    "Partition": "songnet.partition",
    "load_descriptors": "songnet.descriptors",
    "sweep": "songnet.clustering",
    "import_paths": "songnet.playlists.store",
    "find_communities": "songnet.playlists.pipeline",
    "compare": "songnet.comparison",
    "SongNetError": "songnet.errors",
}
__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604  they are strings


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'songnet' has no attribute {name!r}")
