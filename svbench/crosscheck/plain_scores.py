"""A second implementation of energy ratios in plain numpy, which is easy to read and not fast.

Every function takes float64 arrays of shape (n_targets, n_samples, n_channels), references first, and
returns decibels of shape (n_targets, n_frames). It shares no code with the metrics that it checks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def global_sdr(
    references: Floats, estimates: Floats, rate_hz: int, *, delta: float = 0.0, log_delta: float = 0.0
) -> dict[str, Floats]:
    """uSDR: 10 log10((Σs² + δ)/(Σ(s − e)² + δ) + ε) over all samples and channels."""
    values = []
    for s, e in zip(references, estimates, strict=True):
        values.append([_db((np.sum(s**2) + delta) / (np.sum((s - e) ** 2) + delta) + log_delta)])
    return {"uSDR": np.array(values)}


def frame_sdr(
    references: Floats,
    estimates: Floats,
    rate_hz: int,
    *,
    window_s: float = 1.0,
    hop_s: float = 1.0,
    silence: str = "formula",
) -> dict[str, Floats]:
    """SDR: 10 log10(Σs²/Σ(s − e)²) in each frame, also in silent ones."""
    frames = _frames(references.shape[1], rate_hz, window_s, hop_s)
    values = [
        [_ratio(np.sum(s[a:b] ** 2), np.sum((s[a:b] - e[a:b]) ** 2)) for a, b in frames]
        for s, e in zip(references, estimates, strict=True)
    ]
    return {"SDR": np.array(values)}


def complement_sdr(
    references: Floats,
    estimates: Floats,
    rate_hz: int,
    *,
    mixture: Floats,
    window_s: float = 1.0,
    hop_s: float = 1.0,
) -> dict[str, Floats]:
    """SDR in frames, undefined where the reference or the rest of the mixture is silent."""
    values = []
    for s, e in zip(references, estimates, strict=True):
        rest, row = mixture - s, []
        for a, b in _frames(len(s), rate_hz, window_s, hop_s):
            silent = not np.any(s[a:b]) or not np.any(rest[a:b])
            ratio = _ratio(np.sum(s[a:b] ** 2), np.sum((s[a:b] - e[a:b]) ** 2))
            row.append(np.nan if silent else ratio)
        values.append(row)
    return {"SDR": np.array(values)}


def si_sdr(
    references: Floats, estimates: Floats, rate_hz: int, *, channels: str = "joint", delta: float = 0.0
) -> dict[str, Floats]:
    """SI-SDR, SI-SIR, SI-SAR and SD-SDR of whole signals, one gain for all channels or one for each."""
    if channels == "each":
        parts = [
            si_sdr(references[..., [c]], estimates[..., [c]], rate_hz, delta=delta)
            for c in range(references.shape[2])
        ]
        with np.errstate(invalid="ignore"):
            return {name: np.mean([p[name] for p in parts], axis=0) for name in parts[0]}
    n_targets = len(references)
    flat, values = references.reshape(n_targets, -1), []
    for j, e in enumerate(estimates.reshape(n_targets, -1)):
        s = flat[j]
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.dot(e, s) / (np.dot(s, s) + delta)
        if not np.isfinite(gain):  # a silent reference has no gain
            values.append([np.nan] * 4)
            continue
        scaled = gain * s
        residual = scaled - e
        # The interference is the part of the residual that lies in the span of all references: its projection
        # on them, by least squares. Silent references would make the matrix singular.
        heard = flat[np.any(flat, axis=1)]
        weights = np.linalg.lstsq(heard @ heard.T, heard @ residual, rcond=1e-12)[0]
        interference = weights @ heard if n_targets > 1 else np.zeros_like(s)
        artefacts = residual - interference
        energy = np.dot(scaled, scaled) + delta
        values.append(
            [_ratio(energy, np.dot(x, x) + delta) for x in (residual, interference, artefacts, s - e)]
        )
    rows = np.array(values)
    return {name: rows[:, [i]] for i, name in enumerate(("SI-SDR", "SI-SIR", "SI-SAR", "SD-SDR"))}


def _frames(n_samples: int, rate_hz: int, window_s: float, hop_s: float) -> list[tuple[int, int]]:
    """Return the start and end of each complete frame; a track shorter than a frame is one frame."""
    window, hop = int(window_s * rate_hz + 1e-6), int(hop_s * rate_hz + 1e-6)
    if n_samples <= window:
        return [(0, n_samples)]
    return [(start, start + window) for start in range(0, n_samples - window + 1, hop)]


def _ratio(wanted: Any, unwanted: Any) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _db(np.divide(wanted, unwanted))


def _db(ratio: Any) -> float:
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(ratio))
