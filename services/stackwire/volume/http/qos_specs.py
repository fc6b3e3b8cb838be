"""/qos-specs and what types they are of."""

from typing import Any

from aiohttp import web

from stackwire.core.attributes import attributes
from stackwire.http.request import CONTEXT, body, flag, respond
from stackwire.volume.domain.listing import read_qos_specs
from stackwire.volume.domain.model import QosSpecs
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.lists import list_request
from stackwire.volume.http.schemas import qos_specs as schemas
from stackwire.volume.http.views import links, next_links


class QosSpecsHandlers:
    """``cinder/api/contrib/qos_specs_manage.py: QoSSpecsController``."""

    def __init__(self, flows: ApiFlows, max_limit: int) -> None:
        self._flows = flows.qos_specs
        self._max_limit = max_limit

    async def list(self, request: web.Request) -> web.Response:
        listing = read_qos_specs(list_request(request, self._max_limit))
        page = await self._flows.list_page(request[CONTEXT], listing)
        views = [_view(specs) for specs in page]
        return respond(200, {"qos_specs": views, **next_links(request, "qos_specs", page, listing.limit)})

    async def show(self, request: web.Request) -> web.Response:
        return _with_links(request, await self._flows.get(request[CONTEXT], _id(request)))

    async def create(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.CreateQosSpecsBody)).qos_specs
        return _with_links(request, await self._flows.create(request[CONTEXT], given.name, given.specs))

    async def update(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.UpdateQosSpecsBody)).qos_specs
        await self._flows.update(request[CONTEXT], _id(request), given)
        return respond(200, {"qos_specs": given})

    async def delete(self, request: web.Request) -> web.Response:
        force = flag(request.query.get("force", "false"), "force")
        await self._flows.delete(request[CONTEXT], _id(request), force=force)
        return respond(202)

    async def delete_keys(self, request: web.Request) -> web.Response:
        keys = (await body(request, schemas.DeleteKeysBody)).keys
        await self._flows.delete_keys(request[CONTEXT], _id(request), keys)
        return respond(202)

    async def associations(self, request: web.Request) -> web.Response:
        found = await self._flows.get_associations(request[CONTEXT], _id(request))
        views = [{"association_type": "volume_type", **attributes(each, "name id")} for each in found]
        return respond(200, {"qos_associations": views})

    async def associate(self, request: web.Request) -> web.Response:
        await self._flows.associate(request[CONTEXT], _id(request), request.query.get("vol_type_id"))
        return respond(202)

    async def disassociate(self, request: web.Request) -> web.Response:
        await self._flows.disassociate(request[CONTEXT], _id(request), request.query.get("vol_type_id"))
        return respond(202)

    async def disassociate_all(self, request: web.Request) -> web.Response:
        await self._flows.disassociate_all(request[CONTEXT], _id(request))
        return respond(202)


def _id(request: web.Request) -> str:
    return request.match_info["specs_id"]


def _view(specs: QosSpecs) -> dict[str, Any]:
    return attributes(specs, "id name consumer specs")


def _with_links(request: web.Request, specs: QosSpecs) -> web.Response:
    return respond(200, {"qos_specs": _view(specs), "links": links(request, "qos-specs", specs.id)})
