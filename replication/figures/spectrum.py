"""Networks as they were drawn, and their spectra before and after."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from replication.figures.style import (
    ACCENT,
    COLORS,
    LABELS,
    MARKERS,
    SEQUENTIAL,
    band,
    styled,
)

MEASURE_LABELS = {
    "eigenvalue_error": "$r_k$",
    "quadratic_form_error": "$q_k$",
    "alignment": r"$\cos\,\Theta_k$",
}
# Where each measure stands when nothing was lost.
UNCHANGED = {"eigenvalue_error": 0.0, "quadratic_form_error": 0.0, "alignment": 1.0}


@styled
def network_maps(maps, titles, sizes) -> Figure:
    """Show networks as maps of tiles, each tile the strongest synapse in it, on a log scale.

    Parameters
    ----------
    maps : sequence of (T, T) array
        One or two maps; a tile without a synapse is 0.
    titles : sequence of str
        Title of each map.
    sizes : sequence of sequence of int
        Cluster sizes of each network, in neurons.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "The networks".
    """
    figure, axes = plt.subplots(1, len(maps), figsize=(3.5 * len(maps), 3.4), squeeze=False)
    high = max(float(np.max(tiles)) for tiles in maps)
    for ax, tiles, title, clusters in zip(axes[0], maps, titles, sizes, strict=True):
        n = sum(clusters)
        image = ax.imshow(
            np.ma.masked_equal(tiles, 0),
            cmap=SEQUENTIAL,
            norm="log",
            vmin=high / 300,
            vmax=high,
            extent=(0, n, n, 0),
        )
        ax.grid(False)
        for border in np.cumsum(clusters)[:-1]:
            ax.axvline(border, color=ACCENT, lw=0.8)
            ax.axhline(border, color=ACCENT, lw=0.8)
        ax.xaxis.set_major_locator(plt.MultipleLocator(1000))
        ax.yaxis.set_major_locator(plt.MultipleLocator(1000))
        ax.set(title=title, xlabel="from neuron j", ylabel="to neuron i")
    figure.colorbar(
        image,
        ax=axes[0],
        label="strongest synapse in the tile, |w|",
        location="bottom",
        shrink=0.6,
        extend="min",
    )
    return figure


@styled
def eigenvalue_scatter(original, pruned, *, slow=20) -> Figure:
    """Draw eigenvalues after pruning against those before: all of them, and the slow end.

    Parameters
    ----------
    original : (N,) array
        Eigenvalues before pruning, ascending, in model units.
    pruned : dict of str to (N,) array
        Eigenvalues after pruning, ascending, by rule.
    slow : int
        Number of slowest modes in the right panel.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "One network at full size".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.8))
    for ax, part in zip(axes, (slice(None), slice(-slow, None)), strict=True):
        before = original[part]
        ax.axline((before[-1], before[-1]), slope=1, color=COLORS["original"], lw=1, zorder=1)
        for rule, after in pruned.items():
            ax.plot(
                before,
                after[part],
                MARKERS[rule],
                color=COLORS[rule],
                ms=2 if part.start is None else 5,
                mew=0.4,
                alpha=0.8,
                rasterized=True,
                label=LABELS[rule],
            )
        ax.set_xlabel(r"before, $\lambda_k$ (1/time)")
        ax.locator_params(nbins=5)
    axes[0].set(title="all modes", ylabel=r"after, $\tilde\lambda_k$ (1/time)")
    axes[1].set(title=f"the slowest {slow}")
    figure.legend(
        *axes[1].get_legend_handles_labels(), loc="outside upper center", ncols=len(pruned)
    )
    return figure


@styled
def measure_violins(comparisons, *, slow=20) -> Figure:
    """Draw the three measures over all modes (violins) and over the slowest (dots) of one network.

    Parameters
    ----------
    comparisons : dict of str to SpectralComparison
        What `noiseprune.compare_spectra` gave for each rule.
    slow : int
        Number of slowest modes in the right column.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Three measures".
    """
    figure, axes = plt.subplots(3, 2, figsize=(7, 6.6), sharey="row", sharex=True)
    places = range(len(comparisons))
    for row, measure in zip(axes, MEASURE_LABELS, strict=True):
        for place, (rule, comparison) in zip(places, comparisons.items(), strict=True):
            values = getattr(comparison, measure)
            body = row[0].violinplot(values, [place], widths=0.8, showextrema=False)["bodies"][0]
            body.set(facecolor=COLORS[rule], edgecolor=COLORS[rule], alpha=0.45)
            row[0].vlines(place, *np.percentile(values, (5, 95)), color=COLORS[rule], lw=1.2)
            row[0].plot(place, np.median(values), MARKERS[rule], color=COLORS[rule], ms=5)
            few = values[-slow:]
            across = place - 0.25 * np.linspace(-1, 1, len(few))
            row[1].plot(across, few, MARKERS[rule], color=COLORS[rule], ms=4, alpha=0.8, mew=0)
            row[1].hlines(np.median(few), place - 0.35, place + 0.35, color=COLORS[rule], lw=1.5)
        for ax in row:
            ax.axhline(UNCHANGED[measure], color=COLORS["original"], lw=1, zorder=0)
        row[0].set_ylabel(MEASURE_LABELS[measure])
    axes[0, 0].set_title("all modes")
    axes[0, 1].set_title(f"the slowest {slow}, slowest at the left")
    for ax in axes[-1]:
        ax.set_xticks(places, [LABELS[rule].replace(" ", "\n") for rule in comparisons])
    return figure


@styled
def measure_boxes(networks) -> Figure:
    """Draw boxes of the three measures over all modes, one column for each network.

    Parameters
    ----------
    networks : dict of str to dict
        By title of the network, by measure, by rule: the percentiles 5, 25, 50, 75 and 95.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Three measures".
    """
    figure, axes = plt.subplots(
        3, len(networks), figsize=(7, 5.4), sharey=True, sharex="row", squeeze=False
    )
    for column, (title, measures) in zip(axes.T, networks.items(), strict=True):
        for ax, (measure, rules) in zip(column, measures.items(), strict=True):
            ax.axvline(UNCHANGED[measure], color=COLORS["original"], lw=1, zorder=0)
            for place, (rule, values) in enumerate(rules.items()):
                low, first, middle, third, high = values
                look = {"color": COLORS[rule]}
                ax.bxp(
                    [{"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high}],
                    positions=[place],
                    widths=0.6,
                    orientation="horizontal",
                    showfliers=False,
                    patch_artist=True,
                    boxprops={"facecolor": COLORS[rule] + "55", "edgecolor": COLORS[rule]},
                    medianprops={**look, "lw": 2.5},
                    whiskerprops=look,
                    capprops=look,
                )
            ax.set_yticks(range(len(rules)), [LABELS[rule] for rule in rules])
            ax.set_ylim(len(rules) - 0.5, -0.5)
            ax.set_xlabel(MEASURE_LABELS[measure])
        column[0].set_title(title)
    return figure


@styled
def slow_modes(networks) -> Figure:
    """Draw the eigenvalue error of the slowest modes one by one, with the band over seeds.

    Parameters
    ----------
    networks : dict of str to dict of str to (S, k) array
        By title of the network, by rule: error of the k slowest modes for each seed, the slowest
        last.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "The slowest twenty".
    """
    figure, axes = plt.subplots(1, len(networks), figsize=(7, 3.6), sharey=True, squeeze=False)
    for ax, (title, rules) in zip(axes[0], networks.items(), strict=True):
        ax.axhline(0, color=COLORS["original"], lw=1, zorder=0)
        for rule, samples in rules.items():
            samples = np.asarray(samples)
            band(ax, np.arange(samples.shape[1], 0, -1), samples, rule)
        ax.set(title=title, xlabel="mode (1 = slowest)")
        ax.set_xticks([1, 5, 10, 15, 20])
    axes[0, 0].set_ylabel("$r_k$ of the mode")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(rules)
    )
    return figure


@styled
def against_kept(panels, *, ylabel, log=False, line=None) -> Figure:
    """Draw quantities against the fraction of synapses kept: median and band over seeds.

    Parameters
    ----------
    panels : dict of str to (sequence of float, dict of str to (S, F) array)
        By title of the panel: the F fractions kept, and by rule one row of values for each seed.
    ylabel : str
        What is drawn, with its unit.
    log : bool
        Logarithmic vertical axis.
    line : float, optional
        Level that the text points at.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "How much can go?".
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(7, 3.6), sharey=True, squeeze=False)
    for ax, (title, (keep, rules)) in zip(axes[0], panels.items(), strict=True):
        if line is not None:
            ax.axhline(line, color=ACCENT, lw=1.5, zorder=1)
        for rule, samples in rules.items():
            band(ax, keep, np.asarray(samples), rule)
        ax.set_xscale("log")
        ax.set_xticks(keep, [f"{100 * k:g} %" for k in keep])
        ax.xaxis.set_minor_locator(NullLocator())
        if log:
            ax.set_yscale("log")
        ax.set(title=title, xlabel="synapses kept")
    axes[0, 0].set_ylabel(ylabel)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(rules)
    )
    return figure


@styled
def kept_by_group(groups, shares) -> Figure:
    """Draw which part of each group of synapses is kept, one mark for each rule.

    Parameters
    ----------
    groups : sequence of str
        Names of the groups.
    shares : dict of str to (G,) array
        Expected fraction kept of every group, by rule.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Why the slow modes part".
    """
    figure, ax = plt.subplots(figsize=(6, 0.55 * len(groups) + 1.4))
    places = np.arange(len(groups))
    for k, (rule, values) in enumerate(shares.items()):
        ax.plot(
            100 * np.asarray(values),
            places + 0.18 * (k - (len(shares) - 1) / 2),
            MARKERS[rule],
            color=COLORS[rule],
            ms=8,
            label=LABELS[rule],
        )
    ax.set_yticks(places, groups)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlim(0, 104)
    ax.set_xlabel("expected share of the synapses that is kept (%)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=len(shares))
    return figure


@styled
def spectrum_frame(original, pruned, rule, *, slow=20) -> Figure:
    """One frame of the explorer: error of every mode against its eigenvalue, the slow ones marked.

    Parameters
    ----------
    original, pruned : (N,) array
        Eigenvalues before and after pruning, ascending, in model units.
    rule : str
        The rule that pruned.
    slow : int
        Number of slowest modes to mark.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Book, "Try it".
    """
    figure, ax = plt.subplots(figsize=(6, 3.6))
    error = 100 * (pruned / original - 1)
    ax.axhline(0, color=COLORS["original"], lw=1, zorder=0)
    ax.plot(
        -original[:-slow],
        error[:-slow],
        MARKERS[rule],
        color=COLORS[rule],
        ms=2.5,
        mew=0,
        label=f"{LABELS[rule]}, all other modes",
    )
    ax.plot(
        -original[-slow:],
        error[-slow:],
        MARKERS[rule],
        mfc=ACCENT,
        mec="black",
        mew=0.6,
        ms=7,
        label=f"the slowest {slow}",
    )
    ax.set_xscale("log")
    ax.set_ylim(-105, 175)  # room for the legend above
    ax.set_xlabel(r"decay rate of the mode before pruning, $\mu_k$ (1/time)")
    ax.set_ylabel("change by pruning (%)")
    ax.legend(loc="upper center", ncols=2)
    return figure
