"""The living network: its numbers against the package, and its bundle against its source.

`tests/replication/test_living.py` has its Python side, `test_browser.py` what a hand does to it.
"""

import hashlib
import itertools
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from noiseprune_maths import node_program
from scipy import sparse
from scipy.sparse import csgraph

import noiseprune as npr
from replication import living

SOURCE = living.SCRIPT.parents[1] / "_living"
RULES = ("noise", "leak", "weight", "uniform")
NOISE = {"dt": 0.5, "steps": 40_000}


def networks():
    """Every network of the book, and random ones with signs and different leaks."""
    rng = np.random.default_rng(5)
    for name in living.SETTINGS:
        shown = living.living_network(name)
        yield shown.W, shown.excess
    for n in (2, 6, 12):
        W = np.triu(rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.7), 1)
        W[0, 1] = -0.7
        yield W + W.T, rng.uniform(0.01, 1, n)


def question(W, excess, rule, keep, seed):
    asked = {"W": W.tolist(), "excess": excess.tolist(), "rule": rule, "keep": keep, "seed": seed}
    return asked | {
        "kept": (on_links(drawn(asked), asked) != 0).tolist(),
        "start": np.random.default_rng(seed).normal(size=len(W)).tolist(),
        "times": [0.0, 0.3, 1.0, 5.0],
        "noise": NOISE,
    }


def matrix(asked):
    return npr.add_leak(np.array(asked["W"]), excess=np.array(asked["excess"]))


def drawn(asked, diagonal="matched"):
    """What the package makes of the network; the draw is the same for either diagonal."""
    A = matrix(asked)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule=asked["rule"]), keep=asked["keep"])
    return npr.sample_synapses(A, P, diagonal=diagonal, rng=asked["seed"]).toarray()


def on_links(S, asked):
    """Entries of a matrix on the links i < j, row by row."""
    S = S.toarray() if sparse.issparse(S) else S
    return S[np.triu(np.array(asked["W"])).nonzero()]


@pytest.fixture(scope="module")
def answers():
    """What the script says of each network, beside what it was asked."""
    rules = itertools.cycle(RULES)
    asked = [
        question(*network, next(rules), keep, seed)
        for network in networks()
        for seed, keep in enumerate((0.5, 0.7, 0.9))
    ]
    done = subprocess.run(
        [node_program(), Path(__file__).with_name("living.mjs"), living.SCRIPT],
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return list(zip(asked, json.loads(done.stdout), strict=True))


def test_modes_slowest_first(answers):
    for asked, said in answers:
        A = matrix(asked)
        assert said["rates"] == pytest.approx(np.linalg.eigvalsh(-A), rel=1e-9, abs=1e-12)
        V = np.array(said["vectors"]).T
        assert pytest.approx(np.eye(len(A)), abs=1e-9) == V.T @ V
        assert pytest.approx(-V * said["rates"], abs=1e-9) == A @ V
        assert said["leaks"] == pytest.approx(-A.diagonal())


def test_covariance_scores_and_probabilities(answers):
    for asked, said in answers:
        A = matrix(asked)
        np.testing.assert_allclose(said["C"], npr.stationary_covariance(A), rtol=1e-8, atol=1e-10)
        for rule in RULES:
            S = npr.synapse_scores(A, rule=rule)
            np.testing.assert_allclose(said["scores"][rule], on_links(S, asked), rtol=1e-8)
            P = npr.keep_probabilities(S, keep=asked["keep"])
            np.testing.assert_allclose(said["P"][rule], on_links(P, asked), rtol=1e-8)


def test_pruned_network_keeps_its_excess_leak(answers):
    for asked, said in answers:
        A = drawn(asked)
        W = A - np.diag(A.diagonal())
        np.testing.assert_allclose(said["pruned"]["W"], W, rtol=1e-8)
        np.testing.assert_allclose(said["pruned"]["leaks"], -A.diagonal(), atol=1e-9)
        np.testing.assert_allclose(said["pruned"]["rates"], np.linalg.eigvalsh(-A), atol=1e-9)
        assert said["pieces"] == csgraph.connected_components(W)[0]


def test_balance_is_the_homeostatic_scaling_of_the_package(answers):
    exact = []
    for asked, said in answers:
        A = drawn(asked, diagonal="homeostatic")
        np.testing.assert_allclose(said["balanced"]["W"], A - np.diag(A.diagonal()), atol=1e-6)
        np.testing.assert_allclose(said["balanced"]["leaks"], -A.diagonal(), atol=1e-6)
        exact.append(np.allclose(A.diagonal(), matrix(asked).diagonal()))
    assert 0.1 < np.mean(exact) < 0.9, "both kinds of pattern, with an exact scaling and without"


def test_relaxation(answers):
    for asked, said in answers:
        x = npr.relax(matrix(asked), asked["start"], asked["times"])
        assert said["relaxation"] == pytest.approx(np.linalg.norm(x, axis=1), rel=1e-8)


def test_running_covariance_converges_to_the_exact_one(answers):
    """Relative error of C against its standard deviation, by Isserlis' formula.

    A sum of squares of Gaussian variables with correlation time at most that of the slowest mode:
    E |C_T - C|_F^2 <= (tr(C)^2 + |C|_F^2) (tau + dt) / T with tau = 1 / slowest rate. Five times
    its root is passed by chance in fewer than one network in 25 (Chebyshev), and the seed is fixed.
    """
    for asked, said in answers:
        C = npr.stationary_covariance(matrix(asked))
        T, tau = NOISE["dt"] * NOISE["steps"], 1 / min(said["rates"])
        spread = np.trace(C) ** 2 + np.linalg.norm(C) ** 2
        bound = 5 * np.sqrt(spread * (tau + NOISE["dt"]) / T) / np.linalg.norm(C)
        error = np.linalg.norm(np.array(said["measured"]) - C) / np.linalg.norm(C)
        assert said["difference"] == pytest.approx(error, rel=1e-6)
        assert error < bound


def test_bundle_is_made_from_the_source_and_is_small():
    sources = sorted(
        path
        for path in SOURCE.iterdir()
        if path.suffix in {".css", ".js"} or path.name == "package-lock.json"
    )
    content = b"".join(path.read_bytes() for path in sources)
    bundle = living.SCRIPT.read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest()[:16] in bundle[:100], "`make living` bundles it anew"
    assert len(bundle.encode()) < 60_000


def test_lock_of_the_bundle_names_no_place():
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert all(package["integrity"] for package in packages)
    assert not any("resolved" in package for package in packages)
