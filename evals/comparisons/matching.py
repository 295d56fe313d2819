"""Two runs matched item by item: what both have, and what keeps them from being alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from evals.comparisons.comparison import Flips, Side
from evals.comparisons.contrast import Looks, mean_difference
from evals.header import RunHeader
from evals.lines import Line
from evals.lines.texts import read_texts
from evals.run import Run
from evals.statistics.quantiles import quantile
from evals.summary import Summary
from reasoning.errors import ConfigError

_SAME = 1e-9


@dataclass(slots=True)
class Problem:
    """What is known of one item of a run.

    Attributes:
        scores: One a repeat; None for a lost one.
        keys: The canonical key of each repeat's answer; None without one.
        lines: The lines, by repeat, without their texts.
        asked: Question and gold.
        group: The item's group.
    """

    asked: tuple[str, str | None]
    group: str | None
    scores: dict[int, float | None] = field(default_factory=dict)
    keys: dict[int, str | None] = field(default_factory=dict)
    lines: dict[int, Line] = field(default_factory=dict)

    def mean(self, lost: float = 0.0) -> float:
        """The mean over repeats, a lost one counting so much."""
        return fmean(lost if score is None else score for score in self.scores.values())


class Reading:
    """A run read once, for all pairs that it is in.

    Args:
        run: The run.
        label: What tells it from the others.
    """

    def __init__(self, run: Run, label: str) -> None:
        self.run, self.label = run, label

    @cached_property
    def problems(self) -> Mapping[str, Problem]:
        """What is known of each item, by id."""
        found: dict[str, Problem] = {}
        for line in self.run.lines():
            repeat = line.get("repeat", 0)
            asked = (read_texts(line["t"][:1])[0], line.get("gold"))
            problem = found.setdefault(line["id"], Problem(asked, line.get("group")))
            problem.scores[repeat] = self.run.scores[line["id"], repeat]
            problem.keys[repeat] = answer_key(line)
            problem.lines[repeat] = {key: value for key, value in line.items() if key not in ("t", "r")}
        return found

    def side(self, ids: Sequence[str]) -> Side:
        """The run's figures over some of its items."""
        counts, seconds = Summary(), []
        for line in (line for id in ids for line in self.problems[id].lines.values()):
            counts.add(line)
            seconds += [
                draw[4] / 1000 for path in line["p"] for draw in path["d"] if "failed" not in (draw[6:] or [{}])[0]
            ]
        told = sorted(second for second in seconds if second > 0)
        paid = self.run.paid.usage.completion_tokens if self.run.paid else 0
        return Side(
            label=self.label,
            folder=str(self.run.folder) if self.run.folder else None,
            accuracy=fmean(self.problems[id].mean() for id in ids),
            lost=counts.failures,
            problems=len(counts),
            usage=counts.usage,
            cost=counts.cost,
            latency_p50=quantile(told, 0.5) if told else None,
            latency_p95=quantile(told, 0.95) if told else None,
            tokens_per_second=paid / self.run.seconds if paid and self.run.seconds else None,
        )


def answer_key(line: Line) -> str | None:
    """The canonical key of a line's answer, as `evals.lines.decode` finds it."""
    if "key" in line:
        key: str | None = line["key"]
        return key
    if "votes" in line:
        return next(iter(line["votes"]), None)
    return next((key for path in line["p"] if (key := path.get("k", path.get("a"))) is not None), None)


@dataclass(frozen=True)
class Matched:
    """The items that two runs share.

    Attributes:
        a: The run that is compared with.
        b: The run that is compared.
        ids: The shared items, in A's order.
        changed: Items of one id whose question or gold differs; they are left out.
    """

    a: Reading
    b: Reading
    ids: tuple[str, ...]
    changed: int

    @classmethod
    def of(cls, a: Reading, b: Reading) -> "Matched":
        """Matches two runs by id.

        Raises:
            ConfigError: They share no item.
        """
        both = [id for id in a.problems if id in b.problems]
        same = a.run.header.task.fingerprint == b.run.header.task.fingerprint
        ids = tuple(id for id in both if same or a.problems[id].asked == b.problems[id].asked)
        if not ids:
            raise ConfigError(
                f"{a.label} and {b.label} have no item in common ({len(a.problems)} and {len(b.problems)} items"
                f"{f', {len(both)} of one id with another question or gold' if both else ''}); "
                f"run both on the same items of {a.run.task}."
            )
        return cls(a, b, ids, len(both) - len(ids))

    @property
    def headers(self) -> tuple[RunHeader, RunHeader]:
        """What both runs were to do."""
        return self.a.run.header, self.b.run.header

    def differences(self, lost_a: float = 0.0, lost_b: float = 0.0) -> list[float]:
        """B − A for each item, lost problems counting so much."""
        found = ((self.b.problems[id].mean(lost_b), self.a.problems[id].mean(lost_a)) for id in self.ids)
        return [0.0 if abs(b - a) < _SAME else b - a for b, a in found]

    @property
    def bounds(self) -> tuple[float, float]:
        """The mean difference if all lost problems had gone against B, and if they had gone for it."""
        return mean_difference(self.differences(lost_a=1.0)), mean_difference(self.differences(lost_b=1.0))

    @property
    def groups(self) -> list[str | None] | None:
        """Each item's group, where two items share one."""
        groups = [self.a.problems[id].group for id in self.ids]
        named = [group for group in groups if group is not None]
        return groups if len(set(named)) < len(named) else None

    @property
    def binary(self) -> bool:
        """Whether each item has one score in each run, of 0 or 1."""
        return all(
            len(scores) == 1 and all(score in (None, 0.0, 1.0) for score in scores.values())
            for id in self.ids
            for scores in (self.a.problems[id].scores, self.b.problems[id].scores)
        )

    @property
    def looks(self) -> Looks:
        """How the runs could be looked at before they were whole."""
        grown = [(header, g.field) for header in self.headers for g in header.grown if g.items]
        repeats = [header.repeats for header, field in grown if field == "repeats"]
        return Looks(any(field == "limit" for _, field in grown), max(repeats, default=0))

    @property
    def in_file_order(self) -> bool:
        """Whether items were added in the file's order, which may say something of them."""
        return self.looks.items and any(header.task.order == "source" for header in self.headers)

    @property
    def flips(self) -> Flips:
        """The items that differ."""
        found = list(zip(self.ids, self.differences(), strict=True))
        return Flips(tuple(id for id, d in found if d > 0), tuple(id for id, d in found if d < 0))

    @property
    def agreement(self) -> float | None:
        """The share of problems, in repeats that both have, whose answers are of one class."""
        if self.headers[0].task.kind != self.headers[1].task.kind:
            return None
        pairs = [
            (key, self.b.problems[id].keys[repeat])
            for id in self.ids
            for repeat, key in self.a.problems[id].keys.items()
            if repeat in self.b.problems[id].keys
        ]
        return fmean(a is not None and a == b for a, b in pairs) if pairs else None

    @property
    def unmatched(self) -> tuple[int, int]:
        """Items of A that are not compared, and of B."""
        return len(self.a.problems) - len(self.ids), len(self.b.problems) - len(self.ids)

    def notes(self) -> tuple[str, ...]:
        """What differs beyond strategy and backend, and what was left out."""
        return (*self._settings(), *self._left_out(), *self._growth())

    def _settings(self) -> list[str]:
        told = []
        first, second = self.headers
        for what, a, b in (
            ("answer kinds", first.task.kind, second.task.kind),
            ("conditions (where)", first.task.where, second.task.where),
            ("orders", first.task.order, second.task.order),
            ("seeds", first.seed, second.seed),
            ("repeats", first.repeats, second.repeats),
            ("limits", first.limit, second.limit),
        ):
            if a != b:
                told.append(f"their {what} differ: {_shown(a)} and {_shown(b)}")
        if first.task.fingerprint != second.task.fingerprint:
            told.append("their tasks' items differ: only items with the same question and gold are compared")
        return told

    def _left_out(self) -> list[str]:
        told = []
        if self.changed:
            told.append(f"{self.changed} items have another question or gold and are left out")
        for reading, count in zip((self.a, self.b), self.unmatched, strict=True):
            other = self.b if reading is self.a else self.a
            if count > self.changed:
                told.append(f"{count - self.changed} items of {reading.label} are not in {other.label} and left out")
            missing = reading.run.header.planned - reading.run.done
            if missing > 0:
                told.append(
                    f"{missing} problems of {reading.label} were planned and not done ({reading.run.status}): "
                    "those that come last need not be like the others"
                )
        return told

    def _growth(self) -> list[str]:
        told = []
        for reading, header in zip((self.a, self.b), self.headers, strict=True):
            fields = list(dict.fromkeys(g.field for g in header.grown if g.items))
            counts = [field for field in fields if field in ("limit", "repeats")]
            if counts:
                told.append(
                    f"{reading.label} was grown ({', '.join(counts)}) and could be looked at before: interval and p "
                    "hold however often one looked; those for a fixed number of items would not, and are not shown"
                )
            if len(fields) > len(counts):
                told.append(
                    f"{reading.label} had fewer samples before: choosing among settings seen is not allowed for"
                )
        if self.in_file_order:
            told.append("items were added in the file's order, which may go with difficulty: nothing can be concluded")
        return told


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
