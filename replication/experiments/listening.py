"""Pruning by an estimated covariance. Book, "How long must a synapse listen?"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from noiseprune.covariance import stationary_covariance, synapse_variances
from noiseprune.dynamics import stationary_trajectory
from noiseprune.pruning import noise_prune
from noiseprune.spectrum import spectral_epsilon
from replication import recorded
from replication.experiments.spectrum import NetworkSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps


@dataclass(frozen=True)
class ListeningSettings(NetworkSettings):
    """`estimated_covariance`: snapshots, durations in slowest time constants, their interval."""

    keep: float = recorded.LAB_KEEP
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
    exact = synapse_variances(A, C).data

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
            relative = synapse_variances(A, estimate).data / exact - 1
            row["variance_error_rms"] = np.sqrt(np.mean(relative**2))
            row["variance_error_largest"] = np.abs(relative).max()
        return row

    rows = [row("exact", 0), row("weight", 0, rule="weight")]
    X = _snapshots(C, max(settings.snapshots, default=0), snapshot_seed)
    rows += [
        row("snapshots", T, estimate=X[:, :T] @ X[:, :T].T / T) for T in steps(settings.snapshots)
    ]
    counts = [round(d / -eigenvalues[-1] / settings.interval) for d in settings.durations]
    X = stationary_trajectory(
        A,
        settings.interval,
        max(counts, default=0),
        eigenpairs=(eigenvalues, V),
        rng=trajectory_seed,
    )
    for duration, T in zip(settings.durations, counts, strict=True):
        rows.append(row("trajectory", duration, estimate=X[:, :T] @ X[:, :T].T / T))
    return rows


def _snapshots(C, count, rng):
    """Independent draws from N(0, C), one a column."""
    return linalg.cholesky(C, lower=True) @ np.random.default_rng(rng).normal(size=(len(C), count))
