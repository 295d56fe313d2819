"""Each row of docs/answers.md is read as it says."""

import importlib.util
import re
from fractions import Fraction
from pathlib import Path

import pytest

from reasoning.answer import kind

PAGE = Path(__file__).parents[3] / "docs" / "answers.md"


def rows(section: str) -> list[list[str]]:
    part = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    cells = [
        re.findall(r"`([^`]*)`|(?<=\| )([\w/-]+)(?= \|)", line) for line in part.splitlines() if line.startswith("| `")
    ]
    return [[code or word for code, word in line] for line in cells]


@pytest.mark.parametrize(("reply", "answer"), rows("Numbers"))
def test_numbers(reply: str, answer: str) -> None:
    found = kind("number").extract(reply)
    assert (None if found is None else found.answer) == (None if answer == "none" else Fraction(answer))


@pytest.mark.parametrize(("reply", "answer"), rows("Choices"))
def test_choices(reply: str, answer: str) -> None:
    found = kind("choice").extract(reply)
    assert ("none" if found is None else found.answer) == answer


@pytest.mark.parametrize(("reply", "answer"), rows("Booleans"))
def test_booleans(reply: str, answer: str) -> None:
    found = kind("boolean").extract(reply)
    assert ("none" if found is None else str(found.answer).lower()) == answer


@pytest.mark.skipif(importlib.util.find_spec("math_verify") is None, reason="math-verify is not installed")
@pytest.mark.parametrize(("gold", "reply", "same"), rows("Expressions"))
def test_expressions(gold: str, reply: str, same: str) -> None:
    expression = kind("expression", seconds=30)
    right, found = expression.parse(gold), expression.extract(reply)
    assert right is not None
    assert found is not None
    assert expression.equal(right, found.answer) == (same == "yes")


def test_the_page_has_rows() -> None:
    assert [len(rows(section)) for section in ("Numbers", "Choices", "Booleans", "Expressions")] == [13, 4, 3, 11]
