"""What a call of `complete` tells the layers around it before it ends.

**Draws that have landed.** A layer or driver that has some draws of a call while it still waits for others (retries, a
spend limit, a fan-out) calls `landed` with them. The store layer listens: it commits them at once, so that no crash,
error or cancellation of the rest can lose what is already paid for, and those who wait for them go on. `complete`
returns all its draws all the same. The spending layer listens too, to failed ones as well: it bills each draw when it
lands, so that what the store holds is in the ledger, however the call ends.

**Requests.** A driver that may send several requests for one call (a fan-out, a refused parameter) calls `requesting`
before each. The spending layer listens: it counts each one, and the limit on calls holds for each.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

from reasoning.completion import Completion

Sink = Callable[[Sequence[Completion]], None]
Gate = Callable[[], None]
Bill = Callable[[Sequence[Completion]], Sequence[Completion]]

_sink: ContextVar[Sink | None] = ContextVar("reasoning_landed", default=None)
_bill: ContextVar[Bill | None] = ContextVar("reasoning_billing", default=None)
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


def requesting() -> None:
    """Says that a request is sent for the current call.

    Raises:
        SpendLimitError: One more would pass the limit on calls.
    """
    gate = _gate.get()
    if gate is not None:
        gate()


@contextlib.contextmanager
def counting_requests(gate: Gate) -> Iterator[None]:
    """Each request inside calls `gate` first."""
    token = _gate.set(gate)
    try:
        yield
    finally:
        _gate.reset(token)
