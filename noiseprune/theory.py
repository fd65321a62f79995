"""Constants and bounds of the theorem (book section 6). No data, no matrices.

Everywhere n is the number of neurons, epsilon the relative error of the theorem, delta the
probability that it fails, and kappa the sampling rate: ``p = min(1, kappa l)`` for leverage l,
which is the rule with ``K sigma^2 = 2 kappa``.
"""

from __future__ import annotations

import numpy as np

from noiseprune import _checks


def sampling_rate(n, epsilon, delta):
    """Sampling rate kappa that suffices for relative error epsilon with probability 1 - delta.

    Parameters
    ----------
    n : int
        Number of neurons.
    epsilon : float in (0, 1]
        Relative error.
    delta : float in (0, 1)
        Probability of failure.

    Returns
    -------
    float
        ``3 ln(2 n / delta) / epsilon^2``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Book section 6, "The theorem"; Tropp (2012), Theorem 1.1.

    Examples
    --------
    >>> from noiseprune import theory
    >>> round(theory.sampling_rate(1000, 0.5, 0.01), 1)
    146.5
    """
    n = _checks.integer(n, "n", low=1)
    epsilon = _checks.number(epsilon, "epsilon", low=0, low_open=True, high=1)
    delta = _checks.number(delta, "delta", low=0, low_open=True, high=1, high_open=True)
    return float(3 * np.log(2 * n / delta) / epsilon**2)


def failure_probability(n, epsilon, kappa):
    """Bound on the probability that a network pruned at rate kappa misses epsilon.

    Parameters
    ----------
    n : int
        Number of neurons.
    epsilon : float in (0, 1]
        Relative error.
    kappa : float
        Sampling rate, positive.

    Returns
    -------
    float
        ``min(1, n exp(-epsilon^2 kappa / 3) + n exp(-epsilon^2 kappa / 2))``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Book section 6, "Proof".

    Examples
    --------
    >>> from noiseprune import theory
    >>> round(theory.failure_probability(1000, 0.5, 146.5), 4)
    0.005
    """
    n = _checks.integer(n, "n", low=1)
    epsilon = _checks.number(epsilon, "epsilon", low=0, low_open=True, high=1)
    kappa = _checks.number(kappa, "kappa", low=0, low_open=True)
    exponent = epsilon**2 * kappa
    return float(min(1.0, n * np.exp(-exponent / 3) + n * np.exp(-exponent / 2)))


def expected_pairs(n, kappa):
    """Bound on the expected number of synapse pairs that pruning at rate kappa keeps.

    Parameters
    ----------
    n : int
        Number of neurons.
    kappa : float
        Sampling rate, positive.

    Returns
    -------
    float
        ``kappa n``, whatever the density of the network was.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Book section 5, "Foster's sum".

    Examples
    --------
    >>> from noiseprune import theory
    >>> theory.expected_pairs(1000, 20.0)
    20000.0
    """
    n = _checks.integer(n, "n", low=1)
    return _checks.number(kappa, "kappa", low=0, low_open=True) * n


def relaxation_bound(epsilon):
    """Bound on ``||exp(A_sparse t) - exp(A t)||_2``, the same for every t >= 0.

    Parameters
    ----------
    epsilon : float in [0, 1)
        Relative error of the pruned network, see `spectral_epsilon`.

    Returns
    -------
    float
        ``epsilon / (2 sqrt(1 - epsilon))``.

    Raises
    ------
    ValueError
        If epsilon is out of range.

    References
    ----------
    Book section 6, "From matrices to dynamics".

    Examples
    --------
    >>> from noiseprune import theory
    >>> theory.relaxation_bound(0.75)
    0.75
    """
    epsilon = _checks.number(epsilon, "epsilon", low=0, high=1, high_open=True)
    return float(epsilon / (2 * np.sqrt(1 - epsilon)))
