"""Figures of the chapters on linear networks and on their noise: what they compute and reveal."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from replication.figures.style import (
    ACCENT,
    COLORS,
    DIVERGING,
    PARTS,
    SEQUENTIAL,
    matrix_image,
    styled,
)

# Neurons and clusters, of the colours PARTS, are told apart by line style too.
DASHES = ("-", "--", ":", "-.")


@styled
def discs(eigenvalues, centres, radii):
    """Draw eigenvalues in the complex plane with Gershgorin's discs.

    Parameters
    ----------
    eigenvalues : (N,) array_like of complex
        Eigenvalues of A (units 1/time).
    centres : (N,) array_like
        Centre ``-D_i`` of each disc, on the real axis.
    radii : (N,) array_like
        Radius ``sum_j |W_ij|`` of each disc.

    Returns
    -------
    matplotlib.figure.Figure
        One panel, both axes in units of 1/time.
    """
    figure, ax = plt.subplots(figsize=(5, 3.2))
    for k, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
        line, part = divmod(k, len(PARTS))
        color = PARTS[part]
        ax.add_patch(plt.Circle((centre, 0), radius, fc="none", ec=color, ls=DASHES[line], lw=1.3))
        ax.plot(centre, 0, "+", color=color, ms=8)
    values = np.asarray(eigenvalues)
    ax.plot(values.real, values.imag, "o", color="black", ms=6, label="eigenvalue")
    ax.plot([], [], "+", color=PARTS[0], ms=8, label=r"centre $-D_i$")
    ax.axvline(0, color=ACCENT, lw=1.5, label="border of stability")
    ax.set_aspect("equal")
    ax.autoscale_view()
    ax.margins(0.06)
    ax.set_xlabel("real part (1/time)")
    ax.set_ylabel("imaginary part (1/time)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@styled
def mode_bars(vectors, time_constants):
    """Draw each mode as one bar for each neuron, the slowest mode first.

    Parameters
    ----------
    vectors : (N, m) array_like
        Unit modes as columns.
    time_constants : (m,) array_like
        Time constant of each mode (units of time).

    Returns
    -------
    matplotlib.figure.Figure
        Panels in two columns.
    """
    vectors = np.asarray(vectors)
    rows = -(-vectors.shape[1] // 2)
    figure, axes = plt.subplots(
        rows, 2, figsize=(5, 1.8 * rows), sharex=True, sharey=True, squeeze=False
    )
    for ax in axes.flat[vectors.shape[1] :]:
        ax.set_axis_off()
    for k, (ax, tau) in enumerate(zip(axes.flat, time_constants, strict=False)):
        ax.bar(np.arange(len(vectors)), vectors[:, k], color=PARTS[0], width=0.6)
        ax.axhline(0, color="black", lw=0.8)
        ax.set_title(rf"mode {k + 1}: $\tau$ = {tau:.3g}")
        ax.set_xticks(np.arange(len(vectors)))
        ax.grid(axis="x", visible=False)
    for ax in axes[-1]:
        ax.set_xlabel("neuron")
    for ax in axes[:, 0]:
        ax.set_ylabel("entry")
    return figure


@styled
def traces(times, curves, labels, *, ylabel, levels=None, marks=None, log=False):
    """Draw one curve for each quantity over time, with the level each one tends to.

    Parameters
    ----------
    times : (T,) array_like
        Times.
    curves : (T, m) array_like
        One column for each curve.
    labels : sequence of str
        Name of each curve.
    ylabel : str
        What the curves are, with units.
    levels : sequence of float, optional
        Levels marked by a thin line in the colour of the curve.
    marks : (T, m) array_like, optional
        Measured values beside each curve.
    log : bool
        Logarithmic vertical axis.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure, ax = plt.subplots(figsize=(5, 3.3))
    _curves(ax, times, curves, labels)
    if marks is not None:
        for k, column in enumerate(np.transpose(marks)):
            ax.plot(times, column, "osv^"[k], color=PARTS[k], ms=5, mfc="none")
    for k, level in enumerate(() if levels is None else levels):
        ax.axhline(level, color=PARTS[k % len(PARTS)], lw=0.8)
    if log:
        ax.set_yscale("log")
        curves = np.asarray(curves)
        ax.set_ylim(curves[curves > 0].min() / 30, None)  # room for the legend
    ax.set_xlabel("time t")
    ax.set_ylabel(ylabel)
    ax.legend()
    return figure


@styled
def euler_steps(times, exact, schemes):
    """Compare Euler's scheme at several time steps with the exact solution of one neuron.

    Parameters
    ----------
    times : (T,) array_like
        Times of the exact solution.
    exact : (T,) array_like
        Exact activity.
    schemes : sequence of (float, array, array)
        Time step, times and activity of each simulation.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure, ax = plt.subplots(figsize=(5, 3.3))
    ax.plot(times, exact, color="black", lw=2.5, alpha=0.6, label="exact")
    for k, (dt, t, x) in enumerate(schemes):
        ax.plot(
            t, x, color=PARTS[k], ls=DASHES[k], lw=1.2, marker="osv^"[k], ms=4, label=f"dt = {dt:g}"
        )
    ax.set_xlabel("time t")
    ax.set_ylabel(r"activity $x_0$")
    ax.legend(title="Euler’s scheme")
    return figure


@styled
def spectrum_histogram(eigenvalues, slow, labels):
    """Histogram of a spectrum with its slow eigenvalues marked by name.

    Parameters
    ----------
    eigenvalues : (N,) array_like
        All eigenvalues (units 1/time).
    slow : (m,) array_like
        Eigenvalues to mark, slowest first.
    labels : sequence of str
        What each marked mode is.

    Returns
    -------
    matplotlib.figure.Figure
        One panel, logarithmic count.
    """
    figure, ax = plt.subplots(figsize=(5, 3.2))
    ax.hist(eigenvalues, bins=120, color=COLORS["original"])
    for k, (value, label) in enumerate(zip(slow, labels, strict=True)):
        name = f"slow mode, {label}"
        ax.plot(value, 3.0, marker="v^s"[k % 3], color=PARTS[k], ms=8, ls="none", label=name)
    ax.axvline(0, color=ACCENT, lw=1.5, label="border of stability")
    ax.set_yscale("log")
    ax.set_ylim(0.7, 30 * ax.get_ylim()[1])  # room for the legend
    ax.set_xlabel(r"eigenvalue $\lambda$ (1/time)")
    ax.set_ylabel("number of modes")
    ax.legend(loc="upper left")
    return figure


@styled
def mode_profiles(vectors, titles, boundaries):
    """Draw modes of a large network, one dot for each neuron, with the borders of its clusters.

    Parameters
    ----------
    vectors : (N, m) array_like
        Unit modes as columns.
    titles : sequence of str
        Title of each panel.
    boundaries : sequence of int
        First neuron of every cluster but the first.

    Returns
    -------
    matplotlib.figure.Figure
        Panels one above the other.
    """
    vectors = np.asarray(vectors)
    m = vectors.shape[1]
    figure, axes = plt.subplots(m, 1, figsize=(5, 1.4 * m + 0.4), sharex=True, squeeze=False)
    for k, ax in enumerate(axes[:, 0]):
        ax.plot(vectors[:, k], ".", color=PARTS[k % len(PARTS)], ms=2, rasterized=True)
        for border in boundaries:
            ax.axvline(border - 0.5, color="black", lw=0.8, ls=":")
        ax.set_title(titles[k])
        ax.set_ylabel("entry")
    axes[-1, 0].set_xlabel("neuron")
    return figure


@styled
def covariances(matrices, titles, *, label="covariance"):
    """Show small covariance matrices in pairs, on one diverging colour scale, numbers written in.

    Parameters
    ----------
    matrices : sequence of (N, N) array_like
        Covariances.
    titles : sequence of str
        Title of each panel.
    label : str
        What the colours mean, with units.

    Returns
    -------
    matplotlib.figure.Figure
        Panels in at most two columns, one colour bar.
    """
    columns = min(2, len(matrices))
    rows = -(-len(matrices) // columns)
    limit = max(np.abs(C).max() for C in matrices)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.2 * columns + 0.6, 3.1 * rows), squeeze=False
    )
    for ax in axes.flat[len(matrices) :]:
        ax.set_axis_off()
    for ax, C, title in zip(axes.flat, matrices, titles, strict=False):
        image = _numbers(ax, np.asarray(C), limit)
        ax.set_title(title)
    figure.colorbar(image, ax=axes, label=label, shrink=0.7)
    return figure


@styled
def walk_sum(lengths, partial, exact, labels):
    """Draw how covariances build up as longer walks are let in.

    Parameters
    ----------
    lengths : (L,) array_like
        Longest walk that is counted, in synapses.
    partial : (L, m) array_like
        Sum over walks up to that length, one column for each pair of neurons.
    exact : (m,) array_like
        Exact covariances.
    labels : sequence of str
        Name of each pair.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure, ax = plt.subplots(figsize=(5, 3.3))
    partial = np.asarray(partial)
    for k, label in enumerate(labels):
        ax.step(lengths, partial[:, k], where="post", color=PARTS[k], ls=DASHES[k], label=label)
        ax.axhline(exact[k], color=PARTS[k], lw=0.8)
    ax.set_xlabel("longest walk counted (synapses)")
    ax.set_ylabel("covariance (activity²)")
    ax.legend(loc="center right")
    return figure


@styled
def walk_frame(partial, exact, lengths, curve, longest):
    """One frame of the walk explorer: the covariance so far, and how it came to be.

    Parameters
    ----------
    partial : (N, N) array_like
        Covariance from the walks counted.
    exact : (N, N) array_like
        Exact covariance; it sets the colour scale.
    lengths : (L,) array_like
        Lengths of walks.
    curve : (L,) array_like
        Covariance of the first and the last neuron for each longest walk.
    longest : int
        Longest walk counted in this frame.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels side by side.
    """
    exact = np.asarray(exact)
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    _numbers(left, np.asarray(partial), np.abs(exact).max())
    left.set_title("covariance counted (activity²)")
    right.plot(lengths, curve, color=PARTS[0])
    right.axhline(exact[0, -1], color="black", lw=0.8, label="exact")
    right.plot(longest, np.asarray(partial)[0, -1], "o", color=ACCENT, ms=9, label="chosen length")
    right.set_xlabel("longest walk counted (synapses)")
    right.set_title(f"neurons 0 and {len(exact) - 1}")
    right.legend(loc="lower right")
    return figure


@styled
def sampling_error(snapshots, errors, labels):
    """Draw the relative error of sampled variances against the number of snapshots.

    Parameters
    ----------
    snapshots : (m,) array_like
        Number of independent snapshots T.
    errors : (m, k) array_like
        Root-mean-square relative error, one column for each quantity.
    labels : sequence of str
        Name of each quantity.

    Returns
    -------
    matplotlib.figure.Figure
        One panel, logarithmic axes, with the line ``sqrt(2 / T)``.
    """
    figure, ax = plt.subplots(figsize=(5, 3.3))
    snapshots, errors = np.asarray(snapshots), np.asarray(errors)
    ax.plot(snapshots, np.sqrt(2 / snapshots), color=ACCENT, label=r"$\sqrt{2/T}$")
    for k, label in enumerate(labels):
        ax.plot(snapshots, errors[:, k], "osv^"[k], color=PARTS[k], ms=7, mfc="none", label=label)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("independent snapshots T")
    ax.set_ylabel("relative error (rms)")
    ax.legend()
    return figure


@styled
def cluster_covariance(tiles, neurons_per_tile, boundaries, *, label, limits):
    """Show a large covariance matrix as averages over tiles, the clusters framed.

    Parameters
    ----------
    tiles : (m, m) array_like
        Mean covariance over the pairs of each tile.
    neurons_per_tile : int
        Side of a tile in neurons.
    boundaries : sequence of int
        First neuron of every cluster but the first.
    label : str
        What the colours mean, with units.
    limits : (float, float)
        Ends of the logarithmic colour scale; values beyond them saturate.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    n = len(tiles) * neurons_per_tile
    figure, ax = plt.subplots(figsize=(5.2, 4.3))
    matrix_image(
        ax,
        tiles,
        cmap=SEQUENTIAL,
        label=label,
        norm=LogNorm(*limits, clip=True),
        extent=(0, n, n, 0),
    )
    ax.set_xlabel("neuron j")
    ax.set_ylabel("neuron i")
    for border in boundaries:
        ax.axvline(border, color=ACCENT, lw=0.8)
        ax.axhline(border, color=ACCENT, lw=0.8)
    return figure


def _curves(ax, times, curves, labels):
    curves = np.asarray(curves)
    for k, label in enumerate(labels):
        ax.plot(
            times,
            curves[:, k],
            color=PARTS[k % len(PARTS)],
            ls=DASHES[k % len(DASHES)],
            label=label,
        )


def _numbers(ax, matrix, limit):
    """Small matrix as colours with the numbers written in."""
    image = ax.imshow(matrix, cmap=DIVERGING, vmin=-limit, vmax=limit)
    ax.grid(False)
    for (i, j), value in np.ndenumerate(matrix):
        shade = abs(value) > 0.6 * limit
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if shade else "black")
    ax.set_xticks(range(matrix.shape[1]))
    ax.set_yticks(range(matrix.shape[0]))
    ax.set_xlabel("neuron j")
    ax.set_ylabel("neuron i")
    return image
