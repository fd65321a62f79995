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
    assert np.array_equal(W, W.T)
    if "repeat" in faults:  # the covariance is that of an activity which follows the leak
        W = weights(matched.A_sparse)
    assert np.array_equal(W, weights(matched.A_sparse))
    before = -matched.A.diagonal() - abs(weights(matched.A)).sum(axis=1)
    after = -matched.A_sparse.diagonal() - abs(W).sum(axis=1)
    np.testing.assert_allclose(after, before, atol=1e-12 * np.abs(matched.A_sparse).max())


def test_spikes_make_the_score_the_weight():
    many = dataclasses.replace(SMALL, bins=100_000)
    attempt = run_attempt(many, 0, ["spikes"])
    P = npr.keep_probabilities(npr.synapse_scores(attempt.A, rule="weight"), keep=0.4)
    # relative error of a sample variance of Poisson counts: sqrt((2 + 1 / (2 rate)) / bins) = .0055
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


def parts(faults, seed=0):
    """Weights of the meant network and of one with faults, the mask of clusters, both units."""
    clusters = SMALL.clusters()
    within = clusters[:, None] == clusters
    W, other = weights(SMALL.draw(seed)), weights(run_attempt(SMALL, seed, faults).A)
    return W, other, within, W[within & (W != 0)].mean(), other[within & (other != 0)].mean()


def test_unscaled_weights_have_mean_one_and_the_leak_stays():
    A, meant = run_attempt(SMALL, 0, ["unscaled"]).A, SMALL.draw(0)
    W, other, _, unit, new_unit = parts(["unscaled"])
    np.testing.assert_allclose(other, W / unit)
    assert np.isclose(new_unit, 1)
    np.testing.assert_allclose(A.diagonal(), meant.diagonal())
    # density .6 of weights N(1, 1) in a cluster of 40: about .6 x 40, and far above any leak
    assert 18 < linalg.eigvalsh(other)[-1] < 32
    assert largest_eigenvalue(A) > 10 > -meant.diagonal().min()


def test_symmetrising_raises_the_density_and_halves_what_was_drawn_once():
    large = dataclasses.replace(SMALL, sizes=(300, 20))
    clusters = large.clusters()
    W = weights(run_attempt(large, 0, ["symmetrised"]).A)
    inside = W[:300, :300][np.triu_indices(300, 1)]
    # 1 - (1 - .6)^2; a rounded count of directed entries leaves less than binomial spread
    assert abs(np.mean(inside != 0) - 0.84) < 5 * np.sqrt(0.84 * 0.16 / inside.size)
    assert np.array_equal(W, W.T)
    assert np.isclose(linalg.eigvalsh(W)[-1], 1 / 1.1)
    # one direction: N(1, 1) / 2, both: mean of two; in units of a weight the mean is .6 / .84
    ratio = inside[inside != 0].std() / inside[inside != 0].mean()
    one, both = 0.48 / 0.84, 0.36 / 0.84
    mean, square = one / 2 + both, one * (1 + 1) / 4 + both * (1 + 1 / 2)
    assert np.isclose(ratio, np.sqrt(square - mean**2) / mean, rtol=0.03)
    between = clusters[:, None] != clusters
    before = weights(large.draw(0))
    np.testing.assert_allclose(
        W[between], before[between] * (W[between].sum() / before[between].sum())
    )
    kept = (before != 0) & ~between  # 40 % of the weights meant have none in the other direction
    ratio = W[kept] / before[kept] / (W[between].sum() / before[between].sum())
    assert abs(np.mean(np.isclose(ratio, 0.5)) - 0.4) < 5 * np.sqrt(0.24 / (kept.sum() / 2))
    A = run_attempt(large, 0, ["symmetrised"]).A
    np.testing.assert_allclose(-A.diagonal(), abs(W).sum(axis=1))


def test_self_connections_change_some_of_the_diagonal_only():
    large = dataclasses.replace(SMALL, sizes=(300, 20))
    A, meant = run_attempt(large, 0, ["self"]).A, large.draw(0)
    assert np.array_equal(weights(A), weights(meant))
    own = A.diagonal() - meant.diagonal()
    assert abs(np.mean(own != 0) - 0.6) < 5 * np.sqrt(0.6 * 0.4 / 320)
    W, clusters = weights(meant), large.clusters()
    unit = W[(clusters[:, None] == clusters) & (W != 0)].mean()
    drawn = own[own != 0] / unit  # N(1, 1)
    assert abs(drawn.mean() - 1) < 5 / np.sqrt(drawn.size)
    assert abs(drawn.std() - 1) < 5 / np.sqrt(2 * drawn.size)


def test_halved_touches_only_what_lies_between_clusters():
    W, other, within, unit, new_unit = parts(["halved"])
    np.testing.assert_allclose(other[within] / new_unit, W[within] / unit)
    np.testing.assert_allclose(other[~within] / new_unit, W[~within] / unit / 2)
    assert (W[~within] != 0).any()
    assert np.isclose(linalg.eigvalsh(other)[-1], 1 / 1.1)


def test_noise_leaves_the_network_and_changes_the_error(result):
    plain, noisy = run_attempt(SMALL, 0), run_attempt(SMALL, 0, ["noise"])
    assert abs(plain.A_sparse - noisy.A_sparse).max() == 0
    row = result.select(seed=0, fault="noise", diagonal="matched")[0]
    x0 = np.random.default_rng(streams(0, 4)[3]).uniform(0, 1, 60)
    matched = run_attempt(SMALL, 0, diagonal="matched").A_sparse
    error = npr.trajectory_error(
        SMALL.draw(0), matched, SMALL.times, x0=x0, b=SMALL.b, sigma=np.sqrt(SMALL.dt)
    )
    assert np.isclose(row["error"], error.mean(), rtol=1e-8)


def test_repeat_thins_by_the_covariance_of_the_growing_record():
    attempt = run_attempt(SMALL, 0, ["repeat"])
    assert len(attempt.stages) == SMALL.rounds
    for before, after in zip(attempt.stages[:-1], attempt.stages[1:], strict=True):
        old, new = weights(before), weights(after)
        assert (old[new != 0] != 0).all()
        assert (np.abs(new[new != 0]) >= np.abs(old[new != 0]) * (1 - 1e-12)).all()
    # by hand: with K as it was a survivor is where K w V is 1 for the least V it has met
    p = attempt.probabilities.toarray()
    kept = weights(attempt.A_sparse) != 0
    factor = weights(attempt.A_sparse)[kept] / attempt.A[kept]
    assert (factor >= 1 / p[kept] - 1e-9).all()
    assert strengthening(attempt) >= factor.max()


def test_repeat_with_another_fault_compounds_the_factors():
    alone = run_attempt(SMALL, 0, ["repeat"])
    tenfold = run_attempt(SMALL, 0, ["tenfold", "repeat"])
    # a survivor has K w V / p = 10, too much, so that its next p is about .1 and not 1
    left = [[np.count_nonzero(weights(s)) for s in a.stages[:3]] for a in (alone, tenfold)]
    assert left[0][1] > 0.8 * left[0][0]
    assert left[1][1] < 0.3 * left[1][0]
    before, after = (weights(stage) for stage in tenfold.stages[:2])
    assert np.median(after[after != 0] / before[after != 0]) > 5
    many = dataclasses.replace(SMALL, rounds=20_000)
    attempt = run_attempt(many, 0, ["half", "repeat"])
    assert attempt.kept_fraction == 0
    assert len(attempt.stages) < 100  # it stops when nothing is left


def test_all_faults_end_before_numbers_overflow():
    attempt = run_attempt(SMALL, 0, FAULTS)
    assert all(np.isfinite(stage.data).all() for stage in attempt.stages)
    assert largest_eigenvalue(attempt.A) > 10


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
    stages = [30 * weights(SMALL.draw(seed)) - 20 * np.eye(60) for seed in range(10)]
    x0 = np.random.default_rng(0).uniform(size=60)
    x, sizes = x0, []
    for k, stage in enumerate(stages, start=1):
        x = linalg.expm(stage * (0.1 if k < len(stages) else 2.0 - 0.9)) @ x
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
    assert len(result.rows) == 2 * 12 * 2
    assert all((row["error"] is None) == (row["largest"] >= 0) for row in result.rows)
    matched = verdicts(result, diagonal="matched")
    assert list(matched) == ["none", *FAULTS, "all"]
    assert matched["none"] == "harmless"
    before = {"unscaled", "leak", "all"}
    assert {fault for fault in matched if matched[fault] == "unstable before pruning"} == before
    assert matched["tenfold"] == "wrong budget"
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
