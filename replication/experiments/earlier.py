"""The faults of an earlier attempt, each a switch. Book, "Each fault alone"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, sparse, special

from noiseprune import _checks
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import sample_covariance, stationary_covariance
from noiseprune.dynamics import trajectory_error
from noiseprune.networks import add_leak, clustered
from noiseprune.pruning import keep_probabilities, sample_synapses, synapse_scores
from noiseprune.spectrum import spectral_epsilon
from replication import recorded
from replication.experiments.spectrum import NetworkSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

FAULTS = (
    "spikes",
    "unscaled",
    "leak",
    "tenfold",
    "half",
    "symmetrised",
    "self",
    "halved",
    "repeat",
    "noise",
)
_ROUNDING = 1e-12  # of the largest in size: an eigenvalue below it says nothing
_OUT_OF_RANGE = 1e50  # activity or weights above it: squares would soon overflow


@dataclass(frozen=True)
class EarlierSettings(NetworkSettings):
    """`earlier_attempt`: the lab notebook's network at a fifth of its size, and the faults.

    `rate` is in spikes per bin, times in model units; `rounds` is how many steps of `dt` prune
    again; `notebook_sigma` is the amplitude of the noise of two faults. The last four say what
    counts as a blow-up, a missed budget and a lost accuracy.
    """

    sizes: tuple = (200, 40, 160)
    long_range: int = 1000
    keep: float = recorded.LAB_KEEP
    rate: float = 0.5
    bins: int = 200
    dt: float = recorded.LAB_DT
    rounds: int = 400
    b: float = recorded.INPUT
    sigma: float = recorded.LAB_SIGMA
    notebook_sigma: float = 1.0
    times: tuple = tuple(range(1, 41))
    explosion: float = 1000.0
    majority: float = 0.5
    budget_tolerance: float = 0.25
    error_factor: float = 2.0

    def conditions(self):
        """Return the faults of each condition by its name: none, each alone, all."""
        return {"none": (), **{fault: (fault,) for fault in FAULTS}, "all": FAULTS}


@dataclass(frozen=True, eq=False)
class Attempt:
    """One run of the pipeline with some of the faults.

    Attributes
    ----------
    A : (N, N) ndarray
        The network that was pruned, which five of the faults change.
    probabilities : csr_array, shape (N, N)
        Probabilities by which kept synapses were divided, at the first pruning.
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
    Book, "Each fault alone".

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
        sigma = settings.sigma
        if "noise" in faults:  # a step of dt adds sigma dt z: as much as this sigma does rightly
            sigma = settings.notebook_sigma * np.sqrt(settings.dt)
        for diagonal in ("matched", "original"):
            attempt = run_attempt(settings, seed, faults, diagonal=diagonal)
            largest = largest_eigenvalue(attempt.A_sparse)
            growth, peak, blow_up = growth_and_blow_up(
                attempt.stages, x0, settings.times[-1], settings.explosion, dt=settings.dt
            )
            error = None
            if largest < 0:
                error = trajectory_error(
                    meant, attempt.A_sparse, settings.times, x0=x0, b=settings.b, sigma=sigma
                ).mean()
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
        "spikes": covariance of independent Poisson spike counts. "unscaled": weights of mean 1
        inside clusters, the leak as it was. "leak": leak U(0, 1). "tenfold": all probabilities
        divided by 10 until none is above 1. "half": kept with probability 1/2, divided by p all
        the same. "symmetrised": inside clusters the mean of a directed draw and its transpose.
        "self": a weight N(1, 1) from some neurons to themselves. "halved": half the weight
        between clusters. "repeat": the pruned network is pruned again at every step, with the
        covariance of the activity so far. "noise": multiplied by dt instead of its root.
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
    Book, "The record, and how we read it".

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
    pruning, other, start = streams(seed, 4)[1:]
    rng = np.random.default_rng(other)
    A, dominant = _network(settings, seed, faults, rng)
    # Where A has no stationary covariance the rule gets that of a network which has one.
    C = stationary_covariance(A if largest_eigenvalue(A) < 0 else dominant)
    if "spikes" in faults:
        early = rng.poisson(settings.rate, (settings.bins, len(A)))
        C = sample_covariance(early)
    elif "repeat" in faults:
        factor = settings.notebook_sigma * linalg.cholesky(C, lower=True)
        early = rng.standard_normal((settings.bins, len(A))) @ factor.T

    S = synapse_scores(A, C=C)
    if "tenfold" in faults:
        K = settings.keep * S.nnz / S.data.sum()
    else:
        K = (keep_probabilities(S, keep=settings.keep).data / S.data).max()
    P = _probabilities(S, K, tenfold="tenfold" in faults)
    draws = np.random.default_rng(pruning)
    pruned = _prune_once(sparse.csr_array(A), P, half="half" in faults, rng=draws)
    stages = [pruned if diagonal == "original" else _matched(A, pruned)]
    if "repeat" not in faults:
        return Attempt(A, P, tuple(stages))

    x = np.random.default_rng(start).uniform(0, 1, len(A))
    root = settings.dt if "noise" in faults else np.sqrt(settings.dt)
    count, mean, scatter = len(early), early.mean(axis=0), (len(early) - 1) * np.cov(early.T)
    while len(stages) < settings.rounds and synapses(pruned).nnz:
        noise = settings.notebook_sigma * root * rng.standard_normal(len(x))
        x = x + settings.dt * (stages[-1] @ x + settings.b) + noise
        if max(np.abs(x).max(), abs(stages[-1]).max()) > _OUT_OF_RANGE:
            break
        count += 1  # the covariance of a growing record, one snapshot at a time
        step = x - mean
        mean = mean + step / count
        scatter = scatter + np.outer(step, step) * (1 - 1 / count)
        again = synapse_scores(pruned, C=scatter / (count - 1))
        again = _probabilities(again, K, tenfold="tenfold" in faults)
        pruned = _prune_once(pruned, again, half="half" in faults, rng=draws)
        stages.append(pruned if diagonal == "original" else _matched(A, pruned))
    return Attempt(A, P, tuple(stages))


def _network(settings, seed, faults, rng):
    """Return the network with its faults, and the same with scaled weights and balancing leak."""
    dominant = settings.draw(seed)
    clusters = settings.clusters()
    within = clusters[:, None] == clusters
    W = dominant - np.diag(dominant.diagonal())
    unit = W[within & (W != 0)].mean()  # what a weight of 1 has become
    if "symmetrised" in faults:  # one direction as it was meant, the other drawn beside it
        R = clustered(
            settings.sizes, density=settings.density, long_range=0, symmetric=False, rng=rng
        )
        R = np.triu(W) + unit / R[R != 0].mean() * np.tril(R)
        W = np.where(within, (R + R.T) / 2, W)
    if "halved" in faults:
        W = np.where(within, W, W / 2)
    if "symmetrised" in faults or "halved" in faults:
        scale = 1 / (recorded.SPECTRAL_MARGIN * linalg.eigvalsh(W)[-1])
        W, unit = scale * W, scale * unit
        dominant = add_leak(W)
    A = dominant.copy()
    if "self" in faults:
        own = rng.normal(1, 1, len(W)) * (rng.uniform(size=len(W)) < settings.density)
        A += np.diag(unit * own)
    if "unscaled" in faults:
        A += (1 / unit - 1) * (A - np.diag(dominant.diagonal()))
    if "leak" in faults:
        A -= np.diag(dominant.diagonal() + rng.uniform(0, 1, len(W)))
    return A, dominant


def _probabilities(S, K, *, tenfold):
    """Probabilities of the rule, clipped at 1 or divided by 10 until none is above it."""
    if not tenfold:
        return keep_probabilities(S, K=K)
    p = K * S.data
    p /= 10.0 ** max(0, np.ceil(np.log10(p.max())))
    return sparse.csr_array((p, S.indices, S.indptr), shape=S.shape)


def _prune_once(A, P, *, half, rng):
    """Prune A with the probabilities P, or by a fair coin and divided by P."""
    if half:  # w / (2p), kept with probability 1/2 and divided by it, is w / p
        W = synapses(A)
        larger = sparse.csr_array((W.data / (2 * P.data), W.indices, W.indptr), shape=W.shape)
        A = sparse.csr_array(larger + sparse.diags_array(A.diagonal()))
        P = sparse.csr_array((np.full(P.nnz, 0.5), P.indices, P.indptr), shape=P.shape)
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
    Book, "Each fault alone".

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
    Book, "Each fault alone".

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
    Book, "All at once".

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
    Book, "Each fault alone".

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
    Book, "Each fault alone".

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
