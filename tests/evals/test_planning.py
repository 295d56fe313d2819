"""A plan: a pilot that is bought once, and ranges that hold what the run then really takes."""

from pathlib import Path

import pytest

from evals.item import Item
from evals.job import Job
from evals.planning import plan
from evals.runner import run_job
from evals.task import Task
from reasoning import loop
from reasoning.backends.opened import OpenedBackend
from reasoning.backends.opening import open_backend
from reasoning.backends.scripted import Scripted
from reasoning.backends.stored import Stored
from reasoning.completion import Completion, Failure
from reasoning.errors import ConfigError
from reasoning.store import Store
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive
from strategies.strategy import Strategy


def task(count: int) -> Task:
    return Task.of(
        "made", [Item.of(f"i-{n}", "How many " + "or so " * (n % 7) + f"in case {n}?", "18") for n in range(count)]
    )


def opened(store: Path | None) -> OpenedBackend:
    weights = {"The answer is 18.": 4, "The answer is 7.": 1}
    prices = {"scripted/weighted": {"input": 1.0, "output": 2.0}}
    return open_backend("scripted/weighted", store=store, weights=weights, prices=prices)


def job(backend: OpenedBackend, strategy: Strategy, count: int = 100) -> Job:
    return Job(task=task(count), strategy=strategy, backend=backend, out=None)


def test_the_pilot_is_bought_and_the_rest_is_what_the_run_then_buys(tmp_path: Path) -> None:
    with opened(tmp_path / "draws.sqlite") as backend:
        one = job(backend, SelfConsistency(of=Direct(), samples=5))
        planned = loop.run(plan(one, 20))
        assert planned.paid is not None
        assert (planned.paid.draws, planned.remaining, planned.stored, planned.known) == (100, 80, 100, 20)
        before = backend.paid
        run = loop.run(run_job(one))
    assert run.paid is not None
    assert run.paid.draws == planned.draws.guess == 400
    assert before.draws == 100
    assert planned.tokens.low <= run.paid.usage.total_tokens <= planned.tokens.high
    assert planned.cost is not None
    assert run.paid.usd is not None
    assert planned.cost.low <= run.paid.usd <= planned.cost.high


def test_a_rule_that_stops_early_is_planned_for(tmp_path: Path) -> None:
    with opened(tmp_path / "draws.sqlite") as backend:
        one = job(backend, SelfConsistency(of=Direct(), samples=20, stop=Adaptive()), 200)
        planned = loop.run(plan(one, 40))
        run = loop.run(run_job(one))
    assert run.paid is not None
    assert planned.draws.low < planned.draws.guess < planned.draws.high
    assert planned.draws.low * 0.9 <= run.paid.draws <= planned.draws.high * 1.1


def test_planning_twice_buys_once_and_what_is_stored_is_not_planned_for(tmp_path: Path) -> None:
    with opened(tmp_path / "draws.sqlite") as backend:
        loop.run(plan(job(backend, Direct(sampling={"temperature": 1.0}), 40), 10))
        bought = backend.paid.draws
        again = loop.run(plan(job(backend, Direct(sampling={"temperature": 1.0}), 40), 0))
        assert (bought, backend.paid.draws) == (10, 10)
        assert (again.known, again.remaining, again.draws.guess, again.paid) == (10, 30, 30, None)
        loop.run(run_job(job(backend, Direct(sampling={"temperature": 1.0}), 40)))
        done = loop.run(plan(job(backend, Direct(sampling={"temperature": 1.0}), 40), 0))
    assert (done.remaining, done.draws.high, done.tokens.high, done.stored) == (0, 0, 0, 40)


def test_without_a_store_or_anything_to_go_by_it_says_so(tmp_path: Path) -> None:
    with opened(None) as backend, pytest.raises(ConfigError, match="no store"):
        loop.run(plan(job(backend, Direct())))
    with opened(tmp_path / "draws.sqlite") as backend:
        with pytest.raises(ConfigError, match="Nothing is stored"):
            loop.run(plan(job(backend, Direct()), 0))
        assert backend.paid.draws == 0


def test_a_pilot_that_fails_says_why(tmp_path: Path) -> None:
    failure = Failure(kind="connection", message="reset by peer", retryable=False)
    script = Scripted(lambda request, row: Completion(index=0, finish="failed", failure=failure))
    store = Store.open(tmp_path / "draws.sqlite")
    backend = OpenedBackend(Stored(script, store))
    with backend, pytest.raises(ConfigError, match="reset by peer"):
        loop.run(plan(job(backend, Direct()), 5))


def test_a_pilot_without_a_miss_is_not_taken_for_certainty(tmp_path: Path) -> None:
    with open_backend("scripted/constant", store=tmp_path / "draws.sqlite") as backend:
        planned = loop.run(plan(job(backend, Direct(), 1000), 20))
    assert planned.accuracy.low < planned.accuracy.guess < planned.accuracy.high == 1.0
    assert planned.accuracy.low == pytest.approx(0.8389, abs=1e-3)  # Wilson, 20 of 20
    assert 0 < planned.unpaired.low <= planned.unpaired.guess <= planned.unpaired.high
    assert 0 < planned.paired.low <= planned.paired.guess <= planned.paired.high
