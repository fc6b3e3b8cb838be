"""What administrators set: volume types and quotas."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, NotFound
from stackwire.core.ids import new_id
from stackwire.volume.db import quotas, types
from stackwire.volume.domain.errors import VolumeTypeExtraSpecsNotFound, VolumeTypeInUse
from stackwire.volume.domain.model import VolumeType
from stackwire.volume.flows.parts import Parts


class Types:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(
        self, ctx: RequestContext, name: str, description: str | None, public: bool, specs: dict[str, str]
    ) -> VolumeType:
        self._parts.require(ctx, "volume_extension:type_create")
        async with self._parts.database.work(ctx) as uow:
            made = VolumeType(
                id=new_id(), name=name, description=description, is_public=public, extra_specs=specs, projects=[],
                created_at=uow.now, updated_at=None,
            )  # fmt: skip
            await types.insert(uow, made)
            return made

    async def update(self, ctx: RequestContext, type_id: str, changes: Mapping[str, Any]) -> VolumeType:
        """``name``, ``description``, ``is_public``."""
        self._parts.require(ctx, "volume_extension:type_update")
        async with self._parts.database.work(ctx) as uow:
            changed = replace(await types.find(uow, ctx, type_id, by_name=False), **changes)
            await types.save(uow, changed)
            return changed

    async def delete(self, ctx: RequestContext, type_id: str) -> None:
        self._parts.require(ctx, "volume_extension:type_delete")
        async with self._parts.database.work(ctx) as uow:
            found = await types.find(uow, ctx, type_id, by_name=False)
            if found.name == types.DEFAULT:
                raise BadRequest("The default volume type cannot be deleted.")
            if not await types.remove(uow, found.id):
                raise VolumeTypeInUse(volume_type_id=type_id)

    async def set_specs(self, ctx: RequestContext, type_id: str, specs: Mapping[str, str]) -> dict[str, str]:
        self._parts.require(ctx, "volume_extension:types_extra_specs:create")
        async with self._parts.database.work(ctx) as uow:
            found = await types.find(uow, ctx, type_id, by_name=False)
            changed = replace(found, extra_specs={**found.extra_specs, **specs})
            await types.save(uow, changed)
            return changed.extra_specs

    async def drop_spec(self, ctx: RequestContext, type_id: str, key: str) -> None:
        self._parts.require(ctx, "volume_extension:types_extra_specs:delete")
        async with self._parts.database.work(ctx) as uow:
            found = await types.find(uow, ctx, type_id, by_name=False)
            if key not in found.extra_specs:
                raise VolumeTypeExtraSpecsNotFound(volume_type_id=type_id, key=key)
            kept = {name: value for name, value in found.extra_specs.items() if name != key}
            await types.save(uow, replace(found, extra_specs=kept))

    async def access(self, ctx: RequestContext, type_id: str) -> VolumeType:
        """A type that is not for everybody, with the projects it is for."""
        self._parts.require(ctx, "volume_extension:volume_type_access")
        async with self._parts.database.read() as session:
            found = await types.find(session, ctx, type_id, by_name=False)
        if found.is_public:
            raise NotFound("Access list not available for public volume types.")
        return found

    async def grant(self, ctx: RequestContext, type_id: str, project: str, *, allowed: bool) -> None:
        self._parts.require(ctx, "volume_extension:volume_type_access")
        async with self._parts.database.work(ctx) as uow:
            found = await types.find(uow, ctx, type_id, by_name=False)
            if found.is_public:
                raise Conflict("Type access modification is not applicable to public volume type.")
            if allowed == (project in found.projects):
                raise (Conflict if allowed else NotFound)(f"Access of project {project} is as asked already.")
            projects = [*found.projects, project] if allowed else [one for one in found.projects if one != project]
            await types.save(uow, replace(found, projects=projects))


class Quotas:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def show(self, ctx: RequestContext, project: str) -> tuple[dict[str, int], dict[str, int]]:
        self._parts.require(ctx, "volume_extension:quotas:show", project)
        async with self._parts.database.read() as session:
            return await quotas.limits_of(session, project), await quotas.used(session, project)

    async def update(self, ctx: RequestContext, project: str, limits: Mapping[str, int]) -> dict[str, int]:
        """-1: no limit. BadRequest for a resource there is no quota of."""
        self._parts.require(ctx, "volume_extension:quotas:update", project)
        unknown = limits.keys() - quotas.DEFAULTS.keys()
        if unknown:
            raise BadRequest(f"Bad key(s) in quota set: {', '.join(sorted(unknown))}")
        async with self._parts.database.work(ctx) as uow:
            await quotas.set_limits(uow, project, limits)
            return await quotas.limits_of(uow, project)

    async def delete(self, ctx: RequestContext, project: str) -> None:
        self._parts.require(ctx, "volume_extension:quotas:delete", project)
        async with self._parts.database.work(ctx) as uow:
            await quotas.forget_limits(uow, project)
