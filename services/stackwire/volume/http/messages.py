"""/messages, from 3.3."""

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import CONTEXT, VERSION, respond
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.views import message_view

MESSAGES_SINCE = (3, 3)


class MessageHandlers:
    """``cinder/api/v3/messages.py: MessagesController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.messages

    async def list(self, request: web.Request) -> web.Response:
        _check_version(request)
        messages = await self._flows.list_all(request[CONTEXT])
        return respond(200, {"messages": [message_view(message) for message in messages]})

    async def show(self, request: web.Request) -> web.Response:
        _check_version(request)
        message = await self._flows.get(request[CONTEXT], request.match_info["message_id"])
        return respond(200, {"message": message_view(message)})

    async def delete(self, request: web.Request) -> web.Response:
        _check_version(request)
        await self._flows.delete(request[CONTEXT], request.match_info["message_id"])
        return respond(204)


def _check_version(request: web.Request) -> None:
    if request[VERSION] < MESSAGES_SINCE:
        raise NotFound
