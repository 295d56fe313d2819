"""Who is served first wherever calls queue for something scarce: the problem that began first.

A run of many problems then finishes the first of them early and stops with few half done, instead of taking each one
step at a time. The order holds across all layers, since it travels with the calls of a problem.
"""

import asyncio
import heapq
import itertools
import time
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")

_began: ContextVar[float | None] = ContextVar("reasoning_began", default=None)

LAST = float("inf")
"""The precedence of one who is served when nobody else waits."""


def precedence() -> float:
    """When the current problem began, on the monotonic clock; now, outside of any. Who has less is served first."""
    began = _began.get()
    return time.monotonic() if began is None else began


class Beginning:
    """A problem begins here, unless this is a part of one: `with Beginning():`.

    Args:
        at: The precedence of what is done inside; by default that of the problem, or now.
    """

    __slots__ = ("_at", "_token")

    def __init__(self, at: float | None = None) -> None:
        self._at = at

    def __enter__(self) -> None:
        self._token = _began.set(precedence() if self._at is None else self._at)

    def __exit__(self, *error: object) -> None:
        _began.reset(self._token)


class Line(Generic[T]):
    """Those who wait for something, each with what it wants: by precedence, and among equals by arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, asyncio.Future[T], int]] = []
        self._arrivals = itertools.count()

    def join(self, wanted: int = 0, at: float | None = None) -> asyncio.Future[T]:
        """Waits behind all of a lower precedence; a future that is cancelled has left.

        Args:
            wanted: How much, for whoever serves the line.
            at: The precedence; by default the current problem's.
        """
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (precedence() if at is None else at, next(self._arrivals), waiting, wanted))
        return waiting

    def first(self) -> tuple[asyncio.Future[T], int, float] | None:
        """Who is to be served next, what it wants, and its precedence."""
        while self._heap:
            at, _, waiting, wanted = self._heap[0]
            if not waiting.done():
                return waiting, wanted, at
            heapq.heappop(self._heap)
        return None

    def __bool__(self) -> bool:
        return bool(self._heap)
