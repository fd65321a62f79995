"""Do the dynamics survive? Book, "What the simulations say"."""

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
class SimulationSettings(NetworkSettings):
    """The lab notebook's simulations of a network (times in model units)."""

    dt: float = recorded.LAB_DT
    steps: int = recorded.LAB_STEPS
    every: int = 100
    simulations: int = recorded.LAB_SIMULATIONS
    sigma: float = recorded.LAB_SIGMA
    b: float = recorded.INPUT

    @property
    def times(self):
        """Return the times at which the networks are compared."""
        return self.dt * self.every * np.arange(self.steps // self.every + 1)

    def starts(self, seed):
        """Return an initial activity of every neuron, U(0, 1), in each simulation."""
        shape = (sum(self.sizes), self.simulations)
        return np.random.default_rng(seed).uniform(0, 1, shape)

    def simulate(self, A, x0, seed):
        """Return the activity of A at the times, the same noise for the same seed."""
        return simulate(
            A,
            x0=x0,
            dt=self.dt,
            steps=self.steps,
            every=self.every,
            b=self.b,
            sigma=self.sigma,
            rng=seed,
        )


def relative_error(x, x_sparse):
    """Mean and standard deviation over simulations of ``||x - x_sparse|| / ||x||`` in time.

    Parameters
    ----------
    x, x_sparse : (T, N, S) ndarray
        Activity of the original and of a pruned network in S simulations.

    Returns
    -------
    dict
        `mean` and `std`, each of shape (T,).

    Examples
    --------
    >>> import numpy as np
    >>> from replication.experiments.trajectories import relative_error
    >>> relative_error(np.full((1, 2, 2), 2.0), np.array([[[1.0, 3.0], [1.0, 3.0]]]))
    {'mean': array([0.5]), 'std': array([0.])}
    """
    error = np.linalg.norm(x - x_sparse, axis=1) / np.linalg.norm(x, axis=1)
    return {"mean": error.mean(axis=1), "std": error.std(axis=1, ddof=min(1, x.shape[2] - 1))}


@dataclass(frozen=True)
class TrajectorySettings(SimulationSettings):
    """`trajectory_errors`: fractions kept, rules, diagonals; errors in closed form too, or not."""

    keep: tuple = (0.2, 0.05)
    rules: tuple = ("noise", "weight", "uniform", "leak")
    diagonals: tuple = ("matched", "original")
    exact: bool = True  # also in closed form, from a full eigendecomposition of every network
    seeds: tuple = (0, 1, 2)


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
    x0 = settings.starts(start_seed)
    C = stationary_covariance(A)
    eigenpairs = np.linalg.eigh(A) if settings.exact else None
    x = settings.simulate(A, x0, noise_seed)
    rows = []
    conditions = itertools.product(settings.keep, settings.rules, settings.diagonals)
    for keep, rule, diagonal in steps(conditions):
        with warnings.catch_warnings():  # what an unstable network does is asked here
            warnings.filterwarnings("ignore", "the pruned network is unstable")
            pruned = noise_prune(A, keep, rule=rule, C=C, diagonal=diagonal, rng=pruning_seed)
        row = {
            "seed": seed,
            "keep": keep,
            "rule": rule,
            "diagonal": diagonal,
            "kept": pruned.kept.nnz,
            "times": settings.times,
            **relative_error(x, settings.simulate(pruned.A, x0, noise_seed)),
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
