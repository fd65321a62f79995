"""The slowest modes of a network of separate parts: those that pruning cannot change do not count.

Where all neurons of a part have the same excess leak, and its signs do not contradict each other,
the pattern in which they all agree decays at exactly that rate. Pruning with matched leaks keeps
it; a neuron without synapses is such a part. They would fill the places of the slowest modes, with
no error under any rule. The largest part's own counts, as that of a connected network does.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import linalg as splinalg

from noiseprune import _matrix
from noiseprune.covariance import unstable
from noiseprune.large.network import fits, is_large
from noiseprune.large.solver import slowest
from noiseprune.spectrum import slowest_modes

_ROUNDING = 1e-12  # of a part's largest leak, by which excess leaks may differ


def fixed_modes(A, *others):
    """Modes of all parts of A but the largest that no pruning changes, and that the others have.

    Returns
    -------
    values : ndarray, shape (d,)
        Their eigenvalues.
    vectors : csr_array, shape (N, d)
        Their unit eigenvectors, each on its own part.
    """
    n = A.shape[0]
    part, sign, fixed = _matrix.balance(_matrix.synapses(A))
    size = np.bincount(part)
    leak, first = _largest_in(part, np.abs(A.diagonal())), None
    for matrix in (A, *others):
        excess = -sign * (matrix @ sign)
        first = np.bincount(part, excess) / size if first is None else first
        fixed = fixed & (_largest_in(part, np.abs(excess - first[part])) <= _ROUNDING * leak)
    fixed[np.lexsort((-first, size))[-1]] = False  # of equal parts, the slowest
    number = np.cumsum(fixed) - 1
    own = np.flatnonzero(fixed[part])
    entries = sign[own] / np.sqrt(size[part[own]])
    vectors = sparse.csr_array((entries, (own, number[part[own]])), shape=(n, int(fixed.sum())))
    return -first[fixed], vectors


def slowest_beside(A, k, fixed):
    """`slowest_modes` of a checked symmetric A without the `fixed_modes`; fewer if k are not left.

    Large sparse networks stay sparse: the iteration never sees what does not count.
    """
    values, vectors = fixed
    n = A.shape[0]
    k = min(k, n - values.size)
    if values.size == 0:
        return slowest_modes(A, k)
    if not _matrix.decays(A, values.max()):
        raise unstable(A, float(values.max()))
    if not (is_large(A) and 8 * k <= n and fits(A)):
        return slowest_modes(_matrix.dense(A) - _size(A) * (vectors @ vectors.T).toarray(), k)
    return slowest(A, k, beside=lambda X: X - vectors @ (vectors.T @ X))


def operator_beside(A, fixed):
    """A with the `fixed_modes` decaying faster than all others, which stay as they are (Brauer)."""
    values, vectors = fixed
    if values.size == 0:
        return A
    size = _size(A)
    return splinalg.LinearOperator(
        A.shape, matvec=lambda x: A @ x - size * (vectors @ (vectors.T @ x)), dtype=float
    )


def _size(A):
    """More than twice what any eigenvalue of A can be."""
    return 3 * float(abs(A).sum(axis=1).max())


def _largest_in(part, x):
    """Largest entry of x in every part."""
    largest = np.zeros(part.max() + 1)
    np.maximum.at(largest, part, x)
    return largest
