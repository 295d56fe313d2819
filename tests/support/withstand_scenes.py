"""Sudden deaths, each played in a process of its own, which says in a line of JSON what it saw.

python withstand_scenes.py SCENE LEVEL PROGRAMS-AS-JSON
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from withstand_worker import adopt_orphans, descendants

import sandbox
from sandbox.files import Cabinet

PATIENCE_S = 15.0
LIMITS = {"cpu_s": 600, "output_bytes": 2**28}


def start(level: str, wall_s: float) -> sandbox.Sandbox:
    """A sandbox whose server runs."""
    limits = sandbox.Limits(wall_s=wall_s, **LIMITS)
    try:
        box = sandbox.Sandbox(level=level, preload=(), parallel=4, limits=limits)
        assert box.run("ans = 1").value == 1
    except sandbox.LevelError as error:
        print(json.dumps({"unavailable": str(error)}), flush=True)
        sys.exit(0)
    return box


def run_forever(level: str, programs: list[str]) -> None:
    """Be a caller with all programs under way, and sessions that stand still between two programs, and say so."""
    box = start(level, wall_s=600)
    sessions = [box.session(files=files) for files in (None, {"note": "given"})]
    assert all(session.run("import threading\nthreading.Event()").ok for session in sessions)
    for program in programs:
        threading.Thread(target=box.run, args=(program,), daemon=True).start()
    time.sleep(0.5)
    print(json.dumps({"running": len(programs) + len(sessions)}), flush=True)
    time.sleep(600)


def caller_dies(level: str, programs: list[str]) -> dict[str, Any]:
    """Kill a caller in the midst of its programs; what lost its parent thereby comes to this process."""
    adopt_orphans()
    command = [sys.executable, __file__, "run_forever", level, json.dumps(programs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        said: dict[str, Any] = json.loads(caller.stdout.readline())
        if "unavailable" in said:
            return said
        before = len(descendants(os.getpid()))
        caller.kill()
        caller.wait()
    survivors = wait_until(lambda: descendants(os.getpid()), lambda found: not found)
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    cabinet = Cabinet()  # whoever lays out files next removes those of the caller
    cabinet.lay_out({})
    cabinet.end()
    return {"running": said["running"], "before": before, "survivors": survivors}


def server_dies(level: str, programs: list[str]) -> dict[str, Any]:
    """Kill the server in the midst of its programs, and go on."""
    adopt_orphans()
    box = start(level, wall_s=2)
    time.sleep(0.3)
    processes, descriptors = len(descendants(os.getpid())), len(os.listdir("/proc/self/fd"))
    outcomes: dict[int, sandbox.Outcome] = {}

    def run(index: int) -> None:
        outcomes[index] = box.run(programs[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(programs))]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    old = descendants(os.getpid())
    servers = [pid for pid in old if parent(pid) == os.getpid()]  # before the first dies and takes others with it
    for pid in servers:
        os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    again = box.run("ans = 2")
    now = wait_until(
        lambda: descendants(os.getpid()), lambda found: len(found) == processes and not found.keys() & old.keys()
    )
    return {
        "before": len(old),
        "statuses": [outcomes[index].status for index in range(len(programs))],
        "again": again.value,
        "survivors": {pid: state for pid, state in now.items() if pid in old},
        "processes": len(now) - processes,
        "descriptors": len(os.listdir("/proc/self/fd")) - descriptors,
    }


def parent(pid: int) -> int:
    """Process id of the parent; 0 where the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def wait_until(look: Callable[[], dict[int, str]], content: Callable[[dict[int, str]], bool]) -> dict[int, str]:
    """Look, and bury dead orphans, until content or out of patience; what was seen last."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        seen = look()
        if content(seen) or time.monotonic() > deadline:
            return seen
        for pid, state in seen.items():
            if state == "Z":
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(0.01)


if __name__ == "__main__":
    scenes = {"run_forever": run_forever, "caller_dies": caller_dies, "server_dies": server_dies}
    seen = scenes[sys.argv[1]](sys.argv[2], json.loads(sys.argv[3]))
    print(json.dumps(seen), flush=True)
