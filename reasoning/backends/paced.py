"""The pacing layer: how many requests are in flight, and how many start in a minute."""

import asyncio
import weakref
from collections.abc import Hashable, Sequence

from reasoning.backends import scoring
from reasoning.backends.backend import Backend, Scores
from reasoning.backends.landing import pacing
from reasoning.backends.layer import Layer
from reasoning.backends.pacer import Pacer, Slot
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
    """Waits for a slot of the pacer before each call, and before each further request that the call sends.

    Args:
        inner: What is called.
        pacer: Says when; shared by all backends of one endpoint and key.
    """

    def __init__(self, inner: Backend, pacer: Pacer) -> None:
        super().__init__(inner)
        self.pacer = pacer

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`; a refused key ends the waiting of all who would use it."""
        call = _Call(self.pacer, request, len(indices))
        await call.resume()
        completions: list[Completion] = []
        try:
            with pacing(call):
                completions = await self.inner.complete(request, indices)
            return completions
        except AuthenticationError as error:
            self.pacer.turn_away(error)
            raise
        finally:
            call.close(completions)

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`."""
        slot = await self.pacer.acquire()
        became: list[Completion] = []
        try:
            scores = await super().score(request, texts)
            became = [scoring.as_completion(request, one) for one in scores]
            return scores
        except Exception as error:
            failure = scoring.failure_of(error)
            became = [Completion.failed(request, 0, failure)] if failure is not None else []
            raise
        finally:
            self.pacer.release(slot, became)

    async def idle(self) -> int:
        """See `Idles.idle`."""
        within = await super().idle()
        return min(within, await self.pacer.idle())


class _Call:
    """The slots of one call: it begins with one, which its first request uses; each further request waits for its own.

    See `landing.Pacing`.
    """

    __slots__ = ("_draws", "_pacer", "_ready", "_request", "_sent")

    def __init__(self, pacer: Pacer, request: Request, draws: int) -> None:
        self._pacer, self._request, self._draws = pacer, request, draws
        self._ready: Slot | None = None
        self._sent = False

    async def begin(self, draws: int) -> Slot:
        self._sent = True
        if self._ready is None:
            return await self._pacer.acquire(self._worst(draws))
        slot, self._ready = self._ready, None
        if draws != self._draws:
            self._pacer.resize(slot, self._worst(draws))
        return slot

    def end(self, slot: Slot, completions: Sequence[Completion]) -> None:
        self._pacer.release(slot, completions)

    def idle(self) -> None:
        if self._ready is not None:
            slot, self._ready = self._ready, None
            self._pacer.take_back(slot)

    async def resume(self) -> None:
        if self._ready is None:
            self._ready = await self._pacer.acquire(self._worst(self._draws))

    def close(self, completions: Sequence[Completion]) -> None:
        """Ends the call; where the driver told of no request, it was one."""
        if self._ready is not None:
            slot, self._ready = self._ready, None
            if self._sent:
                self._pacer.take_back(slot)
            else:
                self._pacer.release(slot, completions)

    def _worst(self, draws: int) -> int:
        if not self._pacer.counts_tokens:
            return 0
        return draws * (self._request.prompt_bytes + (self._request.sampling.max_tokens or 0))
