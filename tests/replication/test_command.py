"""The command line: list, run, check, compare, scorecard."""

import dataclasses
import subprocess
import sys

import pytest

from replication import __main__, experiments
from replication import registry as stored
from replication.experiments import Result, largest

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


def test_a_device_reaches_the_largest_networks_and_is_recorded(shelf, monkeypatch):
    monkeypatch.setenv("NOISEPRUNE_DEVICE", "")
    assert command(shelf, "run", "lab_record") == 0
    assert "device" not in stored.load("lab_record", shelf).provenance
    assert command(shelf, "--device", "cpu", "run", "--again", "lab_record") == 0
    assert stored.load("lab_record", shelf).provenance["device"] == "cpu"
    asked = []
    monkeypatch.setattr(
        largest, "stationary_covariance", lambda A, *, device: asked.append(device) or 1 / 0
    )
    small = experiments.TenThousandSettings(sizes=(40, 20), long_range=60)
    with pytest.raises(ZeroDivisionError):
        experiments.ten_thousand.one_seed(small, 0)
    assert asked == ["cpu"]


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


SPECTRA = experiments.SpectrumSettings(
    sizes=(40, 20), long_range=60, seeds=(0, 1), keep=(0.5, 0.3), rules=("noise", "weight"), slow=3
)


def test_a_further_rule_is_added_to_a_stored_result(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(stored, "STORED", {"spectra": (experiments.spectra, SPECTRA)})
    command(tmp_path, "run", "spectra")
    before = stored.load("spectra", tmp_path)
    before.rows[0]["epsilon"] += 1e-7  # computed elsewhere: it stays as it is
    before.save(tmp_path / "spectra.json")
    wider = dataclasses.replace(SPECTRA, rules=("noise", "weight", "leak"))
    monkeypatch.setattr(stored, "STORED", {"spectra": (experiments.spectra, wider)})
    capsys.readouterr()
    assert command(tmp_path, "run", "spectra") == 0
    assert "leak is added to the rules" in capsys.readouterr().out
    after = stored.load("spectra", tmp_path)
    assert [row for row in after.rows if row["rule"] != "leak"] == before.rows
    whole = experiments.spectra(wider, progress=False, name="spectra")
    assert stored.disagreements(after, whole) == []  # the order of a whole run
    assert stored.is_current(after)
    assert after.provenance["added"][0]["rules"] == ["leak"]
    assert command(tmp_path, "run", "spectra") == 0
    assert "stored already" in capsys.readouterr().out


@pytest.mark.parametrize("change", [{"rules": ("weight", "noise", "leak")}, {"keep": (0.5,)}])
def test_other_settings_are_run_anew_whatever_the_rules(tmp_path, capsys, monkeypatch, change):
    monkeypatch.setattr(stored, "STORED", {"spectra": (experiments.spectra, SPECTRA)})
    command(tmp_path, "run", "spectra")
    other = dataclasses.replace(SPECTRA, **change)
    monkeypatch.setattr(stored, "STORED", {"spectra": (experiments.spectra, other)})
    capsys.readouterr()
    assert command(tmp_path, "run", "spectra") == 0
    assert "added" not in capsys.readouterr().out
    assert stored.load("spectra", tmp_path).rows == experiments.spectra(other, progress=False).rows


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


DAMAGES = {
    "truncated": lambda path: path.write_text(path.read_text()[:-50]),
    "emptied": lambda path: path.write_text(""),
    "not a number": lambda path: path.write_text(path.read_text().replace("0.2", "NaN", 1)),
    "another": lambda path: path.write_text(path.read_text().replace("lab_record", "million", 1)),
    "without rows": lambda path: dataclasses.replace(Result.load(path), rows=[]).save(path),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_results_are_named_and_computed_anew(shelf, capsys, tmp_path_factory, damage):
    path = shelf / "lab_record.json"
    command(shelf, "run", "lab_record")
    whole = Result.load(path)
    DAMAGES[damage](path)
    capsys.readouterr()
    other = tmp_path_factory.mktemp("other")
    for arguments in (("list",), ("check", "lab_record"), ("compare", str(other))):
        assert command(shelf, *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "lab_record.json is damaged" in line
    assert command(shelf, "run", "lab_record") == 0
    assert "lab_record.json is damaged" in capsys.readouterr().out
    assert Result.load(path).rows == whole.rows


def test_a_folder_in_place_of_a_result_is_named_and_left_alone(shelf, capsys):
    (shelf / "lab_record.json").mkdir()
    for arguments in (("list",), ("check", "lab_record"), ("run", "lab_record")):
        assert command(shelf, *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "lab_record.json is a folder" in line
    assert (shelf / "lab_record.json").is_dir()


def test_a_results_folder_that_is_a_file_is_named(tmp_path, capsys, shelf):
    (tmp_path / "file").write_text("")
    assert command(tmp_path / "file", "run", "lab_record") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "file") in line


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"seeds": (3,)}, "seeds stored [3, 1], now [3]"),
        ({"seeds": (3, 2)}, "seeds stored [3, 1], now [3, 2]"),
        ({"seeds": (1, 3)}, "seeds stored [3, 1], now [1, 3]"),
        ({"keep": 0.3}, "setting keep stored 0.2, now 0.3"),
    ],
)
def test_compare_fails_where_seeds_or_settings_differ(
    shelf, capsys, tmp_path_factory, change, line
):
    other = tmp_path_factory.mktemp("rerun")
    command(shelf, "run", "lab_record")
    again = experiments.lab_record(
        dataclasses.replace(LAB, **change), progress=False, name="lab_record"
    )
    again.save(other / "lab_record.json")
    capsys.readouterr()
    assert command(shelf, "compare", str(other)) == 1
    out = capsys.readouterr().out
    assert f"lab_record: {len(again.settings['seeds'])} seeds: differs" in out
    assert line in out


def test_compare_fails_where_there_is_nothing_to_compare(shelf, capsys, tmp_path_factory):
    command(shelf, "run", "lab_record")
    capsys.readouterr()
    assert command(shelf, "compare", str(tmp_path_factory.mktemp("nothing"))) == 2
    assert "lab_record.json is not there" in capsys.readouterr().err
    assert command(shelf, "compare", str(shelf / ".." / shelf.name)) == 2
    assert "the folder of stored results itself" in capsys.readouterr().err


def test_check_may_use_worker_processes(shelf, capsys):
    command(shelf, "run", "lab_record")
    assert __main__.main(["--results", str(shelf), "--workers", "2", "check", "lab_record"]) == 0
    assert "lab_record: seed 3: agrees" in capsys.readouterr().out


def test_the_scorecard_needs_a_checkout(shelf, capsys, monkeypatch):
    monkeypatch.setattr(stored, "RESULTS", shelf / "results")
    assert command(shelf, "scorecard") == 2
    assert capsys.readouterr().err == (
        f"the scorecard is written into a checkout, and {shelf} is none\n"
    )


def test_the_scorecard_is_written_into_the_checkout(shelf, monkeypatch):
    written = []
    monkeypatch.setattr("replication.scorecard.main", written.append)
    monkeypatch.setattr(stored, "RESULTS", shelf / "results")
    (shelf / "README.md").write_text("")
    assert command(shelf, "scorecard") == 0
    assert written == [shelf]


def test_help_teaches(shelf, capsys):
    with pytest.raises(SystemExit, match="0"):
        command(shelf, "--help")
    out = capsys.readouterr().out
    for word in (
        "list",
        "run",
        "check",
        "compare",
        "scorecard",
        "--quick",
        "goes on",
        "exit status",
    ):
        assert word in out


def test_a_reader_that_ends_early_ends_the_command_quietly():
    command = [sys.executable, "-m", "replication", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == __main__.NOT_READ
