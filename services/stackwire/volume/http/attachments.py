"""/attachments, from 3.27."""

from aiohttp import web

from stackwire.contracts.volume import AttachmentNotFound
from stackwire.core.errors import BadRequest, NotFound
from stackwire.core.ids import canonical_uuid
from stackwire.http.request import CONTEXT, VERSION, body, json_body, respond
from stackwire.volume.flows.all import Flows
from stackwire.volume.http import bodies, views
from stackwire.volume.http.filters import ATTACHMENT_FILTERS, ATTACHMENT_SORTS, query

SINCE = (3, 27)


def attachment_id(request: web.Request) -> str:
    text = request.match_info["attachment_id"]
    found = canonical_uuid(text)
    if found is None:
        raise AttachmentNotFound(attachment_id=text[:255])
    return found


def _known(request: web.Request) -> None:
    if request[VERSION] < SINCE:
        raise NotFound


class AttachmentsApi:
    def __init__(self, flows: Flows, longest: int) -> None:
        self._flows = flows
        self._longest = longest

    async def list(self, request: web.Request) -> web.Response:
        return await self._list(request, detail=False)

    async def detail(self, request: web.Request) -> web.Response:
        return await self._list(request, detail=True)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        _known(request)
        asked = query(request, "a", ATTACHMENT_FILTERS, ATTACHMENT_SORTS, self._longest)
        found = await self._flows.attachments.list(request[CONTEXT], asked)
        shown = [views.attachment(one) if detail else views.attachment_summary(one) for one in found]
        last = found[-1].id if found else None
        return respond(
            200, {"attachments": shown, **views.next_links(request, "attachments", shown, last, asked.limit)}
        )

    async def show(self, request: web.Request) -> web.Response:
        _known(request)
        found = await self._flows.attachments.show(request[CONTEXT], attachment_id(request))
        return respond(200, {"attachment": views.attachment(found)})

    async def create(self, request: web.Request) -> web.Response:
        _known(request)
        asked = (await body(request, bodies.CreateAttachment)).attachment
        if asked.mode is not None and request[VERSION] < (3, 54):
            raise BadRequest("mode needs version 3.54.")
        made = await self._flows.attachments.create(
            request[CONTEXT], asked.volume_uuid, asked.instance_uuid, connector=asked.connector or None, mode=asked.mode
        )
        return respond(200, {"attachment": views.attachment(made)})

    async def update(self, request: web.Request) -> web.Response:
        _known(request)
        asked = (await body(request, bodies.UpdateAttachment)).attachment
        found = await self._flows.attachments.update(request[CONTEXT], attachment_id(request), asked.connector)
        return respond(200, {"attachment": views.attachment(found)})

    async def action(self, request: web.Request) -> web.Response:
        _known(request)
        asked = await json_body(request)
        if not isinstance(asked, dict) or list(asked) != ["os-complete"] or request[VERSION] < (3, 44):
            raise BadRequest("The one action of an attachment is os-complete, from version 3.44.")
        await self._flows.attachments.complete(request[CONTEXT], attachment_id(request))
        return respond(204)

    async def delete(self, request: web.Request) -> web.Response:
        _known(request)
        left = await self._flows.attachments.delete(request[CONTEXT], attachment_id(request))
        return respond(200, {"attachments": [views.attachment_summary(one) for one in left]})
