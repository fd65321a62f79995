"""The command line: list, run, check, compare, scorecard."""

import dataclasses
import subprocess
import sys

import pytest

from replication import __main__, experiments
from replication import registry as stored
from replication.experiments import Result

LAB = experiments.LabRecordSettings(sizes=(40, 20), long_range=60, seeds=(3, 1))


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty folder for results, and one small experiment in place of the stored ones."""
    monkeypatch.setattr(stored, "STORED", {"lab_record": (experiments.lab_record, LAB)})
    return tmp_path


def command(shelf, *arguments):
    return __main__.main(["--results", str(shelf), *arguments])


def test_run_stores_check_agrees_and_a_second_run_does_nothing(shelf, capsys):
    assert command(shelf, "list") == 0
    assert "lab_record" in (line := capsys.readouterr().out)
    assert "not stored" in line
    assert command(shelf, "run", "lab_record") == 0
    assert "lab_record: 4 rows" in capsys.readouterr().out
    first = (shelf / "lab_record.json").read_bytes()
    assert command(shelf, "check", "lab_record") == 0
    assert "lab_record: seed 3: agrees" in capsys.readouterr().out
    assert command(shelf, "run", "--all") == 0
    assert "stored already" in capsys.readouterr().out
    assert (shelf / "lab_record.json").read_bytes() == first
    assert command(shelf, "list") == 0
    assert "not stored" not in capsys.readouterr().out


def test_run_again_and_check_with_worker_processes_give_the_same_rows(shelf, capsys):
    command(shelf, "run", "lab_record")
    before = stored.load("lab_record", shelf)
    assert (
        __main__.main(["--results", str(shelf), "--workers", "2", "run", "--again", "lab_record"])
        == 0
    )
    assert stored.disagreements(before, stored.load("lab_record", shelf)) == []
    capsys.readouterr()


def test_check_tells_what_differs(shelf, capsys):
    command(shelf, "run", "lab_record")
    path = shelf / "lab_record.json"
    tampered = Result.load(path)
    tampered.rows[0]["kept"] += 2
    tampered.save(path)
    assert command(shelf, "check", "--all") == 1
    out = capsys.readouterr().out
    assert "seed 3: differs" in out
    assert "seed=3, rule=noise" in out
    assert "kept stored" in out


def test_results_of_other_settings_are_told_and_run_anew(shelf, capsys):
    experiments.lab_record(dataclasses.replace(LAB, keep=0.3), progress=False).save(
        shelf / "lab_record.json"
    )
    command(shelf, "list")
    assert "with other settings" in capsys.readouterr().out
    command(shelf, "run", "lab_record")
    assert stored.is_current(stored.load("lab_record", shelf))
    assert stored.load("lab_record", shelf).settings["keep"] == 0.2


def test_compare_holds_two_folders_against_each_other(shelf, capsys, tmp_path_factory):
    other = tmp_path_factory.mktemp("rerun")
    for folder in (shelf, other):
        command(folder, "run", "lab_record")
    assert command(shelf, "compare", str(other)) == 0
    assert "lab_record: 2 seeds: agrees" in capsys.readouterr().out
    experiments.lab_record(dataclasses.replace(LAB, density=0.5), progress=False).save(
        other / "lab_record.json"
    )
    assert command(shelf, "compare", str(other)) == 1
    assert "lab_record: 2 seeds: differs" in capsys.readouterr().out


def test_quick_check_runs_the_quick_ones(shelf, capsys, monkeypatch):
    monkeypatch.setattr(stored, "QUICK", ("lab_record",))
    command(shelf, "run", "--all")
    assert command(shelf, "check", "--quick") == 0
    assert "lab_record: seed 3: agrees" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["run"], "name at least one experiment"),
        (["check"], "name at least one experiment"),
        (["run", "figure_7"], "figure_7"),
        (["--workers", "0", "run", "lab_record"], "--workers must be at least 1"),
        (["forget", "lab_record"], "forget"),
    ],
)
def test_commands_that_make_no_sense(shelf, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        command(shelf, *arguments)
    assert message in capsys.readouterr().err


def test_checking_what_was_never_run_says_so(shelf, capsys):
    assert command(shelf, "check", "lab_record") == 2
    assert "lab_record.json is not there: run the experiment first" in capsys.readouterr().err


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "replication", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "run the first seed" in done.stdout
    assert not done.stderr
