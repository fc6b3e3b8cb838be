"""/clusters, from 3.7: there is none, since no back end is served by several hosts."""

from aiohttp import web

from stackwire.contracts.volume import InvalidInput
from stackwire.http.request import CONTEXT, VERSION, body, flag, respond
from stackwire.volume.domain.names import names
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.schemas.clusters import DisableClusterBody, EnableClusterBody

_FILTERS = frozenset(names("name binary is_up disabled num_hosts num_down_hosts"))
_REPLICATION_FILTERS = frozenset(names("replication_status frozen active_backend_id"))
_BINARY = "cinder-volume"


class ClusterHandlers:
    """``cinder/api/v3/clusters.py: ClusterController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.clusters

    async def list(self, request: web.Request) -> web.Response:
        self._flows.check_list(request[CONTEXT])
        unknown = request.query.keys() - _FILTERS
        if request[VERSION] >= (3, 26):
            unknown -= _REPLICATION_FILTERS
        if unknown:
            raise InvalidInput(reason=f"Invalid filter keys: {', '.join(sorted(unknown))}")
        for name in ("is_up", "disabled"):
            flag(request.query.get(name, "true"), name)
        return respond(200, {"clusters": []})

    async def show(self, request: web.Request) -> web.Response:
        self._flows.get(request[CONTEXT], _BINARY, request.match_info["name"])

    async def enable(self, request: web.Request) -> web.Response:
        given = await body(request, EnableClusterBody)
        self._flows.update(request[CONTEXT], given.binary, given.name)

    async def disable(self, request: web.Request) -> web.Response:
        given = await body(request, DisableClusterBody)
        self._flows.update(request[CONTEXT], given.binary, given.name)
