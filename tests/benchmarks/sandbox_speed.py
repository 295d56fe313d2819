"""How fast the sandbox runs programs, beside a fresh Python a program, in one run on one machine.

    python tests/benchmarks/sandbox_speed.py [--programs 400] [--json]

Medians; what is compared is measured in turns, so that other load on the machine falls on all alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import sandbox
from sandbox import Sandbox

TRIVIAL = "ans = 2 + 2"
IMPORTING = "import numpy, sympy\nans = 2 + 2"
INVERSE = "import numpy\nans = float(numpy.linalg.inv(numpy.arange(9.0).reshape(3, 3) + numpy.eye(3))[0, 0])"
SOLVE = "import sympy\nx = sympy.Symbol('x')\nans = max(sympy.solve(x**2 - 5*x + 6, x))"
TRIVIAL_ONLY = {"trivial": TRIVIAL}
WITH_PACKAGES = {"importing both": IMPORTING, "numpy inverse": INVERSE, "sympy.solve": SOLVE}
FRESH = {
    "fresh python -I": "print(2 + 2)",
    "fresh python -I, numpy": "import numpy\nprint(2 + 2)",
    "fresh python -I, sympy": "import sympy\nprint(2 + 2)",
    "fresh python -I, sympy.solve": SOLVE,
}


def seconds(deed: Callable[[], object]) -> float:
    begun = time.perf_counter()
    deed()
    return time.perf_counter() - begun


def fresh(code: str) -> None:
    subprocess.run([sys.executable, "-I", "-c", code], check=True, stdout=subprocess.DEVNULL)


def good(box: Sandbox, program: str) -> None:
    outcome = box.run(program)
    assert outcome.ok, outcome


def all_good(box: Sandbox, programs: list[str]) -> None:
    assert all(outcome.ok for outcome in box.map(programs))


def family(pid: int) -> list[int]:
    """A process and its children: at the level strict the server proper is a child of the process that was started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *map(int, file.read().split())]


def resident_kb(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def start(preload: tuple[str, ...], level: str) -> tuple[Sandbox, dict[str, Any]]:
    """A server started anew, thrice; the last one stays."""
    times = []
    for _ in range(3):
        sandbox.shutdown()
        box = Sandbox(preload=preload, level=level)  # type: ignore[arg-type]
        times.append(seconds(lambda box=box: box.warm().result()))
    pid = box._station.ready()[0].pid
    return box, {"start_s": min(times), "server_rss_mb": max(map(resident_kb, family(pid))) / 1024}


def time_profile(level: str, preload: tuple[str, ...], count: int) -> dict[str, Any]:
    """One at a time and in parallel, for one server."""
    box, found = start(preload, level)
    for kind, program in (TRIVIAL_ONLY | WITH_PACKAGES if preload else TRIVIAL_ONLY).items():
        times = [seconds(lambda: good(box, program)) for _ in range(count // 4)]  # noqa: B023 (called at once)
        rates = [count / 4 / seconds(lambda: all_good(box, [program] * (count // 4))) for _ in range(4)]  # noqa: B023
        found[f"run, {kind}, ms"] = 1000 * statistics.median(times)
        found[f"map, {kind}, a second"] = statistics.median(rates)
    return found | time_sessions(box, count)


def time_sessions(box: Sandbox, count: int) -> dict[str, float]:
    """A session of one program beside the same program alone, in turns, and the later programs of a session."""

    program = IMPORTING if box.preload else TRIVIAL

    def session_of_one() -> None:
        with box.session() as session:
            assert session.run(program, returns="ans").ok

    alone, opened = [], []
    for _ in range(count // 8):
        alone.append(seconds(lambda: good(box, program)))
        opened.append(seconds(session_of_one))
    with box.session(programs=count + 1) as session:
        session.run(program)
        later = [seconds(lambda: session.run("ans = 2 + 2", returns="ans")) for _ in range(count)]
    return {
        "session of one, times a run": statistics.median(opened) / statistics.median(alone),
        "later program of a session, ms": 1000 * statistics.median(later),
    }


def side_by_side() -> dict[str, float]:
    """Milliseconds a program, fresh processes and ours in turns."""
    sandbox.shutdown()
    box = Sandbox(preload=("numpy", "sympy"))
    good(box, IMPORTING)
    turns: dict[str, list[float]] = {name: [] for name in (*FRESH, "ours, one at a time", "ours, in parallel")}
    for _ in range(5):
        for name, code in FRESH.items():
            turns[name].append(seconds(lambda: fresh(code)))  # noqa: B023 (called at once)
        turns["ours, one at a time"].append(seconds(lambda: [good(box, IMPORTING) for _ in range(20)]) / 20)
        turns["ours, in parallel"].append(seconds(lambda: all_good(box, [IMPORTING] * 60)) / 60)
    return {name: 1000 * statistics.median(times) for name, times in turns.items()}


def measure(count: int, levels: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    for level in levels:
        for preload in ((), ("numpy", "sympy")):
            name = f"{level}, {' and '.join(preload) or 'bare'}"
            found[name] = time_profile(level, preload, count)
    sides = found["side by side, ms a program"] = side_by_side()
    fresh_sympy = sides["fresh python -I, sympy"]
    found["times faster than a fresh python with sympy"] = {
        turn: fresh_sympy / sides[f"ours, {turn}"] for turn in ("one at a time", "in parallel")
    }
    return found


def show(found: dict[str, Any], indent: str = "") -> None:
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, indent + "    ")
        else:
            print(f"{indent}{name:36} {value:10.2f}" if isinstance(value, float) else f"{indent}{name:36} {value:>10}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    levels = [level for level, problem in sandbox.doctor().levels.items() if problem is None and level != "unsafe"]
    result = measure(options.programs, levels)
    print(json.dumps(result, indent=2)) if options.json else show(result)
