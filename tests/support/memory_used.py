"""How much memory the whole machine has the less for some processes: all that the kernel holds for them counts."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

ROOT = Path("/sys/fs/cgroup")


class Meter(Protocol):
    """Measures the most memory used while something is done."""

    tries: int

    def growth(self, deed: Callable[[], None]) -> int:
        """Bytes used at the peak of the deed, beyond what was used before."""

    def close(self) -> None:
        """Leave nothing behind."""


class Group:
    """A control group around the processes: the kernel charges it with all that it holds for them.

    Raises:
        OSError: None can be made here.
    """

    tries = 1

    def __init__(self, processes: Iterable[int]) -> None:
        old = (ROOT / "memory").is_dir()
        self.place = (ROOT / "memory" if old else ROOT) / f"measured-{os.getpid()}-{time.monotonic_ns()}"
        self.place.mkdir()
        try:
            self.now = self.place / ("memory.usage_in_bytes" if old else "memory.current")
            self.peak = os.open(self.place / ("memory.max_usage_in_bytes" if old else "memory.peak"), os.O_RDWR)
            for process in processes:
                (self.place / "cgroup.procs").write_text(str(process))
        except OSError:
            self.place.rmdir()
            raise

    def growth(self, deed: Callable[[], None]) -> int:
        before = int(self.now.read_text())
        os.write(self.peak, b"0")
        deed()
        return int(os.pread(self.peak, 64, 0)) - before

    def close(self) -> None:
        os.close(self.peak)
        deadline = time.monotonic() + 10
        while (self.place / "cgroup.procs").read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.place.rmdir()


class Machine:
    """The memory that the machine has to spare, looked at all the time: others on it are noise, so try it again."""

    tries = 3

    def growth(self, deed: Callable[[], None]) -> int:
        before, least, done = self._available(), [self._available()], threading.Event()

        def look() -> None:
            while not done.wait(0.001):
                least.append(min(least.pop(), self._available()))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            deed()
        finally:
            done.set()
            looking.join()
        return before - least[0]

    def close(self) -> None:
        pass

    def _available(self) -> int:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))


def meter(processes: Iterable[int]) -> Meter:
    """The best that this user can have."""
    try:
        return Group(processes)
    except OSError:
        return Machine()
