"""Sampling the activity of a large network: block conjugate gradients on many noises at once.

With ``M = -A = B B^T`` (B has one column for each synapse and one for each excess leak) and random
signs z, ``x = M^-1 B z`` has the covariance ``M^-1``: Spielman & Srivastava's sketch.

Law of total variance: what the two neurons of a synapse do given all others is a 2 x 2 inverse,
known exactly; only the variance of their conditional mean is sampled. In a network where a neuron
has d neighbours the sampled part is about 1/d of the whole, and so is the error.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse
from tqdm import tqdm

_WIDTH = 16  # noises at a time: one row of a block fills two cache lines
_ROWS = 4096  # rows at a time, so that a pass over several blocks stays in the cache
_PAIRS = 2**16  # synapses at a time


def sampled_variances(pairs, *, samples, tolerance, workers, progress, rng):
    """Exact and sampled part of ``u^T M^-1 u`` for every pair, and of ``(M^-1)_ii``.

    Returns
    -------
    known, rest : ndarray, shape (pairs,)
        The variance is known + rest; only `rest` has a sampling error.
    diagonal : ndarray, shape (N,)
        ``(M^-1)_ii``.
    """
    system = _Scaled(pairs)
    widths = [min(_WIDTH, samples - k) for k in range(0, samples, _WIDTH)]
    seeds = rng.integers(2**63, size=len(widths))
    rest, diagonal = np.zeros(pairs.i.size), np.zeros(pairs.leak.size)
    workers = workers or min(4, _processors())
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=samples, disable=not progress, unit="sample") as bar,
    ):
        # As many blocks at a time as there are threads; added in order, whatever their number.
        for start in range(0, len(widths), workers):
            now = slice(start, start + workers)
            for width, (r, d) in zip(
                widths[now],
                pool.map(lambda w, s: system.sample(w, s, tolerance), widths[now], seeds[now]),
                strict=True,
            ):
                rest += r
                diagonal += d
                bar.update(width)
    return system.known, rest / samples, (1 + diagonal / samples) / pairs.leak


def _processors():
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Scaled:
    """The system with unit diagonal, ``D^-1/2 M D^-1/2 = I - W'``: Jacobi's preconditioner."""

    def __init__(self, pairs):
        scale = 1 / np.sqrt(pairs.leak)
        i, j, w = pairs.i, pairs.j, pairs.w
        strength = w * scale[i] * scale[j]  # w', the weights of the scaled system
        self.W = scaled(pairs.W, scale)
        self.excess = scale * np.sqrt(np.maximum(pairs.excess, 0))
        ends = np.column_stack([i, j])
        u = np.column_stack([scale[i], -np.sign(w) * scale[j]])
        a = u + strength[:, None] * u[:, ::-1]  # (I - W')_bb^-1 u on the two neurons b = {i, j}
        a /= 1 - strength[:, None] ** 2
        self.known = np.einsum("ij,ij->i", a, u)
        self.ends, self.u, self.a = ends.ravel(), u.ravel(), a.ravel()
        self.root = np.sqrt(np.abs(w))

    def sample(self, width, seed, tolerance):
        """Sum over `width` samples of the squared conditional means, of pairs and of neurons."""
        g = self._noise(width, np.random.default_rng(seed))
        x = conjugate_gradients(self.W, g, tolerance)
        squares = np.empty(self.root.size)
        for rows, U, a in self._chunks():
            mean = U @ x
            mean -= a @ g
            np.einsum("ij,ij->i", mean, mean, out=squares[rows])
        x -= g
        return squares, np.einsum("ij,ij->i", x, x)

    def _noise(self, width, rng):
        """B z for random signs z, which disturb less than normal numbers of the same variance."""
        g = self.excess[:, None] * _signs(rng, self.excess.size, width)
        for rows, U, _ in self._chunks():
            g += U.T @ (self.root[rows, None] * _signs(rng, rows.stop - rows.start, width))
        return g

    def _chunks(self):
        """Yield slices of pairs with their rows of U (differences) and of the conditional means."""
        n, pairs = self.excess.size, self.root.size
        for start in range(0, pairs, _PAIRS):
            rows = slice(start, min(start + _PAIRS, pairs))
            entries = slice(2 * rows.start, 2 * rows.stop)
            indptr = np.arange(0, 2 * (rows.stop - rows.start) + 1, 2, dtype=self.ends.dtype)
            shape = (indptr.size - 1, n)
            yield (
                rows,
                *(
                    sparse.csr_array((data[entries], self.ends[entries], indptr), shape=shape)
                    for data in (self.u, self.a)
                ),
            )


def scaled(W, scale):
    """``diag(scale) W diag(scale)`` for a csr_array, sharing its pattern."""
    data = W.data * np.repeat(scale, np.diff(W.indptr))
    data *= scale[W.indices]
    return sparse.csr_array((data, W.indices, W.indptr), shape=W.shape)


def _signs(rng, rows, width):
    return 2.0 * rng.integers(2, size=(rows, width), dtype=np.int8) - 1.0


def conjugate_gradients(W, g, tolerance):
    """Solve ``(I - W) x = g`` for the columns of g to a relative residual `tolerance`."""
    n = g.shape[0]
    x, r, p = np.zeros_like(g), g.copy(), g.copy()
    chunks = [slice(k, min(k + _ROWS, n)) for k in range(0, n, _ROWS)]
    size = sum(_squares(r[rows]) for rows in chunks)
    goal, limit = tolerance**2 * size, 10 * n + 100
    for _ in range(limit):
        if (size <= goal).all():
            return x
        q = W @ p
        curvature = 0.0
        for rows in chunks:
            np.subtract(p[rows], q[rows], out=q[rows])
            curvature += np.einsum("ij,ij->j", p[rows], q[rows])
        step = np.divide(size, curvature, out=np.zeros_like(size), where=size > goal)
        previous, size = size, 0.0
        for rows in chunks:
            x[rows] += step * p[rows]
            r[rows] -= step * q[rows]
            size += _squares(r[rows])
        ratio = np.divide(size, previous, out=np.zeros_like(size), where=previous > 0)
        for rows in chunks:
            p[rows] *= ratio
            p[rows] += r[rows]
    raise RuntimeError(
        f"conjugate gradients did not reach a relative residual of {tolerance:g} in {limit} steps; "
        "raise the tolerance, or use method='exact'"
    )


def _squares(block):
    return np.einsum("ij,ij->j", block, block)
