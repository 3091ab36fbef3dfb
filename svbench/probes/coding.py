"""Lossy coding of the mixture by ffmpeg, where it is present with the encoder.

Another version of an encoder gives other samples, so the version of ffmpeg is part of a variant's.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from svbench.audio import Audio, Samples, resample
from svbench.errors import AudioError
from svbench.probes.transforms import References, Track, fitted

# Encoder, container and rate (None: the track's own) of each format. All three containers tell
# the decoder how much delay the encoder added, so what comes back lies in place.
FORMATS: dict[str, tuple[str, str, int | None]] = {
    "mp3": ("libmp3lame", "mp3", None),
    "aac": ("aac", "m4a", None),
    "opus": ("libopus", "ogg", 48000),
}


@dataclass(frozen=True)
class Coded:
    """The mixture as it comes out of an encoder and its decoder; references stay."""

    format: str
    kbps: int

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Encode and decode the mixture.

        Raises
        ------
        AudioError
            ffmpeg cannot code it.
        """
        encoder, container, rate_hz = FORMATS[self.format]
        given = mixture if rate_hz is None else resample(mixture, rate_hz)
        raw = ["-f", "f32le", "-ar", str(given.rate_hz), "-ac", str(given.n_channels)]
        with tempfile.TemporaryDirectory() as folder:
            coded = str(Path(folder) / f"coded.{container}")
            # One thread and no date, so that coding twice gives the same.
            how = ["-threads", "1", "-c:a", encoder, "-b:a", f"{self.kbps}k", "-fflags", "+bitexact"]
            _ffmpeg([*raw, "-i", "-", *how, coded], given.samples.astype("<f4").tobytes())
            back = _ffmpeg(["-i", coded, *raw, "-"], b"")
        samples: Samples = np.frombuffer(back, "<f4").reshape(-1, given.n_channels).astype(np.float64)
        there = resample(Audio(samples, given.rate_hz), mixture.rate_hz)
        return Audio(fitted(there.samples, mixture.n_samples), mixture.rate_hz), references


def coder_version(format: str) -> str:
    """Version of ffmpeg; empty where it is missing or lacks the format's encoder."""
    return _version() if FORMATS[format][0] in _encoders() else ""


@lru_cache(maxsize=1)
def _version() -> str:
    return _ffmpeg(["-version"], b"").decode(errors="replace").split()[2]


@lru_cache(maxsize=1)
def _encoders() -> frozenset[str]:
    if shutil.which("ffmpeg") is None:
        return frozenset()
    lines = _ffmpeg(["-encoders"], b"").decode(errors="replace").splitlines()
    return frozenset(words[1] for line in lines if len(words := line.split()) > 1)


def _ffmpeg(words: list[str], given: bytes) -> bytes:
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError("coding needs ffmpeg, and it is not here; install your system's package of it")
    done = subprocess.run(
        [program, "-v", "error", "-hide_banner", *words], input=given, capture_output=True, check=False
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise AudioError(f"ffmpeg cannot code the mixture ({lines[-1]})")
    return done.stdout
