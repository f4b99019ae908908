"""Mel recipes as data: everything that decides what a mel image is, in one place, under a name."""

from __future__ import annotations

from dataclasses import dataclass

from songnet.errors import ParameterError


@dataclass(frozen=True)
class Recipe:
    """Parameters of a mel image.

    Parameters
    ----------
    name : str
        The recipe's name; images of two recipes never mix.
    sr : int
        Sampling rate in Hz that clips are brought to.
    clip_s : float
        Length of a clip in seconds.
    n_fft, hop_length : int
        Length and hop of the Hann-windowed Fourier transform, in samples.
    n_mels : int
        Mel bands (Slaney's scale and area normalisation, as librosa's default).
    fmin, fmax : float
        Lowest and highest frequency of the bands in Hz.
    db_min, db_max : float
        Decibels (re full scale power 1.0) that the pixel values 0 and 255 stand for. They are fixed: a quiet clip
        gives a dark image, and images of different clips can be compared.
    """

    name: str
    sr: int = 22_050
    clip_s: float = 5.0
    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 96
    fmin: float = 0.0
    fmax: float = 11_025.0
    db_min: float = -60.0
    db_max: float = 40.0

    @property
    def clip_samples(self) -> int:
        """Samples in a clip."""
        return round(self.clip_s * self.sr)

    @property
    def n_frames(self) -> int:
        """Frames in an image, centred at multiples of the hop from the clip's first sample."""
        return 1 + self.clip_samples // self.hop_length

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (mel bands, lowest first) and columns (frames) of an image."""
        return self.n_mels, self.n_frames

    @property
    def step_db(self) -> float:
        """Decibels between two neighbouring pixel values."""
        return (self.db_max - self.db_min) / 255


RECIPES = {
    recipe.name: recipe
    for recipe in (
        # R. D. Smith's Deej-AI (2019) and, after it, Farnan et al.'s SongNet (2020): 96 bands x 216 frames.
        Recipe("deejai", db_min=-80.0, db_max=50.0),
        # The default: the same geometry, so that every model reads it, without the inaudible bottom (below 30 Hz)
        # and with the grey levels spent where music lies.
        Recipe("songnet", fmin=30.0, db_min=-50.0, db_max=40.0),
    )
}


def get_recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises
    ------
    ParameterError
        If there is none; the message lists those there are.
    """
    if name not in RECIPES:
        raise ParameterError(f"unknown recipe {name!r}; choose one of: {', '.join(RECIPES)}")
    return RECIPES[name]
