"""Figures of sections 7 and 8: they draw the numbers that they are given."""

import types

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color, to_rgba

from replication.figures import spectrum as figures
from replication.figures.style import COLORS, LABELS

RULES = ("noise", "leak", "weight", "uniform")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def lines_of(ax, rule):
    return [line for line in ax.lines if same_color(line.get_color(), COLORS[rule])]


@pytest.fixture(scope="module")
def eigenvalues():
    before = -np.linspace(1.2, 0.1, 40)
    return before, {rule: before * (1 + 0.05 * k) for k, rule in enumerate(RULES)}


def test_network_maps_show_the_tiles_and_the_borders():
    tiles = np.array([[0.5, 0.0], [0.01, 0.2]])
    figure = figures.network_maps([tiles, tiles], ["a", "b"], [(30, 10), (20, 20)])
    left = figure.axes[0]
    shown = left.images[0].get_array()
    assert np.ma.getmaskarray(shown).tolist() == [[False, True], [False, False]]
    assert np.allclose(shown.compressed(), [0.5, 0.01, 0.2])
    assert sorted(line.get_xdata()[0] for line in left.lines) == [0, 30]  # across, and at neuron 30
    assert left.images[0].get_extent() == [0, 40, 40, 0]
    assert [ax.get_title() for ax in figure.axes[:2]] == ["a", "b"]


def test_network_maps_draw_one_network():
    assert len(figures.network_maps([np.eye(2)], ["a"], [(5, 5)]).axes) == 2  # the map, the bar


def test_eigenvalue_scatter_puts_after_against_before(eigenvalues):
    before, after = eigenvalues
    left, right = figures.eigenvalue_scatter(before, after, slow=5).axes
    for rule in RULES:
        (every,), (few,) = lines_of(left, rule), lines_of(right, rule)
        assert np.array_equal(every.get_xydata(), np.column_stack([before, after[rule]]))
        assert np.array_equal(few.get_xydata(), np.column_stack([before, after[rule]])[-5:])


def test_measure_violins_draw_the_slowest_one_by_one():
    values = np.linspace(-0.1, 0.3, 50)
    comparison = types.SimpleNamespace(
        eigenvalue_error=values, quadratic_form_error=2 * values, alignment=1 - values**2
    )
    figure = figures.measure_violins(dict.fromkeys(RULES, comparison), slow=4)
    axes = np.reshape(figure.axes, (3, 2))
    for row, measure in zip(axes, figures.MEASURE_LABELS, strict=True):
        expected = getattr(comparison, measure)[-4:]
        for rule in RULES:
            assert np.array_equal(lines_of(row[1], rule)[0].get_ydata(), expected)
            assert lines_of(row[0], rule)[-1].get_ydata() == np.median(getattr(comparison, measure))
        assert row[0].get_ylabel() == figures.MEASURE_LABELS[measure]


def test_measure_boxes_have_the_given_percentiles():
    five = (-0.3, -0.1, 0.02, 0.1, 0.4)
    network = {m: dict.fromkeys(RULES, five) for m in figures.MEASURE_LABELS}
    figure = figures.measure_boxes({"lab": network, "paper": network})
    assert len(figure.axes) == 6
    ax = figure.axes[0]
    box = ax.patches[0].get_path().vertices[:, 0]
    assert (box.min(), box.max()) == (-0.1, 0.1)
    drawn = np.concatenate([line.get_xdata() for line in ax.lines])
    assert {-0.3, 0.02, 0.4} <= set(drawn.round(9).tolist())
    assert [t.get_text() for t in ax.get_yticklabels()] == [LABELS[rule] for rule in RULES]


def test_slow_modes_number_the_slowest_1():
    errors = np.array([[0.3, 0.2, 0.1], [0.5, 0.4, 0.3], [0.4, 0.3, 0.9]])
    figure = figures.slow_modes({"lab": {"noise": errors}})
    (line,) = lines_of(figure.axes[0], "noise")
    assert np.allclose(line.get_xydata(), [[3, 0.4], [2, 0.3], [1, 0.3]])


@pytest.mark.parametrize("log", [False, True])
def test_against_kept_draws_the_median_over_seeds(log):
    keep = (0.5, 0.2, 0.05)
    samples = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0], [3.0, 5.0, 4.0]])
    figure = figures.against_kept(
        {"lab": ((0.5, 0.1), {"weight": samples[:, :2]}), "paper": (keep, {"weight": samples})},
        ylabel="error",
        log=log,
        line=1,
    )
    ax = figure.axes[1]
    (line,) = lines_of(ax, "weight")
    assert np.allclose(line.get_xydata(), np.column_stack([keep, [2, 4, 4]]))
    assert ax.get_xlim()[0] < ax.get_xlim()[1]  # more synapses to the right
    assert ax.get_yscale() == ("log" if log else "linear")
    assert ax.lines[0].get_ydata()[0] == 1
    assert [t.get_text() for t in ax.get_xticklabels()] == ["50 %", "20 %", "5 %"]


def test_against_kept_needs_no_line():
    figure = figures.against_kept({"lab": ([0.5], {"noise": [[1.0]]})}, ylabel="error")
    assert len(figure.axes[0].lines) == 1


def test_kept_by_group_draws_percentages():
    shares = {"noise": [0.2, 0.9], "weight": [0.3, 0.1]}
    ax = figures.kept_by_group(["inside", "between"], shares).axes[0]
    for rule, values in shares.items():
        assert np.allclose(lines_of(ax, rule)[0].get_xdata(), 100 * np.array(values))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["inside", "between"]


def test_spectrum_frame_marks_the_slowest(eigenvalues):
    before, after = eigenvalues
    ax = figures.spectrum_frame(before, after["uniform"], "uniform", slow=5).axes[0]
    others, slowest = ax.lines[1:]
    assert np.allclose(others.get_xydata(), np.column_stack([-before[:-5], np.full(35, 15)]))
    assert np.allclose(slowest.get_xydata(), np.column_stack([-before[-5:], np.full(5, 15)]))
    assert to_rgba(slowest.get_markerfacecolor()) == to_rgba(figures.ACCENT)
