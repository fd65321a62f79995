"""The baselines give the package's numbers, and the table says what was measured."""

import json

import pytest

from benchmarks import __main__ as bench
from benchmarks import gpu, peers, steps

SMALL = {"simulations": lambda n: steps.simulations(n, steps=400, columns=3)}


@pytest.mark.parametrize("name", [name for name in steps.STEPS if name != "largest"])
def test_the_plain_way_gives_the_same_numbers(name):
    step = SMALL.get(name, steps.STEPS[name][0])(90)
    plain = step.baseline()
    for method, function in step.methods.items():
        assert step.difference[method](function(), plain) <= step.tolerance.get(method, 1e-6)
        assert method in step.faster


@pytest.fixture
def toy(monkeypatch):
    """A step that takes no time, with a result and a baseline to choose."""

    def make(result, **options):
        step = steps.Step(
            7,
            {"toy": lambda: result},
            {"toy": 0.0},
            lambda: 1.0,
            floor=lambda: None,
            above_floor=1e9,
            difference={"toy": lambda result, plain: abs(result - plain)},
            **options,
        )
        monkeypatch.setitem(bench.STEPS, "toy", (lambda n: step, 7, 7))

    return make


def test_a_step_is_measured_judged_and_printed(toy):
    toy(1.0, seconds=60.0, gib=1.0, note="nothing at all")
    measured = bench.measure("toy", repeats=3)
    (row,) = measured["rows"]
    assert (row["repeats"], row["baseline_repeats"], row["neurons"]) == (3, 3, 7)
    assert row["met"] is True
    assert bench.measure("toy", quick=True)["rows"][0]["met"] is None
    line, note = bench.lines(measured)
    assert line.split()[:2] == ["toy", "7"]
    assert line.endswith(">= 0 x baseline, <= 1e+09 x floor, <= 1 min, <= 1 GiB: met")
    assert "nothing at all" in note


def test_a_missed_bar_shows(toy):
    toy(1.0, seconds=-1.0)
    measured = bench.measure("toy", repeats=1)
    assert measured["rows"][0]["met"] is False
    assert next(bench.lines(measured)).endswith("NOT MET")


def test_a_result_that_differs_from_the_baseline_is_an_error(toy):
    toy(1.1)
    with pytest.raises(AssertionError, match=r"differs from the baseline by 0\.1"):
        bench.measure("toy", repeats=1)


def test_command_line_runs_a_step_in_a_process_of_its_own(capsys, monkeypatch):
    monkeypatch.setattr(bench, "RESULTS", bench.Path(bench.__file__).with_name("none.json"))
    assert bench.main(["--quick", "--only", "clustered"]) == 0
    table = capsys.readouterr().out
    assert "not judged" in table
    assert "threads: " in table
    assert not bench.RESULTS.exists()


def test_stored_results_are_those_of_the_papers_sizes():
    stored = json.loads(bench.RESULTS.read_text())["steps"]
    assert stored.keys() == steps.STEPS.keys()
    for name, step in stored.items():
        for row in step["rows"]:
            assert row["neurons"] == steps.STEPS[name][1]
            assert isinstance(row["met"], bool)


def test_what_a_device_took_is_shown_without_one(capsys, monkeypatch):
    """The marks are judged by the numbers beside them; a step that failed shows why."""
    monkeypatch.setattr(gpu, "torch", None)
    assert gpu.main(["--show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    stored = json.loads((gpu.ROOT / "results" / "gpu.json").read_text())
    assert stored["machine"]["card"] in lines[0]
    assert stored["machine"]["note"] in lines
    for name, step in stored["steps"].items():
        (line,) = [line for line in lines if line.startswith(f"{name:24}")]
        marks = step.get("marks", {})
        assert ("NOT MET" in line) == any(step[key] > most for key, most in marks.items())
        assert step.get("error", "") in line
    with pytest.raises(SystemExit):
        gpu.main(["--only", "transfer"])
    assert "PyTorch is missing" in capsys.readouterr().err


@pytest.mark.parametrize("shape", peers.SHAPES)
def test_what_peers_are_judged_by_is_exact(shape):
    """SciPy's solves, networkx's pseudoinverse and our exact method give the same resistances."""
    truth = peers.exact(shape, 300)["values"]
    assert len(truth) == peers.EDGES
    for tool in (peers.networkx, peers.ours):
        found = tool(shape, 300)
        assert max(peers.errors(found, truth).values()) < peers.EXACT
        assert found["seconds"] > 0
    assert sum(value is not None for value in peers.networkx(shape, 300)["values"]) > 10


def test_stored_peers_are_compared_at_their_accuracy():
    stored = json.loads(peers.STORE.read_text())
    for row in stored["rows"]:
        assert row["limit"] in (None, "time", "memory")
        if "times_faster" in row:
            ours = row["ours"]
            for error in ("rms_error", "largest_error"):
                assert ours[error] <= max(row[error], peers.EXACT)
            for key, ratio in row["times_faster"].items():
                assert ratio == pytest.approx(row[key] / ours[key])
    assert {row["shape"] for row in stored["rows"]} == set(peers.SHAPES)
