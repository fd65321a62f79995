"""Figures of the chapter on the rule: who is connected to whom, and what would be kept."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from scipy import sparse

from replication.figures.style import (
    ABSENT,
    ACCENT,
    COLORS,
    LABELS,
    SEQUENTIAL,
    band,
    matrix_image,
    styled,
)


@styled
def wiring(W, labels, positions, *, first=1):
    """Draw a small symmetric network: numbered neurons, a labelled line for each synapse.

    Parameters
    ----------
    W : (N, N) array_like
        Symmetric weights; negative ones are dashed, larger ones thicker.
    labels : dict
        Text written at a synapse, for each pair ``(i, j)`` with i < j.
    positions : (N, 2) array_like
        Where each neuron stands.
    first : int
        Number of the first neuron.

    Returns
    -------
    matplotlib.figure.Figure
        One panel without axes.
    """
    W, positions = np.asarray(W, dtype=float), np.asarray(positions, dtype=float)
    wide, high = np.ptp(positions, axis=0)
    figure, ax = plt.subplots(figsize=(5.4, np.clip(5.4 * high / wide, 1, 3)))
    for (i, j), text in labels.items():
        ax.plot(
            *positions[[i, j]].T,
            color=COLORS["original"],
            lw=1.5 + 1.5 * abs(W[i, j]),
            ls="-" if W[i, j] > 0 else (0, (3, 1.5)),
            zorder=1,
        )
        ax.text(
            *positions[[i, j]].mean(axis=0),
            text,
            ha="center",
            va="center",
            zorder=2,
            bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": "none"},
        )
    for number, place in enumerate(positions, start=first):
        ax.text(
            *place,
            str(number),
            ha="center",
            va="center",
            fontsize=13,
            color="white",
            zorder=3,
            bbox={"boxstyle": "circle,pad=0.4", "fc": COLORS["original"], "ec": "none"},
        )
    ax.set_aspect("equal")
    ax.margins(0.16)
    ax.axis("off")
    return figure


@styled
def cluster_map(W, clusters, *, rule="original"):
    """Draw a clustered symmetric network: dots for neurons, synapses between clusters on top.

    Parameters
    ----------
    W : (N, N) ndarray or sparse array
        Symmetric weights; only which pairs are connected matters, and the diagonal does not.
    clusters : (N,) array_like of int
        Cluster of each neuron, 0, 1, 2, ...
    rule : {"original", "noise", "leak", "weight", "uniform"}
        Colour of the synapses inside clusters.

    Returns
    -------
    matplotlib.figure.Figure
        One panel without axes.
    """
    figure, ax = plt.subplots(figsize=(4.6, 4.3))
    _cluster_map(ax, W, clusters, rule)
    return figure


@styled
def cluster_maps(networks, clusters, titles):
    """Draw one network as several rules left it, two panels a row.

    Parameters
    ----------
    networks : dict
        Symmetric weights for each of "original" and the rules that is to be drawn.
    clusters : (N,) array_like of int
        Cluster of each neuron.
    titles : dict
        Second line of a panel's title; the first is the name of the rule.

    Returns
    -------
    matplotlib.figure.Figure
        Panels in two columns, without axes.
    """
    rows = -(-len(networks) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(5.6, 3.0 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, (rule, W) in zip(axes.flat, networks.items(), strict=False):
        _cluster_map(ax, W, clusters, rule)
        ax.set_title(f"{LABELS[rule]}\n{titles[rule]}")
    return figure


@styled
def figure_one(W, C, V, P, clusters):
    """Draw the four matrices of the paper's Figure 1b: weights, covariance, variances, chances.

    Parameters
    ----------
    W : (N, N) array_like
        Symmetric weights, of which the size is shown.
    C : (N, N) array_like
        Covariance.
    V : (N, N) sparse array
        Variance of the difference on every synapse, as `noiseprune.synapse_variances` gives it.
    P : (N, N) sparse array
        Probability of being kept on every synapse.
    clusters : (N,) array_like of int
        Cluster of each neuron; synapses between clusters are drawn as large ringed dots.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels in two columns. Plain ground means no synapse.
    """
    W, C, clusters = np.abs(np.asarray(W)), np.asarray(C), np.asarray(clusters)
    cmap = plt.get_cmap(SEQUENTIAL).with_extremes(bad=ABSENT)
    i, j = np.nonzero((W != 0) & (clusters[:, None] != clusters))
    figure, axes = plt.subplots(2, 2, figsize=(6, 5.4), sharex=True, sharey=True)
    panels = (
        ("weights $|w_{ij}|$", np.where(W == 0, np.nan, W), {}),
        ("covariance $C_{ij}$", C, {}),
        ("variance of the difference $V_{ij}$", _blank(V), {"vmin": 0}),
        ("probability $p_{ij}$", _blank(P), {"vmin": 0, "vmax": 1}),
    )
    for ax, (title, matrix, limits) in zip(axes.flat, panels, strict=True):
        norm = matrix_image(ax, matrix, cmap=cmap, **limits).norm
        ax.scatter(j, i, s=40, c=matrix[i, j], cmap=cmap, norm=norm, ec=ACCENT, lw=1.6)
        ax.set_title(title)
        ax.label_outer()
    return figure


@styled
def chance_curve(x, between, *, xlabel, marked=None):
    """Draw how often a long-range synapse scores above an ordinary one, over a range of settings.

    Parameters
    ----------
    x : (m,) array_like
        Settings, drawn on a logarithmic axis.
    between : dict
        For each rule an array (seeds, m) of chances between 0 and 1.
    xlabel : str
        What `x` is, with units.
    marked : float, optional
        Setting that the text points at.

    Returns
    -------
    matplotlib.figure.Figure
        One panel: median over the seeds, and bands from the least to the greatest.
    """
    figure, ax = plt.subplots(figsize=(6, 3.6))
    for rule, samples in between.items():
        band(ax, x, np.asarray(samples), rule)
    ax.axhline(0.5, color="black", lw=0.8, label="no preference")
    if marked is not None:
        ax.axvline(marked, color=ACCENT, lw=1.5, ls="--")
    ax.set_xscale("log")
    ax.set_xticks(x, [f"{value:g}" for value in x])
    ax.minorticks_off()
    ax.set_ylim(0, 1.02)
    ax.set_xlabel(xlabel)
    ax.set_ylabel("chance to outrank\nan ordinary synapse")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def _blank(S):
    """Return a dense matrix that is NaN where the sparse S has no entry."""
    S = sparse.coo_array(S)
    matrix = np.full(S.shape, np.nan)
    matrix[S.row, S.col] = S.data
    return matrix


def _cluster_map(ax, W, clusters, rule):
    """Draw one clustered network on the given axes."""
    clusters = np.asarray(clusters)
    place = _places(clusters)
    pairs = sparse.coo_array(W)
    once = (pairs.row < pairs.col) & (pairs.data != 0)
    i, j = pairs.row[once], pairs.col[once]
    between = clusters[i] != clusters[j]
    lines = np.stack([place[i], place[j]], axis=1)
    inside = lines[~between]
    alpha = np.clip(100 / max(len(inside), 1), 0.35, 1)  # few lines are strong ones
    ax.add_collection(LineCollection(inside, colors=COLORS[rule], lw=0.6, alpha=alpha, zorder=1))
    ax.add_collection(LineCollection(lines[between], colors=ACCENT, lw=2.2, zorder=2))
    ax.plot(*place.T, "o", color="black", ms=3, zorder=3)
    ax.set_aspect("equal")
    ax.autoscale_view()
    ax.axis("off")


def _places(clusters):
    """Positions of the neurons: clusters on a circle, each filled like the head of a sunflower."""
    sizes = np.bincount(clusters)
    radius = np.sqrt(sizes / sizes.max())
    angle = np.pi / 2 + 2 * np.pi * np.arange(sizes.size) / sizes.size
    distance = 0 if sizes.size == 1 else 1.35 / np.sin(np.pi / sizes.size)
    centre = distance * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    first = np.concatenate([[0], np.cumsum(sizes)])[clusters]
    order = np.empty(clusters.size)  # number of each neuron within its cluster
    order[np.argsort(clusters, kind="stable")] = np.arange(clusters.size)
    order -= first
    r = radius[clusters] * np.sqrt((order + 0.5) / sizes[clusters])
    theta = order * np.pi * (3 - np.sqrt(5))
    return centre[clusters] + np.stack([r * np.cos(theta), r * np.sin(theta)], axis=1)
