"""What every backend must do, whatever engine is behind it: the same tests for all of `engines.ENGINES`.

Nothing here depends on what a model says: a stop string is taken out of its own text, a limit is lower than any text.
"""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from engines import ENGINES, Engine

from reasoning import Capabilities, Completion, Request, Sampling, loop
from reasoning.backends.opened import OpenedBackend
from reasoning.errors import BackendError, ConfigError
from reasoning.message import assistant, user

CHAT = (user("Tell me a story about a fox and a well."),)
TEXT = "Q: How do you make bread?\nA: First you take the flour and"
OTHERS = ("Once upon a time there was", "1, 2, 3, 4,", "The capital of a country is the city in which")


@dataclass(frozen=True)
class Subject:
    """A backend that was opened, drawn from, closed, and opened again.

    Attributes:
        backend: Open.
        closed: Its earlier life.
        earlier: What that one drew: `SEVERAL` of `warm`.
    """

    backend: OpenedBackend
    closed: OpenedBackend
    earlier: list[Completion]

    @property
    def can(self) -> Capabilities:
        return self.backend.capabilities


SEVERAL = (0, 1, 2, 3)


@pytest.fixture(scope="module", params=[pytest.param(engine, id=engine.name, marks=engine.marks) for engine in ENGINES])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    engine: Engine = request.param
    closed = engine.open(request.getfixturevalue)
    with closed:
        earlier = draws(closed, warm(closed), SEVERAL)
    with engine.open(request.getfixturevalue) as backend:
        yield Subject(backend, closed, earlier)


def ask(backend: OpenedBackend, text: str = TEXT, **sampling: Any) -> Request:
    """A request in a form that the backend takes."""
    settings = Sampling.model_validate({"temperature": 0.0, "max_tokens": 12, **sampling})
    if backend.capabilities.text:
        return Request(prompt=text, sampling=settings)
    return Request(messages=(user(text),), sampling=settings)


def warm(backend: OpenedBackend, text: str = TEXT, **sampling: Any) -> Request:
    return ask(backend, text, **{"temperature": 1.0, "logprobs": 0, **sampling})


def draws(backend: OpenedBackend, request: Request, indices: Sequence[int] = (0,)) -> list[Completion]:
    return loop.run(backend.complete(request, indices))


def draw(backend: OpenedBackend, request: Request) -> Completion:
    completion = draws(backend, request)[0]
    assert completion.failure is None
    return completion


def together(backend: OpenedBackend, asked: Sequence[tuple[Request, Sequence[int]]]) -> list[list[Completion]]:
    async def all_at_once() -> list[list[Completion]]:
        return await asyncio.gather(*(backend.complete(request, indices) for request, indices in asked))

    return loop.run(all_at_once())


def substance(completions: Sequence[Completion]) -> list[tuple[object, ...]]:
    """What a draw is, to the last bit; not how long it took."""
    return [(c.index, c.text, c.finish, c.seed, c.usage, c.logprobs, c.failure) for c in completions]


def refused_or_on_record(completion: Completion) -> bool:
    failure = completion.failure
    return failure.kind == "unsupported" if failure is not None else bool(completion.degradations)


# Draws


def test_greedy_is_deterministic(subject: Subject) -> None:
    request = ask(subject.backend, max_tokens=24)
    first, second = draw(subject.backend, request), draw(subject.backend, request)
    assert first.text
    assert (first.text, first.finish, first.usage) == (second.text, second.finish, second.usage)


def test_a_draw_is_the_same_alone_and_after_a_restart(subject: Subject) -> None:
    if subject.can.reproducible == "no":
        pytest.skip("it promises nothing")
    assert [c.failure for c in subject.earlier] == [None] * len(SEVERAL)
    if subject.can.reproducible == "exact":
        assert substance(draws(subject.backend, warm(subject.backend), SEVERAL)) == substance(subject.earlier)
    alone = [draws(subject.backend, warm(subject.backend), [index])[0] for index in SEVERAL]
    again = [draws(subject.backend, warm(subject.backend), [index])[0] for index in SEVERAL]
    assert substance(alone) == substance(again)


def test_a_draw_is_the_same_in_any_company(subject: Subject) -> None:
    if subject.can.reproducible != "exact":
        pytest.skip(f"it says {subject.can.reproducible}")
    request = warm(subject.backend)
    others = [(warm(subject.backend, text, max_tokens=9 + n), range(3)) for n, text in enumerate(OTHERS)]
    busy = together(subject.backend, [*others, (request, SEVERAL), *others])[len(others)]
    alone = [draws(subject.backend, request, [index])[0] for index in reversed(SEVERAL)]
    assert substance(busy) == substance(alone[::-1])
    assert substance(draws(subject.backend, request, (3, 1))) == substance([busy[3], busy[1]])


def test_distinct_indices_are_distinct_draws(subject: Subject) -> None:
    request = warm(subject.backend, temperature=1.5)
    completions = draws(subject.backend, request, range(8))
    assert [c.index for c in completions] == list(range(8))
    assert len({c.text for c in completions}) > 4
    if subject.can.seed:
        assert len({c.seed for c in completions}) == 8
        assert None not in {c.seed for c in completions}
    else:
        assert all(c.seed is None and c.degradations for c in completions)
    unseeded = draws(
        subject.backend, request.model_copy(update={"sampling": warm(subject.backend, seeded=False).sampling})
    )
    assert unseeded[0].seed is None


# Ends


def test_a_stop_string_ends_the_text_and_is_cut(subject: Subject) -> None:
    whole = draw(subject.backend, ask(subject.backend, max_tokens=24)).text
    at = len(whole) // 2
    stop = whole[at : at + 3]
    assert stop.strip(), "three characters from the middle of a text of 24 tokens"
    cut = draw(subject.backend, ask(subject.backend, max_tokens=24, stop=("\x00never", stop)))
    assert cut.finish == "stop"
    assert cut.text == whole[: whole.index(stop)]


def test_a_text_cut_at_the_limit_is_told_by_its_finish(subject: Subject) -> None:
    completions = draws(subject.backend, warm(subject.backend, max_tokens=2), range(3))
    assert [(c.finish, c.usage.completion_tokens) for c in completions] == [("length", 2)] * 3


def test_what_overflows_the_context_fails_alone(subject: Subject) -> None:
    context = subject.can.context_tokens
    assert context is not None
    too_long, fits = ask(subject.backend, "bolt " * (context + 100)), ask(subject.backend, max_tokens=2)
    (overflowed,), (fine,) = together(subject.backend, [(too_long, [0]), (fits, [0])])
    assert overflowed.finish == "failed"
    assert overflowed.failure is not None
    assert (overflowed.failure.kind, overflowed.failure.retryable) == ("context_overflow", False)
    assert fine.failure is None


# Accounts


def test_usage_adds_up_and_a_prompt_is_billed_once_for_n(subject: Subject) -> None:
    count = min(4, subject.can.max_samples)
    mark = subject.backend.ledger.mark()
    completions = draws(subject.backend, warm(subject.backend, max_tokens=6), range(count))
    paid = subject.backend.ledger.paid(since=mark)
    (prompt,) = {c.usage.prompt_tokens for c in completions}
    assert prompt >= len(TEXT.split())
    assert all(1 <= c.usage.completion_tokens <= 6 for c in completions)
    assert all(c.usage.completion_tokens == 6 for c in completions if c.finish == "length")
    assert paid.usage.prompt_tokens == sum((c.billed or c.usage).prompt_tokens for c in completions) == prompt
    assert paid.usage.completion_tokens == sum(c.usage.completion_tokens for c in completions)
    assert (paid.draws, paid.failed, paid.cancelled) == (count, 0, 0)


@pytest.mark.parametrize("alternatives", [0, 3])
def test_log_probabilities_are_of_the_text(subject: Subject, alternatives: int) -> None:
    if subject.can.logprobs is None:
        assert refused_or_on_record(draws(subject.backend, ask(subject.backend, logprobs=alternatives))[0])
        return
    plain = draw(subject.backend, ask(subject.backend))
    greedy = draw(subject.backend, ask(subject.backend, logprobs=alternatives))
    warmer = draw(subject.backend, warm(subject.backend, logprobs=alternatives))
    assert greedy.text == plain.text, "asking for them changes nothing"
    for completion in (greedy, warmer):
        found = completion.logprobs
        assert found is not None
        assert "".join(found.tokens) == completion.text
        assert 1 <= len(found.tokens) == len(found.values) <= completion.usage.completion_tokens
        assert all(math.isfinite(value) and value <= 1e-6 for value in found.values)
        assert len(found.top) == (len(found.tokens) if alternatives else 0)
        for top in found.top:
            assert len(top) == alternatives
            assert [p for _, p in top] == sorted((p for _, p in top), reverse=True)
            assert sum(math.exp(p) for _, p in top) <= 1 + 1e-4
    if alternatives:
        assert greedy.logprobs is not None
        likeliest = [top[0][1] for top in greedy.logprobs.top]
        assert greedy.logprobs.values == pytest.approx(likeliest, abs=1e-6), "greedy takes the likeliest token"


def test_log_probabilities_end_with_a_text_that_is_cut(subject: Subject) -> None:
    if subject.can.logprobs is None:
        pytest.skip("it has none")
    whole = draw(subject.backend, ask(subject.backend, max_tokens=24)).text
    stop = whole[len(whole) // 2 :][:3]
    cut = draw(subject.backend, ask(subject.backend, max_tokens=24, stop=(stop,), logprobs=1))
    assert cut.logprobs is not None
    said = "".join(cut.logprobs.tokens)
    assert said.startswith(cut.text) or (cut.text.startswith(said) and cut.degradations)
    assert len(said) - len(cut.logprobs.tokens[-1] if said else "") <= len(cut.text), "no token begins behind the cut"


# Many at once


def test_two_hundred_requests_at_once_complete(subject: Subject) -> None:
    asked = [(ask(subject.backend, f"{n} and", max_tokens=1), [0]) for n in range(200)]
    completions = [completion for (completion,) in together(subject.backend, asked)]
    assert [c.failure for c in completions] == [None] * 200
    assert [c.usage.completion_tokens for c in completions] == [1] * 200


def test_cancelling_frees_the_slots(subject: Subject) -> None:
    backend = subject.backend
    slots = backend.capabilities.concurrency
    long = [warm(backend, f"{n} {OTHERS[0]}", temperature=2.0, max_tokens=1500) for n in range(slots)]
    if subject.backend.spec.startswith("scripted/"):
        pytest.skip("a script answers at once")

    async def short() -> float:
        started = time.perf_counter()
        (completion,) = await backend.complete(ask(backend, max_tokens=8), [0])
        assert completion.failure is None
        return time.perf_counter() - started

    async def scene() -> tuple[float, float, bool]:
        before = await short()
        running = [asyncio.create_task(backend.complete(request, [0])) for request in long]
        await asyncio.sleep(2 * before)
        unfinished = not any(task.done() for task in running)
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
        assert {type(end) for end in ended} == {asyncio.CancelledError}
        return before, await short(), unfinished

    before, after, unfinished = loop.run(scene())
    assert unfinished
    assert after < 20 * before + 2, "the long draws would have held the slots for hundreds of times as long"


def test_a_closed_backend_says_so(subject: Subject) -> None:
    with pytest.raises(BackendError, match=r"closed"):
        draws(subject.closed, ask(subject.closed))


# Capabilities are true: what is claimed works, what is denied is refused or degraded on the record


def test_the_forms_that_it_claims_are_taken(subject: Subject) -> None:
    few = Sampling(temperature=0.0, max_tokens=2)
    can = subject.can
    assert can.chat if can.style == "chat" else can.text
    for claimed, request in (
        (can.chat, Request(messages=CHAT, sampling=few)),
        (can.text, Request(prompt=TEXT, sampling=few)),
    ):
        completion = draws(subject.backend, request)[0]
        if claimed:
            assert (completion.failure, completion.degradations) == (None, ())
            assert completion.reasoning is None or completion.reasoning.strip()
        else:
            assert refused_or_on_record(completion)


def test_a_prefill_is_gone_on_from_where_it_claims_so(subject: Subject) -> None:
    begun = "There was once a fox who lived by"
    messages = (*CHAT, assistant(begun))
    request = Request(messages=messages, sampling=Sampling(temperature=0.0, max_tokens=6))
    completion = draws(subject.backend, request)[0]
    if subject.can.prefill and subject.can.chat:
        assert (completion.failure, completion.degradations) == (None, ())
        assert not completion.text.startswith(begun)
        if completion.rendered is not None:
            assert completion.rendered.endswith(begun)
    else:
        assert refused_or_on_record(completion)


def test_as_many_alternatives_as_it_claims(subject: Subject) -> None:
    most = subject.can.logprobs
    if not most:
        pytest.skip("it claims none")
    found = draw(subject.backend, ask(subject.backend, logprobs=most, max_tokens=3))
    assert found.logprobs is not None
    assert {len(top) for top in found.logprobs.top} == {most}
    if most < 20:
        assert refused_or_on_record(draws(subject.backend, ask(subject.backend, logprobs=most + 1, max_tokens=3))[0])


def test_as_many_samples_a_call_as_it_claims(subject: Subject) -> None:
    most = min(subject.can.max_samples, 16)
    completions = draws(subject.backend, warm(subject.backend, max_tokens=2), range(most))
    assert [c.failure for c in completions] == [None] * most


def test_scores_are_given_only_where_it_claims_them(subject: Subject) -> None:
    request = ask(subject.backend)
    if subject.can.scoring:
        assert len(loop.run(subject.backend.score(request, ["one", "two"]))) == 2
    else:
        with pytest.raises(ConfigError, match="does not score"):
            loop.run(subject.backend.score(request, ["one"]))


# What it tells of itself


def test_what_it_says_of_a_request_is_what_it_does(subject: Subject) -> None:
    request = ask(subject.backend, stop=("\n\n",), max_tokens=2)
    told = loop.run(subject.backend.explain(request))
    drawn = draw(subject.backend, request)
    assert told.stop == ("\n\n",)
    assert (told.settings["temperature"], told.settings["max_tokens"]) == (0.0, 2)
    assert told.rendered in (None, drawn.rendered, request.prompt)
    if told.token_ids is None:
        assert told.notes
    else:
        assert len(told.token_ids) == drawn.usage.prompt_tokens
        assert told.tokens is None or len(told.tokens) == len(told.token_ids)


def test_facts_agree_with_its_capabilities(subject: Subject) -> None:
    facts = subject.backend.facts
    assert facts.context_tokens in (None, subject.can.context_tokens)
    if facts.parameters is not None and facts.active_parameters is not None:
        assert facts.active_parameters <= facts.parameters
    if "weights" in subject.backend.identity:
        assert facts.weights == "open"
        assert facts.parameters is not None
