"""Small networks drawn as graphs, currents, and what the rules do to single modes (1 and 5)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from replication.figures.style import (
    ACCENT,
    COLORS,
    DIVERGING,
    INK,
    LABELS,
    LINES,
    LINK,
    MARKERS,
    SECOND,
    matrix_image,
    styled,
)

_HALO = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"}


@styled
def signed_networks(panels, positions) -> Figure:
    """Draw one or two small networks; each link carries its number, and its width follows it.

    Excitatory links are solid, inhibitory ones dashed; links whose number rounds to 1 are drawn in
    the accent colour.

    Parameters
    ----------
    panels : sequence of (str, (N, N) array, (N, N) array)
        For each panel its title, the symmetric weights W and the number written on each link.
    positions : sequence of (N, 2) array
        Where the neurons of each panel stand.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Every synapse is a term".
    """
    positions = [np.asarray(places) for places in positions]
    wide = max(np.ptp(x) / np.ptp(y) for x, y in (places.T for places in positions)) > 1.6
    figure, axes = _panels(len(panels), wide)
    for ax, (title, W, values), places in zip(axes, panels, positions, strict=True):
        _network(ax, W, values, places)
        ax.set_title(title)
    return figure


@styled
def current_flow(panels, positions) -> Figure:
    """Draw 1 ampere on its way: an arrow for each current, the voltage beside each neuron.

    Parameters
    ----------
    panels : sequence of (str, (N, N) array, (N, N) array, (N,) array, (int, int))
        For each panel its title, the weights, the currents (entry [i, j] flows from i to j, in
        ampere), the voltages (in volt), and the neurons where the current enters and leaves.
    positions : (N, 2) array
        Where the neurons stand.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "One ampere".
    """
    places = np.asarray(positions)
    figure, axes = _panels(len(panels), wide=True)
    for ax, (title, W, currents, voltages, (source, sink)) in zip(axes, panels, strict=True):
        for i, j in zip(*np.nonzero(np.triu(W, 1)), strict=True):
            ax.plot(*places[[i, j]].T, color=LINK, lw=1, zorder=1)
        for i, j in zip(*np.nonzero(currents > 1e-9), strict=True):
            _arrow(ax, places[i], places[j], currents[i, j])
        _neurons(ax, places)
        for k, place in enumerate(places):
            text = f"{voltages[k] + 0.0:.2f} V".replace("-0.00", "0.00").replace(
                "-", "\N{MINUS SIGN}"
            )
            above = place[1] > 0 or (place[1] == 0 and place[0] > 0)
            if k in (source, sink):
                ax.scatter(*place, s=330, fc="none", ec=ACCENT, lw=3, zorder=5)
                word = f"1 A {'in' if k == source else 'out'}"
                text = f"{word}\n{text}" if above else f"{text}\n{word}"
            ax.annotate(
                text,
                place,
                (0 if place[1] else np.copysign(4, -place[0]), 12 if above else -12),
                textcoords="offset points",
                ha="center" if place[1] else ("right" if above else "left"),
                va="bottom" if above else "top",
                fontsize=9,
            )
        ax.set_title(title)
        _frame(ax, places, margin=0.75)
    return figure


@styled
def network_and_covariance(positions, W, values, C, *, limit) -> Figure:
    """Draw a small network with a number on every link beside the covariance of its neurons.

    Parameters
    ----------
    positions : (N, 2) array
        Where the neurons stand.
    W : (N, N) array
        Symmetric weights.
    values : (N, N) array
        Number written on each link.
    C : (N, N) array
        Covariance.
    limit : float
        End of the colour scale, which runs from -limit to here.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Try it".
    """
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(5.2, 5.8), gridspec_kw={"height_ratios": [1, 1.5]}
    )
    _network(top, W, values, np.asarray(positions))
    top.set_title("probability of each synapse")
    matrix_image(bottom, C, cmap=DIVERGING, vmin=-limit, vmax=limit, label="covariance (activity²)")
    for (i, j), value in np.ndenumerate(C):
        text = f"{value + 0.0:.1f}".replace("-0.0", "0.0").replace("-", "\N{MINUS SIGN}")
        color = "white" if abs(value) > 0.6 * limit else "black"
        bottom.text(j, i, text, ha="center", va="center", fontsize=9, color=color)
    bottom.set(xticks=range(len(C)), yticks=range(len(C)), xlabel="neuron", ylabel="neuron")
    bottom.set_title("covariance under noise")
    return figure


@styled
def error_against_exponent(exponents, relative, absolute) -> Figure:
    """Draw how two errors depend on the exponent a of a rule p ~ leverage^a weight^(1 - a).

    Parameters
    ----------
    exponents : (K,) array
        The exponents a.
    relative, absolute : (K,) array
        Expected squared error, whitened and not, each divided by its least value.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "At full size".
    """
    figure, ax = plt.subplots(figsize=(6, 3.6))
    ax.plot(exponents, relative, color=INK, label="relative error (whitened)")
    ax.plot(exponents, absolute, color=INK, ls=(0, (4, 2)), label="absolute error")
    for rule, exponent in (("weight", 0.0), ("noise", 1.0)):
        at = int(np.argmin(np.abs(np.asarray(exponents) - exponent)))
        ax.plot(
            [exponent, exponent],
            [relative[at], absolute[at]],
            MARKERS[rule],
            ls="none",
            color=COLORS[rule],
            ms=9,
            label=LABELS[rule],
        )
    ax.set_xlabel(r"exponent $a$ of the rule $p \propto l^{\,a}\,|w|^{1-a}$")
    ax.set_ylabel("expected squared error\n/ its least value")
    ax.legend(loc="upper right")
    return figure


@styled
def mode_errors(modes, errors) -> Figure:
    """Draw the standard deviation of the relative error of single modes under several rules.

    Parameters
    ----------
    modes : (K,) array of int
        Number of each mode, 1 for the slowest.
    errors : dict of str to (K,) array
        Standard deviation of the relative error for each rule.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "At full size".
    """
    figure, ax = plt.subplots(figsize=(6, 3.6))
    for rule, values in errors.items():
        ax.plot(
            modes,
            values,
            MARKERS[rule],
            ls=LINES[rule],
            color=COLORS[rule],
            ms=5,
            lw=1,
            label=LABELS[rule],
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("mode (1 = slowest)")
    ax.set_ylabel("relative error of its energy\n(standard deviation)")
    ax.legend()
    return figure


@styled
def message(times, responses) -> Figure:
    """Draw how the mean activity of one group answers a stimulus to the other.

    Parameters
    ----------
    times : (T,) array
        Times.
    responses : dict of str to (T,) array
        Mean activity by label; the first is drawn as the original network, the last as what the
        text points at.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Pruning by weight, pruning by the rule".
    """
    figure, ax = plt.subplots(figsize=(5, 3.2))
    looks = [(COLORS["original"], "-", 3.5), (SECOND, "--", 1.8), (ACCENT, "-.", 2.2)]
    for (label, values), (color, line, width) in zip(responses.items(), looks, strict=True):
        ax.plot(times, values, color=color, ls=line, lw=width, label=label)
    ax.set_xlabel("time (1 / unit of the weights)")
    ax.set_ylabel("mean activity of\nthe second group")
    ax.legend(loc="center right")
    return figure


@styled
def lifetimes(draws, original) -> Figure:
    """Draw the lifetime of a difference in many pruned networks, one histogram for each rule.

    Parameters
    ----------
    draws : dict of str to (K,) array
        Lifetime in every draw, by rule.
    original : float
        Lifetime before pruning.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Pruning by weight, pruning by the rule".
    """
    figure, axes = plt.subplots(
        len(draws), 1, figsize=(5, 1.4 * len(draws) + 0.6), sharex=True, sharey=True
    )
    everything = np.concatenate(list(draws.values()))
    bins = np.geomspace(everything.min() * 0.95, everything.max() * 1.05, 41)
    for ax, (rule, values) in zip(np.atleast_1d(axes), draws.items(), strict=True):
        ax.hist(values, bins, weights=np.full(len(values), 100 / len(values)), color=COLORS[rule])
        ax.axvline(original, color=COLORS["original"], lw=2, ls="--")
        ax.set_title(LABELS[rule], loc="left")
        ax.set_ylabel("% of draws")
    axes = np.atleast_1d(axes)
    axes[0].annotate(
        "before pruning",
        (original, 0.9),
        (6, 0),
        textcoords="offset points",
        xycoords=axes[0].get_xaxis_transform(),
        color=COLORS["original"],
    )
    axes[-1].set_xscale("log")
    axes[-1].xaxis.set_major_formatter("{x:g}")
    axes[-1].set_xlabel("mean lifetime of the difference (1 / unit of the weights)")
    return figure


def _panels(count, wide):
    """Panels below each other for wide drawings, else beside each other."""
    if wide:
        figure, axes = plt.subplots(count, 1, figsize=(5.2, 2.7 * count), squeeze=False)
    else:
        figure, axes = plt.subplots(1, count, figsize=(3.5 * count, 3.1), squeeze=False)
    return figure, axes.ravel()


def _network(ax, W, values, places):
    """Links with their numbers, then the neurons."""
    for i, j in zip(*np.nonzero(np.triu(W, 1)), strict=True):
        value = values[i, j]
        color = ACCENT if value >= 0.995 else COLORS["original"]
        (x0, y0), (x1, y1) = places[i], places[j]
        ax.plot(
            [x0, x1],
            [y0, y1],
            color=color,
            ls="-" if W[i, j] > 0 else (0, (3, 2)),
            lw=1 + 4 * min(value, 1),
            zorder=1,
        )
        ax.text(
            (x0 + x1) / 2,
            (y0 + y1) / 2,
            f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=10,
            bbox=_HALO,
            zorder=3,
        )
    _neurons(ax, places)
    _frame(ax, places, margin=0.35)


def _neurons(ax, places):
    ax.scatter(*places.T, s=330, fc="white", ec=COLORS["original"], lw=1.6, zorder=4)
    for k, (x, y) in enumerate(places):
        ax.text(x, y, str(k), ha="center", va="center_baseline", zorder=5)


def _arrow(ax, start, stop, current):
    direction = (stop - start) / np.linalg.norm(stop - start)
    ax.annotate(
        "",
        stop - 0.19 * direction,
        start + 0.19 * direction,
        zorder=2,
        arrowprops={
            "arrowstyle": "-|>,head_width=0.35,head_length=0.6",
            "shrinkA": 0,
            "shrinkB": 0,
            "lw": 0.8 + 2.7 * current,
            "color": COLORS["noise"],
        },
    )
    middle = (start + stop) / 2
    ax.text(*middle, f"{current:.2f} A", ha="center", va="center", fontsize=9, bbox=_HALO, zorder=3)


def _frame(ax, places, margin):
    low, high = places.min(axis=0) - margin, places.max(axis=0) + margin
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    ax.axis("off")
