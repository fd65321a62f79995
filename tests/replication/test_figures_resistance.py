"""The figures of chapters 1 and 5 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color

from replication.figures import ACCENT, COLORS, LABELS, resistance

PLACES = [(-1.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
W = np.array([[0.0, 1.0, -1.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
VALUES = np.array([[0.0, 0.25, 1.0], [0.25, 0.0, 0.0], [1.0, 0.0, 0.0]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_links_carry_their_numbers_and_signs():
    figure = resistance.signed_networks([("a", W, VALUES), ("b", W, VALUES)], [PLACES, PLACES])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]
    for ax in figure.axes:
        assert {"0.25", "1.00", "0", "1", "2"} == set(texts(ax))
        excitatory, inhibitory = ax.lines
        assert excitatory.get_linestyle() == "-"
        assert inhibitory.get_linestyle() == "--"
        assert same_color(inhibitory.get_color(), ACCENT)  # its number reaches 1
        assert not same_color(excitatory.get_color(), ACCENT)
        assert inhibitory.get_linewidth() > excitatory.get_linewidth()


def test_currents_are_drawn_once_in_their_direction():
    currents = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    panel = ("one ampere", W, currents, np.array([0.5, -0.5, -1e-12]), (0, 1))
    (ax,) = resistance.current_flow([panel], PLACES).axes
    assert texts(ax).count("1.00 A") == 1
    assert any("1 A in" in text and "0.50 V" in text for text in texts(ax))
    assert any("1 A out" in text and "\N{MINUS SIGN}0.50 V" in text for text in texts(ax))
    assert "0.00 V" in texts(ax)  # without a minus sign
    (arrow,) = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert arrow.xyann[0] < arrow.xy[0]  # from neuron 0 on the left to neuron 1


def test_network_and_covariance_show_both():
    C = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, 0.5], [0.0, 0.5, 2.0]])
    figure = resistance.network_and_covariance(PLACES, W, VALUES, C, limit=2)
    network, covariance = figure.axes[:2]
    assert "0.25" in texts(network)
    image = covariance.images[0]
    assert np.array_equal(image.get_array(), C)
    assert image.get_clim() == (-2, 2)
    assert texts(covariance).count("\N{MINUS SIGN}1.0") == 2


def test_errors_are_marked_at_both_rules():
    exponents = np.linspace(-0.5, 1.5, 9)
    relative, absolute = 1 + (exponents - 1) ** 2, 1 + exponents**2
    (ax,) = resistance.error_against_exponent(exponents, relative, absolute).axes
    curves, marks = ax.lines[:2], ax.lines[2:]
    assert np.array_equal(curves[0].get_ydata(), relative)
    assert np.array_equal(curves[1].get_ydata(), absolute)
    weight, noise = marks
    assert list(weight.get_ydata()) == [2.0, 1.0]
    assert list(noise.get_ydata()) == [1.0, 2.0]
    assert same_color(noise.get_color(), COLORS["noise"])


def test_mode_errors_keep_the_look_of_the_rules():
    errors = {"noise": np.array([0.1, 0.2]), "weight": np.array([0.3, 0.4])}
    (ax,) = resistance.mode_errors(np.array([1, 20]), errors).axes
    for line, (rule, values) in zip(ax.lines, errors.items(), strict=True):
        assert np.array_equal(line.get_ydata(), values)
        assert line.get_label() == LABELS[rule]
        assert same_color(line.get_color(), COLORS[rule])
    assert ax.get_ylim()[0] == 0


def test_message_draws_every_response():
    times = np.linspace(0, 1, 5)
    responses = {"original": times, "one": times**2, "other": 0 * times}
    (ax,) = resistance.message(times, responses).axes
    assert [line.get_label() for line in ax.lines] == list(responses)
    for line, values in zip(ax.lines, responses.values(), strict=True):
        assert np.array_equal(line.get_ydata(), values)


def test_lifetimes_are_percentages_of_all_draws():
    draws = {"noise": np.array([20.0, 20.0, 30.0, 72.0]), "weight": np.array([2.0, 100.0])}
    figure = resistance.lifetimes(draws, 20.4)
    for ax, rule in zip(figure.axes, draws, strict=True):
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(100)
        assert ax.get_title(loc="left") == LABELS[rule]
        assert ax.lines[0].get_xdata()[0] == 20.4
