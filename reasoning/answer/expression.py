r"""Answers that are mathematical expressions."""

import cmath
import logging
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal

from pydantic import Field

from reasoning.answer import finding
from reasoning.answer.abstract import Answer, Extraction, Formula, Kind, only_item
from reasoning.answer.marker import Region, last_match, regions
from reasoning.answer.numeral import Style, numerals, plain
from reasoning.answer.text import sentence_end
from reasoning.answer.worker import Overrun, shared
from sandbox.wire import Array, Symbolic

logger = logging.getLogger(__name__)

LONGEST: Final = 4000
"""Characters that a formula may have."""
_LAST: Final = 8000  # characters at the end in which an unmarked formula is looked for
_MATHEMATICS = re.compile(
    r"\$\$(?P<display>[^$]{1,4000})\$\$|(?<![\\$])\$(?P<inline>[^$\n]{1,2000}?)(?<!\\)\$(?!\d)"
    r"|\\\[(?P<bracket>.{1,4000}?)\\\]|\\\((?P<paren>.{1,2000}?)\\\)",
    re.DOTALL,
)
_NAMES = """
    sqrt cbrt root exp log ln sin cos tan cot sec csc asin acos atan arcsin arccos arctan sinh cosh tanh abs max min gcd
    lcm mod det pi inf infty Matrix Abs Eq Interval Union FiniteSet open Lopen Ropen factorial binomial floor ceiling
    Rational Integer Float Tuple alpha beta gamma delta epsilon theta sigma omega phi psi rho tau
"""
_KNOWN_WORDS: Final = frozenset(_NAMES.split())
_COMMAND = re.compile(r"\\(?:text|mbox|mathrm|begin|end|left|right)\s?\{[^{}]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{3,}")
_SET = re.compile(r",(?!\d{3}(?!\d))")
_EDGE = ' \t\r\n*_`"“”'


@lru_cache(maxsize=16_384)
def _key(text: str, seconds: float) -> str | None:
    return shared().key(text, seconds)


class Expression(Kind):
    """Answers that are mathematical expressions: LaTeX or plain notation, held as `Formula`.

    An expression gets its canonical key once, when it is read, by math-verify (`pip install
    'reasoning-strategies[math]'`) in a worker process that is killed when it overruns. What has no key in time is no
    answer. Reading may therefore block for as long as `seconds`; comparing is immediate.

    Attributes:
        seconds: Wall time that reading one expression may take.
    """

    kind: Literal["expression"] = "expression"
    seconds: float = Field(default=5.0, gt=0, le=600)

    def extract(self, text: str) -> Extraction | None:
        """The expression that a text marks as its answer; else its `last formula` between `$`; else its `last number`.

        Raises:
            MissingPackageError: math-verify is not installed.
        """
        for region in regions(text):
            for start, end in _candidates(text, region):
                if (formula := self._formula(text[start:end])) is not None:
                    return Extraction(formula, (start, end), region.rule)
        last = last_match(_MATHEMATICS, text, max(0, len(text) - _LAST))
        if last is not None:
            start, end = _after_equals(text, *_trimmed(text, *last.span(last.lastgroup or 0)))
            if (formula := self._formula(text[start:end])) is not None:
                return Extraction(formula, (start, end), "last formula")
        number = finding.last(plain(text), Style())
        if number is None or (formula := self._formula(text[number.start : number.end])) is None:
            return None
        return Extraction(formula, (number.start, number.end), "last number")

    def parse(self, value: object) -> Formula | None:
        """The expression that a text, a number, a SymPy object or a collection of them stands for.

        Raises:
            MissingPackageError: math-verify is not installed.
        """
        text = _written(value)
        if text is None:
            return None
        for region in regions(text):
            for start, end in _candidates(text, region):
                if (formula := self._formula(text[start:end])) is not None:
                    return formula
        whole = _MATHEMATICS.fullmatch(text.strip())
        start, end = whole.span(whole.lastgroup or 0) if whole else (0, len(text))
        text = text.strip()[start:end] if whole else text
        return self._formula(text[slice(*_trimmed(text, 0, len(text)))])

    def key(self, answer: Answer) -> str:
        """The canonical key that the answer got when it was read."""
        if not isinstance(answer, Formula):
            raise TypeError(f"an expression's answer is a Formula, not {type(answer).__name__}: use parse() first")
        return answer.key

    def text(self, answer: Answer) -> str:
        """The expression as it was written."""
        return str(answer)

    def _formula(self, text: str) -> Formula | None:
        if not text or len(text) > LONGEST or not _is_formula(text):
            return None
        if (number := _plain_number(text)) is not None:
            return Formula(text, str(number))
        try:
            key = _key(plain(text), self.seconds)
        except Overrun as error:
            logger.warning("no canonical form within %.1f s (%s): %.80s", self.seconds, error, text)
            return None
        return None if key is None else Formula(text, key)


def _plain_number(text: str) -> Fraction | None:
    """The number that a short text consists of: exact at once, and `1,000` is no set. `1,5` may be one."""
    if len(text) > 100 or _SET.search(text):
        return None
    found = next(numerals(plain(text), 0, len(text), Style(percent=Fraction(1, 100))), None)
    return found.value if found and (found.start, found.end) == (0, len(text)) else None


def _is_formula(text: str) -> bool:
    """Whether a text is mathematics rather than words, which would read as products of letters."""
    rest = _COMMAND.sub(" ", text)
    return all(word in _KNOWN_WORDS for word in _WORD.findall(rest)) and any(map(str.isalnum, text))


def _candidates(text: str, region: Region) -> Iterator[tuple[int, int]]:
    """The stretches of a marked region that may be its formula, the likeliest first."""
    if region.rule in ("boxed", "answer tag"):
        yield _trimmed(text, region.start, region.end)
    before = max(0, region.start - 2)  # the region starts behind an opening `$`
    mathematics = [match.span(match.lastgroup or 0) for match in _MATHEMATICS.finditer(text, before, region.end)]
    for span in reversed(mathematics):
        yield _after_equals(text, *_trimmed(text, *span))
    end = sentence_end(text, region)
    yield _trimmed(text, region.start, end)
    number = finding.marked(plain(text), region, Style())
    if number is not None and number.value is not None:
        yield number.start, number.end


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and (text[start] in _EDGE or text.startswith("$", start)):
        start += 1
    while start < end and (text[end - 1] in _EDGE + ".,;$" and text[end - 2 : end] != "\\$"):
        end -= 1
    return (start + 2, end) if text.startswith("\\$", start) else (start, end)


def _after_equals(text: str, start: int, end: int) -> tuple[int, int]:
    """Of a chain of equations (`x = 2 + 3 = 5`), what it comes to."""
    at = text.rfind("=", start, end)
    if at < 0 or text[at - 1] in "<>!\\" or text.find("=", start, at) < 0:
        return start, end
    return _trimmed(text, at + 1, end)


def _written(value: object) -> str | None:
    """A value as text that the worker reads; several as the set of them."""
    value = only_item(value)
    if isinstance(value, Array):
        return _written(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        texts = [_written(item) for item in value]
        return ", ".join(sorted(text for text in texts if text)) if texts and all(texts) else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, complex):
        if not cmath.isfinite(value):
            return None
        return f"{Fraction(repr(value.real))} + ({Fraction(repr(value.imag))})*I"
    if not isinstance(value, (str, int, float, Fraction, Decimal, Symbolic)):
        return None
    try:
        return str(value)
    except ValueError:  # more digits than the interpreter writes out
        return None
