"""The Lyapunov equation, sample covariances, and what the two neurons of a synapse see of them."""

import re

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse

import noiseprune as npr
from noiseprune import _device
from noiseprune.covariance import (
    _bartels_stewart,
    _norm_from_below,
    _proves_stability,
    _smith,
    _sum_of_powers,
)

STRUCTURES = ["symmetric", "normal", "general"]


@pytest.fixture(scope="module")
def structured(with_spectrum):
    """Make a stable 40-neuron matrix of the given structure and condition number."""

    def make(structure, condition, seed=0):
        decay = -np.geomspace(1.0, 1.0 / condition, 40)
        if structure == "symmetric":
            return with_spectrum(decay, seed=seed)
        if structure == "normal":  # rotating modes, the same condition number
            return with_spectrum([(a, 0.5 * a) for a in decay[::2]], seed=seed)
        Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(40, 40)))[0]
        mixing = np.triu(np.random.default_rng(seed + 1).normal(size=(40, 40)), 1)
        return Q @ (np.diag(decay) + 0.05 * mixing * np.abs(decay)) @ Q.T

    return make


def residual(A, C, sigma=1.0):
    """Backward error of the Lyapunov equation, relative to ||A|| ||C||."""
    R = A @ C + C @ A.T + sigma**2 * np.eye(len(A))
    return np.linalg.norm(R, 2) / (np.linalg.norm(A, 2) * np.linalg.norm(C, 2))


# ---------------------------------------------------------------- stationary covariance


@pytest.mark.parametrize("condition", [2.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("seed", range(5))
def test_residual_is_at_rounding_level(structured, structure, condition, seed):
    A = structured(structure, condition, seed)
    for used in (structure, "auto", "general"):
        C = npr.stationary_covariance(A, structure=used)
        assert residual(A, C) <= 1e-12
        assert np.array_equal(C, C.T)
        assert np.linalg.eigvalsh(C)[0] > 0


@pytest.mark.parametrize("structure", STRUCTURES)
def test_agrees_with_scipys_lyapunov_solver(structured, structure):
    A = structured(structure, 10.0)
    C = npr.stationary_covariance(A, sigma=0.3, structure=structure)
    oracle = linalg.solve_continuous_lyapunov(A, -(0.3**2) * np.eye(40))
    assert np.allclose(C, oracle, rtol=1e-10, atol=1e-12)


def test_a_symmetric_matrix_fits_all_three_methods(network):
    A = network(15)
    covariances = [npr.stationary_covariance(A, structure=s) for s in [*STRUCTURES, "auto"]]
    for C in covariances[1:]:
        assert np.allclose(C, covariances[0], rtol=1e-11, atol=1e-13)


def test_ring_with_a_preferred_direction_is_normal():
    shift = np.roll(np.eye(12), 1, axis=0)
    A = 0.7 * shift + 0.1 * shift.T - np.eye(12)
    C = npr.stationary_covariance(A, structure="normal")
    assert np.allclose(C, -np.linalg.inv(A + A.T), rtol=1e-12)
    assert np.allclose(C, npr.stationary_covariance(A, structure="general"), rtol=1e-12)


def test_stable_network_with_growing_transients():
    """A + A^T is not negative here, so only the general method applies."""
    A = np.array([[-1.0, 30.0], [0.0, -2.0]])
    assert residual(A, npr.stationary_covariance(A)) <= 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_products_alone_solve_a_well_behaved_network(network, monkeypatch, seed):
    """The general method needs no Schur form here, and the backward error is the one promised."""
    A = network(60, seed=seed, symmetric=False, excess=0.02)
    expected = _bartels_stewart(A, 0.7, A)
    monkeypatch.setattr("noiseprune.covariance._bartels_stewart", None)
    C = npr.stationary_covariance(A, sigma=0.7, structure="general")
    assert residual(A, C, 0.7) <= 1e-13
    assert np.allclose(C, expected, rtol=1e-10, atol=1e-12)
    assert np.array_equal(C, C.T)


@pytest.mark.parametrize("rate", [1e-4, 1e-8])
def test_what_products_lose_to_rounding_they_find_again(monkeypatch, rate):
    """Two hundred fast rotations that hardly decay: one pass misses the promise."""
    X = np.random.default_rng(0).standard_normal((200, 200))
    A = (X - X.T) / 200**0.5
    A[0] *= 2
    np.fill_diagonal(A, -rate)
    passes = []

    def counted(U, C, on, **options):
        passes.append(len(U))
        return _sum_of_powers(U, C, on, **options)

    monkeypatch.setattr("noiseprune.covariance._sum_of_powers", counted)
    monkeypatch.setattr("noiseprune.covariance._bartels_stewart", None)
    assert residual(A, npr.stationary_covariance(A, structure="general")) <= 1e-13
    assert len(passes) > 1


@pytest.mark.parametrize("n", [1, 2, 50])
def test_norms_from_below_are_below_and_near(n):
    """The backward error that is promised is then above the true one, and not by much."""
    X = np.random.default_rng(n).standard_normal((n, n))
    assert 0.9 <= _norm_from_below(X, _device.HOST) / np.linalg.norm(X, 2) <= 1 + 1e-12


@pytest.mark.parametrize("rounding", [1e-17, 1e-4])
def test_sums_of_powers_stop_where_they_may(rounding):
    """For U = u I the sum is C / (1 - u^2); what is left out is below the stated fraction."""
    for u in (0.0, 0.5, 0.99, 0.9999):
        C = np.array([[2.0, 1.0], [1.0, 3.0]])
        found = _sum_of_powers(u * np.eye(2), C.copy(), _device.HOST, rounding)
        lost = 1 - found * (1 - u**2) / C
        assert np.abs(lost).max() <= max(rounding, 1e-11)


@pytest.mark.parametrize("gain", [1e3, 1e6])
def test_where_products_lose_digits_the_schur_form_takes_over(gain):
    """A chain in which activity grows by `gain` from neuron to neuron: stable, far from normal."""
    A = -np.eye(12) + gain * np.eye(12, k=-1)
    assert _smith(A) is None
    assert residual(A, npr.stationary_covariance(A)) <= 1e-12


@pytest.mark.parametrize(
    "A",
    [
        [[-1.0, 3.0], [1.0, -1.0]],
        [[0.0, 1.0], [-1.0, 0.0]],
        [[-1.0, 2.0], [0.5, -1.0]],
        [[-1.0, 0.0], [0.0, -1e-14]],
        [[-1e-200, 1e200], [0.0, -1e-200]],
    ],
    ids=["unstable", "rotation", "singular", "nearly singular", "beyond floating point"],
)
def test_products_alone_never_answer_for_a_network_without_a_covariance(A):
    assert _smith(np.array(A)) is None


def test_a_network_that_only_looks_normal_from_one_side_is_not_normal(network):
    A = network(30)
    A[3, 4] += 1e-6
    for sigma in (1.0, np.arange(1.0, 31.0)):
        with pytest.raises(ValueError, match="not normal"):
            npr.stationary_covariance(A, structure="normal", sigma=sigma)


def test_covariance_sums_all_walks(network):
    """-A^-1 = sum_k (D^-1 W)^k D^-1: paths of every length contribute."""
    A = network(10, excess=1.0)
    D_inverse = np.diag(-1 / A.diagonal())
    step = D_inverse @ (A - np.diag(A.diagonal()))
    walks, total = np.eye(10), np.zeros((10, 10))
    for _ in range(2000):
        total += walks
        walks = walks @ step
    assert np.allclose(npr.stationary_covariance(A), total @ D_inverse / 2, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("c", [1e-6, 7.0, 1e5])
def test_scaling_time_and_noise(structured, structure, c):
    A = structured(structure, 50.0)
    C = npr.stationary_covariance(A)
    assert np.allclose(npr.stationary_covariance(c * A), C / c, rtol=1e-10, atol=1e-12 / c)
    assert np.allclose(npr.stationary_covariance(A, sigma=c), C * c**2, rtol=1e-10, atol=0)
    assert not npr.stationary_covariance(A, sigma=0).any()


@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_relabelling_and_container_do_not_matter(network, n, seed, symmetric):
    A = network(n, seed=seed, symmetric=symmetric)
    order = np.random.default_rng(seed).permutation(n)
    C = npr.stationary_covariance(A)
    scale = np.abs(C).max()
    relabelled = npr.stationary_covariance(A[np.ix_(order, order)])
    assert np.allclose(relabelled, C[np.ix_(order, order)], rtol=0, atol=1e-11 * scale)
    for container in (sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.lil_matrix):
        assert np.allclose(npr.stationary_covariance(container(A)), C, rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("symmetric", [True, False])
def test_float32_and_integers_are_taken_at_their_value(network, symmetric):
    A = network(10, symmetric=symmetric).astype(np.float32)
    exact = npr.stationary_covariance(A.astype(float))
    assert np.allclose(npr.stationary_covariance(A), exact, rtol=1e-12)
    assert np.allclose(npr.stationary_covariance(sparse.csr_array(A)), exact, rtol=1e-12)
    assert np.allclose(
        npr.stationary_covariance([[-2, 1], [1, -2]]), [[1 / 3, 1 / 6], [1 / 6, 1 / 3]]
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_inputs_may_be_read_only_and_stay_as_they_are(structured, structure):
    for order in "CF":
        A = np.array(structured(structure, 10.0), order=order)
        before = A.copy()
        A.flags.writeable = False
        npr.stationary_covariance(A)
        npr.stationary_covariance(A, structure="general")
        assert np.array_equal(A, before)


def test_one_neuron():
    assert np.allclose(npr.stationary_covariance([[-4.0]], sigma=2.0), [[0.5]])


UNSTABLE = {
    "symmetric": [[-1.0, 1.4], [1.4, -1.0]],
    "normal": [[0.0, 2.0, -1.0], [-1.0, 0.0, 2.0], [2.0, -1.0, 0.0]],
    "general": [[-1.0, 3.0], [1.0, -1.0]],
}
SINGULAR = {
    "symmetric": [[-1.0, 1.0], [1.0, -1.0]],
    "normal": [[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0], [1.0, 0.0, -1.0]],
    "general": [[-1.0, 2.0], [0.5, -1.0]],
}


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("used", ["own", "auto", "general"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_unstable_and_singular_networks_have_no_covariance(structure, used, container):
    used = structure if used == "own" else used
    with pytest.raises(ValueError, match=r"unstable.*largest real part.*stationary covariance"):
        npr.stationary_covariance(container(UNSTABLE[structure]), structure=used)
    with pytest.raises(ValueError, match=r"singular|unstable"):
        npr.stationary_covariance(container(SINGULAR[structure]), structure=used)


def test_a_balanced_network_without_excess_leak_is_singular(network):
    """Signs that relabelling makes all positive leave a mode that nothing decays."""
    n = 20
    W = np.abs(network(n))
    np.fill_diagonal(W, 0)
    sign = np.random.default_rng(0).choice([-1, 1], n)
    with pytest.raises(ValueError, match=r"singular|unstable"):
        npr.stationary_covariance(npr.add_leak(sign[:, None] * W * sign))


@pytest.mark.parametrize(
    ("A", "options", "error", "message"),
    [
        (-np.ones((3, 4)), {}, ValueError, r"A must be square, got shape \(3, 4\)"),
        (
            sparse.csr_array(-np.ones((3, 4))),
            {},
            ValueError,
            r"A must be square, got shape \(3, 4\)",
        ),
        (-np.ones((2, 2, 2)), {}, ValueError, "A .*dimension"),
        (sparse.coo_array(-np.ones(3)), {}, ValueError, "A .*dimension"),
        (sparse.csr_array((0, 0)), {}, ValueError, "at least one neuron"),
        ([[-1, np.nan], [0, -1]], {}, ValueError, "A .*finite"),
        ([[-1, np.inf], [0, -1]], {}, ValueError, "A .*finite"),
        (sparse.csr_array([[-1, np.nan], [0, -1]]), {}, ValueError, "A.*finite"),
        ([[-1, 1j], [-1j, -1]], {}, ValueError, "A must be real.*complex"),
        (sparse.csr_array([[-1, 1j], [-1j, -1]]), {}, ValueError, "A must be real.*complex"),
        ([[-1, 0], [0, 0.5]], {}, ValueError, r"positive diagonal.*A\[1, 1\] = 0.5"),
        ([[-1, 0.5], [0, -1]], {"structure": "symmetric"}, ValueError, "not symmetric"),
        ([[-1, 0.5], [0, -1]], {"structure": "normal"}, ValueError, "not normal"),
        (-np.eye(2), {"structure": "diagonal"}, ValueError, "structure.*'symmetric'.*'diagonal'"),
        (-np.eye(2), {"sigma": -1.0}, ValueError, "sigma"),
        (-np.eye(2), {"sigma": np.nan}, ValueError, "sigma"),
        (-np.eye(2), {"sigma": np.complex128(1j)}, ValueError, "sigma must be real"),
        (-np.eye(2), {"sigma": 1j}, (TypeError, ValueError), "sigma"),
        (-np.eye(2), {"sigma": None}, TypeError, "sigma"),
        (-np.eye(2), {"sigma": "loud"}, TypeError, "sigma"),
        (None, {}, TypeError, "A must be an array"),
        ("A.npy", {}, TypeError, "A must be an array"),
    ],
)
def test_stationary_covariance_says_what_is_wrong(A, options, error, message):
    with pytest.raises(error, match=message):
        npr.stationary_covariance(A, **options)


# ---------------------------------------------------------------- sample covariance


def test_sample_covariance_agrees_with_numpy():
    x = np.random.default_rng(0).normal(size=(50, 6)) + 3.0
    before = x.copy()
    assert np.allclose(npr.sample_covariance(x), np.cov(x.T), rtol=1e-12)
    assert np.allclose(npr.sample_covariance(x, burn_in=20), np.cov(x[20:].T), rtol=1e-12)
    assert np.allclose(
        npr.sample_covariance(x.astype(np.float32)), np.cov(x.T), rtol=1e-5, atol=1e-6
    )
    assert np.array_equal(x, before)


@pytest.mark.parametrize("snapshots", [50, 800])
def test_measured_variances_scatter_like_chi_square(network, snapshots):
    """From T snapshots every synapse sees its variance times chi^2_(T-1) / (T-1)."""
    A = network(40, density=0.5)
    C = npr.stationary_covariance(A)
    exact = npr.synapse_variances(A, C).data
    rng = np.random.default_rng(1)
    ratios = np.array(
        [
            npr.synapse_variances(
                A, npr.sample_covariance(rng.multivariate_normal(np.zeros(40), C, snapshots))
            ).data
            / exact
            for _ in range(200)
        ]
    )
    # 200 repetitions for each synapse; averaging over synapses can only sharpen: the mean ratio is
    # 1 within 5 standard errors of one synapse, the variance 2 / (T - 1) within 5 * sqrt(2 / 200).
    dof = snapshots - 1
    assert ratios.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / dof / 200))
    assert ratios.var(axis=0).mean() == pytest.approx(2 / dof, rel=5 * np.sqrt(2 / 200))


@pytest.mark.parametrize(
    ("x", "burn_in", "error", "message"),
    [
        (np.zeros(5), 0, ValueError, "x .*dimension"),
        (np.zeros((1, 3)), 0, ValueError, "x .*2 times"),
        (np.zeros((9, 3)), 8, ValueError, "burn_in=8"),
        (np.zeros((9, 0)), 0, ValueError, "1 neuron"),
        (np.zeros((9, 3)), -1, ValueError, "burn_in"),
        (np.zeros((9, 3)), 1.5, TypeError, "burn_in"),
        (np.full((9, 3), np.nan), 0, ValueError, "x .*finite"),
        (None, 0, TypeError, "x"),
        ("x.npy", 0, TypeError, "x"),
    ],
)
def test_sample_covariance_says_what_is_wrong(x, burn_in, error, message):
    with pytest.raises(error, match=message):
        npr.sample_covariance(x, burn_in=burn_in)


# ---------------------------------------------------------------- variances and resistances


@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_synapse_variances_are_those_of_the_difference(network, n, seed, symmetric, as_sparse):
    A = network(n, seed=seed, symmetric=symmetric)
    C = npr.stationary_covariance(A)
    V = npr.synapse_variances(sparse.csr_array(A) if as_sparse else A, C)
    W = A - np.diag(A.diagonal())
    rows, columns = np.nonzero(W)
    assert isinstance(V, sparse.csr_array)
    assert V.nnz == rows.size
    for i, j in zip(rows, columns, strict=True):
        u = np.zeros(n)
        u[i], u[j] = 1.0, -np.sign(W[i, j])
        assert V[i, j] == pytest.approx(u @ C @ u, rel=1e-9, abs=1e-13)
    if symmetric:
        assert np.array_equal(V.toarray(), V.toarray().T)


def grounded(graph):
    """Network of a weighted graph in which only neuron 0 has excess leak.

    No current flows to the ground between two neurons, so resistances are those of the graph.
    """
    A = npr.add_leak(nx.to_numpy_array(graph))
    A[0, 0] -= 1.0
    return A


@pytest.mark.parametrize(
    ("graph", "resistance"),
    [
        (nx.path_graph(12), 1.0),
        (nx.cycle_graph(12), 11 / 12),
        (nx.complete_graph(12), 2 / 12),
        (nx.star_graph(7), 1.0),
        (nx.complete_bipartite_graph(3, 4), (3 + 4 - 1) / (3 * 4)),
        (nx.hypercube_graph(3), 7 / 12),
    ],
    ids=["path", "cycle", "complete", "star", "bipartite", "cube"],
)
@pytest.mark.parametrize("structure", ["symmetric", "general"])
def test_noise_measures_effective_resistance_in_closed_form(graph, resistance, structure):
    A = grounded(graph)
    V = npr.synapse_variances(A, npr.stationary_covariance(A, structure=structure))
    assert np.allclose(2 * V.data, resistance, rtol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_noise_measures_effective_resistance_on_any_weighted_graph(seed):
    graph = nx.gnm_random_graph(14, 40, seed=seed)
    rng = np.random.default_rng(seed)
    nx.set_edge_attributes(graph, {e: rng.uniform(0.1, 3.0) for e in graph.edges}, "weight")
    assert nx.is_connected(graph)
    A = grounded(graph)
    V = npr.synapse_variances(A, npr.stationary_covariance(A))
    oracle = nx.resistance_distance(graph, weight="weight", invert_weight=False)
    for i, j in graph.edges:
        assert 2 * V[i, j] == pytest.approx(oracle[i][j], rel=1e-9)


@pytest.mark.parametrize(
    ("C", "error", "message"),
    [
        (np.eye(3), ValueError, r"C .*shape.*\(3, 3\)"),
        (np.ones(2), ValueError, "C .*dimension"),
        ([[1.0, 0.5], [0.2, 1.0]], ValueError, "C .*symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], ValueError, "C .*positive semidefinite"),
        ([[1.0, 0.0], [0.0, -0.1]], ValueError, "C .*(positive semidefinite|negative)"),
        ([[1.0, np.nan], [np.nan, 1.0]], ValueError, "C .*finite"),
        ([[1.0, 1j], [-1j, 1.0]], ValueError, "C .*complex"),
        (None, TypeError, "C must be an array"),
        ("C.npy", TypeError, "C must be an array"),
    ],
)
def test_synapse_variances_say_what_is_wrong_with_the_covariance(C, error, message):
    with pytest.raises(error, match=message):
        npr.synapse_variances(np.array([[-1.0, 0.5], [0.5, -1.0]]), C)


def test_a_singular_covariance_of_few_samples_is_accepted():
    x = np.random.default_rng(0).normal(size=(3, 8))  # rank 2
    A = np.ones((8, 8))
    V = npr.synapse_variances(A, npr.sample_covariance(x))
    assert V.nnz == 56
    assert V.data.min() >= 0


# ---------------------------------------------------------------- any scale, any spread of leaks


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("leaks", [(1, 1e15), (1e-14, 1), (1e-200, 1, 1e200), (1e-15, 3, 1e15)])
def test_leaks_of_any_spread(leaks, container):
    A = container(-np.diag(leaks))
    for structure in ("auto", "symmetric"):
        C = npr.stationary_covariance(A, structure=structure)
        assert np.allclose(C.diagonal() * leaks, 0.5, rtol=1e-15)
        assert np.count_nonzero(C) == len(leaks)


@pytest.mark.parametrize("clamp", [1e9, 1e12, 1e15])
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_clamped_neuron_is_as_good_as_absent(network, symmetric, clamp):
    """Its leak is so large that it hardly moves; the others have the covariance without it."""
    A = network(24, symmetric=symmetric, excess=0.5)
    A[7, 7] = -clamp
    C = npr.stationary_covariance(A)
    others = np.delete(np.arange(24), 7)
    rest = np.ix_(others, others)
    assert np.allclose(C[rest], npr.stationary_covariance(A[rest]), rtol=0, atol=40 / clamp + 1e-13)
    assert C[7, 7] * clamp == pytest.approx(0.5, rel=100 / clamp + 1e-12)


@pytest.mark.parametrize("fast", [0, 1, 2])
@pytest.mark.parametrize("rate", [1e3, 1e12, 1e15])
def test_slow_neurons_keep_their_structure_beside_a_fast_one(fast, rate):
    """One directed synapse: neither symmetric nor normal, whatever the scale of a third neuron."""
    A = np.zeros((3, 3))
    slow = [k for k in range(3) if k != fast]
    A[fast, fast] = -rate
    A[np.ix_(slow, slow)] = [[-1, 0], [1, -1]]
    C = npr.stationary_covariance(A)
    assert np.allclose(C[np.ix_(slow, slow)], [[0.5, 0.25], [0.25, 0.75]], rtol=1e-13)
    assert C[fast, fast] == pytest.approx(0.5 / rate, rel=1e-13)
    for structure in ("symmetric", "normal"):
        with pytest.raises(ValueError, match=f"not {structure}"):
            npr.stationary_covariance(A, structure=structure)


@pytest.mark.parametrize("rate", [1e9, 1e15])
def test_slow_growth_is_seen_beside_a_fast_neuron(rate):
    for slow in ([[-1.0, 3.0], [1.0, -1.0]], [[-1.0, 1.4], [1.4, -1.0]]):
        A = np.zeros((3, 3))
        A[:2, :2], A[2, 2] = slow, -rate
        with pytest.raises(ValueError, match=r"unstable: largest real part .* is 0\.[47]"):
            npr.stationary_covariance(A)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_any_unit_of_time(structured, structure, scale):
    A = structured(structure, 10.0)
    expected = npr.stationary_covariance(A)
    C = npr.stationary_covariance(scale * A)
    assert np.allclose(scale * C, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize(("condition", "refused"), [(0.7e14, False), (1.5e14, True)])
def test_singular_begins_at_a_condition_of_1e14(condition, refused):
    """Two neurons: the leaks are 1, the trace of the inverse is 1/2 + 1/s."""
    s = 1 / condition
    A = np.array([[-1.0, 1 - s], [1 - s, -1.0]])
    if refused:
        with pytest.raises(ValueError, match="singular"):
            npr.stationary_covariance(A)
    else:
        assert np.isfinite(npr.stationary_covariance(A)).all()


@pytest.mark.parametrize(("rate", "answered"), [(1e-9, True), (1e-16, False)])
def test_slow_decay_of_fast_rotation_is_answered_where_its_rate_is_known(rate, answered):
    """The variance is 1 / (2 rate); the rate is known to rounding of the frequency, about 1."""
    A = np.array([[-rate, 1.0], [-1.3, -rate]])
    if answered:
        C = npr.stationary_covariance(A, structure="general")
        assert residual(A, C) <= 1e-12
    else:
        with pytest.raises(ValueError, match="singular"):
            npr.stationary_covariance(A, structure="general")


@pytest.mark.parametrize(("size", "accepted"), [(0.5, True), (2.0, False)])
def test_products_alone_promise_a_backward_error_of_1e_13(network, monkeypatch, size, accepted):
    """An answer with an error just below or above that is kept or left to the Schur form."""
    A = network(20, symmetric=False)
    C = _smith(A)
    # E changes the residual A E + E A^T by a known amount, in the measure of the promise.
    E = C[:, :1] @ C[:1]
    size_A, size_C = np.linalg.norm(A, axis=1).max(), np.linalg.norm(C) ** 2 / np.trace(C)
    E *= size * 1e-13 * size_A * size_C / np.linalg.norm(A @ E + E @ A.T)
    monkeypatch.setattr("noiseprune.covariance._sum_of_powers", lambda U, first, on, **_: C + E)
    assert (_smith(A) is not None) == accepted


# ---------------------------------------------------------------- noise of its own, discrete time


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
def test_every_neuron_may_have_noise_of_its_own(structured, structure, container):
    A = structured(structure, 10.0)
    sigma = np.random.default_rng(0).random(len(A)) * 2
    sigma[0] = 0.0
    C = npr.stationary_covariance(container(A), sigma=sigma)
    expected = linalg.solve_continuous_lyapunov(A, -np.diag(sigma**2))
    assert np.allclose(C, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
    assert np.array_equal(C, C.T)
    same = npr.stationary_covariance(A, sigma=np.full(len(A), 0.7))
    assert np.array_equal(same, npr.stationary_covariance(A, sigma=0.7))
    assert np.array_equal(npr.stationary_covariance(A, sigma=0 * sigma), 0 * C)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0.0, 0.999), st.booleans())
def test_discrete_time(n, seed, radius, symmetric):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    A = A + A.T if symmetric else A
    A *= radius / np.abs(np.linalg.eigvals(A)).max()
    sigma = rng.random(n)
    C = npr.stationary_covariance(A, sigma=sigma, time="discrete")
    assert np.allclose(C, A @ C @ A.T + np.diag(sigma**2), rtol=0, atol=1e-12 * np.abs(C).max())
    assert np.array_equal(C, C.T)
    sparse_C = npr.stationary_covariance(sparse.csr_array(A), sigma=sigma, time="discrete")
    assert np.array_equal(sparse_C, C)
    if radius < 0.5:
        powers = [np.linalg.matrix_power(A, k) for k in range(60)]
        walks = sum(power @ np.diag(sigma**2) @ power.T for power in powers)
        assert np.allclose(C, walks, rtol=0, atol=1e-12 * np.abs(C).max())


def test_discrete_time_close_to_the_limit():
    for distance in (1e-3, 1e-6, 1e-9):
        C = npr.stationary_covariance([[1 - distance]], time="discrete")
        assert C[0, 0] == pytest.approx(1 / (distance * (2 - distance)), rel=1e-6)


@pytest.mark.parametrize(
    "A",
    [[[1.0]], [[-1.0]], [[2.0]], [[0, 1.0], [1.0, 0]], [[0.5, 1e3], [1e3, 0.5]], 1e200 * np.eye(2)],
)
def test_discrete_time_needs_a_spectral_radius_below_1(A):
    with pytest.raises(ValueError, match="unstable in discrete time: its spectral radius is"):
        npr.stationary_covariance(A, time="discrete")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"sigma": [1.0]},
            ValueError,
            "sigma must be a number or have one entry .* 2 neurons, got 1",
        ),
        ({"sigma": [1.0, -1.0]}, ValueError, r"sigma must not be negative, got -1 at index \(1,\)"),
        ({"sigma": [[1.0, 1.0]]}, ValueError, "sigma .*dimension"),
        ({"sigma": np.ma.masked_array([1.0, 1.0], [0, 1])}, ValueError, "sigma .*masked"),
        ({"time": "later"}, ValueError, "time must be one of 'continuous', 'discrete'"),
        ({"time": "discrete", "structure": "normal"}, ValueError, "leave it out"),
    ],
)
def test_noise_and_time_say_what_is_wrong(options, error, message):
    with pytest.raises(error, match=message):
        npr.stationary_covariance(-np.eye(2) / 2, **options)


# ---------------------------------------------------------------- covariances from recordings


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("snapshots", [5, 400])
def test_covariances_are_judged_by_the_rounding_of_their_own_numbers(dtype, snapshots):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(snapshots, 60)) * 10.0 ** rng.uniform(-2, 2, 60)).astype(dtype)
    C = np.cov(x, rowvar=False, dtype=dtype)
    V = npr.synapse_variances(np.ones((60, 60)), C)
    i, j = V.tocoo().coords
    expected = C[i, i].astype(float) + C[j, j] - 2.0 * C[i, j]
    assert np.allclose(V.data, expected, rtol=1e-12, atol=1e-12 * C.max())
    assert C.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize(("factor", "accepted"), [(0.5, True), (3.0, False)])
def test_a_least_eigenvalue_may_be_negative_by_rounding(dtype, scale, factor, accepted):
    """Variances 1 and correlation 1 + t: the least eigenvalue is -t, which may be 2 x rounding."""
    rounding = 1e-10 if dtype is np.float64 else 4 * np.finfo(np.float32).eps
    correlation = 1 + factor * 2 * rounding
    C = (scale * np.array([[1, correlation], [correlation, 1]])).astype(dtype)
    if accepted:
        npr.synapse_variances(np.ones((2, 2)), C)
    else:
        with pytest.raises(ValueError, match="positive semidefinite"):
            npr.synapse_variances(np.ones((2, 2)), C)


@pytest.mark.parametrize("bad", [[[1e12, 0], [0, -1.0]], [[1e12, 0, 0], [0, 1, 2], [0, 2, 1]]])
def test_small_neurons_are_judged_on_their_own_scale(bad):
    with pytest.raises(ValueError, match="positive semidefinite"):
        npr.synapse_variances(np.ones(np.shape(bad)), bad)


def test_a_sparse_covariance_is_read_as_what_it_is(network):
    A = network(10)
    C = np.diag(np.arange(1.0, 11))
    for container in (sparse.csr_array, sparse.dia_array, sparse.coo_matrix):
        V = npr.synapse_variances(A, container(C))
        assert np.array_equal(V.toarray(), npr.synapse_variances(A, C).toarray())


def test_missing_recordings_are_refused_with_what_to_do():
    x = np.random.default_rng(0).normal(size=(20, 3))
    masked = np.ma.masked_array(x, mask=np.zeros_like(x))
    for recording in (masked, list(masked), (x[0], masked[1])):
        with pytest.raises(ValueError, match=r"x must not be a masked array.*leave those rows out"):
            npr.sample_covariance(recording)
    x[4, 1] = np.nan
    with pytest.raises(ValueError, match=r"got nan at index \(4, 1\); leave out times or neurons"):
        npr.sample_covariance(x)


@pytest.mark.parametrize("sigma", [1e155, [1.0, 1e155]])
@pytest.mark.parametrize("w", [0.1, 0.2])
def test_noise_whose_square_is_beyond_floating_point(sigma, w):
    with pytest.raises(ValueError, match=r"sigma must lie in \[0, 1e\+150\]"):
        npr.stationary_covariance([[-1, 0.2], [w, -1]], sigma=sigma)


def test_leaks_that_spread_too_far_for_a_directed_network_say_so(network):
    A, rest = network(8, symmetric=False), np.arange(8) != 3
    expected = npr.stationary_covariance(A[np.ix_(rest, rest)])
    for leak in (1e5, 1e7, 1e8, 1e10, 1e12, 1e14, 1e15):  # its synapses matter less and less
        A[3, 3] = -leak
        C = npr.stationary_covariance(A)
        assert np.abs(C[np.ix_(rest, rest)] - expected).max() < 1 / leak + 1e-14
        assert C[3, 3] == pytest.approx(0.5 / leak, rel=1e-12 + 10 / leak)
    A[3, 3] = -1e18
    with pytest.raises(ValueError, match=r"leaks of A spread too far.* 1e\+18 \(neuron 3\)"):
        npr.stationary_covariance(A)


@pytest.mark.parametrize("unit", [1.0, 1.5, 3.0, 5.0, 1e9])
def test_how_unstable_a_directed_network_is(unit):
    A = unit * np.array([[-0.5, 1.0], [0.5, -0.5]])
    with pytest.raises(ValueError, match=f"is {re.escape(f'{unit * (0.5**0.5 - 0.5):.4g}')} "):
        npr.stationary_covariance(A)


@pytest.mark.parametrize(("shared", "stable"), [(1.5, True), (-1.99, True), (2.01, False)])
def test_a_solution_of_lyapunovs_equation_proves_stability_where_it_is_positive(shared, stable):
    C = np.array([[4.0, shared], [shared, 1.0]])
    A = -0.5 * np.linalg.inv(C)
    assert _proves_stability(A, C) == stable
    assert not _proves_stability(A, 1.001 * C)  # which is no solution


def test_activity_that_outgrows_numbers_on_its_way_is_refused_in_words():
    """A stable chain that triples activity at each of 400 steps: variances of 1e380."""
    A = -np.eye(400) + np.diag(np.full(399, 3.0), -1)
    for call in (npr.stationary_covariance, npr.synapse_scores, lambda A: npr.compare(A, A)):
        with pytest.raises(ValueError, match="covariance of A is beyond floating-point numbers"):
            call(A)
    with pytest.raises(ValueError, match="does not decay in floating-point numbers"):
        npr.asymmetric.peak_amplification(A)
    for A in ([[-1e-290]], [[-1e-290, 1e-291], [0, -1e-290]]):
        with pytest.raises(ValueError, match="covariance of A is beyond floating-point numbers"):
            npr.stationary_covariance(A, sigma=1e20)


def test_a_long_chain_has_the_covariances_of_its_recursion():
    n, w = 150, 3.0
    C = np.zeros((n + 1, n + 1))
    for i, j in np.ndindex(n, n):  # 2 C_ij = delta_ij + w (C_i-1,j + C_i,j-1)
        C[i, j] = ((i == j) + w * (C[i - 1, j] + C[i, j - 1])) / 2
    A = -np.eye(n) + np.diag(np.full(n - 1, w), -1)
    assert np.allclose(npr.stationary_covariance(A), C[:n, :n], rtol=1e-13)


def test_a_sparse_covariance_of_small_integers_adds_up():
    place = [0, 0, 1, 1] * 2
    C = sparse.coo_array((np.full(8, 100, dtype=np.int8), (place, place)), shape=(2, 2))
    assert npr.synapse_variances([[0, 1], [1, 0]], C).max() == 800
