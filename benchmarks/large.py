"""Time and memory of the rule on large sparse networks, one process for each line of the table.

Run ``python benchmarks/large.py`` (10^5 and 10^6 neurons, about ten minutes), or with numbers of
neurons as arguments. Method "sampled" draws 200 noise samples.
"""

import json
import resource
import subprocess
import sys
import time

import networkx as nx
import numpy as np

import noiseprune as npr

NETWORKS = {
    "spatial": ("spatial", 0.0),
    "spatial, signed": ("spatial", 0.3),
    "random": ("random_graph", 0.0),
    "random, signed": ("random_graph", 0.3),
}
BARS = {("spatial", 10**5): 10, ("spatial", 10**6): 180}  # seconds
BARS |= {("random_graph", 10**5): 40, ("random_graph", 10**6): 360}
MEMORY = 4.0  # GiB
GROWTH = 13.0


def measure(kind, n):
    """Variances and one pruning of the network, then what became of it."""
    make, negative = NETWORKS[kind]
    A = npr.add_leak(getattr(npr, make)(n, 10, negative=negative, rng=0), excess=0.01)
    npr.large.estimate_variances(npr.add_leak(npr.spatial(100, 6, rng=0), excess=1))  # compiles
    start = time.perf_counter()
    estimate = npr.large.estimate_variances(A, rng=0)
    seconds = time.perf_counter() - start
    memory = peak()
    result = {
        "method": estimate.method,
        "seconds": seconds,
        "memory": memory,
        "gap": estimate.leverage_sum / estimate.expected_sum - 1,
        "error": float(np.median(estimate.standard_error.data / estimate.V.data)),
    }
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="weight") * estimate.V, keep=0.7)
    del estimate
    pruned = npr.sample_synapses(A, P, rng=0)
    del P
    start = time.perf_counter()
    result["epsilon"] = npr.spectral_epsilon(A, pruned)
    return result | {"epsilon_seconds": time.perf_counter() - start, "memory_all": peak()}


def peak():
    """Peak memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def table(sizes):
    """Measure every network at every size, print as it goes, and return whether each bar is met."""
    print(
        f"{'network':16} {'neurons':>9} {'synapses':>9} {'method':8} {'seconds':>8} {'bar':>4} "
        f"{'GiB':>5} {'sum/known-1':>12} {'error':>7} {'epsilon':>8} {'seconds':>8} {'GiB':>5}"
    )
    met, seconds = True, {}
    for kind, (make, _) in NETWORKS.items():
        for n in sizes:
            call = [sys.executable, __file__, "--measure", kind, str(n)]
            r = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout)
            bar = BARS.get((make, n), np.inf)
            met &= r["seconds"] <= bar and max(r["memory"], r["memory_all"]) <= MEMORY
            seconds[kind, n] = r["seconds"]
            print(
                f"{kind:16} {n:9} {5 * n * 2:9} {r['method']:8} {r['seconds']:8.1f} {bar:4g} "
                f"{r['memory']:5.2f} {r['gap']:12.1e} {r['error']:7.1%} {r['epsilon']:8.3f} "
                f"{r['epsilon_seconds']:8.1f} {r['memory_all']:5.2f}",
                flush=True,
            )
    for kind in NETWORKS:
        for few in sizes:
            if 10 * few in sizes:
                growth = seconds[kind, 10 * few] / seconds[kind, few]
                met &= growth < GROWTH
                print(f"{kind}: {few} to {10 * few} neurons costs {growth:.1f} times as much")
    return met


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
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        all_met = table([int(float(n)) for n in sys.argv[1:]] or [10**5, 10**6])
        resistances()
        print("\nevery bar is met" if all_met else "\na bar is not met")
