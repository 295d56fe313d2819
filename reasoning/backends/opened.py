"""The outermost layer: a backend at home on the loop it was opened on, usable from any loop and any thread."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from reasoning import loop
from reasoning.backends.backend import Backend, Capabilities
from reasoning.completion import Completion
from reasoning.request import Request


class OpenedBackend:
    """What `open_backend` returns. Close it, or use it as a context manager (`with` or `async with`)."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self._home = loop.home_loop()

    @property
    def spec(self) -> str:
        """See `Backend.spec`."""
        return self.inner.spec

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Backend.identity`."""
        return self.inner.identity

    @property
    def capabilities(self) -> Capabilities:
        """See `Backend.capabilities`."""
        return self.inner.capabilities

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`; hops to the home loop when called from another."""
        return await loop.on(self._home, self.inner.complete(request, indices))

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await loop.on(self._home, self.inner.aclose())

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
