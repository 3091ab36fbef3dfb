"""Least-squares filters from block-Toeplitz normal equations, in O(n²) by Schur's algorithm."""

from __future__ import annotations

import numpy as np

from svbench.metrics.bss_eval.signals import Floats


class NotPositiveDefinite(ArithmeticError):
    """The matrix is singular to working precision."""


def solve_block_toeplitz(lags: Floats, right: Floats) -> tuple[Floats, float]:
    """Solve T x = right for a symmetric positive definite block-Toeplitz T.

    Parameters
    ----------
    lags : ndarray, shape (n, m, m)
        Block (i, j) of T is ``lags[i - j]`` for i >= j and ``lags[j - i].T`` otherwise.
    right : ndarray, shape (n, m, k)

    Returns
    -------
    solution : ndarray, shape (n, m, k)
    smallest_pivot : float
        Smallest squared pivot of the factorisation, relative to the largest one: its
        inverse is a lower bound of the condition number.

    Raises
    ------
    NotPositiveDefinite
        If a pivot is not positive.

    Notes
    -----
    Schur's algorithm with block hyperbolic rotations in mixed form, which is as stable as
    Cholesky's for positive definite matrices (A. W. Bojanczyk, R. P. Brent, F. R. de Hoog,
    D. R. Sweet, "On the stability of the Bareiss and related Toeplitz factorization
    algorithms", SIAM J. Matrix Anal. Appl. 16(1), 1995). The upper factor is kept as one
    array per block row: half the memory of a square matrix.

    Examples
    --------
    >>> x, _ = solve_block_toeplitz(np.array([[[2.0]], [[1.0]]]), np.array([[[4.0]], [[5.0]]]))
    >>> x.ravel().round(12).tolist()
    [1.0, 2.0]
    """
    n, m, _ = lags.shape
    try:
        corner = np.linalg.cholesky(lags[0])
        first = np.linalg.solve(corner, lags.transpose(2, 0, 1).reshape(m, n * m))
        rows, solution = _eliminate(np.asarray(first, np.float64), right.reshape(n * m, -1).copy(), m)
    except np.linalg.LinAlgError as error:
        raise NotPositiveDefinite from error
    pivots = np.concatenate([np.diagonal(row) for row in rows]) ** 2
    if not np.isfinite(pivots).all():
        raise NotPositiveDefinite
    _substitute_backwards(rows, solution, m)
    return solution.reshape(right.shape), float(pivots.min() / pivots.max())


def _eliminate(first: Floats, right: Floats, m: int) -> tuple[list[Floats], Floats]:
    """Block rows of the upper factor, and `right` after forward substitution."""
    one = np.eye(m)
    # Two generators of the displaced matrix: the one above is the next row of the factor.
    generators = np.concatenate([first, first])
    rows = [first.copy()]
    _forward(rows[0], right, 0, m)
    for start in range(m, first.shape[1], m):
        # The upper generator moves one block to the right, the lower one stays.
        above = generators[:m, : first.shape[1] - start]
        below = generators[m:, start:]
        reflection = np.linalg.solve(above[:, :m].T, below[:, :m].T).T
        up = np.linalg.cholesky(one - reflection.T @ reflection)
        down = np.linalg.cholesky(one - reflection @ reflection.T)
        # Inverses of these small triangles turn the work into products of wide matrices.
        row = np.linalg.inv(up) @ (above - reflection.T @ below)
        below[...] = down.T @ below - (np.linalg.inv(down) @ reflection @ up) @ row
        generators[:m, : row.shape[1]] = row
        rows.append(row)
        _forward(row, right, start, m)
    return rows, right


def _forward(row: Floats, right: Floats, start: int, m: int) -> None:
    right[start : start + m] = np.linalg.solve(row[:, :m].T, right[start : start + m])
    right[start + m :] -= row[:, m:].T @ right[start : start + m]


def _substitute_backwards(rows: list[Floats], right: Floats, m: int) -> None:
    for index in range(len(rows) - 1, -1, -1):
        row, start = rows[index], index * m
        rest = right[start : start + m] - row[:, m:] @ right[start + m :]
        right[start : start + m] = np.linalg.solve(row[:, :m], rest)
