"""Sparse Cholesky factor and the entries of the inverse on its pattern (selected inversion).

The factor is CHOLMOD's, from cvxopt; the recursion of Takahashi, Fagan & Chin (1973), column block
by column block from the last to the first, is compiled by Numba. Both come with the extra `large`.
"""

from __future__ import annotations

import importlib.util

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

_WIDEST = 20.0  # of the bandwidth in units of sqrt(N), for which a factor is thought affordable
_SMALL = 2000  # neurons below which even a full factor is small


def installed():
    """Whether the extra `large` is there."""
    return all(importlib.util.find_spec(name) for name in ("cvxopt", "numba"))


def affordable(W):
    """Whether a Cholesky factor stays sparse, as it does for a network in the plane.

    The bandwidth of the reverse Cuthill-McKee order is about the largest number of neurons at one
    distance from a first one, which separate near from far. That many neurons fill a dense block of
    the factor: about sqrt(N) of them in the plane, almost N in a random graph.
    """
    n = W.shape[0]
    if n <= _SMALL:
        return True
    order = csgraph.reverse_cuthill_mckee(W, symmetric_mode=True)
    place = np.empty(n, dtype=W.indices.dtype)
    place[order] = np.arange(n, dtype=place.dtype)
    distance = np.repeat(place, np.diff(W.indptr))
    distance -= place[W.indices]
    return bool(np.abs(distance).max(initial=0) <= _WIDEST * np.sqrt(n))


class Factor:
    """Cholesky factor of the symmetric positive definite `diag(leak) - W`."""

    def __init__(self, W, leak):
        from cvxopt import cholmod, spmatrix

        lower = sparse.tril(sparse.diags_array(leak) - W).tocoo()
        matrix = spmatrix(lower.data, lower.row.astype(np.int64), lower.col.astype(np.int64))
        del lower
        self.size = leak.size
        self._factor = cholmod.symbolic(matrix)
        cholmod.numeric(matrix, self._factor)

    def solve(self, g):
        """Solve `M x = g` for a vector or the columns of a matrix."""
        from cvxopt import cholmod, matrix

        x = matrix(np.asfortranarray(g, dtype=float))
        cholmod.solve(self._factor, x)
        return np.array(x).reshape(g.shape)

    def inverse_entries(self, rows, cols):
        """Entries (rows, cols) of the inverse, which must lie on the pattern of M. Call it once.

        It turns the factor into the inverse on the pattern of the factor, in place.
        """
        from cvxopt import cholmod, matrix

        from noiseprune.large.takahashi import invert

        order = matrix(np.arange(self.size, dtype=float))
        cholmod.solve(self._factor, order, sys=7)  # P x: the neuron in each place of the order
        place = np.empty(self.size, dtype=np.int64)
        place[np.array(order).ravel().astype(np.int64)] = np.arange(self.size)
        factor = cholmod.getfactor(self._factor)
        self._factor = None
        indptr, indices, data = (np.asarray(part).ravel() for part in factor.CCS)
        return invert(indptr, indices, data, place[rows], place[cols])
