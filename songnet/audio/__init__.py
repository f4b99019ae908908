r"""Files to clips.

    folders -> scan -> files -> open_audio -> Reader -> decodable_samples -> audio_identity
                          |                      \--------> cut_clips -> clips
                          \-> read_tags -> tags

Conventions of the room:

- A path is ``bytes``, as the file system gave it.
- Samples are float32 in [-1, 1], mono (mean over channels), and counted from the first that a full decode gives.
  A `Reader` works at the file's native rate; only `cut_clips` resamples.
- A read costs one seek and depends on the file and the place alone: a clip from the ninth hour is as cheap as one
  from the first minute, and never differs with what was read before it.
- What a file is, is decided by its content; its name is never asked.
- What goes wrong with a file is an `AudioError` whose ``kind`` is one word; damaged tags are no error.

Readers are entries of `READERS`: a frame counter for MPEG audio and ADTS, libsndfile for what it seeks exactly,
FFmpeg's libraries for the rest.
"""

from __future__ import annotations

from songnet.audio.clips import Clip, clip_starts, cut_clips
from songnet.audio.decode import READERS, Reader, decodable_samples, open_audio
from songnet.audio.identity import audio_identity
from songnet.audio.scan import AUDIO_EXTENSIONS, FoundFile, ScanReport, scan
from songnet.audio.tags import Tags, read_tags

__all__ = [
    "AUDIO_EXTENSIONS",
    "READERS",
    "Clip",
    "FoundFile",
    "Reader",
    "ScanReport",
    "Tags",
    "audio_identity",
    "clip_starts",
    "cut_clips",
    "decodable_samples",
    "open_audio",
    "read_tags",
    "scan",
]
