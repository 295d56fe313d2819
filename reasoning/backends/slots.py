"""A fixed number of slots, such as those of an engine that decodes so many texts at once."""

import asyncio

from reasoning.backends.precedence import LAST, Line


class Slots:
    """Free slots; those who wait are served by precedence, and whoever is first waits until all it wants are free.

    Args:
        free: How many there are.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._line: Line[int] = Line()

    async def take(self, count: int = 1) -> None:
        """Waits for `count` slots and takes them all at once."""
        if count <= self._free and not self._line:
            self._free -= count
            return
        turn = self._line.join(count)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._free += count
            self._serve()
            raise

    async def idle(self) -> int:
        """Waits until a slot is free and nobody waits for one; how many are."""
        waiting = self._line.join(1, at=LAST)
        self._serve()
        return await waiting

    def give(self, count: int = 1) -> None:
        """Gives slots back."""
        self._free += count
        self._serve()

    async def __aenter__(self) -> None:
        await self.take()

    async def __aexit__(self, *error: object) -> None:
        self.give()

    def _serve(self) -> None:
        while (following := self._line.first()) is not None and following[1] <= self._free:
            waiting, count, at = following
            waiting.set_result(self._free)
            if at != LAST:
                self._free -= count
