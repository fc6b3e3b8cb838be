"""/limits."""

from aiohttp import web

from stackwire.http.request import CONTEXT, VERSION, respond
from stackwire.volume.flows.registry import ApiFlows


class LimitHandlers:
    """``cinder/api/v3/limits.py: LimitsController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows.quotas

    async def show(self, request: web.Request) -> web.Response:
        ctx = request[CONTEXT]
        project_id = ctx.project_id or ""
        if ctx.is_admin and request[VERSION] >= (3, 39):
            project_id = request.query.get("project_id", project_id)
        limits, used = await self._flows.get_absolute_limits(ctx, project_id)
        absolute = {
            "maxTotalVolumes": limits["volumes"],
            "maxTotalSnapshots": limits["snapshots"],
            "maxTotalVolumeGigabytes": limits["gigabytes"],
            "maxTotalBackups": limits["backups"],
            "maxTotalBackupGigabytes": limits["backup_gigabytes"],
            "totalVolumesUsed": used["volumes"],
            "totalSnapshotsUsed": used["snapshots"],
            "totalGigabytesUsed": used["gigabytes"],
            "totalBackupsUsed": used["backups"],
            "totalBackupGigabytesUsed": used["backup_gigabytes"],
        }
        return respond(200, {"limits": {"rate": [], "absolute": absolute}})
