"""Figures of the chapter on an earlier attempt. Book, "Each fault alone"."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from replication.figures.style import ACCENT, COLORS, styled

DIAGONALS = {  # mark, its filling, label, vertical shift
    "original": ("s", "white", "original leak", -0.14),
    "matched": ("o", None, "matched leak", 0.14),
}


@styled
def faults(names, kept, errors, *, budget):
    """Draw the fraction kept and the worst relative error for each fault and both diagonals.

    Parameters
    ----------
    names : sequence of str
        Names of the F conditions, the first at the top.
    kept : (seeds, F) array_like
        Fractions of synapses kept.
    errors : dict
        For "original" and "matched" the worst relative errors epsilon, shape (seeds, F).
    budget : float
        The fraction that was to be kept.

    Returns
    -------
    Figure
        Two panels side by side with logarithmic horizontal axes: median and range over seeds.

    References
    ----------
    Book, "Each fault alone".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 4.8), sharey=True)
    place = np.arange(len(names), dtype=float)
    _ranges(axes[0], place, kept, "D")
    for diagonal, (mark, filling, label, shift) in DIAGONALS.items():
        _ranges(axes[1], place + shift, errors[diagonal], mark, mfc=filling, label=label)
    for ax, limit in zip(axes, (budget, 1.0), strict=True):
        ax.axvline(limit, color=ACCENT, ls="--")
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_yticks(place, names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    axes[0].set_xticks([0.01, 0.1, 1], ["1 %", "10 %", "100 %"])
    axes[0].set_xlim(0.005, 1.2)
    axes[0].set_xlabel("synapses kept")
    axes[1].set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    axes[1].set_xlabel(r"worst relative error $\varepsilon$")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _ranges(ax, place, samples, mark, **style):
    samples = np.asarray(samples)
    middle = np.median(samples, axis=0)
    reach = [middle - samples.min(axis=0), samples.max(axis=0) - middle]
    color = COLORS["noise"]
    ax.errorbar(middle, place, xerr=reach, color=color, fmt=mark, ms=6, elinewidth=1.5, **style)


@styled
def growth(times, curves, *, broken):
    """Draw the size of the activity over time, on a logarithmic scale, one line a network.

    Parameters
    ----------
    times : (T,) array_like
        Times (model units).
    curves : dict
        For each label the decimal logarithm of the activity relative to its start, shape (T,).
    broken : sequence of str
        Labels of the networks that are unstable.

    Returns
    -------
    Figure
        One panel, cut off at ten thousand times the start.

    References
    ----------
    Book, "All at once".
    """
    figure, ax = plt.subplots(figsize=(5.6, 4.2))
    lines = ("-", "--", ":", "-.")
    low, high = -1.5, 4.0
    counts = {True: 0, False: 0}
    for label, curve in curves.items():
        unstable = label in broken
        color = ACCENT if unstable else COLORS["noise"]
        line = lines[counts[unstable] % len(lines)]
        counts[unstable] += 1
        shown = np.asarray(curve) <= high * 1.5
        ax.plot(
            np.asarray(times)[shown], np.asarray(curve)[shown], color=color, ls=line, label=label
        )
    ax.set_ylim(low, high)
    ax.set_yticks(range(-1, 5), ["0.1", "1", "10", "100", "1,000", "10,000"])
    ax.axhline(0, color=COLORS["original"], lw=0.8)
    ax.set_xlabel("time t (model units)")
    ax.set_ylabel(r"activity, $\|x(t)\| / \|x(0)\|$")
    figure.legend(loc="outside upper center", ncols=3, fontsize=10)
    return figure
