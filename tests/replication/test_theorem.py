"""The theorem: its experiments, its figures, and what follows from it for dynamics."""

import dataclasses
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import linalg

import noiseprune as npr
from noiseprune import theory
from replication import experiments
from replication.experiments.theorem import smallest_rate
from replication.figures import theorem as draw
from replication.result import streams

FAILURE = experiments.FailureSettings(
    sizes=(30, 20), long_range=40, rates=(2, 6, 15), draws=20, seeds=(0, 1)
)


def pruned_at(A, rate, rng):
    return npr.sample_synapses(
        A, npr.keep_probabilities(npr.synapse_scores(A), K=2 * rate), rng=rng
    )


# ---------------------------------------------------------------- the theorem


def test_the_guarantee_holds_at_its_sampling_rate():
    # False alarm below 1e-9 for each draw by the theorem itself; kappa N is half of all pairs.
    A = npr.add_leak(npr.clustered([400], density=1.0, long_range=0, rng=3), excess=0.01)
    rate = theory.sampling_rate(400, 0.9, 1e-9)
    P = npr.keep_probabilities(npr.synapse_scores(A), K=2 * rate)
    assert P.data.mean() < 0.55
    for seed in range(5):
        assert npr.spectral_epsilon(A, npr.sample_synapses(A, P, rng=seed)) <= 0.9


@pytest.mark.parametrize("excess", [0.0, 0.1])
def test_one_fixed_direction_has_the_variance_of_the_formula_and_obeys_the_bound(excess):
    rate, draws = 3, 2000
    A = npr.add_leak(npr.clustered([25, 15], long_range=30, rng=4), excess=excess)
    x = np.random.default_rng(5).normal(size=40)
    S = npr.synapse_scores(A)
    P = npr.keep_probabilities(S, K=2 * rate)
    i, j = np.nonzero(np.triu(A, 1))
    p = P.toarray()[i, j]
    share = np.abs(A[i, j]) * (x[i] - np.sign(A[i, j]) * x[j]) ** 2
    variance = np.sum(share**2 * (1 / p - 1))
    total = -x @ A @ x
    assert np.isclose(total, share.sum() + excess * x @ x)
    assert variance <= total**2 / rate
    forms = np.array([-x @ (npr.sample_synapses(A, P, rng=k) @ x) for k in range(draws)])
    # Five standard errors each, false alarm about 1e-6: the fourth moment is near the normal one.
    assert abs(forms.mean() - total) < 5 * np.sqrt(variance / draws)
    assert abs(forms.var() / variance - 1) < 5 * np.sqrt(2 / draws) * 1.2


def test_no_rule_has_a_larger_sampling_rate_than_noise_prune_at_the_same_count():
    A = npr.add_leak(npr.clustered([40, 20], long_range=60, rng=6))
    S = npr.synapse_scores(A)
    for keep in (0.1, 0.3, 0.6):
        rates = {}
        for rule in ("noise", "weight", "uniform"):
            p = npr.keep_probabilities(npr.synapse_scores(A, rule=rule), keep=keep).data
            rates[rule] = np.min((p / (2 * S.data))[p < 1])
        assert rates["noise"] > 1.5 * max(rates["weight"], rates["uniform"])


@pytest.mark.parametrize("seed", range(4))
def test_a_matrix_bound_becomes_a_bound_on_dynamics(seed):
    A = npr.add_leak(npr.clustered([50, 30], long_range=60, rng=seed), excess=0.02 * (seed % 2))
    A_sparse = pruned_at(A, 12, seed).toarray()
    M, M_sparse = -A, -A_sparse
    eps = npr.spectral_epsilon(A, A_sparse)
    assert 0.2 < eps < 0.95
    (mu, V), (nu, U) = linalg.eigh(M), linalg.eigh(M_sparse)
    assert np.abs(nu / mu - 1).max() <= eps + 1e-9
    ratio = linalg.eigvalsh(npr.stationary_covariance(A_sparse), npr.stationary_covariance(A))
    assert ratio[0] >= 1 / (1 + eps) - 1e-9
    assert ratio[-1] <= 1 / (1 - eps) + 1e-9
    for t in (0.1, 1.0, 10.0, 100.0):
        gap = np.abs(linalg.eigvalsh(linalg.expm(A_sparse * t) - linalg.expm(A * t))).max()
        assert gap <= theory.relaxation_bound(eps)
    b = np.random.default_rng(seed).normal(size=80)
    fixed, fixed_sparse = linalg.solve(M, b), linalg.solve(M_sparse, b)
    change = fixed_sparse - fixed
    assert change @ M @ change <= (eps / (1 - eps)) ** 2 * (fixed @ M @ fixed)
    for m in range(1, 80):
        if nu[m] > mu[m - 1]:
            gamma = (nu[m] - mu[m - 1]) / np.sqrt(nu[m] * mu[m - 1])
            sine = linalg.norm(U[:, m:].T @ V[:, :m], 2)
            assert sine <= eps / np.sqrt(1 - eps) / gamma + 1e-9
    active = np.random.default_rng(seed).random(80) < 0.5
    block = np.ix_(active, active)
    assert npr.spectral_epsilon(A[block], A_sparse[block]) <= eps + 1e-9


def small_networks(count):
    """Small networks of every kind, equal eigenvalues among them, with all that a draw needs.

    Yields kappa, whitened vectors z_e in the basis of modes, probabilities, and the decay rates.
    """
    rng = np.random.default_rng(0)
    while count:
        n = rng.integers(2, 8)
        i, j = np.triu_indices(n, 1)
        w = [
            np.ones(i.size),
            rng.normal(1, 1, i.size),
            10 ** rng.uniform(-3, 2, i.size) * rng.choice([-1, 1], i.size),
            rng.choice([0.0, 1.0, -1.0], i.size),
        ][rng.integers(4)]
        s = rng.choice([0, 0, 1e-3, 1.0], n) * rng.random(n)
        W = np.zeros((n, n))
        W[i, j] = W[j, i] = w
        mu, V = linalg.eigh(np.diag(np.abs(W).sum(axis=0) + s) - W)
        if mu[0] < 1e-9 * mu[-1] or not w.any():
            continue
        i, j, w = i[w != 0], j[w != 0], w[w != 0]
        z = np.sqrt(np.abs(w))[:, None] * (V[i] - np.sign(w)[:, None] * V[j]) / np.sqrt(mu)
        kappa = 10 ** rng.uniform(-0.5, 2)
        yield kappa, z, np.minimum(1, kappa * (z**2).sum(axis=1)), mu
        count -= 1


def test_the_mean_square_of_the_error_is_at_most_one_over_kappa():
    for kappa, z, p, _ in small_networks(300):
        mean_square = z.T * ((1 / p - 1) * (z**2).sum(axis=1)) @ z
        assert linalg.eigvalsh(mean_square)[-1] <= (1 + 1e-9) / kappa
        if p.size <= 6:  # all outcomes
            exact = 0
            for outcome in itertools.product([0, 1], repeat=p.size):
                chi = np.array(outcome)
                E = z.T * (chi / p - 1) @ z
                exact = exact + np.prod(np.where(chi, p, 1 - p)) * (E @ E)
            assert np.allclose(exact, mean_square, atol=1e-9 / kappa)


def test_the_slowest_mode_obeys_its_bounds_in_every_draw():
    rng, applied = np.random.default_rng(1), 0
    for _, z, p, mu in small_networks(1000):
        E = z.T * ((rng.random(p.size) < p) / p - 1) @ z
        rho, q = mu[0] / mu[1], E[0, 0]
        beta = 1 - max(0, -linalg.eigvalsh(E)[0]) - rho * (1 + q)
        if beta < 1e-3:
            continue
        applied += 1
        nu, U = linalg.eigh(np.sqrt(np.outer(mu, mu)) * (np.eye(mu.size) + E))
        tau, shift = np.sum(E[1:, 0] ** 2), nu[0] / mu[0] - 1 - q
        assert -tau / beta - 1e-6 <= shift <= 1e-6
        tangent = linalg.norm(U[1:, 0]) / np.abs(U[0, 0])
        assert tangent <= np.sqrt(rho * tau) / beta + 1e-6
    assert applied > 500


def test_isolated_neurons_are_as_frequent_as_their_second_moment_says():
    """False alarm below 1e-4: 200 draws, four standard errors."""
    n, draws = 200, 200
    A = npr.add_leak(1 - np.eye(n), excess=0.01)
    P = npr.keep_probabilities(npr.synapse_scores(A), K=2 * 0.3 * np.log(n))
    p = P.data[0]
    assert np.isclose(p, 0.6 * np.log(n) / (n + 0.01))
    lost = [(npr.sample_synapses(A, P, rng=k).diagonal() > -0.02).any() for k in range(draws)]
    least = 1 - 1 / (n * (1 - p) ** (n - 1)) - p / (1 - p)
    assert 0.5 < least <= np.mean(lost) + 4 * np.sqrt(0.25 / draws)


# ---------------------------------------------------------------- experiments


def test_failures_are_counted_over_the_draws_of_each_rate():
    result = experiments.failure_rate(FAILURE, progress=False)
    assert [(row["seed"], row["rate"]) for row in result.rows] == [
        (seed, rate) for seed in FAILURE.seeds for rate in FAILURE.rates
    ]
    A = FAILURE.draw(1)
    draws = streams(1, 1 + FAILURE.draws)[1:]
    eps = np.array([npr.spectral_epsilon(A, pruned_at(A, 6, rng)) for rng in draws])
    row = result.select(seed=1, rate=6)[0]
    assert row["failures"] == [np.count_nonzero(eps > limit) for limit in FAILURE.epsilons]
    assert 0 < row["failures"][1] < FAILURE.draws  # a rate at which it could go either way
    assert np.allclose(row["epsilon_percentiles"], np.percentile(eps, np.arange(0, 101, 5)))
    kept = result.column("kept_fraction", seed=1)
    assert (np.diff(kept) > 0).all()


def test_one_rate_alone_gives_the_numbers_it_has_among_others():
    alone = dataclasses.replace(FAILURE, rates=(6,), seeds=(1,))
    everything = experiments.failure_rate(FAILURE, progress=False)
    assert experiments.failure_rate(alone, progress=False).rows == everything.select(seed=1, rate=6)


def test_every_stored_spectrum_was_predictable():
    judged = 0
    for row in experiments.load("predicted_spectra").rows:
        stored = experiments.load(row["spectrum"])
        if row["reliable"] and row["rule"] in stored.settings["rules"]:
            several = {"keep": row["keep"]} if "keep" in stored.rows[0] else {}
            found = np.median(stored.column("epsilon", rule=row["rule"], **several))
            assert row["epsilon"] == pytest.approx(found, rel=0.1)
            judged += 1
    assert judged >= 10


def test_predicted_spectra_are_predictions_for_the_stored_networks():
    settings = experiments.PredictedSpectraSettings(spectra=("spectrum_lab",), rules=("leak",))
    rows = experiments.predicted_spectra(settings, progress=False).rows
    A = experiments.SpectrumSettings().draw(0)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="leak"), keep=0.2)
    row = next(row for row in rows if row["keep"] == 0.2)
    assert row["epsilon"] == pytest.approx(theory.predicted_epsilon(A, P).epsilon)
    assert [row["keep"] for row in rows] == list(experiments.SpectrumSettings().keep)


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 0.5])
def test_smallest_rate_is_where_one_draw_crosses_epsilon(epsilon):
    A = npr.add_leak(npr.clustered([40, 20], long_range=60, rng=7))
    rate = smallest_rate(A, npr.synapse_scores(A), epsilon, rng=8)
    assert npr.spectral_epsilon(A, pruned_at(A, 1.05 * rate, 8)) < epsilon
    assert npr.spectral_epsilon(A, pruned_at(A, 0.95 * rate, 8)) > epsilon


def test_smallest_rate_needs_an_error_that_an_empty_network_misses():
    A = npr.add_leak(npr.clustered([40, 20], long_range=60, rng=7))
    with pytest.raises(ValueError, match="epsilon must lie in"):
        smallest_rate(A, npr.synapse_scores(A), 1.0, rng=8)


def test_pruned_fraction_counts_pairs():
    settings = experiments.PrunedFractionSettings(neurons=(60, 150), seeds=(2,))
    for row in experiments.pruned_fraction(settings, progress=False).rows:
        n = row["neurons"]
        network = settings.network(n)
        assert sum(network.sizes) == n
        assert network.long_range == round(2.5 * n)
        assert row["pairs"] == np.count_nonzero(np.triu(network.draw(2), 1))
        assert row["theorem_rate"] == pytest.approx(theory.sampling_rate(n, 0.5, 0.01))
        assert row["smallest_pairs"] < row["theorem_pairs"] < row["pairs"]
        assert row["smallest_pairs"] < row["smallest_rate"] * n  # Foster's sum


# ---------------------------------------------------------------- stored results


def test_stored_failures_stay_below_the_bound():
    result = experiments.load("failure_rate")
    n = sum(result.settings["sizes"])
    for rate in result.settings["rates"]:
        share = (
            result.column("failures", rate=rate).sum(axis=0)
            / result.column("draws", rate=rate).sum()
        )
        bound = [theory.failure_probability(n, eps, rate) for eps in result.settings["epsilons"]]
        assert (share <= bound).all()


def test_stored_pruned_fraction_grows_with_the_network():
    result = experiments.load("pruned_fraction")
    kept = [
        np.median(result.column("smallest_pairs", neurons=n) / result.column("pairs", neurons=n))
        for n in result.settings["neurons"]
    ]
    assert (np.diff(kept) < 0).all()
    assert kept[-1] < 0.2


# ---------------------------------------------------------------- figures


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_directions_shows_every_mode_and_both_lines():
    figure = draw.directions([0.1, 0.5, 1.0], [0.03, 0.02, 0.02], bound=0.2, worst=0.4)
    modes, worst, bound = figure.axes[0].lines
    assert modes.get_ydata().tolist() == [0.03, 0.02, 0.02]
    assert (worst.get_ydata()[0], bound.get_ydata()[0]) == (0.4, 0.2)


def test_failures_leaves_out_rates_without_a_failure():
    curve = {
        "share": [1.0, 0.5, 0.0],
        "low": [0.9, 0.4, 0.0],
        "high": [1.0, 0.6, 0.1],
        "bound": [1, 0.1],
    }
    figure = draw.failures([2, 4, 8], {1.0: curve, 0.5: curve}, bound_rates=[2, 8])
    measured = [c.lines[0] for c in figure.axes[0].containers]
    assert [line.get_xdata().tolist() for line in measured] == [[2, 4], [2, 4]]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [label.split(",")[0] for label in labels] == ["measured", "measured", "bound", "bound"]


def test_growing_networks_has_a_panel_for_rates_and_one_for_shares():
    sample = np.array([[8.0, 10.0], [9.0, 11.0]])
    figure = draw.growing_networks(
        [100, 200],
        rates={"measured": sample, "theorem": [100, 110]},
        pruned={"measured": sample / 20, "theorem": [0.1, 0.2]},
    )
    left, right = figure.axes
    assert [len(ax.lines) for ax in (left, right)] == [2, 2]
    assert left.lines[0].get_ydata().tolist() == [8.5, 10.5]


def test_predictions_that_are_not_trusted_are_hollow():
    figure = draw.predictions(
        [0.3, 1.5], [[0.3, 0.4], [1.6, 2.0]], ["noise", "noise"], [True, False]
    )
    figure.canvas.draw()
    marks = [container.lines[0] for container in figure.axes[0].containers]
    assert [mark.get_ydata()[0] for mark in marks] == [pytest.approx(0.35), pytest.approx(1.8)]
    assert [mark.get_markerfacecolor() == "white" for mark in marks] == [False, True]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["noise-prune"]


def test_relaxation_starts_at_zero_and_shows_the_bound():
    figure = draw.relaxation([0.1, 1.0], {"noise": [0.1, 0.2], "weight": [0.1, 0.3]}, bound=0.25)
    ax = figure.axes[0]
    assert ax.get_ylim()[0] == 0
    assert ax.lines[-1].get_ydata()[0] == 0.25
