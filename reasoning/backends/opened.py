"""The outermost layer: a backend at home on the loop it was opened on, usable from any loop and any thread."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from reasoning import loop
from reasoning.backends.backend import Backend, Scores
from reasoning.backends.explaining import Explained
from reasoning.backends.layer import Layer
from reasoning.backends.recalled import Recalls
from reasoning.budget import Ledger, Paid
from reasoning.completion import Completion
from reasoning.pricing import Price
from reasoning.request import Request


class OpenedBackend(Layer):
    """What `open_backend` returns. Close it, or use it as a context manager (`with` or `async with`).

    Attributes:
        inner: The layers and the driver.
        ledger: Counts what is really spent; `ledger.mark()` before a run and `ledger.paid(since=mark)` after it.
        price: The model's price; None where it is unknown.
        fresh: True where nothing that was stored before it was opened counts.
    """

    def __init__(
        self, inner: Backend, ledger: Ledger | None = None, price: Price | None = None, *, fresh: bool = False
    ) -> None:
        super().__init__(inner)
        self.fresh = fresh
        self.ledger = ledger or Ledger()
        self.price = price
        self._home = loop.home_loop()

    @property
    def paid(self) -> Paid:
        """What was really spent since it was opened."""
        return self.ledger.paid()

    @property
    def store_path(self) -> Path | None:
        """The file in which draws are kept; None without a store."""
        store = getattr(self.inner, "store", None)
        return store.path if store is not None else None

    @property
    def recalls(self) -> Recalls | None:
        """Counts the draws that come from the store; None where it is not known."""
        return getattr(self.inner, "recalls", None)

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`; hops to the home loop when called from another."""
        if asyncio.get_running_loop() is self._home:  # the usual case, without one more coroutine for each draw
            return await self.inner.complete(request, indices)
        return await loop.on(self._home, self.inner.complete(request, indices))

    async def idle(self) -> int:
        """See `Idles.idle`."""
        return await loop.on(self._home, super().idle())

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`; only where `capabilities.scoring` is true."""
        return await loop.on(self._home, super().score(request, texts))

    async def explain(self, request: Request) -> Explained:
        """See `Explains.explain`."""
        return await loop.on(self._home, super().explain(request))

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await loop.on(self._home, super().aclose())

    def close(self) -> None:
        """Frees what the backend holds, from sync code."""
        loop.run(self.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<backend {self.spec}>"
