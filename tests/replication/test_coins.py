"""Better than independent coins: what the rows say is what the package says."""

import itertools

import numpy as np
import pytest

import noiseprune as npr
from replication import experiments, sparsifiers
from replication.experiments import coins

LAB = experiments.DiagonalSettings(
    sizes=(60, 12, 48), long_range=300, keep=(0.5,), rules=("noise", "weight"), slow=4, seeds=(0,)
)
SMALL = experiments.WorstErrorSettings(
    networks=(
        ("clustered", 100, None, 0.3),
        ("complete", 60, None, 0.3),
        ("random", 100, 8, 0.5),
        ("plane", 100, 8, 0.5),
        ("equal clusters", 80, None, 0.5),
    ),
    rules=("noise",),
    seeds=(0,),
)


def test_errors_of_the_diagonals_are_those_of_the_package():
    result = experiments.diagonals(LAB, progress=False)
    A = LAB.draw(0)
    _, pruning_seed, start_seed = experiments.streams(0, 3)
    x0 = np.random.default_rng(start_seed).uniform(0, 1, (120, LAB.starts))
    assert len(result.rows) == 6
    for row in result.rows:
        how = {"rule": row["rule"], "diagonal": row["diagonal"]}
        pruned = npr.noise_prune(A, 0.5, **how, rng=pruning_seed)
        compared = npr.compare(A, pruned.A)
        spectra = npr.compare_spectra(A, pruned.A)
        assert row["kept"] == pruned.kept.nnz
        assert row["epsilon"] == pytest.approx(compared.epsilon, rel=1e-6)
        assert row["covariance_error"] == pytest.approx(compared.covariance_error, rel=1e-6)
        assert row["noise_error"] == pytest.approx(compared.trajectory_error, rel=1e-6)
        assert row["largest_eigenvalue"] == pytest.approx(compared.abscissa_sparse, rel=1e-6)
        assert np.allclose(row["eigenvalue_error_slow"], spectra.eigenvalue_error[-4:], rtol=1e-5)
        relaxation = npr.trajectory_error(A, pruned.A, LAB.times, x0=x0)
        assert np.allclose(row["relaxation_error"], relaxation, rtol=1e-6)


@pytest.mark.parametrize("slowest", [0.0, -1e-16, 0.1])
def test_a_neuron_without_leak_has_no_stationary_errors(slowest):
    A, lost = -np.eye(2), np.diag([slowest, -1.0])
    errors = coins.modal_errors(np.linalg.eigh(A), lost, [1.0], np.ones((2, 1)), 2)
    assert errors["noise_error"] is None
    assert errors["covariance_error"] is None
    assert errors["relaxation_error"][0] > 0


def test_worst_errors_are_those_of_the_package():
    result = experiments.worst_errors(SMALL, progress=False)
    network_seed, pruning_seed = experiments.streams(0, 2)
    for (family, n, degree, keep), diagonal in itertools.product(
        SMALL.networks, coins.MATCHED_AND_SCALED
    ):
        (row,) = result.select(family=family, diagonal=diagonal)
        A = coins.draw_network(family, n, degree, network_seed)
        pruned = npr.noise_prune(A, keep, diagonal=diagonal, rng=pruning_seed)
        mu = sparsifiers.relative_eigenvalues(A, pruned.A)
        assert row["epsilon"] == pytest.approx(npr.spectral_epsilon(A, pruned.A), rel=1e-6)
        assert row["common_epsilon"] == pytest.approx((mu[-1] - mu[0]) / (mu[-1] + mu[0]), rel=1e-6)
        predicted = npr.theory.predicted_epsilon(A, pruned.probabilities, diagonal=diagonal)
        assert row["predicted"] == pytest.approx(predicted.epsilon, rel=1e-6)
        assert row["kept_degree"] == pytest.approx(pruned.kept.nnz / n)
        if diagonal == "homeostatic":
            assert row["changed_leaks"] == pytest.approx(1 - pruned.scaled)


def test_scaled_draws_are_those_of_the_stored_spectra():
    small = {"sizes": (60, 12, 48), "long_range": 300, "keep": (0.3,), "rules": ("weight",)}
    settings = experiments.ScaledSettings(**small, seeds=(2,))
    (row,) = experiments.scaled_draws(settings, progress=False).rows
    drawn = experiments.spectra(experiments.SpectrumSettings(**small, seeds=(2,)), progress=False)
    assert row["kept"] == drawn.rows[0]["kept"]
    A = settings.draw(2)
    how = {"rule": "weight", "rng": experiments.streams(2, 2)[1]}
    pruned = npr.noise_prune(A, 0.3, diagonal="homeostatic", **how)
    assert row["epsilon"] == pytest.approx(npr.spectral_epsilon(A, pruned.A), rel=1e-6)
    assert row["scaled"] == pytest.approx(pruned.scaled)
    for way in coins.MATCHED_AND_SCALED:
        predicted = npr.theory.predicted_epsilon(A, pruned.probabilities, diagonal=way)
        assert row[f"predicted_{way}"] == pytest.approx(predicted.epsilon, rel=1e-6)


def test_an_unknown_family_is_named():
    with pytest.raises(ValueError, match=r"family.*'star'"):
        coins.draw_network("star", 10, None, 0)


def test_rows_of_the_comparisons():
    barrier = experiments.barrier_method(
        experiments.BarrierSettings(networks=(("plane", 20),), neurons=60, terms=(4,), seeds=(0,)),
        progress=False,
    )
    rows = {row["method"]: row for row in barrier.rows}
    assert rows["barrier"]["common_epsilon"] < rows["barrier"]["guarantee"]
    expected = rows["barrier"]["kept_degree"]  # 60 neurons: 6 standard deviations of the number
    for method in coins.MATCHED_AND_SCALED:
        assert rows[method]["kept_degree"] == pytest.approx(
            expected, abs=6 * np.sqrt(expected / 15)
        )
    dependent = experiments.dependent_coins(
        experiments.DependentSettings(neurons=(150,), keep=(0.3,), seeds=(0,)), progress=False
    )
    error = {row["method"]: row["epsilon"] for row in dependent.rows}
    change = {row["method"]: row["total_change"] for row in dependent.rows}
    assert max(error["cycle walk"], error["homeostatic"]) < error["independent"]
    assert change["homeostatic"] < 1e-9 < change["cycle walk"] < change["independent"]


def test_the_mean_of_independent_draws_goes_to_the_network():
    """Their error falls as 1 / sqrt(draws); scaled draws keep a bias."""
    settings = experiments.BiasSettings(neurons=(80,), draws=(1, 16, 256), seeds=(0,))
    matched, scaled = (row["epsilon"] for row in experiments.bias_of_scaling(settings).rows)
    assert matched[0] / matched[2] == pytest.approx(16, rel=0.5)
    assert scaled[0] < matched[0]
    assert scaled[2] > matched[2]


@pytest.mark.parametrize("draws", [(4, 1), (1, 1), (0, 1)])
def test_numbers_of_draws_that_make_no_sense(draws):
    with pytest.raises(ValueError, match="draws must"):
        experiments.bias_of_scaling(
            experiments.BiasSettings(neurons=(60,), draws=draws, seeds=(0,))
        )
