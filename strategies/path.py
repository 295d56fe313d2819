"""One line of reasoning to one answer."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, field_serializer

from reasoning.answer import Evidence, Extraction, evidence_of
from reasoning.completion import Completion
from reasoning.problem import Problem
from reasoning.usage import NO_USAGE, Usage
from sandbox.outcome import Outcome

Status = Literal[
    "ok",  # it has an answer
    "no_answer",  # the text, or the program's value, holds no answer of the kind
    "truncated",  # cut at max_tokens; its last number is no answer
    "refused",  # the model declined
    "filtered",  # a content filter withheld the text
    "failed",  # a draw could not be had
    "program_failed",  # the program did not run to a value
    "abandoned",  # still under way at the deadline
]
STATUSES: tuple[Status, ...] = get_args(Status)


class Path(BaseModel):
    """One line of reasoning to one answer. A path that is not "ok" has no answer and abstains from the vote.

    Attributes:
        index: Its draw index.
        status: How it ended.
        answer: The answer, of its kind's type; None unless `status` is "ok".
        key: The canonical key of the answer's class: what votes are counted by, and scores.
        reason: Why there is no answer, in a few words.
        span: Where in the last completion's text the answer was read: (start, end) in characters.
        rule: By which rule it was read, e.g. "boxed"; "program" for a program's value.
        completions: The draws behind it, in the order they were made.
        program: The program that was run, if any.
        outcome: What became of it in the sandbox.
        signals: Numbers that votes may weigh it by, each by name, e.g. a judge's score.
        asides: Draws made to weigh it, e.g. a judge's; they count in usage and cost.
        member: Which member of an ensemble drew it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    index: int
    status: Status
    answer: Any = None
    key: str | None = None
    reason: str | None = None
    span: tuple[int, int] | None = None
    rule: str | None = None
    completions: tuple[Completion, ...] = ()
    program: str | None = None
    outcome: Outcome | None = None
    signals: dict[str, float] = {}
    asides: tuple[Completion, ...] = ()
    member: int | None = None

    @field_serializer("answer", when_used="json")
    def _plain(self, answer: Any) -> Any:
        return answer if answer is None or isinstance(answer, bool) else str(answer)

    @classmethod
    def answered(
        cls, problem: Problem, index: int, completions: tuple[Completion, ...], answer: Any, **more: Any
    ) -> "Path":
        """A path with an answer that was had by other means than reading the last text, e.g. a program's value."""
        return cls(
            index=index, status="ok", answer=answer, key=problem.kind.key(answer), completions=completions, **more
        )

    @classmethod
    def without_answer(
        cls, index: int, status: Status, reason: str, completions: tuple[Completion, ...] = (), **more: Any
    ) -> "Path":
        """A path that abstains, and why."""
        return cls(index=index, status=status, reason=reason, completions=completions, **more)

    @classmethod
    def read(cls, problem: Problem, index: int, completions: tuple[Completion, ...], lead: str = "") -> "Path":
        """The path whose answer stands in the last completion's text.

        On an event loop use `aread`: a formula may take seconds to read.

        Args:
            problem: The problem, whose kind reads the answer.
            index: The path's draw index.
            completions: The draws; the last one answers.
            lead: Prompt text that the answer completes ("Therefore, the answer is"), read together with it.
        """
        broken = cls.broken(index, completions)
        if broken is not None:
            return broken
        return cls._found(problem, index, completions, lead, problem.kind.extract(lead + completions[-1].text))

    @classmethod
    async def aread(cls, problem: Problem, index: int, completions: tuple[Completion, ...], lead: str = "") -> "Path":
        """`read` for the event loop, which it does not hold up."""
        broken = cls.broken(index, completions)
        if broken is not None:
            return broken
        found = await problem.kind.aextract(lead + completions[-1].text)
        return cls._found(problem, index, completions, lead, found)

    @classmethod
    def _found(
        cls,
        problem: Problem,
        index: int,
        completions: tuple[Completion, ...],
        lead: str,
        found: Extraction | None,
    ) -> "Path":
        if found is None or found.span[1] <= len(lead):
            return cls.without_answer(index, "no_answer", "the text holds no answer", completions)
        start, end = (max(0, at - len(lead)) for at in found.span)
        return cls.answered(problem, index, completions, found.answer, span=(start, end), rule=found.rule)

    @classmethod
    def broken(cls, index: int, completions: tuple[Completion, ...]) -> "Path | None":
        """The path that ends with its last completion because that failed, was cut, refused or filtered; else None."""
        last = completions[-1]
        if last.failure is not None:
            return cls.without_answer(index, "failed", f"{last.failure.kind}: {last.failure.message}", completions)
        if last.finish == "length":
            return cls.without_answer(index, "truncated", "the text was cut at max_tokens", completions)
        if last.finish == "refusal":
            return cls.without_answer(index, "refused", "the model declined", completions)
        if last.finish == "content_filter":
            return cls.without_answer(index, "filtered", "a content filter withheld the text", completions)
        return None

    @property
    def stated(self) -> bool:
        """True for an answer that the text states: in a box, behind a marker, or as all that it says."""
        return self.status == "ok" and self.evidence in ("boxed", "stated")

    @property
    def evidence(self) -> Evidence | None:
        """What speaks for the answer that was read in the text; None without one, and for a program's value."""
        return None if self.rule in (None, "program") or self.answer is None else evidence_of(self.rule)

    @property
    def usage(self) -> Usage:
        """What its draws cost bought cold."""
        return sum((c.usage for c in (*self.completions, *self.asides)), NO_USAGE)

    @property
    def cost(self) -> float | None:
        """Money for its draws in US dollars; None where a price is unknown."""
        return total_cost(c.cost for c in (*self.completions, *self.asides))

    @property
    def text(self) -> str:
        """The text of its last completion."""
        return self.completions[-1].text if self.completions else ""

    @property
    def reasoning(self) -> str | None:
        """The reasoning text of its last completion."""
        return self.completions[-1].reasoning if self.completions else None


def total_cost(costs: Iterable[float | None]) -> float | None:
    """The sum of costs; None where one of them is unknown."""
    total = 0.0
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total
