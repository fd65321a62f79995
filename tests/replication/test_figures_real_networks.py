"""Figures of the chapters on connectomes and on trained networks show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from noiseprune.pruning import RULES
from replication.figures import COLORS, connectomes, trained


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_by_leak_draws_medians_under_a_ceiling():
    errors = {rule: np.array([[0.1, 0.2], [0.3, np.inf], [0.2, np.inf]]) for rule in RULES}
    names = ["worm", "fly", "mouse"]
    figure = connectomes.by_leak(dict.fromkeys(names, errors), ["0.1", "fixed"])
    assert [ax.get_title() for ax in figure.axes] == [*names, ""]
    line = next(one for one in figure.axes[0].lines if one.get_color() == COLORS["leak"])
    np.testing.assert_allclose(line.get_ydata(), [0.2, connectomes.CEILING])
    assert line.get_ydata().max() < figure.axes[0].get_ylim()[1]
    assert len(texts(figure.legends[0])) == 4
    assert not figure.axes[3].axison


def test_epsilon_and_covariance_marks_every_choice():
    points = (np.array([0.5, 2.0]), np.array([0.1, 0.2]))
    figure = connectomes.epsilon_and_covariance(dict.fromkeys(connectomes.CHOICES, points))
    (ax,) = figure.axes
    for line in ax.lines[1:]:
        np.testing.assert_allclose(line.get_xydata(), np.column_stack(points))
    assert texts(figure.legends[0]) == list(connectomes.CHOICES)


def test_twins_shares_axes_and_marks():
    pair = (np.array([1.0, 2.0]), np.array([1.5, 6.0]))
    panel = {"worm": pair, "fly": pair}
    figure = connectomes.twins({"over leak": panel, "over weight": panel})
    left, right = figure.axes
    assert left.get_xlim() == right.get_xlim() == left.get_ylim()
    np.testing.assert_allclose(left.lines[1].get_xydata(), np.column_stack(pair))
    assert left.lines[1].get_marker() != left.lines[2].get_marker()
    assert texts(figure.legends[0]) == ["worm", "fly"]


def test_outputs_stand_on_their_targets():
    targets = np.array([[1.0, -1.0], [-1.0, 1.0]])
    figure = trained.outputs(np.arange(2), targets, {"whole": targets, "pruned": 0 * targets})
    whole, pruned = figure.axes
    wanted, found = whole.lines[:2], whole.lines[2:]
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_allclose(a.get_ydata(), b.get_ydata())
    assert pruned.get_title(loc="left") == "pruned"


def test_accuracies_draw_medians_and_the_floor():
    values = np.array([[0.9, 0.5], [0.8, 0.4], [1.0, 0.1]])
    kind = (0.36, dict.fromkeys(trained.WAYS, values))
    figure = trained.accuracies(dict.fromkeys(["a", "b", "c", "d", "e"], kind), [0.5, 0.1])
    ax = figure.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 0.36)
    for container in ax.containers:
        np.testing.assert_allclose(container[0].get_ydata(), [0.9, 0.4])
    assert texts(figure.axes[5].get_legend()) == list(trained.WAYS)


def test_input_error_has_a_mark_for_each_kind():
    point = (np.array([0.2, 1.0]), np.array([1.0, 0.1]))
    figure = trained.input_error({"a": point, "b": point})
    (ax,) = figure.axes
    assert ax.lines[1].get_marker() != ax.lines[2].get_marker()
    np.testing.assert_allclose(ax.lines[2].get_xydata(), np.column_stack(point))
