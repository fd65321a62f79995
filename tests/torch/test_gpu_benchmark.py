"""benchmarks/gpu.py on the processor: agreement, and steps that do not end."""

import json

import numpy as np
import pytest
from scipy import sparse

import noiseprune as npr
from benchmarks import gpu


def run(tmp_path, *options):
    """Steps of a small run, as stored; a busy machine may take its time."""
    output = tmp_path / "gpu.json"
    fixed = ["--quick", "--device", "cpu", "--budget", "1800", "--limit", "900"]
    failed = gpu.main([*fixed, "--output", str(output), *options])
    return failed, json.loads(output.read_text())["steps"]


def test_estimates_are_compared_on_what_was_sampled():
    """Two neurons linked to one another alone are known: equal, with an error of next to 0."""
    rest = npr.add_leak(npr.random_graph(3000, 10, rng=0), excess=0.05)
    pair = sparse.csr_array([[-1.0, 0.5], [0.5, -1.0]])
    A = sparse.block_diag([rest, pair], format="csr")
    one, other = (npr.large.estimate_variances(A, method="sampled", rng=k) for k in (0, 1))
    assert (one.V - other.V).nnz < one.V.nnz  # equal ones are no entries of the difference
    assert gpu.in_errors(one, other) == pytest.approx(1, abs=0.1)


def test_a_step_agrees_with_the_processor(tmp_path):
    failed, steps = run(tmp_path, "--only", "agreement sampled")
    (step,) = steps.values()
    assert not failed
    assert step["against the processor, in standard errors"] == pytest.approx(1, abs=0.1)
    assert step["same seed again"] == 0
    assert np.abs(step["sum"]) < 1e-3


def test_a_step_that_does_not_end_is_ended_and_the_next_one_begins(tmp_path):
    failed, steps = run(tmp_path, "--only", "transfer", "--only", "general", "--limit", "0.01")
    assert failed
    assert [step["error"] for step in steps.values()] == ["did not end within 0.01 s"] * 2


def test_what_the_budget_leaves_out_is_written_down(tmp_path):
    failed, steps = run(tmp_path, "--only", "transfer", "--budget", "0")
    assert failed
    assert steps["transfer"]["error"] == "no time was left"
