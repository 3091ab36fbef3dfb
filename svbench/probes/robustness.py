"""The probe ``robustness``: a list of transforms, and what each should do to the estimates."""

from __future__ import annotations

from collections.abc import Sequence

from svbench.errors import SpecError, UnknownNameError
from svbench.probes.api import Variant, unchanged
from svbench.probes.stretch import Pitch, Tempo
from svbench.probes.transforms import (
    FORMATS,
    Clip,
    Coded,
    Delay,
    Gain,
    Limit,
    LowPass,
    Noise,
    Offset,
    PrimeLength,
    Rate,
    coder_version,
    mono,
    swapped,
    swapped_back,
    turned,
    turned_back,
)
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
    prime = PrimeLength()
    return [
        *(_gain(db) for db in (-12, -6, 6, 12)),
        Variant("polarity", turned, undo=turned_back, expects="equivariant"),
        Variant("swap", swapped, undo=swapped_back, expects="equivariant"),
        Variant("mono", mono, expects="degraded"),
        Variant("dc", Offset(0.05), keeps_references=True, expects="invariant"),
        Variant("rate-48k", Rate(48000), expects="equivariant"),
        Variant("rate-22k", Rate(22050), expects="degraded"),
        *(_coded(format, kbps) for format, kbps in KBPS.items()),
        Variant("limiter", Limit(-6.0), expects="equivariant"),
        Variant("clipping", Clip(-6.0), keeps_references=True, expects="degraded"),
        Variant("noise", Noise(-40.0), keeps_references=True, expects="degraded"),
        Variant("lowpass-16k", LowPass(16000), expects="degraded"),
        Variant("lowpass-11k", LowPass(11000), expects="degraded"),
        _delay("silence", Delay(seconds=1.0)),
        _delay("shift", Delay(samples=1)),
        Variant("odd-length", prime, length=prime.length, expects="equivariant"),
        Variant("pitch-1", Pitch(-1), expects="equivariant"),
        Variant("pitch+1", Pitch(1), expects="equivariant"),
        *(_tempo(name, factor) for name, factor in (("tempo-5", 0.95), ("tempo+5", 1.05))),
    ]


def _gain(db: int) -> Variant:
    gain = Gain(db)
    return Variant(f"gain{db:+d}", gain, undo=gain.undo, expects="equivariant")


def _delay(name: str, delay: Delay) -> Variant:
    return Variant(name, delay, undo=delay.undo, length=delay.length, expects="equivariant")


def _tempo(name: str, factor: float) -> Variant:
    tempo = Tempo(factor)
    return Variant(name, tempo, length=tempo.length, expects="equivariant")


def _coded(format: str, kbps: int) -> Variant:
    version = coder_version(format)
    name = f"{format}-{kbps}"
    return Variant(
        name,
        Coded(format, kbps),
        version=f"1, {FORMATS[format][0]} of ffmpeg {version}",
        keeps_references=True,
        expects="degraded",
        missing="" if version else f"not made: it needs ffmpeg with the encoder {FORMATS[format][0]}",
    )
