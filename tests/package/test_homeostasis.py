"""Homeostatic scaling: every neuron's total input is what it was, or as near as scaling goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, sparse

import noiseprune as npr
from noiseprune import homeostasis


def total_input(A):
    A = A.toarray() if sparse.issparse(A) else np.asarray(A)
    return np.abs(A).sum(axis=1) - np.abs(A.diagonal())


def symmetric(entries, n):
    """Sparse symmetric weights from {(i, j): w}, i < j."""
    (i, j), w = np.array(list(entries)).T, np.array(list(entries.values()), dtype=float)
    return sparse.csr_array((np.r_[w, w], (np.r_[i, j], np.r_[j, i])), shape=(n, n))


def scaled(entries, total):
    W = symmetric(entries, len(total))
    return homeostasis.scaled_to(W, np.array(total, dtype=float), symmetric=True).toarray()


def test_a_triangle_has_one_solution_with_given_totals():
    W = scaled({(0, 1): 0.4, (1, 2): 2.0, (0, 2): -0.7}, [3.0, 4.0, 5.0])
    assert np.allclose(W, [[0, 1, -2], [1, 0, 3], [-2, 3, 0]], rtol=1e-10)


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds:RuntimeWarning")
def test_the_scaling_is_the_nearest_in_relative_entropy():
    """Of all weights with these totals, S W S is the one that diverges least from W (a theorem)."""
    pairs = {(0, 1): 1.0, (0, 2): 0.3, (0, 3): 0.5, (1, 2): 2.0, (1, 3): 0.2, (2, 3): 0.9}
    total = np.array([2.0, 2.5, 3.0, 1.7])
    w = np.array(list(pairs.values()))
    member = np.array([[k in pair for pair in pairs] for k in range(4)], dtype=float)
    best = optimize.minimize(
        lambda x: np.sum(x * np.log(x / w) - x),
        w,
        jac=lambda x: np.log(x / w),
        bounds=[(1e-9, None)] * 6,
        constraints={"type": "eq", "fun": lambda x: member @ x - total, "jac": lambda x: member},
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    found = scaled(pairs, total)
    assert np.allclose([found[pair] for pair in pairs], best.x, rtol=1e-5)


def test_a_lone_pair_gets_the_smaller_of_its_totals():
    W = scaled({(0, 1): 0.5, (2, 3): -1.0}, [1.0, 3.0, 2.0, 2.0])
    assert W[0, 1] == pytest.approx(1.0, rel=1e-10)  # neuron 1 lacks 2
    assert W[2, 3] == pytest.approx(-2.0, rel=1e-10)


def test_a_path_with_the_right_totals_and_one_with_the_wrong():
    right = scaled({(0, 1): 1.0, (1, 2): 1.0}, [1.0, 2.5, 1.5])
    assert np.allclose(right[1], [1.0, 0, 1.5], rtol=1e-10)
    wrong = scaled({(0, 1): 1.0, (1, 2): 1.0}, [1.0, 1.0, 3.0])
    assert wrong[1].sum() == pytest.approx(1.0, rel=1e-10)  # the middle has its total
    assert np.all(wrong.sum(axis=1) <= [1.0 + 1e-10, 1.0 + 1e-10, 3.0])


def test_no_neuron_is_scaled_by_more_than_four_times_the_common_factor():
    """A path whose last neuron could have its total only at the expense of the middle's."""
    total = np.array([1.0, 1.0, 3.0])
    B = symmetric({(0, 1): 1.0, (1, 2): 1.0}, 3)
    s = homeostasis.symmetric_factors(B, total)
    assert s.max() == pytest.approx(4 * np.sqrt(total.sum() / B.sum()), rel=1e-12)


def test_totals_that_differ_by_many_decades():
    """A path whose middle can give its ends almost nothing: both stay at their bound or below."""
    B = symmetric({(0, 1): 0.059, (1, 2): 226.0}, 3)
    total = np.array([480.0, 2.7e-7, 7.8e-7])
    s = homeostasis.symmetric_factors(B, total)
    row = s * (B @ s)
    assert row[1] == pytest.approx(2.7e-7, rel=1e-10)
    assert np.all(row <= total * (1 + 1e-10))
    at_bound = s >= homeostasis.LARGEST * np.sqrt(total.sum() / B.sum()) * (1 - 1e-12)
    assert np.all(at_bound | (row >= total * (1 - 1e-10)))


@given(st.integers(2, 30), st.integers(0, 2**32 - 1), st.floats(0.03, 1))
def test_any_pattern_ends_at_the_minimum_under_the_bound(n, seed, density):
    """Rows have their total, or less while the factor of their neuron is at its bound."""
    rng = np.random.default_rng(seed)
    B = np.triu(rng.random((n, n)) * (rng.random((n, n)) < density), 1)
    B = sparse.csr_array(B + B.T)
    total = rng.uniform(0.1, 3.0, n)
    s = homeostasis.symmetric_factors(B, total)
    row = s * (B @ s)
    live = np.diff(B.indptr) > 0
    assert np.all(s[~live] == 1.0)
    if live.any():
        common = np.sqrt(total[live].sum() / B.sum())
        at_bound = s >= homeostasis.LARGEST * common * (1 - 1e-12)
        assert np.all(s <= homeostasis.LARGEST * common * (1 + 1e-12))
        assert np.all(row <= total * (1 + 1e-10))
        assert np.all(row[live & ~at_bound] >= total[live & ~at_bound] * (1 - 1e-10))


@pytest.mark.parametrize(
    ("make", "degree", "most"),
    [(npr.random_graph, 20, (5, 8, 10)), (npr.spatial, 12, (6, 10, 9))],
)
def test_a_few_steps_of_newtons_method_are_enough(make, degree, most, monkeypatch):
    """One more than were taken when this was written; without its safeguards it takes 100."""
    steps, solve = [], homeostasis._solve
    monkeypatch.setattr(homeostasis, "_solve", lambda *a: steps.append(1) or solve(*a))
    A = npr.add_leak(make(500, degree, rng=0), excess=0.01)
    S = npr.synapse_scores(A, rule="leak")
    for keep, limit in zip((0.5, 0.2, 0.1), most, strict=True):
        steps.clear()
        P = npr.keep_probabilities(S, keep=keep)
        npr.sample_synapses(A, P, diagonal="homeostatic", rng=0)
        assert 2 <= len(steps) <= limit


@given(st.integers(3, 25), st.integers(0, 2**32 - 1), st.floats(0.1, 1), st.booleans())
def test_what_a_homeostatic_network_is(network, excess_leak, n, seed, keep, both_ways):
    A = network(n, seed=seed, density=0.8, symmetric=both_ways, excess=0.05)
    if np.count_nonzero(A - np.diag(A.diagonal())) == 0:
        return
    pruned = npr.noise_prune(A, keep, diagonal="homeostatic", rng=seed)
    dense = pruned.A.toarray()
    short = 1 - total_input(dense) / np.where(total_input(A) > 0, total_input(A), 1)
    short[total_input(A) == 0] = 0.0
    exact = np.abs(short) <= 1e-10
    assert pruned.scaled == pytest.approx(exact.mean())
    assert pruned.shortfall == pytest.approx(short.max() if not exact.all() else 0.0, abs=1e-12)
    assert np.allclose(dense.diagonal()[exact], A.diagonal()[exact], rtol=1e-9)
    assert np.allclose(excess_leak(dense), 0.05, atol=1e-12 * np.abs(A).max())
    assert np.linalg.eigvals(dense).real.max() < 0
    drawn = npr.sample_synapses(A, pruned.probabilities, rng=np.random.default_rng(seed)).toarray()
    ratio = dense[drawn != 0] / drawn[drawn != 0]
    assert np.array_equal(dense - np.diag(dense.diagonal()) != 0, pruned.kept.toarray())
    assert np.all(ratio >= 0)  # 0 where a neuron without excess keeps no leak
    if both_ways:
        assert np.allclose(dense, dense.T, rtol=1e-12, atol=0)


def test_rows_of_directed_networks_are_scaled_each_by_itself(network):
    A = network(20, symmetric=False)
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.5)
    drawn = npr.sample_synapses(A, P, rng=3).toarray()
    homeostatic = npr.sample_synapses(A, P, diagonal="homeostatic", rng=3).toarray()
    for i in range(20):
        other = np.arange(20) != i
        factor = total_input(A)[i] / np.abs(drawn[i, other]).sum()
        assert np.allclose(homeostatic[i, other], factor * drawn[i, other], rtol=1e-12)


def test_a_symmetric_network_drawn_in_each_direction_is_scaled_by_rows(network):
    A = network(20, density=1.0)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="uniform"), keep=0.5)
    P[0, 1] = 0.9
    homeostatic = npr.sample_synapses(A, P, diagonal="homeostatic", rng=0)
    assert np.allclose(total_input(homeostatic), total_input(A), rtol=1e-12)


def test_a_neuron_that_lost_every_synapse_keeps_its_excess_leak():
    A = npr.add_leak(symmetric({(0, 1): 1.0, (1, 2): 1.0, (2, 0): 1.0, (2, 3): 1.0}, 4), excess=0.3)
    P = (A - sparse.diags_array(A.diagonal())).tolil()
    P[2, 3] = P[3, 2] = 0.0
    pruned = npr.sample_synapses(A, P, rescale=False, diagonal="homeostatic")
    assert np.allclose(pruned.toarray()[3], [0, 0, 0, -0.3], atol=1e-15)
    assert np.allclose(total_input(pruned)[:3], total_input(A)[:3], rtol=1e-10)


def test_a_common_factor_of_the_weights_makes_no_difference(network):
    A = network(30, density=1.0)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="uniform"), keep=0.02 + 0.5)
    with_and_without = [
        npr.sample_synapses(A, P, rescale=rescale, diagonal="homeostatic", rng=1).toarray()
        for rescale in (True, False)
    ]
    assert np.allclose(*with_and_without, rtol=1e-9)


def test_other_diagonals_have_no_shortfall(network):
    pruned = npr.noise_prune(network(10), 0.5, rng=0)
    assert pruned.scaled is None
    assert pruned.shortfall is None


def test_homeostasis_lowers_the_error_of_a_clustered_network():
    A = npr.add_leak(npr.clustered([200, 40, 160], long_range=1000, rng=0))
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.3)
    coins, scaling = (
        [
            npr.spectral_epsilon(A, npr.sample_synapses(A, P, diagonal=diagonal, rng=seed))
            for seed in range(5)
        ]
        for diagonal in ("matched", "homeostatic")
    )
    assert max(scaling) < min(coins)
    assert np.median(scaling) < 0.75 * np.median(coins)


@pytest.mark.parametrize("keep", [0.8, 0.5])
def test_a_hundred_thousand_neurons(keep):
    A = npr.add_leak(npr.random_graph(100_000, 12, negative=0.1, rng=0), excess=0.05)
    pruned = npr.noise_prune(A, keep, rule="leak", diagonal="homeostatic", rng=0)
    assert pruned.scaled > 0.99
    leak, total = -pruned.A.diagonal(), np.asarray(abs(pruned.A).sum(axis=1)) + pruned.A.diagonal()
    assert np.allclose(leak - total, 0.05, atol=1e-12)
