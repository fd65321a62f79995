"""Prune trained networks and judge what they still can do (book, "Trained networks")."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from noiseprune import keep_probabilities, sample_synapses, stationary_covariance, synapse_scores
from noiseprune._refit import refitted
from replication.registry import RESULTS, experiment
from replication.runner import steps
from replication.tasks import TASKS, accuracy

NONLINEARITIES = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}
SLOPES = {"tanh": lambda h: 1 - h**2, "relu": lambda h: (h > 0).astype(float)}
ORIGIN_RADIUS = 0.95  # spectral radius to which unstable weights are scaled at the origin
DRAWS = ("divided by p", "as they are", "capped", "homeostatic")
TOPS = ("weight", "noise, measured", "noise, origin")


@dataclass(frozen=True)
class TrainedSettings:
    """Settings of `trained_networks`.

    Attributes
    ----------
    seeds : tuple of int
        Training seeds of the networks.
    keep : tuple of float
        Fractions of the recurrent synapses kept.
    draws : int
        Draws for each network and condition.
    trials : int
        Trials on which accuracy is measured; as many others give the recorded activity.
    sigma : float
        Amplitude of the injected noise.
    ridge : float
        Strength of the refit, relative to the mean square activity.
    """

    seeds: tuple = (0, 1, 2, 3, 4)
    keep: tuple = (0.5, 0.2, 0.1)
    draws: int = 3
    trials: int = 300
    sigma: float = 0.05
    ridge: float = 1e-3


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network, ``h(t + 1) = f(W h(t) + U x + b)`` with output ``V h + c``."""

    name: str
    task: str
    nonlinearity: str
    W: np.ndarray
    U: np.ndarray
    b: np.ndarray
    V: np.ndarray
    c: np.ndarray

    def run(self, inputs, *, W=None, noise=0.0, rng=None):
        """Activity after every step, (T, B, N); with other weights, or noise in the units."""
        W, f = self.W if W is None else W, NONLINEARITIES[self.nonlinearity]
        h = np.zeros((inputs.shape[1], len(W)))
        result = np.empty((len(inputs), *h.shape))
        with np.errstate(over="ignore", invalid="ignore"):
            for t, drive in enumerate(inputs @ self.U.T + self.b):
                h = f(h @ W.T + drive)
                if noise:
                    h = h + noise * rng.standard_normal(h.shape)
                result[t] = h
        return result

    def accuracy(self, trials, *, W=None):
        """Strict accuracy on the trials."""
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.run(trials.inputs, W=W) @ self.V.T + self.c
        return accuracy(outputs, trials)


def load_networks():
    """Read the trained networks, by their kind and training seed: ``{name: {seed: Network}}``."""
    networks = {}
    with np.load(RESULTS / "data" / "trained.npz") as stored:
        for k, entry in enumerate(json.loads(str(stored["networks"]))):
            arrays = {key: stored[f"{key}{k}"].astype(float) for key in ("W", "U", "b", "V", "c")}
            network = Network(entry["name"], entry["task"], entry["nonlinearity"], **arrays)
            networks.setdefault(entry["name"], {})[entry["seed"]] = network
    return networks


@experiment(trained_networks=TrainedSettings())
def trained_networks(settings, seed):
    """Prune trained networks by several rules and measure what they still can do."""
    return [
        row
        for by_seed in steps(load_networks().values())
        for row in network_rows(settings, by_seed[seed], seed)
    ]


def network_rows(settings, network, seed):
    """Accuracy of one network after every kind of pruning; None where a score does not exist."""
    test_rng, rng = np.random.default_rng([seed, 7]), np.random.default_rng([seed, 8])
    test = TASKS[network.task](test_rng, settings.trials)
    record = TASKS[network.task](test_rng, settings.trials)
    common = {"seed": seed, "network": network.name}

    def row(keep, score, how, W, draw=0):
        return {
            **common,
            "keep": keep,
            "score": score,
            "how": how,
            "draw": draw,
            "kept": None if W is None else int(np.count_nonzero(W - np.diag(W.diagonal()))),
            "accuracy": None if W is None else network.accuracy(test, W=W),
        }

    def refit(W):
        mask = (W != 0) | np.eye(len(W), dtype=bool)
        return refitted(network.W, W, mask, gram, settings.ridge)

    activity = network.run(record.inputs)
    before = np.concatenate([np.zeros((1, *activity.shape[1:])), activity[:-1]])
    gram = np.einsum("tbi,tbj->ij", before, before) / before[..., 0].size
    scores = synapse_score_table(network, record, activity, settings, rng)
    own = np.diag(network.W.diagonal())
    A = network.W - own - np.eye(len(own))  # sample_synapses leaves the diagonal alone
    rows = [
        row(1.0, "", "unpruned", network.W),
        row(0.0, "", "without recurrence", np.zeros_like(network.W)),
    ]
    for keep in settings.keep:
        for name, S in scores.items():
            P = None if S is None else keep_probabilities(S, keep=keep)
            for draw in range(settings.draws):
                if P is None:
                    rows += [row(keep, name, how, None, draw) for how in DRAWS]
                    continue
                drawn = _drawn(A, P, [seed, draw, round(1000 * keep)])
                rows += [row(keep, name, how, W + own, draw) for how, W in drawn.items()]
                if name == "uniform":  # refit without any choice of synapses
                    W = refit(drawn["as they are"] + own)
                    rows.append(row(keep, name, "as they are, refit", W, draw))
        for name in TOPS:
            W = network.W * (top(scores[name], keep) | np.eye(len(own), dtype=bool))
            rows.append(row(keep, name, "top", W))
            rows.append(row(keep, name, "top, refit", refit(W)))
    for keep, W in zip(settings.keep, surgeon(network.W, gram, settings.keep), strict=True):
        rows.append(row(keep, "surgeon", "top, refit", W))
    return rows


def synapse_score_table(network, record, activity, settings, rng):
    """Scores of the recurrent synapses by every rule; without fixed points one of them is None."""
    W = network.W - np.diag(network.W.diagonal())
    A = W - np.eye(len(W))
    radius = np.abs(np.linalg.eigvals(network.W)).max()
    scaled = network.W * min(1.0, ORIGIN_RADIUS / radius)
    covariances = {"noise, origin": stationary_covariance(scaled, time="discrete")}
    covariances["noise, fixed points"] = None
    points = fixed_points(network, activity)
    if len(points):
        slopes = SLOPES[network.nonlinearity](points)
        covariances["noise, fixed points"] = np.mean(
            [
                stationary_covariance(slope[:, None] * network.W, time="discrete")
                for slope in slopes
            ],
            axis=0,
        )
    noisy = network.run(record.inputs, noise=settings.sigma, rng=rng)
    deviation = (noisy - activity).reshape(-1, len(W)) / settings.sigma
    covariances["noise, measured"] = deviation.T @ deviation / len(deviation)
    scores = {
        name: None if C is None else synapse_scores(A, C=C) for name, C in covariances.items()
    }
    return scores | {rule: synapse_scores(A, rule=rule) for rule in ("weight", "uniform")}


def fixed_points(network, activity):
    """Up to 16 stable fixed points the network without input reaches from states of its task."""
    places = np.linspace(0, activity.shape[1] - 1, 64).astype(int)
    h = activity[-1, places]
    W, f, slope = network.W, NONLINEARITIES[network.nonlinearity], SLOPES[network.nonlinearity]
    for _ in range(3000):
        h, before = f(h @ W.T + network.b), h
    still = np.abs(h - before).max(axis=1) < 1e-9
    points = np.unique(h[still].round(5), axis=0, return_index=True)[1]
    points = h[still][np.sort(points)][:16]
    stable = [p for p in points if np.abs(np.linalg.eigvals(slope(p)[:, None] * W)).max() < 0.999]
    return np.array(stable).reshape(-1, len(W))


def _drawn(A, P, seed):
    """Recurrent weights after one draw, made up for in four ways."""

    def sample(**options):
        W = sample_synapses(A, P, rng=np.random.SeedSequence(seed), **options)
        return W.toarray() - np.diag(W.diagonal())

    bare = sample(rescale=False, diagonal="original")
    factor = np.divide(1.0, P.toarray(), out=np.zeros_like(bare), where=bare != 0)
    cap = np.median(factor[bare != 0]) if bare.any() else 1.0
    return {
        "divided by p": bare * factor,
        "as they are": bare,
        "capped": bare * np.minimum(factor, cap),
        "homeostatic": sample(diagonal="homeostatic"),
    }


def top(S, keep):
    """Return the mask of the highest scores."""
    S = sparse.coo_array(S)
    best = np.argsort(-S.data, kind="stable")[: max(1, round(keep * S.data.size))]
    mask = np.zeros(S.shape, dtype=bool)
    mask[S.coords[0][best], S.coords[1][best]] = True
    return mask


def surgeon(W, gram, keep, *, ridge=1e-3):
    """Optimal brain surgeon, layer-wise: remove from every row what costs least, refit the rest.

    Closed form of Hassibi & Stork (1993) for ``|H w - H w_i|^2``, one weight of every row at a
    time; a unit's weight to itself stays. Gives the weights at each of the fractions `keep`.
    """
    n = len(W)
    order = np.sort(np.unique(keep))[::-1]
    gram = gram + ridge * np.trace(gram) / n * np.eye(n)
    inverse = np.repeat(np.linalg.inv(gram)[None], n, axis=0)
    w, gone, every = W.copy(), np.zeros((n, n), dtype=bool), np.arange(n)
    found = {}
    for removed in range(n - 1):
        for fraction in order:
            if fraction not in found and removed >= round((1 - fraction) * (n - 1)):
                found[fraction] = w.copy()
        if len(found) == len(order):
            break
        diagonal = np.einsum("ikk->ik", inverse)
        cost = np.where(gone, np.inf, w**2 / np.where(gone, 1.0, diagonal))
        cost[every, every] = np.inf
        q = cost.argmin(axis=1)
        column, pivot = inverse[every, :, q], diagonal[every, q]
        w -= (w[every, q] / pivot)[:, None] * column
        inverse -= column[:, :, None] * (column / pivot[:, None])[:, None, :]
        gone[every, q] = True
        w[gone] = 0.0
    return [found[fraction] for fraction in keep]
