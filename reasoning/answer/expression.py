r"""Answers that are mathematical expressions."""

import asyncio
import cmath
import itertools
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
from reasoning.answer.notation import mathematical, tidy, words
from reasoning.answer.numeral import Style, numerals, plain
from reasoning.answer.reply import reply_of
from reasoning.answer.segments import segments, sentence_end
from reasoning.answer.statements import Statement, last_match, statements
from reasoning.errors import MissingPackageError
from reasoning.worker import Allowance, Overrun, Worker
from sandbox.wire import Array, Symbolic

logger = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST: Final = 4000
"""Characters that a formula may have."""
_SHORT: Final = 200  # characters of a reply that is nothing but its answer
_LAST: Final = 8000  # characters at the end in which an unmarked formula is looked for
# Each kind of bracket ends where another one of its kind begins, so that a row of opening ones is read once.
_MATHEMATICS = re.compile(
    r"\$\$(?P<display>[^$]{1,4000}+)\$\$|(?<![\\$])\$(?P<inline>[^$\n]{1,2000}+)(?<!\\)\$(?!\d)"
    r"|(?<!\\)\\\[(?P<bracket>(?:[^\\]|\\[^\[\]]){1,4000}+)\\\]|(?<!\\)\\\((?P<paren>(?:[^\\]|\\[^()]){1,2000}+)\\\)",
)
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


_SEVERAL = re.compile(r"[,;]|\band\b|\bor\b|\\text")
_PERCENT_BEHIND = re.compile(r"\}?\s?\$?\s?(?:\\?%|pct\b|percent(?:age)?\b)")
_BETWEEN_BOXES = re.compile(
    r"(?:[\s$,;]|\\q?quad|\\text\s?\{[^{}]{0,40}\}|\\[()\[\]]|\b(?:and|or)\b|[A-Za-z](?:_\{?\w\}?)?\s?=){0,12}"
    r"(?:[A-Za-z]{2,12}\s(?:and|or)\s)?"
)
_JOINED = re.compile(r"[\s$]{0,4}(?:,|and|or|\s){1,3}[\s$]{0,4}")
_CONCLUSION = re.compile(r"(?:.*\b(?:is|are|equals|at|be)\s|.*?:\s|.*?(?=[A-Za-z]\s?=))", re.DOTALL)
_UNIT = re.compile(r"\s(?!pi\b|sqrt|theta)[A-Za-z]{2,}(?:\s[A-Za-z]{2,})?")
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")


@lru_cache(maxsize=16_384)
def _first_key(texts: tuple[tuple[str, str], ...], seconds: float) -> tuple[int, str] | None:
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
        tidied: list[tuple[str, str]] = []
        sure: Extraction | None = None
        for start, end, rule in stretches:
            piece = text[start:end]
            if not 0 < len(piece) <= LONGEST:
                continue
            if (
                known := _known_key(piece, rule)
            ) is not None:  # needs no worker, and whatever follows it is not looked at
                sure = Extraction(Formula(piece, known), (start, end), rule)
                break
            written = tidy(piece)
            if mathematical(written):
                asked.append((start, end, rule))
                tidied.append((plain(piece), written))
        if not asked:
            return sure
        try:
            found = _first_key(tuple(tidied), self.seconds)
        except Overrun as error:
            logger.warning(
                "no canonical form within %.1f s (%s): %.80r", self.seconds, error, text[slice(*asked[0][:2])]
            )
            return None
        if found is None:
            return sure
        start, end, rule = asked[found[0]]
        return Extraction(Formula(text[start:end], found[1]), (start, end), rule)


def _known_key(text: str, rule: str) -> str | None:
    """The key of a text that is a plain number, or words; None where it takes the worker to tell."""
    if (number := _plain_number(text)) is not None:
        return str(number)
    said = words(text)
    if rule in ("last number", "conclusion") or (rule == "last formula" and not text.startswith("\\text")):
        return None
    if (
        said is not None
        and rule in ("answer is", "whole")
        and (len(said.split()) > 4 or (re.search(r"\d", said) and len(said.split()) > 3))
    ):
        return None
    if said is not None and rule == "answer is" and not (text.lstrip(_EDGE)[:1].isupper() or said in _SAID):
        return None  # "the answer is clear"
    return None if said is None else said if len(said) == 1 else _WORD_ANSWERS.get(said, f"text: {said}")


_SAID: Final = frozenset(
    ("yes", "no", "true", "false", "even", "odd", "none", "undefined", "no solution", "infinitely many", "equal")
)
_WORD_ANSWERS: Final = {
    "all real numbers": "(-oo, oo)", "all reals": "(-oo, oo)", "empty set": "{}", "infinity": "oo", "negative"
    " infinity": "-oo",
    "none": "text: no solution", "no solutions": "text: no solution", "no real solutions": "text: no solution",
    "there is no solution": "text: no solution", "true": "text: true", "false": "text: false",
}  # fmt: skip


def _plain_number(text: str) -> Fraction | None:
    """The number that a short text consists of: exact at once, and `1,000` is no set. `1,5` may be one."""
    if len(text) > 100 or _SET.search(text):
        return None
    found = next(numerals(plain(text), 0, len(text), Style(percent=Fraction(1, 100))), None)
    return found.value if found and (found.start, found.end) == (0, len(text)) else None


def _stretches(text: str) -> Iterator[tuple[int, int, str]]:
    """The stretches of a text that may be its answer, with the rule that says so, the likeliest first."""
    reply = reply_of(text)
    yield from _marked(reply)
    whole = _trimmed(reply, 0, len(reply))
    opened = reply.lstrip()[:1] in ("$", "\\") and len(list(_MATHEMATICS.finditer(reply[: 2 * _SHORT]))) == 1
    if (
        whole[1] - whole[0] < _SHORT
        and "\n" not in reply[slice(*whole)]
        and (opened or mathematical(tidy(reply[slice(*whole)])))
    ):
        yield *whole, "whole"
    readable = plain(reply)
    parts = [part for part in segments(reply, max(0, len(reply) - _LAST)) if part.label in ("text", "item", "row")]
    for part in reversed(parts[-12:]):
        spans = [match.span(match.lastgroup or 0) for match in _MATHEMATICS.finditer(reply, part.start, part.end)]
        if spans:
            if len(spans) > 1 and all(_JOINED.fullmatch(reply, a[1], b[0]) for a, b in itertools.pairwise(spans[-2:])):
                yield _joined(reply, spans), spans[-1][1], "last formula"
            behind = _PERCENT_BEHIND.match(reply, spans[-1][1])
            if behind is not None:
                yield spans[-1][0] - 1, behind.end(), "last formula"
            tail = _CONCLUSION.match(reply, spans[-1][1], part.end)
            if tail is not None:
                yield *_after_equals(reply, *_trimmed(reply, tail.end(), part.end)), "conclusion"
            yield *_after_equals(reply, *_trimmed(reply, *spans[-1])), "last formula"
            break
        if (tail := _CONCLUSION.search(reply, part.start, part.end)) is not None:
            yield *_after_equals(reply, *_trimmed(reply, tail.end(), part.end)), "conclusion"
        if (bold := last_match(_BOLD, reply, part.start, part.end)) is not None:
            yield *_after_equals(reply, *_trimmed(reply, *bold.span(1))), "conclusion"
        counted = finding.of_segment(readable, part, Style())
        if counted is not None and counted.numeral.value is not None:
            numeral = counted.numeral
            yield numeral.start, numeral.end, "conclusion" if counted.sure else "last number"
    last = last_match(_MATHEMATICS, reply, max(0, len(reply) - _LAST))
    if last is not None:
        yield *_after_equals(reply, *_trimmed(reply, *last.span(last.lastgroup or 0))), "last formula"
    late = finding.concluded(readable, Style())
    number = late.numeral if late else None
    if number is not None:
        yield number.start, number.end, "last number"


def _joined(text: str, spans: list[tuple[int, int]]) -> int:
    """Where a list of formulas starts that are joined by nothing but commas and "and"."""
    at = len(spans) - 1
    while at and _JOINED.fullmatch(text, spans[at - 1][1], spans[at][0]):
        at -= 1
    return spans[at][0]


def _marked(text: str) -> Iterator[tuple[int, int, str]]:
    readable = plain(text)
    for statement in statements(text):
        for start, end in _candidates(text, readable, statement):
            yield start, end, statement.rule


def _candidates(text: str, readable: str, statement: Statement) -> Iterator[tuple[int, int]]:
    """The stretches of a stated region that may be its formula, the likeliest first."""
    if statement.rule == "boxed":
        if (behind := _PERCENT_BEHIND.match(text, statement.end)) is not None:
            yield statement.at, behind.end()
        if (first := _first_of_boxes(text, statement)) < statement.at:
            yield first, statement.end + 1
    if statement.whole:
        yield _trimmed(text, statement.start, statement.end)
    elif (box := text.find("\\boxed", statement.start, statement.end)) >= 0:
        near = text[box : statement.end]
        inner = next(statements(near), None)
        if inner is not None:
            yield _trimmed(text, box + inner.start, box + inner.end)
    before = max(0, statement.start - 2)  # the region starts behind an opening `$`
    end = sentence_end(text, statement.start, statement.end)
    whole = _trimmed(text, statement.start, end)
    number = finding.stated(readable, statement, Style())
    if (
        number is not None
        and number.value is not None
        and number.start == whole[0]
        and _UNIT.fullmatch(text, number.end, whole[1])
    ):
        yield number.start, number.end
    if mathematical(tidy(text[slice(*whole)])):
        yield whole
    if (tail := _CONCLUSION.match(text, statement.start, end)) is not None and tail.end() > statement.start:
        yield (*_after_equals(text, *_trimmed(text, tail.end(), end)),)
    mathematics = [match.span(match.lastgroup or 0) for match in _MATHEMATICS.finditer(text, before, statement.end)]
    for span in reversed(mathematics):
        yield _after_equals(text, *_trimmed(text, *span))
    yield whole
    if number is not None and number.value is not None:
        yield number.start, number.end


def _first_of_boxes(text: str, statement: Statement) -> int:
    """Where the first of several boxes starts that are joined by commas and "and" alone."""
    first = statement.at
    for _ in range(16):
        previous = text.rfind("\\boxed", max(0, first - 400), first)
        if previous < 0:
            break
        closing = text.rfind("}", previous, first)
        if closing < 0 or not _BETWEEN_BOXES.fullmatch(text, closing + 1, first):
            break
        first = previous
    return first


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and (text[start] in _EDGE or text.startswith("$", start)):
        start += 1
    while start < end and (text[end - 1] in _EDGE + ".,;$" and text[end - 2 : end] != "\\$"):
        end -= 1
    return (start + 2, end) if text.startswith("\\$", start) else (start, end)


def _after_equals(text: str, start: int, end: int) -> tuple[int, int]:
    """Of a chain of equations (`x = 2 + 3 = 5`), what it comes to."""
    at = text.rfind("=", start, end)
    if at < 0 or text[at - 1] in "<>!\\" or text.find("=", start, at) < 0 or _SEVERAL.search(text, start, end):
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
