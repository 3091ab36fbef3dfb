"""Compute the distortion filters of BSS Eval, and detect when the references do not determine them.

A filter is a least-squares projection of an estimate on the references, delayed by 0 to filter_length - 1
samples. The normal equations form a symmetric block-Toeplitz matrix of n = filter_length blocks, so Schur's
algorithm factorises it in O(n²) where a plain Cholesky factorisation needs O(n³). Cholesky factors also
show when the matrix is singular to working precision: a pivot is then not positive.

**Band-limited references.** Where the references have no energy (above the cut-off of a lossy codec that was
decoded to floating point, or of a steep resampler), nothing restrains the filters. On the whole track this
does not matter, but the edges of a frame have energy at all frequencies, and the filters amplify them: by up
to 80 dB on real music. ISR, SIR and SAR then measure the edges. Samples of 16 bits do not have this problem,
because their rounding noise fills the empty bands.

To detect this, the frames are scored again with the filters that a trace of white noise in the references
would give. Scores that describe the music hardly move; the others move by many dB. SDR needs no filters, so
it is never affected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from svbench.metrics.bss_eval.correlations import Correlations
from svbench.metrics.signals import Floats

# Below this relative pivot the O(n²) factorisation has lost all digits: the matrix is singular
# to working precision and the answer is whatever the LU route of museval gives.
_SINGULAR = 1e-15
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

# Frames in which the reference is less than 10 dB above the noise say nothing about the filters.
AUDIBLE = 10.0

# Above this value next to nothing is unwanted, so the filters amplified nothing, as with estimates that equal
# the references. Changes above it do not count.
_PRACTICALLY_PERFECT_DB = 40.0


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
    # Shapes, with L taps and m, k channels: among (L, m, m) holds references with references, right (L, m, k)
    # references with estimates.
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
    """Solve one system by LU, and by least squares where a pivot is exactly zero."""
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
    """Return the square matrix of the normal equations, channel by channel as museval orders it."""
    n, m, _ = lags.shape
    matrix = np.empty((m, n, m, n))
    for a in range(m):
        for b in range(m):
            both_ways = np.concatenate([lags[:0:-1, b, a], lags[:, a, b]])
            matrix[a, :, b] = sliding_window_view(both_ways, n)[:, ::-1]
    return matrix.reshape(m * n, m * n)


class NotPositiveDefinite(ArithmeticError):
    """The matrix is singular to working precision."""


def solve_block_toeplitz(lags: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Solve T x = right for a stack of symmetric positive definite block-Toeplitz matrices T.

    Parameters
    ----------
    lags : ndarray, shape (n_systems, n, m, m)
        Block (i, j) of T is ``lags[s, i - j]`` for i >= j and ``lags[s, j - i].T`` otherwise.
    right : ndarray, shape (n_systems, n, m, k)

    Returns
    -------
    solution : ndarray, shape (n_systems, n, m, k)
    smallest_pivot : ndarray, shape (n_systems,)
        Smallest squared pivot of each factorisation, relative to the largest one: its
        inverse is a lower bound of the condition number.

    Raises
    ------
    NotPositiveDefinite
        If a pivot of any of the systems is not positive.

    Notes
    -----
    Schur's algorithm with block hyperbolic rotations in mixed form, which is as stable as
    Cholesky's for positive definite matrices (A. W. Bojanczyk, R. P. Brent, F. R. de Hoog,
    D. R. Sweet, "On the stability of the Bareiss and related Toeplitz factorization
    algorithms", SIAM J. Matrix Anal. Appl. 16(1), 1995). The upper factor is kept as one
    array per block row: half the memory of a square matrix. Systems are stacked because the
    interpreter, not arithmetic, is what small blocks wait for.

    Examples
    --------
    >>> x, _ = solve_block_toeplitz(np.array([[[[2.0]], [[1.0]]]]), np.array([[[[4.0]], [[5.0]]]]))
    >>> x.ravel().round(12).tolist()
    [1.0, 2.0]
    """
    n_systems, n, m, _ = lags.shape
    try:
        corner = np.linalg.cholesky(lags[:, 0])
        first = np.linalg.inv(corner) @ lags.transpose(0, 3, 1, 2).reshape(n_systems, m, n * m)
        rows, solution = _eliminate(first, right.reshape(n_systems, n * m, -1).copy(), m)
    except np.linalg.LinAlgError as error:
        raise NotPositiveDefinite from error
    pivots = np.concatenate([np.diagonal(row, axis1=1, axis2=2) for row in rows], axis=1) ** 2
    if not np.isfinite(pivots).all():
        raise NotPositiveDefinite
    _substitute_backwards(rows, solution, m)
    return solution.reshape(right.shape), pivots.min(axis=1) / pivots.max(axis=1)


def _eliminate(first: Floats, right: Floats, m: int) -> tuple[list[Floats], Floats]:
    """Return the block rows of the upper factor, and `right` after forward substitution."""
    one = np.eye(m)
    # Two generators of the displaced matrix: the one above is the next row of the factor.
    row, lower = first, first.copy()
    rows = [row]
    _forward(row, right, 0, m)
    for start in range(m, first.shape[2], m):
        # The upper generator moves one block to the right, the lower one stays.
        above, below = row[:, :, :-m], lower[:, :, start:]
        reflection = np.linalg.solve(above[:, :, :m].mT, below[:, :, :m].mT).mT
        up = np.linalg.cholesky(one - reflection.mT @ reflection)
        down = np.linalg.cholesky(one - reflection @ reflection.mT)
        # Inverses of these small triangles turn the work into products of wide matrices.
        row = np.linalg.inv(up) @ (above - reflection.mT @ below)
        below[...] = down.mT @ below - (np.linalg.inv(down) @ reflection @ up) @ row
        rows.append(row)
        _forward(row, right, start, m)
    return rows, right


def _forward(row: Floats, right: Floats, start: int, m: int) -> None:
    now, later = right[:, start : start + m], right[:, start + m :]
    now[...] = np.linalg.solve(row[:, :, :m].mT, now)
    later -= row[:, :, m:].mT @ now


def _substitute_backwards(rows: list[Floats], right: Floats, m: int) -> None:
    for index in range(len(rows) - 1, -1, -1):
        row, start = rows[index], index * m
        now, later = right[:, start : start + m], right[:, start + m :]
        now[...] = np.linalg.solve(row[:, :, :m], now - row[:, :, m:] @ later)


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
