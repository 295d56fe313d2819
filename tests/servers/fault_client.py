"""A fault server in a process of its own, and its controls."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SCRIPT = Path(__file__).with_name("fault_server.py")


class FaultServer:
    """Starts a fault server that ends with this process, at the latest.

    Attributes:
        base_url: What an OpenAI client is given, e.g. `"http://127.0.0.1:40001/v1"`.
    """

    def __init__(self, **behaviour: Any) -> None:
        """Takes the fields of `fault_server.Behaviour`; faults are dictionaries of `fault_server.Fault`'s fields."""
        command = [sys.executable, str(SCRIPT), "--lifeline", "--behaviour", json.dumps(behaviour)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the fault server did not start"
        self.base_url: str = json.loads(line)["base_url"]

    def configure(self, **behaviour: Any) -> None:
        """Replaces the whole behaviour and zeroes the counts."""
        answer = self._ask("_configure", behaviour)
        assert not answer, answer["error"]

    def stats(self) -> dict[str, Any]:
        """See `fault_server.Shop.stats`."""
        stats: dict[str, Any] = self._ask("_stats")
        return stats

    def ledger(self) -> dict[tuple[str, int | None], int]:
        """How often each draw was sold: by (hash of what was asked less seed and n, seed)."""
        return {(asked, seed): count for asked, seed, count in self._ask("_ledger")}

    def requests(self) -> list[dict[str, Any]]:
        """The last 2,000 requests: method, path, headers (lower-case names), body."""
        requests: list[dict[str, Any]] = self._ask("_requests")
        return requests

    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of the last 2,000 requests."""
        return [request["body"] for request in self.requests()]

    def _ask(self, path: str, body: Any = None) -> Any:
        url = self.base_url.removesuffix("v1") + path
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=30) as answer:
            return json.loads(answer.read())

    def close(self) -> None:
        """Ends the server."""
        self._process.communicate(input="", timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
