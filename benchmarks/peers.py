# /// script
# requires-python = ">=3.11"
# dependencies = ["networkit==11.3", "networkx>=3.3", "noiseprune[large]"]
#
# [tool.uv.sources]
# noiseprune = { path = "..", editable = true }
# ///
"""Effective resistances of all edges: networkx and NetworKit beside ours, at equal accuracy.

Run ``uv run benchmarks/peers.py`` (half an hour): uv makes the environment that the lines above
ask for, apart from the book's. What the edges carry, weight times effective resistance, is what
networkx calls resistance distance and NetworKit spanning edge centrality. Every measurement is a
process of its own, with two threads and limits of time and memory; what met one is not tried on
larger graphs. Exact values on a sample of edges, from SciPy alone, give each peer's error; ours
runs with the fewest samples that err no more, in turns with the peer. The result is
results/peers.json.
"""

import argparse
import datetime
import itertools
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as splinalg

import noiseprune as npr

STORE = Path(__file__).parents[1] / "results" / "peers.json"
SHAPES = {"random": npr.random_graph, "spatial": npr.spatial}
SIZES, DEGREE, EDGES = (5_000, 20_000, 100_000), 10, 200
THREADS, REPEATS = 2, 3
SECONDS, GIB = 240, 10  # limits of a measurement: of the processors, which other work does not move
LONG = 30.0  # of these seconds, above which a call is measured once
EXACT = 1e-6  # error below which a peer counts as exact


def network(shape, n):
    """Largest component of a graph, its edges i < j, and the sample of edges that is judged.

    The sample holds all edges of one node: networkx answers for one node at a time.
    """
    W = SHAPES[shape](n, DEGREE, rng=0)
    _, part = csgraph.connected_components(W)
    largest = part == np.bincount(part).argmax()
    W = sparse.csr_array(W[largest][:, largest])
    W.data[:] = 1.0
    edges = np.stack(sparse.triu(W).tocoo().coords, 1)
    hub = int(np.diff(W.indptr).argmax())
    own = np.flatnonzero((edges == hub).any(axis=1))
    others = np.random.default_rng(1).permutation(np.setdiff1d(np.arange(len(edges)), own))
    return W, edges, edges[np.r_[own, others[: EDGES - own.size]]], hub


def exact(shape, n):
    """Effective resistances of the sample: one solve each, by LU in the plane, else gradients."""
    W, _, sample, _ = network(shape, n)
    L = sparse.csr_array(csgraph.laplacian(W))
    kept = np.arange(1, W.shape[0])  # node 0 is grounded
    if shape == "spatial":
        grounded = sparse.csc_array(L[kept][:, kept])
        solve = splinalg.splu(grounded, permc_spec="MMD_AT_PLUS_A").solve
    result = []
    for i, j in sample:
        g = np.zeros(W.shape[0])
        g[[i, j]] = 1.0, -1.0
        if shape == "spatial":
            x = np.r_[0.0, solve(g[kept])]
        else:
            jacobi = sparse.diags_array(1 / L.diagonal())
            x, left = splinalg.cg(L, g, rtol=1e-6, M=jacobi)  # g x is right to its square
            assert left == 0
        result.append(x[i] - x[j])
    return {"values": result}


def ours(shape, n, samples=200, method="auto"):
    """All edges by `noiseprune.large`, the leak just balancing the weights."""
    W, _, sample, _ = network(shape, n)
    for make in SHAPES.values():  # compiles
        npr.large.estimate_variances(npr.add_leak(make(3000, 6, rng=0), excess=1.0), samples=8)

    def run():
        A = npr.add_leak(W)
        return npr.large.estimate_variances(
            A, samples=samples, method=method, workers=THREADS, rng=2
        )

    estimate, taken = timed(run)
    i, j = sample.T
    return taken | {"values": 2 * estimate.V[i, j], "samples": estimate.samples}


def networkx(shape, n):
    """The edges of one node, from the dense pseudoinverse, which knows all."""
    import networkx as nx

    W, _, sample, hub = network(shape, n)
    graph = nx.from_scipy_sparse_array(W)
    distance, taken = timed(lambda: nx.resistance_distance(graph, nodeA=hub))
    values = [distance[i + j - hub] if hub in (i, j) else None for i, j in sample.tolist()]
    return taken | {"values": values}


def spanning_trees(shape, n):
    """NetworKit's ApproxSpanningEdge, from uniform spanning trees, at its own setting."""
    return _networkit(shape, n, lambda nk, graph: nk.centrality.ApproxSpanningEdge(graph, 0.1))


def solves(shape, n):
    """NetworKit's SpanningEdgeCentrality, from random projections, at its own setting."""
    return _networkit(
        shape,
        n,
        lambda nk, graph: nk.centrality.SpanningEdgeCentrality(graph, 0.1),
        "runParallelApproximation",
    )


def _networkit(shape, n, make, run="run"):
    import networkit as nk

    nk.setNumberOfThreads(THREADS)
    W, edges, sample, _ = network(shape, n)
    graph = nk.GraphFromCoo(tuple(edges.T), n=W.shape[0])
    graph.indexEdges()
    centrality = make(nk, graph)
    _, taken = timed(getattr(centrality, run))
    scores = centrality.scores()
    return taken | {"values": [scores[graph.edgeId(i, j)] for i, j in sample.tolist()]}


PEERS = {"spanning trees": spanning_trees, "solves": solves, "networkx": networkx}
TOOLS = PEERS | {"ours": ours, "exact": exact}


def timed(function):
    """Result of a call, and its seconds on the clock and of the processors."""
    start, processor = time.perf_counter(), time.process_time()
    result = function()
    seconds = time.perf_counter() - start
    return result, {"seconds": seconds, "processor_seconds": time.process_time() - processor}


def in_own_process(tool, shape, n, **options):
    """What a tool gives, or None and the limit that it met."""
    call = [sys.executable, __file__, "--measure", json.dumps([tool, shape, n, options])]
    threads = THREADS if tool != "exact" else 1  # many short products, which threads slow down
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads)}
    run = subprocess.run(call, capture_output=True, env=environment)
    if run.returncode == -signal.SIGXCPU:
        return None, "time"
    if run.returncode:
        lines = run.stderr.decode().strip().splitlines()[-1:]
        if any(word in str(lines) for word in ("MemoryError", "bad_alloc", "allocate")):
            return None, "memory"
        raise RuntimeError(f"{tool} on {shape} {n} ended with {run.returncode}: {lines}")
    return json.loads(run.stdout), None


def measure(tool, shape, n, options):
    """Run a tool under the limits of time and memory, and print what it gives as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (GIB * 2**30, GIB * 2**30))
    result = TOOLS[tool](shape, n, **options)
    result["values"] = [v if v is None else float(v) for v in result["values"]]
    print(json.dumps(result))


def errors(result, truth):
    """Root mean square relative error and largest absolute one."""
    found = [(v, t) for v, t in zip(result["values"], truth, strict=True) if v is not None]
    value, true = np.array(found).T
    relative = np.sqrt(np.mean((value / true - 1) ** 2))
    return {"rms_error": float(relative), "largest_error": float(np.abs(value - true).max())}


def as_accurate(shape, n, truth, peer):
    """Fewest samples, doubled from one, with which ours errs no more than a peer."""
    trials = [{"samples": 2**k} for k in range(10)] if peer["rms_error"] > EXACT else []
    for options in [*trials, {"method": "exact"}]:
        result, limit = in_own_process("ours", shape, n, **options)
        if limit:
            return options, None, limit
        mine = errors(result, truth)
        if all(mine[key] <= max(peer[key], EXACT) for key in mine):
            return options, result, None
    raise RuntimeError(f"ours errs more than a peer on {shape} {n}: {mine}")


def compared(tool, shape, n, truth):
    """One row: a peer, ours at its accuracy, and how many times faster ours is."""
    row = {"tool": tool, "shape": shape, "neurons": n, "limit": None}
    result, row["limit"] = in_own_process(tool, shape, n)
    if result is None:
        return row
    row |= errors(result, truth)
    options, own, limit = as_accurate(shape, n, truth, row)
    if own is None:
        return row | {"ours": options | {"limit": limit}}
    peer_runs, own_runs = [result], [own]
    for _ in range(REPEATS - 1):
        if peer_runs[0]["processor_seconds"] < LONG:
            peer_runs.append(in_own_process(tool, shape, n)[0])
        own_runs.append(in_own_process("ours", shape, n, **options)[0])
    mine = errors(own, truth) | {"samples": own["samples"]}
    for key in ("seconds", "processor_seconds"):
        row[key] = min(run[key] for run in peer_runs if run)
        mine[key] = min(run[key] for run in own_runs if run)
    ratio = {key: row[key] / mine[key] for key in ("seconds", "processor_seconds")}
    return row | {"repeats": len(peer_runs), "ours": mine, "times_faster": ratio}


def line(row):
    """One line of the table."""
    text = f"{row['shape']:8} {row['neurons']:7} {row['tool']:15}"
    if row["limit"]:
        return f"{text} over the limit of {row['limit']}"
    text += f" {row['rms_error']:8.1e} {row['largest_error']:8.1e}"
    if "times_faster" not in row:
        return f"{text} ours: over the limit of {row['ours']['limit']}"
    mine = row["ours"]
    return (
        f"{text} {row['seconds']:8.2f} | {mine['samples']:4} {mine['rms_error']:8.1e} "
        f"{mine['largest_error']:8.1e} {mine['seconds']:8.2f} | "
        f"{row['times_faster']['seconds']:6.1f} {row['times_faster']['processor_seconds']:6.1f}"
    )


def settings():
    """Return what a stored run needs to say of itself."""
    names = ("noiseprune", "networkit", "networkx", "numpy", "scipy", "numba")
    return {
        "date": datetime.date.today().isoformat(),
        "command": "uv run benchmarks/peers.py",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads": THREADS,
        "versions": {"python": platform.python_version()} | {k: version(k) for k in names},
        "limits": {"processor_seconds": SECONDS, "gib": GIB},
        "degree": DEGREE,
        "edges": EDGES,
    }


def store(rows):
    """Write the rows as JSON, in the place of those of the same peers and graphs."""
    stored = json.loads(STORE.read_text())["rows"] if STORE.exists() else []
    places = {(row["tool"], row["neurons"], row["shape"]): row for row in [*stored, *rows]}
    order = itertools.product(PEERS, SIZES, SHAPES)
    result = settings() | {"rows": [places[place] for place in order if place in places]}
    STORE.write_text(json.dumps(result, indent=1) + "\n")


def main():
    """Measure, print the table, store it; return 1 if a peer is ahead anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="numbers of nodes")
    parser.add_argument("--only", choices=PEERS, help="one peer")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*json.loads(options.measure))
        return 0
    tools = [options.only] if options.only else PEERS
    rows, met, truth = [], {}, {}
    print(
        f"{'':16} {'tool':15} {'rms':>8} {'largest':>8} {'seconds':>8} | "
        f"{'ours':4} {'rms':>8} {'largest':>8} {'seconds':>8} | times faster (clock, processor)"
    )
    for tool, n, shape in itertools.product(tools, options.sizes, SHAPES):
        if (shape, n) not in truth:
            result, limit = in_own_process("exact", shape, n)
            if limit:
                raise RuntimeError(f"the exact values of {shape} {n} met the limit of {limit}")
            truth[shape, n] = result["values"]
        if (limit := met.get((tool, shape))) is None:
            rows.append(compared(tool, shape, n, truth[shape, n]))
            met[tool, shape] = rows[-1]["limit"]
        else:
            rows.append({"tool": tool, "shape": shape, "neurons": n, "limit": limit})
        print(line(rows[-1]), flush=True)
        store(rows)
    ahead = [row["times_faster"] for row in rows if "times_faster" in row]
    return int(any(min(ratios.values()) < 1 for ratios in ahead))


if __name__ == "__main__":
    sys.exit(main())
