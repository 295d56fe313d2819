"""When the first of many problems is done on the embedded model, and how many tokens a second come meanwhile.

    python tests/benchmarks/first_result.py [--problems 10] [--samples 5]

Each problem is a vote over chains of thought of two calls. Bound: the first result comes within 2 × the time that one
problem takes by itself. The speed of one problem alone is shown beside that of all.
"""

import argparse
import asyncio
import sys
import time

import reasoning
from reasoning import ChainOfThought, Problem, Sampling, SelfConsistency


def problem(n: int) -> Problem:
    return Problem(id=f"{n}", question=f"What is {n} plus {n + 3}?")


async def measured(problems: int, samples: int) -> bool:
    chain = ChainOfThought(style="chat", shots=None, sampling=Sampling(temperature=0.7, max_tokens=40))
    strategy = SelfConsistency(of=chain, samples=samples)
    async with reasoning.open_backend("local") as backend:
        began = time.perf_counter()
        await strategy.asolve(problem(1000), backend)
        alone_s = time.perf_counter() - began
        alone = backend.paid.usage.completion_tokens / alone_s
        mark, began, first_s = backend.ledger.mark(), time.perf_counter(), 0.0
        async for _ in strategy.asolve_stream(map(problem, range(problems)), backend):
            first_s = first_s or time.perf_counter() - began
        speed = backend.ledger.paid(since=mark).usage.completion_tokens / (time.perf_counter() - began)
    print(f"one problem alone: {alone_s:.1f} s, {alone:.0f} tokens/s")
    print(f"first of {problems}: {first_s:.1f} s ({first_s / alone_s:.2f} ×, at most 2), all: {speed:.0f} tokens/s")
    return first_s <= 2 * alone_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=10)
    parser.add_argument("--samples", type=int, default=5)
    given = parser.parse_args()
    if not asyncio.run(measured(given.problems, given.samples)):
        sys.exit("missed")


if __name__ == "__main__":
    main()
