"""Types of groups, and their specs: read by everybody, set by administrators."""

from collections.abc import Mapping
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.core.ids import new_id
from stackwire.db.errors import UniqueViolation
from stackwire.volume.db import group_types
from stackwire.volume.domain.errors import GroupTypeExists, GroupTypeInUse, GroupTypeSpecsNotFound
from stackwire.volume.domain.listing import Listing
from stackwire.volume.domain.model import GroupType
from stackwire.volume.flows.deps import Flow

Specs = Mapping[str, str | None]


class GroupTypes(Flow):
    """``cinder/volume/group_types.py``. Each raises GroupTypeNotFound for a type the caller does not see."""

    async def get(self, ctx: RequestContext, type_id: str) -> GroupType:
        async with self._deps.database.read() as session:
            return await group_types.find(session, ctx, type_id)

    async def list_page(self, ctx: RequestContext, listing: Listing) -> list[GroupType]:
        """GroupTypeNotFound for a marker that is none of the caller's types."""
        async with self._deps.database.read() as session:
            if listing.marker is not None:
                await group_types.find(session, ctx, listing.marker)
            return await group_types.list_page(session, listing)

    async def create(self, ctx: RequestContext, columns: Mapping[str, Any]) -> GroupType:
        """GroupTypeExists."""
        self._deps.require(ctx, "group:group_types:create")
        try:
            async with self._deps.database.work(ctx) as uow:
                return await group_types.TABLE.insert(
                    uow, {"id": new_id("group_type"), **columns, "created_at": uow.now}
                )
        except UniqueViolation as taken:
            raise GroupTypeExists(id=columns["name"]) from taken

    async def update(self, ctx: RequestContext, type_id: str, changes: Mapping[str, Any]) -> GroupType:
        """``name``, ``description``, ``is_public``. GroupTypeExists."""
        self._deps.require(ctx, "group:group_types:update")
        try:
            async with self._deps.database.work(ctx) as uow:
                found = await group_types.find(uow, ctx, type_id)
                return await group_types.TABLE.update(uow, type_id, **changes) or found
        except UniqueViolation as taken:
            raise GroupTypeExists(id=changes["name"]) from taken

    async def delete(self, ctx: RequestContext, type_id: str) -> None:
        """GroupTypeInUse."""
        self._deps.require(ctx, "group:group_types:delete")
        async with self._deps.database.work(ctx) as uow:
            await group_types.find(uow, ctx, type_id)
            if await group_types.in_use(uow, type_id):
                raise GroupTypeInUse(group_type_id=type_id)
            await group_types.TABLE.delete(uow, type_id)

    async def get_specs(self, ctx: RequestContext, type_id: str) -> Specs:
        self._deps.require(ctx, "group:group_types_specs:get_all")
        return (await self.get(ctx, type_id)).group_specs

    async def set_specs(self, ctx: RequestContext, type_id: str, specs: Specs) -> None:
        """Merged into the existing ones."""
        self._deps.require(ctx, "group:group_types_specs:create")
        async with self._deps.database.work(ctx) as uow:
            found = await group_types.find(uow, ctx, type_id)
            await group_types.TABLE.update(uow, type_id, group_specs={**found.group_specs, **specs})

    async def delete_spec(self, ctx: RequestContext, type_id: str, key: str) -> None:
        """GroupTypeSpecsNotFound."""
        self._deps.require(ctx, "group:group_types_specs:delete")
        async with self._deps.database.work(ctx) as uow:
            found = await group_types.find(uow, ctx, type_id)
            if key not in found.group_specs:
                raise GroupTypeSpecsNotFound(group_type_id=type_id, key=key)
            kept = {name: value for name, value in found.group_specs.items() if name != key}
            await group_types.TABLE.update(uow, type_id, group_specs=kept)
