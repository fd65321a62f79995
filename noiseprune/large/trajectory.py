"""Trajectory error of a large pair of networks, without their eigendecompositions."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev
from scipy import sparse

from noiseprune import _checks, _matrix
from noiseprune.dynamics import constant_input, initial, outgrown

_LONGEST = 1000.0  # step in units of 1 / radius, above which it is divided
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def trajectory_error(A, A_sparse, times, *, x0, b=0.0, sigma=0.0, probes=16, rng=None):
    """`noiseprune.trajectory_error` of a large sparse pair, its noise part by random probes.

    The mean activity follows from the matrix exponential's action on vectors. Noise adds
    ``sigma^2 int_0^t ||exp(A s) - exp(A_sparse s)||_F^2 ds`` to the expected squared difference:
    Gauss-Legendre quadrature in s, on intervals that double in length, of the mean over random
    sign vectors z of ``||exp(A s) z - exp(A_sparse s) z||^2``.

    Parameters
    ----------
    A, A_sparse : (N, N) sparse array
        Symmetric dynamics matrices of the original and the pruned network.
    times : (T,) array_like
        Times, not negative.
    x0 : (N,) or (N, B) array_like
        Initial activity; with B columns the squares are averaged over them.
    b : float or (N,) array_like
        Constant input.
    sigma : float
        Noise amplitude, not negative.
    probes : int
        Number of random vectors for the noise part, whose relative error is about
        ``sqrt(2 / (probes * n))``, n the number of modes that take part (at most N). Without noise
        the result is exact.
    rng : numpy.random.Generator, int or None
        Source of the probes.

    Returns
    -------
    ndarray, shape (T,)
        Relative root-mean-square error at the times.

    Raises
    ------
    TypeError
        If a matrix is not sparse.
    ValueError
        If a shape does not fit, a matrix is not symmetric, the original's activity is 0, or the
        activity of an unstable network outgrows floating point.

    References
    ----------
    Hutchinson (1989), the trace from random signs; book section 18.

    Examples
    --------
    >>> import numpy as np
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.random_graph(300, 10, rng=0), excess=0.1)
    >>> pruned, x0 = npr.noise_prune(A, 0.5, rng=0).A, np.zeros(300)
    >>> sampled = npr.large.trajectory_error(A, pruned, [1.0], x0=x0, sigma=1.0, rng=0)
    >>> exact = npr.trajectory_error(A, pruned, [1.0], x0=x0, sigma=1.0)
    >>> bool(abs(sampled / exact - 1)[0] < 0.05)
    True
    """
    pair = []
    for matrix, name in ((A, "A"), (A_sparse, "A_sparse")):
        if not sparse.issparse(matrix):
            raise TypeError(f"{name} must be a SciPy sparse array, got {type(matrix).__name__}")
        pair.append(_checks.matrix(matrix, name))
        if not _matrix.is_symmetric(pair[-1]):
            raise ValueError(f"{name} must be symmetric; simulate an asymmetric network instead")
    _checks.same_shape(*pair, "A", "A_sparse")
    n = pair[0].shape[0]
    x0 = initial(x0, n).reshape(n, -1)
    times = _checks.array(times, "times", ndim=1, nonnegative=True)
    b = constant_input(b, n)
    sigma = _checks.number(sigma, "sigma", low=0)
    probes = _checks.integer(probes, "probes", low=1) if sigma > 0 else 0
    signs = 2.0 * _checks.generator(rng).integers(2, size=(n, probes)) - 1.0

    # Columns: the means, driven by the input, then the probes, which nothing drives.
    columns = x0.shape[1]
    state = np.hstack([x0, signs])
    drive = np.outer(b, np.arange(columns + probes) < columns)
    states, systems = [state, state], [_Propagator(M, drive) for M in pair]
    fastest = 2 * max(system.radius for system in systems)
    noise, noise_error = 0.0, 0.0  # the integrals up to now
    now, result = 0.0, np.empty(times.size)
    for k in np.argsort(times, kind="stable"):
        for stop in _panels(now, times[k], fastest) if times[k] > now else ():
            middle, half = (now + stop) / 2, (stop - now) / 2
            nodes = middle + half * _NODES if probes else []
            for node, weight in zip(nodes, _WEIGHTS, strict=False):
                states = [f(x, node - now) for f, x in zip(systems, states, strict=True)]
                now = node
                own, other = (state[:, columns:] for state in states)
                noise += half * weight * _squares(own) / probes
                noise_error += half * weight * _squares(own - other) / probes
            states = [f(x, stop - now) for f, x in zip(systems, states, strict=True)]
            now = stop
        own, other = (state[:, :columns] for state in states)
        size = _squares(own) / columns + sigma**2 * noise
        difference = _squares(own - other) / columns + sigma**2 * noise_error
        if not np.isfinite([difference, size]).all():
            raise outgrown(times[k])
        if size == 0:
            raise ValueError(
                f"the original network's activity is 0 at t = {times[k]:.6g}: no relative error"
            )
        result[k] = np.sqrt(difference / size)
    return result


def _squares(x):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sum(x**2)


def _panels(start, stop, fastest):
    """Ends of intervals that double in length, from the time scale of the fastest mode on."""
    ends, length = [], max(start, 1 / fastest) if fastest > 0 else stop
    while start + length < stop:
        start += length
        ends.append(start)
        length = max(start, length)
    return [*ends, stop]


class _Propagator:
    """Exact step of ``dx/dt = A x + drive``: ``x + phi(A step) step (A x + drive)``.

    ``phi(z) = (exp(z) - 1) / z`` of a symmetric matrix is a Chebyshev series on the interval that
    holds its eigenvalues (Gershgorin's discs); its length grows as the square root of the step.
    """

    def __init__(self, A, drive):
        diagonal = A.diagonal()
        total = np.asarray(abs(A).sum(axis=1)) - np.abs(diagonal)
        low, high = float((diagonal - total).min()), float((diagonal + total).max())
        self.centre, self.radius = (low + high) / 2, max((high - low) / 2, np.finfo(float).tiny)
        self.A, self.drive = A, drive
        eye = sparse.eye_array(A.shape[0], format="csr")
        self.doubled = (2 / self.radius) * (A - self.centre * eye)  # 2 A', |A'| <= 1

    def __call__(self, x, step):
        pieces = int(np.ceil(step * self.radius / _LONGEST))
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(pieces):
                x = x + self._increment(x, step / pieces)
        return x

    def _increment(self, x, step):
        def phi(u):
            z = step * (self.centre + self.radius * u)
            return step * np.divide(np.expm1(z), z, out=np.ones_like(z), where=z != 0)

        length = step * self.radius
        series = chebyshev.chebinterpolate(phi, int(min(length, np.sqrt(72 * length))) + 25)
        before = self.A @ x + self.drive
        result = series[0] * before
        current = (self.doubled @ before) / 2
        for coefficient in chebyshev.chebtrim(series, 1e-14 * np.abs(series).max())[1:]:
            result += coefficient * current
            following = self.doubled @ current
            following -= before
            before, current = current, following
        return result
