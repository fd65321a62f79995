"""What is gained where inputs are scaled back? Book, "Better than independent coins"."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.sparse import linalg as splinalg

from noiseprune import _checks, _device, theory
from noiseprune._matrix import dense, synapses
from noiseprune.covariance import stationary_covariance
from noiseprune.networks import add_leak, clustered, random_graph, spatial
from noiseprune.pruning import (
    DIAGONALS,
    RULES,
    keep_probabilities,
    noise_prune,
    sample_synapses,
    synapse_scores,
)
from noiseprune.spectrum import spectral_epsilon
from replication import recorded, sparsifiers
from replication.experiments.largest import TenThousandSettings
from replication.experiments.spectrum import NetworkSettings
from replication.experiments.theorem import PrunedFractionSettings
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

MATCHED_AND_SCALED = ("matched", "homeostatic")
SINGULAR = 1e-12  # relative: a mode so slow does not decay
ACCOUNTS = {  # of the paper's network of 10,000 neurons, by the size of the largest cluster
    "largest 9,000": TenThousandSettings(),
    "largest 6,600": TenThousandSettings(sizes=recorded.LAB_SIZES_10_000),
}


def draw_network(family, n, degree, rng, *, excess=0.01):
    """Return the dynamics matrix of one network by the name of its family.

    Parameters
    ----------
    family : {"clustered", "equal clusters", "complete", "random", "plane"} or of `ACCOUNTS`
        The lab notebook's three clusters, scaled; two equal ones; with the excess leak, all pairs
        with the same weight, or sparse networks with so many neighbours on average; or an account
        of the paper's largest network, whose size is given.
    n : int
        Number of neurons.
    degree : float or None
        Mean number of neighbours, for "random" and "plane".
    rng : int
        Seed.
    excess : float
        Excess leak where all weights are positive.

    Returns
    -------
    ndarray or csr_array, shape (n, n)
        The network.

    Examples
    --------
    >>> from replication.experiments.coins import draw_network
    >>> draw_network("complete", 4, None, 0).diagonal().tolist()
    [-3.01, -3.01, -3.01, -3.01]
    """
    if family == "clustered":
        return PrunedFractionSettings().network(n).draw(rng)
    if family in ACCOUNTS:
        return ACCOUNTS[family].draw(rng)
    if family == "equal clusters":
        return add_leak(clustered((n // 2, n // 2), long_range=5 * n // 2, rng=rng))
    if family == "complete":
        return add_leak(1 - np.eye(n), excess=excess)
    if family == "random":
        return add_leak(random_graph(n, degree, rng=rng), excess=excess)
    if family == "plane":
        return add_leak(spatial(n, degree, rng=rng), excess=excess)
    raise ValueError(f"family must be one of those of draw_network, got {family!r}")


# ---------------------------------------------------------------- the original's settings


@dataclass(frozen=True)
class DiagonalSettings(NetworkSettings):
    """`diagonals`: fractions kept, rules, diagonals; times and starts of the relaxation."""

    keep: tuple = (recorded.LAB_KEEP,)
    rules: tuple = RULES
    diagonals: tuple = DIAGONALS
    slow: int = 20
    times: tuple = (1.0, 5.0, 10.0, 20.0, 40.0)
    starts: int = 10


@experiment(coins_lab=DiagonalSettings())
def diagonals(settings, seed):
    """Measure every error of the same draws with each way to balance leak and input.

    Returns
    -------
    list of dict
        Rows by seed, keep, rule and diagonal: `kept` synapses; `epsilon`; `eigenvalue_error_slow`,
        the slowest last, and the median of its size over all modes; `largest_eigenvalue`;
        `relaxation_error` at the times, from starts drawn from U(0, 1); and in the stationary
        state `noise_error`, of activity under the same noise, and `covariance_error` (Frobenius
        norm), each relative, None if a mode does not decay.

    References
    ----------
    Book, "The same coins, scaled".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.DiagonalSettings(
    ...     sizes=(40, 20), long_range=60, seeds=(0,), keep=(0.5,), rules=("noise",), slow=3
    ... )
    >>> matched, original, homeostatic = experiments.diagonals(small, progress=False).rows
    >>> homeostatic["epsilon"] < matched["epsilon"]
    True
    """
    A = settings.draw(seed)
    _, pruning_seed, start_seed = streams(seed, 3)
    x0 = np.random.default_rng(start_seed).uniform(0, 1, (len(A), settings.starts))
    eigenpairs = np.linalg.eigh(A)
    C = stationary_covariance(A)
    rows = []
    for keep, rule in steps(itertools.product(settings.keep, settings.rules)):
        for diagonal in settings.diagonals:
            with warnings.catch_warnings():  # what is unstable is a result here
                warnings.filterwarnings("ignore", "the pruned network is unstable")
                pruned = noise_prune(A, keep, rule=rule, C=C, diagonal=diagonal, rng=pruning_seed)
            rows.append(
                {
                    "seed": seed,
                    "keep": keep,
                    "rule": rule,
                    "diagonal": diagonal,
                    "kept": pruned.kept.nnz,
                    "epsilon": spectral_epsilon(A, pruned.A),
                }
                | modal_errors(eigenpairs, pruned.A, settings.times, x0, settings.slow)
            )
    return rows


def modal_errors(eigenpairs, A_sparse, times, x0, slow):
    """Return errors of spectrum and dynamics, all from one eigendecomposition of the pruned A.

    They are those of `noiseprune.compare_spectra`, `noiseprune.trajectory_error` without noise and
    `noiseprune.compare`, which would decompose it three times.
    """
    lam, V = eigenpairs
    mu, U = np.linalg.eigh(dense(A_sparse))
    overlap = V.T @ U
    start, start_sparse = V.T @ x0, U.T @ x0
    relaxation = []
    for t in times:
        x = np.exp(lam * t)[:, None] * start
        x_sparse = overlap @ (np.exp(mu * t)[:, None] * start_sparse)
        relaxation.append(linalg.norm(x - x_sparse) / linalg.norm(x))
    noise = covariance = None
    if mu[-1] < -SINGULAR * np.abs(mu).max():
        weight = overlap**2
        c, c_sparse = -0.5 / lam, -0.5 / mu  # variances of the modes
        shared = np.sum(weight / np.add.outer(-lam, -mu))
        noise = np.sqrt((c.sum() + c_sparse.sum() - 2 * shared) / c.sum())
        covariance = np.sqrt((c @ c + c_sparse @ c_sparse - 2 * c @ weight @ c_sparse) / (c @ c))
    error = mu / lam - 1
    return {
        "eigenvalue_error_slow": error[-slow:],
        "eigenvalue_error_median_size": np.median(np.abs(error)),
        "largest_eigenvalue": mu[-1],
        "relaxation_error": relaxation,
        "noise_error": noise,
        "covariance_error": covariance,
    }


@dataclass(frozen=True)
class ScaledSettings(NetworkSettings):
    """`scaled_draws`: fractions kept and rules, as in the stored run `spectrum_lab`."""

    keep: tuple = (0.5, 0.2, 0.1, 0.05, 0.03)
    rules: tuple = RULES


@experiment(coins_kept=ScaledSettings())
def scaled_draws(settings, seed):
    """Scale the draws of `spectra`, of the same settings and seeds, and measure the worst error.

    Returns
    -------
    list of dict
        Rows by seed, keep and rule: `kept` synapses; `epsilon` of the scaled network; as
        `predicted_matched` and `predicted_homeostatic` before the draw; `scaled`, the fraction of
        neurons with their total input, and `shortfall`, the largest fraction that one lacks.

    References
    ----------
    Book, "The same coins, scaled".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.ScaledSettings(
    ...     sizes=(40, 20), long_range=60, seeds=(0,), keep=(0.5,), rules=("noise",)
    ... )
    >>> (row,) = experiments.scaled_draws(small, progress=False).rows
    >>> row["epsilon"] < row["predicted_matched"]
    True
    """
    A = settings.draw(seed)
    pruning_seed = streams(seed, 2)[1]
    C = stationary_covariance(A)
    rows = []
    for keep, rule in steps(itertools.product(settings.keep, settings.rules)):
        pruned = noise_prune(A, keep, rule=rule, C=C, diagonal="homeostatic", rng=pruning_seed)
        row = {
            "seed": seed,
            "keep": keep,
            "rule": rule,
            "kept": pruned.kept.nnz,
            "epsilon": spectral_epsilon(A, pruned.A),
            "scaled": pruned.scaled,
            "shortfall": pruned.shortfall,
        }
        for way in MATCHED_AND_SCALED:
            predicted = theory.predicted_epsilon(A, pruned.probabilities, diagonal=way)
            row[f"predicted_{way}"] = predicted.epsilon if np.isfinite(predicted.epsilon) else None
        rows.append(row)
    return rows


# ---------------------------------------------------------------- sizes, families, the limit


@dataclass(frozen=True)
class WorstErrorSettings:
    """`worst_errors`: networks as (family, neurons, degree or None, fraction kept), and rules."""

    networks: tuple = tuple(("clustered", n, None, 0.2) for n in (500, 1000, 2000, 4000, 10000))
    rules: tuple = ("noise",)
    seeds: tuple = (0, 1, 2)


@experiment(
    coins_sizes=WorstErrorSettings(),
    coins_ten_thousand=WorstErrorSettings(
        networks=tuple((family, 10000, None, recorded.LAB_KEEP_10_000) for family in ACCOUNTS)
    ),
    coins_families=WorstErrorSettings(
        networks=(
            ("equal clusters", 2000, None, 0.2),
            *(("random", 1000, degree, 0.5) for degree in (5, 10, 20, 40, 100)),
            *(("plane", 1000, degree, 0.5) for degree in (10, 20, 40, 100)),
        ),
        rules=("noise", "weight"),
    ),
    coins_limit=WorstErrorSettings(
        networks=(
            *(("complete", 2000, None, round(d / 1999, 9)) for d in (200, 100, 50, 25)),
            *(("clustered", 2000, None, keep) for keep in (0.4, 0.2, 0.1)),
        )
    ),
)
def worst_errors(settings, seed):
    """Measure the worst error of independent and of scaled draws over networks of many kinds.

    Returns
    -------
    list of dict
        Rows by seed, family, neurons, `neighbours` (degree asked for), keep, rule and diagonal: the
        mean `degree` before and `kept_degree` after the draw; `epsilon`, and as `predicted`;
        `common_epsilon`, ``(r - 1) / (r + 1)`` with r the ratio of the largest to the least
        relative eigenvalue, which is epsilon after the best common factor; `changed_leaks`, the
        fraction of neurons whose leak is not what it was.

    References
    ----------
    Book, "Where it stops helping"; "How close to the limit".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.WorstErrorSettings(
    ...     networks=(("complete", 50, None, 0.4),), rules=("uniform",), seeds=(0,)
    ... )
    >>> matched, homeostatic = experiments.worst_errors(small, progress=False).rows
    >>> homeostatic["epsilon"] < matched["epsilon"]
    True
    """
    network_seed, pruning_seed = streams(seed, 2)
    rows = []
    for family, n, degree, keep in steps(settings.networks):
        A = draw_network(family, n, degree, network_seed)
        names = {"seed": seed, "family": family, "neurons": n, "neighbours": degree, "keep": keep}
        rows += [names | row for row in matched_and_scaled(A, keep, settings.rules, pruning_seed)]
    return rows


def matched_and_scaled(A, keep, rules, rng):
    """Prune by every rule, scaled and not, and return rows with the worst errors."""
    C = stationary_covariance(A) if "noise" in rules else None
    L = np.linalg.cholesky(-dense(A))
    rows = []
    for rule in rules:
        P = keep_probabilities(synapse_scores(A, rule=rule, C=C), keep=keep)
        for diagonal in MATCHED_AND_SCALED:
            pruned = sample_synapses(A, P, diagonal=diagonal, rng=rng)
            least, largest = extreme_eigenvalues(L, pruned)
            predicted = theory.predicted_epsilon(A, P, diagonal=diagonal).epsilon
            changed = ~np.isclose(pruned.diagonal(), A.diagonal(), rtol=1e-9)
            rows.append(
                {
                    "rule": rule,
                    "diagonal": diagonal,
                    "degree": P.nnz / len(L),
                    "kept_degree": synapses(pruned).nnz / len(L),
                    "epsilon": max(largest - 1, 1 - least),
                    "common_epsilon": (largest - least) / (largest + least),
                    "predicted": predicted if np.isfinite(predicted) else None,
                    "changed_leaks": np.mean(changed),
                }
            )
    return rows


def extreme_eigenvalues(L, A_sparse):
    """Least and largest eigenvalue mu of ``M_sparse v = mu M v``, with ``M = L L^T``."""
    n = len(L)
    whitened = _device.HOST.whitened(L, -A_sparse)
    operator = splinalg.LinearOperator((n, n), matvec=whitened, dtype=float)
    start = np.random.default_rng(0).standard_normal(n)
    values = splinalg.eigsh(
        operator, k=2, which="BE", v0=start, tol=1e-8, return_eigenvectors=False
    )
    return values.min(), values.max()


# ---------------------------------------------------------------- other sparsifiers


@dataclass(frozen=True)
class BarrierSettings:
    """`barrier_method`: networks as (family, degree or None), neurons, terms for each neuron."""

    networks: tuple = (("complete", None), ("clustered", None), ("plane", 40))
    neurons: int = 100
    terms: tuple = (4, 9, 16)
    excess: float = 0.01
    seeds: tuple = (0, 1, 2)


@experiment(coins_barrier=BarrierSettings())
def barrier_method(settings, seed):
    """Compare coins and scaled coins with the deterministic method, at its number of synapses.

    Returns
    -------
    list of dict
        Rows by seed, family, terms and method ("barrier", "matched", "homeostatic"): mean
        `degree` before and `kept_degree` after; `common_epsilon` as in `worst_errors`; and the
        `guarantee` for it that the deterministic method has.

    References
    ----------
    Book, "How close to the limit".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.BarrierSettings(
    ...     networks=(("complete", None),), neurons=30, terms=(4,), seeds=(0,)
    ... )
    >>> row = experiments.barrier_method(small, progress=False).rows[0]
    >>> row["common_epsilon"] < row["guarantee"]
    True
    """
    network_seed, pruning_seed = streams(seed, 2)
    rows = []
    for (family, degree), d in steps(itertools.product(settings.networks, settings.terms)):
        A = draw_network(family, settings.neurons, degree, network_seed, excess=settings.excess)
        S = synapse_scores(A)
        deterministic = sparsifiers.barrier(A, d)
        P = keep_probabilities(S, count=synapses(deterministic).nnz)
        networks = {"barrier": deterministic} | {
            diagonal: sample_synapses(A, P, diagonal=diagonal, rng=pruning_seed)
            for diagonal in MATCHED_AND_SCALED
        }
        for method, pruned in networks.items():
            mu = sparsifiers.relative_eigenvalues(A, pruned)
            rows.append(
                {
                    "seed": seed,
                    "family": family,
                    "terms": d,
                    "method": method,
                    "degree": S.nnz / settings.neurons,
                    "kept_degree": synapses(pruned).nnz / settings.neurons,
                    "common_epsilon": (mu[-1] - mu[0]) / (mu[-1] + mu[0]),
                    "guarantee": 2 * np.sqrt(d) / (d + 1),
                }
            )
    return rows


@dataclass(frozen=True)
class DependentSettings:
    """`dependent_coins`: numbers of neurons of the scaled lab network, fractions kept."""

    neurons: tuple = (400, 1000)
    keep: tuple = (0.2,)
    seeds: tuple = tuple(range(5))


@experiment(coins_dependent=DependentSettings())
def dependent_coins(settings, seed):
    """Compare independent coins with systematic sampling, the cycle walk, and scaling.

    Returns
    -------
    list of dict
        Rows by seed, neurons, keep and method ("independent", "systematic", "cycle walk",
        "homeostatic"): synapses `kept`, `epsilon`, and the root mean square over neurons of the
        relative change of their total input.

    References
    ----------
    Book, "Coins that know of each other".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.DependentSettings(neurons=(60,), keep=(0.5,), seeds=(0,))
    >>> rows = experiments.dependent_coins(small, progress=False).rows
    >>> [row["method"] for row in rows]
    ['independent', 'systematic', 'cycle walk', 'homeostatic']
    """
    network_seed, pruning_seed = streams(seed, 2)
    rows = []
    for n, keep in steps(itertools.product(settings.neurons, settings.keep)):
        A = draw_network("clustered", n, None, network_seed)
        P = keep_probabilities(synapse_scores(A), keep=keep)
        methods = {
            "independent": sample_synapses(A, P, rng=pruning_seed),
            "systematic": sparsifiers.systematic(A, P, rng=pruning_seed),
            "cycle walk": sparsifiers.cycle_walk(A, P, rng=pruning_seed),
            "homeostatic": sample_synapses(A, P, diagonal="homeostatic", rng=pruning_seed),
        }
        for method, pruned in methods.items():
            rows.append(
                {
                    "seed": seed,
                    "neurons": n,
                    "keep": keep,
                    "method": method,
                    "kept": synapses(pruned).nnz,
                    "epsilon": spectral_epsilon(A, pruned),
                    "total_change": np.sqrt(np.mean((pruned.diagonal() / A.diagonal() - 1) ** 2)),
                }
            )
    return rows


# ---------------------------------------------------------------- bias


@dataclass(frozen=True)
class BiasSettings:
    """`bias_of_scaling`: sizes of the scaled lab network, fraction kept, draws to average over."""

    neurons: tuple = (100, 300)
    keep: float = recorded.LAB_KEEP
    draws: tuple = (1, 32, 1024)
    seeds: tuple = (0, 1, 2)


@experiment(coins_bias=BiasSettings())
def bias_of_scaling(settings, seed):
    """Hold means over draws against the network: what does not average out is bias.

    Returns
    -------
    list of dict
        Rows by seed, neurons and diagonal: numbers of `draws` and `epsilon`, the
        `spectral_epsilon` of their means.

    Raises
    ------
    ValueError
        If the numbers of draws do not increase.

    References
    ----------
    Book, "Not unbiased".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.BiasSettings(neurons=(60,), draws=(1, 16), seeds=(0,))
    >>> epsilon = experiments.bias_of_scaling(small, progress=False).rows[0]["epsilon"]
    >>> epsilon[1] < epsilon[0]
    True
    """
    if list(settings.draws) != sorted(set(settings.draws)):
        raise ValueError(f"draws must increase, got {settings.draws}")
    _checks.integer(settings.draws[0], "draws", low=1)
    network_seed, pruning_seed = streams(seed, 2)
    rows = []
    for n, diagonal in steps(itertools.product(settings.neurons, MATCHED_AND_SCALED)):
        A = draw_network("clustered", n, None, network_seed)
        P = keep_probabilities(synapse_scores(A), keep=settings.keep)
        rng = np.random.default_rng(pruning_seed)
        total, done, epsilon = np.zeros_like(A), 0, []
        for count in settings.draws:
            for _ in range(done, count):
                total += sample_synapses(A, P, diagonal=diagonal, rng=rng).toarray()
            done = count
            epsilon.append(spectral_epsilon(A, total / count))
        rows.append(
            {
                "seed": seed,
                "neurons": n,
                "diagonal": diagonal,
                "draws": settings.draws,
                "epsilon": epsilon,
            }
        )
    return rows
