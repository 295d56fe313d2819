"""A problem with what its answer is scored against."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reasoning.answer import Answer, AnswerKind
from reasoning.answer import kind as kind_of
from reasoning.errors import ConfigError, DataError
from reasoning.problem import Problem
from reasoning.shown import shown

Verify = Callable[[Answer], float]
"""Gives an answer's score in [0, 1], where no single answer is right (countdown and the like)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A problem, and either its gold answer or a function that verifies one. Strategies see `problem` only.

    Attributes:
        problem: What a strategy is given.
        gold: The right answer, of the kind's type; None where `verify` decides.
        verify: Scores an answer in [0, 1]; None where `gold` decides. Where it has an attribute `identity` (a string
            that says what it verifies), a task's fingerprint depends on it.
        metadata: Columns to slice by.
        group: Items of one group are not independent (variants of one template, questions on one text): standard
            errors are clustered by it.
    """

    problem: Problem
    gold: Answer | None = None
    verify: Verify | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    group: str | None = None

    def __post_init__(self) -> None:
        if (self.gold is None) == (self.verify is None):
            raise ConfigError(f"Item {self.id!r} needs either gold or verify, and not both.")

    @classmethod
    def of(
        cls,
        id: str,
        question: str,
        gold: object,
        kind: "AnswerKind | str" = "number",
        *,
        metadata: Mapping[str, object] | None = None,
        group: str | None = None,
    ) -> "Item":
        """An item from a gold answer as it is written, e.g. `"1,000"`.

        Raises:
            UnknownNameError: No such kind.
            DataError: The gold cannot be read as an answer of its kind.
        """
        problem = Problem(id=id, question=question, kind=kind_of(kind) if isinstance(kind, str) else kind)
        return cls(problem=problem, gold=parsed_gold(problem, gold), metadata=metadata or {}, group=group)

    @property
    def id(self) -> str:
        """The problem's id."""
        return self.problem.id


def parsed_gold(problem: Problem, gold: object, place: str = "") -> Answer:
    """A gold answer of the kind's type. A gold that cannot be read would score every answer wrong, so it stops the run.

    Args:
        problem: The problem it belongs to.
        gold: The gold as it is written.
        place: Where it stands, e.g. `"items.jsonl, line 3"`.

    Raises:
        DataError: It is no answer of the problem's kind.
    """
    read = problem.kind.parse(gold)
    if read is None:
        where = f"{place}: " if place else ""
        raise DataError(
            f"{where}the gold {shown(gold, 60)} of item {problem.id!r} is not a {type(problem.kind).__name__.lower()}; "
            "correct it, or set gold_pattern or kind in the task."
        )
    return read
