"""/extensions and /os-availability-zone; and a clear answer about what is not simulated."""

from aiohttp import web

from stackwire.core.errors import NotSimulated
from stackwire.http.request import respond
from stackwire.volume.domain.names import names

_EXTENSIONS = {
    "capabilities": "Capabilities",
    "encryption": "VolumeTypeEncryption",
    "os-admin-actions": "AdminActions",
    "os-availability-zone": "AvailabilityZones",
    "os-extended-services": "ExtendedServices",
    "os-extended-snapshot-attributes": "ExtendedSnapshotAttributes",
    "os-hosts": "Hosts",
    "os-quota-class-sets": "QuotaClasses",
    "os-quota-sets": "Quotas",
    "os-services": "Services",
    "os-types-extra-specs": "TypesExtraSpecs",
    "os-types-manage": "TypesManage",
    "os-used-limits": "UsedLimits",
    "os-vol-host-attr": "VolumeHostAttribute",
    "os-vol-image-meta": "VolumeImageMetadata",
    "os-vol-mig-status-attr": "VolumeMigStatusAttribute",
    "os-vol-tenant-attr": "VolumeTenantAttribute",
    "os-volume-actions": "VolumeActions",
    "os-volume-transfer": "VolumeTransfer",
    "os-volume-type-access": "VolumeTypeAccess",
    "scheduler-stats": "Scheduler_stats",
}
"""Alias -> name, of those that are served."""
RESOURCES_NOT_SIMULATED = names(
    "backups group_snapshots groups os-snapshot-manage"
    " os-volume-manage qos-specs consistencygroups cgsnapshots"
    " clusters workers default-types encryption manageable_volumes manageable_snapshots"
    " volumes/[^/]+/encryption"
)


class ExtensionHandlers:
    """``zone``: the one availability zone."""

    def __init__(self, zone: str) -> None:
        self._zone = zone

    async def list(self, request: web.Request) -> web.Response:
        extensions = [
            {"alias": alias, "name": name, "description": name, "updated": "2011-06-29T00:00:00+00:00", "links": []}
            for alias, name in _EXTENSIONS.items()
        ]
        return respond(200, {"extensions": extensions})

    async def availability_zones(self, request: web.Request) -> web.Response:
        zone = {"zoneName": self._zone, "zoneState": {"available": True}}
        return respond(200, {"availabilityZoneInfo": [zone]})

    async def not_simulated(self, request: web.Request) -> web.Response:
        raise NotSimulated(what=request.match_info["resource"])
