"""Which fault of an earlier attempt breaks the replication? Book section 13."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, sparse, special

from noiseprune import _checks
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import sample_covariance, stationary_covariance
from noiseprune.dynamics import trajectory_error
from noiseprune.networks import add_leak
from noiseprune.pruning import keep_probabilities, sample_synapses, synapse_scores
from noiseprune.spectrum import spectral_epsilon
from replication.experiments.spectrum import NetworkSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

FAULTS = ("spikes", "leak", "tenfold", "half", "template", "repeat")
_ROUNDING = 1e-12  # of the largest in size: an eigenvalue below it says nothing


@dataclass(frozen=True)
class EarlierSettings(NetworkSettings):
    """`earlier_attempt`: the lab notebook's network at a fifth of its size, and the faults.

    `rate` is in spikes per bin, times in model units; `rounds` is how many steps of `dt` prune
    again. The last four say what counts as a blow-up, a missed budget and a lost accuracy.
    """

    sizes: tuple = (200, 40, 160)
    long_range: int = 1000
    keep: float = 0.2
    rate: float = 0.1
    bins: int = 1000
    dt: float = 0.005
    rounds: int = 400
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
    stages : tuple of csr_array, shape (N, N)
        The pruned network, diagonal included: one, or one for each time step that pruned again.
    """

    A: np.ndarray
    probabilities: sparse.csr_array
    stages: tuple

    @property
    def A_sparse(self):
        """The network that pruning ends with."""
        return self.stages[-1]

    @property
    def kept_fraction(self):
        """Synapses of `A_sparse` as a fraction of those of A."""
        return synapses(self.A_sparse).nnz / self.probabilities.nnz


@experiment(earlier_attempt=EarlierSettings())
def earlier_attempt(settings, seed):
    """Run the replication with each fault on record turned on alone, and with all of them.

    Returns
    -------
    list of dict
        Rows by seed, fault and diagonal: `largest_before` and `largest`, the largest eigenvalue
        of the network at hand before and after pruning; `kept_fraction`; `strengthened`, the
        largest factor by which any synapse was multiplied at any time; `epsilon`, the worst
        relative error against the network that was meant; `growth`, the decimal logarithm of
        ``||x(T)|| / ||x(0)||`` without input, T the last time, and `peak`, its largest value, both
        None where rounding hides them; `blow_up`, when the activity passes the explosion factor,
        or None; `error`, the root mean square trajectory error averaged over the times, None
        where `largest` is not below 0.

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.EarlierSettings(sizes=(30, 20), long_range=60, keep=0.5, seeds=(0,))
    >>> result = experiments.earlier_attempt(small, progress=False)
    >>> result.select(fault="leak", diagonal="matched")[0]["largest"] > 0
    True
    """
    meant = settings.draw(seed)
    x0 = np.random.default_rng(streams(seed, 4)[3]).uniform(0, 1, len(meant))
    rows = []
    for name, faults in steps(settings.conditions().items()):
        for diagonal in ("matched", "original"):
            attempt = run_attempt(settings, seed, faults, diagonal=diagonal)
            largest = largest_eigenvalue(attempt.A_sparse)
            growth, peak, blow_up = growth_and_blow_up(
                attempt.stages, x0, settings.times[-1], settings.explosion, dt=settings.dt
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
                    "peak": peak,
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
        "repeat": the pruned network is pruned again at every step, with the same probabilities.
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
    >>> from replication.experiments.earlier import EarlierSettings, run_attempt
    >>> small = EarlierSettings(sizes=(30, 20), long_range=60, keep=0.2)
    >>> 0.4 < run_attempt(small, 0, ["half"]).kept_fraction < 0.6
    True
    """
    for fault in faults:
        _checks.choice(fault, "fault", FAULTS)
    _checks.choice(diagonal, "diagonal", ("matched", "original"))
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

    pruned, stages = sparse.csr_array(A), []
    draws = np.random.default_rng(pruning)
    for _ in range(settings.rounds if "repeat" in faults else 1):
        pruned = _prune_once(pruned, P, half="half" in faults, rng=draws)
        stages.append(pruned if diagonal == "original" else _matched(A, pruned))
        if synapses(pruned).nnz == 0:
            break
    return Attempt(A, P, tuple(stages))


def _fill_between_clusters(A, clusters):
    """Give absent pairs between clusters half the mean weight inside; scale W as before."""
    W = A - np.diag(A.diagonal())
    before = linalg.eigvalsh(W).max()
    within = clusters[:, None] == clusters
    W[(W == 0) & ~within] = 0.5 * W[within & (W != 0)].mean()
    return W * (before / linalg.eigvalsh(W).max())


def _probabilities(S, keep, *, tenfold):
    """Probabilities of the rule, clipped at 1 or divided by 10 until none is above it."""
    if not tenfold:
        return keep_probabilities(S, keep=keep)
    p = S.data * (keep * S.nnz / S.data.sum())
    p /= 10.0 ** max(0, np.ceil(np.log10(p.max())))
    return sparse.csr_array((p, S.indices, S.indptr), shape=S.shape)


def _prune_once(A, P, *, half, rng):
    """Prune A, some synapses of which may be gone already, with the probabilities P."""
    W = synapses(A)
    p = P.toarray()[row_indices(W), W.indices]
    if half:  # w / (2p), kept with probability 1/2 and divided by it, is w / p
        larger = sparse.csr_array((W.data / (2 * p), W.indices, W.indptr), shape=W.shape)
        A = sparse.csr_array(larger + sparse.diags_array(A.diagonal()))
        p = np.full(p.size, 0.5)
    P = sparse.csr_array((p, W.indices, W.indptr), shape=W.shape)
    return sample_synapses(A, P, diagonal="original", rng=rng)


def _matched(A, pruned):
    """Change the leak of the pruned network by as much as the total input has changed since A."""
    before, after = (np.asarray(abs(synapses(X)).sum(axis=1)).ravel() for X in (A, pruned))
    return sparse.csr_array(pruned + sparse.diags_array(before - after))


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
    >>> from replication.experiments.earlier import largest_eigenvalue
    >>> round(largest_eigenvalue([[-1.0, 2.0], [2.0, -1.0]]), 6)
    1.0
    """
    return float(_without_rounding(linalg.eigvalsh(_dense(A)))[-1])


def growth_and_blow_up(stages, x0, horizon, explosion, *, dt):
    """How much the activity grows without input, and when it passes a multiple of its start.

    Parameters
    ----------
    stages : sequence of (N, N) ndarray or sparse array
        Symmetric dynamics matrices, stable or not: each but the last holds for one time step.
    x0 : (N,) array_like
        Initial activity.
    horizon : float
        Last time T (model units).
    explosion : float
        The multiple, above 1.
    dt : float
        Time step, within which the solution is exact.

    Returns
    -------
    growth : float or None
        Decimal logarithm of ``||x(T)|| / ||x(0)||``; None where rounding hides it, beside
        eigenvalues more than 1e12 times larger.
    peak : float or None
        Its largest value at a step, at time 0 or at T.
    blow_up : float or None
        First time at which ``||x(t)|| = explosion ||x(0)||``, None if not before T.

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> import numpy as np
    >>> from replication.experiments.earlier import growth_and_blow_up
    >>> grow, rest = [[np.log(10)]], [[0.0]]
    >>> growth_and_blow_up([grow], [1.0], 4.0, 1000.0, dt=1.0)
    (4.0, 4.0, 3.0)
    >>> growth_and_blow_up([grow, rest], [1.0], 4.0, 1000.0, dt=1.0)
    (1.0, 1.0, None)
    """
    goal = np.log10(_checks.number(explosion, "explosion", low=1))
    x, height, peak, blow_up = np.asarray(x0, dtype=float), 0.0, 0.0, None
    for step, A in enumerate(stages[:-1], start=1):
        values, V, hidden = _modes(A)
        if hidden:
            return None, None, None
        parts = V.T @ (x / np.linalg.norm(x))
        with np.errstate(divide="ignore"):  # a mode that x has no part in
            exponents = values * dt + np.log(np.abs(parts))
        shift = exponents.max()  # e^(lambda dt) itself may be beyond floating point
        x = V @ (np.sign(parts) * np.exp(exponents - shift))
        height += (shift + np.log(np.linalg.norm(x))) / np.log(10)
        peak = max(peak, height)
        if blow_up is None and height >= goal:
            blow_up = step * dt
    if _modes(stages[-1])[2]:
        return None, None, None
    growth, left = _growth(stages[-1], x), horizon - dt * (len(stages) - 1)
    end = float(height + growth(left))
    if blow_up is None and end >= goal:
        # log ||x(t)|| of a symmetric network is convex in t: it passes the goal once
        xtol = 1e-12 * left / max(1.0, end / goal)
        blow_up = horizon - left
        blow_up += optimize.brentq(lambda t: height + growth(t) - goal, 0, left, xtol=xtol)
    return end, float(max(peak, end)), blow_up


def growth_curve(A, x0, times):
    """Decimal logarithm of ``||x(t)|| / ||x(0)||`` without input, however large it becomes.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric dynamics matrix, stable or not.
    x0 : (N,) array_like
        Initial activity.
    times : (T,) array_like
        Times (model units).

    Returns
    -------
    ndarray, shape (T,)
        The logarithm at the times.

    References
    ----------
    Book section 13, "All at once".

    Examples
    --------
    >>> import numpy as np
    >>> from replication.experiments.earlier import growth_curve
    >>> growth_curve([[np.log(10)]], [1.0], [0.0, 1000.0]).round(6)
    array([   0., 1000.])
    """
    growth = _growth(A, x0)
    return np.array([growth(t) for t in times])


def _growth(A, x0):
    values, V, _ = _modes(A)
    parts = (V.T @ np.asarray(x0, dtype=float)) ** 2

    def growth(t):
        ratio = special.logsumexp(2 * values * t, b=parts) - np.log(parts.sum())
        return float(ratio / np.log(100))

    return growth


def _modes(A):
    """Eigenvalues, eigenvectors, and whether rounding hides if the network grows."""
    values, V = linalg.eigh(_dense(A))
    largest = np.abs(values).max()
    values = _without_rounding(values)
    return values, V, bool(values[-1] <= 0 and _ROUNDING * largest > 1e-3)


def strengthening(attempt):
    """Largest factor by which pruning multiplied a synapse at any time.

    Parameters
    ----------
    attempt : Attempt
        What `run_attempt` returned.

    Returns
    -------
    float
        The largest ``w_ij^sparse / w_ij`` of all stages, 0 if no synapse was ever kept.

    References
    ----------
    Book section 13, "Each fault alone".

    Examples
    --------
    >>> from replication.experiments.earlier import EarlierSettings, run_attempt, strengthening
    >>> small = EarlierSettings(sizes=(30, 20), long_range=60, keep=0.5)
    >>> once = strengthening(run_attempt(small, 0))
    >>> bool(once < strengthening(run_attempt(small, 0, ["repeat"])))
    True
    """
    factors = [
        np.max(kept.data / attempt.A[row_indices(kept), kept.indices], initial=0.0)
        for kept in map(synapses, attempt.stages)
    ]
    return float(max(factors))


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
    >>> from replication import experiments
    >>> from replication.experiments.earlier import verdicts
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
