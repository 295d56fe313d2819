"""Scoring is pure: an item and an answer in, a number out."""

from fractions import Fraction

import pytest

from evals.item import Item
from evals.score import is_lost, score
from reasoning.answer import kind
from reasoning.errors import ConfigError
from reasoning.problem import Problem


def item(gold: str, kind_name: str = "number") -> Item:
    return Item.of("1", "How many?", gold, kind_name)


@pytest.mark.parametrize(
    ("gold", "answer", "points"),
    [
        ("18", Fraction(18), 1.0),
        ("18", Fraction("18.0000001"), 1.0),  # within the quantum
        ("18", Fraction("18.001"), 0.0),
        ("1,000", Fraction(1000), 1.0),
        ("-5", Fraction(5), 0.0),
        ("0.3", Fraction(0.1 + 0.2), 1.0),  # what a program's floats give
        ("1/2", Fraction(1, 2), 1.0),
        ("72", Fraction(62), 0.0),
        ("60", Fraction(60), 1.0),
        ("18", None, 0.0),
    ],
)
def test_a_number_against_its_gold(gold: str, answer: Fraction | None, points: float) -> None:
    assert score(item(gold), answer) == points


@pytest.mark.parametrize(
    ("kind_name", "gold", "written", "points"),
    [
        ("choice", "A", "A", 1.0),
        ("choice", "A", "B", 0.0),
        ("boolean", "yes", "True", 1.0),
        ("boolean", "yes", "no", 0.0),
    ],
)
def test_other_kinds_against_their_gold(kind_name: str, gold: str, written: str, points: float) -> None:
    answer = kind(kind_name).parse(written)
    assert answer is not None
    assert score(item(gold, kind_name), answer) == points


def test_what_a_program_prints_for_sixty_percent_is_right_for_gsm8k() -> None:
    read = kind("number").extract("So the answer is 60%.")
    assert read is not None
    assert score(item("60"), read.answer) == 1.0


def test_a_verifier_decides_and_may_give_a_fraction() -> None:
    half = Item(problem=Problem(id="1", question="?", kind=kind("text")), verify=lambda answer: 0.5)
    assert score(half, "anything") == 0.5
    assert score(half, None) == 0.0


def test_a_verifier_out_of_range_is_an_error() -> None:
    wrong = Item(problem=Problem(id="seven", question="?", kind=kind("text")), verify=lambda answer: 2.0)
    with pytest.raises(ConfigError, match=r"'seven' gave 2\.0"):
        score(wrong, "anything")


@pytest.mark.parametrize(
    ("answered", "statuses", "error", "lost"),
    [
        (True, ["ok"], None, False),
        (True, ["ok", "failed"], None, False),
        (False, ["no_answer", "truncated", "program_failed", "refused", "filtered"], None, False),
        (False, ["no_answer", "failed"], None, True),
        (False, ["abandoned"], None, True),
        (False, [], None, True),
        (False, ["no_answer"], "ZeroDivisionError", True),
    ],
)
def test_an_item_is_lost_when_the_model_is_not_to_blame(
    answered: bool, statuses: list[str], error: str | None, lost: bool
) -> None:
    assert is_lost(answered, statuses, error) is lost
