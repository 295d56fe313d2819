"""The client of an engine's own server, against a server that says what it is told: real connections, no engine."""

import asyncio
from typing import Any

import pytest

from reasoning.backends.llama_cpp.loopback import Loopback, LoopbackError


def told(answer: bytes) -> list[Any]:
    """What comes of a call whose answer is these bytes, and then the end of the connection."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def called() -> list[Any]:
        server = await asyncio.start_server(answered, "127.0.0.1", 0)
        async with server:
            client = Loopback("127.0.0.1", server.sockets[0].getsockname()[1], "key")
            return [event async for event in client.events("/completion", {})]

    return asyncio.run(asyncio.wait_for(called(), 10))


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


def whole(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def test_events_come_whole_however_they_are_cut() -> None:
    parts = (b': ping\n\ndata: {"a"', b": 1}\n", b'\ndata: {"b": 2}\n\ndata: [DONE]\n\n')
    assert told(chunked(*parts)) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "answer",
    [
        chunked(
            b'data: {"a": 1}\n\n', b'data: {"error": {"code": 500, "message": "boom", "type": "server_error"}}\n\n'
        ),
        chunked(b'data: {"a": 1}\n\n', b'error: {"code": 500, "message": "boom", "type": "server_error"}\n\n'),
        whole(500, b'{"error": {"code": 500, "message": "boom", "type": "server_error"}}'),
    ],
    ids=["on the way", "on the way, as an event of its own kind", "at once"],
)
def test_a_refusal_is_raised_in_the_servers_words(answer: bytes) -> None:
    with pytest.raises(LoopbackError, match="boom") as caught:
        told(answer)
    assert (caught.value.status, caught.value.kind) == (500, "server_error")


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\n", chunked(b'data: {"a": 1}\n\n', end=b""), whole(200, b"data: {}")[:-3]],
    ids=["before the head", "in the head", "between chunks", "in the body"],
)
def test_a_connection_that_ends_too_soon_is_told(answer: bytes) -> None:
    with pytest.raises(ConnectionError, match="closed the connection"):
        told(answer)
