"""What every kind of answer can do, and what an extraction tells."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")
_AT_ONCE: Final = 2000
"""Characters that are read on the event loop itself: a kind reads them in a few milliseconds at worst."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A mathematical expression.

    Attributes:
        text: As it was written, LaTeX or plain.
        key: Its canonical form: two formulas are the same answer when their keys are.
    """

    text: str
    key: str

    def __str__(self) -> str:
        return self.text


Answer: TypeAlias = Fraction | bool | str | Formula
"""An answer as it is held: `Fraction` for numbers, `bool` for booleans, a label or text, a `Formula`. Hashable."""


Evidence: TypeAlias = Literal["boxed", "stated", "concluded", "guessed"]
"""What speaks for an answer: it stands in a box, a marker says so, a sentence concludes with it, or nothing does."""

_CONCLUDED = ("correction", "bold", "equation", "conclusion", "verdict", "option text", "last word", "last formula")
_STATED = ("answer tag", "####", "json", "answer is", "leading", "whole")
_BY_EVIDENCE: Final[dict[Evidence, tuple[str, ...]]] = {"boxed": ("boxed",), "stated": _STATED, "concluded": _CONCLUDED}
_EVIDENCE: Final = {rule: evidence for evidence, rules in _BY_EVIDENCE.items() for rule in rules}


def evidence_of(rule: str) -> Evidence:
    """What a rule is evidence of; of those that only take the last thing there is, "guessed"."""
    return _EVIDENCE.get(rule, "guessed")


@dataclass(frozen=True, slots=True)
class Extraction:
    """An answer found in a text, and where.

    Attributes:
        answer: The answer.
        span: Start and end (exclusive), in characters, of what was read: `text[start:end]` reads as the same answer.
        rule: By which rule it was found: `"boxed"`, `"answer tag"`, `"answer is"`, `"####"` (what a writer marked as
            the answer), or a weaker one that the kind names, such as `"last number"`.
    """

    answer: Answer
    span: tuple[int, int]
    rule: str

    @property
    def evidence(self) -> Evidence:
        """What speaks for the answer, the surest first: "boxed", "stated", "concluded", "guessed"."""
        return evidence_of(self.rule)


class Kind(BaseModel, ABC):
    """How answers of one kind are read, shown, compared and classed.

    A kind is a frozen, hashable value; its fields are its configuration. One canonical key classes answers everywhere:
    the key that a vote counts is the key that a score compares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def extract(self, text: str) -> Extraction | None:
        """The answer that a model's text gives, or None. Never raises, whatever the text.

        Of several explicitly marked answers the last one counts. A text known to be cut short has no answer: that is
        for the caller to say, who knows the finish reason.
        """

    @abstractmethod
    def parse(self, value: object) -> Answer | None:
        """The answer that a gold value or a program's result stands for, or None where it stands for none.

        Args:
            value: Text that holds one answer and nothing else to choose from, or a Python value as the sandbox
                returns it. A container of a single value stands for that value.
        """

    async def aextract(self, text: str) -> Extraction | None:
        """`extract` for the event loop, which it does not hold up."""
        return await self._without_blocking(partial(self.extract, text), len(text))

    async def aparse(self, value: object) -> Answer | None:
        """`parse` for the event loop, which it does not hold up."""
        size = len(value) if isinstance(value, str) else 0
        return await self._without_blocking(partial(self.parse, value), size)

    async def _without_blocking(self, read: Callable[[], T], size: int) -> T:
        return read() if size <= _AT_ONCE else await asyncio.to_thread(read)

    @abstractmethod
    def key(self, answer: Answer) -> str:
        """The canonical name of the answer's class: equal answers, and only they, have the same key."""

    @abstractmethod
    def text(self, answer: Answer) -> str:
        """The answer in plain characters, for people and JSON. `parse(text(answer))` is the answer again."""

    def equal(self, a: Answer, b: Answer) -> bool:
        """Whether two answers are the same answer: whether their keys are the same."""
        return self.key(a) == self.key(b)


def only_item(value: object) -> object:
    """The single value in a container of one (nested too), else the value itself."""
    for _ in range(64):  # deeper nesting than the sandbox lets through is no answer
        if isinstance(value, dict):
            value = tuple(value.values())
        if not (isinstance(value, (list, tuple, set, frozenset)) and len(value) == 1):
            return value
        value = next(iter(value))
    return value
