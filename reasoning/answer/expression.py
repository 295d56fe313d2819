r"""Answers that are mathematical expressions."""

import asyncio
import cmath
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import Field

from reasoning.answer import finding
from reasoning.answer.abstract import Answer, Extraction, Formula, Kind, only_item
from reasoning.answer.marker import Region, last_match, regions
from reasoning.answer.numeral import Style, numerals, plain
from reasoning.answer.text import sentence_end
from reasoning.errors import MissingPackageError
from reasoning.worker import Allowance, Overrun, Worker
from sandbox.wire import Array, Symbolic

logger = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST: Final = 4000
"""Characters that a formula may have."""
_LAST: Final = 8000  # characters at the end in which an unmarked formula is looked for
# Each kind of bracket ends where another one of its kind begins, so that a row of opening ones is read once.
_MATHEMATICS = re.compile(
    r"\$\$(?P<display>[^$]{1,4000}+)\$\$|(?<![\\$])\$(?P<inline>[^$\n]{1,2000}+)(?<!\\)\$(?!\d)"
    r"|(?<!\\)\\\[(?P<bracket>(?:[^\\]|\\[^\[\]]){1,4000}+)\\\]|(?<!\\)\\\((?P<paren>(?:[^\\]|\\[^()]){1,2000}+)\\\)",
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


@cache
def worker() -> Worker:
    """The formula worker of this process."""
    return Worker(
        Path(__file__).with_name("canonical.py"),
        lambda package: MissingPackageError(
            package, "pip install 'reasoning-strategies[math]'", "The answer kind 'expression'"
        ),
    )


@cache
def _thread() -> ThreadPoolExecutor:
    """The thread that waits for the worker where an event loop must not: one, for the worker is one."""
    return ThreadPoolExecutor(1, "formulas")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_thread.cache_clear)


@lru_cache(maxsize=16_384)
def _first_key(texts: tuple[str, ...], seconds: float) -> tuple[int, str] | None:
    """The first of some texts that has a canonical key, and the key."""
    reply = worker().ask(texts, Allowance(seconds))
    return None if reply is None else (reply[0], reply[1])


class Expression(Kind):
    """Answers that are mathematical expressions: LaTeX or plain notation, held as `Formula`.

    An expression gets its canonical key once, when it is read, by math-verify (`pip install
    'reasoning-strategies[math]'`) in a worker process that is killed when it overruns. A text whose expressions have no
    key in time has no answer. Reading may therefore block for as long as `seconds` (`aextract` and `aparse` leave the
    event loop free meanwhile); comparing is immediate.

    Attributes:
        seconds: Wall time that reading one text may take.
    """

    kind: Literal["expression"] = "expression"
    seconds: float = Field(default=5.0, gt=0, le=600)

    def extract(self, text: str) -> Extraction | None:
        """The expression that a text marks as its answer; else its `last formula` between `$`; else its `last number`.

        Raises:
            MissingPackageError: math-verify is not installed.
        """
        return self._first(text, _stretches(text))

    def parse(self, value: object) -> Formula | None:
        """The expression that a text, a number, a SymPy object or a collection of them stands for.

        Raises:
            MissingPackageError: math-verify is not installed.
        """
        text = _written(value)
        if text is None:
            return None
        text = text.strip()
        whole = _MATHEMATICS.fullmatch(text)
        start, end = _trimmed(text, *(whole.span(whole.lastgroup or 0) if whole else (0, len(text))))
        found = self._first(text, (*_marked(text), (start, end, "whole")))
        return found.answer if found is not None and isinstance(found.answer, Formula) else None

    async def _without_blocking(self, read: Callable[[], T], size: int) -> T:
        return await asyncio.get_running_loop().run_in_executor(_thread(), read)

    def key(self, answer: Answer) -> str:
        """The canonical key that the answer got when it was read."""
        if not isinstance(answer, Formula):
            raise TypeError(f"an expression's answer is a Formula, not {type(answer).__name__}: use parse() first")
        return answer.key

    def text(self, answer: Answer) -> str:
        """The expression as it was written."""
        return str(answer)

    def _first(self, text: str, stretches: Iterable[tuple[int, int, str]]) -> Extraction | None:
        """The first of some stretches of a text that is an expression; none where that takes too long to tell."""
        asked: list[tuple[int, int, str]] = []
        number: Extraction | None = None
        for start, end, rule in stretches:
            piece = text[start:end]
            if not 0 < len(piece) <= LONGEST or not _is_formula(piece):
                continue
            if (value := _plain_number(piece)) is not None:  # needs no worker, and whatever follows it is not looked at
                number = Extraction(Formula(piece, str(value)), (start, end), rule)
                break
            asked.append((start, end, rule))
        if not asked:
            return number
        try:
            found = _first_key(tuple(plain(text[start:end]) for start, end, _ in asked), self.seconds)
        except Overrun as error:
            logger.warning(
                "no canonical form within %.1f s (%s): %.80r", self.seconds, error, text[slice(*asked[0][:2])]
            )
            return None
        if found is None:
            return number
        start, end, rule = asked[found[0]]
        return Extraction(Formula(text[start:end], found[1]), (start, end), rule)


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


def _stretches(text: str) -> Iterator[tuple[int, int, str]]:
    """The stretches of a text that may be its answer, with the rule that says so, the likeliest first."""
    yield from _marked(text)
    last = last_match(_MATHEMATICS, text, max(0, len(text) - _LAST))
    if last is not None:
        yield *_after_equals(text, *_trimmed(text, *last.span(last.lastgroup or 0))), "last formula"
    number = finding.last(plain(text), Style())
    if number is not None:
        yield number.start, number.end, "last number"


def _marked(text: str) -> Iterator[tuple[int, int, str]]:
    readable = plain(text)
    for region in regions(text):
        for start, end in _candidates(text, readable, region):
            yield start, end, region.rule


def _candidates(text: str, readable: str, region: Region) -> Iterator[tuple[int, int]]:
    """The stretches of a marked region that may be its formula, the likeliest first."""
    if region.rule in ("boxed", "answer tag"):
        yield _trimmed(text, region.start, region.end)
    before = max(0, region.start - 2)  # the region starts behind an opening `$`
    mathematics = [match.span(match.lastgroup or 0) for match in _MATHEMATICS.finditer(text, before, region.end)]
    for span in reversed(mathematics):
        yield _after_equals(text, *_trimmed(text, *span))
    end = sentence_end(text, region)
    yield _trimmed(text, region.start, end)
    number = finding.marked(readable, region, Style())
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
