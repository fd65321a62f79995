"""The one figure of the README and the landing page."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from replication.figures.style import band, styled


@styled
def headline(spectrum, trajectories, *, keep):
    """Show where the rules part: the slow modes, and the trajectories that live on them.

    Parameters
    ----------
    spectrum : Result
        Of `replication.experiments.spectra`.
    trajectories : Result
        Of `replication.experiments.trajectory_errors`.
    keep : float
        Fraction kept whose trajectories are shown.

    Returns
    -------
    matplotlib.figure.Figure
        Left: relative error of the slowest modes against the fraction kept. Right: relative error
        of the trajectory against time.

    References
    ----------
    Landing page of the book; sections 8 and 9.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3))
    fractions = np.array(spectrum.settings["keep"])
    for rule in spectrum.settings["rules"]:
        errors = np.stack(
            [
                np.median(
                    np.abs(spectrum.column("eigenvalue_error_slow", keep=k, rule=rule)), axis=1
                )
                for k in fractions
            ],
            axis=1,
        )
        band(left, fractions, errors, rule)
        chosen = {"keep": keep, "rule": rule, "diagonal": "matched"}
        times = trajectories.select(**chosen)[0]["times"]
        band(right, np.array(times), trajectories.column("mean", **chosen), rule)
    left.set(
        xscale="log",
        yscale="log",
        xlabel="fraction of synapses kept",
        ylabel="relative error",
        title=f"eigenvalues of the slowest {spectrum.settings['slow']} modes",
    )
    left.set_xticks(fractions, [f"{k:g}" for k in fractions])
    left.minorticks_off()
    right.set(
        xlabel="time t (model units)",
        ylabel="relative error",
        ylim=(0, None),
        title=f"trajectory, {keep:.0%} kept",
    )
    left.legend(loc="lower left")
    return figure
