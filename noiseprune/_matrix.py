"""What dense and sparse matrices have in common: synapses, symmetry, and work shared by threads.

Everything here takes matrices that `_checks.matrix` has checked.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as splinalg

BLOCK = 2**16  # numbers worked on together: they stay in the processor's cache

_TILE = 256  # rows and columns of a tile of a matrix
_DENSE_LIMIT = 5000  # neurons up to which all eigenvalues are found where the iteration fails
_ROUNDING = 1e-13  # of the scale of its two rows, by which the two entries of a pair may differ


def dense(A):
    """A as an ndarray: itself if it is one. Refused if memory cannot hold it and a second one."""
    if not sparse.issparse(A):
        return A
    n = A.shape[0]
    needed, free = 2 * 8 * n**2, _free_memory()
    if needed > free:
        raise ValueError(
            f"A has {n} neurons and would have to become dense, which needs at least "
            f"{needed / 2**30:.3g} GiB; {free / 2**30:.3g} GiB are free. Without a dense matrix "
            "it must be symmetric and diagonally dominant (add_leak gives leak)"
        )
    return A.toarray()


def _free_memory():
    """Bytes that can be taken, as far as the system says so."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(1024 * int(x.split()[1]) for x in lines if x.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return np.inf


def extreme(A):
    """Power of 2 near the largest entry of A, if the square of that is not a good number, else 1.

    Dividing by it rounds nothing, and keeps norms, variances and LAPACK from overflow.
    """
    largest = np.max(np.abs(A.data if sparse.issparse(A) else A), initial=0.0)
    if largest == 0 or 1e-100 < largest < 1e100:
        return 1.0
    return float(np.ldexp(1.0, int(np.frexp(largest)[1]) - 1))


def synapses(A):
    """Weights W of a checked matrix: a csr_array of the off-diagonal nonzeros of A."""
    if sparse.issparse(A):
        W = sparse.csr_array(A, copy=True)
        W.data[row_indices(W) == W.indices] = 0.0
        W.eliminate_zeros()
        W.sort_indices()
        return W
    n = len(A)
    step = max(1, 4 * BLOCK // n)
    starts = range(0, n, step)

    def count(k):
        present = A[k : k + step] != 0
        return np.count_nonzero(present, axis=1) - present.diagonal(k)

    indptr = np.concatenate([[0], *in_parallel(count, starts)]).cumsum()
    index = np.int32 if indptr[-1] < 2**31 else np.int64
    weights, columns = np.empty(indptr[-1]), np.empty(indptr[-1], dtype=index)

    def fill(k):
        rows = A[k : k + step]
        present = rows != 0
        own = np.arange(len(rows))
        present[own, own + k] = False
        here = slice(indptr[k], indptr[k + len(rows)])
        place = np.flatnonzero(present)
        rows.take(place, out=weights[here], mode="clip")  # the mode that needs no second array
        place -= np.repeat(own * n, np.diff(indptr[k : k + len(rows) + 1]))
        columns[here] = place

    in_parallel(fill, starts)
    return sparse.csr_array((weights, columns, indptr.astype(index)), shape=A.shape)


def row_indices(W):
    """Row index of every stored entry of a csr_array (its column index is W.indices)."""
    return np.repeat(np.arange(W.shape[0], dtype=W.indices.dtype), np.diff(W.indptr))


@dataclass(frozen=True, eq=False)
class Links:
    """The two directions of every pair of linked neurons.

    Attributes
    ----------
    symmetric : bool
        Whether the network is symmetric, up to rounding.
    upper : ndarray of bool, shape (synapses,), or None
        Which synapses are the ones (i, j), i < j, of their pairs. None where some synapse has no
        counterpart: in most asymmetric networks, and where rounding made one of the two 0.
    pair : ndarray of int, shape (synapses,), or None
        Number of every synapse's pair, in the order of `upper`.
    """

    symmetric: bool
    upper: np.ndarray | None = None
    pair: np.ndarray | None = None


def links(A, W, on):
    """Return the `Links` of a checked A with the synapses W; `on` is what computes (`_device`)."""
    rows = row_indices(W)
    upper = rows < W.indices
    if 2 * np.count_nonzero(upper) == W.nnz:
        lower = ~upper
        i, j, w = (on.array(x[upper]) for x in (rows, W.indices, W.data))
        order = on.order_by(j)
        # Entries above the diagonal, by column and row, are those below it, by row and column.
        j_lower, i_lower, w_lower = (on.array(x[lower]) for x in (rows, W.indices, W.data))
        if (j[order] == j_lower).all() and (i[order] == i_lower).all():
            exact = bool((w[order] == w_lower).all())
            order = on.host(order)
            pair = np.empty(W.nnz, dtype=order.dtype)
            pair[upper] = np.arange(order.size, dtype=order.dtype)
            pair[lower] = order
            return Links(exact or is_symmetric(A), upper, pair)
    return Links(is_symmetric(A))


def excess_leak(A):
    """Excess leak ``s_i = -A_ii - sum_j |W_ij|`` of every neuron."""
    diagonal = A.diagonal()
    return -diagonal - (np.asarray(abs(A).sum(axis=1)).ravel() - np.abs(diagonal))


def is_dominant(A):
    """Whether A is diagonally dominant: no excess leak below 0 but for rounding of the leak."""
    leak = -A.diagonal()
    return bool((excess_leak(A) >= -1e-12 * np.abs(leak)).all())


def restored(A, eps):
    """Checked A of numbers rounded to precision eps with what they lost: symmetry, and balance.

    A pair that differs by rounding alone gets the mean of both entries; a leak that makes up for
    its input but for rounding does so.
    """
    if not is_symmetric(A, 0.0) and is_symmetric(A, 8 * eps):
        A = (A + A.T) / 2
        A = sparse.csr_array(A) if sparse.issparse(A) else A
    leak, excess = -A.diagonal(), excess_leak(A)
    lost = np.where((leak > 0) & (np.abs(excess) <= 4 * eps * leak), excess, 0.0)
    if not lost.any():
        return A
    if sparse.issparse(A):
        return sparse.csr_array(A + sparse.diags_array(lost))
    A = A.copy()
    A[np.diag_indices_from(A)] += lost
    return A


def balance(W):
    """Connected components of the weights W, and which of them are balanced.

    Balanced: some signs of the neurons make every weight positive. The signs that do it for a
    spanning forest of the strongest synapses then do it for all; where none do, they leave weak
    synapses negative. In the forest's double cover (every neuron as itself and as its mirror image,
    negative synapses leading from one kind to the other) a tree falls apart into two copies.

    Returns
    -------
    part : ndarray of int, shape (N,)
        Component of every neuron, whatever the direction of its synapses.
    sign : ndarray, shape (N,)
        Signs of the neurons.
    balanced : ndarray of bool, shape (components,)
        Whether the component is.
    """
    n = W.shape[0]
    count, part = csgraph.connected_components(W, directed=False)
    sign, balanced = np.ones(n), np.ones(count, dtype=bool)
    if W.nnz and W.data.min() < 0:
        # Up to 1.15 SciPy finds trees with indices of 32 bits alone.
        places = (a.astype(np.int32, copy=False) for a in (W.indices, W.indptr))
        strength = sparse.csr_array((-np.abs(W.data), *places), shape=W.shape)
        i, j = csgraph.minimum_spanning_tree(strength).tocoo().coords
        mirror = n * (np.asarray(W[i, j]).ravel() < 0)
        ends = np.r_[i, i + n], np.r_[j + mirror, j + n - mirror]
        cover = sparse.coo_array((np.ones(2 * i.size), ends), shape=(2 * n, 2 * n))
        _, side = csgraph.connected_components(cover.tocsr(), directed=False)
        sign = np.where(side[:n] < side[n:], 1.0, -1.0)
        rows = row_indices(W)
        balanced[part[rows[sign[rows] * sign[W.indices] * W.data < 0]]] = False
    return part, sign, balanced


def abscissa(A, *, start=None, dense_up_to=300):
    """Spectral abscissa: the largest real part of an eigenvalue of a checked A.

    By Lanczos' or Arnoldi's iteration above `dense_up_to` neurons, from the vector `start`.
    """
    scale = extreme(A)
    if scale != 1:
        return scale * abscissa(A / scale, start=start, dense_up_to=dense_up_to)
    n, symmetric = A.shape[0], is_symmetric(A)

    def from_all():
        eigenvalues = np.linalg.eigvalsh if symmetric else np.linalg.eigvals
        return float(eigenvalues(dense(A)).real.max())

    if n <= dense_up_to:
        return from_all()
    if start is None:  # fixed: the same answer every time
        start = np.random.default_rng(0).standard_normal(n)
    options = {"v0": start, "return_eigenvectors": False}
    try:
        if symmetric:
            values = splinalg.eigsh(A, k=1, which="LA", **options)
        else:  # asked for one, Arnoldi's iteration may settle on another near the edge
            values = splinalg.eigs(A, k=6, ncv=40, which="LR", **options)
    except splinalg.ArpackError as error:
        if n <= _DENSE_LIMIT:
            return from_all()
        raise RuntimeError(
            f"the largest real part of an eigenvalue of {n} neurons was not found: {error}"
        ) from error
    return float(values.real.max())


def decays(A, largest):
    """Whether A, whose eigenvalues have real parts up to `largest`, is stable beyond rounding."""
    return bool(largest < -1e-14 * np.abs(A.diagonal()).max())


def is_symmetric(A, rounding=_ROUNDING):
    """Whether A equals its transpose up to rounding, every pair judged on its own scale.

    The two entries may differ by `rounding` times ``sqrt(r_i r_j)``, r_i the largest entry of row
    i. A product such as ``V diag(lambda) V^T`` has errors of that size, also where an entry
    cancels; a synapse between two slow neurons is not lost beside a third that is 1e12 times
    faster.
    """
    if sparse.issparse(A):
        gap = (A - A.T).tocoo()
        if not gap.data.any():
            return True
        scale = np.sqrt(abs(A).max(axis=1).toarray().ravel())
        i, j = gap.coords
        return bool((np.abs(gap.data) <= rounding * scale[i] * scale[j]).all())

    def equal(tile):
        i, j = tile
        return np.array_equal(A[i, j], A[j, i].T)

    if all(in_parallel(equal, tiles(A.shape[0]))):
        return True
    scale = np.sqrt(np.maximum(A.max(axis=1), -A.min(axis=1)))

    def close(tile):
        i, j = tile
        gap = np.abs(A[i, j] - A[j, i].T)
        return (gap <= rounding * np.multiply.outer(scale[i], scale[j])).all()

    return all(in_parallel(close, tiles(A.shape[0])))


def tiles(n):
    """Slices of the tiles on and above the diagonal: small enough that a transpose stays cached."""
    cuts = [slice(k, min(k + _TILE, n)) for k in range(0, n, _TILE)]
    return ((i, j) for k, i in enumerate(cuts) for j in cuts[k:])


def threads(workers=None):
    """Return `workers` if a caller names a number, else the processors that this process may use.

    The environment variable NOISEPRUNE_THREADS lowers the latter, for everything that the package
    runs on threads of its own. Results do not depend on it. The threads of the linear algebra
    library are its own matter (OPENBLAS_NUM_THREADS and the like).
    """
    if workers is not None:
        return workers
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    wanted = os.environ.get("NOISEPRUNE_THREADS", "").strip()
    if wanted:
        if not wanted.isdecimal() or int(wanted) == 0:
            raise ValueError(
                f"the environment variable NOISEPRUNE_THREADS must be a whole number from 1, "
                f"got {wanted!r}"
            )
        count = min(count, int(wanted))
    return count


def in_parallel(work, parts):
    """Return ``work(part)`` for every part, on threads: NumPy's loops leave Python's lock."""
    parts = list(parts)
    workers = min(threads(), len(parts) // 5)
    if workers < 2:
        return list(map(work, parts))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, parts))
