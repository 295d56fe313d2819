"""What all layers have in common: a Backend around a Backend."""

from collections.abc import Mapping
from typing import Any

from reasoning.backends.backend import Backend, Capabilities


class Layer:
    """Passes on what a layer does not change; a layer adds its own `complete`.

    Args:
        inner: The backend inside.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner

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

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self.inner.aclose()
