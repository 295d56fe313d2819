"""How much memory a program holds, as the server reads it in /proc: what its address space does not bound.

A program that writes to memory that it shares with the server gets a copy of it; pages that lie far apart take a page
table each, or two; threads take memory of the kernel. None of it is address space, all of it is memory.
"""

import ctypes
import os
import re
from collections.abc import Callable
from typing import Final

from sandbox import privileges

KB: Final = 1 << 10
THREAD: Final = 32 * KB
"""What the kernel holds for one thread: its stack there above all."""
TABLES: Final = 2
"""Page tables count so many times: with each come the records of its mappings, and nothing else grows as fast."""

LEAST_ROOM: Final = 8 << 20
FASTEST: Final = 4 << 30
"""Bytes a second by which the memory of a program can grow, about."""
SHORTEST_S, LONGEST_S = 0.004, 0.1

FIRST, SECOND = 1000, 500
"""Of `oom_score_adj`: a program is the first that the kernel kills when it runs out of memory, its server comes before
any other process."""

_libc = ctypes.CDLL(None)
_WANTED: Final = re.compile(rb"^(Pid|Threads|RssAnon|VmSwap|VmPTE|Private_Dirty|Swap|oom_kill):?\s+(\d+)", re.MULTILINE)


def most(memory: int) -> int:
    """At how many bytes a program is killed.

    Above the limit, which address space keeps, for every program copies a few megabytes that it shares with the server.
    """
    return memory + max(memory // 4, LEAST_ROOM)


def pause(room: int) -> float:
    """Seconds until a program may have taken so many bytes."""
    return min(max(room / FASTEST, SHORTEST_S), LONGEST_S)


class Scales:
    """Weighs the children of this process, also when it no longer sees /proc.

    Raises:
        OSError: There is no /proc.
        KeyError: It is not Linux's.
    """

    def __init__(self) -> None:
        self._proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._anonymous = self._tables = 0
        self._score = -1
        self._numbers("self/status")["RssAnon"]

    def expose(self) -> str:
        """Prepare for what is forked later to be the first that the kernel kills, and this process the second.

        Returns:
            Evidence.
        """
        try:
            self._score = os.open("self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._proc)
            self._offer(SECOND)
        except OSError as error:
            self._score = -1
            return f"oom_score_adj as it was ({error.strerror})"
        return f"oom_score_adj {FIRST}"

    def settle(self) -> None:
        """Take what this process holds now for what every child starts with."""
        numbers = self._numbers("self/status")
        self._anonymous, self._tables = numbers["RssAnon"] * KB, numbers["VmPTE"] * KB

    def offering(self, fork: Callable[[], int]) -> Callable[[], int]:
        """Have what this function forks be the first that the kernel kills, and this process the second."""

        def offered() -> int:
            self._offer(FIRST)
            pid = -1
            try:
                pid = fork()
            finally:
                if pid:
                    self._offer(SECOND)
            return pid

        return offered if self._score >= 0 else fork

    def _offer(self, score: int) -> None:
        os.pwrite(self._score, str(score).encode(), 0)

    def find(self, pidfd: int) -> int:
        """The process id in /proc of a child, which may be in another namespace than this process is."""
        return self._numbers(f"self/fdinfo/{pidfd}").get("Pid", 0)

    def held(self, process: int, memory: int) -> int:
        """Bytes that a child holds, at most; exact where it matters.

        Args:
            process: Its id, by `find`.
            memory: Its limit.
        """
        try:
            numbers = self._numbers(f"{process}/status")
            anonymous, threads = (numbers["RssAnon"] + numbers["VmSwap"]) * KB, numbers["Threads"]
            beside = TABLES * (numbers["VmPTE"] * KB - self._tables) + (threads - 1) * THREAD
        except (OSError, KeyError):
            return 0  # it has just ended
        if threads > privileges.threads(memory):
            return most(memory) + 1
        if anonymous + beside <= most(memory):
            return anonymous + beside
        own = anonymous - self._anonymous  # if it has written to nothing that it shares with this process
        if own + beside > most(memory):
            return own + beside
        try:
            numbers = self._numbers(f"{process}/smaps_rollup")
            return (numbers["Private_Dirty"] + numbers["Swap"]) * KB + beside
        except PermissionError:
            return max(self._private(process), own) + beside
        except (OSError, KeyError):
            return 0

    def _private(self, process: int) -> int:
        """What it shares with nobody, found by a fork: this process looks up files as a user that may not see that."""
        ours, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                _libc.setfsuid(os.geteuid())
                numbers = self._numbers(f"{process}/smaps_rollup")
                os.write(theirs, str((numbers["Private_Dirty"] + numbers["Swap"]) * KB).encode())
            finally:
                os._exit(0)
        os.close(theirs)
        found = os.read(ours, 64)
        os.close(ours)
        os.waitpid(pid, 0)
        return int(found or 0)

    def kills(self) -> int:
        """How many processes the kernel has killed for want of memory since the machine started."""
        return self._numbers("vmstat").get("oom_kill", 0)

    def _numbers(self, name: str) -> dict[str, int]:
        """The numbers of a file of /proc that are wanted here, by their names."""
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        try:
            text = os.read(fd, 1 << 16)
        finally:
            os.close(fd)
        return {name.decode(): int(number) for name, number in _WANTED.findall(text)}
