"""The covariance of a network driven by noise, exact or from samples, and what synapses see of it.

Book, "From kicks to covariance", derives the Lyapunov equation ``A C + C A^T + sigma^2 I = 0``;
"What a synapse can see" says why the rule looks at ``Var(x_i - sign(w_ij) x_j)``.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import linalg, sparse

from noiseprune import _checks, _device, _differences, _matrix

STRUCTURES = ("symmetric", "normal", "general", "auto")
TIMES = ("continuous", "discrete")

_CONDITION = 1e14  # of a matrix with diagonal 1, from which it is singular to working precision
_GRADED = 1e6  # ratio of leaks, from which slow modes lose digits to the rounding of fast ones
_LOUDEST = 1e150  # amplitude of noise: its square must be a number
_EPS = np.finfo(float).eps
_SPREAD = 1e14  # of the leaks, from which a slow mode is lost in the rounding of a fast one
_SCHUR = 2000  # neurons, up to which the processor takes over from a device within a minute
_HELD = 8  # matrices that are in memory at once, on a device
_DRIFT = 1e5  # leak times variance of a neuron, from which differences of variances lose digits
_TIED = 1e7  # from which they lose so many that N^3 operations on one core are worth their while


class NoCovariance(ValueError):
    """A has no stationary covariance: it is unstable, or singular to working precision."""


def stationary_covariance(A, *, sigma=1.0, structure="auto", time="continuous", device=None):
    """Solve ``A C + C A^T + sigma^2 I = 0``: the covariance of dx/dt = A x + b + sigma xi.

    Symmetric A: ``C = -(sigma^2 / 2) A^-1`` by one Cholesky factorisation. Normal A:
    ``C = -sigma^2 (A + A^T)^-1``. Any other stable A, or noise that is not the same for all
    neurons: Smith's doubling iteration, made of matrix products and refined by the same, if its
    backward error is below 1e-13, else Bartels and Stewart's method on a real Schur form, which is
    several times slower.

    In discrete time, ``x(t + 1) = A x(t) + b + sigma xi(t)`` and ``C = A C A^T + sigma^2 I``, by
    doubling.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Stable dynamics matrix, diagonal included (units 1/time; none in discrete time).
    sigma : float or (N,) array_like
        Noise amplitude, not negative: one for all neurons or one for each.
    structure : {"auto", "symmetric", "normal", "general"}
        Which of the three methods to use in continuous time; "auto" takes the first that fits.
    time : {"continuous", "discrete"}
        Whether A is a rate of change, or the map from one time step to the next.
    device : str or torch.device, optional
        Where PyTorch does the work, such as "cuda" (extra `torch`); without it, NumPy and SciPy do.
        The result agrees up to rounding. Bartels and Stewart's method stays with SciPy, for at most
        2,000 neurons.

    Returns
    -------
    ndarray, shape (N, N)
        Stationary covariance C, symmetric.

    Raises
    ------
    ValueError
        If A is unstable or singular (no stationary covariance exists), has a positive diagonal
        entry, or does not have the stated structure. In discrete time: if the spectral radius is
        not below 1. If the device is not there, or too small, or A has more than 2,000 neurons and
        needs Bartels and Stewart's method.
    ImportError
        If a device is named and PyTorch is missing.

    References
    ----------
    Book, "Three kinds of network". Smith, SIAM J. Appl. Math. 16, 198 (1968); Bartels
    and Stewart, Commun. ACM 15, 820 (1972).

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.stationary_covariance([[-1.0, 0.5], [0.5, -1.0]]).round(3)
    array([[0.667, 0.333],
           [0.333, 0.667]])
    >>> npr.stationary_covariance([[0.6]], time="discrete").round(4)
    array([[1.5625]])
    """
    A = _checks.matrix(A)
    sigma = _noise(sigma, A.shape[0])
    _checks.choice(structure, "structure", STRUCTURES)
    _checks.choice(time, "time", TIMES)
    on = _device.open(device)
    if time == "discrete":
        if structure != "auto":
            raise ValueError(
                f"structure={structure!r} chooses a method for continuous time; leave it out for "
                "time='discrete'"
            )
        _device.require_matrices(on, _HELD, A.shape[0])
        return _finite(on.host(_discrete(on.dense(A), sigma, on)))
    check_leak(A)
    return _continuous(A, on, sigma, structure)


def _finite(C):
    """Refuse a covariance that no numbers hold: a finite variance bounds all that it goes with."""
    if not np.isfinite(C.diagonal()).all():
        raise ValueError(
            "the stationary covariance of A is beyond floating-point numbers: activity grows too "
            "much on its way through the network, or decays too slowly; add leak, or scale A or "
            "the noise"
        )
    return C


def _noise(sigma, n):
    """Noise amplitudes: one number if all are equal, else one for each neuron."""
    if np.ndim(sigma) == 0 and not np.ma.isMaskedArray(sigma):
        return _checks.number(sigma, "sigma", low=0, high=_LOUDEST)
    sigma = _checks.array(sigma, "sigma", ndim=1, nonnegative=True)
    if sigma.size != n:
        raise ValueError(
            f"sigma must be a number or have one entry for each of the {n} neurons, got "
            f"{sigma.size}"
        )
    _checks.number(sigma.max(), "sigma", low=0, high=_LOUDEST)
    return float(sigma[0]) if (sigma == sigma[0]).all() else sigma


@np.errstate(over="ignore", invalid="ignore")  # what comes of it is refused
def _continuous(A, on, sigma=1.0, structure="auto"):
    """`stationary_covariance` in continuous time of a checked A."""
    _device.require_matrices(on, _HELD, A.shape[0])
    alike = np.ndim(sigma) == 0
    if structure in ("auto", "symmetric"):
        symmetric = _matrix.is_symmetric(A)
        if symmetric and alike:
            return _finite(on.host(_inverse_of_negative(on.dense(A), sigma**2 / 2, A, on)))
        if structure == "symmetric" and not symmetric:
            raise ValueError(
                "structure='symmetric' but A is not symmetric: its largest |A_ij - A_ji| is "
                f"{abs(A - A.T).max():.3g}; use 'general' or 'auto'"
            )
    dense = on.dense(A)
    unit = _power_of_two(float(abs(dense).max()) ** 0.5) ** 2  # of 4: roots scale exactly as well
    dense = dense / unit
    if (structure == "auto" and alike) or structure == "normal":
        C = _normal(dense, A, on)
        if C is not None and alike:
            return _finite(on.host(C * (sigma**2 / unit)))
        if C is None and structure == "normal":
            raise ValueError(
                "structure='normal' but A is not normal: ||A A^T - A^T A|| / ||A||^2 is "
                f"{_commutator(on.host(dense)):.3g}; use 'general' or 'auto'"
            )
    return _finite(on.host(_general(dense, np.broadcast_to(sigma, len(dense)), A, on) / unit))


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
        If fewer than two rows remain, or an entry is missing: masked or NaN.

    References
    ----------
    Book, "Measuring the covariance".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.sample_covariance([[9.0, 9.0], [0.0, 0.0], [2.0, 4.0]], burn_in=1)
    array([[2., 4.],
           [4., 8.]])
    """
    x = _checks.array(x, "x", ndim=2, repair="leave out times or neurons that were not recorded")
    burn_in = _checks.integer(burn_in, "burn_in", low=0)
    rows = x.shape[0] - burn_in
    if rows < 2 or x.shape[1] == 0:
        raise ValueError(
            f"x must keep at least 2 times and 1 neuron after burn_in={burn_in}, got shape "
            f"{x.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        x = x[burn_in:] - x[burn_in:].mean(axis=0)
        C = x.T @ x / (rows - 1)
    if not np.isfinite(C).all():
        raise ValueError("x is too large: its squares are no numbers; scale x down")
    return C


def synapse_variances(A, C):
    """Var(x_i - sign(w_ij) x_j) on every synapse: ``C_ii + C_jj - 2 sign(w_ij) C_ij``.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix or weights; only its off-diagonal entries matter.
    C : (N, N) ndarray or sparse array
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
    Moore & Chaudhuri (2020), Eq. 4 (difference of covariances); Book, "The rule".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.synapse_variances([[0, 1], [-1, 0]], [[2.0, 0.5], [0.5, 1.0]]).toarray()
    array([[0., 2.],
           [4., 0.]])
    """
    _checks.same_order(A, C, "A", "C")
    W = _matrix.synapses(_checks.matrix(A))
    return variances_on(W, checked_covariance(C, W.shape[0]))


def variances_on(W, C):
    """`synapse_variances` for weights and a covariance that are already checked."""
    n = W.shape[0]
    variance, entries = C.diagonal(), C.reshape(-1)
    V = np.empty_like(W.data)
    cuts = np.searchsorted(W.indptr, np.arange(0, W.nnz, _matrix.BLOCK), side="right") - 1

    def on_rows(ends):
        first, last = ends
        here = slice(W.indptr[first], W.indptr[last])
        counts = np.diff(W.indptr[first : last + 1])
        place, weights, v = W.indices[here].astype(np.intp), W.data[here], V[here]
        variance.take(place, out=v, mode="clip")  # the mode that needs no second array
        v += np.repeat(variance[first:last], counts)
        place += np.repeat(np.arange(first, last) * n, counts)
        twice = np.copysign(2.0, weights)
        twice *= entries.take(place)
        v -= twice
        np.maximum(v, 0.0, out=v)  # a sampled C of low rank can round to -1e-17

    _matrix.in_parallel(on_rows, itertools.pairwise([*np.unique(cuts), n]))
    return sparse.csr_array((V, W.indices, W.indptr), shape=W.shape)


def exact_variances(A, W, on):
    """Stationary variances at sigma = 1 on the synapses W of a checked A, however small the leak.

    Activity that hardly any leak holds drifts far, and differences of large variances lose their
    digits. Where the drift does not change the differences that synapses see (a component that is
    balanced and whose leak just makes up for its input), it is taken out before solving.
    """
    try:
        C = _continuous(A, on)
    except NoCovariance:
        drift = _Drift(A, W)
        if not drift.found:
            raise
        C = drift.covariance_without(on)
    else:
        if _largest_drift(A, C) > _DRIFT and (drift := _Drift(A, W)).found:
            del C
            C = drift.covariance_without(on)
    # What still drifts are parts that next to no weight ties to the others, or breaks the balance.
    if _largest_drift(A, C) > _TIED and _matrix.is_symmetric(A) and _matrix.is_dominant(A):
        return _differences.variances(A, W)
    return variances_on(W, C)


def _largest_drift(A, C):
    """Largest leak times variance of a neuron: what its input makes of its own variance, 1 / 2."""
    return (-A.diagonal() * C.diagonal()).max()


class _Drift:
    """Patterns of activity that decay slowly or never, and that no synapse sees.

    In a balanced component, where some signs z_i of the neurons make every weight positive,
    ``A z = -(s z)`` with the excess leaks s, and ``z_i - sign(w_ij) z_j = 0`` on every synapse. A
    reflection H turns z into one coordinate of the component. Its column in H A H is known from s,
    without cancellation; scaled to its leak, or left out if there is none, it does no harm.
    """

    def __init__(self, A, W):
        self.A, n = A, A.shape[0]
        part, z, balanced = _matrix.balance(W)
        leak, excess = -A.diagonal(), _matrix.excess_leak(A)
        total = np.bincount(part, leak)
        rest = np.bincount(part, np.abs(excess))
        chosen = balanced & (rest <= 10 * total / _DRIFT)
        self.found = bool(chosen.any())
        self.never = rest[chosen] <= 1e-14 * total[chosen]  # no leak but rounding
        members = np.flatnonzero(chosen[part])
        number = np.cumsum(chosen) - 1
        column = number[part[members]]
        self.first = members[np.unique(column, return_index=True)[1]]
        size = np.bincount(column)
        v = z[members] / np.sqrt(size[column])  # unit vectors
        self.decay = np.bincount(column, excess[members]) / size
        self.image = _on(members, column, excess[members] * v, (n, size.size))  # -A v
        u = v.copy()
        u[np.searchsorted(members, self.first)] += np.sign(z[self.first])
        u /= np.sqrt(np.bincount(column, u**2))[column]
        self.u = _on(members, column, u, (n, size.size))
        self.sign = -np.sign(z[self.first])  # H v = sign e_first

    def reflect(self, X):
        """Return ``H X``."""
        return X - 2 * (self.u @ (self.u.T @ X))

    def covariance_without(self, on):
        """Covariance at sigma = 1 with the drift taken out."""
        A, n = self.A, self.A.shape[0]
        B = self.reflect(self.reflect(_matrix.dense(A)).T).T
        B[:, self.first] = -self.sign * self.reflect(self.image.toarray())
        kept = np.ones(n, dtype=bool)
        kept[self.first[self.never]] = False
        slow, decay = self.first[~self.never], self.decay[~self.never]
        if _matrix.is_symmetric(A):
            B[self.first] = B[:, self.first].T
            inner = _inverse_of_negative(on.array(B[np.ix_(kept, kept)]), 0.5, A, on)
        else:
            rate = np.abs(B).max(axis=1)[slow]
            scale = np.ones(n)
            scale[slow] = _power_of_two(np.sqrt(np.abs(decay) / rate))
            B[:, slow] /= scale[slow]
            B[slow] *= scale[slow, None]
            unit = _power_of_two(np.abs(B).max())
            inner = _general(on.array(B[np.ix_(kept, kept)] / unit), scale[kept], A, on) / unit
        C = np.zeros((n, n))
        C[np.ix_(kept, kept)] = on.host(inner)
        C[slow] = C[:, slow] = 0.0
        return np.ascontiguousarray(self.reflect(self.reflect(C).T))


def _on(rows, columns, values, shape):
    return sparse.csr_array((values, (rows, columns)), shape=shape)


def check_leak(A):
    """Every neuron must decay on its own: no positive diagonal entry."""
    diagonal = A.diagonal()
    worst = int(np.argmax(diagonal))
    if diagonal[worst] > 0:
        raise ValueError(
            f"A must have no positive diagonal entry (the leak is -A_ii), got A[{worst}, {worst}] "
            f"= {diagonal[worst]:.6g}; use add_leak to give every neuron a leak"
        )


def unstable(A, largest, *, singular=None):
    """Return the error that says why A has no stationary covariance.

    `singular` says whether the largest real part of an eigenvalue is 0 up to rounding; without it
    the fastest leak decides.
    """
    W = _matrix.synapses(A)
    leak = -A.diagonal()
    total = np.asarray(abs(W).sum(axis=1))
    worst = int(np.argmin(leak - total))
    neuron = f"(neuron {worst} has leak {leak[worst]:.4g} and total input {total[worst]:.4g})"
    if singular is None:
        singular = largest <= 1e-12 * np.abs(leak).max()
    if not singular:
        return NoCovariance(
            f"A is unstable: largest real part of an eigenvalue is {largest:.4g} {neuron}; "
            "a stationary covariance does not exist; add leak with add_leak(W, excess=...)"
        )
    return NoCovariance(
        f"A is singular to working precision: largest real part of an eigenvalue is "
        f"{largest:.1g} {neuron}; one pattern of activity never decays, so a stationary "
        "covariance does not exist; add leak with add_leak(W, excess=...)"
    )


def checked_covariance(C, n, name="C"):
    """Return a covariance that a caller gave as a float64 ndarray: symmetric and PSD, (n, n).

    It may miss that by the rounding of its own dtype, each neuron judged on its own scale.
    """
    dtype = getattr(C, "dtype", None)
    if sparse.issparse(C):
        C = _checks.matrix(C, name).toarray()
    C = _checks.array(C, name, ndim=2)
    if C.shape != (n, n):
        raise ValueError(f"{name} must have shape {(n, n)} to match A, got {C.shape}")
    coarse = np.finfo(dtype).eps if dtype is not None and dtype.kind == "f" else 0.0
    if not _matrix.is_symmetric(C, max(1e-13, 4 * coarse)):
        raise ValueError(
            f"{name} must be symmetric, its largest |C_ij - C_ji| is {np.abs(C - C.T).max():.3g}"
        )
    rounding = max(1e-10, 4 * coarse)
    least = np.sqrt(rounding) * np.abs(C).max()  # below it, a variance is rounding of the largest
    scale = 1 / np.sqrt(np.maximum(C.diagonal(), least) + np.finfo(float).tiny)
    shifted = np.array(C.T, order="F")
    shifted *= scale[:, None]
    shifted *= scale
    shifted[np.diag_indices(n)] += rounding * n
    if linalg.lapack.dpotrf(shifted, lower=1, clean=0, overwrite_a=1)[1] != 0:
        least = linalg.eigvalsh(C, subset_by_index=[0, 0])[0]
        raise ValueError(
            f"{name} must be positive semidefinite to be a covariance, its least eigenvalue is "
            f"{least:.3g}"
        )
    return C


def _power_of_two(x):
    """Powers of 2 near x > 0 (1 where x is 0): numbers are scaled by them without rounding."""
    return np.ldexp(1.0, np.where(x > 0, np.frexp(x)[1], 0))


def _inverse_of_negative(B, factor, A, on):
    """Return `factor` times the inverse of ``M = -B``, symmetric, by Cholesky.

    M is scaled to a diagonal near 1 first, so that leaks of any spread count alike, by powers of 2,
    so that no digit changes. The norm of a diagonally dominant one is then below 8, and what is
    singular is that for large networks too (`large.ground.SINGULAR`).
    """
    leak = -on.host(B.diagonal())
    scale = 1 / _power_of_two(np.sqrt(np.maximum(leak, 0)))
    leak = leak * scale**2
    scale = on.array(scale)
    inverse, norm = on.inverse_of_negative(B, scale)
    # Close to singular, this is the largest eigenvalue of the inverse, all leaks brought to 1.
    if inverse is None or not (
        max(1.0, float(norm) / 8) * leak @ on.host(inverse.diagonal()) < _CONDITION
    ):
        raise _no_inverse(A)
    return on.mirror(inverse, factor * scale, scale)


def _no_inverse(A):
    """Return the error for a symmetric A whose -A is not positive definite."""
    dense = _matrix.dense(A)
    last = [len(dense) - 1] * 2
    leak = -dense.diagonal()
    scale = 1 / np.sqrt(np.where(leak > 0, leak, 1.0))
    S = scale[:, None] * (dense + dense.T) * scale / 2  # has as many positive eigenvalues as A
    least = linalg.eigvalsh(S, subset_by_index=last)[0]
    largest = float(linalg.eigvalsh((dense + dense.T) / 2, subset_by_index=last)[0])
    return unstable(A, largest, singular=bool(least <= 1e-12))


def _commutator(A):
    """||A A^T - A^T A|| / ||A||^2 in the Frobenius norm: 0 for a normal matrix."""
    return float(linalg.norm(A @ A.T - A.T @ A) / linalg.norm(A) ** 2)


def _normal(dense, A, on):
    """Covariance at sigma = 1 of a normal A, or None when A is not normal up to rounding.

    Entry (i, j) of A A^T - A^T A is judged on the scale of rows and columns i and j.
    """
    xp = on.xp
    row, column = (xp.sqrt(xp.einsum(f"ij,ij->{k}", dense, dense)) for k in "ij")
    v = on.array(np.random.default_rng(0).standard_normal(len(dense)))
    along = abs(dense @ (dense.T @ v) - dense.T @ (dense @ v))
    if (along > 2e-12 * (row * (row @ abs(v)) + column * (column @ abs(v)))).any():
        return None  # what follows would say the same, with products of matrices
    commutator = dense @ dense.T
    commutator -= dense.T @ dense
    if (abs(commutator) > 1e-12 * (xp.outer(row, row) + xp.outer(column, column))).any():
        return None
    del commutator
    C = _inverse_of_negative(dense + dense.T, 1.0, A, on)
    residual = dense @ C  # its symmetric part must be -1/2
    residual = residual + residual.T
    on.add_to_diagonal(residual, 1.0)
    bound = xp.outer(row, xp.sqrt(xp.einsum("ij,ij->i", C, C)))
    return C if (abs(residual) <= 1e-12 * (bound + bound.T)).all() else None


def _general(dense, sigma, A, on):
    """Covariance of any stable network, largest entry near 1, with noise for each neuron."""
    alike = (sigma == sigma[0]).all()
    leak = -on.host(dense.diagonal())
    graded = leak.max() > _GRADED * leak.min()  # products of matrices see the fastest modes only
    C = None if graded else _smith(dense, None if alike else on.array(sigma), on)
    if C is None:
        if on is not _device.HOST and len(dense) > _SCHUR:
            raise ValueError(
                "the matrix products of a device do not settle the covariance of A to a backward "
                "error of 1e-13: A is unstable or nearly so, or its leaks spread over more than "
                f"{_GRADED:.0e}; for {len(dense)} neurons the Schur form that does takes long on "
                "the processor: leave device out if you want to wait for it"
            )
        return on.array(_bartels_stewart(on.host(dense), sigma, A))
    return C * sigma[0] ** 2 if alike else C


def _smith(A, sigma=None, on=_device.HOST):
    """Solve ``A C + C A^T + I = 0`` by matrix products alone, or None when that is not accurate.

    With ``F = (A - p I)^-1`` and ``U = (A + p I) F`` it reads ``C = U C U^T + 2 p F F^T``. The
    powers of U tend to 0 exactly if A is stable. The noise may be `sigma` instead of 1.
    """
    size, reciprocal_condition = on.condition(A)
    if reciprocal_condition < 1e-12:  # singular or close to it: leave the decision to the other
        return None
    p = size * reciprocal_condition**0.5  # between the slowest and the fastest rate
    shifted = 1.0 * A
    on.add_to_diagonal(shifted, -p)
    F = on.inverse(shifted)
    del shifted
    U = 2 * p * F
    on.add_to_diagonal(U, 1.0)
    noise = F if sigma is None else F * sigma
    C, left = _sum_of_powers(U, 2 * p * _symmetric_product(noise, noise, on), on), np.inf
    del noise
    size_A = _norm_from_below(A, on)
    while C is not None:
        residual, before = _residual(A, C, 1.0 if sigma is None else sigma, on), left
        left = on.norm(residual)
        if left <= 1e-13 * size_A * _norm_from_below(C, on):
            return C
        if not left < before / 2:
            return None
        # What the products lost is the answer to the residual, by fewer of the same products.
        lost = 2 * p * _symmetric_product(F @ residual, F, on)
        more = _sum_of_powers(U, lost, on, rounding=1e-4)
        C = None if more is None else C + more
    return None


def _norm_from_below(X, on):
    """Lower bound of the spectral norm, and near it: some steps of the power method."""
    x = on.array(np.random.default_rng(0).standard_normal(len(X)))
    for _ in range(5):
        x = X.T @ (X @ (x / on.norm(x)))
    return on.norm(x) ** 0.5


def _residual(A, C, sigma, on=_device.HOST):
    """``A C + C A^T + diag(sigma^2)``."""
    residual = A @ C
    residual = residual + residual.T
    on.add_to_diagonal(residual, sigma**2)
    return residual


def _sum_of_powers(U, C, on, rounding=1e-17):
    """``sum_k U^k C U^kT`` (C is overwritten) but for the fraction `rounding`.

    Step k adds 2^k terms. None if it does not end.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(60):
            more = U @ C
            C += _symmetric_product(more, U, on)
            size = abs(U)
            # Two upper bounds of the spectral norm.
            left = min(on.norm(U), float(size.sum(0).max() * size.sum(1).max()) ** 0.5)
            if not np.isfinite(left):
                return None
            if left < rounding**0.25:  # to the fourth power: what U U would still add to C
                return C
            U = U @ U
    return None


def _symmetric_product(X, Y, on):
    """Return ``X Y^T``, which is known to be symmetric: half of it is computed."""
    n = len(X)
    product = on.empty((n, n))
    step = max(1, n // 8)
    for k in range(0, n, step):
        product[k : k + step, k:] = X[k : k + step] @ Y[k:].T
    return on.mirror(product)


def _bartels_stewart(dense, sigma, A):
    """Lyapunov equation by a real Schur form, whose eigenvalues settle the stability first."""
    n = len(dense)
    order = np.arange(n)
    leak = -dense.diagonal()
    graded = leak.max() > _GRADED * leak.min()
    if graded:  # the QR iteration keeps slow modes if the fast come first
        order = np.argsort(-leak, kind="stable")
        dense = dense[np.ix_(order, order)]
    T, Z = linalg.schur(dense, output="real")
    # LAPACK standardises the 2 x 2 blocks: the real parts of the eigenvalues are the diagonal.
    largest = float(T.diagonal().max())
    scale = linalg.norm(T)
    sigma = np.broadcast_to(sigma, n)[order]

    def solve(Q):
        Y, factor, _ = linalg.lapack.dtrsyl(T, T, -Q, tranb="T")
        C = Z @ (Y / factor) @ Z.T
        return (C + C.T) / 2

    def driven_by(noise):
        F = Z.T * noise
        C = solve(F @ F.T)
        left, before = np.inf, np.inf
        while graded and (left := np.abs(R := _residual(dense, C, noise)).max()) < before / 2:
            C, before = C + solve(Z.T @ R @ Z), left
        return C

    # Rounding of the fastest mode may be above the slowest leak.
    doubtful = largest > -1e-14 * scale
    if doubtful and (largest >= 0 or not _proves_stability(dense, driven_by(np.ones(n)))):
        unit = np.abs(A).max() / np.abs(dense).max()
        slowest, fastest = leak[leak > 0].min(initial=leak.max()), leak.max()
        if largest < _EPS * scale and fastest > _SPREAD * slowest:
            raise NoCovariance(
                f"the leaks of A spread too far for floating point, from {slowest * unit:.3g} to "
                f"{fastest * unit:.3g} (neuron {leak.argmax()}): whether slow modes decay is lost "
                "in the rounding of fast ones; a neuron whose leak is so large stays at rest: "
                f"leave it out, or give it a leak below {_SPREAD * slowest * unit:.1g}"
            )
        raise unstable(A, largest * unit, singular=largest <= 1e-12 * slowest)
    C = np.empty((n, n))
    C[np.ix_(order, order)] = driven_by(sigma)
    return C


def _proves_stability(A, C):
    """Whether ``A C + C A^T = -I`` holds so well, with C > 0, that A is stable (Lyapunov).

    With a residual below `e` times the noise, C is within the fraction `e` in every direction.
    """
    residual = _residual(A, C, 1.0)
    if not np.abs(residual).sum(axis=1).max() < 1e-8:
        return False
    scale = 1 / np.sqrt(np.abs(C.diagonal()))
    return linalg.lapack.dpotrf(scale[:, None] * C * scale, lower=1)[1] == 0


def _discrete(A, sigma, on):
    """Solve ``C = A C A^T + sigma^2 I``."""
    n = len(A)
    C = _sum_of_powers(A, on.array(np.diag(np.broadcast_to(sigma, n) ** 2.0)), on)
    if C is None:
        radius = np.abs(linalg.eigvals(on.host(A))).max()
        raise NoCovariance(
            f"A is unstable in discrete time: its spectral radius is {radius:.6g}, which must be "
            "below 1; a stationary covariance does not exist; scale A down, or use "
            "time='continuous' if A is a rate of change, with the leak in its diagonal"
        )
    return C
