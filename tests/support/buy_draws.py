"""Buys a set of draws through a whole backend and writes them as JSON; tests kill it, interrupt it, run it eightfold.

    python buy_draws.py BASE_URL STORE OUT [--door async|sync] [--prompts N]

Says "drawing" on stdout when it starts to draw. OUT gets the draws and what was paid.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import reasoning
from reasoning import loop
from reasoning.backends.opened import OpenedBackend
from reasoning.request import Request
from reasoning.sampling import Sampling

PROMPTS, SAMPLES = 24, 10
CONCURRENCY, IN_ONE_CALL = 6, 4
SAMPLING = Sampling(temperature=0.7, max_tokens=50)


def request(n: int) -> Request:
    return Request(prompt=f"Question {n}: how many?", sampling=SAMPLING)


def opened(base_url: str, store: str | None) -> OpenedBackend:
    return reasoning.open_backend(
        "openai/fault",
        store=store,
        max_concurrency=CONCURRENCY,
        base_url=base_url,
        api_key="no-key-of-anyone",
        api="completions",
        max_samples=IN_ONE_CALL,
    )


async def draws(backend: OpenedBackend, prompts: int = PROMPTS) -> list[dict[str, Any]]:
    """Every path a task of its own, as a strategy has it."""
    print("drawing", flush=True)
    asks = [backend.complete(request(n), [i]) for n in range(prompts) for i in range(SAMPLES)]
    found = [one[0] for one in await asyncio.gather(*asks)]
    return [c.model_dump(exclude={"latency_s", "billed"}) for c in found]


async def bought(base_url: str, store: str, prompts: int) -> dict[str, Any]:
    async with opened(base_url, store) as backend:
        return {"draws": await draws(backend, prompts), "paid": backend.paid.model_dump()}


def bought_by_sync_door(base_url: str, store: str, prompts: int) -> dict[str, Any]:
    with opened(base_url, store) as backend:
        return {"draws": loop.run(draws(backend, prompts)), "paid": backend.paid.model_dump()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("base_url", "store", "out"):
        parser.add_argument(name)
    parser.add_argument("--door", choices=["async", "sync"], default="async")
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    given = parser.parse_args()
    if given.door == "async":
        result = asyncio.run(bought(given.base_url, given.store, given.prompts))
    else:
        result = bought_by_sync_door(given.base_url, given.store, given.prompts)
    Path(given.out).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
