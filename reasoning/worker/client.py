"""The client side of a worker: one process, started when first needed, killed when it overruns."""

import atexit
import json
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from reasoning.errors import ReasoningError

logger = logging.getLogger(__name__)

_CHILD: Final = Path(__file__).with_name("child.py")
_START: Final = 120.0  # seconds; SymPy takes one or two to import, many on a busy machine
_KEPT: Final = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "HOME", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT",
    "VIRTUAL_ENV",
)  # fmt: skip
"""What a worker sees of the environment: it reads untrusted text, so it sees no keys."""


class Overrun(Exception):  # noqa: N818 (an outcome, not a fault)
    """The worker was killed before it had an answer."""


class Allowance:
    """The time that is left for one text, however many requests it takes. Waiting for the worker is not counted."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds


class Worker:
    """A process that answers requests, one after the other. May be used from any thread; requests queue.

    Args:
        program: The Python file whose function `answer` gives the reply to a request.
        missing: The error to raise where a package that the file imports is not installed.
    """

    def __init__(self, program: Path, missing: Callable[[str], ReasoningError]) -> None:
        self.program, self.missing = program, missing
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    @property
    def pid(self) -> int | None:
        """The process id, if the worker is running."""
        return self._process.pid if self._process else None

    def ask(self, request: Any, allowance: Allowance) -> Any:
        """The reply to a request; None where the program raised.

        Args:
            request: A JSON value.
            allowance: The time that it may take, which what it takes is subtracted from.

        Raises:
            Overrun: It took longer, or more memory than the worker has.
            ReasoningError: The worker cannot be started: see `missing`.
        """
        with self._lock:
            if allowance.left <= 0:
                raise Overrun("no time is left")
            if self._process is not None and self._process.poll() is not None:
                self._stop()  # ended while idle, by the system: no fault of this request
            try:
                if self._process is None:
                    self._start()
                return self._reply({"request": request, "seconds": allowance.left}, allowance)
            except BaseException:  # an interrupt too: the reply that is still to come answers no other request
                self._stop()
                raise

    def close(self) -> None:
        """End the process; the next request starts another."""
        with self._lock:
            self._stop()

    def _forget(self) -> None:
        """In a forked child: leave the process to the parent, and start afresh."""
        if self._process is not None:
            self._process.returncode = 0  # not ours to wait for
        self._lock, self._process, self._buffer = threading.Lock(), None, b""

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            [sys.executable, "-P", "-W", "ignore", str(_CHILD), str(self.program)],
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
                f"The worker process did not start ({error}): run {_CHILD} {self.program} to see why."
            ) from None
        if "missing" in ready:
            raise self.missing(str(ready["missing"]))

    def _reply(self, request: dict[str, Any], allowance: Allowance) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        started = time.monotonic()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            return self._read(started + allowance.left)["reply"]
        except OSError as error:
            raise Overrun(str(error)) from None
        finally:
            allowance.left -= time.monotonic() - started

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
