"""Stories: a list, those of one request or resource, and their export."""

from itertools import islice

from aiohttp import web

from stackwire.http.request import respond
from stackwire.trace.domain.message_store import MAX_MESSAGES, MessageStore
from stackwire.trace.flows import queries
from stackwire.trace.http.filters import is_enabled, number, story_filter
from stackwire.trace.http.messages import DEFAULT_LIMIT


class StoryHandlers:
    """``/stories``."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store

    async def list(self, request: web.Request) -> web.Response:
        """``GET /stories``: the last ``limit`` that match the filters, the oldest first unless ``order=newest``."""
        limit = min(number(request, "limit", DEFAULT_LIMIT), MAX_MESSAGES)
        found = list(islice(filter(story_filter(request), reversed(self._store.stories())), limit))
        if request.query.get("order") != "newest":
            found.reverse()
        return respond(200, {"stories": [story.summary() for story in found], "bounds": self._store.bounds()})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /stories/{id}``: by a request id, its beginning, or the id of a resource: every story about it."""
        payload = is_enabled(request, "payload")
        return respond(200, queries.story(self._store, request.match_info["id"], payload=payload))

    async def export(self, request: web.Request) -> web.Response:
        """``GET /stories/{id}/export``; ``form`` is mermaid, plantuml, html, har, otlp or jsonl."""
        format = request.query.get("form", "mermaid")
        text, media_type, name = queries.export(self._store, request.match_info["id"], format)
        headers = {"Content-Disposition": f'inline; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type=media_type, headers=headers)
