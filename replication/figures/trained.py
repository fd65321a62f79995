"""Figures of the chapter "Trained networks"."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from replication.figures.style import (
    ACCENT,
    COLORS,
    FAINT,
    INK,
    LINES,
    MARKERS,
    PARTS,
    SECOND,
    styled,
    ticks,
)

# Colour, line and mark of each way to prune.
WAYS = {
    "noise, drawn, 1/p": (COLORS["noise"], LINES["noise"], MARKERS["noise"]),
    "weight, drawn, 1/p": (COLORS["weight"], LINES["weight"], MARKERS["weight"]),
    "uniform, drawn, 1/p": (COLORS["uniform"], LINES["uniform"], MARKERS["uniform"]),
    "largest weights": (PARTS[0], "-.", "v"),
    "uniform, drawn, refit": (SECOND, ":", "P"),
    "largest weights, refit": (ACCENT, "--", "X"),
    "surgeon": (INK, "-", "d"),
}
KINDS = "os^Dv"  # a mark for each kind of network


@styled
def outputs(time, targets, networks):
    """Draw the outputs of several networks in one trial, one below the other.

    Parameters
    ----------
    time : (T,) array
        Steps.
    targets : (T, O) array
        Wanted outputs, -1 or 1.
    networks : dict
        For each title: outputs, shape (T, O).

    Returns
    -------
    Figure
        A panel for each network; in grey what is wanted.
    """
    figure, axes = plt.subplots(
        len(networks), 1, figsize=(7, 0.4 + 1.5 * len(networks)), sharex=True, sharey=True
    )
    shift = -3.2 * np.arange(targets.shape[1])
    for ax, (title, found) in zip(axes, networks.items(), strict=True):
        ax.plot(time, targets + shift, color=FAINT, lw=3, alpha=0.7, drawstyle="steps-mid")
        for k, color in zip(range(targets.shape[1]), PARTS, strict=False):
            ax.plot(time, found[:, k] + shift[k], color=color, lw=1.4)
        ax.set_title(title, loc="left", fontsize=10)
        ax.set_yticks(shift, [f"bit {k + 1}" for k in range(len(shift))])
        ax.grid(False)
    axes[-1].set_xlabel("step")
    return figure


@styled
def accuracies(kinds, keep):
    """Draw the accuracy against the fraction kept, kind by kind.

    Parameters
    ----------
    kinds : dict
        For each kind of network: the accuracy without recurrence, and for each of `WAYS` a row for
        each network, a column for each fraction.
    keep : sequence of float
        Fractions kept.

    Returns
    -------
    Figure
        A panel for each kind: medians over networks, bars from the least to the greatest.
    """
    rows = -(-(len(kinds) + 1) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(7, 2.5 * rows), sharex=True, sharey=True)
    for ax, (kind, (floor, ways)) in zip(axes.flat, kinds.items(), strict=False):
        ax.axhline(floor, color=FAINT, lw=1.2)
        for shift, (way, values) in enumerate(ways.items()):
            color, line, mark = WAYS[way]
            middle = np.median(values, axis=0)
            spread = np.abs(np.percentile(values, [0, 100], axis=0) - middle)
            x = np.asarray(keep) * 1.02 ** (shift - (len(ways) - 1) / 2)
            ax.errorbar(
                x, middle, yerr=spread, color=color, ls=line, marker=mark, ms=5, lw=1.4, label=way
            )
        ax.set(xscale="log", title=kind, ylim=(-0.03, 1.05))
        ticks(ax.xaxis, sorted(keep))
        ax.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel("strict accuracy")
    for ax in axes.flat[len(kinds) - 2 : len(kinds)]:
        ax.set_xlabel("fraction of synapses kept")
    for ax in axes.flat[len(kinds) :]:
        ax.set_axis_off()
    axes.flat[-1].legend(*axes.flat[0].get_legend_handles_labels(), loc="center", fontsize=9)
    return figure


@styled
def input_error(kinds):
    """Draw what is left of the accuracy against the predicted error of a unit's input.

    Parameters
    ----------
    kinds : dict
        For each kind of network: predicted relative errors, and accuracies between that without
        recurrence (0) and that of the unpruned network (1).

    Returns
    -------
    Figure
        One panel, a mark for each network and fraction kept.
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.8))
    ax.axhline(0, color=INK, lw=0.8)
    colors = (*PARTS, ACCENT)
    for (kind, (error, left)), mark, color in zip(kinds.items(), KINDS, colors, strict=False):
        ax.plot(error, left, mark, color=color, ms=6, alpha=0.8, label=kind)
    ax.set(xscale="log", xlabel="predicted relative error of a unit’s recurrent input")
    ax.set_ylabel("accuracy left")
    ticks(ax.xaxis, [0.1, 0.2, 0.5, 1, 2])
    figure.legend(loc="outside upper center", ncols=2, fontsize=9)
    return figure
