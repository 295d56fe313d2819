"""What a strategy adds to its backend calls: milliseconds of our own a path, over a scripted backend without latency.

Target: at most 0.3 ms a path. Prints medians of several rounds; every round times all strategies once.
"""

import asyncio
import statistics
import time

from reasoning import (
    Adaptive,
    ChainOfThought,
    Direct,
    Problem,
    Request,
    Sampling,
    SelfConsistency,
    Strategy,
    open_backend,
)

ROUNDS = 7
PROBLEMS = [Problem(id=f"{n}", question=f"What is {n} plus {n}?") for n in range(300)]
STRATEGIES: dict[str, Strategy] = {
    "direct": Direct(shots="word-problems"),
    "chain-of-thought": ChainOfThought(shots="word-problems"),
    "self-consistency, 40 paths": SelfConsistency(of=ChainOfThought(shots="word-problems"), samples=40),
    "self-consistency, adaptive": SelfConsistency(of=ChainOfThought(shots="word-problems"), stop=Adaptive()),
}


async def measure() -> None:
    """Prints a line a strategy."""
    backend = open_backend("scripted/constant", text="Two and two make four. The answer is 4.")
    bare = [Request(prompt=p.question, sampling=Sampling(temperature=0.7, max_tokens=8)) for p in PROBLEMS]
    own: dict[str, list[float]] = {name: [] for name in STRATEGIES}
    for _ in range(ROUNDS):
        started = time.process_time()
        await asyncio.gather(*(backend.complete(request, [0]) for request in bare))
        call = (time.process_time() - started) / len(bare)
        for name, strategy in STRATEGIES.items():
            problems = PROBLEMS if strategy.width == 1 else PROBLEMS[:40]
            started = time.process_time()
            paths = sum(len(r.paths) for r in await strategy.asolve_many(problems, backend))
            own[name].append(((time.process_time() - started) / paths - call) * 1000)
    for name, times in own.items():
        print(f"{name:30} {statistics.median(times):.3f} ms a path (min {min(times):.3f})")
    await backend.aclose()


if __name__ == "__main__":
    asyncio.run(measure())
