"""Requests in flight adapt to the server and never pass the cap; minute limits hold; nobody is overtaken."""

import asyncio
import gc
from collections.abc import Sequence
from pathlib import Path

import pytest
from fault_client import FaultServer
from hypothesis import given
from hypothesis import strategies as st

import reasoning
from reasoning.backends.budgeted import Budgeted
from reasoning.backends.landing import requesting
from reasoning.backends.opened import OpenedBackend
from reasoning.backends.paced import Paced, shared_pacer
from reasoning.backends.pacer import COOL_DOWN_S, Pacer, Slot
from reasoning.backends.precedence import Beginning
from reasoning.backends.scripted import Scripted
from reasoning.backends.server_limit import FIRST_PAUSE_S, LONGEST_PAUSE_S
from reasoning.backends.windows import Window
from reasoning.budget import Budget, Ledger, SpendLimit
from reasoning.completion import Completion, Failure
from reasoning.errors import AuthenticationError
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.usage import Usage

ASKED = Request(prompt="How many?", sampling=Sampling(temperature=0.7, max_tokens=50))
FINE = [Completion(index=0, text="fine")]


def limited(retry_after: float | None = None) -> list[Completion]:
    failure = Failure(kind="rate_limit", message="slow down", retryable=True, retry_after=retry_after)
    return [Completion.failed(ASKED, 0, failure)]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def full(pacer: Pacer) -> list[Slot]:
    """Takes every slot there is."""
    return [await pacer.acquire() for _ in range(pacer.limit - pacer.in_flight)]


async def rounds(pacer: Pacer, answer: Sequence[Completion] = FINE, n: int = 1) -> None:
    for _ in range(n):
        for slot in await full(pacer):
            pacer.release(slot, answer)


def test_it_starts_small_grows_and_stops_at_the_cap() -> None:
    async def body() -> None:
        pacer = Pacer(start=20, cap=100)
        slots = await full(pacer)
        for answers, limit in ((0, 20), (40, 30), (60, 45), (500, 100)):
            for _ in range(answers):
                pacer.release(slots.pop(0), FINE)
                slots += await full(pacer)
            assert pacer.limit == limit

    asyncio.run(body())


async def refuse(pacer: Pacer, clock: Clock) -> None:
    """A rate limit that has passed a moment later."""
    slots = await full(pacer)
    for slot in slots:
        pacer.release(slot, limited())  # all at once are one event
    clock.now += FIRST_PAUSE_S
    pacer.release(await pacer.acquire(), FINE)


def test_a_rate_limit_cuts_once_in_fifteen_seconds_and_then_it_grows_slowly() -> None:
    async def body() -> None:
        clock = Clock()
        pacer = Pacer(start=50, cap=100, clock=clock)
        await refuse(pacer, clock)
        assert pacer.limit == 40
        await rounds(pacer, FINE, 5)
        assert pacer.limit == 40  # cooling down
        clock.now = COOL_DOWN_S
        await rounds(pacer, FINE)
        assert 40 <= pacer.limit <= 41
        await rounds(pacer, FINE, 4)
        assert 41 <= pacer.limit <= 45
        await refuse(pacer, clock)
        assert 32 <= pacer.limit <= 36

    asyncio.run(body())


def test_it_never_falls_below_one() -> None:
    async def body() -> None:
        clock = Clock()
        pacer = Pacer(start=2, cap=9, clock=clock)
        for _ in range(20):
            clock.now += COOL_DOWN_S
            await refuse(pacer, clock)
        assert pacer.limit == 1

    asyncio.run(body())


def test_it_does_not_grow_while_little_of_it_is_used() -> None:
    async def body() -> None:
        pacer = Pacer(start=20, cap=100)
        for _ in range(200):
            slots = [await pacer.acquire() for _ in range(15)]
            for slot in slots:
                pacer.release(slot, FINE)
        assert pacer.limit == 20

    asyncio.run(body())


def test_it_does_not_grow_while_this_client_is_what_is_slow() -> None:
    """Each turn of the loop takes 20 ms: much beside a request of 20 ms, little beside one of 5 s."""

    async def grown(request_s: float) -> int:
        clock = Clock()
        pacer = Pacer(start=20, cap=100, clock=clock)
        for _ in range(40):
            slots = await full(pacer)
            clock.now += request_s
            for slot in slots:
                pacer.release(slot, FINE)
                clock.now += 0.02 / len(slots)
            await asyncio.sleep(0)
        return pacer.limit

    assert asyncio.run(grown(5.0)) == 100
    assert asyncio.run(grown(0.02)) < 40


def test_an_engine_of_ours_keeps_its_number() -> None:
    async def body() -> None:
        pacer = Pacer(default_cap=4, adaptive=False)
        await rounds(pacer, FINE, 10)
        await rounds(pacer, limited())
        assert pacer.limit == 4

    asyncio.run(body())


def test_a_wait_that_a_server_asks_for_pauses_everyone() -> None:
    clock = Clock()
    pacer = Pacer(clock=clock)

    async def body() -> None:
        slots = [await pacer.acquire() for _ in range(3)]
        pacer.release(slots[0], limited(retry_after=7))
        assert pacer._delay(0) == 7
        pacer.release(slots[1], limited(retry_after=60))
        assert pacer._delay(0) == 60
        pacer.release(slots[2], limited(retry_after=3600))
        assert pacer._delay(0) == LONGEST_PAUSE_S
        clock.now = LONGEST_PAUSE_S
        assert pacer._delay(0) == 0

    asyncio.run(body())


def test_a_pause_ends_by_itself() -> None:
    async def body() -> None:
        pacer = Pacer()
        pacer.release(await pacer.acquire(), limited(retry_after=0.05))
        began = asyncio.get_running_loop().time()
        await pacer.acquire()
        assert 0.04 < asyncio.get_running_loop().time() - began < 1

    asyncio.run(asyncio.wait_for(body(), 5))


def test_first_come_first_served() -> None:
    async def body() -> None:
        pacer, order = Pacer(cap=1), []

        async def one(n: int) -> None:
            slot = await pacer.acquire()
            order.append(n)
            await asyncio.sleep(0)
            pacer.release(slot, FINE)

        await asyncio.gather(*(one(n) for n in range(20)))
        assert order == list(range(20))

    asyncio.run(body())


def test_slots_survive_cancelling() -> None:
    async def body() -> None:
        pacer = Pacer(cap=2)
        held = [await pacer.acquire() for _ in range(2)]
        waiting = [asyncio.create_task(pacer.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()  # while it waits
        pacer.release(held[0], FINE)
        waiting[1].cancel()  # maybe just when it was given the slot
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        pacer.release(await waiting[2], FINE)
        pacer.release(held[1], FINE)
        assert pacer.in_flight == 0
        assert pacer._line.first() is None

    asyncio.run(asyncio.wait_for(body(), 5))


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(1, 30)), max_size=40), st.integers(10, 60))
def test_no_minute_holds_more_than_its_limit(arrivals: list[tuple[float, int]], limit: int) -> None:
    window, now = Window(limit), 0.0
    started: list[tuple[float, int]] = []
    for pause, amount in arrivals:
        now += pause
        for _ in range(100):
            delay = window.delay(amount, now)
            if delay <= 0:
                break
            now += delay + 1e-9
        else:
            pytest.fail("it waits for ever")
        window.add(amount, now)
        started.append((now, amount))
    for at, _ in started:
        inside = [amount for then, amount in started if at - 60 < then <= at]
        assert sum(inside) <= limit or len(inside) == 1


def test_a_worst_case_gives_way_to_what_it_was() -> None:
    window = Window(100)
    entry = window.add(90, 0.0)
    assert window.delay(50, 1.0) == 59.0
    window.correct(entry, 20)
    assert window.delay(50, 1.0) == 0.0
    assert window.delay(50, 61.0) == 0.0
    window.correct(entry, 90)  # it has left the window
    assert window.delay(100, 61.0) == 0.0


def test_requests_and_tokens_a_minute_hold_through_the_layer() -> None:
    async def body() -> None:
        clock = Clock()
        used = Completion(index=0, text="fine", usage=Usage(prompt_tokens=9, completion_tokens=11))
        pacer = Pacer(requests_per_minute=3, tokens_per_minute=130, clock=clock)
        paced = Paced(Scripted(lambda request, index: used), pacer)
        await paced.complete(ASKED, [0, 1])  # worst case 2 × 59, really 40
        await paced.complete(ASKED, [2])
        assert pacer._delay(59) == 0  # 60 of 130 are used
        assert pacer._delay(71) == 60
        await paced.complete(ASKED, [3])
        assert pacer._delay(1) == 60  # three requests are

    asyncio.run(body())


def test_a_cancelled_call_gives_its_slot_back() -> None:
    async def body() -> None:
        driver = Scripted(lambda request, index: "late")
        driver.options = driver.options.model_copy(update={"latency_s": 60.0})
        pacer = Pacer(cap=1)
        task = asyncio.create_task(Paced(driver, pacer).complete(ASKED, [0]))
        await asyncio.sleep(0.01)
        assert pacer.in_flight == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pacer.in_flight == 0

    asyncio.run(body())


def test_a_refused_key_ends_the_waiting_of_all_and_then_it_is_tried_anew() -> None:
    async def body() -> None:
        answers: list[Completion | AuthenticationError] = [AuthenticationError("wrong key"), *FINE]

        def script(request: Request, index: int) -> Completion:
            answer = answers.pop(0)
            if isinstance(answer, AuthenticationError):
                raise answer
            return answer

        paced = Paced(Scripted(script), Pacer(cap=1))
        held = await paced.pacer.acquire()
        asks = [asyncio.create_task(paced.complete(ASKED, [n])) for n in range(9)]
        await asyncio.sleep(0)
        paced.pacer.release(held, ())
        done = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(one) for one in done] == [AuthenticationError] * 9
        assert (await paced.complete(ASKED, [0]))[0].text == "fine"
        assert paced.pacer.in_flight == 0

    asyncio.run(asyncio.wait_for(body(), 5))


# Each request of a call


class Fan(Scripted):
    """Sends a request for each draw, all of a call at once."""

    def __init__(self) -> None:
        super().__init__(lambda request, index: f"draw {index}")
        self.in_flight = self.most = 0

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        return list(await asyncio.gather(*(self._one(request, index) for index in indices)))

    async def _one(self, request: Request, index: int) -> Completion:
        async with requesting(1) as sent:
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            await asyncio.sleep(0)
            got = await super().complete(request, [index])
            sent.answered(got)
            self.in_flight -= 1
        return got[0]


@pytest.mark.parametrize("cap", [1, 3])
def test_a_fan_out_takes_a_slot_for_each_request(cap: int) -> None:
    async def body() -> None:
        driver, pacer = Fan(), Pacer(cap=cap, requests_per_minute=100, tokens_per_minute=10**6)
        paced = Paced(driver, pacer)
        got = await asyncio.gather(*(paced.complete(ASKED, range(4)) for _ in range(5)))
        assert [[c.text for c in one] for one in got] == [[f"draw {n}" for n in range(4)]] * 5
        assert driver.most == cap
        assert pacer.in_flight == 0
        assert pacer._requests is not None
        assert pacer._tokens is not None
        assert pacer._requests.used == 20
        assert pacer._tokens.used == sum(c.usage.total_tokens for one in got for c in one)

    asyncio.run(asyncio.wait_for(body(), 5))


def test_a_fan_out_and_a_spend_limit_do_not_wait_for_each_other() -> None:
    """Each call reserves all that is left, and needs the one slot again for its second request."""

    async def body() -> None:
        budget = Budget(SpendLimit(tokens=1400, reserve="worst"))
        paced = Paced(Budgeted(Fan(), Ledger(), budget), Pacer(cap=1))
        got = await asyncio.gather(*(paced.complete(ASKED, range(4)) for _ in range(5)))
        assert [c.text for one in got for c in one] == [f"draw {n}" for n in range(4)] * 5

    asyncio.run(asyncio.wait_for(body(), 5))


def test_the_openai_driver_keeps_to_one_request_in_flight(fault_server: FaultServer) -> None:
    """The server takes no `n`: a call for six draws becomes six requests."""
    fault_server.configure(refuse=["n"], latency_s=0.01)

    async def body() -> None:
        options = {"base_url": fault_server.base_url, "api_key": "none", "max_concurrency": 1}
        async with reasoning.open_backend("openai/fault", **options) as backend:
            got = await asyncio.gather(*(backend.complete(ASKED, range(at, at + 6)) for at in (0, 6)))
        assert [c.failure for one in got for c in one] == [None] * 12

    asyncio.run(asyncio.wait_for(body(), 20))
    assert fault_server.stats()["most_in_flight"] == 1


def test_an_earlier_problem_is_served_first() -> None:
    """What the first problem asks for while all wait goes before what later ones asked for long ago."""

    async def body() -> None:
        paced, order = Paced(Scripted(lambda request, index: "fine"), Pacer(cap=1)), []

        async def problem(n: int) -> None:
            with Beginning():
                for step in range(3):
                    await paced.complete(ASKED, [0])
                    order.append((n, step))

        await asyncio.gather(*(problem(n) for n in range(5)))
        assert order == [(n, step) for n in range(5) for step in range(3)]

    asyncio.run(asyncio.wait_for(body(), 5))


def test_idle_is_told_when_nobody_waits() -> None:
    async def body() -> None:
        pacer = Pacer(cap=2)
        assert await pacer.idle() == 2
        held = await full(pacer)
        asks, idle = [asyncio.create_task(pacer.acquire()) for _ in range(2)], asyncio.create_task(pacer.idle())
        late = asyncio.create_task(pacer.acquire())
        await asyncio.sleep(0)
        for slot in held:
            pacer.release(slot, FINE)
        held = await asyncio.gather(*asks)
        await asyncio.sleep(0)
        assert not idle.done()
        pacer.release(held[0], FINE)
        held[0] = await late
        assert not idle.done()
        pacer.release(held[0], FINE)
        assert await idle == 1

    asyncio.run(asyncio.wait_for(body(), 5))


# One pacer for each endpoint and key


def pacer_of(opened: OpenedBackend) -> Pacer:
    paced = opened.inner.inner.inner  # type: ignore[attr-defined]
    assert isinstance(paced, Paced)
    return paced.pacer


def test_backends_of_one_endpoint_and_key_share_a_pacer() -> None:
    async def body() -> None:
        def opened(key: str = "first-key", port: int = 1, cap: int | None = None) -> OpenedBackend:
            url = f"http://127.0.0.1:{port}/v1"
            return reasoning.open_backend("openai/m", base_url=url, api_key=key, max_concurrency=cap)

        one, two, other_key, other_port = opened(), opened(cap=7), opened(key="other-key"), opened(port=2)
        assert pacer_of(one) is pacer_of(two)
        assert pacer_of(one).cap == pacer_of(one).limit == 7  # the stricter holds
        assert len({id(pacer_of(b)) for b in (one, other_key, other_port)}) == 3
        assert pacer_of(other_key).limit == 20
        for backend in (one, two, other_key, other_port):
            await backend.aclose()

    asyncio.run(body())
    gc.collect()


def test_stricter_limits_are_taken_on() -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        first = shared_pacer(loop, "x", Pacer(requests_per_minute=10))
        assert shared_pacer(loop, "x", Pacer(requests_per_minute=5, tokens_per_minute=9, cap=3)) is first
        assert first._requests is not None
        assert first._tokens is not None
        assert (first._requests.limit, first._tokens.limit, first.cap) == (5, 9, 3)
        assert shared_pacer(loop, "x", Pacer(cap=50)).cap == 3

    asyncio.run(body())


def test_engines_of_ours_each_have_their_own_number(tmp_path: Path) -> None:
    async def body() -> None:
        one = reasoning.open_backend("scripted/constant")
        two = reasoning.open_backend("scripted/constant", max_concurrency=3)
        assert (pacer_of(one).limit, pacer_of(two).limit) == (64, 3)
        await one.aclose()
        await two.aclose()

    asyncio.run(body())
