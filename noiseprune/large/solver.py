"""Solving with M = -A of a large network, for what iterations on vectors need after pruning."""

from __future__ import annotations

import numpy as np

from noiseprune import _device
from noiseprune.covariance import unstable
from noiseprune.large import factor
from noiseprune.large.gradients import Threads, conjugate_gradients
from noiseprune.large.ground import SINGULAR, ground
from noiseprune.large.network import Pairs

TOLERANCE = 1e-11  # relative residual of conjugate gradients inside another iteration


def solver(A, on=_device.HOST):
    """Return the function g -> M^-1 g: by a sparse Cholesky factor where that stays small.

    Without the extra `large`, where the factor fills up, or on a device, conjugate gradients do it.
    g is a vector or a matrix of columns.
    """
    pairs = Pairs(A, on=on)
    grounded = ground(pairs.A, pairs.i, pairs.j, pairs.w, pairs.leak, pairs.excess)
    if (grounded.share <= SINGULAR).any() or not pairs.A.diagonal().all():
        raise unstable(pairs.A, 0.0)
    here = on is _device.HOST
    if here and factor.installed() and (order := factor.ordering(pairs.W)) is not None:
        return factor.Factor(pairs, order=order).solve
    on = Threads() if here else on
    scale = 1 / np.sqrt(pairs.leak)
    W = on.scaled(pairs.W, on.array(scale))

    def solve(g):
        columns = scale[:, None] * np.asarray(g, dtype=float).reshape(scale.size, -1)
        x = on.host(conjugate_gradients(W, on.array(columns), TOLERANCE, on))
        return (scale[:, None] * x).reshape(np.shape(g))

    return solve
