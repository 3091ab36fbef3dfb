"""Least-squares filters from block-Toeplitz normal equations, in O(n²) by Schur's algorithm."""

from __future__ import annotations

import numpy as np

from svbench.metrics.signals import Floats


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
    """Block rows of the upper factor, and `right` after forward substitution."""
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
