"""Counts the slots of an engine that decodes a fixed number of texts at once."""

import asyncio
from collections import deque


class Slots:
    """Free slots; who waits is served in order of arrival, so that a call for many never starves.

    Args:
        free: How many there are.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, count: int) -> None:
        """Waits for `count` slots and takes them all at once."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove((count, turn))
                self._serve()
            else:
                self.give(count)
            raise

    def give(self, count: int) -> None:
        """Gives slots back."""
        self._free += count
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            count, turn = self._waiting[0]
            if turn.cancelled():
                return  # its owner takes it out of the line, and serves the next
            self._waiting.popleft()
            self._free -= count
            turn.set_result(None)
