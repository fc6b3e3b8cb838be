"""createBackup: a snapshot of which a certain number is kept. ``nova/compute/api.py: backup``."""

from stackwire.compute.db import quotas
from stackwire.compute.domain import policy
from stackwire.compute.domain.quotas import check_metadata_items
from stackwire.compute.domain.requests import CreateBackupRequest
from stackwire.compute.flows.api.create_image import CreateImage, DiskImage
from stackwire.compute.flows.deps import ApiDeps, ApiFlow, check_allowed
from stackwire.contracts.compute_set_aside import BackupInstance
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest

VERB = "createBackup"


class CreateBackup(ApiFlow):
    """The host deletes the older ones of the same type, once the new one is there."""

    def __init__(self, deps: ApiDeps) -> None:
        super().__init__(deps)
        self._images = CreateImage(deps)

    async def request_backup(self, ctx: RequestContext, uuid: str, request: CreateBackupRequest) -> str:
        """The id of the image. 400 for a server on volumes, which no backup is made of."""
        server = await self._deps.find(ctx, uuid, policy.CREATE_BACKUP)
        if request.limits_metadata:
            async with self._deps.database.read() as session:
                limits = await quotas.strictest(session, ctx)
            check_metadata_items(limits, len(request.metadata))
        check_allowed(ctx, server, VERB)
        if server.is_volume_backed:
            raise BadRequest("Backup is not supported for volume-backed instances.")
        image = DiskImage(
            verb=VERB,
            name=request.name,
            properties={**request.metadata, "backup_type": request.backup_type},
            image_type="backup",
            message=lambda instance, image_id: BackupInstance(
                instance=instance, image_id=image_id, backup_type=request.backup_type, rotation=request.rotation
            ),
        )
        return await self._images.of_disk(ctx, server, image)
