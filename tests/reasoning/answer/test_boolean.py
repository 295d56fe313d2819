"""Yes and no, with their negations."""

from fractions import Fraction
from typing import Any

import pytest

from reasoning.answer import Boolean
from sandbox.wire import Array

BOOLEAN = Boolean()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", True),
        ("no", False),
        ("The answer is no.", False),
        ("The answer is yes", True),
        ("The answer is Yes, it can", True),
        ("The answer is not true", False),
        ("Answer: No", False),
        ("So the answer is: **True**", True),
        (r"\boxed{\text{Yes}}", True),
        ("#### no", False),
        ("<answer>false</answer>", False),
        ("No, because it's true that x", False),
        ("It is not true.", False),
        ("It is not necessarily true.", False),
        ("That isn't false", True),
        ("The statement is false", False),
        ("That is incorrect.", False),
        ("No doubt about it: yes.", True),
        ("The answer is yes. Wait, the answer is no.", False),
    ],
)
def test_extract(text: str, answer: bool) -> None:
    found = BOOLEAN.extract(text)
    assert found is not None
    assert found.answer is answer
    assert BOOLEAN.parse(text[slice(*found.span)]) is answer


@pytest.mark.parametrize("text", ["", "There are no apples", "He knows the yesterday of noble truth", "I cannot tell"])
def test_extract_nothing(text: str) -> None:
    assert BOOLEAN.extract(text) is None


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0.0, False),
        (Fraction(1), True),
        ("1", True),
        ("TRUE", True),
        ("no", False),
        ([False], False),
        (Array("|b1", (1,), b"\x01"), True),
    ],
)
def test_parse(value: object, answer: bool) -> None:
    assert BOOLEAN.parse(value) is answer


@pytest.mark.parametrize("value", [None, 2, 0.5, "maybe", [], [True, False], Array("|b1", (2,), b"\x01\x00")])
def test_parse_nothing(value: object) -> None:
    assert BOOLEAN.parse(value) is None


def test_key_and_text() -> None:
    for answer in (True, False):
        assert BOOLEAN.parse(BOOLEAN.text(answer)) is answer
    assert BOOLEAN.equal(True, True)
    assert not BOOLEAN.equal(True, False)


@pytest.mark.parametrize("answer", ["true", 1, None])
def test_key_of_what_is_no_answer_is_an_error(answer: Any) -> None:
    with pytest.raises(TypeError, match="use parse"):
        BOOLEAN.key(answer)
