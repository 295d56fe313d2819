"""Ends the engine's processes when the process that started them is gone, however it went.

vLLM ends them when it is closed and when Python exits. A process that is killed does neither, and its engine would
live on with the GPU's memory (seen with vLLM 0.32 after a SIGTERM). So a small process watches: this file, run as a
script.
"""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_S = 0.5
GRACE_S = 5.0


class Lifeline:
    """Watches over processes until it is cut; if this process ends before, they end too."""

    def __init__(self) -> None:
        self._watcher = subprocess.Popen(  # noqa: S603 (this file, and nothing of anyone's input)
            [sys.executable, "-I", "-S", __file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is not for it
        )

    def hold(self, pid: int) -> None:
        """Ends that process when this one is gone."""
        assert self._watcher.stdin is not None
        self._watcher.stdin.write(f"{pid} {_born(pid)}\n".encode())
        self._watcher.stdin.flush()

    def cut(self) -> None:
        """Watches no more."""
        self._watcher.kill()
        self._watcher.wait()
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()


def _born(pid: int) -> str:
    """When a process started, in the kernel's ticks: a later one of the same number is not it. Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "-"


def _watch(parent: int) -> None:
    held: dict[int, str] = {}
    listening = True
    told = open(0, "rb", buffering=0)  # noqa: SIM115 (`select` does not see lines that a buffer holds)
    while os.getppid() == parent:
        if not listening:
            time.sleep(LOOK_S)
        elif select.select([told], [], [], LOOK_S)[0]:
            line = told.readline().decode().split()
            listening = bool(line)
            if listening:
                held[int(line[0])] = line[1]
    for which, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 0.0)):
        _signal(held, which)
        end = time.monotonic() + wait_s
        while time.monotonic() < end and any(_born(pid) == born for pid, born in held.items()):
            time.sleep(0.1)


def _signal(held: dict[int, str], which: signal.Signals) -> None:
    for pid, born in held.items():
        try:
            if _born(pid) == born:
                os.kill(pid, which)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
