"""Images to trained models: the split, streamed batches, the loop, checkpoints that hold weights and JSON only.

Importing this package imports no backend; `train` and `load_model` do.
"""

from songnet.training.checkpoint import ModelCard, check_name, list_models, load_model, read_card, save_model
from songnet.training.fit import TrainReport, resolve_training, train
from songnet.training.images import ImageStream, PixelScaling, Split, split_images

__all__ = [
    "ImageStream",
    "ModelCard",
    "PixelScaling",
    "Split",
    "TrainReport",
    "check_name",
    "list_models",
    "load_model",
    "read_card",
    "resolve_training",
    "save_model",
    "split_images",
    "train",
]
