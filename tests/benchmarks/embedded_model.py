"""How fast the embedded model draws, and whether a draw depends on its company.

    python tests/benchmarks/embedded_model.py [--items 16] [--slots 1 4 8 16]

Speed is given by the clock and in tokens a second of CPU time of two cores, which other programs disturb less.
Exactness compares texts, usage and every bit of the log-probabilities of draws made alone, without a shared prefix and
in one slot, with the same draws as samples of one call in a busy batch whose slots hold other prompts' prefixes: there
must be no difference.
"""

import argparse
import asyncio
import os
import random
import sys
import time

from reasoning import Completion, Request, Sampling
from reasoning.backends.llama_cpp.driver import Local, LocalOptions


def prompts(items: int, shots: int) -> list[str]:
    """Few-shot prompts that share all but their question, as a task's items do."""
    rng = random.Random(1)

    def total() -> str:
        return " + ".join(str(rng.randint(1, 999)) for _ in range(rng.randint(2, 4)))

    head = "".join(f"Q: What is {t}?\n# Python\nans = {t}\n\n" for t in (total() for _ in range(shots)))
    return [f"{head}Q: What is {total()}?\n# Python\nans =" for _ in range(items)]


async def drawn(questions: list[str], sampling: Sampling, samples: int, options: LocalOptions) -> list[Completion]:
    """All samples of all questions, asked for at once; prints what they took."""
    backend = Local.open(Local.default_model, options)
    try:
        clock, cpu = time.perf_counter(), time.process_time()
        calls = [
            backend.complete(Request(prompt=question, sampling=sampling), range(samples)) for question in questions
        ]
        completions = [completion for call in await asyncio.gather(*calls) for completion in call]
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    finally:
        await backend.aclose()
    paid = [c.billed or c.usage for c in completions]
    read = sum(u.prompt_tokens - u.cached_tokens for u in paid)
    asked = sum(c.usage.prompt_tokens for c in completions)
    wrote = sum(u.completion_tokens for u in paid)
    print(
        f"{options.n_parallel:3} slots, {len(questions)} × {samples} draws: {clock:6.1f} s, "
        f"{wrote / clock:5.0f} tokens/s by the clock, {2 * wrote / cpu:5.0f} by CPU time; "
        f"wrote {wrote}, read {read} of {asked} prompt tokens",
        flush=True,
    )
    return completions


async def exactness(items: int) -> int:
    """Differences between draws alone and in company, at prompts of some 100 to some 1,000 tokens."""
    questions = [question for shots in (3, 12, 28) for question in prompts(items // 3, shots)]
    sampling = Sampling(temperature=0.8, max_tokens=12, logprobs=2)
    alone = await drawn(questions, sampling, 2, LocalOptions(n_parallel=1, cache_prompt=False))
    busy = await drawn(questions[::-1], sampling, 4, LocalOptions(n_parallel=8, threads=len(os.sched_getaffinity(0))))

    def substance(completions: list[Completion]) -> dict[tuple[str, int], tuple[object, ...]]:
        return {(c.request.prompt or "", c.index): (c.text, c.usage, c.logprobs) for c in completions if c.request}

    in_company = substance(busy)
    differing = sum(in_company[which] != what for which, what in substance(alone).items())
    print(f"{differing} of {len(alone)} draws differ in text, usage or any bit of a log-probability")
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=16)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4, 8, 16])
    arguments = parser.parse_args()
    warm = Sampling(temperature=0.7, max_tokens=40, stop=("\nQ:",))
    for slots in arguments.slots:
        asyncio.run(drawn(prompts(arguments.items, 4), warm, 1, LocalOptions(n_parallel=slots)))
    asyncio.run(drawn(prompts(arguments.items // 2, 4), warm, 8, LocalOptions()))
    return 1 if asyncio.run(exactness(6)) else 0


if __name__ == "__main__":
    sys.exit(main())
