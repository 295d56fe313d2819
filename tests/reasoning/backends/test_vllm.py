"""The vLLM backend on the embedded model, for real: what it draws."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from model_folder import embedded_folder

from reasoning import Completion, Message, Request, Sampling
from reasoning.backends.vllm import VLLM, VLLMOptions
from reasoning.loop import run

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

CONTEXT = 512
SHARED = "Here is a list of some numbers, and of what they are called. " * 14
"""More than one of the engine's cache blocks, which are 128 tokens on a CPU."""


@pytest.fixture(scope="module")
def engine() -> Iterator[VLLM]:
    options = {
        "dtype": "float32",
        "enforce_eager": True,
        "max_model_len": CONTEXT,
        "kv_cache_memory_bytes": 2**28,
    }
    model = str(embedded_folder("float32"))
    backend = VLLM.open(model, VLLMOptions.model_validate(options))
    yield backend
    run(backend.aclose())


def ask(prompt: str, temperature: float = 0.0, max_tokens: int = 8, **sampling: object) -> Request:
    fields = {"temperature": temperature, "max_tokens": max_tokens, **sampling}
    return Request(prompt=prompt, sampling=Sampling.model_validate(fields))


def chat(*messages: tuple[str, str], **sampling: object) -> Request:
    settings = Sampling.model_validate({"temperature": 0.0, "max_tokens": 8, **sampling})
    turns = tuple(Message.model_validate({"role": role, "content": content}) for role, content in messages)
    return Request(messages=turns, sampling=settings)


def draw(engine: VLLM, request: Request, indices: Sequence[int] = (0,)) -> list[Completion]:
    return run(engine.complete(request, indices))


def together(engine: VLLM, asked: Sequence[tuple[Request, Sequence[int]]]) -> list[list[Completion]]:
    async def all_at_once() -> list[list[Completion]]:
        return await asyncio.gather(*(engine.complete(request, indices) for request, indices in asked))

    return run(all_at_once())


def assert_same(one: Sequence[Completion], other: Sequence[Completion]) -> None:
    """The same draws: in float32 only the last bits of their log-probabilities depend on their company."""

    def said(completions: Sequence[Completion]) -> list[tuple[object, ...]]:
        return [(c.index, c.text, c.finish, c.seed, c.usage, c.logprobs and c.logprobs.tokens) for c in completions]

    def values(completions: Sequence[Completion]) -> list[float]:
        return [value for c in completions if c.logprobs for value in c.logprobs.values]

    assert said(one) == said(other)
    assert values(one) == pytest.approx(values(other), abs=1e-3)


def test_what_it_is_and_can(engine: VLLM) -> None:
    assert engine.spec == f"vllm/{embedded_folder('float32')}"
    assert set(engine.identity) == {"engine", "weights", "tokenizer", "dtype", "device"}
    assert (engine.identity["dtype"], engine.identity["device"]) == ("float32", "cpu")
    can = engine.capabilities
    assert (can.chat, can.text, can.prefill, can.seed, can.logprobs) == (True, True, True, True, 20)
    assert (can.context_tokens, can.reasoning, can.scoring) == (CONTEXT, False, False)
    facts = engine.facts
    assert (facts.parameters, facts.active_parameters) == (134_515_008, 134_515_008)
    assert (facts.precision, facts.weights) == ("float32", "open")
    assert facts.peak_memory_bytes is not None
    assert facts.peak_memory_bytes > 134_515_008 * 4


def test_samples_of_one_request_are_the_draws_of_their_own_seeds(engine: VLLM) -> None:
    request = ask("My favourite animal is", temperature=1.0, logprobs=1)
    four = draw(engine, request, range(4))
    seeds = [c.seed for c in four if c.seed is not None]
    assert [after - before for before, after in pairwise(seeds)] == [1, 1, 1]
    assert len({c.text for c in four}) > 1
    assert_same([draw(engine, request, [index])[0] for index in range(4)], four)
    assert_same(draw(engine, request, [3, 1]), [four[3], four[1]])


def test_a_draw_is_the_same_in_company_and_behind_a_cached_prefix(engine: VLLM) -> None:
    assert engine.capabilities.reproducible == "batch_dependent"
    requests = [ask(f"{SHARED}{n} is", temperature=1.0, logprobs=0) for n in (3, 40)]
    cold = [draw(engine, request, range(3)) for request in requests]
    others = [(ask(f"Once there were {n} of", temperature=1.0, max_tokens=5 + n), range(2)) for n in range(4)]
    busy = together(engine, [*others, *((request, range(3)) for request in requests), *others])[4:6]
    for alone, in_company in zip(cold, busy, strict=True):
        assert_same(alone, in_company)


def test_a_shared_prefix_is_read_once_and_billed_so(engine: VLLM) -> None:
    first, second = (draw(engine, ask(f"{SHARED}Now for {word}", 0.9), range(2)) for word in ("one", "another"))
    assert second[0].usage.cached_tokens == 0, "what a draw costs bought cold"
    assert second[0].billed is not None
    assert 128 <= second[0].billed.cached_tokens < second[0].usage.prompt_tokens
    assert [(c.billed or c.usage).prompt_tokens for c in first] == [first[0].usage.prompt_tokens, 0]


def test_chat_is_rendered_by_the_models_template(engine: VLLM) -> None:
    completion = draw(engine, chat(("system", "Be brief."), ("user", "Say hi.")))[0]
    assert completion.rendered == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert "<|im_end|>" not in completion.text
    as_text = draw(engine, ask(completion.rendered))[0]
    assert (as_text.text, as_text.usage, as_text.rendered) == (completion.text, completion.usage, None)


def test_a_prefill_is_gone_on_from(engine: VLLM) -> None:
    completion = draw(engine, chat(("user", "Count to five."), ("assistant", "1, 2, 3,")))[0]
    assert completion.rendered is not None
    assert completion.rendered.endswith("<|im_start|>assistant\n1, 2, 3,")
    as_text = draw(engine, ask(completion.rendered))[0]
    assert as_text.text == completion.text


def test_unseeded_draws_say_so_and_differ(engine: VLLM) -> None:
    request = ask("My favourite animal is", temperature=1.5, seeded=False)
    unseeded = [c for _ in range(2) for c in draw(engine, request, range(3))]
    assert {c.seed for c in unseeded} == {None}
    assert all(c.degradations == () for c in unseeded), "it is what was asked for"
    assert len({c.text for c in unseeded}) > 3


def test_unset_samplers_are_neutral_and_set_ones_hold(engine: VLLM) -> None:
    unset = ask("My favourite animal is", temperature=1.8, logprobs=0)
    greedy = draw(engine, ask("My favourite animal is"))[0].text
    assert len({c.text for c in draw(engine, unset, range(4))}) == 4
    for narrow in ({"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}):
        request = ask("My favourite animal is", temperature=1.8, **narrow)
        assert {c.text for c in draw(engine, request, range(3))} == {greedy}


def test_an_effort_that_the_template_does_not_know_is_on_record(engine: VLLM) -> None:
    completion = draw(engine, chat(("user", "Hi."), effort="low", max_tokens=1))[0]
    assert completion.failure is None
    assert "reasoning effort" in completion.degradations[0]


def test_what_cannot_be_read_fails_alone(engine: VLLM) -> None:
    asked = [(ask(prompt, 0.5, 2), [0, 1]) for prompt in ("", "a\ud83d", "word " * 600, "Hello")]
    empty, broken, long, fine = together(engine, asked)
    assert [c.failure.kind for c in (*empty, *broken) if c.failure] == ["unsupported"] * 4
    assert [c.failure.kind for c in long if c.failure] == ["context_overflow"] * 2
    assert all(f"max_model_len is {CONTEXT}" in c.failure.message for c in long if c.failure)
    assert [c.failure for c in fine] == [None, None]


def test_a_text_that_the_context_cuts_short_is_no_draw(engine: VLLM) -> None:
    prompt = ", ".join(str(n) for n in range(1, 123)) + ","
    completion = draw(engine, ask(prompt, max_tokens=500))[0]
    assert completion.failure is not None
    assert completion.failure.kind == "context_overflow"
    assert "raise max_model_len" in completion.failure.message
    assert completion.usage.total_tokens >= CONTEXT, "it is paid for all the same"


def test_cancelling_aborts_the_request_in_the_engine(engine: VLLM) -> None:
    llm = engine._engine.llm

    async def scene() -> tuple[int, int]:
        running = asyncio.create_task(engine.complete(ask("1, 2, 3,", 0.9, max_tokens=400), range(6)))
        while not (during := llm.get_num_unfinished_requests()):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return during, llm.get_num_unfinished_requests()

    assert run(scene()) == (6, 0)
    assert draw(engine, ask("1, 2, 3,"))[0].failure is None


def test_it_says_what_it_makes_of_a_request(engine: VLLM) -> None:
    request = chat(("user", "Say hi."), stop=("x",), top_p=0.9, temperature=0.5)
    told = run(engine.explain(request))
    completion = draw(engine, request)[0]
    assert told.rendered == completion.rendered
    assert told.token_ids is not None
    assert told.tokens is not None
    assert len(told.token_ids) == completion.usage.prompt_tokens
    assert "".join(told.tokens) == told.rendered
    assert dict(told.settings) == {"temperature": 0.5, "top_p": 0.9, "max_tokens": 8}
