"""The handle: run, map, arun, from threads and loops; what a program sees and what comes back."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

import sandbox
from sandbox import LimitError, Limits, Outcome, PreloadError, Sandbox, SandboxError, Status


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(preload=()) as handle:
        yield handle


def test_run_answers_with_a_name(box: Sandbox) -> None:
    outcome = box.run("a = 2\nans = a + 2", returns="ans")
    assert (outcome.status, outcome.value, outcome.error, outcome.hint) == (Status.OK, 4, None, None)
    assert outcome.isolation.level == "standard"
    assert 0 < outcome.wall_s < 5


def test_run_answers_with_a_call(box: Sandbox) -> None:
    assert box.run("def solution():\n    return 7", returns="solution()").value == 7


def test_run_answers_with_nothing_when_asked_for_nothing(box: Sandbox) -> None:
    outcome = box.run("print('hello')", returns="")
    assert (outcome.status, outcome.value, outcome.stdout) == (Status.OK, None, "hello\n")


@pytest.mark.parametrize("returns", ["a.b", "f(1)", "1", "import os", "a b", "__import__('os')"])
def test_returns_is_a_name_or_a_call_without_arguments(box: Sandbox, returns: str) -> None:
    with pytest.raises(SandboxError, match="must be a name"):
        box.run("ans = 1", returns=returns)


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nans = f(20)", 2432902008176640000),
        ("k = 3\nans = [k * i for i in range(3)]", [0, 3, 6]),
        ("def helper(x):\n    return x + 1\ndef solution():\n    return helper(1)\nans = solution()", 2),
        ("if __name__ == '__main__':\n    ans = 'script'", "script"),
        ("import sys\nans = sys.modules['__main__'].__name__", "__main__"),
        ("class A:\n    x = 5\nans = A().x", 5),
        ("from fractions import Fraction\nans = Fraction(1, 3)", Fraction(1, 3)),
        ("import random\nrandom.seed(1)\nans = random.random()", 0.13436424411240122),
        ("from __future__ import annotations\nans = 1", 1),
    ],
)
def test_programs_run_as_scripts(box: Sandbox, program: str, value: object) -> None:
    assert box.run(program).value == value


def test_a_traceback_shows_the_programs_own_lines_and_none_of_ours(box: Sandbox) -> None:
    outcome = box.run("def half(x):\n    return x / 0\n\nans = half(3)")
    assert outcome.status is Status.ERROR
    assert outcome.error is not None
    assert outcome.error.startswith('Traceback (most recent call last):\n  File "<program>", line 4, in <module>\n')
    assert "return x / 0" in outcome.error
    assert outcome.error.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "sandbox/" not in outcome.error


def test_a_syntax_error_names_its_line(box: Sandbox) -> None:
    outcome = box.run("x = 1\nans = (1 +\n")
    assert outcome.status is Status.ERROR
    assert "line 2" in (outcome.error or "")


def test_nothing_of_one_program_reaches_the_next(box: Sandbox) -> None:
    box.run("ans = 1\nimport builtins\nbuiltins.leak = 1\nimport math\nmath.leak = 2")
    outcome = box.run("import math\nans = [hasattr(__builtins__, 'leak'), hasattr(math, 'leak')]")
    assert outcome.value == [False, False]
    assert box.run("pass").status is Status.NO_RESULT


def test_no_two_programs_draw_the_same_random_numbers(box: Sandbox) -> None:
    outcomes = box.map(["import random\nans = random.random()"] * 8)
    assert len({outcome.value for outcome in outcomes}) == 8


def test_map_keeps_the_order(box: Sandbox) -> None:
    programs = [f"import time\ntime.sleep({0.02 * (index % 3)})\nans = {index}" for index in range(20)]
    assert [outcome.value for outcome in box.map(programs)] == list(range(20))
    assert box.map([]) == []


def test_as_many_programs_run_at_once_as_were_asked_for() -> None:
    many = Sandbox(preload=(), parallel=6 * (os.cpu_count() or 1))
    most = 0

    async def watched() -> None:
        nonlocal most
        tasks = [asyncio.create_task(many.arun("import time\ntime.sleep(20)")) for _ in range(many.parallel)]
        until = time.monotonic() + 30
        while most < many.parallel and time.monotonic() < until:
            await asyncio.sleep(0.02)
            most = max(most, len(many._station.ready()[0].leases))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    many.warm().result()
    asyncio.run(watched())
    assert most == many.parallel


def test_map_calls_off_what_runs_when_its_programs_end_in_an_error() -> None:
    def programs() -> Iterator[str]:
        yield "while True: pass"
        while not alone._station.ready()[0].leases:
            time.sleep(0.01)
        raise LookupError("no more")

    alone = Sandbox(preload=(), parallel=1)
    alone.warm().result()
    begun = time.monotonic()
    with pytest.raises(LookupError):
        alone.map(programs(), limits=Limits(wall_s=60, cpu_s=60))
    assert alone.run("ans = 1").value == 1
    assert time.monotonic() - begun < 30


def test_a_process_that_an_unsafe_program_leaves_behind_holds_nobody_up() -> None:
    alone = Sandbox(preload=(), level="unsafe")
    begun = time.monotonic()
    outcome = alone.run(
        "import os, time\nans = os.fork()\nif not ans:\n    time.sleep(60)\n    os._exit(0)\nprint('out')"
    )
    try:
        assert (outcome.status, outcome.stdout) == (Status.OK, "out\n")
        assert time.monotonic() - begun < 30
    finally:
        os.kill(outcome.value, signal.SIGKILL)


def test_arun_from_many_loops_in_many_threads(box: Sandbox) -> None:
    found: list[int] = []

    async def several(start: int) -> list[Outcome]:
        return await asyncio.gather(*(box.arun(f"ans = {start + index}") for index in range(5)))

    def loop(start: int) -> None:
        found.extend(outcome.value for outcome in asyncio.run(several(start)))

    threads = [threading.Thread(target=loop, args=(10 * index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(10 * index + step for index in range(6) for step in range(5))


def test_cancelling_arun_kills_the_program(box: Sandbox) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(box.arun("while True: pass", limits=Limits(wall_s=60, cpu_s=60)))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    outcomes = box.map(["import time\ntime.sleep(0.2)\nans = 1"] * (2 * box.parallel), limits=Limits(wall_s=10))
    assert all(outcome.ok for outcome in outcomes)  # every slot is free again


def test_a_limit_out_of_range_is_named_with_its_range() -> None:
    with pytest.raises(LimitError, match=r"wall_s is 0, which is not between 0\.01 and 3,600 seconds"):
        Limits(wall_s=0)
    with pytest.raises(LimitError, match="memory_bytes is 5, which is not between 16,777,216"):
        Limits(memory_bytes=5)
    with pytest.raises(LimitError, match="no limit 'walls'; known: wall_s, cpu_s"):
        Limits(walls=1)  # type: ignore[call-arg]
    with pytest.raises(LimitError, match="cpu_s is nan"):
        Limits(cpu_s=float("nan"))


def test_a_preload_that_does_not_import_is_named_before_any_program_runs() -> None:
    with pytest.raises(PreloadError, match="no_such_module"):
        Sandbox(preload=("no_such_module",)).run("ans = 1")
    with pytest.raises(PreloadError, match="no_such_module"):
        Sandbox(preload=("no_such_module",)).warm().result(60)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(sandbox.LevelError, match="no sandbox level 'paranoid'; there are strict, standard"):
        Sandbox(level="paranoid")  # type: ignore[arg-type]


def test_the_default_preload_is_what_is_installed() -> None:
    handle = Sandbox()
    assert set(handle.preload) <= {"numpy", "sympy"}
    for name in handle.preload:
        outcome = handle.run(f"import sys\nans = {name!r} in sys.modules")
        assert outcome.value is True


def test_a_preload_that_is_built_into_python_opens_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Sandbox(preload=("itertools", "os"))._profile.search == ()
