"""Free text is compared after normalisation, which never merges different answers."""

from fractions import Fraction

import pytest

from reasoning.answer import Text
from sandbox.wire import Symbolic

TEXT = Text()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is Paris. I hope it helps", "Paris"),
        ("The answer is St. Louis.", "St. Louis"),
        ("Answer: **J. K. Rowling**", "J. K. Rowling"),
        (r"\boxed{New York}", "New York"),
        (r"\boxed{\text{New York}}", "New York"),
        (r"\boxed{ \textbf{Paris.} }", "Paris"),
        (r"\boxed{\text{a} \cup \text{b}}", r"\text{a} \cup \text{b}"),
        ("<answer>a b</answer>\nchatter", "a b"),
        ("First some thoughts.\nThe Eiffel Tower.\n\n...", "The Eiffel Tower"),
        ("#### -5", "-5"),
    ],
)
def test_extract(text: str, answer: str) -> None:
    found = TEXT.extract(text)
    assert found is not None
    assert found.answer == answer
    assert text[slice(*found.span)] == answer


@pytest.mark.parametrize("text", ["", "...", "\n\n", "**", "x" * 10_000])
def test_extract_nothing(text: str) -> None:
    assert TEXT.extract(text) is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Paris", "paris."),
        ("New  York!", "new york"),
        ("Ａ", "a"),
        ("−5", "-5"),
        ("“hi”", '"hi"'),
        ("don't", "don’t"),
        ("Straße", "STRASSE"),
        ("café", "cafe\u0301"),
        ("(42)", "42"),
    ],
)
def test_same(a: str, b: str) -> None:
    assert TEXT.equal(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("3.5", "35"),
        ("−5", "5"),
        ("1/2", "12"),
        (".5", "5"),
        ("A", "The A"),
        ("C++", "C"),
        ("50%", "50"),
        ("don't", "dont"),
    ],
)
def test_different(a: str, b: str) -> None:
    assert not TEXT.equal(a, b)


def test_case_may_matter() -> None:
    assert not Text(case=True).equal("Polish", "polish")


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("Paris", "Paris"),
        (18, "18"),
        (Fraction(1, 3), "1/3"),
        (["Paris"], "Paris"),
        (Symbolic("Symbol('x')", "x"), "x"),
        (True, "True"),
    ],
)
def test_parse(value: object, answer: str) -> None:
    assert TEXT.parse(value) == answer
    assert TEXT.parse(TEXT.text(answer)) == answer


@pytest.mark.parametrize("value", [None, "", "...", [], ["a", "b"], pytest.param(10**5000, id="too long")])
def test_parse_nothing(value: object) -> None:
    assert TEXT.parse(value) is None
