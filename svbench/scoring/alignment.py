"""Bring an estimate to the rate, length and channels of its mixture, as far as a protocol's rule allows."""

from __future__ import annotations

import numpy as np

from svbench.audio import Audio, Samples, resample
from svbench.audio.sounds import Shape
from svbench.errors import SystemFailure
from svbench.specs.protocol import Alignment


def fitted(
    estimate: Audio, given: Shape, mixture: Shape, target: str, rule: Alignment
) -> tuple[Audio, list[str]]:
    """Bring one estimate to the mixture's rate, length and channels, as far as a rule allows.

    Parameters
    ----------
    estimate : Audio
    given : Shape
        Of the mixture as the system got it; estimates are expected in exactly that form.
    mixture : Shape
        Of the mixture of the track.
    target : str
    rule : Alignment

    Returns
    -------
    Audio, list of str
        The fitted estimate and notes on what was done.

    Raises
    ------
    SystemFailure
    """
    notes = []
    samples = estimate.samples
    if estimate.n_channels != mixture.n_channels:
        if estimate.n_channels != 1 or rule.channels != "duplicate_mono":
            raise SystemFailure(
                f"estimate of {target} has {estimate.n_channels} channels, the mixture {mixture.n_channels}"
            )
        samples = np.repeat(samples, mixture.n_channels, axis=1)
        notes.append(f"{target}: mono estimate copied to {mixture.n_channels} channels")
    if estimate.rate_hz != given.rate_hz:
        if rule.rate != "resample":
            raise SystemFailure(
                f"estimate of {target} has {estimate.rate_hz} Hz, the system was given {given.rate_hz} Hz"
            )
        notes.append(f"{target}: estimate resampled from {estimate.rate_hz} Hz")
        expected = round(mixture.n_samples * estimate.rate_hz / mixture.rate_hz)
    else:
        expected = given.n_samples
    difference = len(samples) - expected
    if difference:
        if rule.length != "pad_or_cut" or abs(difference) > rule.max_samples:
            allowed = f"at most {rule.max_samples} may differ" if rule.length == "pad_or_cut" else "refused"
            raise SystemFailure(
                f"estimate of {target} has {len(samples)} samples, expected {expected} ({allowed})"
            )
        notes.append(
            f"{target}: estimate {'cut' if difference > 0 else 'padded'} by {abs(difference)} samples"
        )
        samples = _length(samples, expected)
    audio = resample(Audio(samples, estimate.rate_hz), mixture.rate_hz)
    # Resampling there and back leaves the length off by a sample or two; the signal itself is in place.
    return Audio(_length(audio.samples, mixture.n_samples), mixture.rate_hz), notes


def _length(samples: Samples, n_samples: int) -> Samples:
    if len(samples) >= n_samples:
        return samples[:n_samples]
    return np.pad(samples, ((0, n_samples - len(samples)), (0, 0)))
