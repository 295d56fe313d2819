"""Likely faults of a server are named once, and no sound server is accused."""

import asyncio
import logging
from pathlib import Path

import pytest
from scripting import asked, runs, scripted

from reasoning.backends.scripted import Script
from reasoning.backends.stored import Stored
from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import Store


async def drawn(stored: Stored, prompts: int, samples: int) -> None:
    for n in range(prompts):
        await stored.complete(asked(f"question {n}"), range(samples))


@runs
async def test_a_server_that_ignores_seeds_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    stored = Stored(scripted(lambda r, i: f"The same text on {r.prompt}."))
    with caplog.at_level(logging.WARNING):
        await drawn(stored, 8, 4)
    assert len(stored.notices) == len(caplog.records) == 1
    assert "ignores seeds or caches by prompt" in stored.notices[0]


@pytest.mark.parametrize(
    "script",
    [
        lambda r, i: f"Another text {i} on {r.prompt}.",
        lambda r, i: f"The same text on {r.prompt}{'!' if r.prompt == 'question 0' and i == 3 else '.'}",
        lambda r, i: "B",
    ],
    ids=["texts differ", "texts differ on one prompt", "answers are short"],
)
def test_a_server_that_samples_is_not_accused(script: Script) -> None:
    stored = Stored(scripted(script))
    asyncio.run(drawn(stored, 8, 4))
    assert stored.notices == ()


@runs
async def test_greedy_draws_may_be_equal() -> None:
    stored = Stored(scripted(lambda r, i: "The same long text each time."))
    for n in range(8):
        await stored.complete(Request(prompt=f"{n}", sampling=Sampling(temperature=0, max_tokens=9)), range(4))
    assert stored.notices == ()


def served_by(name: str, fingerprint: str) -> Script:
    return lambda r, i: Completion(index=i, text=f"{i} {name}", model=name, fingerprint=fingerprint)


@runs
async def test_a_model_that_changed_since_the_stored_draws_is_named(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    first = Stored(scripted(served_by("gpt-2026-01", "fp_a")), store)
    await first.complete(asked(), [0])
    assert first.notices == ()
    same = Stored(scripted(served_by("gpt-2026-01", "fp_a")), store)
    await same.complete(asked(), [1])
    assert same.notices == ()
    other = Stored(scripted(served_by("gpt-2026-06", "fp_b")), store)
    await other.complete(asked(), [2, 3])
    assert len(other.notices) == 2
    assert "'gpt-2026-06'" in other.notices[0]
    assert "gpt-2026-01" in other.notices[0]
    assert "'fp_b'" in other.notices[1]
    store.close()
