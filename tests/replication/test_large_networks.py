"""The experiment and the figure of the chapter on large networks."""

import numpy as np
import pytest

import noiseprune as npr
from replication import experiments
from replication.figures.large import costs, guarantee, worst_errors
from replication.result import streams

SMALL = experiments.LargeSettings(
    networks=(("spatial", 200, 8), ("random", 200, 8)), keep=(1.0, 0.5), seeds=(0, 1)
)


@pytest.fixture(scope="module")
def result():
    return experiments.large_networks(SMALL, progress=False)


def test_rows_name_every_condition_once(result):
    names = ("seed", "shape", "neurons", "degree", "rule", "keep")
    conditions = [tuple(row[name] for name in names) for row in result.rows]
    assert len(set(conditions)) == len(conditions) == 2 * 2 * 3 * 2


def test_nothing_pruned_is_no_error_and_half_pruned_is_one(result):
    assert np.all(result.column("epsilon", keep=1.0) < 1e-9)
    assert np.all(result.column("epsilon", keep=0.5) > 0.1)
    assert np.all(result.column("kept", keep=1.0) == 800)
    assert np.all(np.abs(result.column("kept", keep=0.5) - 400) < 5 * np.sqrt(800 / 4))


def test_sum_of_leverages_is_the_known_one(result):
    found, known = result.column("leverage_sum"), result.column("expected_sum")
    assert np.all(np.abs(found / known - 1) < 0.01)
    assert np.all(known < 200)


def test_rule_uses_variances_of_the_network(result):
    """At small size the exact rule must give nearly the same network as the estimated one."""
    A = SMALL.draw("spatial", 200, 8, streams(0, 3)[0])
    pruned = npr.noise_prune(A, 0.5, rng=streams(0, 3)[2])
    row = result.select(seed=0, shape="spatial", rule="noise", keep=0.5)[0]
    assert row["method"] == "exact"
    assert row["kept"] == pruned.kept.nnz // 2
    assert row["epsilon"] == pytest.approx(npr.spectral_epsilon(A, pruned.A), rel=1e-6)


def test_figure_draws_every_curve_with_its_range():
    curves = {
        (rule, "random"): ((10, 100), [(0.1, 0.2, 0.3), (0.4, 0.5, 0.7)])
        for rule in ("noise", "weight")
    }
    figure = worst_errors(curves, curves)
    for ax in figure.axes:
        assert ax.get_xscale() == ax.get_yscale() == "log"
        assert len(ax.containers) == 2
        for container in ax.containers:
            np.testing.assert_allclose(container[0].get_ydata(), [0.2, 0.5])
            (bars,) = container[2]
            np.testing.assert_allclose(bars.get_segments()[1][:, 1], [0.4, 0.7])
    assert len(figure.legends[0].texts) == 2


def test_figure_of_the_guarantee_draws_every_network_and_promise():
    by_fraction = {
        (rule, shape): ((0.5, 0.9), (start, 0.1))
        for start, rule in enumerate(("noise", "weight"), start=1)
        for shape in ("spatial", "random")
    }
    networks = {(0.5, "spatial"): ((2.5,), (1.2,)), (0.9, "random"): ((4.5, 45), (0.2, 0.03))}
    promised = {100: ((40, 160), (1, 0.5)), 10_000: ((60, 240), (1, 0.5))}
    figure = guarantee(by_fraction, networks, promised)
    left, right = figure.axes
    assert left.get_yscale() == right.get_yscale() == right.get_xscale() == "log"
    assert [list(line.get_ydata()) for line in left.lines[:4]] == [[1, 0.1]] * 2 + [[2, 0.1]] * 2
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in right.lines[:4]]
    assert drawn == [
        (list(pairs), list(errors)) for pairs, errors in [*networks.values(), *promised.values()]
    ]
    assert right.lines[0].get_marker() != right.lines[1].get_marker()
    assert [text.get_text() for text in right.get_legend().texts] == ["50 % kept", "90 % kept"]
    names = [text.get_text() for text in figure.legends[0].texts]
    assert names[4:] == ["theorem, 100 neurons", "theorem, 10,000 neurons"]


def test_figure_of_the_costs_draws_seconds_and_memory_with_their_exponents():
    measured = {
        ("exact", "spatial"): ((1e4, 1e5), (0.1, 1.2), (0.2, 0.4)),
        ("dense", "random"): ((1e3, 2e3), (0.05, 0.4), (0.3, 1.2)),
    }
    exponents = {("exact", "spatial"): (1.08, 0.3), ("dense", "random"): (3, 2)}
    figure = costs(measured, exponents)
    legends = (["exact, spatial: $N^{1.08}$", "dense, random: $N^{3.00}$"],)
    legends += (["exact, spatial: $N^{0.30}$", "dense, random: $N^{2.00}$"],)
    for k, (ax, names) in enumerate(zip(figure.axes, legends, strict=True)):
        assert ax.get_xscale() == ax.get_yscale() == "log"
        assert [text.get_text() for text in ax.get_legend().texts] == names
        for line, curve in zip(ax.lines, measured.values(), strict=True):
            np.testing.assert_allclose(line.get_xydata().T, (curve[0], curve[1 + k]))
