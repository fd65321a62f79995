"""The faults of an earlier attempt: each does what the chapter says, and only that."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import linalg, sparse

import noiseprune as npr
from replication import experiments
from replication.experiments.earlier import (
    FAULTS,
    EarlierSettings,
    growth_and_blow_up,
    growth_curve,
    largest_eigenvalue,
    run_attempt,
    strengthening,
    verdicts,
)
from replication.figures import earlier as draw
from replication.result import streams

SMALL = EarlierSettings(
    sizes=(40, 20), long_range=60, keep=0.4, rounds=10, times=(1, 2, 5), seeds=(0, 1)
)


@pytest.fixture(scope="module")
def result():
    return experiments.earlier_attempt(SMALL, progress=False)


def weights(A):
    A = A.toarray() if sparse.issparse(A) else A
    return A - np.diag(A.diagonal())


@pytest.mark.parametrize("diagonal", ["original", "matched"])
def test_without_faults_it_is_the_package(diagonal):
    attempt = run_attempt(SMALL, 0, diagonal=diagonal)
    A = SMALL.draw(0)
    pruned = npr.noise_prune(A, 0.4, diagonal=diagonal, rng=streams(0, 4)[1])
    np.testing.assert_allclose(attempt.A_sparse.toarray(), pruned.A.toarray(), atol=1e-12)
    assert attempt.kept_fraction == pruned.kept_fraction
    assert np.array_equal(attempt.A, A)


@pytest.mark.parametrize("faults", [(fault,) for fault in FAULTS] + [FAULTS])
def test_matched_keeps_every_excess_leak_and_original_every_leak(faults):
    original = run_attempt(SMALL, 1, faults, diagonal="original")
    matched = run_attempt(SMALL, 1, faults, diagonal="matched")
    assert np.array_equal(original.A_sparse.diagonal(), original.A.diagonal())
    W = weights(original.A_sparse)
    assert np.array_equal(W, weights(matched.A_sparse))
    assert np.array_equal(W, W.T)
    before = -matched.A.diagonal() - abs(weights(matched.A)).sum(axis=1)
    after = -matched.A_sparse.diagonal() - abs(W).sum(axis=1)
    np.testing.assert_allclose(after, before, atol=1e-12 * np.abs(matched.A_sparse).max())


def test_spikes_make_the_score_the_weight():
    many = dataclasses.replace(SMALL, bins=200_000)
    attempt = run_attempt(many, 0, ["spikes"])
    P = npr.keep_probabilities(npr.synapse_scores(attempt.A, rule="weight"), keep=0.4)
    # A sample variance of Poisson counts has the relative error sqrt((2 + 1 / rate) / bins) = 0.008
    np.testing.assert_allclose(attempt.probabilities.data, P.data, rtol=0.05)


def test_leak_is_uniform_and_refused():
    A = run_attempt(SMALL, 0, ["leak"]).A
    assert 0 < -A.diagonal().max() < -A.diagonal().min() < 1
    with pytest.raises(ValueError, match="unstable"):
        npr.stationary_covariance(A)


def test_tenfold_divides_all_probabilities_alike():
    attempt = run_attempt(SMALL, 0, ["tenfold"])
    S = npr.synapse_scores(attempt.A)
    p = attempt.probabilities.data
    unclipped = 0.4 * S.nnz * S.data / S.data.sum()
    assert unclipped.max() > 1
    np.testing.assert_allclose(p, unclipped / 10)
    assert p.max() <= 1 < 10 * p.max()


def test_half_keeps_half_and_divides_by_p():
    attempt = run_attempt(SMALL, 0, ["half"])
    # kept pairs are binomial(E, 1/2): five standard deviations
    pairs = attempt.probabilities.nnz / 2
    assert abs(attempt.kept_fraction - 0.5) < 5 * 0.5 / np.sqrt(pairs)
    kept = weights(attempt.A_sparse) != 0
    factor = weights(attempt.A_sparse)[kept] / attempt.A[kept]
    np.testing.assert_allclose(factor, 1 / attempt.probabilities.toarray()[kept])


def test_template_fills_only_what_is_absent_between_clusters():
    A, meant = run_attempt(SMALL, 0, ["template"]).A, SMALL.draw(0)
    W, W_meant = weights(A), weights(meant)
    clusters = SMALL.clusters()
    within = clusters[:, None] == clusters
    ratio = W[W_meant != 0] / W_meant[W_meant != 0]
    np.testing.assert_allclose(ratio, ratio[0])
    filled = (W_meant == 0) & ~within
    inside = within & (W_meant != 0)
    np.testing.assert_allclose(W[filled], 0.5 * W[inside].mean())
    assert not W[within & (W_meant == 0)].any()
    assert np.isclose(linalg.eigvalsh(W).max(), linalg.eigvalsh(W_meant).max())


def test_repeat_compounds_the_factors():
    attempt = run_attempt(SMALL, 0, ["repeat"])
    p = attempt.probabilities.toarray()
    assert len(attempt.stages) == SMALL.rounds
    for k, stage in enumerate(attempt.stages, start=1):
        kept = weights(stage) != 0
        np.testing.assert_allclose(
            weights(stage)[kept] / attempt.A[kept], p[kept] ** -k, rtol=1e-10
        )
    assert strengthening(attempt) >= (p[kept] ** -SMALL.rounds).max() * (1 - 1e-10)


def test_repeat_ends_with_what_is_certain_or_with_nothing():
    many = dataclasses.replace(SMALL, rounds=20_000)
    attempt = run_attempt(many, 0, ["half", "repeat"])
    assert attempt.kept_fraction == 0
    assert len(attempt.stages) < 100  # it stops when nothing is left
    attempt = run_attempt(dataclasses.replace(many, rounds=400), 0, ["repeat"])
    certain = attempt.probabilities.toarray() == 1
    kept = weights(attempt.A_sparse) != 0
    assert certain.any()
    assert kept[certain].all()
    # survivors have p > 0: each of the E uncertain ones is there with probability p^400
    uncertain = attempt.probabilities.data[attempt.probabilities.data < 1]
    chance = (uncertain**400).sum()
    assert abs((kept & ~certain).sum() - chance) <= 10 * np.sqrt(chance) + 2


def test_unknown_faults_and_diagonals_are_refused():
    with pytest.raises(ValueError, match="fault must be one of"):
        run_attempt(SMALL, 0, ["typo"])
    with pytest.raises(ValueError, match="diagonal"):
        run_attempt(SMALL, 0, diagonal="typo")


def test_growth_is_that_of_the_exact_solution():
    A = weights(SMALL.draw(0)) - 0.5 * np.eye(60)  # unstable
    x0 = np.random.default_rng(0).uniform(size=60)
    x = npr.relax(A, x0, [0.0, 3.0, 20.0])
    expected = np.log10(np.linalg.norm(x, axis=1) / np.linalg.norm(x0))
    np.testing.assert_allclose(growth_curve(A, x0, [0.0, 3.0, 20.0]), expected, atol=1e-10)
    growth, peak, blow_up = growth_and_blow_up([A], x0, 20.0, 10.0, dt=0.1)
    assert np.isclose(growth, expected[-1])
    assert peak == growth
    assert np.isclose(growth_curve(A, x0, [blow_up])[0], 1.0)
    assert growth_and_blow_up([-np.eye(60)], x0, 20.0, 10.0, dt=0.1)[1:] == (0, None)


def test_growth_of_a_network_that_changes_at_every_step():
    stages = run_attempt(SMALL, 0, ["repeat"]).stages
    x0 = np.random.default_rng(0).uniform(size=60)
    x, sizes = x0, []
    for k, stage in enumerate(stages, start=1):
        x = linalg.expm(stage.toarray() * (0.1 if k < len(stages) else 2.0 - 0.9)) @ x
        sizes.append(np.log10(np.linalg.norm(x) / np.linalg.norm(x0)))
    growth, peak, blow_up = growth_and_blow_up(stages, x0, 2.0, 10.0, dt=0.1)
    assert np.isclose(growth, sizes[-1])
    assert np.isclose(peak, max(0, *sizes))
    first = 1 + np.argmax(np.array(sizes) >= 1)
    assert 1 < first < len(stages)
    assert np.isclose(blow_up, 0.1 * first)


def test_growth_hidden_by_rounding_is_not_told():
    hidden = np.diag([-1e20, -1.0])
    assert growth_and_blow_up([hidden], [1.0, 1.0], 1.0, 10.0, dt=0.1) == (None, None, None)
    assert growth_and_blow_up([hidden, -np.eye(2)], [1.0, 1.0], 1.0, 10.0, dt=0.1)[0] is None


def test_an_eigenvalue_within_rounding_is_zero():
    assert largest_eigenvalue(np.diag([-1.0, 1e-14])) == 0
    assert largest_eigenvalue(np.diag([-1.0, 1e-3])) == 1e-3


def test_rows_and_verdicts(result):
    assert len(result.rows) == 2 * 8 * 2
    assert all((row["error"] is None) == (row["largest"] >= 0) for row in result.rows)
    matched = verdicts(result, diagonal="matched")
    assert list(matched) == ["none", *FAULTS, "all"]
    assert matched["none"] == "harmless"
    assert matched["leak"] == matched["all"] == "unstable before pruning"
    assert matched["tenfold"] == matched["repeat"] == "wrong budget"
    # matched pruning of a diagonally dominant network never destabilises it
    assert all(
        row["largest"] <= 0
        for row in result.rows
        if row["diagonal"] == "matched" and row["largest_before"] < 0
    )
    lenient = dataclasses.replace(
        result, settings={**result.settings, "budget_tolerance": 10, "error_factor": 0.5}
    )
    assert verdicts(lenient, diagonal="matched")["none"] == "inaccurate"


def test_figures_draw_what_they_are_given():
    samples = np.array([[0.2, 0.02], [0.3, 0.03], [0.1, 0.01]])
    figure = draw.faults(["none", "leak"], samples, {"original": samples, "matched": 2 * samples},
                         budget=0.2)  # fmt: skip
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["none", "leak"]
    middle = figure.axes[0].lines[0].get_xdata()
    np.testing.assert_allclose(middle, [0.2, 0.02])
    figure = draw.growth([0, 1, 2], {"a": [0, -1, -2], "b": [0, 3, 900]}, broken=["b"])
    assert figure.axes[0].lines[1].get_xdata().tolist() == [0, 1]
    plt.close("all")
