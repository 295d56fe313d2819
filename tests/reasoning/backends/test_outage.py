"""A backend that does not answer stops the run with the cause, soon, and is not silent until then."""

import asyncio
import logging
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import evals
import reasoning
from evals.item import Item
from evals.task import Task
from reasoning.backends.backend import Capabilities, Scores
from reasoning.backends.outage import FIRST_TRIES, TELL_EVERY_S
from reasoning.backends.paced import Paced
from reasoning.backends.pacer import Pacer
from reasoning.backends.retrying import Retrying, RetryPolicy
from reasoning.backends.scripted import Reply, Scripted, ScriptedOptions
from reasoning.completion import Completion, Failure, FailureKind
from reasoning.errors import NoAnswerError
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.direct import Direct

ASKED = Request(prompt="How many?", sampling=Sampling(temperature=0.7, max_tokens=50))
ANOTHER = Request(prompt="How much?", sampling=ASKED.sampling)
SWIFT = {"first_wait_s": 0.01, "longest_wait_s": 0.02}


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def failing(kinds: list[FailureKind | None]) -> Scripted:
    """Each try fails so, or is answered where it says None; the last one stands for all after it."""

    def script(request: Request, index: int) -> Reply:
        kind = kinds.pop(0) if len(kinds) > 1 else kinds[0]
        if kind is None:
            return "fine"
        return Completion.failed(request, index, Failure(kind=kind, message=f"no {kind}.", retryable=True))

    return Scripted(script)


def retrying(driver: Scripted, clock: Clock, policy: RetryPolicy | None = None) -> Retrying:
    return Retrying(driver, policy, clock=clock, sleep=clock.sleep)


def test_without_a_connection_it_stops_after_few_tries() -> None:
    clock, driver = Clock(), failing(["connection"])
    with pytest.raises(
        NoAnswerError, match=r"scripted/script has given no answer so far: no connection. \(tried 4 times\)"
    ):
        asyncio.run(retrying(driver, clock).complete(ASKED, [0]))
    assert len(driver.calls) == FIRST_TRIES
    assert clock.now <= 5


def test_another_failure_of_one_request_is_its_own_and_of_two_the_backends() -> None:
    driver, clock = failing(["server_error"]), Clock()
    layer = retrying(driver, clock)
    (first,) = asyncio.run(layer.complete(ASKED, [0]))
    assert first.failure is not None
    assert len(driver.calls) == RetryPolicy().attempts
    (again,) = asyncio.run(layer.complete(ASKED, [1]))
    assert again.failure is not None
    with pytest.raises(NoAnswerError, match="no server_error"):
        asyncio.run(layer.complete(ANOTHER, [0]))


def test_a_backend_that_has_answered_loses_draws_until_it_was_silent_for_long() -> None:
    driver, clock = failing([None, "connection"]), Clock()
    layer = retrying(driver, clock, RetryPolicy(total_s=300))
    assert asyncio.run(layer.complete(ASKED, [0]))[0].text == "fine"

    def lose_all() -> None:
        for index in range(1, 10_000):
            for request in (ASKED, ANOTHER):
                (got,) = asyncio.run(layer.complete(request, [index]))
                assert got.failure is not None

    with pytest.raises(NoAnswerError, match="has given no answer for [5-7] minutes: no connection"):
        lose_all()
    assert 300 <= clock.now <= 430


def test_one_answer_ends_an_outage() -> None:
    clock = Clock()
    layer = retrying(failing([None, *["connection"] * 7, None, "connection"]), clock, RetryPolicy(total_s=60))  # type: ignore[list-item]
    for index in range(2):
        assert asyncio.run(layer.complete(ASKED, [index]))[0].text == "fine"
    clock.now += 1000
    (lost,) = asyncio.run(layer.complete(ASKED, [2]))
    assert lost.failure is not None


def test_the_cause_and_the_wait_are_told(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    caplog.set_level(logging.INFO)
    layer = retrying(failing([None, "server_error"]), clock, RetryPolicy(attempts=12))
    asyncio.run(layer.complete(ASKED, [0]))
    asyncio.run(layer.complete(ASKED, [1]))
    told = [r for r in caplog.records if r.name == "reasoning.backends.outage"]
    assert len(told) == 11
    assert "scripted/script has given no answer yet: no server_error. The next try is in " in told[0].getMessage()
    assert told[0].levelno == logging.INFO  # it may pass in a moment
    warnings = [r for r in told if r.levelno == logging.WARNING]
    assert 1 <= len(warnings) <= clock.now / TELL_EVERY_S + 1


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_run_on_a_dead_server_stops_with_the_cause(closed_port: int, tmp_path: Path) -> None:
    task = Task.of("sums", [Item.of(f"s{i}", f"What is {i} + 2?", str(i + 2)) for i in range(300)])
    options = {"base_url": f"http://127.0.0.1:{closed_port}/v1", "api_key": "none", "retry": SWIFT}
    with (
        reasoning.open_backend("openai/m", **options) as backend,
        pytest.raises(NoAnswerError, match="refused.*Check base_url"),
    ):
        evals.evaluate(task, Direct(), backend, out=tmp_path)
    (folder,) = tmp_path.iterdir()
    header = evals.load_run(folder).header
    assert header.status == "stopped"
    assert "refused" in (header.stopped_by or "")


# Scorers


class UnavailableError(Exception):
    """What an HTTP client raises."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code = status


class Reward(Scripted):
    """Scores texts by their length, once it has raised all its errors."""

    def __init__(self, errors: list[Exception]) -> None:
        super().__init__(lambda request, index: "text", ScriptedOptions(capabilities=Capabilities(scoring=True)))
        self.errors = errors

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        if self.errors:
            raise self.errors.pop(0)
        return [Scores(values=(float(len(text)),)) for text in texts]


@pytest.mark.parametrize(
    "error", [UnavailableError(503), UnavailableError(429), TimeoutError(), ConnectionResetError()]
)
def test_a_scorer_is_asked_again(error: Exception) -> None:
    clock = Clock()
    layer = Retrying(Paced(Reward([error, error]), Pacer()), clock=clock, sleep=clock.sleep)
    scores = asyncio.run(layer.score(ASKED, ["a", "three"]))
    assert scores == [Scores(values=(1.0,)), Scores(values=(5.0,))]


@pytest.mark.parametrize("error", [UnavailableError(400), UnavailableError(501), ValueError("a fault of the scorer")])
def test_a_scorer_that_fails_for_a_lasting_reason_is_not(error: Exception) -> None:
    clock, reward = Clock(), Reward([error, error])
    with pytest.raises(type(error)):
        asyncio.run(Retrying(reward, clock=clock, sleep=clock.sleep).score(ASKED, ["a"]))
    assert len(reward.errors) == 1


def test_a_scorers_last_error_is_told_when_its_tries_are_used_up() -> None:
    clock, reward = Clock(), Reward([UnavailableError(503)] * 9)
    with pytest.raises(UnavailableError, match="503"):
        asyncio.run(Retrying(reward, RetryPolicy(attempts=3), clock=clock, sleep=clock.sleep).score(ASKED, ["a"]))
    assert len(reward.errors) == 6


def test_a_scorers_rate_limit_slows_the_pacer_down() -> None:
    async def body() -> None:
        pacer = Pacer()
        with pytest.raises(UnavailableError):
            await Paced(Reward([UnavailableError(429)]), pacer).score(ASKED, ["a"])
        assert pacer.limit < 20
        assert (pacer._delay(0) or 0) > 0

    asyncio.run(body())
