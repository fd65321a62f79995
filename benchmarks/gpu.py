"""The package on one GPU: seconds, memory and agreement with the processor, as JSON.

Run ``python3 benchmarks/gpu.py`` from the root of the repository: nothing needs to be installed but
NumPy, SciPy and PyTorch, and it ends within four minutes. Each step is on its own: one that fails
or does not end is written down, what was measured stays. ``--show`` prints what is stored; it needs
no PyTorch.
"""

# ruff: noqa: E402 (run as a script, it finds the package beside it)

import argparse
import dataclasses
import datetime
import gc
import json
import multiprocessing
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
from scipy import sparse

try:
    import torch
except ImportError:  # enough to show what is stored
    torch = None

import noiseprune as npr
from noiseprune import _device
from noiseprune.large.gradients import Way
from noiseprune.large.network import Pairs
from noiseprune.large.variances import estimated

DEGREE, EXCESS, SAMPLES, KEEP = 10, 0.01, 200, 0.7
DENSE_KEEP = 0.03
# Seconds that a step may take, and GiB of the device.
MARKS = {
    "spectra 10000": {"seconds": 8.0},
    "general 10000": {"seconds": 1.5},
    "random 1000000": {"sampling_seconds": 0.9},
    "random 10000000": {"sampling_seconds": 14.0, "gib": 20.0},
    "end to end 100000000": {"seconds": 60.0},
}
SIZES = {
    False: {"dense": 10_000, "agree": 1500, "large": (10**5, 10**6, 10**7), "sampled": 20_000},
    True: {"dense": 600, "agree": 550, "large": (3000, 6000, 20_000), "sampled": 6000},
}


class Clock:
    """Seconds and peak memory of what is done on the device."""

    def __init__(self, device):
        self.device = torch.device(device)
        self.cuda = self.device.type == "cuda"

    def free(self):
        """Give back what nothing uses, and forget the peak."""
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def wait(self):
        """Wait until the device is done."""
        if self.cuda:
            torch.cuda.synchronize()

    def gib(self):
        """Peak of the device's memory."""
        return torch.cuda.max_memory_reserved() / 2**30 if self.cuda else None

    def __call__(self, function, repeats=1):
        """Result of the last call, and the seconds of each."""
        seconds, result = [], None
        for _ in range(repeats):
            result = None
            self.free()
            self.wait()
            start = time.perf_counter()
            result = function()
            self.wait()
            seconds.append(time.perf_counter() - start)
        return result, seconds


def row(seconds, clock, **more):
    """One line: the median of the calls."""
    return {"seconds": statistics.median(seconds), "calls": seconds, "gib": clock.gib(), **more}


def in_errors(a, b):
    """Root mean square difference of two estimates, in standard errors: 1 if those are right.

    A pair of neurons without other neighbours is known exactly, and counts as known.
    """
    error = np.hypot(a.standard_error.data, b.standard_error.data)
    sampled = error > 1e-9 * b.V.data
    z = (a.V.data - b.V.data)[sampled] / error[sampled]
    return float(np.sqrt(np.mean(z**2)))


def relative(a, b):
    """Largest difference, relative to the largest number."""
    return float(np.abs(a - b).max() / np.abs(b).max())


# Networks, drawn on the device because the package would take a minute for the largest


def linked(n, i, j, device, seed):
    """Dynamics matrix with weights U(0, 1) on the pairs, and the excess leak."""
    generator = torch.Generator(device=device).manual_seed(seed)
    w = 1 - torch.rand(len(i), generator=generator, device=device, dtype=torch.float64)
    leak = torch.full((n,), EXCESS, device=device, dtype=torch.float64)
    own = torch.arange(n, device=device)
    key = torch.cat([i * n + j, j * n + i, own * (n + 1)])
    leak.index_add_(0, i, w).index_add_(0, j, w)
    key, order = torch.sort(key)
    data = torch.cat([w, w, -leak])[order]
    del order
    indices = (key % n).to(torch.int32)
    indptr = torch.zeros(n + 1, device=device, dtype=torch.int64)
    indptr[1:] = torch.cumsum(torch.bincount(key // n, minlength=n), 0)
    parts = (part.cpu().numpy() for part in (data, indices, indptr.to(torch.int32)))
    return sparse.csr_array(tuple(parts), shape=(n, n))


def random_network(n, device, seed=0):
    """Any two neurons may be linked, `DEGREE` neighbours on average."""
    count = n * DEGREE // 2
    generator = torch.Generator(device=device).manual_seed(seed)
    ends = torch.randint(n, (2, count + count // 1000 + 100), generator=generator, device=device)
    i, j = ends.min(0).values, ends.max(0).values
    key = torch.unique((i * n + j)[i < j])
    chosen = torch.randperm(len(key), generator=generator, device=device)[:count]
    key = key[chosen]
    return linked(n, key // n, key % n, device, seed + 1)


def plane_network(n, device, seed=0):
    """Neurons at random places in the unit square, linked below one distance; random numbers."""
    generator = torch.Generator(device=device).manual_seed(seed)
    place = torch.rand((n, 2), generator=generator, device=device, dtype=torch.float64)
    radius = float(np.sqrt(DEGREE / (np.pi * n)))
    side = int(1 / radius)
    cell = (place * side).long()
    key, order = torch.sort(cell[:, 0] * side + cell[:, 1])
    place, cell = place[order], cell[order]
    start = torch.searchsorted(key, torch.arange(side**2 + 1, device=device))
    most = int((start[1:] - start[:-1]).max())
    pairs, own = [], torch.arange(n, device=device)
    for step in ((0, 0), (0, 1), (1, -1), (1, 0), (1, 1)):  # each pair of cells once
        other = cell + torch.tensor(step, device=device)
        inside = ((other >= 0) & (other < side)).all(1)
        number = torch.where(inside, other[:, 0] * side + other[:, 1], 0)
        first, last = start[number], start[number + 1]
        for k in range(most):
            here = torch.nonzero(inside & (first + k < last)).ravel()
            there = first[here] + k
            close = ((place[here] - place[there]) ** 2).sum(1) < radius**2
            if step == (0, 0):
                close &= there > here
            pairs.append(torch.stack([own[here[close]], there[close]]))
    i, j = order[torch.cat(pairs, 1)]
    return linked(n, i, j, device, seed + 1)


def clustered(n, symmetric=True):
    """The paper's network, and for the general covariance one without symmetry."""
    sizes = (n - 3 * (n // 30), *3 * (n // 30,))
    W = npr.clustered(sizes, long_range=5 * n // 3, symmetric=symmetric, rng=0)
    return npr.add_leak(W, **({} if symmetric else {"excess": 0.05}))


def control(A, rule, seed=1):
    """Prune by weight or alike, no probability being near 1: row after row, without a sort."""
    n, rng = len(A), np.random.default_rng(seed)
    score = np.abs if rule == "weight" else np.sign
    total = sum(np.abs(score(A[k])).sum() - abs(score(A[k, k])) for k in range(n))
    K = DENSE_KEEP * (np.count_nonzero(A) - n) / total
    rows, columns, weights = [], [], []
    for k in range(n):
        p = K * np.abs(score(A[k, k + 1 :]))
        kept = np.flatnonzero(rng.random(p.size) < p)
        rows.append(np.full(kept.size, k))
        columns.append(kept + k + 1)
        weights.append(A[k, k + 1 :][kept] / p[kept])
    i, j, w = map(np.concatenate, (rows, columns, weights))
    W = sparse.coo_array((np.r_[w, w], (np.r_[i, j], np.r_[j, i])), shape=A.shape).tocsr()
    excess = -A.sum(axis=1)  # weights are positive
    return sparse.csr_array(W - sparse.diags_array(excess + np.asarray(W.sum(axis=1)).ravel()))


# Steps


class Steps:
    """What is measured; networks that several steps need are kept between them."""

    def __init__(self, device, quick):
        self.device, self.size = device, SIZES[quick]
        self.clock = Clock(device)
        self.kept = {}

    def all(self):
        """Yield name and function of every step, the marks first."""
        n, large = self.size["dense"], self.size["large"]
        yield "first calls", self.first_calls
        yield "transfer", self.transfer
        yield "agreement dense", self.agreement_dense
        yield "agreement sampled", self.agreement_sampled
        for size in large[:2]:
            yield f"random {size}", lambda size=size: self.sampled("random", size, 3)
        yield f"single {large[1]}", lambda: self.sampled("random", large[1], 3, "single")
        yield f"spectra {n}", self.spectra
        yield f"processor {n}", self.processor
        yield f"general {n}", self.general
        yield f"random {large[2]}", lambda: self.sampled("random", large[2])
        yield f"end to end {large[2] * DEGREE}", self.end_to_end
        for size, samples in zip(large[1:], (SAMPLES, 64), strict=True):
            yield (
                f"plane {size}",
                lambda size=size, samples=samples: self.sampled("plane", size, samples=samples),
            )
        yield f"epsilon {large[0]}", self.epsilon
        yield f"threads {large[1]}", self.threads

    def first_calls(self):
        """What loading the libraries of the device costs once."""

        def everything():
            A = npr.add_leak(npr.clustered([200, 200, 200], long_range=600, rng=0))
            pruned = npr.noise_prune(A, 0.5, rng=0, device=self.device)
            npr.compare_spectra(A, pruned.A, device=self.device)
            npr.spectral_epsilon(A, pruned.A, device=self.device)
            B = np.array(A)
            B[0, 1] *= 0.5
            npr.stationary_covariance(B, device=self.device)
            self.estimate(random_network(3000, self.device), "double")

        _, seconds = self.clock(everything, 2)
        return {"seconds": seconds[0], "second_time": seconds[1]}

    def transfer(self):
        """GB/s of a matrix to the device and back."""
        on, X = _device.open(self.device), np.ones((self.size["dense"],) * 2)
        there, up = self.clock(lambda: on.array(X), 3)
        _, down = self.clock(lambda: on.host(there), 3)
        return {"up": X.nbytes / min(up) / 1e9, "down": X.nbytes / min(down) / 1e9}

    def agreement_dense(self):
        """Largest relative difference from NumPy and SciPy."""
        n, device = self.size["agree"], {"device": self.device}
        A = clustered(n)
        result = {"neurons": n}
        C = npr.stationary_covariance(A)
        result["covariance"] = relative(npr.stationary_covariance(A, **device), C)
        B = clustered(n // 2, symmetric=False)
        C = npr.stationary_covariance(B)
        result["general covariance"] = relative(npr.stationary_covariance(B, **device), C)
        here, there = (npr.noise_prune(A, 0.3, rng=1, **where) for where in ({}, device))
        result["pruned network"] = relative(there.A.toarray(), here.A.toarray())
        one, other = (npr.compare_spectra(A, here.A, **where) for where in ({}, device))
        for name, values in vars(one).items():
            result[name] = float(np.abs(getattr(other, name) - values).max())
        result["epsilon"] = abs(
            npr.spectral_epsilon(A, here.A, **device) / npr.spectral_epsilon(A, here.A) - 1
        )
        modes, there = npr.slowest_modes(A, 20), npr.slowest_modes(A, 20, **device)
        result["slowest"] = relative(there[0], modes[0])
        return result

    def agreement_sampled(self):
        """Sampled on the device against exact and against sampled by the processor."""
        A = random_network(self.size["sampled"], self.device, seed=7)
        few = A[:3000][:, :3000] - sparse.eye_array(3000)
        small = npr.large.estimate_variances(few, rng=0, device=self.device)
        V = npr.synapse_variances(few, npr.stationary_covariance(few))
        exact = dataclasses.replace(small, V=V, standard_error=0 * V)
        here = npr.large.estimate_variances(A, method="sampled", rng=0)
        there, again = (
            npr.large.estimate_variances(A, rng=0, device=self.device) for _ in range(2)
        )
        single = npr.large.estimate_variances(A, rng=0, device=self.device, precision="single")

        return {
            "neurons": A.shape[0],
            "against exact, in standard errors": in_errors(small, exact),
            "against the processor, in standard errors": in_errors(there, here),
            "same seed again": relative(again.V.data, there.V.data),
            "single": relative(single.V.data, there.V.data),
            "sum": there.leverage_sum / there.expected_sum - 1,
        }

    def network(self, shape, n):
        """Draw a network, or take the last one if it is the same."""
        if self.kept.get("name") != (shape, n):
            self.kept = {}
            self.clock.free()
            start = time.perf_counter()
            draw = {"random": random_network, "plane": plane_network}[shape]
            A = draw(n, self.device)
            self.kept = {"name": (shape, n), "A": A, "draw": time.perf_counter() - start}
        return self.kept["A"]

    def estimate(self, A, precision, samples=SAMPLES):
        """`estimate_variances` in two parts: seconds to prepare, and the estimate."""
        start = time.perf_counter()
        on = _device.open(self.device)
        pairs = Pairs(A, on=on)
        prepared = time.perf_counter() - start
        way = Way(device=self.device, precision=precision)
        return prepared, estimated(pairs, way, samples=samples, rng=np.random.default_rng(0))

    def sampled(self, shape, n, repeats=1, precision="double", samples=SAMPLES):
        """Variances on the synapses of a sparse network."""
        A = self.network(shape, n)
        prepared, results = [], []

        def once():
            results.clear()
            seconds, estimate = self.estimate(A, precision, samples)
            prepared.append(seconds)
            results.append(estimate)

        _, seconds = self.clock(once, repeats)
        estimate = results[0]
        error = estimate.standard_error.data / estimate.V.data
        return row(
            seconds,
            self.clock,
            neurons=n,
            synapses=A.nnz - n,
            samples=samples,
            draw_seconds=self.kept["draw"],
            preparation_seconds=statistics.median(prepared),
            sampling_seconds=statistics.median(np.subtract(seconds, prepared).tolist()),
            sum_error=estimate.leverage_sum / estimate.expected_sum - 1,
            standard_error=float(np.median(error)),
            allocated_gib=torch.cuda.max_memory_allocated() / 2**30 if self.clock.cuda else None,
        )

    def dense(self):
        """The paper's network and the same pruned by three rules."""
        n = self.size["dense"]
        if self.kept.get("name") != ("dense", n):
            self.kept = {}
            A = clustered(n)
            pruned, seconds = self.clock(
                lambda: npr.noise_prune(A, DENSE_KEEP, rng=1, device=self.device).A
            )
            networks = [pruned, control(A, "weight"), control(A, "uniform")]
            self.kept = {"name": ("dense", n), "A": A, "pruned": networks, "prune": seconds[0]}
        return self.kept["A"], self.kept["pruned"]

    def spectra(self):
        """Eigenpairs, spectra and worst case of three pruned networks."""
        A, pruned = self.dense()
        _, covariance = self.clock(lambda: npr.stationary_covariance(A, device=self.device), 2)
        _, scores = self.clock(
            lambda: npr.synapse_variances(A, npr.stationary_covariance(A, device=self.device))
        )
        parts = {}

        def once():
            start = time.perf_counter()
            eigenpairs = npr.slowest_modes(A, len(A), device=self.device)
            parts["eigenpairs"] = time.perf_counter() - start
            parts["spectra"] = parts["epsilon"] = 0.0
            for B in pruned:
                start = time.perf_counter()
                npr.compare_spectra(A, B, eigenpairs=eigenpairs, device=self.device)
                middle = time.perf_counter()
                parts["spectra"] += middle - start
                parts.setdefault("values", []).append(
                    npr.spectral_epsilon(A, B, device=self.device)
                )
                parts["epsilon"] += time.perf_counter() - middle
            return eigenpairs

        (values, vectors), seconds = self.clock(once)
        gib = self.clock.gib()
        some = vectors[:, ::97]
        residual = np.abs(A @ some - some * values[::97]).max() / np.abs(values).max()
        return row(
            seconds,
            self.clock,
            neurons=len(A),
            parts={key: parts[key] for key in ("eigenpairs", "spectra", "epsilon")},
            epsilon=parts["values"][:3],
            covariance_seconds=statistics.median(covariance),
            scores_seconds=scores[0],
            prune_seconds=self.kept["prune"],
            residual=float(residual),
            trace_error=float(values.sum() / np.trace(A) - 1),
        ) | {"gib": gib}

    def general(self):
        """Covariance of a network without symmetry."""
        self.kept = {}
        n = self.size["dense"]
        A = clustered(n, symmetric=False)
        C, seconds = self.clock(
            lambda: npr.stationary_covariance(A, structure="general", device=self.device), 3
        )
        gib = self.clock.gib()
        on = _device.open(self.device)
        a, c = on.array(A), on.array(C)
        residual = a @ c
        residual = residual + residual.T
        on.add_to_diagonal(residual, 1.0)
        size = torch.linalg.vector_norm(a @ on.array(np.ones(n))) / n**0.5
        return row(
            seconds,
            self.clock,
            neurons=n,
            backward_error=float(on.norm(residual) / (size * on.norm(c))),
        ) | {"gib": gib}

    def end_to_end(self):
        """Scores, calibration and draw of the largest network, as one call."""
        n = self.size["large"][2]
        A = self.network("random", n)
        pruned, seconds = self.clock(lambda: npr.noise_prune(A, KEEP, rng=0, device=self.device))
        return row(
            seconds,
            self.clock,
            neurons=n,
            synapses=A.nnz - n,
            kept=pruned.kept_fraction,
            host_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        )

    def epsilon(self):
        """Worst case of a sparse network that was pruned."""
        n = self.size["large"][0]
        A = self.network("random", n)
        pruned = npr.noise_prune(A, KEEP, rng=0, device=self.device).A
        value, seconds = self.clock(lambda: npr.spectral_epsilon(A, pruned, device=self.device))
        return row(seconds, self.clock, neurons=n, epsilon=value)

    def threads(self):
        """A block of 32 samples by the processor, on all its cores."""
        n = self.size["large"][1]
        pairs = Pairs(self.network("random", n))
        npr.large.estimate_variances(random_network(3000, self.device), samples=8)  # compiles

        def seconds(precision):
            start, rng = time.perf_counter(), np.random.default_rng(0)
            estimated(pairs, Way(precision=precision), samples=32, method="sampled", rng=rng)
            return time.perf_counter() - start

        return {
            "neurons": n,
            "samples": 32,
            "sampling_seconds": seconds("double"),
            "single_sampling_seconds": seconds("single"),
        }

    def processor(self):
        """The dense covariances by the processor, for the table."""
        n = self.size["dense"]
        A, _ = self.dense()
        start = time.perf_counter()
        npr.stationary_covariance(A)
        symmetric = time.perf_counter() - start
        return {"neurons": n, "covariance_seconds": symmetric}


def machine(device):
    """The card, the driver, the processor and the versions."""
    result = {
        "date": datetime.date.today().isoformat(),
        "device": str(device),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }
    for name in ("numpy", "scipy", "numba"):
        try:
            result[name] = version(name)
        except PackageNotFoundError:
            result[name] = None
    if torch.device(device).type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        result |= {"card": properties.name, "card_gib": properties.total_memory / 2**30}
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            run = subprocess.run(query, capture_output=True, text=True, check=True)
            result["driver"] = run.stdout.split()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            result["driver"] = None
    return result


def processor():
    """Model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor()


def judged(name, result):
    """The result of a step beside its marks."""
    marks = MARKS.get(name)
    if marks and "error" not in result:
        result |= {"marks": marks, "met": all(result[key] <= most for key, most in marks.items())}
    return result


def main(arguments=None):
    """Run the command line; return 1 if a step failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "gpu.json")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--only", action="append", default=[], help="part of a step's name")
    parser.add_argument("--budget", type=float, default=230, help="seconds for all steps")
    parser.add_argument("--limit", type=float, default=75, help="seconds for one step")
    parser.add_argument("--show", action="store_true", help="print the stored table, run nothing")
    options = parser.parse_args(arguments)
    if options.show:
        print(table(json.loads(options.output.read_text())))
        return 0
    if torch is None:
        parser.error("PyTorch is missing, which all but --show needs")
    start = time.perf_counter()
    stored = {"machine": machine(options.device), "settings": settings(options), "steps": {}}
    names = [
        name
        for name, _ in Steps(options.device, options.quick).all()
        if not options.only or any(part in name for part in options.only)
    ]
    begun = start
    for name, result in guarded(names, options, start + options.budget):
        now = time.perf_counter()
        stored["steps"][name] = judged(name, result) | {"step_seconds": now - begun}
        stored["seconds"] = now - start
        options.output.write_text(json.dumps(stored, indent=1) + "\n")
        print(f"{now - start:6.1f} s  {name}: {json.dumps(stored['steps'][name])}", flush=True)
        begun = now
    return int(any("error" in result for result in stored["steps"].values()))


def guarded(names, options, end):
    """Yield name and result of every step, done by another process that is ended if it hangs."""
    spawn = multiprocessing.get_context("spawn")  # a device does not outlive a fork
    left = list(names)
    while left and time.perf_counter() < end:
        ours, theirs = spawn.Pipe(duplex=False)
        worker = spawn.Process(target=work, args=(theirs, left, options.device, options.quick))
        worker.start()
        theirs.close()
        try:
            while left:
                limit = min(options.limit, end - time.perf_counter())
                if ours.poll(max(0.0, limit)):
                    result = ours.recv()
                else:
                    result = {"error": f"did not end within {limit:.3g} s"}
                    break
                yield left.pop(0), result
        except EOFError:
            result = {"error": "the process was killed"}
        finally:
            if left and worker.is_alive():
                end_group(worker.pid)
            worker.join()
        if left:
            yield left.pop(0), result
    for name in left:
        yield name, {"error": "no time was left"}


def work(results, names, device, quick):
    """Send the result of every named step."""
    os.setsid()  # so that what a step starts can be ended with it
    for name, step in Steps(device, quick).all():
        if name in names:
            try:
                result = step()
            except Exception as error:
                traceback.print_exc()
                result = {"error": f"{type(error).__name__}: {error}"[:2000]}
            results.send(result)


def end_group(pid):
    """End a worker and what it started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not begun yet, or is gone
        os.kill(pid, signal.SIGKILL)


def settings(options):
    """What was asked for."""
    return {
        "degree": DEGREE,
        "excess": EXCESS,
        "samples": SAMPLES,
        "keep": KEEP,
        "dense_keep": DENSE_KEEP,
        "quick": options.quick,
    }


def table(stored):
    """The stored steps as lines of text."""
    made = stored["machine"]
    lines = [
        f"{made.get('card', made['processor'])}, driver {made.get('driver')}, CUDA {made['cuda']}, "
        f"PyTorch {made['torch']}, {made['cores']} cores of {made['processor']}",
        *([made["note"]] if "note" in made else []),
        f"{'step':24} {'seconds':>8} {'sampling':>9} {'GiB':>6}  mark",
    ]

    def number(value, form):
        return "" if value is None else format(value, form)

    for name, step in stored["steps"].items():
        marks = ", ".join(f"{key} <= {most:g}" for key, most in step.get("marks", {}).items())
        met = {None: "", True: ": met", False: ": NOT MET"}[step.get("met")]
        lines.append(
            f"{name:24} {number(step.get('seconds'), '.3f'):>8} "
            f"{number(step.get('sampling_seconds'), '.3f'):>9} {number(step.get('gib'), '.1f'):>6}"
            f"  {marks}{met}{step.get('error', '')}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
