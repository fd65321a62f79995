"""What dense and sparse matrices have in common: symmetry up to rounding, one policy of threads."""

import os

import numpy as np
import pytest
from scipy import sparse

from noiseprune import _checks, _matrix

CONTAINERS = [np.array, sparse.csr_array]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fast", [0, 1, 2])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_a_directed_synapse_is_seen_beside_a_neuron_of_any_speed(container, fast, scale):
    A = -np.eye(3)
    A[fast, fast] = -1e12
    slow = [k for k in range(3) if k != fast]
    assert _matrix.is_symmetric(container(A * scale))
    A[slow[1], slow[0]] = 1.0
    assert not _matrix.is_symmetric(container(A * scale))
    A[fast, slow[0]] = A[slow[0], fast] = 1e3
    assert not _matrix.is_symmetric(container(A * scale))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("size", "symmetric"), [(0.99e-13, True), (1.01e-13, False)])
def test_rounding_is_1e_13_of_the_two_rows(container, size, symmetric):
    A = -np.diag([4.0, 9.0, 1e6])
    A[1, 0] = 6 * size
    assert _matrix.is_symmetric(container(A)) == symmetric


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_pattern_symmetric_up_to_rounding_is_symmetric(container):
    A = -4 * np.eye(4)
    A[[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]] = [1, 1, 0.5, 0.5, 2, 2]
    A[0, 3] = A[2, 0] = 1e-15
    assert _matrix.is_symmetric(container(A))


@pytest.mark.parametrize("spread", [1, 3, 6])
@pytest.mark.parametrize("n", [40, 600])
@pytest.mark.parametrize("definite", [True, False])
def test_products_are_symmetric_up_to_rounding(n, spread, definite):
    rng = np.random.default_rng(n)
    V = np.linalg.qr(rng.normal(size=(n, n)))[0]
    values = 10.0 ** rng.uniform(-spread, spread, n) * (1 if definite else rng.choice([-1, 1], n))
    scale = 10.0 ** rng.uniform(-spread, spread, n)  # leaks of different orders
    A = scale[:, None] * ((V * values) @ V.T) * scale
    assert not np.array_equal(A, A.T)
    assert _matrix.is_symmetric(A)
    assert _matrix.is_symmetric(sparse.csr_array(A))


def test_threads_are_the_processors_of_the_process_or_fewer(monkeypatch):
    monkeypatch.delenv("NOISEPRUNE_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    assert _matrix.threads() == 6
    assert _matrix.threads(9) == 9
    for value, threads in (("4", 4), (" 1 ", 1), ("99", 6), ("", 6)):
        monkeypatch.setenv("NOISEPRUNE_THREADS", value)
        assert _matrix.threads() == threads
    for value in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("NOISEPRUNE_THREADS", value)
        with pytest.raises(ValueError, match="NOISEPRUNE_THREADS must be a whole number from 1"):
            _matrix.threads()


@pytest.mark.parametrize("threads", ["1", "2", "64"])
def test_work_comes_back_in_order_on_any_number_of_threads(monkeypatch, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setenv("NOISEPRUNE_THREADS", threads)
    for parts in (0, 1, 37):
        assert _matrix.in_parallel(lambda k: k * k, range(parts)) == [k * k for k in range(parts)]


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("directed", [True, False])
def test_parts_and_signs_that_make_every_weight_positive(directed, index):
    rng = np.random.default_rng(0)
    sign = rng.choice([-1.0, 1.0], 12)
    W = np.zeros((30, 30))
    W[:12, :12] = sign[:, None] * rng.random((12, 12)) * sign * (rng.random((12, 12)) < 0.3)
    W[12, 13] = W[13, 14] = W[14, 12] = -1.0  # a frustrated triangle
    W[15, 16] = -2.0  # one pair; the rest are alone
    np.fill_diagonal(W, 0)
    W = np.where(np.tril(W) != 0, np.tril(W), 0) + np.triu(W) if directed else W + W.T
    W = sparse.csr_array(W)
    W.indices, W.indptr = W.indices.astype(index), W.indptr.astype(index)
    part, z, balanced = _matrix.balance(W)
    assert len(balanced) == 3 + 13
    assert len(set(part[:12])) == 1
    assert (~balanced).sum() == 1
    assert not balanced[part[13]]
    i, j = W.tocoo().coords
    inside = balanced[part[i]]
    assert np.all(part[i] == part[j])
    assert np.all((z[i] * W.data * z[j])[inside] > 0)


@pytest.mark.parametrize("container", CONTAINERS)
def test_excess_leak_decides_dominance(container):
    A = np.array([[-3.0, 1, -2], [0.5, -1, 0], [0, 0, 0]])
    assert np.allclose(_matrix.excess_leak(container(A)), [0, 0.5, 0])
    assert _matrix.is_dominant(container(A))
    for excess, dominant in ((-0.9e-12, True), (-1.1e-12, False)):
        A[0, 0] = -3 * (1 + excess)
        assert _matrix.is_dominant(container(A)) == dominant


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("n", [1, 30, 310])
@pytest.mark.parametrize("symmetric", [True, False])
def test_abscissa(container, n, symmetric):
    A = np.random.default_rng(n).normal(size=(n, n))
    A = A + A.T if symmetric else A
    expected = np.linalg.eigvals(A).real.max()
    assert _matrix.abscissa(container(A)) == pytest.approx(expected, rel=1e-9)
    assert _matrix.abscissa(container(A - 100 * np.eye(n))) == pytest.approx(expected - 100)


@pytest.mark.parametrize("seed", range(40))
def test_the_rightmost_of_many_eigenvalues_near_an_edge_is_found(seed):
    """Random signed networks: asked for one, Arnoldi's iteration settles on another in some."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(301, 360))
    W = (rng.random((n, n)) < (0.02, 0.05, 0.1, 0.5)[seed % 4]) * rng.normal(0, 1, (n, n))
    assert _matrix.abscissa(W) == pytest.approx(np.linalg.eigvals(W).real.max(), rel=1e-9)


@pytest.mark.parametrize(("name", "symmetric"), [("eigsh", True), ("eigs", False)])
def test_an_iteration_that_fails_leaves_all_eigenvalues_of_small_networks(
    name, symmetric, monkeypatch
):
    def fails(*args, **options):
        raise sparse.linalg.ArpackNoConvergence("no convergence", [], [])

    monkeypatch.setattr(f"scipy.sparse.linalg.{name}", fails)
    A = np.random.default_rng(0).normal(size=(310, 310))
    A = A + A.T if symmetric else A
    assert _matrix.abscissa(A) == pytest.approx(np.linalg.eigvals(A).real.max(), rel=1e-9)
    monkeypatch.setattr("noiseprune._matrix._DENSE_LIMIT", 309)
    with pytest.raises(RuntimeError, match="of 310 neurons was not found"):
        _matrix.abscissa(A)


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_single_precision_took_is_there_again(container):
    """Symmetry of a product, and a leak that makes up for its input; nothing else changes."""
    rng = np.random.default_rng(0)
    V = np.linalg.qr(rng.normal(size=(60, 60)))[0].astype(np.float32)
    A = (V * rng.uniform(-3, -1, 60).astype(np.float32)) @ V.T
    assert not _matrix.is_symmetric(A.astype(float))
    checked = _checks.matrix(container(A))
    assert abs(checked - checked.T).max() == 0
    assert abs(checked - A).max() < 1e-6
    assert abs(_checks.matrix(container(A.astype(float))) - A).max() == 0

    W = np.abs(rng.normal(size=(60, 60))) * (1 - np.eye(60))
    A = (W - np.diag(W.sum(axis=1))).astype(np.float32)
    A[0, 0] *= 0.999  # this neuron does lack leak
    A[1, 1] *= 1.001
    checked = _checks.matrix(container(A))
    excess = _matrix.excess_leak(checked) / -checked.diagonal()
    assert np.abs(excess[2:]).max() < 1e-14
    assert excess[:2] == pytest.approx([-1e-3, 1e-3], rel=2e-3)
    off = ~np.eye(60, dtype=bool)
    assert (_matrix.dense(checked)[off] == A[off]).all()
