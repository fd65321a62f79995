import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from scipy import sparse

import noiseprune as npr
from replication.figures import ACCENT, COLORS
from replication.figures import networks as draw

CLUSTERS = np.repeat([0, 1, 2], [6, 5, 4])


@pytest.fixture(scope="module")
def network():
    W = np.abs(npr.clustered([6, 5, 4], long_range=20, rng=0))
    A = npr.add_leak(W, excess=0.1)
    C = npr.stationary_covariance(A)
    V = npr.synapse_variances(A, C)
    P = npr.keep_probabilities(npr.synapse_scores(A, C=C), keep=0.5)
    return W, C, V, P


def segments(ax, color):
    wanted = to_rgba(color)[:3]
    return sum(
        len(c.get_segments())
        for c in ax.collections
        if isinstance(c, LineCollection) and np.allclose(c.get_colors()[0][:3], wanted)
    )


def pairs(W):
    i, j = np.triu(W, 1).nonzero()
    between = CLUSTERS[i] != CLUSTERS[j]
    return between.sum(), (~between).sum()


def test_wiring_draws_each_synapse_once_and_dashes_inhibition():
    W = np.array([[0, -2.0, 0], [-2.0, 0, 1.0], [0, 1.0, 0]])
    figure = draw.wiring(W, {(0, 1): "−2", (1, 2): "1"}, [(0, 0), (1, 0), (2, 0)])
    lines = figure.axes[0].lines
    assert len(lines) == 2
    assert lines[0].is_dashed()
    assert not lines[1].is_dashed()
    assert lines[0].get_linewidth() > lines[1].get_linewidth()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["−2", "1", "1", "2", "3"]


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("rule", ["original", "noise", "weight", "uniform"])
def test_cluster_map_shows_every_pair_and_no_diagonal(network, container, rule):
    W = network[0]
    with_diagonal = container(W - np.eye(len(W)))
    ax = draw.cluster_map(with_diagonal, CLUSTERS, rule=rule).axes[0]
    between, inside = pairs(W)
    assert segments(ax, ACCENT) == between > 0
    assert segments(ax, COLORS[rule]) == inside
    assert len(ax.lines[0].get_xdata()) == len(W)


def test_cluster_map_takes_a_pattern(network):
    pattern = sparse.csr_array(network[0] > 0)
    ax = draw.cluster_map(pattern, CLUSTERS).axes[0]
    assert segments(ax, ACCENT) == pairs(network[0])[0]


def test_clusters_do_not_overlap_whatever_the_order_of_the_neurons():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [40, 30, 5, 1]))
    places = draw._places(labels)
    assert len(np.unique(places.round(9), axis=0)) == labels.size
    centres = np.array([places[labels == k].mean(axis=0) for k in range(4)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == labels).all()


def test_one_cluster_sits_in_the_middle():
    assert np.abs(draw._places(np.zeros(50, dtype=int)).mean(axis=0)).max() < 0.1


def test_cluster_maps_leave_an_odd_panel_empty(network):
    W = network[0]
    networks = dict.fromkeys(["original", "noise", "weight"], W)
    axes = draw.cluster_maps(networks, CLUSTERS, dict.fromkeys(networks, "all")).axes
    assert [ax.get_title().splitlines()[-1:] for ax in axes] == [["all"], ["all"], ["all"], []]
    assert segments(axes[1], COLORS["noise"]) == pairs(W)[1]


def test_figure_one_draws_the_matrices_and_rings_the_links_between_clusters(network):
    W, C, V, P = network
    before = [W.copy(), C.copy(), V.toarray(), P.toarray()]
    figure = draw.figure_one(W, C, V, P, CLUSTERS)
    panels = [ax for ax in figure.axes if ax.images]
    shown = [ax.images[0].get_array() for ax in panels]
    for image, matrix in zip(shown, before, strict=True):
        np.testing.assert_allclose(np.ma.filled(image, 0.0), matrix)
    for k in (0, 2, 3):  # no synapse is no value, which is not a value of 0
        np.testing.assert_array_equal(np.ma.getmaskarray(shown[k]), W == 0)
    ringed = panels[0].collections[0].get_offsets()
    assert len(ringed) == 2 * pairs(W)[0]
    values = panels[3].collections[0].get_array()
    columns, rows = np.asarray(ringed, dtype=int).T
    np.testing.assert_allclose(values, P.toarray()[rows, columns])
    for now, then in zip([W, C, V.toarray(), P.toarray()], before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_chance_curve_has_medians_and_bands():
    x = np.array([0.1, 1.0])
    samples = np.array([[0.9, 0.2], [0.8, 0.4], [0.1, 0.3]])
    ax = draw.chance_curve(x, {"noise": samples}, xlabel="leak (%)", marked=0.5).axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.8, 0.3])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.1, 0.9)
    assert ax.lines[-1].get_xdata()[0] == 0.5
    assert len(draw.chance_curve(x, {"noise": samples}, xlabel="x").axes[0].lines) == 2
