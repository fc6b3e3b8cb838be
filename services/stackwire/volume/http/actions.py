"""/volumes/{id}/action: one word in the body says which. The table is the API."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.microversions import Microversion
from stackwire.http.request import CONTEXT, VERSION, json_body, read, respond
from stackwire.volume.domain.payloads import naive
from stackwire.volume.domain.states import ATTACH_RESETTABLE, RESETTABLE
from stackwire.volume.flows.all import Flows
from stackwire.volume.flows.upload import ImageWish
from stackwire.volume.http import bodies, views
from stackwire.volume.http.volumes import volume_id

M = TypeVar("M", bound=BaseModel)
Answer = tuple[int, Any]
NOT_SIMULATED = frozenset(
    {
        "os-retype",
        "os-migrate_volume",
        "os-migrate_volume_completion",
        "os-unmanage",
        "revert",
        "os-extend_volume_completion",
    }
)
_MIGRATION_STATUS = frozenset({"migrating", "error", "success", "completing", "none", "starting"})


@dataclass(frozen=True, slots=True)
class Call:
    """Whom an action concerns."""

    ctx: RequestContext
    volume: str
    version: Microversion


@dataclass(frozen=True, slots=True)
class Action:
    """``model`` None: the word's value is not looked at, as in the original."""

    run: Callable[[Call, Any], Awaitable[Answer]]
    model: type[BaseModel] | None = None
    since: tuple[int, int] = (3, 0)


class Actions:
    def __init__(self, flows: Flows) -> None:
        self._flows = flows
        self.table: dict[str, Action] = {
            "os-extend": Action(self._extend, bodies.ExtendAction),
            "os-set_bootable": Action(self._set_bootable, bodies.BootableAction),
            "os-update_readonly_flag": Action(self._readonly, bodies.ReadonlyAction),
            "os-reset_status": Action(self._reset, bodies.ResetAction),
            "os-force_delete": Action(self._force_delete),
            "os-volume_upload_image": Action(self._upload, bodies.UploadAction),
            "os-set_image_metadata": Action(self._set_image_metadata, bodies.SetImageMetadata),
            "os-unset_image_metadata": Action(self._unset_image_metadata, bodies.UnsetImageMetadata),
            "os-show_image_metadata": Action(self._show_image_metadata),
            "os-reimage": Action(self._reimage, bodies.ReimageAction, since=(3, 68)),
            "os-reserve": Action(self._reserve),
            "os-unreserve": Action(self._unreserve),
            "os-begin_detaching": Action(self._begin_detaching),
            "os-roll_detaching": Action(self._roll_detaching),
            "os-attach": Action(self._attach, bodies.AttachAction),
            "os-detach": Action(self._detach, bodies.DetachAction),
            "os-force_detach": Action(self._force_detach, bodies.DetachAction),
            "os-initialize_connection": Action(self._initialize, bodies.ConnectorAction),
            "os-terminate_connection": Action(self._terminate, bodies.ConnectorAction),
        }

    async def handle(self, request: web.Request) -> web.Response:
        asked = await json_body(request)
        if not isinstance(asked, dict) or len(asked) != 1:
            raise BadRequest("The body of an action has one key: the action.")
        ((word, value),) = asked.items()
        if word in NOT_SIMULATED:
            raise NotSimulated(what=f"the action {word}")
        action = self.table.get(word)
        if action is None or request[VERSION] < action.since:
            raise BadRequest(f"There is no such action: {word[:100]}")
        argument = value if action.model is None else read(action.model, {} if value is None else value)
        call = Call(request[CONTEXT], volume_id(request), request[VERSION])
        status, payload = await action.run(call, argument)
        return respond(status, payload)

    async def _extend(self, call: Call, asked: bodies.ExtendAction) -> Answer:
        await self._flows.extend.accept(call.ctx, call.volume, asked.new_size, attached=call.version >= (3, 42))
        return 202, None

    async def _set_bootable(self, call: Call, asked: bodies.BootableAction) -> Answer:
        await self._flows.legacy.set_bootable(call.ctx, call.volume, asked.bootable)
        return 200, None

    async def _readonly(self, call: Call, asked: bodies.ReadonlyAction) -> Answer:
        await self._flows.legacy.set_readonly(call.ctx, call.volume, asked.readonly)
        return 202, None

    async def _reset(self, call: Call, asked: bodies.ResetAction) -> Answer:
        changes = asked.model_dump(exclude_none=True)
        allowed = {"status": RESETTABLE, "attach_status": ATTACH_RESETTABLE, "migration_status": _MIGRATION_STATUS}
        if not changes:
            raise BadRequest("Must specify 'status', 'attach_status' or 'migration_status' for update.")
        for name, value in changes.items():
            if value not in allowed[name]:
                raise BadRequest(f"Invalid input for field/attribute {name}. Value: {value}.")
        if changes.get("migration_status") == "none":
            changes["migration_status"] = None
        await self._flows.legacy.reset_status(call.ctx, call.volume, changes)
        return 202, None

    async def _force_delete(self, call: Call, _: Any) -> Answer:
        rule = "volume_extension:volume_admin_actions:force_delete"
        self._flows.parts.require(call.ctx, rule)
        await self._flows.delete.accept(call.ctx, call.volume, force=True)
        return 202, None

    async def _upload(self, call: Call, asked: bodies.UploadAction) -> Answer:
        modern = call.version >= (3, 1)
        if not modern and asked.model_fields_set & {"visibility", "protected"}:
            raise BadRequest("visibility and protected need version 3.1.")
        wish = ImageWish(
            name=asked.image_name,
            disk_format=asked.disk_format,
            container_format=asked.container_format,
            visibility=(asked.visibility or "private") if modern else None,
            protected=bool(asked.protected),
        )
        promise = await self._flows.upload.accept(call.ctx, call.volume, wish)
        shown: dict[str, Any] = {
            "id": promise.volume.id,
            "updated_at": naive(promise.volume.updated_at),
            "status": promise.volume.status,
            "display_description": promise.volume.description,
            "size": promise.volume.size,
            "volume_type": views.type_row(promise.type),
            "image_id": promise.image.id,
            "container_format": wish.container_format,
            "disk_format": wish.disk_format,
            "image_name": wish.name,
        }
        if modern:
            shown |= {"protected": wish.protected, "visibility": wish.visibility}
        return 202, {"os-volume_upload_image": shown}

    async def _set_image_metadata(self, call: Call, asked: bodies.SetImageMetadata) -> Answer:
        return 200, {"metadata": await self._flows.image_metadata.set(call.ctx, call.volume, asked.metadata)}

    async def _unset_image_metadata(self, call: Call, asked: bodies.UnsetImageMetadata) -> Answer:
        await self._flows.image_metadata.unset(call.ctx, call.volume, asked.key)
        return 200, None

    async def _show_image_metadata(self, call: Call, _: Any) -> Answer:
        return 200, {"metadata": await self._flows.image_metadata.show(call.ctx, call.volume)}

    async def _reimage(self, call: Call, asked: bodies.ReimageAction) -> Answer:
        await self._flows.reimages.accept(call.ctx, call.volume, asked.image_id, reserved=asked.reimage_reserved)
        return 202, None

    async def _reserve(self, call: Call, _: Any) -> Answer:
        await self._flows.legacy.reserve(call.ctx, call.volume)
        return 202, None

    async def _unreserve(self, call: Call, _: Any) -> Answer:
        await self._flows.legacy.unreserve(call.ctx, call.volume)
        return 202, None

    async def _begin_detaching(self, call: Call, _: Any) -> Answer:
        await self._flows.legacy.begin_detaching(call.ctx, call.volume)
        return 202, None

    async def _roll_detaching(self, call: Call, _: Any) -> Answer:
        await self._flows.legacy.roll_detaching(call.ctx, call.volume)
        return 202, None

    async def _attach(self, call: Call, asked: bodies.AttachAction) -> Answer:
        if (asked.instance_uuid is None) == (asked.host_name is None):
            raise BadRequest("Give one of instance_uuid and host_name.")
        await self._flows.legacy.attach(
            call.ctx, call.volume, asked.instance_uuid, asked.host_name, asked.mountpoint, asked.mode
        )
        return 202, None

    async def _detach(self, call: Call, asked: bodies.DetachAction) -> Answer:
        await self._flows.legacy.detach(call.ctx, call.volume, asked.attachment_id)
        return 202, None

    async def _force_detach(self, call: Call, asked: bodies.DetachAction) -> Answer:
        await self._flows.legacy.detach(call.ctx, call.volume, asked.attachment_id, force=True)
        return 202, None

    async def _initialize(self, call: Call, asked: bodies.ConnectorAction) -> Answer:
        return 200, {"connection_info": await self._flows.legacy.initialize_connection(call.ctx, call.volume)}

    async def _terminate(self, call: Call, asked: bodies.ConnectorAction) -> Answer:
        await self._flows.legacy.terminate_connection(call.ctx, call.volume)
        return 202, None
