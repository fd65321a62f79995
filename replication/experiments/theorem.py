"""How often does the guarantee fail, and how much may be pruned under it? Book, "The theorem"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from noiseprune import _checks, theory
from noiseprune.pruning import keep_probabilities, sample_synapses, synapse_scores
from noiseprune.spectrum import spectral_epsilon
from replication import recorded
from replication.experiments.spectrum import PERCENTILES, NetworkSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

PRECISION = 0.02  # of the smallest sampling rate, relative


@dataclass(frozen=True)
class FailureSettings(NetworkSettings):
    """`failure_rate`: a small dense network, sampling rates kappa, errors epsilon, draws each."""

    sizes: tuple = (140, 60)
    density: float = 1.0
    long_range: int = 200
    rates: tuple = (2, 3, 4, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50)
    epsilons: tuple = (0.25, 0.5, 0.75, 1.0)
    draws: int = 200
    seeds: tuple = tuple(range(5))


@dataclass(frozen=True)
class PrunedFractionSettings:
    """`pruned_fraction`: network sizes, shares of the clusters, the error and its probability."""

    neurons: tuple = (100, 200, 400, 800, 1500, 3000)
    shares: tuple = (0.5, 0.1, 0.4)
    density: float = recorded.DENSITY
    long_range_per_neuron: float = 2.5
    epsilon: float = 0.5
    delta: float = 0.01
    seeds: tuple = tuple(range(5))

    def network(self, n):
        """Return the settings of the network with n neurons: the lab notebook's, scaled."""
        sizes = tuple(round(share * n) for share in self.shares)
        return NetworkSettings(sizes, self.density, round(self.long_range_per_neuron * n))


@experiment(quick="failure_rate", failure_rate=FailureSettings())
def failure_rate(settings, seed):
    """Count how often networks pruned at sampling rate kappa miss the error epsilon.

    Every rate uses the same random numbers.

    Returns
    -------
    list of dict
        Rows by seed and rate: `failures`, the number of draws whose `spectral_epsilon` is above
        each of the epsilons; `epsilon_percentiles` over the draws; `kept_fraction`, the mean of
        the probabilities.

    References
    ----------
    Book, "How often does it fail?".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.FailureSettings(
    ...     sizes=(30, 20), long_range=40, rates=(1, 100), draws=5, seeds=(0,)
    ... )
    >>> [row["failures"] for row in experiments.failure_rate(small, progress=False).rows]
    [[5, 5, 5, 5], [0, 0, 0, 0]]
    """
    A = settings.draw(seed)
    S = synapse_scores(A)
    draws = streams(seed, 1 + settings.draws)[1:]
    rows = []
    for rate in steps(settings.rates):
        P = keep_probabilities(S, K=2 * rate)  # kappa = K sigma^2 / 2, and sigma = 1
        epsilon = np.array([spectral_epsilon(A, sample_synapses(A, P, rng=rng)) for rng in draws])
        rows.append(
            {
                "seed": seed,
                "rate": rate,
                "draws": settings.draws,
                "kept_fraction": P.data.mean(),
                "failures": [np.count_nonzero(epsilon > limit) for limit in settings.epsilons],
                "epsilon_percentiles": np.percentile(epsilon, PERCENTILES),
            }
        )
    return rows


@experiment(pruned_fraction=PrunedFractionSettings())
def pruned_fraction(settings, seed):
    """Measure how much a network of N neurons can be pruned at a fixed error epsilon.

    Returns
    -------
    list of dict
        Rows by seed and neurons: `pairs` of the network; `theorem_rate` and `theorem_pairs`, the
        rate that guarantees epsilon and the pairs kept at it on average; `smallest_rate` and
        `smallest_pairs`, the same where one draw just meets epsilon.

    References
    ----------
    Book, "The pruned fraction tends to 1".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.PrunedFractionSettings(neurons=(60,), seeds=(0,))
    >>> row = experiments.pruned_fraction(small, progress=False).rows[0]
    >>> row["smallest_pairs"] < row["theorem_pairs"] <= row["pairs"]
    True
    """
    pruning_seed = streams(seed, 2)[1]
    rows = []
    for n in steps(settings.neurons):
        A = settings.network(n).draw(seed)
        S = synapse_scores(A)
        smallest = smallest_rate(A, S, settings.epsilon, rng=pruning_seed)
        guaranteed = theory.sampling_rate(n, settings.epsilon, settings.delta)
        rows.append(
            {
                "seed": seed,
                "neurons": n,
                "pairs": S.nnz // 2,
                "theorem_rate": guaranteed,
                "theorem_pairs": keep_probabilities(S, K=2 * guaranteed).data.sum() / 2,
                "smallest_rate": smallest,
                "smallest_pairs": keep_probabilities(S, K=2 * smallest).data.sum() / 2,
            }
        )
    return rows


def smallest_rate(A, S, epsilon, *, rng):
    """Sampling rate at which one draw just meets epsilon, found with fixed random numbers.

    Parameters
    ----------
    A : (N, N) ndarray
        Symmetric dynamics matrix.
    S : csr_array, shape (N, N)
        Its scores at sigma = 1, as from `synapse_scores`.
    epsilon : float
        Error to be met.
    rng : int
        Seed of the uniform numbers that every trial rate uses.

    Returns
    -------
    float
        The rate kappa, to a relative precision of 0.02.

    References
    ----------
    Book, "The pruned fraction tends to 1".
    """
    epsilon = _checks.number(epsilon, "epsilon", low=0, high=1, low_open=True, high_open=True)

    def excess(log_rate):
        P = keep_probabilities(S, K=2 * np.exp(log_rate))
        return spectral_epsilon(A, sample_synapses(A, P, rng=rng)) - epsilon

    low = high = float(np.log(np.log(2 * A.shape[0]) / epsilon**2))
    while excess(low) <= 0:
        low -= 0.5
    while excess(high) >= 0:
        high += 0.5
    return float(np.exp(optimize.brentq(excess, low, high, xtol=PRECISION)))
