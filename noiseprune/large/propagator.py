"""The exact course of one or more networks in time, by products with their matrices alone."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev
from scipy import sparse
from scipy.sparse import linalg as splinalg

_LONGEST = 1000.0  # step in units of 1 / radius, above which it is divided
_GROWTH = 100.0  # exponent by which a step may grow
_SHRINK = (
    1e-3  # factor by which a step may shrink what nothing drives: rounding is that of its start
)
_FAR = 1e100  # size of a state above which, or below whose root, it is given in another unit


class Course:
    """States of networks ``dx/dt = A x + drive`` that start alike, carried on together.

    All stand in one common unit, which changes when activity grows or decays beyond floating
    point: only ratios have a meaning.

    Attributes
    ----------
    states : list of ndarray, shape (N, columns)
        One for each network.
    now : float
        Their time.
    """

    def __init__(self, matrices, start, drive):
        self._systems = [_Propagator(matrix) for matrix in matrices]
        self.states, self.now = [start] * len(matrices), 0.0
        self._drive, self._driven = drive, bool(drive.any())
        self.fastest = 2 * max(system.radius for system in self._systems)
        self._bound = bound = max(system.high for system in self._systems)
        self._limit = self._step = min(
            _LONGEST * 2 / self.fastest, _GROWTH / bound if bound > 0 else np.inf
        )

    @cached_property
    def growth(self):
        """Rate of the fastest growth, to a few per cent; 0 without any."""
        if self._bound <= 0:
            return 0.0
        return max(_fastest_growth(system.A) for system in self._systems)

    def advance(self, stop, *, relative):
        """Carry all states on to the time `stop`; return the factor by which their numbers shrank.

        `relative`: keep the relative accuracy of every column while it decays, as long as nothing
        drives it.
        """
        factor = 1.0
        while self.now < stop:
            factor *= self.step(stop, relative=relative)
        return factor

    def step(self, stop, *, relative):
        """Like `advance`, but go no farther than one step."""
        relative = relative and not self._driven
        while True:
            step = min(self._step, stop - self.now)
            states = [
                f(x, step, self._drive) for f, x in zip(self._systems, self.states, strict=True)
            ]
            left = self._left(states) if relative else 1.0
            if left >= _SHRINK:
                break
            self._step = step / 2
        if left > 0.1:
            self._step = min(2 * self._step, self._limit)
        self.states = states
        self.now = stop if step == stop - self.now else self.now + step
        size = float(max(np.abs(x).max() for x in states))
        if not (size > _FAR or (relative and 0 < size < 1 / np.sqrt(_FAR))):
            return 1.0
        self.states = [x / size for x in states]
        self._drive = self._drive / size
        return 1 / size

    def _left(self, states):
        """Least factor by which a column shrinks."""
        pairs = zip(states, self.states, strict=True)
        lengths = [np.linalg.norm(x, axis=0) for pair in pairs for x in pair]
        after, before = np.concatenate(lengths[::2]), np.concatenate(lengths[1::2])
        known = before > 1 / _FAR
        return np.divide(after, before, out=np.ones_like(after), where=known).min(initial=1.0)


class _Propagator:
    """Exact step of ``dx/dt = A x + drive``: ``x + phi(A step) step (A x + drive)``.

    ``phi(z) = (exp(z) - 1) / z`` of a symmetric matrix is a Chebyshev series on the interval that
    holds its eigenvalues (Gershgorin's discs); its length grows as the square root of the step.
    """

    def __init__(self, A):
        diagonal = A.diagonal()
        total = np.asarray(abs(A).sum(axis=1)) - np.abs(diagonal)
        low, self.high = float((diagonal - total).min()), float((diagonal + total).max())
        self.centre = (low + self.high) / 2
        self.radius = max((self.high - low) / 2, 1e-3 * abs(self.centre), np.finfo(float).tiny)
        eye = sparse.eye_array(A.shape[0], format="csr")
        self.A, self.doubled = A, (2 / self.radius) * (A - self.centre * eye)  # 2 A', |A'| <= 1

    def __call__(self, x, step, drive):
        def phi(u):
            z = step * (self.centre + self.radius * u)
            return step * np.divide(np.expm1(z), z, out=np.ones_like(z), where=z != 0)

        length = step * self.radius
        series = chebyshev.chebinterpolate(phi, int(min(length, np.sqrt(72 * length))) + 25)
        before = self.A @ x + drive
        result = x + series[0] * before
        current = (self.doubled @ before) / 2
        for coefficient in chebyshev.chebtrim(series, 1e-14 * np.abs(series).max())[1:]:
            result += coefficient * current
            following = self.doubled @ current
            following -= before
            before, current = current, following
        return result


def _fastest_growth(A):
    """Largest eigenvalue of a symmetric A, to a few per cent."""
    if A.shape[0] < 3:
        return float(np.linalg.eigvalsh(A.toarray())[-1])
    start = np.random.default_rng(0).standard_normal(A.shape[0])
    values = splinalg.eigsh(A, k=1, which="LA", v0=start, tol=1e-2, return_eigenvectors=False)
    return float(values[0])


def panels(start, stop, fastest, growth):
    """Ends of intervals that double in length, from the time scale of the fastest mode on.

    Where activity grows, they stay below the time scale of that: a quadrature rule on each of them
    sees a smooth function.
    """
    limit = 4 / growth if growth > 0 else np.inf
    ends, length = [], max(start, 1 / fastest) if fastest > 0 else stop
    while start + min(length, limit) < stop:
        start += min(length, limit)
        ends.append(start)
        length = max(start, length)
    return [*ends, stop]
