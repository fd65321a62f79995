"""Figures of the chapter on large networks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from replication.figures.style import ACCENT, COLORS, LABELS, LINES, MARKERS, PARTS, styled

LOOKS = list(zip("os^", ("-", "--", ":"), PARTS, strict=False))  # of the methods
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
    Book, "A million neurons".
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
                capsize=2,
                **_look(rule, shape),
            )
        ax.axhline(1, color=COLORS["original"], lw=0.8)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel(label)
    axes[0].set_ylabel(r"worst relative error $\varepsilon$")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _look(rule, shape):
    """Line, mark and name of a rule on networks of a shape."""
    return {
        "color": COLORS[rule],
        "ls": LINES[rule],
        "marker": MARKERS[rule],
        "fillstyle": FILLS[shape],
        "label": f"{LABELS[rule]}, {shape}",
    }


@styled
def guarantee(by_fraction, networks, promised):
    """Draw the worst relative error against the synapses kept, and what the theorem promises.

    Parameters
    ----------
    by_fraction : dict
        For each (rule, shape): fractions kept of one network, and its errors.
    networks : dict
        For each (fraction kept, shape), of up to four fractions: pairs kept per neuron and errors
        of noise-prune, one of each for every network.
    promised : dict
        For each number of neurons: pairs kept per neuron and the error that the theorem promises.

    Returns
    -------
    Figure
        Two panels side by side with logarithmic errors; on the right both axes are logarithmic.

    References
    ----------
    Book, "What the theorem promises".
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 4.2), sharey=True)
    for (rule, shape), (fractions, errors) in by_fraction.items():
        left.plot(fractions, errors, **_look(rule, shape))
    marks = dict(zip(sorted({fraction for fraction, _ in networks}), "vDoP", strict=False))
    for (fraction, shape), (pairs, errors) in networks.items():
        right.plot(
            pairs,
            errors,
            ls="",
            color=COLORS["noise"],
            marker=marks[fraction],
            ms=5,
            fillstyle=FILLS[shape],
        )
    kept = [Line2D([], [], ls="", color=COLORS["noise"], marker=m, ms=5) for m in marks.values()]
    for (neurons, (pairs, errors)), line in zip(promised.items(), ("--", ":", "-."), strict=False):
        right.plot(pairs, errors, color=ACCENT, ls=line, label=f"theorem, {neurons:,} neurons")
    for ax in (left, right):
        ax.axhline(1, color=COLORS["original"], lw=0.8)
        ax.set_yscale("log")
    right.set_xscale("log")
    left.set_xlabel("fraction of the synapses kept")
    left.set_ylabel(r"worst relative error $\varepsilon$")
    right.set_xlabel("pairs kept per neuron")
    right.legend(
        kept, [f"{100 * fraction:.0f} % kept" for fraction in marks], loc="lower left", fontsize=9
    )
    handles, labels = left.get_legend_handles_labels()
    more, names = right.get_legend_handles_labels()
    figure.legend(handles + more, labels + names, loc="outside upper center", ncols=2)
    return figure


@styled
def costs(measured, exponents):
    """Draw time and memory against the number of neurons.

    Parameters
    ----------
    measured : dict
        For each (method, shape) of up to three: numbers of neurons, seconds, and GiB.
    exponents : dict
        For each of them the exponents of the seconds and of the GiB, shown in the legends.

    Returns
    -------
    Figure
        Two panels side by side, all axes logarithmic.

    References
    ----------
    Book, "What it costs".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 4.2))
    for k, (ax, label) in enumerate(zip(axes, ("seconds", "peak memory (GiB)"), strict=True)):
        for (case, curve), (mark, line, color) in zip(measured.items(), LOOKS, strict=False):
            ax.loglog(
                curve[0],
                curve[1 + k],
                marker=mark,
                ls=line,
                color=color,
                label=rf"{', '.join(case)}: $N^{{{exponents[case][k]:.2f}}}$",
            )
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("neurons")
        ax.set_ylabel(label)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1))
    return figure
