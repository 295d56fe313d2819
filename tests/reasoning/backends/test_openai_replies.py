"""What odd and broken replies come to: a good text is kept whatever stands beside it, a broken one never counts."""

import asyncio
import json
from typing import Any

import pytest
from fault_client import FaultServer
from odd_replies import BAD, GOOD, TEXT, USAGE, Bad, Good, body, said

from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.completion import Completion, Logprobs
from reasoning.message import assistant, user
from reasoning.request import Request
from reasoning.sampling import Sampling

REQUEST = Request(messages=(user("How many bolts?"),), sampling=Sampling(temperature=0.7, max_tokens=100))


def drawn(
    server: FaultServer, reply: Any, indices: tuple[int, ...] = (0,), request: Request = REQUEST, **options: Any
) -> list[Completion]:
    """The draws where the server's first answer is this reply."""
    server.configure(faults=[{"kind": "malformed", "body": json.dumps(reply), "times": 1}])

    async def completed() -> list[Completion]:
        backend = OpenAI.open("m", OpenAIOptions(base_url=server.base_url, **options))
        try:
            return await backend.complete(request, indices)
        finally:
            await backend.aclose()

    return asyncio.run(completed())


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.about)
def test_a_good_text_is_kept(fault_server: FaultServer, good: Good) -> None:
    [found] = drawn(fault_server, good.body)
    assert found.failure is None
    assert (found.text, found.reasoning, found.finish) == (good.text, good.reasoning, good.finish)
    assert len(found.degradations) == (good.note is not None)
    assert all((good.note or "") in note for note in found.degradations)
    assert found.usage.prompt_tokens > 0


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.about)
def test_a_broken_reply_is_a_failure_that_may_be_mended(fault_server: FaultServer, bad: Bad) -> None:
    [found] = drawn(fault_server, bad.body)
    assert found.failure is not None
    assert (found.finish, found.text) == ("failed", "")
    assert (found.failure.kind, found.failure.retryable) == (bad.kind, True)
    assert bad.words in found.failure.message
    assert found.usage.model_dump(include=set(bad.billed)) == bad.billed  # it was billed all the same


def test_a_broken_sample_fails_alone(fault_server: FaultServer) -> None:
    reply = body()
    reply["choices"] = [
        {"index": 1, "message": said(content="b"), "finish_reason": "network_error"},
        {"index": 0, "message": said(content="a"), "finish_reason": "stop"},
        {"index": 2, "message": None, "finish_reason": "stop"},
        {"index": 3, "message": said(content="d"), "finish_reason": "stop", "logprobs": {"content": "none"}},
    ]
    found = drawn(fault_server, reply, indices=(0, 1, 2, 3))
    assert [one.text for one in found] == ["a", "", "", "d"]
    assert [one.failure is None for one in found] == [True, False, False, True]
    assert sum((one.billed or one.usage).completion_tokens for one in found) == USAGE["completion_tokens"]


def test_samples_that_nobody_asked_for_are_paid_for_by_those_that_were(fault_server: FaultServer) -> None:
    reply = body()
    reply["choices"] = [{**reply["choices"][0], "index": index} for index in range(3)]
    [found] = drawn(fault_server, reply)
    assert (found.text, found.usage.completion_tokens) == (TEXT, USAGE["completion_tokens"])


CHAT_SHAPE = {"content": [{"token": token, "logprob": -0.5} for token in ("12 and 6 ", "make 18.")]}
LISTS = {"tokens": ["12 and 6 ", "make 18."], "token_logprobs": [-0.5, "-0.5"], "top_logprobs": None}
READ = Logprobs(tokens=("12 and 6 ", "make 18."), values=(-0.5, -0.5))


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize("logprobs", [CHAT_SHAPE, LISTS, CHAT_SHAPE["content"]])
def test_log_probabilities_are_read_in_both_shapes(fault_server: FaultServer, api: str, logprobs: object) -> None:
    request = REQUEST.model_copy(update={"sampling": Sampling(temperature=0.7, max_tokens=100, logprobs=0)})
    [found] = drawn(fault_server, body(logprobs=logprobs), request=request, api=api)
    assert (found.text, found.logprobs) == (TEXT, READ)


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": [{"token": TEXT, "logprob": None}]},
        {"content": [{"token": TEXT, "logprob": "NaN"}]},
        {"content": [{"token": None, "logprob": -0.5}]},
        {"content": [TEXT]},
        {"tokens": [TEXT], "token_logprobs": [-0.5, -0.5]},
        {"tokens": [TEXT], "token_logprobs": None},
        "many",
    ],
)
def test_flawed_log_probabilities_cost_no_text(fault_server: FaultServer, logprobs: object) -> None:
    request = REQUEST.model_copy(update={"sampling": Sampling(temperature=0.7, max_tokens=100, logprobs=2)})
    [found] = drawn(fault_server, body(logprobs=logprobs), request=request)
    assert (found.text, found.failure, found.logprobs) == (TEXT, None, None)
    assert ["log-probabilities" in note for note in found.degradations] == [True]
    [found] = drawn(fault_server, body(logprobs=logprobs))  # nobody asked for them
    assert (found.text, found.degradations) == (TEXT, ())


def response(*output: Any, **fields: Any) -> dict[str, Any]:
    """An answer of the Responses API."""
    usage = {"input_tokens": 12, "output_tokens": 6, "total_tokens": 18}
    return {"id": "r", "object": "response", "status": "completed", "output": list(output), "usage": usage, **fields}


MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": TEXT}]}


@pytest.mark.parametrize(
    ("reply", "text", "finish"),
    [
        (response(MESSAGE), TEXT, "stop"),
        (response({"type": "reasoning", "summary": None}, {"type": "web_search_call"}, MESSAGE), TEXT, "stop"),
        (response({**MESSAGE, "content": TEXT}), TEXT, "stop"),
        (response(MESSAGE, status="incomplete", incomplete_details={"reason": "max_output_tokens"}), TEXT, "length"),
        (response(MESSAGE, status="incomplete", incomplete_details=None), TEXT, "length"),
        (response(status="incomplete", incomplete_details={"reason": "content_filter"}), "", "content_filter"),
    ],
)
def test_what_the_responses_api_finished(fault_server: FaultServer, reply: Any, text: str, finish: str) -> None:
    [found] = drawn(fault_server, reply, api="responses")
    assert (found.text, found.finish, found.failure) == (text, finish, None)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (response(MESSAGE, status="failed"), "status 'failed'"),
        (response(MESSAGE, status="failed", error={"code": "server_error", "message": "it broke"}), "it broke"),
        (response(MESSAGE, status="cancelled"), "status 'cancelled'"),
        (response(MESSAGE, status="in_progress"), "status 'in_progress'"),
        (response({"type": "reasoning", "summary": []}), "holds no text"),
        (response({"type": "message", "content": 3}), "holds no text"),
    ],
)
def test_what_the_responses_api_broke_off(fault_server: FaultServer, reply: Any, words: str) -> None:
    [found] = drawn(fault_server, reply, api="responses")
    assert found.failure is not None
    assert (found.failure.retryable, words in found.failure.message) == (True, True), found.failure.message


@pytest.mark.parametrize(
    ("message", "options", "text", "reasoning"),
    [
        (said(content=f"<reasoning>We add.</reasoning>{TEXT}"), {}, TEXT, "We add."),
        (said(content=f"[THINK]We add.[/THINK]{TEXT}", reasoning_content="We add."), {}, TEXT, "We add."),
        (said(content=f"more</think>{TEXT}", reasoning_content="We add."), {}, TEXT, "We add.\n\nmore"),
        (said(content=f"<plan>We add.</plan>{TEXT}"), {"think_tags": ["plan"]}, TEXT, "We add."),
        (said(content=f"<plan>We add.</plan>{TEXT}"), {"think_tags": "plan"}, TEXT, "We add."),
        (said(content=f"<think>a</think>{TEXT}"), {"think_tags": False}, f"<think>a</think>{TEXT}", None),
    ],
)
def test_thoughts_in_the_content_are_no_answer(
    fault_server: FaultServer, message: Any, options: dict[str, Any], text: str, reasoning: str | None
) -> None:
    [found] = drawn(fault_server, body(message), **options)
    assert (found.text, found.reasoning) == (text, reasoning)


def test_an_answer_goes_on_in_the_thoughts_that_its_prefill_left_open(fault_server: FaultServer) -> None:
    request = Request(messages=(user("Add."), assistant("<think>12 and")))
    for content in (" 6</think>18", "<think>12 and 6</think>18"):  # some servers say the prefill back
        [found] = drawn(fault_server, body(content), request=request, prefill="trailing")
        assert (found.reasoning, found.text) == ("6", "18")
    [cut] = drawn(fault_server, body(" 6, so", finish_reason="length"), request=request, prefill="trailing")
    assert (cut.reasoning, cut.text, cut.finish) == ("6, so", "", "length")
