"""An item has a gold or a verifier, and its problem has neither."""

from fractions import Fraction

import pytest

from evals.item import Item
from reasoning.answer import kind
from reasoning.errors import ConfigError, DataError
from reasoning.problem import Problem


def test_a_gold_is_read_as_its_kind() -> None:
    assert Item.of("1", "?", "1,000").gold == Fraction(1000)
    assert Item.of("1", "?", 70000).gold == Fraction(70000)
    assert Item.of("1", "?", "B", "choice").gold == "B"


def test_the_gold_never_reaches_a_strategy() -> None:
    item = Item.of("1", "How many?", "271828", metadata={"level": 3}, group="g")
    assert isinstance(item.problem, Problem)
    assert "271828" not in item.problem.model_dump_json()
    assert set(Problem.model_fields) == {"id", "question", "kind"}


def test_a_gold_that_cannot_be_read_names_the_item() -> None:
    with pytest.raises(DataError, match=r"'Mrs\. Hilt' of item 'nluds-7' is not a number"):
        Item.of("nluds-7", "Who?", "Mrs. Hilt")


def test_either_gold_or_verify() -> None:
    problem = Problem(id="1", question="?", kind=kind("text"))
    with pytest.raises(ConfigError, match="either gold or verify"):
        Item(problem=problem)
    with pytest.raises(ConfigError, match="either gold or verify"):
        Item(problem=problem, gold="x", verify=lambda answer: 1.0)


def test_a_gold_of_false_is_a_gold() -> None:
    assert Item.of("1", "?", "no", "boolean").gold is False
