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
from reasoning.budget import Amount, Budget, Ledger, SpendLimit
from reasoning.errors import BadRequestError, ConfigError, SpendLimitError
from reasoning.pricing import Rates
from reasoning.request import Request
from reasoning.store import Store, checking, upkeep
from reasoning.usage import Usage

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


class Counting(Reward):
    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        return [one.model_copy(update={"usage": Usage(prompt_tokens=7)}) for one in await super().score(request, texts)]


def test_scores_are_billed_and_their_tokens_stored(tmp_path: Path) -> None:
    async def body() -> None:
        ledger, budget = Ledger(), Budget(SpendLimit(tokens=1000))
        stored = Stored(Budgeted(Counting(), ledger, budget, Rates(input=1e6, output=0)), Store.open(tmp_path / "s"))
        assert [one.usage.total_tokens for one in await stored.score(ASKED, ["a", "b", "a"])] == [7, 7, 7]
        paid = ledger.paid()
        assert (paid.calls, paid.draws, paid.usage.total_tokens, paid.usd, paid.unsure_tokens) == (1, 2, 14, 14.0, 0)
        assert budget.spent == Amount(14, 14.0, 1)
        assert [one.usage.total_tokens for one in await stored.score(ASKED, ["b"])] == [7]
        assert ledger.paid() == paid
        await stored.aclose()

    asyncio.run(body())
    assert upkeep.stats(tmp_path / "s").models[0].usage == Usage(prompt_tokens=14)


def test_a_scorer_that_states_no_tokens_counts_in_full_against_the_limit() -> None:
    async def body() -> None:
        layer = Budgeted(Reward(), Ledger(), Budget(SpendLimit(tokens=700)))
        await layer.score(ASKED, ["a", "b"])
        assert layer.budget is not None
        assert layer.budget.spent.tokens == layer.ledger.paid().unsure_tokens > 2 * len("How many?")
        with pytest.raises(SpendLimitError):
            await layer.score(ASKED, ["c"] * 3)

    asyncio.run(body())


@pytest.mark.parametrize(("error", "unsure"), [(RuntimeError("gone"), True), (BadRequestError("no"), False)])
def test_a_score_that_ends_in_an_error_counts_where_it_may_have_been_billed(error: Exception, unsure: bool) -> None:
    class Broken(Reward):
        async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
            raise error

    layer = Budgeted(Broken(), Ledger(), Budget(SpendLimit(tokens=1000)))
    with pytest.raises(type(error)):
        asyncio.run(layer.score(ASKED, ["a"]))
    assert layer.budget is not None
    assert (layer.budget.spent.tokens > 0) == (layer.ledger.paid().unsure_tokens > 0) == unsure
    assert layer.budget._reserved == Amount()


class Slow(Reward):
    """Scores when it may; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.begun, self.may = asyncio.Event(), asyncio.Event()
        self._failures = failures

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        scores = await super().score(request, texts)
        self.begun.set()
        await self.may.wait()
        self._failures -= 1
        if self._failures >= 0:
            raise RuntimeError("gone")
        return scores


@pytest.mark.parametrize("kept", [True, False])
def test_a_score_in_flight_is_waited_for_and_not_bought_again(tmp_path: Path, kept: bool) -> None:
    async def body() -> None:
        driver = Slow()
        stored = Stored(driver, Store.open(tmp_path / "s") if kept else None)
        first = asyncio.create_task(stored.score(ASKED, ["one", "two"]))
        await driver.begun.wait()
        second = asyncio.create_task(stored.score(ASKED, ["two", "three", "two"]))
        driver.may.set()
        assert (await first)[1] == (await second)[0] == (await second)[2]
        assert driver.scored == [("one", "two"), ("three",)]
        await stored.aclose()

    asyncio.run(body())


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_score_that_fails_for_its_buyer_is_bought_by_who_waits(cancelled: bool) -> None:
    async def body() -> None:
        driver = Slow(failures=0 if cancelled else 1)
        stored = Stored(driver)
        first = asyncio.create_task(stored.score(ASKED, ["one"]))
        await driver.begun.wait()
        second = asyncio.create_task(stored.score(ASKED, ["one"]))
        await asyncio.sleep(0)
        if cancelled:
            first.cancel()
        driver.may.set()
        assert (await second)[0].values == (3.0, 2 / 3)
        assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], BaseException)
        assert driver.scored == [("one",), ("one",)]

    asyncio.run(body())
