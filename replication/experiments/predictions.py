"""What should the stored spectra have been? Book, "Predictions without sampling"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from noiseprune import theory
from noiseprune.covariance import stationary_covariance
from noiseprune.pruning import RULES, keep_probabilities, synapse_scores
from replication.registry import STORED, experiment
from replication.runner import steps


@dataclass(frozen=True)
class PredictedSpectraSettings:
    """`predicted_spectra`: the stored runs, the rules, and the seeds of the networks."""

    spectra: tuple = ("spectrum_lab", "spectrum_paper", "ten_thousand_lab", "ten_thousand")
    rules: tuple = RULES
    seeds: tuple = (0,)


@experiment(predicted_spectra=PredictedSpectraSettings())
def predicted_spectra(settings, seed):
    """Predict the worst relative error of stored spectra, without a draw.

    Returns
    -------
    list of dict
        Rows by seed, spectrum, rule and keep: the median `epsilon` that is predicted, `jump` and
        `reliable` as in `noiseprune.theory.PredictedEpsilon`.

    References
    ----------
    Book, "Predictions without sampling".

    Examples
    --------
    >>> from replication import experiments
    >>> small = experiments.PredictedSpectraSettings(spectra=("spectrum_lab",), rules=("leak",))
    >>> experiments.predicted_spectra(small, progress=False).column("reliable").tolist()
    [True, True, True, True, True]
    """
    rows = []
    for name in steps(settings.spectra):
        run = STORED[name][1]
        A = run.draw(seed)
        C = stationary_covariance(A) if "noise" in settings.rules else None
        for rule in settings.rules:
            S = synapse_scores(A, rule=rule, C=C if rule == "noise" else None)
            for keep in np.atleast_1d(run.keep).tolist():
                predicted = theory.predicted_epsilon(
                    sparse.csr_array(A), keep_probabilities(S, keep=keep)
                )
                rows.append(
                    {
                        "seed": seed,
                        "spectrum": name,
                        "rule": rule,
                        "keep": keep,
                        "epsilon": predicted.epsilon,
                        "jump": predicted.jump,
                        "reliable": predicted.reliable,
                    }
                )
    return rows
