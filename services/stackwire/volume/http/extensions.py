"""/extensions and /os-availability-zone; and a clear answer about what is not simulated."""

from aiohttp import web

from stackwire.core.errors import NotSimulated
from stackwire.http.request import respond
from stackwire.volume.domain.names import names

_EXTENSIONS = {
    "os-admin-actions": "AdminActions",
    "os-availability-zone": "AvailabilityZones",
    "os-extended-snapshot-attributes": "ExtendedSnapshotAttributes",
    "os-quota-sets": "Quotas",
    "os-types-manage": "TypesManage",
    "os-types-extra-specs": "TypesExtraSpecs",
    "os-volume-actions": "VolumeActions",
    "os-volume-type-access": "VolumeTypeAccess",
    "os-vol-host-attr": "VolumeHostAttribute",
    "os-vol-image-meta": "VolumeImageMetadata",
    "os-vol-tenant-attr": "VolumeTenantAttribute",
    "os-used-limits": "UsedLimits",
}
RESOURCES_NOT_SIMULATED = names(
    "backups group_snapshots group_types groups os-hosts os-quota-class-sets os-services os-snapshot-manage"
    " os-volume-manage os-volume-transfer volume-transfers qos-specs scheduler-stats consistencygroups cgsnapshots"
    " clusters workers resource_filters capabilities default-types encryption manageable_volumes manageable_snapshots"
    " types/[^/]+/encryption volumes/[^/]+/encryption"
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
