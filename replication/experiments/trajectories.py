"""Do the dynamics survive? Book section 9."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np

from noiseprune import _checks
from noiseprune.covariance import stationary_covariance
from noiseprune.dynamics import simulate, trajectory_error
from noiseprune.pruning import noise_prune
from replication import recorded
from replication.experiments.spectrum import NetworkSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps


@dataclass(frozen=True)
class TrajectorySettings(NetworkSettings):
    """`trajectory_errors`: the lab notebook's simulations (times in model units)."""

    keep: tuple = (0.2, 0.05)
    rules: tuple = ("noise", "weight", "uniform", "leak")
    diagonals: tuple = ("matched", "original")
    dt: float = recorded.LAB_DT
    steps: int = recorded.LAB_STEPS
    every: int = 100
    simulations: int = recorded.LAB_SIMULATIONS
    sigma: float = recorded.LAB_SIGMA
    b: float = recorded.INPUT
    exact: bool = True  # also in closed form, from a full eigendecomposition of every network
    seeds: tuple = (0, 1, 2)

    @property
    def times(self):
        """Return the times at which the networks are compared."""
        return self.dt * self.every * np.arange(self.steps // self.every + 1)


@experiment(
    trajectories_lab=TrajectorySettings(),
    trajectories_paper=TrajectorySettings(sizes=recorded.PAPER_SIZES, diagonals=("matched",)),
)
def trajectory_errors(settings, seed):
    """Compare trajectories of the original and the pruned networks under the same noise.

    Returns
    -------
    list of dict
        Rows by seed, keep, rule and diagonal: `times`, the `mean` and `std` over simulations of
        ``||x - x_sparse|| / ||x||``, and `exact`, the root-mean-square error in closed form.

    Raises
    ------
    ValueError
        If there are fewer than two simulations, which have no standard deviation.

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.TrajectorySettings(
    ...     sizes=(40, 20), long_range=60, seeds=(0,), keep=(0.5,), rules=("noise",),
    ...     diagonals=("matched",), steps=200, simulations=3,
    ... )
    >>> row = experiments.trajectory_errors(small, progress=False).rows[0]
    >>> len(row["times"]), row["mean"][0]
    (3, 0.0)
    """
    _checks.integer(settings.simulations, "simulations", low=2)
    A = settings.draw(seed)
    _, pruning_seed, noise_seed, start_seed = streams(seed, 4)
    x0 = np.random.default_rng(start_seed).uniform(0, 1, (len(A), settings.simulations))

    def run(matrix):
        return simulate(
            matrix,
            x0=x0,
            dt=settings.dt,
            steps=settings.steps,
            every=settings.every,
            b=settings.b,
            sigma=settings.sigma,
            rng=noise_seed,
        )

    C = stationary_covariance(A)
    eigenpairs = np.linalg.eigh(A) if settings.exact else None
    x = run(A)
    size = np.linalg.norm(x, axis=1)
    rows = []
    conditions = itertools.product(settings.keep, settings.rules, settings.diagonals)
    for keep, rule, diagonal in steps(conditions):
        with warnings.catch_warnings():  # what an unstable network does is asked here
            warnings.filterwarnings("ignore", "the pruned network is unstable")
            pruned = noise_prune(A, keep, rule=rule, C=C, diagonal=diagonal, rng=pruning_seed)
        error = np.linalg.norm(x - run(pruned.A), axis=1) / size
        row = {
            "seed": seed,
            "keep": keep,
            "rule": rule,
            "diagonal": diagonal,
            "kept": pruned.kept.nnz,
            "times": settings.times,
            "mean": error.mean(axis=1),
            "std": error.std(axis=1, ddof=1),
        }
        if settings.exact:
            row["exact"] = trajectory_error(
                A,
                pruned.A,
                settings.times,
                x0=x0,
                b=settings.b,
                sigma=settings.sigma,
                eigenpairs=eigenpairs,
            )
        rows.append(row)
    return rows
