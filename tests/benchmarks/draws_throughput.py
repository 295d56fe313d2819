"""Draws a second through a whole backend with its store, against the bare client that everyone starts with.

    python tests/benchmarks/draws_throughput.py [--draws 10000] [--latency 0.05]

A loopback OpenAI-compatible server answers after 50 ms. Bounds, one sample a request on both sides: at least 1.2 × a
bare `AsyncOpenAI` gather with 1,000 in flight, and at least 0.95 × the best capped one (32, 64, 128 in flight). The
draws are bought in turns, each way's in a process of its own, so that what else the machine does meets all alike; the
median of the turns counts. Native n is shown beside, without a bound.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "servers"))

SAMPLES = 40
Spent = tuple[float, float]
"""Seconds by the clock, and of this process's CPU time."""
BARE = {"bare, 1,000 in flight": 1000, "bare, 32": 32, "bare, 64": 64, "bare, 128": 128}
OURS = {"ours": 1, "ours with native n": 16}


def prompt(n: int) -> str:
    return f"Question {n}: how many?"


async def bare(base_url: str, draws: int, in_flight: int) -> Spent:
    """What people write: a client, a semaphore, a gather."""
    import openai

    gate = asyncio.Semaphore(in_flight)
    async with openai.AsyncOpenAI(api_key="none", base_url=base_url, max_retries=5, timeout=60) as client:

        async def draw(n: int) -> str:
            async with gate:
                answer = await client.chat.completions.create(
                    model="fault",
                    messages=[{"role": "user", "content": prompt(n // SAMPLES)}],
                    temperature=0.7,
                    max_tokens=50,
                    seed=n,
                )
                return answer.choices[0].message.content or ""

        await draw(-1)  # imports and the first connection are not what is measured
        began, cpu = time.perf_counter(), time.process_time()
        texts = await asyncio.gather(*(draw(n) for n in range(draws)))
        spent = time.perf_counter() - began, time.process_time() - cpu
    assert all(texts)
    return spent


async def ours(base_url: str, draws: int, most_samples: int) -> Spent:
    """The same draws through the store, retries, pacing and the ledger."""
    import reasoning
    from reasoning import Message, Request, Sampling

    sampling = Sampling(temperature=0.7, max_tokens=50)
    asked = [
        Request(messages=(Message(role="user", content=prompt(n)),), sampling=sampling) for n in range(draws // SAMPLES)
    ]
    with tempfile.TemporaryDirectory() as folder:
        options = {"base_url": base_url, "api_key": "none", "api": "chat", "max_samples": most_samples}
        store = Path(folder) / "draws.sqlite"
        async with reasoning.open_backend("openai/fault", store=store, **options) as backend:
            await backend.complete(asked[0], [SAMPLES])
            began, cpu = time.perf_counter(), time.process_time()
            done = await asyncio.gather(*(backend.complete(one, [i]) for one in asked for i in range(SAMPLES)))
            spent = time.perf_counter() - began, time.process_time() - cpu
            assert backend.paid.draws == len(asked) * SAMPLES + 1
    assert all(one[0].text for one in done)
    return spent


def measured(way: str, base_url: str, draws: int) -> Spent:
    command = [sys.executable, __file__, "--way", way, "--base-url", base_url, "--draws", str(draws)]
    wall, cpu = json.loads(subprocess.check_output(command, text=True))
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10_000, help="over all turns, a multiple of 40 in each")
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--way", choices=[*BARE, *OURS], help=argparse.SUPPRESS)
    parser.add_argument("--base-url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way is not None:
        work = (
            bare(given.base_url, given.draws, BARE[given.way])
            if given.way in BARE
            else ours(given.base_url, given.draws, OURS[given.way])
        )
        print(json.dumps(asyncio.run(work)))
        return
    from fault_client import FaultServer

    draws = given.draws // given.turns
    spent: dict[str, list[Spent]] = {way: [] for way in (*BARE, *OURS)}
    with FaultServer(latency_s=given.latency) as server:
        for _ in range(given.turns):
            for way, turns in spent.items():
                turns.append(measured(way, server.base_url, draws))
    speeds = {way: statistics.median(draws / wall for wall, _ in turns) for way, turns in spent.items()}
    for way, turns in spent.items():
        cpu = statistics.median(cpu for _, cpu in turns) / draws * 1000
        print(f"{way}: {speeds[way]:.0f} draws/s, {cpu:.2f} ms of CPU a draw")
    capped = max(speed for way, speed in speeds.items() if way in BARE and BARE[way] < 1000)
    flood = speeds["ours"] / speeds["bare, 1,000 in flight"]
    print(f"ours is {flood:.2f} × the flood (at least 1.2) and {speeds['ours'] / capped:.2f} × the best capped (0.95)")
    if flood < 1.2 or speeds["ours"] < 0.95 * capped:
        sys.exit("missed")


if __name__ == "__main__":
    main()
