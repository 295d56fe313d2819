"""What servers of many kinds say (`kinds.yaml`), played to the real client: it learns from refusals and errors."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fault_client import FaultServer
from fault_server import meets

import evals
import reasoning
from evals.item import Item
from evals.task import Task
from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.completion import Completion
from reasoning.errors import AuthenticationError, BadRequestError
from reasoning.message import system, user
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.direct import Direct

KINDS = yaml.safe_load(Path(__file__).with_name("kinds.yaml").read_text(encoding="utf-8"))
RETRIED = {"limited": {"rate_limit"}, "passing": {"server_error"}, "unparsed": {"malformed"}}
KEY = "sk-dummykey0001"


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def named(entry: dict[str, Any]) -> str:
    return str(entry["id"])


def asking(question: str, **sampling: Any) -> Request:
    return Request(messages=(user(question),), sampling=Sampling(**{"temperature": 0.7, "max_tokens": 100} | sampling))


def draw(server: FaultServer, *asked: tuple[Request, int]) -> list[list[Completion]]:
    """Draws so many samples of each request, one request after the other."""

    async def drawn() -> list[list[Completion]]:
        backend = OpenAI.open("m", OpenAIOptions(base_url=server.base_url, api_key=KEY))
        try:
            return [await backend.complete(request, range(samples)) for request, samples in asked]
        finally:
            await backend.aclose()

    return asyncio.run(drawn())


@pytest.mark.parametrize("entry", KINDS["refusals"], ids=named)
def test_a_refused_parameter_is_learnt(server: FaultServer, entry: dict[str, Any]) -> None:
    reply = {"kind": "reply", "status": entry.get("status", 400), "body": entry["body"], "when": entry["when"]}
    server.configure(faults=[reply])
    samples = entry["ask"].get("samples", 1)
    request = asking("How many bolts?", **{name: value for name, value in entry["ask"].items() if name != "samples"})
    if "system" in entry:
        request = request.model_copy(update={"messages": (system(entry["system"]), *request.messages)})
    [completions] = draw(server, (request, samples))
    assert [completion.failure for completion in completions] == [None] * samples
    sent = server.bodies()
    answered = [body for body in sent if not meets(body, entry["when"])]
    assert len(sent) - len(answered) <= entry.get("refusals", 2)
    for name, value in entry["then"].items():
        assert {body.get(name) == value for body in answered} == {True}, name
    assert all(completion.degradations for completion in completions) != entry.get("exact", False)


@pytest.mark.parametrize("entry", KINDS["errors"], ids=named)
def test_an_error_is_understood(server: FaultServer, entry: dict[str, Any]) -> None:
    """In the middle of a run, at the third request of five."""
    reply = {"kind": "reply", "status": entry["status"], "body": entry["body"], "headers": entry.get("headers", {})}
    server.configure(faults=[{**reply, "match": "What is odd?"}])
    asked = [(asking(question), 1) for question in ("1?", "2?", "What is odd?", "4?", "5?")]
    if entry["right"] == "account":
        with pytest.raises(AuthenticationError) as caught:
            draw(server, *asked)
        assert KEY not in str(caught.value)
        assert server.stats()["requests"] == 3
        return
    found = [completion for [completion] in draw(server, *asked)]
    odd = found.pop(2)
    assert [completion.failure for completion in found] == [None] * 4
    assert server.stats()["requests"] == 5
    if entry["right"] == "filtered":
        assert (odd.finish, odd.failure) == ("content_filter", None)
        return
    assert odd.failure is not None
    assert KEY not in odd.failure.message
    if entry["right"] == "too_long":
        assert (odd.failure.kind, odd.failure.retryable) == ("context_overflow", False)
    elif entry["right"] in RETRIED:
        assert odd.failure.kind in RETRIED[entry["right"]]
        assert (odd.failure.retryable, odd.failure.retry_after) == (True, entry.get("wait"))
    else:
        assert odd.failure.kind == "unsupported" or (entry["right"] == "elsewhere" and odd.failure.kind == "malformed")
    assert entry["right"] != "elsewhere" or "base_url" in odd.failure.message


@pytest.mark.parametrize(
    "entry", [one for one in KINDS["errors"] if one["right"] in ("elsewhere", "refused")], ids=named
)
def test_a_server_that_has_answered_nothing_stops_at_once(server: FaultServer, entry: dict[str, Any]) -> None:
    server.configure(faults=[{"kind": "reply", "status": entry["status"], "body": entry["body"]}])
    with pytest.raises(BadRequestError):
        draw(server, (asking("1?"), 1), (asking("2?"), 1))
    assert server.stats()["requests"] == 1


def test_a_run_loses_the_refused_item_alone_and_each_rerun_asks_for_it_alone(
    server: FaultServer, tmp_path: Path
) -> None:
    words = "Messages must alternate between apples and pears"
    refused = {"kind": "reply", "status": 400, "body": {"error": {"message": words}}, "match": "What is 5?"}
    server.configure(text="The answer is 5.", faults=[refused])
    items = [Item.of(str(number), f"What is {number}?", "5") for number in range(1, 13)]
    for requests in (12, 13, 14):
        with reasoning.open_backend("openai/m", base_url=server.base_url, store=tmp_path / "draws.sqlite") as backend:
            run = evals.evaluate(Task.of("twelve", items), Direct(), backend, out=tmp_path)
        assert (run.status, run.done, sum(run.lost.values())) == ("complete", 12, 1)
        assert server.stats()["requests"] == requests
        [lost] = [result for result in run.results if result.answer is None]
        assert words in str(lost.paths[0].completions[-1].failure)
