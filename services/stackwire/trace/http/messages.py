"""Messages of the bus: a list, one of them, and all as they pass."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from stackwire.http.request import respond
from stackwire.trace.domain.filters import is_enabled, message_filter
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.wording import Wording
from stackwire.trace.flows import queries
from stackwire.trace.flows.pacer import caught_up
from stackwire.trace.flows.selection import Selection, select_messages
from stackwire.trace.flows.tail import follow
from stackwire.trace.http.filters import number, whole_number

DEFAULT_LIMIT = 500
KEEPALIVE_SECONDS = 15.0
UNREAD_SECONDS = 30.0
"""How long a client may leave its events unread."""
CHANGE_SECONDS = 0.5
"""How often a page learns that there are new messages."""


class MessageHandlers:
    """``/messages`` and ``/tail``."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store

    async def list(self, request: web.Request) -> web.Response:
        """``GET /messages``. ``after``: only with a higher number; ``limit``: the last so many that match the filters
        and have ``text`` in their payload; ``payload=false`` leaves payloads out."""
        wanted = Selection(
            matches=message_filter(request.query, self._store.names),
            text=request.query.get("text", ""),
            limit=min(number(request, "limit", DEFAULT_LIMIT), self._store.limit),
        )
        after, payload = number(request, "after", 0), is_enabled(request.query, "payload")
        found = await select_messages(self._store, wanted, after, payload=payload)
        return respond(200, {**found, "bounds": self._store.bounds()})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /messages/{number}``: of a property transfer with its changes."""
        await caught_up(self._store)
        return respond(200, queries.message(self._store, whole_number(request.match_info["number"], "number")))

    async def tail(self, request: web.Request) -> web.StreamResponse:
        """``GET /tail``: server-sent events, one for each message; with ``changes=true`` at most two a second, that
        only say how many messages were received."""
        if request.query.get("changes") == "true":
            return await self._changes(request)
        matches, payload = message_filter(request.query, self._store.names), is_enabled(request.query, "payload")
        text, wording = request.query.get("text", ""), Wording(self._store.names)
        response = await _event_stream(request)
        messages = follow(self._store)
        try:
            while True:
                waiting = asyncio.ensure_future(anext(messages))
                while not (await asyncio.wait({waiting}, timeout=KEEPALIVE_SECONDS))[0]:
                    await _write(request, response, b": keepalive\n\n")
                message = waiting.result()
                if matches(message) and (not text or message.mentions(text)):
                    await _write(request, response, _event(message.number, wording.message(message, payload=payload)))
        except (ConnectionResetError, asyncio.CancelledError):
            waiting.cancel()
        return response

    async def _changes(self, request: web.Request) -> web.StreamResponse:
        response, known, quiet = await _event_stream(request), -1, 0.0
        with contextlib.suppress(ConnectionResetError, asyncio.CancelledError):
            while True:
                if self._store.received != known:
                    known, quiet = self._store.received, 0.0
                    await _write(request, response, _event(known, {"received": known}))
                elif quiet >= KEEPALIVE_SECONDS:
                    quiet = 0.0
                    await _write(request, response, b": keepalive\n\n")
                await asyncio.sleep(CHANGE_SECONDS)
                quiet += CHANGE_SECONDS
        return response


async def _write(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Raises ConnectionResetError when nobody reads it: the connection is closed then."""
    try:
        async with asyncio.timeout(UNREAD_SECONDS):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("nobody reads the events") from None


async def _event_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    await response.write(b": listening\n\n")
    return response


def _event(number: int, view: Mapping[str, Any]) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (number, orjson.dumps(view))
