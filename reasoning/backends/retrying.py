"""The retry layer, the only one: asks again for draws that failed for a passing reason."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pydantic import BaseModel, ConfigDict, Field
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from reasoning.backends import scoring
from reasoning.backends.backend import Backend, Scores
from reasoning.backends.landing import landed
from reasoning.backends.layer import Layer
from reasoning.backends.outage import Outage
from reasoning.completion import Completion, Failure
from reasoning.request import Request

Ask = Callable[[Sequence[int]], Awaitable[list[Completion]]]
"""Asks for draws of one request."""


class RetryPolicy(BaseModel):
    """How often and how long to try.

    Attributes:
        attempts: Most tries of a draw, the first one included; 1 for no retries, and each failure is its draw's own. A
            try that is refused for the rate (429) does not count: the server is well and gives no more for now.
        first_wait_s: Seconds that the first wait takes at most; each further one takes at most twice as long. The wait
            is drawn uniformly from 0 to that ("full jitter"), so that those who failed together do not return together.
        longest_wait_s: Seconds that a wait takes at most where the server did not say `Retry-After`.
        total_s: No wait begins that would end later than so many seconds after the first failure. A limit by time is
            outlasted for so long, however often it refuses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=8, ge=1)
    first_wait_s: float = Field(default=0.5, ge=0)
    longest_wait_s: float = Field(default=60.0, ge=0)
    total_s: float = Field(default=600.0, ge=0)


RATE_WAIT_S = 4.0
"""Seconds that a draw waits at most which was refused for the rate by a server that did not say for how long: the pacer
knows better when to try again, and lets earlier problems go first."""


class Retrying(Layer):
    """Asks again for those draws whose failure is retryable, and only for those.

    `Retry-After` is a floor: no draw is asked for again before it. Where it goes beyond `total_s` the draw fails at
    once. Draws that have succeeded land before the wait. A backend that does not answer at all stops the run (see
    `Outage`).

    Args:
        inner: What is asked.
        policy: How often and how long.
        clock: Gives monotonic seconds.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        inner: Backend,
        policy: RetryPolicy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(inner)
        self.policy = policy or RetryPolicy()
        self._clock, self._sleep = clock, sleep
        self._outage = Outage(inner.spec, self.policy.total_s, clock)

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            NoAnswerError: The backend never answered, or has not for `total_s`.
        """
        return await self._tried(request, partial(self.inner.complete, request), indices)

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`; a scorer that fails for a reason that could pass is asked again.

        Raises:
            NoAnswerError: The backend never answered, or has not for `total_s`.
        """
        errors: list[Exception] = []

        async def asked(places: Sequence[int]) -> list[Completion]:
            wanted = [texts[place] for place in places]
            try:
                scores = await Layer.score(self, request, wanted)
            except Exception as error:
                failure = scoring.failure_of(error)
                if failure is None:
                    raise
                errors.append(error)
                return [Completion.failed(request, place, failure) for place in places]
            return [
                scoring.as_completion(request, one).model_copy(update={"index": place})
                for place, one in zip(places, scores, strict=True)
            ]

        completions = await self._tried(request, asked, range(len(texts)))
        if any(one.failure is not None for one in completions):
            raise errors[-1]
        return [scoring.as_scores(one) for one in completions]

    async def _tried(self, request: Request, ask: Ask, indices: Sequence[int]) -> list[Completion]:
        completions = await ask(indices)
        self._outage.heard(completions)
        if all(one.failure is None for one in completions):
            return completions
        ends = self._clock() + self.policy.total_s
        tries = _Tries(ask, completions, self._outage, self.policy.attempts, lambda: ends - self._clock())
        if tries.pending:
            await AsyncRetrying(
                retry=retry_if_result(bool),
                wait=self._wait,
                stop=lambda state: self._clock() + state.upcoming_sleep > ends,
                before_sleep=self._tell,
                retry_error_callback=lambda state: None,
                sleep=self._sleep,
            )(tries.next)
        told = tries.told
        failed = [one.failure for one in told if one.failure is not None and one.failure.retryable]
        if failed and self.policy.attempts > 1:
            self._outage.gave_up(request, failed[0])
        return told

    def _tell(self, state: RetryCallState) -> None:
        self._outage.wait(_result(state)[0], state.upcoming_sleep)

    def _wait(self, state: RetryCallState) -> float:
        # the exponent stays small enough for a float, however many attempts there are
        most = min(self.policy.longest_wait_s, self.policy.first_wait_s * 2.0 ** min(state.attempt_number - 1, 64))
        failures = _result(state)
        if all(failure.kind == "rate_limit" for failure in failures):
            most = min(most, RATE_WAIT_S)
        floor = max(failure.retry_after or 0.0 for failure in failures)
        return max(floor + random.uniform(0, min(most, floor / 4)), random.uniform(0, most))


class _Tries:
    """The tries of one call: what is there so far, and the next try for the rest.

    Attributes:
        pending: The failures that the next try is to mend, by draw.

    Args:
        ask: Asks for draws.
        first: What the first try gave.
        outage: Whether the backend answers at all.
        attempts: Most tries of a draw, without those that were refused for the rate.
        left: Gives the seconds within which a try may begin.
    """

    def __init__(
        self,
        ask: Ask,
        first: list[Completion],
        outage: Outage,
        attempts: int,
        left: Callable[[], float],
    ) -> None:
        self._ask, self._completions, self._outage = ask, first, outage
        self._attempts, self._left = attempts, left
        self._tried: Counter[int] = Counter()
        self._counted: Counter[int] = Counter()
        self._count(first)
        self._landed = False
        self.pending = self._to_mend()

    def _count(self, completions: Sequence[Completion]) -> None:
        for completion in completions:
            limited = completion.failure is not None and completion.failure.kind == "rate_limit"
            self._tried[completion.index] += 1
            self._counted[completion.index] += not limited

    def _to_mend(self) -> dict[int, Failure]:
        """The failures, by draw, that another try may mend in time: those told to wait for longer fail alone."""
        left = self._left()
        if self._attempts == 1:
            return {}
        return {
            c.index: c.failure
            for c in self._completions
            if c.failure is not None
            and c.failure.retryable
            and (c.failure.retry_after or 0.0) <= left
            and self._counted[c.index] < self._outage.attempts(c.failure, self._attempts)
        }

    async def next(self) -> list[Failure]:
        """What is to be mended after the first try, which is there already, and after each further try."""
        if not self._landed:
            self._landed = True
            landed(self._completions)
        else:
            again = list(self.pending)
            new = {c.index: c for c in await self._ask(again)}
            self._outage.heard(list(new.values()))
            landed(list(new.values()))
            self._completions = [new.get(c.index, c) for c in self._completions]
            self._count(list(new.values()))
            self.pending = self._to_mend()
        return list(self.pending.values())

    @property
    def told(self) -> list[Completion]:
        """The last outcome; each failure says how often it was tried."""
        return [_told(completion, self._tried[completion.index]) for completion in self._completions]


def _told(completion: Completion, tries: int) -> Completion:
    failure = completion.failure
    if failure is None or not failure.retryable or tries == 1:
        return completion
    words = failure.model_copy(update={"message": f"{failure.message} (tried {tries} times)"})
    return completion.model_copy(update={"failure": words})


def _result(state: RetryCallState) -> list[Failure]:
    assert state.outcome is not None
    result: list[Failure] = state.outcome.result()
    return result
