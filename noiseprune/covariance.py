"""The covariance of a network driven by noise, exact or from samples, and what synapses see of it.

Book section 3 derives the Lyapunov equation ``A C + C A^T + sigma^2 I = 0``; section 4 says why
the rule looks at ``Var(x_i - sign(w_ij) x_j)``.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import linalg, sparse

from noiseprune import _checks, _matrix

STRUCTURES = ("symmetric", "normal", "general", "auto")


def stationary_covariance(A, *, sigma=1.0, structure="auto"):
    """Solve ``A C + C A^T + sigma^2 I = 0``: the covariance of dx/dt = A x + b + sigma xi.

    Symmetric A: ``C = -(sigma^2 / 2) A^-1`` by one Cholesky factorisation. Normal A:
    ``C = -sigma^2 (A + A^T)^-1``. Any other stable A: Smith's doubling iteration, made of
    matrix products, if its backward error is below 1e-13, else Bartels and Stewart's method on a
    real Schur form, which is several times slower.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Stable dynamics matrix, diagonal included (units 1/time).
    sigma : float
        Noise amplitude, not negative.
    structure : {"auto", "symmetric", "normal", "general"}
        Which of the three methods to use; "auto" takes the first that fits.

    Returns
    -------
    ndarray, shape (N, N)
        Stationary covariance C, symmetric.

    Raises
    ------
    ValueError
        If A is unstable or singular (no stationary covariance exists), has a positive diagonal
        entry, or does not have the stated structure.

    References
    ----------
    Book section 3, "Three kinds of network". Smith, SIAM J. Appl. Math. 16, 198 (1968); Bartels
    and Stewart, Commun. ACM 15, 820 (1972).

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.stationary_covariance([[-1.0, 0.5], [0.5, -1.0]]).round(3)
    array([[0.667, 0.333],
           [0.333, 0.667]])
    """
    A = _checks.matrix(A)
    sigma = _checks.number(sigma, "sigma", low=0)
    _checks.choice(structure, "structure", STRUCTURES)
    check_leak(A)
    dense = _matrix.dense(A)

    if structure in ("auto", "symmetric") and _matrix.is_symmetric(A):
        return _inverse_of_positive(-dense, sigma**2 / 2, A)
    if structure == "symmetric":
        raise ValueError(
            "structure='symmetric' but A is not symmetric: its largest |A_ij - A_ji| is "
            f"{np.abs(dense - dense.T).max():.3g}; use 'general' or 'auto'"
        )
    if structure != "general":
        C = _normal(dense, sigma, A)
        if C is not None:
            return C
        if structure == "normal":
            raise ValueError(
                "structure='normal' but A is not normal: ||A A^T - A^T A|| / ||A||^2 is "
                f"{_departure_from_normality(dense):.3g}; use 'general' or 'auto'"
            )
    C = _smith(dense)
    return _bartels_stewart(dense, sigma, A) if C is None else sigma**2 * C


def sample_covariance(x, *, burn_in=0):
    """Covariance of a recorded activity, the mean removed.

    Parameters
    ----------
    x : (T, N) array_like
        Activity, one row for each time.
    burn_in : int
        Number of rows dropped at the start.

    Returns
    -------
    ndarray, shape (N, N)
        Unbiased sample covariance (divided by the number of rows used, minus 1).

    Raises
    ------
    ValueError
        If fewer than two rows remain.

    References
    ----------
    Book section 3, "Measuring the covariance".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.sample_covariance([[9.0, 9.0], [0.0, 0.0], [2.0, 4.0]], burn_in=1)
    array([[2., 4.],
           [4., 8.]])
    """
    x = _checks.array(x, "x", ndim=2)
    burn_in = _checks.integer(burn_in, "burn_in", low=0)
    rows = x.shape[0] - burn_in
    if rows < 2 or x.shape[1] == 0:
        raise ValueError(
            f"x must keep at least 2 times and 1 neuron after burn_in={burn_in}, got shape "
            f"{x.shape}"
        )
    x = x[burn_in:] - x[burn_in:].mean(axis=0)
    return x.T @ x / (rows - 1)


def synapse_variances(A, C):
    """Var(x_i - sign(w_ij) x_j) on every synapse: ``C_ii + C_jj - 2 sign(w_ij) C_ij``.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix or weights; only its off-diagonal entries matter.
    C : (N, N) array_like
        Covariance of the neurons, exact or sampled.

    Returns
    -------
    csr_array, shape (N, N)
        The variances V, in the units of C, with the pattern of W.

    Raises
    ------
    ValueError
        If C has the wrong shape, is not symmetric, or is not positive semidefinite.

    References
    ----------
    Moore & Chaudhuri (2020), Eq. 4 (difference of covariances); book section 4.

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.synapse_variances([[0, 1], [-1, 0]], [[2.0, 0.5], [0.5, 1.0]]).toarray()
    array([[0., 2.],
           [4., 0.]])
    """
    W = _matrix.synapses(_checks.matrix(A))
    C = _checks.array(C, "C", ndim=2)
    _check_covariance(C, W.shape[0])
    return variances_on(W, C)


def variances_on(W, C):
    """`synapse_variances` for weights and a covariance that are already checked."""
    n = W.shape[0]
    variance, entries = C.diagonal(), C.reshape(-1)
    V = np.empty_like(W.data)
    cuts = np.searchsorted(W.indptr, np.arange(0, W.nnz, _matrix.BLOCK), side="right") - 1

    def on_rows(ends):
        first, last = ends
        here = slice(W.indptr[first], W.indptr[last])
        columns, counts = W.indices[here], np.diff(W.indptr[first : last + 1])
        twice = np.copysign(2.0, W.data[here])
        twice *= entries.take(np.repeat(np.arange(first, last) * n, counts) + columns)
        difference = np.repeat(variance[first:last], counts)
        difference += variance.take(columns)
        difference -= twice
        np.maximum(difference, 0.0, out=V[here])  # a sampled C of low rank can round to -1e-17

    _matrix.in_parallel(on_rows, itertools.pairwise([*np.unique(cuts), n]))
    return sparse.csr_array((V, W.indices, W.indptr), shape=W.shape)


def check_leak(A):
    """Every neuron must decay on its own: no positive diagonal entry."""
    diagonal = A.diagonal()
    worst = int(np.argmax(diagonal))
    if diagonal[worst] > 0:
        raise ValueError(
            f"A must have no positive diagonal entry (the leak is -A_ii), got A[{worst}, {worst}] "
            f"= {diagonal[worst]:.6g}; use add_leak to give every neuron a leak"
        )


def unstable(A, largest):
    """Return the error that says why A has no stationary covariance."""
    W = _matrix.synapses(A)
    leak = -A.diagonal()
    total = np.asarray(abs(W).sum(axis=1))
    worst = int(np.argmin(leak - total))
    neuron = f"(neuron {worst} has leak {leak[worst]:.4g} and total input {total[worst]:.4g})"
    if largest > 1e-12 * np.abs(leak).max():
        return ValueError(
            f"A is unstable: largest real part of an eigenvalue is {largest:.4g} {neuron}; "
            "a stationary covariance does not exist; add leak with add_leak(W, excess=...)"
        )
    return ValueError(
        f"A is singular to working precision: largest real part of an eigenvalue is "
        f"{largest:.1g} {neuron}; one pattern of activity never decays, so a stationary "
        "covariance does not exist; add leak with add_leak(W, excess=...)"
    )


def _check_covariance(C, n):
    """Shape, symmetry and positive semidefiniteness of a covariance that a caller gave."""
    if C.shape != (n, n):
        raise ValueError(f"C must have shape {(n, n)} to match A, got {C.shape}")
    if not _matrix.is_symmetric(C):
        raise ValueError(
            f"C must be symmetric, its largest |C_ij - C_ji| is {np.abs(C - C.T).max():.3g}"
        )
    scale = float(np.abs(C).max())
    shifted = np.array(C.T, order="F")
    shifted[np.diag_indices(n)] += 1e-10 * n * scale + np.finfo(float).tiny
    if linalg.lapack.dpotrf(shifted, lower=1, clean=0, overwrite_a=1)[1] != 0:
        least = linalg.eigvalsh(C, subset_by_index=[0, 0])[0]
        raise ValueError(
            "C must be positive semidefinite to be a covariance, its least eigenvalue is "
            f"{least:.3g}"
        )


def _inverse_of_positive(M, factor, A):
    """Return `factor` times the inverse of the symmetric M (overwritten), by Cholesky."""
    n = M.shape[0]
    M = np.ascontiguousarray(M).T  # Fortran order without a copy: M is symmetric
    norm = linalg.lapack.dlange("1", M)
    L, info = linalg.lapack.dpotrf(M, lower=1, clean=0, overwrite_a=1)
    if info == 0:
        inverse, _ = linalg.lapack.dpotri(L, lower=1, overwrite_c=1)
    # The trace of the inverse is its norm where the matrix is close to singular.
    if info != 0 or not norm * inverse.trace() < 1e14:
        dense = _matrix.dense(A)
        largest = linalg.eigvalsh((dense + dense.T) / 2, subset_by_index=[n - 1, n - 1])[0]
        raise unstable(A, float(largest))
    return _mirror(inverse.T, factor)


def _mirror(C, factor=1.0):
    """Scale the upper triangle of C and copy it onto the lower one, in place."""

    def on_tile(tile):
        i, j = tile
        C[i, j] *= factor
        if i == j:
            C[i, j] = np.triu(C[i, j]) + np.triu(C[i, j], 1).T
        else:
            C[j, i] = C[i, j].T

    _matrix.in_parallel(on_tile, _matrix.tiles(C.shape[0]))
    return C


def _departure_from_normality(A):
    """||A A^T - A^T A|| / ||A||^2 in the Frobenius norm: 0 for a normal matrix."""
    return float(linalg.norm(A @ A.T - A.T @ A) / linalg.norm(A) ** 2)


def _normal(dense, sigma, A):
    """Covariance of a normal A, or None when A is not normal enough for the formula to hold."""
    v = np.random.default_rng(0).standard_normal(len(dense))
    along = linalg.norm(dense @ (dense.T @ v) - dense.T @ (dense @ v)) / linalg.norm(v)
    if along > 2e-12 * linalg.norm(dense) ** 2:  # a lower bound, without a product of matrices
        return None
    if _departure_from_normality(dense) > 1e-12:
        return None
    C = _inverse_of_positive(-(dense + dense.T), sigma**2, A)
    residual = dense @ C  # its symmetric part must be -sigma^2 / 2
    residual += residual.T.copy()
    residual[np.diag_indices_from(residual)] += sigma**2
    return C if linalg.norm(residual) <= 1e-12 * linalg.norm(dense) * linalg.norm(C) else None


def _smith(A):
    """Solve ``A C + C A^T + I = 0`` by matrix products alone, or None when that is not accurate.

    With ``F = (A - p I)^-1`` and ``U = (A + p I) F`` it reads ``C = U C U^T + 2 p F F^T``.
    The powers of U tend to 0 exactly if A is stable; step k adds 2^k terms of the sum
    ``C = 2 p sum_j U^j F F^T U^jT`` at once.
    """
    n = len(A)
    factor, _, info = linalg.lapack.dgetrf(A)
    size = linalg.lapack.dlange("1", A)
    reciprocal_condition = linalg.lapack.dgecon(factor, size)[0] if info == 0 else 0.0
    del factor
    if reciprocal_condition < 1e-12:  # singular or close to it: leave the decision to the other
        return None
    p = size * np.sqrt(reciprocal_condition)  # between the slowest and the fastest rate
    F = np.linalg.inv(A - p * np.eye(n))
    U = 2 * p * F
    U[np.diag_indices(n)] += 1.0
    C = 2 * p * (F @ F.T)
    del F
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(40):
            more = U @ C
            C += _symmetric_product(more, U)
            left = linalg.norm(U, check_finite=False)
            if not np.isfinite(left):
                return None
            if left**4 < 1e-17:  # what U U would still add, relative to C
                break
            U = U @ U
        else:
            return None
    residual = A @ C
    residual += residual.T.copy()
    residual[np.diag_indices(n)] += 1.0
    # Lower bounds of the two spectral norms: of the rows of A, and sum l^2 / sum l of C.
    size_A = np.sqrt(np.einsum("ij,ij->i", A, A).max())
    size_C = linalg.norm(C, check_finite=False) ** 2 / C.trace()
    accurate = linalg.norm(residual, check_finite=False) <= 1e-13 * size_A * size_C
    return C if accurate else None


def _symmetric_product(X, Y):
    """Return ``X Y^T``, which is known to be symmetric: half of it is computed."""
    n = len(X)
    product = np.empty((n, n))
    step = max(1, n // 8)
    for k in range(0, n, step):
        np.matmul(X[k : k + step], Y[k:].T, out=product[k : k + step, k:])
    return _mirror(product)


def _bartels_stewart(dense, sigma, A):
    """Lyapunov equation by a real Schur form, whose eigenvalues settle the stability first."""
    T, Z = linalg.schur(dense, output="real")
    # LAPACK standardises the 2 x 2 blocks: the real parts of the eigenvalues are the diagonal.
    largest = float(T.diagonal().max())
    if largest > -1e-14 * linalg.norm(T):
        raise unstable(A, largest)
    Y, scale, _ = linalg.lapack.dtrsyl(T, T, -(sigma**2) * np.eye(len(T)), tranb="T")
    C = Z @ (Y / scale) @ Z.T
    return (C + C.T) / 2
