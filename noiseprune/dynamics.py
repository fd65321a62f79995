"""The dynamics of a network in time: simulated, exact, and compared with a pruned one.

Book, "The exact solution", introduces linear networks; "Without luck: the exact error" compares
trajectories; "Rectified networks" treats neurons that fall silent.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import linalg as splinalg

from noiseprune import _checks, _device, _matrix
from noiseprune._matrix import synapses
from noiseprune.large.network import is_large
from noiseprune.large.propagator import Course, panels
from noiseprune.large.trajectory import sampled_errors

NONLINEARITIES = ("linear", "relu")
_BLOCK = 2**22  # noise drawn at a time, in numbers
_SMALL = 200  # neurons up to which all eigenvalues are quickly computed
_CALL = 1e4  # synapses that a product takes the time of, however few it has
_SQUARING = 10  # ratio of the times of a product with them and of an exponential, for each number
_CLOSE = 1e-4  # of the size of two sums of squares: a smaller difference of them loses digits
_HELD = 5  # N x N matrices that are in memory at once, on a device
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_LONGEST = 1000  # steps taken together: more save nothing
_REACH = 2.0  # dt ||A|| times the steps taken together: rounding grows like exp(2 reach)


def simulate(
    A,
    *,
    x0,
    dt,
    steps,
    b=0.0,
    sigma=0.0,
    rng=None,
    noise=None,
    nonlinearity="linear",
    every=1,
):
    """Simulate a noisy network by the Euler-Maruyama scheme.

    Linear: ``dx/dt = A x + b + sigma xi``. Rectified, with A = -D + W:
    ``dx/dt = -D x + [W x + b + sigma xi]_+``, where the noise inside the bracket is held for one
    step and has standard deviation ``sigma / sqrt(dt)``.

    The steps of a linear network between two recorded times are taken together where that saves
    products with A; the result is that of one step after the other, up to rounding.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix, diagonal included (units 1/time). Sparse matrices are multiplied sparse.
    x0 : (N,) or (N, B) array_like
        Initial activity, or B of them as columns.
    dt : float
        Time step.
    steps : int
        Number of steps.
    b : float or (N,) array_like
        Constant input.
    sigma : float
        Noise amplitude, not negative.
    rng : numpy.random.Generator, int or None
        Source of the noise. The same integer seed gives every network the same noise.
    noise : (steps, N) or (steps, N, B) array_like, optional
        Standard normal numbers to use as the noise, in place of `rng`.
    nonlinearity : {"linear", "relu"}
        Which of the two networks.
    every : int
        Record every so many steps.

    Returns
    -------
    ndarray, shape (T, N) or (T, N, B)
        Activity at times ``0, every dt, 2 every dt, ...``; ``T = steps // every + 1``.

    Raises
    ------
    ValueError
        If dt is too large for a stable scheme (the message says the largest that is stable), a
        shape does not fit, or the activity of an unstable network outgrows floating point.

    References
    ----------
    Settings of the lab notebook: book, "Settings".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.simulate([[-1.0]], x0=[1.0], dt=0.5, steps=2)
    array([[1.  ],
           [0.5 ],
           [0.25]])
    """
    A = _checks.matrix(A)
    n = A.shape[0]
    x = initial(x0, n).copy()
    dt = _checks.number(dt, "dt", low=0, low_open=True)
    steps = _checks.integer(steps, "steps", low=1)
    every = _checks.integer(every, "every", low=1)
    b = constant_input(b, n)
    sigma = _checks.number(sigma, "sigma", low=0)
    _checks.choice(nonlinearity, "nonlinearity", NONLINEARITIES)
    _check_time_step(A, dt, nonlinearity)
    single = x.ndim == 1
    x = x.reshape(n, -1)

    matrix, drive, amplitude = dt * A, dt * b[:, None], sigma * np.sqrt(dt)
    leap, degree = 1, 0
    if nonlinearity == "relu":
        decay = 1 + dt * A.diagonal()[:, None]
        matrix = dt * synapses(A)
        if not sparse.issparse(A):
            matrix = matrix.toarray()
    else:
        leap, degree = _leap(matrix, every, x.size)
        weights = _leap_weights(leap, degree)
    draws = _noise(noise, rng, sigma, steps, x.shape, leap)

    recorded = np.empty((steps // every + 1, *x.shape))
    recorded[0] = x
    with np.errstate(over="ignore", invalid="ignore"):
        for done in range(leap, steps + leap, leap):
            pushes = amplitude * next(draws) if sigma > 0 else None
            if leap > 1 and done <= steps:
                x = _leap_forward(matrix, x, drive, pushes, weights)
            else:
                for k in range(min(leap, steps + leap - done)):
                    push = matrix @ x
                    push += drive
                    if sigma > 0:
                        push += pushes[k]
                    if nonlinearity == "relu":
                        x *= decay
                        np.maximum(push, 0.0, out=push)
                    x += push
            if done % every == 0 and done <= steps:
                if not np.isfinite(x).all():
                    raise outgrown(done * dt)
                recorded[done // every] = x
    return recorded[:, :, 0] if single else recorded


def relax(A, x0, times, *, b=0.0):
    """Exact noiseless solution of ``dx/dt = A x + b`` at the given times.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix, diagonal included; it may be singular or unstable.
    x0 : (N,) or (N, B) array_like
        Initial activity, or B of them as columns.
    times : (T,) array_like
        Times, not negative, in any order.
    b : float or (N,) array_like
        Constant input.

    Returns
    -------
    ndarray, shape (T, N) or (T, N, B)
        Activity at the times.

    Raises
    ------
    ValueError
        If a shape does not fit, a time is negative, or the activity of an unstable network
        outgrows floating point.

    References
    ----------
    Book, "The exact solution".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.relax([[-1.0]], [1.0], [0.0, 1.0]).round(4)
    array([[1.    ],
           [0.3679]])
    """
    A = _checks.matrix(A)
    n = A.shape[0]
    x0 = initial(x0, n)
    times = _checks.array(times, "times", ndim=1, nonnegative=True)
    b = constant_input(b, n)
    columns = x0.reshape(n, -1)
    if not _matrix.is_symmetric(A):
        x = _relax_directed(A, columns, times, b)
    elif sparse.issparse(A) and n > _SMALL:
        x = _relax_by_products(A, columns, times, b)
    else:
        values, V = linalg.eigh(_matrix.dense(A))
        x = np.empty((times.size, *columns.shape))
        with np.errstate(invalid="ignore"):
            for k, mean in enumerate(_modal_means(values, V.T @ columns, V.T @ b, times)):
                x[k] = V @ mean
    finite = np.isfinite(x).all(axis=(1, 2))
    if not finite.all():
        raise outgrown(times[~finite].min())
    return x.reshape(times.size, *x0.shape)


def trajectory_error(
    A,
    A_sparse,
    times,
    *,
    x0,
    b=0.0,
    sigma=0.0,
    eigenpairs=None,
    probes=16,
    rng=None,
    device=None,
):
    """Relative error of the pruned network's trajectory, averaged exactly over the noise.

    Both networks start at x0 and are driven by the same noise. The result is
    ``sqrt(E ||x - x_sparse||^2 / E ||x||^2)``, in closed form from the two eigendecompositions:
    no simulation, no sampling error. It keeps its meaning after the activity has decayed or grown
    beyond floating point. Where both networks are still at rest it is 0.

    A sparse pair of more than 5,000 neurons stays sparse: products with the matrices carry the mean
    activity on, and random vectors stand for the noise.

    Parameters
    ----------
    A, A_sparse : (N, N) ndarray or sparse array
        Symmetric dynamics matrices of the original and the pruned network.
    times : (T,) array_like
        Times, not negative.
    x0 : (N,) or (N, B) array_like
        Initial activity; with B columns the squares are averaged over them.
    b : float or (N,) array_like
        Constant input.
    sigma : float
        Noise amplitude, not negative.
    eigenpairs : (values, vectors), optional
        What `numpy.linalg.eigh(A)` returned, when several pruned networks are compared with one
        original.
    probes : int
        Number of random vectors for the noise part of a large sparse pair. Its relative error is
        about ``sqrt(2 / (probes N'))``, N' the number of modes that take part. Without noise the
        result is exact.
    rng : numpy.random.Generator, int or None
        Source of the probes.
    device : str or torch.device, optional
        Where PyTorch finds the eigenvectors and their overlaps, such as "cuda" (extra `torch`);
        without it, NumPy does. The result agrees up to rounding. A large sparse pair stays with
        SciPy.

    Returns
    -------
    ndarray, shape (T,)
        Relative root-mean-square error at the times; inf where it is beyond floating point.

    Raises
    ------
    ValueError
        If a shape does not fit, a matrix is not symmetric, or x0, b and sigma are all 0. If the
        device is not there, or too small.
    ImportError
        If a device is named and PyTorch is missing.

    Warns
    -----
    UserWarning
        If an error is beyond floating point: the pruned network is unstable, or far slower.

    References
    ----------
    Book, "Without luck: the exact error".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.trajectory_error([[-1.0]], [[-2.0]], [0.0, 1.0], x0=[1.0]).round(4)
    array([0.    , 0.6321])
    """
    A, A_sparse = _checks.matrices(A, A_sparse, "A", "A_sparse")
    for matrix, name in ((A, "A"), (A_sparse, "A_sparse")):
        if not _matrix.is_symmetric(matrix):
            raise ValueError(f"{name} must be symmetric; simulate an asymmetric network instead")
    n = A.shape[0]
    x0 = initial(x0, n).reshape(n, -1)
    times = _checks.array(times, "times", ndim=1, nonnegative=True)
    b = constant_input(b, n)
    sigma = _checks.number(sigma, "sigma", low=0)
    probes = _checks.integer(probes, "probes", low=1)
    rng = _checks.generator(rng)
    on = _device.open(device)
    if not (x0.any() or b.any() or sigma > 0):
        raise ValueError(
            "the original network's activity is 0 at every time: x0, b and sigma are all 0; no "
            "relative error"
        )
    given = {"x0": x0, "b": b, "sigma": sigma}
    if is_large(A) and is_large(A_sparse) and eigenpairs is None:
        difference, size = sampled_errors(A, A_sparse, times, **given, probes=probes, rng=rng)
    else:
        _device.require_matrices(on, _HELD, n)
        lam, V = _eigenpairs(A, eigenpairs, on)
        mu, U = on.eigh(on.dense(A_sparse))
        overlap = on.host(V.T @ U)
        own, other = (lam, on.host(V)), (mu, on.host(U))
        difference, size = _modal_errors(own, other, overlap, times, **given)
    with np.errstate(divide="ignore", over="ignore"):
        error = np.divide(difference, size, out=np.zeros_like(size), where=difference > 0)
    if np.isinf(error).any():
        warnings.warn(
            f"the error is beyond floating point from t = {times[np.isinf(error)].min():.6g} on: "
            "there the pruned network is unstable, or decays far more slowly than the original",
            stacklevel=2,
        )
    return error


def stationary_trajectory(A, interval, count, *, sigma=1.0, eigenpairs=None, rng=None):
    """Draw snapshots of one stationary run of a symmetric network, exact for any interval.

    In its eigenvectors a symmetric network is N independent modes, and from one snapshot to the
    next mode k is multiplied by ``exp(lambda_k interval)`` and receives fresh noise.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric dynamics matrix, diagonal included, stable (units 1/time).
    interval : float
        Model time between two snapshots.
    count : int
        Number of snapshots.
    sigma : float
        Strength of the noise.
    eigenpairs : tuple of ndarray, optional
        Eigenvalues and eigenvectors of A, if already known.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    ndarray, shape (N, count)
        Activities, one snapshot a column; each is a draw from the stationary distribution.

    Raises
    ------
    ValueError
        If A is not symmetric or an eigenvalue is not negative, or an argument is out of range.

    References
    ----------
    Book, "A trajectory repeats itself".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.stationary_trajectory([[-1.0, 0.5], [0.5, -1.0]], 0.1, 4, rng=0).shape
    (2, 4)
    """
    A = _checks.matrix(A)
    if not _matrix.is_symmetric(A):
        raise ValueError("A must be symmetric; simulate an asymmetric network instead")
    interval = _checks.number(interval, "interval", low=0, low_open=True)
    count = _checks.integer(count, "count", low=0)
    sigma = _checks.number(sigma, "sigma", low=0)
    rng = _checks.generator(rng)
    eigenvalues, V = _eigenpairs(A, eigenpairs, _device.HOST)
    if not _matrix.decays(A, eigenvalues.max()):
        raise ValueError(
            f"every eigenvalue must be negative, the largest is {eigenvalues.max():.3g}: "
            "the network has no stationary activity"
        )
    n = eigenvalues.size
    stationary = sigma * np.sqrt(-0.5 / eigenvalues)
    decay = np.exp(eigenvalues * interval)
    fresh = stationary * np.sqrt(-np.expm1(2 * eigenvalues * interval))
    # Noise of neurons, not of modes: eigenvectors are given up to sign, the trajectory must not be.
    modes = rng.standard_normal((count, n)) @ V
    modes[:1] *= stationary
    modes[1:] *= fresh
    for t in range(1, count):
        modes[t] += decay * modes[t - 1]
    return V @ modes.T


def _eigenpairs(A, given, on):
    """Eigenvalues, ascending, and eigenvectors of a checked symmetric A, unless they are given."""
    if given is None:
        return on.eigh(on.dense(A))
    values, vectors = _checks.eigenpairs(given, A)
    return values, on.array(vectors)


def _modal_errors(own, other, overlap, times, *, x0, b, sigma):
    """Root-mean-square difference and activity from two eigendecompositions and ``V^T U``.

    Each time has a unit of its own, ``exp(fastest growth times t)``, in which neither activity
    overflows or vanishes.
    """
    (lam, V), (mu, U) = own, other
    starts = V.T @ x0, U.T @ x0
    if sigma > 0 or b.any():
        growth = max(0.0, lam[-1], mu[-1])
    else:  # modes that take part
        growth = max(
            rates[start.any(axis=1)].max() for rates, start in zip((lam, mu), starts, strict=True)
        )
    noise, noise_size = np.zeros(times.size), np.zeros(times.size)
    if sigma > 0:
        own, both = (
            _growth(2 * rates, times[:, None], 2 * growth).sum(axis=1)
            for rates in (lam, np.concatenate([lam, mu]))
        )
        weights = overlap**2
        noise = both - 2 * _weighted_growth(weights, lam, mu, times, growth)
        close = noise < _CLOSE * both
        if close.any():  # the difference has lost its digits
            noise[close] = _squared_differences(weights, lam, mu, times[close], growth)
        noise, noise_size = sigma * np.sqrt(noise), sigma * np.sqrt(own)
    means = _modal_means(lam, starts[0], V.T @ b, times, growth)
    means_sparse = _modal_means(mu, starts[1], U.T @ b, times, growth)
    difference, size, columns = np.empty(times.size), np.empty(times.size), np.sqrt(x0.shape[1])
    for k, (m, m_sparse) in enumerate(zip(means, means_sparse, strict=True)):
        difference[k] = np.hypot(_norm(m - overlap @ m_sparse) / columns, noise[k])
        size[k] = np.hypot(_norm(m) / columns, noise_size[k])
    return difference, size


def _norm(x):
    """Frobenius norm, whose squares neither overflow nor vanish."""
    largest = np.abs(x).max()
    return largest * np.linalg.norm(x / largest) if largest > 0 else 0.0


def _expm1(rate, t, growth):
    """``(exp(rate t) - 1) exp(-growth t)`` for rates not above `growth`."""
    power = rate * t
    small = np.exp(-growth * t) * np.expm1(np.minimum(power, 1.0))
    return np.where(power > 1, np.exp((rate - growth) * t) - np.exp(-growth * t), small)


def _growth(rate, t, growth=0.0):
    """``(exp(rate t) - 1) / rate exp(-growth t)``, which is ``t exp(-growth t)`` at rate 0."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.where(rate == 0, t * np.exp(-growth * t), _expm1(rate, t, growth) / rate)


def _weighted_growth(weights, lam, mu, times, growth=0.0):
    """Sum over i, j of ``weights_ij (exp(r t) - 1) / r exp(-2 growth t)``, ``r = lam_i + mu_j``.

    With x = exp(lam t) - 1 and y = exp(mu t) - 1, ``exp(r t) - 1 = x + y + x y``: one weighted
    bilinear form a time, and no digits lost while lam and mu have one sign. The few pairs whose
    rates cancel are summed on their own.
    """
    rate = np.add.outer(lam, mu)
    cancels = np.abs(rate) <= 0.1 * np.add.outer(np.abs(lam), np.abs(mu))
    pairs = np.nonzero(cancels)
    single_rate, single_weight = rate[pairs], weights[pairs]
    rate[pairs] = 1.0
    weighted = np.divide(weights, rate, out=rate)
    weighted[pairs] = 0.0
    rows, columns = weighted.sum(axis=1), weighted.sum(axis=0)
    total = np.empty(times.size)
    for start in range(0, times.size, 64):  # bounded memory for any number of times
        t = times[start : start + 64, None]
        x, y = _expm1(lam, t, growth), _expm1(mu, t, growth)
        single = np.exp(-growth * t[:, 0]) * (x @ rows + y @ columns)
        total[start : start + 64] = single + np.sum((x @ weighted) * y, axis=1)
    for k, t in enumerate(times if pairs[0].size else ()):
        total[k] += single_weight @ _growth(single_rate, t, 2 * growth)
    return total


def _squared_differences(weights, lam, mu, times, growth):
    """Sum of ``weights_ij int_0^t (exp(lam_i s) - exp(mu_j s))^2 ds exp(-2 growth t)``.

    A sum of squares, by quadrature: where the networks are close it keeps the digits that the
    closed form loses.
    """
    fastest = 2 * max(np.abs(lam).max(), np.abs(mu).max())
    result, total, now = np.empty(times.size), 0.0, 0.0
    step = max(1, _matrix.BLOCK // mu.size)

    def on_rows(k):
        gap = np.subtract.outer(x[k : k + step], y)
        gap *= gap
        return np.vdot(weights[k : k + step], gap)

    for k in np.argsort(times, kind="stable"):
        for stop in panels(now, times[k], fastest, growth) if times[k] > now else ():
            middle, half = (now + stop) / 2, (stop - now) / 2
            total *= np.exp(-2 * growth * (stop - now))
            for s, weight in zip(middle + half * _NODES, half * _WEIGHTS, strict=True):
                x, y = _expm1(lam, s, growth), _expm1(mu, s, growth)
                squares = sum(_matrix.in_parallel(on_rows, range(0, lam.size, step)))
                total += weight * np.exp(-2 * growth * (stop - s)) * squares
            now = stop
        result[k] = total
    return result


def _modal_means(values, modal_x0, modal_b, times, growth=0.0):
    """Means of the modes at each time in the unit ``exp(growth t)``, one (N, B) array each."""
    for t in times:
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.exp((values - growth) * t)[:, None] * modal_x0
            if modal_b.any():
                mean += (_growth(values, t, growth) * modal_b)[:, None]
        yield mean


def _relax_by_products(A, columns, times, b):
    """Exact solution of a sparse symmetric network, without its eigenvectors."""
    course, shrunk = Course((A,), columns, np.repeat(b[:, None], columns.shape[1], axis=1)), 1.0
    result = np.zeros((times.size, *columns.shape))
    for k in np.argsort(times, kind="stable"):
        while course.now < times[k] and 0 < shrunk < np.inf:  # else what follows is inf, or 0
            shrunk *= course.step(times[k], relative=True)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            result[k] = course.states[0] / shrunk
    return result


def _relax_directed(A, columns, times, b):
    """Exact solution from one time to the next; a constant input is one more, constant neuron.

    The exponential times vectors takes products as many as the norm of the exponent; the
    exponential itself, once and for all intervals of one length, takes squarings as many as the
    logarithm of that.
    """
    n, width = columns.shape
    augmented = sparse.block_array(
        [[sparse.csr_array(A), sparse.csr_array(b[:, None])], [None, sparse.csr_array((1, 1))]]
    ).tocsr()
    norm = splinalg.norm(augmented, 1)
    x = np.vstack([columns, np.ones((1, width))])
    result = np.empty((times.size, n, width))
    now, known, forward = 0.0, 0.0, None
    for k in np.argsort(times, kind="stable"):
        interval = times[k] - now
        if interval > 0:
            if abs(interval - known) > 4 * np.finfo(float).eps * times[k]:
                known, forward = interval, None
                products = norm * interval * (_CALL + augmented.nnz * width)
                if not is_large(A) and n**3 < _SQUARING * products:
                    with np.errstate(over="ignore", invalid="ignore"):
                        forward = linalg.expm(interval * augmented.toarray())
            if forward is None:
                x = splinalg.expm_multiply(interval * augmented, x)
            else:
                with np.errstate(over="ignore", invalid="ignore"):
                    x = forward @ x
            now = times[k]
        result[k] = x[:n]
    return result


def outgrown(t):
    """Return the error for activity beyond floating point, where inf - inf would be NaN."""
    return ValueError(
        f"the activity outgrew floating point by t = {t:.6g}: the network is unstable; use a "
        "shorter time or a stable network"
    )


def initial(x0, n):
    """Check an initial activity."""
    x0 = _checks.array(x0, "x0", ndim=(1, 2))
    if x0.shape[0] != n or x0.size == 0:
        raise ValueError(f"x0 must have shape ({n},) or ({n}, B), got {x0.shape}")
    return x0


def constant_input(b, n):
    """Check a constant input and give every neuron its own."""
    b = _checks.array(b, "b", ndim=(0, 1))
    if b.ndim == 1 and b.size != n:
        raise ValueError(f"b must be a number or have shape ({n},), got {b.shape}")
    return np.broadcast_to(b, (n,))


def _noise(noise, rng, sigma, steps, shape, count):
    """Iterate over the standard normal numbers of `count` steps each, (count, N, B or 1)."""
    n, width = shape
    if noise is not None:
        noise = _checks.array(noise, "noise", ndim=(2, 3))
        if noise.shape not in ((steps, n), (steps, n, width)):
            raise ValueError(
                f"noise must have shape {(steps, n)} or {(steps, n, width)}, got {noise.shape}"
            )
        if sigma == 0:
            raise ValueError("noise is given but sigma is 0: set sigma, or leave the noise out")
        noise = noise.reshape(steps, n, -1)
        return (noise[k : k + count] for k in range(0, steps, count))
    return _blocks(_checks.generator(rng), steps, shape, count)


def _blocks(rng, steps, shape, count):
    block = max(1, _BLOCK // (shape[0] * shape[1] * count)) * count
    for start in range(0, steps, block):
        drawn = rng.standard_normal((min(block, steps - start), *shape))
        for k in range(0, len(drawn), count):
            yield drawn[k : k + count]


def _leap(matrix, every, size):
    """How many steps to take together, and the degree in matrix = dt A that they then need.

    m steps of ``x -> (1 + dt A) x + push_k`` are a polynomial in dt A with binomial coefficients,
    whose terms fall off like those of ``exp(m dt ||A||)``.
    """
    norm = max(np.asarray(abs(matrix).sum(axis=axis)).max() for axis in (0, 1))
    limit = min(every, _LONGEST, _BLOCK // size, int(_REACH / norm) if norm > 0 else every)
    leap = max((m for m in range(1, limit + 1) if every % m == 0), default=1)
    degree, term = 0, 1.0
    while term > 1e-18:
        degree += 1
        term *= leap * norm / degree
    return (leap, degree) if degree + 2 < leap else (1, 0)


def _leap_weights(m, degree):
    """Binomial coefficients with which state, constant drive and every push enter m steps."""
    powers = range(degree + 1)
    start = np.array([math.comb(m, p) for p in powers], dtype=float)
    constant = np.array([math.comb(m, p + 1) for p in powers], dtype=float)
    each = np.array([[math.comb(m - 1 - k, p) for k in range(m)] for p in powers], dtype=float)
    return start[:, None, None], constant[:, None, None], each


def _leap_forward(matrix, x, drive, pushes, weights):
    """State after m Euler steps, one product with dt A for each power of it (Horner's scheme)."""
    start, constant, each = weights
    terms = start * x + constant * drive
    if pushes is not None:
        total = each @ pushes.reshape(each.shape[1], -1)
        terms += total.reshape(len(each), *pushes.shape[1:])
    x = terms[-1]
    for term in terms[-2::-1]:
        x = matrix @ x
        x += term
    return x


def _check_time_step(A, dt, nonlinearity):
    """Reject a dt at which Euler's scheme amplifies a mode that the network itself damps.

    Gershgorin's discs settle almost every network at once; eigenvalues are computed only when
    they do not. A rectified neuron that receives nothing is multiplied by 1 - dt times its leak.
    """
    leak = -A.diagonal()
    total = np.asarray(abs(A).sum(axis=1)) - np.abs(leak)
    symmetric = _matrix.is_symmetric(A)
    if symmetric:
        settled = dt * (leak + total).max() <= 2
    else:
        settled = (total <= leak).all() and dt * leak.max() <= 1
    largest = np.inf if settled else _largest_time_step(A, dt, symmetric)
    why = "a mode of the network that decays fast"
    if nonlinearity == "relu" and leak.max() > 0 and 2 / leak.max() < min(dt, largest):
        largest, neuron = 2 / leak.max(), int(leak.argmax())
        why = f"neuron {neuron}, which decays at its leak {leak[neuron]:.4g} while it is silent"
    if dt > largest:
        given, stable = _apart(dt, largest)
        raise ValueError(
            f"dt={given} is too large: Euler's scheme is stable up to dt={stable}; beyond, it "
            f"amplifies {why}; take a smaller dt"
        )


def _largest_time_step(A, dt, symmetric):
    """Largest stable dt, or one not below the given dt if that is stable."""
    n = A.shape[0]
    if sparse.issparse(A) and n > _SMALL:
        start = np.random.default_rng(0).standard_normal(n)
        if symmetric:
            values = splinalg.eigsh(A, k=1, which="SA", v0=start, return_eigenvectors=False)
            return float(2 / -values[0]) if values[0] < 0 else np.inf
        # Modes that the scheme amplifies are those of I + dt A beyond the unit circle. What grows
        # by itself is among them, and may hide others.
        step = A.dtype.type(dt)
        while True:
            scheme = sparse.eye_array(n, format="csr") + step * A
            factors = splinalg.eigs(scheme, k=6, v0=start, return_eigenvectors=False)
            values = (factors - 1) / step
            beyond = np.abs(factors) > 1 + 1e-12
            if not beyond.any():
                return step
            damped = values[beyond & (values.real < 0)]
            if damped.size == 0:
                break
            step = float(np.min(-2 * damped.real / np.abs(damped) ** 2))
        if not beyond.all():
            return step
    dense = _matrix.dense(A)
    values = linalg.eigvalsh(dense) if symmetric else linalg.eigvals(dense)
    damped = values[values.real < -1e-12 * np.abs(values).max()]
    return float(np.min(-2 * damped.real / np.abs(damped) ** 2, initial=np.inf))


def _apart(given, largest):
    """Both numbers with as few digits as tell them apart, the second rounded down."""
    for digits in range(4, 18):
        first, second = f"{given:.{digits}g}", f"{largest:.{digits}g}"
        if float(second) > largest:
            unit = 10.0 ** (math.floor(math.log10(largest)) - digits + 1)
            second = f"{largest - unit / 2:.{digits}g}"
        if float(first) > largest >= float(second):
            break
    return first, second
