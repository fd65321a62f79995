"""Networks and oracles shared by the tests. Everything here is written without the package."""

import itertools
import os
import shutil
import sys

import numpy as np
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

# The same examples in every run, and no failure because a busy machine is slow.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Look at every figure that a test leaves open: it must draw, and its axes have labels."""
    result = yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        try:
            for number in pyplot.get_fignums():
                check_figure(pyplot.figure(number))
        finally:
            pyplot.close("all")
    return result


def check_figure(figure):
    """White ground, something on every panel, and a label (or names as ticks) along every axis.

    Inner panels of a grid read the labels of the panels in their row and column.
    """
    figure.draw_without_rendering()
    assert figure.get_facecolor() == (1, 1, 1, 1), "read on a dark page too, so never transparent"
    panels = [ax for ax in figure.axes if ax.get_subplotspec() and ax.get_label() != "<colorbar>"]
    for ax in (panel for panel in panels if panel.axison):
        assert ax.has_data(), "empty panel"
        for axis, spans in (("yaxis", "rowspan"), ("xaxis", "colspan")):
            line = [other for other in panels if same_span(ax, other, spans)]
            assert any(is_labelled(getattr(other, axis)) for other in line), f"{axis} has no label"


def same_span(ax, other, spans):
    """Whether two panels take the same rows, or columns, of the grid."""
    mine, its = (getattr(panel.get_subplotspec(), spans) for panel in (ax, other))
    return list(mine) == list(its)


def is_labelled(axis):
    """Whether an axis has a label, or ticks that are names and need none."""
    words = (
        tick.get_text().strip("\N{MINUS SIGN}0123456789.,% ") for tick in axis.get_ticklabels()
    )
    return bool(axis.label.get_text()) or any(word and word[0] != "$" for word in words)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Matrices of tests are small, and pytest-xdist fills the cores: threads would only queue."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def browser():
    """Chromium, one for all tests of a process; without it they are skipped, but not in CI."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None and not os.environ.get("CI"):
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


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
