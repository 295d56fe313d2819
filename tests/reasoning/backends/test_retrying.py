"""What failed for a passing reason is asked for again, only that, and not for ever."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from reasoning.backends.landing import landing
from reasoning.backends.retrying import RATE_WAIT_S, Retrying, RetryPolicy
from reasoning.backends.scripted import Scripted
from reasoning.completion import Completion, Failure
from reasoning.errors import AuthenticationError
from reasoning.request import Request
from reasoning.sampling import Sampling

ASKED = Request(prompt="How many?", sampling=Sampling(temperature=0.7, max_tokens=50))
BUSY = Failure(kind="rate_limit", message="slow down", retryable=True)
BROKEN = Failure(kind="server_error", message="out of order", retryable=True)


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Failing(Scripted):
    """Fails draws so many times, then has them."""

    def __init__(self, times: dict[int, int], failure: Failure = BUSY) -> None:
        self.left = dict(times)
        self.failure = failure
        super().__init__(self._reply)

    def _reply(self, request: Request, index: int) -> Any:
        if self.left.get(index, 0) > 0:
            self.left[index] -= 1
            return Completion.failed(request, index, self.failure)
        return f"draw {index}"


def complete(
    driver: Scripted, indices: Sequence[int], clock: Clock, policy: RetryPolicy | None = None
) -> list[Completion]:
    retrying = Retrying(driver, policy, clock=clock, sleep=clock.sleep)
    return asyncio.run(retrying.complete(ASKED, indices))


def rows(driver: Scripted) -> list[tuple[int, ...]]:
    return [indices for _, indices in driver.calls]


def test_only_what_failed_is_asked_for_again() -> None:
    clock, driver = Clock(), Failing({1: 1, 3: 2})
    got = complete(driver, range(4), clock)
    assert [c.text for c in got] == [f"draw {n}" for n in range(4)]
    assert rows(driver) == [(0, 1, 2, 3), (1, 3), (3,)]
    assert len(clock.waits) == 2


def test_what_does_not_pass_is_not_tried_again() -> None:
    lasting = Failure(kind="context_overflow", message="too long", retryable=False)
    clock, driver = Clock(), Failing({0: 1}, lasting)
    assert complete(driver, [0], clock)[0].failure == lasting
    assert rows(driver) == [(0,)]


def test_tries_end_and_the_last_failure_stands() -> None:
    clock, driver = Clock(), Failing({0: 99}, BROKEN)
    got = complete(driver, [0, 1], clock, RetryPolicy(attempts=3))
    assert rows(driver) == [(0, 1), (0,), (0,)]
    assert got[0].failure is not None
    assert got[0].failure.message == "out of order (tried 3 times)"
    assert got[1].text == "draw 1"


def test_a_refusal_for_the_rate_is_no_attempt_and_is_outlasted() -> None:
    clock, driver = Clock(), Failing({0: 60})
    assert complete(driver, [0], clock, RetryPolicy(attempts=2))[0].text == "draw 0"
    assert max(clock.waits) <= RATE_WAIT_S
    clock, driver = Clock(), Failing({0: 10**6})
    (failed,) = complete(driver, [0], clock, RetryPolicy(attempts=2, total_s=300))
    assert failed.failure is not None
    assert failed.failure.kind == "rate_limit"
    assert 290 < clock.now <= 300


def test_refusals_for_the_rate_leave_other_failures_their_attempts() -> None:
    failures = [BUSY, BROKEN, BUSY, BUSY, BROKEN]

    class Mixed(Scripted):
        def __init__(self) -> None:
            super().__init__(lambda r, i: Completion.failed(r, i, failures.pop(0)) if failures else "at last")

    assert complete(Mixed(), [0], Clock(), RetryPolicy(attempts=3))[0].text == "at last"
    failures[:] = [BUSY, BROKEN, BUSY, BROKEN]
    assert complete(Mixed(), [0], Clock(), RetryPolicy(attempts=2))[0].failure is not None


def test_one_attempt_means_no_retry() -> None:
    clock, driver = Clock(), Failing({0: 99})
    assert complete(driver, [0], clock, RetryPolicy(attempts=1))[0].failure == BUSY


def test_waits_grow_with_full_jitter_up_to_the_longest() -> None:
    firsts, lasts = [], []
    for _ in range(200):
        clock = Clock()
        policy = RetryPolicy(attempts=8, first_wait_s=1, longest_wait_s=8, total_s=1e6)
        complete(Failing({0: 7}, BROKEN), [0], clock, policy)
        firsts.append(clock.waits[0])
        lasts.append(clock.waits[-1])
    assert 0 <= min(firsts) < 0.2
    assert 0.8 < max(firsts) <= 1
    assert 0 <= min(lasts) < 1.6
    assert 6.4 < max(lasts) <= 8


def test_retry_after_is_a_floor() -> None:
    told = BUSY.model_copy(update={"retry_after": 20.0})
    clock = Clock()
    assert complete(Failing({0: 2}, told), [0], clock)[0].text == "draw 0"
    assert all(20 <= wait <= 25 for wait in clock.waits)


def test_a_retry_after_beyond_the_total_fails_at_once() -> None:
    told = BUSY.model_copy(update={"retry_after": 7200.0})
    clock, driver = Clock(), Failing({0: 1}, told)
    assert complete(driver, [0], clock)[0].failure is not None
    assert clock.waits == []


def test_a_draw_that_waits_too_long_keeps_no_other_from_its_retries() -> None:
    passing, late = (BUSY.model_copy(update={"retry_after": seconds}) for seconds in (20.0, 7200.0))

    class Two(Failing):
        def _reply(self, request: Request, index: int) -> Any:
            self.failure = late if index == 1 else passing
            return super()._reply(request, index)

    clock, driver = Clock(), Two({0: 1, 1: 9})
    mended, failed = complete(driver, [0, 1], clock, RetryPolicy(total_s=30))
    assert mended.text == "draw 0"
    assert failed.failure == late
    assert rows(driver) == [(0, 1), (0,)]
    assert 20 <= clock.now <= 25


def test_no_wait_ends_after_the_total() -> None:
    clock = Clock()
    complete(Failing({0: 999}), [0], clock, RetryPolicy(attempts=999, first_wait_s=10, longest_wait_s=10, total_s=50))
    assert 20 < clock.now <= 50


def test_what_has_succeeded_lands_before_the_wait() -> None:
    seen: list[list[int]] = []

    async def body() -> None:
        async def sleep(seconds: float) -> None:
            seen.append([c.index for c in had])

        had: list[Completion] = []
        with landing(had.extend):
            await Retrying(Failing({1: 2}), sleep=sleep).complete(ASKED, [0, 1, 2])
        assert sorted(c.index for c in had) == [0, 1, 2]

    asyncio.run(body())
    assert seen == [[0, 2], [0, 2]]


def test_what_stops_a_run_is_not_tried_again() -> None:
    def refuse(request: Request, index: int) -> str:
        raise AuthenticationError("wrong key")

    driver = Scripted(refuse)
    with pytest.raises(AuthenticationError):
        complete(driver, [0], Clock())
    assert len(driver.calls) == 1


def test_cancelling_ends_the_waiting() -> None:
    async def body(retrying: Callable[..., Any]) -> None:
        task = asyncio.create_task(retrying(ASKED, [0]))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    policy = RetryPolicy(first_wait_s=100, longest_wait_s=100)
    told = BUSY.model_copy(update={"retry_after": 50.0})
    asyncio.run(asyncio.wait_for(body(Retrying(Failing({0: 1}, told), policy).complete), 2))
