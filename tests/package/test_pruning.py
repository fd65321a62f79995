"""The rule: scores, probabilities, sampling, and what pruning leaves untouched."""

import dataclasses
import itertools
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse, stats

import noiseprune as npr

RULES = ["noise", "leak", "weight", "uniform"]
DIAGONALS = ["matched", "original"]


# Every signed pair has excess leak 0 but the balance is broken: by 1e-15, so that it is singular.
CORNERS = np.eye(6, k=5) + np.eye(6, k=-5)
FRUSTRATED = npr.add_leak(np.ones((6, 6)) - np.eye(6) - (1 + 1e-15) * CORNERS)


def off_diagonal(A):
    A = A.toarray() if sparse.issparse(A) else A
    return A - np.diag(A.diagonal())


def four_neurons(symmetric):
    """Four neurons, six pairs or six directed synapses, no two weights alike, both signs."""
    W = np.array([[0, 1.5, -0.7, 0.4], [0, 0, 2.0, -1.1], [0, 0, 0, 0.9], [0, 0, 0, 0]])
    if symmetric:
        return npr.add_leak(W + W.T, excess=[0.2, 0.0, 0.5, 0.1])
    return npr.add_leak(W, excess=0.2)


# ---------------------------------------------------------------- scores


@given(st.integers(2, 8), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_scores_of_all_rules(network, n, seed, symmetric, as_sparse):
    A = network(n, seed=seed, symmetric=symmetric, density=1.0)
    container = sparse.csc_array(A) if as_sparse else A
    W = off_diagonal(A)
    V = npr.synapse_variances(A, npr.stationary_covariance(A)).toarray()
    alone = 1 / np.add.outer(-A.diagonal(), np.zeros(n))  # 2 Var(x_i) without synapses
    expected = {
        "noise": np.abs(W) * V,
        "leak": np.abs(W) * (alone + alone.T) / 2,
        "weight": np.abs(W),
        "uniform": W != 0,
    }
    for rule in RULES:
        S = npr.synapse_scores(container, rule=rule)
        assert isinstance(S, sparse.csr_array)
        assert S.nnz == np.count_nonzero(W)
        assert np.allclose(S.toarray(), expected[rule], rtol=1e-10, atol=0)


def test_the_default_rule_is_noise_with_the_exact_covariance_at_unit_noise(network):
    A = network(10, symmetric=False)
    S = npr.synapse_scores(A)
    assert np.array_equal(S.toarray(), npr.synapse_scores(A, rule="noise").toarray())
    C = npr.stationary_covariance(A, sigma=3.0)
    assert np.allclose(npr.synapse_scores(A, C=C).toarray(), 9 * S.toarray(), rtol=1e-12)


def test_leak_scores_by_hand():
    A = [[-2.0, 3.0, 0], [-1.0, -4.0, 0.5], [0, 0, -1.0]]
    S = npr.synapse_scores(A, rule="leak").toarray()
    assert np.allclose(S, [[0, 3 * 0.375, 0], [0.375, 0, 0.5 * 0.625], [0, 0, 0]], rtol=1e-15)


@pytest.mark.parametrize("symmetric", [True, False])
def test_noise_scores_are_leak_scores_where_noise_does_not_spread(network, symmetric):
    A = network(12, symmetric=symmetric)
    A = A - np.diag(np.arange(12.0))
    W, D = off_diagonal(A), np.diag(A.diagonal())
    gap = []
    for scale in (1e-2, 1e-4):
        noise, leak = (npr.synapse_scores(D + scale * W, rule=r).data for r in ("noise", "leak"))
        gap.append(np.abs(noise / leak - 1).max())
    assert gap[0] < 0.05  # the relative difference is of the order of the weights over the leaks
    assert gap[1] < 0.011 * gap[0]


def test_leak_scores_of_a_large_sparse_network_are_sparse():
    A = npr.add_leak(npr.random_graph(100_000, 6, rng=0), excess=0.1)
    S = npr.synapse_scores(A, rule="leak")
    assert S.nnz == A.nnz - 100_000
    # Each neuron adds its total input over its leak: 1 - excess / leak.
    assert S.sum() == pytest.approx(np.sum(1 - 0.1 / -A.diagonal()), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("density", [0.3, 1.0])
def test_noise_scores_are_half_the_leverages(network, leverages, seed, density):
    A = network(12, seed=seed, density=density)
    assert np.allclose(2 * npr.synapse_scores(A).toarray(), leverages(A), rtol=1e-10)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("c", [1e-5, 3.0, 1e4])
def test_noise_scores_have_no_units(network, symmetric, c):
    A = network(10, symmetric=symmetric)
    assert np.allclose(
        npr.synapse_scores(c * A).toarray(), npr.synapse_scores(A).toarray(), rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("rule", RULES)
def test_relabelling_neurons_relabels_scores_and_probabilities(network, rule, symmetric):
    A = network(11, seed=4, symmetric=symmetric)
    order = np.random.default_rng(4).permutation(11)
    S = npr.synapse_scores(A, rule=rule)
    relabelled = npr.synapse_scores(A[np.ix_(order, order)], rule=rule)
    assert np.allclose(relabelled.toarray(), S.toarray()[np.ix_(order, order)], rtol=1e-10)
    P = npr.keep_probabilities(S, keep=0.3).toarray()
    assert np.allclose(
        npr.keep_probabilities(relabelled, keep=0.3).toarray(), P[np.ix_(order, order)], rtol=1e-9
    )


def test_turning_the_sign_of_neurons_changes_no_score(network):
    """x_i -> -x_i turns excitation of i into inhibition; the rule sees the same network."""
    A = network(11, seed=5)
    sign = np.random.default_rng(5).choice([-1, 1], 11)
    turned = sign[:, None] * A * sign
    assert np.allclose(
        npr.synapse_scores(turned).toarray(), npr.synapse_scores(A).toarray(), rtol=1e-12
    )


def test_float32_integers_and_explicit_zeros(network):
    A = network(8)
    exact = npr.synapse_scores(A.astype(np.float32).astype(float)).toarray()
    assert np.array_equal(npr.synapse_scores(A.astype(np.float32)).toarray(), exact)
    stored_zero = sparse.csr_array(
        ([-2, 1, 0, 1, -2, -1], ([0, 0, 0, 1, 1, 2], [0, 1, 2, 0, 1, 2]))
    )
    assert npr.synapse_scores(stored_zero, rule="uniform").nnz == 2
    duplicates = sparse.coo_array(
        ([-2, 0.5, 0.5, 1, -2], ([0, 0, 0, 1, 1], [0, 1, 1, 0, 1])), shape=(2, 2)
    )
    assert npr.synapse_scores(duplicates, rule="weight").toarray().tolist() == [[0, 1], [1, 0]]
    unmerged = sparse.csr_array(([-2, 0.5, 0.5, 1, -2], [0, 1, 1, 0, 1], [0, 3, 5]), shape=(2, 2))
    assert npr.synapse_scores(unmerged, rule="weight").toarray().tolist() == [[0, 1], [1, 0]]
    assert unmerged.nnz == 5


@pytest.mark.parametrize(
    ("A", "options", "error", "message"),
    [
        (-np.eye(4), {}, ValueError, "zero synapses"),
        (sparse.csr_array(-np.eye(4)), {"rule": "weight"}, ValueError, "zero synapses"),
        ([[-1, 0.5], [0.5, -1]], {"rule": "magnitude"}, ValueError, "rule.*'weight'.*'magnitude'"),
        ([[-1, 0.5], [0.5, -1]], {"C": np.eye(3)}, ValueError, "C .*shape"),
        ([[-1, 0.5], [0.5, -1]], {"C": [[1, 0.5], [0, 1]]}, ValueError, "C .*symmetric"),
        ([[-1, 0.5], [0.5, -1]], {"C": [[1, 2], [2, 1]]}, ValueError, "C .*semidefinite"),
        ([[-1, 0.5], [0.5, -1]], {"C": "exact"}, TypeError, "C"),
        ([[-1, 1.5], [1.5, -1]], {}, ValueError, "unstable"),
        (FRUSTRATED, {}, ValueError, "singular"),
        ([[1.0, 0.5], [0.5, -1]], {}, ValueError, "positive diagonal"),
        ([[-1, 0.5], [0.5, 0]], {"rule": "leak"}, ValueError, "positive leak.*neuron 1"),
        ([[0, 0], [1.0, -1]], {"rule": "leak"}, ValueError, "positive leak.* 0 of neuron 0"),
        (sparse.csr_array([[2, 1], [1, -1]]), {"rule": "leak"}, ValueError, "neuron 0"),
        (-np.ones((2, 3)), {}, ValueError, "square"),
        ([[-1, np.nan], [0.5, -1]], {"rule": "weight"}, ValueError, "finite"),
        (None, {}, TypeError, "A"),
        ("A.npy", {}, TypeError, "A"),
    ],
)
def test_synapse_scores_say_what_is_wrong(A, options, error, message):
    with pytest.raises(error, match=message):
        npr.synapse_scores(A, **options)


# ---------------------------------------------------------------- probabilities


def scores_of(values):
    """Scores on the first synapses of a network, row by row."""
    n = int(np.ceil((1 + np.sqrt(1 + 4 * len(values))) / 2))
    place = [(i, j) for i in range(n) for j in range(n) if i != j][: len(values)]
    rows, columns = np.transpose(place)
    return sparse.csr_array((values, (rows, columns)), shape=(n, n))


positive_scores = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=40)


@given(positive_scores, st.floats(1e-3, 1.0))
def test_exact_calibration_meets_every_target(values, keep):
    S = scores_of(values)
    P = npr.keep_probabilities(S, keep=keep)
    assert P.sum() == pytest.approx(keep * S.nnz, abs=1e-9)
    assert P.data.max() <= 1
    assert P.data.min() > 0
    # What is below 1 is proportional to the score, and what is clipped has the largest scores.
    free = P.data < 1
    if free.any():
        K = P.data[free] / S.data[free]
        assert np.allclose(K, K[0], rtol=1e-9)
        assert np.all(K[0] * S.data[~free] >= 1 - 1e-9)
    assert np.array_equal(P.indices, S.indices)
    assert np.array_equal(P.indptr, S.indptr)


@given(positive_scores, st.floats(1e-3, 1.0))
def test_the_labs_order_never_keeps_more(values, keep):
    S = scores_of(values)
    clipped = npr.keep_probabilities(S, keep=keep, normalise="clipped")
    exact = npr.keep_probabilities(S, keep=keep)
    normalised = keep * S.nnz * S.data / S.data.sum()
    assert np.allclose(clipped.data, np.minimum(1, normalised), rtol=1e-12)
    assert clipped.sum() <= exact.sum() + 1e-9
    if normalised.max() > 1 + 1e-9 and keep * S.nnz < S.nnz:
        assert clipped.sum() < exact.sum()
    elif normalised.max() <= 1:
        assert np.allclose(clipped.data, exact.data, rtol=1e-9)


@given(positive_scores, st.floats(1e-3, 0.5), st.floats(1e-3, 1e3))
def test_probabilities_grow_with_the_target_and_ignore_the_unit_of_the_scores(values, keep, unit):
    S = scores_of(values)
    P = npr.keep_probabilities(S, keep=keep).data
    assert np.all(npr.keep_probabilities(S, keep=1.5 * keep).data >= P - 1e-12)
    assert np.allclose(npr.keep_probabilities(unit * S, keep=keep).data, P, rtol=1e-9, atol=0)


def test_keep_and_count_are_two_names_of_one_target_and_K_is_the_rule_itself():
    S = scores_of([1.0, 2.0, 3.0, 4.0])
    assert np.allclose(npr.keep_probabilities(S, count=2).data, [0.2, 0.4, 0.6, 0.8])
    assert np.allclose(npr.keep_probabilities(S, keep=0.5).data, [0.2, 0.4, 0.6, 0.8])
    assert np.allclose(npr.keep_probabilities(S, K=0.3).data, [0.3, 0.6, 0.9, 1.0])
    assert np.allclose(npr.keep_probabilities(S, count=3).data, [1 / 3, 2 / 3, 1, 1])
    assert np.allclose(
        npr.keep_probabilities(S, count=3, normalise="clipped").data, [0.3, 0.6, 0.9, 1]
    )
    assert np.allclose(npr.keep_probabilities(S, keep=1).data, 1.0)
    assert np.allclose(npr.keep_probabilities(S.toarray(), count=2).toarray(), 0.2 * S.toarray())


def test_scores_of_zero_keep_their_place_and_are_never_kept():
    S = scores_of([0.0, 2.0, 3.0, 0.0])
    P = npr.keep_probabilities(S, count=1)
    assert P.nnz == 4
    assert np.allclose(P.data, [0, 0.4, 0.6, 0])
    assert np.allclose(npr.keep_probabilities(S, count=2).data, [0, 1, 1, 0])
    # A fraction is one of the synapses that can be kept.
    assert np.allclose(npr.keep_probabilities(S, keep=0.5).data, [0, 0.4, 0.6, 0])
    assert np.allclose(npr.keep_probabilities(S, keep=1).data, [0, 1, 1, 0])


STORAGE = {
    "twice": lambda S: sparse.coo_array(([1, 1, 2], ([0, 0, 1], [1, 1, 0])), shape=(2, 2)),
    "twice, compressed": lambda S: sparse.csr_array(([1, 1, 2], [1, 1, 0], [0, 2, 3])),
    "padding": lambda S: sparse.bsr_array(S, blocksize=(2, 2)),
    "diagonal": lambda S: sparse.csr_array(S + np.eye(2)),
    "dense diagonal": lambda S: S + np.eye(2),
    "zero": lambda S: sparse.coo_array(([2, 2, 0], ([0, 1, 1], [1, 0, 1])), shape=(2, 2)),
    "columns": sparse.csc_array,
    "lists": sparse.lil_array,
    "nested": lambda S: S.tolist(),
}


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("target", [{"keep": 0.5}, {"count": 1}])
def test_a_synapse_counts_once_however_it_is_stored(storage, target):
    P = npr.keep_probabilities(STORAGE[storage](np.array([[0, 2.0], [2, 0]])), **target)
    assert P.toarray().tolist() == [[0, 0.5], [0.5, 0]]


def test_targets_and_probabilities_may_be_above_their_limit_by_rounding():
    S = scores_of([1.0, 2.0, 3.0])
    for target in ({"keep": 1 + 4e-13}, {"count": 3 * (1 + 4e-13)}):
        assert np.array_equal(npr.keep_probabilities(S, **target).data, [1, 1, 1])
    with pytest.raises(ValueError, match="keep must lie in"):
        npr.keep_probabilities(S, keep=1 + 2e-12)
    with pytest.raises(ValueError, match="count=3 is above"):
        npr.keep_probabilities(S, count=3 * (1 + 2e-12))
    A = np.array([[-3.0, 2], [2, -3]])
    above = np.array([[0, 1 + 4e-13], [1 + 4e-13, 0]])
    assert np.array_equal(npr.sample_synapses(A, above, rng=0).toarray(), A)
    with pytest.raises(ValueError, match=r"P must lie in \[0, 1\]"):
        npr.sample_synapses(A, np.array([[0, 1 + 2e-12], [1, 0]]), rng=0)


@pytest.mark.parametrize(("left", "exponent"), [(0.4, 8), (0.6, 8), (1e-9, 17)])
def test_a_few_large_scores_do_not_cost_the_others_their_digits(left, exponent):
    """1,000 scores of 1 share what three of 10^k leave; the difference of sums would lose it."""
    q = np.r_[np.full(3, 10.0**exponent), np.ones(1000)]
    P = npr.keep_probabilities(scores_of(q), count=3 + 1000 * left)
    assert np.allclose(P.data, np.r_[np.ones(3), np.full(1000, left)], rtol=1e-13)


def test_float32_scores_and_read_only_scores():
    S = scores_of([1.0, 2.0, 3.0, 4.0])
    assert np.allclose(
        npr.keep_probabilities(S.astype(np.float32), count=2).data, [0.2, 0.4, 0.6, 0.8]
    )
    S.data.flags.writeable = False
    npr.keep_probabilities(S, count=3)
    assert S.data.tolist() == [1, 2, 3, 4]


ONE = scores_of([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("S", "options", "error", "message"),
    [
        (ONE, {}, ValueError, "exactly one of keep, count and K"),
        (ONE, {"keep": 0.5, "count": 1}, ValueError, "exactly one of keep, count and K"),
        (ONE, {"keep": 0.5, "K": 1}, ValueError, "exactly one of keep, count and K"),
        (ONE, {"keep": 0.0}, ValueError, "keep must lie in"),
        (ONE, {"keep": -0.1}, ValueError, "keep must lie in"),
        (ONE, {"keep": 1.1}, ValueError, "keep must lie in"),
        (ONE, {"keep": np.nan}, ValueError, "keep must lie in"),
        (ONE, {"keep": "half"}, TypeError, "keep must be a number"),
        (ONE, {"count": 4}, ValueError, "count=4 is above the number of synapses, 3"),
        (ONE, {"count": 0}, ValueError, "count"),
        (ONE, {"count": -1}, ValueError, "count"),
        (ONE, {"K": 0}, ValueError, "K must lie in"),
        (ONE, {"K": -1.0}, ValueError, "K must lie in"),
        (ONE, {"K": np.inf}, ValueError, "K must lie in"),
        (ONE, {"keep": 0.5, "normalise": "roughly"}, ValueError, "normalise.*'clipped'.*'roughly'"),
        (scores_of([0.0, 2.0, 3.0]), {"count": 2.5}, ValueError, "only 2 have a positive score"),
        (scores_of([0.0, 0.0]), {"keep": 0.5}, ValueError, "score is 0"),
        (scores_of([0.0, 0.0]), {"keep": 0.5, "normalise": "clipped"}, ValueError, "score is 0"),
        (sparse.csr_array((3, 3)), {"keep": 0.5}, ValueError, "zero synapses"),
        (np.zeros((3, 3)), {"keep": 0.5}, ValueError, "zero synapses"),
        (scores_of([-1.0, 2.0]), {"keep": 0.5}, ValueError, "S.*negative"),
        (scores_of([np.nan, 2.0]), {"keep": 0.5}, ValueError, "S.*finite"),
        (np.ones((2, 3)), {"keep": 0.5}, ValueError, "S must be square"),
        (sparse.csr_array(np.ones((2, 3))), {"keep": 0.5}, ValueError, "S must be square"),
        (sparse.csr_array([[0, 1j], [0, 0]]), {"keep": 0.5}, ValueError, "S.*complex"),
        (None, {"keep": 0.5}, TypeError, "S must be an array"),
        ("scores", {"keep": 0.5}, TypeError, "S must be an array"),
    ],
)
def test_keep_probabilities_say_what_is_wrong(S, options, error, message):
    with pytest.raises(error, match=message):
        npr.keep_probabilities(S, **options)


# ---------------------------------------------------------------- sampling


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("diagonal", DIAGONALS)
def test_unbiased_by_enumeration_of_every_outcome(symmetric, diagonal):
    """All 2^E outcomes of four neurons, weighted with their probabilities, average to A exactly."""
    A = four_neurons(symmetric)
    rows, columns = np.nonzero(np.triu(A, 1) if symmetric else off_diagonal(A))
    p = np.linspace(0.45, 0.55, rows.size)
    P = np.zeros((4, 4))
    P[rows, columns] = p
    if symmetric:
        P += P.T
    rng = np.random.default_rng(0)
    draws, seen, outcomes = 2000, {}, {}
    for _ in range(draws):
        pruned = npr.sample_synapses(A, P, diagonal=diagonal, rng=rng).toarray()
        key = tuple(pruned[rows, columns] != 0)
        assert np.array_equal(outcomes.setdefault(key, pruned), pruned)
        seen[key] = seen.get(key, 0) + 1
    every_outcome = list(itertools.product([False, True], repeat=rows.size))
    chance = np.array([np.prod(np.where(key, p, 1 - p)) for key in every_outcome])
    assert chance.sum() == pytest.approx(1.0, abs=1e-12)
    mean = sum(c * outcomes[key] for c, key in zip(chance, every_outcome, strict=True))
    assert np.allclose(mean, A, rtol=0, atol=1e-13)
    # Draws are independent: the outcomes come as often as their chance says (chi-square test,
    # smallest expected number above 20, false-alarm rate 1e-4).
    counts = np.array([seen[key] for key in every_outcome])
    statistic = ((counts - draws * chance) ** 2 / (draws * chance)).sum()
    assert statistic < stats.chi2.isf(1e-4, len(every_outcome) - 1)


@pytest.mark.filterwarnings("ignore:the pruned network is unstable")
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("diagonal", DIAGONALS)
@pytest.mark.parametrize("rule", RULES)
def test_unbiased_in_the_mean_of_many_draws(network, rule, diagonal, symmetric):
    A = network(12, seed=2, symmetric=symmetric)
    rng = np.random.default_rng(3)
    draws = 600
    mean, square, kept = np.zeros((12, 12)), np.zeros((12, 12)), 0
    for _ in range(draws):
        pruned = npr.noise_prune(A, 0.4, rule=rule, diagonal=diagonal, rng=rng)
        dense = pruned.A.toarray()
        mean += dense / draws
        square += dense**2 / draws
        kept += pruned.kept_fraction / draws
    # Every entry within 5.5 standard errors (the exact variance w^2 (1/p - 1) off the diagonal, the
    # observed one on it): 144 entries, false-alarm rate below 1e-5.
    P = pruned.probabilities.toarray()
    variance = np.divide(A**2, P, out=np.zeros_like(A), where=P > 0) * (1 - P)
    np.fill_diagonal(variance, np.maximum(square - mean**2, 0).diagonal())
    assert np.all(np.abs(mean - A) <= 5.5 * np.sqrt(variance / draws) + 1e-11)
    # Kept fraction: sum of Bernoulli numbers, pairs counted twice when drawn once.
    spread = np.sqrt((2 if symmetric else 1) * (P * (1 - P)).sum()) / np.count_nonzero(P)
    assert kept == pytest.approx(0.4, abs=5 * spread / np.sqrt(draws))


@pytest.mark.filterwarnings("ignore:the pruned network is unstable")
@given(
    st.integers(2, 9),
    st.integers(0, 2**32 - 1),
    st.floats(0.05, 1.0),
    st.booleans(),
    st.sampled_from(RULES),
)
def test_what_a_pruned_network_is(network, excess_leak, n, seed, keep, symmetric, rule):
    A = network(n, seed=seed, symmetric=symmetric, density=1.0)
    pruned = npr.noise_prune(A, keep, rule=rule, rng=seed)
    P, kept = pruned.probabilities.toarray(), pruned.kept.toarray()
    W, W_sparse = off_diagonal(A), off_diagonal(pruned.A)
    assert isinstance(pruned.A, sparse.csr_array)
    assert kept.dtype == bool
    assert np.array_equal(kept, W_sparse != 0)
    assert np.allclose(W_sparse[kept], W[kept] / P[kept], rtol=1e-14)
    assert np.array_equal(np.sign(W_sparse[kept]), np.sign(W[kept]))
    assert pruned.kept_fraction == pytest.approx(kept.sum() / np.count_nonzero(W))
    S = npr.synapse_scores(A, rule=rule).toarray()
    assert np.allclose(P, np.minimum(1, pruned.K * S), rtol=1e-12)
    assert P.sum() == pytest.approx(keep * np.count_nonzero(W), abs=1e-9)
    if symmetric:
        assert np.array_equal(kept, kept.T)
        assert np.allclose(W_sparse, W_sparse.T, rtol=1e-9)
    # The matched diagonal keeps the excess leak to rounding.
    largest = max(np.abs(A).max(), np.abs(W_sparse).max())
    assert np.allclose(excess_leak(pruned.A), excess_leak(A), rtol=0, atol=1e-14 * n * largest)
    original = npr.noise_prune(A, keep, rule=rule, diagonal="original", rng=seed)
    assert np.array_equal(original.A.diagonal(), A.diagonal())
    assert np.array_equal(off_diagonal(original.A), W_sparse)


@given(st.integers(2, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_sparse_and_dense_inputs_give_the_same_draw(network, n, seed, symmetric):
    A = network(n, seed=seed, symmetric=symmetric, density=1.0)
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.5)
    dense = npr.sample_synapses(A, P.toarray(), rng=1).toarray()
    for container in (sparse.csr_array, sparse.csc_array, sparse.coo_array):
        drawn = npr.sample_synapses(container(A), container(P), rng=1).toarray()
        assert np.array_equal(drawn, dense)
    assert np.allclose(
        npr.noise_prune(sparse.csr_array(A), 0.5, rng=1).A.toarray(), dense, rtol=1e-9
    )


def test_the_same_seed_uses_the_same_uniforms_for_every_rule(network):
    """Then whatever one rule keeps is kept by the other too, where that gives it more chance."""
    A = network(30, seed=7)
    first, second = (npr.noise_prune(A, 0.4, rule=rule, rng=11) for rule in ("noise", "weight"))
    larger = second.probabilities.toarray() >= first.probabilities.toarray()
    assert larger.any()
    assert (~larger).any()
    assert np.all(second.kept.toarray()[first.kept.toarray() & larger])
    assert np.all(first.kept.toarray()[second.kept.toarray() & ~larger])
    again = npr.noise_prune(A, 0.4, rng=np.random.default_rng(11))
    assert np.array_equal(again.A.toarray(), first.A.toarray())
    assert npr.noise_prune(A, 0.4).kept_fraction > 0  # rng=None draws fresh


def test_asymmetric_probabilities_on_a_symmetric_network_are_drawn_one_by_one(network):
    A = network(12, density=1.0)
    P = np.where(np.triu(A, 1), 1.0, 0.5) * (off_diagonal(A) != 0)
    drawn = off_diagonal(npr.sample_synapses(A, P, rng=0))
    upper = np.triu_indices(12, 1)
    assert np.array_equal(drawn[upper], A[upper])
    assert 0 < np.count_nonzero(drawn.T[upper]) < len(upper[0])


def test_symmetry_up_to_rounding_does_not_pair_synapses_that_are_no_pair():
    """A synapse of 1e-15 in one direction only: A counts as symmetric, its pattern is not."""
    A = npr.add_leak([[0, 1, 1e-15], [1, 0, 1], [0, 1, 0]], excess=1.0)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="uniform"), keep=0.5)
    kept = sum(off_diagonal(npr.sample_synapses(A, P, rng=seed)) != 0 for seed in range(400))
    # Each of the five synapses is kept half of the time: 5 binomial standard deviations.
    assert np.all(np.abs(kept[P.toarray() > 0] - 200) <= 5 * 10)


def test_without_rescaling_what_is_kept_keeps_its_weight(network, excess_leak):
    A = network(15, seed=3)
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.4)
    plain = npr.sample_synapses(A, P, rescale=False, rng=2)
    kept = off_diagonal(plain) != 0
    assert np.array_equal(off_diagonal(plain)[kept], A[kept])
    assert np.array_equal(kept, off_diagonal(npr.sample_synapses(A, P, rng=2)) != 0)
    assert np.allclose(excess_leak(plain), excess_leak(A), rtol=0, atol=1e-12)


def test_probabilities_of_zero_and_missing_ones_are_fine_without_rescaling(network):
    A = network(8, density=1.0)
    P = np.zeros((8, 8))
    P[0, 1] = P[1, 0] = 1.0
    drawn = npr.sample_synapses(A, P, rescale=False, rng=0)
    assert np.count_nonzero(off_diagonal(drawn)) == 2
    empty = npr.sample_synapses(A, sparse.csr_array((8, 8)), rescale=False, rng=0)
    assert not off_diagonal(empty).any()


def test_probabilities_of_one_keep_everything(network):
    for symmetric in (True, False):
        A = network(9, symmetric=symmetric)
        P = (off_diagonal(A) != 0).astype(float)
        assert np.allclose(npr.sample_synapses(A, P, rng=0).toarray(), A, rtol=1e-14)
        assert np.allclose(npr.noise_prune(A, 1.0, rng=0).A.toarray(), A, rtol=1e-12)


def test_networks_without_a_synapse_stay_as_they_are():
    drawn = npr.sample_synapses(-np.eye(3), sparse.csr_array((3, 3)), rng=0)
    assert np.array_equal(drawn.toarray(), -np.eye(3))


def test_inputs_may_be_read_only_and_stay_as_they_are(network):
    A = network(9)
    C = npr.stationary_covariance(A)
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.5)
    compressed = sparse.csr_array(A)
    inputs = [A, C, P.data, P.indices, P.indptr, compressed.data, compressed.indices]
    before = [a.copy() for a in inputs]
    for a in inputs:
        a.flags.writeable = False
    for matrix in (A, compressed):
        npr.noise_prune(matrix, 0.5, C=C, rng=0)
        npr.sample_synapses(matrix, P, rng=0)
    for a, b in zip(inputs, before, strict=True):
        assert np.array_equal(a, b)


def test_a_pruned_network_is_frozen(network):
    pruned = npr.noise_prune(network(6, density=1.0), 0.5, rng=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pruned.K = 1.0


def test_a_measured_covariance_replaces_the_exact_one(network):
    A = network(10, seed=6)
    x = np.random.default_rng(0).multivariate_normal(
        np.zeros(10), npr.stationary_covariance(A), 500
    )
    C = npr.sample_covariance(x)
    pruned = npr.noise_prune(A, 0.4, C=C, rng=1)
    expected = npr.keep_probabilities(npr.synapse_scores(A, C=C), keep=0.4)
    assert np.allclose(pruned.probabilities.toarray(), expected.toarray(), rtol=1e-12)
    for rule in RULES[1:]:  # the controls do not look at the covariance
        same = (
            npr.noise_prune(A, 0.4, rule=rule, C=C, rng=1).A
            - npr.noise_prune(A, 0.4, rule=rule, rng=1).A
        )
        assert abs(same).max() == 0


PAIR = np.array([[-1.0, 0.5], [0.5, -1.0]])
HALF = np.array([[0.0, 0.5], [0.5, 0.0]])


def test_neurons_of_one_activity_are_said_to_be_it():
    A = npr.add_leak(np.ones((3, 3)) - np.eye(3), excess=1.0)
    C = np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 1.0]])
    with pytest.raises(ValueError, match=r"synapse \(0, 1\) is 0: the variance of the difference"):
        npr.noise_prune(A, 0.5, C=C)
    assert npr.noise_prune(A, 0.5, rule="leak", C=C, rng=0).kept.nnz


@pytest.mark.parametrize(
    ("A", "P", "options", "error", "message"),
    [
        (PAIR, 3 * HALF, {}, ValueError, r"P must lie in \[0, 1\]"),
        (PAIR, -HALF, {}, ValueError, r"P must lie in \[0, 1\]"),
        (PAIR, [[0, np.nan], [0.5, 0]], {}, ValueError, "P .*finite"),
        (PAIR, np.zeros((2, 2)), {}, ValueError, r"P is 0 on the synapse \(0, 1\).*rescale=False"),
        (PAIR, [[0, 0.5], [0, 0]], {}, ValueError, r"P is 0 on the synapse \(1, 0\)"),
        (PAIR, np.full((2, 2), 0.5), {}, ValueError, r"P has an entry at \(0, 0\).*no synapse"),
        ([[-1, 0.5], [0, -1]], HALF, {}, ValueError, r"P has an entry at \(1, 0\).*no synapse"),
        (-np.eye(2), HALF, {}, ValueError, r"P has an entry at \(0, 1\).*no synapse"),
        (PAIR, np.zeros((3, 3)), {}, ValueError, "P must have the shape of A"),
        (PAIR, np.zeros((2, 3)), {}, ValueError, "P must be square"),
        (PAIR, HALF, {"diagonal": "row_sum"}, ValueError, "diagonal.*'matched'.*'row_sum'"),
        (PAIR, HALF, {"rng": "seed"}, TypeError, "rng"),
        (PAIR, None, {}, TypeError, "P must be an array"),
        (None, HALF, {}, TypeError, "A must be an array"),
        (np.ones((2, 3)), HALF, {}, ValueError, "A must be square"),
    ],
)
def test_sample_synapses_says_what_is_wrong(A, P, options, error, message):
    with pytest.raises(error, match=message):
        npr.sample_synapses(A, P, **options)


@pytest.mark.parametrize(
    ("A", "keep", "options", "error", "message"),
    [
        (PAIR, 0.0, {}, ValueError, "keep must lie in"),
        (PAIR, 1.5, {}, ValueError, "keep must lie in"),
        (PAIR, "most", {}, TypeError, "keep must be a number"),
        (-np.eye(2), 0.5, {}, ValueError, "zero synapses"),
        ([[0.1, 0.5], [0.5, -1]], 0.5, {"rule": "weight"}, ValueError, "positive diagonal"),
        ([[-1, 1.5], [1.5, -1]], 0.5, {}, ValueError, "unstable"),
        (PAIR, 0.5, {"rule": "magnitude"}, ValueError, "rule"),
        (PAIR, 0.5, {"diagonal": "row_sum"}, ValueError, "diagonal"),
        (PAIR, 0.5, {"C": np.eye(3)}, ValueError, "C .*shape"),
        (PAIR, 0.5, {"rng": -1}, ValueError, "rng"),
        (PAIR.astype(complex), 0.5, {}, ValueError, "complex"),
    ],
)
def test_noise_prune_says_what_is_wrong(A, keep, options, error, message):
    with pytest.raises(error, match=message):
        npr.noise_prune(np.asarray(A), keep, **options)


# ---------------------------------------------------------------- stability


def random_network(n=150, *, radius=0.7, seed=0):
    """``W - I`` with spectral radius near `radius`: stable, but not diagonally dominant."""
    W = np.random.default_rng(seed).normal(size=(n, n)) * radius / np.sqrt(n)
    np.fill_diagonal(W, 0)
    return W - np.eye(n)


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("rule", RULES)
def test_what_is_not_dominant_keeps_its_leak_and_warns_where_it_comes_out_unstable(rule, container):
    A = random_network()
    with pytest.warns(UserWarning, match=r"unstable: its spectral abscissa is [\d.]+ .*'original'"):
        pruned = npr.noise_prune(container(A), 0.2, rule=rule, rng=0)
    assert np.array_equal(pruned.A.diagonal(), A.diagonal())
    eigenvalues = np.linalg.eigvals(pruned.A.toarray())
    assert pruned.abscissa == pytest.approx(eigenvalues.real.max(), rel=1e-9)
    assert pruned.abscissa > 0


def test_what_is_not_dominant_and_stays_stable_does_not_warn():
    A = random_network(radius=0.1)
    pruned = npr.noise_prune(A, 0.8, rng=0)  # warnings are errors here
    assert np.array_equal(pruned.A.diagonal(), A.diagonal())
    assert pruned.abscissa == pytest.approx(np.linalg.eigvals(pruned.A.toarray()).real.max())
    assert pruned.abscissa < 0


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("excess", [0.0, 0.1])
def test_what_is_dominant_keeps_its_excess_leak(network, excess_leak, symmetric, excess):
    A = network(40, excess=excess, symmetric=symmetric)
    auto, matched = (npr.noise_prune(A, 0.3, rng=1, diagonal=d) for d in ("auto", "matched"))
    assert np.array_equal(auto.A.toarray(), matched.A.toarray())
    assert np.allclose(excess_leak(auto.A), excess, atol=1e-12)
    eigenvalues = np.linalg.eigvals(auto.A.toarray())
    assert auto.abscissa == pytest.approx(eigenvalues.real.max(), abs=1e-10)


def test_a_leak_that_is_asked_for_and_ends_in_growth_warns():
    A = random_network(radius=0.9)
    with pytest.warns(UserWarning, match=r"unstable.*diagonal='matched'"):
        npr.noise_prune(A, 0.1, diagonal="matched", rng=0)


def test_the_parts_of_a_pruned_network_are_counted(network):
    A = np.zeros((9, 9))
    A[:4, :4], A[4:8, 4:8], A[8, 8] = network(4, density=1), network(4, density=1), -1.0
    assert npr.noise_prune(A, 1.0, rng=0).components == 3
    one_way = npr.noise_prune([[-1, 0.5, 0], [0, -1, 0], [0, 0.5, -1]], 1.0, rng=0)
    assert one_way.components == 1


def test_an_abscissa_that_no_iteration_finds_leaves_the_question_open(monkeypatch):
    def fails(*args, **options):
        raise sparse.linalg.ArpackNoConvergence("no convergence", [], [])

    monkeypatch.setattr("scipy.sparse.linalg.eigs", fails)
    A = npr.fixed_leak(np.random.default_rng(0).normal(size=(301, 301)) * (1 - np.eye(301)))
    monkeypatch.setattr("noiseprune._matrix._DENSE_LIMIT", 300)
    with pytest.warns(UserWarning, match="whether the pruned network is stable is open"):
        npr.noise_prune(A, 0.9, rule="weight", rng=0)


# ---------------------------------------------------------------- symmetric up to rounding


def test_pairs_are_drawn_once_where_the_pattern_is_symmetric_up_to_rounding():
    A = -4 * np.eye(4)
    A[[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]] = [1, 1, 0.5, 0.5, 2, 2]
    A[0, 3] = A[2, 0] = 1e-15
    for seed in range(40):
        kept = npr.noise_prune(A, 0.5, rng=seed).kept.toarray()
        assert np.array_equal(kept[[0, 1, 2], [1, 2, 3]], kept[[1, 2, 3], [0, 1, 2]])


def test_a_synapse_of_rounding_onto_a_neuron_without_any_is_drawn_alone():
    A = -4 * np.eye(3)
    A[0, 1] = A[1, 0] = 1
    A[0, 2] = 1e-15  # the other direction would be the last entry of all
    kept = [npr.noise_prune(A, 0.5, rule="uniform", rng=seed).kept.toarray() for seed in range(60)]
    assert {int(k[0, 2]) for k in kept} == {0, 1}
    assert all(k[0, 1] == k[1, 0] for k in kept)


@pytest.mark.parametrize(("gap", "pairs"), [(0.5e-9, True), (2e-9, False)])
def test_probabilities_may_differ_by_1e_9_within_a_pair(gap, pairs):
    n = 40
    A = npr.add_leak(np.ones((n, n)) - np.eye(n))
    P = 0.5 * (np.ones((n, n)) - np.eye(n))
    P[np.triu_indices(n, 1)] *= 1 + gap
    drawn = off_diagonal(npr.sample_synapses(A, P, rng=0)) != 0
    assert np.array_equal(drawn, drawn.T) == pairs


@pytest.mark.parametrize("fast", [1e12, 1e15])
def test_a_directed_network_beside_a_fast_neuron_is_drawn_synapse_by_synapse(fast):
    n = 30
    A = npr.add_leak(np.triu(np.ones((n, n)), 1) + 0.5 * np.tril(np.ones((n, n)), -1), excess=1.0)
    A = np.block([[A, np.zeros((n, 1))], [np.zeros((1, n)), -fast * np.eye(1)]])
    kept = npr.noise_prune(A, 0.5, rule="uniform", rng=0).kept.toarray()
    assert not np.array_equal(kept, kept.T)


# ---------------------------------------------------------------- little or no excess leak


def exact_scores(A):
    """Noise scores by rational arithmetic: the Lyapunov equation as N^2 linear ones."""
    n = len(A)
    a = [[Fraction(float(entry)) for entry in row] for row in A]
    rows = [[Fraction(0)] * (n * n + 1) for _ in range(n * n)]
    for i, j in itertools.product(range(n), repeat=2):
        row = rows[i * n + j]
        for k in range(n):
            row[k * n + j] += a[i][k]
            row[i * n + k] += a[j][k]
        row[-1] = Fraction(-(i == j))
    for column in range(n * n):
        pivot = next(r for r in range(column, n * n) if rows[r][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(n * n):
            if r != column and rows[r][column]:
                factor = rows[r][column] / rows[column][column]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[column], strict=True)]
    C = [rows[k][-1] / rows[k][k] for k in range(n * n)]
    S = np.zeros((n, n))
    for i, j in itertools.permutations(range(n), 2):
        s = int(np.sign(A[i][j]))
        S[i, j] = abs(A[i][j]) * float(C[i * n + i] + C[j * n + j] - 2 * s * C[i * n + j])
    return S


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("excess", [1e-3, 1e-5, 1e-7, 1e-9, 1e-12, 1e-14])
def test_scores_hold_however_small_the_excess_leak(excess, symmetric, container):
    rng = np.random.default_rng(7)
    for _ in range(3):
        W = rng.random((5, 5)) * (rng.random((5, 5)) < 0.8)
        W = np.triu(W, 1) + (np.triu(W, 1).T if symmetric else np.tril(W, -1))
        sign = rng.choice([-1, 1], 5)
        A = npr.add_leak(sign[:, None] * W * sign, excess=excess * rng.random(5))
        S = npr.synapse_scores(container(A)).toarray()
        assert np.allclose(S, exact_scores(A), rtol=1e-9, atol=0)


def exact_symmetric_scores(A):
    """Noise scores of a symmetric network by a rational inverse."""
    n = len(A)
    rows = [
        [Fraction(-float(x)) for x in row] + [Fraction(int(i == j)) for j in range(n)]
        for i, row in enumerate(A)
    ]
    for k in range(n):
        for r in range(n):
            if r != k and rows[r][k]:
                factor = rows[r][k] / rows[k][k]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[k], strict=True)]
    C = [[rows[i][n + j] / rows[i][i] / 2 for j in range(n)] for i in range(n)]
    S = np.zeros((n, n))
    for i, j in itertools.permutations(range(n), 2):
        s = int(np.sign(A[i][j]))
        S[i, j] = abs(A[i][j]) * float(C[i][i] + C[j][j] - 2 * s * C[i][j])
    return S


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("weakness", [10, 20, 30, 40])
@pytest.mark.parametrize("what", ["tied", "frustrated", "both", "three in a row"])
def test_scores_hold_however_weakly_parts_are_tied_or_frustrated(what, weakness, container):
    """Weights are multiples of 2^-10, so that the leaks are exact too."""
    n, weak = 9, 2.0**-weakness
    rng = np.random.default_rng(weakness)
    W = np.triu(np.round(rng.uniform(0.1, 1, (n, n)) * 2**10) / 2**10, 1)
    if what != "frustrated":
        W[:3, 3:] = 0
        W[0, 5] = weak
    if what == "three in a row":
        W[3:6, 6:] = 0
        W[4, 7] = 4 * weak
    if what in ("frustrated", "both"):
        W[1, 2] = -weak
    sign = rng.choice([-1, 1], n)
    A = npr.add_leak(sign[:, None] * (W + W.T) * sign, excess=0.0)
    if what != "frustrated":
        A[8, 8] -= 0.25
    order = rng.permutation(n)
    A = A[np.ix_(order, order)]
    S = npr.synapse_scores(container(A)).toarray()
    assert np.allclose(S, exact_symmetric_scores(A), rtol=2e-9, atol=0)


def test_a_weakly_tied_part_beside_one_without_any_leak():
    """Nothing holds the first four neurons: their scores are those of a resistor network."""
    ring, tie = np.roll(np.eye(4), 1, axis=1), 2.0**-30
    W = linalg.block_diag(ring + ring.T, np.ones((3, 3)) - np.eye(3), np.ones((3, 3)) - np.eye(3))
    W[4, 7] = W[7, 4] = tie
    A = npr.add_leak(W)
    A[9, 9] -= 1.0
    S = npr.synapse_scores(A).toarray()
    assert S[:4, :4][ring == 1] == pytest.approx(3 / 8, rel=1e-12)
    assert np.allclose(S[4:, 4:], exact_symmetric_scores(A[4:, 4:]), rtol=1e-12)


@pytest.mark.parametrize("excess", [0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("n", [2, 6, 40])
def test_scores_of_a_complete_graph(n, excess):
    A = npr.add_leak(np.ones((n, n)) - np.eye(n), excess=excess)
    decay = n + (-A[0, 0] - (n - 1))  # of every difference
    assert np.allclose(npr.synapse_scores(A).data, 1 / decay, rtol=1e-11)


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
def test_networks_without_excess_leak_have_finite_differences(container):
    """Resistance distance of each part: a graph, a balanced signed one, neurons without a leak."""
    parts, n = [], 14
    for seed in range(2):
        graph = nx.gnm_random_graph(n, 40, seed=seed)
        rng = np.random.default_rng(seed)
        nx.set_edge_attributes(graph, {e: rng.uniform(0.1, 3) for e in graph.edges}, "weight")
        parts.append(graph)
    sign = np.random.default_rng(2).choice([-1, 1], n)
    W = np.zeros((2 * n + 2, 2 * n + 2))
    W[:n, :n] = nx.to_numpy_array(parts[0])
    W[n : 2 * n, n : 2 * n] = sign[:, None] * nx.to_numpy_array(parts[1]) * sign
    A = container(npr.add_leak(W))
    S = npr.synapse_scores(A)
    for k, graph in enumerate(parts):
        resistance = nx.resistance_distance(graph, weight="weight", invert_weight=False)
        for i, j in graph.edges:
            expected = graph.edges[i, j]["weight"] * resistance[i][j] / 2
            assert S[k * n + i, k * n + j] == pytest.approx(expected, rel=1e-11)
    assert S.sum() == pytest.approx(2 * (n - 1), rel=1e-12)  # Foster
    pruned = npr.noise_prune(A, 0.5, rng=0)
    assert np.allclose(pruned.A @ np.r_[np.ones(n), sign, 0, 0], 0, atol=1e-12)
    with pytest.raises(ValueError, match="singular"):
        npr.stationary_covariance(A)


def test_a_directed_network_without_excess_leak_has_finite_differences():
    """A cycle of three: rows add up to 0, differences decay."""
    A = np.array([[-1.0, 1, 0], [0, -1, 1], [1, 0, -1]])
    # An orthonormal basis of the differences: there the dynamics is closed.
    Q = np.linalg.qr(np.c_[np.ones(3), np.eye(3)[:, :2]])[0][:, 1:]
    inner = linalg.solve_continuous_lyapunov(Q.T @ A @ Q, -np.eye(2))
    expected = npr.synapse_variances(A, Q @ inner @ Q.T)
    assert np.allclose(npr.synapse_scores(A).data, expected.data, rtol=1e-13)


def test_two_sinks_that_no_leak_holds_are_refused():
    """Neurons 0 and 2 take no input and have no leak: what neuron 1 sees drifts apart."""
    with pytest.raises(ValueError, match="singular"):
        npr.synapse_scores([[0, 0, 0], [1.0, -2.0, 1.0], [0, 0, 0]])


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e290])
@pytest.mark.parametrize("symmetric", [True, False])
def test_scores_do_not_depend_on_the_unit_of_time(network, symmetric, scale):
    A = network(20, symmetric=symmetric)
    S = npr.synapse_scores(A)
    assert np.allclose(npr.synapse_scores(scale * A).data, S.data, rtol=1e-10, atol=0)
    small, large = (npr.noise_prune(X, 0.5, rng=0) for X in (A, scale * A))
    assert np.array_equal(small.kept.toarray(), large.kept.toarray())
    assert large.abscissa == pytest.approx(scale * small.abscissa, rel=1e-9)


@pytest.mark.parametrize(
    "make",
    [np.random.default_rng, np.random.SeedSequence, np.random.PCG64, int, np.int64],
)
def test_sources_of_randomness_of_spec_7(network, make):
    A = network(12)
    expected = npr.noise_prune(A, 0.5, rng=np.random.default_rng(5))
    assert np.array_equal(npr.noise_prune(A, 0.5, rng=make(5)).A.toarray(), expected.A.toarray())


@pytest.mark.parametrize(
    ("scores", "keep"), [([1.0, 1e-310, 0.0], 1.0), ([1.0, 1e-310, 0.0], 0.9), ([1e-310] * 3, 0.9)]
)
def test_scores_next_to_nothing_never_make_nan(scores, keep):
    with pytest.raises(ValueError, match="leave no K that is a number; bring them near 1"):
        npr.keep_probabilities(scores_of(scores), keep=keep)


@pytest.mark.parametrize("seed", range(20))
def test_everything_that_is_kept_is_kept_for_certain(seed):
    scores = np.random.default_rng(seed).random(50)
    assert (npr.keep_probabilities(scores_of(scores), keep=1.0).data == 1).all()
    assert npr.keep_probabilities(scores_of([1e10, 1.0]), K=1e305).data.tolist() == [1, 1]


@pytest.mark.parametrize("diagonal", ["matched", "homeostatic"])
def test_a_leak_that_is_all_lost_is_0_and_not_the_rounding_above_it(diagonal):
    A = npr.add_leak(npr.clustered([30, 10, 10], long_range=40, rng=1))
    pruned = npr.noise_prune(A, 1e-12, diagonal=diagonal, rng=1)  # no synapse is left
    assert pruned.A.diagonal().max() <= 0
    assert pruned.components == 50


def test_a_probability_whose_inverse_is_no_number_is_as_good_as_0():
    A = npr.add_leak([[0, 1.0], [1.0, 0]], excess=1.0)
    P = np.array([[0, 1e-320], [1e-320, 0]])
    for call in (npr.sample_synapses, npr.theory.predicted_epsilon, npr.theory.predicted_slowest):
        with pytest.raises(ValueError, match=r"P is 1e-320 on the synapse \(0, 1\)"):
            call(A, P)
