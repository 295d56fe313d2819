"""Values of programs are numbers too; a number has one key, and a text that reads back."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from reasoning.answer import Number, kind
from sandbox.wire import Array, Symbolic

F = Fraction  # what a table of cases is read by
NUMBER = Number()


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (18, 18),
        (18.0, 18),
        (0.1, F(1, 10)),
        (1e300, 10**300),
        (-0.0, 0),
        (F(1, 3), F(1, 3)),
        (Decimal("1.10"), F(11, 10)),
        (Decimal("1E+3"), 1000),
        (complex(3, 0), 3),
        ([18], 18),
        ((18,), 18),
        ([[18]], 18),
        ({18}, 18),
        ({"x": 18}, 18),
        ("18", 18),
        ("The answer is $18.", 18),
        ("9 * 2 = 18", 18),
        ("eighteen", 18),
        ("She sells 9 and makes 2.\n#### 18", 18),
        (Symbolic("Integer(18)", "18"), 18),
        (Symbolic("Rational(1, 2)", "1/2"), F(1, 2)),
        (Symbolic("Float('0.5', precision=53)", "0.500000000000000"), F(1, 2)),
        (Array("<f8", (1,), b"\x00\x00\x00\x00\x00\x002@"), 18),
        (Array("<i8", (), b"\x12" + b"\x00" * 7), 18),
    ],
)
def test_parse_values_of_programs(value: object, right: F) -> None:
    assert NUMBER.parse(value) == right


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        [True],
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("1E+999999"),
        complex(3, 1),
        [],
        [1, 2],
        {"x": 1, "y": 2},
        b"18",
        "3 or 4",
        "12 apples and 3 pears",
        "5-3",
        "3:30",
        "1/0",
        "x + 3",
        "3*x",
        r"2\sqrt{3}",
        "",
        Symbolic("Mul(Integer(3), Symbol('x'))", "3*x"),
        Symbolic("Add(Symbol('x'), Integer(3))", "x + 3"),
        Array("<i8", (2,), b"\x12" + b"\x00" * 15),
        Array("|b1", (1,), b"\x01"),
    ],
)
def test_parse_nothing(value: object) -> None:
    assert NUMBER.parse(value) is None


def test_numbers_with_too_many_digits_are_unreadable_and_raise_nothing() -> None:
    long = "1" * 5000
    for value in (10**5000, -(10**5000), F(1, 10**5000), long, f"0.{long}", f"1/{long}", "1 " * 100_000, f"1e{long}"):
        assert NUMBER.parse(value) is None
    for text in (long, f"The answer is {long}", f"\\boxed{{{long}}}", f"2^{long}"):
        assert NUMBER.extract(text) is None


def test_numbers_with_many_digits_are_read_exactly() -> None:
    for value in (10**4000 - 1, F(1, 10**3999), F(10**3999 + 1, 7**4000), -F(10**3999, 3)):
        answer = _parse(value)
        assert answer == value
        assert NUMBER.parse(NUMBER.text(answer)) == value
        assert NUMBER.key(answer)


def test_quantum_makes_one_class_of_rounding_errors() -> None:
    assert NUMBER.equal(_parse(0.1 + 0.2), _parse("0.3"))
    assert NUMBER.key(_parse(0.1 + 0.2)) == "0.3"
    assert not NUMBER.equal(_parse("0.333"), _parse("1/3"))
    assert NUMBER.key(_parse("1/3")) == "0.333333"
    exact = Number(quantum=F(0))
    assert exact.key(_parse("1/3")) == "1/3"
    assert not exact.equal(_parse(0.1 + 0.2), _parse("0.3"))
    cents = kind("number", quantum="0.01")
    assert cents.equal(_parse("3.333"), _parse("10/3"))
    tens = kind("number", quantum=10)
    assert [tens.key(F(n)) for n in (5, 15, 17, -5, -16)] == ["0", "20", "20", "0", "-20"]


@pytest.mark.parametrize(
    ("a", "b"), [("3.5", "35"), ("−5", "5"), ("1/2", "12"), ("72", "62"), ("1,000", "1"), ("1e3", "13")]
)
def test_different_numbers_differ(a: str, b: str) -> None:
    assert not NUMBER.equal(_parse(a), _parse(b))


def test_votes_for_one_number_are_one_class() -> None:
    votes = Counter(NUMBER.key(_parse(text)) for text in ("18", "18.0", "18.00", "7", "7"))
    assert votes == {"18": 3, "7": 2}


@pytest.mark.parametrize(
    ("value", "text"),
    [(18, "18"), ("0.50", "0.5"), ("1/3", "1/3"), ("-7/2", "-3.5"), ("1e-7", "0.0000001"), (10**20, "1" + "0" * 20)],
)
def test_text(value: object, text: str) -> None:
    assert NUMBER.text(_parse(value)) == text


def test_text_in_a_comma_locale_reads_back() -> None:
    german = Number(locale="de")
    for value in (F(1234, 1000), F(5, 4), F(1, 8), F(1000), F(12_345, 10)):
        assert german.parse(german.text(value)) == value


@pytest.mark.parametrize("answer", ["18", True, 18, None])
def test_key_of_what_is_no_answer_is_an_error(answer: Any) -> None:
    with pytest.raises(TypeError, match="use parse"):
        NUMBER.key(answer)


def _parse(value: object) -> F:
    answer = NUMBER.parse(value)
    assert answer is not None
    return answer
