"""Many problems at once: the first is done early, the backend never idles, and progress is told from the first draw."""

import asyncio
from typing import Any

import pytest
import virtual_time

import reasoning
from reasoning.backends.backend import Capabilities
from reasoning.backends.opened import OpenedBackend
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.path import Path
from strategies.scope import draw
from strategies.self_consistency import SelfConsistency
from strategies.strategy import PathStrategy, Strategy

PROBLEMS, SAMPLES, STEPS, SLOTS = 60, 5, 2, 8
DRAW_S = 1.0


class Steps(PathStrategy):
    """Two calls, one after the other."""

    sampling: Sampling = Sampling(temperature=0.7, max_tokens=8)

    async def path(self, problem: Problem, backend: Any, index: int) -> Path:
        done = []
        for step in range(STEPS):
            request = Request(prompt=f"{problem.question} Step {step}.", sampling=self.sampling)
            done.append(await draw(backend, request, index))
        return Path.read(problem, index, tuple(done))


def opened(**more: Any) -> OpenedBackend:
    able = Capabilities(text=True, seed=True, max_samples=1, concurrency=SLOTS)
    return reasoning.open_backend("scripted/constant", latency_s=DRAW_S, capabilities=able, **more)


async def solved(strategy: Strategy, backend: OpenedBackend, problems: int = PROBLEMS) -> list[tuple[str, float]]:
    """Each result's problem and the time at which it came."""
    clock = asyncio.get_running_loop().time
    asked = [Problem(id=str(n), question=f"What is {n} + 1?", kind="number") for n in range(problems)]
    stream = strategy.asolve_stream(asked, backend)
    return [(result.problem.id, clock()) async for result in stream]


@pytest.mark.parametrize("strategy", [SelfConsistency(of=Steps(), samples=SAMPLES), Steps()], ids=["vote", "one path"])
def test_the_first_result_comes_early_and_no_slot_idles(strategy: Strategy) -> None:
    async def body() -> list[tuple[str, float]]:
        async with opened() as backend:
            return await solved(strategy, backend)

    came = virtual_time.run(body())
    assert came[0][1] <= 2 * STEPS * DRAW_S
    draws = PROBLEMS * STEPS * strategy.width
    assert came[-1][1] <= draws / SLOTS * DRAW_S + STEPS * DRAW_S
    order = [int(name) for name, _ in came]
    assert all(abs(place - number) <= SLOTS for place, number in enumerate(order))


def test_a_problem_begins_only_where_a_slot_would_idle() -> None:
    begun: list[str] = []

    async def body() -> None:
        async with opened() as backend:
            stream = SelfConsistency(of=Steps(), samples=SAMPLES).asolve_stream(
                (begun.append(str(n)) or f"What is {n} + 1?" for n in range(PROBLEMS)), backend
            )
            await anext(stream)
            await stream.aclose()

    virtual_time.run(body())
    assert len(begun) <= 4  # eight slots, five draws a problem


def test_two_streams_share_a_backend() -> None:
    """Neither waits for the end of the other."""

    async def body() -> tuple[Any, Any]:
        async with opened() as backend:
            return await asyncio.gather(solved(Steps(), backend, 20), solved(Steps(), backend, 20))

    one, other = virtual_time.run(body())
    assert one[0][1] <= 3 * STEPS * DRAW_S
    assert other[0][1] <= 3 * STEPS * DRAW_S


def test_a_stream_that_is_left_leaves_nothing_behind() -> None:
    async def body() -> None:
        async with opened() as backend:
            stream = Steps().asolve_stream((f"What is {n} + 1?" for n in range(20)), backend)
            await anext(stream)
            await stream.aclose()
            assert len(asyncio.all_tasks()) == 1

    virtual_time.run(body())
