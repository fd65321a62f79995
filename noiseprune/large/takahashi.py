"""Takahashi's recursion, compiled: the inverse of a sparse matrix on the pattern of its factor.

For ``M = L L^T`` and Z = M^-1, a block J of columns of L with the rows R below it satisfies
``Z_RJ = -Z_RR X`` and ``Z_JJ = (L_JJ L_JJ^T)^-1 - X^T Z_RJ`` with ``X = L_RJ L_JJ^-1``. All of Z_RR
lies on the pattern of L and belongs to later columns, so one sweep from the last column to the
first finds it all.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def invert(indptr, indices, data, rows, cols):
    """Entries (rows, cols) of the inverse; `data`, the factor by columns, becomes the inverse."""
    last = indptr.size - 2
    place = np.full(indptr.size - 1, -1)  # of each row in R
    while last >= 0:
        first = last
        while first > 0 and _continues(indptr, indices, first):
            first -= 1
        _invert_block(indptr, indices, data, first, last, place)
        last = first - 1
    result = np.empty(rows.size)
    for k in range(rows.size):
        column, row = min(rows[k], cols[k]), max(rows[k], cols[k])
        start, stop = indptr[column], indptr[column + 1]
        result[k] = data[start + np.searchsorted(indices[start:stop], row)]
    return result


@njit(cache=True)
def _continues(indptr, indices, column):
    """Whether the column before `column` has the same rows below it, and one more: `column`."""
    before = indptr[column] - indptr[column - 1]
    return (
        before == indptr[column + 1] - indptr[column] + 1
        and indices[indptr[column - 1] + 1] == column
    )


@njit(cache=True)
def _invert_block(indptr, indices, data, first, last, place):
    size = last - first + 1
    below = indices[indptr[last] + 1 : indptr[last + 1]]
    count = below.size
    inner, outer = np.zeros((size, size)), np.empty((size, count))  # L_JJ, L_RJ^T
    for t in range(size):
        start = indptr[first + t]
        inner[t:, t] = data[start : start + size - t]
        outer[t] = data[start + size - t : start + size - t + count]
    inner = np.linalg.inv(inner).T.copy()
    corner = np.dot(inner, inner.T)
    if count > 0:
        X = np.dot(inner, outer)
        outer = np.dot(X, _gather(indptr, indices, data, below, place))
        corner += np.dot(outer, X.T)
    for t in range(size):
        start = indptr[first + t]
        data[start : start + size - t] = corner[t:, t]
        data[start + size - t : start + size - t + count] = -outer[t]


@njit(cache=True)
def _gather(indptr, indices, data, below, place):
    """Z_RR as a dense matrix."""
    count = below.size
    Z = np.empty((count, count))
    place[below] = np.arange(count)
    for a in range(count):
        k = indptr[below[a]]
        Z[a, a] = data[k]
        left = count - a - 1
        while left > 0:
            k += 1
            b = place[indices[k]]
            if b >= 0:
                Z[a, b] = Z[b, a] = data[k]
                left -= 1
    place[below] = -1
    return Z
