"""HTTP between services: bodies are streamed, with the user's own token."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager

import aiohttp

from stackwire.core import errors
from stackwire.core.context import RequestContext
from stackwire.core.feeds import Take, batches
from stackwire.core.service_tokens import ServiceTokens
from stackwire.core.timeline import check_timeline
from stackwire.http.download import BUFFER_BYTES, call_in, can_receive, receive
from stackwire.http.session import Connections

_ERRORS = (
    errors.BadRequest,
    errors.Unauthorized,
    errors.Forbidden,
    errors.NotFound,
    errors.Conflict,
    errors.Gone,
    errors.TooLarge,
    errors.UnsupportedMedia,
    errors.Unavailable,
)
_BY_STATUS: dict[int, type[errors.ServiceError]] = {error.status: error for error in _ERRORS}
_RESPONSE_CHUNK_BYTES = 256 * 1024
_PEER_READ_TIMEOUT_SECONDS = 60.0
_RECEIVED_AT_ONCE = 64
"""Pieces of large bodies for which a thread waits; further ones wait for a thread."""
_MAX_HEADERS, _MAX_HEADER_BYTES = 512, 128 * 1024
"""The Image API v1 sends an image's attributes as headers: 128 properties of 64 KiB."""
_BROKEN_OFF = "The connection broke off during the download."


class Download:
    """A response whose body has not been read yet. ``status`` is below 400."""

    def __init__(self, response: aiohttp.ClientResponse, threads: ThreadPoolExecutor) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._threads = threads

    async def chunks(self, size: int = _RESPONSE_CHUNK_BYTES) -> AsyncIterator[bytes]:
        """The body in chunks of at most ``size`` bytes. Raises Unavailable when the connection is lost."""
        try:
            async for chunk in self._response.content.iter_chunked(size):
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as broken:
            raise errors.Unavailable(_BROKEN_OFF) from broken

    async def feed(self, take: Take) -> None:
        """The same for data, see ``Feed``: in pieces of some BUFFER_BYTES, received by a thread where that can be."""
        if not can_receive(self._response):
            async with aclosing(batches(self.chunks(), BUFFER_BYTES)) as pieces:
                async for piece in pieces:
                    await call_in(None, take, piece)
            return
        try:
            await receive(self._response, self._threads, _PEER_READ_TIMEOUT_SECONDS, take)
        except (aiohttp.ClientError, ConnectionError) as broken:
            raise errors.Unavailable(_BROKEN_OFF) from broken


class HttpClient:
    """One connection pool. ``name``: the calling service, sent in the User-Agent.

    ``service_tokens``: what is sent with the tokens of users who are bound to access rules.
    """

    def __init__(self, name: str, service_tokens: ServiceTokens | None = None) -> None:
        self._service_tokens = service_tokens
        self._agent = {"User-Agent": f"stackwire-{name}"}
        self._connections = Connections(self._open)
        self._threads = ThreadPoolExecutor(_RECEIVED_AT_ONCE, thread_name_prefix=f"receive-{name}")

    def _open(self) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_PEER_READ_TIMEOUT_SECONDS)
        return aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            headers=self._agent,
            max_headers=_MAX_HEADERS,
            max_field_size=_MAX_HEADER_BYTES,
        )

    async def close(self) -> None:
        await self._connections.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def stream(
        self,
        ctx: RequestContext,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: AsyncIterable[bytes] | bytes | None = None,
    ) -> AsyncIterator[Download]:
        """A response to read from; a status of 400 and up is raised as its error."""
        check_timeline()
        sent = {**_headers(ctx, self._service_tokens), **(headers or {})}
        try:
            async with self._connections.session().request(method, url, data=body, headers=sent) as response:
                await _raise_for(response)
                yield Download(response, self._threads)
        except aiohttp.ClientError as refused:
            raise errors.Unavailable(f"{method} failed: the service cannot be reached.") from refused

    async def send(
        self,
        ctx: RequestContext,
        method: str,
        url: str,
        chunks: AsyncIterable[bytes] | bytes,
        headers: Mapping[str, str] | None = None,
        size: int | None = None,
    ) -> int:
        """Sends a body of bytes and returns the status; 400 and up is raised as its error.

        ``size``: of the body where it is known: a body of a known length is less work to receive.
        """
        typed = {"Content-Type": "application/octet-stream", **(headers or {})}
        if size is not None:
            typed["Content-Length"] = str(size)
        async with self.stream(ctx, method, url, typed, chunks) as response:
            return response.status


def _headers(ctx: RequestContext, service_tokens: ServiceTokens | None) -> dict[str, str]:
    headers = {"X-Openstack-Request-Id": ctx.action_id}
    if ctx.auth_token:
        headers["X-Auth-Token"] = ctx.auth_token
        if service_tokens is not None and (own := service_tokens.beside(ctx.auth_token)) is not None:
            headers["X-Service-Token"] = own
    if ctx.traceparent:
        headers["traceparent"] = ctx.traceparent
    return headers


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = (await response.content.read(2000)).decode("utf-8", "replace")
    error = _BY_STATUS.get(response.status, errors.Unavailable if response.status >= 500 else errors.BadRequest)
    raise error(text or None)
