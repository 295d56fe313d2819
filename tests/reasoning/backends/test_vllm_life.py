"""The processes that a vLLM engine leaves behind: none, however its parent ends. Small stand-ins, no engine."""

import os
import signal
import subprocess
import sys
import time

import pytest

from reasoning.backends.vllm.processes import born, family, peak_memory, wait_gone

PARENT = """
import subprocess, sys, time
from reasoning.backends.vllm.lifeline import Lifeline
child = subprocess.Popen([sys.executable, "-c", {child!r}])
lifeline = Lifeline()
lifeline.hold(child.pid)
print(child.pid, lifeline._watcher.pid, flush=True)
time.sleep(1 if {ends} else 600)
lifeline.cut()
"""
SLEEPS = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def parent(child: str, *, ends: bool = False) -> tuple[subprocess.Popen[str], list[int]]:
    program = PARENT.format(child=child, ends=ends)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as said:
        return process, [int(pid) for pid in said.readline().split()]


def gone(pids: list[int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while any(born(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(born(pid) for pid in pids)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_is_held_ends_with_a_parent_that_is_killed(how: signal.Signals) -> None:
    process, pids = parent(SLEEPS)
    time.sleep(1)
    assert all(born(pid) for pid in pids)
    process.send_signal(how)
    process.wait()
    assert gone(pids, 30), "neither the child nor the watcher is left"


def test_all_that_is_held_at_once_ends() -> None:
    """Several lines reach the watcher together; none may wait for more, nor for an end that forked children keep."""
    program = """
import subprocess, sys, time
from reasoning.backends.vllm.lifeline import Lifeline
lifeline = Lifeline()
kept = (lifeline._watcher.stdin.fileno(),)
children = [subprocess.Popen([sys.executable, "-c", {sleeps!r}], pass_fds=kept) for _ in range(5)]
for child in children:
    lifeline.hold(child.pid)
print(*[child.pid for child in children], flush=True)
time.sleep(600)
"""
    command = [sys.executable, "-c", program.format(sleeps=SLEEPS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as said:
        pids = [int(pid) for pid in said.readline().split()]
    time.sleep(2)
    process.kill()
    process.wait()
    try:
        assert gone(pids, 15)
    finally:
        for pid in filter(born, pids):
            os.kill(pid, signal.SIGKILL)


def test_what_does_not_listen_is_killed() -> None:
    process, pids = parent(DEAF)
    time.sleep(1)
    process.kill()
    process.wait()
    assert gone(pids, 30)


def test_a_lifeline_that_is_cut_lets_go() -> None:
    process, (child, watcher) = parent(SLEEPS, ends=True)
    try:
        assert process.wait(30) == 0
        assert gone([watcher], 10)
        time.sleep(1)
        assert born(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_what_ends_just_before_it_is_killed_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", SLEEPS])
    kill = os.kill

    def late(pid: int, which: int) -> None:
        kill(pid, which)
        child.wait()
        kill(pid, which)

    monkeypatch.setattr(os, "kill", late)
    wait_gone(family([child.pid]), 0.0)
    assert born(child.pid) is None


def test_a_family_is_known_and_waited_for() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}])"
    process = subprocess.Popen([sys.executable, "-c", child])
    try:
        end = time.monotonic() + 30
        while len(found := family([process.pid])) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(found) == 2
        assert process.pid in found
        assert peak_memory(process.pid) > 1_000_000
    finally:
        wait_gone(family([process.pid]), 0.0)
        process.wait()
    assert gone(list(found), 10)
