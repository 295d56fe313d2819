"""Draws that are being bought, who buys them, and who waits for them; all on one loop."""

import asyncio
from collections.abc import Iterable, Sequence

from reasoning.backends.precedence import precedence
from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.store.claims import Claims

Flights = dict[tuple[bytes, int], "Flight"]
"""Each draw that is being bought, by its key and row."""


class Flight:
    """One draw that is being bought, and the asks that wait for it."""

    __slots__ = ("asks", "purchase")

    def __init__(self, purchase: "Purchase") -> None:
        self.purchase = purchase
        self.asks: set[Ask] = set()


class Ask:
    """One call of `complete`: the rows it wants, what it has of them, what it waits for, and when its problem began."""

    __slots__ = ("_flights", "_missing", "done", "found", "key", "precedence", "request", "rows")

    def __init__(self, key: bytes, request: Request, rows: Sequence[int], loop: asyncio.AbstractEventLoop) -> None:
        self.key, self.request, self.rows = key, request, rows
        self.done: asyncio.Future[None] = loop.create_future()
        self.found: dict[int, Completion] = {}
        self.precedence = precedence()
        self._missing = len(rows) if len(rows) == 1 else len(set(rows))
        self._flights: list[Flight] = []

    def wait_for(self, flight: Flight) -> None:
        """Waits for a draw in flight."""
        flight.asks.add(self)
        self._flights.append(flight)

    def get(self, completion: Completion) -> None:
        """Takes one of its draws; the last one ends the wait."""
        self.found[completion.index] = completion
        self._missing -= 1
        if not self._missing and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Ends the wait with an error."""
        if self.done.done():
            return
        if isinstance(error, asyncio.CancelledError):
            self.done.cancel()
        else:
            self.done.set_exception(error)

    def leave(self) -> None:
        """Waits no more. A purchase that nobody waits for is cancelled; others' waiting is left alone."""
        for flight in self._flights:
            flight.asks.discard(self)
        for purchase in {flight.purchase for flight in self._flights}:
            purchase.cancel_if_unwanted()
        self._flights.clear()


class Purchase:
    """One call that buys rows of a request.

    Attributes:
        waiting: The rows that have not landed yet.
        task: The call; None before it starts. It owns the claims on its draws.
        precedence: The precedence of the first of those who want it.
    """

    def __init__(
        self,
        key: bytes,
        request: Request,
        rows: Iterable[int],
        flights: Flights,
        claims: Claims | None = None,
        precedence: float | None = None,
    ) -> None:
        self.key, self.request, self.precedence = key, request, precedence
        self.waiting = {row: Flight(self) for row in rows}
        self.task: asyncio.Task[None] | None = None
        self._flights, self._claims = flights, claims
        flights.update({(key, row): flight for row, flight in self.waiting.items()})

    def land(self, flights: dict[int, Flight], completions: Iterable[Completion]) -> None:
        """Gives draws to those who wait for them."""
        for completion in completions:
            flight = flights[completion.index]
            self._forget(completion.index, flight)
            for ask in flight.asks:
                ask.get(completion)

    def fail(self, error: BaseException) -> None:
        """Ends the wait for all that has not landed."""
        self.crash(self.waiting, error)
        self.waiting = {}

    def crash(self, flights: dict[int, Flight], error: BaseException) -> None:
        """Ends the wait for some draws with an error."""
        for row, flight in flights.items():
            self._forget(row, flight)
            for ask in flight.asks:
                ask.fail(error)

    def cancel_if_unwanted(self) -> None:
        """Cancels the call when nobody waits for what it still has to bring."""
        if not self.waiting or any(flight.asks for flight in self.waiting.values()):
            return
        for row, flight in self.waiting.items():
            self._forget(row, flight)  # who asks now must not join what is being cancelled
        if self.task is not None:
            self.task.cancel()

    def _forget(self, row: int, flight: Flight) -> None:
        if self._flights.get((self.key, row)) is flight:
            del self._flights[self.key, row]
        if self._claims is not None:
            self._claims.release(self.key, row, self.task)
