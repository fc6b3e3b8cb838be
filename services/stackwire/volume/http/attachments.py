"""/attachments, from 3.27."""

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import CONTEXT, VERSION, body, respond
from stackwire.volume.domain.errors import NoSuchAction
from stackwire.volume.domain.listable import ATTACHMENTS
from stackwire.volume.http.action_body import named_action
from stackwire.volume.http.lists import ListHandlers
from stackwire.volume.http.path_ids import attachment_id
from stackwire.volume.http.schemas.attachments import CreateAttachmentBody, UpdateAttachmentBody
from stackwire.volume.http.views import attachment_summary_view, attachment_view, next_links

ATTACHMENTS_SINCE = (3, 27)


class AttachmentHandlers(ListHandlers):
    """``cinder/api/v3/attachments.py: AttachmentsController``."""

    async def show(self, request: web.Request) -> web.Response:
        _check_version(request)
        attachment = await self._flows.attachments.get(request[CONTEXT], attachment_id(request))
        return respond(200, {"attachment": attachment_view(attachment)})

    async def create(self, request: web.Request) -> web.Response:
        _check_version(request)
        wanted = (await body(request, CreateAttachmentBody)).attachment.to_request(request[VERSION])
        attachment = await self._flows.attachments.create(request[CONTEXT], wanted)
        return respond(200, {"attachment": attachment_view(attachment)})

    async def update(self, request: web.Request) -> web.Response:
        _check_version(request)
        connector = (await body(request, UpdateAttachmentBody)).attachment.connector
        attachment = await self._flows.attachments.update(request[CONTEXT], attachment_id(request), connector)
        return respond(200, {"attachment": attachment_view(attachment)})

    async def action(self, request: web.Request) -> web.Response:
        _check_version(request)
        name, _ = await named_action(request)
        if name != "os-complete":
            raise NoSuchAction(name=name[:100])
        if request[VERSION] < (3, 44):
            raise NotFound
        await self._flows.attachments.complete(request[CONTEXT], attachment_id(request))
        return respond(204)

    async def delete(self, request: web.Request) -> web.Response:
        _check_version(request)
        remaining = await self._flows.attachments.delete(request[CONTEXT], attachment_id(request))
        return respond(200, {"attachments": [attachment_summary_view(attachment) for attachment in remaining]})

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        _check_version(request)
        listing = self._listing(request, ATTACHMENTS)
        page = await self._flows.attachments.list_page(request[CONTEXT], listing)
        view = attachment_view if detail else attachment_summary_view
        links = next_links(request, "attachments", page, listing.limit)
        return respond(200, {"attachments": [view(attachment) for attachment in page], **links})


def _check_version(request: web.Request) -> None:
    if request[VERSION] < ATTACHMENTS_SINCE:
        raise NotFound
