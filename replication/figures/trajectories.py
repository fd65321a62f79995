"""Trajectories of the original and the pruned networks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from replication.figures.style import (
    ACCENT,
    COLORS,
    LABELS,
    LINES,
    MARKERS,
    SECOND,
    band,
    styled,
)

_TIME = "time t (model units)"
_PARTS = {
    "initial": ("initial condition", COLORS["original"], "-"),
    "input": ("input", SECOND, "--"),
    "noise": ("noise", ACCENT, ":"),
}


@styled
def relative_errors(times, panels, *, log=False, ylabel=None, reference=None) -> Figure:
    """Draw one quantity per rule against time: median over networks, least to greatest as a band.

    Parameters
    ----------
    times : (T,) array
        Times.
    panels : dict of str to dict of str to (S, T) array
        For each panel title and rule, the curve of each of S networks.
    log : bool
        Logarithmic vertical axis.
    ylabel : str, optional
        Label of the vertical axis, by default the relative error.
    reference : float, optional
        Draw a thin line at this height.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "What the simulations say".
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.4), sharey=True, squeeze=False)
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        if reference is not None:
            ax.axhline(reference, color=COLORS["original"], lw=0.8)
        for rule, samples in curves.items():
            band(ax, times, np.asarray(samples), rule)
        ax.set(title=title, xlabel=_TIME)
        if log:
            ax.set_yscale("log")
            _plain_numbers(ax)
    if not log:
        axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].set_ylabel(ylabel or r"relative error $\|x - x_{\mathrm{sparse}}\| / \|x\|$")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


@styled
def exact_beside_sampled(times, panels) -> Figure:
    """Draw the exact error of one network as lines and its simulations as marks with error bars.

    Parameters
    ----------
    times : (T,) array
        Times.
    panels : dict of str to dict of str to dict of str to (T,) array
        For each panel title and rule the curves ``exact``, ``mean`` and ``std``, the last two over
        simulations.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Without luck: the exact error".
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.4), sharey=True, squeeze=False)
    some = slice(0, None, max(1, len(times) // 10))
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for rule, curve in curves.items():
            color = COLORS[rule]
            ax.plot(times, curve["exact"], color=color, ls=LINES[rule], label=LABELS[rule])
            ax.errorbar(
                times[some],
                curve["mean"][some],
                curve["std"][some],
                color=color,
                ls="none",
                marker=MARKERS[rule],
                ms=5,
                mfc="white",
                capsize=2,
                lw=1,
            )
        ax.set(title=title, xlabel=_TIME, yscale="log")
        _plain_numbers(ax)
    axes[0, 0].set_ylabel("relative error")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


@styled
def error_parts(times, parts) -> Figure:
    """Draw where the error comes from, one panel per rule, relative to the activity.

    Parameters
    ----------
    times : (T,) array
        Times.
    parts : dict of str to dict of str to (T,) array
        For each rule the root-mean-square error of the parts ``initial``, ``input`` and
        ``noise``, and ``total``, each divided by the root-mean-square activity.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "What the error is made of".
    """
    figure, axes = plt.subplots(1, len(parts), figsize=(7, 3.4), sharey=True, squeeze=False)
    for ax, (rule, curves) in zip(axes[0], parts.items(), strict=True):
        ax.plot(times, curves["total"], color=COLORS[rule], lw=5, alpha=0.35, label="total")
        for part, (label, color, line) in _PARTS.items():
            ax.plot(times, curves[part], color=color, ls=line, label=label)
        ax.set(title=LABELS[rule], xlabel=_TIME, yscale="log")
    axes[0, 0].set_ylabel("error / activity (root mean square)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles[0] = plt.Line2D([], [], color=COLORS["original"], lw=5, alpha=0.35)
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


@styled
def slow_activity(times, traces, modes, *, now) -> Figure:
    """Draw one neuron per cluster in time, and the activity along the slowest modes at one time.

    Parameters
    ----------
    times : (T,) array
        Times.
    traces : dict of str to (T, P) array
        Activity of P neurons for "original" and each rule.
    modes : dict of str to (m,) array
        Activity along the m slowest modes of the original network at time `now`, the slowest
        last, for "original" and each rule.
    now : float
        The time of the right panel.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Watch it happen".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), width_ratios=(1.15, 1))
    for name, trace in traces.items():
        axes[0].plot(
            times,
            trace,
            color=COLORS[name],
            ls=LINES[name],
            lw=3.5 if name == "original" else 1.6,
            alpha=0.5 if name == "original" else 1,
            label=[LABELS[name]] + [None] * (trace.shape[1] - 1),
        )
    axes[0].axvline(now, color=ACCENT, lw=1.2)
    axes[0].set(xlabel=_TIME, ylabel="activity of three neurons")
    for name, values in modes.items():
        rank = np.arange(len(values), 0, -1)
        if name == "original":
            axes[1].bar(rank, values, color=COLORS[name], alpha=0.35)
        else:
            axes[1].plot(rank, values, MARKERS[name], color=COLORS[name], mfc="white", mew=1.4)
    axes[1].axhline(0, color=COLORS["original"], lw=0.8)
    axes[1].set(xlabel="mode (1 = slowest)", ylabel=f"activity along the mode at t = {now:g}")
    axes[1].set_xticks(rank)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _plain_numbers(ax):
    """Label a logarithmic axis 0.1, 0.2, 0.5, 1 rather than with powers."""
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
