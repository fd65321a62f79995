"""Figures of the chapter "What does the noise add?"."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from replication.figures.style import (
    ACCENT,
    COLORS,
    FAMILIES,
    LABELS,
    LINES,
    MARKERS,
    styled,
    ticks,
)


@styled
def scores(panels):
    """Draw the scores of noise over those of leak against those of leak, synapse by synapse.

    Parameters
    ----------
    panels : dict
        For each network by its title: leak scores, noise scores, and whether the synapse leads
        across clusters, one entry for each synapse shown.

    Returns
    -------
    Figure
        One panel for each network.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.5), squeeze=False)
    for ax, (title, (leak, noise, across)) in zip(axes[0], panels.items(), strict=True):
        for who, color, size in ((~across, COLORS["original"], 4), (across, ACCENT, 14)):
            ax.scatter(leak[who], noise[who], s=size, color=color, linewidths=0)
        both = np.r_[leak, noise]
        ends = [0.7 * both.min(), 1.4 * both.max()]
        ax.plot(ends, ends, color=COLORS["original"], lw=0.8)
        ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, title=title)
        ax.set_xlabel("leak score")
    axes[0, 0].set_ylabel("noise score")
    return figure


@styled
def slow_modes(errors):
    """Draw the error of each slow mode under the rules.

    Parameters
    ----------
    errors : dict
        For each rule, the relative errors of the slow modes, one row for each network, the slowest
        mode last. That one is constant and nothing changes it: it is left out.

    Returns
    -------
    Figure
        Medians over networks, with the range.
    """
    figure, ax = plt.subplots(figsize=(5.6, 3.4))
    for shift, (rule, values) in enumerate(errors.items()):
        low, middle, high = np.percentile(values, [0, 50, 100], axis=0)[:, -2::-1]
        ax.errorbar(
            np.arange(2, middle.size + 2) + 0.16 * (shift - 1.5),
            middle,
            yerr=[middle - low, high - middle],
            color=COLORS[rule],
            marker=MARKERS[rule],
            ls="none",
            ms=5,
            lw=1,
            label=LABELS[rule],
        )
    ax.set(yscale="log", ylim=(3e-5, 1), xlabel="mode (1 = slowest)", ylabel="relative error")
    ticks(ax.yaxis, [0.0001, 0.001, 0.01, 0.1, 1])
    figure.legend(loc="outside upper center", ncols=4, fontsize=9, columnspacing=1)
    return figure


@styled
def gains(families):
    """Draw the gain of noise over leak along families of networks, found and predicted.

    Parameters
    ----------
    families : dict
        For each family: label of its axis, values, gains found (a row for each value, a column for
        each network), and gains predicted likewise.

    Returns
    -------
    Figure
        One panel for each family, logarithmic; marks with range: found, line: predicted.
    """
    figure, axes = plt.subplots(1, len(families), figsize=(7.4, 3.2), sharey=True)
    for ax, (family, (label, values, found, predicted)) in zip(axes, families.items(), strict=True):
        mark, color = FAMILIES[family]
        middle = np.median(found, axis=1)
        spread = np.abs(np.percentile(found, [0, 100], axis=1) - middle)
        ax.errorbar(values, middle, yerr=spread, color=color, marker=mark, ls="none", capsize=2)
        ax.plot(values, np.median(predicted, axis=1), color=color, ls="--", lw=1.2)
        ax.axhline(1, color=COLORS["original"], lw=0.8)
        ax.set(xscale="log", yscale="log", xlabel=label, title=family)
        ax.margins(x=0.1)
        ax.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("error of leak / error of noise")
    _plain(axes[0].yaxis)
    return figure


@styled
def found_and_predicted(families):
    """Draw the gain of noise over leak that was found against the one predicted before any draw.

    Parameters
    ----------
    families : dict
        For each family: gains predicted and found, one entry for each network (median over seeds).

    Returns
    -------
    Figure
        One logarithmic panel with the line of equality.
    """
    figure, ax = plt.subplots(figsize=(5.4, 4.6))
    every = np.concatenate([np.concatenate(pair) for pair in families.values()])
    ends = [0.8 * every.min(), 1.4 * every.max()]
    ax.plot(ends, ends, color=COLORS["original"], lw=0.8)
    ax.axvspan(0.9, 1.1, color=COLORS["original"], alpha=0.12, lw=0)
    for family, (predicted, found) in families.items():
        mark, color = FAMILIES[family]
        ax.plot(predicted, found, mark, color=color, ms=8, alpha=0.85, label=family)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    ax.set_xlabel("gain predicted before any draw")
    ax.set_ylabel("gain found")
    for axis in (ax.xaxis, ax.yaxis):
        _plain(axis)
    ax.legend(loc="lower right", fontsize=9, frameon=True)
    return figure


def _plain(axis):
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _rows_of_rules(ax, errors):
    """Mark each rule's errors in a row of their own."""
    for k, (rule, values) in enumerate(errors.items()):
        ax.plot(values, np.full(len(values), -k), MARKERS[rule], color=COLORS[rule], alpha=0.5)
        ax.plot(np.median(values), -k, "|", color=COLORS[rule], ms=22, mew=2, ls=LINES[rule])
    ax.set_yticks(-np.arange(len(errors)), [LABELS[rule] for rule in errors])
    ax.set(ylim=(0.5 - len(errors), 0.5), xscale="log")
    low, high = ax.get_xlim()
    steps = (m * 10.0**k for k in range(-5, 1) for m in (1, 2, 5))
    marks = [mark for mark in steps if low <= mark <= high]
    ticks(ax.xaxis, marks if len(marks) < 6 else [m for m in marks if f"{m:e}"[0] == "1"])


@styled
def four_rules(networks):
    """Draw the error of the slow modes under the four rules, network by network.

    Parameters
    ----------
    networks : dict
        For each title: for each rule, one error for each seed.

    Returns
    -------
    Figure
        One panel for each title; a mark for each seed, a bar at the median.
    """
    figure, axes = plt.subplots(1, len(networks), figsize=(7, 2.6), sharey=True)
    for ax, (title, errors) in zip(axes, networks.items(), strict=True):
        _rows_of_rules(ax, errors)
        ax.set(title=title, xlabel="relative error of slow modes")
    return figure
