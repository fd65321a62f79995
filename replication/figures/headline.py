"""The one figure of the README and the landing page."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from noiseprune.pruning import RULES
from replication.figures.style import band, styled, ticks


@styled
def headline(spectrum, gains):
    """Show where the rules part, and where noise adds to leak.

    Parameters
    ----------
    spectrum : Result
        Of `replication.experiments.spectra`, with all four rules.
    gains : Result
        Of `replication.experiments.noise_gains`, with rings of clusters.

    Returns
    -------
    matplotlib.figure.Figure
        Left: relative error of the slowest modes against the fraction kept. Right: the same in
        rings of clusters against the number of links between neighbours.

    References
    ----------
    Landing page of the book; "What does the noise add?".
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
    fractions = sorted(spectrum.settings["keep"])
    links = sorted({row["value"] for row in gains.select(family="clusters")})
    for rule in RULES:
        slow = [spectrum.column("eigenvalue_error_slow", keep=k, rule=rule) for k in fractions]
        band(left, fractions, np.median(np.abs(slow), axis=2).T, rule)
        ring = [gains.column("error", family="clusters", value=n, rule=rule) for n in links]
        band(right, links, np.median(ring, axis=2).T, rule)
    left.set(
        xlabel="fraction of synapses kept",
        ylabel="relative error of slow modes",
        title=f"the original’s network, N = {sum(spectrum.settings['sizes']):,}",
    )
    right.set(
        xlabel="links between neighbouring clusters",
        title=f"clusters in a ring, {100 * gains.settings['keep']:.0f} % kept",
    )
    for ax, values in ((left, fractions), (right, links)):
        ax.set(xscale="log", yscale="log")
        ticks(ax.xaxis, values)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=len(RULES))
    return figure
