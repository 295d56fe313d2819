"""Draws over near-identical prompts are as independent as they look, on the embedded model.

The accuracy of run r is the share of prompts on which draw r shows an event. For independent draws its variance is
Σ p(1 − p) / P², with p each prompt's own share. One seed sequence shared by all prompts makes them move together: on
near-identical prompts one quantile gives one answer.
"""

import asyncio
from statistics import mean, variance

import pytest

from reasoning import loop
from reasoning.backends.opened import OpenedBackend
from reasoning.draws import SEED_MODULUS, draw_key, draw_seed, identity_text
from reasoning.request import Request
from reasoning.sampling import Sampling

pytestmark = pytest.mark.model

NAMES = ("Anna", "Ben", "Carl", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivan", "Jane", "Kurt", "Lena", "Max", "Nora")
SAMPLING = Sampling(temperature=1.0, max_tokens=1)


def event(text: str) -> bool:
    """The coin landed on a number or an article: neither rare nor sure."""
    return text.strip()[:1].isdigit() or text.strip() == "a"


def variance_ratio(backend: OpenedBackend, prompts: int, runs: int, *, shared_seeds: bool = False) -> float:
    """The variance of run accuracy against that of independent draws."""
    requests = [Request(prompt=f"{name} tossed a coin. It landed on", sampling=SAMPLING) for name in NAMES[:prompts]]

    def rows(request: Request) -> list[int]:
        if not shared_seeds:
            return list(range(runs))
        key = draw_key(identity_text(backend.identity), request)
        wanted = [(run - draw_seed(key, 0)) % SEED_MODULUS for run in range(runs)]
        assert [draw_seed(key, row) for row in wanted] == list(range(runs))
        return wanted

    async def drawn() -> list[list[bool]]:
        found = await asyncio.gather(*(backend.complete(request, rows(request)) for request in requests))
        return [[event(completion.text) for completion in one] for one in found]

    events = loop.run(drawn())
    shares = [mean(one) for one in events]
    assert 0.1 < mean(shares) < 0.9
    independent = sum(p * (1 - p) * runs / (runs - 1) for p in shares) / prompts**2
    return variance([mean(one[run] for one in events) for run in range(runs)]) / independent


def test_draws_are_independent_over_prompts(local_backend: OpenedBackend) -> None:
    assert 0.5 < variance_ratio(local_backend, 8, 40) < 1.6


@pytest.mark.slow
def test_draws_are_independent_and_one_shared_seed_sequence_would_not_be(local_backend: OpenedBackend) -> None:
    ours = variance_ratio(local_backend, 14, 100)
    shared = variance_ratio(local_backend, 14, 100, shared_seeds=True)
    print(f"variance of run accuracy over that of independent draws: {ours:.2f}; with one seed sequence {shared:.2f}")
    assert 0.5 < ours < 1.6
    assert shared > 2.5
