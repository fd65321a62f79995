"""Stored results: written whole or not at all, read whole or not at all."""

import json

import numpy as np
import pytest

from replication import result as record
from replication.result import DamagedResult, Result, write_atomically

MADE = {"seconds": 1.5, "date": "2026-01-01", "command": "python -m replication run demo"}


def demo(*, seeds=(0, 1), rows=None, **fields):
    """A small whole result, or one with other fields."""
    if rows is None:
        rows = [{"seed": s, "rule": r, "error": [s, 0.5]} for s in seeds for r in ("a", "b")]
    return Result(**{"experiment": "demo", "settings": {"seeds": list(seeds)}, "rows": rows,
                     "provenance": MADE} | fields)  # fmt: skip


def test_json_round_trip_is_exact(tmp_path):
    result = demo()
    path = result.save(tmp_path / "folder" / "demo.json")
    assert Result.load(path) == result
    text = path.read_text()
    assert text.endswith("}\n")
    assert sum(line.startswith('  {"seed"') for line in text.splitlines()) == len(result.rows)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "demo.json"
    demo().save(path)
    with pytest.raises(ValueError, match=r"Out of range float|not JSON compliant"):
        demo(rows=[{"seed": 0, "error": float("nan")}]).save(path)

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        demo(seeds=(5,)).save(path)
    assert Result.load(path) == demo()
    assert [p.name for p in tmp_path.iterdir()] == ["demo.json"]


@pytest.mark.parametrize("content", ["größer\n", b"\x89PNG\r\n"])
def test_texts_and_bytes_are_written_as_they_are(tmp_path, content):
    path = tmp_path / "new" / "file"
    assert write_atomically(path, "old") == path
    write_atomically(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert path.stat().st_mode & 0o777 == 0o644


WHOLE = json.dumps({"experiment": "demo", "settings": {"seeds": [0, 1]}, "provenance": MADE,
                    "rows": [{"seed": 0, "error": 1.0}, {"seed": 1, "error": 2.0}]})  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (WHOLE, "", "Expecting value"),
        (WHOLE, WHOLE[:-20], "Expecting"),
        (WHOLE, "[1, 2]", "indices"),
        (WHOLE, "[" * 100_000, "recursion"),
        (WHOLE, "\xff\xfe", "Expecting value"),
        ('"demo"', "7", "experiment is no str"),
        ("[0, 1]", "[]", "no seeds"),
        ("[0, 1]", "2", "no seeds"),
        ("[0, 1]", "[0, 1, 2]", "no row is of seed 2"),
        ("[0, 1]", "[0]", "seed 1, which is none of the settings"),
        ('"seconds": 1.5', '"seconds": "long"', "the seconds"),
        ('"date"', '"day"', "the date"),
        ('"rows"', '"lines"', "'rows' is missing"),
        (WHOLE[WHOLE.index("[{") :], '"none"}', "rows is no list"),
        (WHOLE[WHOLE.index("[{") :], "[]}", "no row is of seed 0"),
        ('{"seed": 0, "error": 1.0}', "3", "a row is no dict"),
        ("1.0", "NaN", "it holds NaN"),
        ("1.0", "-Infinity", "it holds -Infinity"),
        ("1.0", '"1.0"', "error is a text in some rows and a number in others"),
        ("2.0", "[2.0]", "error is a number in some rows and a list in others"),
        ("2.0", "true", "error is a number in some rows and true or false in others"),
        (', "error": 2.0', "", "the rows of seed 1 are not those of seed 0"),
        (', {"seed": 1', ', {"seed": 1, "error": 2.0}, {"seed": 1', "rows of seed 1 are not"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, old, new, why):
    path = tmp_path / "demo.json"
    path.write_text(WHOLE)
    assert len(Result.load(path).rows) == 2
    assert WHOLE.count(old) == 1
    path.write_text(WHOLE.replace(old, new))
    with pytest.raises(DamagedResult, match=rf"demo\.json is damaged \(.*{why}") as error:
        Result.load(path)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_and_a_folder_are_named(tmp_path):
    path = tmp_path / "demo.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedResult, match=r"demo\.json is damaged"):
        Result.load(path)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DamagedResult, match=r"folder\.json is a folder"):
        Result.load(tmp_path / "folder.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"demo\.json"):
        Result.load(tmp_path / "demo.json")


def test_a_value_may_be_missing_where_there_is_none(tmp_path):
    result = demo(rows=[{"seed": 0, "error": None}, {"seed": 1, "error": 2.0}])
    assert Result.load(result.save(tmp_path / "demo.json")) == result


def test_rows_are_selected_by_their_conditions():
    result = demo()
    assert result.select(rule="a", seed=1) == [result.rows[2]]
    assert result.column("error", rule="b").tolist() == [[0, 0.5], [1, 0.5]]
    assert len(result.select()) == 4
    with pytest.raises(KeyError, match=r"demo has no row with.*uniform.*a"):
        result.select(rule="uniform")


def test_only_plain_values_are_stored_to_nine_digits():
    mixed = {
        "a": np.float64(1 / 3),
        "b": (np.int64(2), True, np.bool_(False)),
        3: np.arange(2.0),
        "n": None,
        "s": "x",
    }
    plain = record.plain(mixed)
    assert plain == {"a": 0.333333333, "b": [2, True, False], "3": [0.0, 1.0], "n": None, "s": "x"}
    assert json.loads(json.dumps(plain)) == plain


def test_streams_are_different_and_do_not_depend_on_how_many_are_asked_for():
    assert record.streams(5, 3)[:2] == record.streams(5, 2)
    assert len({*record.streams(5, 100), *record.streams(6, 100)}) == 200
