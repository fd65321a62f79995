"""Figures of the chapter on estimated covariances."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from replication.figures.style import (
    ACCENT,
    COLORS,
    LABELS,
    LINES,
    RANGE,
    SECOND,
    styled,
    ticks,
)

_MARKS = "o^sD"


@styled
def estimate_errors(errors):
    """Draw the relative error of estimated variances against the number of snapshots.

    Parameters
    ----------
    errors : dict
        For each label, of at most three, a pair: numbers of snapshots T and relative errors,
        both of shape (L,).

    Returns
    -------
    Figure
        One panel, both axes logarithmic, with the line sqrt(2 / T).

    References
    ----------
    Book, "Independent snapshots".
    """
    figure, ax = plt.subplots(figsize=(6.2, 3.8))
    every = np.unique(np.concatenate([np.asarray(T, dtype=float) for T, _ in errors.values()]))
    ax.loglog(every, np.sqrt(2 / every), color=ACCENT, ls="--", label=r"$\sqrt{2/T}$")
    shades = (SECOND, COLORS["noise"], COLORS["original"])
    for (label, (T, error)), mark, shade in zip(errors.items(), _MARKS, shades, strict=False):
        ax.loglog(T, error, mark, color=shade, ms=7, mfc="none", mew=1.6, label=label)
    ticks(ax.yaxis, [0.05, 0.1, 0.2, 0.4])
    ax.set_xlabel("snapshots T")
    ax.set_ylabel("relative error (root mean square)")
    ax.legend()
    return figure


@styled
def estimated_probabilities(exact, estimates):
    """Draw estimated against exact probabilities of synapses.

    Parameters
    ----------
    exact : (E,) array_like
        Probabilities from the exact covariance.
    estimates : dict
        For each title, of at most two, the estimated probabilities, shape (E,).

    Returns
    -------
    Figure
        One panel for each title.

    References
    ----------
    Book, "Probabilities from a short record".
    """
    figure, axes = plt.subplots(
        1, len(estimates), figsize=(7 if len(estimates) > 1 else 4.4, 3.9), squeeze=False
    )
    for ax, (title, estimate) in zip(axes[0], estimates.items(), strict=True):
        ax.plot(exact, estimate, "o", color=COLORS["noise"], ms=3, alpha=0.4, mew=0)
        ax.plot([0, 1], [0, 1], color=COLORS["original"], lw=1)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", title=title)
        ax.set_xlabel("probability, exact covariance")
    axes[0, 0].set_ylabel("probability, estimated")
    return figure


@styled
def correlation_times(times, *, slowest):
    """Draw how the correlation times of synapses are distributed in each group.

    Parameters
    ----------
    times : dict
        For each group, of at most four, the correlation times of its synapses (model units).
    slowest : float
        Slowest time constant of the network (model units).

    Returns
    -------
    Figure
        One panel: the share of each group above a time, both axes logarithmic.

    References
    ----------
    Book, "A trajectory repeats itself".
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.9))
    colors = (SECOND, ACCENT, COLORS["noise"], COLORS["original"])
    for (label, values), color, line in zip(
        times.items(), colors, (":", "-", "--", "-."), strict=False
    ):
        ordered = np.sort(values)
        share = 1 - np.arange(ordered.size) / ordered.size
        ax.loglog(ordered, share, color=color, ls=line, label=label)
    ax.axvline(slowest, color=COLORS["original"], lw=1)
    ax.annotate(
        "slowest mode",
        (slowest, 0.02),
        (-5, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="bottom",
        fontsize=10,
    )
    ticks(ax.xaxis, [1, 2, 5, 10, 20])
    ax.set_xlabel(r"correlation time $\theta$ (model units)")
    ax.set_ylabel("share of synapses above")
    figure.legend(loc="outside upper center", ncols=2, fontsize=10)
    return figure


@styled
def running_estimates(times, ratios, *, spread):
    """Draw running estimates of synapses' variances, relative to the exact ones, over time.

    Parameters
    ----------
    times : (T,) array_like
        Times (model units).
    ratios : dict
        For each label, of at most three, the running estimate over the exact variance, shape (T,).
    spread : float
        Root mean square relative error predicted for the typical synapse.

    Returns
    -------
    Figure
        One panel.

    References
    ----------
    Book, "A synapse that keeps its own average".
    """
    figure, ax = plt.subplots(figsize=(6.6, 3.7))
    ax.axhspan(1 - spread, 1 + spread, color=RANGE, lw=0, label="predicted spread")
    ax.axhline(1, color=COLORS["original"], lw=1)
    colors = (SECOND, COLORS["noise"], ACCENT)
    for (label, ratio), color, line in zip(ratios.items(), colors, ("-", "--", "-"), strict=False):
        ax.plot(times, ratio, color=color, ls=line, lw=1.3, label=label)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("time (model units)")
    ax.set_ylabel("running estimate / exact variance")
    figure.legend(loc="outside upper center", ncols=2, fontsize=10)
    return figure


@styled
def quality(lengths, measures, *, xlabel):
    """Draw how good the pruned network is against the length of the record.

    Parameters
    ----------
    lengths : (L,) array_like
        Lengths of the record.
    measures : dict
        For each axis label, of at most two, a dict with the arrays "estimated", shape (seeds, L),
        "noise" and "weight", shape (seeds,).
    xlabel : str
        Label of the lengths, with the unit.

    Returns
    -------
    Figure
        One panel for each measure, both axes logarithmic: medians and ranges over seeds.

    References
    ----------
    Book, "Does the pruned network notice?".
    """
    figure, axes = plt.subplots(1, len(measures), figsize=(7, 3.7), squeeze=False)
    for ax, (label, data) in zip(axes[0], measures.items(), strict=True):
        for rule in ("noise", "weight"):
            values = np.asarray(data[rule])
            ax.axhspan(values.min(), values.max(), color=COLORS[rule], alpha=0.15, lw=0)
            text = "exact covariance" if rule == "noise" else LABELS[rule]
            ax.axhline(
                np.median(values),
                color=COLORS[rule],
                lw=1.4,
                ls="--" if rule == "weight" else ":",
                label=text,
            )
        estimated = np.asarray(data["estimated"])
        middle = np.median(estimated, axis=0)
        ax.errorbar(
            lengths,
            middle,
            [middle - estimated.min(axis=0), estimated.max(axis=0) - middle],
            color=COLORS["noise"],
            ls=LINES["noise"],
            marker="o",
            ms=5,
            capsize=2,
            elinewidth=1,
            label="estimated covariance",
        )
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel(xlabel)
        ax.set_ylabel(label)
        low, high = ax.get_ylim()
        marks = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 3)
        if high < 4 * low:
            marks = (0.3, 0.35, 0.4, 0.5, 0.6, 0.7)
        ticks(ax.yaxis, [mark for mark in marks if low <= mark <= high])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=10)
    return figure
