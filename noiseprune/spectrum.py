"""How well a pruned symmetric network keeps the spectrum of the original."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import linalg as splinalg

from noiseprune import _checks, _device, _matrix
from noiseprune.covariance import unstable
from noiseprune.large.network import fits, is_large
from noiseprune.large.solver import slowest, solver

_DENSE_LIMIT = 500  # neurons up to which all generalised eigenvalues are computed
_HELD = 5  # N x N matrices that are in memory at once, on a device
_SPARSE_SOLVES = 0.01  # and below which solving with a sparse network is the faster
_GRADED = 1e4  # ratio of leaks above which eigenvalues lose digits to the largest
_SINGULAR = 1e-14  # reciprocal condition number, leaks brought to one size, of a singular network


@dataclass(frozen=True, eq=False)
class SpectralComparison:
    """Measures of the lab notebook, one entry per mode, the slowest mode last: mode k at ``[-k]``.

    Attributes
    ----------
    eigenvalues : ndarray, shape (N,)
        Eigenvalues of the original network, ascending (units 1/time).
    eigenvalues_sparse : ndarray, shape (N,)
        Eigenvalues of the pruned network, ascending.
    eigenvalue_error : ndarray, shape (N,)
        ``lambda_i^sparse / lambda_i - 1``.
    quadratic_form_error : ndarray, shape (N,)
        ``v_i^T A_sparse v_i / lambda_i - 1`` with the original unit eigenvectors v_i.
    alignment : ndarray, shape (N,)
        ``|v_i^T A_sparse v_i| / ||A_sparse v_i||``: 1 where v_i is still an eigenvector. It is 0
        where A_sparse v_i is 0.
    """

    eigenvalues: np.ndarray
    eigenvalues_sparse: np.ndarray
    eigenvalue_error: np.ndarray
    quadratic_form_error: np.ndarray
    alignment: np.ndarray


def compare_spectra(A, A_sparse, *, eigenpairs=None, device=None):
    """Compare the eigenvalues and eigenvectors of a symmetric network before and after pruning.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Original symmetric dynamics matrix, no eigenvalue 0.
    A_sparse : (N, N) ndarray or sparse array
        Pruned symmetric dynamics matrix.
    eigenpairs : (values, vectors), optional
        What `numpy.linalg.eigh(A)` returned, or ``slowest_modes(A, N)``, when several pruned
        networks are compared with one original.
    device : str or torch.device, optional
        Where PyTorch does the work, such as "cuda" (extra `torch`); without it, NumPy and SciPy do.
        The result agrees up to rounding. Where leaks spread over decades, SciPy finds the
        eigenvalues.

    Returns
    -------
    SpectralComparison
        The measures for every mode.

    Raises
    ------
    ValueError
        If the shapes differ, a matrix is not symmetric, or A is singular. If the device is not
        there, or too small.
    ImportError
        If a device is named and PyTorch is missing.

    References
    ----------
    Book, "Three measures".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([60, 20, 20], long_range=100, rng=1))
    >>> comparison = npr.compare_spectra(A, npr.noise_prune(A, 0.3, rng=1).A)
    >>> bool(abs(comparison.eigenvalue_error[-20:]).max() < 0.5)
    True
    """
    A, A_sparse = _symmetric_pair(A, A_sparse)
    on = _opened(device, A)
    if eigenpairs is None:
        values, vectors, definite = _eigenpairs(A, on)
    else:
        (values, vectors), definite = _checks.eigenpairs(eigenpairs, A), False
        vectors = on.array(vectors)
    if not definite and np.abs(values).min() <= _SINGULAR * np.abs(values).max():
        raise ValueError(
            "A is singular to working precision: relative errors have no meaning for an "
            f"eigenvalue of {values[np.abs(values).argmin()]:.3g}; add leak with add_leak"
        )
    scale = _matrix.extreme(A_sparse)
    image = on.product(A_sparse if scale == 1 else A_sparse / scale, vectors)
    form, length = (on.host(on.xp.einsum("ij,ij->j", left, image)) for left in (vectors, image))
    del image, vectors
    length = np.sqrt(length)
    values_sparse = _eigenpairs(A_sparse, on, vectors=False)[0]
    return SpectralComparison(
        eigenvalues=values,
        eigenvalues_sparse=values_sparse,
        eigenvalue_error=values_sparse / values - 1,
        quadratic_form_error=scale * form / values - 1,
        alignment=np.divide(np.abs(form), length, out=np.zeros_like(form), where=length > 0),
    )


def _opened(device, A):
    """Return the device, which must hold N x N matrices."""
    on = _device.open(device)
    _device.require_matrices(on, _HELD, A.shape[0])
    return on


def spectral_epsilon(A, A_sparse, *, device=None):
    """Return the least eps with ``(1 - eps) M <= M_sparse <= (1 + eps) M``, where ``M = -A``.

    All generalised eigenvalues are computed up to 500 neurons; beyond, Lanczos' iteration finds the
    one that counts, to a relative error of about 1e-8. A sparse pair whose original is diagonally
    dominant then stays sparse where that is faster, above 5,000 neurons always: M is inverted by a
    sparse Cholesky factor or by conjugate gradients.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Original symmetric dynamics matrix, negative definite.
    A_sparse : (N, N) ndarray or sparse array
        Pruned symmetric dynamics matrix.
    device : str or torch.device, optional
        Where PyTorch does the work, such as "cuda" (extra `torch`); without it, NumPy and SciPy do.
        The result agrees up to rounding.

    Returns
    -------
    float
        The worst relative error over all directions: the largest ``|mu - 1|`` over the
        generalised eigenvalues ``M_sparse v = mu M v``. Above 1 the pruned network may be
        unstable.

    Raises
    ------
    ValueError
        If the shapes differ, a matrix is not symmetric, or A is unstable or singular, so that M
        cannot serve as a measure. If the device is not there, or too small.
    ImportError
        If a device is named and PyTorch is missing.

    References
    ----------
    Book, "The theorem", "The worst case".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak([[0, 1.0], [1.0, 0]], excess=1.0)
    >>> round(npr.spectral_epsilon(A, 1.25 * A), 6)
    0.25
    """
    A, A_sparse = _symmetric_pair(A, A_sparse)
    if _sparse_is_faster(A, A_sparse, device):
        return _largest_error_of_large(A, A_sparse, _device.open(device))
    on = _opened(device, A)
    # The generalised eigenvalues are those of both networks with leaks brought to one size.
    scale = _leak_scale(A)
    L, condition = _cholesky(A, scale, on)
    if condition < _SINGULAR:
        least = -linalg.eigvalsh(_matrix.dense(A)).max()
        raise ValueError(
            f"M = -A must be positive definite, its least eigenvalue is {least:.3g}: A is unstable "
            "or singular, and in that direction no relative error exists; add leak with add_leak"
        )
    M = -_scaled(A_sparse, scale)
    if A.shape[0] > _DENSE_LIMIT:
        return _largest_error(on.whitened(L, M), A.shape[0])
    mu = on.whitened_eigenvalues(L, M)
    return float(max(mu[-1] - 1, 1 - mu[0]))


def _largest_error(whitened, n):
    """Largest eigenvalue in size of ``whitened - I``, by Lanczos."""

    def error(x):
        return whitened(x) - x

    start = np.random.default_rng(0).standard_normal(n)  # fixed: the same answer every time
    if not error(start).any():
        return 0.0  # nothing was pruned; the iteration cannot start from a zero vector
    operator = _operator(n, error)
    value = splinalg.eigsh(operator, k=1, which="LM", v0=start, tol=1e-8, return_eigenvectors=False)
    return float(abs(value[0]))


def _largest_error_of_large(A, A_sparse, on):
    """Largest generalised eigenvalue in size of (M_sparse - M, M), by Lanczos with solves."""
    solve, difference = solver(A, on), A - A_sparse
    n = A.shape[0]
    start = np.random.default_rng(0).standard_normal(n)
    if not (difference @ start).any():
        return 0.0
    value = splinalg.eigsh(
        _operator(n, lambda x: difference @ x),
        k=1,
        M=_operator(n, lambda x: -(A @ x)),
        Minv=_operator(n, solve),
        which="LM",
        v0=start,
        tol=1e-8,
        return_eigenvectors=False,
    )
    return float(abs(value[0]))


def slowest_modes(A, k=6, *, device=None):
    """Slowest modes of a symmetric network: the eigenvalues nearest to 0 and their eigenvectors.

    A sparse, diagonally dominant network of more than 5,000 neurons stays sparse, for up to an
    eighth of its modes: Lanczos' iteration on ``A^-1``, with a Cholesky factor or with conjugate
    gradients, on a block of k vectors and more, which finds every copy of a repeated eigenvalue.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric dynamics matrix, negative definite.
    k : int
        Number of modes, from 1 to N.
    device : str or torch.device, optional
        Where PyTorch does the work, such as "cuda" (extra `torch`); without it, NumPy and SciPy do.
        The result agrees up to rounding. Where leaks spread over decades, SciPy finds the modes.

    Returns
    -------
    values : ndarray, shape (k,)
        Eigenvalues (units 1/time), ascending as everywhere in the package: the slowest mode last.
    vectors : ndarray, shape (N, k)
        Their unit eigenvectors as columns.

    Raises
    ------
    ValueError
        If A is not symmetric, unstable or singular, or k is out of range. If the device is not
        there, or too small.
    ImportError
        If a device is named and PyTorch is missing.

    References
    ----------
    Book, "A million neurons".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak([[0, 1.0, 0], [1.0, 0, 1.0], [0, 1.0, 0]], excess=0.5)
    >>> values, vectors = npr.slowest_modes(A, k=2)
    >>> values.round(6)
    array([-1.5, -0.5])
    """
    A = _checks.matrix(A)
    n = A.shape[0]
    k = _checks.integer(k, "k", low=1)
    if k > n:
        raise ValueError(f"k must be at most the number of neurons, {n}, got {k}")
    if not _matrix.is_symmetric(A):
        raise ValueError("A must be symmetric: other networks have complex modes")
    if is_large(A) and 8 * k <= n and fits(A):
        return slowest(A, k, on=_device.open(device))
    on = _opened(device, A)
    values, vectors, definite = _eigenpairs(A, on)
    if not definite and values[-1] >= -_SINGULAR * np.abs(values).max():
        raise unstable(A, float(values[-1]))
    return values[n - k :], on.host(vectors[:, n - k :])


def _operator(n, matvec):
    return splinalg.LinearOperator((n, n), matvec=matvec, dtype=float)


def _sparse_is_faster(A, A_sparse, device):
    """Whether to solve with the sparse A: always above the limit, below it where few are linked."""
    if not (sparse.issparse(A) and sparse.issparse(A_sparse) and A.shape[0] > _DENSE_LIMIT):
        return False
    few = device is None and A.nnz < _SPARSE_SOLVES * A.shape[0] ** 2
    return (is_large(A) or few) and fits(A)


def _leak_scale(A):
    """Powers of 2, which round nothing, near ``D^-1/2``: they bring every leak to about 1."""
    leak = -A.diagonal()
    half = np.round(np.log2(leak, where=leak > 0, out=np.zeros_like(leak)) / 2)
    return np.ldexp(1.0, -half.astype(int))


def _scaled(A, scale):
    """``diag(scale) A diag(scale)``."""
    if sparse.issparse(A):
        return sparse.csr_array(sparse.diags_array(scale) @ A @ sparse.diags_array(scale))
    return scale[:, None] * A * scale


def _cholesky(A, scale, on):
    """Cholesky factor of the scaled M = -A and its reciprocal condition number, 0 if indefinite."""
    scale = on.array(scale)
    M = -scale[:, None] * on.dense(A)
    M *= scale
    return on.cholesky(M)


def _eigenpairs(A, on, *, vectors=True):
    """Eigenvalues, ascending, eigenvectors, and whether A is known to be stable and not singular.

    Where leaks spread over decades, the usual method knows slow modes only to the rounding of the
    fastest. A Cholesky factor of M = -A and one-sided Jacobi rotations keep the digits of each
    (Demmel & Veselic, 1992), and take several times as long.
    """
    leak = -A.diagonal()
    if leak.min() > 0 and leak.max() > _GRADED * leak.min():
        scale = _leak_scale(A)
        L, condition = _cholesky(A, scale, _device.HOST)
        if condition >= _SINGULAR:
            root = (L / scale[:, None]).T  # M = root^T root
            root, value = root[:, order := np.argsort(-leak)], 3 * (not vectors)
            values, _, V, work, _, info = linalg.lapack.dgejsv(root, joba=0, jobu=3, jobv=value)
            if info == 0:
                back = np.argsort(order)
                V = on.array(V[back]) if vectors else None
                return -((values * work[0] / work[1]) ** 2), V, True
    if vectors:
        return *on.eigh(on.dense(A)), False
    return on.eigvalsh(on.dense(A)), None, False


def _symmetric_pair(A, A_sparse):
    A, A_sparse = _checks.matrices(A, A_sparse, "A", "A_sparse")
    for matrix, name in ((A, "A"), (A_sparse, "A_sparse")):
        if not _matrix.is_symmetric(matrix):
            raise ValueError(
                f"{name} must be symmetric: the spectrum of an asymmetric network is complex; "
                "compare and noiseprune.asymmetric measure such networks"
            )
    return A, A_sparse
