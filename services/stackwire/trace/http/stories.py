"""Stories: a list, those of one request or resource, and their export."""

from aiohttp import web

from stackwire.http.request import respond
from stackwire.trace.domain.filters import is_enabled, story_filter
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.flows import queries
from stackwire.trace.flows.pacer import caught_up
from stackwire.trace.flows.selection import Selection, select_stories, view_stories
from stackwire.trace.http.filters import number, seconds
from stackwire.trace.http.messages import DEFAULT_LIMIT


class StoryHandlers:
    """``/stories``."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store

    async def list(self, request: web.Request) -> web.Response:
        """``GET /stories``: the last ``limit`` that match the filters, the oldest first unless ``order=newest``.

        ``before``: only those that began before this time; ``older`` of the answer is that of the page behind it.
        """
        wanted = Selection(
            matches=story_filter(request.query, self._store.names),
            text=request.query.get("text", ""),
            limit=min(number(request, "limit", DEFAULT_LIMIT), self._store.limit),
        )
        found = await select_stories(self._store, wanted, seconds(request, "before"))
        if request.query.get("order") != "newest":
            found["stories"].reverse()
        return respond(200, {**found, "bounds": self._store.bounds()})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /stories/{id}``: by a request id, its beginning, or the id of a resource: every story about it."""
        await caught_up(self._store)
        found = queries.find_stories(self._store, request.match_info["id"])
        views = await view_stories(self._store, found, payload=is_enabled(request.query, "payload"))
        return respond(200, {"stories": views, "bounds": self._store.bounds()})

    async def export(self, request: web.Request) -> web.Response:
        """``GET /stories/{id}/export``; ``form`` is mermaid, plantuml, html, har, otlp or jsonl."""
        await caught_up(self._store)
        format = request.query.get("form", "mermaid")
        text, media_type, name = queries.export(self._store, request.match_info["id"], format)
        headers = {"Content-Disposition": f'inline; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type=media_type, headers=headers)
