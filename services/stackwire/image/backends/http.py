"""The web as a read-only store: an image's location is a URL, checked like a web download's, redirects included.

Source: ``glance_store/_drivers/http.py``: it reads, and takes and removes nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.image.backends.port import ReadOnly
from stackwire.image.backends.web import NothingThere, Page, Web
from stackwire.image.domain.errors import BadLocation, DownloadFailed, UriRefused

_disconnecting: set[asyncio.Task[None]] = set()


class WebStore(ReadOnly):
    """Anonymous: the caller's token is sent nowhere."""

    kind = "http"
    schemes = ("http", "https")

    def __init__(self, web: Web) -> None:
        self._web = web

    def reads(self, url: str) -> bool:
        return True

    @property
    def properties(self) -> dict[str, Any]:
        return {}

    async def size_at(self, ctx: RequestContext, url: str) -> int:
        """As its server answers HEAD, or else GET. Raises BadLocation, FileNotFoundError, OSError."""
        try:
            return await self._web.size(url)
        except UriRefused as error:
            raise BadLocation from error
        except DownloadFailed as error:
            raise _failure(error) from error

    async def open_at(self, ctx: RequestContext, url: str, first: int = 0, count: int | None = None) -> "WebReader":
        """Raises BadLocation, FileNotFoundError, OSError."""
        stack = AsyncExitStack()
        try:
            page = await stack.enter_async_context(self._web.open(url, first=first, count=count))
            return WebReader(stack, page, first, count)
        except UriRefused as error:
            raise BadLocation from error
        except DownloadFailed as error:
            raise _failure(error) from error
        except BaseException:
            await stack.aclose()
            raise


class WebReader:
    """A response, chunk by chunk; bytes before the requested range are skipped."""

    def __init__(self, stack: AsyncExitStack, page: Page, first: int, count: int | None) -> None:
        rest = None if page.length is None else max(page.first + page.length - first, 0)
        if rest is None and count is None:
            raise OSError("the server does not say how much it sends")
        self.size = min(size for size in (rest, count) if size is not None)
        self._skip = first - page.first
        self._remaining = self.size
        self._stack = stack
        self._chunks: AsyncIterator[bytes] = page.chunks
        self._rest = b""

    async def read(self, most: int) -> bytes:
        """The next bytes, none at the end. Raises OSError."""
        while not self._rest and self._remaining:
            try:
                chunk = await anext(self._chunks, b"")
            except DownloadFailed as error:
                raise _failure(error) from error
            if not chunk:
                return b""
            self._rest = chunk[self._skip :] if self._skip else chunk
            self._skip = max(self._skip - len(chunk), 0)
        piece = self._rest[: min(most, self._remaining)]
        self._rest = self._rest[len(piece) :]
        self._remaining -= len(piece)
        return piece

    def close(self) -> None:
        """The connection is closed in a task of its own."""
        task = asyncio.ensure_future(self._stack.aclose())
        _disconnecting.add(task)
        task.add_done_callback(_disconnecting.discard)


def _failure(error: DownloadFailed) -> OSError:
    return FileNotFoundError(str(error)) if isinstance(error, NothingThere) else OSError(str(error))
