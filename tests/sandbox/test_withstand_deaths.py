"""Nothing survives the death of the supervisor or of its server, however sudden and whatever the programs do then."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import withstand_scenes

STUBBORN = [
    "while True: pass",
    "import time\nwhile True: time.sleep(1000)",
    "10 ** 10 ** 10",
    "import signal, time\nfor number in set(signal.Signals) - {9, 19}: signal.signal(number, signal.SIG_IGN)\n"
    "while True: time.sleep(1)",
    "import ctypes, time\nctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\ntime.sleep(1000)",
    "import threading, time\nfor _ in range(4): threading.Thread(target=time.sleep, args=(1000,)).start()\n"
    "time.sleep(1000)",
    "while True: print('x', flush=True)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
]


def play(scene: str, level: str, programs: list[str]) -> dict[str, Any]:
    root = Path(withstand_scenes.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, withstand_scenes.__file__, scene, level, json.dumps(programs)],
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'tests' / 'support'}"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    if "unavailable" in seen:
        pytest.skip(seen["unavailable"])
    return seen


@pytest.mark.parametrize("level", ["standard", "strict"])
@pytest.mark.parametrize("programs", [STUBBORN[:4], STUBBORN[4:]], ids=["first", "second"])
def test_nothing_survives_its_supervisor(level: str, programs: list[str]) -> None:
    seen = play("caller_dies", level, programs)
    assert seen["running"] == len(programs) + 2
    assert seen["before"] >= 3 + seen["running"]
    assert seen["survivors"] == {}


@pytest.mark.parametrize("level", ["standard", "strict"])
def test_nothing_survives_its_server_and_every_program_gets_another(level: str) -> None:
    seen = play("server_dies", level, [STUBBORN[0], STUBBORN[1], STUBBORN[4], "import time\ntime.sleep(1)\nans = 3"])
    assert seen["before"] >= 5
    assert seen["survivors"] == {}
    assert seen["statuses"] == ["timeout", "timeout", "timeout", "ok"]
    assert seen["again"] == 2
    assert (seen["processes"], seen["descriptors"]) == (0, 0)
