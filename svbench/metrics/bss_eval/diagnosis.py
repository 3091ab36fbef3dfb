"""When ISR, SIR and SAR measure rounding instead of music: find out by asking a second time.

Where the references have no energy (above the cut-off of a lossy codec that was decoded to floating
point, or of a steep resampler) nothing holds the filters back. On the whole track that does not
matter, but the edges of a frame have energy at all frequencies, and the filters raise them: by up to
80 dB on real music. ISR, SIR and SAR then measure the edges. Samples of 16 bits do not have this
trouble: their rounding fills the empty bands.

So the frames are scored again with filters that a trace of white noise in the references would give.
On music whose scores mean something that moves nothing; elsewhere it moves them by many dB.
SDR needs no filters, so it is never affected.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from svbench.metrics.bss_eval.correlations import Correlations
from svbench.metrics.signals import Floats

UNAFFECTED = "SDR"

REASON = (
    "the references have next to no energy in some band (lossy audio decoded to floating point, or a "
    "steep low-pass), so the filters of BSS Eval are not determined there and these numbers measure "
    "rounding. SDR is not affected: use it, or references of 16 bits or with dither (the 16-bit decode "
    "of the same files), or a lossless source"
)

# Energy of the noise over that of the loudest reference channel: -100 dB, well below the noise of
# 16 bits at usual levels (-98 dBFS, where music lies at -10 to -30).
_NOISE = 1e-10

# How far a target's median or mean over frames may move. Measured on excerpts of real music, see
# docs/metrics.md: with 16-bit references it moved by 0.50 dB at most, and where SIR was wrong by 0.9 dB
# or more, by more than this limit.
_LIMIT_DB = 0.6

# Frames in which the reference is less than 10 dB above the noise tell nothing of the filters.
AUDIBLE = 10.0

# Above it, what is unwanted is practically nothing: the filters raised nothing, as with estimates that
# equal the references.
_PRACTICALLY_PERFECT_DB = 40.0


def noise_energy(track: Correlations) -> float:
    """Energy of the noise that is added to every reference channel of a track."""
    return _NOISE * float(np.max(np.diagonal(track.references[0])))


def unstable_targets(
    plain: Mapping[str, Floats], damped: Mapping[str, Floats], audible: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Find the targets whose scores a trace of noise in the references would move.

    Parameters
    ----------
    plain, damped : mapping of str to ndarray, shape (n_targets, n_frames)
        Values in dB, without and with the noise; NaN where undefined.
    audible : ndarray of bool, shape (n_targets, n_frames)
        Frames in which the reference is well above the noise. In the others the noise is the music.

    Returns
    -------
    ndarray of bool, shape (n_targets,)
        All quantities of a target rest on the same filters, so they are judged together; all frames
        share these filters, so a target is judged over the whole track.

    Examples
    --------
    >>> plain = {"SIR": np.array([[10.0, 12.0], [8.0, 8.0]])}
    >>> damped = {"SIR": np.array([[10.1, 12.1], [19.0, 18.0]])}
    >>> unstable_targets(plain, damped, np.full((2, 2), True)).tolist()
    [False, True]
    """
    return moved_db(plain, damped, audible) > _LIMIT_DB


def moved_db(plain: Mapping[str, Floats], damped: Mapping[str, Floats], audible: NDArray[np.bool_]) -> Floats:
    """How far the noise moves each target: the most of all quantities, in median or mean over frames."""
    moved = np.zeros(len(audible))
    for name in plain.keys() - {UNAFFECTED}:
        before = np.minimum(plain[name], _PRACTICALLY_PERFECT_DB)
        after = np.minimum(damped[name], _PRACTICALLY_PERFECT_DB)
        after = np.where(before == _PRACTICALLY_PERFECT_DB, before, after)
        judged = audible & np.isfinite(before) & np.isfinite(after)
        for target in np.flatnonzero(judged.any(axis=1)):
            own = judged[target]
            for middle in (np.median, np.mean):
                distance = abs(middle(after[target, own]) - middle(before[target, own]))
                moved[target] = max(moved[target], distance)
    return moved
