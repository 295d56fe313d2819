"""Everything spent is in the ledger, and no limit is passed, whatever fails or is cancelled."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fault_client import FaultServer
from hypothesis import given, strategies

import reasoning
from reasoning.backends.billing import spent
from reasoning.backends.budgeted import TEMPLATE_TOKENS, Budgeted
from reasoning.backends.landing import landed, landing, requesting
from reasoning.backends.openai.shapes import Chat, read
from reasoning.backends.openai.tokens import usages
from reasoning.backends.scripted import Script, Scripted
from reasoning.backends.stored import Stored
from reasoning.budget import Amount, Budget, Ledger, SpendLimit
from reasoning.completion import Completion, Failure, Logprobs
from reasoning.errors import AuthenticationError, BackendError, BadRequestError, ConfigError, SpendLimitError
from reasoning.message import user
from reasoning.pricing import Rates
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import Store, upkeep
from reasoning.thoughts import Tags
from reasoning.usage import NO_USAGE, Usage

ASKED = Request(prompt="0123456789", sampling=Sampling(temperature=0.7, max_tokens=50))
WORST = 10 + TEMPLATE_TOKENS + 50
USED = Usage(prompt_tokens=4, completion_tokens=20)
RATES = Rates(input=1e6, output=2e6)  # a dollar a token read, two a token written


def reply(request: Request, index: int) -> Completion:
    return Completion(index=index, text="fine", usage=USED)


def budgeted(limit: SpendLimit | None, script: Script = reply, price: Rates | None = None) -> Budgeted:
    return Budgeted(Scripted(script), Ledger(), Budget(limit) if limit is not None else None, price)


def failing(kind: Any, usage: Usage = NO_USAGE) -> Script:
    failure = Failure(kind=kind, message="no", retryable=True, usage=usage)
    return lambda request, index: Completion.failed(request, index, failure)


def test_draws_are_priced_and_counted() -> None:
    layer = budgeted(None, price=RATES)
    got = asyncio.run(layer.complete(ASKED, [0, 1, 2]))
    assert [c.cost for c in got] == [44.0] * 3
    paid = layer.ledger.paid()
    assert (paid.calls, paid.draws, paid.usd) == (1, 3, 132.0)
    assert paid.usage == Usage(prompt_tokens=12, completion_tokens=60)


def test_an_unknown_price_gives_no_cost() -> None:
    layer = budgeted(None)
    assert asyncio.run(layer.complete(ASKED, [0]))[0].cost is None
    assert layer.ledger.paid().usd is None


def test_a_shared_prompt_is_billed_once_and_costs_each_draw_its_own() -> None:
    def shared(request: Request, index: int) -> Completion:
        billed = USED if index == 0 else USED.model_copy(update={"prompt_tokens": 0})
        return Completion(index=index, text="fine", usage=USED, billed=billed)

    layer = budgeted(None, shared, RATES)
    got = asyncio.run(layer.complete(ASKED, [0, 1]))
    assert [c.cost for c in got] == [44.0, 44.0]
    assert layer.ledger.paid().usage == Usage(prompt_tokens=4, completion_tokens=40)
    assert layer.ledger.paid().usd == 84.0


def test_a_failure_that_was_billed_is_paid() -> None:
    layer = budgeted(SpendLimit(tokens=1000), failing("malformed", USED), RATES)
    got = asyncio.run(layer.complete(ASKED, [0]))
    paid = layer.ledger.paid()
    assert got[0].cost is None
    assert (paid.failed, paid.draws, paid.usage, paid.usd, paid.unsure_tokens) == (1, 0, USED, 44.0, 0)


@pytest.mark.parametrize("kind", ["timeout", "connection", "malformed"])
def test_a_bill_that_no_one_told_counts_in_full_against_the_limit(kind: str) -> None:
    layer = budgeted(SpendLimit(tokens=2 * WORST), failing(kind))
    asyncio.run(layer.complete(ASKED, [0, 1]))
    assert layer.ledger.paid().unsure_tokens == 2 * WORST
    assert layer.budget is not None
    assert layer.budget.spent.tokens == 2 * WORST
    with pytest.raises(SpendLimitError):
        asyncio.run(layer.complete(ASKED, [2]))


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "context_overflow"])
def test_what_the_server_refused_costs_nothing(kind: str) -> None:
    layer = budgeted(SpendLimit(tokens=WORST), failing(kind))
    asyncio.run(layer.complete(ASKED, [0]))
    assert layer.budget is not None
    assert layer.budget.spent == Amount(0, 0.0, 1)


class Slow(Scripted):
    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        await asyncio.sleep(60)
        return await super().complete(request, indices)


def test_a_cancelled_call_counts_in_full_against_the_limit() -> None:
    async def body() -> None:
        layer = Budgeted(Slow(reply), Ledger(), Budget(SpendLimit(tokens=10 * WORST)))
        task = asyncio.create_task(layer.complete(ASKED, [0, 1]))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        paid = layer.ledger.paid()
        assert (paid.calls, paid.cancelled, paid.unsure_tokens) == (1, 2, 2 * WORST)
        assert layer.budget is not None
        assert layer.budget.spent == Amount(2 * WORST, 0.0, 1)

    asyncio.run(body())


def test_a_call_refused_as_a_whole_frees_what_it_reserved() -> None:
    def refuse(request: Request, index: int) -> str:
        raise AuthenticationError("wrong key")

    layer = budgeted(SpendLimit(tokens=WORST), refuse)
    with pytest.raises(AuthenticationError):
        asyncio.run(layer.complete(ASKED, [0]))
    assert layer.budget is not None
    assert layer.budget.spent.tokens == 0
    assert layer.budget._reserved == Amount()


@pytest.mark.parametrize("limit", [500, 1000, 3000])
@pytest.mark.parametrize("samples", [1, 4])
def test_a_limit_in_tokens_is_used_up_and_never_passed(limit: int, samples: int) -> None:
    """All at once against a server that writes what it likes: the worst case is what is at stake."""

    def varied(request: Request, index: int) -> Completion:
        return Completion(index=index, text="fine", usage=Usage(prompt_tokens=10, completion_tokens=index * 7 % 50 + 1))

    async def body() -> None:
        layer = budgeted(SpendLimit(tokens=limit), varied)
        asks = [layer.complete(ASKED, range(n, n + samples)) for n in range(0, 200, samples)]
        got = await asyncio.gather(*asks, return_exceptions=True)
        assert any(isinstance(one, SpendLimitError) for one in got)
        assert limit - WORST < layer.ledger.paid().usage.total_tokens <= limit

    asyncio.run(body())


def test_the_draws_that_fit_land_before_the_limit_is_said() -> None:
    async def body() -> None:
        layer = budgeted(SpendLimit(tokens=3 * WORST))
        had: list[Completion] = []
        with landing(had.extend), pytest.raises(SpendLimitError):
            await layer.complete(ASKED, range(100))
        assert len(had) > 10
        assert [c.index for c in had] == list(range(len(had)))

    asyncio.run(body())


@pytest.mark.parametrize("end", [AuthenticationError("wrong key"), asyncio.CancelledError()])
def test_the_draws_that_fit_first_land_whatever_becomes_of_the_rest(end: BaseException) -> None:
    class EndsAtTheSecond(Scripted):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            if self.calls:
                raise end
            return await super().complete(request, indices)

    async def body() -> None:
        layer = Budgeted(EndsAtTheSecond(reply), Ledger(), Budget(SpendLimit(tokens=3 * WORST)))
        had: list[Completion] = []
        with landing(had.extend), pytest.raises(type(end)):
            await layer.complete(ASKED, range(5))
        assert [c.index for c in had] == [0, 1, 2]

    asyncio.run(body())


def test_dollars_are_limited_by_the_price() -> None:
    async def body() -> None:
        worst = 10 + TEMPLATE_TOKENS + 2 * 50
        layer = budgeted(SpendLimit(usd=10 * worst), price=RATES)
        with pytest.raises(SpendLimitError, match=r"\$"):
            await asyncio.gather(*(layer.complete(ASKED, [n]) for n in range(100)))
        paid = layer.ledger.paid().usd
        assert paid is not None
        assert 9 * worst < paid <= 10 * worst

    asyncio.run(body())


def test_dollars_cannot_be_limited_where_the_price_is_unknown() -> None:
    with pytest.raises(ConfigError, match="price of scripted/script is not known"):
        budgeted(SpendLimit(usd=1))


def test_an_engine_whose_price_is_unknown_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def aclose(engine: Scripted) -> None:
        closed.append(engine.spec)

    async def on_a_loop() -> None:
        reasoning.open_backend("scripted/constant", spend_limit={"usd": 1})

    monkeypatch.setattr(Scripted, "aclose", aclose)
    with pytest.raises(ConfigError, match="price of scripted/constant is not known"):
        reasoning.open_backend("scripted/constant", spend_limit={"usd": 1})
    with pytest.raises(ConfigError, match="price of scripted/constant is not known"):
        asyncio.run(on_a_loop())
    assert closed == ["scripted/constant"] * 2


def test_calls_are_limited_without_any_bound_on_tokens() -> None:
    layer = budgeted(SpendLimit(calls=2))
    unbounded = Request(prompt="x", sampling=Sampling(temperature=0.7))
    for n in range(2):
        asyncio.run(layer.complete(unbounded, [n, n + 10]))
    with pytest.raises(SpendLimitError, match="2 of 2 calls"):
        asyncio.run(layer.complete(unbounded, [3]))


def test_a_limit_in_tokens_needs_a_bound_on_each_draw() -> None:
    with pytest.raises(ConfigError, match=r"set sampling\.max_tokens"):
        asyncio.run(budgeted(SpendLimit(tokens=99)).complete(Request(prompt="x", sampling=Sampling()), [0]))


def test_p99_reserves_less_once_it_has_seen_enough() -> None:
    long = Request(prompt="x", sampling=Sampling(temperature=0.7, max_tokens=100_000))

    async def body() -> None:
        layer = budgeted(SpendLimit(tokens=300_000, reserve="p99"))
        await layer.complete(long, [0])
        assert layer._worst(long).tokens > 100_000
        for n in range(1, 120):
            await layer.complete(long, [n])
        assert layer._worst(long).tokens == 1 + TEMPLATE_TOKENS + USED.completion_tokens

    asyncio.run(body())


def test_one_budget_for_several_backends() -> None:
    async def body() -> None:
        budget = Budget(SpendLimit(calls=5))
        solver = reasoning.open_backend("scripted/constant", spend_limit=budget)
        judge = reasoning.open_backend("scripted/echo", spend_limit=budget)
        asks = [(solver, judge)[n % 2].complete(ASKED, [n]) for n in range(9)]
        done = await asyncio.gather(*asks, return_exceptions=True)
        assert sum(isinstance(one, SpendLimitError) for one in done) == 4
        assert solver.paid.calls + judge.paid.calls == 5
        assert (solver.paid + judge.paid).draws == 5
        await solver.aclose()
        await judge.aclose()

    asyncio.run(body())


@pytest.mark.parametrize("limit", [{"tokens": 0}, {}, {"euros": 5}, {"usd": -1}])
def test_a_limit_that_limits_nothing_is_refused(limit: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="spend_limit"):
        reasoning.open_backend("scripted/constant", spend_limit=limit)


# A call that ends in an error has still bought what landed


class LandsThenFails(Scripted):
    """Hands over all draws of a call but the last, whose request then ends in an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(reply)
        self._error = error

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        for _ in indices:
            async with requesting(1):
                pass
        landed([reply(request, index) for index in indices[:-1]])
        raise self._error


ENDS = [
    (RuntimeError("a bug in a driver"), 1),
    (BackendError("the engine is gone"), 1),
    (AuthenticationError("the account is empty"), 1),
    (BadRequestError("not like that"), 1),
    (asyncio.CancelledError(), 1),
    (SpendLimitError("no more calls"), 0),
]


@pytest.mark.parametrize(("error", "unsure"), ENDS, ids=lambda one: type(one).__name__)
def test_what_landed_before_an_error_is_in_the_ledger(tmp_path: Path, error: BaseException, unsure: int) -> None:
    async def body() -> None:
        store = Store.open(tmp_path / "s")
        layer = Budgeted(LandsThenFails(error), Ledger(), Budget(SpendLimit(tokens=10_000)), RATES)
        stored = Stored(layer, store, ledger=layer.ledger)
        with pytest.raises(type(error)):
            await stored.complete(ASKED, range(5))
        await stored.aclose()
        paid, held = layer.ledger.paid(), upkeep.stats(tmp_path / "s")
        assert (paid.draws, paid.usage) == (held.draws, held.models[0].usage) == (4, sum([USED] * 4, NO_USAGE))
        assert paid.usd == 4 * RATES.cost(USED)
        assert paid.unsure_tokens == unsure * WORST
        assert layer.budget is not None
        assert layer.budget.spent.tokens == 4 * USED.total_tokens + unsure * WORST
        assert layer.budget._reserved == Amount()

    asyncio.run(body())


def test_a_draw_that_is_handed_over_early_is_billed_once() -> None:
    class Early(Scripted):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            draws = [reply(request, index) for index in indices]
            landed(draws[:2])
            landed(draws)
            return draws

    async def body() -> None:
        layer, had = Budgeted(Early(reply), Ledger(), price=RATES), list[Completion]()
        with landing(had.extend):
            got = await layer.complete(ASKED, range(3))
        assert layer.ledger.paid().draws == 3
        assert layer.ledger.paid().usage == sum([USED] * 3, NO_USAGE)
        assert [completion.cost for completion in (*had, *got)] == [RATES.cost(USED)] * 8

    asyncio.run(body())


def test_a_failed_sample_of_a_fan_out_is_billed_where_the_call_ends_in_an_error() -> None:
    failure = Failure(kind="malformed", message="no", retryable=True, usage=USED)

    class Ends(Scripted):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            landed([Completion.failed(request, indices[0], failure)])
            raise RuntimeError

    layer, had = Budgeted(Ends(reply), Ledger()), list[Completion]()
    with landing(had.extend), pytest.raises(RuntimeError):
        asyncio.run(layer.complete(ASKED, [0]))
    assert (layer.ledger.paid().failed, layer.ledger.paid().usage, had) == (1, USED, [])


# Whatever usage a server states


class Stated(NamedTuple):
    """What a reply says it used, and what it says."""

    prompt: int
    written: int
    cached: int
    text: str
    tokens: int | None  # log-probabilities

    def completion(self, request: Request, index: int) -> Completion:
        usage = Usage(prompt_tokens=self.prompt, completion_tokens=self.written, cached_tokens=self.cached)
        chosen = () if self.tokens is None else ("a",) * self.tokens
        logprobs = Logprobs(tokens=chosen, values=(-1.0,) * len(chosen)) if chosen else None
        return Completion(index=index, text=self.text, usage=usage, logprobs=logprobs, request=request)

    def truth(self, request: Request) -> Usage:
        """At least so much it was: what is stated, what the log-probabilities count, and 16 bytes a token of text."""
        written = max(self.written, self.tokens or 0, -(-len(self.text.encode()) // 16))
        read = max(self.prompt, -(-request.prompt_bytes // 16))
        return Usage(prompt_tokens=read, completion_tokens=written, cached_tokens=min(self.cached, read))


STATED = strategies.builds(
    Stated,
    prompt=strategies.integers(0, 10 + TEMPLATE_TOKENS),
    written=strategies.integers(0, 50),
    cached=strategies.integers(0, 1000),
    text=strategies.text(max_size=100) | strategies.integers(0, 50).map("abc ".__mul__),
    tokens=strategies.none() | strategies.integers(0, 50),
)
LIMITS = strategies.integers(1, 2000).map(lambda tokens: SpendLimit(tokens=tokens)) | strategies.floats(1, 3000).map(
    lambda usd: SpendLimit(usd=usd)
)


@given(strategies.lists(STATED, min_size=1, max_size=40), LIMITS, strategies.integers(1, 4))
def test_no_usage_that_a_server_states_lets_the_truth_pass_the_limit(
    replies: list[Stated], limit: SpendLimit, samples: int
) -> None:
    sent: list[Usage] = []

    def script(request: Request, index: int) -> Completion:
        one = replies[index]
        sent.append(one.truth(request))
        return one.completion(request, index)

    async def body() -> None:
        layer = budgeted(limit, script, RATES)
        rows = range(len(replies))
        asks = [layer.complete(ASKED, rows[at : at + samples]) for at in range(0, len(replies), samples)]
        for one in await asyncio.gather(*asks, return_exceptions=True):
            assert not isinstance(one, BaseException) or isinstance(one, SpendLimitError)
        truth, paid = sum(sent, NO_USAGE), layer.ledger.paid()
        assert paid.usage.total_tokens >= truth.total_tokens
        assert limit.tokens is None or truth.total_tokens <= limit.tokens
        usd = sum(RATES.cost(usage) for usage in sent)
        assert paid.usd is not None
        assert paid.usd >= usd - 1e-6
        assert limit.usd is None or usd <= limit.usd + 1e-6

    asyncio.run(body())


@given(strategies.lists(strategies.integers(1, 5000), min_size=1, max_size=40), strategies.integers(1, 20_000))
def test_a_server_that_goes_beyond_max_tokens_passes_the_limit_by_what_was_in_flight_at_most(
    written: list[int], limit: int
) -> None:
    def script(request: Request, index: int) -> Completion:
        return Completion(index=index, text="fine", usage=Usage(prompt_tokens=4, completion_tokens=written[index]))

    async def body() -> None:
        layer = budgeted(SpendLimit(tokens=limit), script)
        had, most = 0, 0
        for index in range(len(written)):
            try:
                await layer.complete(ASKED, [index])
            except SpendLimitError:
                break
            had, beyond = had + 4 + written[index], max(0, written[index] - 50)
            assert had <= limit + max(0, beyond - most)  # only what it had never done before
            most = max(most, beyond)
        assert layer.ledger.paid().usage.total_tokens == had

    asyncio.run(body())


def test_a_bill_that_a_sound_server_states_is_left_as_it_is() -> None:
    plain = "Natalia sold 48 clips in April and half as many in May, which makes 24. "
    for text, tokens in (
        (plain * 5, 100),
        (" " * 80 + "x", 6),
        ("def f(x):\n        return internationalisation(x)\n", 10),
    ):
        completion = Completion(index=0, text=text, usage=Usage(prompt_tokens=4, completion_tokens=tokens))
        assert spent(completion, ASKED) is completion.usage


@given(
    strategies.integers(1, 8),
    strategies.integers(20, 400),
    strategies.integers(1, 3),
    strategies.integers(2_000, 50_000),
)
def test_a_server_that_counts_up_to_eight_times_the_worst_case_passes_no_limit_that_one_call_does_not(
    factor: int, calls: int, samples: int, limit: int
) -> None:
    """All calls at once, as a run makes them: the first ones are in flight before any reply has shown how it counts."""
    written = factor * WORST - 4
    taken: list[int] = []

    def script(request: Request, index: int) -> Completion:
        taken.append(4 + written)
        return Completion(index=index, text="fine", usage=Usage(prompt_tokens=4, completion_tokens=written))

    class Later(Scripted):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            await asyncio.sleep(0)  # the others get to ask before this one is billed
            return await super().complete(request, indices)

    async def body() -> None:
        layer = Budgeted(Later(script), Ledger(), Budget(SpendLimit(tokens=limit)))
        asks = [layer.complete(ASKED, range(n * samples, (n + 1) * samples)) for n in range(calls)]
        for one in await asyncio.gather(*asks, return_exceptions=True):
            assert not isinstance(one, BaseException) or isinstance(one, SpendLimitError)
        first = samples * factor * WORST
        assert sum(taken) <= max(limit, first)
        assert layer.ledger.paid().usage.total_tokens == sum(taken)

    asyncio.run(body())


STATED_BY_A_SERVER = strategies.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": strategies.integers(-5, 100),
        "completion_tokens": strategies.integers(-5, 60),
        "total_tokens": strategies.integers(-5, 160),
        "completion_tokens_details": strategies.fixed_dictionaries({"reasoning_tokens": strategies.integers(0, 60)}),
        "prompt_tokens_details": strategies.fixed_dictionaries({"cached_tokens": strategies.integers(0, 500)}),
    },
)


@given(
    strategies.lists(STATED_BY_A_SERVER | strategies.none(), min_size=1, max_size=30), strategies.integers(200, 3000)
)
def test_the_limit_holds_by_what_follows_from_a_servers_total_as_the_openai_driver_reads_it(
    stated: list[dict[str, Any] | None], limit: int
) -> None:
    """The truth is the larger of the stated output and of total minus prompt, for every usage that can be told."""
    truths: list[int] = []

    def script(request: Request, index: int) -> Completion:
        usage = stated[index]
        choice = {"message": {"role": "assistant", "content": "The answer is 18."}, "finish_reason": "stop"}
        found = read(Chat(), {"choices": [choice], "usage": usage}, request, Tags.of(True), None)
        ((own, billed),) = usages(found, request)
        if usage is not None and min(usage.get("prompt_tokens", -1), usage.get("completion_tokens", -1)) >= 0:
            by_total = usage.get("total_tokens", 0) - usage["prompt_tokens"]
            truths.append(usage["prompt_tokens"] + max(usage["completion_tokens"], by_total))
        return Completion(index=index, text="The answer is 18.", usage=own, billed=billed, request=request)

    async def body() -> None:
        layer = budgeted(SpendLimit(tokens=limit), script)
        asked = Request(messages=(user("How many?"),), sampling=Sampling(temperature=0.7, max_tokens=160))
        asks = [layer.complete(asked, [n]) for n in range(len(stated))]
        for one in await asyncio.gather(*asks, return_exceptions=True):
            assert not isinstance(one, BaseException) or isinstance(one, SpendLimitError)
        assert layer.ledger.paid().usage.total_tokens >= sum(truths)
        assert sum(truths) <= limit

    asyncio.run(body())


def test_hidden_reasoning_that_only_the_total_tells_of_counts(fault_server: FaultServer) -> None:
    """Three hundred requests at once; each writes 1,000 hidden tokens that the stated output leaves out."""
    fault_server.configure(usage="outside", reasoning_field="hidden", reasoning_words=1000, latency_s=0.01)
    rates = {"openai/m": {"input": 1.1, "output": 4.4}}

    async def body() -> None:
        given: Any = {"base_url": fault_server.base_url, "api_key": "k", "prices": rates, "store": "none"}
        async with reasoning.open_backend("openai/m", spend_limit={"usd": 0.10}, **given) as backend:
            one = Request(messages=(user("How many?"),), sampling=Sampling(temperature=0.7, max_tokens=1100))
            done = await asyncio.gather(*(backend.complete(one, [n]) for n in range(300)), return_exceptions=True)
            assert {type(end) for end in done} <= {list, SpendLimitError}
            sold, paid = fault_server.stats()["sold"], backend.paid
            assert paid.usd is not None
            assert 1000 * sold * 4.4e-6 <= paid.usd <= 0.10
            assert sold >= 10

    asyncio.run(body())
