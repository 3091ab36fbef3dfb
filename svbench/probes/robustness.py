"""The probe ``robustness``: its list of transforms, what each should do to estimates; tempo and pitch.

Changes of tempo and pitch use one cutting plan for the mixture and all references. Only the mixture decides
where pieces are cut (waveform similarity, WSOLA); the same pieces are then overlapped in every signal. The
change is therefore linear, and references still add up to the mixture. The plan is searched in integers,
whose sums are the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svbench.audio import Audio, Samples
from svbench.errors import SpecError, UnknownNameError
from svbench.probes import transforms as change
from svbench.probes.api import Variant, unchanged
from svbench.probes.transforms import References, Track, fitted
from svbench.specs.protocol import ORIGINAL

KBPS = {"mp3": 128, "aac": 128, "opus": 96}


def robustness_variants(transforms: Sequence[str] = ()) -> list[Variant]:
    """Return the original and one variant for each transform.

    Parameters
    ----------
    transforms : sequence of str
        Use only these, in this order; all by default.

    Raises
    ------
    UnknownNameError
        There is no such transform.
    SpecError
        ``transforms`` is not a list of names.
    """
    if not isinstance(transforms, list | tuple):
        raise SpecError("probe robustness", "transforms", f"expected a list of names, found {transforms!r}")
    known = {v.id: v for v in _all_variants()}
    for name in transforms:
        if name not in known:
            raise UnknownNameError("transform", str(name), known)
    return [Variant(ORIGINAL, unchanged), *(known[name] for name in transforms or known)]


def _all_variants() -> list[Variant]:
    return [
        *(_equivariant(f"gain{db:+d}", change.Gain(db)) for db in (-12, -6, 6, 12)),
        Variant("polarity", change.turned, undo=change.turned_back, expects="equivariant"),
        Variant("swap", change.swapped, undo=change.swapped_back, expects="equivariant"),
        Variant("mono", change.mono, expects="degraded"),
        Variant("dc", change.Offset(0.05), keeps_references=True, expects="invariant"),
        Variant("rate-48k", change.Rate(48000), expects="equivariant"),
        Variant("rate-22k", change.Rate(22050), expects="degraded"),
        *(_coded(format, kbps) for format, kbps in KBPS.items()),
        Variant("limiter", change.Limit(-6.0), expects="equivariant"),
        Variant("clipping", change.Clip(-6.0), keeps_references=True, expects="degraded"),
        Variant("noise", change.Noise(-40.0), keeps_references=True, expects="degraded"),
        Variant("lowpass-16k", change.LowPass(16000), expects="degraded"),
        Variant("lowpass-11k", change.LowPass(11000), expects="degraded"),
        _equivariant("silence", change.Delay(seconds=1.0)),
        _equivariant("shift", change.Delay(samples=1)),
        _equivariant("odd-length", change.PrimeLength()),
        Variant("pitch-1", Pitch(-1), expects="equivariant"),
        Variant("pitch+1", Pitch(1), expects="equivariant"),
        _equivariant("tempo-5", Tempo(0.95)),
        _equivariant("tempo+5", Tempo(1.05)),
    ]


def _equivariant(name: str, transform: change.Gain | change.Delay | change.PrimeLength | Tempo) -> Variant:
    """Make a variant of a transform that says how it is undone, or how long the track becomes."""
    undo, length = getattr(transform, "undo", None), getattr(transform, "length", None)
    return Variant(name, transform, undo=undo, length=length, expects="equivariant")


def _coded(format: str, kbps: int) -> Variant:
    version = change.coder_version(format)
    name = f"{format}-{kbps}"
    return Variant(
        name,
        change.Coded(format, kbps),
        version=f"1, {change.FORMATS[format][0]} of ffmpeg {version}",
        keeps_references=True,
        expects="degraded",
        missing="" if version else f"not made: it needs ffmpeg with the encoder {change.FORMATS[format][0]}",
    )


# Half the length of a piece, and how far around its nominal place a better match is searched for.
HOP_S, REACH_S = 0.0232, 0.0116
# The search first goes in steps of this many samples, then sample by sample around the best one.
COARSE = 4


@dataclass(frozen=True)
class Tempo:
    """Plays faster (factor above 1) or slower at the same pitch."""

    factor: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Stretch everything."""
        n_samples = self.length(mixture.n_samples, mixture.rate_hz)
        starts = cutting_plan(mixture, self.factor)

        def stretched(audio: Audio) -> Audio:
            return Audio(fitted(joined(audio, starts), n_samples), audio.rate_hz)

        return stretched(mixture), {t: stretched(a) for t, a in references.items()}

    def length(self, n_samples: int, rate_hz: int) -> int:
        """Return the length of a stretched track."""
        return round(n_samples / self.factor)


@dataclass(frozen=True)
class Pitch:
    """Shifts the pitch by semitones at the same tempo: stretches, then resamples to the old length."""

    semitones: float

    def __call__(self, mixture: Audio, references: References, seed: int) -> Track:
        """Shift everything."""
        import soxr

        ratio = 2 ** (self.semitones / 12)
        starts = cutting_plan(mixture, 1 / ratio)

        def shifted(audio: Audio) -> Audio:
            longer = joined(audio, starts)
            samples = soxr.resample(longer, audio.rate_hz * ratio, audio.rate_hz, quality="VHQ")
            return Audio(fitted(samples, audio.n_samples), audio.rate_hz)

        return shifted(mixture), {t: shifted(a) for t, a in references.items()}


def cutting_plan(guide: Audio, factor: float) -> list[int]:
    """Find where the pieces of a stretched signal begin.

    Parameters
    ----------
    guide : Audio
    factor : float
        The speed; 1 gives a plan that changes nothing.

    Returns
    -------
    list of int
        The first sample of each piece, counted from half a piece before the guide begins. Each piece is the
        best continuation of the one before it: the one with the least squared difference.

    References
    ----------
    W. Verhelst, M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high
    quality time-scale modification of speech", ICASSP 1993.
    """
    hop, reach = round(HOP_S * guide.rate_hz), round(REACH_S * guide.rate_hz)
    signal = _whole_numbers(guide, hop)
    rough = signal[: len(signal) // COARSE * COARSE].reshape(-1, COARSE).sum(axis=1)
    starts = [0]
    for k in range(1, math.ceil(guide.n_samples / factor / hop) + 1):
        wanted, place = starts[-1] + hop, round(k * hop * factor)
        low, high = max(0, place - reach), place + reach
        near = _best(
            rough, wanted // COARSE, 2 * hop // COARSE, low // COARSE, high // COARSE, place // COARSE
        )
        likely = near * COARSE + wanted % COARSE
        first = min(max(low, likely - COARSE), high)
        starts.append(_best(signal, wanted, 2 * hop, first, max(first, min(high, likely + COARSE)), place))
    return starts


def joined(audio: Audio, starts: list[int]) -> Samples:
    """Overlap the pieces of a plan by half, with Hann windows whose sum is one."""
    hop = round(HOP_S * audio.rate_hz)
    before = np.pad(audio.samples, ((hop, 0), (0, 0)))
    window = np.sin(np.pi * np.arange(2 * hop) / (2 * hop))[:, np.newaxis] ** 2
    total = np.zeros(((len(starts) + 1) * hop, audio.n_channels))
    for k, start in enumerate(starts):
        piece = before[start : start + 2 * hop]
        total[k * hop : k * hop + len(piece)] += window[: len(piece)] * piece
    return total[hop:]


def _whole_numbers(guide: Audio, hop: int) -> NDArray[np.float64]:
    """Return the sum of the channels as 16-bit integers, padded for pieces that reach beyond the ends."""
    total = guide.samples.sum(axis=1, dtype=np.float64)
    peak = float(np.abs(total).max()) or 1.0
    return np.pad(np.rint(total / peak * 2**15), (hop, 5 * hop))


def _best(signal: NDArray[np.float64], wanted: int, length: int, first: int, last: int, place: int) -> int:
    """Return the start from first to last whose piece is most like the wanted one; of equals, the nearest."""
    template, around = signal[wanted : wanted + length], signal[first : last + length]
    # |a − b|² = |a|² + |b|² − 2ab, without |a|², which all candidates share. All values are integers below
    # 2**53, exact in float64, so the result does not depend on the order of addition.
    energy = np.concatenate([[0.0], np.cumsum(np.square(around))])
    difference = energy[length:] - energy[:-length] - 2 * np.correlate(around, template, mode="valid")
    equals = first + np.flatnonzero(difference == difference.min())
    return int(equals[np.argmin(np.abs(equals - place))])
