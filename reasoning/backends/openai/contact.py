"""Whether a server has answered: what it refuses before that stops the run, and costs one draw afterwards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Contact:
    """Counts the requests in flight, so that a refusal can wait for what becomes of the others.

    Attributes:
        answered: True once the server has answered a request, in this process or in an earlier one.
    """

    def __init__(self) -> None:
        self.answered = False
        self._open = 0
        self._waiting: list[asyncio.Future[None]] = []

    @contextmanager
    def request(self) -> Iterator[None]:
        """While a request is in flight."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._wake()

    def answer(self) -> None:
        """A request was answered."""
        self.answered = True
        self._wake()

    async def never_answered(self) -> bool:
        """True where nothing has been answered by the time that no request is in flight."""
        while not self.answered and self._open:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        return not self.answered

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.get_loop().call_soon_threadsafe(_settle, future)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():  # it may have been cancelled
        future.set_result(None)
