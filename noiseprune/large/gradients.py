"""Sampling the activity of a large network: block conjugate gradients on many noises at once.

With ``M = -A = B B^T`` (B has one column for each synapse and one for each excess leak) and random
signs z, ``x = M^-1 B z`` has the covariance ``M^-1``: Spielman & Srivastava's sketch.

Law of total variance: what the two neurons of a synapse do given all others is a 2 x 2 inverse,
known exactly; only the variance of their conditional mean is sampled. In a network where a neuron
has d neighbours the sampled part is about 1/d of the whole, and so is the error.
"""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from noiseprune._matrix import threads
from noiseprune.large.network import ROUNDING

_WIDTH = 32  # noises at a time: one pass over the network serves them all
_PART = 2**16  # numbers of a block worked on at a time: they stay in the cache
_PAIRS = 2**16  # synapses at a time
_COMPILED = importlib.util.find_spec("numba") is not None  # with the extra `large`
_NARROW = 8  # columns below which the compiled product gains nothing


def sampled_variances(pairs, grounded, *, samples, tolerance, workers, progress, rng):
    """Exact and sampled part of ``u^T M^-1 u`` for every pair, and the sum of all leverages.

    A balanced part whose excess leak is below the rounding of its leak is taken without any: the
    noise that enters through it is common to all and drops out of every difference.

    Returns
    -------
    known, rest : ndarray, shape (pairs,)
        The variance is known + rest; only `rest` has a sampling error.
    expected : float
        ``N - sum_i s_i (M^-1)_ii``.
    """
    bare = grounded.balanced & (grounded.share <= ROUNDING)
    excess = np.where(np.append(bare, False)[grounded.part], 0.0, pairs.excess)
    if (share := grounded.share[~bare]).size:  # what decays slowly must come out of the residual
        tolerance = min(tolerance, 1e-2 * np.sqrt(share.min()))
    system = _Scaled(pairs, excess, workers)
    rest, diagonal = np.zeros(pairs.i.size), np.zeros(pairs.leak.size)
    for start in range(0, samples, _WIDTH):
        width = min(_WIDTH, samples - start)
        squares, own = system.sample(width, tolerance, rng)
        rest += squares
        diagonal += own
        if progress:
            end = "\n" if start + width == samples else ""
            print(f"\rsample {start + width}/{samples}", end=end, file=sys.stderr, flush=True)
    lost = (1 + diagonal / samples) / pairs.leak @ excess
    return system.known, rest / samples, float(excess.size - lost - np.count_nonzero(bare))


class _Scaled:
    """The system with unit diagonal, ``D^-1/2 M D^-1/2 = I - W'``: Jacobi's preconditioner."""

    def __init__(self, pairs, excess, workers):
        self.workers = workers
        scale = 1 / np.sqrt(pairs.leak)
        i, j, w = pairs.i, pairs.j, pairs.w
        self.W = scaled(pairs.W, scale)
        self.excess = scale * np.sqrt(excess)
        ends = np.column_stack([i, j])
        sign, size = np.sign(w), np.abs(w)
        u = np.column_stack([scale[i], -sign * scale[j]])
        # On the two neurons of a pair alone M is |w| u u^T + diag(others): what they get from all
        # others and lose of their own. With a_i = e_j / (e_i + e_j), a_j = 1 - a_i it gives
        # M^-1 u = a known, u^T M^-1 u = known = 1 / (|w| + e_i a_i).
        others = np.maximum(np.column_stack([pairs.leak[i], pairs.leak[j]]) - size[:, None], 0)
        both = others.sum(axis=1, keepdims=True)
        a = np.divide(others[:, ::-1], both, out=np.full_like(others, 0.5), where=both > 0)
        self.known = 1 / (size + others[:, 0] * a[:, 0])
        a *= self.known[:, None]
        a[:, 1] *= -sign
        a /= scale[ends]  # of the scaled system
        self.ends, self.u, self.a = ends.ravel(), u.ravel(), a.ravel()
        self.root = np.sqrt(size)

    def sample(self, width, tolerance, rng):
        """Sum over `width` samples of the squared conditional means, of pairs and of neurons."""
        g = self._noise(width, rng)
        x = conjugate_gradients(self.W, g, tolerance, self.workers)
        squares = np.empty(self.root.size)

        def on_pairs(chunk):
            rows, U, a = chunk
            mean = U @ x
            mean -= a @ g
            np.einsum("ij,ij->i", mean, mean, out=squares[rows])

        with ThreadPoolExecutor(threads(self.workers)) as pool:
            list(pool.map(on_pairs, self._chunks()))
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


def conjugate_gradients(W, g, tolerance, workers=None):
    """Solve ``(I - W) x = g`` for the columns of g to a relative residual `tolerance`."""
    n = g.shape[0]
    x, r, p, q = np.zeros_like(g), g.copy(), g.copy(), np.empty_like(g)
    step = ratio = 0.0
    parts = list(_parts(W, max(1, _PART // g.shape[1])))
    workers = min(threads(workers), len(parts))

    def curvature(part):
        rows, W_rows = part
        np.subtract(p[rows], _product(W_rows, p), out=q[rows])
        return np.einsum("ij,ij->j", p[rows], q[rows])

    def advance(part):
        rows, _ = part
        x[rows] += step * p[rows]
        r[rows] -= step * q[rows]
        return _squares(r[rows])

    def turn(part):
        rows, _ = part
        p[rows] *= ratio
        p[rows] += r[rows]

    with ThreadPoolExecutor(workers) as pool:
        each = map if workers == 1 else pool.map
        size = sum(_squares(r[rows]) for rows, _ in parts)
        goal, limit = tolerance**2 * size, 10 * n + 100
        for _ in range(limit):
            if (size <= goal).all():
                return x
            bent = sum(each(curvature, parts))  # added in order, whatever the number of threads
            step = np.divide(size, bent, out=np.zeros_like(size), where=size > goal)
            previous, size = size, sum(each(advance, parts))
            ratio = np.divide(size, previous, out=np.zeros_like(size), where=previous > 0)
            list(each(turn, parts))
    raise RuntimeError(
        f"conjugate gradients did not reach a relative residual of {tolerance:g} in {limit} steps; "
        "raise the tolerance, or use method='exact'"
    )


def _parts(W, size):
    """Yield slices of `size` rows with the rows of W, whose entries are shared."""
    for start in range(0, W.shape[0], size):
        stop = min(start + size, W.shape[0])
        first, last = W.indptr[[start, stop]]
        indptr = W.indptr[start : stop + 1] - first
        rows = sparse.csr_array(
            (W.data[first:last], W.indices[first:last], indptr), shape=(stop - start, W.shape[1])
        )
        yield slice(start, stop), rows


def _product(W_rows, block):
    if not _COMPILED or block.shape[1] < _NARROW:
        return W_rows @ block
    from noiseprune.large.product import multiply

    out = np.empty((W_rows.shape[0], block.shape[1]))
    multiply(W_rows.indptr, W_rows.indices, W_rows.data, block, out)
    return out


def _squares(block):
    return np.einsum("ij,ij->j", block, block)
