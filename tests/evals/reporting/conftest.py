"""Runs to report on: two strategies on the same problems, some of whose texts are hostile."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_sums import says, says_otherwise, sums
from solving import scripted

import evals
from evals.item import Item
from evals.run import Run
from evals.task import Task
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A vote over five samples, a single path beside it, and one of another task."""
    out = tmp_path_factory.mktemp("runs")
    vote = SelfConsistency(of=ChainOfThought(shots=None), samples=5)
    other = Task.of("other", [Item.of("only", "What is 2 + 2?", "4")])
    return [
        evals.evaluate(sums(), vote, scripted(says), out=out),
        evals.evaluate(sums(), Direct(shots=None), scripted(says_otherwise), out=out, name="<i>second</i>"),
        evals.evaluate(other, Direct(shots=None), scripted(says), out=out),
    ]


@pytest.fixture(scope="session")
def page(runs: list[Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their report."""
    return evals.report(runs, tmp_path_factory.mktemp("report") / "report.html").file


@pytest.fixture
def run_of() -> Callable[..., Run]:
    """Makes a run in memory that says the same to everything."""

    def made(text: str, *, question: str = "How many?", samples: int = 1) -> Run:
        strategy = SelfConsistency(of=Direct(), samples=samples) if samples > 1 else Direct()
        task = Task.of("one", [Item.of("one", question, "7")])
        return evals.evaluate(task, strategy, scripted(lambda request, index: text), out=None)

    return made
