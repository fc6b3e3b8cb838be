"""/os-services: the daemons, as administrators see and change them."""

from typing import Any

from aiohttp import web

from stackwire.contracts.volume import InvalidInput
from stackwire.http.request import CONTEXT, VERSION, body, respond
from stackwire.volume.flows.api.operations import Service
from stackwire.volume.flows.pools import BINARY
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.schemas import services as schemas

CLUSTERED = (3, 26)


class ServiceHandlers:
    """``cinder/api/v3/services.py: ServiceController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.operations

    async def list(self, request: web.Request) -> web.Response:
        services, now = await self._flows.list_services(request[CONTEXT], "volume_extension:services:index")
        query = request.query
        views = [
            _view(service, now, request[VERSION])
            for service in services
            if query.get("binary", service.state.binary) == service.state.binary
            and query.get("host", service.state.host) in (service.state.host, service.state.host.partition("@")[0])
        ]
        return respond(200, {"services": views})

    async def enable(self, request: web.Request) -> web.Response:
        given = await body(request, schemas.EnableBody)
        await self._flows.set_enabled(request[CONTEXT], given.named, _host(given.host), enabled=True)
        return respond(200, {**given.named_service(), "status": "enabled", "disabled": False})

    async def disable(self, request: web.Request) -> web.Response:
        given = await body(request, schemas.EnableBody)
        await self._flows.set_enabled(request[CONTEXT], given.named, _host(given.host), enabled=False)
        return respond(200, {**given.named_service(), "status": "disabled", "disabled": True})

    async def disable_with_reason(self, request: web.Request) -> web.Response:
        given = await body(request, schemas.DisableReasonBody)
        host, reason = _host(given.host), given.disabled_reason
        await self._flows.set_enabled(request[CONTEXT], given.named, host, enabled=False, reason=reason)
        changed = {"status": "disabled", "disabled": True, "disabled_reason": reason}
        return respond(200, {**given.named_service(), **changed})

    async def freeze(self, request: web.Request) -> web.Response:
        given = await body(request, schemas.FreezeBody)
        await self._flows.set_frozen(request[CONTEXT], _one_host(request, given), frozen=True)
        return respond(200)

    async def thaw(self, request: web.Request) -> web.Response:
        given = await body(request, schemas.FreezeBody)
        await self._flows.set_frozen(request[CONTEXT], _one_host(request, given), frozen=False)
        return respond(200)

    async def fail_over(self, request: web.Request) -> web.Response:
        given = await body(request, schemas.FailoverBody)
        await self._flows.fail_over(request[CONTEXT], _one_host(request, given))
        return respond(202)


def _host(host: str | None) -> str:
    if not host:
        raise InvalidInput(reason="Host field is missing.")
    return host


def _one_host(request: web.Request, given: schemas.FreezeBody) -> str:
    """The host, or from 3.26 a cluster, of which there are none. InvalidInput."""
    if request[VERSION] < CLUSTERED:
        return _host(given.host)
    if bool(given.cluster) == bool(given.host):
        raise InvalidInput(reason="One and only one of cluster and host must be set.")
    if given.cluster:
        raise InvalidInput(reason=f"No service found with cluster={given.cluster}")
    return _host(given.host)


def _view(service: Service, now: str | None, version: tuple[int, int]) -> dict[str, Any]:
    state = service.state
    view: dict[str, Any] = {
        "binary": state.binary,
        "host": state.host,
        "zone": service.zone,
        "status": "disabled" if state.disabled else "enabled",
        "state": "up",
        "updated_at": now,
        "disabled_reason": state.disabled_reason,
    }
    if version >= (3, 7):
        view["cluster"] = None
    if state.binary == BINARY:
        view |= {"replication_status": "disabled", "active_backend_id": None, "frozen": state.frozen}
        view |= {"backend_state": "up"} if version >= (3, 49) else {}
    return view
