"""How long it takes to work out, from one run, what ten strategies would have given at every number of samples.

    python tests/benchmarks/replay_speed.py [--problems 1319] [--draws 40] [--times 5]

The run is made by the real runner over a scripted backend whose answers are right with a chance that differs from
problem to problem. Timed are `evals.curves` over two votes × five stopping rules × all numbers of samples, from the
folder on the disk to the last interval, and `evals.replay` of one strategy.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path

import evals
from evals.item import Item
from evals.task import Task
from reasoning.backends.scripted import Scripted
from reasoning.completion import Completion, Logprobs
from reasoning.request import Request
from reasoning.usage import Usage
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive
from strategies.weighting import Likelihood

STOPS = ("fixed", "adaptive=0.95", "adaptive=0.8", "window=5", "token-limit=1000|adaptive=0.99")


def says(request: Request, index: int) -> Completion:
    """Right with a chance of the problem's own, else one of eight wrong answers; one draw in twenty has none."""
    question = request.messages[-1].content
    chance = random.Random(question).betavariate(2, 1)
    rng = random.Random(f"{question} {index}")
    answer = "none" if rng.random() < 0.05 else 1 if rng.random() < chance else rng.randrange(2, 10)
    tokens = rng.randrange(40, 200)
    return Completion(
        index=index,
        text=f"We reason for a while. The answer is {answer}.",
        usage=Usage(prompt_tokens=90, completion_tokens=tokens),
        cost=tokens / 1e6,
        logprobs=Logprobs(tokens=("a",), values=(-rng.random(),)),
    )


def drawn(problems: int, draws: int, folder: Path) -> Path:
    """The folder of a run with so many draws of so many problems."""
    task = Task.of("made", [Item.of(f"item-{n}", f"Question {n}?", "1") for n in range(problems)])
    backend = Scripted(says)
    backend.calls = deque(maxlen=0)  # type: ignore[assignment]  # its own record of requests is no cost of ours
    strategy = SelfConsistency(of=Direct(shots=None), samples=draws, vote=Likelihood())
    run = evals.evaluate(task, strategy, backend, out=folder)
    assert run.folder is not None
    return run.folder


def main() -> None:
    """Prints the median and every time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=1319)
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = drawn(given.problems, given.draws, Path(place))
        wall, cpu = [], []
        for _ in range(given.times):
            clock, processor = time.perf_counter(), time.process_time()
            found = evals.curves(folder, votes=("majority", "likelihood"), stops=STOPS)
            wall.append(time.perf_counter() - clock)
            cpu.append(time.process_time() - processor)
            assert len(found.points) == 10 * given.draws
        error = max(point.error for point in found.points)
        print(
            f"curves, {given.problems} × {given.draws} draws, 10 strategies × {given.draws} numbers of samples: "
            f"median {statistics.median(wall):.2f} s ({', '.join(f'{one:.2f}' for one in wall)}), processor "
            f"{statistics.median(cpu):.2f} s, largest Monte Carlo error {100 * error:.3f} points, "
            f"load {os.getloadavg()[0]:.1f}"
        )
        clock = time.perf_counter()
        evals.replay(folder, [{"self-consistency": {"stop": Adaptive().config}}])
        print(f"replay of one strategy, record by record: {time.perf_counter() - clock:.2f} s")


if __name__ == "__main__":
    main()
