"""The caller's side of one server: start it, take contained children from it, end it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, Final

from sandbox import group, messages
from sandbox.errors import LevelError, PreloadError, SandboxError
from sandbox.layers import LAYERS, refusal

START_S: Final = 120.0
"""Seconds that a server may take to start: importing SymPy from a cold disk takes a while."""
LEASE_S: Final = 30.0
"""Seconds that a server may take to fork a child, however loaded the machine."""

_BOOT: Final = (
    "import sys, types\n"
    "package = types.ModuleType('sandbox')\n"
    "package.__path__ = [sys.argv[1]]\n"
    "sys.modules['sandbox'] = package\n"
    "from sandbox.start import main\n"
    "main()"
)
"""Imports the server's modules without the package's `__init__`, which needs pydantic."""

_ENVIRONMENT: Final = {
    "HOME": "/",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "TZ": "UTC",
}


class ServerLost(Exception):  # noqa: N818 (it is handled: another server takes the program)
    """The server is gone, or does not answer."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What makes one server serve for two handles.

    Attributes:
        level: Of containment.
        preload: Modules imported before any program runs.
        search: Folders where those are found, beyond Python's own.
        spares: Children forked ahead.
        files: Folder below which its programs have folders of files; then each child is forked when it is asked for,
            with the folder that it may read.
    """

    level: str
    preload: tuple[str, ...]
    search: tuple[str, ...]
    spares: int
    files: str = ""


class Lease:
    """One contained child, waiting for its program: three descriptors to read, and the server's word on it.

    Attributes:
        pid: Process id, as the server sees it.
        server: Socket to the server, about this child.
        channel: Socket to the child.
        stdout: Descriptor to read.
        stderr: Descriptor to read.
        greeting: What the child said first: `messages.READY` once it is contained.
        abandoned: Whether the server was asked to kill it.
        paused: Whether it stands still between two programs of a session.
        open: Whether this process still holds it.
    """

    def __init__(self, pid: int, fds: list[int]) -> None:
        self.pid = pid
        self.server = socket.socket(fileno=fds[0])
        self.channel = socket.socket(fileno=fds[1])
        self.stdout, self.stderr = fds[2], fds[3]
        self.greeting = b""
        self.abandoned = self.paused = False
        self.open = True

    def close(self) -> None:
        """Let go of the child; the server kills it if it still runs."""
        if self.open:
            self.open = False
            self.server.close()
            self.channel.close()
            os.close(self.stdout)
            os.close(self.stderr)

    def abandon(self) -> None:
        """Have the server kill the child; its report still comes."""
        self.abandoned = True
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_WR)


class Server:
    """A running server process.

    Args:
        profile: What it serves.

    Raises:
        PreloadError: A module does not import.
        LevelError: This machine lacks a layer of the level.
        SandboxError: The server did not start.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.leases: set[Lease] = set()
        self.served = 0
        self._retired = self._told = False
        self._taking = threading.Lock()  # held while waiting for a lease
        self._books = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = _spawn(theirs)
        except BaseException:
            self._control.close()
            raise
        self._group = group.place(self._process.pid)
        try:
            self.evidence = self._greet()
        except BaseException:
            self.close()
            raise

    def _greet(self) -> dict[str, str]:
        plan = {"caller": os.getpid(), "level": self.profile.level, "preload": self.profile.preload}
        plan |= {"search": self.profile.search, "spares": self.profile.spares, "files": self.profile.files}
        self._control.settimeout(START_S)
        try:
            self._control.send(json.dumps(plan).encode())
            reply: dict[str, Any] = json.loads(self._control.recv(1 << 16) or b'{"failed": "start"}')
        except TimeoutError:
            raise SandboxError(
                f"The sandbox's server did not start within {START_S:g} s; is the machine overloaded?"
            ) from None
        except OSError:
            reply = {"failed": "start"}
        self._control.settimeout(LEASE_S)
        match reply.get("failed"):
            case None:
                evidence: dict[str, str] = reply["evidence"]
                return evidence
            case "preload":
                raise PreloadError(
                    f"The module to preload does not import: {reply['reason']}. Install it, or leave it out of preload."
                )
            case layer if layer in LAYERS:
                raise LevelError(refusal(self.profile.level, layer, reply["reason"]))
        reason = reply.get("reason") or f"it ended with code {self._process.wait(5)}"
        raise SandboxError(f"The sandbox's server, {sys.executable!r}, did not start: {reason}.")

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def state(self) -> str:
        """What has become of the server's process, in words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(0.1)
            return f"killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return "running"

    def lease(self, folder: str = "") -> Lease:
        """Take one contained child; wait for the fork if none is ahead.

        Args:
            folder: What it may read besides, and where it stands; for a server that has `files`.

        Raises:
            ServerLost: The server is gone, or does not answer.
            SandboxError: The caller has no descriptors to spare.
        """
        with self._taking:
            try:
                if self._retired:
                    raise ServerLost("the server has retired")
                if self.profile.files:
                    self._control.send(messages.ORDER + os.fsencode(folder))
                message, fds, flags, _ = socket.recv_fds(
                    self._control, messages.ERROR_BYTES, 4, socket.MSG_CMSG_CLOEXEC
                )
            except OSError as error:
                raise ServerLost(str(error)) from error
            if len(fds) != 4:
                for fd in fds:
                    os.close(fd)
                if flags & socket.MSG_CTRUNC:
                    raise SandboxError(
                        "The sandbox cannot take a program's descriptors, for this process has too many files open: "
                        "raise the limit (ulimit -n), or run fewer programs at once."
                    )
                raise ServerLost(f"the server has ended. {message.decode(errors='replace')}".strip())
            lease = Lease(messages.LEASE.unpack(message)[0], list(fds))
            self.served += 1
            with self._books:
                self.leases.add(lease)
            return lease

    def give_back(self, lease: Lease) -> None:
        """Let go of a child that was leased."""
        lease.close()
        with self._books:
            self.leases.discard(lease)
            idle = self._retired and not self.leases
        if idle:
            self.close()

    def kill(self) -> None:
        """End the server at once, with all its children."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        """End the server, and see that it is gone."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a lease
        with self._taking:
            self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        group.remove(self._group)

    def worn(self, most: int) -> bool:
        """True once, when the server has served that many programs."""
        with self._books:
            first, self._told = self.served >= most and not self._told, self._told or self.served >= most
            return first

    def retire(self) -> None:
        """End the server as soon as nothing runs on it."""
        with self._books:
            self._retired = True
            idle = not self.leases
        if idle:
            self.close()

    def forget(self) -> None:
        """In a fork of the caller: close what belongs to the caller, touch nothing else."""
        self._process.returncode = 0  # it is none of this process's children
        self._control.close()
        for lease in list(self.leases):
            lease.close()


def _spawn(control: socket.socket) -> "subprocess.Popen[bytes]":
    if not sys.executable:
        raise SandboxError(
            "The sandbox needs sys.executable, the path of the Python to run, and this process has none."
        )
    environment = dict(_ENVIRONMENT)
    if "LD_LIBRARY_PATH" in os.environ:  # some Pythons do not start without
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    try:
        return subprocess.Popen(  # noqa: S603 (this very Python)
            [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, os.path.dirname(os.path.abspath(__file__))],
            stdin=control.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(
            f"The sandbox's server, {sys.executable!r}, could not be started: {error.strerror}; "
            "sys.executable must be a Python, and the machine have a process and memory to spare."
        ) from error
