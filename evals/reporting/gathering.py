"""One pass over a run's records: packs each for the page, and keeps the figures that tables and list need."""

from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from evals.missed import CAUSES, Cause, classed
from evals.record import Record
from evals.reporting.packing import Chunks
from evals.reporting.problems import Common, packed, shortened
from evals.run import Run
from evals.score import is_lost

QUESTION = 300
"""Characters of a question in the list, which is searched at once; the whole one stands with the problem."""
_ANSWER = 60
_META = 80
LOST, UNANSWERED, TIED = 1, 2, 4
"""Bits of what a problem is besides its score."""


@dataclass(slots=True)
class Rows:
    """What the page's list needs of one run: columns, one entry a problem and repeat.

    Attributes:
        item: The problem's place in its task's list.
        repeat: Which repeat.
        chunk: The chunk that holds it.
        line: Its line in the chunk.
        score: Thousandths.
        flags: `LOST`, `UNANSWERED` and `TIED`.
        votes: Of the winning class.
        paths: All that were decided on.
        tokens: Prompt and completion.
        seconds: Thousandths.
        cause: Why it was missed: 0 where it was not, else the place of the cause in `evals.missed.CAUSES`, from 1.
        answer: As text, shortened.
    """

    item: "array[int]" = field(default_factory=lambda: array("l"))
    repeat: "array[int]" = field(default_factory=lambda: array("l"))
    chunk: "array[int]" = field(default_factory=lambda: array("l"))
    line: "array[int]" = field(default_factory=lambda: array("l"))
    score: "array[int]" = field(default_factory=lambda: array("l"))
    flags: "array[int]" = field(default_factory=lambda: array("l"))
    votes: "array[int]" = field(default_factory=lambda: array("l"))
    paths: "array[int]" = field(default_factory=lambda: array("l"))
    tokens: "array[int]" = field(default_factory=lambda: array("l"))
    seconds: "array[int]" = field(default_factory=lambda: array("l"))
    cause: "array[int]" = field(default_factory=lambda: array("l"))
    answer: list[str | None] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The columns as lists."""
        return {name: list(getattr(self, name)) for name in self.__slots__}


class Items:
    """The problems of one task, over all its runs."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.questions: list[str] = []
        self.golds: list[str | None] = []
        self.meta: dict[str, list[Any]] = {}
        self._place_of: dict[str, int] = {}

    def place(self, record: Record) -> int:
        """Where a record's problem stands; put at the end where it is new."""
        place = self._place_of.get(record.id)
        if place is None:
            place = self._place_of[record.id] = len(self.ids)
            self.ids.append(record.id)
            self.questions.append(_cut(" ".join(record.result.problem.question.split()), QUESTION))
            self.golds.append(None if record.gold is None else _cut(record.gold, _ANSWER))
            told = {**record.metadata, **({"group": record.group} if record.group is not None else {})}
            for name, value in told.items():
                column = self.meta.setdefault(name, [None] * place)
                column.extend([None] * (place - len(column)))
                column.append(_value(value))
        return place

    def to_json(self) -> dict[str, Any]:
        """The problems as lists of equal length."""
        meta = {name: column + [None] * (len(self.ids) - len(column)) for name, column in self.meta.items()}
        return {"ids": self.ids, "questions": self.questions, "golds": self.golds, "meta": meta}


@dataclass(slots=True)
class Gathered:
    """What one pass over a run's records came to.

    Attributes:
        run: The run.
        rows: For the page's list.
        common: Texts that its prompts share.
        problems: Problems by what became of them: "right", "partly", "wrong", "no answer", "lost".
        causes: Problems that are not wholly right, by why; see `evals.missed`.
        worth: What those of a cause would add to the sum of the scores, were they right.
        paths: Paths by what became of them: "right", "wrong", or the status of one without an answer.
        seconds: Of each problem.
        draw_seconds: Of each draw that was not failed.
        draw_tokens: Completion tokens of those.
    """

    run: Run
    rows: Rows = field(default_factory=Rows)
    common: Common = field(default_factory=Common)
    problems: "Counter[str]" = field(default_factory=Counter)
    causes: "Counter[Cause]" = field(default_factory=Counter)
    worth: dict[Cause, float] = field(default_factory=dict)
    paths: "Counter[str]" = field(default_factory=Counter)
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    draw_seconds: "array[float]" = field(default_factory=lambda: array("d"))
    draw_tokens: int = 0


def gather(run: Run, items: Items, chunks: Chunks, longest: int, on_problem: Callable[[], None]) -> Gathered:
    """Packs a run's problems and gathers its figures, in memory that grows by some hundred bytes a problem.

    Args:
        run: The run.
        items: Its task's problems so far; new ones are added.
        chunks: Where its problems go.
        longest: Characters of one text that are kept.
        on_problem: Called after each.
    """
    told = Gathered(run)
    for record in run.records:
        problem = packed(record, told.common, longest)
        cause = None
        if record.score < 1:
            cause, why = classed(record)
            problem["missed"] = [cause, shortened(why, None, longest)[0]]
        chunk, line = chunks.add(problem)
        _count(told, record, cause, items.place(record), chunk, line)
        on_problem()
    chunks.flush()
    return told


def _count(told: Gathered, record: Record, cause: Cause | None, place: int, chunk: int, line: int) -> None:
    result, rows = record.result, told.rows
    leader = result.tally.leader
    lost = is_lost(result.key is not None, [path.status for path in result.paths], result.error)
    rows.item.append(place)
    rows.repeat.append(record.repeat)
    rows.chunk.append(chunk)
    rows.line.append(line)
    rows.score.append(round(record.score * 1000))
    rows.flags.append(LOST * lost + UNANSWERED * (result.key is None) + TIED * bool(result.tally.tied))
    rows.votes.append(leader.votes if leader else 0)
    rows.paths.append(len(result.paths))
    rows.tokens.append(result.usage.total_tokens)
    rows.seconds.append(round(result.seconds * 1000))
    rows.answer.append(None if result.answer is None else _cut(result.problem.kind.text(result.answer), _ANSWER))
    rows.cause.append(0 if cause is None else 1 + CAUSES.index(cause))
    if cause is not None:
        told.causes[cause] += 1
        told.worth[cause] = told.worth.get(cause, 0.0) + 1 - record.score
    told.problems["lost" if lost else "no answer" if result.key is None else _verdict(record.score)] += 1
    told.seconds.append(result.seconds)
    for path, score in zip(result.paths, record.path_scores, strict=True):
        told.paths[path.status if path.key is None else _verdict(score)] += 1
        for draw in path.completions:
            if draw.failure is None:
                told.draw_seconds.append(draw.latency_s)
                told.draw_tokens += draw.usage.completion_tokens


def _verdict(score: float) -> str:
    return "right" if score == 1 else "wrong" if score == 0 else "partly"


def _value(value: object) -> Any:
    if isinstance(value, float) and not abs(value) < float("inf"):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else _cut(str(value), _META)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
