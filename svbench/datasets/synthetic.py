"""Small synthetic tracks of known properties, the same on every machine to one 16-bit step.

Each stem has a band of its own, so the stems are nearly orthogonal, and the values that metrics should give
follow from how the tracks are made:

========  ==================  =============================================
stem      band                signal
========  ==================  =============================================
bass      55 – 110 Hz         decaying tones, one every half second
other     330 – 660 Hz        sustained triads
vocals    880 – 1760 Hz       a gliding tone with vibrato, gated in phrases
drums     above 3 kHz         filtered noise bursts, four a second
========  ==================  =============================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, write_audio

VERSION = "1"
STEMS = ("vocals", "drums", "bass", "other")
# Every channel has its own noise floor at about −76 dB. Without it the channels of a stem would be
# copies of one another, and the filters of BSS Eval would not be unique.
NOISE_STEPS = 8
Signal = NDArray[np.float64]


def synthetic_track(
    seed: int, *, duration_s: float = 3.0, rate_hz: int = 44100, n_channels: int = 2
) -> dict[str, Audio]:
    """Generate the stems of one track.

    Parameters
    ----------
    seed : int
        Chooses pitches, rhythm offsets and pan positions.
    duration_s : float
    rate_hz : int
        At least 16000, so that the drums' band exists.
    n_channels : int
        1 or 2; in stereo every stem has its own pan position.

    Returns
    -------
    dict of str to Audio
        vocals, drums, bass, other as multiples of 2**-15, peaks about 0.2, so that their sum
        is exact in 16 bit and never clips.

    Examples
    --------
    >>> stems = synthetic_track(0, duration_s=0.5)
    >>> sorted(stems), stems["bass"].samples.shape
    (['bass', 'drums', 'other', 'vocals'], (22050, 2))
    """
    # Only integers are drawn: their stream is the same everywhere, and they are exact.
    draw = np.random.Generator(np.random.PCG64(seed))
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    mono = {
        "vocals": _vocals(t, draw),
        "drums": _drums(t, draw, rate_hz),
        "bass": _bass(t, draw),
        "other": _other(t, draw),
    }
    stems = {}
    for stem, signal in mono.items():
        pan = int(draw.integers(1, 8)) / 8
        gains = np.array([1.0]) if n_channels == 1 else np.array([1 - pan, pan])
        peak = max(float(np.abs(signal).max()), 1e-9)
        spread = signal[:, np.newaxis] * (0.2 * gains / peak)
        steps = np.round(spread * 2**15) + draw.integers(-NOISE_STEPS, NOISE_STEPS + 1, size=spread.shape)
        stems[stem] = Audio(steps / 2**15, rate_hz)
    return stems


def write_folder(root: Path, tracks: Mapping[str, Mapping[str, Audio]]) -> None:
    """Write tracks as a plain folder data set of 16-bit WAV files, without mixtures.

    Parameters
    ----------
    root : Path
    tracks : mapping of track name to mapping of stem to Audio
    """
    for name, stems in tracks.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for stem, audio in stems.items():
            write_audio(folder / f"{stem}.wav", audio, subtype="PCM_16")


def _vocals(t: Signal, draw: np.random.Generator) -> Signal:
    base = 880 * 2 ** (int(draw.integers(0, 8)) / 12)
    vibrato = 0.01 * np.sin(2 * np.pi * 5.5 * t) / 5.5
    tone = np.sin(2 * np.pi * base * (t + vibrato))
    return np.asarray(tone * _gate(t, period_s=1.5, on_s=1.2))


def _bass(t: Signal, draw: np.random.Generator) -> Signal:
    semitones = draw.integers(0, 12, size=len(t) // 1000 + 1)
    note = (t // 0.5).astype(int)
    frequency = 55 * 2 ** (semitones[note] / 12)
    return np.asarray(np.sin(2 * np.pi * frequency * t) * np.exp(-3 * (t % 0.5)))


def _other(t: Signal, draw: np.random.Generator) -> Signal:
    root = 330 * 2 ** (int(draw.integers(0, 5)) / 12)
    return np.asarray(sum(np.sin(2 * np.pi * root * 2 ** (s / 12) * t) for s in (0, 4, 7)))


def _drums(t: Signal, draw: np.random.Generator, rate_hz: int) -> Signal:
    noise = draw.integers(-(2**15), 2**15, size=len(t)) / 2**15
    n_taps = 255
    taps = np.arange(n_taps) - n_taps // 2
    low_pass = np.sinc(2 * 3000 / rate_hz * taps) * np.hamming(n_taps)
    high_pass = -low_pass / low_pass.sum()
    high_pass[n_taps // 2] += 1
    return np.asarray(np.convolve(noise, high_pass, mode="same") * np.exp(-30 * (t % 0.25)))


def _gate(t: Signal, period_s: float, on_s: float) -> Signal:
    """Phrases with raised-cosine edges of 10 ms, starting with the track."""
    phase = t % period_s
    rise = np.clip(phase / 0.01, 0, 1)
    fall = np.clip((on_s - phase) / 0.01, 0, 1)
    return np.asarray(0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall)))
