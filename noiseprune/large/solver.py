"""Solving with M = -A of a large network, for what iterations on vectors need after pruning."""

from __future__ import annotations

import numpy as np

from noiseprune.covariance import unstable
from noiseprune.large import factor
from noiseprune.large.gradients import conjugate_gradients, scaled
from noiseprune.large.ground import SINGULAR, ground
from noiseprune.large.network import Pairs

TOLERANCE = 1e-11  # relative residual of conjugate gradients inside another iteration


def solver(A):
    """Return the function g -> M^-1 g: by a sparse Cholesky factor where that stays small.

    Without the extra `large`, or where the factor fills up, conjugate gradients do it. g is a
    vector or a matrix of columns.
    """
    pairs = Pairs(A)
    grounded = ground(pairs.A, pairs.i, pairs.j, pairs.w, pairs.leak, pairs.excess)
    if (grounded.share <= SINGULAR).any() or not pairs.A.diagonal().all():
        raise unstable(pairs.A, 0.0)
    if factor.installed() and (order := factor.ordering(pairs.W)) is not None:
        return factor.Factor(pairs, order=order).solve
    scale = 1 / np.sqrt(pairs.leak)
    W = scaled(pairs.W, scale)

    def solve(g):
        columns = scale[:, None] * np.asarray(g, dtype=float).reshape(scale.size, -1)
        x = conjugate_gradients(W, columns, TOLERANCE)
        return (scale[:, None] * x).reshape(np.shape(g))

    return solve
