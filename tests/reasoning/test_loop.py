"""The sync doors work from scripts, threads and notebooks; a backend may be used from any loop."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

import reasoning
from reasoning import loop
from reasoning.errors import ReasoningError
from reasoning.loop import TELL_AFTER_S
from reasoning.request import Request


async def _name() -> str:
    return threading.current_thread().name


def test_a_sync_door_runs_on_the_shared_loop() -> None:
    assert loop.run(_name()) == "reasoning-loop"


def test_a_sync_door_works_while_a_loop_runs_in_this_thread() -> None:
    async def notebook_cell() -> str:
        return loop.run(_name())

    assert asyncio.run(notebook_cell()) == "reasoning-loop"


def test_a_sync_door_works_from_many_threads() -> None:
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(loop.run(_name()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["reasoning-loop"] * 20


def test_a_sync_door_opened_from_the_shared_loop_is_refused_instead_of_hanging() -> None:
    async def inside() -> None:
        loop.run(_name())

    with pytest.raises(ReasoningError, match="await"):
        loop.run(inside())


def test_a_backend_opened_in_sync_code_serves_two_loops_one_after_the_other() -> None:
    backend = reasoning.open_backend("scripted/constant", text="hello")
    texts = [asyncio.run(backend.complete(Request(prompt="hi"), [0]))[0].text for _ in range(2)]
    assert texts == ["hello", "hello"]


def test_a_backend_whose_loop_is_closed_says_so() -> None:
    async def opened() -> reasoning.backends.opened.OpenedBackend:
        return reasoning.open_backend("scripted/constant")

    backend = asyncio.run(opened())
    with pytest.raises(ReasoningError, match="open the backend anew"):
        asyncio.run(backend.complete(Request(prompt="hi"), [0]))


def test_a_backend_whose_loop_is_at_rest_says_so_instead_of_waiting_for_ever() -> None:
    async def opened() -> reasoning.backends.opened.OpenedBackend:
        return reasoning.open_backend("scripted/constant")

    with asyncio.Runner() as runner:
        backend = runner.run(opened())
        with pytest.raises(ReasoningError, match="open the backend anew"):
            reasoning.Direct().solve("What is 9 + 9?", backend)
        assert runner.run(reasoning.Direct().asolve("What is 9 + 9?", backend)).answer == 18


def test_a_forked_child_gets_a_loop_of_its_own() -> None:
    loop.run(_name())
    script = (
        "import os, sys\n"
        "from reasoning import loop\n"
        "async def two(): return 2\n"
        "assert loop.run(two()) == 2\n"
        "child = os.fork()\n"
        "if child == 0: os._exit(loop.run(two()))\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=30).returncode == 2


@pytest.mark.parametrize("takes_s", [0.2, TELL_AFTER_S + 0.5])
def test_ctrl_c_cancels_the_work_and_waits_for_it_to_wind_down(takes_s: float) -> None:
    script = (
        "import asyncio, sys\n"
        "from reasoning import loop\n"
        "async def work():\n"
        "    print('started', flush=True)\n"
        "    try: await asyncio.sleep(60)\n"
        "    finally:\n"
        f"        await asyncio.sleep({takes_s})\n"
        "        print('wound down', flush=True)\n"
        "try: loop.run(work())\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert rest.split("\n")[:2] == ["wound down", "interrupted"]
    assert time.monotonic() - began < 2 + takes_s


def test_a_notebooks_sync_cells_share_a_backend_with_its_async_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel runs each cell on its loop, and a sync cell holds that loop up."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    strategy = reasoning.Direct()

    async def cells() -> list[object]:
        backend = reasoning.open_backend("scripted/constant")
        sync = strategy.solve("What is 9 + 9?", backend)
        awaited = await strategy.asolve("What is 9 + 9?", backend)
        backend.close()
        return [sync.answer, awaited.answer]

    assert asyncio.run(cells()) == [18, 18]


def test_a_sync_call_on_the_backends_own_loop_is_refused_instead_of_waiting_for_ever() -> None:
    async def main() -> None:
        async with reasoning.open_backend("scripted/constant") as backend:
            with pytest.raises(ReasoningError, match=r"await its a… twin"):
                reasoning.Direct().solve("What is 9 + 9?", backend)
            assert (await reasoning.Direct().asolve("What is 9 + 9?", backend)).answer == 18

    asyncio.run(main())
