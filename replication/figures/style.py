"""One look for the whole book: the same colour, mark and line mean the same network everywhere."""

from __future__ import annotations

import functools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

# Okabe and Ito's palette and a dark brown, told apart under the three common colour-vision
# deficiencies; the marks and line styles tell the rules apart without any colour.
COLORS = {
    "original": "#4D4D4D",
    "noise": "#0072B2",
    "leak": "#662500",
    "weight": "#D55E00",
    "uniform": "#009E73",
}
LABELS = {
    "original": "original",
    "noise": "noise-prune",
    "leak": "leak control",
    "weight": "weight control",
    "uniform": "uniform control",
}
MARKERS = {"original": "o", "noise": "o", "leak": "D", "weight": "s", "uniform": "^"}
LINES = {"original": "-", "noise": "-", "leak": "-.", "weight": "--", "uniform": ":"}
ACCENT = "#CC79A7"  # what the text points at: bounds, recorded values, long-range links
SECOND = "#3399CC"  # beside ACCENT where a figure compares what is no network
# Mark and colour of each family of networks.
FAMILIES = {
    "clusters": ("o", "#0072B2"),
    "small world": ("s", "#D55E00"),
    "plane": ("^", "#009E73"),
    "tree": ("v", "#CC79A7"),
    "random": ("D", "#4D4D4D"),
    "original": ("*", "#000000"),
    "equal clusters": ("P", "#3399CC"),
}
PARTS = ("#332288", "#A6611A", "#882255", "#3A87AD")  # neurons, modes or clusters of one network
# Greys, from ink to ground: a curve of theory, points in the background, a link, a predicted
# range, a matrix entry without a synapse.
INK, FAINT, LINK, RANGE, ABSENT = "#333333", "#9A9A9A", "#B0B0B0", "#E5E5E5", "#EDEDED"
SEQUENTIAL = "cividis_r"  # faint is little, also on a dark page, where light and dark change places
DIVERGING = "PuOr"

STYLE = {
    "figure.dpi": 144,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E0E0E0",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
}


def styled(draw):
    """Make a function draw in the style of the book, without touching the reader's settings."""

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        before = {key: plt.rcParams[key] for key in STYLE}
        plt.rcParams.update(STYLE)
        try:
            return draw(*args, **kwargs)
        finally:  # only what was set: rc_context would undo a notebook's switch to inline figures
            plt.rcParams.update(before)

    return wrapper


def ticks(axis, values):
    """Mark these values alone on a logarithmic axis, as plain numbers."""
    axis.set_ticks(values, [f"{value:,g}" for value in values])
    axis.set_minor_formatter(NullFormatter())


def band(ax, x, samples, rule, *, label=None):
    """Draw the median over seeds (rows of `samples`) with a band from the least to the greatest."""
    color = COLORS[rule]
    ax.fill_between(x, samples.min(axis=0), samples.max(axis=0), color=color, alpha=0.18, lw=0)
    ax.plot(
        x,
        np.median(samples, axis=0),
        color=color,
        ls=LINES[rule],
        marker=MARKERS[rule],
        ms=4,
        markevery=max(1, len(x) // 12),
        zorder=2 + (rule == "noise"),  # the leak control often lies on the same line
        label=LABELS[rule] if label is None else label,
    )


def matrix_image(ax, matrix, *, cmap=SEQUENTIAL, label="", **limits):
    """Show a matrix of synapses or covariances, row = receiving neuron, with its colour bar."""
    image = ax.imshow(matrix, cmap=cmap, **limits)
    ax.grid(False)
    ax.set_xlabel("from neuron j")
    ax.set_ylabel("to neuron i")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.8)
    return image
