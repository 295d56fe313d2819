"""The llama.cpp backend on the embedded model, for real: what it draws."""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence

import pytest

import reasoning
from reasoning import Completion, Message, Request, Sampling, loop
from reasoning.backends.opened import OpenedBackend

pytestmark = pytest.mark.model

SHOTS = "Q: What is 2 + 3?\nA: 5\nQ: What is 7 + 1?\nA: 8\n"
PROMPTS = [f"{SHOTS}Q: What is {a} + {b}?\nA:" for a, b in ((4, 5), (30, 12), (123, 456))]


@pytest.fixture(scope="module")
def small_backend() -> Iterator[OpenedBackend]:
    """The embedded model once more, with other slots, threads, context and without shared prefixes."""
    with reasoning.open_backend("local", n_ctx=200, n_parallel=2, threads=1, cache_prompt=False) as backend:
        yield backend


def ask(prompt: str, temperature: float = 0.0, max_tokens: int = 12, **sampling: object) -> Request:
    fields = {"temperature": temperature, "max_tokens": max_tokens, **sampling}
    return Request(prompt=prompt, sampling=Sampling.model_validate(fields))


def draw(backend: OpenedBackend, request: Request, indices: Sequence[int] = (0,)) -> list[Completion]:
    return asyncio.run(backend.complete(request, indices))


def substance(completions: Sequence[Completion]) -> list[tuple[object, ...]]:
    """What must be equal to the last bit, whatever a draw was batched with."""
    return [(c.index, c.text, c.finish, c.seed, c.usage, c.logprobs) for c in completions]


def test_greedy_decoding_repeats_itself_and_answers(local_backend: OpenedBackend) -> None:
    first, second = (draw(local_backend, ask("1, 2, 3, 4, 5,", max_tokens=9)) for _ in range(2))
    assert substance(first) == substance(second)
    assert first[0].text.startswith(" 6, 7, 8")


def test_a_draw_is_the_same_alone_in_n_in_a_busy_batch_and_after_reopening(
    local_backend: OpenedBackend, small_backend: OpenedBackend
) -> None:
    assert local_backend.capabilities.reproducible == "exact"
    requests = [ask(prompt, temperature=0.8, max_tokens=10, logprobs=2) for prompt in PROMPTS]

    async def busy() -> list[list[Completion]]:
        others = [local_backend.complete(ask(f"Once there were {n}", 1.0, 12), range(3)) for n in range(3)]
        wanted = [local_backend.complete(request, range(4)) for request in requests]
        return (await asyncio.gather(*others, *wanted))[len(others) :]

    together = [substance(completions) for completions in asyncio.run(busy())]
    for request, in_company in zip(requests, together, strict=True):
        alone = [substance(draw(local_backend, request, [index]))[0] for index in (0, 3)]
        assert alone == [in_company[0], in_company[3]]
        assert substance(draw(small_backend, request, [3, 1])) == [in_company[3], in_company[1]]


def test_distinct_seeds_give_distinct_texts(local_backend: OpenedBackend) -> None:
    completions = draw(local_backend, ask("My favourite animal is", temperature=1.0), range(8))
    assert len({c.seed for c in completions}) == 8
    assert len({c.text for c in completions}) >= 7


def test_unset_samplers_are_neutral(local_backend: OpenedBackend) -> None:
    unset = ask("My favourite animal is", temperature=2.0, max_tokens=8)
    neutral = ask("My favourite animal is", temperature=2.0, max_tokens=8, top_p=1.0, min_p=0.0)
    narrow = ask("My favourite animal is", temperature=2.0, max_tokens=8, top_k=1)
    greedy = draw(local_backend, ask("My favourite animal is", max_tokens=8))[0].text
    assert {c.text for c in draw(local_backend, narrow, range(3))} == {greedy}
    for request in (unset, neutral):
        words = draw(local_backend, request, range(4))
        assert len({c.text for c in words}) == 4, "temperature 2 over the whole vocabulary never repeats itself"


def test_stop_strings_are_cut_and_end_the_text(local_backend: OpenedBackend) -> None:
    cut = draw(local_backend, ask(PROMPTS[0], max_tokens=20, stop=("\nA:",), logprobs=0))[0]
    whole = draw(local_backend, ask(PROMPTS[0], max_tokens=20))[0]
    assert (cut.finish, whole.finish) == ("stop", "length")
    assert whole.text.startswith(cut.text + "\nA:")
    assert cut.logprobs is not None
    assert "".join(cut.logprobs.tokens) == cut.text
    assert cut.logprobs.top == ()


def test_usage_counts_every_sample_and_bills_the_prompt_once(local_backend: OpenedBackend) -> None:
    request = ask(PROMPTS[1], temperature=0.8, max_tokens=16, stop=("\n",))
    completions = draw(local_backend, request, range(4))
    alone = [draw(local_backend, request, [index])[0] for index in range(4)]
    assert [c.usage for c in completions] == [c.usage for c in alone]
    assert len({c.usage.prompt_tokens for c in completions}) == 1
    assert all(1 <= c.usage.completion_tokens <= 16 and c.usage.cached_tokens == 0 for c in completions)
    billed = [c.billed or c.usage for c in completions]
    assert [b.prompt_tokens for b in billed] == [completions[0].usage.prompt_tokens, 0, 0, 0]
    assert [b.completion_tokens for b in billed] == [c.usage.completion_tokens for c in completions]


def test_max_tokens_is_what_ends_a_long_text(local_backend: OpenedBackend) -> None:
    completion = draw(local_backend, ask("1, 2, 3, 4, 5,", max_tokens=7))[0]
    assert (completion.finish, completion.usage.completion_tokens) == ("length", 7)
    assert completion.latency_s > 0


def test_log_probabilities_are_the_models_own(local_backend: OpenedBackend) -> None:
    greedy = draw(local_backend, ask(PROMPTS[0], max_tokens=6, logprobs=20))[0]
    sampled = draw(local_backend, ask(PROMPTS[0], temperature=1.5, max_tokens=6, logprobs=20))[0]
    assert greedy.logprobs is not None
    assert sampled.logprobs is not None
    for completion in (greedy.logprobs, sampled.logprobs):
        assert len(completion.tokens) == len(completion.values) == len(completion.top) == 6
        for value, top in zip(completion.values, completion.top, strict=True):
            assert len(top) == 20
            assert 0.05 < sum(math.exp(p) for _, p in top) <= 1 + 1e-5
            assert value <= top[0][1] <= 0
    assert greedy.logprobs.values == tuple(top[0][1] for top in greedy.logprobs.top)
    assert "".join(sampled.logprobs.tokens) == sampled.text
    assert greedy.logprobs.top[0] == sampled.logprobs.top[0], "temperature does not change them"


def test_chat_is_rendered_by_the_models_template(local_backend: OpenedBackend) -> None:
    messages = (Message(role="system", content="Be brief."), Message(role="user", content="Say hi."))
    request = Request(messages=messages, sampling=Sampling(temperature=0.0, max_tokens=24))
    completion = draw(local_backend, request)[0]
    assert completion.rendered == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert completion.finish == "stop"
    assert "<|im_end|>" not in completion.text
    assert completion.reasoning is None
    as_text = draw(local_backend, ask(completion.rendered, max_tokens=24))[0]
    assert (as_text.text, as_text.rendered) == (completion.text, None)


def test_an_assistant_message_that_stands_last_is_gone_on_from(local_backend: OpenedBackend) -> None:
    messages = (Message(role="user", content="Count to five."), Message(role="assistant", content="1, 2, 3,"))
    request = Request(messages=messages, sampling=Sampling(temperature=0.0, max_tokens=6))
    completion = draw(local_backend, request)[0]
    assert completion.rendered is not None
    assert completion.rendered.endswith("<|im_start|>assistant\n1, 2, 3,")
    assert completion.text.startswith(" 4")


def test_a_reasoning_effort_that_is_not_passed_on_is_on_record(local_backend: OpenedBackend) -> None:
    request = ask("Hello", max_tokens=1, effort="low")
    (note,) = draw(local_backend, request)[0].degradations
    assert "reasoning effort" in note
    assert loop.run(local_backend.explain(request)).notes == (note,)
    assert draw(local_backend, ask("Hello", max_tokens=1))[0].degradations == ()


def test_two_hundred_requests_at_once_and_the_loop_stays_free(local_backend: OpenedBackend) -> None:
    async def flood() -> tuple[list[list[Completion]], float]:
        gaps = [0.0]

        async def tick() -> None:
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0.01)
                gaps.append(time.perf_counter() - before)

        ticking = asyncio.create_task(tick())
        answers = await asyncio.gather(*(local_backend.complete(ask(f"{n}", max_tokens=1), [0]) for n in range(200)))
        ticking.cancel()
        return answers, max(gaps)

    answers, longest_gap = asyncio.run(flood())
    assert len(answers) == 200
    assert all(c.failure is None and c.usage.completion_tokens == 1 for (c,) in answers)
    assert longest_gap < 1.0


def test_cancelling_frees_the_slots(local_backend: OpenedBackend) -> None:
    slots = local_backend.capabilities.max_samples
    short, long = ask("1, 2, 3,", 0.1, max_tokens=8), ask("1, 2, 3, 4,", 0.1, max_tokens=1500)

    async def timed() -> float:
        started = time.perf_counter()
        await local_backend.complete(short, range(slots))
        return time.perf_counter() - started

    async def main() -> tuple[float, float, bool]:
        before = await timed()
        running = asyncio.create_task(local_backend.complete(long, range(2 * slots)))
        await asyncio.sleep(4 * before)
        unfinished = not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return before, await timed(), unfinished

    before, after, unfinished = asyncio.run(main())
    assert unfinished
    assert after < 10 * before + 0.5, "the long draws would have held the slots for 300 times as long"


def test_what_does_not_fit_the_context_fails_alone(small_backend: OpenedBackend) -> None:
    async def both() -> list[list[Completion]]:
        too_long, fits = ask("word " * 300, 1.0, 4), ask("Hello", 1.0, 4)
        return await asyncio.gather(small_backend.complete(too_long, [0, 1]), small_backend.complete(fits, [0, 1]))

    overflowed, fine = asyncio.run(both())
    for completion in overflowed:
        assert completion.finish == "failed"
        assert completion.failure is not None
        assert (completion.failure.kind, completion.failure.retryable) == ("context_overflow", False)
    assert all(c.failure is None for c in fine)


def test_a_text_that_the_context_cuts_short_is_no_draw(small_backend: OpenedBackend) -> None:
    completion = draw(small_backend, ask(", ".join(str(n) for n in range(1, 56)) + ",", max_tokens=500))[0]
    assert completion.failure is not None
    assert completion.failure.kind == "context_overflow"
    assert completion.usage.total_tokens >= 255, "it is paid for all the same"


def test_prompts_the_engine_cannot_read_fail_alone(local_backend: OpenedBackend) -> None:
    for prompt in ("", "a\ud83d"):
        failure = draw(local_backend, ask(prompt))[0].failure
        assert failure is not None
        assert (failure.kind, failure.retryable) == ("unsupported", False)


def test_identity_names_weights_and_precision_only(local_backend: OpenedBackend, small_backend: OpenedBackend) -> None:
    assert local_backend.identity == small_backend.identity
    assert str(local_backend.identity["weights"]).startswith("sha256:b179c952")
    assert (local_backend.identity["dtype"], local_backend.identity["kv_cache"]) == ("Q4_1", "bf16")
    assert (local_backend.spec, local_backend.capabilities.style) == ("local", "text")
    assert (local_backend.capabilities.context_tokens, small_backend.capabilities.context_tokens) == (2048, 256)


def test_thoughts_that_the_template_opens_are_no_answer() -> None:
    template = "{{ messages[0].content }}\n<think>\n"
    with reasoning.open_backend("local", chat_template=template, n_ctx=256, n_parallel=1, threads=1) as backend:
        assert backend.capabilities.reasoning
        asked = Request(messages=(Message(role="user", content="1, 2, 3,"),), sampling=Sampling(max_tokens=8))
        [found] = draw(backend, asked)
    assert (found.text, found.finish) == ("", "length")
    assert found.reasoning
    assert found.usage.reasoning_tokens == found.usage.completion_tokens == 8
