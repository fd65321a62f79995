"""Three tasks that networks of neuroscience are trained on, and how strictly they are judged.

Each task draws trials (inputs and targets, time first) and says which trials an output got right.
Book, "Trained networks".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLIPS = 3  # bits of the flip-flop
STIMULI = 4  # of delayed match


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of a task, time first.

    Attributes
    ----------
    inputs : (T, B, I) ndarray
        Inputs.
    targets : (T, B, O) ndarray
        Wanted outputs.
    judged : (T, B, O) ndarray of bool
        Where the output counts.
    """

    inputs: np.ndarray
    targets: np.ndarray
    judged: np.ndarray


def flip_flop(rng, trials, *, steps=60, rate=0.06):
    """Remember for each of three channels the sign of its last pulse (Sussillo & Barak 2013).

    Every channel starts with a pulse; later ones come at random. A step with a pulse in a channel
    is not judged there.
    """
    pulses = rng.choice([-1.0, 1.0], (steps, trials, FLIPS))
    inputs = pulses * (rng.random(pulses.shape) < rate)
    inputs[0] = pulses[0]
    last = np.maximum.accumulate(np.where(inputs != 0, np.arange(steps)[:, None, None], 0), axis=0)
    targets = np.take_along_axis(inputs, last, axis=0)
    return Trials(inputs, targets, inputs == 0)


def delayed_match(rng, trials, *, delay=20):
    """Say whether the second of two stimuli, shown after a delay, is the first one again."""
    shown, response = 4, 4
    first = rng.integers(STIMULI, size=trials)
    other = (first + rng.integers(1, STIMULI, size=trials)) % STIMULI
    same = rng.random(trials) < 0.5
    second = np.where(same, first, other)
    steps = shown + delay + shown + response
    inputs = np.zeros((steps, trials, STIMULI))
    every = np.arange(trials)
    inputs[:shown, every, first] = 1
    inputs[shown + delay : shown + delay + shown, every, second] = 1
    inputs += 0.05 * rng.standard_normal(inputs.shape)
    targets = np.zeros((steps, trials, 1))
    judged = np.zeros((steps, trials, 1), dtype=bool)
    targets[-response:, :, 0] = np.where(same, 1, -1)
    judged[-response:] = True
    return Trials(inputs, targets, judged)


def context_integration(rng, trials, *, steps=40, strength=0.3, noise=0.5):
    """Say the sign of the mean of one of two noisy streams, which one a cue says (Mante 2013)."""
    means = strength * rng.choice([-1.0, -0.5, 0.5, 1.0], (trials, 2))
    context = rng.integers(2, size=trials)
    inputs = np.zeros((steps, trials, 4))
    inputs[:, :, :2] = means + noise * rng.standard_normal((steps, trials, 2))
    inputs[-5:, :, :2] = 0
    inputs[:, np.arange(trials), 2 + context] = 1
    targets = np.zeros((steps, trials, 1))
    judged = np.zeros((steps, trials, 1), dtype=bool)
    targets[-5:, :, 0] = np.sign(means[np.arange(trials), context])
    judged[-5:] = True
    return Trials(inputs, targets, judged)


TASKS = {
    "flip-flop": flip_flop,
    "delayed match": delayed_match,
    "context integration": context_integration,
}


def accuracy(outputs, trials):
    """Fraction of trials in which every judged output has the right sign.

    Parameters
    ----------
    outputs : (T, B, O) ndarray
        Outputs of a network; those that are not finite are wrong.
    trials : Trials
        The trials that it was run on.

    Returns
    -------
    float
        Strict accuracy: one wrong moment makes a trial wrong.
    """
    right = outputs * trials.targets > 0
    return float(np.mean((right | ~trials.judged).all(axis=(0, 2))))
