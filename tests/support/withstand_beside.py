"""What programs leave to those after and beside them, and to their caller: played as one user, told in a line of JSON.

The plan comes on standard input: the level, and whether to live as in default Docker.
"""

import ctypes
import fcntl
import json
import os
import re
import sys
import threading
from typing import Any, Literal

from withstand_worker import live_as_in_docker, say

import sandbox
from sandbox import Limits, Sandbox

LIMITS = Limits(wall_s=60, cpu_s=60, memory_bytes=2**28)

SPOIL = """
import fcntl, os
fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)
ans = fcntl.fcntl(0, fcntl.F_GETFL)
"""
LOOK = "import fcntl, os\nans = fcntl.fcntl(0, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_APPEND)"
LOCK = """
import fcntl, time
ans = "done"
try: fcntl.flock(0, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError as error: ans = error.strerror
print("locked", flush=True)
"""
PRIMES = """
import sympy, sympy.core.random as generators
ans = sympy.randprime(1, 10**15), generators.rng.random(), generators._assumptions_rng.random()
"""
QUEUE = """
import os, signal, time
numbers = range(signal.SIGRTMIN, signal.SIGRTMAX)
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
for _ in range(3000):
    for number in numbers: os.kill(os.getpid(), number)
time.sleep(1)
ans = 1
"""
POOL = """
import time
from concurrent.futures import ThreadPoolExecutor
def slow(x):
    time.sleep(0.05)
    return x * x
with ThreadPoolExecutor(16) as pool: ans = sum(pool.map(slow, range(64)))
"""
BOMB = """
import threading, time
threading.stack_size(32768)
end = time.monotonic() + 3
while time.monotonic() < end:
    try: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    except (RuntimeError, MemoryError): time.sleep(0.001)
ans = 1
"""


def stdin_is_its_own(box: Sandbox) -> dict[str, Any]:
    """What one program does to its standard input, the next does not see."""
    return {"spoilt": box.run(SPOIL).value, "seen": [box.run(LOOK).value for _ in range(3)]}


def no_lock_is_left(box: Sandbox) -> dict[str, Any]:
    """What is said of a lock on standard input, and whether this process can have it afterwards."""
    tried = box.run(LOCK).value
    with open(os.devnull, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    return {"tried": tried}


def generators_differ(box: Sandbox) -> dict[str, Any]:
    """What SymPy's own generators give in each of some programs."""
    return {"drawn": [outcome.value for outcome in box.map([PRIMES] * 8)]}


def queued_signals(box: Sandbox) -> dict[str, Any]:
    """Most signals that this user has queued while programs queue some, and the timers that it can make then."""
    most, timers, done = 0, 0, threading.Event()
    create = ctypes.CDLL(None, use_errno=True).timer_create
    running = threading.Thread(target=lambda: (box.map([QUEUE] * 4), done.set()))
    running.start()
    while not done.wait(0.01):
        with open("/proc/self/status", encoding="ascii") as file:
            most = max(most, int(re.findall(r"SigQ:\s+(\d+)/", file.read())[0]))
        made = ctypes.c_void_p()
        timers += create(1, None, ctypes.byref(made)) == 0 if timers < 20 else 0
    running.join()
    return {"most": most, "timers": timers}


def pools_beside_bombs(level: Literal["standard", "strict"]) -> dict[str, Any]:
    """What becomes of 40 honest programs with threads, and of 10 beside them that take all threads there are."""
    box = Sandbox(level=level, preload=(), parallel=50, limits=LIMITS)
    outcomes = box.map([BOMB if index % 5 == 0 else POOL for index in range(50)])
    honest = [outcome for index, outcome in enumerate(outcomes) if index % 5]
    return {
        "honest": sorted({str(outcome.status) for outcome in honest}),
        "values": sorted({outcome.value or 0 for outcome in honest}),
        "errors": [outcome.error for outcome in honest if outcome.error][:3],
        "hostile": sorted({str(outcome.status) for outcome in outcomes[::5]}),
    }


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    if plan["docker"]:
        live_as_in_docker()
    box = Sandbox(level=plan["level"], parallel=4, limits=LIMITS)
    try:
        box.run("ans = 1")
    except sandbox.LevelError as error:
        say(unavailable=str(error))
        return
    seen = {
        scene.__name__: scene(box) for scene in (stdin_is_its_own, no_lock_is_left, generators_differ, queued_signals)
    }
    say(**seen, pools_beside_bombs=pools_beside_bombs(plan["level"]))


if __name__ == "__main__":
    main()
