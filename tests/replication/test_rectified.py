"""Rectified networks: what the experiment `rectified` counts and computes."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest

from noiseprune.rectified import fixed_point
from replication import experiments
from replication.figures import COLORS
from replication.figures import rectified_asymmetric as draw

SMALL = experiments.RectifiedSettings(
    sizes=(40, 20), long_range=60, seeds=(0, 1), keep=(0.5,), steps=200, simulations=3
)


@pytest.fixture(scope="module")
def result():
    return experiments.rectified_networks(SMALL, progress=False)


def test_rows_are_complete(result):
    assert [row["rule"] for row in result.select(seed=1)] == ["original", *SMALL.rules]
    for row in result.rows:
        assert len(row["active"]) == len(SMALL.times)
        assert 1 <= row["regimes"] <= SMALL.steps // SMALL.every + 1
        assert row["switches"] >= 0
    for row in result.select(rule="noise"):
        assert row["mean"][0] == 0
        assert row["epsilon_active"] > 0
        assert row["fixed_point_error"] > 0


def test_same_seed_same_rows(result):
    again = experiments.rectified_networks(dataclasses.replace(SMALL, seeds=(1,)), progress=False)
    assert again.rows == result.select(seed=1)


def test_lost_neurons_leave_no_single_fixed_point():
    """Under uniform pruning some neurons keep no synapse, and with it no leak."""
    settings = dataclasses.replace(
        SMALL, keep=(0.03,), rules=("uniform",), seeds=(0,), simulations=1, steps=25
    )
    row = experiments.rectified_networks(settings, progress=False).select(rule="uniform")[0]
    assert row["fixed_point_error"] is None
    assert not np.any(row["std"])


def test_inputs_silence_about_half():
    A = SMALL.draw(0)
    b = SMALL.inputs(0)
    assert 0.3 < np.mean(fixed_point(A, b) > 0) < 0.7


def test_figures_show_what_they_are_given(result):
    times = SMALL.times
    errors = {rule: result.column("mean", rule=rule) for rule in SMALL.rules}
    apart = {rule: result.column("apart", rule=rule) for rule in SMALL.rules}
    left, right = draw.errors_and_regimes(times, errors, apart).axes
    noise = COLORS["noise"]
    shown = next(line for line in right.lines if line.get_color() == noise)
    np.testing.assert_allclose(shown.get_ydata(), 100 * np.median(apart["noise"], axis=0))
    assert left.get_ylabel().startswith("relative error")

    active = np.random.default_rng(0).random((50, 30)) < 0.5
    figure = draw.switching(np.arange(50.0), {"original": active, "noise": ~active})
    images = [ax.images[0].get_array() for ax in figure.axes]
    np.testing.assert_array_equal(images[0], active.T)
    np.testing.assert_array_equal(images[1], ~active.T)

    figure = draw.regime_epsilons([5, 6, 10], {"noise": [0.1, 0.2, 0.3]}, {"noise": 0.4})
    marks, line = figure.axes[0].lines
    np.testing.assert_allclose(marks.get_ydata(), [0.1, 0.2, 0.3])
    np.testing.assert_allclose(line.get_ydata(), 0.4)
    plt.close("all")
