"""Volume types: read by everybody, set by administrators."""

from collections.abc import Mapping
from typing import Any

from stackwire.core.attributes import attributes
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, NotFound
from stackwire.core.ids import new_id
from stackwire.db.pool import UnitOfWork
from stackwire.volume.db import default_types, volume_types
from stackwire.volume.domain.errors import VolumeTypeExtraSpecsNotFound, VolumeTypeInUse
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import DEFAULT_VOLUME_TYPE, VolumeType
from stackwire.volume.domain.requests import CreateVolumeTypeRequest
from stackwire.volume.flows.deps import Flow


class VolumeTypes(Flow):
    """``cinder/volume/volume_types.py``. Each raises VolumeTypeNotFound for a type the caller has no access to."""

    async def get(self, ctx: RequestContext, type_id: str) -> VolumeType:
        """By id only, but for the default type, which may be named."""
        return await self.get_by_reference(ctx, type_id, by_name=type_id == DEFAULT_VOLUME_TYPE)

    async def get_by_reference(self, ctx: RequestContext, reference: str, *, by_name: bool = True) -> VolumeType:
        """By id or name, as a new volume refers to its type."""
        async with self._deps.database.read() as session:
            return await volume_types.find(session, ctx, reference, by_name=by_name)

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[VolumeType]:
        """VolumeTypeNotFound for a marker that is none of the caller's types."""
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await volume_types.find(session, ctx, listing.marker, by_name=False)
            return await volume_types.list_page(session, listing)

    async def create(self, ctx: RequestContext, request: CreateVolumeTypeRequest) -> VolumeType:
        """VolumeTypeExists."""
        self._deps.require(ctx, "volume_extension:type_create")
        async with self._deps.database.work(ctx) as uow:
            volume_type = VolumeType(
                id=new_id("volume_type"),
                **attributes(request, "name description is_public extra_specs"),
                projects=[],
                qos_specs_id=None,
                created_at=uow.now,
                updated_at=None,
            )
            return await volume_types.insert(uow, volume_type)

    async def update(self, ctx: RequestContext, type_id: str, changes: Mapping[str, Any]) -> VolumeType:
        """``name``, ``description``, ``is_public``. VolumeTypeExists; BadRequest for another name of the default type:
        who names no type gets it by its name."""
        self._deps.require(ctx, "volume_extension:type_update")
        async with self._deps.database.work(ctx) as uow:
            found = await volume_types.find(uow, ctx, type_id, by_name=False)
            if found.name == DEFAULT_VOLUME_TYPE != changes.get("name", found.name):
                raise BadRequest(f"The volume type {found.id} is the default volume type and keeps its name.")
            return await volume_types.update(uow, found, **changes)

    async def delete(self, ctx: RequestContext, type_id: str) -> None:
        """VolumeTypeInUse; BadRequest for a default type."""
        self._deps.require(ctx, "volume_extension:type_delete")
        async with self._deps.database.work(ctx) as uow:
            found = await volume_types.find(uow, ctx, type_id, by_name=False)
            if found.name == DEFAULT_VOLUME_TYPE or await default_types.TABLE.find(uow, volume_type_id=found.id):
                raise BadRequest(f"The volume type {found.id} is a default volume type and cannot be deleted.")
            if not await volume_types.delete(uow, found.id):
                raise VolumeTypeInUse(volume_type_id=type_id)

    async def get_extra_specs(self, ctx: RequestContext, type_id: str) -> VolumeType:
        """The type, for a caller who may read its extra specs."""
        self._deps.require(ctx, "volume_extension:types_extra_specs:index")
        return await self.get(ctx, type_id)

    async def set_extra_specs(self, ctx: RequestContext, type_id: str, specs: Mapping[str, str | None]) -> None:
        """Merged into the existing ones. BadRequest while volumes of the type exist."""
        self._deps.require(ctx, "volume_extension:types_extra_specs:create")
        async with self._deps.database.work(ctx) as uow:
            found = await _unused(uow, ctx, type_id)
            await volume_types.update(uow, found, extra_specs={**found.extra_specs, **specs})

    async def delete_extra_spec(self, ctx: RequestContext, type_id: str, key: str) -> None:
        """VolumeTypeExtraSpecsNotFound; BadRequest while volumes of the type exist."""
        self._deps.require(ctx, "volume_extension:types_extra_specs:delete")
        async with self._deps.database.work(ctx) as uow:
            found = await _unused(uow, ctx, type_id)
            if key not in found.extra_specs:
                raise VolumeTypeExtraSpecsNotFound(volume_type_id=type_id, key=key)
            kept = {name: value for name, value in found.extra_specs.items() if name != key}
            await volume_types.update(uow, found, extra_specs=kept)

    async def get_access(self, ctx: RequestContext, type_id: str) -> VolumeType:
        """A private type, with the projects that have access to it; NotFound for a public one."""
        self._deps.require(ctx, "volume_extension:volume_type_access")
        async with self._deps.database.read() as session:
            found = await volume_types.find(session, ctx, type_id, by_name=False)
        if found.is_public:
            raise NotFound("Access list not available for public volume types.")
        return found

    async def set_access(self, ctx: RequestContext, type_id: str, project_id: str, *, allowed: bool) -> None:
        """Gives a project access to a private type, or takes it away. Conflict, NotFound."""
        self._deps.require(ctx, "volume_extension:volume_type_access")
        async with self._deps.database.work(ctx) as uow:
            found = await volume_types.find(uow, ctx, type_id, by_name=False)
            if found.is_public:
                raise Conflict("Type access modification is not applicable to public volume type.")
            if allowed == (project_id in found.projects):
                raise (Conflict if allowed else NotFound)(f"Access of project {project_id} is as requested already.")
            others = [project for project in found.projects if project != project_id]
            await volume_types.update(uow, found, projects=[*others, project_id] if allowed else others)


async def _unused(uow: UnitOfWork, ctx: RequestContext, type_id: str) -> VolumeType:
    """A type whose extra specs may change: no volume was chosen a back end by them."""
    found = await volume_types.find(uow, ctx, type_id, by_name=False)
    if await volume_types.in_use(uow, found.id):
        raise BadRequest("Volume Type is currently in use.")
    return found
