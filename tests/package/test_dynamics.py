"""Simulation, exact solution, and the exact error of a pruned network's trajectory."""

import re
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse

import noiseprune as npr
from noiseprune.dynamics import _leap, _weighted_growth, stationary_trajectory
from noiseprune.large.propagator import Course

CONTAINERS = [np.asarray, sparse.csr_array, sparse.coo_array]


def euler(A, x0, dt, steps, b=0.0, push=None, relu=False):
    """The scheme by hand, one step after the other; `push` is sigma xi / sqrt(dt) of each step."""
    x, states = np.array(x0, dtype=float), [np.array(x0, dtype=float)]
    W = A - np.diag(A.diagonal())
    for step in range(steps):
        noise = 0.0 if push is None else push[step]
        if relu:
            x = x + dt * (A.diagonal() * x + np.maximum(0, W @ x + b + noise))
        else:
            x = x + dt * (A @ x + b + noise)
        states.append(x)
    return np.array(states)


# ---------------------------------------------------------------- simulation


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("nonlinearity", ["linear", "relu"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_simulation_is_the_scheme_by_hand(network, nonlinearity, symmetric, container):
    A = network(9, symmetric=symmetric)
    rng = np.random.default_rng(0)
    x0, b, noise = rng.normal(size=9), rng.normal(size=9), rng.normal(size=(40, 9))
    x = npr.simulate(
        container(A),
        x0=x0,
        dt=0.01,
        steps=40,
        b=b,
        sigma=0.3,
        noise=noise,
        nonlinearity=nonlinearity,
    )
    push = 0.3 * noise / np.sqrt(0.01)
    by_hand = euler(A, x0, 0.01, 40, b, push, relu=nonlinearity == "relu")
    assert x.shape == (41, 9)
    assert np.array_equal(x[0], x0)
    assert np.allclose(x, by_hand, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("steps", "every", "recorded"), [(10, 1, 11), (10, 3, 4), (9, 3, 4), (2, 5, 1)]
)
def test_every_thins_the_record(network, steps, every, recorded):
    A, x0 = network(5), np.ones(5)
    full = npr.simulate(A, x0=x0, dt=0.01, steps=steps, sigma=1.0, rng=3)
    thin = npr.simulate(A, x0=x0, dt=0.01, steps=steps, sigma=1.0, rng=3, every=every)
    assert thin.shape == (recorded, 5)
    assert np.array_equal(thin, full[::every])


@pytest.mark.parametrize("nonlinearity", ["linear", "relu"])
def test_a_batch_is_its_columns(network, nonlinearity):
    A = network(6)
    rng = np.random.default_rng(1)
    x0, own, shared = rng.random((6, 4)), rng.normal(size=(20, 6, 4)), rng.normal(size=(20, 6))
    options = {"dt": 0.01, "steps": 20, "b": 0.3, "sigma": 0.5, "nonlinearity": nonlinearity}
    batch = npr.simulate(A, x0=x0, noise=own, **options)
    together = npr.simulate(A, x0=x0, noise=shared, **options)
    assert batch.shape == together.shape == (21, 6, 4)
    for k in range(4):
        alone = npr.simulate(A, x0=x0[:, k], noise=own[:, :, k], **options)
        assert np.allclose(batch[:, :, k], alone, rtol=1e-12, atol=1e-14)
        alone = npr.simulate(A, x0=x0[:, k], noise=shared, **options)
        assert np.allclose(together[:, :, k], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("columns", [None, 3])
def test_the_same_seed_gives_every_network_the_same_noise(network, columns):
    """The difference of two networks under one seed holds no noise of its own."""
    first, second = network(7), network(7, seed=1)
    x0 = np.zeros(7) if columns is None else np.zeros((7, columns))
    options = {"x0": x0, "dt": 1e-3, "steps": 1, "sigma": 1.0, "rng": 5}
    x, x_other = npr.simulate(first, **options), npr.simulate(second, **options)
    assert np.array_equal(x, x_other)
    assert x[1].all()
    assert np.array_equal(x, npr.simulate(first, **{**options, "rng": np.random.default_rng(5)}))
    assert not np.array_equal(x, npr.simulate(first, **{**options, "rng": 6}))
    if columns:
        assert len(np.unique(x[1])) == 7 * columns  # and every column its own


def test_noise_given_and_noise_drawn_from_the_seed_are_the_same_numbers(network):
    A = network(4)
    noise = np.random.default_rng(2).standard_normal((30, 4))
    options = {"x0": np.ones(4), "dt": 0.02, "steps": 30, "sigma": 0.4}
    given_noise = npr.simulate(A, noise=noise, **options)
    assert np.allclose(given_noise, npr.simulate(A, rng=2, **options), rtol=1e-12, atol=1e-14)


def test_long_noise_is_drawn_in_blocks_of_the_same_stream(network, monkeypatch):
    A = network(4)
    options = {"x0": np.ones((4, 2)), "dt": 0.02, "steps": 30, "sigma": 0.4, "rng": 2}
    whole = npr.simulate(A, **options)
    monkeypatch.setattr("noiseprune.dynamics._BLOCK", 20)
    assert np.array_equal(npr.simulate(A, **options), whole)


def test_without_noise_the_scheme_converges_to_the_exact_solution(network):
    A = network(6, symmetric=False)
    x0, b = np.linspace(0, 1, 6), np.linspace(-1, 1, 6)
    exact = npr.relax(A, x0, [1.0], b=b)[0]
    errors = [
        np.linalg.norm(npr.simulate(A, x0=x0, dt=1 / n, steps=n, b=b)[-1] - exact)
        for n in (200, 400, 800)
    ]
    assert errors[0] < 0.02
    assert np.allclose(np.divide(errors[:-1], errors[1:]), 2, rtol=0.05)  # first order


def test_sampled_covariance_of_a_long_simulation_is_the_stationary_one(with_spectrum):
    """Mode by mode: the scheme's own stationary variance is sigma^2 dt / (1 - (1 + lambda dt)^2).

    Snapshots 12 time constants apart are independent, and 200 columns of 51 - 1 recorded times
    give 10,000 of them; the standard error of a variance is sqrt(2 / 10,000). 5 of them.
    """
    values = np.array([-3.0, -2.0, -1.0])
    A = with_spectrum(values)
    dt, sigma = 0.02, 0.7
    x = npr.simulate(A, x0=np.zeros((3, 200)), dt=dt, steps=30_000, sigma=sigma, rng=0, every=600)
    snapshots = x[1:].transpose(0, 2, 1).reshape(-1, 3)
    V = np.linalg.eigh(A)[1]
    expected = sigma**2 * dt / (1 - (1 + values * dt) ** 2)
    measured = (V.T @ npr.sample_covariance(snapshots) @ V).diagonal()
    assert np.allclose(measured, expected, rtol=5 * np.sqrt(2 / 10_000))
    exact = (V.T @ npr.stationary_covariance(A, sigma=sigma) @ V).diagonal()
    assert np.allclose(expected, exact, rtol=0.05)  # the scheme's bias is of the order of dt


def test_a_rectified_network_with_every_neuron_active_is_linear(network):
    A = np.abs(network(6))
    A -= 2 * np.diag(A.diagonal())
    options = {"x0": np.ones(6), "dt": 0.01, "steps": 50, "b": 1.0, "sigma": 0.01, "rng": 0}
    rectified = npr.simulate(A, nonlinearity="relu", **options)
    assert np.allclose(rectified, npr.simulate(A, **options), rtol=1e-12)


def test_a_rectified_network_stays_nonnegative_and_settles_on_its_active_set(network):
    A = network(12, seed=3, excess=1.0)
    b = np.random.default_rng(0).normal(size=12)
    x = npr.simulate(A, x0=np.ones(12), dt=0.01, steps=8000, b=b, nonlinearity="relu", every=8000)[
        -1
    ]
    assert x.min() >= 0
    active = x > 1e-9
    assert 0 < active.sum() < 12
    W = A - np.diag(A.diagonal())
    assert np.all(W[~active] @ x + b[~active] <= 0)
    expected = -np.linalg.solve(A[np.ix_(active, active)], b[active])
    assert np.allclose(x[active], expected, rtol=1e-9)


@pytest.mark.parametrize("nonlinearity", ["linear", "relu"])
def test_integers_float32_and_read_only_inputs(network, nonlinearity):
    A = network(4).astype(np.float32).astype(float)
    x0, noise, b = np.ones(4), np.ones((5, 4)), np.ones(4)
    for given_array in (A, x0, noise, b):
        given_array.flags.writeable = False
    options = {"dt": 0.01, "steps": 5, "sigma": 0.1, "nonlinearity": nonlinearity}
    x = npr.simulate(A, x0=x0, b=b, noise=noise, **options)
    for other in (A.astype(np.float32), np.asfortranarray(A), A.tolist()):
        same = npr.simulate(other, x0=[1, 1, 1, 1], b=1, noise=noise.astype(int), **options)
        assert np.allclose(same, x, rtol=1e-12)
    assert x0.tolist() == [1, 1, 1, 1]
    assert x.flags.writeable


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("noise", ["own", "shared", "drawn", None])
def test_steps_taken_together_are_the_steps_one_by_one(network, symmetric, noise, container):
    """Records are 60 steps apart and reach dt ||A|| is far below 1: powers of A up to about 15.

    The last 50 steps after the last record are made, too: they belong to the stream of noise.
    """
    A = network(8, symmetric=symmetric, excess=0.3)
    rng = np.random.default_rng(0)
    x0, b = rng.normal(size=(8, 3)), rng.normal(size=8)
    options = {"x0": x0, "dt": 0.001, "steps": 650, "b": b, "sigma": 0.0 if noise is None else 0.4}
    one, together = np.random.default_rng(7), np.random.default_rng(7)
    if noise in ("own", "shared"):
        options["noise"] = rng.normal(size=(650, 8, 3)[: 3 if noise == "own" else 2])
    full = npr.simulate(container(A), rng=one, every=1, **options)
    assert _leap(0.001 * A, 60, x0.size)[0] == 60
    thin = npr.simulate(container(A), rng=together, every=60, **options)
    assert thin.shape == (11, 8, 3)
    assert np.allclose(thin, full[::60], rtol=1e-12, atol=1e-13)
    assert one.random() == together.random()


def test_steps_are_taken_together_only_where_that_saves_products(network):
    A = network(8)
    assert _leap(0.01 * A, 5, 8) == (1, 0)
    leap, degree = _leap(1e-4 * A, 1000, 8)
    assert 1000 % leap == 0
    assert degree + 2 < leap
    assert _leap(1e-4 * A, 1000, 2**21)[0] == 1  # two steps of noise fill the memory
    assert _leap(1e-9 * A, 10**6, 8)[0] == 1000  # more would save nothing, and weigh 10^6 pushes
    leap, degree = _leap(np.zeros((2, 2)), 100, 2)  # nothing moves: no power of A at all
    assert (leap, degree) == (100, 1)


def test_an_unstable_network_outgrows_floating_point_between_records():
    with pytest.raises(ValueError, match="outgrew floating point by t = 1000"):
        npr.simulate(
            np.array([[-1.0, 3.0], [3.0, -1.0]]), x0=[1, 1], dt=1e-3, steps=10**6, every=10**6
        )


# ---------------------------------------------------------------- time steps


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    "eigenvalues", [[-8.0, -1.0, -0.5], [(-1.0, 6.0), -0.5], [-0.3, (-2.0, 0.5)]], ids=str
)
def test_largest_stable_time_step_is_named_and_right(with_spectrum, eigenvalues, container):
    A = with_spectrum(eigenvalues)
    A -= np.diag(np.maximum(A.diagonal(), 0))
    values = np.linalg.eigvals(A)
    largest = (-2 * values.real / np.abs(values) ** 2).min()
    options = {"x0": np.ones(len(A)), "steps": 6000}
    with pytest.raises(ValueError, match=r"dt=.* too large") as caught:
        npr.simulate(container(A), dt=1.001 * largest, **options)
    named = float(re.search(r"up to dt=([\d.e+-]+)", str(caught.value)).group(1))
    assert named == pytest.approx(largest, rel=1e-3)
    x = npr.simulate(container(A), dt=0.9 * largest, **options)
    assert np.abs(x[-1]).max() < 1e-6


def test_a_silent_neuron_limits_the_time_step_of_a_rectified_network():
    A = np.array([[-8.0, 6.0], [-10.0, 0.0]])  # eigenvalues -4 +- i sqrt(44), |.|^2 = 60
    options = {"x0": np.ones(2), "steps": 3}
    npr.simulate(A, dt=0.13, **options)
    with pytest.raises(ValueError, match=r"stable up to dt=0.1333; .* mode of the network"):
        npr.simulate(A, dt=0.14, nonlinearity="relu", **options)
    A = np.array([[-30.0, 6.0], [-60.0, 0.0]])  # eigenvalues -15 +- i sqrt(135), |.|^2 = 360
    npr.simulate(A, dt=0.08, **options)
    with pytest.raises(ValueError, match=r"stable up to dt=0.06666; .*neuron 0, .*its leak 30"):
        npr.simulate(A, dt=0.07, nonlinearity="relu", **options)
    npr.simulate(A, dt=0.066, nonlinearity="relu", **options)


def test_a_time_step_just_too_large_is_named_with_digits_that_tell():
    A = [[-1.0, 1.0], [1.0, -1.0]]  # stable up to 1
    with pytest.raises(ValueError, match=r"dt=1.0000001 .*up to dt=1;"):
        npr.simulate(A, x0=[1, 0], dt=1.0000001, steps=2)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_largest_time_step_of_a_sparse_network_comes_from_an_iteration(symmetric, monkeypatch):
    rng = np.random.default_rng(0)
    W = sparse.random_array((300, 300), density=0.02, rng=rng, data_sampler=rng.standard_normal)
    W = W + W.T if symmetric else W
    A = sparse.csr_array(W - 12 * sparse.eye_array(300))
    values = np.linalg.eigvals(A.toarray())
    largest = (-2 * values.real / np.abs(values) ** 2).min()
    monkeypatch.setattr("noiseprune._matrix.dense", None)  # never called
    npr.simulate(A, x0=np.ones(300), dt=0.999 * largest, steps=2)
    with pytest.raises(ValueError, match=f"stable up to dt={largest:.3g}"):
        npr.simulate(A, x0=np.ones(300), dt=1.3 * largest, steps=2)


def test_time_step_of_the_lab_notebook_passes_at_once(monkeypatch):
    """Gershgorin's discs settle a dominant network: no eigenvalues are computed."""
    A = npr.add_leak(npr.clustered([60, 20, 20], long_range=100, rng=1))
    monkeypatch.setattr("scipy.linalg.eigvalsh", None)
    npr.simulate(A, x0=np.ones(100), dt=0.005, steps=2)


@pytest.mark.parametrize("nonlinearity", ["linear", "relu"])
def test_an_unstable_network_is_stopped_with_the_time_it_left_floating_point(nonlinearity):
    A = [[-1.0, 3.0], [3.0, -1.0]]  # grows as exp(2 t): overflow near t = 355
    options = {"x0": [1.0, 1.0], "dt": 0.1, "nonlinearity": nonlinearity}
    assert np.isfinite(npr.simulate(A, steps=3000, **options)).all()
    with pytest.raises(ValueError, match=r"outgrew floating point by t = 389.*unstable"):
        npr.simulate(A, steps=5000, **options)


PAIR = [[-1.0, 0.5], [0.5, -1.0]]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dt": 0.0}, ValueError, "dt must lie in"),
        ({"dt": -0.1}, ValueError, "dt must lie in"),
        ({"dt": np.nan}, ValueError, "dt must lie in"),
        ({"dt": 5.0}, ValueError, "dt=5 is too large.*dt=1.333"),
        ({"dt": None}, TypeError, "dt must be a number"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"steps": -3}, ValueError, "steps must be at least 1"),
        ({"steps": 2.5}, TypeError, "steps must be a whole number"),
        ({"every": 0}, ValueError, "every must be at least 1"),
        ({"sigma": -1.0}, ValueError, "sigma must lie in"),
        ({"sigma": "loud"}, TypeError, "sigma must be a number"),
        ({"nonlinearity": "tanh"}, ValueError, "nonlinearity.*'relu'.*'tanh'"),
        ({"x0": [1.0]}, ValueError, r"x0 must have shape \(2,\)"),
        ({"x0": np.ones((3, 2))}, ValueError, r"x0 must have shape \(2,\)"),
        ({"x0": np.ones((2, 0))}, ValueError, r"x0 must have shape \(2,\)"),
        ({"x0": np.ones((2, 1, 1))}, ValueError, "x0 .*dimension"),
        ({"x0": [np.inf, 0]}, ValueError, "x0 must be finite"),
        ({"x0": None}, TypeError, "x0 must be an array"),
        ({"b": [1.0, 2.0, 3.0]}, ValueError, "b must be a number or have shape"),
        ({"b": np.nan}, ValueError, "b must be finite"),
        ({"b": None}, TypeError, "b must be an array"),
        ({"sigma": 1.0, "noise": np.ones((4, 2))}, ValueError, r"noise must have shape \(5, 2\)"),
        (
            {"sigma": 1.0, "noise": np.ones((5, 2, 3))},
            ValueError,
            r"noise must have shape \(5, 2\)",
        ),
        ({"sigma": 1.0, "noise": np.full((5, 2), np.nan)}, ValueError, "noise must be finite"),
        ({"sigma": 1.0, "noise": "white"}, TypeError, "noise must be an array"),
        ({"noise": np.ones((5, 2))}, ValueError, "sigma is 0"),
        ({"sigma": 1.0, "rng": "seed"}, TypeError, "rng"),
        ({"A": np.ones((2, 3))}, ValueError, "A must be square"),
        ({"A": [[-1, np.nan], [0, -1]]}, ValueError, "A must be finite"),
        ({"A": None}, TypeError, "A must be an array"),
    ],
)
def test_simulate_says_what_is_wrong(changes, error, message):
    options = {"A": PAIR, "x0": [1.0, 0.0], "dt": 0.1, "steps": 5, **changes}
    with pytest.raises(error, match=message):
        npr.simulate(options.pop("A"), **options)


# ---------------------------------------------------------------- exact solution


def solution_by_expm(A, x0, b, t):
    """Solution by the exponential of the matrix with the input as one more, constant neuron."""
    n = len(A)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n], augmented[:n, n] = A, b
    return (linalg.expm(augmented * t) @ np.append(x0, 1.0))[:n]


@given(
    st.integers(1, 8),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from(CONTAINERS),
    st.sampled_from([0.0, 0.1]),
)
def test_exact_solution_of_any_network(network, n, seed, symmetric, container, excess):
    A = network(n, seed=seed, symmetric=symmetric, excess=excess)
    rng = np.random.default_rng(seed)
    x0, b, times = rng.normal(size=n), rng.normal(size=n), rng.uniform(0, 5, 4)
    x = npr.relax(container(A), x0, times, b=b)
    assert x.shape == (4, n)
    for t, row in zip(times, x, strict=True):
        assert np.allclose(row, solution_by_expm(A, x0, b, t), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    "A", [[[-1.0, 1.0], [1.0, -1.0]], [[-1.0, 2.0], [0.5, -1.0]], [[0.0, 1.0], [0.0, 0.0]]]
)
def test_singular_networks_integrate_their_input(A, container):
    A = np.array(A)
    b, times = np.array([0.3, -0.1]), [0.0, 0.5, 4.0]
    x = npr.relax(container(A), [1.0, 2.0], times, b=b)
    expected = [solution_by_expm(A, [1.0, 2.0], b, t) for t in times]
    assert np.allclose(x, expected, rtol=1e-10)


@pytest.mark.parametrize("b", [0.0, 0.3])
def test_exact_solution_of_a_sparse_symmetric_network_without_its_modes(network, b, monkeypatch):
    monkeypatch.setattr("noiseprune.dynamics._SMALL", 0)
    monkeypatch.setattr("noiseprune._matrix.dense", None)  # never called
    A, times = network(8, excess=0.02), [3.0, 0.0, 0.1, 500.0, 3.0]
    x0 = np.random.default_rng(0).normal(size=(8, 2))
    x = npr.relax(sparse.csr_array(A), x0, times, b=b)
    for t, found in zip(times, x, strict=True):
        expected = np.transpose([solution_by_expm(A, column, np.full(8, b), t) for column in x0.T])
        assert np.allclose(found, expected, rtol=1e-10, atol=1e-12 * (b > 0))


def test_a_sparse_network_decays_with_every_digit_until_it_is_0(monkeypatch):
    monkeypatch.setattr("noiseprune.dynamics._SMALL", 0)
    A = npr.add_leak(npr.random_graph(30, 4, rng=0), excess=1.0)
    x = npr.relax(A, np.ones(30), [700.0, 1.0, 1e6])  # along (1, 1, ...) it decays at rate 1
    assert x[:2] == pytest.approx(np.exp([[-700.0], [-1.0]]) * np.ones((2, 30)), rel=1e-10, abs=0)
    assert not x[2].any()


def test_an_unstable_sparse_network_without_its_modes_says_when_it_outgrew_numbers(monkeypatch):
    monkeypatch.setattr("noiseprune.dynamics._SMALL", 0)
    A = sparse.csr_array([[-1.0, 3.0], [3.0, -1.0]])
    x = npr.relax(A, [1.0, 1.0], [300.0])
    assert x == pytest.approx(np.exp(600.0) * np.ones((1, 2)), rel=1e-10)
    with pytest.raises(ValueError, match=r"t = 400.*unstable"):
        npr.relax(A, [1.0, 1.0], [300.0, 500.0, 400.0])


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_long_time_of_a_directed_network_takes_no_product_for_each_of_its_steps(
    container, monkeypatch
):
    monkeypatch.setattr("scipy.sparse.linalg.expm_multiply", None)  # 5e5 products
    W = npr.clustered([20, 20], long_range=100, symmetric=False, rng=0)
    A = npr.add_leak(W, excess=1e-6)
    times = np.linspace(0, 1e5 / np.abs(A).sum(axis=0).max(), 5)
    x0 = np.random.default_rng(0).normal(size=40)
    values, V = linalg.eig(A)
    expected = (V * np.exp(np.multiply.outer(times, values))[:, None]) @ linalg.solve(V, x0)
    assert np.allclose(npr.relax(container(A), x0, times), expected.real, rtol=1e-8)


def test_a_long_time_of_a_sparse_symmetric_network_takes_few_steps(monkeypatch):
    steps, step = [], Course.step
    monkeypatch.setattr(Course, "step", lambda *a, **b: steps.append(1) or step(*a, **b))
    A = npr.add_leak(npr.random_graph(300, 8, rng=0), excess=1e-4)
    x0, t = np.random.default_rng(0).normal(size=300), 1e5 / abs(A).sum(axis=0).max()
    x = npr.relax(A, x0, [t])
    assert len(steps) < 150  # of some 300 products at most
    assert np.allclose(x, npr.relax(A.toarray(), x0, [t]), rtol=1e-9)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("symmetric", [True, False])
def test_batches_orders_of_times_and_the_fixed_point(network, symmetric, container):
    A = container(network(6, symmetric=symmetric, excess=0.5))
    x0 = np.random.default_rng(0).normal(size=(6, 3))
    times = [2.0, 0.0, 1.0, 2.0, 200.0]
    x = npr.relax(A, x0, times, b=1.0)
    assert x.shape == (5, 6, 3)
    assert np.allclose(x[1], x0, rtol=1e-12)
    assert np.array_equal(x[0], x[3])
    for k in range(3):
        assert np.allclose(x[:, :, k], npr.relax(A, x0[:, k], times, b=1.0), rtol=1e-10, atol=1e-12)
    dense = A.toarray() if sparse.issparse(A) else A
    assert np.allclose(x[4], -np.linalg.solve(dense, np.ones(6))[:, None], rtol=1e-8)
    assert npr.relax(A, x0, []).shape == (0, 6, 3)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("A", [[[0.0, 2.0], [2.0, 0.0]], [[0.0, 2.0], [3.0, 0.0]]])
def test_an_unstable_network_never_turns_into_nan(A, container):
    """exp(2 * 1000) is beyond floating point, and inf - inf is no activity."""
    with pytest.raises(ValueError, match=r"t = 1000.*unstable"):
        npr.relax(container(np.array(A)), [1.0, 0.0], [1.0, 1000.0])


@pytest.mark.parametrize(
    ("A", "x0", "times", "b", "error", "message"),
    [
        (PAIR, [1.0], [1.0], 0.0, ValueError, "x0 must have shape"),
        (PAIR, [1.0, 0.0], [-1.0], 0.0, ValueError, "times must not be negative"),
        (PAIR, [1.0, 0.0], [np.inf], 0.0, ValueError, "times must be finite"),
        (PAIR, [1.0, 0.0], 1.0, 0.0, ValueError, "times .*dimension"),
        (PAIR, [1.0, 0.0], None, 0.0, TypeError, "times must be an array"),
        (PAIR, [1.0, 0.0], [1.0], [1.0, 2.0, 3.0], ValueError, "b must be a number"),
        (np.ones((2, 3)), [1.0, 0.0], [1.0], 0.0, ValueError, "A must be square"),
        (None, [1.0, 0.0], [1.0], 0.0, TypeError, "A must be an array"),
    ],
)
def test_relax_says_what_is_wrong(A, x0, times, b, error, message):
    with pytest.raises(error, match=message):
        npr.relax(A, x0, times, b=b)


# ---------------------------------------------------------------- trajectory error


@pytest.fixture(scope="module")
def pruned_pair(network):
    A = network(20, seed=1, excess=0.2)
    return A, npr.noise_prune(A, 0.5, rng=1).A


def error_by_van_loan(A, A_sparse, t, x0, b, sigma):
    """The same quantity from the covariance of both networks together, by block exponentials."""
    n = len(A)
    F = linalg.block_diag(A, A_sparse)
    shared = np.vstack([np.eye(n), np.eye(n)])
    block = np.block([[-F, sigma**2 * shared @ shared.T], [np.zeros_like(F), F.T]])
    E = linalg.expm(block * t)
    P = E[2 * n :, 2 * n :].T @ E[: 2 * n, 2 * n :]
    difference = solution_by_expm(A, x0, b, t) - solution_by_expm(A_sparse, x0, b, t)
    D = np.hstack([np.eye(n), -np.eye(n)])
    above = difference @ difference + np.trace(D @ P @ D.T)
    return np.sqrt(above / (np.sum(solution_by_expm(A, x0, b, t) ** 2) + np.trace(P[:n, :n])))


@pytest.mark.parametrize("sigma", [0.0, 0.2, 3.0])
@pytest.mark.parametrize("b", [0.0, 0.1, np.linspace(-1, 1, 20)], ids=["none", "number", "vector"])
def test_trajectory_error_agrees_with_the_joint_covariance(pruned_pair, sigma, b):
    A, A_sparse = pruned_pair
    x0 = np.random.default_rng(0).random(20)
    times = [0.01, 0.1, 0.3]  # the block exponential loses digits at longer times
    error = npr.trajectory_error(A, A_sparse, times, x0=x0, b=b, sigma=sigma)
    expected = [error_by_van_loan(A, A_sparse.toarray(), t, x0, b, sigma) for t in times]
    assert np.allclose(error, expected, rtol=1e-6)


def test_trajectory_error_agrees_with_many_simulations(pruned_pair):
    """Mean squares over 1000 pairs of simulations under shared noise, within 5 standard errors.

    With dt = 0.002 the bias of Euler's scheme is far below that of the sampling.
    """
    A, A_sparse = pruned_pair
    x0 = np.random.default_rng(0).random(20)
    times = np.array([0.2, 0.5, 1.0, 2.0])
    options = {"dt": 0.002, "steps": 1000, "b": 0.1, "sigma": 0.3, "rng": 4}
    columns = np.repeat(x0[:, None], 1000, axis=1)
    at = np.round(times / 0.002).astype(int)
    x = npr.simulate(A, x0=columns, **options)[at]
    x_sparse = npr.simulate(A_sparse, x0=columns, **options)[at]
    above, below = np.square(x - x_sparse).sum(axis=1), np.square(x).sum(axis=1)
    measured = above.mean(axis=1) / below.mean(axis=1)
    expected = npr.trajectory_error(A, A_sparse, times, x0=x0, b=0.1, sigma=0.3) ** 2
    # Standard error of a ratio of means (delta method).
    spread = (above - measured[:, None] * below).std(axis=1) / below.mean(axis=1) / np.sqrt(1000)
    assert np.all(np.abs(measured - expected) <= 5 * spread)
    assert np.all(spread < 0.05 * expected)  # the test can tell


def test_trajectory_error_without_noise_is_that_of_the_exact_solutions(pruned_pair):
    A, A_sparse = pruned_pair
    x0 = np.random.default_rng(2).random((20, 3))
    times = np.linspace(0, 5, 7)
    error = npr.trajectory_error(A, A_sparse, times, x0=x0, b=0.2)
    x, x_sparse = npr.relax(A, x0, times, b=0.2), npr.relax(A_sparse, x0, times, b=0.2)
    squares = np.square(x - x_sparse).sum(axis=(1, 2)) / np.square(x).sum(axis=(1, 2))
    assert error[0] == pytest.approx(0.0, abs=1e-7)
    assert np.allclose(error, np.sqrt(squares), rtol=1e-8, atol=1e-7)


def test_trajectory_error_tends_to_that_of_the_stationary_state(pruned_pair):
    """The joint covariance P of the two networks then solves A P + P A_sparse + sigma^2 I = 0."""
    A, A_sparse = pruned_pair[0], pruned_pair[1].toarray()
    joint = np.trace(linalg.solve_sylvester(A, A_sparse, -np.eye(20)))
    own, own_sparse = np.trace(np.linalg.inv(-2 * A)), np.trace(np.linalg.inv(-2 * A_sparse))
    expected = np.sqrt((own + own_sparse - 2 * joint) / own)
    error = npr.trajectory_error(A, A_sparse, [500.0], x0=np.ones(20), sigma=0.1)
    assert error == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("sign", [-1.0, 1.0, 0.0])
def test_growth_summed_over_all_pairs_of_modes(sign):
    """Against the sum with 50 digits; rates that cancel, vanish, or are tiny lose none of them."""
    rng = np.random.default_rng(0)
    lam = np.array([-2.0, -1.0, -0.3, -1e-9, 0.0, -1e-17])
    mu = np.array([-1.5, 1.0 * sign, 0.3 * sign * (1 + 1e-9), -1e-8, 0.0, 1e-17 * sign])
    weights = rng.random((6, 6))
    times = np.array([0.0, 1e-7, 0.1, 3.0, 40.0])
    got = _weighted_growth(weights, lam, mu, times)
    for t, value in zip(times, got, strict=True):
        with localcontext() as context:
            context.prec = 50
            total = Decimal(0)
            for (i, j), w in np.ndenumerate(weights):
                rate, at = Decimal(lam[i]) + Decimal(mu[j]), Decimal(float(t))
                total += Decimal(w) * (((rate * at).exp() - 1) / rate if rate else at)
        assert value == pytest.approx(float(total), rel=1e-13)


@pytest.mark.parametrize("seed", range(6))
def test_activity_that_never_decays_is_refused_whatever_the_sign_of_rounding(seed):
    A = npr.add_leak(abs(npr.clustered([20, 10], long_range=40, rng=seed)))
    with pytest.raises(ValueError, match="no stationary activity"):
        stationary_trajectory(A, 0.4, 9, rng=0)


def test_trajectory_error_takes_the_eigenpairs_of_the_original(pruned_pair):
    A, A_sparse = pruned_pair
    options = {"x0": np.ones(20), "b": 0.2, "sigma": 0.3}
    error = npr.trajectory_error(A, A_sparse, [0.1, 1.0], **options)
    given_pairs = np.linalg.eigh(A)
    again = npr.trajectory_error(A, A_sparse, [0.1, 1.0], eigenpairs=given_pairs, **options)
    assert np.allclose(again, error, rtol=1e-12)
    with pytest.raises(ValueError, match="eigenpairs must have shapes"):
        npr.trajectory_error(A, A_sparse, [0.1], eigenpairs=np.linalg.eigh(A[1:, 1:]), **options)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_trajectory_error_of_a_singular_network(sigma):
    """The mode that never decays diffuses: its variance is sigma^2 t."""
    A = np.array([[-1.0, 1.0], [1.0, -1.0]])
    A_sparse = np.zeros((2, 2))
    t, x0 = 2.0, np.array([1.0, -1.0])
    error = npr.trajectory_error(A, sparse.csr_array(A_sparse), [t], x0=x0, sigma=sigma)[0]
    variance = sigma**2 * np.array([(1 - np.exp(-4 * t)) / 4, t, (1 - np.exp(-2 * t)) / 2])
    above = 2 * (1 - np.exp(-2 * t)) ** 2 + variance[0] + variance[1] - 2 * variance[2]
    below = 2 * np.exp(-4 * t) + variance[0] + variance[1]
    assert error == pytest.approx(np.sqrt(above / below), rel=1e-10)


def test_trajectory_error_does_not_depend_on_container_scale_or_names(pruned_pair):
    A, A_sparse = pruned_pair
    dense = A_sparse.toarray()
    x0, times = np.linspace(0, 1, 20), np.array([0.1, 1.0])
    reference = npr.trajectory_error(A, A_sparse, times, x0=x0, b=0.2, sigma=0.3)
    order = np.random.default_rng(0).permutation(20)
    shuffled = A[np.ix_(order, order)], dense[np.ix_(order, order)]
    for others in (
        npr.trajectory_error(sparse.csr_array(A), dense, times, x0=x0, b=0.2, sigma=0.3),
        npr.trajectory_error(10 * A, 10 * dense, times / 10, x0=x0, b=2.0, sigma=0.3 * np.sqrt(10)),
        npr.trajectory_error(A, A_sparse, times, x0=10 * x0, b=2.0, sigma=3.0),
        npr.trajectory_error(*shuffled, times, x0=x0[order], b=0.2, sigma=0.3),
    ):
        assert np.allclose(others, reference, rtol=1e-9)


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_trajectory_error_of_an_unstable_network_never_turns_into_nan(sigma):
    with pytest.warns(UserWarning, match=r"t = 1000 .*unstable"):
        error = npr.trajectory_error(
            PAIR, [[0.0, 2.0], [2.0, 0.0]], [1.0, 1000.0], x0=[1.0, 0.0], sigma=sigma
        )
    assert np.isfinite(error[0])
    assert error[1] == np.inf


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"A": [[-1.0, 0.5], [0.0, -1.0]]}, ValueError, "A must be symmetric"),
        ({"A_sparse": [[-1.0, 0.5], [0.0, -1.0]]}, ValueError, "A_sparse must be symmetric"),
        ({"A_sparse": -np.eye(3)}, ValueError, "A_sparse must have the shape of A"),
        ({"x0": [0.0, 0.0]}, ValueError, "x0, b and sigma are all 0"),
        ({"x0": [0.0, 0.0, 1.0]}, ValueError, "x0 must have shape"),
        ({"times": [-1.0]}, ValueError, "times must not be negative"),
        ({"sigma": -1.0}, ValueError, "sigma must lie in"),
        ({"b": [1.0]}, ValueError, "b must be a number"),
        ({"A": None}, TypeError, "A must be an array"),
        ({"A_sparse": "pruned"}, TypeError, "A_sparse must be an array"),
    ],
)
def test_trajectory_error_says_what_is_wrong(changes, error, message):
    options = {"A": PAIR, "A_sparse": PAIR, "times": [1.0], "x0": [1.0, 0.0], **changes}
    with pytest.raises(error, match=message):
        npr.trajectory_error(
            options.pop("A"), options.pop("A_sparse"), options.pop("times"), **options
        )


# ---------------------------------------------------------------- one stationary run


def stationary_network():
    return npr.add_leak(npr.clustered([12, 8], long_range=10, rng=1), excess=0.5)


def test_a_trajectory_has_the_stationary_covariance_and_its_decay():
    A = stationary_network()
    X = stationary_trajectory(A, 0.4, 60_000, sigma=0.7, rng=2)
    C = npr.stationary_covariance(A, sigma=0.7)
    # At least 60,000 * tanh(0.5 * 0.4) = 11,800 effective snapshots; six standard errors.
    scale = np.sqrt(np.outer(C.diagonal(), C.diagonal()))
    assert np.abs(X @ X.T / X.shape[1] - C).max() < 6 * np.sqrt(2 / 11_800) * scale.max()
    later = X[:, 1:] @ X[:, :-1].T / (X.shape[1] - 1)
    assert np.abs(later - linalg.expm(0.4 * A) @ C).max() < 6 * np.sqrt(2 / 11_800) * scale.max()


def test_the_first_snapshot_is_stationary_already():
    starts = [stationary_trajectory([[-0.01]], 0.1, 1, rng=k)[0, 0] for k in range(2000)]
    # chi^2 with 2000 degrees of freedom, five standard errors.
    assert abs(np.var(starts) / 50 - 1) < 5 * np.sqrt(2 / 2000)


def test_a_trajectory_does_not_depend_on_the_signs_of_the_eigenvectors():
    A = stationary_network()
    lam, V = linalg.eigh(A)
    flipped = V * np.where(np.arange(20) % 2, 1, -1)
    first, *others = (
        stationary_trajectory(matrix, 0.4, 9, eigenpairs=pairs, rng=2)
        for matrix, pairs in (
            (A, None),
            (A, (lam, V)),
            (A, (lam, flipped)),
            (sparse.csr_array(A), None),
        )
    )
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-12)


def test_a_trajectory_repeats_with_its_seed_and_refuses_what_has_none():
    A = np.diag([-1.0, -2.0])
    assert np.array_equal(
        stationary_trajectory(A, 0.1, 5, rng=3), stationary_trajectory(A, 0.1, 5, rng=3)
    )
    assert stationary_trajectory(A, 0.1, 0).shape == (2, 0)
    with pytest.raises(ValueError, match="every eigenvalue must be negative, the largest is 0"):
        stationary_trajectory(np.diag([-1.0, 0.0]), 0.1, 5, rng=3)
    with pytest.raises(ValueError, match="interval"):
        stationary_trajectory(A, 0.0, 5)
    with pytest.raises(ValueError, match="A must be symmetric"):
        stationary_trajectory([[-1.0, 0.5], [0.0, -1.0]], 0.1, 5)
