"""Figures of trajectories show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from replication.figures import COLORS
from replication.figures import trajectories as draw

TIMES = np.linspace(0, 4, 9)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def samples(scale=1.0):
    return scale * np.array([TIMES + 0.1, TIMES + 0.2, TIMES + 0.4])


def line(ax, name):
    return next(one for one in ax.lines if one.get_color() == COLORS[name])


def test_relative_errors_draws_the_median_network():
    both = {"noise": samples(), "weight": samples(2)}
    panels = {"kept 0.20": both, "kept 0.05": {"noise": samples(3)}}
    figure = draw.relative_errors(TIMES, panels)
    left, right = figure.axes
    np.testing.assert_allclose(line(left, "weight").get_ydata(), 2 * (TIMES + 0.2))
    np.testing.assert_allclose(line(right, "noise").get_ydata(), 3 * (TIMES + 0.2))
    assert [ax.get_title() for ax in figure.axes] == ["kept 0.20", "kept 0.05"]
    assert left.get_ylim()[0] == 0
    assert left.get_xlabel()
    assert "relative error" in left.get_ylabel()


def test_relative_errors_with_a_reference_on_a_log_axis():
    figure = draw.relative_errors(
        TIMES, {"kept 0.20": {"uniform": samples()}}, log=True, reference=1.0, ylabel="ratio"
    )
    (ax,) = figure.axes
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "ratio"
    np.testing.assert_allclose(line(ax, "original").get_ydata(), 1.0)


def test_exact_is_a_line_and_samples_are_marks_with_bars():
    curve = {"exact": TIMES + 1, "mean": TIMES + 2, "std": 0.5 + 0 * TIMES}
    figure = draw.exact_beside_sampled(TIMES, {"a": {"noise": curve}, "b": {"weight": curve}})
    ax = figure.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), TIMES + 1)
    (container,) = ax.containers
    np.testing.assert_allclose(container[0].get_ydata(), TIMES + 2)
    assert container.has_yerr


def test_error_parts_has_one_panel_for_each_rule():
    parts = {k: TIMES + 0.1 for k in ("initial", "input", "noise", "total")}
    figure = draw.error_parts(TIMES, {"noise": parts, "weight": parts})
    assert [ax.get_title() for ax in figure.axes] == ["noise-prune", "weight control"]
    assert all(len(ax.lines) == 4 and ax.get_yscale() == "log" for ax in figure.axes)


def test_slow_activity_marks_the_time():
    names = ("original", "noise", "weight")
    traces = {name: np.column_stack([TIMES, 2 * TIMES]) for name in names}
    modes = {name: np.array([3.0, -1.0]) for name in names}
    figure = draw.slow_activity(TIMES, traces, modes, now=2.0)
    left, right = figure.axes
    assert any(np.allclose(one.get_xdata(), 2.0) for one in left.lines)
    assert [patch.get_height() for patch in right.patches] == [3.0, -1.0]
    assert len(figure.legends[0].get_texts()) == 3
    assert "t = 2" in right.get_ylabel()
