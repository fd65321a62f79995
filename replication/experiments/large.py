"""Sparse networks of up to a million neurons: how much can be pruned? Book, "A million neurons"."""

from __future__ import annotations

from dataclasses import dataclass

from noiseprune.large import estimate_variances
from noiseprune.networks import add_leak, random_graph, spatial
from noiseprune.pruning import keep_probabilities, sample_synapses, synapse_scores
from noiseprune.spectrum import spectral_epsilon
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

SHAPES = {"spatial": spatial, "random": random_graph}


@dataclass(frozen=True)
class LargeSettings:
    """`large_networks`: networks as (shape, neurons, mean number of neighbours), and rules."""

    networks: tuple = (
        ("spatial", 10_000, 10),
        ("spatial", 100_000, 10),
        ("random", 10_000, 10),
        ("random", 100_000, 10),
        ("random", 10_000, 30),
        ("random", 10_000, 100),
        ("random", 10_000, 300),
    )
    negative: float = 0.1
    excess: float = 0.05
    samples: int = 200
    keep: tuple = (0.9, 0.7, 0.5)
    rules: tuple = ("noise", "weight", "leak")
    seeds: tuple = (0, 1, 2)

    def draw(self, shape, neurons, degree, rng):
        """Return the sparse dynamics matrix of one network."""
        W = SHAPES[shape](neurons, degree, negative=self.negative, rng=rng)
        return add_leak(W, excess=self.excess)


@experiment(
    large_networks=LargeSettings(),
    million=LargeSettings(
        networks=(("spatial", 1_000_000, 10), ("random", 1_000_000, 10)),
        seeds=(0,),
    ),
)
def large_networks(settings, seed):
    """Prune sparse networks of growing size and measure the worst error that is left.

    Returns
    -------
    list of dict
        Rows by seed, shape, neurons, degree, rule and keep: the `method` that found the variances,
        `leverage_sum` of all pairs beside its `expected_sum`, the number of `pairs` and of `kept`
        ones, and `epsilon`, the worst relative error. The diagonal is matched.

    References
    ----------
    Book, "A million neurons".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.LargeSettings(networks=(("random", 300, 10),), keep=(0.5,), seeds=(0,))
    >>> rows = experiments.large_networks(small, progress=False).rows
    >>> [row["rule"] for row in rows]
    ['noise', 'weight', 'leak']
    """
    networks = steps(settings.networks)
    return [row for network in networks for row in _network_rows(settings, network, seed)]


def _network_rows(settings, network, seed):
    network_seed, noise_seed, pruning_seed = streams(seed, 3)
    A = settings.draw(*network, network_seed)
    estimate = estimate_variances(A, samples=settings.samples, rng=noise_seed)
    weights = synapse_scores(A, rule="weight")
    rows = []
    for rule in settings.rules:
        S = weights * estimate.V if rule == "noise" else synapse_scores(A, rule=rule)
        for keep in settings.keep:
            pruned = sample_synapses(A, keep_probabilities(S, keep=keep), rng=pruning_seed)
            rows.append(
                {
                    "seed": seed,
                    **dict(zip(("shape", "neurons", "degree"), network, strict=True)),
                    "rule": rule,
                    "keep": keep,
                    "method": estimate.method,
                    "leverage_sum": estimate.leverage_sum,
                    "expected_sum": estimate.expected_sum,
                    "pairs": weights.nnz // 2,
                    "kept": (pruned.nnz - A.shape[0]) // 2,
                    "epsilon": spectral_epsilon(A, pruned),
                }
            )
    return rows
