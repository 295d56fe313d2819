"""A score is bought once like a draw, and only a backend that scores is asked for one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

import reasoning
from reasoning.backends.backend import Capabilities, Scores
from reasoning.backends.budgeted import Budgeted
from reasoning.backends.paced import Paced
from reasoning.backends.pacer import Pacer
from reasoning.backends.retrying import Retrying
from reasoning.backends.scripted import Scripted, ScriptedOptions
from reasoning.backends.stored import Stored
from reasoning.budget import Budget, Ledger, SpendLimit
from reasoning.errors import ConfigError, SpendLimitError
from reasoning.request import Request
from reasoning.store import Store, checking

ASKED = Request(prompt="How many?")


class Reward(Scripted):
    """Scores a text by its length and its vowels."""

    def __init__(self) -> None:
        super().__init__(lambda request, index: "text", ScriptedOptions(capabilities=Capabilities(scoring=True)))
        self.scored: list[tuple[str, ...]] = []

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        self.scored.append(tuple(texts))
        return [Scores(values=(float(len(text)), sum(text.count(v) for v in "aeiou") / 3)) for text in texts]


def layered(driver: Scripted, store: Store | None, limit: SpendLimit | None = None) -> Stored:
    budgeted = Budgeted(driver, Ledger(), Budget(limit) if limit is not None else None)
    return Stored(Retrying(Paced(budgeted, Pacer(adaptive=False))), store)


def test_a_score_is_bought_once(tmp_path: Path) -> None:
    async def body() -> None:
        driver = Reward()
        stored = layered(driver, Store.open(tmp_path / "s"))
        first = await stored.score(ASKED, ["one", "three", "one"])
        assert first == [Scores(values=(3.0, 2 / 3)), Scores(values=(5.0, 2 / 3)), Scores(values=(3.0, 2 / 3))]
        assert await stored.score(ASKED, ["three", "four"]) == [first[1], Scores(values=(4.0, 2 / 3))]
        assert driver.scored == [("one", "three"), ("four",)]
        assert (await stored.complete(ASKED, [0]))[0].text == "text"
        await stored.aclose()

    asyncio.run(body())
    assert checking.verify(tmp_path / "s").clean


def test_without_a_store_scores_come_all_the_same() -> None:
    assert asyncio.run(layered(Reward(), None).score(ASKED, ["a"])) == [Scores(values=(1.0, 1 / 3))]


def test_scores_count_as_calls() -> None:
    async def body() -> None:
        stored = layered(Reward(), None, SpendLimit(calls=1))
        await stored.score(ASKED, ["a"])
        with pytest.raises(SpendLimitError):
            await stored.score(ASKED, ["b"])

    asyncio.run(body())


def test_a_backend_that_does_not_score_says_so() -> None:
    async def body() -> None:
        async with reasoning.open_backend("scripted/constant") as backend:
            with pytest.raises(ConfigError, match="does not score"):
                await backend.score(ASKED, ["a"])

    asyncio.run(body())
