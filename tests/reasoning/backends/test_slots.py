"""Slots are served in order of arrival, and a cancelled wait leaves nothing behind."""

import asyncio

import pytest

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
