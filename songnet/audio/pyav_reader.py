"""Reader over FFmpeg's libraries: MP4 and AAC, Opus, WMA, Matroska and whatever libsndfile does not know."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags2

from songnet.audio.declared import declared_seconds
from songnet.audio.samples import check_finite, mix_down, paste_frame
from songnet.errors import AudioError

__all__ = ["PyavReader"]

logger = logging.getLogger(__name__)

_PRE_ROLL_S = (0.5, 4.0, 30.0)
"""Decoders need some audio before the first good sample; a seek that overshoots is tried from further back."""
_RAW_FORMATS = frozenset({"aac", "ac3", "eac3", "dts", "dtshd", "loas", "mlp", "truehd", "mp3", "amr", "tak"})
"""Formats without a table of contents: the duration is a guess, and time stamps add up rounding errors."""
_NOISY_DECODERS = frozenset({"ac3", "eac3", "wmav1", "wmav2", "wmapro", "wmavoice", "atrac3", "atrac3p", "cook"})
"""Decoders whose noise generators run on across seeks: opened anew so that a clip does not depend on earlier reads."""
_PLAYLISTS = frozenset({"hls", "concat", "dash", "sdp", "rtsp", "imf"})


class PyavReader:
    """Mono samples of a file's best audio stream at its native rate, through PyAV.

    Sample 0 is the first that a decode from the beginning gives, after encoder delay and edit lists.

    Parameters
    ----------
    path : bytes
        The file.

    Attributes
    ----------
    sr : int
        Native sampling rate, Hz.
    channels : int
        Channels before mixing down.
    n_samples : int
        Declared length, samples at `sr`; may be some 50 ms too long where a container counts milliseconds.
    codec : str
        ``"aac"``, ``"opus"``, ``"wmav2"``, ...

    Raises
    ------
    AudioError
        ``kind="not-audio"`` if there is no audio stream, ``"corrupt"`` if the file or its audio cannot be decoded.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._open()
        try:
            self._learn_layout()
            self.n_samples: int = self._declared_length()
        except av.error.FFmpegError as error:
            self.close()
            raise AudioError("its audio is damaged or of an unknown kind", "corrupt") from error
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        try:
            # Only local files: a playlist in disguise must not make a library scan reach for the network.
            self._container = av.open(
                os.fsdecode(self._path), options={"protocol_whitelist": "file"}, metadata_errors="replace"
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            logger.debug("%r: FFmpeg cannot open it: %s", self._path, error)
            raise AudioError("its audio is damaged or of an unknown kind", "corrupt") from error
        try:
            if self._container.format.name in _PLAYLISTS:
                raise AudioError("is a playlist, not audio", "not-audio")
            stream = self._container.streams.best("audio")
            if stream is None or not isinstance(stream, av.AudioStream):
                raise AudioError("holds no sound", "not-audio")
            if stream.codec_context is None:
                raise AudioError("holds audio of an unknown kind", "corrupt")
            # Threads buy nothing at this size, and would make the output depend on timing.
            stream.codec_context.thread_count = 1
            self._stream = stream
        except BaseException:
            self._container.close()
            raise

    def _learn_layout(self) -> None:
        """Decode the first frames: where sample 0 is, how long a frame is, the true rate and channels."""
        frames: list[Any] = []
        for frame in self._decode(self._stream.codec_context, self._demux()):
            frames.append(frame)
            if len(frames) == 4:
                break
        if not frames:
            raise AudioError("none of its audio can be decoded", "corrupt")
        first = frames[0]
        self.sr: int = first.sample_rate
        self.channels: int = len(first.layout.channels)
        self.codec: str = self._stream.codec_context.codec.canonical_name
        self._tick = Fraction(self._stream.time_base or Fraction(1, self.sr))
        self._samples_per_tick = float(self._tick * self.sr)
        self._origin: int = first.pts or 0
        self._first_samples: int = first.samples
        # Where stamps are coarser than samples, frames of one length give a grid to round to.
        self._frame_samples = 0
        self._frame_ticks = 0.0
        lengths = {frame.samples for frame in frames[1:]}
        if self._tick * self.sr != 1 and len(frames) == 4 and len(lengths) == 1:
            self._frame_samples = lengths.pop()
            self._frame_ticks = float(self._frame_samples / (self._tick * self.sr))
            if self._is_raw and None not in (frames[1].pts, frames[2].pts):
                self._frame_ticks = float(frames[2].pts - frames[1].pts)

    @property
    def _is_raw(self) -> bool:
        return self._container.format.name in _RAW_FORMATS

    def _declared_length(self) -> int:
        if self._is_raw and self._frame_samples:
            self._seek(None)
            count = sum(1 for packet in self._demux() if packet.size)
            return self._first_samples + max(0, count - 1) * self._frame_samples
        if self._container.format.name == "asf":
            with open(self._path, "rb") as file:
                declared = declared_seconds(file)
            if declared:
                return round(declared * self.sr)
        if self._stream.duration:
            return round(self._stream.duration * self._tick * self.sr)
        if self._container.duration:
            return int(self._container.duration * self.sr // 1_000_000)
        self._seek(None)
        stamps = (packet.pts + (packet.duration or 0) for packet in self._demux() if packet.pts is not None)
        return max(0, round((max(stamps, default=0) - self._origin) * self._tick * self.sr))

    def read(self, start: int, n: int) -> npt.NDArray[np.float32]:
        """Samples ``start .. start + n`` at the native rate, channels averaged.

        Parameters
        ----------
        start : int
            First sample, >= 0.
        n : int
            Samples wanted, >= 0.

        Returns
        -------
        np.ndarray [shape=(<=n,)]
            float32; shorter than `n` only where the audio ends. Frames too damaged to decode are silent.

        Raises
        ------
        AudioError
            ``kind="corrupt"`` if the place cannot be reached or holds samples that are not finite.
        """
        if n <= 0:
            return np.zeros(0, np.float32)
        if self.codec in _NOISY_DECODERS:
            self._container.close()
            self._open()
        for pre_roll in _PRE_ROLL_S:
            y = self._read_from(max(0, start - int(pre_roll * self.sr)), start, n)
            if y is not None:
                return check_finite(y)
        raise AudioError(f"its audio cannot be reached at {start / self.sr:.1f} s", "corrupt")

    def _read_from(self, begin: int, start: int, n: int) -> npt.NDArray[np.float32] | None:
        """Decode from sample `begin`; None if the seek landed after `start`."""
        out = np.zeros((self.channels, n), np.float32)
        filled = 0
        position = -1
        try:
            since = self._origin + int(begin / (self._tick * self.sr)) if begin else None
            self._seek(since)
            for frame in self._decode(self._decoder(), self._demux(since)):
                if frame.pts is not None:
                    position = self._position(frame)
                if position > start and not filled and begin:
                    return None
                filled = max(filled, paste_frame(frame, position - start, out))
                position += frame.samples
                if position >= start + n:
                    break
        except av.error.FFmpegError as error:
            logger.debug("%r: at sample %d: %s", self._path, start, error)
            raise AudioError(f"its audio is damaged at {start / self.sr:.1f} s", "corrupt") from error
        return mix_down(out[:, :filled])

    def _position(self, frame: Any) -> int:
        """Number of a frame's first sample."""
        ticks = int(frame.pts) - self._origin
        n = int(frame.samples)
        samples_per_tick = self._samples_per_tick
        # The first frame may lack the encoder's delay, and then begins between two points of the grid.
        if not self._frame_samples or (ticks == 0 and n == self._first_samples):
            return round(ticks * samples_per_tick)
        k = round((ticks - self._first_samples / samples_per_tick) / self._frame_ticks)
        on_grid = self._first_samples + k * self._frame_samples
        stamped = ticks * samples_per_tick
        return on_grid if self._is_raw or abs(on_grid - stamped) <= 2 * samples_per_tick + 1 else round(stamped)

    def _decoder(self) -> Any:
        if self.codec != "aac":
            return self._stream.codec_context
        # AAC fills gaps in the spectrum with noise from a generator that runs on across seeks. A new decoder costs
        # a quarter of a millisecond; opening the file again would read a long recording's whole index.
        decoder = av.CodecContext.create("aac", "r")
        decoder.extradata = self._stream.codec_context.extradata
        decoder.thread_count = 1
        # Unset, the decoder would cut the encoder's delay without correcting the time stamp of what remains.
        decoder.flags2 |= Flags2.skip_manual
        return decoder

    def _seek(self, pts: int | None) -> None:
        """Go to the packet at or before a time stamp; None is the very beginning."""
        if pts is not None:
            self._container.seek(pts, stream=self._stream)
            return
        try:
            # Far before zero: with encoder delay, the first packets have negative stamps.
            self._container.seek(-(1 << 40), stream=self._stream)
        except av.error.FFmpegError:
            # WavPack and others know only places that they have passed.
            self._container.close()
            self._open()

    def _demux(self, since: int | None = None) -> Iterator[Any]:
        """Packets of the stream; those that end before the time stamp `since` are passed over undecoded."""
        try:
            for packet in self._container.demux(self._stream):
                if since is None or packet.pts is None or packet.pts + (packet.duration or 0) >= since:
                    yield packet
        except IndexError as error:
            # PyAV's answer to a stream that turns up in the middle of a damaged transport stream.
            raise AudioError("its streams are damaged", "corrupt") from error

    def _decode(self, decoder: Any, packets: Iterator[Any]) -> Iterator[Any]:
        for packet in packets:
            try:
                yield from decoder.decode(packet if packet.size else None)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                logger.debug("%r: a damaged packet: %s", self._path, error)

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
