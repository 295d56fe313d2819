"""The event loop behind the sync doors, and how a call crosses from one loop to another.

All sync doors share one lazy daemon thread that runs an event loop, so that they work in scripts, threads and
notebooks (where a loop runs already), and a client opened once serves them all.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from reasoning.errors import ReasoningError

T = TypeVar("T")
_log = logging.getLogger(__name__)

WIND_DOWN_S = 10.0
"""Seconds that a cancelled call is given to let go of what it holds: an engine ends the step that it computes."""
TELL_AFTER_S = 2.0
"""Seconds of that after which a person is told what is waited for."""

_lock = threading.Lock()
_held: set[asyncio.AbstractEventLoop] = set()  # loops whose thread waits in a sync door
_shared: tuple[int, asyncio.AbstractEventLoop] | None = None  # (process id, loop): a forked child has no loop thread


class StillRunningInterrupt(KeyboardInterrupt):
    """Ctrl-C, and what was under way has not let go in time: an interpreter that ends now would do so in its midst."""


def shared_loop() -> asyncio.AbstractEventLoop:
    """The process's loop for sync doors; its thread starts at the first call."""
    global _shared
    with _lock:
        if _shared is None or _shared[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=_serve, args=(loop,), name="reasoning-loop", daemon=True).start()
            _shared = (os.getpid(), loop)
        return _shared[1]


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def home_loop() -> asyncio.AbstractEventLoop:
    """The loop that something opened here belongs to: the running one, else the shared one.

    In a notebook it is the shared one: its cells run on the kernel's loop, sync ones too, and a sync call in a later
    cell would wait on that loop for work that belongs to it.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return shared_loop()
    return shared_loop() if _in_notebook() else running


def _in_notebook() -> bool:
    """True in cells of IPython, in a notebook or a terminal."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine on the shared loop and waits for it: the body of every sync door.

    Ctrl-C cancels the work, waits for it to wind down, and is raised again; a second one waits no longer.

    Raises:
        ReasoningError: Called from the shared loop itself, where waiting would never end.
    """
    loop = shared_loop()
    try:
        here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is loop:
        work.close()
        raise ReasoningError("A sync call was made from inside async code of this library; await its a… twin instead.")
    wound_down = threading.Event()
    if here is not None:
        _held.add(here)

    async def watched() -> T:
        try:
            return await work
        finally:
            wound_down.set()

    future = asyncio.run_coroutine_threadsafe(watched(), loop)
    try:
        return future.result()
    except KeyboardInterrupt:
        if future.cancel() and not wound_down.wait(TELL_AFTER_S):
            _log.warning("Waiting for what is under way to let go; Ctrl-C once more ends it at once.")
            if not wound_down.wait(WIND_DOWN_S - TELL_AFTER_S):
                raise StillRunningInterrupt from None
        raise
    finally:
        if here is not None:
            _held.discard(here)


async def on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Awaits a coroutine on the loop it belongs to, from whichever loop the caller runs on.

    Raises:
        ReasoningError: That loop is closed or at rest, or a sync call holds it up, so that waiting would never end.
    """
    if asyncio.get_running_loop() is loop:
        return await work
    if loop in _held:
        work.close()
        raise ReasoningError(
            "A sync call was made on the event loop that its backend was opened on; await its a… twin instead "
            "(asolve, aevaluate), or open the backend outside async code."
        )
    shared = _shared is not None and loop is _shared[1]  # it runs, or is about to
    if loop.is_closed() or not (shared or loop.is_running()):
        work.close()
        raise ReasoningError(
            "The event loop this backend was opened on is closed or no longer runs; open the backend anew on this one."
        )
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
