"""A control group around a server and its programs, where one can be had: a bound of the kernel's own on all they hold.

The bound is that of all programs that run at the time together. As root under cgroup v1 the group is made below the
caller's own. Under v2 a group with processes can have none below it, so it is made beside, and only where the caller's
own is not bounded, so that nobody escapes a bound.

Sources: Linux ``Documentation/admin-guide/cgroup-v1/memory.rst``, ``Documentation/admin-guide/cgroup-v2.rst``.
"""

import contextlib
import os
import time
from collections.abc import Iterable
from typing import Final

_NAME: Final = "sandbox-"
_ROOM: Final = 32 << 20
"""For each child that waits, and for the server's own work."""
_TRIES: Final = 50
_LATER_S: Final = 0.01


def place(process: int) -> str | None:
    """The folder of the group that a server of this process id would have, None where there can be none."""
    try:
        found = _place()
    except (OSError, ValueError):
        return None
    return found and os.path.join(found, f"{_NAME}{process}")


def _place() -> str | None:
    own: dict[str, str] = {}
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path)
    for line in _read("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        _, _, _, root, mounted, *_ = before.split()
        kind, _, options = after.split()
        if kind == "cgroup" and "memory" in options.split(",") and root == "/" and "memory" in own:
            return mounted + own["memory"]
        if kind == "cgroup2" and root == "/" and "memory" not in own and "" in own:
            group = mounted + own[""].rstrip("/")
            above = group if group == mounted else os.path.dirname(group)
            if "memory" not in _read(f"{above}/cgroup.subtree_control").split():
                return None
            return above if above == group or _read(f"{group}/memory.max").strip() == "max" else None
    return None


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


class Group:
    """The group of this process and all that it forks.

    Args:
        folder: Where, by `place`.

    Raises:
        OSError: None can be made there.
    """

    def __init__(self, folder: str) -> None:
        _sweep(os.path.dirname(folder))
        os.mkdir(folder)
        try:
            old = os.path.exists(f"{folder}/memory.limit_in_bytes")
            self._limit = os.open(f"{folder}/{'memory.limit_in_bytes' if old else 'memory.max'}", os.O_WRONLY)
            self._usage = os.open(f"{folder}/{'memory.usage_in_bytes' if old else 'memory.current'}", os.O_RDONLY)
            with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
        except OSError:
            os.rmdir(folder)
            raise
        self._before = self._allowed = 0

    def settle(self, spares: int) -> None:
        """Take what this process holds now, and so many children ahead, for what is allowed beside the programs."""
        self._before = int(os.pread(self._usage, 32, 0)) + (spares + 1) * _ROOM

    def allow(self, memories: Iterable[int]) -> None:
        """Bound the group to what these programs may hold, by their limits."""
        asked = self._before + sum(memory + memory // 2 for memory in memories)
        if asked > self._allowed or (asked < self._allowed and asked > int(os.pread(self._usage, 32, 0))):
            with contextlib.suppress(OSError):  # it has grown just now
                os.pwrite(self._limit, str(asked).encode(), 0)
                self._allowed = asked


def remove(folder: str | None) -> None:
    """Remove the group of a server that has ended; its last process may be ending still."""
    for _ in range(_TRIES if folder else 0):
        try:
            os.rmdir(folder or "")
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(_LATER_S)


def _sweep(folder: str) -> None:
    """Remove the groups of servers whose callers were killed before they could."""
    for name in os.listdir(folder):
        process = name.removeprefix(_NAME)
        if name.startswith(_NAME) and process.isdigit() and not os.path.exists(f"/proc/{process}"):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(folder, name))
