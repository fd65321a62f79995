"""Figures of the chapter on scaled coins: they draw the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color

from replication.figures import coins as figures
from replication.figures.style import ACCENT, COLORS, INK, SECOND


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_found_and_predicted_stand_in_one_panel():
    x = [0.5, 0.2, 0.1]
    found = {
        "matched": np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.8]]),
        "homeostatic": [[0.05, 0.1, 0.2]],
    }
    predicted = {"matched": [0.14, 0.33, 0.6], "homeostatic": [0.06, 0.11, 0.21]}
    panels = {"a": (x, "noise", found, predicted), "b": (x, "weight", found, predicted)}
    figure = figures.independent_and_scaled(panels, xlabels=["kept", "size"])
    left, right = figure.axes
    assert [left.get_xlabel(), right.get_xlabel()] == ["kept", "size"]
    for ax, rule in ((left, "noise"), (right, "weight")):
        drawn = [
            np.array(line.get_ydata())
            for line in ax.lines
            if same_color(line.get_color(), COLORS[rule])
        ]
        assert np.allclose(drawn, [np.median(found["matched"], axis=0), found["homeostatic"][0]])
        before = [list(line.get_ydata()) for line in ax.lines if same_color(line.get_color(), INK)]
        assert before == list(predicted.values())
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["predicted", "independent", "scaled"]


def test_errors_over_the_limit():
    panels = {
        "complete": {"matched": ([100, 50], [1.8, 1.9]), "homeostatic": ([100, 50], [1.0, 0.9])},
        "small": {"barrier": ([8, 30], [0.7, 0.8])},
    }
    figure = figures.over_the_limit(panels)
    big, small = figure.axes
    limits = [line for line in big.lines if same_color(line.get_color(), ACCENT)]
    assert np.allclose([line.get_ydata()[-1] for line in limits], [1.386, 1, 0.5], atol=1e-3)
    limits = [line for line in small.lines if same_color(line.get_color(), ACCENT)]
    assert np.allclose([line.get_ydata()[0] for line in limits], [0.8 / (2 / np.sqrt(8)), 1])
    (line,) = (line for line in small.lines if same_color(line.get_color(), SECOND))
    assert list(line.get_ydata()) == [0.7, 0.8]
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert labels == {"independent", "scaled", "barriers"}
