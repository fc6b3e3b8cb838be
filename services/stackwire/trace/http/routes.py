"""The tracer's API: read only, no login, for the command and the page."""

import asyncio
from collections.abc import Sequence

import orjson
from aiohttp import web

from stackwire.core.errors import BadRequest, ServiceError
from stackwire.http.app import Route
from stackwire.http.request import respond
from stackwire.trace import views
from stackwire.trace.domain.message import Message
from stackwire.trace.store import MESSAGES, Store

HEARTBEAT = 15.0
DEFAULT_LIMIT = 500


def trace_error(request: web.Request, error: ServiceError) -> web.Response:
    return respond(error.status, {"error": {"code": error.status, "title": error.title, "message": error.message}})


def routes(store: Store) -> Sequence[Route]:
    api = _Api(store)
    table = (
        ("/", api.about),
        ("/messages", api.messages),
        ("/tail", api.tail),
        ("/stories", api.stories),
        ("/stories/{id}", api.story),
        ("/resources", api.resources),
        ("/lineage/{id}", api.lineage),
    )
    return [Route("GET", path, handler, public=True) for path, handler in table]


class _Api:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def about(self, request: web.Request) -> web.Response:
        return respond(200, {"service": "trace", "bounds": self._store.bounds()})

    async def messages(self, request: web.Request) -> web.Response:
        """``after``: only with a higher number; ``limit``: the last so many; ``payload=false`` leaves payloads out."""
        payload = request.query.get("payload", "true").lower() != "false"
        found = self._store.messages(
            after=_number(request, "after", 0), limit=min(_number(request, "limit", DEFAULT_LIMIT), MESSAGES)
        )
        wanted = _Filter(request)
        return respond(
            200,
            {
                "messages": [message.as_json(payload=payload) for message in found if wanted(message)],
                "bounds": self._store.bounds(),
            },
        )

    async def tail(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: each message as it crosses."""
        wanted = _Filter(request)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        await response.write(b": listening\n\n")
        listening = self._store.listen()
        try:
            while True:
                waiting = asyncio.ensure_future(anext(listening))
                while not (await asyncio.wait({waiting}, timeout=HEARTBEAT))[0]:
                    await response.write(b": still here\n\n")
                message = waiting.result()
                if wanted(message):
                    await response.write(_event(message))
        except (ConnectionResetError, asyncio.CancelledError):
            waiting.cancel()
        return response

    async def stories(self, request: web.Request) -> web.Response:
        limit = min(_number(request, "limit", DEFAULT_LIMIT), MESSAGES)
        found = self._store.stories()[-limit:]
        return respond(200, {"stories": [story.summary() for story in found], "bounds": self._store.bounds()})

    async def story(self, request: web.Request) -> web.Response:
        """By a request id, its beginning, or the id of a resource: every story that is about it."""
        return respond(200, views.story(self._store, request.match_info["id"]))

    async def resources(self, request: web.Request) -> web.Response:
        self._store.catch_up()
        return respond(200, {"resources": [found._asdict() for found in self._store.lineage.resources()]})

    async def lineage(self, request: web.Request) -> web.Response:
        """By an id, its beginning, ``kind:id``, or a name."""
        return respond(200, views.lineage(self._store, request.match_info["id"]))


def _event(message: Message) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (message.number, orjson.dumps(message.as_json()))


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise BadRequest(f"{name} must be a whole number, not '{text[:50]}'.")
    return int(text)


class _Filter:
    """``resource``, ``request``, ``kind``, ``event`` and ``text`` of the query; all that are given must hold."""

    def __init__(self, request: web.Request) -> None:
        query = request.query
        self._resource, self._request = query.get("resource"), query.get("request")
        self._kind, self._event, self._text = query.get("kind"), query.get("event"), query.get("text")

    def __call__(self, message: Message) -> bool:
        return (
            (self._resource is None or any(found.id.startswith(self._resource) for found in message.resources))
            and (self._request is None or self._request in (message.request_id, message.global_request_id))
            and (self._kind is None or message.kind == self._kind)
            and (self._event is None or self._event in message.name)
            and (self._text is None or self._text in orjson.dumps(message.payload).decode())
        )
