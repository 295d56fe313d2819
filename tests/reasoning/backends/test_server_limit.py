"""A limit that a server keeps by time is outlasted with few requests to spare, whether or not it says how long."""

import asyncio
import collections
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import virtual_time

from reasoning.backends.paced import Paced
from reasoning.backends.pacer import Pacer
from reasoning.backends.precedence import Beginning
from reasoning.backends.retrying import Retrying, RetryPolicy
from reasoning.backends.scripted import Scripted
from reasoning.backends.server_limit import FIRST_PAUSE_S, LONGEST_PAUSE_S, ServerLimit
from reasoning.completion import Completion, Failure
from reasoning.errors import NoAnswerError
from reasoning.request import Request
from reasoning.sampling import Sampling

SAMPLING = Sampling(temperature=0.7, max_tokens=50)


@dataclass
class Limited:
    """A server that answers so many requests in any window, and refuses the others at once."""

    most: int
    window_s: float = 60.0
    latency_s: float = 0.5
    tells: bool = False
    sliding: bool = True
    requests: int = 0
    refused_at: list[float] = field(default_factory=list)
    answered: collections.deque[float] = field(default_factory=collections.deque)

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        self.requests += len(indices)
        assert len(indices) == 1
        await asyncio.sleep(0.02)
        now = asyncio.get_running_loop().time()
        opened = now - self.window_s if self.sliding else now // self.window_s * self.window_s - 1e-9
        while self.answered and self.answered[0] <= opened:
            self.answered.popleft()
        if len(self.answered) >= self.most:
            self.refused_at.append(now)
            reopens = self.answered[0] if self.sliding else opened
            wait = reopens + self.window_s - now if self.tells else None
            failure = Failure(kind="rate_limit", message="too many", retryable=True, retry_after=wait)
            return [Completion.failed(request, index, failure) for index in indices]
        self.answered.append(now)
        await asyncio.sleep(self.latency_s)
        return [Completion(index=index, text="fine", request=request) for index in indices]


class Server(Scripted):
    """`Limited` as a driver."""

    def __init__(self, limited: Limited) -> None:
        super().__init__(lambda request, index: "")
        self.complete = limited.complete  # type: ignore[method-assign]


def bought(limited: Limited, items: int, policy: RetryPolicy | None = None) -> tuple[list[Completion], float]:
    """One draw for each of so many prompts, all asked for at once; what they became, and when."""

    async def body() -> tuple[list[Completion], float]:
        clock = asyncio.get_running_loop().time
        layers = Retrying(Paced(Server(limited), Pacer(clock=clock)), policy, clock=clock)
        asked = [Request(prompt=f"Question {n}:", sampling=SAMPLING) for n in range(items)]

        async def problem(one: Request) -> Completion:
            with Beginning():
                return (await layers.complete(one, [0]))[0]

        return list(await asyncio.gather(*map(problem, asked))), clock()

    return virtual_time.run(body())


@pytest.mark.parametrize("tells", [False, True], ids=["silent", "says how long"])
@pytest.mark.parametrize("sliding", [False, True], ids=["by the clock", "sliding"])
@pytest.mark.parametrize(
    ("most", "window_s", "latency_s"),
    [(60, 60, 0.05), (60, 60, 0.5), (60, 60, 5), (100, 60, 0.5), (40, 10, 0.2), (60, 5, 0.3)],
)
def test_a_window_is_outlasted_with_few_requests(
    most: int, window_s: float, latency_s: float, sliding: bool, tells: bool
) -> None:
    limited = Limited(most, window_s, latency_s, tells, sliding)
    got, seconds = bought(limited, 200)
    assert [one.failure for one in got] == [None] * 200
    assert limited.requests <= 1.3 * 200
    least = (200 // most - (200 % most == 0)) * window_s
    assert seconds <= 1.5 * least + 20


def test_a_narrow_limit_is_learned() -> None:
    """Three a minute: those that are refused are those that were on their way, and a few tries of the first minute."""
    limited = Limited(3)
    got, _ = bought(limited, 20)
    assert [one.failure for one in got] == [None] * 20
    assert len(limited.refused_at) <= 17 + 10


def test_a_limit_that_lasts_longer_than_the_policy_ends_the_run() -> None:
    with pytest.raises(NoAnswerError, match=r"has given no answer for 2 minutes: too many \(tried \d+ times\)"):
        bought(Limited(2, window_s=1e6), 5, RetryPolicy(total_s=90))


# The parts, on a clock of their own


def admitted(limit: ServerLimit, now: float) -> None:
    limit.ended(limit.start(now), now + 0.1, admitted=True)


def test_after_a_refusal_one_request_is_tried_at_a_time() -> None:
    limit = ServerLimit()
    sent = [limit.start(0.0) for _ in range(3)]
    limit.refused(sent[0], None, 0.1)
    limit.refused(sent[1], None, 0.1)  # known already
    assert limit.delay(0.1) == FIRST_PAUSE_S
    probe = limit.start(0.6)
    assert limit.delay(0.7) > 4  # it is under way
    limit.refused(probe, None, 0.7)
    assert limit.delay(0.7) == pytest.approx(2 * FIRST_PAUSE_S)
    limit.ended(sent[2], 0.8, admitted=True)  # sent before: it says nothing of now
    assert limit.blocked
    limit.ended(limit.start(1.7), 1.8, admitted=True)
    assert limit.delay(1.8) == 0
    assert not limit.active


def test_a_request_that_is_not_refused_for_a_while_was_admitted() -> None:
    limit = ServerLimit()
    limit.refused(limit.start(0.0), None, 0.1)
    limit.start(1.0)
    assert limit.delay(3.0) == pytest.approx(3.0)
    assert limit.delay(6.0) == 0
    assert not limit.blocked


def test_what_never_reached_the_server_opens_nothing() -> None:
    limit = ServerLimit()
    limit.refused(limit.start(0.0), None, 0.1)
    limit.ended(limit.start(1.0), 1.1, admitted=False)
    assert limit.blocked
    assert limit.delay(1.1) == FIRST_PAUSE_S


@pytest.mark.parametrize(("told", "wait"), [(7.0, 7.0), (60.0, 60.0), (3600.0, LONGEST_PAUSE_S), (0.0, 0.0)])
def test_a_wait_that_is_told_is_kept(told: float, wait: float) -> None:
    limit = ServerLimit()
    limit.refused(limit.start(0.0), told, 0.0)
    assert limit.delay(0.0) == wait


def test_a_wait_told_too_short_grows() -> None:
    limit, now = ServerLimit(), 0.0
    limit.refused(limit.start(now), 1.0, now)
    waits = []
    for _ in range(7):
        waits.append(limit.delay(now))
        now += waits[-1]
        limit.refused(limit.start(now), 1.0, now)
    assert waits == sorted(waits)
    assert waits[-1] >= 15


def test_a_limit_that_was_learned_grows_after_clean_windows() -> None:
    limit = ServerLimit()
    for n in range(30):
        admitted(limit, n / 100)
    limit.refused(limit.start(1.0), None, 1.0)
    limit.ended(limit.start(11.0), 11.1, admitted=True)  # thirty in eleven seconds

    def started(since: float) -> int:
        """How many may start at once."""
        count = 0
        while limit.delay(since) == 0:
            admitted(limit, since)
            count += 1
        return count

    assert started(11.2) == 29
    assert started(23.0) == 30
    assert started(35.0) > 30


def test_a_server_that_was_only_busy_is_given_no_limit() -> None:
    limit = ServerLimit()
    admitted(limit, 0.0)
    limit.refused(limit.start(0.1), None, 0.1)
    admitted(limit, 0.7)
    assert not limit.active
