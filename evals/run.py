"""A run: one task × strategy × backend, with its log."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from evals.folder import HEADER
from evals.header import RunHeader, RunStatus, StoreNote
from evals.lines import Line
from evals.record import Record
from evals.runlog import RunLog
from evals.score import Headline
from evals.stats import Interval, Repeats, interval, repeated
from reasoning.budget import Paid
from reasoning.errors import DataError, UnknownNameError
from reasoning.usage import Usage
from strategies.result import Result


@dataclass(frozen=True, slots=True)
class Slice:
    """The problems of a run whose metadata have one value.

    Attributes:
        items: Problems, over all repeats.
        accuracy: Their mean score; lost ones count 0.
        interval: Of the accuracy.
        lost: How many of them are lost.
    """

    items: int
    accuracy: float
    interval: Interval
    lost: int


class Results(Sequence[Result]):
    """The results of a run, each read from the log when it is asked for."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: int | slice) -> "Result | Results":
        if isinstance(index, slice):
            return Results(self._records[index])
        return self._records[index].result

    def __iter__(self) -> Iterator[Result]:
        return (record.result for record in self._records)


class Run:
    """One task × strategy × backend with its log: what `evaluate` and `load_run` return.

    Texts stay in the log until they are asked for; the numbers are at hand.
    """

    def __init__(self, log: RunLog) -> None:
        self._log = log

    @property
    def header(self) -> RunHeader:
        """Everything needed to do the run again."""
        return self._log.header

    @property
    def folder(self) -> Path | None:
        """Where it is kept; None in memory."""
        return self._log.folder

    @property
    def status(self) -> RunStatus:
        """How it ended; "running" also stands in the folder of a run that was killed."""
        return self.header.status

    @property
    def task(self) -> str:
        """The task's name."""
        return self.header.task.name

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        return self.header.strategy_name

    @property
    def backend(self) -> str:
        """The backend's spec."""
        return self.header.backend.spec

    @property
    def headline(self) -> Headline:
        """The score over all planned problems (of all repeats)."""
        return self._log.summary.headline(self.header.planned)

    @property
    def accuracy(self) -> float:
        """The mean score over all planned problems; one without an answer counts 0."""
        return self.headline.accuracy

    @property
    def bounds(self) -> tuple[float, float]:
        """The accuracy if every lost problem were wrong, and if every one were right."""
        return self.headline.bounds

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the accuracy; None before the first result. See `evals.stats.interval`."""
        return self._log.summary.interval(self.header.items, self.header.repeats)

    @property
    def items(self) -> int:
        """Items of one repeat."""
        return self.header.items

    @property
    def done(self) -> int:
        """Problems with a result, over all repeats."""
        return len(self._log.summary)

    @property
    def records(self) -> Sequence[Record]:
        """Results with their scores, golds and metadata, in the order in which they came; read one by one."""
        return self._log.records

    @property
    def results(self) -> Sequence[Result]:
        """What the strategy returned, in the order in which it came; read one by one."""
        return Results(self._log.records)

    def lines(self) -> Iterator[Line]:
        """The lines of the log as parsed JSON, for whoever needs few fields of many; see `docs/run-log.md`."""
        return self._log.lines()

    def __getitem__(self, id: str) -> Record:
        """The record of a problem, in its first repeat.

        Raises:
            UnknownNameError: The run has no such problem.
        """
        found = self.repeats_of(id)
        if not found:
            raise UnknownNameError(f"item of {self.name}", id, self._log.ids)
        return found[0]

    def repeats_of(self, id: str) -> Sequence[Record]:
        """The records of a problem, one a repeat."""
        return self._log.find(id)

    @property
    def scores(self) -> Mapping[tuple[str, int], float | None]:
        """The score of each problem by id and repeat; None for a lost one."""
        return self._log.summary.scores

    @property
    def usage(self) -> Usage:
        """What the decided paths cost bought cold: the same live, cached or replayed."""
        return self._log.summary.usage

    @property
    def cost(self) -> float | None:
        """Money for `usage` in US dollars; None where a price is unknown."""
        return self._log.summary.cost

    @property
    def paid(self) -> Paid | None:
        """What was really spent, over all sessions; None where the backend does not tell."""
        return self.header.paid

    @property
    def store(self) -> StoreNote | None:
        """The store behind the main backend, and how many of the run's draws came from it; None for no store."""
        return self.header.backend.store

    @property
    def seconds(self) -> float:
        """Wall-clock time, over all sessions."""
        return self.header.seconds

    @property
    def lost(self) -> Mapping[str, int]:
        """Paths without an answer by cause: "truncated", "no_answer", "program_failed", "refused", "failed" and so on.

        "error" counts the problems whose strategy broke, and "not_run" those that were planned and never done.
        """
        lost = {cause: count for cause, count in sorted(self._log.summary.lost.items()) if count}
        missing = self.header.planned - self.done
        return {**lost, "not_run": missing} if missing > 0 else lost

    @property
    def paths(self) -> Mapping[str, int]:
        """Paths by status."""
        return {status: count for status, count in sorted(self._log.summary.paths.items()) if count}

    @property
    def failures(self) -> int:
        """Problems lost for reasons that say nothing of the model, or not done: what `bounds` are about."""
        return self.headline.lost

    @property
    def parse_failures(self) -> int:
        """Paths whose text, or program's value, holds no answer of the kind."""
        return self._log.summary.paths["no_answer"]

    @property
    def truncations(self) -> int:
        """Paths cut at max_tokens."""
        return self._log.summary.paths["truncated"]

    @property
    def failed_programs(self) -> int:
        """Paths whose program did not run to a value."""
        return self._log.summary.paths["program_failed"]

    @property
    def ties(self) -> int:
        """Problems whose vote was tied."""
        return self._log.summary.ties

    @property
    def abstentions(self) -> int:
        """Paths that abstained from a vote among several."""
        return self._log.summary.abstentions

    @property
    def unanswered(self) -> int:
        """Problems that ended without an answer, whatever the reason."""
        return self._log.summary.unanswered

    @property
    def name(self) -> str:
        """Task, strategy, backend, and the name it was given."""
        parts = (self.task, self.strategy, self.backend, self.header.name)
        return " · ".join(part for part in parts if part)

    @property
    def repeats(self) -> Repeats | None:
        """Where the variance lies, within and between repeats; None for fewer than two whole ones."""
        by_item: dict[str, list[float]] = {}
        for (id, _), score in self.scores.items():
            by_item.setdefault(id, []).append(score or 0.0)
        whole = [scores for scores in by_item.values() if len(scores) == self.header.repeats]
        return repeated(whole) if self.header.repeats > 1 and len(whole) > 1 else None

    def by(self, column: str) -> dict[Any, Slice]:
        """The accuracy for each value of a metadata column; None is the value of problems without one.

        Raises:
            UnknownNameError: No problem has such a column.
        """
        scores: dict[Any, list[float]] = {}
        groups: dict[Any, list[str | None]] = {}
        lost: dict[Any, int] = {}
        known: dict[str, None] = {}
        for line in self.lines():
            meta = line.get("meta", {})
            known.update(dict.fromkeys(meta))
            value = _hashable(meta.get(column))
            score = self.scores[line["id"], line.get("repeat", 0)]
            scores.setdefault(value, []).append(score or 0.0)
            # Repeats of one item are not independent either.
            group = line.get("group") or (line["id"] if self.header.repeats > 1 else None)
            groups.setdefault(value, []).append(group)
            lost[value] = lost.get(value, 0) + (score is None)
        if column not in known and scores:
            raise UnknownNameError(f"metadata column of {self.task}", column, known)
        return {
            value: Slice(len(got), sum(got) / len(got), interval(got, _grouped(groups[value])), lost[value])
            for value, got in sorted(scores.items(), key=lambda found: (found[0] is None, str(found[0])))
        }

    def to_json(self) -> dict[str, Any]:
        """The run as one JSON object: what `reasoning run --json` prints for it."""
        header, bounds, ends = self.header, self.headline.bounds, self.interval
        return {
            "task": self.task,
            "strategy": self.strategy,
            "backend": self.backend,
            "name": header.name,
            "tags": dict(header.tags),
            "status": self.status,
            "stopped_by": header.stopped_by,
            "items": header.items,
            "repeats": header.repeats,
            "done": self.done,
            "accuracy": self.accuracy,
            "interval": [ends.low, ends.high] if ends else None,
            "bounds": list(bounds),
            "usage": {**self.usage.model_dump(), "total_tokens": self.usage.total_tokens},
            "cost": self.cost,
            "paid": self.paid.model_dump(mode="json") if self.paid else None,
            "store": self.store.model_dump(mode="json") if self.store else None,
            "seconds": self.seconds,
            "lost": dict(self.lost),
            "failures": self.failures,
            "unanswered": self.unanswered,
            "parse_failures": self.parse_failures,
            "truncations": self.truncations,
            "failed_programs": self.failed_programs,
            "ties": self.ties,
            "abstentions": self.abstentions,
            "facts": header.backend.facts.model_dump(mode="json") if header.backend.facts else None,
            "notices": list(header.backend.notices),
            "seed": header.seed,
            "folder": str(self.folder) if self.folder else None,
        }

    def frame(self) -> Any:
        """A pandas DataFrame, one row a problem and repeat: id, score, answer, gold, tokens, paths, and metadata.

        A column of metadata that is named like one of the others is `meta_<name>`.
        """
        import pandas

        return pandas.DataFrame([_row(record) for record in self.records])

    def __repr__(self) -> str:
        return f"<run {self.name}: {self.accuracy:.3f} over {self.header.planned}, {self.status}>"


def load_run(folder: str | Path) -> Run:
    """The run that a folder holds.

    Args:
        folder: A run's folder, or the `run.json` in it.

    Raises:
        DataError: There is none, or it is damaged.
    """
    place = Path(folder)
    if place.name == HEADER:
        place = place.parent
    if not place.is_dir():
        raise DataError(f"There is no run's folder {place}; reasoning run says where it puts its runs (--out).")
    return Run(RunLog.load(place))


def _hashable(value: Any) -> Any:
    """A parsed JSON value as a key: a list as a tuple, an object as its text."""
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _grouped(groups: list[str | None]) -> list[str | None] | None:
    return groups if any(group is not None for group in groups) else None


def _row(record: Record) -> dict[str, Any]:
    result = record.result
    row = {
        "id": record.id,
        "repeat": record.repeat,
        "score": record.score,
        "answer": record.answer,
        "gold": record.gold,
        "paths": len(result.paths),
        "statuses": [path.status for path in result.paths],
        "stopped": result.stopped,
        "prompt_tokens": result.usage.prompt_tokens,
        "completion_tokens": result.usage.completion_tokens,
        "cost": result.cost,
        "seconds": result.seconds,
        "question": result.problem.question,
        "text": result.paths[0].text if result.paths else "",
    }
    return row | {f"meta_{name}" if name in row else name: value for name, value in record.metadata.items()}
