"""The one life of a program's process: contained, ready, one program, one answer, gone."""

import _thread
import contextlib
import ctypes
import errno
import gc
import itertools
import linecache
import os
import resource
import signal
import sys
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from sandbox import messages, privileges, wire

CHANNEL: Final = 3
"""File descriptor of the result channel; above it there is nothing."""

NAME: Final = "<program>"

_STACK: Final = 1 << 17
_PDEATHSIG: Final = 1
_CLOSE_RANGE: Final = 436

_libc = ctypes.CDLL(None, use_errno=True)

_TRACEBACK: Final = BaseException.__dict__["__traceback__"].__get__
_ERRNO: Final = OSError.__dict__["errno"].__get__
_NAME_OF: Final = type.__dict__["__name__"].__get__


def live(
    descriptors: tuple[int, int, int], server: int, taken: tuple[int, int], contain: Callable[[], int | None]
) -> NoReturn:
    """Be the process of one program; never returns.

    Args:
        descriptors: What becomes standard output, standard error, and the result channel.
        server: Process id of the server.
        taken: Bytes of address space, and of memory in it that can be written, taken before the program starts.
        contain: Puts on what confines the program, seccomp last; how many tasks of others the kernel counts with its
            own, None where their number is not limited.
    """
    for target, source in enumerate(descriptors, start=1):
        os.dup2(source, target, inheritable=False)
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0, inheritable=False)  # opened here: flags and offset are its own
        os.setsid()
        _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:
            os._exit(1)  # the server died before the line above
        others = contain()
    except BaseException as error:  # noqa: BLE001 (whatever it is, the program must not run)
        os.write(CHANNEL, messages.FAILED + str(error).encode()[: messages.ERROR_BYTES])
        os._exit(1)
    os.write(CHANNEL, messages.READY)
    request = Request.read()
    if others is not None:
        privileges.lower(resource.RLIMIT_NPROC, others + privileges.threads(request.memory))
    privileges.lower(resource.RLIMIT_NOFILE, privileges.files(request.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (request.cpu_s, request.cpu_s))
    space, data = (before + request.memory for before in taken)
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    _run(request)


def close_others() -> None:
    """Close every descriptor above the channel."""
    if _libc.syscall(_CLOSE_RANGE, CHANNEL + 1, ctypes.c_uint(0xFFFFFFFF), 0):
        code = ctypes.get_errno()
        raise OSError(code, f"close_range: {os.strerror(code)}")


@dataclass(frozen=True, slots=True)
class Request:
    """A program, and what it is asked for."""

    memory: int
    cpu_s: int
    caps: wire.Caps
    mark: bytes
    returns: str
    stdin: bytes
    program: str

    @classmethod
    def read(cls) -> "Request":
        """Wait for the next one."""
        memory, cpu_s, result_bytes, mark, asked, given, length = messages.REQUEST.unpack(_read(messages.REQUEST.size))
        caps, returns, stdin = wire.Caps(bytes=result_bytes), _read(asked).decode(), _read(given)
        return cls(memory, cpu_s, caps, mark, returns, stdin, _read(length).decode("utf-8", "surrogatepass"))


def _read(size: int) -> bytes:
    pieces = []
    while size:
        piece = os.read(CHANNEL, min(size, 1 << 20))
        if not piece:
            os._exit(0)  # nobody wants this child any more
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _feed(data: bytes) -> None:
    """Make standard input a pipe that holds the data and then ends; empty where there is none."""
    with contextlib.suppress(OSError):
        os.close(0)  # first, so that even what has no descriptor to spare gets an empty one
    if not data:
        os.open(os.devnull, os.O_RDONLY)
    else:
        _, sink = os.pipe()
        os.set_blocking(sink, False)
        rest = memoryview(data)[os.write(sink, data) :]
        os.set_blocking(sink, True)
        if not rest:
            os.close(sink)
        else:  # more than the pipe takes at once
            usual = _thread.stack_size(_STACK)
            _thread.start_new_thread(_pour, (sink, rest))
            _thread.stack_size(usual)
    reader = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115 (for the program)
    sys.stdin = sys.__stdin__ = reader  # type: ignore[misc]


def _pour(sink: int, data: memoryview) -> None:
    with contextlib.suppress(OSError):  # nobody reads any more
        while data:
            data = data[os.write(sink, data) :]
    os.close(sink)


def _run(request: Request) -> NoReturn:
    """Run the program as a script, at module level of a fresh `__main__`, and answer; those of a session one by one."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    end, write, flush = (
        os._exit,
        os.write,
        (sys.stdout.flush, sys.stderr.flush),
    )  # bound before the program can patch them
    for number in itertools.count(1):
        name = NAME if number == 1 else f"<program {number}>"
        linecache.cache[name] = (len(request.program), None, request.program.splitlines(keepends=True), name)
        try:
            if request.stdin or number > 1:
                _feed(request.stdin)
            kind, payload = _answer(request, name, module.__dict__)
        except SystemExit as error:
            kind, payload = messages.EXITED, _said(error)
        except BaseException as error:  # noqa: BLE001 (a program may raise anything)
            kind, payload = _failure(error, name, module)
        for each in flush:
            with contextlib.suppress(BaseException):  # the program closed or broke its own output: that is its loss
                each()
        last = request.mark == messages.ALONE
        frame = memoryview((b"" if last else request.mark) + wire.frame(bytes((kind,)) + payload))
        while frame:
            frame = frame[write(CHANNEL, frame) :]
        if last:
            break
        request = Request.read()
    end(0)


def _answer(request: Request, name: str, namespace: dict[str, object]) -> tuple[int, bytes]:
    exec(compile(request.program, name, "exec"), namespace)  # noqa: S102 (this is what the process is for)
    returns, caps = request.returns, request.caps
    if not returns:
        return messages.ANSWER, wire.encode(None, caps)
    name = returns.removesuffix("()")
    if name not in namespace:
        return messages.NO_RESULT, f"the program ran to its end but defined no {name!r}".encode()
    value = namespace[name]
    if name != returns:
        value = value()  # type: ignore[operator]  # the program's own error, with its own traceback
    try:
        return messages.ANSWER, wire.encode(value, caps)
    except wire.WireError as error:
        too_large = isinstance(error, wire.TooLargeError)
        text = f"{returns}: {error}".encode("utf-8", "replace")
        return (messages.TOO_LARGE if too_large else messages.NO_RESULT), text


def _said(error: SystemExit) -> bytes:
    try:
        return str(error)[:200].encode("utf-8", "replace")
    except BaseException:  # noqa: BLE001 (its own code cannot be printed)
        return b""


def _failure(error: BaseException, name: str, module: types.ModuleType) -> tuple[int, bytes]:
    """The traceback as the program's author would see it: from its own first line on.

    The error's class is the program's own, so what is asked of it is asked of Python's classes.
    """
    kind = messages.ERROR
    trace = _TRACEBACK(error)
    cls = type(error)
    if issubclass(cls, MemoryError) or (issubclass(cls, OSError) and _ERRNO(error) == errno.ENOMEM):
        kind = messages.MEMORY
        traceback.clear_frames(trace)
        module.__dict__.clear()
        gc.collect()
    while trace is not None and trace.tb_frame.f_code.co_filename != name:
        trace = trace.tb_next
    try:
        text = "".join(traceback.format_exception(cls, error, trace))
    except BaseException:  # noqa: BLE001 (its own `__str__`, or no memory left)
        text = _NAME_OF(cls)
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > messages.ERROR_BYTES:
        half = messages.ERROR_BYTES // 2 - 16
        data = data[:half] + b"\n  [...]\n" + data[-half:]
    return kind, data
