"""A limit fits what the server takes: as stated, as told, or as its refusal says, in the words of real servers."""

import asyncio
from typing import Any

import pytest
from fault_client import FaultServer

from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.backends.openai.window import what_fits
from reasoning.completion import Completion
from reasoning.message import user
from reasoning.request import Request
from reasoning.sampling import Sampling

WORDS = {
    "anthropic": "max_tokens: {sent} > {most}, which is the maximum allowed number of output tokens for claude-3-5-x",
    "azure": "max_tokens is too large: {sent}. This model supports at most {most} completion tokens, whereas you "
    "provided {sent}.",
    "dashscope": "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, {most}]",
    "databricks": "Bad request: rpc error: code = InvalidArgument desc = max_tokens ({sent}) cannot exceed {most}. "
    "Please reduce the length of max output tokens generated.",
    "groq": "`max_tokens` must be less than or equal to `{most}`, the maximum value for `max_tokens` is less than the "
    "`context_window` for this model",
    "vertex": "Unable to submit request because it has a maxOutputTokens value of {sent} but the supported range is "
    "from 1 (inclusive) to {most} (inclusive).",
    "bedrock": "The maximum tokens you requested exceeds the model limit of {most}. Try again with a maximum tokens "
    "value that is lower than {most}.",
    "fireworks": "Requests with max_tokens > {most} must have stream=true",
    "doubao": "The parameter `max_tokens` specified in the request is not valid: expected max_tokens <= {most}",
    "zhipu": "max_tokens参数非法, 取值范围为[1, {most}]",
    "no number": "max_tokens is too large",
}
WINDOWS = {
    "vllm": "This model's maximum context length is {window} tokens. However, you requested {sent} output tokens and "
    "your prompt contains at least {prompt} input tokens, for a total of at least {total} tokens. Please reduce the "
    "length of the input prompt or the number of requested output tokens.",
    "openai": "This model's maximum context length is {window} tokens. However, you requested {total} tokens ({prompt} "
    "in the messages, {sent} in the completion). Please reduce the length of the messages or completion.",
    "tgi": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {window}. Given: {prompt} `inputs` "
    "tokens and {sent} `max_new_tokens`",
    "cerebras": "Please reduce the length of the messages or completion. Current length is {total} while limit is "
    "{window}",
    "moonshot": "Invalid request: Your request exceeded model token limit: {window}",
    "tabby": "Prompt length {prompt} + max_tokens {sent} exceeds max_seq_len {window}",
    "sglang": "Requested token count exceeds the model's maximum context length of {window} tokens. You requested a "
    "total of {total} tokens: {prompt} tokens from the input messages and {sent} tokens for the completion.",
}
ASKED = Request(messages=(user("How many bolts?"),), sampling=Sampling(temperature=0.7, max_tokens=16384))


def drawn(server: FaultServer, limit: int = 16384, **options: Any) -> list[Completion]:
    request = ASKED.model_copy(update={"sampling": ASKED.sampling.model_copy(update={"max_tokens": limit})})

    async def all_of_them() -> list[Completion]:
        backend = OpenAI.open("m", OpenAIOptions(base_url=server.base_url, **options))
        try:
            return await backend.complete(request, [0])
        finally:
            await backend.aclose()

    return asyncio.run(all_of_them())


def limits(server: FaultServer) -> list[int]:
    return [sent["body"]["max_tokens"] for sent in server.requests() if sent["path"] != "/v1/models"]


@pytest.mark.parametrize("server", WORDS)
def test_a_limit_beyond_what_is_written_is_sent_lower(fault_server: FaultServer, server: str) -> None:
    fault_server.configure(most_output=4096, limit_refusal=WORDS[server])
    [completion] = drawn(fault_server)
    assert completion.finish == "stop"
    sent = limits(fault_server)
    assert sent[0] == 16384
    assert 4000 <= sent[-1] <= 4096
    assert len(sent) <= 3
    [note] = [note for note in completion.degradations if "16384 does not fit" in note]
    assert "sampling.max_tokens" in note
    assert str(sent[-1]) in note


@pytest.mark.parametrize("window", [2000, 8192, 16384, 16386])
@pytest.mark.parametrize("server", WINDOWS)
def test_a_limit_beyond_the_window_is_sent_lower(fault_server: FaultServer, server: str, window: int) -> None:
    fault_server.configure(window=window, limit_refusal=WINDOWS[server])
    [completion] = drawn(fault_server)
    assert completion.finish == "stop"
    least = window // 3 if server == "tabby" else window - 300  # whose numbers do not say which is which
    assert least <= limits(fault_server)[-1] <= window
    assert len(limits(fault_server)) == 2


def test_what_one_refusal_teaches_holds_for_all(fault_server: FaultServer) -> None:
    fault_server.configure(window=8192, limit_refusal=WINDOWS["vllm"])
    backend = OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url))

    async def one_after_the_other() -> None:
        for index in range(3):
            [completion] = await backend.complete(ASKED, [index])
            assert completion.finish == "stop"
        await backend.aclose()

    asyncio.run(one_after_the_other())
    first, *others = limits(fault_server)
    assert first == 16384
    assert len(others) == 3
    assert max(others) < 8192


def test_a_stated_window_is_never_overstepped(fault_server: FaultServer) -> None:
    fault_server.configure(window=8192, limit_refusal=WINDOWS["vllm"])
    [completion] = drawn(fault_server, context_tokens=8192)
    [sent] = limits(fault_server)
    assert 8000 <= sent < 8192
    assert [note for note in completion.degradations if "context_tokens" in note]


def test_a_limit_that_fits_is_sent_as_it_is(fault_server: FaultServer) -> None:
    [completion] = drawn(fault_server, limit=100, context_tokens=8192)
    assert (limits(fault_server), completion.degradations) == ([100], ())


@pytest.mark.parametrize(
    "words",
    [
        "prompt is too long: 213462 tokens > 200000 maximum",
        "Your request exceeded model token limit: 128",
        "You have reached the limit of 6000 requests per day.",
        "the request exceeds the available context size, try increasing it",
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
        "This model does not support temperature 0.7.",
        "Request too large on tokens per min (TPM): Limit 30000, Requested 30601. The output tokens must be reduced.",
    ],
)
def test_a_refusal_of_something_else_is_not_taken_for_one_of_the_limit(words: str) -> None:
    assert what_fits(words, 16384, 200) is None


def test_a_server_that_tells_its_window_is_asked_before_the_first_long_limit(fault_server: FaultServer) -> None:
    fault_server.configure(window=8192, limit_refusal=WINDOWS["vllm"], model_card={"max_model_len": 8192})
    [completion] = drawn(fault_server)
    [sent] = limits(fault_server)
    assert 8000 <= sent < 8192
    assert [note for note in completion.degradations if "16384 does not fit" in note]
    assert [sent["path"] for sent in fault_server.requests()] == ["/v1/models", "/v1/chat/completions"]


@pytest.mark.parametrize("card", [{}, {"max_model_len": "long"}, {"max_model_len": -1}, {"max_model_len": None}])
def test_what_is_not_told_is_no_trouble(fault_server: FaultServer, card: dict[str, Any]) -> None:
    fault_server.configure(model_card=card)
    [completion] = drawn(fault_server)
    assert (completion.finish, limits(fault_server)) == ("stop", [16384])


def test_a_short_limit_asks_nobody(fault_server: FaultServer) -> None:
    drawn(fault_server, limit=512)
    assert [sent["path"] for sent in fault_server.requests()] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    "words",
    [
        "The decoder prompt (length 12324) is longer than the maximum model length of 8192: too many tokens.",
        "The number of tokens to keep from the prompt exceeds the context (n_keep: 13055 >= n_ctx: 8192)",
    ],
)
def test_words_of_the_prompts_length_teach_the_window_at_once(words: str) -> None:
    told = what_fits(words, 16448, 60)
    assert told is not None
    assert told.shared == 8192
