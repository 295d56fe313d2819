"""What is paid, and hard limits on it."""

import asyncio
import collections
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

from reasoning.errors import SpendLimitError
from reasoning.usage import NO_USAGE, Usage


class SpendLimit(BaseModel):
    """The most that may be spent; what is not given is not limited.

    Attributes:
        tokens: Prompt and completion tokens, failed and cancelled calls included.
        usd: US dollars; needs a known price.
        calls: Calls of the model, retries included.
        reserve: "worst" sets aside a call's worst case (its prompt's bytes and `max_tokens`) before it is made, so that
            the limit is never passed. There are servers that count more than that (some think on top of `max_tokens`):
            eight times the worst case is set aside until a reply has come, and the most that was counted from then on.
            "p99" sets aside the 99th percentile of the
            completions seen so far (after 100 of them), so that long reasoning budgets do not starve each other; the
            limit may then be passed by at most the draws in flight × (`max_tokens` − that percentile).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: PositiveInt | None = None
    usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    calls: PositiveInt | None = None
    reserve: Literal["worst", "p99"] = "worst"

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.tokens is None and self.usd is None and self.calls is None:
            raise ValueError("a spend limit limits tokens, usd or calls")
        return self


class Paid(BaseModel):
    """What was really spent, as against the intrinsic usage of results; sums with ``+``.

    Attributes:
        usage: Tokens billed, those of failed attempts included, where the server told.
        usd: US dollars for them; None where a price is unknown.
        calls: Calls of the model, retries and cancelled ones included.
        draws: Draws bought.
        doubles: Draws bought that another process had bought first.
        failed: Draws that failed, each attempt counted.
        cancelled: Draws cancelled in flight.
        unsure_tokens: At most so many tokens more: the worst case of attempts whose bill no one told (cancelled,
            timed out, cut off). A spend limit counts them as spent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usage: Usage = NO_USAGE
    usd: float | None = 0.0
    calls: NonNegativeInt = 0
    draws: NonNegativeInt = 0
    doubles: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    cancelled: NonNegativeInt = 0
    unsure_tokens: NonNegativeInt = 0

    def __add__(self, other: "Paid") -> "Paid":
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in ("usage", "calls", "draws", "doubles", "failed", "cancelled", "unsure_tokens")
        }
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return Paid(usd=usd, **counts)


@dataclass(frozen=True)
class Mark:
    """A moment in a ledger's life: all its counts so far."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    estimated: int = 0
    usd: float = 0.0
    unpriced: int = 0
    calls: int = 0
    draws: int = 0
    doubles: int = 0
    failed: int = 0
    cancelled: int = 0
    unsure_tokens: int = 0


class Ledger:
    """Counts what a backend really spends; only ever grows."""

    def __init__(self) -> None:
        self._now = Mark()
        self._lock = threading.Lock()

    def mark(self) -> Mark:
        """This moment, for `paid(since=…)`."""
        return self._now

    def paid(self, since: Mark | None = None) -> Paid:
        """What was spent since a mark, or in all."""
        now, then = self._now, since or Mark()
        d = {f.name: getattr(now, f.name) - getattr(then, f.name) for f in fields(Mark)}
        tokens = {name: d.pop(name) for name in ("prompt_tokens", "completion_tokens")}
        tokens |= {name: d.pop(name) for name in ("reasoning_tokens", "cached_tokens")}
        usage = Usage(estimated=bool(d.pop("estimated")), **tokens)
        usd = None if d.pop("unpriced") else d["usd"]
        return Paid(**{**d, "usage": usage, "usd": usd})

    def bill(self, usage: Usage, usd: float | None) -> None:
        """Adds tokens and their price, None where it is unknown."""
        self.count(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            estimated=usage.estimated,
            usd=usd or 0.0,
            unpriced=usd is None and usage.total_tokens > 0,
        )

    def count(self, **more: float) -> None:
        """Adds to counts by name."""
        with self._lock:
            self._now = replace(self._now, **{name: getattr(self._now, name) + n for name, n in more.items() if n})


class Amount(NamedTuple):
    """Tokens, US dollars (0 where no price is known and none is limited) and calls."""

    tokens: int = 0
    usd: float = 0.0
    calls: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """The sum."""
        return Amount(self.tokens + other.tokens, self.usd + other.usd, self.calls + other.calls)

    def minus(self, other: "Amount") -> "Amount":
        """The difference."""
        return Amount(self.tokens - other.tokens, self.usd - other.usd, self.calls - other.calls)

    def times(self, n: int) -> "Amount":
        """So many times the tokens and the dollars, in the same calls: for n draws in one, where this is for one."""
        return Amount(self.tokens * n, self.usd * n, self.calls)


class Reservation(NamedTuple):
    """What was set aside for a call, and for how many of the draws asked for."""

    amount: Amount
    draws: int


class _Turn:
    """A call that waits for others to settle."""

    def __init__(self) -> None:
        self.loop, self.event = asyncio.get_running_loop(), asyncio.Event()


class Budget:
    """Holds spending within a limit; shared by all backends that are opened with it (`spend_limit=`).

    A call reserves its worst case, and settles with what it was billed. When too little is left it waits for others to
    settle, in order of arrival. When nothing is left to settle, it gets as many of its draws as fit.

    Args:
        limit: The most that may be spent.
    """

    def __init__(self, limit: SpendLimit) -> None:
        self.limit = limit
        self._spent = Amount()
        self._reserved = Amount()
        self._queue: collections.deque[_Turn] = collections.deque()
        self._lock = threading.Lock()  # backends that share it may live on different loops

    @property
    def spent(self) -> Amount:
        """What is settled; the worst case of calls whose bill is unknown included."""
        return self._spent

    async def reserve(
        self,
        worst: Amount | Callable[[], Amount],
        draws: int,
        *,
        margin: Callable[[], int] = lambda: 1,
        waiting: Callable[[], None] = lambda: None,
    ) -> Reservation:
        """Sets aside the worst case of one call for up to `draws` draws.

        Args:
            worst: The worst case of a call for one draw; a function where it can change while this waits.
            draws: How many are wanted, at least 1.
            margin: How many times the worst case is set aside, so that fewer calls are in flight beside this one; one
                that has the budget to itself needs no margin.
            waiting: Called before it waits for others to settle.

        Raises:
            SpendLimitError: Not one draw fits, even with all that is in flight settled.
        """
        turn = _Turn()
        try:
            while True:
                with self._lock:
                    if not self._queue or self._queue[0] is turn:
                        amount = worst() if callable(worst) else worst
                        wide = amount.times(margin())
                        if self._fitting(wide, draws) == draws:
                            return self._take(wide, draws)
                        if not self._reserved.calls:
                            return self._take(amount, self._fitting(amount, draws))
                    if turn not in self._queue:
                        self._queue.append(turn)
                    turn.event.clear()
                waiting()
                await turn.event.wait()
        finally:
            with self._lock:
                if turn in self._queue:
                    self._queue.remove(turn)
                    self._wake()

    def settle(self, reservation: Reservation, billed: Amount) -> None:
        """Replaces a reservation by what was billed."""
        with self._lock:
            self._reserved = self._reserved.minus(reservation.amount)
            self._spent = self._spent.plus(billed)
            if not self._reserved.calls:
                self._reserved = Amount()  # sums of floats leave a rest
            self._wake()

    def one_more_call(self) -> None:
        """Spends a call that a running one needs beside the one it reserved.

        Raises:
            SpendLimitError: None is left.
        """
        with self._lock:
            taken = self._spent.calls + self._reserved.calls
            if self.limit.calls is not None and taken >= self.limit.calls:
                raise SpendLimitError(self._words(Amount(calls=1)))
            self._spent = self._spent.plus(Amount(calls=1))

    def _fitting(self, worst: Amount, draws: int) -> int:
        """How many of `draws` fit beside what is spent and reserved."""
        left = self._spent.plus(self._reserved)
        limit, fits = self.limit, draws
        if limit.calls is not None and left.calls + worst.calls > limit.calls:
            return 0
        if limit.tokens is not None:
            fits = min(fits, (limit.tokens - left.tokens) // worst.tokens)
        if limit.usd is not None and worst.usd > 0:
            fits = min(fits, int((limit.usd - left.usd) / worst.usd))
        return max(fits, 0)

    def _take(self, worst: Amount, draws: int) -> Reservation:
        if not draws:
            raise SpendLimitError(self._words(worst))
        amount = worst.times(draws)
        self._reserved = self._reserved.plus(amount)
        return Reservation(amount, draws)

    def _wake(self) -> None:
        if self._queue:
            self._queue[0].loop.call_soon_threadsafe(self._queue[0].event.set)

    def _words(self, worst: Amount) -> str:
        limit, spent = self.limit, self._spent
        parts = []
        if limit.tokens is not None:
            parts.append(f"{spent.tokens} of {limit.tokens} tokens (up to {worst.tokens} more)")
        if limit.usd is not None:
            parts.append(f"${spent.usd:.4f} of ${limit.usd:.4f} (up to ${worst.usd:.4f} more)")
        if limit.calls is not None:
            in_flight = f" beside {self._reserved.calls} in flight" if self._reserved.calls else ""
            parts.append(f"{spent.calls} of {limit.calls} calls{in_flight}")
        return (
            f"The next draw could pass the spend limit: spent {', '.join(parts)}. What is paid for is kept; raise the "
            "limit and run again to go on."
        )
