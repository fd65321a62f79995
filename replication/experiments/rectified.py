"""Do the dynamics survive when neurons cannot go below zero? Book, "All regimes at once"."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from noiseprune.covariance import stationary_covariance
from noiseprune.dynamics import simulate
from noiseprune.pruning import noise_prune
from noiseprune.rectified import active_neurons, fixed_point, regimes_visited
from noiseprune.spectrum import spectral_epsilon
from replication.experiments.spectrum import NetworkSettings
from replication.experiments.trajectories import relative_error
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
    rules: tuple = ("noise", "weight", "uniform", "leak")
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
    rest = fixed_point(A, b)
    resting = rest > 0
    rows = [describe(active, keep=1.0, rule="original")]
    C = stationary_covariance(A)
    for keep, rule in steps(itertools.product(settings.keep, settings.rules)):
        pruned = noise_prune(A, keep, rule=rule, C=C, rng=pruning_seed).A
        x_sparse, active_sparse = run(pruned)
        regime = np.ix_(resting, resting)
        rows.append(
            {
                **describe(active_sparse, keep=keep, rule=rule),
                **relative_error(x[:: settings.thin], x_sparse[:: settings.thin]),
                "apart": (active != active_sparse)[:: settings.thin].mean(axis=(1, 2)),
                "epsilon_active": spectral_epsilon(A[regime], pruned.toarray()[regime]),
                "fixed_point_error": _fixed_point_error(A, pruned, b, rest),
            }
        )
    return rows


def _fixed_point_error(A, pruned, b, rest):
    try:
        away = fixed_point(pruned, b) - rest
    except ValueError:  # a neuron that lost all its synapses has no leak left to bring it to rest
        return None
    return np.sqrt((away @ A @ away) / (rest @ A @ rest))
