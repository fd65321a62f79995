"""Homeostatic scaling: after the draw, every neuron's total input becomes what it was.

Symmetric weights are scaled as ``S W S`` with S diagonal and positive (Sinkhorn's scaling of a
symmetric matrix), directed ones row by row (synaptic scaling of a neuron's inputs).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from noiseprune._matrix import row_indices

TOLERANCE = 1e-10  # relative error of a neuron's total input that counts as none
LARGEST = 4.0  # of the factors of neurons, relative to one common to all: there scaling ends
_STEPS = 100  # of Newton's method; four to ten are the rule
_GRADIENTS = 200  # conjugate-gradient steps for one of Newton's


def scaled_to(W, total, *, symmetric):
    """Scale weights so that the sizes of every row add up to `total`, as far as that goes.

    Parameters
    ----------
    W : csr_array, shape (N, N)
        Weights, no diagonal.
    total : ndarray, shape (N,)
        Total input ``sum_j |w_ij|`` that each neuron shall have.
    symmetric : bool
        Scale as ``S W S`` with one factor for each neuron, which keeps W symmetric; else scale
        each row by itself.

    Returns
    -------
    csr_array, shape (N, N)
        The scaled weights, their pattern as it was. A row without a synapse stays empty. Where a
        symmetric pattern has no exact scaling, as a lone pair with two different totals, or only
        one with factors above `LARGEST`, some rows get less than their total.
    """
    size = abs(W)
    if symmetric:
        s = symmetric_factors(size, total)
        factors = s[row_indices(W)] * s[W.indices]
    else:
        now = np.asarray(size.sum(axis=1))
        factors = np.divide(total, now, out=np.ones_like(now), where=now > 0)[row_indices(W)]
    return sparse.csr_array((W.data * factors, W.indices, W.indptr), shape=W.shape)


def symmetric_factors(B, total):
    """Return s > 0 with ``s_i (B s)_i = total_i``, as far as that goes.

    With ``s = exp(y)`` the equations say that the gradient of the convex function
    ``exp(y)^T B exp(y) / 2 - total^T y`` is 0. It has a minimum exactly if the scaling exists, and
    always one under a bound on s: neurons at the bound get less than their total, all others
    theirs. Newton's method with that bound finds it, by sparse products alone; connected parts of
    the network choose the lengths of their steps apart.
    """
    live = np.flatnonzero(np.diff(B.indptr))
    factors = np.ones(B.shape[0])
    if live.size == 0:
        return factors
    B, total = B[live][:, live], total[live]
    common = np.sqrt(total.sum() / B.sum())
    B = B * common**2
    bound = np.log(LARGEST)
    parts, part = csgraph.connected_components(B, directed=False)

    def state(y):
        s = np.exp(y)
        row = s * (B @ s)
        return s, row, row - total

    y = np.zeros(live.size)
    for _ in range(20):  # Sinkhorn's iteration gets near
        y = np.minimum((y + np.log(total / (B @ np.exp(y)))) / 2, bound)
    s, row, g = state(y)
    for _ in range(_STEPS):
        free = (y < bound) | (g > 0)
        error = np.abs(g / total).max(where=free, initial=0.0)
        if error <= 0.01 * TOLERANCE:
            break
        # The damping holds back a part whose two sides cannot have their totals both.
        curvature = (1 + min(0.01, error)) * row
        step = _solve(B, s * free, curvature, -g * free, min(0.1, np.sqrt(error)))
        largest = np.zeros(parts)
        np.maximum.at(largest, part, np.abs(step))
        step *= np.minimum(1, 2 / np.maximum(largest, 1e-300))[part]
        length = np.ones(parts)
        slope = np.bincount(part, g * step, parts)
        for _ in range(30):
            new = np.minimum(y + length[part] * step, bound)
            moved = state(new)
            along = np.bincount(part, moved[2] * (new - y), parts)
            far = along > -0.5 * length * slope  # well past the minimum along the step
            if not far.any():
                break
            length[far] /= 2
        y, (s, row, g) = new, moved
    factors[live] = common * np.exp(y)
    return factors


def _solve(B, s, curvature, b, tolerance):
    """Solve ``(diag(curvature) + S B S) x = b`` by conjugate gradients, roughly."""
    x, r = np.zeros_like(b), b.copy()
    z = r / curvature
    p, rz = z.copy(), r @ z
    goal = tolerance**2 * rz
    for _ in range(_GRADIENTS):
        q = curvature * p + s * (B @ (s * p))
        alpha = rz / (p @ q)
        x += alpha * p
        r -= alpha * q
        z = r / curvature
        rz, before = r @ z, rz
        if not rz > goal:
            break
        p = z + (rz / before) * p
    return x
