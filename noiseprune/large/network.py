"""What the methods for large networks ask of one: sparse, symmetric, diagonally dominant."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from noiseprune import _checks, _device, _matrix
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import check_leak

LIMIT = 5000  # neurons above which a sparse network never becomes an N x N matrix

_SYNAPSES = 2**18  # at a time, on each thread

ROUNDING = 1e-12  # of a neuron's leak, by which its excess may be negative


def is_large(A):
    """Whether a checked A is sparse and too large to become dense."""
    return sparse.issparse(A) and A.shape[0] > LIMIT


def fits(A):
    """Whether a checked sparse A is symmetric and diagonally dominant up to rounding."""
    return _matrix.is_dominant(A) and _matrix.is_symmetric(A)


class Pairs:
    """A network as a list of pairs i < j with weights, and the leaks.

    It is checked unless its synapses W come with it, and their `_matrix.Links`. The dynamics is
    ``-M`` with ``M = sum_pairs |w| u u^T + diag(excess)``, u as in the rule.

    Attributes
    ----------
    W : csr_array, shape (N, N)
        Weights.
    i, j, w : ndarray, shape (pairs,)
        Neurons and weight of every pair. Two directions that differ by rounding count once.
    leak, excess : ndarray, shape (N,)
        ``M_ii`` and what of it exceeds the total input, not negative. A neuron without synapses
        and without leak plays no part, and gets a leak of 1.
    """

    def __init__(self, A, W=None, links=None, on=_device.HOST):
        if W is None:
            if not sparse.issparse(A):
                raise TypeError(
                    f"A must be a SciPy sparse array, got {type(A).__name__}; "
                    "use noiseprune.stationary_covariance for a dense network"
                )
            A = _checks.matrix(A)
            check_leak(A)
            W = synapses(A)
            links = _matrix.links(A, W, on)
        self.A, self.W = A, W
        if not links.symmetric:
            raise ValueError(
                "A must be symmetric: methods for large networks do not fit others; use "
                "noiseprune.stationary_covariance"
            )
        leak, total = -A.diagonal(), np.asarray(abs(self.W).sum(axis=1))
        excess = leak - total
        worst = int(np.argmin(excess + ROUNDING * leak))
        if excess[worst] < -ROUNDING * leak[worst]:
            raise ValueError(
                f"A must be diagonally dominant, but neuron {worst} has leak "
                f"{leak[worst]:.4g} and total input {total[worst]:.4g}; give leak with add_leak, "
                "or use noiseprune.stationary_covariance"
            )
        self.excess = np.where((total == 0) & (leak == 0), 1.0, np.maximum(excess, 0))
        self.leak = np.maximum(total, leak, where=leak > 0, out=self.excess.copy())
        self.i, self.j, self.w, self._pair = _pairs(self.W, links)

    def on_synapses(self, values):
        """Put a value for every pair on both of its synapses: a csr_array with the pattern of W."""
        data = np.empty(self._pair.size)

        def put(part):
            values.take(self._pair[part], out=data[part], mode="clip")  # needs no second array

        starts = range(0, data.size, _SYNAPSES)
        _matrix.in_parallel(put, [slice(k, k + _SYNAPSES) for k in starts])
        return sparse.csr_array((data, self.W.indices, self.W.indptr), shape=self.W.shape)


def _pairs(W, links):
    """Neurons i < j and weight of every pair of W, and the number of the pair of every entry."""
    rows, columns = row_indices(W), W.indices
    if links.pair is not None:
        upper = links.upper
        return rows[upper], columns[upper], W.data[upper], links.pair
    # Symmetric up to rounding: some entry has no mirror image.
    ends = np.minimum(rows, columns).astype(np.int64), np.maximum(rows, columns)
    _, pair = np.unique(ends[0] * W.shape[0] + ends[1], return_inverse=True)
    order = np.argsort(np.abs(W.data), kind="stable")
    largest = np.empty(pair.max(initial=-1) + 1, dtype=order.dtype)
    largest[pair[order]] = order  # of the two directions, the larger is written last
    i, j = (end[largest].astype(columns.dtype) for end in ends)
    return i, j, W.data[largest], pair
