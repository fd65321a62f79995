"""Rectified networks: active neurons, regimes, and where they come to rest."""

import numpy as np
import pytest
from scipy import sparse

import noiseprune as npr
from noiseprune.rectified import active_neurons, fixed_point, regimes_visited


def inputs(n, seed):
    return np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("seed", range(20))
def test_fixed_point_meets_its_conditions(network, seed):
    A, b = network(15, seed=seed), inputs(15, seed)
    x = fixed_point(A, b)
    slope = -A @ x - b  # gradient of x^T M x / 2 - b^T x
    assert (x >= 0).all()
    assert slope.min() > -1e-12
    assert np.abs(x * slope).max() < 1e-12


def test_fixed_point_is_found_by_enumeration(network):
    A, b = network(6, seed=3), inputs(6, 3)
    found = []
    for code in range(2**6):
        S = np.flatnonzero([code >> k & 1 for k in range(6)])
        x = np.zeros(6)
        x[S] = np.linalg.solve(-A[np.ix_(S, S)], b[S])
        if x.min() >= 0 and (A @ x + b)[x == 0].max(initial=-1) <= 0:
            found.append(x)
    assert len(found) == 1
    np.testing.assert_allclose(fixed_point(A, b), found[0], atol=1e-12)


def test_simulation_comes_to_rest_at_the_fixed_point(network):
    A, b = network(10, seed=1, excess=0.5), inputs(10, 1)
    x = npr.simulate(A, x0=np.full(10, 2.0), dt=0.02, steps=4000, b=b, nonlinearity="relu")
    np.testing.assert_allclose(x[-1], fixed_point(A, b), atol=1e-9)


def test_fixed_point_of_a_sparse_matrix_and_of_silence(network):
    A = network(10)
    b = inputs(10, 0)
    np.testing.assert_allclose(fixed_point(sparse.csr_array(A), b), fixed_point(A, b))
    assert not fixed_point(A, -1.0).any()


@pytest.mark.parametrize("seed", range(10))
def test_fixed_point_bound_holds_across_regimes(network, seed):
    """||x_sparse - x||_M <= eps / (1 - eps) ||x||_M, whatever the regimes."""
    A, b = network(30, seed=seed, excess=0.5), inputs(30, seed)
    pruned = npr.noise_prune(A, 0.8, rng=seed).A
    eps = npr.spectral_epsilon(A, pruned)
    assert eps < 1
    x = fixed_point(A, b)
    away = fixed_point(pruned, b) - x
    assert away @ -A @ away <= (eps / (1 - eps)) ** 2 * (x @ -A @ x) + 1e-15


@pytest.mark.parametrize("seed", range(10))
def test_no_regime_is_worse_than_the_whole(network, seed):
    A = network(20, seed=seed)
    pruned = npr.noise_prune(A, 0.6, rng=seed).A.toarray()
    S = np.random.default_rng(seed).random(20) < 0.5
    within = npr.spectral_epsilon(A[np.ix_(S, S)], pruned[np.ix_(S, S)])
    assert within <= npr.spectral_epsilon(A, pruned) * (1 + 1e-9)


def test_active_neurons_by_hand(network):
    A = network(5, symmetric=False)
    W = A - np.diag(A.diagonal())
    x, b = inputs(5 * 3, 1).reshape(3, 5), inputs(5, 2)
    expected = np.array([W @ row + b > 0 for row in x])
    np.testing.assert_array_equal(active_neurons(A, x, b), expected)
    batch = np.stack([x, -x], axis=2)
    both = active_neurons(sparse.csr_array(A), batch, b)
    assert both.shape == batch.shape
    np.testing.assert_array_equal(both[:, :, 0], expected)


def test_regimes_are_counted_once():
    active = np.zeros((6, 20), dtype=bool)
    active[1, 3] = active[4, 3] = True
    active[2, 17] = True
    assert regimes_visited(active) == 3
    assert regimes_visited(np.ones((5, 9))) == 1


def test_errors_say_what_is_wrong(network):
    A = network(4)
    with pytest.raises(ValueError, match="symmetric"):
        fixed_point(network(4, symmetric=False), 1.0)
    with pytest.raises(ValueError, match="positive definite"):
        fixed_point([[-1.0, 2.0], [2.0, -1.0]], 1.0)
    with pytest.raises(ValueError, match="no set of active neurons"):
        fixed_point(A, [-1.0, 1.0, -1.0, 1.0], iterations=1)
    x = np.ones((1, 4))
    for function in (lambda b: fixed_point(A, b), lambda b: active_neurons(A, x, b)):
        with pytest.raises(ValueError, match=r"shape \(4,\)"):
            function([1.0, 2.0])
    with pytest.raises(ValueError, match="4 neurons"):
        active_neurons(A, [[1.0, 2.0]], 0.0)
    with pytest.raises(ValueError, match=r"\(T, N\)"):
        regimes_visited([True])
