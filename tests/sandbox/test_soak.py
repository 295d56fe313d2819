"""Thousands of programs in a row, one in twenty hostile, some in sessions: memory, descriptors, processes stay."""

import ctypes
import gc
import os
import platform
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass

import pytest

import sandbox
from sandbox import Limits, Outcome, Sandbox

HOSTILE = {
    "while True: pass": {"timeout", "cpu_limit"},
    "import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass": {"timeout"},
    "x = []\nwhile True: x.append(bytearray(10**7))": {"memory_limit"},
    "while True: print('x' * 9999)": {"output_limit"},
    "import os; os.fork()": {"error"},
    "import os; os.write(3, b'x' * 99); os._exit(0)": {"protocol_error"},
    "import ctypes; ctypes.string_at(0)": {"signal"},
    "import os; os._exit(3)": {"exited"},
    "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\nraise SystemExit": {"exited"},
    "import os\nfor fd in range(256):\n    try: os.close(fd)\n    except OSError: pass\nans = 1": {"error", "exited"},
}
HONEST = "import math\ndef f(n):\n    return 1 if n < 2 else n * f(n - 1)\nans = f({}) + math.floor(2.5)"


@dataclass(frozen=True)
class Held:
    """What a process, its server and its children hold.

    Attributes:
        mine_kb: Resident memory of this process.
        server_kb: Resident memory of the servers.
        descriptors: Open in this process.
        server_descriptors: Open in the servers.
        children: Processes below the servers.
    """

    mine_kb: int
    server_kb: int
    descriptors: int
    server_descriptors: int
    children: int


def held(servers: list[int]) -> Held:
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)  # what is free and merely kept by malloc, in an arena a thread, is no growth
    return Held(
        resident(os.getpid()),
        sum(map(resident, servers)),
        len(os.listdir("/proc/self/fd")),
        sum(len(os.listdir(f"/proc/{server}/fd")) for server in servers),
        sum(map(children, servers)),
    )


def children(pid: int) -> int:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return len(file.read().split())


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def soak(count: int) -> None:
    sandbox.shutdown()
    box = Sandbox(limits=Limits(wall_s=0.5, cpu_s=0.5), preload=())
    box.run("ans = 1", files={})
    servers = pids(box)
    dice = random.Random(count)
    statuses: Counter[str] = Counter()

    def draw() -> tuple[str, set[str]]:
        if dice.random() < 0.05:
            return dice.choice(sorted(HOSTILE.items()))
        return HONEST.format(dice.randrange(50)), {"ok"}

    def note(program: str, allowed: set[str], outcome: Outcome) -> None:
        slow = {"timeout"}  # on a loaded machine half a second is soon over
        assert outcome.status in allowed | slow, (program, outcome)
        statuses[outcome.status] += 1

    def batch(size: int) -> None:
        drawn = [draw() for _ in range(size)]
        for (program, allowed), outcome in zip(drawn, box.map([program for program, _ in drawn]), strict=True):
            note(program, allowed, outcome)
        for number in range(size // 20):
            with box.session(files={"a": "x"} if number % 2 else None) as session:
                for program, allowed in (draw() for _ in range(3)):
                    if session.ended is None:
                        note(program, allowed, session.run(program, returns="ans"))

    batch(count // 5)
    before = held(servers)
    for _ in range(8):
        batch(count // 10)
    after = held(servers)
    assert pids(box) == servers
    assert after.descriptors <= before.descriptors
    assert after.server_descriptors <= before.server_descriptors
    assert after.children <= box.parallel
    assert after.server_kb <= before.server_kb + 2_000
    assert after.mine_kb <= before.mine_kb + 8_000
    assert statuses["ok"] > 0.9 * count
    sandbox.shutdown()
    print(f"{count:,} programs: {dict(statuses)}\nbefore {before}\nafter  {after}")


def pids(box: Sandbox) -> list[int]:
    """Process ids of the servers behind a handle."""
    return [service.ready()[0].pid for service in box._station.services()]


def in_a_process_of_its_own(count: int) -> None:
    """What other tests left in this process, models above all, would drown what the sandbox holds."""
    done = subprocess.run([sys.executable, __file__, str(count)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_short_soak() -> None:
    in_a_process_of_its_own(400)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_thousand_programs() -> None:
    in_a_process_of_its_own(20_000)


if __name__ == "__main__":
    soak(int(sys.argv[1]))
