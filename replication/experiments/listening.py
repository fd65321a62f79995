"""How long must a synapse listen? Pruning by an estimated covariance, book section 15."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from noiseprune import _checks
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import stationary_covariance
from noiseprune.pruning import noise_prune
from noiseprune.spectrum import spectral_epsilon
from replication.experiments.spectrum import NetworkSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps


@dataclass(frozen=True)
class ListeningSettings(NetworkSettings):
    """`estimated_covariance`: snapshots, durations in slowest time constants, their interval."""

    keep: float = 0.2
    snapshots: tuple = (3, 5, 10, 30, 100, 1000, 10000)
    durations: tuple = (1, 3, 10, 30, 100)
    interval: float = 0.5  # model time between two snapshots of a trajectory
    slow: int = 20
    seeds: tuple = tuple(range(5))


@experiment(listening=ListeningSettings())
def estimated_covariance(settings, seed):
    """Prune by a covariance that is estimated from a limited record of the noise.

    Every pruning uses the same random numbers.

    Returns
    -------
    list of dict
        Rows by seed, `record` and `length`. Record "snapshots": independent ones, length is their
        number T. Record "trajectory": one stationary run, length is its duration in slowest time
        constants. Records "exact" and "weight" (length 0) are noise-prune by the exact covariance
        and the weight control. Measured are `epsilon`, the median size of the `slow` eigenvalue
        errors, and for estimates the root mean square and the largest size of the relative error
        of the synapses' variances.

    References
    ----------
    Book, "Does the pruned network notice?".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.ListeningSettings(
    ...     sizes=(40, 20), long_range=60, seeds=(0,), snapshots=(20,), durations=(2,), slow=3
    ... )
    >>> [row["record"] for row in experiments.estimated_covariance(small, progress=False).rows]
    ['exact', 'weight', 'snapshots', 'trajectory']
    """
    A = settings.draw(seed)
    pruning_seed, snapshot_seed, trajectory_seed = streams(seed, 4)[1:]
    eigenvalues, V = linalg.eigh(A)
    C = stationary_covariance(A)
    W = synapses(A)
    i, j, sign = row_indices(W), W.indices, np.sign(W.data)

    def variances(C):
        diagonal = C.diagonal()
        return diagonal[i] + diagonal[j] - 2 * sign * C[i, j]

    exact = variances(C)

    def row(record, length, *, rule="noise", estimate=None):
        pruned = noise_prune(
            A, settings.keep, rule=rule, C=C if estimate is None else estimate, rng=pruning_seed
        )
        n = A.shape[0]
        slowest = linalg.eigvalsh(pruned.A.toarray(), subset_by_index=(n - settings.slow, n - 1))
        slow_error = slowest / eigenvalues[-settings.slow :] - 1
        row = {
            "seed": seed,
            "record": record,
            "length": length,
            "kept_fraction": pruned.kept_fraction,
            "epsilon": spectral_epsilon(A, pruned.A),
            "slow_error": np.median(np.abs(slow_error)),
        }
        if estimate is not None:
            relative = variances(estimate) / exact - 1
            row["variance_error_rms"] = np.sqrt(np.mean(relative**2))
            row["variance_error_largest"] = np.abs(relative).max()
        return row

    rows = [row("exact", 0), row("weight", 0, rule="weight")]
    X = _snapshots(C, max(settings.snapshots, default=0), snapshot_seed)
    rows += [
        row("snapshots", T, estimate=X[:, :T] @ X[:, :T].T / T) for T in steps(settings.snapshots)
    ]
    counts = [round(d / -eigenvalues[-1] / settings.interval) for d in settings.durations]
    X = trajectory(eigenvalues, V, settings.interval, max(counts, default=0), rng=trajectory_seed)
    for duration, T in zip(settings.durations, counts, strict=True):
        rows.append(row("trajectory", duration, estimate=X[:, :T] @ X[:, :T].T / T))
    return rows


def _snapshots(C, count, rng):
    """Independent draws from N(0, C), one a column."""
    return linalg.cholesky(C, lower=True) @ np.random.default_rng(rng).normal(size=(len(C), count))


def trajectory(eigenvalues, V, interval, count, *, sigma=1.0, rng=None):
    """Snapshots of one stationary run of a symmetric network, exact for any interval.

    In its eigenvectors a symmetric network is N independent modes, and from one snapshot to the
    next mode k is multiplied by ``exp(lambda_k interval)`` and receives fresh noise.

    Parameters
    ----------
    eigenvalues : (N,) array_like
        Eigenvalues of A, all negative (units 1/time).
    V : (N, N) array_like
        Its orthonormal eigenvectors, one a column.
    interval : float
        Model time between two snapshots.
    count : int
        Number of snapshots.
    sigma : float
        Strength of the noise.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    ndarray, shape (N, count)
        Activities, one snapshot a column; each is a draw from the stationary distribution.

    Raises
    ------
    ValueError
        If an eigenvalue is not negative, or an argument is out of range.

    References
    ----------
    Book, "A trajectory repeats itself".

    Examples
    --------
    >>> import numpy as np
    >>> from replication.experiments.listening import trajectory
    >>> trajectory([-2.0, -1.0], np.eye(2), 0.5, 4, rng=0).shape
    (2, 4)
    """
    eigenvalues = _checks.array(eigenvalues, "eigenvalues", ndim=1)
    V = _checks.array(V, "V", ndim=2)
    interval = _checks.number(interval, "interval", low=0, low_open=True)
    count = _checks.integer(count, "count", low=0)
    sigma = _checks.number(sigma, "sigma", low=0)
    if eigenvalues.max(initial=-np.inf) >= 0:
        raise ValueError(
            f"every eigenvalue must be negative, the largest is {eigenvalues.max():.3g}: "
            "the network has no stationary activity"
        )
    rng = _checks.generator(rng)
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
