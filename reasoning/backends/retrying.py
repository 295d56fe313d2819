"""The retry layer, the only one: asks again for draws that failed for a passing reason."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from reasoning.backends.backend import Backend
from reasoning.backends.landing import landed
from reasoning.backends.layer import Layer
from reasoning.completion import Completion, Failure
from reasoning.request import Request


class RetryPolicy(BaseModel):
    """How often and how long to try.

    Attributes:
        attempts: Most tries of a draw, the first one included; 1 for no retries.
        first_wait_s: Seconds that the first wait takes at most; each further one takes at most twice as long. The wait
            is drawn uniformly from 0 to that ("full jitter"), so that those who failed together do not return together.
        longest_wait_s: Seconds that a wait takes at most where the server did not say `Retry-After`.
        total_s: No wait begins that would end later than so many seconds after the first failure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=8, ge=1)
    first_wait_s: float = Field(default=0.5, ge=0)
    longest_wait_s: float = Field(default=60.0, ge=0)
    total_s: float = Field(default=600.0, ge=0)


class Retrying(Layer):
    """Asks again for those draws whose failure is retryable, and only for those.

    `Retry-After` is a floor: no draw is asked for again before it. Where it goes beyond `total_s` the draw fails at
    once. Draws that have succeeded land before the wait.

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

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`."""
        completions = await self.inner.complete(request, indices)
        if self.policy.attempts == 1 or not _to_retry(completions):
            return completions
        failed = self._clock()
        tries = _Tries(self.inner, request, completions)
        return await AsyncRetrying(
            retry=retry_if_result(lambda completions: bool(_to_retry(completions))),
            wait=self._wait,
            stop=lambda state: self._enough(state, failed),
            retry_error_callback=lambda state: tries.given_up(state.attempt_number),
            sleep=self._sleep,
        )(tries.next)

    def _wait(self, state: RetryCallState) -> float:
        asked = [failure.retry_after or 0.0 for failure in _to_retry(_result(state))]
        # the exponent stays small enough for a float, however many attempts there are
        most = min(self.policy.longest_wait_s, self.policy.first_wait_s * 2.0 ** min(state.attempt_number - 1, 64))
        floor = max(asked)
        return max(floor + random.uniform(0, min(most, floor / 4)), random.uniform(0, most))

    def _enough(self, state: RetryCallState, failed: float) -> bool:
        late = self._clock() - failed + state.upcoming_sleep > self.policy.total_s
        return late or state.attempt_number >= self.policy.attempts


class _Tries:
    """The tries of one call: what is there so far, and the next try for the rest."""

    def __init__(self, inner: Backend, request: Request, first: list[Completion]) -> None:
        self._inner, self._request, self._completions = inner, request, first
        self._tried = False

    async def next(self) -> list[Completion]:
        """The first try's outcome, which is there already, then each further try's."""
        if not self._tried:
            self._tried = True
            landed(self._completions)
            return self._completions
        again = [c.index for c in self._completions if c.failure is not None and c.failure.retryable]
        new = {c.index: c for c in await self._inner.complete(self._request, again)}
        landed(list(new.values()))
        self._completions = [new.get(c.index, c) for c in self._completions]
        return self._completions

    def given_up(self, attempts: int) -> list[Completion]:
        """The last outcome; each failure says how often it was tried."""
        return [_told(c, attempts) for c in self._completions]


def _told(completion: Completion, attempts: int) -> Completion:
    failure = completion.failure
    if failure is None or not failure.retryable or attempts == 1:
        return completion
    words = failure.model_copy(update={"message": f"{failure.message} (tried {attempts} times)"})
    return completion.model_copy(update={"failure": words})


def _to_retry(completions: Sequence[Completion]) -> list[Failure]:
    return [c.failure for c in completions if c.failure is not None and c.failure.retryable]


def _result(state: RetryCallState) -> list[Completion]:
    assert state.outcome is not None
    result: list[Completion] = state.outcome.result()
    return result
