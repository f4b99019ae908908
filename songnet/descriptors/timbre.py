"""The timbre of a clip in 260 numbers: cepstral statistics, and how fast the cepstrum moves.

Nothing here is trained. On music composed in six styles these numbers told the styles apart far better than the
codes of an autoencoder: what sounds at one moment (the cepstrum's mean) is only half of it, the other half is the
rhythm in which it changes (the cepstrum's modulation spectrum).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import scipy.fft

from songnet.errors import ParameterError

N_CEPSTRA = 20
# Bounds of the modulation bands in Hz: about logarithmic, and each wide enough to hold a bin of a five-second clip.
# 0.1 to 21 Hz is one event in ten seconds to as many as the ear hears apart.
MODULATION_EDGES_HZ = (0.1, 0.3, 0.5, 0.7, 1.1, 1.9, 3.1, 5.1, 8.3, 13.3, 21.2)
N_BANDS = len(MODULATION_EDGES_HZ) - 1
TIMBRE_SIZE = N_CEPSTRA * (3 + N_BANDS)
# Modulations are reckoned over this long; shorter images are filled up, so that no band is without a bin.
MODULATION_S = 5.0
MIN_FRAMES = 16
STANDARD_FRAME_RATE = 22_050 / 512


def timbre_descriptor(db: np.ndarray, *, frame_rate: float = STANDARD_FRAME_RATE) -> np.ndarray:
    """Timbre of clips from their log-mel images.

    Mean, standard deviation and standard deviation of the frame-to-frame differences of 20 mel-frequency cepstral
    coefficients (Davis and Mermelstein 1980), then their modulation spectrum: the magnitude of each coefficient's
    Fourier transform over time, averaged in ten bands from 0.1 to 21.2 Hz, ``log(1 + x)`` of it (after McKinney and
    Breebaart, "Features for audio and music classification", ISMIR 2003).

    Parameters
    ----------
    db : numpy.ndarray [shape=(n_clips, n_mels, n_frames)]
        Decibels, lowest band first; at least 20 bands and 16 frames.
    frame_rate : float
        Frames a second, ``sr / hop_length``.

    Returns
    -------
    numpy.ndarray [shape=(n_clips, 260), dtype=float32]
        20 means, 20 deviations, 20 deviations of differences, then 10 modulation bands (slowest first) of each
        coefficient in turn. Everything but the first mean is the same when the clip is played louder or softer, as
        long as no pixel reaches the ends of its scale; the modulation part is the same when the clip is turned round
        in time.

    Raises
    ------
    ParameterError
        If the images are too small, or the frame rate is not above 0.
    """
    if db.ndim != 3 or db.shape[1] < N_CEPSTRA or db.shape[2] < MIN_FRAMES:
        raise ParameterError(
            f"images of shape {db.shape} have no timbre: (n_clips, at least {N_CEPSTRA} bands, at least {MIN_FRAMES}"
            " frames) is needed"
        )
    if not frame_rate > 0:
        raise ParameterError(f"frame_rate is {frame_rate}; it must be above 0")
    basis = scipy.fft.dct(np.eye(db.shape[1]), axis=0, norm="ortho")[:N_CEPSTRA].astype(np.float32)
    cepstra = np.matmul(basis, db.astype(np.float32, copy=False))
    means = cepstra.mean(axis=2)
    # Louder and softer must not matter to the digit: the sums below run over what is left without the mean.
    cepstra -= means[:, :, None]
    deviations = cepstra.std(axis=2)
    differences = np.diff(cepstra, axis=2).std(axis=2)
    modulation = _modulation_bands(cepstra, frame_rate).reshape(len(db), -1)
    return np.concatenate([means, deviations, differences, modulation], axis=1).astype(np.float32, copy=False)


def _modulation_bands(centred: np.ndarray, frame_rate: float) -> np.ndarray:
    """Modulation spectrum in bands [shape=(n_clips, n_coefficients, 10)] of coefficients without their means."""
    n_frames = centred.shape[2]
    reference = int(np.ceil(MODULATION_S * frame_rate))
    n_fft = max(n_frames, reference)
    # A sinusoid's magnitude grows with the length of the clip; brought to that of the reference length.
    spectrum = np.abs(scipy.fft.rfft(centred, n=n_fft, axis=2)) * np.float32(reference / n_frames)
    frequencies = scipy.fft.rfftfreq(n_fft, 1.0 / frame_rate)
    bounds = np.searchsorted(frequencies, MODULATION_EDGES_HZ)
    bands = np.zeros((*centred.shape[:2], N_BANDS), dtype=np.float32)
    for band, (low, high) in enumerate(pairwise(bounds)):
        # Bands beyond half the frame rate hold nothing: what is that fast cannot be seen in the image.
        if high > low:
            bands[:, :, band] = spectrum[:, :, low:high].mean(axis=2)
    return np.log1p(bands, out=bands)
