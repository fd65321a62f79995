"""Sampling the activity of a large network: block conjugate gradients on many noises at once.

With ``M = -A = B B^T`` (B has one column for each synapse and one for each excess leak) and random
signs z, ``x = M^-1 B z`` has the covariance ``M^-1``: Spielman & Srivastava's sketch.

Law of total variance: what the two neurons of a synapse do given all others is a 2 x 2 inverse,
known exactly; only the variance of their conditional mean is sampled. In a network where a neuron
has d neighbours the sampled part is about 1/d of the whole, and so is the error.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from noiseprune import _device
from noiseprune._matrix import threads
from noiseprune.large import blocks
from noiseprune.large.network import ROUNDING

_WIDTH = 32  # noises at a time: one pass over the network serves them all
_PART = 2**16  # numbers of a block worked on at a time: they stay in the cache
_PAIRS = 2**16  # synapses at a time
_COMPILED = importlib.util.find_spec("numba") is not None  # with the extra `large`
_NARROW = 8  # columns below which the compiled product gains nothing
_SINGLE = 1e-6  # relative residual that single precision can reach


@dataclasses.dataclass(frozen=True, eq=False)
class System:
    """What is to be solved: plain arrays, which may travel to other processes.

    Attributes
    ----------
    data, indices, indptr : ndarray
        Weights W (CSR).
    leak, excess : ndarray, shape (N,)
        Leak, and what of it exceeds the total input.
    i, j, w : ndarray, shape (pairs,)
        Neurons and weight of every pair.
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    leak: np.ndarray
    excess: np.ndarray
    i: np.ndarray
    j: np.ndarray
    w: np.ndarray


@dataclasses.dataclass(frozen=True)
class Way:
    """How to solve it."""

    tolerance: float = 1e-8
    precision: str = "double"
    workers: int | None = None
    device: object = None

    def sampler(self, system):
        """Return the function from a block of noises to its sums of squares."""
        on = _device.open(self.device)
        if on is _device.HOST:
            on = Threads(self.workers)
        scaled = _Scaled(system, on, {"double": float, "single": np.float32}[self.precision])
        return lambda width, seed: scaled.sample(width, seed, self.tolerance)

    def travelling_sampler(self, system):
        """`sampler` for a worker, whose results leave its device."""
        on, sample = _device.open(self.device), self.sampler(system)
        return lambda width, seed: tuple(map(on.host, sample(width, seed)))


def sampled_variances(pairs, grounded, way, *, samples, progress, rng, executor=None):
    """Exact and sampled part of ``u^T M^-1 u`` for every pair, and the sum of all leverages.

    A balanced part whose excess leak is below the rounding of its leak is taken without any: the
    noise that enters through it is common to all and drops out of every difference.

    Each block of noises has a stream of its own: the result does not depend on who computes it.

    Returns
    -------
    known, rest : ndarray, shape (pairs,)
        The variance is known + rest; only `rest` has a sampling error.
    expected : float
        ``N - sum_i s_i (M^-1)_ii``.
    """
    bare = grounded.balanced & (grounded.share <= ROUNDING)
    excess = np.where(np.append(bare, False)[grounded.part], 0.0, pairs.excess)
    way = _within_reach(way, grounded.share[~bare])
    W = pairs.W
    system = System(W.data, W.indices, W.indptr, pairs.leak, excess, pairs.i, pairs.j, pairs.w)
    seeds = np.random.SeedSequence(rng.integers(2**63, size=2).tolist()).spawn(
        -(-samples // _WIDTH)
    )
    widths = [min(_WIDTH, samples - start) for start in range(0, samples, _WIDTH)]
    on, sampler = _device.open(way.device), way.sampler
    if executor is not None:
        on, sampler = _device.HOST, way.travelling_sampler
    rest, diagonal, done = on.empty(pairs.i.size), on.empty(pairs.leak.size), 0
    rest[:], diagonal[:] = 0, 0
    results = blocks.run(sampler, system, list(zip(widths, seeds, strict=True)), executor)
    for width, (squares, own) in zip(widths, results, strict=True):
        rest += squares
        diagonal += own
        done += width
        if progress:
            end = "\n" if done == samples else ""
            print(f"\rsample {done}/{samples}", end=end, file=sys.stderr, flush=True)
    rest, diagonal = on.host(rest), on.host(diagonal)
    lost = (1 + diagonal / samples) / pairs.leak @ excess
    leak, i, j, w = map(on.array, (pairs.leak, pairs.i, pairs.j, pairs.w))
    known = on.host(_conditional(on.xp, leak, i, j, abs(w))[0])
    return known, rest / samples, float(excess.size - lost - np.count_nonzero(bare))


def _within_reach(way, share):
    """The tolerance that the network needs, which must be one of the precision."""
    tolerance = way.tolerance
    if share.size:  # what decays slowly must come out of the residual
        tolerance = min(tolerance, 1e-2 * np.sqrt(share.min()))
    if way.precision == "single":
        if share.size and 1e-2 * np.sqrt(share.min()) < _SINGLE:
            raise ValueError(
                "precision='single' does not reach this network: a part of it has next to no "
                "excess leak and needs a relative residual of "
                f"{1e-2 * np.sqrt(share.min()):.1g}; use precision='double'"
            )
        tolerance = max(tolerance, _SINGLE)
    return dataclasses.replace(way, tolerance=float(tolerance))


def _conditional(xp, leak, i, j, size):
    """What the two neurons of a pair do given all others: ``known``, and the weights a of one.

    On these two alone M is |w| u u^T + diag(others): what they get from all others and lose of
    their own. With a_i = e_j / (e_i + e_j) and a_j = 1 - a_i it gives M^-1 u = known (a_i, a_j)
    and u^T M^-1 u = known = 1 / (|w| + e_i a_i).
    """
    e_i, e_j = (xp.clip(leak[k] - size, 0, None) for k in (i, j))
    both = e_i + e_j
    a_i = xp.where(both > 0, e_j / xp.where(both > 0, both, 1.0), 0.5)
    return 1 / (size + e_i * a_i), a_i


class _Scaled:
    """The system with unit diagonal, ``D^-1/2 M D^-1/2 = I - W'``: Jacobi's preconditioner."""

    def __init__(self, system, on, dtype):
        xp, self.on, self.dtype = on.xp, on, np.dtype(dtype)
        on.require(
            170 * system.w.size + 60 * system.leak.size,
            f"{system.leak.size} neurons and {system.w.size} pairs",
        )
        leak, excess = on.array(system.leak), on.array(system.excess)
        i, j, w = on.array(system.i), on.array(system.j), on.array(system.w)
        n, pairs = len(leak), len(w)
        scale = 1 / xp.sqrt(leak)
        sign, size = xp.sign(w), abs(w)
        known, a = _conditional(xp, leak, i, j, size)
        self.ends = xp.stack([i, j], 1)
        self.u = on.array(xp.stack([scale[i], -sign * scale[j]], 1), dtype)
        self.a = on.array(
            xp.stack([a * known / scale[i], -sign * (1 - a) * known / scale[j]], 1), dtype
        )
        self.root = on.array(xp.sqrt(size), dtype)
        self.excess = on.array(scale * xp.sqrt(excess), dtype)
        W = sparse.csr_array((system.data, system.indices, system.indptr), shape=(n, n))
        self.W = on.scaled(W, on.array(scale, dtype))
        self.chunks = _chunks(pairs, on.chunk)

    def sample(self, width, seed, tolerance):
        """Sum over `width` samples of the squared conditional means, of pairs and of neurons."""
        on, pairs, n = self.on, len(self.root), len(self.excess)
        number = self.dtype.itemsize
        columns = on.columns(
            width,
            5 * n * number,
            8 * (pairs + n) + 4 * on.chunk * width * number,
            f"{n} neurons and {pairs} pairs",
        )
        squares, own = on.empty(pairs), 0.0
        squares[:] = 0
        for part in columns:
            g = self._noise(width, part, seed)
            x = conjugate_gradients(self.W, g, tolerance, on)

            def on_pairs(rows, x=x, g=g):
                mean = on.pairs(self.ends[rows], self.u[rows], x)
                mean -= on.pairs(self.ends[rows], self.a[rows], g)
                squares[rows] += on.row_squares(mean)

            on.map(on_pairs, self.chunks)
            x -= g
            own = own + on.row_squares(x)
        return squares, own

    def _noise(self, width, part, seed):
        """B z for random signs z, which disturb less than normal numbers of the same variance."""
        on, stream = self.on, self.on.stream(seed)

        def scaled_signs(scale):  # of all columns: what memory allows changes no number
            return scale[:, None] * on.signs(stream, len(scale), width, self.dtype)[:, part]

        g = on.empty((len(self.excess), part.stop - part.start), self.dtype)
        for rows in _chunks(len(self.excess), on.chunk):
            g[rows] = scaled_signs(self.excess[rows])
        for rows in self.chunks:
            on.add_pairs(g, self.ends[rows], self.u[rows], scaled_signs(self.root[rows]))
        return g


def _chunks(n, size):
    return [slice(k, min(k + size, n)) for k in range(0, n, size)]


def conjugate_gradients(W, g, tolerance, on=None):
    """Solve ``(I - W) x = g`` for the columns of g to a relative residual `tolerance`."""
    on = Threads() if on is None else on
    limit = 10 * g.shape[0] + 100
    with on.iteration(W, g) as block:
        size = block.size()
        goal = tolerance**2 * size
        for _ in range(limit):
            if (size <= goal).all():
                return block.x
            bent = block.curvature()
            step = np.divide(size, bent, out=np.zeros_like(size), where=size > goal)
            previous, size = size, block.advance(step)
            block.turn(np.divide(size, previous, out=np.zeros_like(size), where=previous > 0))
    raise RuntimeError(
        f"conjugate gradients did not reach a relative residual of {tolerance:g} in {limit} steps; "
        "raise the tolerance, or use method='exact'"
    )


class Threads(_device.Host):
    """NumPy with threads: what `_device.Torch` has for blocks of vectors."""

    def __init__(self, workers=None):
        self.workers, self.chunk = workers, _PAIRS

    def columns(self, width, each, fixed, what):
        """All columns at once."""
        return [slice(0, width)]

    def stream(self, seed):
        """Return a source of random signs."""
        return np.random.default_rng(seed)

    def signs(self, stream, rows, width, dtype):
        """Random signs."""
        two = dtype.type(2)
        return two * stream.integers(2, size=(rows, width), dtype=np.int8) - dtype.type(1)

    def scaled(self, W, scale):
        """``diag(scale) W diag(scale)`` for a csr_array, sharing its pattern."""
        data = W.data.astype(scale.dtype, copy=False) * np.repeat(scale, np.diff(W.indptr))
        data *= scale[W.indices]
        return sparse.csr_array((data, W.indices, W.indptr), shape=W.shape)

    def map(self, work, parts):
        """Call ``work(part)`` for every part, on threads."""
        with ThreadPoolExecutor(threads(self.workers)) as pool:
            list(pool.map(work, parts))

    def _pair_rows(self, ends, coefficients, n):
        """One row for every pair: its two coefficients."""
        indptr = np.arange(0, 2 * len(ends) + 1, 2, dtype=ends.dtype)
        entries = (np.ascontiguousarray(coefficients).ravel(), ends.ravel(), indptr)
        return sparse.csr_array(entries, shape=(len(ends), n))

    def pairs(self, ends, coefficients, x):
        """``c_i x_i + c_j x_j`` for every pair of neurons."""
        return self._pair_rows(ends, coefficients, len(x)) @ x

    def add_pairs(self, g, ends, coefficients, z):
        """Add ``c_i z`` to row i of g and ``c_j z`` to row j, for every pair of neurons."""
        if _COMPILED and g.shape[1] >= _NARROW:
            from noiseprune.large.product import add_pairs

            add_pairs(ends, coefficients, z, g)
            return
        rows, place = np.unique(ends, return_inverse=True)  # g may be far larger
        place = place.reshape(ends.shape).astype(ends.dtype)
        g[rows] += self._pair_rows(place, coefficients, len(rows)).T @ z

    def row_squares(self, x):
        """Sum of squares of every row."""
        return np.einsum("ij,ij->i", x, x)

    def iteration(self, W, g):
        """Return the steps of conjugate gradients for ``(I - W) x = g``."""
        return _Iteration(W, g, self.workers)


class _Iteration:
    """Steps of conjugate gradients on a block of vectors, part after part on threads."""

    def __init__(self, W, g, workers):
        self.x, self.r, self.p, self.q = np.zeros_like(g), g.copy(), g.copy(), np.empty_like(g)
        self.parts = list(_parts(W, max(1, _PART // g.shape[1])))
        self.pool = ThreadPoolExecutor(workers := min(threads(workers), len(self.parts)))
        self.map = map if workers == 1 else self.pool.map

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown()

    def size(self):
        """Squared norm of every residual."""
        return sum(_squares(self.r[rows]) for rows, _ in self.parts)

    def curvature(self):
        """Set q to ``(I - W) p`` and return ``p^T q``."""
        p, q = self.p, self.q

        def on_part(part):
            rows, W_rows = part
            np.subtract(p[rows], _product(W_rows, p), out=q[rows])
            return np.einsum("ij,ij->j", p[rows], q[rows])

        return sum(self.map(on_part, self.parts))  # added in order, whatever the number of threads

    def advance(self, step):
        """Go on along p, and return `size`."""

        def on_part(part):
            rows, _ = part
            self.x[rows] += step * self.p[rows]
            self.r[rows] -= step * self.q[rows]
            return _squares(self.r[rows])

        return sum(self.map(on_part, self.parts))

    def turn(self, ratio):
        """Turn p towards the residual."""

        def on_part(part):
            rows, _ = part
            self.p[rows] *= ratio
            self.p[rows] += self.r[rows]

        list(self.map(on_part, self.parts))


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

    out = np.empty((W_rows.shape[0], block.shape[1]), block.dtype)
    multiply(W_rows.indptr, W_rows.indices, W_rows.data, block, out)
    return out


def _squares(block):
    return np.einsum("ij,ij->j", block, block)
