"""Do the dynamics survive when neurons cannot go below zero? Book section 10."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from noiseprune import _checks, _matrix
from noiseprune._matrix import synapses
from noiseprune.covariance import stationary_covariance
from noiseprune.dynamics import simulate
from noiseprune.pruning import noise_prune
from noiseprune.spectrum import spectral_epsilon
from replication.experiments.spectrum import NetworkSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps


@dataclass(frozen=True)
class RectifiedSettings(NetworkSettings):
    """`rectified_networks`: inputs ``scale (z - shift)``, z normal, that silence about half.

    Times are in model units. Regimes are read off every `every` steps, curves stored every
    `thin` readings.
    """

    keep: tuple = (0.2, 0.05)
    rules: tuple = ("noise", "weight", "uniform")
    dt: float = 0.02
    steps: int = 2000
    every: int = 5
    thin: int = 5
    simulations: int = 8
    sigma: float = 0.001
    scale: float = 0.1
    shift: float = 0.35
    seeds: tuple = tuple(range(6))

    @property
    def times(self):
        """Return the times of the stored curves."""
        step = self.every * self.thin
        return self.dt * step * np.arange(self.steps // step + 1)

    def inputs(self, seed):
        """Return the constant input of every neuron for one seed."""
        z = np.random.default_rng(seed).standard_normal(sum(self.sizes))
        return self.scale * (z - self.shift)


@experiment(quick="rectified", rectified=RectifiedSettings())
def rectified_networks(settings, seed):
    """Compare rectified networks before and after pruning, and the regimes that they visit.

    Returns
    -------
    list of dict
        Rows by seed, keep and rule ("original" with keep 1 first): `active`, the fraction of
        active neurons in time; `regimes`, the different ones each simulation was seen in, and
        `switches` per neuron and unit time, both as means over simulations. Pruned networks also
        have the `mean` and `std` over simulations of ``||x - x_sparse|| / ||x||``, `apart`, the
        fraction of neurons active in one network and silent in the other, `epsilon_active`, the
        `spectral_epsilon` within the regime in which the original comes to rest, and
        `fixed_point_error`, relative in the norm of M (None where the pruned network has no single
        fixed point).

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.RectifiedSettings(
    ...     sizes=(40, 20), long_range=60, seeds=(0,), keep=(0.5,), rules=("noise",), steps=200,
    ...     simulations=2,
    ... )
    >>> [row["rule"] for row in experiments.rectified_networks(small, progress=False).rows]
    ['original', 'noise']
    """
    A = settings.draw(seed)
    _, pruning_seed, noise_seed, start_seed, input_seed = streams(seed, 5)
    x0 = np.random.default_rng(start_seed).uniform(0, 1, (len(A), settings.simulations))
    b = settings.inputs(input_seed)

    def run(matrix):
        x = simulate(
            matrix,
            x0=x0,
            dt=settings.dt,
            steps=settings.steps,
            every=settings.every,
            b=b,
            sigma=settings.sigma,
            rng=noise_seed,
            nonlinearity="relu",
        )
        return x, active_neurons(matrix, x, b)

    def describe(active, **conditions):
        changes = np.count_nonzero(active[1:] != active[:-1])
        duration = settings.dt * settings.steps
        return {
            "seed": seed,
            **conditions,
            "active": active[:: settings.thin].mean(axis=(1, 2)),
            "regimes": np.mean([regimes_visited(one) for one in np.moveaxis(active, 2, 0)]),
            "switches": changes / (active[0].size * duration),
        }

    x, active = run(A)
    rest = rectified_fixed_point(A, b)
    resting = rest > 0
    size = np.linalg.norm(x[:: settings.thin], axis=1)
    several = settings.simulations > 1
    rows = [describe(active, keep=1.0, rule="original")]
    C = stationary_covariance(A)
    for keep, rule in steps(itertools.product(settings.keep, settings.rules)):
        pruned = noise_prune(A, keep, rule=rule, C=C, rng=pruning_seed).A
        x_sparse, active_sparse = run(pruned)
        error = np.linalg.norm((x - x_sparse)[:: settings.thin], axis=1) / size
        regime = np.ix_(resting, resting)
        rows.append(
            {
                **describe(active_sparse, keep=keep, rule=rule),
                "mean": error.mean(axis=1),
                "std": error.std(axis=1, ddof=1) if several else 0 * size[:, 0],
                "apart": (active != active_sparse)[:: settings.thin].mean(axis=(1, 2)),
                "epsilon_active": spectral_epsilon(A[regime], pruned.toarray()[regime]),
                "fixed_point_error": _fixed_point_error(A, pruned, b, rest),
            }
        )
    return rows


def _fixed_point_error(A, pruned, b, rest):
    try:
        away = rectified_fixed_point(pruned, b) - rest
    except ValueError:  # a neuron that lost all its synapses has no leak left to bring it to rest
        return None
    return np.sqrt((away @ A @ away) / (rest @ A @ rest))


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
    >>> from replication.experiments.rectified import active_neurons
    >>> active_neurons([[-1.0, 0.5], [-0.5, -1.0]], [[1.0, 1.0]], 0.1)
    array([[ True, False]])
    """
    A = _checks.matrix(A)
    x = _checks.array(x, "x", ndim=(2, 3))
    n = A.shape[0]
    if x.shape[1] != n:
        raise ValueError(f"x must have {n} neurons along its second axis, got shape {x.shape}")
    b = _checks.array(b, "b", ndim=(0, 1))
    if b.ndim == 1 and b.size != n:
        raise ValueError(f"b must be a number or have shape ({n},), got {b.shape}")
    W = synapses(A)
    W = W if sparse.issparse(A) else W.toarray()
    columns = np.moveaxis(x, 1, 0).reshape(n, -1)
    drive = W @ columns + np.broadcast_to(b, (n,))[:, None]
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
    >>> from replication.experiments.rectified import regimes_visited
    >>> regimes_visited([[True, True], [True, False], [True, True]])
    2
    """
    active = np.asarray(active, dtype=bool)
    if active.ndim != 2:
        raise ValueError(f"active must have shape (T, N), got {active.shape}")
    return len({row.tobytes() for row in np.packbits(active, axis=1)})


def rectified_fixed_point(A, b, *, iterations=100):
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
    >>> from replication.experiments.rectified import rectified_fixed_point
    >>> rectified_fixed_point([[-1.0, -0.5], [-0.5, -1.0]], [1.0, 0.2])
    array([1., 0.])
    """
    A = _checks.matrix(A)
    if not _matrix.is_symmetric(A):
        raise ValueError("A must be symmetric; simulate an asymmetric network instead")
    M = -(_matrix.dense(A))
    n = len(M)
    b = _checks.array(b, "b", ndim=(0, 1))
    if b.ndim == 1 and b.size != n:
        raise ValueError(f"b must be a number or have shape ({n},), got {b.shape}")
    b = np.broadcast_to(b, (n,))
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
