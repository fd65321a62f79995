"""The figures of chapters 2 and 3 show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from replication.figures import linear


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_discs_are_centred_at_minus_the_leak_and_reach_as_far_as_the_input():
    figure = linear.discs([-1 + 1j, -1 - 1j], [-2.0, -3.0], [1.5, 2.5])
    ax = figure.axes[0]
    assert [(p.center, p.radius) for p in ax.patches] == [((-2.0, 0), 1.5), ((-3.0, 0), 2.5)]
    eigenvalues = next(line for line in ax.lines if line.get_label() == "eigenvalue")
    np.testing.assert_allclose(eigenvalues.get_xydata(), [[-1, 1], [-1, -1]])
    assert ax.get_xlim()[0] < -5.5


def test_discs_look_different_also_when_they_are_more_than_the_colours():
    (ax,) = linear.discs([-1], -np.arange(1.0, 7), np.arange(1.0, 7) / 2).axes
    assert len({(p.get_edgecolor(), p.get_linestyle()) for p in ax.patches}) == 6


def test_mode_bars_have_one_bar_for_each_neuron():
    vectors = np.array([[0.8, 0.1, -0.6], [0.6, 0.2, 0.8]])
    figure = linear.mode_bars(vectors, [4.0, 2.0, 0.5])
    heights = [[bar.get_height() for bar in ax.patches] for ax in figure.axes[:3]]
    np.testing.assert_allclose(heights, vectors.T)
    assert "4" in figure.axes[0].get_title()


def test_traces_show_curves_levels_and_marks():
    times, curves = np.arange(3.0), np.array([[0.0, 1], [1, 2], [2, 4]])
    figure = linear.traces(
        times, curves, ["a", "b"], ylabel="y", levels=[2, 4], marks=curves + 0.1, log=True
    )
    ax = figure.axes[0]
    np.testing.assert_allclose([line.get_ydata() for line in ax.lines[:2]], curves.T)
    np.testing.assert_allclose([line.get_ydata() for line in ax.lines[2:4]], curves.T + 0.1)
    assert [line.get_ydata()[0] for line in ax.lines[4:]] == [2, 4]
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_euler_steps_name_each_time_step():
    figure = linear.euler_steps(
        [0, 1], [1, 0.4], [(0.5, [0, 0.5], [1, 0.5]), (1.0, [0, 1], [1, 0])]
    )
    ax = figure.axes[0]
    assert [line.get_label() for line in ax.lines] == ["exact", "dt = 0.5", "dt = 1"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [1, 0.5])


def test_spectrum_histogram_counts_every_eigenvalue_and_marks_the_slow_ones():
    values = np.linspace(-2, -0.1, 50)
    figure = linear.spectrum_histogram(values, [-0.1, -0.2], ["one", "two"])
    ax = figure.axes[0]
    assert sum(bar.get_height() for bar in ax.patches) == 50
    marks = [line for line in ax.lines if len(line.get_xdata()) == 1]
    marked = {line.get_label(): line.get_xdata()[0] for line in marks}
    assert marked == {"slow mode, one": -0.1, "slow mode, two": -0.2}
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [*marked, "border of stability"]


def test_mode_profiles_draw_every_neuron_and_the_borders():
    vectors = np.arange(12.0).reshape(6, 2)
    figure = linear.mode_profiles(vectors, ["first", "second"], [2, 4])
    for k, ax in enumerate(figure.axes):
        np.testing.assert_allclose(ax.lines[0].get_ydata(), vectors[:, k])
        assert [line.get_xdata()[0] for line in ax.lines[1:]] == [1.5, 3.5]
    assert [ax.get_title() for ax in figure.axes] == ["first", "second"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_covariances_share_one_symmetric_scale(count):
    matrices = [np.eye(2) * (k + 1) for k in range(count)]
    figure = linear.covariances(matrices, ["C"] * count)
    images = [image for ax in figure.axes for image in ax.get_images()]
    assert [image.get_clim() for image in images] == [(-count, count)] * count
    texts = [text.get_text() for text in figure.axes[count - 1].texts]
    assert texts == [f"{count}.00", "0.00", "0.00", f"{count}.00"]


def test_walk_sum_marks_what_it_tends_to():
    partial = np.array([[0.0, 0.0], [1.0, 0.0], [1.5, 0.5]])
    figure = linear.walk_sum([0, 1, 2], partial, [2.0, 0.7], ["a", "b"])
    lines = figure.axes[0].lines
    np.testing.assert_allclose(lines[0].get_ydata(), partial[:, 0])
    assert [line.get_ydata()[0] for line in lines[1::2]] == [2.0, 0.7]


def test_walk_frame_shows_the_walks_counted_on_the_scale_of_the_exact_covariance():
    exact = np.array([[2.0, 1.0], [1.0, 2.0]])
    figure = linear.walk_frame(exact / 2, exact, [0, 1, 2], [0, 0.5, 0.9], 1)
    left, right = figure.axes
    assert left.get_images()[0].get_clim() == (-2, 2)
    np.testing.assert_allclose(left.get_images()[0].get_array(), exact / 2)
    here = next(line for line in right.lines if line.get_label() == "chosen length")
    np.testing.assert_allclose(here.get_xydata(), [[1, 0.5]])


def test_sampling_error_stands_beside_the_law():
    T = np.array([2.0, 8.0, 200.0])
    errors = np.column_stack([np.full(3, 0.2), np.full(3, 0.3)])
    ax = linear.sampling_error(T, errors, ["a", "b"]).axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1.0, 0.5, 0.1])
    np.testing.assert_allclose([line.get_ydata() for line in ax.lines[1:]], errors.T)
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_cluster_covariance_is_logarithmic_and_measured_in_neurons():
    tiles = np.array([[1e-2, 1e-4], [1e-4, -1e-5]])  # a mean may be negative: it saturates
    figure = linear.cluster_covariance(tiles, 20, [30], label="C", limits=(1e-5, 1e-1))
    ax = figure.axes[0]
    image = ax.get_images()[0]
    assert image.get_clim() == (1e-5, 1e-1)
    assert image.get_extent() == [0, 40, 40, 0]
    assert [ax.lines[0].get_xdata()[0], ax.lines[1].get_ydata()[0]] == [30, 30]
    figure.canvas.draw()
