"""What a call of `complete` tells the layers around it before it ends.

**Draws that have landed.** A layer or driver that has some draws of a call while it still waits for others (retries, a
spend limit, a fan-out) calls `landed` with them. The store layer listens: it commits them at once, so that no crash,
error or cancellation of the rest can lose what is already paid for, and those who wait for them go on. `complete`
returns all its draws all the same. The spending layer listens too, to failed ones as well: it bills each draw when it
lands, so that what the store holds is in the ledger, however the call ends.

**Requests.** A driver that may send several requests for one call (a fan-out, a refused parameter) sends each inside
`requesting`. The pacing layer listens: each takes a slot of its own, and counts by itself against limits by time. The
spending layer listens too: the limit on calls holds for each. Of a driver that says nothing, a call is one request.

**Idle time.** A layer that waits for something else than a request (another process's purchase, the settling of a spend
limit) says `idle` before and `resume` after, so that the call occupies no slot meanwhile.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol, Self

from reasoning.completion import Completion

Sink = Callable[[Sequence[Completion]], None]
Gate = Callable[[], None]
Bill = Callable[[Sequence[Completion]], Sequence[Completion]]

_sink: ContextVar[Sink | None] = ContextVar("reasoning_landed", default=None)
_bill: ContextVar[Bill | None] = ContextVar("reasoning_billing", default=None)


class Pacing(Protocol):
    """What the pacing layer does for one call."""

    async def begin(self, draws: int) -> Any:
        """Waits for a request's slot."""

    def end(self, slot: Any, completions: Sequence[Completion]) -> None:
        """Gives it back."""

    def idle(self) -> None:
        """Gives up a slot that no request has used yet."""

    async def resume(self) -> None:
        """Waits for a slot for the next request, where there is none."""


_pacing: ContextVar[Pacing | None] = ContextVar("reasoning_pacing", default=None)
_gate: ContextVar[Gate | None] = ContextVar("reasoning_requesting", default=None)


def landed(completions: Sequence[Completion]) -> None:
    """Hands over finished draws of the current call; failed ones are billed alone, another attempt may have them."""
    sink, bill = _sink.get(), _bill.get()
    if bill is not None:
        completions = bill(completions)
    if sink is not None:
        sink([completion for completion in completions if completion.failure is None])


@contextlib.contextmanager
def landing(sink: Sink) -> Iterator[None]:
    """What lands inside goes to `sink`."""
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


@contextlib.contextmanager
def billing(bill: Bill) -> Iterator[None]:
    """What lands inside goes through `bill` first, which gives it back priced."""
    token = _bill.set(bill)
    try:
        yield
    finally:
        _bill.reset(token)


class requesting:  # noqa: N801 (a context manager, used like a function)
    """`async with requesting(3) as sent:` around a request of the current call, here for three draws.

    Raises:
        SpendLimitError: One more request would pass the limit on calls.
    """

    __slots__ = ("_completions", "_draws", "_pacing", "_slot")

    def __init__(self, draws: int) -> None:
        self._draws = draws
        self._completions: Sequence[Completion] = ()
        self._pacing = _pacing.get()

    async def __aenter__(self) -> Self:
        if self._pacing is not None:
            self._slot = await self._pacing.begin(self._draws)
        gate = _gate.get()
        if gate is not None:
            try:
                gate()
            except BaseException:
                await self.__aexit__(None, None, None)
                raise
        return self

    def answered(self, completions: Sequence[Completion]) -> None:
        """Says what came of it, failed draws included."""
        self._completions = completions

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pacing is not None:
            self._pacing.end(self._slot, self._completions)


def idle() -> None:
    """Says that the current call waits for something else than a request."""
    pacing = _pacing.get()
    if pacing is not None:
        pacing.idle()


async def resume() -> None:
    """Waits until the current call may go on to its next request."""
    pacing = _pacing.get()
    if pacing is not None:
        await pacing.resume()


@contextlib.contextmanager
def pacing(call: Pacing) -> Iterator[None]:
    """The requests inside are paced by `call`."""
    token = _pacing.set(call)
    try:
        yield
    finally:
        _pacing.reset(token)


@contextlib.contextmanager
def counting_requests(gate: Gate) -> Iterator[None]:
    """Each request inside calls `gate` first."""
    token = _gate.set(gate)
    try:
        yield
    finally:
        _gate.reset(token)
