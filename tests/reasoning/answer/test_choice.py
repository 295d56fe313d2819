"""A choice is read as its label; an article is no label."""

from typing import Any

import pytest
from pydantic import ValidationError

from reasoning.answer import Choice, kind

CHOICE = Choice()
CITIES = Choice(options=("Paris", "London", "New York", "York"))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("A", "A"),
        ("(B)", "B"),
        ("B.", "B"),
        ("**B**", "B"),
        ("B) 18", "B"),
        ("The answer is B", "B"),
        ("The answer is A.", "A"),
        ("The answer is A because 9 * 2 = 18", "A"),
        ("The answer is (C).", "C"),
        ("So the answer is **D**", "D"),
        ("the answer is b", "B"),
        ("Answer: b", "B"),
        ("Answer: A", "A"),
        ("**Answer: B. Paris**", "B"),
        ("The answer is: C) Paris", "C"),
        ("The correct answer is option C because", "C"),
        ("The correct answer is clearly (B), not something else", "B"),
        ("The best answer, therefore, is D: oxygen", "D"),
        ("option b", "B"),
        ("I think (A) is wrong, so (B).", "B"),
        ("(A) is incorrect; (B) is correct.", "B"),
        ("**A** is clearly wrong, so **C**.", "C"),
        ("(B) is right.", "B"),
        ("The answer is not B. It is option C.", "C"),
        ("The correct option is B", "B"),
        ("The right choice must be (b).", "B"),
        ("12 + 6 = 18. It's B.", "B"),
        ("Options A and C are too small. Therefore, **D**.", "D"),
        ("I would go with C.", "C"),
        ("So A. Option B is wrong.", "A"),
        ("Option A says 16. Option B says 18. So A.", "A"),
        (r"\boxed{B}", "B"),
        (r"\boxed{\text{B}}", "B"),
        (r"The answer is $\textbf{(B)}$", "B"),
        (r"The answer is $\mathrm{(C)}\ 5$", "C"),
        ("#### E", "E"),
        ("<answer>B</answer>", "B"),
        ("The answer is A. No, wait: the answer is D.", "D"),
    ],
)
def test_extract(text: str, label: str) -> None:
    found = CHOICE.extract(text)
    assert found is not None
    assert found.answer == label
    assert CHOICE.parse(text[slice(*found.span)]) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A robe takes 2 bolts of blue fiber",
        "The answer is A robe",
        "The answer is A or B",
        "The answer is A, B",
        "The answer is (A) and (B)",
        "A) 5\nB) 6\nC) 7",
        "Apples",
        "I ate a pear.",
        "So a pear is what it is a part of.",
        "It is a pear. So I pick a plum.",
        "So A, B",
    ],
)
def test_extract_nothing(text: str) -> None:
    assert CHOICE.extract(text) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("It is Paris.", "A"),
        ("The answer is London", "B"),
        ("The answer is New York", "C"),
        ("So I go with york", "D"),
        ("Paris or London", None),
        ("Answer: B", "B"),
        ("The answer is Rome", None),
    ],
)
def test_the_words_of_an_option_stand_for_its_label(text: str, label: str | None) -> None:
    found = CITIES.extract(text)
    assert (found and found.answer) == label


def test_numbers_as_options() -> None:
    numbers = kind("choice", labels=("A", "B"), options=("16", "18"))
    assert numbers.parse(18) == numbers.parse(18.0) == numbers.parse("18") == "B"
    assert numbers.parse(17) is None
    assert numbers.parse(10**5000) is None


def test_labels_may_be_digits_or_words() -> None:
    digits = Choice(labels=("1", "2", "3"))
    assert digits.parse("(3)") == digits.parse(3) == "3"
    assert digits.key("3") == digits.text("3") == "3"
    words = Choice(labels=("entailment", "neutral", "contradiction"))
    found = words.extract("The answer is Neutral.")
    assert found is not None
    assert found.answer == "neutral"


@pytest.mark.parametrize("value", [None, True, 1, [], ["A", "B"], {"x": "A", "y": "B"}, b"A", "F"])
def test_parse_nothing(value: object) -> None:
    assert CHOICE.parse(value) is None


@pytest.mark.parametrize("value", ["A", " a ", "(A)", ["A"], "A."])
def test_parse(value: object) -> None:
    assert CHOICE.parse(value) == "A"


@pytest.mark.parametrize("labels", [(), ("A", "a"), ("A", "")])
def test_labels_must_tell_options_apart(labels: Any) -> None:
    with pytest.raises(ValidationError, match="labels must be distinct"):
        Choice(labels=labels)


def test_options_need_labels() -> None:
    with pytest.raises(ValidationError, match="3 options need as many labels, not 2"):
        Choice(labels=("A", "B"), options=("x", "y", "z"))
