"""A suite's runs: every task with every strategy on every backend, settled and checked before the first call."""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.events import OnRunEvent
from evals.folder import run_folder
from evals.job import Job, settled
from evals.loading import load_task
from evals.run import Run
from evals.runner import run_job
from evals.settings import Settings
from evals.suite import Entry, Suite
from evals.task import Task
from evals.where import Where
from reasoning.backends.backend import Backend
from reasoning.backends.opening import LayerOptions, check_options, open_backend, resolve
from reasoning.backends.replicated import ReplicaOptions
from reasoning.budget import Budget
from reasoning.errors import ConfigError
from strategies.strategy import Strategy

_OF_OPENING = (*LayerOptions.model_fields, *ReplicaOptions.model_fields, "prices")


@dataclass(frozen=True)
class Cell:
    """One run of a suite, still without its backend."""

    task: Task
    task_entry: Entry
    strategy: Strategy
    strategy_entry: Entry
    backend: Entry
    settings: Settings

    @property
    def folder(self) -> Path:
        """The name of its folder."""
        return run_folder(Path(), self.task.name, self.strategy.name(), self.backend.name, self.settings.name)

    def job(self, backend: Backend, roles: Mapping[str, Backend], options: Mapping[str, Any], out: Path | None) -> Job:
        """What is to be done, once its backends are open."""
        return Job(
            task=self.task,
            strategy=self.strategy,
            backend=backend,
            backends=roles,
            out=out,
            data=self.task_entry.data,
            task_options=self.task_entry.options,
            backend_options=options,
            **self.settings.for_job(),
        )


@dataclass(frozen=True)
class Matrix:
    """The runs of a suite, in the order in which they are made: one backend after the other."""

    suite: Suite
    cells: tuple[Cell, ...]


def matrix(suite: Suite, flags: Settings | None = None) -> Matrix:
    """The runs of a suite, all of it checked: names, fields, options, conditions, data.

    Args:
        suite: As read, or made of flags.
        flags: What goes before everything that the suite says.

    Raises:
        UsageError: Something is not as expected; the message says where it stands.
    """
    flags = flags or Settings()
    tasks = [(entry, _task(entry)) for entry in suite.tasks]
    strategies = [(entry, _strategy(entry)) for entry in suite.strategies]
    for entry in (*suite.backends, *suite.roles.values()):
        with entry.blamed():
            check_backend(entry)
    for entry, task in tasks:
        with entry.blamed():
            task.fingerprint  # noqa: B018 (reads the data: a gold that cannot be read is found before any call)
    defaults = suite.defaults.plain()
    cells = []
    for backend in suite.backends:
        for task_entry, task in tasks:
            for entry, strategy in strategies:
                settings = flags.over(backend.settings.over(entry.settings.over(task_entry.settings.over(defaults))))
                cells.append(Cell(task, task_entry, strategy, entry, backend, settings))
    for cell in cells:
        with cell.task_entry.blamed():
            if cell.settings.where is not None:
                Where.parse(cell.settings.where, cell.task.metadata)
        with cell.strategy_entry.blamed():
            settled(cell.strategy, cell.task, cell.settings.repeats or 1)
    _check_folders(cells)
    return Matrix(suite, tuple(cells))


def check_backend(entry: Entry) -> None:
    """Checks a backend's spec and options, and opens nothing.

    Raises:
        UsageError: The prefix, an option or a value is not as expected.
    """
    own = {key: value for key, value in entry.options.items() if key not in _OF_OPENING}
    resolve(entry.name, own)
    layers = {key: value for key, value in entry.options.items() if key in LayerOptions.model_fields}
    check_options(LayerOptions, layers, "backend option")
    placed = {key: value for key, value in entry.options.items() if key in ReplicaOptions.model_fields}
    check_options(ReplicaOptions, {"replicas": 1, **placed}, "replica option")


async def run_matrix(
    whole: Matrix, *, out: Path | None, store: Path | None = None, listeners: Sequence[OnRunEvent] = ()
) -> list[Run]:
    """Makes the runs one after the other; a folder that holds a run already goes on from there.

    Args:
        whole: The runs.
        out: The parent of the runs' folders; None keeps them in memory.
        store: The file in which draws are kept; None keeps none.
        listeners: Told of all that happens.

    Raises:
        RunStopped: A server refused the key or a request as such.
    """
    async with contextlib.aclosing(jobs(whole, out=out, store=store)) as ready:
        return [await run_job(job, listeners) async for job in ready]


async def jobs(whole: Matrix, *, out: Path | None = None, store: Path | None = None) -> AsyncGenerator[Job, None]:
    """The runs one after the other, each with its backends open while it is at hand. Arguments as for `run_matrix`."""
    limit = whole.suite.defaults.spend_limit
    budget = Budget(limit) if limit is not None else None
    async with contextlib.AsyncExitStack() as stack:

        async def opened(entry: Entry, closing: contextlib.AsyncExitStack) -> Backend:
            options = dict(entry.options)
            if budget is not None:
                options.setdefault("spend_limit", budget)
            with entry.blamed():
                return await closing.enter_async_context(open_backend(entry.name, store=store or "none", **options))

        roles = {role: await opened(entry, stack) for role, entry in whole.suite.roles.items()}
        options = {role: entry.options for role, entry in whole.suite.roles.items()}
        for entry in whole.suite.backends:
            async with contextlib.AsyncExitStack() as closing:
                backend = await opened(entry, closing)
                for cell in whole.cells:
                    if cell.backend is entry:
                        yield cell.job(backend, roles, {**options, "": entry.options}, out)


def _task(entry: Entry) -> Task:
    with entry.blamed():
        if "data" in entry.options:
            raise ConfigError("data stands beside the task's name, not among its options.")
        return load_task(entry.name, data=entry.data, **entry.options)


def _strategy(entry: Entry) -> Strategy:
    with entry.blamed():
        return Strategy.of_config({entry.name: entry.options})


def _check_folders(cells: Sequence[Cell]) -> None:
    """Refuses two runs of one folder: the second would be taken for the first, gone on with."""
    seen: dict[Path, Cell] = {}
    for cell in cells:
        other = seen.setdefault(cell.folder, cell)
        if other is not cell:
            raise ConfigError(
                f"Two runs of the suite would share the folder {cell.folder}; "
                "give one of them a name: (an entry may have `name:` beside it)."
            )
