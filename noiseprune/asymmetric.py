"""Measures for networks that are not symmetric, whose eigenvalues say less than they seem to."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import linalg, optimize

from noiseprune import _checks, _matrix
from noiseprune.covariance import checked_covariance, stationary_covariance

DOUBLINGS = 45  # beyond them, rounding alone may make the norm 1/2
_SINGULAR = 1e-14  # of the largest eigenvalue, size of one that is 0 to working precision


def departure_from_normality(A):
    """Henrici's departure ``sqrt(||A||_F^2 - sum |lambda|^2) / ||A||_F``: 0 for a normal matrix.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Matrix, not 0.

    Returns
    -------
    float
        A number in [0, 1): the share of the norm that no eigenvalue accounts for.

    Raises
    ------
    ValueError
        If A is not square or is 0.

    References
    ----------
    Book, "How far from normal?".

    Examples
    --------
    >>> from noiseprune.asymmetric import departure_from_normality
    >>> round(departure_from_normality([[-1.0, 0.0], [1.0, -1.0]]), 3)
    0.577
    """
    A = _matrix.dense(_checks.matrix(A))
    A = A / _matrix.extreme(A)
    size = linalg.norm(A)
    if size == 0:
        raise ValueError("A is 0: its departure from normality has no scale")
    rest = 1 - np.sum(np.abs(linalg.eigvals(A) / size) ** 2)
    return float(np.sqrt(max(rest, 0.0)))


def peak_amplification(A):
    """Largest ``||exp(A t)||_2`` over t = 0 and times 0.1 * 2^k, in the unit of A, k whole.

    At the least time ``||A||_1 t`` lies between 0.4 and 0.8; the last one is the first at which the
    norm is below 1/2, after which no larger one can come.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Stable dynamics matrix (units 1/time).

    Returns
    -------
    float
        At least 1, and 1 for a stable normal network. Each time is twice the one before, so the
        true peak may be a little higher.

    Raises
    ------
    ValueError
        If activity outgrows floating-point numbers, or has not decayed by ``||A||_1 t = 1e13``.

    References
    ----------
    Book, "How far from normal?".

    Examples
    --------
    >>> from noiseprune.asymmetric import peak_amplification
    >>> peak_amplification([[-1.0, 0.5], [0.5, -1.0]])
    1.0
    """
    A = _matrix.dense(_checks.matrix(A))
    exponent = np.frexp(linalg.norm(A, 1))[1]
    step = linalg.expm(0.1 * np.ldexp(A, 3 - exponent))
    peak = 1.0
    for _ in range(DOUBLINGS):
        with np.errstate(over="ignore", invalid="ignore"):
            square, step = step.T @ step, step @ step
        if not np.isfinite(square).all():
            break
        norm = float(np.sqrt(linalg.eigvalsh(square)[-1]))
        if norm < 0.5:
            return peak
        peak = max(peak, norm)
    raise ValueError(
        "exp(A t) does not decay in floating-point numbers: A is unstable, or amplifies too much"
    )


def eigenvalue_errors(A, A_sparse):
    """Relative errors ``|mu_i - lambda_i| / |lambda_i|`` of the eigenvalues, matched as sets.

    Complex numbers have no order, so the eigenvalues mu of the pruned network are assigned to the
    lambda of the original one to one, with the least sum of squared distances. Real eigenvalues
    then meet in their order, as in `noiseprune.compare_spectra`.

    Parameters
    ----------
    A, A_sparse : (N, N) ndarray or sparse array
        Dynamics matrix before and after pruning; no eigenvalue of A is 0.

    Returns
    -------
    ndarray, shape (N,)
        Errors, the slowest eigenvalue (largest real part) last; of a conjugate pair, which can be
        matched either way, the smaller error last.

    Raises
    ------
    ValueError
        If the shapes differ, or an eigenvalue of A is 0 to working precision.

    References
    ----------
    Book, "Eigenvalues in the plane".

    Examples
    --------
    >>> from noiseprune.asymmetric import eigenvalue_errors
    >>> eigenvalue_errors([[-1.0, 0], [0, -2.0]], [[-2.0, 0], [0, -1.5]])
    array([0. , 0.5])
    """
    A, A_sparse = _checks.matrices(A, A_sparse, "A", "A_sparse")
    scale = _matrix.extreme(A)
    lam, mu = (linalg.eigvals(_matrix.dense(matrix) / scale) for matrix in (A, A_sparse))
    size = np.abs(lam)
    if size.min() <= _SINGULAR * size.max():
        raise ValueError(
            "A is singular to working precision: relative errors have no meaning for an "
            f"eigenvalue of size {scale * size.min():.3g}; add leak with add_leak"
        )
    rows, columns = optimize.linear_sum_assignment(np.abs(lam[:, None] - mu) ** 2)
    errors = np.abs(mu[columns] - lam[rows]) / size
    return errors[np.lexsort((-errors, -np.abs(lam.imag), lam.real))]


def inverse_error(A, A_sparse):
    """Return ``||A^-1 (A_sparse - A)||_2``, which bounds the relative error of fixed points.

    Parameters
    ----------
    A, A_sparse : (N, N) ndarray or sparse array
        Dynamics matrix before and after pruning; A is not singular.

    Returns
    -------
    float
        eta; if it is below 1, every fixed point moves by at most ``eta / (1 - eta)`` of its
        length, whatever the input.

    Raises
    ------
    ValueError
        If the shapes differ, or A is singular to working precision.

    References
    ----------
    Book, "What to measure instead".

    Examples
    --------
    >>> from noiseprune.asymmetric import inverse_error
    >>> round(inverse_error([[-1.0, 0], [0, -2.0]], [[-1.0, 0], [0, -3.0]]), 6)
    0.5
    """
    A, A_sparse = _checks.matrices(A, A_sparse, "A", "A_sparse")
    A = _matrix.dense(A)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", linalg.LinAlgWarning)
            change = linalg.solve(A, _matrix.dense(A_sparse) - A, assume_a="general")
    except (linalg.LinAlgError, linalg.LinAlgWarning):
        raise ValueError(
            "A is singular to working precision: some input has no fixed point; add leak with "
            "add_leak"
        ) from None
    return float(np.linalg.norm(change, 2))


def shared_noise_error(A, A_sparse, *, C=None, C_sparse=None):
    """Relative error of the pruned network's trajectory under shared noise, in the long run.

    With ``A X + X A_sparse^T + I = 0`` for the covariance X between the two networks, the result
    is ``sqrt((tr C + tr C_sparse - 2 tr X) / tr C)``: exact, no simulation.

    Parameters
    ----------
    A, A_sparse : (N, N) ndarray or sparse array
        Stable dynamics matrices before and after pruning.
    C, C_sparse : (N, N) ndarray, optional
        Their stationary covariances at sigma = 1, if already known.

    Returns
    -------
    float
        ``sqrt(E ||x - x_sparse||^2 / E ||x||^2)`` in the stationary state.

    Raises
    ------
    ValueError
        If the shapes differ, a network has no stationary covariance, or one that is given is not
        that of its network.

    References
    ----------
    Book, "Driven by the same noise".

    Examples
    --------
    >>> from noiseprune.asymmetric import shared_noise_error
    >>> round(shared_noise_error([[-1.0]], [[-2.0]]), 4)  # 1/2 + 1/4 - 2/3, over 1/2
    0.4082
    """
    A, A_sparse = _checks.matrices(A, A_sparse, "A", "A_sparse")
    A, A_sparse = _matrix.dense(A), _matrix.dense(A_sparse)
    C, C_sparse = _covariance(A, C, "C"), _covariance(A_sparse, C_sparse, "C_sparse")
    X = linalg.solve_sylvester(A, A_sparse.T, -np.eye(len(A)))
    square = np.trace(C) + np.trace(C_sparse) - 2 * np.trace(X)
    return float(np.sqrt(max(square, 0.0) / np.trace(C)))


def _covariance(A, C, name):
    """Stationary covariance of a dense A at sigma = 1, or the given one if it is that."""
    if C is None:
        return stationary_covariance(A)
    C = checked_covariance(C, len(A), name)
    residual = A @ C
    residual = linalg.norm(residual + residual.T + np.eye(len(A)))
    # No C >= 0 leaves less than 1 of an unstable network.
    if residual > max(0.5, 1e-10 * linalg.norm(A) * linalg.norm(C)):
        raise ValueError(
            f"{name} is not the stationary covariance of its network at sigma = 1, or there is "
            f"none: ||A C + C A^T + I|| is {residual:.3g}; leave {name} out"
        )
    return C
