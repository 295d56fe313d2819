"""What a strategy adds to its backend calls: milliseconds of our own a path, over a scripted backend without latency.

Target: at most 0.3 ms a path. What is taken off is the processor time of the very requests that the strategy makes,
each built anew, put to the backend side by side. Prints medians of several rounds; each round times every strategy.
"""

import asyncio
import statistics
import time

from reasoning import (
    Adaptive,
    Backend,
    ChainOfThought,
    Direct,
    Problem,
    Request,
    SelfConsistency,
    open_backend,
)
from strategies.prompting import PromptedStrategy

ROUNDS = 9
PROBLEMS = [Problem(id=f"{n}", question=f"What is {n} plus {n}?") for n in range(300)]
STRATEGIES: dict[str, PromptedStrategy | SelfConsistency] = {
    "direct": Direct(shots="word-problems"),
    "chain-of-thought": ChainOfThought(shots="word-problems"),
    "self-consistency, 40 paths": SelfConsistency(of=ChainOfThought(shots="word-problems"), samples=40),
    "self-consistency, adaptive": SelfConsistency(of=ChainOfThought(shots="word-problems"), stop=Adaptive()),
}


async def timed(strategy: PromptedStrategy | SelfConsistency, problems: list[Problem], backend: Backend) -> float:
    """Milliseconds a path that the strategy adds."""
    started = time.process_time()
    paths = sum(len(result.paths) for result in await strategy.asolve_many(problems, backend))
    whole = time.process_time() - started
    asking = strategy if isinstance(strategy, PromptedStrategy) else strategy.of
    assert isinstance(asking, PromptedStrategy)
    made = [asking.ask(problem, backend) for problem in problems]
    bare = [Request(messages=one.messages, prompt=one.prompt, sampling=one.sampling) for one in made]
    started = time.process_time()
    await asyncio.gather(*(backend.complete(one, [i]) for one in bare for i in range(paths // len(problems))))
    return (whole - (time.process_time() - started)) / paths * 1000


async def measure() -> None:
    """Prints a line a strategy."""
    backend = open_backend("scripted/constant", text="Two and two make four. The answer is 4.")
    own: dict[str, list[float]] = {name: [] for name in STRATEGIES}
    for _ in range(ROUNDS):
        for name, strategy in STRATEGIES.items():
            problems = PROBLEMS if strategy.width == 1 else PROBLEMS[:40]
            own[name].append(await timed(strategy, problems, backend))
    for name, times in own.items():
        print(f"{name:30} {statistics.median(times):.3f} ms a path (min {min(times):.3f}, max {max(times):.3f})")
    await backend.aclose()


if __name__ == "__main__":
    asyncio.run(measure())
