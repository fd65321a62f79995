"""What pruning did to a network of any structure: stability, slow modes, activity, parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as splinalg

from noiseprune import _checks, _matrix, _parts
from noiseprune.asymmetric import shared_noise_error
from noiseprune.covariance import NoCovariance, stationary_covariance, unstable
from noiseprune.dynamics import trajectory_error
from noiseprune.large.network import fits, is_large
from noiseprune.large.solver import solver
from noiseprune.spectrum import spectral_epsilon

MODES = 10  # slowest modes that are compared
_PROBES = 16  # random vectors for the traces of large networks
_MANY = 50_000  # neurons above which half of them make the trajectory error


@dataclass(frozen=True)
class NetworkComparison:
    """An original and a pruned network in numbers; 0 is perfect for every error.

    Attributes
    ----------
    abscissa, abscissa_sparse : float
        Largest real part of an eigenvalue, of the original and of the pruned network (units
        1/time): the network is stable where it is negative, and its slowest time constant is
        ``-1 / abscissa``.
    slow_error : float
        Median over the ten slowest modes of ``|lambda_k^sparse / lambda_k - 1|``, eigenvalues in
        the order of their real parts, those equal to five digits in that of their frequencies. A
        mode that a separate part has in both networks (a neuron without synapses, or a part with
        one excess leak) counts in the largest part alone.
    covariance_error : float or None
        ``||C_sparse - C||_F / ||C||_F``, the stationary covariances under noise of one size for all
        neurons. Infinite where the pruned network is unstable.
    trajectory_error : float or None
        ``sqrt(E ||x - x_sparse||^2 / E ||x||^2)`` in the stationary state, both networks driven by
        the same noise. Two unrelated activities of one size have 1.41. Infinite where the pruned
        network is unstable.
    components, components_sparse : int
        Number of connected parts, whatever the direction of synapses; a neuron without synapses is
        one.
    epsilon : float or None
        `spectral_epsilon`; None unless both networks are symmetric, and the original, where it is
        sparse and of more than 5,000 neurons, diagonally dominant.
    """

    abscissa: float
    abscissa_sparse: float
    slow_error: float
    covariance_error: float | None
    trajectory_error: float | None
    components: int
    components_sparse: int
    epsilon: float | None


def compare(A, A_sparse):
    """Compare a network before and after pruning, symmetric or not.

    Sparse networks of more than 5,000 neurons never become N x N matrices: covariance and
    trajectory error of symmetric, diagonally dominant ones are estimated from random vectors, with
    a relative standard error of a few per cent (at most 18 % where a single mode makes the
    trajectory error, 25 % above 50,000 neurons); those of others are None.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Original dynamics matrix, diagonal included, stable.
    A_sparse : (N, N) ndarray or sparse array
        Pruned dynamics matrix.

    Returns
    -------
    NetworkComparison
        Stability, errors and connected parts.

    Raises
    ------
    ValueError
        If the shapes differ, or A is unstable or singular, so that there is no stationary activity
        to compare with.
    RuntimeError
        If no iteration finds the slowest modes of more than 5,000 neurons.

    References
    ----------
    Book, "Prune your own network". Meyer, Musco, Musco & Woodruff (2021), Hutch++.

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([60, 20, 20], symmetric=False, rng=1), excess=0.1)
    >>> comparison = npr.compare(A, npr.noise_prune(A, 0.5, rng=1).A)
    >>> comparison.abscissa_sparse < 0, comparison.components_sparse
    (True, 1)
    """
    A, A_sparse = _checks.matrices(A, A_sparse, "A", "A_sparse")
    scale = _matrix.extreme(A)
    if scale != 1:
        A, A_sparse = A / scale, A_sparse / scale
    symmetric = _matrix.is_symmetric(A) and _matrix.is_symmetric(A_sparse)
    big = is_large(A) and is_large(A_sparse)
    fixed = _parts.fixed_modes(A, A_sparse)
    if big:
        found = _large(A, A_sparse, fixed)
    else:
        found = (_symmetric if symmetric else _general)(A, A_sparse)
    slow, slow_sparse, covariance, trajectory = found
    return NetworkComparison(
        abscissa=scale * float(slow.real.max()),
        abscissa_sparse=scale * float(slow_sparse.real.max()),
        slow_error=_slow_error(_without(slow, fixed[0]), _without(slow_sparse, fixed[0])),
        covariance_error=covariance,
        trajectory_error=trajectory,
        components=_components(A),
        components_sparse=_components(A_sparse),
        epsilon=spectral_epsilon(A, A_sparse) if symmetric and not (big and not fits(A)) else None,
    )


def _components(A):
    return int(csgraph.connected_components(_matrix.synapses(A), directed=False)[0])


def _without(values, fixed):
    """Eigenvalues less one for each fixed mode, the nearest."""
    for value in fixed:
        values = np.delete(values, np.argmin(np.abs(values - value)))
    return values


def _slow_error(slow, slow_sparse):
    """Median relative error of the slowest eigenvalues, in the order of their real parts."""
    count = min(MODES, slow.size, slow_sparse.size)
    lam, mu = (v[_order(v)][-count:] for v in (slow, slow_sparse))
    return float(np.median(np.abs(mu / lam - 1)))


def _order(values):
    """Ascending real parts; those equal to five digits, whose order is rounding, by frequency."""
    parts = np.array([values.real, np.abs(values.imag)])
    parts[np.abs(parts) < 1e-12 * np.abs(values).max(initial=0.0)] = 0.0
    digits, exponent = np.frexp(parts)
    real, frequency = np.ldexp(np.round(2**17 * digits), exponent)
    return np.lexsort((values.imag, frequency, real))


def _check_stable(A, largest):
    if not _matrix.decays(A, largest):
        raise unstable(A, float(largest))


def _symmetric(A, A_sparse):
    """Eigenvalues and errors from the two eigendecompositions."""
    lam, V = np.linalg.eigh(_matrix.dense(A))
    mu, U = np.linalg.eigh(_matrix.dense(A_sparse))
    _check_stable(A, lam[-1])
    if mu[-1] >= 0:
        return lam, mu, math.inf, math.inf
    overlap = (V.T @ U) ** 2
    c, c_sparse = -0.5 / lam, -0.5 / mu  # variances of the modes
    shared = -(overlap / np.add.outer(lam, mu)).sum()
    difference = c @ c + c_sparse @ c_sparse - 2 * c @ overlap @ c_sparse
    trajectory = (c.sum() + c_sparse.sum() - 2 * shared) / c.sum()
    return lam, mu, _root(difference / (c @ c)), _root(trajectory)


def _general(A, A_sparse):
    """Eigenvalues, and errors from the covariances within and between the networks."""
    dense, dense_sparse = _matrix.dense(A), _matrix.dense(A_sparse)
    slow, slow_sparse = linalg.eigvals(dense), linalg.eigvals(dense_sparse)
    _check_stable(A, slow.real.max())
    if slow_sparse.real.max() >= 0:
        return slow, slow_sparse, math.inf, math.inf
    C, C_sparse = stationary_covariance(dense), stationary_covariance(dense_sparse)
    trajectory = shared_noise_error(dense, dense_sparse, C=C, C_sparse=C_sparse)
    return slow, slow_sparse, float(linalg.norm(C_sparse - C) / linalg.norm(C)), trajectory


def _large(A, A_sparse, fixed):
    """Slowest eigenvalues by iteration, and errors from random vectors where solves are cheap.

    The iteration finds those beside the fixed modes, which are known.
    """
    n = A.shape[0]
    if not (fits(A) and fits(A_sparse)):
        start = np.random.default_rng(0).standard_normal(n)
        try:
            slow, slow_sparse = (
                splinalg.eigs(
                    _parts.operator_beside(matrix, fixed),
                    k=MODES,
                    ncv=6 * MODES,
                    which="LR",
                    v0=start,
                    return_eigenvectors=False,
                )
                for matrix in (A, A_sparse)
            )
        except splinalg.ArpackError as error:
            raise _not_found(n, error) from error
        slow, slow_sparse = (np.append(values, fixed[0]) for values in (slow, slow_sparse))
        _check_stable(A, slow.real.max())
        finite = None if slow_sparse.real.max() < 0 else math.inf
        return slow, slow_sparse, finite, finite
    slow, solve = _slowest(A, fixed), solver(A)
    try:
        slow_sparse, solve_sparse = _slowest(A_sparse, fixed), solver(A_sparse)
    except NoCovariance:
        more = -A_sparse.diagonal().mean()  # no leak is left: with some, the modes are the same
        faster = A_sparse - more * sparse.eye_array(n), (fixed[0] - more, fixed[1])
        slow_sparse = np.minimum(_slowest(*faster) + more, 0.0)
        slow_sparse[-1] = 0.0
        return slow, slow_sparse, math.inf, math.inf
    rng = np.random.default_rng(0)
    size = _trace_of_square(solve, n, rng)
    difference = _trace_of_square(lambda X: solve_sparse(X) - solve(X), n, rng)
    trajectory = trajectory_error(
        A,
        A_sparse,
        [-5 / slow[-1]],
        x0=np.zeros(n),
        sigma=1.0,
        probes=_PROBES if n <= _MANY else _PROBES // 2,
        rng=rng,
    )
    return slow, slow_sparse, _root(difference / size), float(trajectory[0])


def _slowest(A, fixed):
    """Slowest eigenvalues of a large dominant network beside the fixed modes, and those."""
    try:
        return np.sort(np.append(_parts.slowest_beside(A, MODES, fixed)[0], fixed[0]))
    except RuntimeError as error:
        raise _not_found(A.shape[0], "too many decay at nearly the same rate") from error


def _not_found(n, why):
    return RuntimeError(f"the slowest modes of {n} neurons were not found: {why}")


def _trace_of_square(apply, n, rng):
    """tr(D^2) of a symmetric D from its products with blocks of vectors.

    Exact on a subspace that holds what is large in D, random signs for the rest (Hutch++).
    """
    Q, _ = np.linalg.qr(apply(rng.choice((-1.0, 1.0), (n, _PROBES))))
    Z = rng.choice((-1.0, 1.0), (n, _PROBES))
    Z -= Q @ (Q.T @ Z)
    return np.square(apply(Q)).sum() + np.square(apply(Z)).sum() / _PROBES


def _root(x):
    return float(np.sqrt(max(x, 0.0)))
