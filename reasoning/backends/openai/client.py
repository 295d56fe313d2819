"""One conversation with one server on one event loop: the real OpenAI client, its answers read as plain JSON."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import openai

from reasoning.backends.openai import faults
from reasoning.backends.openai.error_body import has_error, text_of_page
from reasoning.backends.openai.faults import Scrubber, Trouble
from reasoning.backends.openai.options import Endpoint
from reasoning.backends.openai.transport import Lanes

CONNECT_S = 60.0
"""Seconds to connect: the client's own 5 s run out in a flood, while connections wait for their turn of the loop."""


_ANSWERS = {"/chat/completions": "choices", "/completions": "choices", "/responses": "output"}
"""The field that holds the answer, by path."""


@dataclass(frozen=True)
class Limits:
    """What bounds a request.

    Attributes:
        timeout_s: Seconds from its start to its last byte.
        connections: Most requests in flight.
    """

    timeout_s: float
    connections: int


class Client:
    """Posts to an endpoint; belongs to the event loop that it is first used on."""

    def __init__(self, endpoint: Endpoint, limits: Limits, organization: str | None, project: str | None) -> None:
        self._where = endpoint.url
        self._timeout_s = limits.timeout_s
        self._scrub = Scrubber(endpoint.secrets)
        self._turn = asyncio.Semaphore(limits.connections)
        headers = {name: value.get_secret_value() for name, value in endpoint.headers.items()}
        known = endpoint.key is not None or any(name.lower() == "authorization" for name in headers)
        self._options: Any = {} if known else {"headers": {"Authorization": openai.Omit()}}
        self._connect_s = min(CONNECT_S, limits.timeout_s)
        timeout = httpx2.Timeout(None, connect=self._connect_s)  # the rest is timed as a whole
        self._openai = openai.AsyncOpenAI(
            api_key=endpoint.key.get_secret_value() if endpoint.key is not None else "none",
            base_url=endpoint.url,
            organization=organization,
            project=project,
            max_retries=0,
            timeout=timeout,
            default_headers=headers,
            http_client=openai.DefaultAsyncHttpxClient(
                transport=Lanes(dict(parse_qsl(endpoint.query.get_secret_value()))),
                limits=httpx2.Limits(max_connections=limits.connections, max_keepalive_connections=limits.connections),
                timeout=timeout,
            ),
        )

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | Trouble:
        """The answer's JSON object, or why there is none."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout_s):
                    response = await self._openai.post(path, cast_to=httpx2.Response, body=body, options=self._options)
            except TimeoutError:
                return faults.of_timeout(self._where, self._timeout_s)
            except openai.APITimeoutError:
                return faults.of_slow_connection(self._where, self._connect_s)
            except openai.APIConnectionError as error:
                return faults.of_broken_connection(self._where, error, self._scrub)
            except openai.APIStatusError as error:
                response = error.response
        return self._read(path, response)

    def _read(self, path: str, response: httpx2.Response) -> dict[str, Any] | Trouble:
        try:
            answer = json.loads(response.content)
        except (ValueError, RecursionError):
            answer = None
        sent = f"POST {path}"
        if not response.is_success:
            said = answer if answer is not None else response.text
            return faults.of_status(self._where, response.status_code, response.headers, said, self._scrub, sent)
        field = _ANSWERS.get(path)
        if not isinstance(answer, dict):
            return self._unreadable(answer, response.text.strip())
        if answer.get("error") or (field is not None and not answer.get(field) and has_error(answer)):
            # some servers say 200 and put the error into the body
            return faults.of_status(self._where, response.status_code, response.headers, answer, self._scrub, sent)
        if field is not None and field not in answer:
            return faults.of_foreign(self._where, repr(answer), self._scrub)
        return answer

    def _unreadable(self, answer: object, text: str) -> Trouble:
        """What a reply means that is no JSON object: one that was cut, or a page of another server."""
        if answer is None and text[:1] in ("", "{", "["):
            return faults.malformed(self._where, f"{text[:100]!r} is no JSON object", self._scrub)
        return faults.of_foreign(self._where, text_of_page(text), self._scrub)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._openai.close()
