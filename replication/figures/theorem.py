"""Figures of the chapter on the theorem."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter, PercentFormatter

from replication.figures.style import (
    ACCENT,
    COLORS,
    LABELS,
    LINES,
    MARKERS,
    band,
    styled,
    ticks,
)


@styled
def directions(rates, deviations, *, bound, worst):
    """Draw the spread of the relative error along every mode against what is promised for it.

    Parameters
    ----------
    rates : (N,) array_like
        Decay rates of the modes (units 1/time).
    deviations : (N,) array_like
        Standard deviation over draws of the relative error of the quadratic form along each mode.
    bound : float
        The bound that holds for every direction.
    worst : float
        Relative error in the worst direction of one draw.

    Returns
    -------
    Figure
        One panel, both axes logarithmic.

    References
    ----------
    Book, "How large is the error on average?".
    """
    figure, ax = plt.subplots(figsize=(6.2, 3.8))
    ax.loglog(rates, deviations, MARKERS["noise"], color=COLORS["noise"], ms=3.5, alpha=0.6, mew=0)
    for height, text, color, line in (
        (worst, "worst direction of one draw", COLORS["original"], "-"),
        (bound, r"bound $1/\sqrt{\kappa}$, each direction", ACCENT, "--"),
    ):
        ax.axhline(height, color=color, ls=line)
        ax.annotate(
            text,
            (0.01, height),
            (0, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=color,
            va="bottom",
            fontsize=10,
        )
    ax.annotate(
        "each mode",
        (rates[0], deviations[0]),
        (8, 4),
        textcoords="offset points",
        color=COLORS["noise"],
        fontsize=10,
    )
    ax.set_ylim(0.5 * np.min(deviations), 2 * worst)
    ax.set_xlabel("decay rate of the mode (1/time)")
    ax.set_ylabel("relative error (standard deviation)")
    return figure


@styled
def failures(rates, curves, *, bound_rates):
    """Draw the share of failed draws against the sampling rate, with the bound for each error.

    Parameters
    ----------
    rates : (R,) array_like
        Sampling rates kappa.
    curves : dict
        For each of up to three errors epsilon a dict with `share`, shape (R,), `low` and `high`,
        the ends of its confidence interval, shape (R,), and `bound`, shape (B,).
    bound_rates : (B,) array_like
        Sampling rates at which the bound is given.

    Returns
    -------
    Figure
        One panel, both axes logarithmic.

    References
    ----------
    Book, "How often does it fail?".
    """
    figure, ax = plt.subplots(figsize=(6.4, 4.2))
    rates = np.asarray(rates, dtype=float)
    lines = ("-", "--", ":")
    for (epsilon, curve), line, mark in zip(curves.items(), lines, "^so", strict=False):
        share, low, high = (np.asarray(curve[key]) for key in ("share", "low", "high"))
        seen = share > 0
        ax.errorbar(
            rates[seen],
            share[seen],
            [(share - low)[seen], (high - share)[seen]],
            color=COLORS["noise"],
            ls=line,
            marker=mark,
            ms=5,
            capsize=2,
            elinewidth=1,
            label=rf"measured, $\varepsilon = {epsilon:g}$",
        )
        ax.plot(
            bound_rates,
            curve["bound"],
            color=ACCENT,
            ls=line,
            label=rf"bound, $\varepsilon = {epsilon:g}$",
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(4e-4, 1.6)
    ticks(ax.xaxis, [2, 5, 10, 20, 50, 100, 200])
    ax.set_xlabel(r"sampling rate $\kappa$")
    ax.set_ylabel("probability of failure")
    handles, labels = ax.get_legend_handles_labels()
    order = np.argsort([label.startswith("bound") for label in labels], kind="stable")
    figure.legend(
        [handles[k] for k in order],
        [labels[k] for k in order],
        loc="outside upper center",
        ncols=2,
        fontsize=10,
    )
    return figure


@styled
def growing_networks(neurons, *, rates, pruned):
    """Draw the sampling rate and the pruned share over the number of neurons.

    Parameters
    ----------
    neurons : (S,) array_like
        Network sizes N.
    rates, pruned : dict
        "measured": array of shape (seeds, S); any other key is the label of a curve, shape (S,).

    Returns
    -------
    Figure
        Two panels side by side, N logarithmic.

    References
    ----------
    Book, "The pruned fraction tends to 1".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.6))
    lines = ("--", ":", "-.")
    for ax, curves in zip(axes, (rates, pruned), strict=True):
        band(ax, neurons, curves["measured"], "noise", label="measured")
        labels = [label for label in curves if label != "measured"]
        for label, line in zip(labels, lines, strict=False):
            color = ACCENT if label == "theorem" else COLORS["original"]
            ax.plot(neurons, curves[label], color=color, ls=line, label=label)
        ax.set_xscale("log")
        ax.set_xticks(neurons, [f"{n:,}" for n in neurons], rotation=45)
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("neurons N")
    axes[0].set_yscale("log")
    ticks(axes[0].yaxis, [5, 10, 20, 50, 100, 200])
    axes[0].set_ylim(5, 200)
    axes[0].set_ylabel(r"sampling rate $\kappa$")
    axes[1].set_ylim(0, 1)
    axes[1].yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes[1].set_ylabel("synapses pruned")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize=10)
    return figure


@styled
def predictions(predicted, found, rules, reliable):
    """Draw the worst relative error that was found against the one that was predicted.

    Parameters
    ----------
    predicted : (R,) array_like
        Predictions.
    found : sequence of R array_like
        For each prediction the errors of the draws.
    rules : sequence of R str
        The rule of each.
    reliable : (R,) array_like of bool
        Whether the prediction trusts its assumptions; hollow marks where it does not.

    Returns
    -------
    Figure
        One panel, both axes logarithmic: medians, with a bar from the least to the greatest.

    References
    ----------
    Book, "Predictions without sampling".
    """
    figure, ax = plt.subplots(figsize=(5.6, 5.2))
    ends = [0.1, 8]
    ax.plot(ends, ends, color=COLORS["original"], lw=1)
    ax.axhline(1, color=ACCENT, ls="--", lw=1)
    seen = set()
    for x, samples, rule, trusted in zip(predicted, found, rules, reliable, strict=True):
        y = np.median(samples)
        ax.errorbar(
            x,
            y,
            [[y - np.min(samples)], [np.max(samples) - y]],
            color=COLORS[rule],
            marker=MARKERS[rule],
            mfc=COLORS[rule] if trusted else "white",
            ms=4 if rule == "leak" else 6,  # where noise-prune is, leak is too
            elinewidth=1,
            ls="",
            label=None if rule in seen else LABELS[rule],
        )
        seen.add(rule)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        ticks(axis, [0.1, 0.2, 0.5, 1, 2, 5])
    ax.set_xlim(ends)
    ax.set_ylim(ends)
    ax.set_xlabel(r"predicted $\varepsilon$ (median)")
    ax.set_ylabel(r"found $\varepsilon$ (median, range)")
    figure.legend(loc="outside upper center", ncols=2, fontsize=10)
    return figure


@styled
def relaxation(times, norms, *, bound):
    """Draw how far the relaxation of pruned networks is from the original's, against the bound.

    Parameters
    ----------
    times : (T,) array_like
        Times (model units).
    norms : dict
        For each label ``||exp(A_sparse t) - exp(A t)||_2``, shape (T,).
    bound : float
        Bound for all times.

    Returns
    -------
    Figure
        One panel, time logarithmic.

    References
    ----------
    Book, "From matrices to dynamics".
    """
    figure, ax = plt.subplots(figsize=(6.2, 3.6))
    for rule, values in norms.items():
        ax.plot(times, values, color=COLORS[rule], ls=LINES[rule], label=LABELS[rule])
    ax.axhline(bound, color=ACCENT, ls="--", label="bound for noise-prune")
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("time t (model units)")
    ax.set_ylabel(r"$\|e^{A_\mathrm{sparse}t} - e^{At}\|_2$")
    figure.legend(loc="outside upper center", ncols=4, fontsize=10)
    return figure
