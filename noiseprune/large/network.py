"""What the methods for large networks ask of one: sparse, symmetric, diagonally dominant."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from noiseprune import _checks, _matrix
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import check_leak, unstable

_ROUNDING = 1e-12  # of a neuron's leak, by which its excess may be negative


def fits(A):
    """Whether a checked sparse A is symmetric and diagonally dominant up to rounding."""
    leak = -A.diagonal()
    total = np.asarray(abs(A).sum(axis=1)) - np.abs(leak)
    return bool((leak - total >= -_ROUNDING * leak).all()) and _matrix.is_symmetric(A)


class Pairs:
    """A checked network as a list of pairs i < j with weights, and the leaks.

    Attributes
    ----------
    W : csr_array, shape (N, N)
        Weights.
    i, j, w : ndarray, shape (pairs,)
        Neurons and weight of every pair.
    leak, excess : ndarray, shape (N,)
        ``-A_ii`` and what of it exceeds the total input.
    """

    def __init__(self, A):
        if not sparse.issparse(A):
            raise TypeError(
                f"A must be a SciPy sparse array, got {type(A).__name__}; "
                "use noiseprune.stationary_covariance for a dense network"
            )
        A = _checks.matrix(A)
        check_leak(A)
        if not _matrix.is_symmetric(A):
            raise ValueError(
                "A must be symmetric: methods for large networks do not fit others; use "
                "noiseprune.stationary_covariance"
            )
        self.W = synapses(A)
        if self.W.nnz == 0:
            raise ValueError("A has zero synapses: every off-diagonal entry is 0; nothing to prune")
        self.leak = -A.diagonal()
        self.excess = self.leak - np.asarray(abs(self.W).sum(axis=1))
        worst = int(np.argmin(self.excess + _ROUNDING * self.leak))
        if self.excess[worst] < -_ROUNDING * self.leak[worst]:
            raise ValueError(
                f"A must be diagonally dominant, but neuron {worst} has leak "
                f"{self.leak[worst]:.4g} and total input "
                f"{self.leak[worst] - self.excess[worst]:.4g}; give leak with add_leak, or use "
                "noiseprune.stationary_covariance"
            )
        rows = row_indices(self.W)
        upper = rows < self.W.indices
        self.i, self.j, self.w = rows[upper], self.W.indices[upper], self.W.data[upper]
        self._check_definite(A)

    def _check_definite(self, A):
        """M is singular where a connected part has no excess leak and is balanced.

        Balanced: some signs of the neurons make every weight positive. Then, and only then, the
        double cover (every neuron as itself and as its mirror image, negative synapses leading from
        one kind to the other) falls apart over that part.
        """
        n = self.leak.size
        _, part = csgraph.connected_components(self.W, directed=False)
        excess = np.bincount(part, np.maximum(self.excess, 0)) / np.bincount(part)
        if excess.min() > 1e-14 * self.leak.max():
            return
        mirror = n * (self.w < 0)
        cover = sparse.coo_array(
            (
                np.ones(2 * self.w.size, dtype=np.int8),
                (np.r_[self.i, self.i + n], np.r_[self.j + mirror, self.j + n - mirror]),
            ),
            shape=(2 * n, 2 * n),
        )
        _, side = csgraph.connected_components(cover.tocsr(), directed=False)
        balanced = side[:n] != side[n:]
        if np.any(balanced & (excess[part] <= 1e-14 * self.leak.max())):
            raise unstable(A, 0.0)

    def on_synapses(self, values):
        """Put a value for every pair on both of its synapses: a csr_array with the pattern of W."""
        upper = row_indices(self.W) < self.W.indices
        data = np.empty(self.W.nnz)
        data[upper] = values
        # Both directions of a pair stand in the same order: the lower triangle by rows is the upper
        # one by columns.
        data[~upper] = values[np.argsort(self.j, kind="stable")]
        return sparse.csr_array((data, self.W.indices, self.W.indptr), shape=self.W.shape)
