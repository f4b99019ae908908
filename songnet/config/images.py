"""Settings of reading music and making images of it."""

from __future__ import annotations

from dataclasses import dataclass

from songnet.config.ranges import check_range


@dataclass(frozen=True)
class ImageConfig:
    """How a track becomes mel images.

    Parameters
    ----------
    recipe : str
        Name of a mel recipe (`songnet.spectrogram.RECIPES`).
    clips : int
        Clips cut from a track, 1 to 1,000; a shorter track gives fewer.
    silence_db : float
        A clip whose RMS lies below this level (dBFS, -120 to 0) is passed over.
    """

    recipe: str = "songnet"
    clips: int = 8
    silence_db: float = -60.0

    def __post_init__(self) -> None:
        check_range("images", "clips", self.clips, 1, 1000)
        check_range("images", "silence_db", self.silence_db, -120, 0)

    @property
    def key(self) -> str:
        """Name of the image set: images of two recipes, or of two clip counts, never mix."""
        return f"{self.recipe}-{self.clips}"


@dataclass(frozen=True)
class ReadConfig:
    """How files are read.

    Parameters
    ----------
    jobs : int
        Worker processes, 0 to 256; 0 means one a core.
    timeout_s : float
        Seconds one file may take, 1 to 86,400; then its worker is ended and the file is listed as failed.
    memory_mb : int
        Memory one worker may take beyond what it starts with, in MiB, 64 to 1,048,576.
    """

    jobs: int = 0
    timeout_s: float = 60.0
    memory_mb: int = 1024

    def __post_init__(self) -> None:
        check_range("read", "jobs", self.jobs, 0, 256)
        check_range("read", "timeout_s", self.timeout_s, 1, 86_400)
        check_range("read", "memory_mb", self.memory_mb, 64, 1_048_576)
