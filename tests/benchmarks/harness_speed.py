"""What the harness costs by itself: a scripted backend answers at once, so that all time is ours.

    python tests/benchmarks/harness_speed.py [--problems 1319] [--large 200000]

Peers on the same job, for comparison: inspect_ai 16–17 ms a sample, lm-eval 20 ms a document.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import evals
from evals.item import Item
from evals.run import Run, load_run
from evals.task import Task
from reasoning.backends.scripted import Scripted
from reasoning.request import Request
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency
from strategies.strategy import Strategy

QUESTION = (
    "Weng earns ${} an hour for babysitting. Yesterday, she just did 50 minutes of babysitting. She then bought a "
    "present for a friend who has {} brothers, and gave each of them a tenth of what was left. How much did she earn?"
)
THOUGHT = "Weng earns 12/60 = 0.2 a minute. Working {} minutes, she earned 0.2 x 50 = 10. The answer is {}."


class Made(Sequence[Item]):
    """Any number of items, made when they are asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Item:  # type: ignore[override]
        if not 0 <= index < self._count:
            raise IndexError(index)
        return Item.of(f"item-{index}", QUESTION.format(index, index), "10")

    def __iter__(self) -> Iterator[Item]:
        return (self[index] for index in range(self._count))


def says(request: Request, index: int) -> str:
    """A text of its own for each draw; every third answer is wrong."""
    return THOUGHT.format(index, 10 + (index % 3 == 2))


def made(count: int) -> Task:
    """A task of so many items, surveyed, so that the run's time alone is measured."""
    kind = Item.of("", "?", "1").problem.kind
    task = Task(name="made", kind=kind, load=lambda: Made(count), shots="word-problems")
    assert task.fingerprint
    return task


def overhead(task: Task, strategy: Strategy, out: Path) -> tuple[Run, float, float]:
    """The run, with wall-clock and processor seconds."""
    backend = Scripted(says)
    backend.calls = deque(maxlen=0)  # type: ignore[assignment]  # its own record of requests is no cost of ours
    wall, cpu = time.perf_counter(), time.process_time()
    run = evals.evaluate(task, strategy, backend, out=out)
    return run, time.perf_counter() - wall, time.process_time() - cpu


def texts_bytes(run: Run) -> tuple[int, int]:
    """The bytes of all distinct texts of each problem, prompts included, and the number of paths."""
    held = paths = 0
    for result in run.results:
        texts = {result.problem.question}
        for path in result.paths:
            paths += 1
            for completion in path.completions:
                texts.add(completion.text)
                request = completion.request
                if request is not None:
                    texts |= {request.prompt} if request.prompt is not None else {m.content for m in request.messages}
        held += sum(len(text.encode()) for text in texts)
    return held, paths


def resident_mb(which: str) -> float:
    """VmRSS or VmHWM of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    raise LookupError(which)


def report(name: str, strategy: Strategy, count: int, folder: Path) -> None:
    """Runs one job and prints what it cost."""
    task = made(count)
    run, wall, cpu = overhead(task, strategy, folder / name)
    resident = resident_mb("VmHWM")
    assert run.folder is not None
    log = (run.folder / "results.jsonl").stat().st_size
    started = time.perf_counter()
    load_run(run.folder)
    loaded = time.perf_counter() - started
    held, paths = texts_bytes(run)
    allowed = 1.3 * held + 120 * paths
    figures = {
        "problems": count,
        "paths": paths,
        "ms a problem": wall / count * 1000,
        "processor ms a problem": cpu / count * 1000,
        "processor ms a path": cpu / paths * 1000,
        "resident MB after the run": resident,
        "log MB": log / 1e6,
        "log as a share of its texts": log / held,
        "log as a share of what is allowed": log / allowed,
        "loaded in s": loaded,
    }
    print(name, json.dumps({key: round(value, 3) for key, value in figures.items()}), flush=True)


def alone(name: str, count: int) -> None:
    """Runs one job in a process of its own, so that its memory is its own."""
    subprocess.run([sys.executable, __file__, "--job", name, "--problems", str(count)], check=True)


def median_seconds(*arguments: str) -> float:
    """The median wall-clock time of a command line."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def once() -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "evals.cli.main", *arguments], check=True, capture_output=True, env=environment
        )
        return time.perf_counter() - started

    once()
    return statistics.median(once() for _ in range(9))


JOBS: dict[str, Callable[[], Strategy]] = {
    "chain of thought": lambda: ChainOfThought(),
    "direct, no exemplars": lambda: Direct(shots=None),
    "self-consistency over 64": lambda: SelfConsistency(of=ChainOfThought(), samples=64),
}


def main() -> None:
    """Prints every figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", type=int, default=1319)
    parser.add_argument("--large", type=int, default=200_000)
    parser.add_argument("--job", choices=JOBS)
    given = parser.parse_args()
    if given.job:
        with tempfile.TemporaryDirectory() as folder:
            report(given.job, JOBS[given.job](), given.problems, Path(folder))
        return
    for name in JOBS:
        alone(name, given.problems)
    alone("direct, no exemplars", given.large)
    seconds = {"--help": median_seconds("--help"), "list tasks": median_seconds("list", "tasks")}
    print(json.dumps({f"reasoning {command}, median s": round(value, 3) for command, value in seconds.items()}))


if __name__ == "__main__":
    main()
