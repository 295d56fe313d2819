"""Runs with scores of one's choosing, by the real runner on a scripted backend."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from solving import scripted

import evals
from evals.item import Item
from evals.run import Run
from evals.task import Task
from reasoning.completion import Completion, Failure
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.direct import Direct

Mark = bool | int | None
Marks = Callable[[int, int], Mark]
LOST = Failure(kind="connection", message="reset by peer", retryable=True)


def task(count: int, name: str = "sums", groups: int | None = None, add: int = 2) -> Task:
    """What is i + 2? `groups`: so many items share a group each."""
    items = [
        Item.of(f"sum-{i}", f"What is {i} + 2?", str(i + add), group=None if groups is None else f"g{i // groups}")
        for i in range(count)
    ]
    return Task.of(name, items)


def scored(
    marks: Sequence[Mark] | Marks,
    *,
    of: Task | None = None,
    count: int | None = None,
    out: Path | None = None,
    sampled: bool = False,
    words: int = 0,
    **more: Any,
) -> Run:
    """A run whose item i is right, wrong or, where its mark is None, lost to a failure.

    Args:
        marks: One an item; or a function of item and draw index.
        of: The task.
        count: Its items, where marks are a function.
        out: The parent of its folder.
        sampled: Draws at temperature 0.7, for repeats.
        words: Words before each answer, for runs that cost more.
        more: For `evals.evaluate`.
    """
    mark: Marks = marks if callable(marks) else lambda item, _: marks[item]
    given = of or task(count if count is not None else len(marks))  # type: ignore[arg-type]

    def script(request: Request, index: int) -> str | Completion:
        text = request.prompt or " ".join(message.content for message in request.messages)
        item = int(re.findall(r"What is (\d+) \+ 2\?", text)[-1])
        told = mark(item, index)
        if told is None:
            return Completion(index=index, finish="failed", failure=LOST)
        return f"{'well ' * words}The answer is {item + 2 if told else item + 3}."

    strategy = Direct(sampling=Sampling(temperature=0.7)) if sampled else Direct()
    return evals.evaluate(given, strategy, scripted(script), out=out, **more)
