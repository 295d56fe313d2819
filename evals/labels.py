"""Other labels for a run's problems: corrected golds, and problems whose label is not to be trusted at all.

GSM8K-Platinum (Vendrow et al. 2025, arXiv 2502.03461) went through GSM8K's test set again: 110 problems were removed as
ambiguous, 10 relabelled. Its list is the data set `madrylab/gsm8k-platinum` itself; a problem of GSM8K that is not in
it was removed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.loading import load_task
from evals.record import Record
from evals.task import Task
from evals.task_names import task_names
from reasoning.answer import Answer, AnswerKind
from reasoning.errors import DataError, ReasoningError

PLATINUM = "gsm8k-platinum"

Verdict = Literal["same", "relabelled", "removed"]


@dataclass(frozen=True)
class Labels:
    """What a set of labels says of problems.

    Attributes:
        source: Where it comes from, in words.
        by_id: Golds by id as they are written; None where the problem is to be left out. Others stay as they are.
        by_question: Golds by question, of a whole data set: a problem that is not in it was removed. None for a set
            that goes by ids.
    """

    source: str
    by_id: Mapping[str, object]
    by_question: Mapping[str, str] | None = None

    def of(self, record: Record, kind: AnswerKind) -> tuple[Verdict, Answer | None]:
        """The verdict on a record's label, and the gold by which its answers are right from now on.

        Raises:
            DataError: The label cannot be read as an answer.
        """
        old = None if record.gold is None else kind.parse(record.gold)
        if self.by_question is not None:
            written: object = self.by_question.get(_plain(record.result.problem.question))
        else:
            written = self.by_id.get(record.id, record.gold)
        if written is None:
            return ("same", old) if record.gold is None and record.id not in self.by_id else ("removed", old)
        gold = kind.parse(written)
        if gold is None:
            raise DataError(f"{self.source}: the gold {written!r} of item {record.id!r} is no {kind.kind}; correct it.")
        return ("same" if old is not None and kind.equal(gold, old) else "relabelled"), gold


def read_labels(given: str) -> Labels:
    """A set of labels: a task's name such as `gsm8k-platinum`, or a file.

    Args:
        given: A task, from the hub or the cache of data sets; a JSON Lines file of `{"id", "gold"}`, gold null where a
            problem is to be left out; or a copy of `madrylab/gsm8k-platinum` (`{"question", "answer"}`).

    Raises:
        DataError: It is neither, or a line of it is not as expected.
    """
    file = Path(given)
    if file.is_file():
        if file.suffix in (".jsonl", ".json") and '"gold"' in _first_line(file):
            return Labels(str(file), _by_id(file))
        return _of_task(load_task(PLATINUM, data=file, metadata={}), str(file))
    if given in task_names():
        return _of_task(load_task(given), given)
    raise DataError(f"There is no file {given} and no task of that name; --labels takes a file, or {PLATINUM}.")


def _of_task(task: Task, source: str) -> Labels:
    try:
        golds = {_plain(item.problem.question): task.kind.text(item.gold) for item in task if item.gold is not None}
    except ReasoningError as error:
        told = str(error).replace("--data", "--labels")
        raise DataError(f"The labels {source} cannot be read: {told}") from error
    return Labels(source, {}, golds)


def _by_id(file: Path) -> dict[str, object]:
    golds: dict[str, object] = {}
    # In bytes: a text's lines may end within a question, at U+2028 for instance.
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            golds[str(told["id"])] = told["gold"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f'{file}, line {number}: expected {{"id": …, "gold": …}} in UTF-8.') from error
    return golds


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline()


def _plain(question: str) -> str:
    return " ".join(question.split())
