"""The OpenAI driver and a real model behind a real server (llama.cpp's), through the layers that people use."""

from typing import Any, Protocol

import pytest

import reasoning
from reasoning.backends.opened import OpenedBackend
from reasoning.completion import Completion
from reasoning.message import assistant, user
from reasoning.request import Request
from reasoning.sampling import Sampling

pytestmark = pytest.mark.model

SHOTS = "Q: What is 1 + 1?\nA: 2\n\nQ: What is 2 + 3?\nA: 5\n\nQ: What is 4 + 4?\nA:"
WARM = Sampling(temperature=1.0, max_tokens=12)


class Server(Protocol):
    base_url: str
    model: str
    context_tokens: int


def opened(server: Server, **options: Any) -> OpenedBackend:
    return reasoning.open_backend(f"openai/{server.model}", base_url=server.base_url, api_key="any", **options)


def draw(server: Server, request: Request, indices: range = range(1), **options: Any) -> list[Completion]:
    from reasoning import loop

    with opened(server, **options) as backend:
        return loop.run(backend.complete(request, list(indices)))


def test_greedy_text_is_the_same_twice(loopback_server: Server) -> None:
    request = Request(prompt=SHOTS, sampling=Sampling(temperature=0.0, max_tokens=8, stop=("\n",)))
    [first], [second] = draw(loopback_server, request), draw(loopback_server, request)
    assert first.text.strip()
    assert first.text == second.text
    assert first.finish == "stop"
    assert first.failure is None
    assert first.model == loopback_server.model
    assert first.usage.prompt_tokens > 30
    assert not first.usage.estimated


def test_a_chat_says_something_and_is_cut_at_the_limit(loopback_server: Server) -> None:
    few = Sampling(temperature=0.0, max_tokens=2)  # whatever a model says, it says more than two tokens
    request = Request(messages=(user("Write the numbers from one to one hundred in words."),), sampling=few)
    [completion] = draw(loopback_server, request)
    assert completion.text
    assert completion.finish == "length"
    assert completion.usage.completion_tokens == 2


def test_draws_together_are_the_draws_alone(loopback_server: Server) -> None:
    request = Request(prompt=SHOTS, sampling=WARM)
    together = draw(loopback_server, request, range(4))
    alone = draw(loopback_server, request, range(4), n="single")
    assert [c.seed for c in together] == [c.seed for c in alone]
    assert len({c.text for c in together}) > 1
    assert [c.text for c in together] == [c.text for c in alone]


def test_more_samples_than_the_server_has_slots_are_learnt(loopback_server: Server) -> None:
    completions = draw(loopback_server, Request(prompt=SHOTS, sampling=WARM), range(6))
    assert [c.failure for c in completions] == [None] * 6
    assert [c.index for c in completions] == list(range(6))


def test_usage_of_several_samples_is_not_that_of_one(loopback_server: Server) -> None:
    request = Request(prompt="Once upon a time", sampling=WARM)
    completions = draw(loopback_server, request, range(4))
    assert [c.finish for c in completions] == ["length"] * 4
    assert [c.usage.completion_tokens for c in completions] == [12] * 4
    bills = [c.billed or c.usage for c in completions]
    assert [bill.prompt_tokens > 0 for bill in bills] == [True, False, False, False]


@pytest.mark.parametrize("logprobs", [0, 3])
def test_log_probabilities(loopback_server: Server, logprobs: int) -> None:
    sampling = Sampling(temperature=0.0, max_tokens=6, logprobs=logprobs)
    for request in (Request(prompt=SHOTS, sampling=sampling), Request(messages=(user("Hello"),), sampling=sampling)):
        [completion] = draw(loopback_server, request)
        assert completion.logprobs is not None
        assert len(completion.logprobs.values) == 6
        assert all(value <= 0 for value in completion.logprobs.values)
        assert "".join(completion.logprobs.tokens).startswith(completion.text)
        assert [len(top) for top in completion.logprobs.top] == ([3] * 6 if logprobs else [])


def test_a_prefilled_answer_goes_on(loopback_server: Server) -> None:
    messages = (user("What is the capital of France?"), assistant("The capital of France is"))
    request = Request(messages=messages, sampling=Sampling(temperature=0.0, max_tokens=4))
    [completion] = draw(loopback_server, request, prefill="trailing")
    assert "Paris" in completion.text
    assert not completion.text.startswith("The capital")


def test_a_prompt_that_does_not_fit_is_a_failed_draw(loopback_server: Server) -> None:
    [completion] = draw(loopback_server, Request(prompt="bolt " * 2 * loopback_server.context_tokens, sampling=WARM))
    assert completion.failure is not None
    assert completion.failure.kind == "context_overflow"
