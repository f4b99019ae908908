"""Writes tagged audio files, byte for byte the same for the same sound.

libsndfile's Vorbis encoder gives every stream a random serial number; its pages are therefore packed anew by PyAV's
bit-exact muxer, which numbers streams from zero and writes the tags. The sound is not encoded twice.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile

from songnet.demo.oscillators import Audio
from songnet.demo.sound import SAMPLE_RATE
from songnet.demo.tracks import TrackTruth
from songnet.errors import ParameterError

_BLOCK = 65_536
# Container, encoder, and the options that make LAME and the AAC encoder fast.
_CONTAINERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "mp3": ("mp3", "libmp3lame", {"compression_level": "7"}),
    "m4a": ("ipod", "aac", {"aac_coder": "fast"}),
    "flac": ("flac", "flac", {}),
}


def write_audio(path: Path, audio: Audio, track: TrackTruth) -> None:
    """Write a track with its tags; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where to; its folder must exist.
    audio : array [shape=(channels, n), float32]
        Sound at 44.1 kHz within [-1, 1].
    track : TrackTruth
        Format, bit-rate and tags.
    """
    partial = partial_path(path)
    interleaved = np.ascontiguousarray(audio.T)
    if track.format == "wav":
        _write_wav(partial, interleaved, track)
    elif track.format == "ogg":
        _write_ogg(partial, interleaved, track)
    elif track.format in _CONTAINERS:
        _write_av(partial, interleaved, track)
    else:
        raise ParameterError(f"unknown audio format {track.format!r}; choose one of: m4a, mp3, flac, ogg, wav")
    os.replace(partial, path)


def partial_path(path: Path) -> Path:
    """Name under which a file is written before it is whole."""
    return path.with_name(f".{path.name}.partial")


def _tags(track: TrackTruth) -> dict[str, str]:
    tags = {
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "album_artist": track.artist,
        "date": str(track.year),
        "genre": track.style,
        "track": str(track.track_number),
        "copyright": "CC0 1.0",
    }
    # MP4 has no field for the recording code; ID3 calls it TSRC.
    if track.format != "m4a":
        tags["TSRC" if track.format == "mp3" else "isrc"] = track.isrc
    return tags


def _write_wav(path: Path, interleaved: Audio, track: TrackTruth) -> None:
    with soundfile.SoundFile(
        str(path), "w", samplerate=SAMPLE_RATE, channels=track.channels, format="WAV", subtype="PCM_16"
    ) as file:
        file.title = track.title
        file.artist = track.artist
        file.album = track.album
        file.date = str(track.year)
        file.genre = track.style
        file.tracknumber = str(track.track_number)
        file.copyright = "CC0 1.0"
        file.write(interleaved)


def _write_ogg(path: Path, interleaved: Audio, track: TrackTruth) -> None:
    memory = io.BytesIO()
    level = 1 - float(np.interp(track.bitrate_kbps, [80, 256], [0.2, 0.8]))
    with soundfile.SoundFile(
        memory,
        "w",
        samplerate=SAMPLE_RATE,
        channels=track.channels,
        format="OGG",
        subtype="VORBIS",
        compression_level=level,
    ) as file:
        # libsndfile's Vorbis encoder overflows its stack on long blocks.
        for first in range(0, len(interleaved), _BLOCK):
            file.write(interleaved[first : first + _BLOCK])
    memory.seek(0)
    with (
        av.open(memory, "r", format="ogg") as source,
        av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as target,
    ):
        incoming = source.streams.audio[0]
        outgoing = target.add_stream_from_template(incoming)
        # The Ogg muxer takes the stream's metadata where there is any, and the container's otherwise.
        target.metadata.update(_tags(track))
        outgoing.metadata.update(_tags(track))
        for packet in source.demux(incoming):
            if packet.dts is not None:
                packet.stream = outgoing
                target.mux(packet)


def _write_av(path: Path, interleaved: Audio, track: TrackTruth) -> None:
    container_format, codec, options = _CONTAINERS[track.format]
    options = {**options, "flags": "+bitexact"}
    layout = "mono" if track.channels == 1 else "stereo"
    with av.open(str(path), "w", format=container_format, options={"fflags": "+bitexact"}) as container:
        stream = cast(av.AudioStream, container.add_stream(codec, rate=SAMPLE_RATE, options=options))
        stream.layout = layout
        if track.bitrate_kbps:
            stream.bit_rate = 1000 * track.bitrate_kbps // (3 - track.channels)
        container.metadata.update(_tags(track))
        for first in range(0, len(interleaved), _BLOCK):
            block = interleaved[first : first + _BLOCK]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.reshape(1, -1)), format="flt", layout=layout)
            frame.sample_rate = SAMPLE_RATE
            frame.pts = first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
