"""A draw is bought once, shared by all who ask for it, and returned only when it is kept."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scripting import asked, runs, say, scripted

import reasoning
from reasoning.backends.backend import Capabilities
from reasoning.backends.landing import landed
from reasoning.backends.scripted import Script, Scripted, ScriptedOptions
from reasoning.backends.stored import Stored, not_before
from reasoning.budget import Ledger
from reasoning.completion import Completion, Failure
from reasoning.errors import AuthenticationError, BackendError, StoreWriteError
from reasoning.pricing import Rates
from reasoning.request import Request
from reasoning.store import Store


class Gate(Scripted):
    """A script whose calls end when they are let go."""

    def __init__(self, script: Script = say, max_samples: int = 64) -> None:
        super().__init__(script, ScriptedOptions(capabilities=Capabilities(text=True, max_samples=max_samples)))
        self.go = asyncio.Event()
        self.cancelled: list[tuple[int, ...]] = []

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        completions = await super().complete(request, indices)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(tuple(indices))
            raise
        return completions


def rows(driver: Scripted) -> list[tuple[int, ...]]:
    return [indices for _, indices in driver.calls]


async def settled(turns: int = 5) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


@runs
async def test_asks_of_one_turn_become_one_call() -> None:
    driver = scripted()
    stored = Stored(driver)
    got = await asyncio.gather(*(stored.complete(asked(), [n]) for n in range(5)), stored.complete(asked(), [7, 6]))
    assert rows(driver) == [(0, 1, 2, 3, 4), (6, 7)]  # two stretches: seeds of one call are consecutive
    assert [[c.text for c in one] for one in got] == [
        *[[f"draw {n} of How many?"] for n in range(5)],
        ["draw 7 of How many?", "draw 6 of How many?"],
    ]


@runs
async def test_calls_are_split_by_the_most_samples() -> None:
    driver = scripted(max_samples=3)
    await Stored(driver).complete(asked(), range(8))
    assert rows(driver) == [(0, 1, 2), (3, 4, 5), (6, 7)]


@runs
async def test_requests_are_told_apart() -> None:
    driver = scripted()
    stored = Stored(driver)
    a, b = await asyncio.gather(stored.complete(asked("a"), [0]), stored.complete(asked("b"), [0]))
    assert (a[0].text, b[0].text) == ("draw 0 of a", "draw 0 of b")
    assert len(driver.calls) == 2


@runs
async def test_a_draw_asked_for_twice_in_one_call_is_bought_once() -> None:
    driver = scripted()
    got = await Stored(driver).complete(asked(), [1, 1, 0])
    assert [c.index for c in got] == [1, 1, 0]
    assert rows(driver) == [(0, 1)]


@runs
async def test_raising_the_samples_buys_only_the_difference(tmp_path: Path) -> None:
    first, second = scripted(), scripted()
    stored = Stored(first, Store.open(tmp_path / "s"))
    eight = await stored.complete(asked(), range(8))
    await stored.aclose()
    stored = Stored(second, Store.open(tmp_path / "s"))
    forty = await stored.complete(asked(), range(40))
    await stored.aclose()
    assert rows(first) == [tuple(range(8))]
    assert rows(second) == [tuple(range(8, 40))]
    assert forty[:8] == eight
    assert [c.index for c in forty] == list(range(40))


@runs
async def test_a_draw_in_flight_is_waited_for_not_bought_again(tmp_path: Path) -> None:
    driver = Gate()
    stored = Stored(driver, Store.open(tmp_path / "s"))
    first = asyncio.create_task(stored.complete(asked(), [0, 1]))
    await settled()
    second = asyncio.create_task(stored.complete(asked(), [1, 2]))
    await settled()
    driver.go.set()
    assert [c.text for c in await second] == ["draw 1 of How many?", "draw 2 of How many?"]
    assert len(await first) == 2
    assert rows(driver) == [(0, 1), (2,)]
    await stored.aclose()


@runs
async def test_a_flight_is_shared_between_layers_over_one_store(tmp_path: Path) -> None:
    one, two = Gate(), Gate()
    first, second = Stored(one, Store.open(tmp_path / "s")), Stored(two, Store.open(tmp_path / "s"))
    tasks = [asyncio.create_task(layer.complete(asked(), [0])) for layer in (first, second)]
    await settled()
    one.go.set()
    a, b = await asyncio.gather(*tasks)
    assert a == b
    assert len(one.calls) + len(two.calls) == 1
    await first.aclose()
    await second.aclose()


@runs
async def test_who_is_cancelled_takes_nobody_along() -> None:
    driver = Gate()
    stored = Stored(driver)
    leaves = asyncio.create_task(stored.complete(asked(), [0]))
    stays = asyncio.create_task(stored.complete(asked(), [0]))
    await settled()
    leaves.cancel()
    await settled()
    driver.go.set()
    assert (await stays)[0].text == "draw 0 of How many?"
    assert driver.cancelled == []
    assert leaves.cancelled()


@runs
async def test_a_call_that_nobody_waits_for_is_cancelled_and_can_be_made_again() -> None:
    driver = Gate()
    stored = Stored(driver)
    waiting = [asyncio.create_task(stored.complete(asked(), [n])) for n in (0, 1)]
    await settled()
    waiting[0].cancel()
    await settled()
    assert driver.cancelled == []
    waiting[1].cancel()
    await settled()
    assert driver.cancelled == [(0, 1)]
    driver.go.set()
    assert (await stored.complete(asked(), [0]))[0].index == 0
    assert rows(driver) == [(0, 1), (0,)]


@runs
async def test_one_who_asks_at_the_moment_of_cancelling_gets_a_draw() -> None:
    driver = Gate()
    stored = Stored(driver)
    leaves = asyncio.create_task(stored.complete(asked(), [0]))
    await settled()
    leaves.cancel()
    asks = asyncio.create_task(stored.complete(asked(), [0]))
    driver.go.set()
    assert (await asks)[0].text == "draw 0 of How many?"


@runs
async def test_what_has_come_back_is_kept_though_its_asker_is_cancelled(tmp_path: Path) -> None:
    stored = Stored(scripted(), Store.open(tmp_path / "s"))
    ask = asyncio.create_task(stored.complete(asked(), [0]))
    while not stored._keeping:
        await asyncio.sleep(0)
    ask.cancel()
    await asyncio.gather(ask, return_exceptions=True)
    await stored.aclose()
    driver = scripted()
    stored = Stored(driver, Store.open(tmp_path / "s"))
    await stored.complete(asked(), [0])
    assert driver.calls == []
    await stored.aclose()


@runs
async def test_a_failed_draw_is_not_stored_and_fails_nobody_else(tmp_path: Path) -> None:
    failure = Failure(kind="timeout", message="too slow", retryable=True)

    def script(request: Request, index: int) -> Any:
        return Completion.failed(request, index, failure) if index == 1 else say(request, index)

    stored = Stored(scripted(script), Store.open(tmp_path / "s"))
    got = await stored.complete(asked(), range(3))
    assert [c.failure for c in got] == [None, failure, None]
    await stored.aclose()
    driver = scripted()
    stored = Stored(driver, Store.open(tmp_path / "s"))
    assert all(c.failure is None for c in await stored.complete(asked(), range(3)))
    assert rows(driver) == [(1,)]
    await stored.aclose()


@runs
async def test_what_stops_a_run_reaches_all_who_wait() -> None:
    def refuse(request: Request, index: int) -> str:
        raise AuthenticationError("wrong key")

    stored = Stored(scripted(refuse, max_samples=1))
    got = await asyncio.gather(*(stored.complete(asked(), [n]) for n in range(4)), return_exceptions=True)
    assert [type(error) for error in got] == [AuthenticationError] * 4
    assert not stored._own_flights


@runs
async def test_a_driver_that_loses_a_draw_is_told_off() -> None:
    class Short(Scripted):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            return (await super().complete(request, indices))[1:]

    with pytest.raises(BackendError, match=r"asked for the draws \[0, 1\] and returned \[1\]"):
        await Stored(Short(say)).complete(asked(), [0, 1])


@runs
async def test_what_lands_early_is_kept_and_given_before_the_call_ends(tmp_path: Path) -> None:
    class Trickle(Gate):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            landed([Completion(index=indices[0], text="early", request=request)])
            return await super().complete(request, indices)

    stored = Stored(Trickle(), Store.open(tmp_path / "s"))
    late = asyncio.create_task(stored.complete(asked(), [1]))
    assert (await stored.complete(asked(), [0]))[0].text == "early"
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    await stored.aclose()
    store = Store.open(tmp_path / "s")
    assert Stored(scripted(), store)._look_up(stored_key(), asked(), [0, 1])[0].text == "early"
    store.close()


def stored_key() -> bytes:
    from reasoning.draws import draw_key, identity_text

    return draw_key(identity_text(scripted().identity), asked())


@runs
async def test_fresh_and_max_age_buy_anew_and_replace(tmp_path: Path) -> None:
    now = [1000.0]
    store = Store.open(tmp_path / "s", clock=lambda: now[0])
    await Stored(scripted(lambda r, i: "old"), store).complete(asked(), [0])
    now[0] += 100
    young = scripted(lambda r, i: "young")
    lasting = Stored(young, store, not_before=not_before(store, max_age=200))
    assert (await lasting.complete(asked(), [0]))[0].text == "old"
    short = Stored(young, store, not_before=not_before(store, max_age=50))
    assert (await short.complete(asked(), [0]))[0].text == "young"
    fresh = scripted(lambda r, i: "fresh")
    layer = Stored(fresh, store, not_before=not_before(store, fresh=True))
    assert [(await layer.complete(asked(), [0]))[0].text for _ in range(2)] == ["fresh", "fresh"]
    assert len(fresh.calls) == 1
    assert (await Stored(scripted(), store).complete(asked(), [0]))[0].text == "fresh"
    store.close()


@runs
async def test_another_processs_draw_counts_and_ours_is_a_double(tmp_path: Path) -> None:
    store, ledger = Store.open(tmp_path / "s"), Ledger()
    driver = Gate()
    stored = Stored(driver, store, ledger=ledger)
    ask = asyncio.create_task(stored.complete(asked(), [0]))
    await settled()
    theirs = Completion(index=0, text="theirs", request=asked())
    store.write(stored_key(), stored._identity, asked(), [theirs]).result(10)
    driver.go.set()
    assert (await ask)[0].text == "theirs"
    assert ledger.paid().doubles == 1
    await stored.aclose()


@runs
async def test_a_draw_stored_without_a_cost_is_priced_when_it_can_be(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    cold = (await Stored(scripted(), store).complete(asked(), [0]))[0]
    assert cold.cost is None
    warm = (await Stored(scripted(), store, price=Rates(input=1e6, output=2e6)).complete(asked(), [0]))[0]
    assert warm.cost == cold.usage.prompt_tokens + 2 * cold.usage.completion_tokens
    store.close()


@runs
async def test_a_store_that_cannot_be_written_ends_all_buying(tmp_path: Path) -> None:
    driver = scripted(max_samples=1)
    stored = Stored(driver, Store.open(tmp_path / "s"))
    await stored.complete(asked("kept"), [0])
    assert stored.store is not None
    pages = stored.store._writer.execute("PRAGMA page_count").fetchone()[0]
    stored.store._writer.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own "database or disk is full"
    with pytest.raises(StoreWriteError, match="free some space"):
        await stored.complete(asked(os.urandom(100_000).hex()), [0])
    calls = len(driver.calls)
    with pytest.raises(StoreWriteError):
        await stored.complete(asked("next"), [0])
    assert len(driver.calls) == calls
    assert (await stored.complete(asked("kept"), [0]))[0].text == "draw 0 of kept"
    await stored.aclose()


@runs
async def test_closing_ends_all_waiting() -> None:
    stored = Stored(Gate())
    in_flight = asyncio.create_task(stored.complete(asked("a"), [0]))
    await settled()
    just_asked = asyncio.create_task(stored.complete(asked("b"), [0]))
    await asyncio.sleep(0)
    await stored.aclose()
    for task in (in_flight, just_asked):
        with pytest.raises(BackendError, match="closed"):
            await task
    with pytest.raises(BackendError, match="closed"):
        await stored.complete(asked(), [0])


@runs
async def test_without_a_store_nothing_is_remembered() -> None:
    driver = scripted()
    stored = Stored(driver)
    for _ in range(2):
        await stored.complete(asked(), [0])
    assert len(driver.calls) == 2
    assert not stored._own_flights


def test_a_whole_backend_pays_nothing_the_second_time(tmp_path: Path) -> None:
    async def once() -> tuple[Any, Any]:
        async with reasoning.open_backend(
            "scripted/weighted", store=tmp_path / "s", weights={"a": 1, "b": 2}
        ) as opened:
            return await opened.complete(asked(), range(20)), opened.paid

    cold, paid = asyncio.run(once())
    warm, nothing = asyncio.run(once())
    assert cold == warm
    assert (paid.draws, paid.usd) == (20, None)
    assert (nothing.draws, nothing.calls, nothing.usage.total_tokens, nothing.usd) == (0, 0, 0, 0.0)
