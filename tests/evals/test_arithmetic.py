"""Arithmetic from a model is read, never run."""

import pytest

from evals.arithmetic import is_formula, makes


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("94*4 - 61 - 6", True),
        ("(94 × 4) − 61 − 6", True),
        ("94*4 - (61 + 6)", True),
        ("94*4 - 61 - 6 + 0", False),  # 0 is not among the numbers
        ("309", False),
        ("94*4 - 67", False),
        ("94*4 - 61 - 6 = 309", False),
        ("94*4 - 61 - 6.0", False),
        ("94**4", False),
        ("94/0", False),
        ("", False),
        ("True*94", False),
        ("__import__('os').system('true')", False),
        ("(" * 5000, False),
        ("9" * 999 + "+" + "9" * 5000, False),
        ("-" * 999 + "1", False),  # deeper than Python's own stack
    ],
)
def test_countdown(text: str, right: bool) -> None:
    assert makes(text, 309, [6, 61, 94, 4]) is right


def test_exact_fractions() -> None:
    assert makes("8/(3 - 8/3)", 24, [3, 3, 8, 8])
    assert not makes("8/(3 - 8/3) + 0*3", 24, [3, 3, 8, 8])
    assert not makes("49/2", 24, [49, 2])  # 24.5 is not 24, though int() of it is


@pytest.mark.parametrize(
    "text",
    [
        "-34*x**8/15 - 5*x/4 + C",
        "-4*(-2*x - 8)**(3/2)/3 + C",
        "sin(2*x)*exp(-x)",
        "sqrt(x)",
        "x**2*exp(-x**2/2 + 3*x - 10)",
        "E**(5*x)/5 - 2**x*log(64)",
        "((x**2 + 1)**3)**(1/2) * 1000000000000*x**64",
        "(x + 1)**-0.5",
    ],
)
def test_formulas(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.__class__",
        "(lambda: 1)()",
        "[x for x in range(9)]",
        "10**10**10",
        "2**(9999*9999)",
        "2**(64*64*64*64*64)",
        "(((9**64)**64)**64)**64",
        "2**(64/(1/64/64/64/64))",
        "2**((1/64)**-6)",
        "exp(999999999*log(9))",
        "E**(999999999*log(9))",
        "2**exp(6*log(64))",
        "2**E**(6*log(64))",
        "2**log(exp(999999999))",
        "9**sqrt(" + "*".join(["64"] * 10) + ")",
        "open('f')",
        "f'{x}'",
        "x" * 2000,
        "-" * 900 + "1",
        "eval('1')",
    ],
)
def test_what_is_no_formula(text: str) -> None:
    assert not is_formula(text)
