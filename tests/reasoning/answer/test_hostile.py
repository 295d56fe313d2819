"""No text makes reading slow, or makes it raise."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.answer import AnswerKind, Boolean, Choice, Number, Text

KINDS = [Number(), Number(locale="de", unit=None), Choice(), Choice(options=("1", "the 2", "A B")), Boolean(), Text()]

_SIZE = 1_000_000
_RUNS = [
    "1", "(", "{", "\\", "\\boxed{", "\\boxed{1", "\\frac{", "\\frac{1}", "1 ", "1:", "1,", "1.", "1/", "1e",
    "10^", "answer is ", "answer is not 5 ", "answer:\n", "#", "\n", "-", " ", "$", "$x", "½", "１", "x_1 ",
    "seven ", "**", "**5 a ", "`", "1. a\n", "step 3\n", "5 and ", "</think>", "(A) ", "yes ", "not ", "no ",
    "😀", "<answer>", "a",
]  # fmt: skip
HOSTILE = {
    **{f"{run!r} again and again": run * (_SIZE // len(run)) for run in _RUNS},
    "spaces before a sign": " " * _SIZE + "-5",
    "a digit after a long word": "a" * _SIZE + "5",
    "a unit without end": "The answer is 5 " + "a" * _SIZE,
    "an equation without end": "the answer is 5" + "=5" * (_SIZE // 2),
    "words without end": "the answer is " + "seven " * (_SIZE // 6),
    "an aside without end": "5 (" + "a" * _SIZE + "5)",
    "nested brackets": "(" * (_SIZE // 2) + "5" + ")" * (_SIZE // 2),
    "nested braces": "\\boxed{" + "{" * (_SIZE // 2) + "5" + "}" * (_SIZE // 2),
    "an exponent without end": "1e" + "9" * _SIZE,
    "a power without end": "9^" + "9" * _SIZE,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("kind", KINDS[:1] + KINDS[3:], ids=lambda kind: kind.kind)
def test_a_megabyte_is_read_in_half_a_second(kind: AnswerKind, text: str) -> None:
    kind.extract("warm up: the answer is (A) 1, yes")
    started = time.thread_time()
    kind.extract(text)
    assert time.thread_time() - started < 0.5
    started = time.thread_time()
    kind.parse(text)
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize("text", ["yeſ", "The answer is falſe.", "So it is ıncorrect.", "İncorrect."])
def test_letters_that_only_ignoring_case_makes_english_are_no_boolean(text: str) -> None:
    assert Boolean().extract(text) is None


@pytest.mark.parametrize(
    ("text", "answer"), [("5 thouſand", 5), ("The answer is 5 mıllion.", 5), ("ſix", None), ("mınus five", None)]
)
def test_letters_that_only_ignoring_case_makes_english_are_no_number_word(text: str, answer: int | None) -> None:
    found = Number().extract(text)
    assert (found and found.answer) == answer


@pytest.mark.parametrize("text", ["The answer is ı.", "Answer: (İ)", "option ı."])
def test_a_label_in_a_case_that_only_patterns_know_is_read(text: str) -> None:
    kind = Choice(labels=("I", "II"))
    found = kind.extract(text)
    assert found is not None
    assert found.answer == "I" == kind.parse(text[slice(*found.span)])


_PIECES = st.sampled_from([
    "The answer is ", "answer: ", "\\boxed{", "}", "#### ", "<answer>", "</answer>", "**", "$", "\\$",
    "\\frac{1}{2}", "{", "-", "−", "1", "23", "1,000", "1.5", ".5", "/", " ", "\n", "%", "e3", "^2",
    " × 10^3", " million", "½", "=", " + ", ":", "(", ")", "x", "A", "B", "yes", "no", "not ", "eighteen",
    "١٨", "１", "2. ", "km", "</think>", ",", ".", "€", "\\sqrt{", "\u2009", "st", "?",
    "ſeven", "ıncorrect", "thouſand",
])  # fmt: skip
_TEXTS = st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=14).map("".join))


@given(text=_TEXTS)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_extracted_lies_in_the_text_and_reads_the_same_alone(kind: AnswerKind, text: str) -> None:
    found = kind.extract(text)
    kind.parse(text)
    if found is None:
        return
    start, end = found.span
    assert 0 <= start < end <= len(text)
    assert kind.parse(text[start:end]) == found.answer
    assert kind.parse(kind.text(found.answer)) == found.answer


@given(number=st.fractions())
@pytest.mark.parametrize("kind", KINDS[:2], ids=str)
def test_numbers_survive_their_text(kind: Number, number: Fraction) -> None:
    assert kind.parse(kind.text(number)) == number
    assert kind.parse(f"The answer is {kind.text(number)}.") == number


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_the_decimal_that_they_are_shown_as(number: float) -> None:
    answer = Number().parse(number)
    assert answer is not None
    assert float(answer) == number
    assert Number().parse(repr(number)) == answer


@given(a=st.fractions(), b=st.fractions(), quantum=st.fractions(min_value=Fraction(1, 1000), max_value=1000))
def test_equal_means_the_same_key_and_the_nearest_multiple(a: Fraction, b: Fraction, quantum: Fraction) -> None:
    number = Number(quantum=quantum)
    assert number.equal(a, b) == (number.key(a) == number.key(b)) == (round(a / quantum) == round(b / quantum))
    assert number.parse(number.key(a)) == round(a / quantum) * quantum


@given(text=st.text(max_size=30))
def test_normalised_text_stays_as_it_is(text: str) -> None:
    key = Text().key(text)
    assert Text().key(key) == key
