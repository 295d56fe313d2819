"""Scores a run again with another extractor or other labels, free, and says which problems changed."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.folder import run_folder
from evals.header import RunHeader
from evals.item import Item
from evals.labels import Labels, read_labels
from evals.lines import Context, Shared, encode
from evals.loading import load_task
from evals.record import Record
from evals.rereading import Reread, Rereader
from evals.run import Run
from evals.runlog import RunLog
from evals.stats import Interval
from evals.summary import Summary
from evals.task import Task
from reasoning.answer import AnswerKind
from reasoning.budget import Paid
from reasoning.errors import ConfigError
from strategies.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A problem whose answer, gold or score is another one now; None stands for none."""

    id: str
    repeat: int
    answer: tuple[str | None, str | None]
    gold: tuple[str | None, str | None]
    score: tuple[float, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What a run comes to when it is scored again.

    Attributes:
        before: Accuracy and interval as the run has them.
        after: The same now.
        items: Items before and now; other labels may leave some out.
        changes: The problems that changed, in the log's order.
        unweighed: Paths that have an answer now and no weight in the log; they do not vote.
        short: Problems on which the stopping rule would have drawn on.
        folder: Where the rescored run is kept; None where it is only shown.
    """

    before: tuple[float, Interval | None]
    after: tuple[float, Interval | None]
    items: tuple[int, int]
    changes: tuple[Change, ...]
    unweighed: int = 0
    short: int = 0
    folder: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""

        def side(accuracy: float, ends: Interval | None, items: int) -> dict[str, Any]:
            return {"accuracy": accuracy, "interval": [ends.low, ends.high] if ends else None, "items": items}

        changes = [
            {field: list(value) if isinstance(value, tuple) else value for field, value in _fields(change)}
            for change in self.changes
        ]
        counts = {"unweighed": self.unweighed, "short": self.short}
        return {
            "before": side(*self.before, self.items[0]),
            "after": side(*self.after, self.items[1]),
            "changes": changes,
            **counts,
            "folder": str(self.folder) if self.folder else None,
        }


def rescore(
    run: Run,
    kind: AnswerKind | None = None,
    labels: Labels | str | None = None,
    *,
    out: str | Path | None = None,
    name: str | None = None,
) -> Rescored:
    """Reads all of a run's paths again and scores them; no model is called.

    Args:
        run: As loaded.
        kind: How answers are read and compared; the run's own when None.
        labels: Other golds; see `evals.labels.read_labels`.
        out: The parent of a folder for the rescored run; None shows it only, unless there is a name.
        name: Part of that folder's name; "rescored" when None.

    Raises:
        ConfigError: The vote cannot be taken from a log, or the folder holds a run already.
        DataError: A gold cannot be read as an answer of that kind.
    """
    kind = kind or run.header.task.kind
    labels = read_labels(labels) if isinstance(labels, str) else labels
    reader = Rereader(Strategy.of_config(run.header.strategy), kind, run.header.seed)
    header = _header(run, kind, labels, name)
    folder = _folder(run, header, out, name)
    written: contextlib.AbstractContextManager[RunLog | None]
    written = contextlib.nullcontext() if folder is None else RunLog.made(folder, header)
    summary, context = Summary(), Context(kind, Shared(), header.seed)
    changes, unweighed, short, removed = [], 0, 0, 0
    with written as log:
        for old, new in _reread(run, reader, kind, labels):
            if new is None:
                removed += old.repeat == 0
            elif log is not None:
                log.append(new.record)
            else:
                summary.add(encode(new.record, context))
            unweighed += new.unweighed if new else 0
            short += new.short if new else False
            if (change := _change(old, new.record if new else None)) is not None:
                changes.append(change)
        items = run.items - removed
        if items < 1:
            raise ConfigError(f"The labels leave none of the problems of {run.name}; name the labels of its task.")
        if log is not None:
            kept = header.task.model_copy(update={"available": items})
            log.keep(status=run.status, task=kept)
            summary = log.summary
    repeats = run.header.repeats
    return Rescored(
        before=(run.accuracy, run.interval),
        after=(summary.headline(items * repeats).accuracy, summary.interval(items, repeats)),
        items=(run.items, items),
        changes=tuple(changes),
        unweighed=unweighed,
        short=short,
        folder=folder,
    )


def items_of(run: Run, kind: AnswerKind, labels: Labels | None = None) -> Callable[[Record], Item | None]:
    """What gives a record's item under a kind and labels; None for a problem that the labels leave out.

    Problems with a verifier are taken from the task itself, which is loaded when the first one comes.
    """
    loaded: list[Task] = []

    def item(record: Record) -> Item | None:
        verdict, gold = labels.of(record, kind) if labels is not None else ("same", None)
        if verdict == "removed":
            return None
        problem = record.result.problem.model_copy(update={"kind": kind})
        if gold is None and record.gold is not None:
            gold = kind.parse(record.gold)
            if gold is None:
                raise ConfigError(f"The gold {record.gold!r} of item {record.id!r} is no {kind.kind}; choose another.")
        if gold is not None:
            return Item(problem=problem, gold=gold, metadata=record.metadata, group=record.group)
        if not loaded:
            note = run.header.task
            loaded.append(load_task(note.name, data=note.data, **note.options))
        return replace(loaded[0][record.id], problem=problem)

    return item


def _reread(
    run: Run, reader: Rereader, kind: AnswerKind, labels: Labels | None
) -> Iterator[tuple[Record, Reread | None]]:
    item_of = items_of(run, kind, labels)
    for record in run.records:
        item = item_of(record)
        yield record, None if item is None else reader.reread(record, item)


def _header(run: Run, kind: AnswerKind, labels: Labels | None, name: str | None) -> RunHeader:
    task = run.header.task
    changes: dict[str, Any] = {"kind": kind}
    if labels is not None:
        told = f"{task.fingerprint}\0{labels.source}\0{sorted(map(str, (labels.by_question or labels.by_id).items()))}"
        changes["fingerprint"] = hashlib.sha256(told.encode()).hexdigest()[:32]
        changes["source"] = f"{task.source}; labels of {labels.source}"
    changes["available"] = run.items
    return run.header.model_copy(
        update={
            "task": task.model_copy(update=changes),
            "name": name or "rescored",
            "tags": {**run.header.tags, "rescored_from": run.folder.name if run.folder else run.name},
            "limit": None,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": 0.0,
            "paid": Paid(),
            "grown": (),
            "valid_from": 0,
            "shared": {},
            "status": "running",
        }
    )


def _folder(run: Run, header: RunHeader, out: str | Path | None, name: str | None) -> Path | None:
    if out is None and name is None:
        return None
    parent = Path(out) if out is not None else run.folder.parent if run.folder else Path("runs")
    return run_folder(parent, run.task, run.strategy, run.backend, header.name)


def _change(old: Record, new: Record | None) -> Change | None:
    answers = (old.answer, None if new is None else new.answer)
    golds = (old.gold, None if new is None else new.gold)
    scores = (old.score, None if new is None else new.score)
    if answers[0] == answers[1] and golds[0] == golds[1] and scores[0] == scores[1]:
        return None
    return Change(id=old.id, repeat=old.repeat, answer=answers, gold=golds, score=scores)


def _fields(change: Change) -> Iterator[tuple[str, Any]]:
    return ((field, getattr(change, field)) for field in ("id", "repeat", "answer", "gold", "score"))
