"""Differences of activity in a symmetric, diagonally dominant network, however nearly singular.

Where a part of the network is held by next to no leak, or tied to the rest by next to no weight,
its neurons drift together: each has a huge variance, a difference of two has not, and subtraction
loses it. Here nothing is subtracted.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from noiseprune import _matrix


def variances(A, W):
    """``Var(x_i - sign(w_ij) x_j)`` at sigma = 1 on the synapses W of a checked A: a csr_array.

    Gaussian elimination on the weights and the excess leaks of ``M = -A`` in place of its entries:
    what a neuron leaves to the others when it is eliminated is added to theirs, so that the pivots
    of ``M = L P L^T`` keep their relative accuracy however small they are (Alfa, Xue & Ye, 2002;
    Ye, 2008). ``u^T M^-1 u`` is then the sum of squares ``|P^-1/2 L^-1 u|^2``. A neuron that
    nothing holds any more drifts freely, and the limit of its square is 0.

    It takes of the order of N^3 operations: seconds at N = 1,000.
    """
    dense = _matrix.dense(A)
    R = _whitening(dense, np.maximum(_excess_leak(dense), 0.0))
    columns = np.ascontiguousarray(R.T)
    rows = _matrix.row_indices(W)
    upper = np.flatnonzero(rows < W.indices)
    step = max(1, 16 * _matrix.BLOCK // len(columns))
    V = np.zeros(A.shape)

    def on_pairs(k):
        pairs = upper[k : k + step]
        i, j = rows[pairs], W.indices[pairs]
        difference = columns[i]
        difference -= np.sign(W.data[pairs])[:, None] * columns[j]
        V[i, j] = V[j, i] = np.einsum("ij,ij->i", difference, difference) / 2

    _matrix.in_parallel(on_pairs, range(0, upper.size, step))
    return sparse.csr_array((V[rows, W.indices], W.indices, W.indptr), shape=W.shape)


def _excess_leak(A):
    """Excess leaks, each correct to its last digit."""
    inputs = np.abs(A)
    np.fill_diagonal(inputs, A.diagonal())
    return -np.array([math.fsum(row) for row in inputs])


def _whitening(A, excess):
    """``P^-1/2 L^-1`` for ``M = L P L^T``; the diagonal of A is not used."""
    w, R = A.copy(), np.eye(len(A))
    signed = (w < 0).sum() > np.count_nonzero(w.diagonal() < 0)
    for k in range(len(w)):
        own, rest = w[k, k + 1 :], w[k + 1 :, k + 1 :]
        pivot = excess[k] + np.abs(own).sum()
        if pivot == 0:
            R[k] = 0.0
            continue
        share = own / pivot
        passed = np.outer(share, own)
        excess[k + 1 :] += np.abs(share) * excess[k]
        if signed:  # two paths of opposite sign: what they cancel is leak
            lost = np.minimum(np.abs(rest), np.abs(passed))
            lost[(rest > 0) == (passed > 0)] = 0.0
            np.fill_diagonal(lost, 0.0)
            excess[k + 1 :] += 2 * lost.sum(axis=1)
        rest += passed
        R[k + 1 :, : k + 1] += np.outer(share, R[k, : k + 1])
        R[k, : k + 1] /= np.sqrt(pivot)
    return R
