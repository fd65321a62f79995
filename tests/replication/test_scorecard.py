"""The scorecard: verdicts follow from results, and no page says anything else."""

import json
import shutil
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from replication import experiments, scorecard
from replication.recorded import LAB_OUTPUT
from replication.registry import RESULTS
from replication.tables import curly

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rows():
    return scorecard.scorecard()


def test_every_claim_and_recorded_number_has_one_row(rows):
    keys = [row.key for row in rows]
    assert len(set(keys)) == len(keys)
    by_kind = {kind: [r.key for r in rows if r.kind == kind] for kind in scorecard.VERDICTS}
    assert {key.rstrip("abcd") for key in by_kind["claim"]} == {str(n) for n in range(1, 11)}
    assert by_kind["question"] == [f"Q{n}" for n in range(1, 7)]
    assert len(by_kind["record"]) == len(LAB_OUTPUT + scorecard.WITHOUT_RECORD)


def test_rows_say_what_they_rest_on(rows):
    for row in rows:
        assert all((row.claim, row.source, row.criterion, row.measured)), row.key
        assert (ROOT / "book" / f"{row.chapter}.ipynb").exists(), row.key
        assert set(row.experiments) <= set(experiments.STORED), row.key
        if row.experiments:
            assert row.seconds > 0, row.key
            assert "seeds" in row.scope, row.key


def test_cards_say_all_of_a_row(rows):
    html = scorecard.cards(rows)
    assert html.count('<div class="verdict"') == len(rows)
    for row in rows:
        for text in (row.claim, row.measured, row.criterion, row.source, row.scope, row.command):
            assert escape(curly(text), quote=False) in html, row.key
        if row.passed:
            assert row.fixed, row.key
            assert f"(written {row.fixed})" in html


def test_the_short_table_can_do_without_numbers(rows):
    short, long = (scorecard.markdown(rows[:3], measured=m).splitlines() for m in (False, True))
    assert [line.count("|") for line in short] == 5 * [4]
    assert [line.count("|") for line in long] == 5 * [5]
    assert all(rows[0].measured not in line for line in short)


@pytest.mark.parametrize(
    ("passed", "verdict"),
    [
        ((), "not testable from the record"),
        ((True, True), "replicated"),
        ((True, False), "partly replicated"),
        ((False, False), "not replicated"),
    ],
)
def test_verdict_follows_from_the_parts_of_the_criterion(passed, verdict):
    row = scorecard.Row("1", "c", "P", "x", "m", passed, "N = 2, 1 seeds", (), 0.0, "c")
    assert row.verdict == verdict
    assert row.command == ""


def test_a_number_on_record_is_consistent_and_a_question_has_an_answer():
    made = {"criterion": "c", "measured": "m", "scope": "s", "experiments": (), "seconds": 0.0}
    for kind, passed, verdict in (
        ("record", (True,), "consistent"),
        ("record", (False,), "not consistent"),
        ("question", (True, False), "partly"),
        ("question", (False,), "no"),
        ("question", (), "open"),
    ):
        row = scorecard.Row("1", "c", "P", passed=passed, chapter="c", kind=kind, **made)
        assert row.verdict == verdict


def test_verdicts_change_with_the_results(tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(RESULTS, folder)
    path = folder / "lab_record.json"
    stored = json.loads(path.read_text())
    for row in stored["rows"]:
        row["synapses"] = 900_000
    path.write_text(json.dumps(stored))
    (row,) = (row for row in scorecard.scorecard(folder) if row.key == "L3")
    assert row.verdict == "not consistent"
    assert "900,000" in row.measured


def test_a_worse_rule_would_lose_its_verdict(tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(RESULTS, folder)
    path = folder / "trajectories_lab.json"
    stored = json.loads(path.read_text())
    swap = {"noise": "uniform", "uniform": "noise"}
    for row in stored["rows"]:
        row["rule"] = swap.get(row["rule"], row["rule"])
    path.write_text(json.dumps(stored))
    by_key = {row.key: row for row in scorecard.scorecard(folder)}
    assert not any(by_key["6"].passed[:3])  # with a fifth kept


def test_missing_results_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"important_synapses\.json"):
        scorecard.scorecard(tmp_path)


def test_spread_rounds_to_significant_digits():
    assert scorecard.spread([1234.0, 1300.0, 0.012345], digits=2) == "1,200 [0.012, 1,300]"
    assert scorecard.spread(np.array([-2.0, 0, np.inf])) == "0 [−2.0, inf]"


def test_readme_table_agrees_with_the_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split(scorecard.START)[1].split(scorecard.END)[0].strip()
    assert table == scorecard.markdown(scorecard.claims()), "run: python -m replication scorecard"


def test_write_table_replaces_only_what_is_between_the_marks(tmp_path, rows):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{scorecard.START}\nold\n{scorecard.END}\nafter\n")
    assert scorecard.write_table(path, rows[:2])
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert not scorecard.write_table(path, rows[:2])
    path.write_text("no marks")
    with pytest.raises(ValueError, match="must hold the lines"):
        scorecard.write_table(path, rows)


def test_readme_figure_is_drawn_from_the_results(tmp_path):
    (tmp_path / "book" / "_static").mkdir(parents=True)
    shutil.copy(ROOT / "README.md", tmp_path)
    scorecard.main(tmp_path)
    drawn, stored = (
        np.asarray(Image.open(root / "book" / "_static" / "headline.png").convert("L"), dtype=float)
        for root in (tmp_path, ROOT)
    )
    assert drawn.shape == stored.shape
    assert np.abs(drawn - stored).mean() < 1.0, "run: python -m replication scorecard"
    assert stored.std() > 10
