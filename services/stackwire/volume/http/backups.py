"""/backups: list, show, create, update, delete, restore, records, actions."""

from typing import Any

from aiohttp import web

from stackwire.http.request import CONTEXT, VERSION, body, read, respond
from stackwire.volume.domain.errors import NoSuchAction
from stackwire.volume.domain.listable import BACKUPS
from stackwire.volume.http.action_body import named_action
from stackwire.volume.http.lists import ListHandlers, wants_count
from stackwire.volume.http.path_ids import backup_id
from stackwire.volume.http.schemas import backups as schemas
from stackwire.volume.http.views import backup_summary_view, backup_view, next_links


class BackupHandlers(ListHandlers):
    """``cinder/api/v3/backups.py``, ``cinder/api/contrib/admin_actions.py: BackupAdminController``."""

    async def show(self, request: web.Request) -> web.Response:
        ctx = request[CONTEXT]
        backup = await self._flows.backups.get(ctx, backup_id(request))
        owner = self._flows.backups.shows_owner(ctx)
        return respond(200, {"backup": backup_view(request, backup, owner=owner)})

    async def create(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.CreateBackupBody)).backup.to_request(request[VERSION])
        backup = await self._flows.backups.request_backup(request[CONTEXT], wanted)
        return respond(202, {"backup": backup_summary_view(request, backup)})

    async def update(self, request: web.Request) -> web.Response:
        changes = (await body(request, schemas.UpdateBackupBody)).backup.changes(request[VERSION])
        backup = await self._flows.backups.update(request[CONTEXT], backup_id(request), changes)
        return respond(200, {"backup": backup_summary_view(request, backup)})

    async def delete(self, request: web.Request) -> web.Response:
        await self._flows.backups.request_delete(request[CONTEXT], backup_id(request))
        return respond(202)

    async def restore(self, request: web.Request) -> web.Response:
        wanted = (await body(request, schemas.RestoreBody)).restore
        restoring = await self._flows.restore_backups.request_restore(
            request[CONTEXT], backup_id(request), wanted.volume_id, wanted.name
        )
        view = {
            "backup_id": restoring.backup_id,
            "volume_id": restoring.volume_id,
            "volume_name": restoring.volume_name,
        }
        return respond(202, {"restore": view})

    async def export_record(self, request: web.Request) -> web.Response:
        record = await self._flows.backup_records.export_record(request[CONTEXT], backup_id(request))
        return respond(200, {"backup-record": record})

    async def import_record(self, request: web.Request) -> web.Response:
        given = (await body(request, schemas.ImportRecordBody)).record
        backup = await self._flows.backup_records.import_record(
            request[CONTEXT], given.backup_service, given.backup_url
        )
        return respond(201, {"backup": backup_summary_view(request, backup)})

    async def action(self, request: web.Request) -> web.Response:
        name, value = await named_action(request)
        if name == "os-force_delete":
            await self._flows.backups.request_delete(request[CONTEXT], backup_id(request), force=True)
        elif name == "os-reset_status":
            status = read(schemas.ResetBackupStatusAction, value).to_status()
            await self._flows.backups.request_reset(request[CONTEXT], backup_id(request), status)
        else:
            raise NoSuchAction(name=name[:100])
        return respond(202)

    async def _list(self, request: web.Request, *, detail: bool) -> web.Response:
        ctx, listing = request[CONTEXT], self._listing(request, BACKUPS)
        page = await self._flows.backups.list_page(ctx, listing)
        owner = self._flows.backups.shows_owner(ctx)
        views = [
            backup_view(request, backup, owner=owner) if detail else backup_summary_view(request, backup)
            for backup in page
        ]
        payload: dict[str, Any] = {"backups": views, **next_links(request, "backups", page, listing.limit)}
        if wants_count(request):
            payload["count"] = await self._flows.backups.count(listing)
        return respond(200, payload)
