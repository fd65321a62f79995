"""Networks too large for an N x N matrix: the same answers as the dense functions give."""

import inspect
import os
import subprocess
import sys
import textwrap

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse

import noiseprune as npr
from noiseprune import _checks, _matrix, pruning
from noiseprune.covariance import NoCovariance
from noiseprune.large import elimination, factor, gradients, krylov, network, product, takahashi
from noiseprune.large.propagator import panels
from noiseprune.large.solver import common_leak, solver

MAKERS = [npr.spatial, npr.random_graph]


@pytest.fixture(scope="module", params=["spatial", "random", "signed spatial", "frustrated"])
def pair(request):
    """A sparse network of 600 neurons and its exact variances."""
    make = npr.spatial if "spatial" in request.param else npr.random_graph
    negative = 0.3 if request.param in ("signed spatial", "frustrated") else 0.0
    excess = 0.0 if request.param == "frustrated" else np.linspace(0, 0.2, 600)
    A = npr.add_leak(make(600, 14, negative=negative, rng=3), excess=excess)
    return A, npr.synapse_variances(A, npr.stationary_covariance(A))


@pytest.fixture
def large_networks(monkeypatch):
    """Treat every sparse network as large."""
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(("n", "degree", "negative"), [(2, 1, 0), (50, 3.2, 0.25), (30, 29, 1)])
def test_sparse_networks_have_the_size_degree_and_signs_asked_for(make, n, degree, negative):
    W = make(n, degree, negative=negative, rng=0)
    assert isinstance(W, sparse.csr_array)
    assert W.shape == (n, n)
    assert W.nnz == 2 * round(n * degree / 2)
    assert abs(W - W.T).max() == 0
    assert not W.diagonal().any()
    assert np.abs(W.data).max() <= 1
    assert np.count_nonzero(W.data < 0) == 2 * round(negative * W.nnz / 2)


@pytest.mark.parametrize("make", MAKERS)
def test_sparse_networks_are_seeded(make):
    assert abs(make(40, 4, rng=5) - make(40, 4, rng=5)).nnz == 0
    assert abs(make(40, 4, rng=5) - make(40, 4, rng=6)).nnz > 0


def test_the_spatial_network_links_the_nearest_pairs():
    n = 40
    W = npr.spatial(n, 5, rng=7)
    places = np.random.default_rng(7).random((n, 2))
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    linked = W.toarray() != 0
    unlinked = ~linked & ~np.eye(n, dtype=bool)
    assert distance[linked].max() < distance[unlinked].min()


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1, 1), {}, "n must be at least 2"),
        ((5, 5), {}, "degree must give between 1 and 10 pairs"),
        ((5, 0.01), {}, "which gives 0"),
        ((5, 0), {}, "degree must lie in"),
        ((5, 2), {"negative": 1.5}, "negative must lie in"),
    ],
)
def test_impossible_sparse_networks(make, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments, **options)


# ---------------------------------------------------------------- variances


def test_selected_inversion_is_exact(pair):
    A, exact = pair
    estimate = npr.large.estimate_variances(A, method="exact")
    assert np.array_equal(estimate.V.indices, exact.indices)
    assert np.array_equal(estimate.V.indptr, exact.indptr)
    assert np.allclose(estimate.V.data, exact.data, rtol=1e-9, atol=0)
    assert (estimate.method, estimate.samples, estimate.error_bound) == ("exact", 0, 0.0)
    assert not estimate.standard_error.data.any()
    assert estimate.leverage_sum == pytest.approx(estimate.expected_sum, rel=1e-10)


def test_sampled_variances_have_the_errors_they_state(pair):
    A, exact = pair
    estimate = npr.large.estimate_variances(A, method="sampled", samples=400, rng=1)
    assert np.array_equal(estimate.V.indices, exact.indices)
    assert abs(estimate.V - estimate.V.T).max() == 0
    z = (estimate.V.data - exact.data) / estimate.standard_error.data
    # About 4,200 pairs, correlated through shared neurons: as if 600 were independent. Signs in
    # place of normal numbers make errors smaller, never larger. False alarm below 1e-4.
    assert np.mean(z**2) < 1 + 4 * np.sqrt(2 / 600)
    assert np.mean(z**2) > 0.4
    assert np.abs(z).max() < 6
    assert estimate.error_bound == np.sqrt(2 / 400)
    assert (estimate.standard_error.data < estimate.error_bound * estimate.V.data).all()
    # What is sampled is a small part of each variance.
    assert np.median(estimate.standard_error.data / exact.data) < 0.2 * estimate.error_bound


def test_the_compiled_recursion_is_what_its_python_says(pair, monkeypatch):
    A, exact = pair
    for name in ("_continues", "_invert_block", "_gather", "invert"):
        monkeypatch.setattr(takahashi, name, getattr(takahashi, name).py_func)
    V = npr.large.synapse_variances(A, method="exact")
    assert np.allclose(V.data, exact.data, rtol=1e-9, atol=0)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_compiled_product_is_the_product(pair, monkeypatch, compiled):
    if not compiled:
        monkeypatch.setattr(product, "_prefetch", lambda array, index: array[index])
        for name in ("multiply", "add_pairs"):
            monkeypatch.setattr(product, name, getattr(product, name).py_func)
    W = abs(pair[0])
    block = np.random.default_rng(0).standard_normal((600, 11))
    out = np.empty_like(block)
    product.multiply(W.indptr, W.indices, W.data, block, out)
    assert np.allclose(out, W @ block, rtol=1e-13)
    ends = np.stack(sparse.triu(W, 1).tocoo().coords, 1)
    coefficients, z = (np.random.default_rng(k).random((len(ends), k)) for k in (2, 11))
    expected = out.copy()
    np.add.at(expected, ends.T, coefficients.T[:, :, None] * z)
    product.add_pairs(ends, coefficients, z, out)
    assert np.allclose(out, expected, rtol=1e-13)


def test_sampling_needs_no_compiler(pair, monkeypatch):
    options = {"method": "sampled", "samples": 40, "rng": 3}
    V = npr.large.synapse_variances(pair[0], **options)
    monkeypatch.setattr(gradients, "_COMPILED", False)
    monkeypatch.setattr(product, "multiply", None)
    monkeypatch.setattr(product, "add_pairs", None)
    assert np.allclose(V.data, npr.large.synapse_variances(pair[0], **options).data, rtol=1e-9)


@pytest.mark.parametrize("method", ["exact", "sampled"])
def test_leverages_add_up_to_the_known_total(pair, method):
    A, _ = pair
    estimate = npr.large.estimate_variances(A, method=method, samples=400, rng=2)
    inverse = np.linalg.inv(-A.toarray())
    excess = -A.diagonal() - (np.asarray(abs(A).sum(axis=1)) + A.diagonal())
    total = 600 - excess @ inverse.diagonal()
    # Sampled: the error of the sum is below the bound times sqrt(2 / N) for the part sampled.
    slack = 1e-9 if method == "exact" else 4 * estimate.error_bound * np.sqrt(600)
    assert estimate.leverage_sum == pytest.approx(total, abs=slack)
    assert estimate.expected_sum == pytest.approx(total, abs=max(slack, 1e-6))
    W = npr.synapse_scores(A, rule="weight")
    assert estimate.leverage_sum == pytest.approx((W * estimate.V).sum(), rel=1e-12)


@pytest.mark.parametrize("samples", [1, 16, 37])
def test_the_result_depends_on_the_seed_alone(pair, samples, monkeypatch):
    A, _ = pair
    options = {"method": "sampled", "samples": samples}
    one = npr.large.synapse_variances(A, rng=4, workers=1, **options)
    three = npr.large.synapse_variances(A, rng=np.random.default_rng(4), workers=3, **options)
    assert np.array_equal(one.data, three.data)
    assert not np.array_equal(one.data, npr.large.synapse_variances(A, rng=5, **options).data)
    monkeypatch.setattr(gradients, "_PART", 300)
    smaller = npr.large.synapse_variances(A, rng=4, workers=1, **options)
    assert np.allclose(one.data, smaller.data, rtol=1e-9)


def test_synapses_may_be_worked_through_in_small_portions(pair, monkeypatch):
    A, exact = pair
    monkeypatch.setattr(gradients, "_PAIRS", 100)
    V = npr.large.synapse_variances(A, method="sampled", samples=400, rng=0)
    assert np.mean(np.abs(V.data / exact.data - 1)) < 0.3 * np.sqrt(2 / 400)


@given(st.integers(2, 25), st.integers(0, 10_000), st.booleans(), st.sampled_from([1e-6, 1, 1e6]))
def test_any_sparse_network_is_inverted_exactly(n, seed, signed, scale):
    rng = np.random.default_rng(seed)
    W = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 3 / n), 1)
    W[0, 1] = 0.5  # at least one synapse
    W *= np.where(rng.random((n, n)) < 0.5 * signed, -scale, scale)
    A = npr.add_leak(sparse.csr_array(W + W.T), excess=scale * rng.uniform(0.01, 1, n))
    exact = npr.synapse_variances(A, npr.stationary_covariance(A))
    V = npr.large.synapse_variances(A, method="exact")
    assert np.allclose(V.toarray(), exact.toarray(), rtol=1e-8)
    assert (V.toarray() != 0).tolist() == (W + W.T != 0).tolist()


def test_an_irreplaceable_synapse_has_leverage_one():
    # A path whose last neuron alone leaks: each synapse is a bridge to a part without leak.
    W = sparse.diags_array([np.full(9, 2.0)] * 2, offsets=[-1, 1]).tocsr()
    excess = np.zeros(10)
    excess[-1] = 1.0
    V = npr.large.synapse_variances(npr.add_leak(W, excess=excess), method="exact")
    assert np.allclose(2 * 2.0 * V.data, 1, rtol=1e-12)


@pytest.mark.parametrize("method", ["exact", "sampled"])
def test_effective_resistances_agree_with_networkx(method):
    # One neuron grounded, its leak carried by an excess: the resistance to it and between others
    # is that of the graph. networkx takes weights as conductances with invert_weight=False.
    W = npr.random_graph(40, 6, rng=2)
    graph = nx.from_scipy_sparse_array(W)
    assert nx.is_connected(graph)
    excess = np.zeros(40)
    excess[0] = 1.0
    V = npr.large.synapse_variances(
        npr.add_leak(W, excess=excess), method=method, samples=20_000, rng=0
    )
    for i, j in graph.edges:
        resistance = nx.resistance_distance(graph, i, j, weight="weight", invert_weight=False)
        tolerance = 1e-9 if method == "exact" else 5 * np.sqrt(2 / 20_000)
        assert 2 * V[i, j] == pytest.approx(resistance, rel=tolerance)


def with_a_hub(W):
    """The same network with one neuron more, linked to every tenth."""
    n = W.shape[0]
    spokes = sparse.coo_array((np.ones(len(range(0, n, 10))), (range(0, n, 10), [0] * -(-n // 10))))
    spokes.resize((n, 1))
    return sparse.csr_array(sparse.block_array([[W, spokes], [spokes.T, None]]))


def random_tree(n):
    """Each neuron linked to one of those before it: wide, and nothing fills."""
    parent = (np.random.default_rng(0).random(n - 1) * np.arange(1, n)).astype(int)
    W = sparse.coo_array((np.ones(n - 1), (np.arange(1, n), parent)), shape=(n, n))
    return sparse.csr_array(W + W.T)


@pytest.mark.parametrize("extra", [True, False])
@pytest.mark.parametrize(
    ("W", "sparse_factor"),
    [
        (npr.spatial(10_000, 10, rng=0), True),
        (with_a_hub(npr.spatial(10_000, 10, rng=0)), True),
        (random_tree(10_000), True),
        (npr.random_graph(1000, 10, rng=0), True),
        (npr.random_graph(10_000, 10, rng=0), False),
    ],
    ids=["plane", "plane with a hub", "tree", "small", "random"],
)
def test_the_choice_of_method_follows_the_fill(W, sparse_factor, extra, monkeypatch):
    if not extra:
        monkeypatch.setattr(factor, "installed", lambda: False)
    assert (factor.ordering(W) is not None) == sparse_factor


def test_the_factor_is_counted_before_it_is_computed(monkeypatch):
    W = npr.random_graph(300, 6, rng=1)
    order = np.random.default_rng(0).permutation(300)
    expected = np.tril(W.toarray()[np.ix_(order, order)] != 0) | np.eye(300, dtype=bool)
    for k in range(300):  # by the definition: neighbours of an eliminated neuron become neighbours
        below = k + 1 + np.flatnonzero(expected[k + 1 :, k])
        expected[np.ix_(below, below)] |= np.tri(below.size, dtype=bool)
    for count in (elimination.fill, elimination.fill.py_func):
        entries, operations = count(W.indptr, W.indices, order, 1e9, 1e9)
        assert entries == np.count_nonzero(expected)
        assert operations == np.sum(np.count_nonzero(expected, axis=0) ** 2)
        assert count(W.indptr, W.indices, order, entries, operations)[0] == entries
        assert count(W.indptr, W.indices, order, entries - 1, operations)[0] == np.inf
        assert count(W.indptr, W.indices, order, entries, operations - 1)[0] == np.inf
    plane = npr.spatial(3000, 10, rng=0)
    for limit in ("_FILL", "_WORK"):
        with monkeypatch.context() as patched:
            patched.setattr(factor, limit, 1.0)
            assert factor.ordering(plane) is None


def test_the_exact_method_is_chosen_where_the_factor_stays_sparse():
    A = npr.add_leak(npr.spatial(3000, 6, rng=0), excess=0.1)
    assert npr.large.estimate_variances(A).method == "exact"


def test_without_the_extra_the_network_is_sampled_and_a_message_says_so(monkeypatch):
    A = npr.add_leak(npr.spatial(100, 6, rng=0), excess=0.1)
    exact = npr.synapse_variances(A, npr.stationary_covariance(A))
    monkeypatch.setattr(factor, "installed", lambda: False)
    with pytest.warns(UserWarning, match=r"noiseprune\[large\]") as caught:
        estimate = npr.large.estimate_variances(A, rng=0)
    assert caught[0].filename == __file__
    assert estimate.method == "sampled"
    assert np.mean(np.abs(estimate.V.data / exact.data - 1)) < 0.1
    with pytest.raises(ImportError, match=r"noiseprune\[large\]"):
        npr.large.synapse_variances(A, method="exact")
    g = np.arange(100.0)
    assert np.allclose(-A @ solver(A)(g), g, atol=1e-7)


def test_the_progress_bar_counts_samples(capfd):
    A = npr.add_leak(npr.random_graph(50, 4, rng=0), excess=0.1)
    npr.large.synapse_variances(A, method="sampled", samples=30)
    assert capfd.readouterr().err == ""
    npr.large.synapse_variances(A, method="sampled", samples=30, progress=True)
    assert "30/30" in capfd.readouterr().err


def test_inputs_stay_as_they_are(pair):
    A, _ = pair
    for part in (A.data, A.indices, A.indptr):
        part.flags.writeable = False
    before = A.copy()
    npr.large.synapse_variances(A, method="exact")
    npr.large.synapse_variances(A, method="sampled", samples=2)
    for part in (A.data, A.indices, A.indptr):
        part.flags.writeable = True
    assert abs(A - before).nnz == 0


@pytest.mark.parametrize(
    ("A", "options", "error", "message"),
    [
        (-np.eye(2), {}, TypeError, "A must be a SciPy sparse array, got ndarray"),
        ([[-1, 0.5], [0.2, -1]], {}, ValueError, "A must be symmetric"),
        ([[-1, 2], [2, -1]], {}, ValueError, "diagonally dominant, but neuron 0 has leak 1"),
        ([[1, 0.5], [0.5, -1]], {}, ValueError, "positive diagonal"),
        (-np.eye(3), {}, ValueError, "zero synapses"),
        ([[-1, 0.5], [0.5, -1]], {"samples": 0}, ValueError, "samples must be at least 1"),
        ([[-1, 0.5], [0.5, -1]], {"method": "magic"}, ValueError, "method must be one of"),
        ([[-1, 0.5], [0.5, -1]], {"tolerance": 0}, ValueError, "tolerance must lie in"),
        ([[-1, 0.5], [0.5, -1]], {"workers": 0}, ValueError, "workers must be at least 1"),
        ([[-1, 0.5], [0.5, -1]], {"rng": "x"}, TypeError, "rng must be"),
    ],
)
def test_it_says_what_is_wrong(A, options, error, message):
    if error is not TypeError or options:
        A = sparse.csr_array(np.array(A, dtype=float))
    with pytest.raises(error, match=message):
        npr.large.synapse_variances(A, **options)


ROUTES = ["exact", "sampled"]


@pytest.mark.parametrize("method", ROUTES)
@pytest.mark.parametrize("partner", [1e-15, 0.0])
def test_a_pattern_that_is_symmetric_up_to_rounding(method, partner, monkeypatch):
    A = -4 * np.eye(4)
    for (i, j), w in {(0, 1): 1.0, (1, 2): 0.5, (2, 3): 2.0}.items():
        A[i, j] = A[j, i] = w
    A[0, 3], A[2, 0] = 1e-15, partner
    exact = npr.synapse_variances(A, npr.stationary_covariance(A))
    V = npr.large.synapse_variances(sparse.csr_array(A), method=method, samples=20_000, rng=0)
    assert V.indices.tolist() == exact.indices.tolist()
    tolerance = 1e-12 if method == "exact" else 5 * np.sqrt(2 / 20_000)
    assert np.allclose(V.data, exact.data, rtol=tolerance)
    assert V[1, 2] == pytest.approx(V[2, 1], rel=1e-15)
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    pruned = npr.noise_prune(sparse.csr_array(A), 0.6, rng=0)
    dense = npr.noise_prune(A, 0.6, rng=0)
    assert np.allclose(pruned.probabilities.data, dense.probabilities.data, rtol=1e-8)


@pytest.mark.usefixtures("large_networks")
def test_a_large_network_is_checked_and_its_synapses_are_found_once(monkeypatch):
    A, calls = sparse.csr_array(npr.add_leak(npr.random_graph(60, 6, rng=0), excess=0.1)), []

    def counted(owner, name):
        function = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, **k: calls.append(name) or function(*a, **k))

    for name in ("matrix", "check_leak", "synapses", "links"):
        for owner in (_checks, _matrix, pruning, network):
            if hasattr(owner, name):
                counted(owner, name)
    npr.noise_prune(A, 0.5, rng=0)
    assert sorted(calls) == ["check_leak", "links", "matrix", "synapses"]
    calls.clear()
    npr.synapse_scores(A, rng=0)
    assert sorted(calls) == ["check_leak", "links", "matrix", "synapses"]


def test_two_directions_that_differ_by_rounding_count_once():
    A = npr.add_leak(npr.random_graph(30, 4, rng=0), excess=0.1).toarray()
    exact = npr.synapse_variances(A, npr.stationary_covariance(A))
    uneven = A * (1 + 1e-15 * np.random.default_rng(0).standard_normal(A.shape))
    V = npr.large.synapse_variances(sparse.csr_array(uneven), method="exact")
    assert abs(V - V.T).max() == 0
    assert np.allclose(V.data, exact.data, rtol=1e-12)


def resistances(W):
    """Half the effective resistance of every synapse, by the pseudoinverse of the signed Laplacian.

    That is the limit of the variances as all excess leak goes to 0.
    """
    W = W.toarray()
    M = np.diag(np.abs(W).sum(axis=0)) - W
    inverse = np.linalg.pinv(M, hermitian=True)
    V = inverse.diagonal()[:, None] + inverse.diagonal() - 2 * np.sign(W) * inverse
    return np.where(W != 0, V / 2, 0)


def relabelled(W, seed=0):
    """The same network, some neurons with all their signs turned: it stays balanced."""
    sign = sparse.diags_array(np.random.default_rng(seed).choice([-1.0, 1.0], W.shape[0]))
    return sparse.csr_array(sign @ W @ sign)


COMPLETE = sparse.csr_array(np.ones((6, 6)) - np.eye(6))
WITHOUT_LEAK = {
    "complete": COMPLETE,
    "pair": sparse.csr_array([[0.0, 3.0], [3.0, 0.0]]),
    "plane": npr.spatial(200, 8, rng=0),
    "balanced": relabelled(npr.random_graph(60, 6, rng=1)),
    "path": sparse.csr_array(sparse.diags_array([np.ones(99)] * 2, offsets=[-1, 1])),
    "parts": sparse.csr_array(sparse.block_diag([relabelled(COMPLETE), COMPLETE])),
    "isolated neuron": sparse.csr_array(sparse.block_diag([COMPLETE, sparse.csr_array((1, 1))])),
}


@pytest.mark.parametrize("method", ROUTES)
@pytest.mark.parametrize("excess", [0.0, 1e-300, 1e-14, 1e-12, 1e-11])
@pytest.mark.parametrize("name", WITHOUT_LEAK)
def test_differences_are_known_however_small_the_excess_leak(name, excess, method):
    W = WITHOUT_LEAK[name]
    estimate = npr.large.estimate_variances(
        npr.add_leak(W, excess=excess), method=method, samples=2000, rng=0
    )
    V, expected = estimate.V.toarray(), resistances(W)
    assert np.array_equal(V != 0, expected != 0)
    if method == "exact":
        assert np.allclose(V, expected, rtol=1e-8)  # which the leak itself changes by less
        assert estimate.leverage_sum == pytest.approx(estimate.expected_sum, rel=1e-8)
    else:
        error = (V - expected)[V != 0] / np.maximum(estimate.standard_error.data, 1e-8)
        assert np.abs(error).max() < 6
    # Foster's sum: neurons less parts (an isolated neuron is a part of its own).
    total = W.shape[0] - sparse.csgraph.connected_components(W)[0]
    slack = 1e-6 if method == "exact" else 0.02 * W.shape[0]
    assert estimate.expected_sum == pytest.approx(total, abs=slack)


@pytest.mark.parametrize("excess", [1e-11, 1e-9, 1e-7, 1e-5, 1e-3, 0.1])
def test_small_excess_leaks_change_the_differences_as_they_should(excess):
    """Complete graph of n neurons, weights 1: u^T M^-1 u = 2 / (n + excess)."""
    V = npr.large.synapse_variances(npr.add_leak(COMPLETE, excess=excess), method="exact")
    assert np.allclose(V.data, 1 / (6 + excess), rtol=1e-14)


def test_a_weak_negative_synapse_disturbs_no_other_difference():
    """The double of a cut-off part: M = J + |w| u u^T with u = e_0 + e_1, by Sherman & Morrison."""
    for w in (1e-3, 1e-6, 1e-9, 1e-11):
        W = COMPLETE.toarray()
        W[0, 1] = W[1, 0] = -w
        V = npr.large.synapse_variances(npr.add_leak(sparse.csr_array(W)), method="exact")
        rest = COMPLETE.toarray()
        rest[0, 1] = rest[1, 0] = 0
        assert V[2, 3] == pytest.approx(resistances(sparse.csr_array(rest))[2, 3], rel=2 * w + 1e-9)
        # u sees the common activity of all, which nothing but this synapse holds.
        assert V[0, 1] == pytest.approx(1 / (2 * w), rel=2 * w + 1e-15 / w)


@pytest.mark.parametrize("method", ROUTES)
def test_what_is_singular_to_working_precision_is_refused_by_every_route(method):
    def network(weight):
        W = np.ones((8, 8)) - np.eye(8)
        W[0, 1] = W[1, 0] = -weight
        return npr.add_leak(sparse.csr_array(W))

    for function in (npr.large.synapse_variances, npr.synapse_scores):
        options = {"method": method} if function is npr.large.synapse_variances else {}
        with pytest.raises(ValueError, match="singular"):
            function(network(1e-14), **options)
    for function in (lambda A: npr.slowest_modes(A, 1), lambda A: npr.spectral_epsilon(A, A)):
        with pytest.raises(ValueError, match="singular"):
            function(network(1e-14))
    V = npr.large.synapse_variances(network(1e-10), method=method, samples=2000, rng=0)
    assert V[0, 1] == pytest.approx(5e9, rel=1e-4 if method == "exact" else 6 * np.sqrt(2 / 2000))


def weakly_frustrated(weight, excess):
    W = np.ones((8, 8)) - np.eye(8)
    W[0, 1] = W[1, 0] = -weight
    return npr.add_leak(W, excess=excess)


def weakly_tied(weight, excess):
    W = linalg.block_diag(*[np.ones((4, 4)) - np.eye(4)] * 2)
    W[0, 4] = W[4, 0] = weight
    return npr.add_leak(W, excess=np.r_[np.zeros(7), excess])


@pytest.mark.parametrize("make", [weakly_frustrated, weakly_tied])
@pytest.mark.parametrize("weight", [2.0**-k for k in (6, 30, 38, 42, 48, 60)])
@pytest.mark.parametrize("excess", [0.0, 2.0**-44, 2.0**-30, 0.25])
def test_dense_and_sparse_take_the_same_decision(make, weight, excess):
    """Refused in both, or the same scores: weak links, weak frustration, little leak."""
    A = make(weight, excess)

    def outcome(function, A, **options):
        try:
            return function(A, **options)
        except NoCovariance:
            return None

    dense = outcome(npr.synapse_scores, A)
    large, sampled = (
        outcome(npr.large.synapse_variances, sparse.csr_array(A), method=method, samples=10)
        for method in ("exact", "sampled")
    )
    assert (dense is None) == (large is None)
    if make is weakly_frustrated:
        assert (sampled is None) == (large is None)
    if dense is not None:
        W = np.where(dense.toarray() != 0, np.abs(A), 0)
        assert np.allclose(dense.toarray(), large.toarray() * W, rtol=1e-12 + 1e-15 / weight)


@pytest.mark.parametrize(("share", "refused"), [(0.6e-14, True), (2e-14, False)])
@pytest.mark.parametrize("method", ROUTES)
def test_every_route_calls_the_same_share_of_decay_singular(share, refused, method):
    """The eight neurons of leak 7 hold their common activity by 4 w in all."""
    A = weakly_frustrated(share * 14, 0.0)
    for call in (
        lambda: npr.synapse_scores(A),
        lambda: npr.large.synapse_variances(sparse.csr_array(A), method=method, samples=10),
    ):
        if refused:
            with pytest.raises(ValueError, match="singular"):
                call()
        else:
            call()


def test_parts_with_and_without_leak_side_by_side():
    triangle = np.ones((3, 3)) - np.eye(3)
    frustrated = triangle.copy()
    frustrated[0, 1] = frustrated[1, 0] = -1
    for parts, excess, expected in [
        ([frustrated, frustrated], 0, 6),
        ([frustrated, triangle], 0, 5),
        ([frustrated, triangle], np.r_[np.zeros(5), 0.1], 5),
    ]:
        A = npr.add_leak(sparse.csr_array(linalg.block_diag(*parts)), excess=excess)
        estimate = npr.large.estimate_variances(A, method="exact")
        assert estimate.expected_sum == pytest.approx(expected)
        assert estimate.leverage_sum == pytest.approx(expected)


def test_both_functions_have_the_same_defaults():
    short, long = (
        inspect.signature(function).parameters
        for function in (npr.large.synapse_variances, npr.large.estimate_variances)
    )
    assert {name: long[name] for name in short} == dict(short)


def test_gradients_solve_every_column_to_its_own_residual():
    """One column is 0, one is an eigenvector and done at once, the third takes all steps."""
    chain = sparse.diags_array([np.full(99, 0.5)] * 2, offsets=[-1, 1]).tocsr()
    eigenvector = np.sin(np.pi * np.arange(1, 101) / 101)
    g = np.c_[np.zeros(100), eigenvector, np.random.default_rng(0).random(100)]
    x = gradients.conjugate_gradients(chain, g, 1e-10)
    assert not x[:, 0].any()
    assert np.allclose(x[:, 1], eigenvector / (1 - np.cos(np.pi / 101)), rtol=1e-9)
    residual = np.linalg.norm(g - x + chain @ x, axis=0)
    assert np.all(residual <= 2e-10 * np.linalg.norm(g, axis=0))


def test_gradients_that_do_not_converge_say_so():
    chain = sparse.diags_array([np.full(99, 0.5)] * 2, offsets=[-1, 1]).tocsr()
    g = np.random.default_rng(0).random((100, 2))
    with pytest.raises(RuntimeError, match="did not reach a relative residual of 1e-300"):
        gradients.conjugate_gradients(chain, g, 1e-300)


# ---------------------------------------------------------------- pruning


@pytest.mark.usefixtures("large_networks")
@pytest.mark.parametrize("rule", ["noise", "weight"])
def test_noise_prune_takes_a_large_sparse_network_by_itself(pair, rule, monkeypatch):
    A, _ = pair
    dense = npr.noise_prune(A.toarray(), 0.4, rule=rule, rng=0)
    monkeypatch.setattr("noiseprune.pruning.exact_variances", None)  # never called
    pruned = npr.noise_prune(A, 0.4, rule=rule, rng=0)
    assert np.allclose(pruned.probabilities.data, dense.probabilities.data, rtol=1e-8)
    assert np.allclose(pruned.A.toarray(), dense.A.toarray(), rtol=1e-8, atol=1e-12)
    assert np.allclose(npr.synapse_scores(A, rule=rule).data, npr.synapse_scores(A, rule=rule).data)


@pytest.mark.usefixtures("large_networks")
def test_a_sparse_network_that_does_not_fit_stays_with_the_dense_covariance(network):
    not_dominant = network(20, excess=0.1)
    not_dominant[0, 0] += 0.2
    for A in (network(20, symmetric=False), not_dominant):
        C = npr.stationary_covariance(A)
        expected = npr.synapse_scores(A, C=C)
        assert np.allclose(npr.synapse_scores(sparse.csr_array(A)).data, expected.data)
        assert np.allclose(npr.synapse_scores(sparse.csr_array(A), C=C).data, expected.data)


def test_small_sparse_networks_are_exact_and_use_no_random_number_for_it(pair):
    A, exact = pair
    W = npr.synapse_scores(A, rule="weight")
    assert np.allclose(npr.synapse_scores(A).data, W.data * exact.data, rtol=1e-12)
    pruned, dense = npr.noise_prune(A, 0.3, rng=0).A, npr.noise_prune(A.toarray(), 0.3, rng=0).A
    assert np.allclose(pruned.toarray(), dense.toarray(), rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- after pruning


def without_a_factor(monkeypatch, method):
    """Let conjugate gradients do it where the method says so."""
    if method == "gradients":
        monkeypatch.setattr(factor, "ordering", lambda W: None)


@pytest.mark.usefixtures("large_networks")
@pytest.mark.parametrize("method", ["factor", "gradients"])
def test_epsilon_of_a_large_sparse_pair(pair, method, monkeypatch):
    A, _ = pair
    pruned = npr.noise_prune(A, 0.5, rng=0).A
    exact = npr.spectral_epsilon(A.toarray(), pruned.toarray())
    without_a_factor(monkeypatch, method)
    monkeypatch.setattr("noiseprune._matrix.dense", None)  # never called
    assert npr.spectral_epsilon(A, pruned) == pytest.approx(exact, rel=1e-5)
    assert npr.spectral_epsilon(A, A) == 0
    assert npr.spectral_epsilon(A, 1.5 * A) == pytest.approx(0.5, rel=1e-9)


def ring(n):
    """A symmetric ring: every mode but one or two is a pair."""
    ones = np.ones(n)
    W = sparse.diags_array([ones[1:], ones[1:], ones[:1], ones[:1]], offsets=[1, -1, n - 1, 1 - n])
    return npr.add_leak(sparse.csr_array(W), excess=0.02)


NETWORK = npr.add_leak(npr.spatial(40, 6, rng=0), excess=0.1)
REPEATED = {
    "ring": ring(300),
    "identical parts": sparse.csr_array(sparse.block_diag([NETWORK] * 12)),
    "complete": npr.add_leak(sparse.csr_array(np.ones((200, 200)) - np.eye(200)), excess=0.1),
    "no synapses": sparse.csr_array(-2.0 * sparse.eye_array(200)),
}


@pytest.mark.parametrize("method", ["dense", "factor", "gradients"])
@pytest.mark.parametrize("name", ["pair", *REPEATED])
@pytest.mark.parametrize("k", [1, 4, 13])
def test_every_copy_of_the_slowest_modes_is_found(pair, method, name, k, monkeypatch):
    A = pair[0] if name == "pair" else REPEATED[name]
    without_a_factor(monkeypatch, method)
    expected = np.linalg.eigvalsh(A.toarray())[-k:]
    if method != "dense":
        monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
        monkeypatch.setattr("noiseprune._matrix.dense", None)  # never called
    values, vectors = npr.slowest_modes(A, k)
    assert np.allclose(values, expected, rtol=1e-8)
    assert np.allclose(vectors.T @ vectors, np.eye(k), atol=1e-8)
    assert np.allclose(A @ vectors, vectors * values, atol=1e-5 * abs(A).max())


@pytest.mark.usefixtures("large_networks")
@pytest.mark.parametrize("k", [1, 10, 28, 29, 30])
def test_up_to_all_modes_of_a_sparse_network(k):
    A = ring(30)
    values, vectors = npr.slowest_modes(A, k)
    assert np.allclose(values, np.linalg.eigvalsh(A.toarray())[-k:], rtol=1e-10)
    assert np.allclose(vectors.T @ vectors, np.eye(k), atol=1e-10)


@pytest.mark.usefixtures("large_networks")
@pytest.mark.parametrize("excess", [0.01, 1.0, 100.0])
def test_a_leak_that_all_share_costs_no_solves(excess, monkeypatch):
    """All rates near one another: the excess leak is taken away before the network is inverted."""
    A = npr.add_leak(npr.spatial(600, 8, rng=0), excess=excess)
    blocks = []

    def counted(network, *on):
        solve = solver(network, *on)
        return lambda g: blocks.append(g) or solve(g)

    monkeypatch.setattr("noiseprune.spectrum.solver", counted)
    values, _ = npr.slowest_modes(A, 8)
    assert np.allclose(values, np.linalg.eigvalsh(A.toarray())[-8:], rtol=1e-10)
    assert len(blocks) <= 15


def test_a_hub_leaves_the_others_the_leak_that_all_share():
    ring = np.roll(np.eye(400), 1, axis=1)
    W = ring + ring.T
    W[0, 2:] = W[2:, 0] = 10.0
    A = npr.add_leak(sparse.csr_array(W), excess=0.1)  # the hub's own leak is 3981
    assert 0.09 < common_leak(A) < 0.1


@pytest.mark.usefixtures("large_networks")
@pytest.mark.parametrize("excess", [0.0, 1e-3, 0.5])
def test_the_abscissa_of_a_large_network_needs_no_iteration_with_itself(excess, monkeypatch):
    monkeypatch.setattr("noiseprune._matrix.abscissa", None)  # slow modes come last there
    A = npr.add_leak(npr.spatial(400, 8, rng=0), excess=excess)
    pruned = npr.noise_prune(A, 0.6, rng=0)
    expected = np.linalg.eigvalsh(pruned.A.toarray())[-1]
    assert pruned.abscissa == pytest.approx(expected, rel=1e-8, abs=1e-13)
    assert pruned.abscissa <= 0


def test_modes_that_do_not_converge_say_so(monkeypatch):
    monkeypatch.setattr(krylov, "_BLOCKS", 2)
    with pytest.raises(RuntimeError, match="the 2 slowest modes did not converge"):
        krylov.largest_of_inverse(solver(ring(300)), 300, 2)


@pytest.mark.parametrize(
    ("A", "k", "message"),
    [
        ([[-1, 0.5], [0.1, -1]], 1, "A must be symmetric"),
        ([[-1, 0.5], [0.5, -1]], 3, "k must be at most the number of neurons, 2"),
        ([[-1, 0.5], [0.5, -1]], 0, "k must be at least 1"),
        ([[-1, 1.5], [1.5, -1]], 1, "unstable"),
        ([[-1, 1.0], [1.0, -1]], 1, "singular"),
        (np.zeros((2, 2)), 1, "singular"),
    ],
)
def test_slowest_modes_say_what_is_wrong(A, k, message):
    with pytest.raises(ValueError, match=message):
        npr.slowest_modes(A, k)


TIMES = [3.0, 0.0, 0.2, 40.0]  # in any order


@pytest.mark.parametrize("columns", [(), (3,)])
def test_trajectory_error_without_noise_is_exact(pair, columns, monkeypatch):
    A, _ = pair
    A = A - 0.1 * sparse.eye_array(600)
    pruned = npr.noise_prune(A, 0.5, rng=0).A
    rng = np.random.default_rng(0)
    x0, b = rng.standard_normal((600, *columns)), rng.standard_normal(600)
    exact = npr.trajectory_error(A, pruned, TIMES, x0=x0, b=b)
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    error = npr.trajectory_error(A, pruned, TIMES, x0=x0, b=b)
    assert np.allclose(error, exact, rtol=1e-9, atol=1e-12)


def test_trajectory_error_with_noise_agrees_within_the_error_of_the_probes(pair, monkeypatch):
    A, _ = pair
    pruned = npr.noise_prune(A, 0.5, rng=0).A
    options = {"x0": np.ones(600), "sigma": 0.5}
    exact = npr.trajectory_error(A, pruned, TIMES, **options)
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    runs = np.array(
        [npr.trajectory_error(A, pruned, TIMES, **options, probes=8, rng=seed) for seed in range(6)]
    )
    # The spread of the runs gives the error of their mean; with 5 degrees of freedom a t-value
    # above 8 has a probability of 5e-4.
    spread = runs.std(axis=0, ddof=1) / np.sqrt(6)
    assert (np.abs(runs.mean(axis=0) - exact) <= 8 * spread + 1e-12).all()
    assert (spread < 0.05 * exact + 1e-12).all()


@pytest.mark.usefixtures("large_networks")
def test_the_noise_part_is_exact_where_probes_agree():
    """A diagonal pair: every vector of signs gives the same sum, so the quadrature stands alone."""
    rates, other = np.geomspace(0.01, 50, 9), np.geomspace(0.012, 80, 9)
    options = {"x0": np.zeros(9), "sigma": 0.7}
    times = np.array([0.003, 0.4, 7.0, 900.0])
    A, B = (-sparse.csr_array(sparse.diags_array(r)) for r in (rates, other))
    error = npr.trajectory_error(A, B, times, **options, probes=1)
    t = times[:, None]
    size, size_other, shared = (
        (-np.expm1(-r * t) / r).sum(axis=1) for r in (2 * rates, 2 * other, rates + other)
    )
    expected = np.sqrt((size + size_other - 2 * shared) / size)
    assert np.allclose(error[1:], expected[1:], rtol=1e-7)
    # The closed form has lost digits at the first time, where the squares are (difference t)^2.
    first = np.sqrt(np.sum((rates - other) ** 2) * 0.003**3 / 3 / size[0])
    assert error[0] == pytest.approx(first, rel=0.5)
    growing = npr.trajectory_error(-A, -A * 1.001, [12.0], **options, probes=1)
    dense = npr.trajectory_error(-A.toarray(), -1.001 * A.toarray(), [12.0], **options)
    assert growing == pytest.approx(dense, rel=1e-6)


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("change", [1.01, 0.999, 1 + 1e-9])
def test_errors_keep_their_digits_after_the_activity_has_decayed(large, change, monkeypatch):
    """Pairs of neurons, whose modes (1, 1) and (1, -1) are known: a sum of two exponentials."""
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0 if large else 5000)
    parts = [np.array([[-5.0, w], [w, -5.0]]) for w in (1.0, 4.0, 4.9)]
    A = sparse.csr_array(linalg.block_diag(*parts))
    x0 = np.array([3.0, 1.0, 2.0, 5.0, 1.0, 0.5])
    times = np.array([9000.0, 0.1, 4000.0, 20.0, 600.0])
    error = npr.trajectory_error(A, change * A, times, x0=x0)
    rates = np.array([-4.0, -6, -1, -9, -0.1, -9.9])
    rates[4] = -5.0 + 4.9
    amplitudes = np.ravel([[x + y, x - y] for x, y in x0.reshape(3, 2)])
    for t, value in zip(times, error, strict=True):
        modes = amplitudes * np.exp((rates - rates.max()) * t)
        expected = np.linalg.norm(modes * np.expm1((change - 1) * rates * t)) / np.linalg.norm(
            modes
        )
        # Rounding of a rate near 10 counts t times.
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-14 * (1000 + t))


@pytest.mark.parametrize("large", [True, False])
def test_one_bad_time_does_not_lose_the_others(large, monkeypatch):
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0 if large else 5000)
    A = sparse.csr_array([[-1.0, 0.5], [0.5, -1.0]])
    unstable = sparse.csr_array([[-1.0, 2.0], [2.0, -1.0]])
    for sigma in (0.0, 1.0):
        options = {"x0": [1.0, 1.0], "sigma": sigma, "rng": 0}
        with pytest.warns(UserWarning, match="beyond floating point from t = 800 on"):
            error = npr.trajectory_error(A, unstable, [800.0, 1.0, 0.0], **options)
        assert error[0] == np.inf
        assert 0 < error[1] < np.inf
        assert error[2] == pytest.approx(0, abs=1e-14)
    # Both outgrow floating point: their ratio does not.
    error = npr.trajectory_error(unstable, unstable * 1.001, [900.0], x0=[1.0, 1.0])
    assert error == pytest.approx(np.expm1(0.9), rel=1e-9)


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize(("b", "sigma"), [(0, 0), (0.3, 0), (0, 1), (0.3, 1)])
def test_a_network_makes_no_error_against_itself_or_one_close_to_it(large, b, sigma, monkeypatch):
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0 if large else 5000)
    A = npr.add_leak(npr.random_graph(40, 5, rng=0), excess=0.1)
    options = {"x0": np.ones(40), "b": b, "sigma": sigma, "rng": 0}
    times = [0.0, 1e-6, 0.1, 3.0, 200.0]
    assert npr.trajectory_error(A, A, times, **options).max() < 1e-13
    small, large_change = (
        npr.trajectory_error(A, c * A, times[2:], **options) for c in (1 + 1e-8, 1 + 1e-5)
    )
    assert np.allclose(1e3 * small, large_change, rtol=2e-3)


def test_networks_at_rest_agree():
    A = sparse.csr_array([[-1.0, 0.5], [0.5, -1.0]])
    assert npr.trajectory_error(A, 2 * A, [0.0, 1.0], x0=[0.0, 0.0], sigma=1.0)[0] == 0


@pytest.mark.usefixtures("large_networks")
@pytest.mark.parametrize(
    ("A", "options", "error", "message"),
    [
        (sparse.csr_array([[-1, 0.5], [0, -1]]), {}, ValueError, "A must be symmetric"),
        (-sparse.eye_array(3), {}, ValueError, "A_sparse must have the shape of A"),
        (-sparse.eye_array(2), {"x0": np.ones(3)}, ValueError, "x0 must have shape"),
        (-sparse.eye_array(2), {"x0": np.zeros(2)}, ValueError, "x0, b and sigma are all 0"),
        (-sparse.eye_array(2), {"b": np.ones(3)}, ValueError, "b must be a number"),
        (-sparse.eye_array(2), {"sigma": -1}, ValueError, "sigma must lie in"),
        (-sparse.eye_array(2), {"sigma": 1, "probes": 0}, ValueError, "probes must be at least 1"),
        (-sparse.eye_array(2), {"sigma": 1, "rng": "x"}, TypeError, "rng must be"),
    ],
)
def test_trajectory_error_says_what_is_wrong(A, options, error, message):
    with pytest.raises(error, match=message):
        npr.trajectory_error(A, -sparse.eye_array(2), [1.0], **{"x0": np.ones(2)} | options)


@pytest.mark.parametrize("name", ["_LONGEST", "_GROWTH", "_SHRINK"])
def test_the_course_does_not_depend_on_how_it_is_divided(name, monkeypatch):
    A = npr.add_leak(npr.random_graph(30, 4, rng=0), excess=0.1)
    options = {"x0": np.linspace(0, 1, 30)}
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    for B in (1.1 * A, A + 0.5 * sparse.eye_array(30)):
        whole = npr.trajectory_error(A, B, [2.0, 90.0], **options)
        with monkeypatch.context() as patched:
            value = 0.3 if name == "_SHRINK" else 1.0
            patched.setattr(f"noiseprune.large.propagator.{name}", value)
            pieces = npr.trajectory_error(A, B, [2.0, 90.0], **options)
        assert np.allclose(whole, pieces, rtol=1e-9)


def test_panels_double_and_stay_below_the_time_scale_of_growth():
    assert panels(0.0, 10.0, 1.0, 0.0) == [1.0, 2.0, 4.0, 8.0, 10.0]
    assert panels(3.0, 10.0, 1.0, 0.0) == [6.0, 10.0]
    assert panels(0.0, 10.0, 1.0, 2.0) == [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert panels(0.0, 10.0, 0.0, 0.0) == [10.0]


# ---------------------------------------------------------------- memory


def test_no_dense_matrix_is_made_anywhere():
    # A process that may address 3 GiB; one N x N matrix at N = 20,000 would take all of it.
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
        import numpy as np
        import noiseprune as npr

        n = 20_000
        for make in (npr.spatial, npr.random_graph):
            A = npr.add_leak(make(n, 6, negative=0.2, rng=0), excess=0.1)
            pruned = npr.noise_prune(A, 0.7, rng=0).A
            assert npr.spectral_epsilon(A, pruned) > 0
            assert npr.slowest_modes(A, 2)[0][-1] < 0
            error = npr.trajectory_error(A, pruned, [1.0], x0=np.ones(n))
            assert 0 < error[0] < 1
    """
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, env=environment)


def test_a_matrix_that_memory_cannot_hold_is_refused_before_it_is_made():
    n = 300_000
    W = sparse.csr_array((np.ones(n - 1), (np.arange(n - 1), np.arange(1, n))), shape=(n, n))
    A = sparse.csr_array(W - 2 * sparse.eye_array(n))
    for function in (npr.stationary_covariance, npr.synapse_scores):
        with pytest.raises(ValueError, match=r"A has 300000 neurons .* 1.34e.03 GiB"):
            function(A)
