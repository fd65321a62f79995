"""Dependent coins and the deterministic method: each keeps what it promises."""

import collections

import numpy as np
import pytest

import noiseprune as npr
from replication import sparsifiers

CLUSTERED = npr.add_leak(npr.clustered((30, 6, 24), long_range=150, rng=0))
NETWORKS = {
    "complete": npr.add_leak(1 - np.eye(40), excess=0.1),
    "signed": CLUSTERED,
    "plane": npr.add_leak(npr.spatial(60, 20, negative=0.2, rng=1), excess=0.5),
}


def probabilities(A, keep=0.3):
    return npr.keep_probabilities(npr.synapse_scores(A), keep=keep)


def kept_pairs(pruned, i, j):
    return pruned.toarray()[i, j] != 0


@pytest.mark.parametrize("sample", [sparsifiers.systematic, sparsifiers.cycle_walk])
def test_each_pair_has_its_probability_and_every_excess_leak_is_kept(sample):
    """600 draws; 170 pairs, each within 5 standard errors: 1 false alarm in 10,000."""
    A = npr.add_leak(npr.clustered((12, 8), density=0.8, long_range=30, rng=2), excess=0.2)
    P = probabilities(A)
    i, j, w, p = sparsifiers.pairs(A, P)
    rng, draws = np.random.default_rng(0), 600
    count = np.zeros(i.size)
    for _ in range(draws):
        pruned = sample(A, P, rng=rng)
        kept = kept_pairs(pruned, i, j)
        count += kept
        assert np.allclose(pruned.toarray()[i, j][kept], (w / p)[kept])
        assert np.allclose(pruned.sum(axis=1) + 2 * negative_input(pruned), -0.2)
    assert np.all(np.abs(count / draws - p) <= 5 * np.sqrt(p * (1 - p) / draws) + 1e-12)


def negative_input(A):
    W = A.toarray()
    np.fill_diagonal(W, 0)
    return np.maximum(-W, 0).sum(axis=1)


def test_systematic_rows_have_their_number_of_pairs():
    P = probabilities(CLUSTERED)
    pruned = sparsifiers.systematic(CLUSTERED, P, rng=3)
    expected = np.triu(P.toarray(), 1).sum(axis=1)
    found = np.count_nonzero(np.triu(pruned.toarray(), 1), axis=1)
    assert np.all(np.abs(found - expected) < 1)


def test_a_signed_cycle_changes_the_total_of_no_neuron():
    i, j, _, _ = sparsifiers.pairs(CLUSTERED, probabilities(CLUSTERED))
    ends = list(zip(i.tolist(), j.tolist(), strict=True))
    open_at = [np.flatnonzero((i == k) | (j == k)).tolist() for k in range(60)]
    draw = sparsifiers._numbers(np.random.default_rng(0))
    lengths = set()
    for start in range(60):
        cycle = sparsifiers._even_cycle(start, ends, open_at, [True] * i.size, draw)
        change = collections.Counter()
        for e, sign in cycle.items():
            for neuron in ends[e]:
                change[neuron] += sign
        assert not any(change.values())
        lengths.add(len(cycle))
    assert max(lengths) > 3


def test_the_walk_ends_on_trees_and_odd_cycles():
    for pairs in ([(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2), (2, 0)], [(0, 1), (2, 3)]):
        W = np.zeros((4, 4))
        W[tuple(np.transpose(pairs))] = 1.0
        A = npr.add_leak(W + W.T, excess=1.0)
        kept = np.array(
            [sparsifiers.cycle_walk(A, (W + W.T) / 2, rng=k).nnz - 4 for k in range(200)]
        )
        assert abs(kept.mean() - len(pairs)) < 5 * np.sqrt(len(pairs) / 200)


def test_totals_change_less_along_cycles():
    A = npr.add_leak(npr.clustered((75, 15, 60), long_range=375, rng=4))
    P = probabilities(A, keep=0.2)
    change = {
        sample: np.linalg.norm(sample(A, P, rng=5).diagonal() / A.diagonal() - 1)
        for sample in (npr.sample_synapses, sparsifiers.cycle_walk)
    }
    assert change[sparsifiers.cycle_walk] < change[npr.sample_synapses] / 2


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("d", [2, 6.25])
def test_the_barriers_hold(name, d):
    """Theorem 3.1 of Batson, Spielman & Srivastava (2012)."""
    A = NETWORKS[name]
    pruned = sparsifiers.barrier(A, d)
    mu = sparsifiers.relative_eigenvalues(A, pruned)
    root = np.sqrt(d)
    assert mu[0] > 0
    assert mu[-1] / mu[0] <= ((root + 1) / (root - 1)) ** 2
    assert mu[-1] + mu[0] == pytest.approx(2)  # the best common factor
    dense = A if isinstance(A, np.ndarray) else A.toarray()
    i, j = np.nonzero(np.triu(pruned.toarray(), 1))
    assert i.size <= d * len(dense) + 1
    assert np.all(pruned.toarray()[i, j] * dense[i, j] > 0)  # only synapses, none changes sign


@pytest.mark.parametrize("d", [1, 0.5, np.inf])
def test_the_method_needs_more_than_a_tree(d):
    with pytest.raises(ValueError, match="d must"):
        sparsifiers.barrier(CLUSTERED, d)


def test_relative_eigenvalues_hold_the_worst_error():
    pruned = npr.noise_prune(CLUSTERED, 0.5, rng=0).A
    mu = sparsifiers.relative_eigenvalues(CLUSTERED, pruned)
    assert max(mu[-1] - 1, 1 - mu[0]) == pytest.approx(npr.spectral_epsilon(CLUSTERED, pruned))
