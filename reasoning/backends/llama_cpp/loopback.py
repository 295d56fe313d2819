"""A small HTTP/1.1 client for an engine's own server on loopback: JSON in, JSON or server-sent events out.

Closing the connection is how a call is cancelled, so each call has a connection of its own.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any


class LoopbackError(Exception):
    """The server answered with an error.

    Args:
        status: The HTTP status.
        kind: The server's word for the sort of error, or "".
        message: The server's words.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status, self.kind, self.message = status, kind, message
        super().__init__(message)


class Loopback:
    """Calls one server.

    Attributes:
        closed: True once `close` was called.

    Args:
        host: Its address.
        port: Its port.
        key: Its API key.
    """

    def __init__(self, host: str, port: int, key: str) -> None:
        self._host, self._port, self._key = host, port, key
        self._writers: set[asyncio.StreamWriter] = set()
        self.closed = False

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a JSON body.

        Raises:
            LoopbackError: The server refused.
            OSError: It cannot be reached, or closed the connection.
        """
        async with self._call(path, body) as chunks:
            return json.loads(b"".join([chunk async for chunk in chunks]))

    async def events(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """The server-sent events that answer a JSON body, as JSON.

        Raises:
            LoopbackError: The server refused, at once or on the way.
            OSError: It cannot be reached, or closed the connection.
        """
        async with self._call(path, body) as chunks:
            rest = b""
            async for chunk in chunks:
                *whole, rest = (rest + chunk).split(b"\n\n")
                for event in whole:
                    kind, _, data = event.partition(b": ")
                    if kind in (b"data", b"error") and data != b"[DONE]":  # the rest is a sign of life
                        answer = json.loads(data)
                        if kind == b"error":  # the error itself, or an object that holds it
                            answer = {"error": answer.get("error", answer)}
                        if refusal := _refusal(answer, 200):
                            raise refusal
                        yield answer

    def close(self) -> None:
        """Ends all calls, and lets no other begin."""
        self.closed = True
        for writer in tuple(self._writers):
            writer.close()

    @asynccontextmanager
    async def _call(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        content = json.dumps(body).encode()
        if self.closed:
            raise ConnectionError("the engine is closed")
        reader, writer = await asyncio.open_connection(self._host, self._port)
        self._writers.add(writer)
        try:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + content)
            status, headers = await _read_head(reader)
            chunks = _chunks(reader, headers)
            if status != 200:
                refusal = _refusal(json.loads(b"".join([chunk async for chunk in chunks])), status)
                assert refusal is not None
                raise refusal
            yield chunks
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("the engine closed the connection") from error
        finally:
            self._writers.discard(writer)
            writer.close()


def _refusal(answer: Any, status: int) -> LoopbackError | None:
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        return LoopbackError(error.get("code", status), error.get("type", ""), error.get("message", "unknown error"))
    return LoopbackError(status, "", str(error or answer)) if error or status != 200 else None


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, Mapping[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    return int(head[0].split()[1]), headers


async def _chunks(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    if headers.get("transfer-encoding") != "chunked":
        yield await reader.readexactly(int(headers["content-length"]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
