"""Figures of the chapter on rectified networks and on asymmetric ones."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from replication.figures.style import (
    ABSENT,
    ACCENT,
    COLORS,
    LABELS,
    LINES,
    MARKERS,
    band,
    styled,
)

_TIME = "time t (model units)"
FAMILY_STYLE = {
    "clusters": (COLORS["original"], "o", "-", "clusters, on a line"),
    "ring": (ACCENT, "D", "--", "ring"),
}


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
    Book, "One network, many regimes".
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
    Book, "All regimes at once".
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
    Book, "What the simulations say".
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


@styled
def planes(before, after):
    """Draw eigenvalues in the complex plane, one panel for each rule over the original network.

    Parameters
    ----------
    before : (N,) complex ndarray
        Eigenvalues of the original network (units 1/time).
    after : dict
        For each of up to four rules (or "original") the eigenvalues, shape (N,).

    Returns
    -------
    Figure
        Panels two to a row, with the same axes.

    References
    ----------
    Book, "Eigenvalues in the plane".
    """
    rows = -(-len(after) // 2)
    columns = min(2, len(after))
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.4 * columns, 2.7 * rows), sharex=True, sharey=True, squeeze=False
    )
    for ax in axes.flat[len(after) :]:
        ax.set_axis_off()
    for ax, (rule, values) in zip(axes.flat, after.items(), strict=False):
        ax.axvline(0, color="black", lw=0.8)
        ax.plot(values.real, values.imag, MARKERS[rule], color=COLORS[rule], ms=3.5, mew=0)
        ax.plot(before.real, before.imag, "o", mfc="none", mec=COLORS["original"], ms=3.5, mew=0.7)
        ax.set_title(LABELS[rule], color=COLORS[rule])
        ax.label_outer()
    figure.supxlabel("real part (1/time)", fontsize=11)
    figure.supylabel("imaginary part (1/time)", fontsize=11)
    return figure


@styled
def shared_noise(times, errors, stationary):
    """Draw the relative error of pruned networks in time, beside its exact value in the long run.

    Parameters
    ----------
    times : (T,) array_like
        Times (model units).
    errors : dict
        For each rule the relative error, shape (T,).
    stationary : dict
        For each rule the exact relative error of the stationary state.

    Returns
    -------
    Figure
        One panel.

    References
    ----------
    Book, "Driven by the same noise".
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.8))
    for rule, error in errors.items():
        ax.plot(times, error, color=COLORS[rule], ls=LINES[rule], label=LABELS[rule])
        ax.plot(
            times[-1] * 1.04,
            stationary[rule],
            MARKERS[rule],
            color=COLORS[rule],
            ms=8,
            clip_on=False,
        )
    ax.set_ylim(bottom=0)
    ax.set_xlim(0, times[-1] * 1.06)
    ax.set_xlabel(_TIME)
    ax.set_ylabel(r"$\|x-x_{\mathrm{sparse}}\| \,/\, \|x\|$")
    ax.legend(loc="lower right")
    return figure


@styled
def departures(strengths, curves, *, weights):
    """Draw the departure from normality against how one-way the synapses are.

    Parameters
    ----------
    strengths : (S,) array_like
        Strength of the preferred direction, 0 symmetric, 1 one-way.
    curves : dict
        For "clusters" and "ring" the departure of A, shape (seeds, S).
    weights : (seeds, S) ndarray
        Departure of the weights W of the clusters, without the leak.

    Returns
    -------
    Figure
        One panel.

    References
    ----------
    Book, "How far from normal?".
    """
    figure, ax = plt.subplots(figsize=(6.0, 3.6))
    ax.plot(
        strengths,
        np.median(weights, axis=0),
        color=COLORS["original"],
        ls=":",
        marker="^",
        ms=5,
        label="clusters, weights W alone",
    )
    for family, samples in curves.items():
        color, marker, line, label = FAMILY_STYLE[family]
        ax.plot(
            strengths,
            np.median(samples, axis=0),
            color=color,
            marker=marker,
            ls=line,
            ms=5,
            label=f"{label}, A with leak",
        )
    ax.set_xlabel("strength of the preferred direction")
    ax.set_ylabel("departure from normality")
    ax.legend()
    return figure


@styled
def boundary(strengths, advantages, *, peaks, underleaked):
    """Draw by what factor noise-prune's error is below that of two controls.

    Parameters
    ----------
    strengths : (S,) array_like
        Strength of the preferred direction.
    advantages : dict
        For each control and "clusters" or "ring", ``(rule, family)``, the error under the control
        over that under noise-prune, shape (seeds, S).
    peaks : (seeds, L) ndarray
        Peak amplification of the networks with too little leak.
    underleaked : dict
        For each control the same ratio for them, shape (seeds, L).

    Returns
    -------
    Figure
        Two panels with one logarithmic vertical axis; above 1 noise-prune is better.

    References
    ----------
    Book, "The boundary".
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 3.9), sharey=True)
    for (rule, family), samples in advantages.items():
        low, middle, high = np.percentile(samples, (0, 50, 100), axis=0)
        look = {"color": COLORS[rule], "marker": MARKERS[rule], "ms": 5}
        look["mfc"] = COLORS[rule] if family == "clusters" else "white"
        left.fill_between(strengths, low, high, color=COLORS[rule], alpha=0.18, lw=0)
        left.plot(strengths, middle, ls=LINES[rule], label=f"{LABELS[rule]}, {family}", **look)
    left.set_xlabel("strength of the direction")
    left.set_ylabel("error: control / noise-prune")
    left.set_title("enough leak")
    for rule, samples in underleaked.items():
        color = COLORS[rule]
        right.plot(peaks.ravel(), samples.ravel(), MARKERS[rule], color=color, ms=3, alpha=0.35)
        right.plot(
            np.median(peaks, axis=0),
            np.median(samples, axis=0),
            color=color,
            marker=MARKERS[rule],
            ls=LINES[rule],
            ms=6,
        )
    right.set_xscale("log")
    right.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 50, 100]))
    right.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    right.xaxis.set_minor_formatter(NullFormatter())
    right.set_xlabel("peak amplification")
    right.set_title("one-way, leak taken away")
    for ax in (left, right):
        ax.axhline(1, color="black", lw=0.9)
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(FixedLocator([0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
