"""Networks and oracles shared by the tests. Everything here is written without the package."""

import itertools

import numpy as np
import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Matrices of tests are small, and pytest-xdist fills the cores: threads would only queue."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def network():
    """Make a random network with signed weights whose leak exceeds its input by `excess`."""

    def make(n=12, *, seed=0, density=0.6, excess=0.1, symmetric=True):
        rng = np.random.default_rng(seed)
        W = rng.normal(size=(n, n)) * (rng.random((n, n)) < density)
        W = np.triu(W, 1) + np.triu(W, 1).T if symmetric else W - np.diag(W.diagonal())
        return W - np.diag(np.abs(W).sum(axis=1) + excess)

    return make


@pytest.fixture(scope="session")
def with_spectrum():
    """Make a matrix with the given eigenvalues in a random orthonormal basis.

    A pair (a, b) stands for the two eigenvalues a +- ib; pairs make the matrix normal only.
    """

    def make(eigenvalues, *, seed=0):
        blocks = [np.atleast_2d(v) if np.ndim(v) == 0 else _rotation(*v) for v in eigenvalues]
        n = sum(len(b) for b in blocks)
        middle, start = np.zeros((n, n)), 0
        for block in blocks:
            stop = start + len(block)
            middle[start:stop, start:stop] = block
            start = stop
        Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]
        A = Q @ middle @ Q.T
        return (A + A.T) / 2 if np.all([len(b) == 1 for b in blocks]) else A

    return make


def _rotation(a, b):
    return np.array([[a, b], [-b, a]])


@pytest.fixture(scope="session")
def leverages():
    """Leverage |w_ij| u_ij^T M^-1 u_ij of every synapse of a symmetric A, one solve each."""

    def compute(A):
        M = -np.asarray(A)
        result = np.zeros_like(M)
        for i, j in itertools.permutations(range(len(M)), 2):
            if M[i, j]:
                u = np.zeros(len(M))
                u[i], u[j] = 1.0, np.sign(M[i, j])  # sign(w) = -sign(M_ij)
                result[i, j] = abs(M[i, j]) * u @ np.linalg.solve(M, u)
        return result

    return compute


@pytest.fixture(scope="session")
def excess_leak():
    """Excess leak s_i = -A_ii - sum_j |W_ij| of every neuron."""

    def compute(A):
        A = A.toarray() if hasattr(A, "toarray") else np.asarray(A)
        return -A.diagonal() - (np.abs(A).sum(axis=1) - np.abs(A.diagonal()))

    return compute
