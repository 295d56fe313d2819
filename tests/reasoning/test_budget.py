"""Limits are never passed, waiting is in order, and the ledger knows what was paid between two moments."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reasoning.budget import Amount, Budget, Ledger, Paid, Reservation, SpendLimit
from reasoning.errors import SpendLimitError
from reasoning.usage import Usage


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def test_a_limit_limits_something() -> None:
    with pytest.raises(ValidationError, match="tokens, usd or calls"):
        SpendLimit()
    with pytest.raises(ValidationError):
        SpendLimit(tokens=0)


def test_a_reservation_waits_for_others_to_settle() -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(tokens=100))
        first = await budget.reserve(Amount(60, 0, 1), 1)
        second = asyncio.create_task(budget.reserve(Amount(60, 0, 1), 1))
        await settled()
        assert not second.done()
        budget.settle(first, Amount(40, 0, 1))
        assert (await second).draws == 1
        assert budget.spent == Amount(40, 0, 1)

    run(body())


def test_the_limit_is_an_error_only_when_all_is_settled() -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(tokens=100))
        first = await budget.reserve(Amount(60, 0, 1), 1)
        second = asyncio.create_task(budget.reserve(Amount(60, 0, 1), 1))
        await settled()
        budget.settle(first, Amount(41, 0, 1))
        with pytest.raises(SpendLimitError, match="spent 41 of 100 tokens"):
            await second

    run(body())


def test_a_call_gets_as_many_draws_as_fit_when_nothing_is_left_to_settle() -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(tokens=100))
        got = await budget.reserve(Amount(30, 0, 1), 8)
        assert got == Reservation(Amount(90, 0, 1), 3)

    run(body())


def test_who_waits_goes_first_come_first_served() -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(tokens=100))
        first = await budget.reserve(Amount(90, 0, 1), 1)
        big = asyncio.create_task(budget.reserve(Amount(80, 0, 1), 1))
        await settled()
        small = asyncio.create_task(budget.reserve(Amount(5, 0, 1), 1))
        await settled()
        assert not small.done()  # it would fit, but must not starve the big one
        budget.settle(first, Amount(5, 0, 1))
        await settled()
        assert big.done()
        assert small.done()

    run(body())


def test_one_who_gives_up_waiting_holds_nobody_up() -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(tokens=100))
        await budget.reserve(Amount(90, 0, 1), 1)
        big = asyncio.create_task(budget.reserve(Amount(80, 0, 1), 1))
        await settled()
        small = asyncio.create_task(budget.reserve(Amount(5, 0, 1), 1))
        await settled()
        big.cancel()
        assert (await small).draws == 1

    run(body())


def test_calls_and_dollars_are_limited_too() -> None:
    async def body() -> None:
        calls = Budget(SpendLimit(calls=2))
        for _ in range(2):
            calls.settle(await calls.reserve(Amount(calls=1), 5), Amount(calls=1))
        with pytest.raises(SpendLimitError, match="2 of 2 calls"):
            await calls.reserve(Amount(calls=1), 1)
        dollars = Budget(SpendLimit(usd=1.0))
        dollars.settle(await dollars.reserve(Amount(0, 0.9, 1), 1), Amount(0, 0.5, 1))
        with pytest.raises(SpendLimitError, match=r"\$0.5000 of \$1.0000"):
            await dollars.reserve(Amount(0, 0.6, 1), 1)

    run(body())


def test_one_more_call_is_refused_where_calls_in_flight_took_the_rest() -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(calls=2))
        await budget.reserve(Amount(calls=1), 1)
        budget.one_more_call()
        with pytest.raises(SpendLimitError, match="1 of 2 calls beside 1 in flight"):
            budget.one_more_call()
        assert budget.spent.calls == 1

    run(body())


def test_a_budget_is_shared_across_loops() -> None:
    """Two loops in two threads, one budget: neither hangs, and the limit holds."""
    budget = Budget(SpendLimit(calls=200))

    async def spend() -> int:
        done = 0
        while True:
            try:
                reservation = await budget.reserve(Amount(calls=1), 1)
            except SpendLimitError:
                return done
            await asyncio.sleep(0)
            budget.settle(reservation, Amount(calls=1))
            done += 1

    async def many() -> int:
        return sum(await asyncio.gather(*(spend() for _ in range(5))))

    async def both() -> None:
        there = asyncio.to_thread(asyncio.run, many())
        assert sum(await asyncio.gather(many(), there)) == 200

    run(both())


@given(
    limit=st.integers(1, 2000),
    calls=st.lists(st.tuples(st.integers(1, 300), st.integers(1, 4), st.floats(0, 1)), max_size=30),
)
def test_no_order_of_calls_passes_the_limit(limit: int, calls: list[tuple[int, int, float]]) -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(tokens=limit))

        async def call(worst: int, draws: int, share: float) -> None:
            while draws:
                try:
                    reservation = await budget.reserve(Amount(worst, 0, 1), draws)
                except SpendLimitError:
                    return
                await asyncio.sleep(0)
                assert budget.spent.tokens + budget._reserved.tokens <= limit
                budget.settle(reservation, Amount(int(reservation.amount.tokens * share), 0, 1))
                draws -= reservation.draws

        await asyncio.gather(*(call(*one) for one in calls))
        assert budget.spent.tokens <= limit
        assert budget._reserved == Amount()
        assert not budget._queue

    run(body())


def test_the_ledger_knows_what_was_paid_between_two_moments() -> None:
    ledger = Ledger()
    ledger.count(calls=1, draws=2)
    ledger.bill(Usage(prompt_tokens=5, completion_tokens=3), 0.25)
    mark = ledger.mark()
    assert ledger.paid(since=mark) == Paid()
    ledger.count(calls=2, failed=1, cancelled=1, doubles=1, unsure_tokens=9)
    ledger.bill(Usage(prompt_tokens=7, completion_tokens=1, cached_tokens=2, reasoning_tokens=1), 0.5)
    since = ledger.paid(since=mark)
    assert since == Paid(
        usage=Usage(prompt_tokens=7, completion_tokens=1, cached_tokens=2, reasoning_tokens=1),
        usd=0.5,
        calls=2,
        failed=1,
        cancelled=1,
        doubles=1,
        unsure_tokens=9,
    )
    assert ledger.paid().usd == 0.75
    assert ledger.paid() == Paid(usage=Usage(prompt_tokens=5, completion_tokens=3), usd=0.25, calls=1, draws=2) + since


def test_an_unknown_price_is_none_and_nothing_bought_is_nothing_paid() -> None:
    ledger = Ledger()
    assert ledger.paid().usd == 0.0
    ledger.bill(Usage(prompt_tokens=5), 0.25)
    mark = ledger.mark()
    ledger.bill(Usage(prompt_tokens=5), None)
    assert ledger.paid().usd is None
    assert (ledger.paid(since=mark) + Paid(usd=1.0)).usd is None
