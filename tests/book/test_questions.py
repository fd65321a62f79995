"""Ten questions for each chapter, to be answered from its page alone (the answers are not on it).

A person asks them, not a machine: nine of ten right, or the page is mended. What is tested here is
that they are whole and belong to a chapter.
"""

import json
from pathlib import Path

import execute
import pytest

FILES = sorted(Path(__file__).with_name("questions").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ten_questions_with_answers_belong_to_a_chapter(path):
    assert path.stem in {chapter.stem[:2] for chapter in execute.chapters()}
    questions = json.loads(path.read_text(encoding="utf-8"))
    assert len(questions) == 10
    assert all(set(entry) == {"question", "answer"} for entry in questions)
    assert all(text.strip() for entry in questions for text in entry.values())
    assert len({entry["question"] for entry in questions}) == 10
    assert all(entry["question"].endswith("?") for entry in questions)
