"""One file to its mel images: what a decode worker does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from songnet.audio import FoundFile, audio_identity, cut_clips, decodable_samples, open_audio, read_tags
from songnet.config import ImageConfig
from songnet.spectrogram.mel import mel_image
from songnet.spectrogram.recipes import Recipe

# Healthy files of some containers declare some 50 ms too much.
TRUNCATED_S = 0.25


@dataclass(frozen=True)
class ReadJob:
    """One file to read, with everything a worker needs to know."""

    file: FoundFile
    recipe: Recipe
    images: ImageConfig


@dataclass(frozen=True)
class TrackImages:
    """What a worker makes of a file.

    Parameters
    ----------
    track : dict
        Columns of the library's ``tracks`` table.
    starts_s : list of float
        Where the clips begin, in seconds.
    padded : list of bool
        Whether a clip had to be filled up with zeros.
    images : numpy.ndarray [shape=(n_clips, n_mels * n_frames), dtype=uint8]
        The mel images, flattened row by row.
    """

    track: dict[str, Any]
    starts_s: list[float]
    padded: list[bool]
    images: np.ndarray


def read_track(job: ReadJob) -> TrackImages:
    """Decode one file into its mel images (runs in a worker).

    Raises
    ------
    AudioError
        If the file is not sound, or damaged beyond use.
    """
    with open_audio(job.file.path) as reader:
        n_samples = decodable_samples(reader, job.file.path)
        track_id = audio_identity(reader, n_samples)
        clips = cut_clips(
            reader,
            n_samples,
            sr=job.recipe.sr,
            clip_samples=job.recipe.clip_samples,
            n_clips=job.images.clips,
            silence_db=job.images.silence_db,
        )
        track = {
            "track_id": track_id,
            "source": "audio",
            "duration_s": n_samples / reader.sr,
            "sr": reader.sr,
            "channels": reader.channels,
            "codec": reader.codec,
            "truncated": int(reader.n_samples - n_samples > TRUNCATED_S * reader.sr),
            **asdict(read_tags(job.file.path)),
        }
    images = np.stack([mel_image(clip.y, job.recipe).reshape(-1) for clip in clips])
    return TrackImages(track, [clip.start_s for clip in clips], [clip.padded for clip in clips], images)
