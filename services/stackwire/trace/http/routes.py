"""The tracer's API: read only, no login, for the command and the page."""

import asyncio
from collections.abc import Sequence
from itertools import islice

import orjson
from aiohttp import web

from stackwire.contracts import asyncapi
from stackwire.core.errors import BadRequest, ServiceError
from stackwire.http.app import Route
from stackwire.http.request import respond
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.message_store import MESSAGES, Store
from stackwire.trace.domain.story import Story
from stackwire.trace.flows import queries
from stackwire.trace.flows.tail import follow
from stackwire.trace.http import static_page

HEARTBEAT = 15.0
DEFAULT_LIMIT = 500


def trace_error(request: web.Request, error: ServiceError) -> web.Response:
    return respond(error.status, {"error": {"code": error.status, "title": error.title, "message": error.message}})


def routes(store: Store) -> Sequence[Route]:
    api = _Api(store)
    table = (
        ("/", api.about),
        ("/page/{name}", static_page.page_file),
        ("/asyncapi.json", api.asyncapi),
        ("/messages", api.messages),
        ("/messages/{number}", api.message),
        ("/tail", api.tail),
        ("/stories", api.stories),
        ("/stories/{id}", api.story),
        ("/stories/{id}/export", api.export),
        ("/resources", api.resources),
        ("/lineage/{id}", api.lineage),
        ("/why/{key}/{id}", api.why),
        ("/where/{key}", api.where),
        ("/diff/{left}/{right}", api.diff),
    )
    return [Route("GET", path, handler, public=True) for path, handler in table]


class _Api:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def about(self, request: web.Request) -> web.Response:
        """The page for those who read HTML, otherwise what this is."""
        if "text/html" in request.headers.get("Accept", ""):
            return static_page.index_response()
        return respond(200, {"service": "trace", "bounds": self._store.bounds()})

    async def asyncapi(self, request: web.Request) -> web.Response:
        """What the messages of the house are made of."""
        return respond(200, asyncapi.document())

    async def messages(self, request: web.Request) -> web.Response:
        """``after``: only with a higher number; ``limit``: the last so many that the filters let through;
        ``payload=false`` leaves payloads out."""
        payload, wanted = _yes(request, "payload"), _Filter(request)
        limit = min(_number(request, "limit", DEFAULT_LIMIT), MESSAGES)
        known = self._store.messages(after=_number(request, "after", 0))
        found = list(islice(filter(wanted, reversed(known)), limit))
        told = [message.as_json(payload=payload) for message in reversed(found)]
        return respond(200, {"messages": told, "bounds": self._store.bounds()})

    async def message(self, request: web.Request) -> web.Response:
        """One message by its number; a crossing with what it did to each property."""
        return respond(200, queries.message(self._store, _whole_number(request.match_info["number"], "number")))

    async def tail(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: each message as it crosses."""
        wanted, payload = _Filter(request), _yes(request, "payload")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        await response.write(b": listening\n\n")
        listening = follow(self._store)
        try:
            while True:
                waiting = asyncio.ensure_future(anext(listening))
                while not (await asyncio.wait({waiting}, timeout=HEARTBEAT))[0]:
                    await response.write(b": still here\n\n")
                message = waiting.result()
                if wanted(message):
                    await response.write(_event(message, payload=payload))
        except (ConnectionResetError, asyncio.CancelledError):
            waiting.cancel()
        return response

    async def stories(self, request: web.Request) -> web.Response:
        """The last ``limit`` that the filters let through, the oldest first unless ``order=newest``."""
        limit = min(_number(request, "limit", DEFAULT_LIMIT), MESSAGES)
        wanted = _StoryFilter(request)
        found = list(islice((story for story in reversed(self._store.stories()) if wanted(story)), limit))
        if request.query.get("order") != "newest":
            found.reverse()
        return respond(200, {"stories": [story.summary() for story in found], "bounds": self._store.bounds()})

    async def story(self, request: web.Request) -> web.Response:
        """By a request id, its beginning, or the id of a resource: every story that is about it."""
        told = queries.story(self._store, request.match_info["id"], payload=_yes(request, "payload"))
        return respond(200, told)

    async def export(self, request: web.Request) -> web.Response:
        """A story as a file of another tool's; ``form`` is mermaid, plantuml, html, har, otlp or jsonl."""
        asked = request.match_info["id"], request.query.get("form", "mermaid")
        text, kind, name = queries.export(self._store, *asked)
        headers = {"Content-Disposition": f'inline; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type=kind, headers=headers)

    async def resources(self, request: web.Request) -> web.Response:
        return respond(200, queries.resources(self._store))

    async def lineage(self, request: web.Request) -> web.Response:
        """By an id, its beginning, ``kind:id``, or a name."""
        return respond(200, queries.lineage(self._store, request.match_info["id"]))

    async def why(self, request: web.Request) -> web.Response:
        return respond(200, queries.why(self._store, request.match_info["key"], request.match_info["id"]))

    async def where(self, request: web.Request) -> web.Response:
        return respond(200, queries.where(self._store, request.match_info["key"]))

    async def diff(self, request: web.Request) -> web.Response:
        return respond(200, queries.diff(self._store, request.match_info["left"], request.match_info["right"]))


def _event(message: Message, *, payload: bool) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (message.number, orjson.dumps(message.as_json(payload=payload)))


def _yes(request: web.Request, name: str) -> bool:
    return request.query.get(name, "true").lower() != "false"


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    return default if text is None else _whole_number(text, name)


def _whole_number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise BadRequest(f"{name} must be a whole number, not '{text[:50]}'.")
    return int(text)


class _Filter:
    """``resource``, ``request``, ``kind``, ``event`` and ``text`` of the query; all that are given must hold.
    ``deliveries=false`` leaves out a message's second hop, ``housekeeping=false`` what nobody asked the services for.
    """

    def __init__(self, request: web.Request) -> None:
        query = request.query
        self._resource, self._request = query.get("resource"), query.get("request")
        self._kind, self._event, self._text = query.get("kind"), query.get("event"), query.get("text")
        self._deliveries, self._housekeeping = _yes(request, "deliveries"), _yes(request, "housekeeping")

    def __call__(self, message: Message) -> bool:
        return (
            (self._deliveries or message.step != "deliver")
            and (self._housekeeping or not message.housekeeping)
            and (self._resource is None or any(found.id.startswith(self._resource) for found in message.resources))
            and (self._request is None or self._request in (message.request_id, message.global_request_id))
            and (self._kind is None or message.kind == self._kind)
            and (self._event is None or self._event in message.name)
            and (self._text is None or self._text in orjson.dumps(message.payload).decode())
        )


class _StoryFilter:
    """``request``, ``resource`` (the beginning of an id), ``service`` (part of a lane's name), ``event`` (part of a
    message's name) and ``text`` (anywhere in a payload) of the query; all that are given must hold. ``reads=false``
    leaves out what is nothing but one GET or HEAD, ``housekeeping=false`` what nobody asked for."""

    def __init__(self, request: web.Request) -> None:
        query = {name: value for name, value in request.query.items() if value}
        self._request, self._resource = query.get("request"), query.get("resource")
        self._service, self._event, self._text = query.get("service"), query.get("event"), query.get("text")
        self._reads, self._housekeeping = _yes(request, "reads"), _yes(request, "housekeeping")

    def __call__(self, story: Story) -> bool:
        ids = (story.id, *story.request_ids)
        return (
            (self._reads or not story.is_plain_read)
            and (self._housekeeping or not story.is_housekeeping)
            and (self._request is None or any(self._request in ident for ident in ids))
            and (self._resource is None or any(found.id.startswith(self._resource) for found in story.resources))
            and (self._service is None or any(self._service in lane for lane in story.lanes))
            and (self._event is None or any(self._event in arrow.name for arrow in story.arrows))
            and (self._text is None or any(self._said(arrow.payload) for arrow in story.arrows))
        )

    def _said(self, payload: object) -> bool:
        return self._text is not None and self._text in orjson.dumps(payload).decode()
