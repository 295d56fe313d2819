"""Solves a task's problems with a strategy, scores and logs them: `asolve_stream` plus a log."""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from evals.events import ItemScored, OnRunEvent, RunEnded, RunEvent, RunStarted
from evals.header import BackendNote, Growth, RunHeader, growth
from evals.item import Item
from evals.job import Job, noted
from evals.loading import load_task
from evals.origin import Origin
from evals.record import Record
from evals.run import Run
from evals.runlog import RunLog
from evals.task import Order, Selection, Task
from reasoning import loop
from reasoning.backends.backend import Backend
from reasoning.backends.opening import open_backend
from reasoning.budget import Ledger, Paid
from reasoning.errors import SpendLimitError
from reasoning.problem import Problem
from strategies.strategy import Strategy

P = ParamSpec("P")
T = TypeVar("T")

SAVE_EVERY_S = 10.0
"""Seconds after which time and money spent so far are written down while a run goes on."""


async def aevaluate(
    task: Task | str,
    strategy: Strategy | str | Mapping[str, Any],
    backend: Backend | str,
    *,
    limit: int | None = None,
    out: str | Path | None = "runs/",
    repeats: int = 1,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    seed: int = 0,
    where: str | None = None,
    order: Order = "seeded",
    data: str | Path | None = None,
    backends: Mapping[str, Backend | str] | None = None,
    on_event: OnRunEvent | None = None,
    progress: bool = False,
) -> Run:
    """Solves, scores and logs a task's problems.

    Run again with the same `out` and `name` it goes on where it ended: what is done is not done again, except for
    problems that were lost to failures. `limit`, `repeats` and samples may grow; any other difference is refused.

    Args:
        task: A task, or its name.
        strategy: A strategy, its name, or its configuration. Where it chose no exemplars, the task's are taken.
        backend: A backend, or its spec; one opened here is closed at the end.
        limit: Only the first so many items.
        out: The parent of the run's folder `task--strategy--backend[--name]`; None keeps the run in memory.
        repeats: How often each item is solved; repeat r draws with seed + r.
        name: Part of the folder's name, where one task, strategy and backend have several runs.
        tags: One's own, recorded.
        seed: Of the draws, and of how ties break; other seeds, other draws.
        where: A condition on metadata, e.g. `"level >= 4"`.
        order: Which items come first: "seeded" mixes them, always in the same way; "source" is the file's order.
        data: A local copy of the task's data.
        backends: Further models by role, e.g. `{"judge": "openai/…"}`.
        on_event: Told of all that happens; see `evals.events` and `strategies.events`.
        progress: Shows progress on standard error.

    Raises:
        UsageError: Something cannot be done as asked; nothing has run.
        RunStopped: The server refused the key or the request as such; what was done is kept in the folder. A spend
            limit ends the run in good order instead, with `status` "spend limit".
    """
    async with contextlib.AsyncExitStack() as opened:

        async def ready(given: Backend | str) -> Backend:
            if not isinstance(given, str):
                return given
            return await opened.enter_async_context(open_backend(given))

        job = Job(
            task=task if isinstance(task, Task) else load_task(task, data=data),
            strategy=Strategy.of_config(strategy),
            backend=await ready(backend),
            backends={role: await ready(given) for role, given in (backends or {}).items()},
            limit=limit,
            repeats=repeats,
            seed=seed,
            where=where,
            order=order,
            out=None if out is None else Path(out),
            name=name,
            tags=tags or {},
            data=None if data is None else str(data),
        )
        listeners = [on_event] if on_event is not None else []
        if progress:
            from evals.progress import display

            listeners.append(opened.enter_context(display()))
        return await run_job(job, listeners)


def _sync(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The twin of an async function for sync code, with the same arguments."""

    @functools.wraps(work)
    def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return loop.run(work(*args, **kwargs))

    twin.__name__ = twin.__qualname__ = work.__name__.removeprefix("a")
    return twin


evaluate = _sync(aevaluate)
"""`aevaluate` for sync code, scripts and notebooks. Ctrl-C ends it in good order: the same call goes on from there."""


async def run_job(job: Job, listeners: Sequence[OnRunEvent] = ()) -> Run:
    """Does a job, or goes on with it. Arguments and errors as for `aevaluate`."""
    job = job.settled()
    items, header = await asyncio.to_thread(_planned, job)
    folder = job.folder
    log, held = (RunLog.in_memory(header), None) if folder is None else RunLog.opened(folder, header)
    with contextlib.closing(log):
        notes = _go_on(log, held, header, fresh=job.fresh)
        spent = _Spent(job, log.header)
        origins = _Origins(job, log.header)

        def tell(event: RunEvent) -> None:
            for listener in listeners:
                listener(event)

        log.keep(status="running", stopped_by=None, **origins.so_far(log.header))
        status, stopped_by = "stopped", None
        try:
            tell(RunStarted(log.header, log.summary, (*notes, *log.header.notes)))
            async for record in _solved(job, items, log, tell if listeners else None):
                log.append(record)
                tell(ItemScored(record))
                spent.save_sometimes(log, origins)
            status = "complete"
        except SpendLimitError as error:
            status, stopped_by = "spend limit", str(error)
        except (asyncio.CancelledError, KeyboardInterrupt):
            status = "interrupted"
            raise
        except BaseException as error:
            stopped_by = f"{type(error).__name__}: {error}"
            raise
        finally:
            log.keep(status=status, stopped_by=stopped_by, **origins.so_far(log.header), **spent.so_far())
            tell(RunEnded(log.header, log.summary))
    return Run(log)


def _planned(job: Job) -> tuple[Selection, RunHeader]:
    items = job.items()
    return items, job.header(items)


def _go_on(log: RunLog, held: RunHeader | None, wanted: RunHeader, *, fresh: bool) -> tuple[str, ...]:
    """Settles a log that holds a run already on what is wanted now; what a person should know of it."""
    if held is None:
        return ()
    grown = growth(held, wanted, str(log.folder))
    done = len(log.summary)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    more = [Growth(when=when, field=f, before=old, after=new, items=done) for f, (old, new) in grown.items()]
    notes = [f"{g.field} grew from {g.before} to {'all' if g.after is None else g.after}" for g in more]
    valid_from = held.valid_from
    if any(field.endswith(".samples") for field in grown):
        valid_from = log.start_anew()
        notes.append("every problem is solved again with more samples; draws that are stored are not bought again")
    elif fresh and held.status == "complete":
        valid_from = log.start_anew()
        notes.append("every problem is solved again, with fresh draws")
    elif done or held.status != "complete":
        lost = log.summary.failures
        again = f", {lost} lost ones to be done again" if lost else ""
        notes.insert(0, f"{done - lost} of {wanted.planned} done before{again}")
    log.keep(
        name=wanted.name,
        strategy=wanted.strategy,
        limit=wanted.limit,
        repeats=wanted.repeats,
        task=wanted.task,
        backend=_with_history(wanted.backend, held.backend, anew=valid_from != held.valid_from),
        backends={
            role: _with_history(note, held.backends[role], anew=valid_from != held.valid_from)
            for role, note in wanted.backends.items()
        },
        tags={**held.tags, **wanted.tags},
        grown=(*held.grown, *more),
        valid_from=valid_from,
        host=wanted.host,
        packages=wanted.packages,
    )
    return tuple(notes)


async def _solved(job: Job, items: Selection, log: RunLog, on_event: OnRunEvent | None) -> AsyncIterator[Record]:
    """The records of all problems that are not done yet, as they come."""
    for repeat in range(job.repeats):
        under_way: dict[str, Item] = {}

        def problems(repeat: int = repeat, under_way: dict[str, Item] = under_way) -> Iterator[Problem]:
            for at, id in enumerate(items.ids):
                if not log.has(id, repeat):
                    under_way[id] = items[at]
                    yield under_way[id].problem

        how = {"backends": job.backends, "seed": job.seed + repeat, "errors": "record", "on_event": on_event}
        async with contextlib.aclosing(job.strategy.asolve_stream(problems(), job.backend, **how)) as results:
            async for result in results:
                item = under_way.pop(result.problem.id)
                # A verifier computes, for seconds perhaps; a gold is compared at once.
                scored = functools.partial(Record.of, item, result, repeat)
                yield scored() if item.verify is None else await asyncio.to_thread(scored)


def _with_history(note: BackendNote, held: BackendNote, *, anew: bool) -> BackendNote:
    """A backend's note with what earlier sessions noticed, and took from the store unless all is done again."""
    notices = tuple(dict.fromkeys((*held.notices, *note.notices)))
    return note.model_copy(update={"notices": notices, "store": None if anew else held.store})


class _Origins:
    """What the backends of a run tell of themselves by now, and what they took from their stores."""

    def __init__(self, job: Job, header: RunHeader) -> None:
        notes = {"": header.backend, **header.backends}
        self._backends = {"": job.backend, **job.backends}
        self._of = {role: Origin(backend, notes[role], header.started) for role, backend in self._backends.items()}

    def so_far(self, header: RunHeader) -> dict[str, Any]:
        """The header's fields on backends."""
        notes = {
            role: noted(note, self._backends[role]).model_copy(update={"store": self._of[role].note()})
            for role, note in {"": header.backend, **header.backends}.items()
        }
        return {"backend": notes.pop(""), "backends": notes}


class _Spent:
    """Time and money that go into a run, on top of what earlier sessions spent."""

    def __init__(self, job: Job, header: RunHeader) -> None:
        self._started = self._saved = time.perf_counter()
        self._seconds, self._paid = header.seconds, header.paid
        backends = {id(backend): backend for backend in (job.backend, *job.backends.values())}
        ledgers: list[Ledger | None] = [getattr(backend, "ledger", None) for backend in backends.values()]
        self._told = None not in ledgers
        self._marks = [(ledger, ledger.mark()) for ledger in ledgers if ledger is not None]

    def so_far(self) -> dict[str, Any]:
        """The header's fields."""
        return {"seconds": self._seconds + time.perf_counter() - self._started, "paid": self._total()}

    def save_sometimes(self, log: RunLog, origins: _Origins) -> None:
        """Writes them down when that was long ago, so that a kill loses little of the account."""
        if time.perf_counter() - self._saved > SAVE_EVERY_S:
            log.keep(**self.so_far(), **origins.so_far(log.header))
            self._saved = time.perf_counter()

    def _total(self) -> Paid | None:
        if not self._told:
            return None
        return sum((ledger.paid(since=mark) for ledger, mark in self._marks), self._paid or Paid())
