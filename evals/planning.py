"""What a run would still cost and take, and what it could show, before it is bought.

A pilot really buys the first problems of the run (they are stored, and the run does not buy them again); the rest is
extrapolated from it, less what the store holds already. Twenty problems say little: all figures are ranges. A pilot at
95 % accuracy sees no miss in 36 % of the cases, so its accuracy is smoothed (Wilson).
"""

import contextlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from evals.job import Job
from evals.matrix import Matrix, jobs
from evals.record import Record
from evals.run import Run
from evals.runner import run_job
from evals.statistics import power
from evals.stats import wilson
from reasoning.backends.backend import Backend
from reasoning.backends.layer import Layer
from reasoning.backends.stored import Stored
from reasoning.budget import Paid
from reasoning.completion import Completion, Failure
from reasoning.errors import ConfigError
from reasoning.request import Request
from reasoning.store import Store

PILOT = 20
LEAST_DISCORDANCE = 0.25
"""Two related runs rarely differ on fewer of the items than this share of what independent ones would."""


class Range(NamedTuple):
    """From a low end over the best guess to a high end."""

    low: float
    guess: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run, before it is made.

    Attributes:
        name: Task, strategy and backend.
        items: Of one repeat.
        repeats: Of each item.
        known: Problems that are known: the pilot's, and those that the store holds whole.
        remaining: Problems that have draws to buy.
        stored: Draws that are there already.
        draws: Draws still to buy.
        calls: Calls of the model for them.
        tokens: Prompt and completion tokens for them.
        cost: US dollars for them; None where the price is unknown.
        seconds: The time they take.
        paid: What the pilot really cost.
        accuracy: What the pilot says of it.
        unpaired: The least difference to a run on other items that would be found, in 80 % of the cases.
        paired: The same to a run on the same items, from runs that differ little to independent ones.
    """

    name: str
    items: int
    repeats: int
    known: int
    remaining: int
    stored: int
    draws: Range
    calls: Range
    tokens: Range
    cost: Range | None
    seconds: Range
    paid: Paid | None
    accuracy: Range
    unpaired: Range
    paired: Range

    def to_json(self) -> dict[str, Any]:
        """As one JSON object; ranges are `[low, guess, high]`."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        told = {name: list(value) if isinstance(value, Range) else value for name, value in fields.items()}
        return {**told, "paid": self.paid.model_dump(mode="json") if self.paid else None}


async def plan_matrix(whole: Matrix, *, store: Path | None, pilot: int = PILOT) -> list[Plan]:
    """Plans each run of a suite; arguments and errors as for `plan`."""
    async with contextlib.aclosing(jobs(whole, store=store)) as ready:
        return [await plan(job, pilot) async for job in ready]


async def plan(job: Job, pilot: int = PILOT) -> Plan:
    """Plans one run.

    Args:
        job: What is to be done; its folder is not touched.
        pilot: Problems that are bought, or served from the store, to go by; 0 goes by what is stored alone.

    Raises:
        ConfigError: A pilot was asked for and there is no store to keep it; or nothing is known to go by.
    """
    job = job.settled()
    items, label = job.items(), f"{job.task.name} · {job.strategy.name()} · {job.backend.spec}"
    store = _store(job.backend)
    if pilot and store is None:
        raise ConfigError("A pilot's draws are bought, and there is no store to keep them: name --store, or --pilot 0.")
    piloted = None
    if pilot:
        piloted = await run_job(replace(job, limit=min(pilot, len(items)), repeats=1, out=None))
    survey: Run | None = None
    if store is not None:
        roles = {role: _stored_alone(backend) for role, backend in job.backends.items()}
        survey = await run_job(replace(job, backend=_stored_alone(job.backend), backends=roles, out=None))
    whole = [] if survey is None else [r for r in survey.records if not _waits(r)]
    sample = _together([r for r in piloted.records if not _waits(r)] if piloted else (), whole)
    if not sample:
        why = "No draw of the pilot could be had" if pilot else "Nothing is stored"
        raise ConfigError(f"{why} for {label}, so there is nothing to go by: {_remedy(piloted)}.")
    problems = len(items) * job.repeats
    held = 0 if survey is None else sum(_draws(record) for record in survey.records if _waits(record))
    remaining = problems - len(whole)
    return _extrapolated(job, label, len(items), sample, piloted, remaining, held, sum(map(_draws, whole)) + held)


def _remedy(piloted: Run | None) -> str:
    if piloted is None:
        return "leave out --pilot 0 to buy some"
    failed = (path.reason for record in piloted.records for path in record.result.paths if path.status == "failed")
    return piloted.header.stopped_by or next((why for why in failed if why), None) or "look at it with reasoning run"


def _extrapolated(
    job: Job,
    label: str,
    items: int,
    sample: Sequence[Record],
    piloted: Run | None,
    remaining: int,
    held: int,
    stored: int,
) -> Plan:
    per_problem = _mean([_draws(record) for record in sample])
    draws = Range(*(max(0.0, share * remaining - held) for share in per_problem))
    each = draws.guess / max(1e-9, per_problem.guess)  # problems' worth of draws that are left
    costs = [record.result.cost for record in sample]
    priced = [cost for cost in costs if cost is not None]
    tokens = _scaled(_mean([record.result.usage.total_tokens for record in sample]), each)
    waits = [sum(c.latency_s for p in record.result.paths for c in p.completions) for record in sample]
    lanes = max(1, job.backend.capabilities.concurrency)
    seconds = _scaled(_mean(waits), each / lanes)
    slowest = seconds.high * (lanes if piloted is None else 1)
    if piloted is not None and piloted.paid is not None and piloted.paid.draws:
        slowest = max(slowest, piloted.seconds / piloted.done * each)
    n, p = len(sample), fmean(record.score for record in sample)
    ends = wilson(p * n, n)
    accuracy = Range(ends.low, (p * n + 2) / (n + 4), ends.high)  # Agresti and Coull's centre of Wilson's interval
    most = max(job.backend.capabilities.max_samples, 1)
    one_call = min(most, max(1, job.strategy.width))
    # A pilot without a miss does not make the run sure of anything: shares of 0 and 1 are taken for what n can tell.
    shares = [min(max(share, 1 / (n + 4)), 1 - 1 / (n + 4)) for share in accuracy]
    unpaired = [min(1.0, power.minimum_detectable(items, share, job.repeats)) for share in shares]
    related = [
        min(1.0, power.minimum_detectable(items, share, discordance=part * 2 * share * (1 - share)))
        for share in shares
        for part in (LEAST_DISCORDANCE, 0.5)
    ]
    return Plan(
        name=label,
        items=items,
        repeats=job.repeats,
        known=n,
        remaining=remaining,
        stored=stored,
        draws=draws,
        calls=Range(math.ceil(draws.low / one_call), math.ceil(draws.guess / one_call), draws.high),
        tokens=tokens,
        cost=_scaled(_mean(priced), each) if len(priced) == n else None,
        seconds=Range(seconds.low, seconds.guess, max(slowest, seconds.guess)),
        paid=piloted.paid if piloted else None,
        accuracy=accuracy,
        unpaired=Range(min(unpaired), unpaired[1], max(unpaired)),
        paired=Range(min(related), related[3], max(unpaired)),
    )


def _store(backend: Backend) -> Store | None:
    found = getattr(getattr(backend, "inner", None), "store", None)
    return found if isinstance(found, Store) else None


def _stored_alone(backend: Backend) -> Backend:
    """What a backend has in its store, and no more."""
    absent, store = _Absent(backend), _store(backend)
    return absent if store is None else Stored(absent, store, price=getattr(backend, "price", None))


class _Absent(Layer):
    """Stands for a backend and buys nothing: what the store does not hold is a failed draw."""

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`."""
        failure = Failure(kind="unsupported", message="not stored", retryable=False)
        return [Completion.failed(request, index, failure) for index in indices]


def _waits(record: Record) -> bool:
    """Whether draws of a problem are not stored."""
    paths = record.result.paths
    return record.result.error is not None or any(
        c.failure is not None for p in paths for c in (*p.completions, *p.asides)
    )


def _draws(record: Record) -> int:
    """Draws that a problem has."""
    return sum(c.failure is None for path in record.result.paths for c in (*path.completions, *path.asides))


def _together(*records: Iterable[Record]) -> list[Record]:
    """Each problem once."""
    known = {(record.id, record.repeat): record for some in records for record in some}
    return list(known.values())


def _mean(values: Sequence[float]) -> Range:
    """The mean with its 95 % interval, not below the least value."""
    if not values:
        return Range(0.0, 0.0, 0.0)
    mean = fmean(values)
    if len(values) < 2:
        return Range(mean / 2, mean, mean * 2)
    from scipy.special import stdtrit

    half = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / math.sqrt(len(values))
    return Range(max(min(values), mean - half), mean, mean + half)


def _scaled(range: Range, times: float) -> Range:
    return Range(*(end * times for end in range))
