"""A run killed, interrupted or run eightfold loses nothing that was paid for, and buys next to nothing twice."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import buy_draws
import pytest
from fault_client import FaultServer

from reasoning.store import checking, upkeep

SCRIPT = Path(buy_draws.__file__)
DRAWS = buy_draws.PROMPTS * buy_draws.SAMPLES
IN_FLIGHT = buy_draws.CONCURRENCY * buy_draws.IN_ONE_CALL


def start(server: FaultServer, store: Path, out: Path, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(SCRIPT), server.base_url, str(store), str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]", out: Path) -> dict[str, Any]:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    result: dict[str, Any] = json.loads(out.read_text())
    return result


def until_drawing(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "drawing\n", process.communicate()[1]


def sold_by(server: FaultServer, process: "subprocess.Popen[str]", draws: int) -> None:
    """Waits until so many draws are sold, or the process has ended."""
    deadline = time.monotonic() + 60
    while server.stats()["sold"] < draws and process.poll() is None:
        assert time.monotonic() < deadline, server.stats()
        time.sleep(0.002)


def held(store: Path) -> int:
    """Draws in the store; none where a kill came before it was made."""
    return upkeep.stats(store).draws if store.exists() and store.stat().st_size else 0


def settled(server: FaultServer) -> int:
    """Draws that are sold, once the server has dealt with all that was sent to it."""
    deadline = time.monotonic() + 60
    while server.stats()["in_flight"]:
        assert time.monotonic() < deadline, server.stats()
        time.sleep(0.002)
    sold: int = server.stats()["sold"]
    return sold


def kill_and_resume(server: FaultServer, folder: Path, kills: int, prompts: int) -> None:
    """A session sells several times as many draws as can be in flight: a store that wrote late would be found out."""
    wanted, more = prompts * buy_draws.SAMPLES, ("--prompts", str(prompts))
    server.configure(latency_s=0.03)
    calm = folder / "undisturbed.json"
    expected = finished(start(server, folder / "undisturbed.sqlite", calm, *more), calm)["draws"]
    assert len(expected) == wanted
    server.configure(latency_s=0.03)
    store, out, dice = folder / "draws.sqlite", folder / "killed.json", random.Random(kills)
    stored = wasted = 0
    for n in range(kills):
        process = start(server, store, out, *more)
        if n % 4 == 3:
            time.sleep(dice.uniform(0, 1.0))  # while it starts: imports, opening, making the store
        else:
            until_drawing(process)
            sold_by(server, process, server.stats()["sold"] + dice.randint(1, 2 * wanted // kills))
            time.sleep(dice.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)
        before, stored = stored, held(store)
        assert stored >= before, "stored draws are gone"
        wasted = settled(server) - stored  # some draws that were in flight have landed, and wait for the disk
    result = finished(start(server, store, out, *more), out)
    assert result["draws"] == expected
    stats = server.stats()
    assert stats["sold"] - stats["sold_again"] == wanted
    assert stats["sold_again"] == wasted, "what was stored was bought again"
    assert wasted <= kills * IN_FLIGHT
    found = checking.verify(store)
    assert found.clean, found.problems
    assert found.draws == wanted
    print(f"{kills} kills, {wasted} of {wanted} draws bought twice, {kills * IN_FLIGHT} could be in flight")
    again = finished(start(server, store, out, *more), out)
    assert again["draws"] == expected
    assert again["paid"]["draws"] == again["paid"]["calls"] == 0
    assert server.stats()["sold"] == stats["sold"]


def test_a_run_killed_three_times_loses_nothing(fault_server: FaultServer, tmp_path: Path) -> None:
    kill_and_resume(fault_server, tmp_path, 3, prompts=40)


@pytest.mark.slow
def test_a_run_killed_twenty_times_loses_nothing(fault_server: FaultServer, tmp_path: Path) -> None:
    kill_and_resume(fault_server, tmp_path, 20, prompts=200)


@pytest.mark.parametrize("door", ["async", "sync"])
def test_an_interrupt_ends_it_within_two_seconds_and_keeps_what_came_back(
    fault_server: FaultServer, tmp_path: Path, door: str
) -> None:
    """One call in ten never ends; the others have come back long before the interrupt."""
    fault_server.configure(latency_s=0.01, faults=[{"kind": "hang", "match": "Question 7:"}])
    store, out = tmp_path / "draws.sqlite", tmp_path / "out.json"
    process = start(fault_server, store, out, "--door", door)
    until_drawing(process)
    sold_by(fault_server, process, DRAWS - buy_draws.SAMPLES)
    time.sleep(0.3)
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - interrupted < 2
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert not out.exists()
    assert upkeep.stats(store).draws == DRAWS - buy_draws.SAMPLES
    assert checking.verify(store).clean
    fault_server.configure()
    assert finished(start(fault_server, store, out), out)["paid"]["draws"] == buy_draws.SAMPLES


@pytest.mark.parametrize("processes", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_processes_share_one_store(fault_server: FaultServer, tmp_path: Path, processes: int) -> None:
    fault_server.configure(latency_s=0.03)
    store = tmp_path / "draws.sqlite"
    outs = [tmp_path / f"{n}.json" for n in range(processes)]
    started = [start(fault_server, store, out) for out in outs]
    results = [finished(process, out) for process, out in zip(started, outs, strict=True)]
    assert all(result["draws"] == results[0]["draws"] for result in results)
    stats = fault_server.stats()
    assert stats["sold"] == sum(result["paid"]["draws"] for result in results)
    assert stats["sold_again"] == sum(result["paid"]["doubles"] for result in results) == 0
    found = checking.verify(store)
    assert found.clean, found.problems
    assert found.draws == DRAWS
    assert len([result for result in results if result["paid"]["draws"]]) > 1, "one process did it all"
