"""The HTTP transport: one connection a lane, so that a request costs the same with 1 or 500 others in flight.

httpx2's connection pool walks over all its connections, and probes the idle ones, twice for every request: measured
1.7 ms of CPU a request with 64 connections and 4.1 ms with 256. Here every connection has a pool of its own, and a
stack holds those that are idle. With a proxy, each lane is a connection to that.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from contextvars import ContextVar

import httpx2

MOST_IDLE = 64
MOST_OF_AN_ERROR = 2**16
"""Bytes of an error's body that are read; what it says stands at its start."""
_ONE = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
_most_bytes: ContextVar[int] = ContextVar("reasoning_most_bytes", default=2**25)


class OtherOriginError(httpx2.RequestError):
    """The server sends requests on to another one, which is not the credentials' own."""


@contextmanager
def reading_at_most(size: int) -> Iterator[None]:
    """Replies to requests inside may have so many bytes, uncompressed."""
    token = _most_bytes.set(size)
    try:
        yield
    finally:
        _most_bytes.reset(token)


class Lanes(httpx2.AsyncBaseTransport):
    """Opens a connection for each request in flight and keeps some for later ones.

    Args:
        url: The endpoint's: requests go to its origin alone, with their credentials, prompts and query.
        query: Fields added to every URL here, below anything that logs one, since they may hold credentials.
        proxy: The URL of the proxy that all connections go through, its credentials included; None for none.
    """

    def __init__(self, url: str, query: Mapping[str, str], proxy: str | None = None) -> None:
        self._origin = _origin(httpx2.URL(url))
        self._query = dict(query)
        self._idle: list[httpx2.AsyncHTTPTransport] = []
        self._busy: set[httpx2.AsyncHTTPTransport] = set()
        self._tls = httpx2.create_ssl_context()
        self._proxy = httpx2.Proxy(proxy) if proxy is not None else None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`.

        Raises:
            OtherOriginError: A redirect leads elsewhere; nothing is sent there.
        """
        if _origin(request.url) != self._origin:
            raise OtherOriginError(
                f"sends requests on to {request.url.scheme}://{request.url.netloc.decode()}, and a key goes to its own "
                "server alone. Set base_url to that one if it is meant"
            )
        lane = self._idle.pop() if self._idle else self._lane()
        self._busy.add(lane)
        try:
            response = await lane.handle_async_request(self._with_query(request))
        except BaseException:
            await self._release(lane)
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        stream = _Stream(self, lane, response.stream)
        return Capped(response.status_code, headers=response.headers, stream=stream, extensions=response.extensions)

    def _lane(self) -> httpx2.AsyncHTTPTransport:
        return httpx2.AsyncHTTPTransport(verify=self._tls, limits=_ONE, proxy=self._proxy)

    def _with_query(self, request: httpx2.Request) -> httpx2.Request:
        if not self._query:
            return request
        url = request.url.copy_merge_params(self._query)
        return httpx2.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )

    async def _release(self, lane: httpx2.AsyncHTTPTransport) -> None:
        if lane not in self._busy:  # closed meanwhile
            return
        self._busy.remove(lane)
        if len(self._idle) < MOST_IDLE:
            self._idle.append(lane)
        else:
            await lane.aclose()

    async def aclose(self) -> None:
        """Closes all connections."""
        lanes, self._idle, self._busy = [*self._idle, *self._busy], [], set()
        for lane in lanes:
            await lane.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


class Capped(httpx2.Response):
    """A response whose body is read up to a largest size, counted as it is uncompressed.

    Attributes:
        too_large: True where an answer was larger than that; what was read of it is no answer. It is not raised: the
            frames of an exception would hold what was read for long.
    """

    too_large = False

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        """See `httpx2.Response.aiter_bytes`."""
        most, size = _most_bytes.get() if self.is_success else MOST_OF_AN_ERROR, 0
        async with aclosing(super().aiter_bytes(chunk_size)) as parts:
            async for part in parts:
                yield part[: most - size]
                size += len(part)
                if size > most:
                    self.too_large = self.is_success
                    return


class _Stream(httpx2.AsyncByteStream):
    """A response's body, which gives its lane back when it is closed."""

    def __init__(self, lanes: Lanes, lane: httpx2.AsyncHTTPTransport, stream: httpx2.AsyncByteStream) -> None:
        self._lanes, self._lane, self._stream = lanes, lane, stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._lanes._release(self._lane)
