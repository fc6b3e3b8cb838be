"""Image data from the web, fetched anonymously: each redirect is checked, and connected to at the checked address."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from stackwire.image.domain.errors import DownloadFailed, UriRefused
from stackwire.image.domain.uri_filter import Destination, UriFilter, destination, reachable, redirected

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_REDIRECTS = 10
WEB_CONNECT_TIMEOUT_SECONDS = 10.0
_WEB_CHUNK_BYTES = 256 * 1024  # bytes
_MISSING = frozenset({404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "stackwire-image", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Page:
    """A response with an unread body. ``length``: of the body, if announced; ``first``: its offset in the data."""

    length: int | None
    chunks: AsyncIterator[bytes]
    first: int = 0


class NothingThere(DownloadFailed, wire="stackwire.image.NothingThere"):
    """The image data could not be downloaded: {reason}"""


async def by_name(host: str, port: int) -> list[str]:
    """The addresses of a host, as this machine resolves names."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(WEB_CONNECT_TIMEOUT_SECONDS):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]).partition("%")[0] for answer in found))


class Web:
    """``stall``: seconds without a byte, ``total``: seconds for all of it, after which a download has failed."""

    def __init__(self, rules: UriFilter, *, stall: float, total: float, resolve: Resolve = by_name) -> None:
        self._rules = rules
        self._timeout = aiohttp.ClientTimeout(total=total, sock_connect=WEB_CONNECT_TIMEOUT_SECONDS, sock_read=stall)
        self._resolve = resolve

    async def check(self, uri: str) -> None:
        """Raises UriRefused for a URI that is not allowed; nothing is connected to."""
        await self._addresses(destination(uri, self._rules))

    async def size(self, uri: str) -> int:
        """How many bytes there are, without fetching them. Raises UriRefused, DownloadFailed."""
        for method in ("HEAD", "GET"):
            try:
                async with self._request(uri, method, {}) as response:
                    length = _page(response).length
            except DownloadFailed:
                if method == "GET":
                    raise
                length = None
            if length is not None:
                return length
        raise DownloadFailed(reason="its server does not say how much there is")

    @asynccontextmanager
    async def open(self, uri: str, *, first: int = 0, count: int | None = None) -> AsyncIterator[Page]:
        """The response after all redirects. Raises UriRefused, DownloadFailed.

        With ``first`` or ``count`` a range is requested; a server may send everything all the same.
        """
        part = first > 0 or count is not None
        last = "" if count is None else first + max(count, 1) - 1
        async with self._request(uri, "GET", {"Range": f"bytes={first}-{last}"} if part else {}) as response:
            yield _page(response, first if part else None)

    @asynccontextmanager
    async def _request(
        self, uri: str, method: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        there = destination(uri, self._rules)
        async with AsyncExitStack() as stack:
            for _ in range(MAX_REDIRECTS):
                response = await self._answer(stack, there, await self._addresses(there), method, headers)
                if response.status not in _REDIRECTS:
                    yield response
                    return
                there = redirected(there, response.headers.get("Location", ""), self._rules)
                await stack.aclose()
            raise DownloadFailed(reason=f"there were more than {MAX_REDIRECTS} redirects")

    async def _addresses(self, there: Destination) -> list[str]:
        """The allowed addresses of a URI; a name is resolved once, so that it cannot change after the check."""
        try:
            found = await self._resolve(there.host, there.port)
        except (OSError, TimeoutError, UnicodeError) as error:
            raise UriRefused(uri=there.uri[:200]) from error
        return reachable(there, found, self._rules)

    async def _answer(
        self,
        stack: AsyncExitStack,
        there: Destination,
        addresses: Sequence[str],
        method: str,
        headers: Mapping[str, str],
    ) -> aiohttp.ClientResponse:
        connector = aiohttp.TCPConnector(resolver=_FixedResolver(addresses), use_dns_cache=False, force_close=True)
        session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        await stack.enter_async_context(session)
        host = f"[{there.host}]" if ":" in there.host else there.host
        url = URL(f"{there.scheme}://{host}:{there.port}{there.target}", encoded=True)
        try:
            pending = session.request(method, url, allow_redirects=False, headers={**_HEADERS, **headers})
            return await stack.enter_async_context(pending)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DownloadFailed(reason="its server did not answer") from error


class _FixedResolver(AbstractResolver):
    """Resolves to addresses that were checked before."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """There is nothing to release."""


def _page(response: aiohttp.ClientResponse, first: int | None = None) -> Page:
    """``first``: the first byte of the requested range, if any."""
    status = response.status
    if status in _MISSING:
        raise NothingThere(reason=f"its server answered {status}")
    if status != 200 and not (status == 206 and first is not None):
        raise DownloadFailed(reason=f"its server answered {status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DownloadFailed(reason="its server sent it encoded")
    if status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {first}-"):
        raise DownloadFailed(reason="its server sent another part of it")
    return Page(response.content_length, _chunks(response), (first or 0) if status == 206 else 0)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(_WEB_CHUNK_BYTES):
            yield chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DownloadFailed(reason="the connection broke off") from error
