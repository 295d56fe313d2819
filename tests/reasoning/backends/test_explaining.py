"""What backends make of a request before they draw."""

from collections.abc import Mapping
from typing import Any, Protocol

import pytest

import reasoning
from reasoning import Capabilities, Request, Sampling, loop
from reasoning.backends.explaining import settings_asked
from reasoning.backends.layer import Layer
from reasoning.backends.openai.asking import prompt_of
from reasoning.backends.opened import OpenedBackend
from reasoning.errors import BackendError
from reasoning.message import system, user

GREEDY = Sampling(temperature=0.0, max_tokens=8)
CHAT = Request(messages=(system("Be brief."), user("What is π?")), sampling=GREEDY)
TEXT = Request(prompt="Q: 1 + 1?\nA:", sampling=GREEDY.model_copy(update={"stop": ("\n",)}))


class Server(Protocol):
    base_url: str
    model: str


def test_only_settings_that_make_a_difference_are_told() -> None:
    sampling = Sampling(temperature=0.7, top_p=1.0, top_k=40, min_p=0.0, max_tokens=9)
    assert settings_asked(sampling) == {"temperature": 0.7, "top_k": 40, "max_tokens": 9}
    assert settings_asked(Sampling(temperature=0.0, top_p=0.5, top_k=3)) == {"temperature": 0.0}


@pytest.mark.model
def test_the_embedded_model_tells_the_prompt_that_it_is_billed_for(local_backend: OpenedBackend) -> None:
    for request in (CHAT, TEXT):
        told = loop.run(local_backend.explain(request))
        (drawn,) = loop.run(local_backend.complete(request, [0]))
        assert told.rendered == (drawn.rendered or request.prompt)
        assert told.token_ids is not None
        assert told.tokens is not None
        assert len(told.token_ids) == len(told.tokens) == drawn.usage.prompt_tokens
        assert told.stop == request.sampling.stop
        assert told.settings == {"temperature": 0.0, "max_tokens": 8}
    assert "".join(told.tokens) == TEXT.prompt


@pytest.mark.model
def test_a_closed_engine_explains_nothing() -> None:
    with reasoning.open_backend("local", n_ctx=256, n_parallel=1) as backend:
        loop.run(backend.explain(TEXT))
    with pytest.raises(BackendError, match="closed"):
        loop.run(backend.explain(TEXT))


@pytest.mark.model
def test_a_server_of_llama_cpp_tells_the_same(local_backend: OpenedBackend, loopback_server: Server) -> None:
    options = {"base_url": loopback_server.base_url, "api_key": "any"}
    with reasoning.open_backend(f"openai/{loopback_server.model}", **options) as backend:
        for request in (CHAT, TEXT):
            here, there = loop.run(local_backend.explain(request)), loop.run(backend.explain(request))
            assert (there.rendered, there.token_ids, there.tokens) == (here.rendered, here.token_ids, here.tokens)
            assert there.notes, "what a server adds of its own accord is not known, and that is said"


def test_a_server_of_vllm_tells_ids_and_gives_the_text_back() -> None:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    async def post(path: str, body: Mapping[str, Any]) -> Any:
        asked.append((path, body))
        answers = {
            "http://box/tokenize": {"tokens": [1, 5, 9], "token_strs": ["<s>", "ĠBe", "Ġbrief"], "count": 3},
            "http://box/detokenize": {"prompt": "<s> Be brief"},
        }
        return answers.get(path)  # it has no /apply-template

    body = {"model": "m", "messages": [{"role": "user", "content": "Be brief"}]}
    told = loop.run(prompt_of(post, "http://box/v1", body))
    assert told == {"rendered": "<s> Be brief", "token_ids": (1, 5, 9), "tokens": ("<s>", "ĠBe", "Ġbrief")}
    assert asked[1][1]["messages"] == body["messages"]
    told = loop.run(prompt_of(post, "http://box/v1", {"model": "m", "prompt": "Be brief"}))
    assert (told["rendered"], told["token_ids"]) == ("Be brief", (1, 5, 9))


def test_another_server_tells_nothing_of_the_prompt(fault_server: Any) -> None:
    with reasoning.open_backend("openai/m", base_url=fault_server.base_url, api_key="any") as backend:
        told = loop.run(backend.explain(CHAT))
    assert (told.rendered, told.token_ids) == (None, None)
    assert any("does not tell" in note for note in told.notes)
    assert told.settings == {"temperature": 0.0, "max_tokens": 8}


def test_what_openai_does_not_take_is_not_in_force_and_that_is_said() -> None:
    sampling = Sampling(temperature=0.5, top_k=4, max_tokens=8, stop=("a", "b"))
    request = Request(messages=CHAT.messages, sampling=sampling)
    with reasoning.open_backend(
        "openai/gpt-4o-mini", base_url="https://api.openai.com/v1", api_key="sk-none"
    ) as backend:
        told = loop.run(backend.explain(request))
    assert told.settings == {"temperature": 0.5, "max_tokens": 8}
    assert told.stop == ("a", "b")
    assert any("top_k" in note for note in told.notes)


def test_a_driver_that_does_not_explain_is_taken_at_its_word_and_that_is_said() -> None:
    class Silent:
        spec, identity, capabilities = "silent/m", {}, Capabilities()

        async def complete(self, request: Request, indices: object) -> list[Any]:
            return []

        async def aclose(self) -> None: ...

    told = loop.run(Layer(Silent()).explain(TEXT))
    assert (told.rendered, told.token_ids, told.stop) == (None, None, ("\n",))
    assert "silent/m does not say" in told.notes[0]
