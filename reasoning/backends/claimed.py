"""The claiming layer: of several processes over one store only one buys a draw, the others wait for it."""

import asyncio
from collections.abc import Sequence

from reasoning.backends.backend import Backend
from reasoning.backends.landing import idle, landed, resume
from reasoning.backends.layer import Layer
from reasoning.completion import Completion
from reasoning.draws import draw_key, identity_text
from reasoning.request import Request
from reasoning.store import Store

FIRST_WAIT_S, LONGEST_WAIT_S = 0.01, 0.25


class Claimed(Layer):
    """Claims draws in the store before it buys them, when the call really starts.

    What another process has stored by then is taken from the store. What another process is buying is waited for,
    without a slot of the pacing layer; if it fails there or that process ends, it is bought here. A claim on a draw
    that failed is given up at once; one on a draw that was bought by the store layer around this one, when the draw is
    on the disk.

    Args:
        inner: Where draws are bought.
        store: Where claims are made and draws are looked up; the store layer's.
        not_before: See `Stored`.
    """

    def __init__(self, inner: Backend, store: Store, not_before: int = 0) -> None:
        super().__init__(inner)
        self._store, self._not_before = store, not_before
        self._identity = identity_text(inner.identity)

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`."""
        key, owner, claims = draw_key(self._identity, request), asyncio.current_task(), self._store.claims
        found: dict[int, Completion] = {}
        rest, wait = list(indices), FIRST_WAIT_S
        while True:
            mine = [row for row in rest if claims.take(key, row, owner)]
            stored = self._store.read(key, request, rest, self._not_before)
            for row in stored.keys() & mine:
                claims.release(key, row, owner)
            found |= stored
            found |= await self._bought(key, request, [row for row in mine if row not in stored])
            rest = [row for row in rest if row not in found]
            if not rest:
                return [found[row] for row in indices]
            landed(list(found.values()))  # nobody shall wait for these as long as we do
            idle()
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, LONGEST_WAIT_S)

    async def _bought(self, key: bytes, request: Request, rows: list[int]) -> dict[int, Completion]:
        if not rows:
            return {}
        owner, claims, kept = asyncio.current_task(), self._store.claims, set[int]()
        try:
            await resume()
            completions = await self.inner.complete(request, rows)
            kept = {completion.index for completion in completions if completion.failure is None}
            return {completion.index: completion for completion in completions}
        finally:
            for row in rows:
                if row not in kept:
                    claims.release(key, row, owner)
