"""How well a pruned symmetric network keeps the spectrum of the original (book section 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import linalg as splinalg

from noiseprune import _checks

_DENSE_LIMIT = 500  # neurons up to which all generalised eigenvalues are computed


@dataclass(frozen=True)
class SpectralComparison:
    """Measures of the lab notebook, one entry per mode, the slowest mode last.

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


def compare_spectra(A, A_sparse, *, eigenpairs=None):
    """Compare the eigenvalues and eigenvectors of a symmetric network before and after pruning.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Original symmetric dynamics matrix, no eigenvalue 0.
    A_sparse : (N, N) ndarray or sparse array
        Pruned symmetric dynamics matrix.
    eigenpairs : (values, vectors), optional
        What `numpy.linalg.eigh(A)` returned, when several pruned networks are compared with one
        original.

    Returns
    -------
    SpectralComparison
        The measures for every mode.

    Raises
    ------
    ValueError
        If the shapes differ, a matrix is not symmetric, or A is singular.

    References
    ----------
    Book section 8, "Three measures".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([60, 20, 20], long_range=100, rng=1))
    >>> comparison = npr.compare_spectra(A, npr.noise_prune(A, 0.3, rng=1).A)
    >>> bool(abs(comparison.eigenvalue_error[-20:]).max() < 0.5)
    True
    """
    A, A_sparse = _symmetric_pair(A, A_sparse)
    values, vectors = linalg.eigh(_dense(A)) if eigenpairs is None else eigenpairs
    values = _checks.array(values, "eigenpairs[0]", ndim=1)
    vectors = _checks.array(vectors, "eigenpairs[1]", ndim=2)
    if values.shape != A.shape[:1] or vectors.shape != A.shape:
        raise ValueError(
            f"eigenpairs must have shapes {A.shape[:1]} and {A.shape}, "
            f"got {values.shape} and {vectors.shape}"
        )
    if np.abs(values).min() <= 1e-14 * np.abs(values).max():
        raise ValueError(
            "A is singular to working precision: relative errors have no meaning for an "
            f"eigenvalue of {values[np.abs(values).argmin()]:.3g}; add leak with add_leak"
        )
    image = A_sparse @ vectors
    form = np.einsum("ij,ij->j", vectors, image)
    length = np.linalg.norm(image, axis=0)
    del image
    values_sparse = linalg.eigvalsh(_dense(A_sparse))
    return SpectralComparison(
        eigenvalues=values,
        eigenvalues_sparse=values_sparse,
        eigenvalue_error=values_sparse / values - 1,
        quadratic_form_error=form / values - 1,
        alignment=np.divide(np.abs(form), length, out=np.zeros_like(form), where=length > 0),
    )


def spectral_epsilon(A, A_sparse):
    """Return the least eps with ``(1 - eps) M <= M_sparse <= (1 + eps) M``, where ``M = -A``.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Original symmetric dynamics matrix, negative definite.
    A_sparse : (N, N) ndarray or sparse array
        Pruned symmetric dynamics matrix.

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
        cannot serve as a measure.

    References
    ----------
    Book section 6, "The theorem"; section 8, "The worst case".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak([[0, 1.0], [1.0, 0]], excess=1.0)
    >>> round(npr.spectral_epsilon(A, 1.25 * A), 6)
    0.25
    """
    A, A_sparse = _symmetric_pair(A, A_sparse)
    M = np.array(-_dense(A), order="F")
    norm = np.abs(M).sum(axis=0).max()
    L, info = linalg.lapack.dpotrf(M, lower=1, overwrite_a=1)
    if info != 0 or linalg.lapack.dpocon(L, norm, uplo="L")[0] < 1e-14:
        least = -linalg.eigvalsh(_dense(A)).max()
        raise ValueError(
            f"M = -A must be positive definite, its least eigenvalue is {least:.3g}: A is unstable "
            "or singular, and in that direction no relative error exists; add leak with add_leak"
        )
    if A.shape[0] > _DENSE_LIMIT:
        return _largest_error(L, A_sparse)
    reduced, _ = linalg.lapack.dsygst(
        np.array(-_dense(A_sparse), order="F"), L, itype=1, lower=1, overwrite_a=1
    )
    mu = linalg.eigvalsh(reduced, lower=True, overwrite_a=True, check_finite=False)
    return float(max(mu[-1] - 1, 1 - mu[0]))


def _largest_error(L, A_sparse):
    """Largest eigenvalue in size of ``L^-1 M_sparse L^-T - I``, by Lanczos, without forming it."""

    def whitened_error(x):
        y = linalg.solve_triangular(L, x, lower=True, trans="T", check_finite=False)
        return -linalg.solve_triangular(L, A_sparse @ y, lower=True, check_finite=False) - x

    n = L.shape[0]
    operator = splinalg.LinearOperator((n, n), matvec=whitened_error, dtype=float)
    start = np.random.default_rng(0).standard_normal(n)  # fixed: the same answer every time
    if not whitened_error(start).any():
        return 0.0  # nothing was pruned; the iteration cannot start from a zero vector
    value = splinalg.eigsh(operator, k=1, which="LM", v0=start, tol=1e-8, return_eigenvectors=False)
    return float(abs(value[0]))


def _dense(A):
    return A.toarray() if sparse.issparse(A) else A


def _symmetric_pair(A, A_sparse):
    A, A_sparse = _checks.matrix(A), _checks.matrix(A_sparse, "A_sparse")
    _checks.same_shape(A, A_sparse, "A", "A_sparse")
    for matrix, name in ((A, "A"), (A_sparse, "A_sparse")):
        if not _checks.is_symmetric(matrix):
            raise ValueError(
                f"{name} must be symmetric: the spectrum of an asymmetric network is complex "
                "(book section 11)"
            )
    return A, A_sparse
