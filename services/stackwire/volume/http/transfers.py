"""/volume-transfers and, as it was called before, /os-volume-transfer."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.http.request import CONTEXT, VERSION, body, respond
from stackwire.volume.domain.listing import read_transfers
from stackwire.volume.domain.model import Transfer
from stackwire.volume.domain.notifications import naive
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.lists import list_request
from stackwire.volume.http.schemas.transfers import AcceptTransferBody, CreateTransferBody
from stackwire.volume.http.views import links, next_links


class TransferHandlers:
    """``cinder/api/v3/volume_transfer.py: VolumeTransferController``."""

    def __init__(self, flows: ApiFlows, max_limit: int) -> None:
        self._flows = flows.transfers
        self._max_limit = max_limit

    async def list(self, request: web.Request) -> web.Response:
        return await self._list(request, _summary_view)

    async def detail(self, request: web.Request) -> web.Response:
        return await self._list(request, _view)

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.get(request[CONTEXT], request.match_info["transfer_id"])
        return respond(200, {"transfer": _view(request, found)})

    async def create(self, request: web.Request) -> web.Response:
        given = (await body(request, CreateTransferBody)).transfer
        given.check(request[VERSION])
        offer, key = await self._flows.create(
            request[CONTEXT],
            given.volume_id,
            given.name,
            no_snapshots=given.no_snapshots,
            encrypted=request[VERSION] >= (3, 70),
        )
        return respond(202, {"transfer": {**_view(request, offer), "auth_key": key}})

    async def accept(self, request: web.Request) -> web.Response:
        key = str((await body(request, AcceptTransferBody)).accept.auth_key)
        accepted = await self._flows.accept(request[CONTEXT], request.match_info["transfer_id"], key)
        return respond(202, {"transfer": _summary_view(request, accepted)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.delete(request[CONTEXT], request.match_info["transfer_id"])
        return respond(202)

    async def _list(
        self, request: web.Request, view: Callable[[web.Request, Transfer], dict[str, Any]]
    ) -> web.Response:
        listing = read_transfers(list_request(request, self._max_limit))
        page = await self._flows.list_page(request[CONTEXT], listing)
        views = [view(request, transfer) for transfer in page]
        return respond(200, {"transfers": views, **next_links(request, "transfers", page, listing.limit)})


def _summary_view(request: web.Request, transfer: Transfer) -> dict[str, Any]:
    return {**attributes(transfer, "id volume_id name"), "links": links(request, "os-volume-transfer", transfer.id)}


def _view(request: web.Request, transfer: Transfer) -> dict[str, Any]:
    view = {**_summary_view(request, transfer), "created_at": naive(transfer.created_at)}
    if request[VERSION] >= (3, 55):
        view["no_snapshots"] = transfer.no_snapshots
    if request[VERSION] >= (3, 57):
        view |= {"source_project_id": transfer.source_project_id, "destination_project_id": None, "accepted": False}
    return view
