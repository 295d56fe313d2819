"""What all layers have in common: a Backend around a Backend."""

from collections.abc import Mapping, Sequence
from typing import Any

from reasoning.backends.backend import Backend, Capabilities, Scorer, Scores
from reasoning.backends.explaining import Explained, Explains, settings_asked
from reasoning.backends.facts import HasFacts, ModelFacts
from reasoning.errors import ConfigError
from reasoning.request import Request


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

    @property
    def thinks_as_opened(self) -> bool | None:
        """Whether the model thinks, as was known before any reply: strategies shape their requests by it."""
        opened: bool | None = getattr(self.inner, "thinks_as_opened", self.capabilities.thinks)
        return opened

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of how the backend fared, one sentence each."""
        return tuple(getattr(self.inner, "notices", ()))

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`.

        Raises:
            ConfigError: The backend has no scores to give.
        """
        if not (self.capabilities.scoring and isinstance(self.inner, Scorer)):
            raise ConfigError(f"The backend {self.spec} does not score texts; name a reward model instead.")
        return await self.inner.score(request, texts)

    async def idle(self) -> int:
        """See `Idles.idle`; where the driver does not queue, what suits it is always idle."""
        idle = getattr(self.inner, "idle", None)
        return self.capabilities.concurrency if idle is None else int(await idle())

    @property
    def facts(self) -> ModelFacts:
        """See `HasFacts.facts`; all unknown where the driver tells nothing."""
        return self.inner.facts if isinstance(self.inner, HasFacts) else ModelFacts()

    async def explain(self, request: Request) -> Explained:
        """See `Explains.explain`; where the driver tells nothing, only what was asked for."""
        if isinstance(self.inner, Explains):
            return await self.inner.explain(request)
        note = f"The backend {self.spec} does not say what it makes of a request: it is taken at its word."
        return Explained(stop=request.sampling.stop, settings=settings_asked(request.sampling), notes=(note,))

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self.inner.aclose()
