"""Independent and scaled coins, and their limit (book, "Better than independent coins")."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from replication.figures.style import ACCENT, COLORS, INK, MARKERS, SECOND, styled, ticks

WAYS = {"matched": "independent", "homeostatic": "scaled"}  # labels of the two ways to draw


def _look(way, rule):
    """Filled marks for independent coins, open ones for scaled."""
    color = COLORS[rule]
    fill = color if way == "matched" else "white"
    line = "-" if way == "matched" else "--"
    return {"color": color, "ls": line, "marker": MARKERS[rule], "mfc": fill, "ms": 6}


@styled
def independent_and_scaled(panels, *, xlabels) -> Figure:
    """Draw the worst error of independent and scaled coins with its predictions.

    Parameters
    ----------
    panels : dict of str to (x, rule, found, predicted)
        By title: F places on the axis, the rule, and by way of drawing ("matched",
        "homeostatic") the (S, F) errors found, one row for each seed, and the (F,) predicted.
    xlabels : sequence of str
        What the axis of each panel is.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "The same coins, scaled".
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.6), sharey=True, squeeze=False)
    for ax, (title, (x, rule, found, predicted)), xlabel in zip(
        axes[0], panels.items(), xlabels, strict=True
    ):
        for way, label in WAYS.items():
            samples = np.asarray(found[way])
            ax.plot(x, predicted[way], color=INK, lw=1, label="predicted", zorder=3)
            low, high = samples.min(axis=0), samples.max(axis=0)
            ax.fill_between(x, low, high, color=COLORS[rule], alpha=0.18, lw=0)
            ax.plot(x, np.median(samples, axis=0), **_look(way, rule), lw=1.2, label=label)
        ax.set(title=title, xlabel=xlabel, xscale="log", yscale="log")
        ticks(ax.xaxis, x)
    axes[0, 0].set_ylabel(r"worst error $\varepsilon$")
    ticks(axes[0, 0].yaxis, [0.05, 0.1, 0.2, 0.5, 1, 2, 5])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=3)
    return figure


@styled
def over_the_limit(panels) -> Figure:
    """Draw the error in units of ``2 / sqrt(d)`` against the kept degree d.

    Parameters
    ----------
    panels : dict of str to dict of str to (degree, ratio)
        By title, by method ("matched", "homeostatic", "barrier"): kept degrees and the error
        over the limit. The bound for complete graphs goes where the title begins with "complete".

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "How close to the limit".
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.4), sharey=True, squeeze=False)
    looks = {way: _look(way, "noise") | {"label": label} for way, label in WAYS.items()}
    looks["barrier"] = {"color": SECOND, "ls": ":", "marker": "*", "ms": 9, "label": "barriers"}
    for ax, (title, methods) in zip(axes[0], panels.items(), strict=True):
        kept = np.concatenate([degree for degree, _ in methods.values()])
        kept = np.geomspace(kept.min(), kept.max())
        guarantee = np.sqrt(2) * kept / (kept + 2)  # (r - 1) / (r + 1) sqrt(d) / 2
        limits = [guarantee, np.ones_like(kept)]  # the second for large girth
        if title.startswith("complete"):
            limits.append(np.full_like(kept, 0.5))
        for limit in limits:
            ax.plot(kept, limit, color=ACCENT, lw=1, zorder=1)
        for method, (degree, ratio) in methods.items():
            ax.plot(degree, ratio, **looks[method])
        ax.set(title=title, xlabel="neighbours kept, d", xscale="log")
        low, high = ax.get_xlim()
        ticks(ax.xaxis, [d for d in (10, 20, 50, 100, 200) if low <= d <= high])
    axes[0, 0].set_ylabel(r"$\varepsilon$ over $2/\sqrt{d}$")
    handles, labels = [], []
    for ax in axes[0]:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure
