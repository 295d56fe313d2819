"""Whatever a model writes, the event loop goes on: other problems' requests are sent, and their replies read."""

import asyncio
import threading

import pytest
from solving import scripted

from reasoning.answer import kind
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.worker import Worker
from strategies.strategy import STRATEGIES, Strategy

FEW = {
    "self-consistency": {"samples": 2},
    "best-of-n": {"samples": 2},
    "universal-self-consistency": {"samples": 2},
    "ensemble": {"members": ["chain-of-thought", "program-of-thought"], "samples": 2},
    "tree-of-thoughts": {"depth": 1, "breadth": 2, "proposals": 2},
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_loop_goes_on_while_a_formula_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def script(request: Request, index: int) -> str:
        formula = f"x^2 + {index}y + {list(STRATEGIES).index(name)}z"  # another one each time: keys are remembered
        return f"The answer is ${formula}$\n```python\nans = '{formula}'\n```\nScore: 9"

    def ask(*_: object) -> None:
        begun.set()
        assert go_on.wait(60), "the loop stood still while the worker was waited for"

    async def solved() -> None:
        problem = Problem(id="p", question="How many?", kind=kind("expression"))
        strategy = Strategy.of_config({name: FEW.get(name, {})})
        solving = asyncio.create_task(strategy.asolve(problem, scripted(script, style="text", prefill=True)))
        while not (begun.is_set() or solving.done()):
            await asyncio.sleep(0.001)
        assert begun.is_set(), "no formula was read"
        go_on.set()
        assert (await solving).error is None

    monkeypatch.setattr(Worker, "ask", ask)
    asyncio.run(solved())
