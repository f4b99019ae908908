"""Headers of MPEG audio and ADTS frames."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FrameHeader", "parse_header"]

_BIT_RATES = {  # (MPEG-1 or not, layer) -> kbit/s by index
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)
_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


@dataclass(frozen=True)
class FrameHeader:
    """One frame's header.

    Attributes
    ----------
    layer : int
        1, 2 or 3 for MPEG audio; 0 for ADTS (AAC).
    sr : int
        Sampling rate in the header, Hz.
    channels : int
        0 where the header leaves it to the stream.
    size : int
        Length of the frame, bytes, header included.
    samples : int
        Samples per channel in the frame, at `sr`.
    bit_rate : int
        bit/s; 0 for ADTS.
    """

    layer: int
    sr: int
    channels: int
    size: int
    samples: int
    bit_rate: int


def parse_header(data: bytes) -> FrameHeader | None:
    """Read the frame header at the start of `data`.

    Parameters
    ----------
    data : bytes
        At least 4 bytes for MPEG audio, 6 for ADTS.

    Returns
    -------
    FrameHeader or None
        None if there is no valid header; free-format MPEG audio counts as none.
    """
    if len(data) < 6 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    layer = 4 - (data[1] >> 1 & 3)
    if layer == 4:
        return _parse_adts(data) if data[1] & 0xF0 == 0xF0 else None
    version = data[1] >> 3 & 3  # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    rate_index, bits_index = data[2] >> 2 & 3, data[2] >> 4
    if version == 1 or rate_index == 3 or bits_index in (0, 15):
        return None
    sr = _RATES[rate_index] >> (0 if version == 3 else 1 if version == 2 else 2)
    bit_rate = _BIT_RATES[version == 3, layer][bits_index] * 1000
    padding = data[2] >> 1 & 1
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    slot = 4 if layer == 1 else 1
    size = (samples // 8 // slot * bit_rate // sr + padding) * slot
    return FrameHeader(layer, sr, 1 if data[3] >> 6 == 3 else 2, size, samples, bit_rate)


def _parse_adts(data: bytes) -> FrameHeader | None:
    rate_index = data[2] >> 2 & 15
    size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    if rate_index >= len(_ADTS_RATES) or size < 8:
        return None
    return FrameHeader(0, _ADTS_RATES[rate_index], (data[2] & 1) << 2 | data[3] >> 6, size, 1024, 0)
