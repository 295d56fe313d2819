"""Whether a model behind a server thinks, and the room that it is given, with the real client and a real server."""

import asyncio
from typing import Any

import pytest
from fault_client import FaultServer

from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.backends.opening import open_backend
from reasoning.budget import SpendLimit
from reasoning.completion import Completion
from reasoning.errors import SpendLimitError
from reasoning.message import user
from reasoning.request import Request
from reasoning.sampling import ROOM_TO_THINK, Sampling
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency

THOUGHTS = " ".join(["Hmm."] * 140)
ANSWER = Sampling(temperature=0.7, max_tokens=64, limit="answer")


def opened(server: FaultServer, model: str = "m", **options: Any) -> OpenAI:
    return OpenAI.open(model, OpenAIOptions(**{"base_url": server.base_url} | options))


def drawn(backend: OpenAI, request: Request, indices: tuple[int, ...] = (0,)) -> list[Completion]:
    async def one() -> list[Completion]:
        try:
            return await backend.complete(request, indices)
        finally:
            await backend.aclose()

    return asyncio.run(one())


def chat(sampling: Sampling = ANSWER) -> Request:
    return Request(messages=(user("What is 2 + 3?"),), sampling=sampling)


def limits(server: FaultServer) -> list[int]:
    return [sent["body"]["max_tokens"] for sent in server.requests()]


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("gpt-5-mini", True),
        ("openai/o3", True),
        ("openai/gpt-oss-20b", True),
        ("gpt-5-chat-latest", None),
        ("gpt-5.1", None),  # its effort is "none" unless one is asked for
        ("gpt-4o", None),
        ("deepseek-reasoner", True),
        ("deepseek-r1:8b", True),
        ("deepseek-chat", None),
        ("Qwen/QwQ-32B", True),
        ("Qwen/Qwen3-8B", None),
        ("Qwen3-235B-A22B-Thinking-2507", True),
        ("qwen3-non-thinking", None),
        ("grok-4-fast-non-reasoning", None),
        ("magistral-small-2506", True),
        ("Llama-3-8B-Instruct", None),
        ("rethinking-llama", None),
    ],
)
def test_a_name_says_that_a_model_thinks_only_where_it_is_certain(model: str, thinks: bool | None) -> None:
    backend = OpenAI.open(model, OpenAIOptions(base_url="http://127.0.0.1:9/v1"))
    assert backend.capabilities.thinks is thinks


def test_openais_own_names_also_say_that_a_model_does_not_think() -> None:
    options = OpenAIOptions(base_url="https://api.openai.com/v1", api_key="key")
    assert OpenAI.open("gpt-4o-mini", options).capabilities.thinks is False
    assert OpenAI.open("gpt-5-mini", options).capabilities.thinks is True


@pytest.mark.parametrize(
    ("model", "options", "thinks"),
    [
        ("o3", {"thinks": False}, False),
        ("m", {"thinks": True}, True),
        ("o3", {"reasoning_model": False}, False),
        ("m", {"reasoning_model": True}, True),
        ("m", {"reasoning_model": True, "thinks": False}, False),
        ("deepseek-r1", {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}, False),
        ("m", {"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2000}}}, True),
        ("m", {"extra_body": {"reasoning_effort": "none"}}, False),
    ],
)
def test_a_person_may_say_it(model: str, options: dict[str, Any], thinks: bool) -> None:
    backend = OpenAI.open(model, OpenAIOptions(base_url="http://127.0.0.1:9/v1", **options))
    assert backend.capabilities.thinks is thinks


def test_thoughts_that_use_up_the_answers_limit_are_given_room(fault_server: FaultServer) -> None:
    fault_server.configure(reasoning_words=140)
    backend = opened(fault_server)
    assert backend.capabilities.thinks is None
    [completion] = drawn(backend, chat())
    assert (completion.finish, completion.reasoning) == ("stop", THOUGHTS)
    assert limits(fault_server) == [64, 64 + ROOM_TO_THINK]
    assert [note for note in completion.degradations if "thinks=true spares the first try" in note]
    assert backend.capabilities.thinks is True
    assert backend.thinks_as_opened is None
    # both tries are on the bill, and on the record
    written = len(THOUGHTS.split()) + len(completion.text.split())
    assert completion.usage.completion_tokens == 64 + written


def test_a_draw_is_the_same_whether_room_came_at_once_or_late(fault_server: FaultServer) -> None:
    fault_server.configure(reasoning_words=140)
    late, at_once = drawn(opened(fault_server), chat()), drawn(opened(fault_server, thinks=True), chat())
    assert [(c.text, c.reasoning, c.seed, c.request) for c in late] == [
        (c.text, c.reasoning, c.seed, c.request) for c in at_once
    ]


def test_from_the_first_reply_with_thoughts_on_room_is_given_at_once(fault_server: FaultServer) -> None:
    fault_server.configure(reasoning_words=140)
    backend = opened(fault_server)

    async def both() -> None:
        await backend.complete(chat(), [0])
        await backend.complete(chat(), [1])
        await backend.aclose()

    asyncio.run(both())
    assert limits(fault_server) == [64, 64 + ROOM_TO_THINK, 64 + ROOM_TO_THINK]


def test_draws_that_were_cut_side_by_side_all_get_room(fault_server: FaultServer) -> None:
    fault_server.configure(reasoning_words=140, refuse=["n"])
    completions = drawn(opened(fault_server), chat(), (0, 1, 2))
    assert [c.index for c in completions] == [0, 1, 2]
    assert [c.finish for c in completions] == ["stop"] * 3


def test_a_limit_that_a_person_sets_stands(fault_server: FaultServer) -> None:
    fault_server.configure(reasoning_words=140)
    [completion] = drawn(opened(fault_server), chat(Sampling(temperature=0.7, max_tokens=64)))
    assert (completion.finish, limits(fault_server)) == ("length", [64])


def test_a_model_that_does_not_think_is_asked_once_with_the_answers_limit(fault_server: FaultServer) -> None:
    fault_server.configure(text="one two three four five " * 30)
    [completion] = drawn(opened(fault_server), chat())
    assert (completion.finish, limits(fault_server)) == ("length", [64])


def test_a_spend_limit_holds_for_both_tries(fault_server: FaultServer) -> None:
    fault_server.configure(reasoning_words=140)
    worst = 2 * (chat().prompt_bytes + 128) + 64 + 64 + ROOM_TO_THINK
    for tokens, fits in ((worst, True), (worst - 1, False)):
        with open_backend("openai/m", base_url=fault_server.base_url, spend_limit=SpendLimit(tokens=tokens)) as backend:
            ask = backend.complete(chat(), [0])
            if fits:
                asyncio.run(ask)
                assert backend.paid.usage.completion_tokens > 64 + len(THOUGHTS.split())
            else:
                with pytest.raises(SpendLimitError):
                    asyncio.run(ask)


@pytest.mark.parametrize("model", ["gpt-5-mini", "o3"])
def test_a_model_that_is_known_to_think_is_not_told_to(fault_server: FaultServer, model: str) -> None:
    with open_backend(f"openai/{model}", base_url=fault_server.base_url) as backend:
        result = ChainOfThought().solve("What is 2 + 3?", backend)
    [sent] = fault_server.requests()
    assert "step by step" not in str(sent["body"]["messages"])
    assert sent["body"]["max_tokens"] == ROOM_TO_THINK
    assert "the model reasons by itself: no chain-of-thought trigger was added" in result.degradations


def test_a_model_of_which_nothing_is_known_is_asked_like_one_that_does_not_think(fault_server: FaultServer) -> None:
    with open_backend("openai/Llama-3-8B-Instruct", base_url=fault_server.base_url) as backend:
        result = ChainOfThought().solve("What is 2 + 3?", backend)
    assert limits(fault_server)[0] == 512
    assert "Let's think step by step." in str(fault_server.requests()[0]["body"]["messages"])
    assert not [note for note in result.degradations if "reasons by itself" in note]


def test_every_path_of_a_thinking_model_that_nobody_knew_has_an_answer_and_is_found_again(
    fault_server: FaultServer, tmp_path: Any
) -> None:
    fault_server.configure(reasoning_words=900, text="The answer is 5.")
    for strategy in (Direct(), SelfConsistency(of=ChainOfThought(), samples=4)):
        results = []
        for _ in range(2):
            with open_backend("openai/m", base_url=fault_server.base_url, store=tmp_path / "draws.sqlite") as backend:
                results.append(strategy.solve("What is 2 + 3?", backend))
                results.append(strategy.solve("What is 2 + 3?", backend))  # by now it is known to think
                bought = backend.paid.draws
        assert [path.answer for result in results for path in result.paths] == [5] * 4 * strategy.width
        assert len({result.model_copy(update={"seconds": 0.0}).model_dump_json() for result in results}) == 1
        assert bought == 0
