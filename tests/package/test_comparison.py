"""`compare` against independent ways to the same numbers, for networks of any structure."""

import math

import numpy as np
import pytest
from scipy import linalg, sparse
from scipy.sparse import linalg as splinalg

import noiseprune as npr


def brute(A, B):
    """Covariance and trajectory error by the Kronecker product, without the package."""
    n = len(A)
    eye = np.eye(n)

    def solve(X, Y):  # X C + C Y^T = -I
        return np.linalg.solve(np.kron(X, eye) + np.kron(eye, Y), -eye.ravel()).reshape(n, n)

    C, D, shared = solve(A, A), solve(B, B), solve(A, B)
    covariance = np.linalg.norm(D - C) / np.linalg.norm(C)
    return covariance, math.sqrt(np.trace(C + D - shared - shared.T) / np.trace(C))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_errors_are_those_of_the_kronecker_product(network, symmetric, seed):
    A = network(9, seed=seed, symmetric=symmetric)
    B = npr.noise_prune(A, 0.6, rng=seed).A
    found = npr.compare(A, B)
    covariance, trajectory = brute(A, B.toarray())
    np.testing.assert_allclose(found.covariance_error, covariance, rtol=1e-9)
    np.testing.assert_allclose(found.trajectory_error, trajectory, rtol=1e-7)
    assert found.abscissa == pytest.approx(linalg.eigvals(A).real.max(), rel=1e-12)
    assert found.abscissa_sparse == pytest.approx(linalg.eigvals(B.toarray()).real.max(), rel=1e-12)
    if symmetric:
        assert found.epsilon == npr.spectral_epsilon(A, B)
        lam, mu = np.linalg.eigvalsh(A), np.linalg.eigvalsh(B.toarray())  # 9 modes: all are slow
        assert found.slow_error == pytest.approx(np.median(abs(mu / lam - 1)), rel=1e-9)
    else:
        assert found.epsilon is None


def test_trajectory_error_is_that_of_a_simulation(network):
    """Both networks driven by the same noise; standard error from 40 blocks of the recording."""
    A = network(10, symmetric=False, excess=0.5)
    B = npr.noise_prune(A, 0.6, rng=0).A
    rate, dt = np.abs(A).max(), 0.01
    x, y = (
        npr.simulate(
            M / rate, x0=np.zeros((10, 40)), dt=dt, steps=60_000, sigma=1, rng=0, every=20
        )[500:]
        for M in (A, B.toarray())
    )
    difference, size = np.square(x - y).sum((0, 1)), np.square(x).sum((0, 1))
    ratio = difference.sum() / size.sum()
    error = np.std(difference / size.mean() - ratio * size / size.mean(), ddof=1) / math.sqrt(40)
    # 4 standard errors: a false alarm in 16,000; Euler's scheme adds dt / 2 of the fastest rate.
    assert abs(npr.compare(A, B).trajectory_error ** 2 - ratio) < 4 * error + dt * ratio


def test_same_network_has_no_error_and_one_measure_knows_the_scale(network):
    for symmetric in (True, False):
        A = network(12, symmetric=symmetric)
        same, faster = npr.compare(A, A), npr.compare(A, 1.25 * A)
        assert same.slow_error == pytest.approx(0, abs=1e-12)
        assert same.covariance_error == pytest.approx(0, abs=1e-7)
        assert same.trajectory_error == pytest.approx(0, abs=1e-6)
        assert faster.slow_error == pytest.approx(0.25)
        assert faster.covariance_error == pytest.approx(0.2)  # 1 - 1 / 1.25
        assert npr.compare(7 * A, 7 * 1.25 * A).trajectory_error == pytest.approx(
            faster.trajectory_error
        )


def test_relabelling_changes_nothing(network):
    A = network(12, symmetric=False)
    B = npr.noise_prune(A, 0.5, rng=0).A.toarray()
    order = np.random.default_rng(0).permutation(12)
    there = npr.compare(A[np.ix_(order, order)], B[np.ix_(order, order)])
    for name, value in vars(npr.compare(A, B)).items():
        assert vars(there)[name] == (value if value is None else pytest.approx(value, rel=1e-9))


def test_rates_that_rounding_alone_tells_apart_meet_by_frequency():
    """Rings of one leak: all real parts are -1, up to rounding, and only frequencies differ."""
    strengths = np.array([0.1, 0.5, 1.7, 2.4, 3.1, 5.0])
    blocks = [np.array([[-1.0, w], [-w, -1.0]]) for w in strengths]
    A = linalg.block_diag(*blocks)
    B = linalg.block_diag(*(block * [[1, 1.5], [1.5, 1]] for block in blocks))
    found = set()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        order = rng.permutation(12)
        rounding = 1 + 1e-15 * rng.standard_normal((12, 12))
        C, D = (rounding * M[np.ix_(order, order)] for M in (A, B))
        found.add(round(npr.compare(C, D).slow_error, 6))
    expected = np.median([abs((-1 + 1.5j * w) / (-1 + 1j * w) - 1) for w in strengths[1:]])
    assert found == {round(float(expected), 6)}


def test_parts_and_an_unstable_result():
    A = np.diag([-1.0, -1.0, -1.0, -1.0])
    A[0, 1], A[2, 3], A[3, 2], A[1, 2] = 0.5, 0.5, 0.4, 0.3
    B = A.copy()
    B[1, 2] = 0
    assert (npr.compare(A, B).components, npr.compare(A, B).components_sparse) == (1, 2)
    for symmetric in (False, True):
        one = A + A.T * symmetric
        two = one.copy()
        two[2, 3] = two[3, 2] = 3.0
        found = npr.compare(one, two)
        assert found.abscissa_sparse > 0
        assert found.covariance_error == found.trajectory_error == math.inf
        with pytest.raises(ValueError, match="unstable"):
            npr.compare(two, one)
    with pytest.raises(ValueError, match="A_sparse must have the shape of A"):
        npr.compare(A, B[:3, :3])


def test_large_networks_agree_with_dense_ones(monkeypatch):
    A = npr.add_leak(npr.random_graph(600, 10, rng=0), excess=0.2)
    B = npr.noise_prune(A, 0.5, rule="weight", rng=0).A
    exact = npr.compare(A, B)
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 100)
    estimate = npr.compare(A, B)
    for name in ("abscissa", "abscissa_sparse", "slow_error", "epsilon"):
        assert vars(estimate)[name] == pytest.approx(vars(exact)[name], rel=1e-5)
    assert estimate.components_sparse == exact.components_sparse
    # A trace from 16 sign vectors has the relative standard error sqrt(2 / (16 n)), n the effective
    # number of modes; its root half of that. Four of them: a false alarm in 16,000.
    D = np.linalg.inv(-B.toarray()) - np.linalg.inv(-A.toarray())
    modes = np.trace(D @ D) ** 2 / np.trace(D @ D @ D @ D)
    tolerance = 4 * math.sqrt(2 / (16 * modes)) / 2
    assert tolerance < 0.5
    assert estimate.covariance_error == pytest.approx(exact.covariance_error, rel=0.05)
    assert estimate.trajectory_error == pytest.approx(exact.trajectory_error, rel=tolerance)


def test_a_large_network_may_lose_all_that_decays(monkeypatch):
    W = np.pad(npr.clustered([40, 30, 30], long_range=200, rng=0), (0, 2))
    W[[100, 0, 101, 1], [0, 100, 1, 101]] = 1.0
    kept = np.pad(W[:100, :100], (0, 2))
    excess = np.r_[np.full(100, 0.1), 0.0, 0.0]  # the last two decay by what they send alone
    A, B = (w - np.diag(np.abs(w).sum(axis=1) + excess) for w in (W, kept))
    expected = vars(npr.compare(A, B))
    assert expected["trajectory_error"] == math.inf
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    found = npr.compare(sparse.csr_array(A), sparse.csr_array(B))
    assert found.abscissa_sparse == 0
    assert vars(found) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    with pytest.raises(ValueError, match="singular"):
        npr.compare(sparse.csr_array(B), sparse.csr_array(B))


def test_slow_modes_that_decay_alike_are_said(monkeypatch):
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    monkeypatch.setattr("noiseprune.large.krylov._BLOCKS", 2)
    A = sparse.csr_array(npr.add_leak(np.eye(300, k=1) + np.eye(300, k=-1), excess=0.1))
    with pytest.raises(
        RuntimeError, match=r"modes of 300 neurons were not found: too many .* rate$"
    ):
        npr.compare(A, A)


def test_large_directed_networks_have_their_stability(monkeypatch):
    W = sparse.random_array((400, 400), density=0.02, rng=0)
    A = npr.add_leak(sparse.csr_array(W - sparse.diags_array(W.diagonal())), excess=0.1)
    B = npr.noise_prune(A, 0.7, rng=0).A
    exact = npr.compare(A, B)
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 100)
    estimate = npr.compare(A, B)
    assert estimate.abscissa == pytest.approx(exact.abscissa, rel=1e-9)
    assert estimate.slow_error == pytest.approx(exact.slow_error, rel=1e-6)
    assert estimate.covariance_error is estimate.trajectory_error is estimate.epsilon is None
    strong = sparse.coo_array(([100.0, 100.0], ([0, 1], [1, 0])), shape=A.shape)
    assert npr.compare(A, B + strong).trajectory_error == math.inf


def test_slow_modes_that_no_iteration_finds_are_said(monkeypatch):
    def endless(*args, **keywords):
        raise splinalg.ArpackError(-1)

    monkeypatch.setattr("scipy.sparse.linalg.eigs", endless)
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 20)
    chain = sparse.diags_array([np.full(30, -1.0), np.full(29, 0.5)], offsets=[0, -1], format="csr")
    with pytest.raises(RuntimeError, match="the slowest modes of 30 neurons were not found"):
        npr.compare(chain, chain)


@pytest.mark.parametrize("power", [-700, 700])
@pytest.mark.parametrize("symmetric", [True, False])
def test_errors_do_not_depend_on_the_unit_of_time(network, symmetric, power):
    A = network(9, symmetric=symmetric)
    B = npr.noise_prune(A, 0.6, rng=0).A.toarray()
    expected, found = npr.compare(A, B), npr.compare(A * 2.0**power, B * 2.0**power)
    for name, value in vars(expected).items():
        scale = 2.0**power if name.startswith("abscissa") else 1
        assert vars(found)[name] == (value and pytest.approx(value * scale, rel=1e-9)), name


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("symmetric", [True, False])
def test_what_parts_keep_does_not_hide_the_error_of_the_others(symmetric, large, monkeypatch):
    """Under the balanced leak each lone neuron decays at the excess, the slowest rate there is."""
    W = npr.random_graph(120, 6, rng=0).toarray()
    W *= np.random.default_rng(0).uniform(0.5, 1.5, W.shape) if not symmetric else 1.0
    pruned = npr.noise_prune(npr.add_leak(W, excess=0.05), 0.6, rng=0).A.toarray()
    V = pruned - np.diag(pruned.diagonal())
    assert npr.compare(npr.add_leak(W, excess=0.05), pruned).components == 1
    expected = npr.compare(npr.add_leak(W, excess=0.05), npr.add_leak(V, excess=0.05))
    assert expected.slow_error > 0.01
    if large:
        monkeypatch.setattr("noiseprune.large.network.LIMIT", 50)
    pair = np.array([[0.0, 9e3], [9e3, 0.0]])  # the other mode is fast
    for others in ([np.zeros((140, 140))], [pair] * 9, [pair, np.zeros((9, 9))]):
        A, B = (
            sparse.csr_array(
                npr.add_leak(
                    sparse.block_diag([*map(sparse.coo_array, [M, *others])]).toarray(), excess=0.05
                )
            )
            for M in (W, V)
        )
        found = npr.compare(A, B)
        assert found.slow_error == pytest.approx(expected.slow_error, rel=1e-5)
        assert found.abscissa == pytest.approx(expected.abscissa, rel=1e-9)
        assert found.abscissa_sparse == pytest.approx(expected.abscissa_sparse, rel=1e-9)


def test_what_a_part_does_not_keep_counts():
    lone = npr.add_leak(
        sparse.block_diag([*map(sparse.coo_array, [1 - np.eye(3), np.zeros((9, 9))])]).toarray(),
        excess=0.5,
    )
    changed = lone.copy()
    changed[3:, 3:] *= 1.5
    assert npr.compare(lone, lone).slow_error == 0
    assert npr.compare(lone, changed).slow_error == pytest.approx(0.5)
