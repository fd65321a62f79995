"""What is left of the rule when synapses go one way? Book, "Asymmetric networks"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from noiseprune import _checks, _matrix
from noiseprune.asymmetric import (
    departure_from_normality,
    eigenvalue_errors,
    inverse_error,
    peak_amplification,
    shared_noise_error,
)
from noiseprune.covariance import stationary_covariance
from noiseprune.networks import add_leak, clustered
from noiseprune.pruning import noise_prune
from replication import recorded
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

FAMILIES = ("clusters", "ring", "directed", "underleaked")


@dataclass(frozen=True)
class AsymmetricSettings:
    """`asymmetric_networks`: four families of networks, how one-way they are, their leak, rules.

    "clusters" and "ring" go from symmetric to one-way with the strength; "directed" draws each
    direction on its own; "underleaked" is the one-way network of the clusters with a share of the
    leak that balances the input. The ring has as many neurons as the clusters together.
    """

    sizes: tuple = (150, 30, 120)
    density: float = recorded.DENSITY
    long_range: int = 750
    excess: float = 0.05
    strengths: tuple = (0.0, 0.05, 0.25, 0.5, 0.75, 1.0)
    shares: tuple = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
    keep: float = recorded.LAB_KEEP
    rules: tuple = ("noise", "weight", "uniform", "leak")
    slow: int = 20
    seeds: tuple = tuple(range(10))

    def draw(self, seed, family, strength):
        """Return the dynamics matrix A of one seed, family and strength (or share of the leak)."""
        _checks.choice(family, "family", FAMILIES)
        rng = np.random.default_rng(streams(seed, 1)[0])
        if family == "ring":
            W = one_way(ring(sum(self.sizes), rng=rng), strength, around=True)
            return add_leak(W, excess=self.excess)
        W = clustered(
            self.sizes,
            density=self.density,
            long_range=self.long_range,
            symmetric=family != "directed",
            rng=rng,
        )
        if family == "underleaked":
            W = one_way(W, 1.0)
            return W - np.diag(strength * np.abs(W).sum(axis=1) + self.excess)
        return add_leak(one_way(W, strength) if family == "clusters" else W, excess=self.excess)

    def networks(self):
        """Return the pairs (family, strength); directed clusters have nothing to vary."""
        one_way_families = [(f, s) for f in ("clusters", "ring") for s in self.strengths]
        return [*one_way_families, ("directed", 1.0), *(("underleaked", s) for s in self.shares)]


@experiment(asymmetric=AsymmetricSettings())
def asymmetric_networks(settings, seed):
    """Compare asymmetric networks before and after pruning, from symmetric to one-way.

    Returns
    -------
    list of dict
        Rows by seed, family, strength and rule: `departure` from normality and `peak`
        amplification of the original, `departure_weights` of its weights alone; of the pruned
        network `kept_fraction`, `peak_sparse`,
        `slow_error`, the median relative error of the slowest eigenvalues, `inverse_error`,
        ``||A^-1 (A_sparse - A)||_2``, `covariance_error`, relative in the Frobenius norm, and
        `trajectory_error` under shared noise.

    References
    ----------
    Book, "The boundary".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.AsymmetricSettings(
    ...     sizes=(20, 10), long_range=40, strengths=(0.5,), shares=(), keep=0.5, rules=("noise",),
    ...     slow=5, seeds=(0,)
    ... )
    >>> [row["family"] for row in experiments.asymmetric_networks(small, progress=False).rows]
    ['clusters', 'ring', 'directed']
    """
    pruning_seed = streams(seed, 2)[1]
    rows = []
    for family, strength in steps(settings.networks()):
        A = settings.draw(seed, family, strength)
        C = stationary_covariance(A)
        before = {
            "departure": departure_from_normality(A),
            "departure_weights": departure_from_normality(A - np.diag(A.diagonal())),
            "peak": peak_amplification(A),
        }
        # Matching the leak keeps excess leaks; where they are negative it would keep instability.
        diagonal = "original" if family == "underleaked" else "matched"
        for rule in settings.rules:
            pruned = noise_prune(
                A, settings.keep, rule=rule, C=C, diagonal=diagonal, rng=pruning_seed
            )
            A_sparse = pruned.A.toarray()
            C_sparse = stationary_covariance(A_sparse)
            errors = eigenvalue_errors(A, A_sparse)[-settings.slow :]
            rows.append(
                {
                    "seed": seed,
                    "family": family,
                    "strength": strength,
                    "rule": rule,
                    **before,
                    "kept_fraction": pruned.kept_fraction,
                    "peak_sparse": peak_amplification(A_sparse),
                    "slow_error": np.median(errors),
                    "inverse_error": inverse_error(A, A_sparse),
                    "covariance_error": linalg.norm(C_sparse - C) / linalg.norm(C),
                    "trajectory_error": shared_noise_error(A, A_sparse, C=C, C_sparse=C_sparse),
                }
            )
    return rows


def one_way(W, strength, *, around=False):
    """Strengthen every synapse that leads onward and weaken the one that leads back.

    Parameters
    ----------
    W : (N, N) array_like
        Symmetric weights.
    strength : float in [0, 1]
        Onward weights are multiplied by 1 + strength, those back by 1 - strength: 0 leaves W as
        it is, 1 leaves no way back. The symmetric part is always W.
    around : bool
        On a line (False) onward means from a lower to a higher index. Around a ring (True) it means
        the shorter way round in the direction of growing index.

    Returns
    -------
    ndarray, shape (N, N)
        The weights, a zero diagonal.

    Raises
    ------
    ValueError
        If W is not symmetric or the strength is outside [0, 1].

    References
    ----------
    Book, "How far from normal?".

    Examples
    --------
    >>> from replication.experiments.asymmetric import one_way
    >>> one_way([[0, 2], [2, 0]], 0.5)
    array([[0., 1.],
           [3., 0.]])
    """
    W = _matrix.dense(_checks.matrix(W, "W"))
    if not _matrix.is_symmetric(W):
        raise ValueError("W must be symmetric: the two directions of a pair start out equal")
    strength = _checks.number(strength, "strength", low=0, high=1)
    n = len(W)
    index = np.arange(n)
    ahead = index[:, None] - index  # synapse from j to i
    if around:
        ahead = ahead % n
        ahead = np.where(2 * ahead < n, ahead, ahead - n) * (2 * ahead != n)
    return W * (1 + strength * np.sign(ahead))


def ring(n, *, rng=None):
    """Draw a symmetric ring in which every neuron has the same weights, whatever its place.

    Three of five distances up to n // 8 carry a weight from N(1, 1), five larger ones one from
    U(0, 1).

    Parameters
    ----------
    n : int
        Number of neurons, at least 8.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    ndarray, shape (n, n)
        Circulant weights; the sizes of those into one neuron add up to 1.

    Raises
    ------
    ValueError
        If n is out of range.

    References
    ----------
    Book, "How far from normal?".

    Examples
    --------
    >>> from replication.experiments.asymmetric import ring
    >>> abs(ring(16, rng=0)).sum(axis=1).round(6).tolist() == [1.0] * 16
    True
    """
    n = _checks.integer(n, "n", low=8)
    half, reach = (n - 1) // 2, n // 8
    rng = _checks.generator(rng)
    near = 1 + rng.choice(reach, size=max(1, round(0.6 * reach)), replace=False)
    far = reach + 1 + rng.choice(half - reach, size=min(5, half - reach), replace=False)
    w = np.zeros(n)
    w[near] = rng.normal(1.0, 1.0, near.size)
    w[far] = rng.uniform(0.0, 1.0, far.size)
    w += w[-np.arange(n)]
    return linalg.circulant(w / np.abs(w).sum())
