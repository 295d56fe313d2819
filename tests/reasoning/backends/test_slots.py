"""Slots are served by precedence, then by arrival, and a cancelled wait leaves nothing behind."""

import asyncio

import pytest

from reasoning.backends.paced import Paced
from reasoning.backends.pacer import Pacer
from reasoning.backends.precedence import Beginning
from reasoning.backends.scripted import Scripted
from reasoning.backends.slots import Slots


async def _settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_call_for_many_is_not_overtaken() -> None:
    async def main() -> list[str]:
        slots, order = Slots(4), list[str]()

        async def take(name: str, count: int) -> None:
            await slots.take(count)
            order.append(name)

        async with asyncio.TaskGroup() as group:
            for name, count in (("a", 3), ("all", 4), ("b", 1)):
                group.create_task(take(name, count))
            await _settle()
            assert order == ["a"]
            slots.give(3)
            await _settle()
            assert order == ["a", "all"]
            slots.give(1)
        return order

    assert asyncio.run(main()) == ["a", "all", "b"]


def test_a_cancelled_wait_lets_the_next_go() -> None:
    async def main() -> None:
        slots = Slots(2)
        await slots.take(1)
        first = asyncio.create_task(slots.take(2))
        second = asyncio.create_task(slots.take(1))
        await _settle()
        assert not second.done()
        first.cancel()
        await _settle()
        assert second.done()

    asyncio.run(main())


def test_slots_granted_in_the_moment_of_cancelling_come_back() -> None:
    async def main() -> None:
        slots = Slots(1)
        await slots.take(1)
        waiting = asyncio.create_task(slots.take(1))
        await _settle()
        slots.give(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(slots.take(1), 1)

    asyncio.run(main())


def test_an_earlier_problem_is_served_first_and_idle_slots_are_told_last() -> None:
    async def main() -> list[str]:
        slots, order = Slots(1), list[str]()
        await slots.take()

        async def take(name: str, began: float) -> None:
            with Beginning(began):
                await slots.take()
            order.append(name)
            await asyncio.sleep(0)
            slots.give()

        async def idle() -> None:
            order.append(f"{await slots.idle()} idle")

        async with asyncio.TaskGroup() as group:
            group.create_task(idle())
            for name, began in (("third", 3.0), ("first", 1.0), ("second", 2.0)):
                group.create_task(take(name, began))
            await _settle()
            slots.give()
        return order

    assert asyncio.run(main()) == ["first", "second", "third", "1 idle"]


def test_a_backend_is_idle_where_both_its_pacer_and_its_engine_are() -> None:
    class Engine(Scripted):
        def __init__(self) -> None:
            super().__init__(lambda request, index: "fine")
            self.slots = Slots(4)

        async def idle(self) -> int:
            return await self.slots.idle()

    async def main() -> None:
        engine, pacer = Engine(), Pacer(cap=2)
        paced = Paced(engine, pacer)
        assert await paced.idle() == 2
        await engine.slots.take(3)
        assert await paced.idle() == 1
        await engine.slots.take(1)
        waits = asyncio.create_task(paced.idle())
        await _settle()
        assert not waits.done()
        engine.slots.give(2)
        assert await waits == 2

    asyncio.run(asyncio.wait_for(main(), 5))
