"""Command line: measure, print the table, store it in results.json.

Every step runs in a process of its own. Package, baseline and floor take turns in it, so that what
else the machine does meets them alike; times are medians, memory is what a call adds to the peak.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import scipy
import threadpoolctl

from benchmarks.steps import STEPS
from replication.result import write_atomically

RESULTS = Path(__file__).with_name("results.json")
LONG = 15.0  # seconds above which a call is measured once


def main(arguments=None):
    """Run the command line; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=STEPS, metavar="NAME", help="one step")
    parser.add_argument("--quick", action="store_true", help="small sizes; stores nothing")
    parser.add_argument("--repeats", type=int, default=5, help="of what takes under 15 s")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(options.only[0], options.quick, options.repeats)))
        return 0
    stored = json.loads(RESULTS.read_text()) if options.only and RESULTS.exists() else {"steps": {}}
    steps = {}
    print(HEAD, flush=True)
    for name in options.only or STEPS:
        command = [sys.executable, "-m", "benchmarks", "--measure", "--only", name]
        command += ["--repeats", str(options.repeats)] + ["--quick"] * options.quick
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=RESULTS.parents[1])
        steps[name] = json.loads(run.stdout)
        print(*lines(steps[name]), sep="\n", flush=True)
    print("\n" + "\n".join(f"{key}: {value}" for key, value in machine().items()))
    if not options.quick:
        stored = {"steps": stored["steps"] | steps}
        write_atomically(RESULTS, json.dumps(stored, indent=1) + "\n")
    return int(any(row["met"] is False for step in steps.values() for row in step["rows"]))


def measure(name, quick=False, repeats=5):
    """Measure one step in this process."""
    make, full, small = STEPS[name]
    step = make(small if quick else full)
    others = {"baseline": step.baseline, "floor": step.floor}
    calls = step.methods | {call: function for call, function in others.items() if function}
    seconds, memory, results = {call: [] for call in calls}, {}, {}
    for turn in range(1 if quick else repeats):
        for call, function in calls.items():
            if turn and seconds[call][0] > LONG:
                continue
            taken, added, result = timed(function)
            seconds[call].append(taken)
            if turn == 0:
                memory[call], results[call] = added, result
            del result
    rows = [row(step, method, seconds, memory, results) for method in step.methods]
    if quick:
        rows = [r | {"met": None} for r in rows]
    return {"date": datetime.date.today().isoformat(), "rows": rows, "note": step.note} | machine()


def row(step, method, seconds, memory, results):
    """One method of a step against baseline, floor and bars; its result must be the baseline's."""
    median = {call: statistics.median(values) for call, values in seconds.items()}
    mine = median[method]
    line = {
        "step": method,
        "neurons": step.neurons,
        "seconds": mine,
        "repeats": len(seconds[method]),
        "gib": memory[method],
    }
    bars = {}
    if step.baseline:
        difference = float(step.difference[method](results[method], results["baseline"]))
        if not difference <= step.tolerance.get(method, 1e-6):
            raise AssertionError(f"{method} differs from the baseline by {difference:.2g}")
        line |= {
            "difference": difference,
            "baseline": step.times * median["baseline"] / mine,
            "baseline_seconds": step.times * median["baseline"],
            "baseline_repeats": len(seconds["baseline"]),
            "baseline_gib": memory["baseline"],
        }
        bars[f">= {step.faster[method]:g} x baseline"] = line["baseline"] >= step.faster[method]
    if step.floor:
        line |= {"floor": mine / median["floor"], "floor_seconds": median["floor"]}
        if step.above_floor:
            bars[f"<= {step.above_floor:g} x floor"] = line["floor"] <= step.above_floor
    if step.seconds:
        bars[f"<= {step.seconds / 60:g} min"] = mine <= step.seconds
    if step.gib and memory[method] is not None:
        bars[f"<= {step.gib:g} GiB"] = memory[method] <= step.gib
    return line | {"bar": ", ".join(bars), "met": all(bars.values())}


def timed(function):
    """Seconds of a call, the GiB that it adds to the peak (None if not Linux), and its result."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        before = resident("VmRSS")
    except OSError:
        before = None
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    return seconds, None if before is None else resident("VmHWM") - before, result


def resident(key):
    """Memory of this process in GiB, now (VmRSS) or at its peak (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{key}:")[1].split()[0]) / 2**20


HEAD = (
    f"{'step':12} {'N':>6} {'seconds':>8} {'GiB':>5} {'baseline':>9} {'GiB':>5} {'faster':>7} "
    f"{'floor':>7} {'above':>6} {'differs':>8}  bar"
)


def lines(step):
    """One line of the table for each method of a step, and the step's note."""

    def number(row, key, form, width):
        value = row.get(key)
        return f"{'' if value is None else format(value, form):>{width}}"

    for row in step["rows"]:
        met = {None: "not judged", True: "met", False: "NOT MET"}[row["met"]]
        yield " ".join(
            [
                f"{row['step']:12} {row['neurons']:6} {row['seconds']:8.2f}",
                number(row, "gib", ".2f", 5),
                number(row, "baseline_seconds", ".2f", 9),
                number(row, "baseline_gib", ".2f", 5),
                number(row, "baseline", ".1f", 7),
                number(row, "floor_seconds", ".2f", 7),
                number(row, "floor", ".2f", 6),
                number(row, "difference", ".0e", 8),
                f" {row['bar']}: {met}",
            ]
        )
    if step["note"]:
        yield f"    ({step['note']})"


def machine():
    """Processor, BLAS, threads and versions."""
    blas = threadpoolctl.threadpool_info()
    names = {f"{b['internal_api']} {b['version']} {b.get('architecture', '')}" for b in blas}
    cpu = Path("/proc/cpuinfo")
    models = [s for s in cpu.read_text().splitlines() if "model name" in s] if cpu.exists() else []
    name = models[0].split(":")[1].strip() if models else platform.processor()
    return {
        "machine": f"{platform.system()} {platform.machine()}, {name}, {os.cpu_count()} cores",
        "blas": "; ".join(sorted(names)),
        "threads": max((b["num_threads"] for b in blas), default=1),
        "versions": f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"SciPy {scipy.__version__}",
    }


if __name__ == "__main__":
    sys.exit(main())
