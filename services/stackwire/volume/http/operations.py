"""/os-hosts, /scheduler-stats, /capabilities, /resource_filters: the service as administrators see it."""

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT, VERSION, flag, respond
from stackwire.volume.domain.names import names
from stackwire.volume.flows.registry import ApiFlows

_FILTERS = {
    "volume": names(
        "name status metadata bootable migration_status availability_zone group_id size created_at updated_at"
        " consumes_quota"
    ),
    "backup": names("name status volume_id"),
    "snapshot": names("name status volume_id metadata availability_zone consumes_quota"),
    "group": names("name"),
    "group_snapshot": names("name status group_id"),
    "attachment": names("volume_id status instance_id attach_status"),
    "message": names("resource_uuid resource_type event_id request_id message_level"),
    "pool": names("name volume_type"),
    "volume_type": names("is_public extra_specs"),
}
"""The original's etc/cinder/resource_filters.json."""
_PROPERTIES = {
    "thin_provisioning": ("Thin Provisioning", "Sets thin provisioning."),
    "compression": ("Compression", "Enables compression."),
    "qos": ("QoS", "Enables QoS."),
    "replication_enabled": ("Replication", "Enables replication."),
}
_POOL_FILTERS = {"name": (3, 28), "volume_type": (3, 35)}


class OperationHandlers:
    """``cinder/api/contrib/hosts.py, scheduler_stats.py, capabilities.py``, ``v3/resource_filters.py``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.operations

    async def hosts(self, request: web.Request) -> web.Response:
        services, now = await self._flows.list_services(request[CONTEXT], "volume_extension:hosts")
        views = [
            {
                "host_name": service.state.host,
                "service": service.state.binary,
                "zone": service.zone,
                "service-status": "available",
                "service-state": "disabled" if service.state.disabled else "enabled",
                "last-update": now,
            }
            for service in services
            if request.query.get("zone", service.zone) == service.zone
        ]
        return respond(200, {"hosts": views})

    async def host(self, request: web.Request) -> web.Response:
        host = request.match_info["host"]
        rows = list(await self._flows.get_host(request[CONTEXT], host))
        counted = ("volume_count", "total_volume_gb", "snapshot_count", "total_snapshot_gb")
        total = {"project": "(total)", **{name: sum(row[name] for row in rows) for name in counted}}
        views = [
            {"resource": {"host": host, "project": row["project"], **{name: str(row[name]) for name in counted}}}
            for row in (total, *rows)
        ]
        return respond(200, {"host": views})

    async def pools(self, request: web.Request) -> web.Response:
        query = request.query
        for name in query:
            if name != "detail" and request[VERSION] < _POOL_FILTERS.get(name, (4, 0)):
                raise BadRequest(f"Invalid filters {name[:100]} are found in query options.")
        pools = await self._flows.get_pools(
            request[CONTEXT], name=query.get("name"), volume_type=query.get("volume_type")
        )
        detail = flag(query.get("detail", "false"), "detail")
        views = [{"name": name, **({"capabilities": offered} if detail else {})} for name, offered in pools]
        return respond(200, {"pools": views})

    async def capabilities(self, request: web.Request) -> web.Response:
        host = request.match_info["host"]
        offered = self._flows.get_capabilities(request[CONTEXT], host)
        properties = {
            name: {"title": title, "description": description, "type": "boolean"}
            for name, (title, description) in _PROPERTIES.items()
        }
        driver = {name: offered[name] for name in ("vendor_name", "driver_version", "storage_protocol")}
        nothing = dict.fromkeys(("pool_name", "display_name", "description", "visibility"))
        view = {
            "namespace": f"OS::Storage::Capabilities::{host}",
            **driver,
            "volume_backend_name": offered["volume_backend_name"],
        }
        return respond(200, {**view, **nothing, "replication_targets": [], "properties": properties})

    async def resource_filters(self, request: web.Request) -> web.Response:
        wanted = request.query.get("resource")
        views = [{"resource": name, "filters": filters} for name, filters in _FILTERS.items() if wanted in (None, name)]
        return respond(200, {"resource_filters": views})
