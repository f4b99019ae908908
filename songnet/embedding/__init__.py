"""Images and a trained model to codes, codes to track vectors.

`encode_library` and `update_vectors` do only what is new; `embed_images` is the two with the training before them;
`embed_file` is the way of a single file outside the library.
"""

from songnet.embedding.aggregate import AGGREGATES
from songnet.embedding.encode import EncodeReport, encode_images, encode_library
from songnet.embedding.export import export_vectors
from songnet.embedding.pipeline import (
    DEFAULT_PRESET,
    EmbedReport,
    choose_trained,
    embed_file,
    embed_images,
    resolve_model,
)
from songnet.embedding.vectors import TrackVectors, load_vectors, stored_aggregates, update_vectors
from songnet.embedding.whiten import Whitening, fit_whitening

__all__ = [
    "AGGREGATES",
    "DEFAULT_PRESET",
    "EmbedReport",
    "EncodeReport",
    "TrackVectors",
    "Whitening",
    "choose_trained",
    "embed_file",
    "embed_images",
    "encode_images",
    "encode_library",
    "export_vectors",
    "fit_whitening",
    "load_vectors",
    "resolve_model",
    "stored_aggregates",
    "update_vectors",
]
