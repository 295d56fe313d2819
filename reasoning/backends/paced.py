"""The pacing layer: how many requests are in flight, and how many start in a minute."""

import asyncio
import weakref
from collections.abc import Hashable, Sequence

from reasoning.backends.backend import Backend, Scores
from reasoning.backends.layer import Layer
from reasoning.backends.pacer import Pacer
from reasoning.completion import Completion
from reasoning.errors import AuthenticationError
from reasoning.request import Request

_pacers: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.WeakValueDictionary[Hashable, Pacer]]"
_pacers = weakref.WeakKeyDictionary()  # the design's one pacer for each endpoint and key, on each loop


def shared_pacer(loop: asyncio.AbstractEventLoop, key: Hashable, new: Pacer) -> Pacer:
    """The pacer of an endpoint and key on a loop: the one in use, which takes on the stricter limits, else `new`."""
    pacers = _pacers.setdefault(loop, weakref.WeakValueDictionary())
    pacer = pacers.setdefault(key, new)
    if pacer is not new:
        pacer.tighten(new)
    return pacer


class Paced(Layer):
    """Waits for a slot of the pacer before each call; a call for several draws takes one slot.

    Args:
        inner: What is called.
        pacer: Says when; shared by all backends of one endpoint and key.
    """

    def __init__(self, inner: Backend, pacer: Pacer) -> None:
        super().__init__(inner)
        self.pacer = pacer

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`; a refused key ends the waiting of all who would use it."""
        tokens = 0
        if self.pacer.counts_tokens:
            tokens = len(indices) * (request.prompt_bytes + (request.sampling.max_tokens or 0))
        slot = await self.pacer.acquire(tokens)
        completions: list[Completion] = []
        try:
            completions = await self.inner.complete(request, indices)
            return completions
        except AuthenticationError as error:
            self.pacer.turn_away(error)
            raise
        finally:
            self.pacer.release(slot, completions)

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`."""
        slot = await self.pacer.acquire()
        try:
            return await super().score(request, texts)
        finally:
            self.pacer.release(slot, ())
