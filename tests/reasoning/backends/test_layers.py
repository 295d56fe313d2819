"""All layers and the real client against a server that misbehaves: no draw is lost, each ends as what it is."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
from fault_client import FaultServer

import reasoning
from reasoning.backends.opened import OpenedBackend
from reasoning.budget import SpendLimit
from reasoning.completion import Completion
from reasoning.errors import AuthenticationError, BadRequestError, ConfigError, SpendLimitError
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import checking, upkeep

SAMPLING = Sampling(temperature=0.7, max_tokens=50)
SWIFT = {"attempts": 4, "first_wait_s": 0.01, "longest_wait_s": 0.05}
PRICES = {"openai/fault": {"input": 1.0, "output": 2.0}}
KEY = "sk-nobody-may-see-this"
PROMPTS, SAMPLES = 8, 5


def opened(server: FaultServer, **more: Any) -> OpenedBackend:
    options = {"api_key": KEY, "api": "completions", "timeout_s": 1.0, "max_samples": 1, "retry": SWIFT, **more}
    return reasoning.open_backend("openai/fault", base_url=server.base_url, **options)


def request(n: int) -> Request:
    return Request(prompt=f"Question {n}:", sampling=SAMPLING)


async def buy(backend: OpenedBackend, prompts: int = PROMPTS, samples: int = SAMPLES) -> list[Completion]:
    asks = [backend.complete(request(n), [i]) for n in range(prompts) for i in range(samples)]
    return [one[0] for one in await asyncio.wait_for(asyncio.gather(*asks), 60)]


def bought(server: FaultServer, store: Path | None = None, **more: Any) -> tuple[list[Completion], Any]:
    async def body() -> tuple[list[Completion], Any]:
        async with opened(server, store=store, **more) as backend:
            return await buy(backend), backend.paid

    return asyncio.run(body())


def texts(completions: list[Completion]) -> list[str]:
    return [c.text for c in completions]


PASSING = {
    "429": {"kind": "status", "status": 429},
    "429 with Retry-After": {"kind": "status", "status": 429, "headers": {"Retry-After": "0.05"}},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "408": {"kind": "status", "status": 408},
    "too slow": {"kind": "delay", "delay_s": 5.0},
    "hangs": {"kind": "hang"},
    "reset": {"kind": "reset"},
    "cut off": {"kind": "cut_off"},
    "malformed": {"kind": "malformed"},
    "empty": {"kind": "empty"},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_passing_fault_costs_no_draw(fault_server: FaultServer, tmp_path: Path, fault: dict[str, Any]) -> None:
    """Each fifth request, and each prompt's first try, fails for a passing reason."""
    right = texts(bought(fault_server)[0])
    fault_server.configure(faults=[{**fault, "every": 5}])
    got, paid = bought(fault_server, tmp_path / "s", prices=PRICES)
    assert [c.failure for c in got] == [None] * len(got)
    assert texts(got) == right
    assert paid.draws == PROMPTS * SAMPLES
    assert paid.failed == paid.calls - paid.draws > 0
    assert all(c.cost is not None for c in got)
    assert upkeep.stats(tmp_path / "s").draws == PROMPTS * SAMPLES


LASTING = {
    "429": ({"kind": "status", "status": 429}, "rate_limit"),
    "500": ({"kind": "status", "status": 500}, "server_error"),
    "hangs": ({"kind": "hang"}, "timeout"),
    "reset": ({"kind": "reset"}, "connection"),
    "cut off": ({"kind": "cut_off"}, "connection"),
    "malformed": ({"kind": "malformed"}, "malformed"),
}


@pytest.mark.parametrize(("fault", "kind"), LASTING.values(), ids=LASTING.keys())
def test_a_lasting_fault_fails_its_own_draws_with_the_cause(
    fault_server: FaultServer, tmp_path: Path, fault: dict[str, Any], kind: str
) -> None:
    """One prompt of the eight fails for good; resumed on a sound server, only that one is bought."""
    fault_server.configure(faults=[{**fault, "match": "Question 3:"}])
    retry = {**SWIFT, "total_s": 0.2 if kind == "rate_limit" else 600.0}  # attempts do not end those
    got, paid = bought(fault_server, tmp_path / "s", timeout_s=1.0 if kind == "timeout" else 20.0, retry=retry)
    for place, completion in enumerate(got):
        if place // SAMPLES == 3:
            assert completion.finish == "failed"
            assert completion.failure is not None
            assert completion.failure.kind == kind
            tried = re.search(r"\(tried (\d+) times\)", completion.failure.message)
            assert kind == "rate_limit" or (tried is not None and tried[1] == "4")
        else:
            assert completion.failure is None
    assert paid.draws == (PROMPTS - 1) * SAMPLES
    assert paid.failed >= SAMPLES
    assert kind == "rate_limit" or paid.failed == 4 * SAMPLES
    fault_server.configure()
    again, paid = bought(fault_server, tmp_path / "s")
    assert [c.failure for c in again] == [None] * len(again)
    assert paid.draws == fault_server.stats()["sold"] == SAMPLES


def test_a_storm_of_all_faults_loses_nothing(fault_server: FaultServer, tmp_path: Path) -> None:
    right = texts(bought(fault_server)[0])
    faults = [{**fault, "every": 7 + 2 * n} for n, fault in enumerate(PASSING.values())]
    fault_server.configure(faults=faults, latency_s=0.005)
    got, _ = bought(fault_server, tmp_path / "s", retry={**SWIFT, "attempts": 12})
    assert texts(got) == right
    assert checking.verify(tmp_path / "s").clean


@pytest.mark.parametrize("returned", [1, 2, 7])
def test_a_wrong_number_of_samples_loses_no_draw(fault_server: FaultServer, tmp_path: Path, returned: int) -> None:
    right = texts(bought(fault_server)[0])
    fault_server.configure(returns_n=returned)
    got, paid = bought(fault_server, tmp_path / "s", max_samples=4)
    assert [c.index for c in got] == list(range(SAMPLES)) * PROMPTS
    assert [c.failure for c in got] == [None] * len(got)
    assert texts(got) == right
    assert paid.draws == PROMPTS * SAMPLES


@pytest.mark.parametrize(
    ("server", "named"),
    [({"honours_seed": False}, True), ({"honours_n_seeds": False}, True), ({}, False)],
    ids=["no seeds", "one seed for all samples", "as it should"],
)
def test_a_server_that_ignores_seeds_is_named(fault_server: FaultServer, server: dict[str, Any], named: bool) -> None:
    fault_server.configure(answers=10**9, **server)

    async def body() -> tuple[str, ...]:
        async with opened(fault_server, max_samples=SAMPLES) as backend:
            await buy(backend)
            return backend.notices

    assert any("ignores seeds" in notice for notice in asyncio.run(body())) == named


def test_a_wrong_key_stops_at_once_in_the_servers_words(fault_server: FaultServer, tmp_path: Path) -> None:
    fault_server.configure(api_key="another", latency_s=0.02)
    with pytest.raises(AuthenticationError, match="Incorrect API key") as error:
        bought(fault_server, tmp_path / "s")
    assert KEY not in str(error.value)
    assert fault_server.stats()["requests"] <= 20 + 5
    assert KEY.encode() not in (tmp_path / "s").read_bytes()


def test_a_bad_request_costs_its_own_draws_once_others_were_answered(fault_server: FaultServer, tmp_path: Path) -> None:
    bad = [{"kind": "status", "status": 400, "message": "Your prompt is no prompt."}]

    async def body() -> None:
        async with opened(fault_server) as backend:
            fault_server.configure(faults=bad)
            with pytest.raises(BadRequestError, match="Your prompt is no prompt"):
                await buy(backend)
        async with opened(fault_server, store=tmp_path / "s") as backend:
            fault_server.configure()
            await backend.complete(request(0), [0, 1])
            fault_server.configure(faults=bad)
            for completion in (await buy(backend))[2:]:
                assert completion.failure is not None
                assert "Your prompt is no prompt" in completion.failure.message

    asyncio.run(body())
    assert upkeep.stats(tmp_path / "s").draws == 2


def test_keys_appear_nowhere(fault_server: FaultServer, tmp_path: Path) -> None:
    async def body() -> str:
        async with opened(fault_server, store=tmp_path / "s") as backend:
            got = await buy(backend, 2, 2)
            return f"{backend!r} {backend.spec} {backend.identity} {got} {backend.paid} {backend.notices}"

    shown = asyncio.run(body())
    assert KEY not in shown
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())


# Limits, against what the server has really sold


@pytest.mark.parametrize("samples", [1, 4])
def test_a_limit_in_tokens_ends_the_run_with_what_it_has(
    fault_server: FaultServer, tmp_path: Path, samples: int
) -> None:
    limit = 3000

    async def body() -> Any:
        more = {"max_samples": samples, "spend_limit": SpendLimit(tokens=limit)}
        async with opened(fault_server, store=tmp_path / "s", **more) as backend:
            asks = [backend.complete(request(n), range(4)) for n in range(200)]
            done = await asyncio.gather(*asks, return_exceptions=True)
            return done, backend.paid

    done, paid = asyncio.run(body())
    stopped = [one for one in done if isinstance(one, SpendLimitError)]
    assert stopped
    assert len([one for one in done if isinstance(one, list)]) + len(stopped) == 200
    assert paid.usage.total_tokens <= limit
    assert paid.usage.total_tokens > limit - 4 * 300
    assert fault_server.stats()["sold"] == paid.draws == upkeep.stats(tmp_path / "s").draws


def test_a_limit_in_dollars_holds(fault_server: FaultServer) -> None:
    async def body() -> Any:
        async with opened(fault_server, prices=PRICES, spend_limit={"usd": 0.003}) as backend:
            with pytest.raises(SpendLimitError, match=r"of \$0\.0030"):
                await buy(backend, 200, 1)
            return backend.paid

    paid = asyncio.run(body())
    assert 0.002 < paid.usd <= 0.003


def test_a_limit_in_calls_counts_retries(fault_server: FaultServer) -> None:
    fault_server.configure(faults=[{"kind": "status", "status": 500, "every": 2}])

    async def body() -> None:
        async with opened(fault_server, spend_limit={"calls": 9}) as backend:
            with pytest.raises(SpendLimitError, match="9 of 9 calls"):
                await buy(backend, 20, 1)

    asyncio.run(body())
    assert fault_server.stats()["requests"] == 9


@pytest.mark.parametrize("server", [{"refuse": ["n"]}, {"returns_n": 1}], ids=["n refused", "one sample only"])
def test_a_limit_in_calls_holds_while_a_server_is_learnt(
    fault_server: FaultServer, tmp_path: Path, server: dict[str, Any]
) -> None:
    """Many requests become of one call; each counts, and what they brought is kept."""
    fault_server.configure(**server)

    async def body() -> Any:
        async with opened(fault_server, store=tmp_path / "s", max_samples=16, spend_limit={"calls": 9}) as backend:
            with pytest.raises(SpendLimitError, match="of 9 calls"):
                await backend.complete(request(0), range(16))
            return backend.paid

    paid = asyncio.run(body())
    assert paid.calls == fault_server.stats()["requests"] == 9
    assert upkeep.stats(tmp_path / "s").draws >= 1


def test_a_limit_in_dollars_without_a_price_is_refused(fault_server: FaultServer) -> None:
    with pytest.raises(ConfigError, match="price of openai/fault is not known"):
        opened(fault_server, spend_limit={"usd": 1.0})


# Pacing, as the server sees it


def test_no_more_in_flight_than_asked_for(fault_server: FaultServer) -> None:
    fault_server.configure(latency_s=0.01)
    bought(fault_server, max_concurrency=3)
    assert fault_server.stats()["most_in_flight"] == 3


def test_two_backends_share_the_cap(fault_server: FaultServer) -> None:
    fault_server.configure(latency_s=0.01)

    async def body() -> None:
        async with opened(fault_server, max_concurrency=4) as one, opened(fault_server, max_concurrency=4) as two:
            await asyncio.gather(buy(one), buy(two))

    asyncio.run(body())
    assert fault_server.stats()["most_in_flight"] == 4


def test_rate_limits_slow_it_down(fault_server: FaultServer) -> None:
    """A server that says 429 to each third request is met with fewer requests in flight, and all draws come.

    The first two answers have let 20 grow to 22; one cut is all that fits into its fifteen seconds.
    """
    fault_server.configure(faults=[{"kind": "status", "status": 429, "every": 3}], latency_s=0.01)

    async def body() -> int:
        async with opened(fault_server, retry={**SWIFT, "attempts": 20}) as backend:
            got = await buy(backend)
            assert all(c.failure is None for c in got)
            return int(backend.inner.inner.inner.pacer.limit)  # type: ignore[attr-defined]

    assert 15 <= asyncio.run(body()) <= 17


def test_retry_after_is_respected(fault_server: FaultServer) -> None:
    fault_server.configure(faults=[{"kind": "status", "status": 429, "times": 1, "headers": {"Retry-After": "1"}}])

    async def body() -> float:
        async with opened(fault_server) as backend:
            await backend.complete(request(1), [0])
            began = time.monotonic()
            fault_server.configure(
                faults=[{"kind": "status", "status": 429, "times": 1, "headers": {"Retry-After": "1"}}]
            )
            await backend.complete(request(2), [0])
            return time.monotonic() - began

    assert 1.0 <= asyncio.run(body()) < 5


def test_more_samples_buy_only_the_rest(fault_server: FaultServer, tmp_path: Path) -> None:
    async def body(samples: int) -> list[Completion]:
        async with opened(fault_server, store=tmp_path / "s", max_samples=8) as backend:
            return await backend.complete(request(0), range(samples))

    eight, forty = asyncio.run(body(8)), asyncio.run(body(40))
    assert forty[:8] == eight
    stats = fault_server.stats()
    assert (stats["sold"], stats["sold_again"], stats["requests"]) == (40, 0, 5)
