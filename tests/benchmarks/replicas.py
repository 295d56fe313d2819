"""What replicas give and cost: throughput of two against one, overhead a draw, and the ceiling of the one driver.

The cluster is one that Ray starts on this machine; the engine sleeps, so that all CPU time is Ray's and ours. Rounds
are interleaved, medians are told. Bounds: two replicas at least 1.8 × one for a sleep-bound engine; at most 3 ms a
draw; at least 800 draws/s through the one driver process with the store on.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from reasoning import open_backend
from reasoning.backends.opened import OpenedBackend
from reasoning.request import Request
from reasoning.sampling import Sampling

ROUNDS = 5
PROMPT = (
    "Q: A farmer sells eggs at the market.\nA: The answer is 8.\n\n" * 24
)  # some 1,500 characters, as few-shot prompts
WARM = Sampling(temperature=0.7, max_tokens=256)
_fresh = iter(range(10**9))


async def draws_a_second(backend: OpenedBackend, draws: int) -> tuple[float, float]:
    """Draws a second of distinct prompts, all at once, and this process's CPU milliseconds a draw."""
    requests = [Request(prompt=f"{PROMPT}Q: {next(_fresh)}\nA:", sampling=WARM) for _ in range(draws)]
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(backend.complete(request, [0]) for request in requests))
    return draws / (time.perf_counter() - started), (time.process_time() - cpu) / draws * 1e3


async def milliseconds_alone(backend: OpenedBackend, draws: int) -> float:
    """Median milliseconds of one draw after the other."""
    taken = []
    for _ in range(draws):
        request = Request(prompt=f"{PROMPT}Q: {next(_fresh)}\nA:", sampling=WARM)
        started = time.perf_counter()
        await backend.complete(request, [0])
        taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken)


def opened(replicas: int, **options: Any) -> OpenedBackend:
    """A scripted engine; even one replica is in a worker of the cluster."""
    return open_backend("scripted/constant", replicas=replicas, ray="auto", cpus_per_replica=0.1, **options)


async def main() -> None:
    """Runs all and prints the figures."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    slow = {"latency_s": 0.1, "capabilities": {"text": True, "seed": True, "concurrency": 8}}
    async with opened(1, **slow) as one, opened(2, **slow) as two:
        ratios = []
        for _ in range(ROUNDS):
            alone, _ = await draws_a_second(one, 80)
            both, _ = await draws_a_second(two, 160)
            ratios.append(both / alone)
    print(f"two replicas of a sleep-bound engine: {statistics.median(ratios):.2f} × one (at least 1.8)")

    async with open_backend("scripted/constant") as here, opened(2) as away:
        extra = []
        for _ in range(ROUNDS):
            extra.append(await milliseconds_alone(away, 100) - await milliseconds_alone(here, 100))
        flood = [(await draws_a_second(away, 2000))[1] for _ in range(ROUNDS)]
    print(f"overhead of a draw alone: {statistics.median(extra):.2f} ms (at most 3)")
    print(f"CPU of the driver, draws in flight: {statistics.median(flood):.2f} ms a draw")

    with tempfile.TemporaryDirectory() as folder:
        for replicas in (1, 2, 4):
            store = Path(folder) / f"{replicas}.sqlite"
            async with opened(replicas, latency_s=0.05, store=store, max_concurrency=512) as backend:
                rates = [(await draws_a_second(backend, 3000))[0] for _ in range(ROUNDS)]
            told = f"{statistics.median(rates):.0f} draws/s (of {min(rates):.0f} to {max(rates):.0f})"
            print(f"{replicas} replicas with the store on: {told}, at least 800")
    ray.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
