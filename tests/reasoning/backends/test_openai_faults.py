"""What goes wrong between the OpenAI driver and a server: each draw ends with its right status, and nothing hangs."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fault_client import FaultServer

import reasoning
from reasoning.backends.openai import OpenAI, OpenAIOptions, client
from reasoning.backends.openai.faults import Scrubber, of_status
from reasoning.completion import Completion
from reasoning.errors import AuthenticationError, BadRequestError
from reasoning.message import user
from reasoning.request import Request
from reasoning.sampling import Sampling

REQUEST = Request(messages=(user("How many bolts?"),), sampling=Sampling(temperature=0.7, max_tokens=100))


def draw(
    server: FaultServer | str, indices: tuple[int, ...] = (0,), request: Request = REQUEST, **options: Any
) -> list[Completion]:
    url = server if isinstance(server, str) else server.base_url

    async def drawn() -> list[Completion]:
        backend = OpenAI.open("m", OpenAIOptions(base_url=url, **options))
        try:
            return await backend.complete(request, indices)
        finally:
            await backend.aclose()

    return asyncio.run(drawn())


@pytest.mark.parametrize(
    ("fault", "kind", "after"),
    [
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}, "rate_limit", 7.0),
        ({"kind": "status", "status": 429, "headers": {"Retry-After-Ms": "250"}}, "rate_limit", 0.25),
        ({"kind": "status", "status": 429}, "rate_limit", None),
        ({"kind": "status", "status": 408}, "timeout", None),
        ({"kind": "status", "status": 409}, "server_error", None),
        ({"kind": "status", "status": 500}, "server_error", None),
        ({"kind": "status", "status": 503, "headers": {"Retry-After": "1"}}, "server_error", 1.0),
        ({"kind": "status", "status": 529}, "server_error", None),
        ({"kind": "reset"}, "connection", None),
        ({"kind": "cut_off"}, "connection", None),
        ({"kind": "malformed"}, "malformed", None),
        ({"kind": "malformed", "body": ""}, "malformed", None),
        ({"kind": "malformed", "body": "[" * 100_000}, "malformed", None),
        ({"kind": "malformed", "body": '{"choices": [{"index": 0}]}'}, "malformed", None),
        ({"kind": "malformed", "body": '{"choices": [{"message": {"content": 1}, "logprobs": 3}]}'}, "malformed", None),
        ({"kind": "malformed", "body": '{"choices": [{"message": {"content": 1}}]}'}, "malformed", None),
        (
            {"kind": "malformed", "body": '{"choices": [{"message": {"content": [{"type": "image"}]}}]}'},
            "malformed",
            None,
        ),
        ({"kind": "malformed", "body": '{"choices": [{"message": {}, "finish_reason": "error"}]}'}, "malformed", None),
        ({"kind": "malformed", "body": '{"error": {"message": "busy", "code": 429}}'}, "rate_limit", None),
        ({"kind": "malformed", "body": '{"error": "engine gone"}'}, "server_error", None),
        ({"kind": "empty"}, "malformed", None),
        ({"kind": "hang"}, "timeout", None),
    ],
)
def test_a_failed_draw_says_why_and_can_be_tried_again(
    fault_server: FaultServer, fault: dict[str, Any], kind: str, after: float | None
) -> None:
    fault_server.configure(faults=[fault])
    started = time.monotonic()
    completions = draw(fault_server, (0, 1), timeout_s=0.5 if fault["kind"] == "hang" else 30)
    assert time.monotonic() - started < 20
    assert [c.index for c in completions] == [0, 1]
    for completion in completions:
        assert completion.finish == "failed"
        assert completion.failure is not None
        assert (completion.failure.kind, completion.failure.retryable) == (kind, True)
        assert completion.failure.retry_after == after
        assert completion.failure.message
        assert completion.failure.message.count("\n") == 0


def test_a_prompt_that_no_request_can_carry_fails_alone(fault_server: FaultServer) -> None:
    request = Request(messages=(user("a\ud83d"),), sampling=REQUEST.sampling)
    [completion] = draw(fault_server, request=request)
    assert completion.failure is not None
    assert (completion.failure.kind, completion.failure.retryable) == ("unsupported", False)
    assert "half of a surrogate pair" in completion.failure.message


def test_one_failed_request_does_not_fail_its_batch(fault_server: FaultServer) -> None:
    fault_server.configure(faults=[{"kind": "status", "times": 1}])
    completions = draw(fault_server, tuple(range(0, 20, 2)))
    assert sum(c.failure is not None for c in completions) == 1
    assert [c.index for c in completions] == list(range(0, 20, 2))


def test_a_prompt_that_is_too_long_is_a_failed_draw(fault_server: FaultServer) -> None:
    fault_server.configure(context_tokens=2)
    [completion] = draw(fault_server)
    assert completion.failure is not None
    assert (completion.failure.kind, completion.failure.retryable) == ("context_overflow", False)
    assert "maximum context length is 2 tokens" in completion.failure.message


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "content_filter", "The response was filtered due to Azure's content management policy."),
        (400, "invalid_prompt", "Your prompt was flagged as potentially violating our usage policy."),
        (403, None, "Your chosen model requires moderation and your input was flagged."),
    ],
)
def test_a_filtered_prompt_is_a_filtered_draw(fault_server: FaultServer, status: int, code: str, message: str) -> None:
    fault_server.configure(faults=[{"kind": "status", "status": status, "code": code, "message": message}])
    [completion] = draw(fault_server)
    assert (completion.finish, completion.failure, completion.text) == ("content_filter", None, "")
    assert any(message.rstrip(".") in note for note in completion.degradations)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "invalid_api_key", AuthenticationError),
        (403, None, AuthenticationError),
        (402, None, AuthenticationError),
        (429, "insufficient_quota", AuthenticationError),
        (400, None, BadRequestError),
        (404, "model_not_found", BadRequestError),
        (422, None, BadRequestError),
        (501, None, BadRequestError),
    ],
)
def test_what_stops_a_run(fault_server: FaultServer, status: int, code: str | None, error: type[Exception]) -> None:
    words = "The words of the server, as they are"
    fault_server.configure(faults=[{"kind": "status", "status": status, "code": code, "message": words}])
    with pytest.raises(error, match=words) as caught:
        draw(fault_server, (0, 2, 4))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


class TestWhatIsNotUnderstood:
    """It stops a run whose server has answered nothing, and costs its own draw once the server has answered."""

    WORDS = "Nobody has seen these words before"

    def test_it_costs_its_own_draw_once_another_was_answered(self, fault_server: FaultServer) -> None:
        fault_server.configure(faults=[{"kind": "status", "status": 400, "message": self.WORDS, "match": "odd"}])
        good, odd, later = asyncio.run(self._one_after_another(fault_server, "good", "odd", "later"))
        assert (good.failure, later.failure) == (None, None)
        assert odd.failure is not None
        assert (odd.failure.kind, odd.failure.retryable) == ("unsupported", False)
        assert self.WORDS in odd.failure.message

    def test_it_waits_for_the_answers_that_are_on_their_way(self, fault_server: FaultServer) -> None:
        refused = {"kind": "status", "status": 400, "message": self.WORDS, "times": 1}
        fault_server.configure(faults=[refused, {"kind": "delay", "delay_s": 0.2}])
        completions = draw(fault_server, (0, 2, 4, 6))
        assert [c.failure.kind if c.failure else None for c in completions].count("unsupported") == 1
        assert [c.failure for c in completions].count(None) == 3

    def test_it_stops_no_later_run_on_a_store_with_answers(self, fault_server: FaultServer, tmp_path: Path) -> None:
        odd = {"kind": "status", "status": 400, "message": self.WORDS, "match": "odd"}
        fault_server.configure(faults=[odd])
        for questions in (["good", "odd"], ["odd", "good"], ["odd", "new"]):
            with reasoning.open_backend("openai/m", base_url=fault_server.base_url, store=tmp_path / "d.sqlite") as b:
                for question in questions:
                    [completion] = asyncio.run(b.complete(Request(messages=(user(question),)), [0]))
                    assert (completion.failure is not None) == (question == "odd")

    def test_a_page_after_an_answer_is_tried_again(self, fault_server: FaultServer) -> None:
        page = {"kind": "malformed", "body": "<html><title>Please wait</title></html>", "match": "odd"}
        fault_server.configure(faults=[page])
        _, odd = asyncio.run(self._one_after_another(fault_server, "good", "odd"))
        assert odd.failure is not None
        assert (odd.failure.kind, odd.failure.retryable) == ("malformed", True)

    @staticmethod
    async def _one_after_another(server: FaultServer, *questions: str) -> list[Completion]:
        backend = OpenAI.open("m", OpenAIOptions(base_url=server.base_url))
        requests = [Request(messages=(user(question),), sampling=REQUEST.sampling) for question in questions]
        found = [(await backend.complete(request, [0]))[0] for request in requests]
        await backend.aclose()
        return found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head></html>", "Welcome to nginx!"),
        ("Ollama is running", "Ollama is running"),
        ("{}", "{}"),
        ("[1, 2]", "1, 2"),
        ('{"object": "list", "data": []}', "list"),
        ('{"error": "Unexpected endpoint or method. (POST /chat/completions)"}', "Unexpected endpoint or method"),
        ('{"code": 500, "msg": "404 NOT_FOUND", "success": false}', "404 NOT_FOUND"),
    ],
)
def test_a_wrong_url_stops_the_first_request_with_the_words(fault_server: FaultServer, body: str, words: str) -> None:
    fault_server.configure(faults=[{"kind": "malformed", "body": body}])
    with pytest.raises(BadRequestError, match="base_url") as caught:
        draw(fault_server)
    assert words in str(caught.value)
    assert fault_server.stats()["requests"] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"code": 401, "msg": "Invalid API key", "success": false}', "Invalid API key"),
        ('{"base_resp": {"status_code": 7, "status_msg": "login fail: no API secret key"}, "choices": null}', "login"),
        ('{"error": {"message": "Insufficient credits", "code": 402}}', "Insufficient credits"),
        ('{"message": "Your account is suspended: please top up your balance"}', "suspended"),
    ],
)
def test_an_account_that_ends_within_an_answer_stops_the_run(fault_server: FaultServer, body: str, words: str) -> None:
    fault_server.configure(faults=[{"kind": "malformed", "body": body}])
    with pytest.raises(AuthenticationError, match=words):
        draw(fault_server)
    assert fault_server.stats()["requests"] == 1


def test_a_value_out_of_range_is_not_left_out(fault_server: FaultServer) -> None:
    words = "'temperature' must be at most 1"
    fault_server.configure(faults=[{"kind": "status", "status": 400, "message": words}])
    with pytest.raises(BadRequestError, match=words):
        draw(fault_server)
    assert fault_server.stats()["requests"] == 1


def test_an_effort_that_is_not_one_of_the_models_stops_with_the_words(fault_server: FaultServer) -> None:
    words = "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model; take 'low'."
    fault_server.configure(faults=[{"kind": "status", "status": 400, "message": words}])
    request = REQUEST.model_copy(update={"sampling": Sampling(effort="minimal")})
    with pytest.raises(BadRequestError, match="take 'low'"):
        draw(fault_server, request=request)


def test_native_n_takes_a_refusal_as_it_is(fault_server: FaultServer) -> None:
    fault_server.configure(refuse=["n"])
    with pytest.raises(BadRequestError, match="'n' is not supported"):
        draw(fault_server, (0, 1), n="native")


def test_a_mixed_flood_loses_no_draw(fault_server: FaultServer) -> None:
    fault_server.configure(
        latency_s=0.01,
        faults=[
            {"kind": "reset", "every": 11},
            {"kind": "cut_off", "every": 7},
            {"kind": "malformed", "every": 5},
            {"kind": "status", "status": 429, "every": 3},
        ],
    )
    completions = draw(fault_server, tuple(range(0, 400, 2)), max_connections=32)
    assert [c.index for c in completions] == list(range(0, 400, 2))
    kinds = [c.failure.kind if c.failure else "answer" for c in completions]
    expected = {"connection": 0, "malformed": 0, "rate_limit": 0, "answer": 0}
    for number in range(1, 201):  # the first fault that applies to the number of the request
        kind = next((k for every, k in ((11, "connection"), (7, "connection"), (5, "malformed"), (3, "rate_limit"))
                     if number % every == 0), "answer")  # fmt: skip
        expected[kind] += 1
    assert {kind: kinds.count(kind) for kind in expected} == expected
    assert fault_server.stats()["most_in_flight"] <= 32


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_server_that_is_not_there(closed_port: int) -> None:
    [completion] = draw(f"http://127.0.0.1:{closed_port}/v1")
    assert completion.failure is not None
    assert completion.failure.kind == "connection"
    assert completion.failure.message == (
        f"The connection to http://127.0.0.1:{closed_port}/v1 failed: Connection refused. "
        "Check base_url and that the server runs."
    )


def test_a_server_without_tls_is_told_in_the_words_of_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as pool:
        pool.submit(_answer_in_clear, plain)
        [completion] = draw(f"https://127.0.0.1:{plain.getsockname()[1]}/v1")
    assert completion.failure is not None
    assert completion.failure.kind == "connection"
    assert "SSL" in completion.failure.message
    assert "Check base_url" in completion.failure.message


def _answer_in_clear(plain: socket.socket) -> None:
    connection, _ = plain.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_connection_that_takes_too_long_is_not_an_answer_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes the connection, and never shakes hands
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        [completion] = draw(url)
    assert completion.failure is not None
    assert (completion.failure.kind, completion.failure.retryable) == ("connection", True)
    assert completion.failure.message == (
        f"The connection to {url} failed: there was none within 0.3 s. Check base_url and that the server runs."
    )


def test_a_wrong_path_names_base_url(fault_server: FaultServer) -> None:
    with pytest.raises(BadRequestError, match="base_url"):
        draw(fault_server.base_url.removesuffix("/v1"))


class TestTimeAndConnections:
    def test_the_timeout_does_not_run_while_waiting_for_a_turn(self, fault_server: FaultServer) -> None:
        fault_server.configure(latency_s=0.2)
        completions = draw(fault_server, tuple(range(0, 12, 2)), max_connections=1, timeout_s=0.9)
        assert [c.failure for c in completions] == [None] * 6

    def test_a_cancelled_draw_closes_its_request(self, fault_server: FaultServer) -> None:
        fault_server.configure(latency_s=60.0)

        async def cancelled() -> None:
            backend = OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url))
            draws = asyncio.ensure_future(backend.complete(REQUEST, [0, 2, 4]))
            while (await asyncio.to_thread(fault_server.stats))["in_flight"] < 3:
                await asyncio.sleep(0.01)
            draws.cancel()
            with pytest.raises(asyncio.CancelledError):
                await draws
            while (await asyncio.to_thread(fault_server.stats))["in_flight"]:
                await asyncio.sleep(0.01)
            await backend.aclose()

        asyncio.run(asyncio.wait_for(cancelled(), 30))
        assert fault_server.stats()["aborted"] == 3

    def test_what_stops_the_run_cancels_the_other_requests(self, fault_server: FaultServer) -> None:
        fault_server.configure(faults=[{"kind": "status", "status": 401, "times": 1}, {"kind": "hang"}])
        with pytest.raises(AuthenticationError):
            draw(fault_server, (0, 2, 4, 6))
        deadline = time.monotonic() + 10
        while fault_server.stats()["in_flight"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert fault_server.stats()["in_flight"] == 0

    def test_connections_are_kept_and_used_again(self, fault_server: FaultServer) -> None:
        async def twice() -> None:
            backend = OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url))
            for index in range(20):
                await backend.complete(REQUEST, [index])
            await backend.aclose()

        before = fault_server.stats()["connections"]
        asyncio.run(twice())
        assert fault_server.stats()["connections"] - before == 2  # one of them asks for these numbers

    def test_one_backend_on_two_loops_one_after_the_other(self, fault_server: FaultServer) -> None:
        backend = OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url))

        async def once(index: int) -> Completion:
            [completion] = await backend.complete(REQUEST, [index])
            await backend.aclose()
            return completion

        assert [asyncio.run(once(index)).failure for index in (0, 1)] == [None, None]

    def test_an_opened_backend_is_not_broken_by_a_second_run(self, fault_server: FaultServer) -> None:
        with reasoning.open_backend("openai/m", base_url=fault_server.base_url) as backend:
            for index in (0, 1):
                [completion] = asyncio.run(backend.complete(REQUEST, [index]))
                assert completion.failure is None

    def test_few_connections_stay_open_after_a_flood(self, fault_server: FaultServer) -> None:
        fault_server.configure(latency_s=0.3)

        async def flooded() -> tuple[int, int]:
            before = (await asyncio.to_thread(fault_server.stats))["open"]
            backend = OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url))
            await backend.complete(REQUEST, range(0, 400, 2))
            after = (await asyncio.to_thread(fault_server.stats))["open"]
            await backend.aclose()
            return before, after

        before, after = asyncio.run(flooded())
        assert fault_server.stats()["most_in_flight"] > 64
        assert after - before <= 64

    def test_closing_twice_and_unopened(self, fault_server: FaultServer) -> None:
        async def closed() -> None:
            backend = OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url))
            await backend.aclose()
            await backend.complete(REQUEST, [0])
            await backend.aclose()
            await backend.aclose()

        asyncio.run(closed())


def test_a_limit_of_a_day_stops_the_run_and_says_how_it_resumes(fault_server: FaultServer) -> None:
    words = "Rate limit reached on requests per day: Limit 200, Used 200"
    limited = {"kind": "status", "status": 429, "message": words, "headers": {"Retry-After": "39555"}}
    fault_server.configure(faults=[limited])
    with pytest.raises(AuthenticationError, match="the same command resumes"):
        draw(fault_server)
    assert fault_server.stats()["requests"] == 1


def test_an_endless_error_holds_nobody_up() -> None:
    """Servers say a whole prompt back; reading half a megabyte of it took seconds of the event loop."""
    started = time.process_time()
    for words in ("prompt " * 60_000, "invalid " * 60_000, "a" * 400_000):
        trouble = of_status("there", 400, {}, {"error": {"message": words}}, Scrubber([]))
        assert trouble.refuses({"n": 4, "seed": 5, "temperature": 0.7}) is None
        assert len(trouble.message) < 1000
    assert time.process_time() - started < 1.0
