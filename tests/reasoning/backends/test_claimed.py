"""Of several processes over one store one buys a draw, the others get it; no claim outlives its owner."""

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reasoning.backends.claimed import Claimed
from reasoning.backends.paced import Paced
from reasoning.backends.pacer import Pacer
from reasoning.backends.scripted import Scripted
from reasoning.backends.stored import Stored
from reasoning.completion import Completion, Failure
from reasoning.draws import draw_key, identity_text
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import Store
from reasoning.store.claims import Claims

HOLDER = Path(__file__).parents[2] / "support" / "hold_claim.py"
ASKED = Request(prompt="How many?", sampling=Sampling(temperature=0.7, max_tokens=50))


def driver() -> Scripted:
    return Scripted(lambda request, index: f"draw {index}")


IDENTITY = identity_text(driver().identity)
KEY = draw_key(IDENTITY, ASKED)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "s")
    yield store
    store.close()


@pytest.fixture
def holder(store: Store) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is buying row 0."""
    command = [sys.executable, str(HOLDER), str(store.path), KEY.hex()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    yield process
    process.kill()
    process.communicate()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def layered(inner: Scripted, store: Store) -> Stored:
    return Stored(Claimed(inner, store), Store.open(store.path))


def test_waiting_for_another_process_takes_no_slot(store: Store, holder: "subprocess.Popen[str]") -> None:
    async def body() -> None:
        pacer = Pacer(cap=1)
        stored = Stored(Paced(Claimed(driver(), store), pacer), Store.open(store.path))
        waits = asyncio.create_task(stored.complete(ASKED, [0]))
        assert (await stored.complete(ASKED, [1]))[0].text == "draw 1"
        assert not waits.done()
        holder.kill()
        assert (await waits)[0].text == "draw 0"
        assert pacer.in_flight == 0
        await stored.aclose()

    run(body())


def test_a_claim_is_its_owners_until_it_is_given_up(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "s")
    assert claims.take(KEY, 0, "a")
    assert claims.take(KEY, 0, "a")
    assert not claims.take(KEY, 0, "b")
    claims.release(KEY, 0, "b")
    assert not claims.take(KEY, 0, "b")
    claims.release(KEY, 0, "a")
    assert claims.take(KEY, 0, "b")
    claims.close()


def test_what_another_process_buys_is_waited_for_and_taken_from_the_store(
    store: Store, holder: "subprocess.Popen[str]"
) -> None:
    async def body() -> None:
        inner = driver()
        stored = layered(inner, store)
        ask = asyncio.create_task(stored.complete(ASKED, [0]))
        other = await stored.complete(ASKED, [1])
        assert other[0].text == "draw 1"
        await asyncio.sleep(0.1)
        assert not ask.done()
        store.write(KEY, IDENTITY, ASKED, [Completion(index=0, text="theirs", request=ASKED)]).result(10)
        assert (await ask)[0].text == "theirs"
        assert [indices for _, indices in inner.calls] == [(1,)]
        await stored.aclose()

    run(body())


def test_what_a_dead_process_was_buying_is_bought_here(store: Store, holder: "subprocess.Popen[str]") -> None:
    async def body() -> None:
        inner = driver()
        stored = layered(inner, store)
        ask = asyncio.create_task(stored.complete(ASKED, [0, 1]))
        await asyncio.sleep(0.1)
        assert not ask.done()
        holder.kill()
        assert [c.text for c in await ask] == ["draw 0", "draw 1"]
        assert [indices for _, indices in inner.calls] == [(1,), (0,)]
        await stored.aclose()

    run(body())


def test_what_was_stored_since_the_look_up_is_not_bought(store: Store) -> None:
    async def body() -> None:
        inner = driver()
        store.write(KEY, IDENTITY, ASKED, [Completion(index=0, text="theirs", request=ASKED)]).result(10)
        got = await Claimed(inner, store).complete(ASKED, [0])
        assert got[0].text == "theirs"
        assert inner.calls == []
        assert store.claims.take(KEY, 0, "another")

    run(body())


def test_claims_are_given_up_when_draws_are_stored_fail_or_are_cancelled(store: Store) -> None:
    class Mixed(Scripted):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            if 9 in indices:
                await asyncio.sleep(60)
            return await super().complete(request, indices)

    failure = Failure(kind="timeout", message="too slow", retryable=True)

    def script(request: Request, index: int) -> Any:
        return Completion.failed(request, index, failure) if index == 1 else f"draw {index}"

    async def body() -> None:
        stored = layered(Mixed(script), store)
        await stored.complete(ASKED, [0, 1])
        cancelled = asyncio.create_task(stored.complete(ASKED, [9]))
        await asyncio.sleep(0.05)
        assert not store.claims.take(KEY, 9, "another")
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert all(store.claims.take(KEY, row, "another") for row in (0, 1, 9))
        await stored.aclose()

    run(body())


def test_a_draw_found_in_the_store_is_no_double(store: Store) -> None:
    theirs = Completion(index=0, text="theirs", latency_s=0.5, request=ASKED)
    assert store.write(KEY, IDENTITY, ASKED, [theirs]).result(10).doubles == 0
    priced = theirs.model_copy(update={"cost": 0.5})
    assert store.write(KEY, IDENTITY, ASKED, [priced]).result(10).doubles == 0
    assert store.write(KEY, IDENTITY, ASKED, [theirs.model_copy(update={"latency_s": 0.6})]).result(10).doubles == 1
