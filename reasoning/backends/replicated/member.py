"""One replica as its caller sees it: calls go out in batches, a lost worker fails them and is replaced."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from reasoning.backends.backend import Scores
from reasoning.backends.replicated.replica import Call, Info, Raised
from reasoning.completion import Completion, Failure
from reasoning.errors import BackendError
from reasoning.request import Request

MOST_STARTS = 3
"""Starts in a row that may fail before a replica is given up."""
START_WAIT_S = 2.0
"""Seconds before a failed start is tried again: a cluster learns of a lost node after some seconds."""

_log = logging.getLogger("reasoning.replicas")


class Lost(Exception):  # noqa: N818 (an event between two objects here, which never leaves them)
    """The worker of a call is gone."""


class Member:
    """A Ray actor that holds a driver, and the calls that are under way in it.

    Args:
        number: From 1, for messages.
        start: Starts an actor and returns its handle.
        kill: Ends an actor at once.
        errors: Ray's root of errors.
        actor: The first actor.
        info: What it said of itself.

    Attributes:
        info: What the replica holds.
        load: Draws that are under way.
        up: Set while its worker is there.
        given_up: Why it will not come back, or None.
        losses: Workers lost so far.
    """

    def __init__(
        self,
        number: int,
        start: Callable[[], Any],
        kill: Callable[[Any], None],
        errors: type[Exception],
        actor: Any,
        info: Info,
    ) -> None:
        self.number, self.info = number, info
        self.load = 0
        self.up = asyncio.Event()
        self.up.set()
        self.given_up: str | None = None
        self.losses = 0
        self._start, self._kill, self._errors, self._actor = start, kill, errors, actor
        self._ids = count()
        self._outbox: list[Call] = []
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._collecting: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._sent: set[asyncio.Future[Any]] = set()

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`; draws whose worker is lost fail, and are worth another try."""
        self.load += len(indices)
        try:
            found: list[Completion] = await self._call("complete", request, list(indices))
        except Lost as lost:
            gone = Failure(kind="connection", message=str(lost), retryable=True)
            return [Completion.failed(request, index, gone) for index in indices]
        finally:
            self.load -= len(indices)
        return [completion.model_copy(update={"request": request}) for completion in found]

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`.

        Raises:
            Lost: The worker is gone; another one may score them.
        """
        scores: list[Scores] = await self._call("score", request, list(texts))
        return scores

    async def _call(self, verb: Any, *arguments: Any) -> Any:
        id = next(self._ids)
        loop = asyncio.get_running_loop()
        self._waiting[id] = waiting = loop.create_future()
        if not self._outbox:
            loop.call_soon(self._send)
        self._outbox.append(Call(id, verb, arguments))
        if self._collecting is None:
            self._collecting = loop.create_task(self._collect(self._actor))
        try:
            outcome = await waiting
        except asyncio.CancelledError:
            self._tell("cancel", id)
            raise
        finally:
            self._waiting.pop(id, None)
        if isinstance(outcome, Raised):
            raise outcome.error()
        return outcome

    def _send(self) -> None:
        calls, self._outbox = [call for call in self._outbox if call.id in self._waiting], []
        if calls:
            self._tell("submit", calls)

    def _tell(self, verb: str, argument: Any) -> None:
        """Calls the actor and waits for nothing: that it is gone shows where outcomes are collected."""
        told = asyncio.ensure_future(getattr(self._actor, verb).remote(argument))
        self._sent.add(told)
        told.add_done_callback(self._told)

    def _told(self, told: "asyncio.Future[Any]") -> None:
        self._sent.discard(told)
        if not told.cancelled():
            told.exception()  # looked at here, so that it is not reported as never looked at

    async def _collect(self, actor: Any) -> None:
        try:
            while self._waiting:
                for id, outcome in await actor.collect.remote():
                    waiting = self._waiting.get(id)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(outcome)
        except self._errors as error:
            self._lose(" ".join(str(error).split())[:200])
        finally:
            self._collecting = None

    def _lose(self, why: str) -> None:
        self.losses += 1
        self.up.clear()
        self._outbox.clear()
        _log.warning("replica %d on %s is lost: %s", self.number, self.info.node, why)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Lost(f"replica {self.number} on {self.info.node} is lost: {why}"))
        self._reviving = asyncio.get_running_loop().create_task(self._revive())

    async def _revive(self) -> None:
        """Puts a new actor in the lost one's place, on whichever node has room: Ray waits until one has."""
        why = "it was lost"
        for attempt in range(MOST_STARTS):
            if attempt:
                await asyncio.sleep(START_WAIT_S)
            self._kill(self._actor)  # what cannot be reached may live, and hold its GPUs
            self._actor = self._start()
            try:
                info = await self._actor.info.remote()
            except self._errors as error:
                why = " ".join(str(error).split())[:200]
                continue
            if isinstance(info, Raised):
                why = info.message
                continue
            if info.identity != self.info.identity:
                why = f"node {info.node} holds another model than {self.info.node}"
                continue
            self.info = info
            self.up.set()
            _log.info("replica %d is back, on %s", self.number, info.node)
            return
        self.given_up = f"replica {self.number} does not start again: {why}"
        _log.warning(self.given_up)

    async def close(self, within_s: float) -> None:
        """Ends the calls under way, frees the engine and ends the actor.

        Args:
            within_s: Seconds that the engine is given to let go of what it holds.
        """
        if self._reviving is not None:
            self._reviving.cancel()
        if self._collecting is not None:
            self._collecting.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(BackendError("The backend is closed. Open it anew."))
        try:
            if self.up.is_set():
                await asyncio.wait_for(asyncio.ensure_future(self._actor.close.remote()), within_s)
        except (TimeoutError, self._errors) as error:
            _log.info("replica %d did not close: %s", self.number, error)
        finally:
            self._kill(self._actor)
