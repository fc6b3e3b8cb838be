"""/messages, from 3.3; filters and pages from 3.5."""

from dataclasses import replace

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import CONTEXT, VERSION, respond
from stackwire.volume.domain.listable import MESSAGES
from stackwire.volume.domain.listing import read
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.lists import list_request
from stackwire.volume.http.views import message_view, next_links

MESSAGES_SINCE = (3, 3)


class MessageHandlers:
    """``cinder/api/v3/messages.py: MessagesController``."""

    def __init__(self, flows: ApiFlows, max_limit: int) -> None:
        self._flows = flows.messages
        self._max_limit = max_limit

    async def list(self, request: web.Request) -> web.Response:
        _check_version(request)
        ctx, given = request[CONTEXT], list_request(request, self._max_limit)
        listing = read(MESSAGES, given if request[VERSION] >= (3, 5) else replace(given, pairs=()))
        page = await self._flows.list_page(ctx, replace(listing, project_id=None) if ctx.is_admin else listing)
        views = [message_view(request, message) for message in page]
        return respond(200, {"messages": views, **next_links(request, "messages", page, listing.limit)})

    async def show(self, request: web.Request) -> web.Response:
        _check_version(request)
        message = await self._flows.get(request[CONTEXT], request.match_info["message_id"])
        return respond(200, {"message": message_view(request, message)})

    async def delete(self, request: web.Request) -> web.Response:
        _check_version(request)
        await self._flows.delete(request[CONTEXT], request.match_info["message_id"])
        return respond(204)


def _check_version(request: web.Request) -> None:
    if request[VERSION] < MESSAGES_SINCE:
        raise NotFound
