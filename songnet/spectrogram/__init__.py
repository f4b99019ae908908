"""Clips to mel images.

A recipe (`RECIPES`) is data and decides everything about an image; `mel_image` makes one; `ingest` fills a library
from music folders; `import_spectrograms` and `export_spectrograms` exchange images as PNG files.
"""

from songnet.spectrogram.ingest import ingest
from songnet.spectrogram.mel import mel_decibels, mel_image, to_decibels, to_pixels
from songnet.spectrogram.plan import IngestReport, preview
from songnet.spectrogram.png import PngReport, export_spectrograms, import_spectrograms
from songnet.spectrogram.recipes import RECIPES, Recipe, get_recipe

__all__ = [
    "RECIPES",
    "IngestReport",
    "PngReport",
    "Recipe",
    "export_spectrograms",
    "get_recipe",
    "import_spectrograms",
    "ingest",
    "mel_decibels",
    "mel_image",
    "preview",
    "to_decibels",
    "to_pixels",
]
