"""The distortion filters: least-squares projections of estimates on delayed references."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from svbench.metrics.bss_eval.correlations import Correlations
from svbench.metrics.bss_eval.schur import NotPositiveDefinite, solve_block_toeplitz
from svbench.metrics.signals import Floats

# Below this relative pivot the O(n²) factorisation has lost all digits: the matrix is singular
# to working precision and the answer is whatever the LU route of museval gives.
_SINGULAR = 1e-15


@dataclass(frozen=True)
class Filters:
    """Projection filters of every estimate channel.

    Attributes
    ----------
    own : ndarray, shape (n_targets, filter_length, n_channels, width)
        ``own[j, :, c, e]`` filters channel c of reference j; summed over c they give the best
        approximation of estimate channel e from reference j alone.
    every : ndarray, shape (filter_length, width, width)
        ``every[:, a, e]``: the same from all reference channels a together.
    """

    own: Floats
    every: Floats


def projection_filters(correlations: Correlations, n_targets: int, damping: float = 0.0) -> Filters:
    """Solve the normal equations of one stretch (or of the whole track).

    ``damping`` is added to the diagonal: the energy of white noise in every reference channel, which
    keeps filters small where the references have none.

    The machine epsilon on the diagonal and the order of fallbacks (direct solution, LU, least
    squares) are those of ``_compute_projection_filters`` in sigsep/sigsep-mus-eval
    ``museval/metrics.py``.
    """
    among, right, equal = correlations.references, correlations.estimates, correlations.equal
    every = _solve_without_copies(among[np.newaxis], right[np.newaxis], equal, damping)
    if n_targets == 1:
        # The very same filters, so that nothing at all is left for the interference.
        return Filters(every, every[0])
    n_channels = right.shape[1] // n_targets
    channels = [slice(left, left + n_channels) for left in range(0, right.shape[1], n_channels)]
    own = np.empty((n_targets, len(among), n_channels, right.shape[2]))
    # Targets with the same channels to keep are solved together.
    kinds = [equal[mine, mine] for mine in channels]
    for kind in {k.tobytes(): k for k in kinds}.values():
        alike = [j for j, other in enumerate(kinds) if np.array_equal(kind, other)]
        own[alike] = _solve_without_copies(
            np.stack([among[:, channels[j], channels[j]] for j in alike]),
            np.stack([right[:, channels[j]] for j in alike]),
            kind,
            damping,
        )
    return Filters(own, every[0])


def _solve_without_copies(among: Floats, right: Floats, equal: NDArray[np.bool_], damping: float) -> Floats:
    """Solve without channels that repeat an earlier one.

    They make the system singular and span nothing new: whatever filters they get, the projections
    are the same. museval finds some by least squares, in half a minute.
    """
    keep = np.flatnonzero(~np.tril(equal, -1).any(axis=1))
    if len(keep) == len(equal):
        return _solve(among, right, damping)
    filters = np.zeros_like(right)
    kept = among[:, :, keep[:, np.newaxis], keep]
    filters[:, :, keep] = _solve(kept, right[:, :, keep], damping)
    return filters


def _solve(among: Floats, right: Floats, damping: float) -> Floats:
    """Filters of a stack of systems.

    From the correlations among references (n_systems, L, m, m) and with estimates
    (n_systems, L, m, k).
    """
    lags = among.copy()
    diagonal = np.einsum("saa->sa", lags[:, 0])
    diagonal += np.finfo(np.float64).eps + damping
    # A channel of zeros can explain nothing. Its filters are zero, here and in museval.
    diagonal[np.einsum("saa->sa", among[:, 0]) == 0] = 1.0
    # Equal channel energies spare the factorisation a large spread of pivots.
    scale = 1 / np.sqrt(diagonal[:, np.newaxis, :, np.newaxis])
    try:
        found, pivots = solve_block_toeplitz(lags * scale * scale.mT, right * scale)
        if float(np.min(pivots)) < _SINGULAR:
            raise NotPositiveDefinite
        filters: Floats = found * scale
        return filters
    except NotPositiveDefinite:
        if len(lags) == 1:
            return _solve_dense(lags[0], right[0])[np.newaxis]
    each = [_solve(among[[index]], right[[index]], damping) for index in range(len(lags))]
    return np.concatenate(each)


def _solve_dense(lags: Floats, right: Floats) -> Floats:
    """LU, and least squares where a pivot is exactly zero."""
    from scipy.linalg.lapack import dgesv  # 0.1 s to import, for rare tracks only

    n, m, k = right.shape
    columns = np.asfortranarray(right.transpose(1, 0, 2).reshape(m * n, k))
    # The matrix is symmetric: its transpose is the column order that LAPACK overwrites in place.
    _, _, solution, info = dgesv(_dense(lags).T, columns, overwrite_a=True)
    if info != 0:
        matrix = _dense(lags)
        np.einsum("ii->i", matrix)[...] -= np.finfo(np.float64).eps  # museval's least squares has none
        solution = np.linalg.lstsq(matrix, columns)[0]
    ordered: Floats = solution.reshape(m, n, k).transpose(1, 0, 2)
    return ordered


def _dense(lags: Floats) -> Floats:
    """The square matrix of the normal equations, channel by channel as museval orders it."""
    n, m, _ = lags.shape
    matrix = np.empty((m, n, m, n))
    for a in range(m):
        for b in range(m):
            both_ways = np.concatenate([lags[:0:-1, b, a], lags[:, a, b]])
            matrix[a, :, b] = sliding_window_view(both_ways, n)[:, ::-1]
    return matrix.reshape(m * n, m * n)
