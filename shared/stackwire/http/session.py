"""The connections of a client that lives as long as its service."""

from collections.abc import Callable

import aiohttp

from stackwire.core.errors import Unavailable


class Connections:
    """A session that is opened by the first request, for it belongs to the loop it is opened in, and closed once.

    Work that goes on after its service was closed is refused, or it would open another session that nobody closes.
    """

    def __init__(self, opened: Callable[[], aiohttp.ClientSession]) -> None:
        self._opened = opened
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def session(self) -> aiohttp.ClientSession:
        """Raises Unavailable once it is closed."""
        if self._closed:
            raise Unavailable("The service is being stopped.")
        if self._session is None:
            self._session = self._opened()
        return self._session

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None
