"""Constants and bounds of the theorem, and predictions for a given network.

Predictions are made before a coin is tossed: from the network and its probabilities, to first
order in the relative error, without a fitted constant.

Everywhere n is the number of neurons, epsilon the relative error of the theorem, delta the
probability that it fails, and kappa the sampling rate: ``p = min(1, kappa l)`` for leverage l,
which is the rule with ``K sigma^2 = 2 kappa``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, special

from noiseprune import _checks, _matrix, _parts
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import NoCovariance
from noiseprune.large.network import is_large
from noiseprune.pruning import (
    RULES,
    keep_probabilities,
    positive_leak,
    probabilities_on,
    synapse_scores,
)
from noiseprune.spectrum import slowest_modes

_MODES_OF_LARGE = 30  # slowest modes that the prediction for a large network adds up
_MANY = 10  # synapses that a sum must have to be nearly normal


@dataclass(frozen=True)
class PredictedEpsilon:
    """Prediction of `spectral_epsilon`.

    Attributes
    ----------
    epsilon : float
        The worst relative error; infinite where none was found below 100.
    jump : float
        The largest share of a neuron's leak by which one single synapse that survives adds to it.
    reliable : bool
        Whether epsilon is below 1 and far above `jump`, a draw is likely to keep all pairs whose
        leverage is half of epsilon or more, and, for "homeostatic", the worst neuron keeps ten
        synapses. Where it is not, single synapses decide what happens, such as those of a
        bottleneck, and no sum over many becomes normal.
    """

    epsilon: float
    jump: float
    reliable: bool


@dataclass(frozen=True)
class PredictedSlowest:
    """Prediction for the slowest mode of a pruned network.

    Attributes
    ----------
    angle : float
        Root-mean-square angle between the slowest eigenvectors before and after (radians).
    bias, spread : float
        Mean and standard deviation of the relative error of the slowest eigenvalue.
    reliable : bool
        Whether the angle is below 0.3 and `predicted_epsilon` is reliable. Elsewhere the expansion
        in the error fails; even so it may, where the slowest mode has a near neighbour.
    """

    angle: float
    bias: float
    spread: float
    reliable: bool


@dataclass(frozen=True, eq=False)
class PredictedGain:
    """How much smaller the error of the slowest modes is under the first rule than the second.

    Attributes
    ----------
    gain : float
        Median, over the modes that pruning changes, of the second rule's standard deviation over
        the first one's.
    spread : ndarray, shape (2, modes)
        Standard deviation of ``v_m^T A_sparse v_m / lambda_m - 1`` under the two rules; the slowest
        mode last.
    carriers : ndarray, shape (2, modes)
        The number of pairs, effectively, that carry each variance (inverse participation).
    reliable : bool
        Whether ten or more carry it, in the median over modes, under either rule: the size of an
        error is then near its standard deviation in every draw.
    """

    gain: float
    spread: np.ndarray
    carriers: np.ndarray
    reliable: bool


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
    Book, "The theorem"; Tropp (2012), Theorem 1.1.

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
    Book, "Proof".

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
    Book, "Foster's sum".

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
        ``epsilon / (2 sqrt(1 - epsilon))``, or 1 if that is less: neither network ever lengthens
        a state, and where M_sparse <= (1 + epsilon) M their difference does not either.

    Raises
    ------
    ValueError
        If epsilon is out of range.

    References
    ----------
    Book, "From matrices to dynamics".

    Examples
    --------
    >>> from noiseprune import theory
    >>> theory.relaxation_bound(0.75)
    0.75
    """
    epsilon = _checks.number(epsilon, "epsilon", low=0, high=1, high_open=True)
    return float(min(1.0, epsilon / (2 * np.sqrt(1 - epsilon))))


def predicted_epsilon(A, P, *, quantile=0.5, diagonal="matched", S=None):
    """Predict the worst relative error of a pruned network from its probabilities.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric dynamics matrix, diagonally dominant.
    P : (N, N) ndarray or sparse array
        Probabilities with which synapses are kept, symmetric, positive on every synapse.
    quantile : float in (0, 1)
        Which quantile over draws to predict. Draws of "homeostatic" hardly differ; whatever the
        quantile, they get the edge of a semicircle, too high where neurons are very unlike.
    diagonal : {"matched", "homeostatic"}
        As in `sample_synapses`.
    S : csr_array, shape (N, N), optional
        Scores of A by rule "noise" at sigma 1, half the leverages, if already known. Those of a
        large sparse network are sampled otherwise, the same every time.

    Returns
    -------
    PredictedEpsilon
        The prediction, and whether its assumptions hold.

    Raises
    ------
    ValueError
        If A or P is not symmetric, P or S does not fit A, or a neuron with a synapse has no leak.

    References
    ----------
    Book, "Predictions without sampling".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([200, 100], long_range=400, rng=0))
    >>> P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.5)
    >>> bool(0.2 < npr.theory.predicted_epsilon(A, P).epsilon < 0.4)
    True
    """
    quantile = _checks.number(quantile, "quantile", low=0, high=1, low_open=True, high_open=True)
    _checks.choice(diagonal, "diagonal", ("matched", "homeostatic"))
    A, W, p = _symmetric_draw(A, P)
    if S is not None and S.nnz != W.nnz:
        raise ValueError(f"S must have a score of each of {W.nnz} synapses, got {S.nnz}")
    leak = positive_leak(A, W)
    c, v, jump = _variances(leak, W, p)
    if not v.any():
        return PredictedEpsilon(0.0, jump, True)
    if diagonal == "matched":
        epsilon = _worst_of_independent(c, v, quantile)
    else:
        # Leaks no longer fluctuate: the edge of the semicircle, if all neurons were as the worst.
        epsilon = float(2 * np.sqrt(c.sum(axis=1).max()))
    reliable = epsilon < 1 and jump < epsilon / 2
    if reliable and diagonal == "homeostatic":
        reliable = np.bincount(row_indices(W), p)[np.argmax(c.sum(axis=1))] >= _MANY
    if reliable:
        try:
            leverage = 2 * (synapse_scores(A, rng=0) if S is None else S).data
        except NoCovariance:
            leverage = np.full(W.nnz, np.inf)
        reliable = (1 - p)[leverage >= epsilon / 2].sum() / 2 < 0.5  # pairs, lost on average
    return PredictedEpsilon(epsilon, jump, bool(reliable))


def predicted_slowest(A, P):
    """Predict angle, bias and spread of the slowest mode of a pruned network, leak matched.

    A sparse network of more than 5,000 neurons adds up its 30 slowest modes, which carry nearly
    all of the angle: its prediction is a lower bound.

    Parameters
    ----------
    A, P : (N, N) ndarray or sparse array
        As in `predicted_epsilon`.

    Returns
    -------
    PredictedSlowest
        The prediction, and whether its assumptions hold.

    Raises
    ------
    ValueError
        As `predicted_epsilon`, and if A is unstable or singular.

    References
    ----------
    Book, "Predictions without sampling".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([200, 100], long_range=400, rng=0))
    >>> P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.5)
    >>> bool(npr.theory.predicted_slowest(A, P).angle < 0.1)
    True
    """
    A, W, p = _symmetric_draw(A, P)
    n = A.shape[0]
    values, modes = slowest_modes(A, k=min(n, _MODES_OF_LARGE) if is_large(A) else n)
    mu, slowest = values[::-1] / values[0], modes[:, -1]  # in units of the fastest
    i, j, w, chance = _pairs(W, p)
    w = w / -values[0]
    seen = (slowest[i] - np.sign(w) * slowest[j]) ** 2
    q = w**2 * (1 / chance - 1) * seen
    # sum_e q_e (u_e . v_m)^2 for every mode, as a quadratic form of a signed Laplacian
    off = sparse.coo_array((-q * np.sign(w), (i, j)), shape=(n, n)).tocsr()
    degree = np.bincount(i, q, n) + np.bincount(j, q, n)
    modes = modes[:, ::-1]
    coupling = np.einsum("im,im->m", modes, degree[:, None] * modes + off @ modes + off.T @ modes)
    coupling = np.maximum(coupling, 0.0)  # 0 where the mode is the same on both ends everywhere
    gap = mu[1:] - mu[0]
    mixes = coupling[1:] > 0  # others never meet the slowest, however near their rates
    with np.errstate(divide="ignore"):
        angle = float(np.sqrt(np.sum(coupling[1:][mixes] / gap[mixes] ** 2)))
        bias = float(-np.sum(coupling[1:][mixes] / gap[mixes]) / mu[0])
    angle = min(angle, np.pi / 2)
    reliable = angle < 0.3 and predicted_epsilon(A, P).reliable
    return PredictedSlowest(angle, bias, float(np.sqrt(coupling[0]) / mu[0]), reliable)


def keep_for_epsilon(A, epsilon, *, rule="noise", S=None):
    """Fraction of synapses to keep for a median worst error epsilon, leak matched.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric dynamics matrix, diagonally dominant.
    epsilon : float in (0, 1)
        Relative error that half of all draws shall stay below.
    rule : {"noise", "leak", "weight", "uniform"}
        As in `synapse_scores`. Where the variances of a large sparse network are sampled, the
        samples are the same every time.
    S : csr_array, shape (N, N), optional
        Scores of that rule, if already known.

    Returns
    -------
    float
        The fraction, to a relative 1e-3. Whether it can be trusted says `predicted_epsilon` there.

    Raises
    ------
    ValueError
        If an argument is out of range, or A does not fit `predicted_epsilon`.

    References
    ----------
    Book, "Predictions without sampling".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([200, 100], long_range=400, rng=0))
    >>> bool(0.2 < npr.theory.keep_for_epsilon(A, 0.5) < 0.4)
    True
    """
    epsilon = _checks.number(epsilon, "epsilon", low=0, high=1, low_open=True, high_open=True)
    _checks.choice(rule, "rule", RULES)
    if S is None:
        S = synapse_scores(A, rule=rule, rng=0)
    A, W, _ = _symmetric_draw(A, keep_probabilities(S, keep=1.0))
    leak = positive_leak(A, W)
    start = np.full(leak.size, 1 / epsilon)
    low, high = 0.0, 1.0
    while high - low > 1e-3 * high:
        keep = (low + high) / 2
        c, v, _ = _variances(leak, W, keep_probabilities(S, keep=keep).data)
        if _resolvent_above(epsilon, c, v, start, 0.5) is None:
            low = keep
        else:
            high = keep
    return high


def predicted_gain(A, keep, *, rules=("noise", "leak"), modes=10):
    """Predict what a rule gains over another on the slowest modes, before any draw.

    The relative error ``v_m^T A_sparse v_m / lambda_m - 1`` of mode m has exactly the variance
    ``sum_e (1 / p_e - 1) l_em^2`` over pairs e, ``l_em = |w_e| (u_e . v_m)^2 / mu_m``, when the
    leak is matched.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric stable dynamics matrix.
    keep : float in (0, 1]
        Expected fraction of synapses kept.
    rules : pair of str
        The rule whose gain it is, and the one it is compared with; see `synapse_scores`. Where the
        variances of a large sparse network are sampled, the samples are the same every time.
    modes : int
        Number of slowest modes; all of them in a smaller network. A mode that a separate part keeps
        whatever is pruned (a neuron without synapses, or a part with one excess leak, has one)
        counts in the largest part alone.

    Returns
    -------
    PredictedGain
        The gain: 1 where the rules are alike, 10 where the first leaves a tenth of the error.

    Raises
    ------
    ValueError
        If an argument is out of range, A is not symmetric, or it is unstable.

    References
    ----------
    Book, "What does the noise add?".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([60, 20, 20], long_range=100, rng=1))
    >>> bool(0.5 < npr.theory.predicted_gain(A, 0.5).gain < 2)
    True
    """
    rules = tuple(rules)
    if len(rules) != 2:
        raise ValueError(f"rules must name two rules, got {len(rules)}")
    for rule in rules:
        _checks.choice(rule, "rules", RULES)
    A, modes = _checks.matrix(A), _checks.integer(modes, "modes", low=1)
    values, vectors = _parts.slowest_beside(A, modes, _parts.fixed_modes(A))
    each = []
    for rule in rules:
        P = keep_probabilities(synapse_scores(A, rule=rule, rng=0), keep=keep)
        each.append(mode_errors(A, P, values, vectors))
    return gain_between(*each)


def gain_between(first, second):
    """Compare two rules by the errors that `mode_errors` expects of them on the same modes.

    Parameters
    ----------
    first, second : (spread, carriers)
        What `mode_errors` returned for the rule whose gain it is, and for the other.

    Returns
    -------
    PredictedGain
        As from `predicted_gain`.

    Raises
    ------
    ValueError
        If the modes of the two are not equally many.

    References
    ----------
    Book, "What does the noise add?".

    Examples
    --------
    >>> from noiseprune import theory
    >>> theory.gain_between(([0.1], [12.0]), ([0.2], [30.0])).gain
    2.0
    """
    sizes = {np.size(part) for each in (first, second) for part in each}
    if len(sizes) > 1:
        raise ValueError(f"both rules must have the same modes, got {sorted(sizes)} numbers")
    spread, carriers = np.array([first, second], dtype=float).transpose(1, 0, 2)
    changed = spread.max(axis=0) > 1e-12  # rounding, where matched leaks preserve a mode exactly
    with np.errstate(divide="ignore"):
        ratio = spread[1, changed] / spread[0, changed]
    gain = float(np.median(ratio)) if changed.any() else 1.0
    enough = bool(np.median(carriers, axis=1).min() >= _MANY)
    return PredictedGain(gain, spread, carriers, enough)


def mode_errors(A, P, values, vectors):
    """Exact standard deviation of the quadratic form's relative error in some modes.

    Parameters
    ----------
    A, P : (N, N) ndarray or sparse array
        As in `predicted_epsilon`.
    values, vectors : ndarray, shapes (k,) and (N, k)
        The modes, as from `slowest_modes`.

    Returns
    -------
    spread, carriers : ndarray, shape (k,)
        As in `PredictedGain`, which has them for two rules.

    Raises
    ------
    ValueError
        As `predicted_epsilon`, if values and vectors do not fit A, or a value is 0.

    References
    ----------
    Book, "What does the noise add?".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak([[0, 1.0], [1.0, 0]], excess=1.0)
    >>> values, vectors = np.linalg.eigh(A)
    >>> spread, carriers = npr.theory.mode_errors(A, [[0, 0.5], [0.5, 0]], values, vectors)
    >>> spread.round(6).tolist()
    [0.666667, 0.0]
    """
    A, W, p = _symmetric_draw(A, P)
    values = _checks.array(values, "values", ndim=1)
    vectors = _checks.array(vectors, "vectors", ndim=2)
    if vectors.shape != (A.shape[0], values.size):
        raise ValueError(
            f"vectors must have shape {(A.shape[0], values.size)}, a column for each value, got "
            f"{vectors.shape}"
        )
    if not values.all():
        raise ValueError("values must not be 0: of a mode that never decays no error is relative")
    i, j, w, chance = _pairs(W, p)
    spread, carriers = np.zeros(len(values)), np.full(len(values), np.inf)
    for m, value in enumerate(values):
        seen = (vectors[i, m] - np.sign(w) * vectors[j, m]) ** 2
        part = (1 / chance - 1) * (w / value * seen) ** 2
        total = part.sum()
        spread[m] = np.sqrt(total)
        if total > 0:
            carriers[m] = total**2 / np.sum(part**2)
    return spread, carriers


def _symmetric_draw(A, P):
    """Check a symmetric network with its probabilities; return it, its weights, and theirs."""
    A, P = _checks.matrices(A, P, "A", "P")
    for matrix, name in ((A, "A"), (P, "P")):
        if not _matrix.is_symmetric(matrix):
            raise ValueError(f"{name} must be symmetric: predictions are for pairs drawn together")
    W = synapses(A)
    return A, W, probabilities_on(W, P, True)


def _pairs(W, p):
    """Neurons i < j, weights and probabilities of the pairs of symmetric weights."""
    rows = row_indices(W)
    upper = rows < W.indices
    return rows[upper], W.indices[upper], W.data[upper], p[upper]


def _variances(leak, W, p):
    """Variances c_ij of the relative error, v_i of a neuron's leak in it, and the largest jump."""
    rows = row_indices(W)
    root = np.sqrt(leak)
    variance = (W.data / (root[rows] * root[W.indices])) ** 2 * (1 / p - 1)
    c = sparse.csr_array((variance, W.indices, W.indptr), shape=W.shape)
    v = np.bincount(rows, (W.data / leak[rows]) ** 2 * (1 / p - 1), leak.size)
    jump = float(np.max(np.abs(W.data) * (1 / p - 1) / leak[rows], initial=0.0))
    return c, v, jump


def _resolvent_above(e, c, v, g, quantile):
    """Resolvent g at e, from a start below it; None where that quantile of draws exceeds e.

    The relative error has off-diagonal variances c_ij and diagonal ones v_i, the sums of the same
    draws. Above the edge of its spectrum ``g_i = 1 / (e - 2 sum_j c_ij g_j)`` has a solution; a
    neuron whose own fluctuation exceeds ``t_i = e - sum_j c_ij g_j`` puts an eigenvalue beyond e.
    """
    for _ in range(200):
        rest = e - 2 * (c @ g)
        if rest.min() <= 0:
            return None
        g, before = 1 / rest, g
        if np.abs(g - before).max() <= 1e-6 * g.max():
            break
    else:
        return None  # at the edge itself the iteration creeps
    own = v > 0
    t = (e - c @ g)[own] / np.sqrt(v[own])
    return g if np.sum(np.log1p(-2 * special.ndtr(-t))) >= np.log(quantile) else None


def _worst_of_independent(c, v, quantile):
    """Return the e that the wanted quantile of draws stays below, by bisection."""
    low, high = 0.0, 0.01
    while (g := _resolvent_above(high, c, v, np.full(v.size, 1 / high), quantile)) is None:
        low, high = high, 2 * high
        if high > 100:
            return np.inf
    while high - low > 1e-3 * high:
        e = (low + high) / 2
        found = _resolvent_above(e, c, v, np.maximum(g, 1 / e), quantile)
        if found is None:
            low = e
        else:
            high, g = e, found
    return float(high)
