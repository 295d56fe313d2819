"""One conversation with one server on one event loop: the real OpenAI client, its answers read as plain JSON."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import openai

from reasoning.backends.openai import faults
from reasoning.backends.openai.error_body import has_error, text_of_page
from reasoning.backends.openai.events import STARTS, assembled
from reasoning.backends.openai.faults import Scrubber, Trouble
from reasoning.backends.openai.fields import is_error, number
from reasoning.backends.openai.hiding import Hiding
from reasoning.backends.openai.json_body import parsed
from reasoning.backends.openai.options import Endpoint
from reasoning.backends.openai.proxies import shown
from reasoning.backends.openai.transport import (
    MOST_OF_AN_ERROR,
    Capped,
    Lanes,
    OtherOriginError,
    reading_at_most,
)
from reasoning.backends.slots import Slots

TELL_S = 5.0
"""Seconds that a server may take to tell of itself; what it does not tell is learnt otherwise."""
CONNECT_S = 60.0
"""Seconds to connect: the client's own 5 s run out in a flood, while connections wait for their turn of the loop."""


HALF_A_CHARACTER = "The prompt holds half of a surrogate pair"
LEAST_REPLY_BYTES = 2**25
"""What a reply may have whatever was asked for: a page of an error, fields of the server's own."""
BYTES_AN_ENTRY = 256
"""Bytes of a token in a reply's JSON, and of each entry among its log-probabilities: several times what is usual."""
UNLIMITED_TOKENS = 2**16
"""Tokens that an answer is taken to have at most where the request says none."""
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
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
        proxy = endpoint.proxy.get_secret_value() if endpoint.proxy is not None else None
        self._way = self._where if proxy is None else f"{self._where} by the proxy {shown(proxy)}"
        self._timeout_s = limits.timeout_s
        self._scrub = Scrubber(endpoint.secrets)
        self._hide = Hiding(endpoint.credentials)
        self._slots = Slots(limits.connections)
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
                transport=Lanes(endpoint.url, dict(parse_qsl(endpoint.query.get_secret_value())), proxy),
                limits=httpx2.Limits(max_connections=limits.connections, max_keepalive_connections=limits.connections),
                timeout=timeout,
            ),
        )

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | Trouble:
        """The answer's JSON object, or why there is none."""
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_s):
                    with reading_at_most(most_bytes(body)):
                        response = await self._post(path, body)
            except TimeoutError:
                return faults.of_timeout(self._where, self._timeout_s)
            except UnicodeEncodeError:
                return Trouble("unsupported", f"{HALF_A_CHARACTER}, which cannot be sent to {self._where}.")
            except openai.APITimeoutError:
                return faults.of_slow_connection(self._way, self._connect_s)
            except openai.APIConnectionError as error:
                if isinstance(error.__cause__, OtherOriginError):
                    return Trouble("bad_request", f"{self._where} {error.__cause__}.")
                return faults.of_broken_connection(self._way, error, self._scrub)
            except openai.APIStatusError as error:
                response = error.response
        if isinstance(response, Capped) and response.too_large:
            return faults.malformed(self._where, f"it is larger than {most_bytes(body) // 2**20} MiB", self._scrub)
        return self._read(path, response)

    async def get(self, url: str) -> Any:
        """The JSON at a URL of the server; None where there is none within a few seconds, whatever the cause."""
        async with self._slots:
            try:
                async with asyncio.timeout(min(TELL_S, self._timeout_s)):
                    response = await self._openai.get(url, cast_to=httpx2.Response, options=self._options)
                return self._hide(response.json(), response.content)
            except (TimeoutError, openai.OpenAIError, httpx2.HTTPError, ValueError, RecursionError):
                return None

    async def _post(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        return await self._openai.post(path, cast_to=httpx2.Response, body=body, options=self._options)

    def _read(self, path: str, response: httpx2.Response) -> dict[str, Any] | Trouble:
        content = response.content
        try:
            streamed = content.startswith(tuple(start.encode() for start in STARTS))
            answer = self._hide(assembled(content) if streamed else parsed(content), content)
        except ValueError:
            answer = None
        sent = f"POST {path}"
        if not response.is_success:
            said = answer if answer is not None else response.text
            return faults.of_status(self._where, response.status_code, response.headers, said, self._scrub, sent)
        field = _ANSWERS.get(path)
        if not isinstance(answer, dict):
            return self._unreadable(answer, response.text[:MOST_OF_AN_ERROR].strip())
        if is_error(answer.get("error")) or (field is not None and not answer.get(field) and has_error(answer)):
            # some servers say 200 and put the error into the body
            return faults.of_status(self._where, response.status_code, response.headers, answer, self._scrub, sent)
        if field is not None and field not in answer:
            return faults.of_foreign(self._where, repr(answer), self._scrub)
        return answer

    def _unreadable(self, answer: object, text: str) -> Trouble:
        """What a reply means that is no JSON object: one that was cut, or a page of another server."""
        if answer is None and (text[:1] in ("", "{", "[") or text.startswith(STARTS)):
            return faults.malformed(self._where, f"{text[:100]!r} is no JSON object", self._scrub)
        return faults.of_foreign(self._where, text_of_page(text), self._scrub)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._openai.close()


def most_bytes(body: Mapping[str, Any]) -> int:
    """The largest answer that a request can have: so many bytes for each token, and for each alternative to it."""
    limits = [found for name in _LIMITS if (found := number(body.get(name))) is not None]
    tokens = (number(body.get("n")) or 1) * (max(limits) if limits else UNLIMITED_TOKENS)
    alternatives = max(number(body.get(name)) or 0 for name in ("top_logprobs", "logprobs"))
    entries = 2 + alternatives if body.get("logprobs") or body.get("include") else 1
    return LEAST_REPLY_BYTES + tokens * entries * BYTES_AN_ENTRY
