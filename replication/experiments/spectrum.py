"""Does the spectrum survive? Book, "Three measures"; in numbers, "Figure 1 of the paper"."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import linalg as splinalg

from noiseprune import _checks
from noiseprune._matrix import row_indices, synapses
from noiseprune.covariance import stationary_covariance
from noiseprune.networks import add_leak, clustered
from noiseprune.pruning import (
    keep_probabilities,
    noise_prune,
    sample_synapses,
    synapse_scores,
)
from noiseprune.spectrum import compare_spectra, spectral_epsilon
from replication import recorded
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

MEASURES = ("eigenvalue_error", "quadratic_form_error", "alignment")
PERCENTILES = tuple(range(0, 101, 5))


@dataclass(frozen=True)
class NetworkSettings:
    """Which clustered networks to draw, and with which seeds."""

    sizes: tuple = recorded.LAB_SIZES
    density: float = recorded.DENSITY
    long_range: int = recorded.LONG_RANGE
    seeds: tuple = tuple(range(10))

    def draw(self, seed):
        """Return the dynamics matrix A for one seed, every excess leak 0."""
        rng = streams(seed, 1)[0]
        W = clustered(self.sizes, density=self.density, long_range=self.long_range, rng=rng)
        return add_leak(W)

    def clusters(self):
        """Return the cluster of every neuron."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


@dataclass(frozen=True)
class SpectrumSettings(NetworkSettings):
    """`spectra`: fractions kept, rules, and how many of the slowest modes to keep singly."""

    keep: tuple = (0.5, 0.2, 0.1, 0.05, 0.03)
    rules: tuple = ("noise", "weight", "uniform", "leak")
    slow: int = 20


@dataclass(frozen=True)
class LabRecordSettings(NetworkSettings):
    """`lab_record`: the lab notebook's run, with its order of normalising and clipping."""

    keep: float = recorded.LAB_KEEP
    seeds: tuple = tuple(range(40))


@dataclass(frozen=True)
class ImportantSettings(NetworkSettings):
    """`important_synapses`: the fraction kept, and what counts as exceptionally strong."""

    keep: float = recorded.LAB_KEEP
    strongest: float = 0.001


@experiment(
    quick="spectrum_lab",
    spectrum_lab=SpectrumSettings(),
    spectrum_paper=SpectrumSettings(sizes=recorded.PAPER_SIZES, keep=(0.2, 0.1, 0.05, 0.03)),
)
def spectra(settings, seed):
    """Compare the spectrum of clustered networks before and after pruning.

    Returns
    -------
    list of dict
        Rows by seed, keep and rule: synapses kept, percentiles of the three measures over all
        modes and their values on the slowest, `epsilon`, and the largest eigenvalue with either
        diagonal.

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.SpectrumSettings(
    ...     sizes=(40, 20), long_range=60, seeds=(0,), keep=(0.5,), rules=("noise",), slow=3
    ... )
    >>> result = experiments.spectra(small, progress=False)
    >>> [row["rule"] for row in result.rows]
    ['noise']
    """
    A = settings.draw(seed)
    pruning_seed = streams(seed, 2)[1]
    eigenpairs = np.linalg.eigh(A)
    C = stationary_covariance(A)
    rows = []
    for keep, rule in steps(itertools.product(settings.keep, settings.rules)):
        pruned = noise_prune(A, keep, rule=rule, C=C, rng=pruning_seed)
        comparison = compare_spectra(A, pruned.A, eigenpairs=eigenpairs)
        row = {
            "seed": seed,
            "keep": keep,
            "rule": rule,
            "synapses": pruned.probabilities.nnz,
            "kept": pruned.kept.nnz,
            "epsilon": spectral_epsilon(A, pruned.A),
            "largest_eigenvalue": comparison.eigenvalues_sparse[-1],
            "largest_eigenvalue_original_diagonal": _largest_with_diagonal(pruned.A, A.diagonal()),
        }
        for measure in MEASURES:
            values = getattr(comparison, measure)
            row[f"{measure}_percentiles"] = np.percentile(values, PERCENTILES)
            row[f"{measure}_slow"] = values[-settings.slow :]
            row[f"{measure}_median_size"] = np.median(np.abs(values))
        rows.append(row)
    return rows


def _largest_with_diagonal(A, diagonal):
    """Return the largest eigenvalue of a sparse A after its diagonal is replaced."""
    replaced = A + sparse.diags_array(diagonal - A.diagonal())
    start = np.random.default_rng(0).standard_normal(len(diagonal))
    return splinalg.eigsh(replaced, k=1, which="LA", v0=start, return_eigenvectors=False)[0]


@experiment(quick="lab_record", lab_record=LabRecordSettings())
def lab_record(settings, seed):
    """Count what the lab notebook recorded: eigenvalue range, synapses kept, largest rescale.

    The probabilities are normalised first and clipped after, as in the lab code.

    Returns
    -------
    list of dict
        Rows by seed and rule.

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.LabRecordSettings(sizes=(40, 20), long_range=60, seeds=(0,))
    >>> [row["rule"] for row in experiments.lab_record(small, progress=False).rows]
    ['noise', 'weight']
    """
    A = settings.draw(seed)
    pruning_seed = streams(seed, 2)[1]
    eigenvalues = linalg.eigvalsh(A)
    rows = []
    for rule in ("noise", "weight"):
        S = synapse_scores(A, rule=rule)
        P = keep_probabilities(S, keep=settings.keep, normalise="clipped")
        kept = synapses(sample_synapses(A, P, rng=pruning_seed))
        rows.append(
            {
                "seed": seed,
                "rule": rule,
                "smallest_eigenvalue": eigenvalues[0],
                "largest_eigenvalue": eigenvalues[-1],
                "synapses": S.nnz,
                "kept": kept.nnz,
                "kept_fraction": kept.nnz / S.nnz,
                "expected_fraction": P.data.sum() / S.nnz,
                "largest_rescale": np.max(kept.data / A[row_indices(kept), kept.indices]),
            }
        )
    return rows


@experiment(
    quick="important_synapses",
    important_synapses=ImportantSettings(),
    important_synapses_paper=ImportantSettings(sizes=recorded.PAPER_SIZES),
)
def important_synapses(settings, seed):
    """Measure whether the rule finds the synapses that matter (Figure 1 of the paper).

    Returns
    -------
    list of dict
        Rows by seed and rule: the median probability of synapses between clusters, of the
        exceptionally strong ones inside clusters, and of all the others; `auc_*`, the probability
        that such a synapse scores higher than an ordinary one; and the mean correlation of
        neurons inside a cluster and across.

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.ImportantSettings(
    ...     sizes=(40, 20), long_range=60, seeds=(0,), strongest=0.05
    ... )
    >>> noise, weight = experiments.important_synapses(small, progress=False).rows
    >>> noise["auc_between"] > weight["auc_between"]
    True
    """
    _checks.number(settings.strongest, "strongest", low=0, low_open=True, high=0.5)
    A = settings.draw(seed)
    C = stationary_covariance(A)
    cluster = settings.clusters()
    deviation = np.sqrt(C.diagonal())
    correlation = C / np.outer(deviation, deviation)
    same = cluster[:, None] == cluster
    inside = (correlation[same].sum() - len(C)) / (same.sum() - len(C))
    across = correlation[~same].mean()
    rows = []
    for rule in ("noise", "weight"):
        S = synapse_scores(A, rule=rule, C=C)
        p = keep_probabilities(S, keep=settings.keep).data
        row_of, col_of = row_indices(S), S.indices
        between = cluster[row_of] != cluster[col_of]
        size = np.abs(A[row_of, col_of])
        strong = ~between & (size >= np.quantile(size[~between], 1 - settings.strongest))
        ordinary = ~between & ~strong
        rows.append(
            {
                "seed": seed,
                "rule": rule,
                "correlation_inside": inside,
                "correlation_across": across,
                "between": np.count_nonzero(between),
                "strong": np.count_nonzero(strong),
                "median_p_between": np.median(p[between]),
                "median_p_strong": np.median(p[strong]),
                "median_p_ordinary": np.median(p[ordinary]),
                "always_kept_between": np.mean(p[between] == 1),
                "always_kept_strong": np.mean(p[strong] == 1),
                "auc_between": _chance_higher(S.data[between], S.data[ordinary]),
                "auc_strong": _chance_higher(S.data[strong], S.data[ordinary]),
            }
        )
    return rows


def _chance_higher(scores, others):
    """Return the probability that one of `scores` is above one of `others`; ties count half."""
    others = np.sort(others)
    below = np.searchsorted(others, scores, side="left")
    up_to = np.searchsorted(others, scores, side="right")
    return float(np.mean(below + up_to) / (2 * others.size))
