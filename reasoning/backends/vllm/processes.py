"""The engine's processes, as the kernel knows them; Linux only, elsewhere none are known."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

_PROC = Path("/proc")
_KILLED_S = 5.0


def born(pid: int) -> str | None:
    """When a process started, in the kernel's ticks, for a number is given again; None where it is gone."""
    fields = _fields(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def family(pids: Iterable[int]) -> dict[int, str]:
    """Processes with their children and theirs, and when each started."""
    parents = {int(one.name): _fields(int(one.name)) for one in _PROC.glob("[0-9]*")}
    found = set(pids)
    while more := {pid for pid, fields in parents.items() if fields and int(fields[1]) in found} - found:
        found |= more
    return {pid: started for pid in found if (started := born(pid)) is not None}


def wait_gone(processes: Mapping[int, str], seconds: float) -> None:
    """Waits until processes are gone; those that are not by then are killed."""
    if not _gone(processes, seconds):
        for pid, started in processes.items():
            with contextlib.suppress(ProcessLookupError):  # it may end in between
                if born(pid) == started:
                    os.kill(pid, signal.SIGKILL)
        _gone(processes, _KILLED_S)


def peak_memory(pid: int) -> int:
    """The most resident memory that a process had, in bytes."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _gone(processes: Mapping[int, str], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while any(born(pid) == started for pid, started in processes.items()):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _fields(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) from the state on; its name before them may hold anything."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
