"""Images and a trained model to codes, codes to track vectors.

`encode_library` and `update_vectors` do only what is new; `embed_images` is the two with the training before them;
`embed_file` is the way of a single file outside the library.
"""

from songnet.embedding.aggregate import AGGREGATES
from songnet.embedding.encode import EncodeReport, encode_images, encode_library
from songnet.embedding.export import export_vectors
from songnet.embedding.pipeline import (
    DEFAULT_PRESET,
    MIN_TRACKS_TO_TRAIN,
    EmbedReport,
    choose_aggregate,
    choose_trained,
    default_model,
    describe_alone,
    embed_file,
    embed_images,
    embed_pixels,
    read_file,
    resolve_model,
)
from songnet.embedding.vectors import TrackVectors, load_vectors, stored_aggregates, update_vectors
from songnet.embedding.whiten import Whitening, fit_whitening

__all__ = [
    "AGGREGATES",
    "DEFAULT_PRESET",
    "MIN_TRACKS_TO_TRAIN",
    "EmbedReport",
    "EncodeReport",
    "TrackVectors",
    "Whitening",
    "choose_aggregate",
    "choose_trained",
    "default_model",
    "describe_alone",
    "embed_file",
    "embed_images",
    "embed_pixels",
    "encode_images",
    "encode_library",
    "export_vectors",
    "fit_whitening",
    "load_vectors",
    "read_file",
    "resolve_model",
    "stored_aggregates",
    "update_vectors",
]
