"""/volumes/{id}/action: the body has one key, the action. The table is the API."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from stackwire.core.context import RequestContext
from stackwire.http.microversions import Microversion
from stackwire.http.request import CONTEXT, VERSION, read, reading, respond
from stackwire.volume.domain.errors import NoSuchAction
from stackwire.volume.flows.registry import ApiFlows
from stackwire.volume.http.action_body import named_action
from stackwire.volume.http.path_ids import volume_id
from stackwire.volume.http.schemas import volume_actions as schemas
from stackwire.volume.http.views import upload_view

StatusAndBody = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls an action of which volume, in which version."""

    ctx: RequestContext
    volume_id: str
    version: Microversion


@dataclass(frozen=True, slots=True)
class Action:
    """``model`` None: the value under the action's name is ignored, as in the original."""

    handle: Callable[[Call, Any], Awaitable[StatusAndBody]]
    model: type[BaseModel] | None = None
    since: tuple[int, int] = (3, 0)


class VolumeActionHandlers:
    """``cinder/api/contrib/volume_actions.py``, ``admin_actions.py``, ``volume_image_metadata.py``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._flows = flows
        attach = flows.legacy_attach
        self._actions: dict[str, Action] = {
            "os-extend": Action(self._extend, schemas.ExtendAction),
            "os-set_bootable": Action(self._set_bootable, schemas.BootableAction),
            "os-update_readonly_flag": Action(self._set_readonly, schemas.ReadonlyAction),
            "os-reset_status": Action(self._reset_status, schemas.ResetStatusAction),
            "os-force_delete": _accepted(flows.delete_volume.request_force_delete),
            "os-volume_upload_image": Action(self._upload, schemas.UploadAction),
            "os-set_image_metadata": Action(self._set_image_metadata, schemas.SetImageMetadataAction),
            "os-unset_image_metadata": Action(self._unset_image_metadata, schemas.UnsetImageMetadataAction),
            "os-show_image_metadata": Action(self._show_image_metadata),
            "os-reimage": Action(self._reimage, schemas.ReimageAction, since=(3, 68)),
            "os-unmanage": _accepted(flows.manage.unmanage_volume),
            "os-retype": Action(self._retype, schemas.RetypeAction),
            "os-migrate_volume": Action(self._migrate, schemas.MigrateAction),
            "os-migrate_volume_completion": Action(self._complete_migration, schemas.MigrateCompletionAction),
            "revert": Action(self._revert, schemas.RevertAction, since=(3, 40)),
            "os-extend_volume_completion": _accepted(
                flows.extend_volume.complete_extend, schemas.ExtendCompletionAction
            ),
            "os-reserve": _accepted(attach.reserve),
            "os-unreserve": _accepted(attach.unreserve),
            "os-begin_detaching": _accepted(attach.begin_detaching),
            "os-roll_detaching": _accepted(attach.roll_detaching),
            "os-attach": Action(self._attach, schemas.AttachAction),
            "os-detach": Action(self._detach, schemas.DetachAction),
            "os-force_detach": Action(self._force_detach, schemas.ForceDetachAction),
            "os-initialize_connection": Action(self._initialize_connection, schemas.ConnectorAction),
            "os-terminate_connection": _accepted(attach.terminate_connection, schemas.TerminateAction),
        }

    async def action(self, request: web.Request) -> web.Response:
        name, value = await named_action(request)
        action = self._actions.get(name)
        if action is None or request[VERSION] < action.since:
            raise NoSuchAction(name=name[:100])
        with reading(name):
            argument = value if action.model is None else read(action.model, value)
        status, payload = await action.handle(Call(request[CONTEXT], volume_id(request), request[VERSION]), argument)
        return respond(status, payload)

    async def _extend(self, call: Call, given: schemas.ExtendAction) -> StatusAndBody:
        await self._flows.extend_volume.request_extend(
            call.ctx, call.volume_id, given.new_size, attached=call.version >= (3, 42)
        )
        return 202, None

    async def _set_bootable(self, call: Call, given: schemas.BootableAction) -> StatusAndBody:
        await self._flows.status.set_bootable(call.ctx, call.volume_id, given.bootable)
        return 200, None

    async def _set_readonly(self, call: Call, given: schemas.ReadonlyAction) -> StatusAndBody:
        await self._flows.status.set_readonly(call.ctx, call.volume_id, given.readonly)
        return 202, None

    async def _reset_status(self, call: Call, given: schemas.ResetStatusAction) -> StatusAndBody:
        await self._flows.status.reset_volume(call.ctx, call.volume_id, given.changes())
        return 202, None

    async def _upload(self, call: Call, given: schemas.UploadAction) -> StatusAndBody:
        accepted = await self._flows.upload_volume.request_upload(
            call.ctx, call.volume_id, given.to_request(call.version)
        )
        return 202, {"os-volume_upload_image": upload_view(accepted, call.version)}

    async def _set_image_metadata(self, call: Call, given: schemas.SetImageMetadataAction) -> StatusAndBody:
        return 200, {"metadata": await self._flows.image_metadata.set(call.ctx, call.volume_id, given.metadata)}

    async def _unset_image_metadata(self, call: Call, given: schemas.UnsetImageMetadataAction) -> StatusAndBody:
        await self._flows.image_metadata.delete(call.ctx, call.volume_id, given.key)
        return 200, None

    async def _show_image_metadata(self, call: Call, _: Any) -> StatusAndBody:
        return 200, {"metadata": await self._flows.image_metadata.get(call.ctx, call.volume_id)}

    async def _reimage(self, call: Call, given: schemas.ReimageAction) -> StatusAndBody:
        await self._flows.reimage_volume.request_reimage(
            call.ctx, call.volume_id, given.image_id, reserved=given.reimage_reserved
        )
        return 202, None

    async def _revert(self, call: Call, given: schemas.RevertAction) -> StatusAndBody:
        await self._flows.revert_volume.request_revert(call.ctx, call.volume_id, given.snapshot_id)
        return 202, None

    async def _retype(self, call: Call, given: schemas.RetypeAction) -> StatusAndBody:
        await self._flows.move_volume.request_retype(call.ctx, call.volume_id, given.new_type, given.migration_policy)
        return 202, None

    async def _migrate(self, call: Call, given: schemas.MigrateAction) -> StatusAndBody:
        await self._flows.move_volume.request_migration(
            call.ctx,
            call.volume_id,
            given.to_host(call.version),
            force_copy=given.force_host_copy,
            lock=given.lock_volume,
        )
        return 202, None

    async def _complete_migration(self, call: Call, given: schemas.MigrateCompletionAction) -> StatusAndBody:
        saved = await self._flows.move_volume.complete_migration(
            call.ctx, call.volume_id, given.new_volume, error=bool(given.error)
        )
        return 200, {"save_volume_id": saved}

    async def _attach(self, call: Call, given: schemas.AttachAction) -> StatusAndBody:
        await self._flows.legacy_attach.attach(call.ctx, call.volume_id, given.to_request())
        return 202, None

    async def _detach(self, call: Call, given: schemas.DetachAction) -> StatusAndBody:
        await self._flows.legacy_attach.detach(call.ctx, call.volume_id, given.attachment_id)
        return 202, None

    async def _force_detach(self, call: Call, given: schemas.ForceDetachAction) -> StatusAndBody:
        await self._flows.legacy_attach.force_detach(call.ctx, call.volume_id, given.attachment_id or None)
        return 202, None

    async def _initialize_connection(self, call: Call, given: schemas.ConnectorAction) -> StatusAndBody:
        info = await self._flows.legacy_attach.initialize_connection(call.ctx, call.volume_id, given.connector)
        return 200, {"connection_info": info}


def _accepted(flow: Callable[[RequestContext, str], Awaitable[None]], model: type[BaseModel] | None = None) -> Action:
    """An action that needs nothing but the volume's id and is answered by 202."""

    async def handle(call: Call, _: Any) -> StatusAndBody:
        await flow(call.ctx, call.volume_id)
        return 202, None

    return Action(handle, model)
