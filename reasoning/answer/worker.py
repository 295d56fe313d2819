"""The client side of the formula worker: one process, started when first needed, killed when it overruns."""

import atexit
import importlib.util
import json
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

from reasoning.errors import MissingPackageError, ReasoningError

logger = logging.getLogger(__name__)

_PROGRAM: Final = Path(__file__).with_name("canonical.py")
_START: Final = 120.0  # seconds; SymPy takes one or two to import, many on a busy machine
_KEPT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "HOME", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV")
"""What the worker sees of the environment: it reads untrusted text, so it sees no keys."""


class Overrun(Exception):  # noqa: N818 (an outcome, not a fault)
    """The worker was killed before it had an answer."""


class Worker:
    """A process that turns formulas into canonical keys. May be used from any thread; requests queue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    @property
    def pid(self) -> int | None:
        """The process id, if the worker is running."""
        return self._process.pid if self._process else None

    def key(self, text: str, seconds: float) -> str | None:
        """The canonical key of a formula, or None where the text is none.

        Args:
            text: LaTeX or plain notation.
            seconds: Wall time it may take.

        Raises:
            Overrun: It took longer, or more memory than the worker has.
            MissingPackageError: math-verify is not installed.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._stop()  # ended while idle, by the system: no fault of this formula
            try:
                if self._process is None:
                    self._start()
                reply = self._ask({"text": text, "seconds": seconds}, seconds)
            except BaseException:  # an interrupt too: the reply that is still to come answers no other request
                self._stop()
                raise
        key = reply.get("key")
        return key if isinstance(key, str) else None

    def close(self) -> None:
        """End the process; the next request starts another."""
        with self._lock:
            self._stop()

    def forget(self) -> None:
        """In a forked child: leave the process to the parent, and start afresh."""
        if self._process is not None:
            self._process.returncode = 0  # not ours to wait for
        self.__init__()  # type: ignore[misc]

    def _start(self) -> None:
        if importlib.util.find_spec("math_verify") is None:
            raise _missing("math_verify")
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            [sys.executable, "-P", "-W", "ignore", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONIOENCODING": "utf-8"},
            start_new_session=True,  # Ctrl-C is for the caller
        )
        self._buffer = b""
        try:
            ready = self._read(time.monotonic() + _START)
        except Overrun as error:
            raise ReasoningError(
                f"The math-verify worker did not start ({error}): run {_PROGRAM} to see why."
            ) from None
        if "missing" in ready:
            raise _missing(str(ready["missing"]))

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            return self._read(time.monotonic() + seconds)
        except OSError as error:
            raise Overrun(str(error)) from None

    def _read(self, deadline: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise Overrun("no reply in time")
                piece = os.read(self._process.stdout.fileno(), 65536)
                if not piece:
                    raise Overrun("it ended")
                self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        reply = json.loads(line)
        assert isinstance(reply, dict)
        return reply

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    logger.debug("a request was still unsent when the worker ended")


def _missing(package: str) -> MissingPackageError:
    return MissingPackageError(package, "pip install 'reasoning-strategies[math]'", "The answer kind 'expression'")


@cache
def shared() -> Worker:
    """The worker of this process."""
    worker = Worker()
    atexit.register(worker.close)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=worker.forget)
    return worker
