"""Sparse Cholesky factor and the entries of the inverse on its pattern (selected inversion).

The factor is CHOLMOD's, from cvxopt; the recursion of Takahashi, Fagan & Chin (1973), column block
by column block from the last to the first, is compiled by Numba. Both come with the extra `large`.
"""

from __future__ import annotations

import importlib.util

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from noiseprune.covariance import unstable

_SMALL = 2000  # neurons up to which even a full factor is small
_WORK = 3e4  # operations of the factorisation per synapse, above which sampling is the faster
_FILL = 3e8  # entries of the factor that memory may hold
_ORDERED = 3e6  # synapses above which an order is sought only where the network looks narrow
_WIDEST = 20.0  # of the bandwidth in units of sqrt(N), below which a network looks narrow


def installed():
    """Whether the extra `large` is there."""
    return all(importlib.util.find_spec(name) for name in ("cvxopt", "numba"))


def ordering(W):
    """Order of elimination with which a Cholesky factor stays affordable, or None.

    The entries of the factor are counted before any is computed (approximate minimum degree, then
    the elimination tree). Without the extra, and before that is tried on millions of synapses, the
    bandwidth of the reverse Cuthill-McKee order must do.
    """
    if not installed() or W.nnz > _ORDERED:
        if not _looks_narrow(W):
            return None
        if not installed():
            return np.arange(W.shape[0])
    from cvxopt import amd

    from noiseprune.large.elimination import fill

    order = np.array(amd.order(_lower(W, np.ones(W.shape[0])))).ravel()
    if W.shape[0] > _SMALL:
        entries, _ = fill(W.indptr, W.indices, order, _FILL, _WORK * W.nnz)
        if entries == np.inf:
            return None
    return order


def _looks_narrow(W):
    """Whether few neurons lie at any one distance from a first one, hubs and trees apart.

    That many neurons, which separate near from far, fill a dense block of the factor: about sqrt(N)
    of them in the plane, almost N in a random graph. A tree fills nothing, and a hub one row.
    """
    n = W.shape[0]
    if n <= _SMALL:
        return True
    hubs = np.argsort(-np.diff(W.indptr), kind="stable")[: int(np.sqrt(n))]
    left = np.ones(n, dtype=bool)
    left[hubs] = False
    pattern = sparse.csr_array((np.ones(W.nnz, dtype=np.int32), W.indices, W.indptr), W.shape)
    for _ in range(n):  # leaves fall, layer by layer
        leaves = left & (pattern @ left.astype(np.int32) <= 1)
        if np.count_nonzero(leaves) < 1e-3 * n:
            break
        left &= ~leaves
    core = pattern[left][:, left]
    order = csgraph.reverse_cuthill_mckee(core, symmetric_mode=True)
    place = np.empty(order.size, dtype=order.dtype)
    place[order] = np.arange(order.size, dtype=order.dtype)
    distance = np.repeat(place, np.diff(core.indptr)) - place[core.indices]
    return bool(np.abs(distance).max(initial=0) <= _WIDEST * np.sqrt(n))


def _lower(W, diagonal):
    """Lower triangle of the pattern of W with a diagonal, for cvxopt."""
    from cvxopt import spmatrix

    lower = sparse.tril(sparse.diags_array(diagonal) - W).tocoo()
    return spmatrix(lower.data, *(part.astype(np.int64) for part in lower.coords))


class Factor:
    """Cholesky factor of the symmetric positive definite M of a network of `Pairs`.

    `more_leak` is added to its diagonal; `order` is that of the elimination, if it is known.
    """

    def __init__(self, pairs, *, more_leak=0.0, order=None):
        from cvxopt import cholmod, matrix

        self.size = pairs.leak.size
        upper = sparse.coo_array((pairs.w, (pairs.j, pairs.i)), shape=pairs.W.shape)
        lower = _lower(upper.tocsr(), pairs.leak + more_leak)
        given = {} if order is None else {"p": matrix(order)}
        self._factor = cholmod.symbolic(lower, **given)
        try:
            cholmod.numeric(lower, self._factor)
        except ArithmeticError:
            raise unstable(pairs.A, 0.0) from None

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
