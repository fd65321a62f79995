"""Predictions before a coin is tossed, held against draws."""

import itertools
import warnings

import numpy as np
import pytest
from scipy import sparse

import noiseprune as npr
from noiseprune import _parts, theory


@pytest.fixture(scope="module")
def clustered():
    return npr.add_leak(npr.clustered([200, 40, 160], long_range=1000, rng=0))


def drawn(A, P, count, **options):
    return [npr.sample_synapses(A, P, rng=seed, **options) for seed in range(count)]


def test_relaxation_bound_never_exceeds_one():
    assert theory.relaxation_bound(0.9) == 1.0
    assert theory.relaxation_bound(0.82) < 1.0


@pytest.mark.parametrize(("diagonal", "tolerance"), [("matched", 0.1), ("homeostatic", 0.2)])
def test_epsilon_of_draws(clustered, diagonal, tolerance):
    P = npr.keep_probabilities(npr.synapse_scores(clustered), keep=0.4)
    found = [npr.spectral_epsilon(clustered, B) for B in drawn(clustered, P, 9, diagonal=diagonal)]
    predicted = theory.predicted_epsilon(clustered, P, diagonal=diagonal)
    assert predicted.reliable
    assert predicted.epsilon == pytest.approx(np.median(found), rel=tolerance)


@pytest.mark.parametrize("rule", ["noise", "weight"])
def test_epsilon_of_scaled_draws_where_totals_differ(rule):
    strength = np.random.default_rng(0).lognormal(0, 0.7, 400)
    A = npr.add_leak(np.outer(strength, strength) * (1 - np.eye(400)), excess=0.1)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule=rule), keep=0.4)
    found = [npr.spectral_epsilon(A, B) for B in drawn(A, P, 3, diagonal="homeostatic")]
    predicted = theory.predicted_epsilon(A, P, diagonal="homeostatic").epsilon
    assert 1.0 < predicted / np.median(found) < 1.3


def test_epsilon_of_scaled_draws_of_equal_neurons_is_the_edge_of_the_semicircle():
    n, p = 500, 0.1
    A = npr.add_leak(1 - np.eye(n), excess=1e-9)
    P = sparse.csr_array(p * (1 - np.eye(n)))
    predicted = theory.predicted_epsilon(A, P, diagonal="homeostatic").epsilon
    assert predicted == pytest.approx(2 * np.sqrt((1 - p) / (p * (n - 1))))


def test_epsilon_grows_with_the_quantile_and_has_no_units(clustered):
    P = npr.keep_probabilities(npr.synapse_scores(clustered), keep=0.4)
    quartiles = [
        theory.predicted_epsilon(clustered, P, quantile=q).epsilon for q in (0.1, 0.5, 0.9)
    ]
    assert all(a < b for a, b in itertools.pairwise(quartiles))
    assert theory.predicted_epsilon(1e4 * clustered, P).epsilon == pytest.approx(quartiles[1])


def test_nothing_pruned_is_predicted_to_change_nothing(clustered):
    P = npr.keep_probabilities(npr.synapse_scores(clustered), keep=1.0)
    for diagonal in ("matched", "homeostatic"):
        assert theory.predicted_epsilon(clustered, P, diagonal=diagonal).epsilon == 0
    slowest = theory.predicted_slowest(clustered, P)
    assert slowest.angle == pytest.approx(0, abs=1e-12)
    assert theory.predicted_gain(clustered, 1.0).gain == 1.0


def test_unreliable_predictions_say_so(clustered):
    A = npr.add_leak(npr.random_graph(400, 10, rng=0), excess=0.05)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="weight"), keep=0.3)
    assert not theory.predicted_epsilon(A, P).reliable
    star = sparse.coo_array((np.ones(60), (np.zeros(60, dtype=int), np.arange(1, 61))), (61, 61))
    A = npr.add_leak((star + star.T).tocsr(), excess=0.05)
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.98)
    assert theory.predicted_epsilon(A, P).epsilon < 0.5
    assert not theory.predicted_epsilon(A, P).reliable  # a synapse lost is all that a neuron has
    few = npr.keep_probabilities(npr.synapse_scores(clustered), keep=0.005)
    assert not theory.predicted_slowest(clustered, few).reliable


@pytest.mark.parametrize("rule", ["leak", "weight", "uniform"])
def test_predictions_by_a_rule_that_cuts_bottlenecks_are_not_reliable(rule):
    """Ten cliques in a ring, one link from each to the next."""
    W = np.kron(np.eye(10), 1 - np.eye(30))
    last = 30 * np.arange(10) + 29
    W[last, (last + 1) % 300] = W[(last + 1) % 300, last] = 1
    A = npr.add_leak(W, excess=0.05)
    noise = npr.synapse_scores(A)
    kept = npr.keep_probabilities(noise, keep=0.6)
    assert theory.predicted_epsilon(A, kept).reliable
    P = npr.keep_probabilities(npr.synapse_scores(A, rule=rule), keep=0.6)
    for diagonal in ("matched", "homeostatic"):
        predicted = theory.predicted_epsilon(A, P, diagonal=diagonal)
        assert not predicted.reliable
        assert theory.predicted_epsilon(A, P, diagonal=diagonal, S=noise) == predicted
    found = [npr.spectral_epsilon(A, B) for B in drawn(A, P, 9, diagonal="homeostatic")]
    assert np.median(found) > 1.5 * predicted.epsilon


def test_a_large_sparse_network_is_predicted_without_a_dense_matrix():
    A = npr.add_leak(npr.random_graph(20_000, 40, rng=0), excess=0.05)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="leak"), keep=0.5)
    predicted = theory.predicted_epsilon(A, P)
    found = npr.spectral_epsilon(A, npr.sample_synapses(A, P, rng=0))
    assert predicted.epsilon == pytest.approx(found, rel=0.15)


def test_keep_for_epsilon_inverts_the_prediction(clustered):
    keep = theory.keep_for_epsilon(clustered, 0.5, rule="leak")
    P = npr.keep_probabilities(npr.synapse_scores(clustered, rule="leak"), keep=keep)
    assert theory.predicted_epsilon(clustered, P).epsilon == pytest.approx(0.5, rel=5e-3)


def test_predictions_for_a_large_network_are_the_same_every_time(monkeypatch):
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    monkeypatch.setattr("noiseprune.large.factor.ordering", lambda W: None)  # as if it filled up
    A = npr.add_leak(sparse.csr_array(npr.random_graph(200, 20, rng=0)), excess=0.05)
    different = {npr.synapse_scores(A, rng=seed).data.sum() for seed in (1, 2)}
    assert len(different) == 2  # they are sampled
    assert theory.keep_for_epsilon(A, 0.5) == theory.keep_for_epsilon(A, 0.5)
    first, second = (theory.predicted_gain(A, 0.3).spread for _ in range(2))
    assert np.array_equal(first, second)


def test_the_slowest_mode_of_draws():
    """200 draws: the mean of a squared angle is known to about 10 %, of the spread to 5 %.

    The quadratic form of the mode before is right on average; what its eigenvalue is less than that
    is the bias, known to 3 %.
    """
    A = npr.add_leak(npr.clustered([70, 20, 30], density=0.8, long_range=600, rng=0))
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.8)
    values, vectors = np.linalg.eigh(A)
    slowest = vectors[:, -1]
    squares, errors, below = [], [], []
    for B in drawn(A, P, 200):
        new_values, new_vectors = np.linalg.eigh(B.toarray())
        squares.append(1 - (new_vectors[:, -1] @ slowest) ** 2)
        errors.append(new_values[-1] / values[-1] - 1)
        below.append((new_values[-1] - slowest @ (B @ slowest)) / values[-1])
    predicted = theory.predicted_slowest(A, P)
    assert predicted.reliable
    assert predicted.angle == pytest.approx(np.sqrt(np.mean(squares)), rel=0.2)
    assert predicted.spread == pytest.approx(np.std(errors), rel=0.2)
    assert predicted.bias == pytest.approx(np.mean(below), rel=0.15)


def test_an_unstable_network_has_no_reliable_prediction():
    W = npr.random_graph(200, 150, rng=0).toarray()
    A = W - np.diag(0.99 * W.sum(axis=1))
    predicted = theory.predicted_epsilon(A, sparse.csr_array(0.9 * (W != 0)))
    assert predicted.epsilon < 0.3
    assert not predicted.reliable
    with pytest.raises(ValueError, match="S must have a score"):
        theory.predicted_epsilon(
            A, sparse.csr_array(0.9 * (W != 0)), S=sparse.csr_array((200, 200))
        )


def test_modes_must_fit_the_network(network):
    A = network(6)
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.6)
    values, vectors = np.linalg.eigh(A)
    for message, given in (
        ("vectors must have shape", (values, vectors[:, 1:])),
        ("vectors must have shape", (values, vectors[1:])),
        ("values must not be 0", (0 * values, vectors)),
    ):
        with pytest.raises(ValueError, match=message):
            theory.mode_errors(A, P, *given)
    modes = theory.mode_errors(A, P, values, vectors)
    with pytest.raises(ValueError, match="the same modes"):
        theory.gain_between(modes, [part[1:] for part in modes])
    with pytest.raises(ValueError, match="rule"):
        theory.keep_for_epsilon(A, 0.5, rule="nonsense", S=npr.synapse_scores(A))


@pytest.mark.parametrize("rule", ["noise", "weight"])
def test_the_error_of_a_quadratic_form_by_enumeration(network, rule):
    """All 2^6 outcomes of four neurons: the variance is exact."""
    A = network(4, density=1.0)
    values, vectors = np.linalg.eigh(A)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule=rule), keep=0.6)
    i, j = np.triu_indices(4, 1)
    p = P.toarray()[i, j]
    mean, square = np.zeros(4), np.zeros(4)
    for outcome in itertools.product([0, 1], repeat=6):
        kept = np.array(outcome)
        B = np.zeros((4, 4))
        B[i, j] = B[j, i] = np.abs(A[i, j]) * kept / p
        W = np.abs(A - np.diag(A.diagonal()))
        B = np.sign(A) * B + np.diag(A.diagonal() + W.sum(axis=1) - B.sum(axis=1))
        chance = np.prod(np.where(kept, p, 1 - p))
        error = np.einsum("im,ij,jm->m", vectors, B, vectors) / values - 1
        mean += chance * error
        square += chance * error**2
    spread, _ = theory.mode_errors(A, P, values, vectors)
    assert np.allclose(mean, 0, atol=1e-12)
    assert np.allclose(spread**2, square, rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda A, P: theory.predicted_epsilon(A, P, quantile=1.0), "quantile"),
        (lambda A, P: theory.predicted_epsilon(A, P, diagonal="original"), "diagonal"),
        (lambda A, P: theory.predicted_epsilon(A + np.eye(3, k=1), P), "A must be symmetric"),
        (lambda A, P: theory.predicted_epsilon(A, np.eye(3, k=1)), "P must be symmetric"),
        (lambda A, P: theory.predicted_epsilon(A, 0 * P), "P is 0"),
        (lambda A, P: theory.predicted_epsilon(A - np.diag(A.diagonal()), P), "use add_leak"),
        (lambda A, P: theory.predicted_slowest(A, np.ones((2, 2))), "shape"),
        (lambda A, P: theory.keep_for_epsilon(A, 1.0), "epsilon"),
        (lambda A, P: theory.predicted_gain(A, 0.5, rules=("noise",), modes=2), "two rules"),
        (lambda A, P: theory.predicted_gain(A, 0.5, rules=("noise", "size"), modes=2), "rules"),
    ],
)
def test_predictions_say_what_is_wrong(call, message):
    A = np.array([[-2.5, 1, 1], [1, -2.5, 1], [1, 1, -2.5]])
    with pytest.raises(ValueError, match=message):
        call(A, 0.5 * (np.ones((3, 3)) - np.eye(3)))


def test_a_small_network_has_a_gain_of_all_its_modes():
    A = npr.add_leak(np.ones((3, 3)) - np.eye(3), excess=0.5)
    assert theory.predicted_gain(A, 0.5).spread.shape == (2, 3)


@pytest.mark.parametrize("power", [-700, 700])
def test_predictions_do_not_depend_on_the_unit_of_time(power):
    A = npr.add_leak(npr.clustered([30, 20], long_range=40, rng=0), excess=0.3)
    scaled = A * 2.0**power
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.5)
    for predict in (theory.predicted_epsilon, theory.predicted_slowest):
        expected, found = vars(predict(A, P)), vars(predict(scaled, P))
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-9), name
    gain = theory.predicted_gain(A, 0.5, modes=5).gain
    assert theory.predicted_gain(scaled, 0.5, modes=5).gain == pytest.approx(gain, rel=1e-9)
    assert theory.keep_for_epsilon(scaled, 0.7) == theory.keep_for_epsilon(A, 0.7)


def test_slowest_mode_of_two_equal_parts_is_no_number_gone_wrong():
    part = sparse.csr_array(npr.add_leak([[0, 1.0], [1.0, 0]], excess=0.5))
    A = sparse.block_diag([part, part], format="csr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = theory.predicted_slowest(A, npr.keep_probabilities(npr.synapse_scores(A), keep=0.5))
    assert not np.isnan([found.angle, found.bias, found.spread]).any()


@pytest.mark.parametrize("large", [False, True])
def test_modes_that_parts_keep_do_not_count(large, monkeypatch):
    """The first, largest part keeps its own; the modes are those of the parts taken apart."""
    if large:
        monkeypatch.setattr("noiseprune.large.network.LIMIT", 50)
    flip = np.where(np.arange(30) % 3, 1.0, -1.0)  # balanced: signs that agree
    parts = [npr.random_graph(n, 8, rng=n).toarray() for n in (70, 40, 30)]
    parts[2] *= np.outer(flip, flip)
    W = sparse.block_diag([*map(sparse.coo_array, [*parts, np.zeros((20, 20))])], format="csr")
    A = sparse.csr_array(npr.add_leak(W, excess=0.05))
    values, vectors = _parts.slowest_beside(A, 10, _parts.fixed_modes(A))
    expected = [np.linalg.eigvalsh(npr.add_leak(part, excess=0.05)) for part in parts]
    expected = np.sort(np.concatenate([expected[0], expected[1][:-1], expected[2][:-1]]))
    np.testing.assert_allclose(values, expected[-10:], rtol=1e-9)
    np.testing.assert_allclose(A @ vectors, vectors * values, atol=1e-6)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="leak"), keep=0.5)
    assert (theory.mode_errors(A, P, values, vectors)[0] > 1e-9).sum() == 9
    found = theory.predicted_gain(A, 0.5, rules=("leak", "uniform"))
    assert (found.spread[0] > 1e-9).sum() == 9
    frustrated = np.array([[0, 1.0, 1], [1, 0, -1], [1, -1, 0]])  # keeps no mode
    apart = npr.add_leak(
        sparse.block_diag([*map(sparse.coo_array, [1 - np.eye(9), frustrated])]).toarray(),
        excess=0.1,
    )
    assert _parts.fixed_modes(apart)[0].size == 0


def test_a_part_that_never_decays_is_not_passed_over():
    W = sparse.block_diag(
        [*map(sparse.coo_array, [np.ones((5, 5)) - np.eye(5), [[0.0]]])]
    ).toarray()
    A = npr.add_leak(W, excess=np.array([0.5] * 5 + [0.0]))
    with pytest.raises(ValueError, match="singular"):
        theory.predicted_gain(A, 0.5, rules=("leak", "weight"))
