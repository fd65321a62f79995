"""Which fault of an earlier attempt breaks the replication? Book section 13."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, sparse, special

from noiseprune import _checks
from noiseprune.covariance import (
    row_indices,
    sample_covariance,
    stationary_covariance,
    synapses,
)
from noiseprune.dynamics import trajectory_error
from noiseprune.experiments.record import run_seeds, streams
from noiseprune.experiments.spectrum import NetworkSettings
from noiseprune.networks import add_leak
from noiseprune.pruning import DIAGONALS, keep_probabilities, sample_synapses, synapse_scores
from noiseprune.spectrum import spectral_epsilon

FAULTS = ("spikes", "leak", "tenfold", "half", "template", "repeat")
_ROUNDING = 1e-12  # of the largest in size: an eigenvalue below it says nothing


@dataclass(frozen=True)
class EarlierSettings(NetworkSettings):
    """`earlier_attempt`: the lab notebook's network at a fifth of its size, and the faults.

    `rate` is in spikes per bin, times in model units. The last four say what counts as a
    blow-up, a missed budget and a lost accuracy.
    """

    sizes: tuple = (200, 40, 160)
    long_range: int = 1000
    keep: float = 0.2
    rate: float = 0.1
    bins: int = 1000
    rounds: int = 10
    b: float = 0.0002
    sigma: float = 0.01
    times: tuple = tuple(range(1, 41))
    explosion: float = 1000.0
    majority: float = 0.5
    budget_tolerance: float = 0.25
    error_factor: float = 2.0

    def conditions(self):
        """Return the faults of each condition by its name: none, each alone, all."""
        return {"none": (), **{fault: (fault,) for fault in FAULTS}, "all": FAULTS}


@dataclass(frozen=True)
class Attempt:
    """One run of the pipeline with some of the faults.

    Attributes
    ----------
    A : (N, N) ndarray
        The network that was pruned, which two of the faults change.
    probabilities : csr_array, shape (N, N)
        Probabilities by which kept synapses were divided.
    A_sparse : csr_array, shape (N, N)
        The pruned network, diagonal included.
    kept_fraction : float
        Kept synapses as a fraction of those of A.
    """

    A: np.ndarray
    probabilities: sparse.csr_array
    A_sparse: sparse.csr_array
    kept_fraction: float


def earlier_attempt(
    settings=EarlierSettings(), *, executor=None, progress=True, name="earlier_attempt"
):
    """Run the replication with each fault on record turned on alone, and with all of them.

    Parameters
    ----------
    settings : EarlierSettings
        Network, fraction kept, what the record does not say about the faults, criteria, seeds.
    executor : concurrent.futures.Executor, optional
        Where to run the seeds; without one, in this process.
    progress : bool
        Show a progress bar.
    name : str
        Name under which the result is stored.

    Returns
    -------
    Result
        Rows by seed, fault and diagonal: `largest_before` and `largest`, the largest eigenvalue
        of the network at hand before and after pruning; `kept_fraction`; `strengthened`, the
        largest factor a synapse was multiplied by; `epsilon`, the worst relative error against
        the network that was meant; `growth`, the decimal logarithm of ``||x(T)|| / ||x(0)||``
        without input, T the last time; `blow_up`, when the activity passes the explosion factor,
        or None; `error`, the root mean square trajectory error averaged over the times, None
        where `largest` is not below 0.

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> from noiseprune import experiments
    >>> small = experiments.EarlierSettings(sizes=(30, 20), long_range=60, keep=0.5, seeds=(0,))
    >>> result = experiments.earlier_attempt(small, progress=False)
    >>> result.select(fault="leak", diagonal="matched")[0]["largest"] > 0
    True
    """
    return run_seeds(name, settings, earlier_rows, executor=executor, progress=progress)


def earlier_rows(settings, seed):
    """Rows of `earlier_attempt` for one seed; every fault meets the same random numbers."""
    meant = settings.draw(seed)
    x0 = np.random.default_rng(streams(seed, 4)[3]).uniform(0, 1, len(meant))
    rows = []
    for name, faults in settings.conditions().items():
        for diagonal in DIAGONALS:
            attempt = run_attempt(settings, seed, faults, diagonal=diagonal)
            largest = largest_eigenvalue(attempt.A_sparse)
            growth, blow_up = growth_and_blow_up(
                attempt.A_sparse, x0, settings.times[-1], settings.explosion
            )
            error = None
            if largest < 0:
                error = trajectory_error(
                    meant, attempt.A_sparse, settings.times, x0=x0, b=settings.b,
                    sigma=settings.sigma,
                ).mean()  # fmt: skip
            rows.append(
                {
                    "seed": seed,
                    "fault": name,
                    "diagonal": diagonal,
                    "largest_before": largest_eigenvalue(attempt.A),
                    "largest": largest,
                    "kept_fraction": attempt.kept_fraction,
                    "strengthened": strengthening(attempt),
                    "epsilon": spectral_epsilon(meant, attempt.A_sparse),
                    "growth": growth,
                    "blow_up": blow_up,
                    "error": error,
                }
            )
    return rows


def run_attempt(settings, seed, faults=(), *, diagonal="original"):
    """Draw a network and prune it, with some of the faults on record turned on.

    Parameters
    ----------
    settings : EarlierSettings
        Network and what the record does not say about the faults.
    seed : int
        Seed of the run.
    faults : sequence of str
        "spikes": covariance of independent Poisson spike counts. "leak": leak U(0, 1). "tenfold":
        all probabilities divided by 10 until none is above 1. "half": kept with probability 1/2,
        divided by p all the same. "template": weight 1/2 on absent pairs between clusters.
        "repeat": the pruned network is pruned again, with the same probabilities.
    diagonal : {"matched", "original"}
        See `sample_synapses`.

    Returns
    -------
    Attempt
        The network, the probabilities, and the pruned network.

    Raises
    ------
    ValueError
        If a fault or the diagonal is unknown.

    References
    ----------
    Book section 13, "The record, and how we read it".

    Examples
    --------
    >>> from noiseprune.experiments.earlier import EarlierSettings, run_attempt
    >>> small = EarlierSettings(sizes=(30, 20), long_range=60, keep=0.2)
    >>> 0.4 < run_attempt(small, 0, ["half"]).kept_fraction < 0.6
    True
    """
    for fault in faults:
        _checks.choice(fault, "fault", FAULTS)
    _checks.choice(diagonal, "diagonal", DIAGONALS)
    _, pruning, other = streams(seed, 4)[:3]
    rng = np.random.default_rng(other)
    dominant = settings.draw(seed)
    if "template" in faults:
        dominant = add_leak(_fill_between_clusters(dominant, settings.clusters()))
    A = dominant
    if "leak" in faults:
        A = A - np.diag(A.diagonal() + rng.uniform(0, 1, len(A)))
    if "spikes" in faults:
        C = sample_covariance(rng.poisson(settings.rate, (settings.bins, len(A))))
    else:
        C = stationary_covariance(dominant)  # with leak U(0, 1) there would be none
    P = _probabilities(synapse_scores(A, C=C), settings.keep, tenfold="tenfold" in faults)

    pruned = sparse.csr_array(A)
    draws = np.random.default_rng(pruning)
    for _ in range(settings.rounds if "repeat" in faults else 1):
        pruned = _prune_once(pruned, P, half="half" in faults, diagonal=diagonal, rng=draws)
    return Attempt(A, P, pruned, synapses(pruned).nnz / P.nnz)


def _fill_between_clusters(A, clusters):
    """Give absent pairs between clusters half the mean weight inside; scale W as before."""
    W = A - np.diag(A.diagonal())
    before = linalg.eigvalsh(W).max()
    within = clusters[:, None] == clusters
    W[(W == 0) & ~within] = 0.5 * W[within & (W != 0)].mean()
    return W * (before / linalg.eigvalsh(W).max())


def _probabilities(S, keep, *, tenfold):
    """Probabilities of the rule; or not clipped at 1 but divided by 10, all, until none is above."""
    if not tenfold:
        return keep_probabilities(S, keep=keep)
    p = S.data * (keep * S.nnz / S.data.sum())
    p /= 10.0 ** max(0, np.ceil(np.log10(p.max())))
    return sparse.csr_array((p, S.indices, S.indptr), shape=S.shape)


def _prune_once(A, P, *, half, diagonal, rng):
    """Prune A with those of the probabilities whose synapses are still there."""
    W = synapses(A)
    p = np.asarray(P.tocsr()[row_indices(W), W.indices]).ravel()
    on_synapses = sparse.csr_array((p, W.indices, W.indptr), shape=W.shape)
    if not half:
        return sample_synapses(A, on_synapses, diagonal=diagonal, rng=rng)
    # Dividing w by 2p first leaves w / p for what sample_synapses keeps with probability 1/2.
    doubled = sparse.csr_array((W.data / (2 * p), W.indices, W.indptr), shape=W.shape)
    change = np.asarray(abs(W).sum(axis=1) - abs(doubled).sum(axis=1)).ravel()
    leak = A.diagonal() + (change if diagonal == "matched" else 0)
    coin = sparse.csr_array((np.full(p.size, 0.5), W.indices, W.indptr), shape=W.shape)
    return sample_synapses(
        sparse.csr_array(doubled + sparse.diags_array(leak)), coin, diagonal=diagonal, rng=rng
    )


def largest_eigenvalue(A):
    """Largest eigenvalue of a symmetric matrix, 0 where it cannot be told from rounding.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric dynamics matrix.

    Returns
    -------
    float
        The eigenvalue (1/time); above 0 the network is unstable.

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> from noiseprune.experiments.earlier import largest_eigenvalue
    >>> round(largest_eigenvalue([[-1.0, 2.0], [2.0, -1.0]]), 6)
    1.0
    """
    return float(_without_rounding(linalg.eigvalsh(_dense(A)))[-1])


def growth_and_blow_up(A, x0, horizon, explosion):
    """How much the activity grows without input, and when it passes a multiple of its start.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric dynamics matrix, stable or not.
    x0 : (N,) array_like
        Initial activity.
    horizon : float
        Last time T (model units).
    explosion : float
        The multiple, above 1.

    Returns
    -------
    growth : float
        Decimal logarithm of ``||x(T)|| / ||x(0)||``.
    blow_up : float or None
        First time at which ``||x(t)|| = explosion ||x(0)||``, None if not before T.

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> import numpy as np
    >>> from noiseprune.experiments.earlier import growth_and_blow_up
    >>> growth, blow_up = growth_and_blow_up([[np.log(10)]], [1.0], 4.0, 1000.0)
    >>> round(growth, 6), round(blow_up, 6)
    (4.0, 3.0)
    """
    values, V = linalg.eigh(_dense(A))
    values = _without_rounding(values)
    parts = (V.T @ np.asarray(x0, dtype=float)) ** 2

    def growth(t):  # logarithms: e^(lambda t) itself may be beyond floating point
        ratio = special.logsumexp(2 * values * t, b=parts) - np.log(parts.sum())
        return float(ratio / np.log(100))

    end, goal = growth(horizon), np.log10(_checks.number(explosion, "explosion", low=1))
    if end < goal:
        return end, None
    # log ||x(t)|| of a symmetric network is convex in t: it passes the goal once
    xtol = 1e-9 * horizon / max(1.0, end / goal)
    return end, float(optimize.brentq(lambda t: growth(t) - goal, 0, horizon, xtol=xtol))


def strengthening(attempt):
    """Largest factor by which pruning multiplied a synapse.

    Parameters
    ----------
    attempt : Attempt
        What `run_attempt` returned.

    Returns
    -------
    float
        The largest ``w_ij^sparse / w_ij`` over the kept synapses, 0 if there is none.

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> from noiseprune.experiments.earlier import EarlierSettings, run_attempt, strengthening
    >>> small = EarlierSettings(sizes=(30, 20), long_range=60, keep=0.5)
    >>> once = strengthening(run_attempt(small, 0))
    >>> bool(once < strengthening(run_attempt(small, 0, ["repeat"])))
    True
    """
    kept = synapses(attempt.A_sparse)
    return float(np.max(kept.data / attempt.A[row_indices(kept), kept.indices], initial=0.0))


def verdicts(result, *, diagonal):
    """Say of every condition what it breaks, by the criteria in the settings of the result.

    Parameters
    ----------
    result : Result
        Result of `earlier_attempt`.
    diagonal : {"matched", "original"}
        Which rows to judge.

    Returns
    -------
    dict of str
        For each condition the first that holds: "unstable before pruning", "unstable" (each in
        more than the majority of seeds), "wrong budget" (median kept fraction further from the
        intended than the tolerance), "inaccurate" (median trajectory error above the error factor
        times that of the run without faults and with the matched diagonal), or "harmless".

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> from noiseprune import experiments
    >>> from noiseprune.experiments.earlier import verdicts
    >>> small = experiments.EarlierSettings(sizes=(30, 20), long_range=60, keep=0.5, seeds=(0,))
    >>> verdicts(experiments.earlier_attempt(small, progress=False), diagonal="matched")["leak"]
    'unstable before pruning'
    """
    rules = result.settings
    usual = np.median(result.column("error", fault="none", diagonal="matched"))
    found = {}
    for fault in dict.fromkeys(row["fault"] for row in result.rows):
        rows = result.select(fault=fault, diagonal=diagonal)
        kept = np.median([row["kept_fraction"] for row in rows])
        errors = [np.inf if row["error"] is None else row["error"] for row in rows]
        if np.mean([row["largest_before"] > 0 for row in rows]) > rules["majority"]:
            found[fault] = "unstable before pruning"
        elif np.mean([row["largest"] > 0 for row in rows]) > rules["majority"]:
            found[fault] = "unstable"
        elif abs(kept / rules["keep"] - 1) > rules["budget_tolerance"]:
            found[fault] = "wrong budget"
        elif np.median(errors) > rules["error_factor"] * usual:
            found[fault] = "inaccurate"
        else:
            found[fault] = "harmless"
    return found


def _without_rounding(values):
    return np.where(np.abs(values) > _ROUNDING * np.abs(values).max(), values, 0.0)


def _dense(A):
    return A.toarray() if sparse.issparse(A) else np.asarray(A, dtype=float)
