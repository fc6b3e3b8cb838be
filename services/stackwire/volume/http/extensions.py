"""/extensions and /os-availability-zone; and a clear answer about what is not simulated."""

from collections.abc import Sequence

from aiohttp import web

from stackwire.http.refusals import Features
from stackwire.http.request import respond

_EXTENSIONS = {
    "backups": "Backups",
    "capabilities": "Capabilities",
    "cgsnapshots": "Cgsnapshots",
    "consistencygroups": "Consistencygroups",
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
    "os-snapshot-actions": "SnapshotActions",
    "os-snapshot-manage": "SnapshotManage",
    "os-snapshot-unmanage": "SnapshotUnmanage",
    "os-volume-actions": "VolumeActions",
    "os-volume-manage": "VolumeManage",
    "os-volume-unmanage": "VolumeUnmanage",
    "os-volume-transfer": "VolumeTransfer",
    "os-volume-type-access": "VolumeTypeAccess",
    "qos-specs": "Qos_specs_manage",
    "scheduler-stats": "Scheduler_stats",
}
"""Alias -> name, of those that are served."""
NOT_SIMULATED: Features = {
    "changes of hosts": ["/os-hosts"],
    "log levels, and workers": ["/os-services", "/workers 3.24"],
}  # fmt: skip


class ExtensionHandlers:
    """``zones``: the availability zones."""

    def __init__(self, zones: Sequence[str]) -> None:
        self._zones = zones

    async def list(self, request: web.Request) -> web.Response:
        extensions = [
            {"alias": alias, "name": name, "description": name, "updated": "2011-06-29T00:00:00+00:00", "links": []}
            for alias, name in _EXTENSIONS.items()
        ]
        return respond(200, {"extensions": extensions})

    async def availability_zones(self, request: web.Request) -> web.Response:
        zones = [{"zoneName": zone, "zoneState": {"available": True}} for zone in self._zones]
        return respond(200, {"availabilityZoneInfo": zones})
