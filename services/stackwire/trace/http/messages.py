"""Messages of the bus: a list, one of them, and all as they pass."""

import asyncio
from itertools import islice

import orjson
from aiohttp import web

from stackwire.http.request import respond
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.message_store import MAX_MESSAGES, MessageStore
from stackwire.trace.flows import queries
from stackwire.trace.flows.tail import follow
from stackwire.trace.http.filters import is_enabled, message_filter, number, whole_number

DEFAULT_LIMIT = 500
KEEPALIVE_SECONDS = 15.0


class MessageHandlers:
    """``/messages`` and ``/tail``."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store

    async def list(self, request: web.Request) -> web.Response:
        """``GET /messages``. ``after``: only with a higher number; ``limit``: the last so many that match the filters;
        ``payload=false`` leaves payloads out."""
        payload, matches = is_enabled(request, "payload"), message_filter(request)
        limit = min(number(request, "limit", DEFAULT_LIMIT), MAX_MESSAGES)
        known = self._store.messages(after=number(request, "after", 0))
        found = list(islice(filter(matches, reversed(known)), limit))
        views = [message.as_json(payload=payload) for message in reversed(found)]
        return respond(200, {"messages": views, "bounds": self._store.bounds()})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /messages/{number}``: of a property transfer with its changes."""
        return respond(200, queries.message(self._store, whole_number(request.match_info["number"], "number")))

    async def tail(self, request: web.Request) -> web.StreamResponse:
        """``GET /tail``: server-sent events, one for each message."""
        matches, payload = message_filter(request), is_enabled(request, "payload")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        await response.write(b": listening\n\n")
        messages = follow(self._store)
        try:
            while True:
                waiting = asyncio.ensure_future(anext(messages))
                while not (await asyncio.wait({waiting}, timeout=KEEPALIVE_SECONDS))[0]:
                    await response.write(b": keepalive\n\n")
                message = waiting.result()
                if matches(message):
                    await response.write(_event(message, payload=payload))
        except (ConnectionResetError, asyncio.CancelledError):
            waiting.cancel()
        return response


def _event(message: Message, *, payload: bool) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (message.number, orjson.dumps(message.as_json(payload=payload)))
