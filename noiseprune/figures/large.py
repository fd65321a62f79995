"""Figures of the chapter on large networks (book section 15)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from noiseprune.figures.style import COLORS, LABELS, LINES, MARKERS, styled

FILLS = {"spatial": "full", "random": "none"}  # the mark of a shape


@styled
def worst_errors(by_size, by_degree):
    """Draw the worst relative error against the number of neurons and of neighbours.

    Parameters
    ----------
    by_size, by_degree : dict
        For each (rule, shape): numbers of neurons, or of neighbours, and the errors, one row for
        each number with the least, the median and the greatest over networks.

    Returns
    -------
    Figure
        Two panels side by side, all axes logarithmic.

    References
    ----------
    Book section 15, "A million neurons".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.9), sharey=True)
    for ax, curves, label in zip(
        axes, (by_size, by_degree), ("neurons", "neighbours of a neuron"), strict=True
    ):
        for (rule, shape), (numbers, errors) in curves.items():
            low, middle, high = np.transpose(errors)
            ax.errorbar(
                numbers,
                middle,
                yerr=[middle - low, high - middle],
                color=COLORS[rule],
                ls=LINES[rule],
                marker=MARKERS[rule],
                fillstyle=FILLS[shape],
                capsize=2,
                label=f"{LABELS[rule]}, {shape}",
            )
        ax.axhline(1, color=COLORS["original"], lw=0.8)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel(label)
    axes[0].set_ylabel(r"worst relative error $\varepsilon$")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
