"""Insertion: how much of the pattern that a probe added to the mixture is left in the estimate."""

from __future__ import annotations

import numpy as np

from svbench.errors import AudioError
from svbench.metrics.contract import Metric, MetricResult, QuantityRecord, frame_bounds, whole_track
from svbench.metrics.signals import Floats, check_pair

# A silent estimate is −120 dB, not −inf.
_FLOOR = 1e-12


def insertion(
    references: Floats,
    estimates: Floats,
    *,
    rate_hz: float,
    mixture: Floats,
    original: tuple[Floats, Floats],
    window_s: float = 1.0,
) -> MetricResult:
    """Energy of the inserted pattern in the estimate, relative to its energy in the mixture.

    In every frame in which the pattern p sounds, the estimate is written as a s + b r + c p plus a
    residual of least energy, where s is the target's reference and r the rest of the mixture, both
    before the insertion. With sums over all such frames::

        pattern = 10 log10((Σ c² |p|²)/(Σ |p|²) + 1e-12)

    Parameters
    ----------
    references, estimates : ndarray, shape (n_targets, n_samples, n_channels)
        The references after the insertion; they do not enter.
    rate_hz : float
    mixture : ndarray, shape (n_samples, n_channels)
        After the insertion.
    original : (ndarray, ndarray)
        References (n_targets, n_samples, n_channels) and mixture (n_samples, n_channels) before it.
    window_s : float
        Length of a frame; the incomplete last one is left out.

    Returns
    -------
    MetricResult
        ``pattern`` in dB for the whole track: 0 where the pattern passed unchanged, −120 where
        nothing of it is left, NaN where nothing was inserted.

    Raises
    ------
    AudioError
        Shapes differ, or samples are not finite floats.

    Notes
    -----
    svbench's own. What a system makes of a pattern beyond another gain for each frame (a filter, a
    delay) counts in part only. By chance alone a frame of noise finds about 1/(2 B T) of its own
    energy, with bandwidth B and length T.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> s, r, p = rng.standard_normal((3, 200, 1))
    >>> estimate = (s + 0.5 * r + 0.1 * p)[np.newaxis]
    >>> found = insertion(
    ...     s[np.newaxis], estimate, rate_hz=100, mixture=s + r + p, original=(s[np.newaxis], s + r)
    ... )
    >>> float(found.values["pattern"][0, 0].round(9))
    -20.0
    """
    check_pair(references, estimates)
    before, mixture_before = original
    if mixture.shape != references.shape[1:] or mixture_before.shape != mixture.shape:
        raise AudioError(
            f"the mixtures have shapes {mixture.shape} and {mixture_before.shape}, "
            f"the references {references.shape[1:]} each; align them"
        )
    pattern = mixture - mixture_before
    bounds = frame_bounds(references.shape[1], rate_hz, window_s, window_s)
    values = [
        _share(estimate, [source, mixture_before - source, pattern], bounds)
        for source, estimate in zip(before, estimates, strict=True)
    ]
    return whole_track({"pattern": np.array(values)}, references.shape[1], rate_hz)


def _share(estimate: Floats, parts: list[Floats], bounds: np.ndarray) -> float:
    """Share of the last part's energy that the estimate holds, in dB."""
    found = inserted = 0.0
    for a, b in bounds:
        columns = np.stack([p[a:b].ravel() for p in parts], axis=1)
        energy = float(columns[:, -1] @ columns[:, -1])
        if energy > 0:
            # Scaled to unit length, so that quiet parts are not taken for rounding.
            lengths = np.sqrt(np.einsum("ij,ij->j", columns, columns))
            columns = columns / np.where(lengths > 0, lengths, 1.0)
            weights = np.linalg.pinv(columns.T @ columns, rcond=1e-9, hermitian=True)
            found += float((weights @ (columns.T @ estimate[a:b].ravel()))[-1] ** 2)
            inserted += energy
    return 10 * float(np.log10(found / inserted + _FLOOR)) if inserted else np.nan


METRIC = Metric(
    id="insertion",
    label="What a probe added, in the estimate",
    quantities=(
        QuantityRecord(
            "pattern", "dB", False, "energy of the pattern in the estimate over that in the mixture"
        ),
    ),
    scope="target",
    version="1",
    citation="svbench",
    parameters=("window_s",),
    function=insertion,
    needs=("mixture", "original"),
    scores_absent=True,
)
