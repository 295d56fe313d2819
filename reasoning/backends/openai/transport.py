"""The HTTP transport: one connection a lane, so that a request costs the same with 1 or 500 others in flight.

httpx2's connection pool walks over all its connections, and probes the idle ones, twice for every request: measured
1.7 ms of CPU a request with 64 connections and 4.1 ms with 256. Here every connection has a pool of its own, and a
stack holds those that are idle.
"""

from collections.abc import AsyncIterator, Mapping

import httpx2

MOST_IDLE = 64
_ONE = httpx2.Limits(max_connections=1, max_keepalive_connections=1)


class Lanes(httpx2.AsyncBaseTransport):
    """Opens a connection for each request in flight and keeps some for later ones.

    Args:
        query: Fields added to every URL here, below anything that logs one, since they may hold credentials.
    """

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = dict(query)
        self._idle: list[httpx2.AsyncHTTPTransport] = []
        self._busy: set[httpx2.AsyncHTTPTransport] = set()
        self._tls = httpx2.create_ssl_context()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`."""
        lane = self._idle.pop() if self._idle else httpx2.AsyncHTTPTransport(verify=self._tls, limits=_ONE)
        self._busy.add(lane)
        try:
            response = await lane.handle_async_request(self._with_query(request))
        except BaseException:
            await self._release(lane)
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Stream(self, lane, response.stream)
        return response

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
