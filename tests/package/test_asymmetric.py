"""Asymmetric networks: what survives of the theory, and their measures."""

import numpy as np
import pytest
from scipy import linalg, sparse

import noiseprune as npr
from noiseprune.asymmetric import (
    departure_from_normality,
    eigenvalue_errors,
    inverse_error,
    peak_amplification,
    shared_noise_error,
)


def directed(excess, seed=0, n=40):
    W = npr.clustered([n - 10, 10], long_range=60, symmetric=False, rng=seed)
    return npr.add_leak(W, excess=excess)


# ---------------------------------------------------------------- theory


@pytest.mark.parametrize("rule", ["noise", "weight", "uniform"])
@pytest.mark.parametrize("keep", [0.05, 0.5])
def test_matched_pruning_keeps_the_bounds_in_the_largest_norm(rule, keep):
    A = directed(0.1)
    for seed in range(5):
        B = npr.noise_prune(A, keep, rule=rule, rng=seed).A.toarray()
        assert linalg.eigvals(B).real.max() <= -0.1 + 1e-9
        for t in (0.5, 3.0, 20.0):
            assert np.abs(linalg.expm(t * B)).sum(axis=1).max() <= np.exp(-0.1 * t) * (1 + 1e-9)
        assert np.abs(linalg.inv(B)).sum(axis=1).max() <= 10 * (1 + 1e-9)


@pytest.mark.parametrize("diagonal", ["matched", "original"])
def test_directed_pruning_is_unbiased(diagonal):
    A, draws = directed(0.1, n=20), 4000
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.6)
    B = np.array(
        [npr.sample_synapses(A, P, diagonal=diagonal, rng=k).toarray() for k in range(draws)]
    )
    # 400 entries, five standard errors each: false alarm about 2e-4 over all of them.
    assert (np.abs(B.mean(axis=0) - A) <= 5 * B.std(axis=0) / np.sqrt(draws) + 1e-12).all()


@pytest.mark.parametrize("sigma", [1.0, 0.3])
def test_fosters_sum_with_directions(sigma):
    A = directed(np.linspace(0.1, 0.5, 40), seed=3)
    C = npr.stationary_covariance(A, sigma=sigma)
    W = np.abs(A - np.diag(A.diagonal()))
    r, c, s = W.sum(axis=1), W.sum(axis=0), np.linspace(0.1, 0.5, 40)
    right = 40 * sigma**2 - 2 * s @ C.diagonal() + (c - r) @ C.diagonal()
    assert np.isclose(npr.synapse_scores(A, C=C).sum(), right)
    assert abs((c - r) @ C.diagonal()) > 1e-3 * right  # the new term matters


def test_error_of_the_drive_is_least_between_rule_and_control():
    A, draws = directed(0.1, n=20, seed=1), 3000
    C = npr.stationary_covariance(A)
    V = npr.synapse_variances(A, C)
    weight = npr.synapse_scores(A, rule="weight")
    error = {}
    for power in (0.0, 0.25, 0.5, 0.75, 1.0):
        S = weight.copy()
        S.data = weight.data * V.data**power
        P = npr.keep_probabilities(S, keep=0.3)
        error[power] = np.sum(weight.data**2 * V.data * (1 / P.data - 1))
    assert min(error, key=error.get) == 0.5
    E = [npr.sample_synapses(A, P, rng=k).toarray() - A for k in range(draws)]
    measured = np.array([np.trace(e @ C @ e.T) for e in E])
    # False alarm about 1e-6.
    assert abs(measured.mean() - error[1.0]) < 5 * measured.std() / np.sqrt(draws)


# ---------------------------------------------------------------- measures


def test_departure_from_normality_is_that_of_the_schur_form():
    A = directed(0.2)
    T = linalg.schur(A, output="complex")[0]
    assert np.isclose(departure_from_normality(A), linalg.norm(np.triu(T, 1)) / linalg.norm(T))
    with pytest.raises(ValueError, match="A is 0"):
        departure_from_normality(np.zeros((2, 2)))


def test_peak_amplification_of_two_neurons():
    # exp([[-1, 0], [8, -1]] t) = e^-t [[1, 0], [8 t, 1]]
    times = 0.1 * 2.0 ** np.arange(-12, 12)
    norms = [np.exp(-t) * np.linalg.norm([[1, 0], [8 * t, 1]], 2) for t in times]
    A = np.array([[-1.0, 0], [8.0, -1.0]])
    assert np.isclose(peak_amplification(A), max(norms))
    for unit in (2.0**-900, 2.0**-20, 2.0**30):  # however time is measured
        assert peak_amplification(unit * A) == peak_amplification(A)


def test_a_peak_between_slow_rates_is_found():
    slow = np.array([[-1e-7, 0], [1.0, -1e-6]])
    times = np.linspace(1e4, 1e8, 200_000)
    peak = np.max((np.exp(-1e-7 * times) - np.exp(-1e-6 * times)) / 9e-7)
    assert 0.8 * peak < peak_amplification(slow) <= 1.001 * peak


@pytest.mark.parametrize("A", [[[0.0]], [[0.0, 1], [-1, 0]], [[-1, 2], [2, -1.0]], [[1e-9]]])
def test_a_network_that_does_not_decay_has_no_peak(A):
    with pytest.raises(ValueError, match="does not decay"):
        peak_amplification(A)


def marginal(seed):
    """Some networks with a pattern that neither grows nor decays, but for rounding."""
    X = np.random.default_rng(seed).standard_normal((6 + seed, 6 + seed))
    yield X - X.T
    yield npr.add_leak(abs(npr.clustered([20 + seed, 10], long_range=30, rng=seed)), excess=0)


@pytest.mark.parametrize("seed", range(8))
def test_rounding_does_not_decide_whether_a_network_decays(seed):
    for A in ([[-1.0, 1.0], [1.0, -1.0]], *marginal(seed)):
        with pytest.raises(ValueError, match="does not decay"):
            peak_amplification(A)
        least = 1e-10 * np.linalg.norm(A, 1)
        assert np.isclose(peak_amplification(A - least * np.eye(len(A))), 1.0)


def test_real_eigenvalues_meet_in_their_order():
    # The sum of plain distances would be 4 either way.
    error = eigenvalue_errors(np.diag([-1.0, -2.0]), np.diag([-4.0, -3.0]))
    assert np.allclose(error, [1.0, 2.0])  # the slowest last
    A, B = np.diag(-np.arange(1.0, 9.0)), np.diag(-np.random.default_rng(0).uniform(5, 20, 8))
    expected = np.abs(npr.compare_spectra(A, B).eigenvalue_error)
    assert np.allclose(eigenvalue_errors(A, B), expected)


def test_eigenvalues_are_matched_as_sets():
    A, B = directed(0.2), directed(0.2, seed=1)
    assert np.allclose(eigenvalue_errors(A, A), 0, atol=1e-8)
    order = np.random.default_rng(0).permutation(40)
    error = eigenvalue_errors(A, B)
    assert np.allclose(error, eigenvalue_errors(A, B[np.ix_(order, order)]), atol=1e-6)
    lam = linalg.eigvals(A)
    assert np.isclose(eigenvalue_errors(A, 1.1 * A).sum(), 0.1 * len(lam), rtol=0.2)


def test_inverse_error_bounds_fixed_points_and_epsilon():
    A = directed(3.0)
    B = npr.noise_prune(A, 0.5, rng=0).A
    eta = inverse_error(A, B)
    assert eta < 1
    b = np.random.default_rng(0).normal(size=(40, 20))
    x, x_sparse = linalg.solve(A, -b), linalg.solve(B.toarray(), -b)
    moved = np.linalg.norm(x_sparse - x, axis=0) / np.linalg.norm(x, axis=0)
    assert moved.max() <= eta / (1 - eta)
    S = npr.add_leak(npr.clustered([30, 10], long_range=40, rng=0), excess=0.1)
    S_sparse = npr.noise_prune(S, 0.3, rng=0).A
    assert npr.spectral_epsilon(S, S_sparse) <= inverse_error(S, S_sparse) + 1e-9


def test_shared_noise_error_is_the_limit_of_the_exact_error_of_symmetric_networks():
    A = npr.add_leak(npr.clustered([30, 10], long_range=40, rng=0), excess=0.1)
    B = npr.noise_prune(A, 0.3, rng=0).A
    late = npr.trajectory_error(A, B, [500.0], x0=np.zeros(40), sigma=1.0)[0]
    assert np.isclose(shared_noise_error(A, B), late, rtol=1e-6)


def test_shared_noise_error_is_that_of_the_stacked_network():
    A = directed(0.1)
    B = npr.noise_prune(A, 0.3, rng=0).A.toarray()
    noise = np.vstack([np.eye(40), np.eye(40)])
    Z = linalg.solve_continuous_lyapunov(linalg.block_diag(A, B), -noise @ noise.T)
    gap = np.hstack([np.eye(40), -np.eye(40)])
    expected = np.sqrt(np.trace(gap @ Z @ gap.T) / np.trace(Z[:40, :40]))
    assert np.isclose(shared_noise_error(A, B), expected)


@pytest.mark.parametrize("measure", [eigenvalue_errors, inverse_error, shared_noise_error])
def test_measures_of_two_networks_take_sparse_ones_and_refuse_other_sizes(measure):
    A = directed(0.2)
    B = npr.noise_prune(A, 0.5, rng=0).A
    expected = measure(A, B.toarray())
    np.testing.assert_allclose(measure(sparse.csr_array(A), B), expected, rtol=1e-7, atol=1e-12)
    with pytest.raises(ValueError, match="A_sparse must have the shape of A"):
        measure(A, B[:5, :5])


@pytest.mark.parametrize("given", [np.eye(3), [[-1.0]], [[2.0]], [[np.nan]]])
@pytest.mark.parametrize("name", ["C", "C_sparse"])
def test_a_covariance_that_is_given_must_be_that_of_its_network(name, given):
    expected = shared_noise_error([[-1.0]], [[-2.0]])
    assert shared_noise_error([[-1.0]], [[-2.0]], C=[[0.5]], C_sparse=[[0.25]]) == expected
    with pytest.raises(ValueError, match=f"^{name} "):
        shared_noise_error([[-1.0]], [[-2.0]], **{name: given})
    for A, A_sparse in ([[[1.0]], [[-1.0]]], [[[-1.0]], [[1.0]]]):
        with pytest.raises(ValueError, match=r"not the stationary covariance.*or there is none"):
            shared_noise_error(A, A_sparse, C=[[0.5]], C_sparse=[[0.5]])


def test_covariances_of_networks_that_hardly_decay_are_those_of_their_network():
    A, B = directed(1e-8), directed(2e-8, seed=1)
    C, C_sparse = npr.stationary_covariance(A), npr.stationary_covariance(B)
    assert shared_noise_error(A, B, C=C, C_sparse=C_sparse) == shared_noise_error(A, B)


def test_relative_errors_of_an_eigenvalue_0_have_no_meaning():
    with pytest.raises(ValueError, match="singular to working precision"):
        eigenvalue_errors([[-1.0, 1.0], [1.0, -1.0]], -np.eye(2))
    assert eigenvalue_errors(-np.eye(2), [[-1.0, 1.0], [1.0, -1.0]]).max() == 1.0


@pytest.mark.parametrize("unit", [1e150, 1e-170])
def test_measures_without_a_unit_hold_at_any_size(network, unit):
    A = network(30, symmetric=False)
    B = npr.noise_prune(A, 0.5, rng=0).A.toarray()
    assert np.allclose(eigenvalue_errors(unit * A, unit * B), eigenvalue_errors(A, B))
    assert departure_from_normality(unit * A) == pytest.approx(departure_from_normality(A))
    A, B = A + A.T, B + B.T
    assert departure_from_normality(unit * A) < 1e-6
    for before, after in zip(
        vars(npr.compare_spectra(A, B)).items(),
        vars(npr.compare_spectra(unit * A, unit * B)).items(),
        strict=True,
    ):
        scale = unit if before[0].startswith("eigenvalues") else 1
        assert np.allclose(scale * before[1], after[1], rtol=1e-9, atol=0 if scale != 1 else 1e-9)


@pytest.mark.parametrize("least", [0.0, 1e-18])
def test_fixed_points_of_a_singular_network_have_no_error(least):
    with pytest.raises(ValueError, match=r"singular.*add_leak"):
        inverse_error(np.diag([-1.0, -least]), -np.eye(2))


def test_a_normal_network_does_not_amplify():
    angle = linalg.circulant([0, 0.5, 0, 0, -0.2]) - np.eye(5)
    assert departure_from_normality(angle) < 1e-7
    assert peak_amplification(angle) == 1.0
    assert departure_from_normality(directed(0.2)) > 1e-3
