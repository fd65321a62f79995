"""Time and memory of the rule on large sparse networks, beside the dense covariance on small ones.

Run ``python -m benchmarks.large`` (about ten minutes; the costs go to results/large_costs.json, of
which chapter 18 draws a figure), or with numbers of neurons as arguments, which stores nothing.
Every line of the table is a process of its own.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import networkx as nx
import numpy as np

import noiseprune as npr
from benchmarks.__main__ import LONG, machine
from replication.experiments import RESULTS, Result
from replication.experiments.large import SHAPES
from replication.result import plain, provenance

DEGREE, EXCESS, SAMPLES, KEEP = 10, 0.01, 200, 0.7
SIZES = (10**4, 3 * 10**4, 10**5, 3 * 10**5, 10**6)
SIGNED = 0.3  # share of negative synapses, at the sizes that have a bar
DENSE = (1000, 2000, 4000, 8000)
BARS = {("spatial", 10**5): 10, ("spatial", 10**6): 180}  # seconds
BARS |= {("random", 10**5): 40, ("random", 10**6): 360}
MEMORY = 4.0  # GiB
GROWTH = 13.0


def cases(sizes):
    """Yield shape, share of negative synapses, method and neurons of every line."""
    for shape in SHAPES:
        yield from ((shape, 0.0, "auto", n) for n in sizes)
        yield from ((shape, SIGNED, "auto", n) for n in sizes if (shape, n) in BARS)
    yield from (("random", 0.0, "dense", n) for n in DENSE if sizes is SIZES)


def measure(shape, negative, method, n):
    """Variances on the synapses and one pruning of the network, then what became of it."""
    A = npr.add_leak(SHAPES[shape](n, DEGREE, negative=negative, rng=0), excess=EXCESS)
    row = {"seed": 0, "shape": shape, "negative": negative, "method": method, "neurons": n}
    row |= {"synapses": A.nnz - n, "epsilon_seconds": None, "epsilon": None, "standard_error": 0.0}
    if method == "dense":
        A = A.toarray()
        npr.stationary_covariance(A[:100, :100])  # loads what the first call loads
        _, seconds = timed(lambda: npr.synapse_variances(A, npr.stationary_covariance(A)))
        return row | {"seconds": seconds, "gib": peak()}
    for small in (npr.spatial, npr.random_graph):  # compiles
        npr.large.estimate_variances(npr.add_leak(small(3000, 6, rng=0), excess=1), samples=8)
    estimate, seconds = timed(lambda: npr.large.estimate_variances(A, samples=SAMPLES, rng=0))
    row |= {"seconds": seconds, "gib": peak(), "method": estimate.method}
    row["standard_error"] = float(np.median(estimate.standard_error.data / estimate.V.data))
    row["sum_error"] = estimate.leverage_sum / estimate.expected_sum - 1
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="weight") * estimate.V, keep=KEEP)
    del estimate
    pruned = npr.sample_synapses(A, P, rng=0)
    del P
    row["epsilon"], seconds = timed(lambda: npr.spectral_epsilon(A, pruned))
    return row | {"epsilon_seconds": seconds, "epsilon_gib": peak()}


def timed(function):
    """Result of a call and its seconds: of calls under LONG the median of three."""
    seconds, result = [], None
    while not seconds or (len(seconds) < 3 and seconds[0] < LONG):
        del result  # or two of them count as memory of one
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return result, statistics.median(seconds)


def peak():
    """Peak memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def table(sizes):
    """Measure every network at every size, print as it goes, and return the rows."""
    print(
        f"{'network':16} {'neurons':>9} {'synapses':>9} {'method':8} {'seconds':>8} {'bar':>4} "
        f"{'GiB':>5} {'sum/known-1':>12} {'error':>7} {'epsilon':>8} {'seconds':>8} {'GiB':>5}"
    )
    rows = []
    in_own_process("spatial", 0.0, "auto", 1000)  # compiles what the others then load
    for case in cases(sizes):
        rows.append(in_own_process(*case))
        print(line(rows[-1]), flush=True)
    return rows


def in_own_process(*case):
    """Measure one case where nothing else has used memory."""
    call = [sys.executable, "-m", "benchmarks.large", "--measure", json.dumps(case)]
    folder = Path(__file__).parents[1]
    run = subprocess.run(call, check=True, stdout=subprocess.PIPE, cwd=folder)
    return json.loads(run.stdout)


def line(row):
    """Return one line of the table."""
    name = row["shape"] + ", signed" * (row["negative"] > 0)
    bar = BARS.get((row["shape"], row["neurons"]), "") if row["method"] != "dense" else ""
    text = (
        f"{name:16} {row['neurons']:9} {row['synapses']:9} {row['method']:8} {row['seconds']:8.2f} "
        f"{bar:4} {row['gib']:5.2f}"
    )
    if row["epsilon"] is None:
        return text
    return (
        f"{text} {row['sum_error']:12.1e} {row['standard_error']:7.1%} {row['epsilon']:8.3f} "
        f"{row['epsilon_seconds']:8.1f} {row['epsilon_gib']:5.2f}"
    )


def all_met(rows):
    """Print by how much the time grows with the size; return whether every bar is met."""
    seconds = {(r["shape"], r["negative"], r["neurons"]): r for r in rows if r["method"] != "dense"}
    met = True
    for (shape, negative, n), row in seconds.items():
        met &= row["seconds"] <= BARS.get((shape, n), np.inf)
        met &= max(row["gib"], row["epsilon_gib"]) <= MEMORY
        if (shape, n) in BARS and (less := seconds.get((shape, negative, n // 10))):
            growth = row["seconds"] / less["seconds"]
            met &= growth < GROWTH
            print(
                f"{shape}, negative {negative}: {n // 10} to {n} neurons costs {growth:.1f} times "
                f"as much (bar: {GROWTH:g})"
            )
    return bool(met)


def store(rows, seconds):
    """Write the costs in the format of an experiment."""
    settings = {"degree": DEGREE, "excess": EXCESS, "keep": KEEP, "samples": SAMPLES, "seeds": [0]}
    made = provenance("large_costs", seconds) | {"command": "python -m benchmarks.large"}
    made |= {key: value for key, value in machine().items() if key != "versions"}
    return Result("large_costs", settings, plain(rows), made).save(RESULTS / "large_costs.json")


def resistances(n=2000):
    """All effective resistances of one graph, against networkx, and PyGSP where it is installed."""
    W = npr.random_graph(n, 10, rng=0).toarray()
    graph = nx.from_numpy_array(W)
    W = W[np.ix_(*[sorted(max(nx.connected_components(graph), key=len))] * 2)]
    graph, n = nx.from_numpy_array(W), len(W)

    def ours():
        # Neuron 0 grounded: what is left of the Laplacian is inverted by Cholesky.
        A = npr.add_leak(W)
        C = np.zeros((n, n))
        C[1:, 1:] = npr.stationary_covariance(A[1:, 1:])
        return 2 * (C.diagonal()[:, None] + C.diagonal() - 2 * C)

    def networkx():
        distances = nx.resistance_distance(graph, weight="weight", invert_weight=False)
        return np.array([[distances[i][j] for j in range(n)] for i in range(n)])

    def pygsp():
        from pygsp import graphs, utils

        return np.asarray(utils.resistance_distance(graphs.Graph(W)).todense())

    reference = None
    print(f"\nEffective resistances between all pairs of {n} nodes, processor time")
    for function in (ours, networkx, pygsp):
        start = time.process_time()
        try:
            R = function()
        except ImportError as error:
            print(f"{function.__name__:10} not installed ({error})")
            continue
        seconds = time.process_time() - start
        reference = R if reference is None else reference
        apart = np.abs(R - reference).max() / reference.max()
        print(f"{function.__name__:10} {seconds:8.2f} s, apart from ours {apart:.1e}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(*json.loads(sys.argv[2]))))
    else:
        begin = time.perf_counter()
        measured = table([int(float(n)) for n in sys.argv[1:]] or SIZES)
        fulfilled = all_met(measured)
        if len(sys.argv) == 1:
            store(measured, time.perf_counter() - begin)
        resistances()
        print("\nevery bar is met" if fulfilled else "\na bar is not met")
