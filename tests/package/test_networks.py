"""The clustered networks of the paper, and the leak that makes them stable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

import noiseprune as npr


def blocks(sizes):
    """Boolean matrix: both neurons in the same cluster."""
    label = np.repeat(np.arange(len(sizes)), sizes)
    return label[:, None] == label[None, :]


@pytest.mark.parametrize("symmetric", [True, False])
def test_leading_eigenvalue_is_one_over_1_1(symmetric):
    W = npr.clustered([60, 20, 20], long_range=200, symmetric=symmetric, rng=3)
    assert np.linalg.eigvals(W).real.max() == pytest.approx(1 / 1.1, rel=1e-10)


def test_symmetric_network_is_exactly_symmetric_with_zero_diagonal():
    W = npr.clustered([40, 30], long_range=100, rng=0)
    assert isinstance(W, np.ndarray)
    assert W.shape == (70, 70)
    assert np.array_equal(W, W.T)
    assert not W.diagonal().any()


def test_asymmetric_network_draws_each_direction_on_its_own():
    W = npr.clustered([40, 30], long_range=100, symmetric=False, rng=0)
    assert not W.diagonal().any()
    assert np.any((W != 0) & (W.T == 0))
    both = (W != 0) & (W.T != 0)
    assert np.all(W[both] != W.T[both])


@pytest.mark.parametrize("density", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("symmetric", [True, False])
def test_each_cluster_has_exactly_the_stated_number_of_synapses(symmetric, density):
    sizes = [31, 17, 10]
    W = npr.clustered(sizes, density=density, long_range=0, symmetric=symmetric, rng=5)
    assert not W[~blocks(sizes)].any()
    start = 0
    for n in sizes:
        inside = W[start : start + n, start : start + n]
        pairs = n * (n - 1) // 2
        wanted = 2 * round(density * pairs) if symmetric else round(density * 2 * pairs)
        assert np.count_nonzero(inside) == wanted
        start += n


@pytest.mark.parametrize("symmetric", [True, False])
def test_long_range_synapses_are_drawn_without_replacement_and_uniform_in_size(symmetric):
    W = npr.clustered(
        [1] * 60, long_range=1001, symmetric=symmetric, rng=2
    )  # clusters without pairs
    weights = W[W != 0]
    assert weights.size == (1000 if symmetric else 1001)
    # Up to the common scale the weights are U(0, 1): positive, mean over maximum 1/2. The mean of
    # 500 uniforms has standard deviation 0.013: 5 of them, false-alarm rate below 1e-6.
    assert weights.min() > 0
    assert weights.mean() / weights.max() == pytest.approx(0.5, abs=5 * 0.013)


def test_long_range_synapses_may_fall_anywhere_and_add_to_what_is_there():
    # 2 clusters of 20, all pairs connected inside, and a long-range synapse on every pair.
    W = npr.clustered([20, 20], density=1.0, long_range=40 * 39, rng=4)
    assert np.count_nonzero(W) == 40 * 39
    inside = blocks([20, 20]) & ~np.eye(40, dtype=bool)
    # Inside, N(1, 1) + U(0, 1) has mean 3/2, across U(0, 1) has mean 1/2: ratio 3. Its relative
    # standard deviation is about sqrt((13/12) / 380 / 1.5^2 + (1/12) / 400 / 0.5^2) = 0.046.
    ratio = W[inside].mean() / W[~blocks([20, 20])].mean()
    assert ratio == pytest.approx(3.0, rel=5 * 0.046)


@pytest.mark.parametrize(
    ("symmetric", "long_range", "drawn", "of"), [(True, 8, 4, 10), (False, 15, 15, 20)]
)
def test_every_pair_is_drawn_equally_often(symmetric, long_range, drawn, of):
    rng = np.random.default_rng(8)
    networks = 2000
    counts = sum(
        npr.clustered([1] * 5, long_range=long_range, symmetric=symmetric, rng=rng) != 0
        for _ in range(networks)
    )
    counts = counts[np.triu_indices(5, 1)] if symmetric else counts[~np.eye(5, dtype=bool)]
    expected = networks * drawn / of
    assert counts.sum() == networks * drawn
    # Drawing without replacement shrinks Pearson's statistic by (1 - drawn / of) of / (of - 1);
    # false-alarm rate 1e-6.
    statistic = ((counts - expected) ** 2 / expected).sum() * (of - 1) / (of - drawn)
    assert statistic < stats.chi2.isf(1e-6, of - 1)


def test_weights_inside_clusters_are_normal_with_mean_equal_to_standard_deviation():
    W = npr.clustered([200], long_range=0, rng=6)
    weights = W[np.triu_indices(200, 1)]
    weights = weights[weights != 0]
    # Mean over standard deviation of n draws of N(1, 1) is 1 with standard deviation
    # sqrt(3 / (2 n)); 5 of them leave a false-alarm rate below 1e-6.
    assert weights.mean() / weights.std() == pytest.approx(1.0, abs=5 * np.sqrt(1.5 / weights.size))
    # 15.87 % of them are negative, with binomial standard deviation.
    share = np.mean(weights < 0)
    assert share == pytest.approx(0.1587, abs=5 * np.sqrt(0.1587 * 0.8413 / weights.size))


def test_the_same_seed_gives_the_same_network():
    first = npr.clustered([30, 10], long_range=50, rng=1)
    assert np.array_equal(first, npr.clustered([30, 10], long_range=50, rng=1))
    assert np.array_equal(
        first, npr.clustered([30, 10], long_range=50, rng=np.random.default_rng(1))
    )
    assert not np.array_equal(first, npr.clustered([30, 10], long_range=50, rng=2))
    assert npr.clustered([30, 10], long_range=50).shape == (40, 40)  # rng=None draws fresh


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.coo_array])
@pytest.mark.parametrize("excess", [0.0, 0.3, np.linspace(0, 1, 9)])
def test_add_leak_gives_every_neuron_the_stated_excess(network, excess_leak, excess, container):
    W = network(9, symmetric=False)
    np.fill_diagonal(W, 0)
    A = npr.add_leak(container(W), excess=excess)
    assert sparse.issparse(A) == sparse.issparse(container(W))
    assert np.allclose(excess_leak(A), excess, rtol=0, atol=1e-14)
    dense = A.toarray() if sparse.issparse(A) else A
    assert np.array_equal(dense - np.diag(dense.diagonal()), W)


@given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.floats(0, 5), st.booleans())
def test_add_leak_makes_any_network_stable_and_dominant(network, n, seed, excess, symmetric):
    W = network(n, seed=seed, symmetric=symmetric)
    np.fill_diagonal(W, 0)
    A = npr.add_leak(W, excess=excess)
    # Gershgorin: no eigenvalue has a real part above -excess. A defective zero eigenvalue of an
    # asymmetric matrix is computed to sqrt(machine precision) only.
    assert np.linalg.eigvals(A).real.max() <= -excess + 1e-7 * np.abs(A).max()
    assert np.allclose(npr.add_leak(sparse.csr_array(W), excess=excess).toarray(), A, rtol=1e-13)


def test_add_leak_takes_lists_integers_and_float32_and_leaves_its_input_alone():
    W = np.array([[0, 2], [-1, 0]], dtype=np.float32)
    before = W.copy()
    assert np.array_equal(npr.add_leak(W), [[-2, 2], [-1, -1]])
    assert np.array_equal(npr.add_leak([[0, 2], [-1, 0]]), [[-2, 2], [-1, -1]])
    assert np.array_equal(W, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": []}, "sizes"),
        ({"sizes": [1]}, "sizes"),
        ({"sizes": [10, 0]}, r"sizes\[1\].*at least 1"),
        ({"sizes": [10, -3]}, r"sizes\[1\].*-3"),
        ({"sizes": [10], "density": 0.0}, "density"),
        ({"sizes": [10], "density": 1.01}, "density"),
        ({"sizes": [10], "density": float("nan")}, "density"),
        ({"sizes": [10], "long_range": -1}, "long_range"),
        ({"sizes": [10], "long_range": 92}, "long_range=92.*90"),
        ({"sizes": [10], "long_range": 91, "symmetric": False}, "long_range=91.*90"),
        ({"sizes": [1, 1], "long_range": 0}, "no synapse"),
        ({"sizes": [2], "density": 0.1, "long_range": 0}, "no synapse"),
        ({"sizes": [1] * 5, "long_range": 1, "symmetric": False}, "largest real part"),
        ({"sizes": [10], "long_range": 0, "rng": -1}, "rng"),
    ],
)
def test_settings_that_make_no_network(settings, message):
    with pytest.raises(ValueError, match=message):
        npr.clustered(settings.pop("sizes"), **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": None}, "sizes"),
        ({"sizes": "paper"}, "sizes"),
        ({"sizes": 100}, "sizes"),
        ({"sizes": [10.5]}, "sizes"),
        ({"sizes": [True, 10]}, "sizes"),
        ({"sizes": [10], "density": "dense"}, "density"),
        ({"sizes": [10], "density": None}, "density"),
        ({"sizes": [10], "long_range": 1.5}, "long_range"),
        ({"sizes": [10], "rng": "seed"}, "rng"),
    ],
)
def test_settings_of_the_wrong_type(settings, message):
    with pytest.raises(TypeError, match=message):
        npr.clustered(settings.pop("sizes"), **settings)


@pytest.mark.parametrize(
    ("W", "excess", "error", "message"),
    [
        (np.zeros((3, 4)), 0.0, ValueError, r"square, got shape \(3, 4\)"),
        (np.zeros((0, 0)), 0.0, ValueError, "at least one neuron"),
        (np.zeros(4), 0.0, ValueError, "dimension"),
        ([[0, np.nan], [0, 0]], 0.0, ValueError, r"finite.*\(0, 1\)"),
        ([[0, 1j], [0, 0]], 0.0, ValueError, "complex"),
        (np.eye(2), 0.0, ValueError, r"W\[0, 0\]"),
        (np.zeros((2, 2)), -0.1, ValueError, "excess"),
        (np.zeros((2, 2)), [0.1, 0.2, 0.3], ValueError, "excess.*3"),
        (np.zeros((2, 2)), np.inf, ValueError, "excess"),
        (None, 0.0, TypeError, "W"),
        ("W.npy", 0.0, TypeError, "W"),
        ([["a", "b"], ["c", "d"]], 0.0, TypeError, "W"),
        ([[1, 2], [3]], 0.0, TypeError, "W"),
        (np.zeros((2, 2)), None, TypeError, "excess"),
    ],
)
def test_add_leak_says_what_is_wrong(W, excess, error, message):
    with pytest.raises(error, match=message):
        npr.add_leak(W, excess=excess)


# ---------------------------------------------------------------- a leak that does not follow input


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("n", [5, 320])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_a_fixed_leak_and_a_gain(container, n, scale):
    W = np.random.default_rng(n).normal(size=(n, n)) * (1 - np.eye(n))
    A = npr.fixed_leak(container(scale * W), gain=0.8)
    assert sparse.issparse(A) == (container is sparse.csr_array)
    A = A.toarray() if sparse.issparse(A) else A
    assert np.array_equal(A.diagonal(), -np.ones(n))
    assert np.linalg.eigvals(A).real.max() == pytest.approx(-0.2, abs=1e-10)
    weights = A + np.eye(n)
    assert np.allclose(weights / weights[0, 1], W / W[0, 1], rtol=1e-12)


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("n", [5, 320])
@pytest.mark.parametrize("symmetric", [True, False])
def test_stabilise_gives_the_least_common_leak(container, n, symmetric):
    W = np.random.default_rng(n).normal(size=(n, n)) * (1 - np.eye(n))
    W = W + W.T if symmetric else W
    alpha = np.linalg.eigvals(W).real.max()
    A = npr.stabilise(container(W), margin=0.3)
    A = A.toarray() if sparse.issparse(A) else A
    assert np.linalg.eigvals(A).real.max() == pytest.approx(-0.3, abs=1e-9)
    assert np.allclose(A.diagonal(), A[0, 0])
    assert np.array_equal(A - np.diag(A.diagonal()), W)
    enough = npr.stabilise(container(W), leak=alpha + 2, margin=0.3)
    assert np.allclose(enough.diagonal(), -(alpha + 2))
    assert npr.stabilise(container(0 * W)).diagonal().tolist() == [-1.0] * n


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: npr.fixed_leak([[0, 1], [1, 0.5]]), r"zero diagonal, got W\[1, 1\] = 0.5"),
        (lambda: npr.stabilise([[0, 1], [1, 0.5]]), r"zero diagonal, got W\[1, 1\] = 0.5"),
        (lambda: npr.fixed_leak([[0, 1], [0, 0]]), "cannot be scaled.*use stabilise"),
        (lambda: npr.fixed_leak([[0, 1e9], [0, 0]]), "cannot be scaled"),
        (lambda: npr.fixed_leak(np.zeros((3, 3))), "cannot be scaled"),
        (lambda: npr.fixed_leak([[0, 1], [1, 0]], gain=1), "gain must lie in"),
        (lambda: npr.fixed_leak([[0, 1], [1, 0]], gain=0), "gain must lie in"),
        (lambda: npr.stabilise([[0, 1], [1, 0]], leak=0), "leak must lie in"),
        (lambda: npr.stabilise([[0, 1], [1, 0]], margin=0), "margin must lie in"),
    ],
)
def test_fixed_leaks_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
