"""/volume-transfers and, as it was called before, /os-volume-transfer."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.core.errors import NotSimulated
from stackwire.http.request import CONTEXT, VERSION, body, flag, respond
from stackwire.volume.domain.model import Transfer
from stackwire.volume.domain.notifications import naive
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.schemas.transfers import AcceptTransferBody, CreateTransferBody
from stackwire.volume.http.views import links


class TransferHandlers:
    """``cinder/api/v3/volume_transfer.py: VolumeTransferController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.transfers

    async def list(self, request: web.Request) -> web.Response:
        found = await self._listed(request)
        return respond(200, {"transfers": [_summary_view(request, transfer) for transfer in found]})

    async def detail(self, request: web.Request) -> web.Response:
        found = await self._listed(request)
        return respond(200, {"transfers": [_view(request, transfer) for transfer in found]})

    async def show(self, request: web.Request) -> web.Response:
        found = await self._flows.get(request[CONTEXT], request.match_info["transfer_id"])
        return respond(200, {"transfer": _view(request, found)})

    async def create(self, request: web.Request) -> web.Response:
        given = (await body(request, CreateTransferBody)).transfer
        given.check(request[VERSION])
        offer, key = await self._flows.create(
            request[CONTEXT], given.volume_id, given.name, no_snapshots=given.no_snapshots
        )
        return respond(202, {"transfer": {**_view(request, offer), "auth_key": key}})

    async def accept(self, request: web.Request) -> web.Response:
        key = str((await body(request, AcceptTransferBody)).accept.auth_key)
        accepted = await self._flows.accept(request[CONTEXT], request.match_info["transfer_id"], key)
        return respond(202, {"transfer": _summary_view(request, accepted)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.delete(request[CONTEXT], request.match_info["transfer_id"])
        return respond(202)

    async def _listed(self, request: web.Request) -> Sequence[Transfer]:
        """Before 3.59 other parameters are ignored by the original too."""
        if request[VERSION] >= (3, 59) and request.query.keys() - {"all_tenants"}:
            raise NotSimulated(what="filters and pages of transfers")
        everybody = flag(request.query.get("all_tenants", "false"), "all_tenants")
        return await self._flows.list_all(request[CONTEXT], all_tenants=everybody)


def _summary_view(request: web.Request, transfer: Transfer) -> dict[str, Any]:
    return {**attributes(transfer, "id volume_id name"), "links": links(request, "os-volume-transfer", transfer.id)}


def _view(request: web.Request, transfer: Transfer) -> dict[str, Any]:
    view = {**_summary_view(request, transfer), "created_at": naive(transfer.created_at)}
    if request[VERSION] >= (3, 55):
        view["no_snapshots"] = transfer.no_snapshots
    if request[VERSION] >= (3, 57):
        view |= {"source_project_id": transfer.source_project_id, "destination_project_id": None, "accepted": False}
    return view
