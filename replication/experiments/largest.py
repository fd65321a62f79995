"""The paper's largest networks: spectrum and dynamics. Book, "Ten thousand neurons"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noiseprune import _checks, _device
from noiseprune.covariance import stationary_covariance
from noiseprune.pruning import noise_prune
from noiseprune.spectrum import spectral_epsilon
from replication import recorded
from replication.experiments.spectrum import PERCENTILES
from replication.experiments.trajectories import SimulationSettings, relative_error
from replication.registry import experiment
from replication.result import device, streams
from replication.runner import steps


@dataclass(frozen=True)
class TenThousandSettings(SimulationSettings):
    """`ten_thousand`: eigenvalues, worst case and simulations, the time step ten times the lab's.

    Times are in model units. The sizes are the account of the paper in the 2021 report.
    """

    sizes: tuple = recorded.PAPER_SIZES_10_000
    keep: float = recorded.LAB_KEEP_10_000
    rules: tuple = ("noise", "weight", "uniform", "leak")
    slow: int = 20
    dt: float = 0.05
    steps: int = 800
    every: int = 10
    simulations: int = 10
    seeds: tuple = (0, 1, 2)


@experiment(
    ten_thousand=TenThousandSettings(),
    ten_thousand_lab=TenThousandSettings(sizes=recorded.LAB_SIZES_10_000),
)
def ten_thousand(settings, seed):
    """Compare spectrum and trajectories where eigenvectors of every network cost too much.

    Returns
    -------
    list of dict
        Rows by seed and rule: synapses and how many were kept; `eigenvalue_error` as percentiles,
        as the median of its size, and on the slowest modes; `largest_eigenvalue`; `epsilon`; and
        `times` with `mean` and `std` over simulations of ``||x - x_sparse|| / ||x||``. The
        diagonal is matched.

    Raises
    ------
    ValueError
        If there are fewer than two simulations, which have no standard deviation.

    References
    ----------
    Book, "Ten thousand neurons".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.TenThousandSettings(
    ...     sizes=(40, 20), long_range=60, keep=0.5, steps=40, simulations=2, slow=3, seeds=(0,)
    ... )
    >>> [row["rule"] for row in experiments.ten_thousand(small, progress=False).rows]
    ['noise', 'weight', 'uniform', 'leak']
    """
    _checks.integer(settings.simulations, "simulations", low=2)
    A = settings.draw(seed)
    _, pruning_seed, noise_seed, start_seed = streams(seed, 4)
    C = stationary_covariance(A, device=device())
    pruned = {
        rule: noise_prune(A, settings.keep, rule=rule, C=C, rng=pruning_seed)
        for rule in settings.rules
    }
    del C
    synapses = next(iter(pruned.values())).probabilities.nnz
    matrices = {rule: network.A for rule, network in pruned.items()}
    kept = {rule: network.kept.nnz for rule, network in pruned.items()}
    del pruned

    x0 = settings.starts(start_seed)
    x = settings.simulate(A, x0, noise_seed)
    on = _device.open(device())
    eigenvalues = on.eigvalsh(on.dense(A))
    rows = []
    for rule, matrix in steps(matrices.items()):
        sparse_eigenvalues = on.eigvalsh(on.dense(matrix))
        error = sparse_eigenvalues / eigenvalues - 1
        rows.append(
            {
                "seed": seed,
                "rule": rule,
                "synapses": synapses,
                "kept": kept[rule],
                "eigenvalue_error_percentiles": np.percentile(error, PERCENTILES),
                "eigenvalue_error_median_size": np.median(np.abs(error)),
                "eigenvalue_error_slow": error[-settings.slow :],
                "largest_eigenvalue": sparse_eigenvalues[-1],
                "epsilon": spectral_epsilon(A, matrix, device=device()),
                "times": settings.times,
                **relative_error(x, settings.simulate(matrix, x0, noise_seed)),
            }
        )
    return rows
