"""Rectified networks: who is active when, and how well each regime survives (book section 10)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from replication.figures.style import (
    ABSENT,
    COLORS,
    LABELS,
    LINES,
    MARKERS,
    band,
    styled,
)

_TIME = "time t (model units)"


@styled
def switching(times, panels) -> Figure:
    """Draw which neurons are active at each time, one panel per network, one line per neuron.

    Parameters
    ----------
    times : (T,) array
        Times, evenly spaced.
    panels : dict of str to (T, N) array of bool
        Whether each neuron is active, for "original" or a rule.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book section 10, "One network, many regimes".
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.4), sharey=True, squeeze=False)
    for ax, (name, active) in zip(axes[0], panels.items(), strict=True):
        ax.imshow(
            np.asarray(active).T,
            cmap=ListedColormap([ABSENT, COLORS[name]]),
            vmin=0,
            vmax=1,
            aspect="auto",
            extent=(times[0], times[-1], np.shape(active)[1], 0),
        )
        ax.grid(False)
        ax.set(title=LABELS[name], xlabel=_TIME)
    axes[0, 0].set_ylabel("neuron, longest active first")
    return figure


@styled
def regime_epsilons(sizes, regimes, whole) -> Figure:
    """Draw the spectral error within single regimes against the number of active neurons.

    Parameters
    ----------
    sizes : (R,) array_like
        Number of active neurons in each of R regimes.
    regimes : dict of str to (R,) array_like
        For each rule, `noiseprune.spectral_epsilon` within each regime.
    whole : dict of str to float
        For each rule, the same with all neurons active.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book section 10, "All regimes at once".
    """
    figure, ax = plt.subplots(figsize=(6, 3.4))
    for rule, values in regimes.items():
        ax.plot(
            sizes,
            values,
            MARKERS[rule],
            color=COLORS[rule],
            ms=3.5,
            alpha=0.6,
            mew=0,
            label=LABELS[rule],
        )
        ax.axhline(whole[rule], color=COLORS[rule], ls=LINES[rule])
    ax.set(xlabel="active neurons", ylabel=r"$\varepsilon$ within the regime")
    ax.set_ylim(bottom=0)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=len(regimes))
    return figure


@styled
def errors_and_regimes(times, errors, apart) -> Figure:
    """Draw the relative error in time, and the share of neurons in different regimes.

    Parameters
    ----------
    times : (T,) array
        Times.
    errors : dict of str to (S, T) array
        For each rule the relative error in each of S networks.
    apart : dict of str to (S, T) array
        For each rule the fraction of neurons active in one network and silent in the other.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book section 10, "What the simulations say".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.4))
    labels = (
        r"relative error $\|x - x_{\mathrm{sparse}}\| / \|x\|$",
        "neurons in different regimes (%)",
    )
    for ax, curves, scale, label in zip(axes, (errors, apart), (1, 100), labels, strict=True):
        for rule, samples in curves.items():
            band(ax, times, scale * np.asarray(samples), rule)
        ax.set(xlabel=_TIME, ylabel=label)
        ax.set_ylim(bottom=0)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure
