"""When the next request may start: adaptive concurrency, limits by time, earlier problems first."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reasoning.backends.precedence import LAST, Line
from reasoning.backends.server_limit import ServerLimit, Start
from reasoning.backends.windows import Window
from reasoning.completion import Completion

START = 20
"""Requests in flight that an endpoint of unknown strength is begun with."""
REMOTE_CONCURRENCY = 64
"""The cap of a remote endpoint where no one gave another: a client's own cost a request grows beyond it."""
UNCAPPED = 1_000_000
"""The cap of an engine that queues by itself, with an eye on precedence: a second queue before it would blur that."""
GROWTH = 0.25
"""More in flight for each answer before the first refusal: a limit by time refuses all that is in flight when it is
reached."""
CUT = 0.8
COOL_DOWN_S = 15.0
BUSY = 0.8
_UNSEEN = frozenset({"connection", "timeout", "cancelled"})  # failures of which the server may know nothing
OWN_SHARE, TOO_MUCH = 0.4, 1.0
"""Shares of a request's time that may be this client's own delay: beyond the first, more in flight would only cost
more; beyond the second, fewer cost less."""


@dataclass(slots=True)
class Slot:
    """One request in flight.

    Attributes:
        started: When it got its slot, and what became of it.
        request: Its entry in the window of requests.
        tokens: Its entry in the window of tokens.
    """

    started: Start
    request: list[float] | None = None
    tokens: list[float] | None = None


class Lag:
    """How much of a request's time is this client's own delay.

    Attributes:
        request_s: The quickest request of late: one in whose time the client's own delay is least.
        loop_s: How long the loop takes to come round, a moving average.
    """

    def __init__(self) -> None:
        self.request_s = 0.0
        self.loop_s = 0.0
        self._probing = False

    @property
    def share(self) -> float:
        """The loop's delay as a share of a request's time."""
        return self.loop_s / self.request_s if self.request_s else 0.0

    def answered(self, seconds: float, clock: Callable[[], float]) -> None:
        """Takes a request's time, and measures how long the loop takes to come round."""
        self.request_s = min(seconds, self.request_s * 1.001) if self.request_s else seconds
        if not self._probing:
            self._probing = True
            asyncio.get_running_loop().call_soon(self._came_round, clock(), clock)

    def _came_round(self, then: float, clock: Callable[[], float]) -> None:
        self._probing = False
        self.loop_s += (clock() - then - self.loop_s) * 0.1


class Pacer:
    """Says when a request may start; belongs to one loop.

    Adaptive concurrency: begins with `start` in flight; a rate-limit answer cuts the number by a fifth, at most once
    in 15 s, and within these 15 s it does not grow. It grows only when over 80 % of it is in use: by a quarter of one
    for each answer until the first cut, after that by one for each round of answers. It does not grow while the loop's
    own delay is over 40 % of the quickest request's time: then this client is what is slow, and more in flight cost it
    more for each; over 100 % it falls back towards `start`. A rate-limit answer also pauses all (see `ServerLimit`).

    Those who wait are served by the time at which their problem began, then by arrival.

    Args:
        start: Requests in flight to begin with.
        cap: Most requests in flight, ever; None means `default_cap`.
        default_cap: The cap where none is given.
        adaptive: False holds the number at the cap: an engine in this process, which sends no rate-limit answers.
        requests_per_minute: Most requests started in any minute.
        tokens_per_minute: Most tokens in any minute; a request counts with its worst case until it has ended.
        clock: Gives monotonic seconds.
    """

    def __init__(
        self,
        *,
        start: int = START,
        cap: int | None = None,
        default_cap: int = REMOTE_CONCURRENCY,
        adaptive: bool = True,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given_cap, self._default_cap = cap, default_cap
        self._start = float(min(start, self.cap) if adaptive else self.cap)
        self._limit = self._start
        self._adaptive, self._cut_before = adaptive, False
        self._requests = Window(requests_per_minute) if requests_per_minute else None
        self._tokens = Window(tokens_per_minute) if tokens_per_minute else None
        self._clock = clock
        self._in_flight = 0
        self._cool_at = 0.0
        self._server = ServerLimit()
        self._line: Line[Slot | int] = Line()
        self._timer: asyncio.TimerHandle | None = None
        self._lag = Lag()

    @property
    def cap(self) -> int:
        """Most requests in flight, ever."""
        return self._given_cap if self._given_cap is not None else self._default_cap

    @property
    def limit(self) -> int:
        """Most requests in flight now."""
        return int(self._limit)

    @property
    def in_flight(self) -> int:
        """Requests in flight."""
        return self._in_flight

    @property
    def counts_tokens(self) -> bool:
        """True where tokens a minute are limited."""
        return self._tokens is not None

    def tighten(self, other: "Pacer") -> None:
        """Takes on another pacer's limits where they are stricter."""
        if other._given_cap is not None:
            self._given_cap = min(other._given_cap, self._given_cap or other._given_cap)
        self._limit = min(self._limit, self.cap) if self._adaptive else float(self.cap)
        self._requests = _stricter(self._requests, other._requests)
        self._tokens = _stricter(self._tokens, other._tokens)

    async def acquire(self, tokens: int = 0) -> Slot:
        """Waits for a slot.

        Args:
            tokens: The request's worst case, where tokens are counted.
        """
        if not self._line and self._delay(tokens) == 0:
            return self._take(tokens)
        slot = await self._turn(self._line.join(tokens))
        assert isinstance(slot, Slot)
        return slot

    async def idle(self) -> int:
        """Waits until a request could start at once and nobody waits to start one; how many could."""
        idle = await self._turn(self._line.join(at=LAST))
        assert isinstance(idle, int)
        return idle

    async def _turn(self, waiting: "asyncio.Future[Slot | int]") -> Slot | int:
        self._wake()
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled() and waiting.exception() is None:  # it was just given the slot
                given = waiting.result()
                if isinstance(given, Slot):
                    self.take_back(given)
            self._wake()
            raise

    def resize(self, slot: Slot, tokens: int) -> None:
        """Corrects the worst case of a request in flight."""
        if slot.tokens is not None and self._tokens is not None:
            self._tokens.correct(slot.tokens, tokens)

    def take_back(self, slot: Slot) -> None:
        """Takes back a slot that no request was sent with."""
        self._in_flight -= 1
        self._server.undo(slot.started)
        if slot.request is not None and self._requests is not None:
            self._requests.correct(slot.request, 0)
        self.resize(slot, 0)
        self._wake()

    def release(self, slot: Slot, completions: Sequence[Completion]) -> None:
        """Gives a slot back.

        Args:
            slot: What `acquire` gave.
            completions: The answer; empty where there is none.
        """
        busy = self._in_flight >= BUSY * self.limit
        self._in_flight -= 1
        if completions:
            self.resize(slot, sum((c.billed or c.usage).total_tokens for c in completions) if slot.tokens else 0)
        limited = [c.failure for c in completions if c.failure is not None and c.failure.kind == "rate_limit"]
        if limited:
            self._slow_down(slot, [failure.retry_after for failure in limited if failure.retry_after is not None])
        else:
            failure = completions[0].failure if completions else None
            if self._server.active:
                admitted = bool(completions) and (failure is None or failure.kind not in _UNSEEN)
                self._server.ended(slot.started, self._clock(), admitted=admitted)
            if self._adaptive and completions and failure is None:
                self._lag.answered(self._clock() - slot.started.at, self._clock)
                if self._lag.share > TOO_MUCH:
                    self._limit = max(self._limit - 1 / self._limit, min(self._start, self._limit))
                elif busy and self._lag.share <= OWN_SHARE:
                    self._speed_up()
        self._wake()

    def turn_away(self, error: Exception) -> None:
        """Ends all waiting with an error that would meet each of them too, such as a key that is refused."""
        while (following := self._line.first()) is not None:
            following[0].set_exception(error)

    def _slow_down(self, slot: Slot, told: Sequence[float]) -> None:
        now = self._clock()
        self._server.refused(slot.started, max(told, default=None), now)
        if self._adaptive and now >= self._cool_at:
            self._limit = max(1.0, self._limit * CUT)
            self._cool_at, self._cut_before = now + COOL_DOWN_S, True

    def _speed_up(self) -> None:
        if self._clock() >= self._cool_at:
            self._limit = min(self._limit + (1 / self._limit if self._cut_before else GROWTH), float(self.cap))

    def _delay(self, tokens: int) -> float | None:
        """Seconds until a request may start; None until one in flight has ended."""
        if self._in_flight >= self.limit:
            return None
        if self._requests is None and self._tokens is None and not self._server.active:
            return 0.0
        now = self._clock()
        delay = self._server.delay(now)
        if self._requests is not None:
            delay = max(delay, self._requests.delay(1, now))
        if self._tokens is not None:
            delay = max(delay, self._tokens.delay(tokens, now))
        return delay

    @property
    def _idle(self) -> int:
        return 1 if self._server.blocked else self.limit - self._in_flight

    def _take(self, tokens: int) -> Slot:
        self._in_flight += 1
        now = self._clock()
        return Slot(
            self._server.start(now),
            self._requests.add(1, now) if self._requests is not None else None,
            self._tokens.add(tokens, now) if self._tokens is not None else None,
        )

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (following := self._line.first()) is not None:
            waiting, tokens, at = following
            delay = self._delay(tokens)
            if delay is None:
                return
            if delay > 0:
                self._timer = waiting.get_loop().call_later(delay, self._wake)
                return
            waiting.set_result(self._idle if at == LAST else self._take(tokens))


def _stricter(one: Window | None, other: Window | None) -> Window | None:
    if one is None or other is None:
        return one or other
    one.limit = min(one.limit, other.limit)
    return one
