"""The same clips as they would be after another gain, another coding, another rate, or cut a moment later.

Everything happens in memory, in the isolated workers that also read files for the library: nothing is written.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt
import soxr

from songnet.audio import Clip, Reader, cut_clips, decodable_samples, open_audio
from songnet.config import ImageConfig
from songnet.errors import AudioError, ParameterError
from songnet.spectrogram import Recipe, mel_image

KINDS = {"none": "", "gain": "dB", "mp3": "kbit/s", "resample": "Hz", "offset": "s"}
# Bit rates in kbit/s that MPEG-1 Layer III has, and the sampling rates at which it has them.
MP3_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MP3_SAMPLING_RATES = (32_000, 44_100, 48_000)
MP3_STANDARD_RATE = 44_100
# Sound before and after a clip that is coded with it: a coder's first frames have nothing to lean on.
MARGIN_S = 0.25


@dataclass(frozen=True)
class Change:
    """Something that is done to a clip and should not matter.

    Parameters
    ----------
    kind : str
        ``"none"``, ``"gain"`` (dB; nothing is clipped), ``"mp3"`` (kbit/s of a stereo file), ``"resample"`` (to so many
        Hz and back) or ``"offset"`` (seconds by which the clip begins later; earlier where the track would end).
    amount : float
        How much, in the unit of the kind.

    Raises
    ------
    ParameterError
        If there is no such kind, or the amount is out of range.
    """

    kind: str
    amount: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParameterError(f"unknown change {self.kind!r}; choose one of: {', '.join(KINDS)}")
        if not np.isfinite(self.amount):
            raise ParameterError(f"the amount of {self.kind} is {self.amount}; it must be finite")
        if self.kind == "mp3" and (self.amount not in MP3_RATES or self.amount / 2 not in MP3_RATES):
            allowed = ", ".join(str(rate) for rate in MP3_RATES if rate / 2 in MP3_RATES)
            raise ParameterError(f"mp3 has no {self.amount:g} kbit/s; choose one of: {allowed}")
        if self.kind == "resample" and not 1000 <= self.amount <= 384_000:
            raise ParameterError(f"resample takes 1,000 to 384,000 Hz, got {self.amount:g}")

    @property
    def name(self) -> str:
        """Kind and amount in words.

        Examples
        --------
        >>> Change("gain", -12).name, Change("mp3", 128).name
        ('gain -12 dB', 'mp3 128 kbit/s')
        """
        if self.kind == "none":
            return "no change"
        return f"{self.kind} {self.amount:{'+' if self.kind == 'gain' else ''}g} {KINDS[self.kind]}"


DEFAULT_CHANGES = (
    Change("none"),
    *(Change("gain", amount) for amount in (-12.0, -6.0, 6.0)),
    *(Change("mp3", amount) for amount in (64.0, 128.0, 192.0, 320.0)),
    *(Change("resample", amount) for amount in (16_000.0, 44_100.0)),
    *(Change("offset", amount) for amount in (0.5, 1.0, 2.5)),
)


@dataclass(frozen=True)
class ChangeJob:
    """One file, and what is to be done to its clips."""

    track_id: str
    path: bytes
    recipe: Recipe
    images: ImageConfig
    changes: tuple[Change, ...]


@dataclass(frozen=True, eq=False)
class ChangedImages:
    """Images of a track's clips under one change.

    Parameters
    ----------
    clips : numpy.ndarray [shape=(n,), dtype=int64]
        Which of the track's clips; those that a change leaves no room for are missing.
    pixels : numpy.ndarray [shape=(n, n_mels, n_frames), dtype=uint8]
    """

    clips: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ChangedTrack:
    """What a worker makes of a file.

    Parameters
    ----------
    n_clips : int
        Clips that the file gives now.
    changed : list of ChangedImages
        One a change, in their order.
    """

    n_clips: int
    changed: list[ChangedImages]


def changed_images(job: ChangeJob) -> ChangedTrack:
    """Cut a file's clips as the library did and make their images under each change (runs in a worker).

    Parameters
    ----------
    job : ChangeJob
        What to read and to do.

    Returns
    -------
    ChangedTrack
        Under ``"none"`` the images are the library's own, to the bit.

    Raises
    ------
    AudioError
        If the file cannot be read any more.
    """
    recipe = job.recipe
    with open_audio(job.path) as reader:
        n_samples = decodable_samples(reader, job.path)
        clips = cut_clips(
            reader, n_samples, sr=recipe.sr, clip_samples=recipe.clip_samples, n_clips=job.images.clips,
            silence_db=job.images.silence_db,
        )  # fmt: skip
        made = []
        for change in job.changes:
            changed = [changed_clip(reader, n_samples, clip, change, recipe) for clip in clips]
            places = [place for place, y in enumerate(changed) if y is not None]
            pixels = [mel_image(y, recipe) for y in changed if y is not None]
            empty = np.empty((0, *recipe.shape), dtype=np.uint8)
            made.append(ChangedImages(np.array(places, dtype=np.int64), np.stack(pixels) if pixels else empty))
    return ChangedTrack(len(clips), made)


def changed_clip(
    reader: Reader, n_samples: int, clip: Clip, change: Change, recipe: Recipe
) -> npt.NDArray[np.float32] | None:
    """One clip under one change.

    Parameters
    ----------
    reader : Reader
        The open file that the clip was cut from.
    n_samples : int
        Its decodable length at the native rate.
    clip : Clip
        From `songnet.audio.cut_clips`.
    change : Change
        What to do.
    recipe : Recipe
        Rate and length of clips.

    Returns
    -------
    numpy.ndarray [shape=(recipe.clip_samples,), dtype=float32] or None
        None where the track is too short to cut the clip elsewhere.
    """
    if change.kind == "none":
        return clip.y
    if change.kind == "gain":
        return clip.y * np.float32(10.0 ** (change.amount / 20.0))
    if change.kind == "resample":
        there = soxr.resample(clip.y, recipe.sr, change.amount, quality="HQ")
        return _fitted(soxr.resample(there, change.amount, recipe.sr, quality="HQ"), recipe.clip_samples)
    start = round(clip.start_s * reader.sr)
    length = min(n_samples, -(-recipe.clip_samples * reader.sr // recipe.sr))
    if change.kind == "offset":
        shift = round(change.amount * reader.sr)
        # Earlier where later there is no room; a clip that moves by less would be an easier question.
        begin = next((b for b in (start + shift, start - shift) if 0 <= b <= n_samples - length), None)
        return None if begin is None else _at_rate(reader.read(begin, length), reader.sr, recipe)
    margin = round(MARGIN_S * reader.sr)
    begin = max(0, start - margin)
    y = reader.read(begin, start + length + margin - begin)
    coded = mp3_round_trip(y, reader.sr, change.amount / min(2, max(1, reader.channels)))
    return _at_rate(coded[start - begin : start - begin + length], reader.sr, recipe)


def has_mp3_encoder() -> bool:
    """Whether this FFmpeg can write MP3."""
    return "libmp3lame" in av.codecs_available


def mp3_round_trip(y: npt.NDArray[np.float32], sr: int, kbps: float) -> npt.NDArray[np.float32]:
    """Code mono sound as MP3 with LAME, in memory, and decode it again.

    Parameters
    ----------
    y : numpy.ndarray [shape=(n,), dtype=float32]
        Full scale 1.0.
    sr : int
        Its rate in Hz. Other rates than 32, 44.1 and 48 kHz go by way of 44.1 kHz.
    kbps : float
        Constant bit rate in kbit/s, one of MPEG-1 Layer III. The mix of a stereo file takes half of the file's: eight
        recordings coded in joint stereo and mixed then differed from the original by 1.6, 0.62 and 0.33 dB a pixel at
        64, 128 and 192 kbit/s, their mixes by 2.4, 0.74 and 0.49 dB at half of the rate, 0.74, 0.44 and 0.26 dB at all.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float32]
        Without the coder's delay: sample i belongs to sample i.

    Raises
    ------
    AudioError
        If FFmpeg was built without LAME.
    """
    if not has_mp3_encoder():
        raise AudioError("this FFmpeg has no MP3 encoder (libmp3lame)", "no-encoder")
    rate = sr if sr in MP3_SAMPLING_RATES else MP3_STANDARD_RATE
    source = y if rate == sr else soxr.resample(y, sr, rate, quality="HQ")
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = round(kbps * 1000)
        # LAME's own input: samples beyond full scale are not clipped before they are coded.
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(source[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    file.seek(0)
    with av.open(file, "r", format="mp3") as coded:
        decoded = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in coded.decode(audio=0)])
    back = decoded if rate == sr else soxr.resample(decoded, rate, sr, quality="HQ")
    return _fitted(back.astype(np.float32, copy=False), len(y))


def _at_rate(y: npt.NDArray[np.float32], native: int, recipe: Recipe) -> npt.NDArray[np.float32]:
    resampled = y if native == recipe.sr else soxr.resample(y, native, recipe.sr, quality="HQ")
    return _fitted(resampled, recipe.clip_samples)


def _fitted(y: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.float32]:
    """The first n samples, with zeros where there are fewer."""
    return np.pad(y[:n], (0, max(0, n - len(y)))).astype(np.float32, copy=False)
