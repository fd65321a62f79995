"""Solving with M = -A of a large network, for what iterations on vectors need after pruning."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from noiseprune import _device, _matrix
from noiseprune.covariance import NoCovariance, unstable
from noiseprune.large import factor
from noiseprune.large.gradients import Threads, conjugate_gradients
from noiseprune.large.ground import SINGULAR, ground
from noiseprune.large.krylov import largest_of_inverse
from noiseprune.large.network import Pairs, fits, is_large

TOLERANCE = 1e-11  # relative residual of conjugate gradients inside another iteration
_LEFT = 1e-4  # of the mean leak, least excess leak that is left where an iteration takes it away


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


def common_leak(A):
    """Leak that all neurons of a diagonally dominant A can lose, 0 where it would gain nothing.

    Without it the modes are the same and the network is still dominant, and slow rates that were
    nearly equal are far apart in relation to each other.
    """
    return max(_matrix.excess_leak(A).min() + _LEFT * A.diagonal().mean(), 0.0)


def slowest(A, k, *, on=_device.HOST, beside=None):
    """The k slowest modes of a large dominant A, eigenvalues ascending, and their vectors.

    With `beside`, a projection that commutes with A, only those that it leaves.
    """
    shift = common_leak(A)
    solve = solver(A + shift * sparse.eye_array(A.shape[0]), on)
    only = solve if beside is None else lambda X: beside(solve(beside(X)))
    inverses, vectors = largest_of_inverse(only, A.shape[0], k)
    if shift == 0.0:
        return -1 / inverses, vectors
    values, mix = np.linalg.eigh(vectors.T @ (A @ vectors))  # fast modes beside a slow one, too
    return values, vectors @ mix


def abscissa(A):
    """Spectral abscissa of a checked A of any size.

    Iterations with A find the slowest mode last, those with its inverse first.
    """
    if not (is_large(A) and fits(A)):
        return _matrix.abscissa(A)
    shift = common_leak(A)
    try:
        solve = solver(A + shift * sparse.eye_array(A.shape[0]))
    except NoCovariance:
        return 0.0  # diagonal dominance leaves nothing above
    return float(-1 / largest_of_inverse(solve, A.shape[0], 1)[0][-1] - shift)
