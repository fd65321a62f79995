"""Figures of the chapter "Connectomes"."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from replication.figures.style import (
    ACCENT,
    COLORS,
    INK,
    LABELS,
    PARTS,
    SECOND,
    band,
    styled,
    ticks,
)

CEILING = 2.0  # trajectory errors are drawn up to here; two unrelated activities have 1.41
# Colour and mark of ways to choose and to make up for what is lost.
CHOICES = {
    "noise, drawn": (COLORS["noise"], "o"),
    "weight, drawn": (COLORS["weight"], "s"),
    "largest weights": (ACCENT, "X"),
    "largest weights, rescaled": (SECOND, "P"),
}
NETWORKS = tuple(zip("osD^vP*", (*PARTS, ACCENT, SECOND, INK), strict=True))  # their looks


@styled
def by_leak(networks, labels):
    """Draw the trajectory error of the rules against the leak, network by network.

    Parameters
    ----------
    networks : dict
        For each network: for each rule, a row of errors for each seed, a column for each leak;
        infinite where the pruned network is unstable.
    labels : sequence of str
        Names of the leaks.

    Returns
    -------
    Figure
        A panel for each network; errors above `CEILING` lie on its upper edge.
    """
    rows = -(-len(networks) // 2)
    figure, axes = plt.subplots(
        rows, 2, figsize=(7, 0.5 + 2 * rows), sharex=True, sharey=True, squeeze=False
    )
    for ax, (name, errors) in zip(axes.flat, networks.items(), strict=False):
        for rule, values in errors.items():
            band(ax, np.arange(len(labels)), np.minimum(values, CEILING), rule)
        ax.set(yscale="log", title=name, ylim=(0.008, 1.1 * CEILING))
        ax.set_xticks(np.arange(len(labels)), labels)
        ticks(ax.yaxis, [0.01, 0.03, 0.1, 0.3, 1])
    for ax in axes.flat[len(networks) :]:
        ax.set_axis_off()
    for ax in axes.flat[: len(networks)][-2:]:  # the lowest of each column
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("excess leak / mean total input")
    for ax in axes[:, 0]:
        ax.set_ylabel("trajectory error")
    handles = [line for line in axes[0, 0].lines if line.get_label() in LABELS.values()]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=9, columnspacing=1)
    return figure


@styled
def epsilon_and_covariance(choices):
    """Draw the error of the covariance against epsilon, network by network.

    Parameters
    ----------
    choices : dict
        For each of `CHOICES`: epsilon and error of the covariance, one entry for each network.

    Returns
    -------
    Figure
        One logarithmic panel; a line where epsilon is 1.
    """
    figure, ax = plt.subplots(figsize=(6, 4))
    ax.axvline(1, color=INK, lw=0.8)
    for name, (epsilon, covariance) in choices.items():
        color, mark = CHOICES[name]
        ax.plot(epsilon, covariance, mark, color=color, ms=7, alpha=0.85, label=name)
    ax.set(xscale="log", yscale="log", xlabel="$\\varepsilon$", ylabel="error of the covariance")
    ticks(ax.xaxis, [0.3, 1, 3, 10])
    ticks(ax.yaxis, [0.01, 0.1, 1])
    figure.legend(loc="outside upper center", ncols=2, fontsize=9)
    return figure


@styled
def twins(gains):
    """Draw the gain of one rule over another in the networks against that in rewired twins.

    Parameters
    ----------
    gains : dict
        For each title: for each network, its gain in the rewired twin and its own, an entry for
        each leak.

    Returns
    -------
    Figure
        A panel for each title, with the line of equality.
    """
    figure, axes = plt.subplots(1, len(gains), figsize=(7, 4), sharex=True, sharey=True)
    every = np.concatenate([np.ravel(pair) for panel in gains.values() for pair in panel.values()])
    ends = [0.8 * every.min(), 1.25 * every.max()]
    for ax, (title, panel) in zip(np.atleast_1d(axes), gains.items(), strict=True):
        ax.plot(ends, ends, color=COLORS["original"], lw=0.8)
        for (mark, color), (name, (twin, real)) in zip(NETWORKS, panel.items(), strict=False):
            ax.plot(twin, real, mark, color=color, ms=6, alpha=0.8, label=name)
        ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, title=title)
        ax.set_xlabel("gain in the rewired twin")
        for axis in (ax.xaxis, ax.yaxis):
            ticks(axis, [v for v in (0.5, 1, 2, 5, 10) if ends[0] <= v <= ends[1]])
    np.atleast_1d(axes)[0].set_ylabel("gain in the network")
    handles, names = np.atleast_1d(axes)[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, fontsize=9, columnspacing=1)
    return figure
