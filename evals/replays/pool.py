"""A run's draws as arrays: which class of answers each draw fell into, what that is worth, and what it cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from evals.comparisons.matching import answer_key
from evals.lines import Line
from evals.record import Record
from evals.replays.intervals import intervals
from evals.replays.missing import DrawPrice, MissingDrawsError
from evals.replays.recalling import path_strategies
from evals.replays.replaying import made_with
from evals.run import Run
from evals.stats import Interval
from reasoning.errors import ConfigError
from strategies.path import Path, total_cost
from strategies.strategy import Strategy
from strategies.tally import tie_rank
from strategies.waves import VotingStrategy

Array = Any
"""A numpy array; numpy is imported when it is used."""


@dataclass(frozen=True, slots=True)
class Draws:
    """One problem in one repeat: its paths in index order, without their texts.

    Attributes:
        id: The problem.
        repeat: Which repeat.
        group: The item's group.
        keys: Each path's class of answers; None where it abstains.
        worth: What each class is worth.
        written: Completion tokens of each path.
        tokens: Prompt and completion tokens of each path.
        costs: US dollars of each path; None where the price is unknown.
        signals: What votes weigh each path by.
    """

    id: str
    repeat: int
    group: str | None
    keys: Sequence[str | None]
    worth: Mapping[str, float]
    written: Sequence[int]
    tokens: Sequence[int]
    costs: Sequence[float | None]
    signals: Sequence[Mapping[str, float]]

    def first(self, count: int) -> "Draws":
        """The first so many."""
        cut = {name: getattr(self, name)[:count] for name in ("keys", "written", "tokens", "costs", "signals")}
        return replace(self, **cut)


class Pool:
    """The same number of draws of every problem, as arrays of (problems, draws).

    Attributes:
        draws: How many of each problem.
        rows: The problems, in all repeats, with at most so many draws each.
        items: Items planned.
        repeats: Of each item.
        seed: The run's, for the breaking of ties.
        members: Path strategies that draw in turn; only draws of one member are alike.
    """

    def __init__(
        self, rows: Sequence[Draws], *, items: int, repeats: int, seed: int, draws: int, members: int = 1
    ) -> None:
        self.rows = rows
        self.draws, self.items, self.repeats, self.seed, self.members = draws, items, repeats, seed, members

    def of_rows(self, rows: Sequence[Draws], items: int) -> "Pool":
        """Other rows in place of these, of so many items."""
        return Pool(rows, items=items, repeats=self.repeats, seed=self.seed, draws=self.draws, members=self.members)

    def part(self, ids: frozenset[str]) -> "Pool":
        """The pool of some of its items, as if no others had been planned."""
        return self.of_rows([row for row in self.rows if row.id in ids], len(ids))

    @cached_property
    def keys(self) -> list[list[str]]:
        """The classes of each problem, in order of their first draws."""
        return [list(dict.fromkeys(key for key in row.keys if key is not None)) for row in self.rows]

    @cached_property
    def classes(self) -> Array:
        """Which class each draw fell into, by place in `keys`; −1 where it abstained. (rows, draws), int16."""
        import numpy as np

        found: Array = np.full((len(self.rows), self.draws), -1, np.int16)
        for at, (row, keys) in enumerate(zip(self.rows, self.keys, strict=True)):
            place: dict[str | None, int] = {key: n for n, key in enumerate(keys)}
            place[None] = -1
            found[at, : len(row.keys)] = [place[key] for key in row.keys]
        return found

    @cached_property
    def worth(self) -> Array:
        """What each class is worth: (rows, most classes); 0 beyond a row's own."""
        import numpy as np

        found = np.zeros((len(self.rows), max(1, max(map(len, self.keys), default=1))))
        for at, (row, keys) in enumerate(zip(self.rows, self.keys, strict=True)):
            found[at, : len(keys)] = [row.worth[key] for key in keys]
        return found

    @cached_property
    def tie_order(self) -> Array:
        """For each row the classes' places in the order in which its seeded rule breaks ties: (rows, most classes)."""
        import numpy as np

        found = np.zeros(self.worth.shape, np.int16)
        for at, (row, keys) in enumerate(zip(self.rows, self.keys, strict=True)):
            salt = f"{self.seed + row.repeat}\x00{row.id}"
            for place, which in enumerate(sorted(range(len(keys)), key=lambda n: tie_rank(salt, keys[n]))):
                found[at, which] = place
        return found

    @cached_property
    def written(self) -> Array:
        """Completion tokens of each draw: (rows, draws)."""
        return self._filled("written")

    @cached_property
    def tokens(self) -> Array:
        """Prompt and completion tokens of each draw: (rows, draws)."""
        return self._filled("tokens")

    @cached_property
    def costs(self) -> Array | None:
        """US dollars of each draw: (rows, draws); None where one is unknown."""
        if not self.rows or any(cost is None for row in self.rows for cost in row.costs):
            return None
        return self._filled("costs")

    def _filled(self, name: str) -> Array:
        import numpy as np

        found = np.zeros((len(self.rows), self.draws))
        for at, row in enumerate(self.rows):
            told = getattr(row, name)
            found[at, : len(told)] = told
        return found

    def mean(self, values: Array) -> Any:
        """The mean over all planned problems of one value a row (of the first axis); what is not there counts 0."""
        return values.sum(axis=0) / (self.items * self.repeats)

    def by_item(self, values: Array) -> tuple[Array, list[str | None] | None]:
        """One value an item, the mean of its repeats, with the items' groups; planned items without a row count 0."""
        import numpy as np

        place = {id: at for at, id in enumerate(dict.fromkeys(row.id for row in self.rows))}
        found = np.zeros((max(self.items, len(place)), *values.shape[1:]))
        np.add.at(found, [place[row.id] for row in self.rows], values / self.repeats)
        group_of = {row.id: row.group for row in self.rows}
        if not any(group is not None for group in group_of.values()):
            return found, None
        return found, [group_of[id] for id in place] + [None] * (len(found) - len(place))

    def intervals(self, values: Array) -> list[Interval]:
        """The 95 % interval of the mean of each column of (rows, columns), clustered by item and group."""
        scores, groups = self.by_item(values)
        return intervals(scores, groups)


def pool_of(run: Run, samples: int | None = None, dropped: int = 0) -> Pool:
    """The draws of a run.

    Args:
        run: A run that votes over paths.
        samples: Draws a problem; None takes all that the run was to draw.
        dropped: Draws that its vote made to weigh each path, and that are not to count in tokens and costs.

    Raises:
        ConfigError: The run's strategy takes no vote over paths, so that its draws are no pool.
        MissingDrawsError: There are fewer draws of a problem; or their number depended on what they answered.
    """
    ran = made_with(run)
    if not path_strategies(ran):
        raise ConfigError(
            f"{ran.name()} draws no independent paths, so its draws are no pool to take votes over; "
            "take a run of self-consistency, ensemble or best-of-n."
        )
    wanted = samples or ran.width
    rows = [_of_line(line, dropped) for line in run._log.lines()]
    lacking = sum(max(0, wanted - len(row.keys)) for row in rows if row.keys)
    if lacking:
        raise _refused(run, ran, wanted, lacking)
    return _pooled(run, rows, wanted)


def pool_of_records(run: Run, records: Iterable[Record], samples: int) -> Pool:
    """The draws of replayed records, as many of each problem as were asked for."""
    return _pooled(run, [_of_record(record) for record in records], samples)


def _pooled(run: Run, rows: Sequence[Draws], draws: int) -> Pool:
    header = run.header
    rows = sorted(rows, key=lambda row: (row.id, row.repeat))  # whatever order they came in, the figures are the same
    cut = [row if len(row.keys) <= draws else row.first(draws) for row in rows]
    members = len(path_strategies(made_with(run)))
    return Pool(cut, items=header.items, repeats=header.repeats, seed=header.seed, draws=draws, members=members)


def _by_design(strategy: Strategy) -> int:
    """How many draws a strategy makes of every problem, whatever they answer."""
    if isinstance(strategy, VotingStrategy) and strategy.stop is not None:
        return min(strategy.samples, strategy.stop.wave([]))
    return strategy.width


def _refused(run: Run, ran: Strategy, wanted: int, lacking: int) -> MissingDrawsError:
    by_design = _by_design(ran)
    if by_design < ran.width:
        why = (
            f"The number of draws depended on what they answered (its stopping rule), which would bias every figure "
            f"beyond the first {by_design} that each problem has by design; for {wanted} samples of each"
        )
    else:
        why = f"The run has {ran.width} draws a problem; for {wanted}"
    return MissingDrawsError(
        why,
        lacking,
        DrawPrice.of(run),
        f"Run it with samples={wanted} and no stopping rule (what is stored is not bought again), name the store that "
        f"holds the draws (--store), or ask for at most {by_design} (--samples 1..{by_design}).",
    )


def _of_line(line: Line, dropped: int) -> Draws:
    """A problem's draws from its line, without reading its texts; so many draws made to weigh a path are left out."""
    paths = line["p"]
    keys = [path.get("k", path.get("a")) for path in paths]
    won = answer_key(line)
    written, tokens, costs = [], [], []
    worth: dict[str, float] = {}
    for path, key in zip(paths, keys, strict=True):
        asides = path.get("aside", ())
        draws = [*path["d"], *asides[: len(asides) - dropped if key is not None else None]]
        written.append(sum(draw[3] for draw in draws))
        tokens.append(sum(draw[2] + draw[3] for draw in draws))
        costs.append(total_cost(draw[6].get("cost") if len(draw) > 6 else None for draw in draws))
        if key is not None and key not in worth:
            worth[key] = float(path["score"]) if "score" in path else float(line["score"]) if key == won else 0.0
    signals = [path.get("sig", {}) for path in paths]
    return Draws(line["id"], line.get("repeat", 0), line.get("group"), keys, worth, written, tokens, costs, signals)


def _of_record(record: Record) -> Draws:
    paths: Sequence[Path] = record.result.paths
    worth: dict[str, float] = {}
    for path, score in zip(paths, record.path_scores, strict=True):
        if path.key is not None:
            worth.setdefault(path.key, score)
    usages = [path.usage for path in paths]
    return Draws(
        record.id,
        record.repeat,
        record.group,
        [path.key for path in paths],
        worth,
        [usage.completion_tokens for usage in usages],
        [usage.total_tokens for usage in usages],
        [path.cost for path in paths],
        [path.signals for path in paths],
    )
