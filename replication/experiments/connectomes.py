"""Prune real networks and their rewired twins by every rule (book, "Connectomes")."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import networkx as nx
import numpy as np
from scipy import sparse

from noiseprune import add_leak, compare, fixed_leak, noise_prune, synapse_scores
from noiseprune.homeostasis import scaled_to
from noiseprune.pruning import RULES
from replication.collect import NETWORKS, load
from replication.registry import experiment
from replication.result import streams
from replication.runner import steps

MEASURES = ("slow_error", "covariance_error", "trajectory_error", "epsilon")
DRAWS = ("independent", "homeostatic")
TOPS = ("top weight", "top weight, rescaled", "top noise, rescaled")
CONDITIONS = tuple(f"{rule}, {draw}" for draw in DRAWS for rule in RULES) + TOPS
_SWAPS = 3  # per synapse of a rewired network


@dataclass(frozen=True)
class ConnectomeSettings:
    """Settings of `connectome_pruning`.

    Attributes
    ----------
    networks : tuple of str
        Names among `replication.collect.SOURCES`.
    excess : tuple of float
        Excess leak of every neuron beside its balanced leak, in units of the mean total input.
    gain : float
        Gain of the fixed leak, see `noiseprune.fixed_leak`.
    keep : tuple of float
        Fractions of synapses kept.
    rewired : tuple of float
        Fractions kept of each network's twin with the same degrees and weights.
    seeds : tuple of int
        Seeds.
    """

    networks: tuple = tuple(NETWORKS)
    excess: tuple = (0.01, 0.1, 1.0)
    gain: float = 0.9
    keep: tuple = (0.5, 0.2, 0.1, 0.05)
    rewired: tuple = (0.2,)
    seeds: tuple = (0, 1, 2, 3, 4, 5, 6)


@experiment(
    connectomes=ConnectomeSettings(),
    correlations=ConnectomeSettings(networks=("correlations",), rewired=()),
)
def connectome_pruning(settings, seed):
    """Prune real networks and their rewired twins by every rule, at several leaks.

    A row with the excess None has the fixed leak.
    """
    rows = []
    rewiring, pruning = streams(seed, 2)
    for name in steps(settings.networks):
        for form, W in forms(name).items():
            twin = rewire(W, rng=rewiring) if settings.rewired else W
            for wiring, weights, fractions in (
                ("real", W, settings.keep),
                ("rewired", twin, settings.rewired),
            ):
                for excess, keep in itertools.product((*settings.excess, None), fractions):
                    A = with_leak(weights, excess, settings.gain)
                    where = {"seed": seed, "network": name, "wiring": wiring, "form": form}
                    where |= {"excess": excess, "synapses": W.nnz, "keep": keep}
                    rows.append({**where, **_measured(A, keep, pruning)})
    return rows


def forms(name):
    """Weights without autapses: symmetric networks as they are, others directed and symmetrised."""
    W, _, _ = load(name)
    W = sparse.csr_array(W - sparse.diags_array(W.diagonal()))
    W.eliminate_zeros()
    if abs(W - W.T).max() == 0:
        return {"symmetric": W}
    return {"directed": W, "symmetrised": sparse.csr_array((W + W.T) / 2)}


def with_leak(W, excess, gain):
    """Dynamics with balanced leak and so many mean total inputs of excess; None: fixed leak."""
    if excess is None:
        return fixed_leak(W, gain=gain)
    return add_leak(W, excess=excess * abs(W).sum() / W.shape[0])


def rewire(W, *, rng):
    """Twin of a network: every neuron has as many synapses, with others; weights are shuffled.

    A symmetric network keeps every degree, a directed one every number of inputs and outputs.
    """
    rng = np.random.default_rng(rng)
    directed = abs(W - W.T).max() != 0
    pattern = sparse.csr_array(W if directed else sparse.triu(W))
    graph = nx.from_scipy_sparse_array(pattern, create_using=nx.DiGraph if directed else nx.Graph)
    swap = nx.directed_edge_swap if directed else nx.double_edge_swap
    count = _SWAPS * graph.number_of_edges()
    swap(graph, nswap=count, max_tries=100 * count, seed=int(rng.integers(2**31)))
    i, j = np.array(graph.edges).T
    w = rng.permutation(pattern.data)
    twin = sparse.csr_array((w, (i, j)), shape=W.shape)
    return twin if directed else sparse.csr_array(twin + twin.T)


def _measured(A, keep, seed):
    """One entry for each of `CONDITIONS`; an error of an unstable network is None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the rows say which ones are unstable
        found = [compare(A, pruned) for pruned in _pruned(A, keep, seed)]
    row = {
        measure: [_stored(getattr(comparison, measure)) for comparison in found]
        for measure in MEASURES
    }
    row["components"] = [comparison.components_sparse for comparison in found]
    row["stable"] = [comparison.abscissa_sparse < 0 for comparison in found]
    return row


def _pruned(A, keep, seed):
    """Networks of all `CONDITIONS`, in their order."""
    independent = "original" if A.diagonal().min() == A.diagonal().max() else "matched"
    for diagonal in (independent, "homeostatic"):
        for rule in RULES:
            yield noise_prune(A, keep, rule=rule, diagonal=diagonal, rng=seed).A
    W = sparse.csr_array(A - sparse.diags_array(A.diagonal()))
    W.eliminate_zeros()
    total = np.asarray(abs(W).sum(axis=1))
    symmetric = abs(W - W.T).max() == 0
    for rule, rescaled in (("weight", False), ("weight", True), ("noise", True)):
        kept, leak = _top(W, synapse_scores(A, rule=rule), keep, symmetric), -A.diagonal()
        if rescaled:
            kept = scaled_to(kept, total, symmetric=symmetric)
        elif independent == "matched":
            leak = leak - total + np.asarray(abs(kept).sum(axis=1))
        yield sparse.csr_array(kept - sparse.diags_array(leak))


def _top(W, S, keep, symmetric):
    """Weights of the highest scores; of a symmetric network, of its pairs."""
    S = sparse.coo_array(sparse.triu(S) if symmetric else S)
    best = np.argsort(-S.data, kind="stable")[: round(keep * S.nnz)]
    i, j = S.coords[0][best], S.coords[1][best]
    kept = sparse.csr_array((W[i, j], (i, j)), shape=W.shape)
    return sparse.csr_array(kept + kept.T) if symmetric else kept


def _stored(value):
    """Four digits; None for what does not exist or is infinite."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.4g}")
