"""`evals.replay`: what strategies would have answered on a run's draws."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.header import RunHeader
from evals.item import Item
from evals.loading import load_task
from evals.record import Record
from evals.replays.missing import DrawPrice, MissingDrawsError
from evals.replays.recalling import Known, path_strategies, recalling, recorded_paths, same_signals, vote_of
from evals.replays.recorded import NotDrawnError, Recorded, likely_capabilities
from evals.run import Run, load_run
from evals.runlog import RunLog
from evals.stats import Interval
from reasoning import loop
from reasoning.answer import Answer
from reasoning.backends.backend import Backend, Capabilities
from reasoning.errors import ConfigError, StoreError, UsageError
from reasoning.store import Store
from reasoning.usage import Usage
from strategies.result import Result
from strategies.strategy import PathStrategy, Strategy
from strategies.waves import VotingStrategy

Given = Strategy | str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a strategy would have answered on a run's draws, in index order.

    Attributes:
        strategy: Which.
        run: Its answers as a run of their own, in memory: what a live run would have logged.
    """

    strategy: Strategy
    run: Run = field(repr=False)

    @property
    def records(self) -> Sequence[Record]:
        """Results with their scores, in the run's order; each is read when it is asked for."""
        return self.run.records

    @property
    def scores(self) -> Mapping[tuple[str, int], float]:
        """The score of each problem by id and repeat."""
        return {key: score or 0.0 for key, score in self.run.scores.items()}

    @property
    def accuracy(self) -> float:
        """Over all planned problems."""
        return self.run.accuracy

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the accuracy, clustered by problem and by the item's group."""
        return self.run.interval

    @property
    def usage(self) -> Usage:
        """What the decided paths cost bought cold."""
        return self.run.usage

    @property
    def cost(self) -> float | None:
        """Money for `usage` in US dollars; None where a price is unknown."""
        return self.run.cost

    def to_json(self) -> dict[str, Any]:
        """What `reasoning replay --strategy … --json` prints for it."""
        told = self.run.to_json()
        kept = ("strategy", "items", "done", "accuracy", "interval", "bounds", "usage", "cost", "lost")
        return {**{key: told[key] for key in kept}, "configuration": self.strategy.config}


async def areplay(
    run: Run | str | Path,
    strategies: Sequence[Given],
    *,
    store: str | Path | None = None,
    backend: Backend | None = None,
) -> tuple[Replayed, ...]:
    """What strategies would have answered on a run's draws, bit for bit what a live run gives; nothing is bought.

    The very strategy runs, over a backend that serves recorded draws only. Where the log holds a path of its path
    strategy that path is taken, so that no program runs twice. Times are those of the recorded draws, and token
    log-probabilities are in the store alone.

    Args:
        run: A run, or its folder.
        strategies: Strategies; or names or configurations, whose unstated fields are then the run's. One that chose no
            exemplars gets the run's.
        store: A store that holds further draws: more samples, other prompts, log-probabilities.
        backend: Says what the model can do, where prompts depend on it; it is never asked for a draw. Without it the
            recorded draws tell.

    Raises:
        MissingDrawsError: A strategy needs draws that are in neither log nor store; says how many, and their price.
        DataError: There is no such run, or it is damaged.
    """
    run = run if isinstance(run, Run) else load_run(run)
    wanted = [settled(run, given) for given in strategies]
    with opened_store(store) as kept:
        replays = [_Replay(run, strategy, kept, backend) for strategy in wanted]
        memory: dict[Any, dict[PathStrategy, Known]] = {}
        for record in run.records:
            memory.clear()
            for one in replays:
                await one.solve(record, memory)
    return tuple(one.done() for one in replays)


def replay(
    run: Run | str | Path,
    strategies: Sequence[Given],
    *,
    store: str | Path | None = None,
    backend: Backend | None = None,
) -> tuple[Replayed, ...]:
    """`areplay` for sync code, scripts and notebooks."""
    return loop.run(areplay(run, strategies, store=store, backend=backend))


def settled(run: Run, given: Given) -> Strategy:
    """A strategy as it is to be replayed on a run: what it does not state is the run's.

    Raises:
        UsageError: A name or a value is not as expected.
    """
    ((ran, fields),) = run.header.strategy.items()
    if isinstance(given, Strategy):
        strategy = given
    else:
        named = given if isinstance(given, Mapping) else {given: {}}
        if len(named) != 1 or not isinstance(own := next(iter(named.values())) or {}, Mapping):
            raise ConfigError(f"A strategy is written as its name, or as {{name: {{field: value}}}}; got {given!r}.")
        (name,) = named
        found = type(Strategy.of_config(run.header.strategy)) if name == ran else None
        shared = fields if found else {key: fields[key] for key in ("of", "samples") if key in fields}
        known = (found or _class(name)).model_fields
        strategy = Strategy.of_config({name: {**{k: v for k, v in shared.items() if k in known}, **own}})
    return _with_shots(strategy, run)


def _with_shots(strategy: Strategy, run: Run) -> Strategy:
    """A strategy with the run's exemplars where it chose none, unless it is the run's without them."""
    ran = path_strategies(made_with(run))
    shots = dict.fromkeys(found for one in ran if (found := getattr(one, "shots", None)))
    backend = Recorded(run.header.backend, _capabilities(run))
    filled = [filled for found in shots for filled in (strategy.with_shots(found, backend), strategy.with_shots(found))]
    alike = {place: len(set(ran) & set(path_strategies(one))) for place, one in enumerate((strategy, *filled))}
    most = max(alike, key=lambda place: alike[place])
    if alike[most]:
        return (strategy, *filled)[most]
    return filled[0] if filled else strategy


def made_with(run: Run) -> Strategy:
    """The strategy of a run."""
    return Strategy.of_config(run.header.strategy)


@contextlib.contextmanager
def opened_store(file: str | Path | None) -> Iterator[Store | None]:
    """The store in a file, for reading.

    Raises:
        StoreError: There is none.
    """
    if file is None:
        yield None
        return
    if not Path(file).expanduser().exists():
        raise StoreError(f"There is no store {file}; name the one that the draws were bought into, or none.")
    store = Store.open(file)
    try:
        yield store
    finally:
        store.close()


class _Replay:
    """One strategy on the draws of a run."""

    def __init__(self, run: Run, strategy: Strategy, store: Store | None, backend: Backend | None) -> None:
        self.run, self.strategy, self.made_with = run, strategy, made_with(run)
        header = run.header
        able = backend.capabilities if backend is not None else _capabilities(run)
        self.backend = Recorded(header.backend, able.model_copy(update={"thinks": header.backend.thinks}), store)
        self.roles = {
            role: Recorded(note, able.model_copy(update={"scoring": True, "thinks": note.thinks}), store)
            for role, note in header.backends.items()
        }
        vote, members = vote_of(strategy), path_strategies(strategy)
        self.observed = (
            isinstance(strategy, VotingStrategy)
            and isinstance(self.made_with, VotingStrategy)
            and members == path_strategies(self.made_with)
            and same_signals(vote, self.made_with.vote)
        )
        self.probabilities = vote.logprobs is not None and not self.observed
        for one in self._backends():
            one.token_probabilities = self.probabilities
        self.log = RunLog.in_memory(_header(header, strategy))
        self.verifier = _Verifier(header)
        self.example: str | None = None

    async def solve(self, record: Record, memory: dict[Any, dict[PathStrategy, Known]]) -> None:
        """Replays one problem; `memory` has the paths that other strategies know of it."""
        self._hold(record)
        which = (self.observed, self.probabilities)
        if which not in memory:
            memory[which] = {} if self.probabilities else recorded_paths(self.made_with, record.result, self.observed)
        known = memory[which]
        for one in path_strategies(self.strategy):
            known.setdefault(one, {})
        seen = frozenset(path.index for path in record.result.paths) if self.observed else None
        strategy = recalling(self.strategy, known, self.roles, seen)
        seed = self.run.header.seed + record.repeat
        try:
            result = await strategy.asolve(record.result.problem, self.backend, backends=self.roles, seed=seed)
        except NotDrawnError:
            self.example = self.example or record.id
            return
        self._keep(record, result)

    def done(self) -> Replayed:
        """What it came to.

        Raises:
            MissingDrawsError: Draws were missing.
        """
        missing = sum(len(one.missing) for one in self._backends())
        if missing:
            strange = any(one.strange for one in self._backends())
            lacks = "other prompts, sampling or limits than the run's" if strange else "more draws than the run has"
            raise MissingDrawsError(
                f"{self.strategy.name()} needs {lacks} (first on {self.example!r})",
                missing,
                DrawPrice.of(self.run),
                "Name the store that holds them (--store), or buy them: run this strategy on the same task and model.",
            )
        return Replayed(strategy=self.strategy, run=Run(self.log))

    def _backends(self) -> Sequence[Recorded]:
        return (self.backend, *self.roles.values())

    def _hold(self, record: Record) -> None:
        """Serves a record's draws. A role's are those made to weigh paths, which are the main model's without roles."""
        paths = record.result.paths
        drawn = [completion for path in paths for completion in path.completions]
        aside = [completion for path in paths for completion in path.asides]
        self.backend.hold([*drawn, *aside])
        for one in self.roles.values():
            one.hold(aside)

    def _keep(self, record: Record, result: Result) -> None:
        result = result.model_copy(update={"seconds": record.result.seconds})
        self.log.append(Record.of(self.verifier.item(record), result, record.repeat))


class _Verifier:
    """Gives the item of a record, to score other answers to it."""

    def __init__(self, header: RunHeader) -> None:
        self._header = header
        self._items: dict[str, Item] | None = None

    def item(self, record: Record) -> Item:
        """The item; one without a gold verifies by the scores on the record, and else by its task."""
        problem, kind = record.result.problem, record.result.problem.kind
        more: dict[str, Any] = {"problem": problem, "metadata": record.metadata, "group": record.group}
        if record.gold is not None:
            return Item(gold=kind.parse(record.gold), **more)
        worth = {path.key: score for path, score in zip(record.result.paths, record.path_scores, strict=True)}

        def verify(answer: Answer) -> float:
            key = kind.key(answer)
            return worth[key] if key in worth else self._verified(record.id, answer)

        return Item(verify=verify, **more)

    def _verified(self, id: str, answer: Answer) -> float:
        task = self._header.task
        if self._items is None:
            try:
                loaded = load_task(task.name, data=task.data, **task.options)
                self._items = {item.id: item for item in loaded.items(order="source")}
            except UsageError as error:
                raise ConfigError(
                    f"An answer to {id!r} that the run never gave cannot be scored: its task {task.name} verifies "
                    f"answers, and cannot be loaded ({error})"
                ) from error
        verify = self._items[id].verify
        assert verify is not None
        return float(verify(answer))


def _class(name: str) -> type[Strategy]:
    from evals.overrides import strategy_class

    found = strategy_class(name)
    assert issubclass(found, Strategy)
    return found


def _header(header: RunHeader, strategy: Strategy) -> RunHeader:
    told = {"strategy": strategy.config, "paid": None, "seconds": 0.0, "grown": (), "valid_from": 0}
    return header.model_copy(update=told)


def _capabilities(run: Run) -> Capabilities:
    record = next(iter(run.records), None)
    paths = record.result.paths if record is not None else ()
    return likely_capabilities(completion for path in paths for completion in path.completions)
