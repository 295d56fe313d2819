"""Looks over exemplar sets: does one give away a scored item, and does every program run to the answer it states?

Published exemplars do both wrong: nine of one well-known set are test questions of GSM8K, and two of its programs use
names that they never define.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from evals.task import Task
from reasoning.shown import shown as shown_value
from sandbox.sandbox import Sandbox
from strategies.exemplars import exemplar_set
from strategies.program_of_thought import ProgramOfThought, failure_reason

RUN = 10
"""So many words, numbers and signs in a row, found in an item, are that item's."""
STRETCH = 3
"""Words in a row by which near-duplicates are told; a number counts as a word, whichever it is."""
ALIKE = 0.5
"""The share of an exemplar's stretches that, found in one item, makes it that item in other words or numbers."""
LEAST = 8
"""Fewer stretches of its own than these are too little text to tell near-duplicates by."""
FORM = 0.05
"""What more than this share of a task's items have in common is the task's form, and gives no item away."""
FORM_LEAST = 3
"""The same for small tasks: more items than these."""

Marks = frozenset[tuple[str, ...]]

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[-+*/^=<>%]")
_NUMBER = "0"


class Fault(BaseModel):
    """What is wrong with one exemplar.

    Attributes:
        set: The set's name, or the path of a person's own.
        exemplar: Its number in the set, from 1.
        what: "program": it does not run to the stated answer; "overlap": it gives an item away.
        told: The fault in a sentence.
        task: Whose item it gives away.
        item: That item's id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    set: str
    exemplar: int
    what: Literal["program", "overlap"]
    told: str
    task: str | None = None
    item: str | None = None


class Overlap(NamedTuple):
    """A question that gives an item away: which question, which item, and how it shows."""

    question: int
    item: str
    told: str


def program_faults(name: str) -> list[Fault]:
    """Runs a set's programs in the sandbox, in both forms that `ProgramOfThought` shows them in.

    Raises:
        UnknownNameError: No such set.
        DataError: A person's own set cannot be read.
        SandboxError: This machine cannot contain programs.
    """
    found = exemplar_set(name)
    written = [(number, shown) for number, shown in enumerate(found.exemplars, 1) if shown.program.strip()]
    faults: dict[int, Fault] = {}
    for returns in ("ans", "solution()"):
        strategy = ProgramOfThought(shots=None, returns=returns)
        with Sandbox(strategy.limits, strategy.level) as box:
            outcomes = box.map([strategy.exemplar_answer(shown) for _, shown in written], returns=returns)
        for (number, shown), outcome in zip(written, outcomes, strict=True):
            stated, value = found.kind.parse(shown.answer), found.kind.parse(outcome.value)
            if stated is None:
                told = f"its answer {shown.answer!r} is no {found.kind.kind}"
            elif outcome.status != "ok":
                told = f"its program does not run: {failure_reason(outcome)}"
            elif value is None or not found.kind.equal(value, stated):
                told = f"its program gives {shown_value(outcome.value, 200)}, and its answer is {shown.answer}"
            else:
                continue
            faults.setdefault(number, Fault(set=name, exemplar=number, what="program", told=told))
    return [faults[number] for number in sorted(faults)]


def overlap_faults(names: Sequence[str], task: Task) -> list[Fault]:
    """The exemplars of sets that give an item of a task away, each with the item that shows it best.

    Raises:
        UnknownNameError: No such set.
        DataError: A person's own set, or the task's data, cannot be read.
    """
    shown = [(name, n, e.question) for name in names for n, e in enumerate(exemplar_set(name).exemplars, 1)]
    items = ((item.id, item.problem.question) for item in task)
    return [
        Fault(set=name, exemplar=number, what="overlap", told=told, task=task.name, item=item)
        for place, item, told in overlaps([question for *_, question in shown], items)
        for name, number, _ in [shown[place]]
    ]


def overlaps(questions: Sequence[str], items: Iterable[tuple[str, str]]) -> Iterator[Overlap]:
    """Which questions give an item away, at most one item each.

    A question gives an item away that is the same once case, spacing and punctuation are set aside; with which it
    shares a run of `RUN` words, numbers and signs; or that holds `ALIKE` of its stretches of `STRETCH` words, numbers
    taken for equal. What is common to many items of the task, but for numbers, is its form and counts for neither.

    Measured on GSM8K: of its 1,319 test questions, each with other numbers, all were told, and with other numbers and
    names 98 %; of its 7,473 training questions 16 (0.2 %), most of which are near-duplicates of a test question.

    Args:
        questions: The exemplars' questions.
        items: Each item's id and question; read once.
    """
    asked = [_tokens(question) for question in questions]
    sought = frozenset(chain.from_iterable(_marks(tokens) for tokens in asked))
    unnumbered = frozenset(map(_without_numbers, sought))
    common: Counter[tuple[str, ...]] = Counter()
    same: dict[tuple[str, ...], str] = {}
    seen: list[tuple[str, Marks]] = []
    count = 0
    for item, question in items:
        count += 1
        tokens = _tokens(question)
        same.setdefault(tokens, item)
        marks = _marks(tokens)
        common.update(unnumbered & frozenset(map(_without_numbers, marks)))
        seen.append((item, sought & marks))
    form = {mark for mark, times in common.items() if times > max(FORM_LEAST, FORM * count)}
    own = frozenset(mark for mark in sought if _without_numbers(mark) not in form)
    for place, tokens in enumerate(asked):
        if tokens in same:
            yield Overlap(place, same[tokens], "its question is that of item")
        elif (worst := _worst(tokens, own, seen)) is not None:
            yield Overlap(place, *worst)


def _worst(tokens: tuple[str, ...], own: Marks, seen: Sequence[tuple[str, Marks]]) -> tuple[str, str] | None:
    """The item that shares most of what is its own with a question, if any shares enough, and how that shows."""
    runs, stretches = _runs(tokens) & own, _stretches(tokens) & own
    item, shared = max(seen, key=lambda one: len(one[1] & runs), default=("", frozenset()))
    if shared & runs:
        first = next(run for run in _in_order(tokens, RUN) if run in shared and run in runs)
        return item, f"its question shares “{' '.join(first)}” with item"
    if len(stretches) < LEAST:
        return None
    item, shared = max(seen, key=lambda one: len(one[1] & stretches), default=("", frozenset()))
    share = len(shared & stretches) / len(stretches)
    return (item, f"but for numbers, {share:.0%} of its question stands in item") if share >= ALIKE else None


def _tokens(text: str) -> tuple[str, ...]:
    """A text's words, numbers and signs; case, spacing, punctuation and thousands' commas set aside."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("−", "-")
    return tuple(token.replace(",", "") if token[0].isdigit() else token for token in _TOKEN.findall(plain))


def _marks(tokens: Sequence[str]) -> Marks:
    return _runs(tokens) | _stretches(tokens)


def _runs(tokens: Sequence[str]) -> Marks:
    return frozenset(_in_order(tokens, RUN))


def _stretches(tokens: Sequence[str]) -> Marks:
    return frozenset(_in_order(_without_numbers([token for token in tokens if token[0].isalnum()]), STRETCH))


def _without_numbers(tokens: Sequence[str]) -> tuple[str, ...]:
    return tuple(_NUMBER if token[0].isdigit() else token for token in tokens)


def _in_order(tokens: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    return (tuple(tokens[at : at + length]) for at in range(len(tokens) - length + 1))
