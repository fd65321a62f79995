"""Train the recurrent networks of the chapter on trained networks; needs the extra `torch`.

``python -m replication.train`` trains every network of `NETWORKS` and stores their weights in
``results/data/trained.npz``, from which the experiment `trained_networks` reads them in NumPy.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import multiprocessing
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from replication.registry import RESULTS
from replication.tasks import TASKS, accuracy

PATH = RESULTS / "data" / "trained.npz"
SEEDS = range(5)
BATCH = 128


@dataclass(frozen=True)
class Network:
    """A network to train: ``h(t + 1) = f(W h(t) + U x + b)``, output ``V h + c``.

    Attributes
    ----------
    name : str
        Name of the kind.
    task : str
        One of `replication.tasks.TASKS`.
    units : int
        Number of units.
    nonlinearity : {"tanh", "relu"}
        The function f.
    rank : int or None
        W is a product of (units, rank) and (rank, units) factors; None: W is free.
    steps : int
        Steps of Adam.
    """

    name: str
    task: str
    units: int
    nonlinearity: str
    rank: int | None = None
    steps: int = 1000


NETWORKS = (
    Network("flip-flop", "flip-flop", 128, "tanh"),
    Network("delayed match", "delayed match", 64, "tanh"),
    Network("context integration", "context integration", 256, "relu"),
    Network("context integration, full rank", "context integration", 128, "tanh"),
    Network("context integration, rank 2", "context integration", 128, "tanh", rank=2),
)


def train(network, seed):
    """Train one network by Adam on fresh trials.

    Returns
    -------
    dict
        W, U, b, V, c as float32 arrays and the strict accuracy on 2,000 fresh trials.
    """
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    task, n = TASKS[network.task], network.units
    sample = task(rng, 1)
    inputs, outputs = sample.inputs.shape[2], sample.targets.shape[2]
    if network.rank is None:
        start = nn.init.orthogonal_(torch.empty(n, n))
        recurrent = [nn.Parameter(0.9 * start)]
    else:
        recurrent = [
            nn.Parameter(torch.randn(shape) / n**0.5)
            for shape in ((n, network.rank), (network.rank, n))
        ]
    U = nn.Parameter(torch.randn(n, inputs) / inputs**0.5)
    b = nn.Parameter(torch.zeros(n))
    V = nn.Parameter(torch.randn(outputs, n) / n**0.5)
    c = nn.Parameter(torch.zeros(outputs))
    parameters = [*recurrent, U, b, V, c]
    optimiser = torch.optim.Adam(parameters, lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, network.steps, 1e-5)
    f = {"tanh": torch.tanh, "relu": torch.relu}[network.nonlinearity]

    def weights():
        return recurrent[0] if len(recurrent) == 1 else recurrent[0] @ recurrent[1]

    def run(x):
        W, h, result = weights(), torch.zeros(x.shape[1], n), []
        for drive in x @ U.T + b:
            h = f(h @ W.T + drive)
            result.append(h)
        return torch.stack(result) @ V.T + c, h

    for _ in range(network.steps):
        trials = task(rng, BATCH)
        y, _ = run(torch.as_tensor(trials.inputs, dtype=torch.float32))
        judged = torch.as_tensor(trials.judged)
        targets = torch.as_tensor(trials.targets, dtype=torch.float32)
        loss = (y - targets)[judged].square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
    trials = task(rng, 2000)
    with torch.no_grad():
        y, _ = run(torch.as_tensor(trials.inputs, dtype=torch.float32))
        arrays = {"W": weights(), "U": U, "b": b, "V": V, "c": c}
    result = {key: value.detach().numpy().copy() for key, value in arrays.items()}
    return {**result, "accuracy": accuracy(y.double().numpy(), trials)}


def main(arguments=None):
    """Train all networks, a process each, and store them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2, help="networks at a time")
    parser.add_argument("--output", type=Path, default=PATH)
    options = parser.parse_args(arguments)
    jobs = [(network, seed) for network in NETWORKS for seed in SEEDS]
    stored, origin = {}, []
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        for (network, seed), result in zip(
            jobs, pool.map(train, *zip(*jobs, strict=True)), strict=True
        ):
            score = result.pop("accuracy")
            print(f"{network.name}, seed {seed}: {score:.3f}", flush=True)
            key = len(origin)
            stored.update({f"{name}{key}": array for name, array in result.items()})
            origin.append({**network.__dict__, "seed": seed, "accuracy": score})
    options.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.output, networks=np.array(json.dumps(origin)), **stored)
    return 0


if __name__ == "__main__":
    sys.exit(main())
