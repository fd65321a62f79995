"""Solving with M = -A of a large network, for what iterations on vectors need after pruning."""

from __future__ import annotations

import numpy as np

from noiseprune.large import factor
from noiseprune.large.gradients import conjugate_gradients, scaled
from noiseprune.large.network import Pairs

TOLERANCE = 1e-11  # relative residual of conjugate gradients inside another iteration


def solver(A):
    """Return the function g -> M^-1 g: by a sparse Cholesky factor where that stays small.

    Without the extra `large`, or where the factor fills up, conjugate gradients do it.
    """
    pairs = Pairs(A)
    if factor.installed() and factor.affordable(pairs.W):
        return factor.Factor(pairs.W, pairs.leak).solve
    scale = 1 / np.sqrt(pairs.leak)
    W = scaled(pairs.W, scale)

    def solve(g):
        g = scale * np.asarray(g, dtype=float).reshape(-1)
        return scale * conjugate_gradients(W, g[:, None], TOLERANCE)[:, 0]

    return solve
