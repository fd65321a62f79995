"""`diagnose`: every number against its definition, and advice that follows from them."""

import json
import math

import numpy as np
import pytest
from scipy import linalg, sparse

import noiseprune as npr
from noiseprune import pruning, report, theory


def ring(clusters=6, size=40, links=1):
    """Dense clusters in a ring, joined by single links: bottlenecks."""
    rng = np.random.default_rng(0)
    n = clusters * size
    W = np.zeros((n, n))
    for c in range(clusters):
        own = slice(c * size, (c + 1) * size)
        W[own, own] = rng.random((size, size)) < 0.6
        for k in range(links):
            W[c * size + k, ((c + 1) % clusters) * size + 20 + k] = 1.0
    W = np.triu(W + W.T, 1) * rng.uniform(0.5, 1.5, (n, n))
    return W + W.T


@pytest.fixture(scope="module")
def bottlenecks():
    return npr.diagnose(npr.add_leak(ring(), excess=0.05), keep=[0.7, 0.4])


def test_facts_are_what_they_are_called():
    W = np.zeros((6, 6))
    W[1, 0] = W[2, 0] = 1.0  # excitatory
    W[0, 1] = W[2, 1] = -0.5  # inhibitory
    W[0, 2], W[1, 2] = 0.25, -0.25  # both
    W[4, 3] = 2.0  # a part of its own; neuron 5 is alone
    A = W - np.diag([1.0, 2.0, 2.0, 1.0, 4.0, 1.0])
    found = npr.diagnose(A, names="abcdef")
    assert (found.neurons, found.synapses, found.symmetric) == (6, 7, False)
    assert found.density == pytest.approx(7 / 30)
    assert (found.excitatory, found.inhibitory, found.mixed) == (2, 1, 1)
    assert (found.components, found.isolated) == (3, 1)
    assert found.abscissa == pytest.approx(np.linalg.eigvals(A).real.max())
    assert found.time_constant == pytest.approx(-1 / found.abscissa)
    total = np.abs(W).sum(axis=1)
    assert found.input_spread == pytest.approx(total[total > 0].std() / total[total > 0].mean())
    share = 1 - total / -A.diagonal()
    assert found.leak_share == pytest.approx(np.median(share[:5]))  # 5 has no synapse
    assert found.leak_ratio == 4
    assert found.floor == pytest.approx(3 / 7)
    assert found.dominant
    assert not npr.diagnose(A + np.diag([0.5, 0, 0, 0, 0, 0])).dominant


def test_bottlenecks_are_named_and_noise_is_worth_what_theory_says(bottlenecks):
    A = npr.add_leak(ring(), excess=0.05)
    clusters = [{source // 40, target // 40} for source, target, _ in bottlenecks.bottlenecks]
    assert len(clusters) == 5
    assert all(len(joined) == 2 for joined in clusters)  # every one leads from cluster to cluster
    assert bottlenecks.bottlenecks[0][2] > 5
    noise, leak = (npr.synapse_scores(A, rule=rule) for rule in ("noise", "leak"))
    assert bottlenecks.score_ratio == pytest.approx(np.quantile(noise.data / leak.data, 0.95))
    assert bottlenecks.gain["leak"] == theory.predicted_gain(A, 0.7).gain > 1.5
    assert any(line.startswith("Noise pays") for line in bottlenecks.advice)


def test_predictions_are_those_of_theory(bottlenecks):
    A = npr.add_leak(ring(), excess=0.05)
    assert bottlenecks.measure == "epsilon"
    assert [row["keep"] for row in bottlenecks.predictions] == [0.7, 0.4]
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="weight"), keep=0.4)
    assert bottlenecks.predictions[1]["weight"] == theory.predicted_epsilon(A, P).epsilon
    P = npr.keep_probabilities(npr.synapse_scores(A), keep=0.4)
    scaled = theory.predicted_epsilon(A, P, diagonal="homeostatic").epsilon
    assert bottlenecks.predictions[1]["noise, homeostatic"] == scaled
    assert bottlenecks.keep_for[0.5]["uniform"] == theory.keep_for_epsilon(A, 0.5, rule="uniform")
    assert bottlenecks.keep_for[0.3]["noise"] > bottlenecks.keep_for[0.5]["noise"]


def test_variances_are_found_once(monkeypatch):
    calls = []
    exact = pruning.exact_variances
    monkeypatch.setattr(pruning, "exact_variances", lambda *a: calls.append(1) or exact(*a))
    assert set(npr.diagnose(npr.add_leak(ring(), excess=0.05), keep=0.5).keep_for) == {0.5, 0.3}
    assert calls == [1]


def test_predictions_that_are_no_numbers_are_named():
    """To most neurons of a star one synapse is all or nothing, however many are kept."""
    star = np.zeros((60, 60))
    star[0, 1:] = star[1:, 0] = 1
    found = npr.diagnose(npr.add_leak(star, excess=0.05), keep=[0.9, 0.5])
    assert found.rough["noise"] == [0.9, 0.5, *(row["noise"] for row in found.keep_for.values())]
    assert any("not as numbers: noise at 0.9, 0.5" in line for line in found.advice)
    assert not any("For a worst error" in line for line in found.advice)
    dense = npr.diagnose(npr.add_leak(1 - np.eye(300)), keep=0.5)
    assert dense.rough == {}
    assert not any("not as numbers" in line for line in dense.advice)


def test_every_rule_is_judged_at_a_bottleneck(bottlenecks):
    """Ten links of weight 1 in a ring: noise keeps them, the controls do not."""
    kept = {row["noise"] for row in bottlenecks.keep_for.values()}
    assert not kept & set(bottlenecks.rough.get("noise", ()))
    for rule in ("leak", "weight", "uniform"):
        assert {row[rule] for row in bottlenecks.keep_for.values()} <= set(bottlenecks.rough[rule])
    assert any("slow modes lose by it" in line for line in bottlenecks.advice)


def test_input_error_is_that_of_many_draws(network):
    A = network(20, symmetric=False)
    found = npr.diagnose(A, keep=0.5)
    assert found.measure == "input error"
    assert found.keep_for == found.gain == {}
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="weight"), keep=0.5)
    W = A - np.diag(A.diagonal())
    draws = [
        np.abs(
            npr.sample_synapses(A, P, diagonal="original", rng=k).toarray() - np.diag(A.diagonal())
        )
        for k in range(2000)
    ]
    error = np.std([draw.sum(axis=1) for draw in draws], axis=0) / -A.diagonal()
    assert np.abs(W).sum(axis=1).min() > 0
    # Relative standard error of a standard deviation from 2,000 draws: 1.6 %, more for heavy tails.
    assert found.predictions[0]["weight"] == pytest.approx(np.median(error), rel=0.1)


def test_advice_follows_from_the_numbers(network):
    def said(A, **keywords):
        return " ".join(npr.diagnose(A, **keywords).advice)

    mixed = npr.add_leak(npr.random_graph(300, 60, rng=0), excess=1.0)
    assert "rule 'leak', which needs no covariance, is as good" in said(mixed)
    assert "Below" in said(mixed)
    assert "is too little" not in said(mixed, keep=0.5)
    assert "keeping 0.05 is too little for 'uniform'." in said(mixed, keep=[0.5, 0.05])
    assert "keeping 0.02 is too little." in said(mixed, keep=[0.5, 0.02])
    assert "is too little" not in said(npr.add_leak(np.eye(3, k=1) + np.eye(3, k=-1)), keep=1)
    assert "directed" in said(network(symmetric=False))
    assert "The leak does not exceed" in said(
        npr.fixed_leak(npr.clustered([30, 20], long_range=9, rng=0))
    )
    assert "hardly shape the dynamics, and noise, leak and weight" in said(network(excess=50.0))
    apart = sparse.block_diag([mixed, mixed], format="csr")
    assert "falls into parts" in said(sparse.csr_array(apart))
    circle = np.roll(np.eye(30), 1, axis=1)
    assert "rule 'weight' is as good" in said(npr.add_leak(circle + circle.T, excess=0.1))


def test_what_weight_is_worth_is_judged_by_the_leak_not_by_the_input():
    """A circulant network: all neurons have the same total input."""
    W = sum(w * np.roll(np.eye(60), k, axis=1) for k, w in ((1, 0.4), (2, 0.9), (3, 0.2)))
    total = (W + W.T).sum(axis=1)
    first = np.arange(60) < 30
    for excess in (np.where(first, 0.01, 50.0), np.geomspace(5, 500, 60), np.full(60, 5.0)):
        A = W + W.T - np.diag(total * (1 + excess))
        found = npr.diagnose(A, keep=0.5)
        said, row = " ".join(found.advice), found.predictions[0]
        alike = row["weight"] < 1.1 * row["leak"]
        assert alike == (excess[0] == excess[-1])
        assert ("rule 'weight' is as good" in said) == alike
        assert ("leak and weight prune nearly alike" in said) == alike
        if excess[0] > 1:
            assert "hardly shape the dynamics, and noise" in said
    # Most neurons leak much, and the others are cliques of four with a single link to the next.
    W = np.zeros((128, 128))
    W[:48, :48] = np.kron(np.eye(12), 1 - np.eye(4))
    k = np.arange(0, 48, 4)
    W[k, (k + 5) % 48] = W[(k + 5) % 48, k] = 1.0
    W[48:, 48:] = np.roll(np.eye(80), 1, axis=0) + np.roll(np.eye(80), 1, axis=1)
    said = npr.diagnose(npr.add_leak(W, excess=np.repeat([0.01, 500.0], [48, 80]))).advice
    assert any(line.endswith("synapses hardly shape the dynamics.") for line in said)


def test_what_tears_apart_is_said_of_the_rule_that_does():
    """A core, and six neurons on each of its neurons that one synapse holds, which rules spare."""
    n = 20
    W = np.zeros((7 * n, 7 * n))
    W[:n, :n] = 1 - np.eye(n)
    for k in range(n):
        leaves = n + 6 * k + np.arange(6)
        W[k, leaves] = W[leaves, k] = 1.0
    A = npr.add_leak(W, excess=0.1)
    last = [line for line in npr.diagnose(A, keep=[0.7, 0.4]).advice if line.startswith("Below")]
    assert last[0].endswith("rule 'uniform' well above: keeping 0.7 is too little for 'uniform'.")
    parts = {
        rule: [npr.compare(A, npr.noise_prune(A, 0.7, rule=rule, rng=k).A) for k in range(20)]
        for rule in ("noise", "uniform")
    }
    assert all(found.components_sparse == 1 for found in parts["noise"])
    assert all(found.components_sparse > 1 for found in parts["uniform"])
    last = [line for line in npr.diagnose(A, keep=0.4).advice if line.startswith("Below")]
    assert last[0].endswith("keeping 0.4 is too little.")
    complete = npr.diagnose(npr.add_leak(1 - np.eye(6), excess=0.1), keep=0.6)
    assert not any("too little" in line for line in complete.advice)  # nearly every draw is whole


def test_neurons_without_synapses_and_small_parts_change_nothing():
    """Each keeps a mode at exactly the excess leak: the slowest rate that there is."""
    W = ring(clusters=6, size=24)
    excess = 0.1 * W.sum(axis=1).mean()
    A = npr.add_leak(W, excess=excess)
    expected = npr.diagnose(A, keep=0.4)
    assert expected.gain["leak"] > 1.2
    pair = np.array([[0.0, -1e3], [-1e3, 0.0]])  # whose other mode is fast
    for others in ([np.zeros((130, 130))], [pair] * 12, [pair, np.zeros((30, 30))]):
        B = npr.add_leak(
            sparse.block_diag([*map(sparse.coo_array, [W, *others])], format="csr").toarray(),
            excess=excess,
        )
        for network in (B, sparse.csr_array(B)):
            found = npr.diagnose(network, keep=0.4)
            if others[0] is not pair:
                assert found.leak_share == pytest.approx(expected.leak_share)
                assert found.leak_ratio == pytest.approx(expected.leak_ratio)
                assert found.gain == pytest.approx(expected.gain, rel=1e-6)
            assert found.gain["leak"] > 1.2
            assert any(line.startswith("Noise pays") for line in found.advice)


def test_an_unstable_network_is_described_not_refused():
    A = np.array([[-1.0, 3.0], [3.0, -1.0]])
    found = npr.diagnose(A)
    assert (found.stable, found.time_constant, found.score_ratio) == (False, math.inf, None)
    assert found.bottlenecks == ()
    assert "noise" not in found.predictions[0]
    assert "unstable" in found.advice[0]
    assert "NO; spectral abscissa 2" in str(found)


def test_without_excess_leak_there_are_scores_and_no_stationary_activity():
    found = npr.diagnose(npr.add_leak(npr.random_graph(200, 20, rng=0)))
    assert (found.stable, found.gain) == (False, {})
    assert found.score_ratio == pytest.approx(1, abs=0.2)
    assert found.keep_for[0.5]["noise"] < 1
    assert found.advice[0].startswith("One pattern of activity never decays")


@pytest.mark.parametrize("diagonal", [0.0, 1.0])
def test_a_neuron_that_no_synapse_reaches_needs_no_leak(diagonal):
    A = npr.add_leak(ring(), excess=0.05)
    alone = linalg.block_diag(diagonal, A)
    found = npr.diagnose(alone, keep=0.5)
    assert (found.isolated, found.abscissa) == (1, pytest.approx(diagonal, abs=1e-12))
    expected = npr.diagnose(A, keep=0.5).predictions[0]
    if diagonal == 0:  # it is at the edge of dominance
        assert found.predictions[0] == pytest.approx(expected, rel=1e-2)
    for rule in ("leak", "weight"):
        pruned = npr.synapse_scores(alone, rule=rule)[1:, 1:]
        assert (pruned != npr.synapse_scores(A, rule=rule)).nnz == 0


def test_it_prints_as_a_table_and_serialises(bottlenecks):
    text = str(bottlenecks)
    lines = text.split("\n")
    assert lines[0].split() == ["neurons", "240"]
    assert "predicted epsilon at a fraction kept:" in lines
    for name, value in bottlenecks.facts.items():
        assert any(line.split() == f"{name} {value}".split() for line in lines)
    words = " ".join(text.split())
    named = (f"{source} -> {target} ({r:.2g})" for source, target, r in bottlenecks.bottlenecks)
    assert f"noise says most about {', '.join(named)}" in words
    assert report.table(bottlenecks.predictions) in text
    smallest = [{"epsilon": epsilon, **row} for epsilon, row in bottlenecks.keep_for.items()]
    assert [row["epsilon"] for row in smallest] == [0.5, 0.3]
    assert report.table(smallest) in text
    for rule, gain in bottlenecks.gain.items():
        assert f"predicted gain of noise over {rule}, slowest modes: {gain:.2f}" in lines
    for line in bottlenecks.advice:
        assert f"* {line}" in words
    assert " ".join(text[text.rindex("* ") + 2 :].split()) == bottlenecks.advice[-1]
    assert max(map(len, lines)) <= 92
    again = json.loads(json.dumps(report.plain(bottlenecks.to_dict()), allow_nan=False))
    assert again["predictions"][0]["noise"] == bottlenecks.predictions[0]["noise"]
    assert again["facts"]["neurons"] == 240


def test_arguments_are_checked(network):
    A = network()
    with pytest.raises(ValueError, match=r"keep must lie in \(0, 1\], got 1.5"):
        npr.diagnose(A, keep=[0.5, 1.5])
    with pytest.raises(ValueError, match="names must be one for each of 12 neurons, got 2"):
        npr.diagnose(A, names=["a", "b"])
    with pytest.raises(ValueError, match="zero synapses"):
        npr.diagnose(-np.eye(3))
    A[5, 5] = 0.0
    with pytest.raises(ValueError, match=r"positive leak .* got 0 of neuron 5"):
        npr.diagnose(A)
    with pytest.raises(ValueError, match=r"positive leak .* got -1 of neuron 0"):
        npr.diagnose([[1.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize("power", [-700, 700])
@pytest.mark.parametrize("symmetric", [True, False])
def test_nothing_but_the_time_constant_depends_on_the_unit_of_time(network, symmetric, power):
    A = network(12, symmetric=symmetric)
    expected, found = npr.diagnose(A, keep=0.5), npr.diagnose(A * 2.0**power, keep=0.5)
    assert found.abscissa == pytest.approx(expected.abscissa * 2.0**power, rel=1e-9)
    for name in ("input_spread", "leak_share", "score_ratio", "gain", "floor"):
        assert vars(found)[name] == pytest.approx(vars(expected)[name], rel=1e-9), name
    for row, wanted in zip(found.predictions, expected.predictions, strict=True):
        assert row == pytest.approx(wanted, rel=1e-9)
