"""The small ones: limits, quotas, zones, extensions, messages; and a clear word about what is not simulated."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, NotFound, NotSimulated
from stackwire.http.request import CONTEXT, VERSION, body, flag, respond
from stackwire.volume.db import messages, quotas
from stackwire.volume.domain.payloads import naive
from stackwire.volume.domain.sizes import LARGEST
from stackwire.volume.flows.all import Flows
from stackwire.volume.http import bodies

_EXTENSIONS = (
    ("os-admin-actions", "AdminActions"), ("os-availability-zone", "AvailabilityZones"),
    ("os-extended-snapshot-attributes", "ExtendedSnapshotAttributes"), ("os-quota-sets", "Quotas"),
    ("os-types-manage", "TypesManage"), ("os-types-extra-specs", "TypesExtraSpecs"),
    ("os-volume-actions", "VolumeActions"), ("os-volume-type-access", "VolumeTypeAccess"),
    ("os-vol-host-attr", "VolumeHostAttribute"), ("os-vol-image-meta", "VolumeImageMetadata"),
    ("os-vol-tenant-attr", "VolumeTenantAttribute"), ("os-used-limits", "UsedLimits"),
)  # fmt: skip
NOT_SIMULATED = (
    "backups", "group_snapshots", "group_types", "groups", "os-hosts", "os-quota-class-sets", "os-services",
    "os-snapshot-manage", "os-volume-manage", "os-volume-transfer", "volume-transfers", "qos-specs",
    "scheduler-stats", "consistencygroups", "cgsnapshots", "clusters", "workers", "resource_filters", "capabilities",
    "default-types", "encryption", "manageable_volumes", "manageable_snapshots",
    "types/[^/]+/encryption", "volumes/[^/]+/encryption",
)  # fmt: skip


class Rest:
    def __init__(self, flows: Flows, zone: str) -> None:
        self._flows = flows
        self._zone = zone

    async def limits(self, request: web.Request) -> web.Response:
        ctx = request[CONTEXT]
        project = ctx.project_id or ""
        if ctx.is_admin and request[VERSION] >= (3, 39):
            project = request.query.get("project_id", project)
        self._flows.parts.require(ctx, "limits_extension:used_limits", project)
        allowed, used = await self._flows.read.limits(ctx, project)
        absolute = {
            "maxTotalVolumes": allowed["volumes"],
            "maxTotalSnapshots": allowed["snapshots"],
            "maxTotalVolumeGigabytes": allowed["gigabytes"],
            "maxTotalBackups": allowed["backups"],
            "maxTotalBackupGigabytes": allowed["backup_gigabytes"],
            "totalVolumesUsed": used["volumes"],
            "totalSnapshotsUsed": used["snapshots"],
            "totalGigabytesUsed": used["gigabytes"],
            "totalBackupsUsed": used["backups"],
            "totalBackupGigabytesUsed": used["backup_gigabytes"],
        }
        return respond(200, {"limits": {"rate": [], "absolute": absolute}})

    async def quota_set(self, request: web.Request) -> web.Response:
        target = request.match_info["target"]
        allowed, used = await self._flows.quotas.show(request[CONTEXT], target)
        shown: dict[str, Any] = dict(allowed)
        if flag(request.query.get("usage", "false"), "usage"):
            shown = {
                name: {"limit": limit, "in_use": used[name], "reserved": 0, "allocated": 0}
                for name, limit in allowed.items()
            }
        return respond(200, {"quota_set": {"id": target, **shown}})

    async def quota_defaults(self, request: web.Request) -> web.Response:
        target = request.match_info["target"]
        self._flows.parts.require(request[CONTEXT], "volume_extension:quotas:show", target)
        return respond(200, {"quota_set": {"id": target, **quotas.DEFAULTS}})

    async def set_quota(self, request: web.Request) -> web.Response:
        given = (await body(request, bodies.QuotaSet)).quota_set
        limits = {name: _limit(name, value) for name, value in given.items() if name not in ("tenant_id", "force")}
        if not limits:
            raise BadRequest("A quota set names what it limits.")
        found = await self._flows.quotas.update(request[CONTEXT], request.match_info["target"], limits)
        return respond(200, {"quota_set": found})

    async def drop_quota(self, request: web.Request) -> web.Response:
        await self._flows.quotas.delete(request[CONTEXT], request.match_info["target"])
        return respond(200)

    async def zones(self, request: web.Request) -> web.Response:
        zone = {"zoneName": self._zone, "zoneState": {"available": True}}
        return respond(200, {"availabilityZoneInfo": [zone]})

    async def extensions(self, request: web.Request) -> web.Response:
        shown = [
            {"alias": alias, "name": name, "description": name, "updated": "2011-06-29T00:00:00+00:00", "links": []}
            for alias, name in _EXTENSIONS
        ]
        return respond(200, {"extensions": shown})

    async def messages(self, request: web.Request) -> web.Response:
        found = await self._messages(request, None)
        return respond(200, {"messages": found})

    async def message(self, request: web.Request) -> web.Response:
        found = await self._messages(request, request.match_info["message_id"])
        if not found:
            raise NotFound("The message could not be found.")
        return respond(200, {"message": found[0]})

    async def _messages(self, request: web.Request, message_id: str | None) -> list[dict[str, Any]]:
        if request[VERSION] < (3, 3):
            raise NotFound
        self._flows.parts.require(request[CONTEXT], "message:get")
        async with self._flows.parts.database.read() as session:
            found = await messages.listed(session, request[CONTEXT], message_id)
        return [_message(one) for one in found]

    async def drop_message(self, request: web.Request) -> web.Response:
        if request[VERSION] < (3, 3):
            raise NotFound
        self._flows.parts.require(request[CONTEXT], "message:delete")
        async with self._flows.parts.database.work(request[CONTEXT]) as uow:
            if not await messages.remove(uow, request.match_info["message_id"]):
                raise NotFound("The message could not be found.")
        return respond(204)

    async def not_simulated(self, request: web.Request) -> web.Response:
        raise NotSimulated(what=request.match_info["noun"])


def _message(shown: messages.UserMessage) -> dict[str, Any]:
    return {
        "id": shown.id,
        "event_id": shown.event_id,
        "request_id": shown.request_id,
        "resource_type": shown.resource_type,
        "resource_uuid": shown.resource_uuid,
        "message_level": shown.message_level,
        "user_message": shown.user_message,
        "created_at": naive(shown.created_at),
        "guaranteed_until": naive(shown.guaranteed_until),
        "links": [],
    }


def _limit(name: str, value: Any) -> int:
    digits = isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit()
    if isinstance(value, bool) or not (isinstance(value, int) or (digits and len(value) < 12)):
        raise BadRequest(f"Invalid input for field/attribute {name[:100]}.")
    number = int(value)
    if not -1 <= number <= LARGEST:
        raise BadRequest(f"Quota limit for {name[:100]} must be between -1 and {LARGEST}.")
    return number
