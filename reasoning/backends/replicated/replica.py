"""What runs in a Ray worker: one driver behind a mailbox.

A Ray call costs about a millisecond of either side's CPU, whatever it carries. So calls travel in batches both ways:
`submit` brings all that were made in one turn of the caller's loop, `collect` takes away all that ended meanwhile.
"""

import asyncio
import os
import platform
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from reasoning import errors
from reasoning.backends.backend import Capabilities
from reasoning.backends.facts import ModelFacts
from reasoning.completion import Completion


class Call(NamedTuple):
    """One call of the driver: the arguments of its `complete` or `score`."""

    id: int
    verb: Literal["complete", "score"]
    arguments: tuple[Any, ...]


class Raised(NamedTuple):
    """An error as it travels: exceptions with arguments of their own do not survive pickling."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> "Raised":
        """An error of the family by its name; anything else as a failure of the engine, with its type in words."""
        kind = type(error).__name__
        if isinstance(error, errors.ReasoningError) and hasattr(errors, kind):
            return cls(kind, str(error))
        return cls("BackendError", f"A replica's engine broke: {kind}: {error}.")

    def error(self) -> errors.ReasoningError:
        """The error, to be raised."""
        known: type[errors.ReasoningError] = getattr(errors, self.kind)
        error = known.__new__(known)
        Exception.__init__(error, self.message)
        return error


class Info(NamedTuple):
    """What a replica says of itself once its engine is loaded."""

    node: str
    spec: str
    identity: Mapping[str, Any]
    capabilities: Capabilities
    account: str | None
    facts: ModelFacts


class Replica:
    """A driver in a Ray actor.

    Args:
        spec: What to open.
        options: The driver's options.
        environment: Variables of the caller's that the engine may need here (keys, the hub's cache); those that this
            node has set itself stand.
    """

    def __init__(self, spec: str, options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        from reasoning.backends.opening import resolve

        for name, value in environment.items():
            os.environ.setdefault(name, value)
        self._failure: Raised | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ended: list[tuple[int, Any]] = []
        self._news = asyncio.Event()
        try:
            driver, model, checked = resolve(spec, options)
            self._driver: Any = driver.open(model, checked)
        except Exception as error:  # noqa: BLE001 (told by `info`; raised here it would only kill the worker)
            self._failure = Raised.of(error)

    async def info(self) -> Info | Raised:
        """What was loaded, or why it was not."""
        if self._failure is not None:
            return self._failure
        driver = self._driver
        return Info(
            node=platform.node(),
            spec=driver.spec,
            identity=dict(driver.identity),
            capabilities=driver.capabilities,
            account=getattr(driver, "account", None),
            facts=getattr(driver, "facts", ModelFacts()),
        )

    async def submit(self, calls: list[Call]) -> None:
        """Starts calls; their outcomes are for `collect`."""
        for call in calls:
            self._tasks[call.id] = asyncio.create_task(self._run(call))

    async def collect(self) -> list[tuple[int, Any]]:
        """Waits until a call has ended; all that have, each with its outcome or what it raised."""
        await self._news.wait()
        self._news.clear()
        ended, self._ended = self._ended, []
        return ended

    async def cancel(self, id: int) -> None:
        """Ends a call whose caller has gone."""
        if id in self._tasks:
            self._tasks[id].cancel()

    async def close(self) -> None:
        """Frees the engine."""
        if self._failure is None:
            await self._driver.aclose()

    async def _run(self, call: Call) -> None:
        try:
            outcome = await getattr(self._driver, call.verb)(*call.arguments)
            if call.verb == "complete":  # the caller has the request, it need not travel back
                outcome = [bare(completion) for completion in outcome]
        except asyncio.CancelledError:
            outcome = Raised("BackendError", "The call was cancelled.")
        except Exception as error:  # noqa: BLE001 (it travels to the caller, who raises it)
            outcome = Raised.of(error)
        del self._tasks[call.id]
        self._ended.append((call.id, outcome))
        self._news.set()


def bare(completion: Completion) -> Completion:
    """A completion without its request."""
    return completion.model_copy(update={"request": None})
