"""A few frames of MPEG layer III (MP3), decoded as if all before them had been.

A decoder of a whole file reaches a late place by stepping through everything before it, and libsndfile's comes too
late even then for files of low bit rate: it steps in four frames before, where the bits of a frame may begin nine
before (29 in MPEG-2). Here it is given a small file of its own, made of the frames wanted and those that they lean on:

    info frame | frames for their payload alone, muted | two frames for overlap and filterbank | frames wanted

The info frame says how many follow, which would otherwise be guessed from their sizes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile as sf

from songnet.audio.frames import FrameMap
from songnet.audio.mpeg import FrameHeader, parse_header
from songnet.audio.samples import mix_down

__all__ = ["InfoTag", "decode_layer3", "parse_info_tag"]

_DECODER_DELAY = 529
"""Samples by which every layer III decoder is late; libsndfile drops them where an info frame is."""
_OVERLAP = 2
"""Frames by which the inverse transform and the filterbank remember."""
_PHASE = 8
"""Frames after which the filterbank's ring of 16 slots is where it was (36 or 18 slots a frame): its sums are then in
the order of a full decode and equal it to the last bit, or nearly so where that begins within a later frame."""


@dataclass(frozen=True)
class InfoTag:
    """What the first frame of a file says about the rest ("Xing" or "Info").

    Attributes
    ----------
    n_frames : int
        Frames that follow.
    skip : int
        Samples before the first that is music: encoder's and decoder's delay.
    n_samples : int
        Samples of music.
    """

    n_frames: int
    skip: int
    n_samples: int


def parse_info_tag(frame: bytes) -> InfoTag | None:
    """Read the tag in the first frame of a file.

    Parameters
    ----------
    frame : bytes
        A whole frame.

    Returns
    -------
    InfoTag or None
        None if there is none, or none that gives the number of frames.
    """
    header = parse_header(frame)
    if header is None or header.layer != 3:
        return None
    at = 4 + _side_info_size(frame)
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    if frame[at : at + 4] not in (b"Xing", b"Info") or not flags & 1 or len(frame) < at + 120:
        return None
    n_frames = int.from_bytes(frame[at + 8 : at + 12], "big")
    at += 12 + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    delay = padding = 0
    if len(frame) >= at + 24 and frame[at]:
        both = int.from_bytes(frame[at + 21 : at + 24], "big")
        delay, padding = both >> 12, both & 0xFFF
    skip = delay + _DECODER_DELAY
    end = n_frames * header.samples - max(0, padding - _DECODER_DELAY)
    return InfoTag(n_frames, skip, end - skip) if end > skip else None


def decode_layer3(frames: FrameMap, first: int, stop: int, header: FrameHeader) -> npt.NDArray[np.float32] | None:
    """Decode frames ``first .. stop``.

    Parameters
    ----------
    frames : FrameMap
        Where they are.
    first, stop : int
        Their numbers, ``0 <= first < stop``.
    header : FrameHeader
        That of any frame.

    Returns
    -------
    np.ndarray [shape=(n * header.samples,)] or None
        float32, channels averaged, where n <= stop - first is what the file holds; equal to a decode of the whole
        file. None where damage made the decoder lose its count.
    """
    # A frame's bits may begin up to 511 bytes of payload before it (255 in MPEG-2).
    reservoir, side = (511, 32) if header.samples == 1152 else (255, 17)
    overhead = 6 + (side if header.channels == 2 else side // 2 + 1)
    start = frames.first_within(max(0, first - _OVERLAP), reservoir, overhead)
    start -= start % _PHASE
    pieces = frames.frames(start, stop)
    wanted = (len(pieces) - (first - start)) * header.samples
    if wanted <= 0:
        return np.zeros(0, np.float32)
    _mute_the_incomplete(pieces, first - _OVERLAP - start)
    if start == 0:
        # Something to lose the decoder's delay from.
        pieces = [_silent(pieces[0])] * _PHASE + pieces
    small_file = io.BytesIO(b"".join([_info_frame(pieces[-1], len(pieces)), *pieces]))
    try:
        with sf.SoundFile(small_file) as decoder:
            y = mix_down(decoder.read(len(pieces) * header.samples, dtype="float32", always_2d=True).T)
    except (sf.LibsndfileError, RuntimeError):
        return None
    if not 0 <= len(pieces) * header.samples - len(y) < header.samples:
        return None
    return y[len(y) - wanted :]


def _side_info_size(frame: bytes) -> int:
    is_mono = frame[3] >> 6 == 3
    if frame[1] & 8:
        return 17 if is_mono else 32
    return 9 if is_mono else 17


def _mute_the_incomplete(frames: list[bytes], n_lead: int) -> None:
    """Mute the first `n_lead` frames, and such as begin in payload before the first: libsndfile prints about those."""
    payload = 0
    for i, frame in enumerate(frames):
        at = 4 if frame[1] & 1 else 6
        side = _side_info_size(frame)
        # Where the frame's bits begin, bytes before its payload: the first 9 bits of the side information, 8 in MPEG-2.
        back = frame[at] << 1 | frame[at + 1] >> 7 if frame[1] & 8 else frame[at]
        if i < n_lead or back > payload:
            kept = bytes([frame[at], frame[at + 1] & 0x80]) if frame[1] & 8 else frame[at : at + 1]
            # No bits to decode; the payload stays, for the frames that lean on it.
            frames[i] = frame[:at] + kept.ljust(side, b"\0") + frame[at + side :]
        payload += max(0, len(frame) - at - side)
        if i >= n_lead and payload > 511:
            break


def _silent(frame: bytes) -> bytes:
    return frame[:4].ljust(len(frame), b"\0")


def _info_frame(like: bytes, n_frames: int) -> bytes:
    """A frame that declares how many follow it, of the version, rate and channels of another."""
    bit_rate = 5 if like[1] & 8 else 8  # 64 kbit/s: the frame is long enough for the tag at every sampling rate
    head = bytes([0xFF, like[1] | 1, bit_rate << 4 | like[2] & 0x0C, like[3]])
    header = parse_header(head + bytes(4))
    assert header is not None
    tag = b"Info" + (1).to_bytes(4, "big") + n_frames.to_bytes(4, "big")
    return (head + bytes(_side_info_size(head)) + tag).ljust(header.size, b"\0")
