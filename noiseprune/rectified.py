"""Rectified networks ``dx/dt = -D x + [W x + b]_+``: which neurons are active, where it rests."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from noiseprune import _checks, _matrix
from noiseprune._matrix import synapses
from noiseprune.dynamics import constant_input


def active_neurons(A, x, b):
    """Tell which neurons of a rectified network are driven: ``W x + b > 0``.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix, diagonal included.
    x : (T, N) or (T, N, B) array_like
        Activity, as from `noiseprune.simulate`.
    b : float or (N,) array_like
        Constant input.

    Returns
    -------
    ndarray of bool, shape of x
        Whether each neuron is active; the noise is left out of its drive.

    Raises
    ------
    ValueError
        If a shape does not fit.

    References
    ----------
    Book, "One network, many regimes".

    Examples
    --------
    >>> from noiseprune.rectified import active_neurons
    >>> active_neurons([[-1.0, 0.5], [-0.5, -1.0]], [[1.0, 1.0]], 0.1)
    array([[ True, False]])
    """
    A = _checks.matrix(A)
    x = _checks.array(x, "x", ndim=(2, 3))
    n = A.shape[0]
    if x.shape[1] != n:
        raise ValueError(f"x must have {n} neurons along its second axis, got shape {x.shape}")
    b = constant_input(b, n)
    W = synapses(A)
    W = W if sparse.issparse(A) else W.toarray()
    columns = np.moveaxis(x, 1, 0).reshape(n, -1)
    drive = W @ columns + b[:, None]
    return np.moveaxis((drive > 0).reshape(n, x.shape[0], *x.shape[2:]), 0, 1)


def regimes_visited(active):
    """Count the different sets of active neurons in a sequence.

    Parameters
    ----------
    active : (T, N) array of bool
        Which neurons are active at each time.

    Returns
    -------
    int
        Number of different rows.

    Raises
    ------
    ValueError
        If `active` does not have two axes.

    References
    ----------
    Book, "One network, many regimes".

    Examples
    --------
    >>> from noiseprune.rectified import regimes_visited
    >>> regimes_visited([[True, True], [True, False], [True, True]])
    2
    """
    active = np.asarray(active, dtype=bool)
    if active.ndim != 2:
        raise ValueError(f"active must have shape (T, N), got {active.shape}")
    return len({row.tobytes() for row in np.packbits(active, axis=1)})


def fixed_point(A, b, *, iterations=100):
    """Fixed point of ``dx/dt = -D x + [W x + b]_+`` for a symmetric network with M = -A > 0.

    It is the x >= 0 that minimises ``x^T M x / 2 - b^T x``, found by guessing which neurons are
    active, solving the linear network that these form, and correcting the guess until it stands.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric stable dynamics matrix, diagonal included.
    b : float or (N,) array_like
        Constant input.
    iterations : int
        Number of corrections after which to give up.

    Returns
    -------
    ndarray, shape (N,)
        The fixed point, 0 at the silent neurons.

    Raises
    ------
    ValueError
        If A is not symmetric, is unstable, or no guess stood.

    References
    ----------
    Book, "Where a rectified network comes to rest".

    Examples
    --------
    >>> from noiseprune.rectified import fixed_point
    >>> fixed_point([[-1.0, -0.5], [-0.5, -1.0]], [1.0, 0.2])
    array([1., 0.])
    """
    A = _checks.matrix(A)
    if not _matrix.is_symmetric(A):
        raise ValueError("A must be symmetric; simulate an asymmetric network instead")
    M = -(_matrix.dense(A))
    n = len(M)
    b = constant_input(b, n)
    active = np.ones(n, dtype=bool)
    for _ in range(_checks.integer(iterations, "iterations", low=1)):
        x = np.zeros(n)
        if active.any():
            x[active] = _solve_positive(M[np.ix_(active, active)], b[active])
        guess = M.diagonal() * x > M @ x - b  # W x + b > 0
        if np.array_equal(guess, active):
            return x
        active = guess
    raise ValueError(
        f"no set of active neurons stood after {iterations} corrections; raise iterations, "
        "or simulate the network until it rests"
    )


def _solve_positive(M, b):
    """Solve M x = b for a positive definite M that is not singular to rounding."""
    norm = np.abs(M).sum(axis=0).max()
    factor, info = linalg.lapack.dpotrf(M, lower=1)
    if info != 0 or linalg.lapack.dpocon(factor, norm, uplo="L")[0] < 1e-14:
        raise ValueError(
            "A is unstable or singular: -A must be positive definite for the fixed point to be "
            "the only one"
        )
    return linalg.cho_solve((factor, True), b)
