"""What every reader does to decoded samples: one channel, finite numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from songnet.errors import AudioError

__all__ = ["NonFiniteError", "check_finite", "frame_channels", "mix_down", "paste_frame"]


class NonFiniteError(AudioError):
    """The decoder produced NaN or infinite samples."""


def mix_down(channels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean over channels.

    Parameters
    ----------
    channels : np.ndarray [shape=(channels, n)]
        float32 samples; any strides.

    Returns
    -------
    np.ndarray [shape=(n,)]
        float32.
    """
    if len(channels) == 1:
        return np.ascontiguousarray(channels[0])
    # What is not finite is found by check_finite, with a better message than numpy's warning.
    with np.errstate(over="ignore", invalid="ignore"):
        # Adding rows is ten times as fast as mean(axis=0) on interleaved stereo.
        total: npt.NDArray[np.float32] = channels[0] + channels[1]
        for channel in channels[2:]:
            total += channel
        total *= np.float32(1.0 / len(channels))
    return total


def check_finite(y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return `y` unchanged.

    Raises
    ------
    NonFiniteError
        If a sample is NaN or infinite.
    """
    if not np.isfinite(y).all():
        raise NonFiniteError("holds samples that are not numbers (NaN or infinite)", "corrupt")
    return y


def frame_channels(frame: Any) -> npt.NDArray[np.float32]:
    """Samples of a PyAV audio frame of any sample format, as float32 in [-1, 1).

    Parameters
    ----------
    frame : av.AudioFrame

    Returns
    -------
    np.ndarray [shape=(channels, frame.samples)]
        float32.
    """
    block: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        block = block.reshape(frame.samples, -1).T  # (1, n * channels) -> (channels, n)
    if block.dtype.kind == "u":
        return block.astype(np.float32) / np.float32(128.0) - np.float32(1.0)
    if block.dtype.kind == "i":
        return block.astype(np.float32) * np.float32(2.0 ** (1 - 8 * block.dtype.itemsize))
    return block.astype(np.float32, copy=False)


def paste_frame(frame: Any, at: int, out: npt.NDArray[np.float32]) -> int:
    """Copy the part of a PyAV frame that falls into `out`.

    Parameters
    ----------
    frame : av.AudioFrame
    at : int
        Where the frame's first sample belongs, counted from the first of `out`; may lie outside.
    out : np.ndarray [shape=(channels, n)]
        float32, changed in place. A frame with another number of channels is mixed down into all of them.

    Returns
    -------
    int
        End of what was copied, in samples of `out`; 0 if nothing was.
    """
    low, high = max(at, 0), min(at + int(frame.samples), int(out.shape[1]))
    if low >= high:
        return 0
    block = frame_channels(frame)
    out[:, low:high] = (block if len(block) == len(out) else mix_down(block))[..., low - at : high - at]
    return high
