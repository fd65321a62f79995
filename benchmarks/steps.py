"""The steps that are measured: the package, the baseline and the floor, on the same input.

A step is a function from a size to a `Step`. Sizes are those of the paper; small ones serve
`--quick` and the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg

import noiseprune as npr
from benchmarks import baseline
from replication import experiments, recorded
from replication.experiments.spectrum import MEASURES
from replication.result import streams


@dataclass(frozen=True)
class Step:
    """One line of the table, or several methods against one baseline.

    `times` says how often the baseline's time counts, where it runs a part of the work.
    `difference` compares a result with the baseline's: relative to its size, 0 is equal.
    """

    neurons: int
    methods: dict  # name -> function
    faster: dict = field(default_factory=dict)  # name -> least ratio to the baseline
    baseline: Callable | None = None
    times: int = 1
    floor: Callable | None = None
    above_floor: float | None = None  # largest ratio to the floor
    difference: dict = field(default_factory=dict)  # name -> function of result and baseline's
    tolerance: dict = field(default_factory=dict)  # name -> largest difference, without it 1e-6
    seconds: float | None = None  # most that may be taken
    gib: float | None = None
    note: str = ""


def relative(result, other):
    """Largest difference, relative to the largest number."""
    return float(np.abs(result - other).max() / np.abs(other).max())


def paper_sizes(n):
    """Clusters of the paper's network, scaled to n neurons: nine tenths in one of them."""
    return (n - 3 * (n // 30), *3 * (n // 30,))


def network(n):
    """Dynamics matrix of the paper's network with about n neurons."""
    return npr.add_leak(npr.clustered(paper_sizes(n), long_range=5 * n // 3, rng=0))


def cholesky_inverse(A):
    """The bare LAPACK calls of an inverse: Cholesky factor, then inverse of one triangle."""
    M = np.negative(A).T
    factor, _ = linalg.lapack.dpotrf(M, lower=1, clean=0, overwrite_a=1)
    return linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)[0]


def clustered(n):
    """Draw the clustered network."""
    sizes, long_range = paper_sizes(n), 5 * n // 3
    return Step(
        n,
        {"clustered": lambda: npr.clustered(sizes, long_range=long_range, rng=0)},
        {"clustered": 20},
        lambda: baseline.clustered(sizes, long_range=long_range),
        difference={"clustered": relative},
        tolerance={"clustered": 1e-12},
    )


def symmetric(n):
    """Covariance and probabilities of a symmetric network."""
    A = network(n)

    def plain():
        return baseline.probabilities(A, baseline.covariance(A), 0.1)

    return Step(
        n,
        {"symmetric": lambda: npr.keep_probabilities(npr.synapse_scores(A), keep=0.1)},
        {"symmetric": 5},
        plain,
        floor=lambda: cholesky_inverse(A),
        above_floor=1.5,
        difference={"symmetric": lambda P, plain: relative(P.toarray(), plain)},
        tolerance={"symmetric": 1e-8},
        note="floor: Cholesky factor and inverse",
    )


def general(n):
    """Covariance of a network without symmetry."""
    sizes = (n // 2, n // 10, n - n // 2 - n // 10)
    W = npr.clustered(sizes, long_range=5 * n // 2, symmetric=False, rng=0)
    A = npr.add_leak(W, excess=0.05)

    def backward_error(C, _):
        residual = A @ C + C @ A.T + np.eye(n)
        return np.linalg.norm(residual, 2) / (np.linalg.norm(A, 2) * np.linalg.norm(C, 2))

    return Step(
        n,
        {"general": lambda: npr.stationary_covariance(A, structure="general")},
        {"general": 7},
        lambda: linalg.solve_continuous_lyapunov(A, -np.eye(n)),
        floor=lambda: A @ A,
        difference={"general": backward_error},
        tolerance={"general": 1e-13},
        note="baseline: SciPy's solve_continuous_lyapunov; floor: one product; backward error",
    )


def spectra(n):
    """Compare the spectra of three pruned networks with that of the original."""
    A = network(n)
    C = npr.stationary_covariance(A)
    pruned = [npr.noise_prune(A, 0.03, rule=rule, C=C, rng=1).A for rule in npr.pruning.RULES]

    def ours():
        eigenpairs = np.linalg.eigh(A)
        return [npr.compare_spectra(A, A_sparse, eigenpairs=eigenpairs) for A_sparse in pruned]

    def floor():
        np.linalg.eigh(A)
        for A_sparse in pruned:
            np.linalg.eigvalsh(A_sparse.toarray())

    def difference(ours, plain):
        first = ours[0]
        measures = (first.eigenvalue_error, first.quadratic_form_error, first.alignment)
        return max(map(relative, measures, plain))

    return Step(
        n,
        {"spectra": ours},
        {"spectra": 5},
        lambda: baseline.compare_spectra(A, pruned[0].toarray()),
        times=3,
        floor=floor,
        above_floor=1.3,
        difference={"spectra": difference},
        note="baseline: one of the three networks, time x 3; floor: the 4 eigendecompositions",
    )


def simulations(n, steps=recorded.LAB_STEPS, columns=recorded.LAB_SIMULATIONS):
    """Simulate a network and two pruned ones under the same noise, or do without by a formula."""
    sizes = (n // 2, n // 10, n - n // 2 - n // 10)
    A = npr.add_leak(npr.clustered(sizes, long_range=5 * n // 2, rng=0))
    pruned = [
        npr.noise_prune(A, recorded.LAB_KEEP, rule=rule, rng=1).A for rule in ("noise", "weight")
    ]
    x0 = np.random.default_rng(2).uniform(0, 1, (n, columns))
    options = {
        "dt": recorded.LAB_DT,
        "b": recorded.INPUT,
        "sigma": recorded.LAB_SIGMA,
        "every": 100,
    }
    times = options["dt"] * np.arange(0, steps + 1, options["every"])
    rng = np.random.default_rng(3)
    first = np.stack([rng.standard_normal((n, columns))[:, 0] for _ in range(steps)])
    dense = [A, *(A_sparse.toarray() for A_sparse in pruned)]

    def sampled():
        return [npr.simulate(B, x0=x0, steps=steps, rng=3, **options) for B in (A, *pruned)]

    def closed():
        eigenpairs = np.linalg.eigh(A)
        given = {"x0": x0, "b": options["b"], "sigma": options["sigma"], "eigenpairs": eigenpairs}
        return np.array([npr.trajectory_error(A, B, times, **given) for B in pruned])

    def plain():
        return [baseline.simulate(B, x0[:, 0], first, **options) for B in dense]

    def difference(ours, plain):
        return max(relative(x[:, :, 0], y) for x, y in zip(ours, plain, strict=True))

    def error_difference(formula, plain):
        # The mean over the noise and over 20 initial states against one simulation: alike only.
        x = plain[0]
        sampled = np.array([np.linalg.norm(x - y, axis=1) for y in plain[1:]])
        return relative(formula, sampled / np.linalg.norm(x, axis=1))

    return Step(
        n,
        {"sampled": sampled, "closed form": closed},
        {"sampled": 4, "closed form": 50},
        plain,
        times=columns,
        difference={"sampled": difference, "closed form": error_difference},
        tolerance={"sampled": 1e-10, "closed form": 0.5},
        note=f"baseline: one of {columns} simulations of each network, time x {columns}; "
        "the closed form is an exact mean over the noise, so one simulation is only close to it",
    )


def chapter_8(n):
    """One seed of the experiment of chapter 8: from drawing the network to all its measures."""
    settings = experiments.SpectrumSettings(
        sizes=paper_sizes(n),
        long_range=5 * n // 3,
        keep=(0.1,),
        rules=("noise", "weight", "uniform"),
        seeds=(0,),
    )

    def difference(rows, plain):
        names = [f"{m}_median_size" for m in MEASURES] + ["epsilon"]
        return relative(np.array([[row[name] for name in names] for row in rows]), plain)

    return Step(
        n,
        {"chapter 8": lambda: experiments.spectra.one_seed(settings, 0)},
        {"chapter 8": 8},
        lambda: baseline.spectrum_experiment(
            settings.sizes, 0.1, settings.rules, streams(0, 2), long_range=settings.long_range
        ),
        difference={"chapter 8": difference},
        note="one fraction kept (0.1), three rules",
    )


def largest(n):
    """N = 10,000, kept 0.03, all four rules: spectra, worst case, ten simulations of each."""
    settings = experiments.TenThousandSettings(
        sizes=(n - 10 * (n // 100), *10 * (n // 100,)),
        long_range=n // 2,
        rules=npr.pruning.RULES,
        seeds=(0,),
    )
    return Step(
        n,
        {"largest": lambda: experiments.ten_thousand.one_seed(settings, 0)},
        seconds=20 * 60,
        gib=10.0,
    )


# Name: function, size of the paper, size for a quick look.
STEPS = {
    "clustered": (clustered, 3000, 300),
    "symmetric": (symmetric, 3000, 300),
    "general": (general, 2000, 200),
    "spectra": (spectra, 3000, 300),
    "simulations": (simulations, 2000, 100),
    "chapter_8": (chapter_8, 3000, 300),
    "largest": (largest, 10_000, 1000),
}
