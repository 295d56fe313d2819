"""Bodies of replies that are hostile to whoever reads them: huge, deep, cut within a character, lone surrogates."""

import asyncio
import gzip
import json
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from odd_replies import TEXT, body

from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.backends.openai.client import LEAST_REPLY_BYTES, most_bytes
from reasoning.backends.openai.json_body import parsed
from reasoning.completion import Completion, Logprobs
from reasoning.message import user
from reasoning.request import Request
from reasoning.sampling import Sampling

REQUEST = Request(messages=(user("How many bolts?"),), sampling=Sampling(temperature=0.7, max_tokens=100))


@contextmanager
def serving(head: str, content: bytes) -> Iterator[str]:
    """A server that answers the first request of each connection with these bytes; gives its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with connection:
                request = connection.makefile("rb")
                lines = list(iter(request.readline, b"\r\n"))
                request.read(
                    next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
                )
                try:
                    connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
                except OSError:  # the client has read enough
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def draw(url: str, **options: Any) -> Completion:
    async def drawn() -> Completion:
        backend = OpenAI.open("m", OpenAIOptions(base_url=url, **options))
        try:
            [completion] = await backend.complete(REQUEST, [0])
            return completion
        finally:
            await backend.aclose()

    return asyncio.run(drawn())


def huge(size: int) -> bytes:
    """A good answer with a text of so many bytes."""
    return json.dumps(body("x" * size)).encode()


def test_a_huge_reply_is_not_read_to_its_end_also_where_it_comes_compressed() -> None:
    compressed = gzip.compress(huge(4 * LEAST_REPLY_BYTES), 1)
    assert len(compressed) < LEAST_REPLY_BYTES / 8
    with serving("200 OK\r\nContent-Encoding: gzip", compressed) as url:
        tracemalloc.start()
        found = draw(url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2.5 * LEAST_REPLY_BYTES  # its parts and the whole
    assert found.failure is not None
    assert found.failure.kind == "malformed"
    assert "larger than 32 MiB" in found.failure.message


def test_a_large_reply_is_read_where_as_much_was_asked_for() -> None:
    assert most_bytes({"max_tokens": 100}) < 2**26
    few = most_bytes({"max_tokens": 16_384})
    assert most_bytes({"n": 16, "max_completion_tokens": 16_384}) > few
    assert most_bytes({"max_output_tokens": 16_384, "logprobs": True, "top_logprobs": 20}) > 20 * 16_384 * 128 + few / 2
    assert most_bytes({"max_tokens": 16_384, "logprobs": 5}) > few
    assert few < most_bytes({}) < 2**27
    with serving("200 OK", huge(2**20)) as url:
        assert draw(url).text == "x" * 2**20


def test_a_huge_error_still_says_what_is_wrong() -> None:
    page = b"the engine is restarting " + b"x" * (4 * 2**20)
    with serving("503 Busy", page) as url:
        found = draw(url)
    assert found.failure is not None
    assert found.failure.kind == "server_error"
    assert "503" in found.failure.message
    assert "the engine is restarting" in found.failure.message


@pytest.mark.parametrize(
    "content",
    [
        b'{"choices": ' + b"[" * 100_000,
        b'{"choices": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"error": ' * 900 + b"1" + b"}" * 900,
        b'{"choices": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_reply_that_is_hostile_to_its_reader_is_a_failed_draw(content: bytes) -> None:
    with serving("200 OK", content) as url:
        found = draw(url)
    assert found.failure is not None
    assert found.failure.kind == "malformed"


HALF = "\ud83d"


def test_halves_of_characters_reach_nobody() -> None:
    message = {"role": "assistant", "content": f"{TEXT} {HALF}", "reasoning": f"We {HALF}"}
    top = [{"token": HALF, "logprob": -1}]
    logprobs = {"content": [{"token": f"{TEXT} {HALF}", "logprob": -1, "top_logprobs": top}]}
    reply = body(message, logprobs=logprobs, top={"model": f"m{HALF}", "system_fingerprint": HALF, HALF: HALF})
    with serving("200 OK", json.dumps(reply).encode()) as url:
        found = draw(url)
    assert (found.text, found.reasoning, found.model) == (f"{TEXT} �", "We �", "m�")
    assert found.logprobs == Logprobs(tokens=(f"{TEXT} �",), values=(-1.0,))
    found.model_dump_json().encode()


@pytest.mark.parametrize("status", ["400 Bad", "500 Bad", "200 OK"])
def test_halves_of_characters_in_an_error_reach_nobody(status: str) -> None:
    busy = json.dumps({"error": {"message": f"busy {HALF}", "code": 503}}).encode()
    with serving(status, busy) as url:
        found = draw(url)
    assert found.failure is not None
    assert "busy �" in found.failure.message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (rb'"a\ud83d\ude00b"', "a😀b"),
        (rb'"a\ud83d"', "a�"),
        (rb'"\ude00a\ud83dA"', "�a�A"),
        (rb'"\ud83d\ud83d\ude00\ude00"', "�😀�"),
        (rb'"\\ud83d\n"', "\\ud83d\n"),
        (rb'"\\\ud83d\""', '\\�"'),
        (b'"caf\xe9"', "caf�"),
        (b'\xef\xbb\xbf"caf\xc3\xa9"', "café"),
    ],
)
def test_bodies_are_read_whatever_was_done_to_them(content: bytes, found: Any) -> None:
    assert parsed(content) == found


def streamed(*events: Any) -> bytes:
    """Server-sent events, as some servers answer whatever was asked for."""
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode() + b"data: [DONE]\n\n"


def chunk(delta: Any, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice], "usage": None}


def test_an_answer_that_comes_as_a_stream_is_put_together() -> None:
    content = streamed(
        chunk({"role": "assistant", "content": ""}),
        chunk({"role": "assistant", "reasoning_content": "We "}),
        chunk({"reasoning_content": "add."}),
        chunk({"content": "12 and 6"}, logprobs={"content": [{"token": "12 and 6", "logprob": -1}]}),
        chunk({"content": " make 18."}, "stop", logprobs={"content": [{"token": " make 18.", "logprob": -2}]}),
        {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 9}},
    )
    with serving("200 OK\r\nContent-Type: text/event-stream", content) as url:
        found = draw(url)
    assert (found.text, found.reasoning, found.finish, found.model) == (TEXT, "We add.", "stop", "m")
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (12, 9)
    assert found.logprobs == Logprobs(tokens=("12 and 6", " make 18."), values=(-1.0, -2.0))


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (streamed(chunk({"content": "12"}), {"error": {"code": 503, "message": "gone"}}), "server_error", "gone"),
        (b'data: {"choices": [{"index": 0, "delta"', "malformed", "cannot be read"),
        (b"data: [DONE]\n\n", "malformed", "cannot be read"),
        (streamed([1], {"choices": 3}), "malformed", "no choices"),
    ],
)
def test_a_stream_that_holds_no_answer_is_a_failed_draw(content: bytes, kind: str, words: str) -> None:
    with serving("200 OK\r\nContent-Type: text/event-stream", content) as url:
        found = draw(url)
    assert found.failure is not None
    assert (found.failure.kind, found.failure.retryable) == (kind, True)
    assert words in found.failure.message


def test_a_streamed_response_ends_with_the_whole_of_it() -> None:
    response = {"status": "completed", "output": [{"type": "message", "content": TEXT}]}
    content = streamed({"type": "response.created"}, {"type": "response.completed", "response": response})
    with serving("200 OK\r\nContent-Type: text/event-stream", b"event: x\n" + content) as url:
        assert draw(url, api="responses").text == TEXT
