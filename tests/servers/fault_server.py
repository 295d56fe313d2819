"""An OpenAI-compatible server that is told how to misbehave, and counts what it sells. Standard library only.

It runs no model: a reply is a pure function of prompt, seed and draw, so that any two runs can be compared text by
text. As a script it serves until killed (and outlives any client that is killed):

    python tests/servers/fault_server.py [--port 0] [--behaviour '{"latency_s": 0.05}'] [--lifeline]

and prints one line of JSON on stdout, `{"port": …, "base_url": "http://127.0.0.1:…/v1"}`. From Python, see
`fault_client.FaultServer`. Served: `/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/models`; and for
tests `/_configure` (a `Behaviour` as JSON; zeroes the counts), `/_stats`, `/_ledger`, `/_requests`.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import socket
import struct
import sys
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from fault_replies import Refusal, Reply, reply_to, tokens_of

Sale = tuple[str, int | None]
"""What is sold: (hash of the model and all that was asked but seed and n, the draw's seed or None)."""


@dataclass(frozen=True)
class Fault:
    """One way to misbehave, and for which requests; the first that applies is done.

    `attempts` is for the first so many tries of each distinct body, `times` for so many in all, `every` for each k-th
    request, `match` for bodies that hold the text, `when` for requests whose parameters meet conditions (see `meets`).
    Those given must all apply. A "reply" is a status, headers and a body as they are, with `{prompt}`, `{limit}` and
    `{total}` filled in: the tokens of the prompt, of the answer's limit, and of both.
    """

    kind: Literal["status", "delay", "hang", "reset", "cut_off", "malformed", "empty", "reply"]
    status: int = 500
    message: str = "The server had an error while processing your request."
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    body: Any = '{"id": "x", "choices": [{"index": 0, "mess'
    attempts: int | None = None
    times: int | None = None
    every: int | None = None
    match: str | None = None
    when: dict[str, Any] = field(default_factory=dict)


def meets(asked: dict[str, Any], when: dict[str, Any]) -> bool:
    """Whether a request's parameters meet conditions: "given", a value, `{over: 8}` or, of a list, `{longer: 4}`.

    `prompt`, `limit` and `total` are the tokens of the prompt, of the answer's limit, and of both; `system` is the
    first system message.
    """
    system = next((one["content"] for one in asked.get("messages", ()) if one["role"] == "system"), None)
    known = asked | tokens_of(asked) | {"system": system}
    return all(_holds(known.get(name), condition) for name, condition in when.items())


def _holds(value: Any, condition: Any) -> bool:
    if value is None:
        return False
    if isinstance(condition, dict):
        return len(value) > condition["longer"] if "longer" in condition else value > condition["over"]
    return condition == "given" or value == condition


@dataclass(frozen=True)
class Behaviour:
    """How the server behaves; see `fault_replies` for those fields that shape a reply."""

    latency_s: float = 0.0
    faults: tuple[Fault, ...] = ()
    api_key: str | None = None
    model: str | None = None
    fingerprints: tuple[str, ...] = ("fp_one",)
    fingerprint_every: int = 1
    refuse: tuple[str, ...] = ()
    returns_n: int | None = None
    honours_n_seeds: bool = True
    honours_seed: bool = True
    honours_stop: bool = True
    most_stop: int | None = None
    context_tokens: int | None = None
    text: str = "Thinking about it, the answer is {number}."
    answers: int = 5
    reasoning: str | None = None
    reasoning_words: int = 0
    reasoning_tags: tuple[str, str] = ("<think>", "</think>")
    reasoning_field: Literal["reasoning_content", "reasoning", "inline", "parts", "hidden"] = "reasoning_content"
    most_output: int | None = None
    window: int | None = None
    limit_refusal: str = "max_tokens: {sent} > {most}, which is the maximum allowed number of output tokens"
    model_card: dict[str, Any] = field(default_factory=dict)
    finish: str = "stop"
    refusal: str | None = None
    usage: Literal["openai", "none", "one_child", "no_details", "outside", "top_level"] = "openai"
    cached_tokens: int = 0

    @classmethod
    def parse(cls, values: dict[str, Any]) -> "Behaviour":
        """From JSON; an unknown name is an error."""
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        values["faults"] = tuple(Fault(**fault) for fault in values.get("faults", ()))
        return cls(**values)


class Shop:
    """What all connections share: the behaviour, and the books."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.books = self.open = 0
        self.configure(behaviour)

    def configure(self, behaviour: Behaviour) -> None:
        """Takes a behaviour and opens new books."""
        self.behaviour = behaviour
        self.books += 1  # a request that began before counts in none
        self.requests = self.connections = self.aborted = self.in_flight = self.most_in_flight = 0
        self.statuses: collections.Counter[int] = collections.Counter()
        self.written = 0
        self.ledger: collections.Counter[Sale] = collections.Counter()
        self.tries: collections.Counter[bytes] = collections.Counter()
        self.done: collections.Counter[int] = collections.Counter()
        self.log: collections.deque[dict[str, Any]] = collections.deque(maxlen=2000)

    def fault(self, body: bytes, asked: dict[str, Any]) -> Fault | None:
        """The fault that befalls this request, if one does."""
        if not self.behaviour.faults:
            return None
        self.tries[body] += 1
        for number, fault in enumerate(self.behaviour.faults):
            if (
                (fault.match is None or fault.match.encode() in body)
                and meets(asked, fault.when)
                and (fault.attempts is None or self.tries[body] <= fault.attempts)
                and (fault.every is None or self.requests % fault.every == 0)
                and (fault.times is None or self.done[number] < fault.times)
            ):
                self.done[number] += 1
                return fault
        return None

    def stats(self) -> dict[str, Any]:
        """Counts since the last `/_configure`; `sold` are draws, `sold_again` those sold before."""
        return {
            "requests": self.requests,
            "connections": self.connections,
            "open": self.open,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "sold": sum(self.ledger.values()),
            "sold_again": sum(count - 1 for (_, seed), count in self.ledger.items() if seed is not None),
            "written": self.written,
            "aborted": self.aborted,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
        }


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: one request at a time, kept alive."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.buffer = bytearray()
        self.transport: asyncio.Transport
        self.pending: asyncio.TimerHandle | None = None
        self.busy = False
        self.books = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.shop.connections += 1
        self.shop.open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.shop.open -= 1
        if self.pending is not None:
            self.pending.cancel()
        if self.busy:
            self.shop.aborted += self.books == self.shop.books
            self._ended()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head_end = self.buffer.find(b"\r\n\r\n")
        if self.busy or head_end < 0:
            return
        lines = self.buffer[:head_end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        end = head_end + 4 + int(headers.get("content-length", 0))
        if len(self.buffer) < end:
            return
        body = bytes(self.buffer[head_end + 4 : end])
        del self.buffer[:end]
        method, path, _ = lines[0].split(" ", 2)
        if path.startswith("/_"):
            self._write(200, json.dumps(self._control(path, body)).encode())
        else:
            self._serve(method, path, headers, body)

    def _control(self, path: str, body: bytes) -> Any:
        if path == "/_configure":
            try:
                self.shop.configure(Behaviour.parse(json.loads(body)))
            except (TypeError, ValueError) as error:
                return {"error": f"{error}; the names are {[f.name for f in fields(Behaviour)]}"}
            return {}
        if path == "/_ledger":
            return [[asked, seed, count] for (asked, seed), count in self.shop.ledger.items()]
        return list(self.shop.log) if path == "/_requests" else self.shop.stats()

    def _serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        shop = self.shop
        shop.requests += 1
        shop.in_flight += 1
        shop.most_in_flight = max(shop.most_in_flight, shop.in_flight)
        self.busy, self.books = True, shop.books
        asked = json.loads(body) if body else {}
        shop.log.append({"method": method, "path": path, "headers": headers, "body": asked})
        fault = shop.fault(body, asked)
        if fault is not None and fault.kind != "delay":
            self._after(shop.behaviour.latency_s + fault.delay_s, lambda: self._misbehave(fault, path, asked))
        else:
            status, answer = self._answer(path, headers, asked)
            wait = shop.behaviour.latency_s + (fault.delay_s if fault else 0.0)
            self._after(wait, lambda: self._write(status, answer))

    def _after(self, seconds: float, act: Any) -> None:
        if seconds > 0:
            self.pending = asyncio.get_running_loop().call_later(seconds, act)
        else:
            act()

    def _answer(self, path: str, headers: dict[str, str], asked: dict[str, Any]) -> tuple[int, bytes]:
        behaviour = self.shop.behaviour
        key = headers.get("authorization", "").removeprefix("Bearer ")
        if behaviour.api_key is not None and key != behaviour.api_key:
            message = f"Incorrect API key provided: {key}. You can find your API key in your account."
            return 401, error_body(message, "invalid_request_error", "invalid_api_key")
        try:
            reply: Reply = reply_to(path.partition("?")[0], asked, behaviour, self.shop.requests)
        except Refusal as refusal:
            return refusal.status, error_body(refusal.message, "invalid_request_error", refusal.code, refusal.param)
        self.shop.written += reply.written
        self.shop.ledger.update((reply.asked, seed) for seed in reply.seeds)
        return 200, json.dumps(reply.body).encode()

    def _misbehave(self, fault: Fault, path: str, asked: dict[str, Any]) -> None:
        if fault.kind == "status":
            body = error_body(fault.message, "server_error", fault.code)
            self._write(fault.status, body, fault.headers)
        elif fault.kind in ("malformed", "reply"):
            body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
            for name, tokens in tokens_of(asked).items():
                body = body.replace(f"{{{name}}}", str(tokens))
            self._write(fault.status if fault.kind == "reply" else 200, body.encode(), fault.headers)
        elif fault.kind == "empty":
            self._write(200, json.dumps({"id": "x", "object": "chat.completion", "choices": [], "output": []}).encode())
        elif fault.kind == "cut_off":
            _, answer = self._answer(path, {}, asked)
            self.transport.write(head(200, len(answer)) + answer[: len(answer) // 2])
            self._ended()
            self.transport.close()
        elif fault.kind == "reset":
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._ended()
            self.transport.abort()

    def _write(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.transport.write(head(status, len(body), headers) + body)
        if self.busy:
            self.shop.statuses[status] += self.books == self.shop.books
            self._ended()

    def _ended(self) -> None:
        self.busy = False
        self.pending = None
        self.shop.in_flight -= self.books == self.shop.books


def head(status: int, length: int, headers: dict[str, str] | None = None) -> bytes:
    """The head of an HTTP answer."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    line = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{extra}\r\n"
    return line.encode("latin-1")


def error_body(message: str, kind: str, code: str | None, param: str | None = None) -> bytes:
    """An error as OpenAI words it."""
    return json.dumps({"error": {"message": message, "type": kind, "code": code, "param": param}}).encode()


async def serve(behaviour: Behaviour, port: int = 0, lifeline: bool = False) -> None:
    """Serves on loopback until cancelled, or with `lifeline` until stdin ends."""
    loop = asyncio.get_running_loop()
    shop = Shop(behaviour)
    server = await loop.create_server(lambda: Connection(shop), "127.0.0.1", port, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "base_url": f"http://127.0.0.1:{port}/v1"}), flush=True)
    if lifeline:
        await loop.run_in_executor(None, sys.stdin.read)
    else:
        await server.serve_forever()


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--behaviour", type=json.loads, default={})
    parser.add_argument("--lifeline", action="store_true", help="end when stdin ends")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(Behaviour.parse(given.behaviour), given.port, given.lifeline))


if __name__ == "__main__":
    main()
