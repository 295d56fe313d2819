"""How a draw is handed over before the call that buys it ends.

A layer or driver that has some draws of a call while it still waits for others (retries, a spend limit, a fan-out)
calls `landed` with them. The store layer listens: it commits them at once, so that no crash, error or cancellation of
the rest can lose what is already paid for, and those who wait for them go on. Handing over is a favour, not a duty:
`complete` returns all its draws all the same.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

from reasoning.completion import Completion

Sink = Callable[[Sequence[Completion]], None]

_sink: ContextVar[Sink | None] = ContextVar("reasoning_landed", default=None)


def landed(completions: Sequence[Completion]) -> None:
    """Hands over finished draws of the current call; failed ones are kept back, another attempt may have them."""
    sink = _sink.get()
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
