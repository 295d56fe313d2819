"""What one run is to do, settled and checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.folder import run_folder
from evals.header import BackendNote, RunHeader, TaskNote
from evals.item import Item
from evals.provenance import host, packages, public
from evals.task import Order, Selection, Task
from reasoning.backends.backend import Backend
from reasoning.backends.facts import HasFacts
from reasoning.draws import demand_seed
from reasoning.errors import ConfigError
from strategies.prompting import PromptedStrategy
from strategies.strategy import PathStrategy, Strategy
from strategies.two_stage import TwoStage


@dataclass(frozen=True, kw_only=True)
class Job:
    """One task × strategy × backend, with everything that `run.json` records. See `evaluate` for the fields.

    Attributes:
        task_options: What the task was loaded with.
        backend_options: What each backend was opened with, by role; the main one under "".
        notes: How a settled job asks, where that goes by the model: which exemplars are shown or left out, and why.
    """

    task: Task
    strategy: Strategy
    backend: Backend
    backends: Mapping[str, Backend] = field(default_factory=dict)
    limit: int | None = None
    repeats: int = 1
    seed: int = 0
    where: str | None = None
    order: Order = "seeded"
    out: Path | None = Path("runs")
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    data: str | None = None
    task_options: Mapping[str, Any] = field(default_factory=dict)
    backend_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path | None:
        """Where the run is kept; None keeps it in memory."""
        if self.out is None:
            return None
        return run_folder(self.out, self.task.name, self.strategy.name(), self.backend.spec, self.name)

    @property
    def fresh(self) -> bool:
        """True where a backend buys anew what is stored: a finished run is then done again."""
        return any(getattr(backend, "fresh", False) for backend in (self.backend, *self.backends.values()))

    def settled(self) -> "Job":
        """This job with its strategy settled; see `settled`.

        Raises:
            ConfigError: A count is out of its range, or greedy paths were to be repeated.
        """
        demand_seed(self.seed, self.repeats)
        found = (_prompt_note(one, self.task.shots, self.backend) for one in _path_strategies(self.strategy))
        notes = (*self.notes, *(note for note in found if note))
        strategy = settled(self.strategy, self.task, self.repeats, self.backend)
        return replace(self, strategy=strategy, notes=tuple(dict.fromkeys(notes)))

    def items(self) -> Selection:
        """The items of one repeat, in order.

        Raises:
            ConfigError: No item meets the condition, or it cannot be read.
            DataError: The task's data cannot be read.
        """
        return self.task.items(limit=self.limit, order=self.order, where=self.where)

    def header(self, items: Sequence[Item]) -> RunHeader:
        """The head of a new run of these items, which `items` gave."""
        config = self.strategy.config
        whole = items if self.limit is None else self.task.items(order="source", where=self.where)
        return RunHeader(
            name=self.name,
            task=TaskNote(
                name=self.task.name,
                fingerprint=self.task.fingerprint,
                kind=self.task.kind,
                source=self.task.source,
                where=self.where,
                order=self.order,
                available=len(whole),
                data=self.data,
                options=public(self.task_options),
            ),
            strategy=config,
            backend=self._note("", self.backend),
            backends={role: self._note(role, backend) for role, backend in self.backends.items()},
            limit=self.limit,
            repeats=self.repeats,
            seed=self.seed,
            tags=self.tags,
            notes=self.notes,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            host=host(),
            packages=packages(),
            sandbox=_level(config),
        )

    def _note(self, role: str, backend: Backend) -> BackendNote:
        options = public(self.backend_options.get(role, {}))
        note = BackendNote(
            spec=backend.spec,
            identity=dict(backend.identity),
            options=options,
            thinks=getattr(backend, "thinks_as_opened", backend.capabilities.thinks),
        )
        return noted(note, backend)


def noted(note: BackendNote, backend: Backend) -> BackendNote:
    """A backend's note with what it tells by now: its model's facts, and faults that were noticed."""
    facts = backend.facts if isinstance(backend, HasFacts) else note.facts
    notices = dict.fromkeys((*note.notices, *getattr(backend, "notices", ())))
    return note.model_copy(update={"facts": facts, "notices": tuple(notices)})


def settled(strategy: Strategy, task: Task, repeats: int = 1, backend: Backend | None = None) -> Strategy:
    """A strategy with the task's exemplars written in where it chose none, and shows any to this backend's model.

    Raises:
        ConfigError: There are no repeats, or greedy paths were to be repeated.
    """
    if repeats < 1:
        raise ConfigError(f"repeats must be 1 or more, not {repeats}.")
    strategy = strategy.with_shots(task.shots, backend) if task.shots else strategy
    if repeats > 1 and isinstance(strategy, PromptedStrategy) and not strategy.sampling.temperature:
        raise ConfigError(
            f"{strategy.name()} draws greedily here, so {repeats} repeats would all be the same; "
            "set sampling.temperature above 0 (-S sampling.temperature=0.7), or leave repeats at 1."
        )
    return strategy


def _path_strategies(strategy: Strategy) -> Iterator[PathStrategy]:
    """The path strategies within a strategy, itself included."""
    if isinstance(strategy, PathStrategy):
        yield strategy
    for inner in (getattr(strategy, "of", None), *getattr(strategy, "members", ())):
        if isinstance(inner, Strategy):
            yield from _path_strategies(inner)


def _prompt_note(strategy: PathStrategy, shots: str | None, backend: Backend) -> str | None:
    """Whether a chain of thought that chose no exemplars is given the task's, and why."""
    if not isinstance(strategy, TwoStage) or shots is None or "shots" in strategy.model_fields_set:
        return None
    if strategy.form(backend) == "chat":
        return (
            f"{strategy.name()} shows no exemplars, for a chat model answers better without; shots={shots} shows the "
            "task's"
        )
    return f"{strategy.name()} shows the task's exemplars {shots}, for the model is asked in plain text"


def _level(config: Any) -> str | None:
    """The sandbox level that a strategy's configuration names, wherever it does."""
    if not isinstance(config, Mapping):
        return None
    if "level" in config and "limits" in config:
        return str(config["level"])
    return next((level for inner in config.values() if (level := _level(inner)) is not None), None)
