"""Whether a model behind a server thinks, and the room that it is given, with the real client and a real server."""

import asyncio
from typing import Any

import pytest
from fault_client import FaultServer

from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.backends.openai.budgets import budgets_at
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
    return [sent["body"]["max_tokens"] for sent in chats(server)]


def chats(server: FaultServer) -> list[dict[str, Any]]:
    return [sent for sent in server.requests() if sent["path"] != "/v1/models"]


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


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("Qwen/Qwen3-8B", 64 + ROOM_TO_THINK),
        ("qwen3:8b", 64 + ROOM_TO_THINK),
        ("Qwen3-30B-A3B-Q4_K_M.gguf", 64 + ROOM_TO_THINK),
        ("gemini-2.5-flash", 64 + ROOM_TO_THINK),
        ("glm-4.6", 64 + ROOM_TO_THINK),
        ("Qwen3-30B-A3B-Instruct-2507", 64),
        ("gemini-2.5-flash-lite", 64),
        ("glm-4-9b-chat", 64),
    ],
)
def test_who_thinks_unless_told_otherwise_has_room_at_once(fault_server: FaultServer, model: str, first: int) -> None:
    backend = opened(fault_server, model)
    drawn(backend, chat())
    assert limits(fault_server) == [first]
    assert backend.capabilities.thinks is None


def test_who_is_told_not_to_think_needs_no_room(fault_server: FaultServer) -> None:
    switch = {"chat_template_kwargs": {"enable_thinking": False}}
    drawn(opened(fault_server, "Qwen/Qwen3-8B", extra_body=switch), chat())
    assert limits(fault_server) == [64]


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
    [sent] = chats(fault_server)
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


def budgeted(tokens: int) -> Request:
    return chat(Sampling(temperature=0.7, max_tokens=512, thinking_tokens=tokens))


@pytest.mark.parametrize(
    ("way", "tokens", "fields"),
    [
        ("vllm", 100, {"thinking_token_budget": 100}),
        ("sglang", 100, {"custom_params": {"thinking_budget": 100}}),
        ("llama.cpp", 100, {"thinking_budget_tokens": 100}),
        ("qwen", 100, {"enable_thinking": True, "thinking_budget": 100}),
        ("qwen", 0, {"enable_thinking": False}),
        ("anthropic", 2000, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        ("anthropic", 0, {"thinking": {"type": "disabled"}}),
        ("gemini", 0, {"extra_body": {"google": {"thinking_config": {"thinking_budget": 0}}}}),
        ("openrouter", 100, {"reasoning": {"max_tokens": 100}}),
    ],
)
def test_a_budget_of_thought_is_sent_as_the_server_takes_it(
    fault_server: FaultServer, way: Any, tokens: int, fields: dict[str, Any]
) -> None:
    [completion] = drawn(opened(fault_server, thinking_budget=way), budgeted(tokens))
    [sent] = chats(fault_server)
    assert {name: sent["body"][name] for name in fields} == fields
    assert completion.degradations == ()


@pytest.mark.parametrize(
    ("url", "engine", "way"),
    [
        ("https://api.anthropic.com/v1", None, "anthropic"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", None, "gemini"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", None, "qwen"),
        ("https://openrouter.ai/api/v1", None, "openrouter"),
        ("http://127.0.0.1:8000/v1", "sglang", "sglang"),
        ("http://127.0.0.1:8000/v1", "somebody", "no"),
        ("https://api.openai.com/v1", None, "no"),
        ("https://notopenrouter.ai/v1", None, "no"),
    ],
)
def test_a_server_is_known_by_its_host_or_its_software(url: str, engine: str | None, way: str) -> None:
    assert budgets_at(url, engine) == way


def test_a_server_that_says_what_it_is_gets_the_budget_in_its_words(fault_server: FaultServer) -> None:
    fault_server.configure(model_card={"owned_by": "vllm"})
    drawn(opened(fault_server), budgeted(100))
    [sent] = chats(fault_server)
    assert sent["body"]["thinking_token_budget"] == 100


def test_a_budget_that_nobody_knows_how_to_send_is_left_out_on_the_record(fault_server: FaultServer) -> None:
    [completion] = drawn(opened(fault_server), budgeted(100))
    [note] = completion.degradations
    assert "thinking_tokens=100 was not sent" in note
    assert "thinking_budget" in note


def test_a_budget_that_is_refused_is_left_out_on_the_record(fault_server: FaultServer) -> None:
    fault_server.configure(refuse=["thinking_token_budget"])
    [completion] = drawn(opened(fault_server, thinking_budget="vllm"), budgeted(100))
    assert completion.finish == "stop"
    assert completion.degradations == ("thinking_token_budget is not taken by this model or server: not sent.",)


def test_a_budget_that_is_not_kept_to_is_noticed(fault_server: FaultServer) -> None:
    fault_server.configure(reasoning_words=300)
    [completion] = drawn(opened(fault_server, thinking_budget="vllm"), budgeted(100))
    assert completion.degradations == ("thinking_tokens=100 was not kept to: 300 tokens of thought came.",)


def test_fields_that_are_not_set_leave_the_keys_of_draws_as_they_were() -> None:
    written = Request(messages=(user("1"),), sampling=Sampling(temperature=0.0, max_tokens=9)).canonical
    assert '"limit"' not in written
    assert '"thinking_tokens"' not in written
    assert '"limit":"answer"' in chat().canonical
    assert '"thinking_tokens":100' in budgeted(100).canonical
