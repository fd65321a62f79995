"""Trajectory error of a large pair of networks, without their eigendecompositions."""

from __future__ import annotations

import numpy as np
from numpy.linalg import norm

from noiseprune.large.propagator import Course, panels

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


def sampled_errors(A, A_sparse, times, *, x0, b, sigma, probes, rng):
    """Root-mean-square difference and activity of a checked pair, in one unit at each time.

    The mean activity follows from the matrix exponential's action on vectors. Noise adds
    ``sigma^2 int_0^t ||exp(A s) - exp(A_sparse s)||_F^2 ds`` to the expected squared difference:
    Gauss-Legendre quadrature in s, on intervals that double in length, of the mean over random
    sign vectors z of ``||exp(A s) z - exp(A_sparse s) z||^2`` (Hutchinson, 1989).
    """
    n, columns = x0.shape
    signs = 2.0 * rng.integers(2, size=(n, probes if sigma > 0 else 0)) - 1.0
    # Columns: the means, driven by the input, then the probes, which nothing drives.
    start = np.hstack([x0, signs])
    course = Course((A, A_sparse), start, np.outer(b, np.arange(start.shape[1]) < columns))
    relative = sigma == 0  # noise does not let activity decay
    noise = np.zeros(2)  # integrals up to now, of the difference and of the activity
    difference, size = np.empty(times.size), np.empty(times.size)
    for k in np.argsort(times, kind="stable"):
        begin = course.now
        for stop in panels(begin, times[k], course.fastest, course.growth) if sigma > 0 else ():
            middle, half = (begin + stop) / 2, (stop - begin) / 2
            for node, weight in zip(_NODES, _WEIGHTS, strict=True):
                noise *= course.advance(middle + half * node, relative=relative) ** 2
                own, other = (state[:, columns:] for state in course.states)
                noise += half * weight * np.square([norm(own - other), norm(own)]) / probes
            begin = stop
        shrunk = course.advance(times[k], relative=relative)
        if sigma > 0:
            noise *= shrunk**2
        own, other = (state[:, :columns] for state in course.states)
        root = sigma * np.sqrt(noise)
        difference[k] = np.hypot(norm(own - other) / np.sqrt(columns), root[0])
        size[k] = np.hypot(norm(own) / np.sqrt(columns), root[1])
    return difference, size
