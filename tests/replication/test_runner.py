"""Runs over seeds: in any executor, on from where they stopped, and leaving nothing behind."""

import concurrent.futures
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from replication import registry, runner
from replication.experiments import LabRecordSettings, lab_record
from replication.runner import Partial, run_seeds, steps, workers

LAB = LabRecordSettings(sizes=(40, 20), long_range=60, seeds=(3, 1, 2))


@pytest.fixture
def counted(monkeypatch):
    """The small stored run "lab", and a list of the seeds that were computed."""
    seen = []

    def count(settings, seed):
        """Count."""
        seen.append(seed)
        return lab_record.one_seed(settings, seed)

    def run(settings):
        """Count."""

    run.one_seed = count
    monkeypatch.setattr(registry, "STORED", {"lab": (run, LAB)})
    return seen


def test_any_executor_gives_the_rows_of_a_serial_run():
    serial = lab_record(LAB, progress=False).rows
    assert [row["seed"] for row in serial] == [3, 3, 1, 1, 2, 2]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert lab_record(LAB, executor=pool, progress=False).rows == serial
    with workers(2) as pool:
        assert lab_record(LAB, executor=pool, progress=False).rows == serial


def test_a_worker_uses_one_thread():
    with workers(1) as pool:
        assert {library["num_threads"] for library in pool.submit(threadpool_info).result()} == {1}


def test_the_progress_bar_counts_seeds(capsys):
    lab_record(LAB, name="lab_trial")
    shown = capsys.readouterr()
    assert "lab_trial" in shown.err
    assert "3.0/3 seeds" in shown.err
    assert not shown.out
    lab_record(LAB, progress=False)
    assert capsys.readouterr() == ("", "")


def test_the_progress_bar_moves_within_a_seed(monkeypatch):
    moved = []
    monkeypatch.setattr(runner, "_listeners", [moved.append])
    assert list(steps("abcd")) == ["a", "b", "c", "d"]
    assert moved == [0.25] * 4
    assert list(steps([])) == []


def test_steps_in_a_worker_move_the_bar_here(monkeypatch):
    moved = []
    monkeypatch.setattr(runner, "_listeners", [moved.append])
    with workers(1) as pool:
        assert pool.submit(_go_through, 5).result() == 5
    assert moved == [0.2] * 5


def _go_through(count):
    return sum(1 for _ in steps(range(count)))


def test_settings_need_a_seed():
    with pytest.raises(ValueError, match="at least one seed"):
        lab_record(dataclasses.replace(LAB, seeds=()), progress=False)


# ---------------------------------------------------------------- on from where it stopped


def test_an_interrupted_run_goes_on_and_ends_with_the_same_rows(counted, tmp_path, monkeypatch):
    whole = registry.run("lab", progress=False)
    counted.clear()
    write = Partial.write

    def interrupted(self, seed, rows, seconds):
        write(self, seed, rows, seconds)
        if seed == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Partial, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        registry.run("lab", progress=False, folder=tmp_path)
    assert counted == [3, 1]
    assert not (tmp_path / "lab.json").exists()
    assert Partial.count(tmp_path / "lab.json") == 2

    monkeypatch.setattr(Partial, "write", write)
    result = registry.run("lab", progress=False, folder=tmp_path)
    assert counted == [3, 1, 2]
    assert result.rows == whole.rows
    assert registry.load("lab", tmp_path) == result
    assert [path.name for path in tmp_path.iterdir()] == ["lab.json"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (
            lambda seed: [{"seed": seed, "error": float("nan")}],
            "seed 3: error cannot be stored .*JSON",
        ),
        (lambda seed: [{"seed": seed, "errors": [1.0, float("inf")]}], "errors cannot be stored"),
        (lambda seed: [{"seed": seed, "value": 1j}], "value cannot be stored .*complex"),
        (lambda seed: [{"seed": seed + 1}], "a row is of seed 4"),
        (lambda seed: [{"error": 1.0}], "a row is of seed None"),
        (lambda seed: [], "no row is of seed 3"),
        (lambda seed: [3], "a row is no dict"),
        (lambda seed: [{"seed": seed, "x": x} for x in (1.0, "1")], "x is a number in some rows"),
    ],
)
def test_rows_that_could_not_be_read_again_end_a_run_at_the_first_seed(
    counted, tmp_path, monkeypatch, rows, why
):
    def count(settings, seed):
        counted.append(seed)
        return rows(seed)

    monkeypatch.setattr(registry.STORED["lab"][0], "one_seed", count)
    with pytest.raises(ValueError, match=why):
        registry.run("lab", progress=False, folder=tmp_path)
    assert counted == [3]
    assert Partial.count(tmp_path / "lab.json") == 0


def test_a_later_seed_must_have_the_rows_of_the_first(counted, tmp_path, monkeypatch):
    def count(settings, seed):
        counted.append(seed)
        return [{"seed": seed, "error": 1.0}] * (1 + (seed == 1))

    monkeypatch.setattr(registry.STORED["lab"][0], "one_seed", count)
    with pytest.raises(ValueError, match="rows of seed 1 are not those of seed 3"):
        registry.run("lab", progress=False, folder=tmp_path)
    assert counted == [3, 1]
    assert Partial.count(tmp_path / "lab.json") == 1


def test_seconds_add_up_over_interruptions(tmp_path):
    partial = Partial(tmp_path / "lab.json", LAB)
    partial.write(3, lab_record.one_seed(LAB, 3), 1000.0)
    result = run_seeds("lab", LAB, lab_record, progress=False, partial=partial)
    assert 1000 <= result.provenance["seconds"] < 1100


@pytest.mark.parametrize("change", ["settings", "code", "versions", "note"])
def test_seeds_of_another_run_are_computed_anew(counted, tmp_path, monkeypatch, change):
    settings = dataclasses.replace(LAB, keep=0.3) if change == "settings" else LAB
    if change in ("code", "versions"):
        with monkeypatch.context() as patch:
            patch.setattr(runner, {"code": "_code", "versions": "versions"}[change], lambda: {})
            partial = Partial(tmp_path / "lab.json", settings)
    else:
        partial = Partial(tmp_path / "lab.json", settings)
    partial.write(3, [{"seed": 3, "wrong": 1}], 1.0)
    if change == "note":
        (partial.folder / "made_from.json").write_text("{")
    result = registry.run("lab", progress=False, folder=tmp_path)
    assert counted == [3, 1, 2]
    assert all("wrong" not in row for row in result.rows)


def test_other_seeds_of_the_same_settings_are_used(counted, tmp_path):
    partial = Partial(tmp_path / "lab.json", dataclasses.replace(LAB, seeds=(1,)))
    partial.write(1, lab_record.one_seed(LAB, 1), 1.0)
    registry.run("lab", progress=False, folder=tmp_path)
    assert counted == [3, 2]


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": []}', '{"seconds": 1}', '{"rows": NaN}'])
def test_a_damaged_seed_is_computed_anew(counted, tmp_path, text):
    partial = Partial(tmp_path / "lab.json", LAB)
    (partial.folder / "seed_1.json").write_text(text)
    registry.run("lab", progress=False, folder=tmp_path)
    assert counted == [3, 1, 2]


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_computed(counted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        registry.run("lab", progress=False, folder=tmp_path / "file" / "results")
    (tmp_path / "lab.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"lab\.json is a folder"):
        registry.run("lab", progress=False, folder=tmp_path)
    assert counted == []


# ---------------------------------------------------------------- processes that are killed


SLOW = """
import dataclasses, os, sys, time
from replication import __main__, registry
from replication.experiments import LabRecordSettings

def slow(settings, seed):
    '''Wait.'''
    open(os.path.join(os.environ["STARTED"], f"{seed}-{os.getpid()}"), "w").close()
    time.sleep(0 if seed == 0 else 300)
    return [{"seed": seed, "value": 1.0}]

registry.STORED.clear()
slow = registry.experiment(slow_run=LabRecordSettings(seeds=(0, 1, 2)))(slow)

if __name__ == "__main__":
    sys.exit(__main__.main(["--results", sys.argv[1], "--workers", sys.argv[2], "run", "--all"]))
"""


def alive(pid):
    """Whether a process runs: one that has ended and was not asked for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def slow_run(tmp_path):
    """Give a function that starts the slow run and waits until its processes are at work."""
    script, started, results = tmp_path / "slow.py", tmp_path / "started", tmp_path / "results"
    script.write_text(SLOW)
    started.mkdir()
    processes = []

    def start(count):
        command = [sys.executable, str(script), str(results), str(count)]
        environment = {
            **os.environ,
            "STARTED": str(started),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
            # A shell's background job ignores SIGINT, and so would the command.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        processes.append(process)

        def at_work():
            return {p.name.split("-")[0]: int(p.name.split("-")[1]) for p in started.iterdir()}

        # the first seed is finished and kept, and so many others wait
        wait_until(lambda: len(at_work()) == 1 + count and list(results.glob("*/seed_0.json")))
        return process, [at_work()[seed] for seed in ("1", "2")[:count]], results

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")
@pytest.mark.parametrize("who", ["parent", "worker"])
def test_a_killed_process_leaves_no_orphan_and_no_finished_seed_is_lost(slow_run, who):
    process, pids, results = slow_run(2)
    os.kill(process.pid if who == "parent" else pids[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    wait_until(lambda: not any(map(alive, pids)))
    if who == "worker":
        assert process.returncode == 2
        assert "a worker process was killed (out of memory?)" in err
        assert "1 finished seeds are kept, the same command goes on from there" in err
        assert "Traceback" not in err
    stored = json.loads((results / "slow_run.partial" / "seed_0.json").read_text())
    assert stored["rows"] == [{"seed": 0, "value": 1.0}]
    assert not (results / "slow_run.json").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")
@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_says_how_to_go_on(slow_run, count):
    process, pids, _ = slow_run(count)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; slow_run: 1 finished seeds are kept, the same command goes on" in err
    assert "Traceback" not in err
    assert not any(map(alive, pids))
