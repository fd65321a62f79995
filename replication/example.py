"""Make the network of the chapter "Prune your own network": ``python -m replication.example``.

An invented circuit, small enough to look at: three groups of 40 neurons, each with 8 inhibitory
ones (Dale's law is kept), few synapses from group to group, three autapses, and a neuron that
nothing reaches. A list of edges, as a person would have it.
"""

from __future__ import annotations

import csv
import sys

import numpy as np

from replication.registry import RESULTS

PATH = RESULTS / "data" / "example.csv"
GROUPS, SIZE, INHIBITORY = 3, 40, 8
SEED = 0


def edges():
    """Return rows source, target, weight.

    Returns
    -------
    list of tuple
        Names of the two neurons, and the weight in mV.
    """
    rng = np.random.default_rng(SEED)
    n = GROUPS * SIZE
    group = np.arange(n) // SIZE
    chance = np.where(group[:, None] == group, 0.4, 0.01)  # target, source
    present = rng.random((n, n)) < chance
    np.fill_diagonal(present, False)
    W = present * rng.lognormal(-1, 0.7, (n, n))
    inhibitory = np.arange(n) % SIZE >= SIZE - INHIBITORY
    W[:, inhibitory] *= -2
    for k in (3, 44, 95):
        W[k, k] = 0.25
    names = [
        f"{'ABC'[k // SIZE]}{k % SIZE + 1:02}{'i' if inhibitory[k] else 'e'}" for k in range(n)
    ]
    sources, targets = np.nonzero(W.T)
    rows = [
        (names[j], names[i], round(float(W[i, j]), 3))
        for j, i in zip(sources, targets, strict=True)
    ]
    return [*rows, ("X01e", "", "")]


def main():
    """Write the file."""
    with open(PATH, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([("source", "target", "weight"), *edges()])


if __name__ == "__main__":
    sys.exit(main())
