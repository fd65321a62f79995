"""Asymmetric networks: what survives, the measures, the experiment, the figures."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import linalg

import noiseprune as npr
from noiseprune.asymmetric import departure_from_normality
from replication import experiments
from replication.experiments.asymmetric import one_way, ring
from replication.figures import rectified_asymmetric as draw

SMALL = experiments.AsymmetricSettings(
    sizes=(20, 10), long_range=40, strengths=(0.0, 1.0), shares=(0.9,), keep=0.5, slow=5, seeds=(0,)
)


def directed(excess, seed=0, n=40):
    W = npr.clustered([n - 10, 10], long_range=60, symmetric=False, rng=seed)
    return npr.add_leak(W, excess=excess)


# ---------------------------------------------------------------- theory


def test_leak_bounds_the_departure_from_normality():
    for A in (directed(0.1), npr.add_leak(one_way(npr.clustered([30], long_range=0, rng=1), 1.0))):
        W = A - np.diag(A.diagonal())
        bound = np.sqrt(2) * linalg.norm(W) / linalg.norm(A)
        assert 0.01 < departure_from_normality(A) <= bound


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_rings_are_normal_with_the_covariance_of_the_two_way_ring(n, strength):
    R = ring(n, rng=2)
    A = npr.add_leak(one_way(R, strength, around=True), excess=0.1)
    assert np.allclose(A @ A.T, A.T @ A)
    assert departure_from_normality(A) < 1e-6
    C = npr.stationary_covariance(A, structure="general")
    assert np.allclose(C, npr.stationary_covariance(npr.add_leak(R, excess=0.1)))


def test_one_way_keeps_the_symmetric_part_and_leaves_no_way_back():
    W = npr.clustered([20, 10], long_range=40, rng=0)
    for strength in (0.0, 0.3, 1.0):
        B = one_way(W, strength)
        assert np.allclose((B + B.T) / 2, W)
    assert not np.triu(B).any()
    assert np.array_equal(one_way(W, 0), W)
    with pytest.raises(ValueError, match="W must be symmetric"):
        one_way(B, 0.5)
    with pytest.raises(ValueError, match="strength"):
        one_way(W, 1.5)


# ---------------------------------------------------------------- experiment and figures


def test_experiment_measures_every_network_and_rule():
    result = experiments.asymmetric_networks(SMALL, progress=False)
    assert len(result.rows) == 4 * len(SMALL.networks()) == 24
    ring_rows = result.select(family="ring")
    assert all(row["departure"] < 1e-6 and row["peak"] == pytest.approx(1) for row in ring_rows)
    assert all(
        np.isfinite([v for v in row.values() if isinstance(v, float)]).all() for row in result.rows
    )
    again = experiments.asymmetric_networks(
        dataclasses.replace(SMALL, rules=("weight",)), progress=False
    )
    assert again.rows == result.select(rule="weight")


def test_underleaked_networks_have_their_share_of_the_leak():
    A = SMALL.draw(0, "underleaked", 0.9)
    W = A - np.diag(A.diagonal())
    assert np.allclose(-A.diagonal(), 0.9 * np.abs(W).sum(axis=1) + SMALL.excess)
    assert not np.triu(W).any()
    with pytest.raises(ValueError, match="family"):
        SMALL.draw(0, "star", 1.0)


def test_figures_draw_what_they_are_given():
    values = np.array([-1 + 1j, -1 - 1j])
    figure = draw.planes(values, {"noise": values, "weight": values, "uniform": values})
    assert [ax.get_title() for ax in figure.axes][:3] == [
        "noise-prune",
        "weight control",
        "uniform control",
    ]
    times, curve = np.arange(1.0, 5.0), np.full(4, 0.3)
    figure = draw.shared_noise(times, {"noise": curve}, {"noise": 0.4})
    assert figure.axes[0].lines[1].get_ydata()[0] == 0.4
    samples = np.random.default_rng(0).uniform(0.5, 2, (3, 4))
    draw.departures(times, {"clusters": samples, "ring": samples}, weights=samples)
    advantages = {("leak", "clusters"): 3 * samples, ("weight", "ring"): samples}
    underleaked = {"leak": samples, "weight": 2 * samples}
    figure = draw.boundary(times, advantages, peaks=samples, underleaked=underleaked)
    left, right = figure.axes
    assert np.allclose(left.lines[0].get_ydata(), np.median(3 * samples, axis=0))
    assert np.allclose(right.lines[3].get_ydata(), np.median(2 * samples, axis=0))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "leak control, clusters",
        "weight control, ring",
    ]
    plt.close("all")
