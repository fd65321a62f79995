"""The rule: score every synapse, turn scores into probabilities, keep and strengthen, or drop.

``p_ij = min(1, K |w_ij| Var(x_i - sign(w_ij) x_j))`` and ``w_ij -> w_ij / p_ij`` with
probability p_ij, else 0 (Moore & Chaudhuri 2020; Book, "The rule"). The controls differ in the
score only.
"""

from __future__ import annotations

import numbers
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from noiseprune import _checks, _device, _matrix
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import (
    check_leak,
    checked_covariance,
    exact_variances,
    variances_on,
)
from noiseprune.homeostasis import TOLERANCE, scaled_to
from noiseprune.large.gradients import Way
from noiseprune.large.network import Pairs, is_large
from noiseprune.large.solver import abscissa
from noiseprune.large.variances import estimated

RULES = ("noise", "leak", "weight", "uniform")
NORMALISATIONS = ("exact", "clipped")
DIAGONALS = ("matched", "original", "homeostatic")
_ABOVE = 1 + 1e-12  # as far as a probability, or a number of synapses, may be above 1 by rounding


@dataclass(frozen=True, eq=False)
class PrunedNetwork:
    """A pruned network and how it came about.

    Attributes
    ----------
    A : csr_array, shape (N, N)
        Pruned dynamics matrix, diagonal included.
    probabilities : csr_array, shape (N, N)
        Probability with which each synapse was kept.
    kept : csr_array of bool, shape (N, N)
        The synapses that were kept.
    kept_fraction : float
        Kept synapses as a fraction of all.
    K : float
        The constant K of the rule, ``p = min(1, K score)``.
    scaled : float or None
        With diagonal "homeostatic", the fraction of neurons whose total input is that of the
        original, to a relative 1e-10; else None.
    shortfall : float or None
        With diagonal "homeostatic", the largest fraction of its total input that a neuron lacks,
        0 where all are scaled and 1 where one lost every synapse; else None.
    """

    A: sparse.csr_array
    probabilities: sparse.csr_array
    kept: sparse.csr_array
    kept_fraction: float
    K: float
    scaled: float | None = None
    shortfall: float | None = None

    @cached_property
    def abscissa(self):
        """Spectral abscissa of `A`, its largest real part of an eigenvalue; stable below 0."""
        return abscissa(self.A)

    @cached_property
    def components(self):
        """Number of parts that no synapse connects, whatever its direction."""
        return int(csgraph.connected_components(self.kept, directed=False)[0])


def synapse_scores(A, *, rule="noise", C=None, rng=None):
    """Score of every synapse, to which its probability of being kept is proportional.

    A sparse, symmetric, diagonally dominant network of more than 5,000 neurons gets its variances
    from `large.synapse_variances`, which makes no N x N matrix and may sample them.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix, diagonal included.
    rule : {"noise", "leak", "weight", "uniform"}
        "noise": ``|w_ij| Var(x_i - sign(w_ij) x_j)``, the rule of the paper. "leak":
        ``|w_ij| (1 / D_i + 1 / D_j) / 2`` with the leaks ``D_i = -A_ii``, which is what "noise"
        would be if the noise of a neuron did not reach the others. "weight": ``|w_ij|``.
        "uniform": 1, every synapse alike.
    C : (N, N) array_like, optional
        Covariance for rule "noise", without it the exact stationary one at sigma = 1. The other
        rules ignore it.
    rng : numpy.random.Generator, int or None
        Source of randomness where the variances of a large sparse network are sampled.

    Returns
    -------
    csr_array, shape (N, N)
        Scores S >= 0 on the synapses.

    Raises
    ------
    ValueError
        If the rule is unknown, C does not fit, A has no stationary covariance, or rule "leak"
        meets a neuron that has a synapse and no positive leak.

    References
    ----------
    Moore & Chaudhuri (2020), the sampling rule; Book, "The rule".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak([[0, 2.0], [2.0, 0]], excess=1.0)
    >>> npr.synapse_scores(A).toarray().round(3)
    array([[0. , 0.4],
           [0.4, 0. ]])
    """
    _checks.same_order(A, C, "A", "C")
    A = _checks.matrix(A)
    _checks.choice(rule, "rule", RULES)
    if rule == "noise" and C is None:
        check_leak(A)
    return _score(A, synapses(A), rule, C, _checks.generator(rng))


def _score(A, W, rule, C, rng, links=None, device=None):
    """`synapse_scores` of an A with the synapses W, its leaks checked as well."""
    if W.nnz == 0:
        raise ValueError("A has zero synapses: every off-diagonal entry is 0; nothing to prune")
    if rule == "noise":
        S = _variances(A, W, C, rng, links, device)
        S.data *= W.data
        np.abs(S.data, out=S.data)
        return S
    if rule == "leak":
        each = 0.5 / positive_leak(A, W)
        scores = np.abs(W.data) * (each[row_indices(W)] + each[W.indices])
    else:
        scores = np.abs(W.data) if rule == "weight" else np.ones_like(W.data)
    return sparse.csr_array((scores, W.indices, W.indptr), shape=W.shape)


def positive_leak(A, W):
    """Leaks of a checked A, each above 0 where W has a synapse (else 1: it is never used)."""
    linked = np.diff(W.indptr) > 0
    linked[W.indices] = True
    leak = np.where(linked, -A.diagonal(), 1.0)
    worst = int(np.argmin(leak))
    if leak[worst] <= 0:
        raise ValueError(
            "a positive leak -A_ii is needed of every neuron that has a synapse, got "
            f"{leak[worst] + 0.0:.6g} of neuron {worst}; use add_leak to give every neuron a leak"
        )
    return leak


def _variances(A, W, C, rng, links, device):
    """Variances on the synapses W of A: from C, exact by the dense covariance, or large."""
    if C is not None:
        return variances_on(W, checked_covariance(C, W.shape[0]))
    on = _device.open(device)
    if is_large(A) and _matrix.is_dominant(A):
        links = links or _matrix.links(A, W, on)
        if links.symmetric:
            return estimated(Pairs(A, W, links), Way(device=device), rng=rng).V
    return exact_variances(A, W, on)


def keep_probabilities(S, *, keep=None, count=None, K=None, normalise="exact"):
    """Turn scores into probabilities ``p = min(1, K s)``, with K given or found from a target.

    Parameters
    ----------
    S : csr_array, shape (N, N)
        Scores of the synapses, as from `synapse_scores`.
    keep : float in (0, 1], optional
        Expected fraction kept, of the synapses with a positive score.
    count : float, optional
        Expected number of synapses kept, directed ones counted singly.
    K : float, optional
        The constant of the rule itself. Exactly one of `keep`, `count` and `K` is given.
    normalise : {"exact", "clipped"}
        "exact" finds K so that the probabilities, none above 1, add up to the target. "clipped"
        is the order of the lab code: normalise to the target first, clip at 1 after, which keeps
        fewer whenever anything is clipped.

    Returns
    -------
    csr_array, shape (N, N)
        Probabilities P with the pattern of S.

    Raises
    ------
    ValueError
        If not exactly one target is given, it is out of range, or more synapses are to be kept
        than have a positive score.

    References
    ----------
    Book, "Choosing K".

    Examples
    --------
    >>> import noiseprune as npr
    >>> S = npr.synapse_scores([[-9, 8, 1], [8, -9, 1], [1, 1, -9]], rule="weight")
    >>> npr.keep_probabilities(S, count=4).toarray()
    array([[0. , 1. , 0.5],
           [1. , 0. , 0.5],
           [0.5, 0.5, 0. ]])
    """
    S = _scores(S)
    P = _clip(S, _calibrate(S.data, keep=keep, count=count, K=K, normalise=normalise))
    P.indices, P.indptr = P.indices.copy(), P.indptr.copy()  # S keeps its own
    return P


def sample_synapses(A, P, *, rescale=True, diagonal="matched", rng=None):
    """Keep each synapse with its probability, strengthen what is kept by 1/p, drop the rest.

    A symmetric network with symmetric probabilities is drawn once per pair and stays symmetric;
    any other is drawn once per directed synapse.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix, diagonal included.
    P : (N, N) ndarray or sparse array
        Probabilities in [0, 1], on synapses of A only.
    rescale : bool
        Divide what is kept by its probability, so that the mean over draws is A.
    diagonal : {"matched", "original", "homeostatic"}
        "matched" changes each leak by as much as the neuron's total input changed, which keeps
        every excess leak. "original" leaves the diagonal as it is. "homeostatic" leaves it too, and
        scales the weights until every neuron's total input is what it was: a symmetric network as
        ``S W S`` with S diagonal, any other row by row. Where that has no solution, or a symmetric
        one needs a factor of a neuron above 4, it goes as far as it can, and the leak is matched
        for the rest.
        The mean over draws is then no longer exactly A.
    rng : numpy.random.Generator, int or None
        Source of randomness. The same seed uses the same uniform numbers for every P.

    Returns
    -------
    csr_array, shape (N, N)
        Pruned dynamics matrix.

    Raises
    ------
    ValueError
        If P does not fit A, lies outside [0, 1], or is 0 on a synapse while `rescale` is on
        (such a synapse is never kept, so nothing could make up for it).

    References
    ----------
    Moore & Chaudhuri (2020), the sampling rule; book, "Two diagonals". Scaling: Book,
    "Better than independent coins"; Knight, SIAM J. Matrix Anal. Appl. 30, 261 (2008).

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak([[0, 2.0], [2.0, 0]], excess=1.0)
    >>> npr.sample_synapses(A, [[0, 0.5], [0.5, 0]], rng=0).toarray()
    array([[-1.,  0.],
           [ 0., -1.]])
    """
    A, P = _checks.matrices(A, P, "A", "P")
    _checks.choice(diagonal, "diagonal", DIAGONALS)
    W, rng = synapses(A), _checks.generator(rng)
    return _sample(A, W, _matrix.links(A, W, _device.HOST), P, rescale, diagonal, rng)[0]


def noise_prune(A, keep, *, rule="noise", C=None, diagonal="auto", rng=None, device=None):
    """Prune a network: scores, probabilities for the fraction `keep`, and one draw.

    A sparse, symmetric, diagonally dominant network of more than 5,000 neurons never becomes an
    N x N matrix: see `synapse_scores`.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Stable dynamics matrix, diagonal included.
    keep : float in (0, 1]
        Expected fraction of synapses kept.
    rule : {"noise", "leak", "weight", "uniform"}
        The rule of the paper or one of its controls, see `synapse_scores`.
    C : (N, N) array_like, optional
        Measured covariance for rule "noise", without it the exact one; the others ignore it.
    diagonal : {"auto", "matched", "original", "homeostatic"}
        "auto": "matched" where A is diagonally dominant, which keeps it stable, else "original"
        (there a leak that follows its input could even become negative). The others: see
        `sample_synapses`.
    rng : numpy.random.Generator, int or None
        Source of randomness.
    device : str or torch.device, optional
        Where PyTorch finds the covariance or samples the variances of rule "noise", such as "cuda"
        (extra `torch`); the draw stays with NumPy. The same seed draws the same network where the
        covariance is exact, up to rounding; a large sparse network gets noise of the device's own.

    Returns
    -------
    PrunedNetwork
        The pruned matrix with the probabilities and the pattern that was drawn.

    Raises
    ------
    ValueError
        As `synapse_scores`, `keep_probabilities` and `sample_synapses`; if the device is not there,
        or too small.
    ImportError
        If a device is named and PyTorch is missing.

    Warns
    -----
    UserWarning
        If the pruned network is unstable.

    References
    ----------
    Moore & Chaudhuri (2020); book, "The rule in one call".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([60, 20, 20], long_range=100, rng=1))
    >>> pruned = npr.noise_prune(A, keep=0.2, rng=1)
    >>> bool(pruned.A.nnz < 0.3 * (A != 0).sum())
    True
    """
    _checks.same_order(A, C, "A", "C")
    A = _checks.matrix(A)
    check_leak(A)
    _checks.choice(rule, "rule", RULES)
    _checks.choice(diagonal, "diagonal", ("auto", *DIAGONALS))
    rng = _checks.generator(rng)
    W = synapses(A)
    on = _device.open(device)
    links = _matrix.links(A, W, on)
    S = _score(A, W, rule, C, rng, links, device)
    K = _calibrate(S.data, keep=keep)
    P = _clip(S, K)
    if rule == "noise":
        _check_drawn(P)
    if diagonal == "auto":
        diagonal = "matched" if _matrix.is_dominant(A) else "original"
    pruned, kept, balance = _sample(A, W, links, P, True, diagonal, rng)
    network = PrunedNetwork(pruned, P, kept, kept.nnz / S.nnz, K, **balance)
    _warn_if_unstable(network, diagonal)
    return network


def _check_drawn(P):
    """Refuse noise scores of 0: such a synapse is never kept, and no rescaling makes up for it."""
    never = np.flatnonzero(P.data < np.finfo(float).tiny)
    if never.size:
        i, j = row_indices(P)[never[0]], P.indices[never[0]]
        raise ValueError(
            f"the noise score of the synapse ({i}, {j}) is 0: the variance of the difference of "
            "the two neurons (of their sum, if it is negative) is 0 in C, so that the synapse is "
            "never kept; record longer, add some variance of their own to the diagonal of C, or "
            "use another rule"
        )


def _warn_if_unstable(network, diagonal):
    """Warn of growth; diagonal dominance rules it out by Gershgorin's discs."""
    if _matrix.is_dominant(network.A):
        return
    try:
        largest = network.abscissa
    except RuntimeError as error:
        warnings.warn(f"whether the pruned network is stable is open: {error}", stacklevel=3)
        return
    if largest > 1e-12 * np.abs(network.A.diagonal()).max():
        warnings.warn(
            f"the pruned network is unstable: its spectral abscissa is {largest:.4g} with "
            f"diagonal={diagonal!r}; keep more, or draw again with another rng",
            stacklevel=3,
        )


def _scores(S):
    """Return the off-diagonal scores as a csr_array, each synapse once, zeros in their place."""
    checked = _checks.matrix(S, "S")
    if not sparse.issparse(S):
        S = synapses(checked)
    elif S.nnz == checked.nnz:  # no entry twice, none 0
        S = checked
    else:
        S = sparse.csr_array(S.astype(float), copy=True)
        S.sum_duplicates()
    own = row_indices(S) == S.indices
    if own.any():
        rows, columns = (index[~own] for index in S.tocoo().coords)
        S = sparse.csr_array((S.data[~own], (rows, columns)), shape=S.shape)
    _checks.array(S.data, "S.data", nonnegative=True)
    if S.nnz == 0:
        raise ValueError("S has zero synapses; nothing to keep")
    return S


def _calibrate(q, *, keep=None, count=None, K=None, normalise="exact"):
    """Return the constant K for the scores q and the one target that is given."""
    if sum(target is not None for target in (keep, count, K)) != 1:
        raise ValueError("give exactly one of keep, count and K")
    _checks.choice(normalise, "normalise", NORMALISATIONS)
    if K is not None:
        return _checks.number(K, "K", low=0, low_open=True)
    positive = int(np.count_nonzero(q))
    if keep is not None:
        count = _checks.number(_without_rounding(keep, 1.0), "keep", low=0, low_open=True, high=1)
        count *= positive
    elif (count := _checks.number(count, "count", low=0, low_open=True)) > _ABOVE * q.size:
        raise ValueError(f"count={count:g} is above the number of synapses, {q.size}")
    count = _without_rounding(count, positive)
    if positive == 0:
        raise ValueError("every score is 0: no probability can be proportional to it")
    if count > positive and normalise == "exact":
        raise ValueError(
            f"{count:g} synapses are to be kept, but only {positive} have a positive score"
        )
    with np.errstate(over="ignore"):
        K = _constant(q, count, positive, normalise)
    if not 0 < K < np.inf:
        raise ValueError(
            f"scores from {q[q > 0].min():.3g} to {q.max():.3g} leave no K that is a number; bring "
            "them near 1"
        )
    return float(K)


def _constant(q, count, positive, normalise):
    """`_calibrate` to an expected number of synapses; 0 or infinite where K is no number."""
    total = q.sum()
    if normalise == "clipped" or not 0 < count / total < np.inf:
        return count / total
    if count == positive:
        least = q[q > 0].min()
        K = 1.0 / least
        return K if K * least >= 1 else np.nextafter(K, np.inf)  # all are kept, not nearly all
    # With r scores clipped at 1 the others share what is left of the target: K = (count - r) /
    # (sum of the others). As the sum of min(1, K q) is concave in K, the steps from below never
    # clip too many, and end when they clip no more.
    K, r, others = count / total, 0, total
    while r < (clipped := q[q > 1 / K]).size < count:
        r = clipped.size
        others = total - clipped.sum()
        if others < total / 2:  # the difference loses digits
            others = q[q <= 1 / K].sum()
        K = (count - r) / others
    return K


def _without_rounding(value, limit):
    """Return the limit where the value is above it by rounding only, else the value."""
    return limit if isinstance(value, numbers.Real) and limit < value <= _ABOVE * limit else value


def _clip(S, K):
    with np.errstate(over="ignore"):
        p = K * S.data
    return sparse.csr_array((np.minimum(p, 1.0, out=p), S.indices, S.indptr), shape=S.shape)


def probabilities_on(W, P, rescale):
    """Check P against the synapses W and return it in their order."""
    P = sparse.csr_array(P)
    low, high = (P.data.min(), P.data.max()) if P.nnz else (0.0, 0.0)
    if low < 0 or high > _ABOVE:
        raise ValueError(f"P must lie in [0, 1], got values from {low:.6g} to {high:.6g}")
    n = W.shape[0]
    rows, entry_rows = row_indices(W), row_indices(P)
    if np.array_equal(P.indptr, W.indptr) and np.array_equal(P.indices, W.indices):
        p = P.data
    else:
        synapse = rows.astype(np.int64) * n + W.indices
        entry = entry_rows.astype(np.int64) * n + P.indices
        place = np.minimum(np.searchsorted(synapse, entry), max(synapse.size - 1, 0))
        outside = np.flatnonzero(synapse[place] != entry) if synapse.size else np.arange(P.nnz)
        if outside.size:
            k = outside[0]
            raise ValueError(
                f"P has an entry at ({entry_rows[k]}, {P.indices[k]}), where A has no synapse"
            )
        p = np.zeros(W.nnz)
        p[place] = P.data
    if high > 1:
        p = np.minimum(p, 1.0)
    least = np.finfo(float).tiny  # below it 1 / p may be no number
    if rescale and p.size and p.min() < least:
        k = int(np.flatnonzero(p < least)[0])
        raise ValueError(
            f"P is {p[k]:.3g} on the synapse ({rows[k]}, {W.indices[k]}), which then is never "
            "kept, and no rescaling makes up for it; raise it, or use rescale=False"
        )
    return p


def _without_gain(matched, diagonal):
    """Matched diagonal, 0 where rounding alone makes it positive: nothing was left of the leak."""
    return np.where((matched > 0) & (matched <= 1e-12 * -diagonal), 0.0, matched)


def _draw(W, p, links, rng):
    """Which synapses are kept: one draw per pair of a symmetric network, else one per synapse."""
    if not links.symmetric:
        return rng.random(p.size) < p
    if links.pair is None:
        return _draw_up_to_rounding(W, p, rng)
    upper = p[links.upper]
    if not np.allclose(p, upper[links.pair], rtol=1e-9, atol=1e-12):
        return rng.random(p.size) < p
    return (rng.random(upper.size) < upper)[links.pair]


def _draw_up_to_rounding(W, p, rng):
    """`_draw` where rounding left 1e-15 in one direction of a pair, 0 in the other."""
    n, rows = W.shape[0], row_indices(W)
    key, other = (a.astype(np.int64) * n + b for a, b in ((rows, W.indices), (W.indices, rows)))
    mirror = np.minimum(np.searchsorted(key, other), p.size - 1)
    alone = key[mirror] != other
    mirror[alone] = np.flatnonzero(alone)
    if not np.allclose(p, p[mirror], rtol=1e-9, atol=1e-12):
        return rng.random(p.size) < p
    upper = (rows < W.indices) & ~alone
    kept = np.zeros(p.size, dtype=bool)
    kept[upper] = rng.random(np.count_nonzero(upper)) < p[upper]
    kept |= kept[mirror]
    kept[alone] = rng.random(np.count_nonzero(alone)) < p[alone]
    return kept


def _sample(A, W, links, P, rescale, diagonal, rng):
    """Draw the pruned matrix, the pattern of kept synapses, and how far homeostasis went."""
    p = probabilities_on(W, P, rescale)
    keep = _draw(W, p, links, rng)
    n = W.shape[0]
    every_row = row_indices(W)
    rows, cols, weights = every_row[keep], W.indices[keep], W.data[keep]
    if rescale:
        weights = weights / p[keep]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    kept = sparse.csr_array((np.ones(rows.size, dtype=bool), cols, indptr), shape=W.shape)
    weights = sparse.csr_array((weights, cols, indptr), shape=W.shape)
    diagonal_entries, balance = A.diagonal(), {}
    if diagonal != "original":
        total = np.bincount(every_row, np.abs(W.data), n)
        if diagonal == "homeostatic":
            # Probabilities that differ in the two directions draw directed synapses of any network.
            symmetric = links.symmetric and _matrix.is_symmetric(weights)
            weights = scaled_to(weights, total, symmetric=symmetric)
        lost = total - np.bincount(rows, np.abs(weights.data), n)
        diagonal_entries = _without_gain(diagonal_entries + lost, diagonal_entries)
        if diagonal == "homeostatic":
            short = lost / np.where(total > 0, total, 1.0)
            exact = np.abs(short) <= TOLERANCE
            balance = {
                "scaled": float(exact.mean()),
                "shortfall": float(short.max(where=~exact, initial=0.0)),
            }
    return sparse.csr_array(weights + sparse.diags_array(diagonal_entries)), kept, balance
