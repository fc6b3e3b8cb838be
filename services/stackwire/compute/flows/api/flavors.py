"""Flavors: the sizes servers come in. Making and changing them is for administrators (the handlers ask)."""

from collections.abc import Mapping
from dataclasses import asdict

from stackwire.compute.db import flavors
from stackwire.compute.domain.errors import (
    ExtraSpecNotFound,
    FlavorAccessExists,
    FlavorAccessNotFound,
    FlavorExists,
    FlavorIdExists,
    FlavorNotFound,
)
from stackwire.compute.domain.model import Flavor
from stackwire.compute.domain.requests import CreateFlavorRequest, ListFlavorsRequest
from stackwire.compute.flows.deps import ApiDeps
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.db.pool import UniqueViolation


class Flavors:
    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    async def page(self, ctx: RequestContext, wanted: ListFlavorsRequest) -> tuple[list[Flavor], bool]:
        """The page, and whether there are more. A plain user sees public flavors and those its project may use."""
        async with self._deps.database.read() as session:
            if wanted.marker is not None and await flavors.get(session, ctx, wanted.marker) is None:
                raise BadRequest(f"marker [{wanted.marker[:100]}] not found")
            found = await flavors.list_page(
                session,
                ctx,
                is_public=wanted.is_public if ctx.is_admin else None,
                min_ram=wanted.min_ram,
                min_disk=wanted.min_disk,
                name=wanted.name,
                sort_key=wanted.sort_key,
                descending=wanted.descending,
                limit=wanted.limit + 1,
                marker=wanted.marker,
            )
        return found[: wanted.limit], len(found) > wanted.limit

    async def show(self, ctx: RequestContext, flavorid: str) -> Flavor:
        async with self._deps.database.read() as session:
            found = await flavors.get(session, ctx, flavorid)
        if found is None:
            raise FlavorNotFound(flavor_id=flavorid)
        return found

    async def create(self, ctx: RequestContext, new: CreateFlavorRequest) -> Flavor:
        flavorid = new.flavorid or self._deps.make_id()
        columns = asdict(new) | {"flavorid": flavorid}
        try:
            async with self._deps.database.work(ctx) as uow:
                return await flavors.insert(uow, columns, None if new.is_public else ctx.project_id)
        except UniqueViolation as taken:
            if "flavorid" in str(taken):
                raise FlavorIdExists(flavor_id=flavorid) from None
            raise FlavorExists(name=new.name) from None

    async def describe(self, ctx: RequestContext, flavorid: str, description: str | None) -> Flavor:
        async with self._deps.database.work(ctx) as uow:
            found = await flavors.describe(uow, flavorid, description)
        if found is None:
            raise FlavorNotFound(flavor_id=flavorid)
        return found

    async def delete(self, ctx: RequestContext, flavorid: str) -> None:
        async with self._deps.database.work(ctx) as uow:
            if not await flavors.delete(uow, flavorid):
                raise FlavorNotFound(flavor_id=flavorid)

    # ---- extra specs

    async def spec(self, ctx: RequestContext, flavorid: str, key: str) -> str:
        found = await self.show(ctx, flavorid)
        if key not in found.extra_specs:
            raise ExtraSpecNotFound(flavor_id=flavorid, key=key)
        return found.extra_specs[key]

    async def set_specs(self, ctx: RequestContext, flavorid: str, specs: Mapping[str, str]) -> None:
        async with self._deps.database.work(ctx) as uow:
            if not await flavors.update_specs(uow, flavorid, specs):
                raise FlavorNotFound(flavor_id=flavorid)

    async def delete_spec(self, ctx: RequestContext, flavorid: str, key: str) -> None:
        await self.spec(ctx, flavorid, key)
        async with self._deps.database.work(ctx) as uow:
            await flavors.update_specs(uow, flavorid, {}, [key])

    # ---- who may use a private one

    async def access(self, ctx: RequestContext, flavorid: str) -> tuple[str, list[str]]:
        await self.show(ctx, flavorid)
        async with self._deps.database.read() as session:
            projects = await flavors.projects(session, flavorid)
        if projects is None:
            raise FlavorNotFound(f"Flavor {flavorid} is public: everybody has access.")
        return flavorid, projects

    async def allow(self, ctx: RequestContext, flavorid: str, project_id: str) -> tuple[str, list[str]]:
        flavor = await self.show(ctx, flavorid)
        if flavor.is_public:
            raise Conflict(f"Flavor {flavorid} is public: access cannot be given.")
        _, projects = await self.access(ctx, flavorid)
        if project_id in projects:
            raise FlavorAccessExists(flavor_id=flavorid, project_id=project_id)
        return await self._set(ctx, flavorid, [*projects, project_id])

    async def refuse(self, ctx: RequestContext, flavorid: str, project_id: str) -> tuple[str, list[str]]:
        flavor = await self.show(ctx, flavorid)
        if flavor.is_public:
            raise Conflict(f"Flavor {flavorid} is public: access cannot be taken.")
        _, projects = await self.access(ctx, flavorid)
        if project_id not in projects:
            raise FlavorAccessNotFound(flavor_id=flavorid, project_id=project_id)
        return await self._set(ctx, flavorid, [other for other in projects if other != project_id])

    async def _set(self, ctx: RequestContext, flavorid: str, projects: list[str]) -> tuple[str, list[str]]:
        async with self._deps.database.work(ctx) as uow:
            await flavors.set_projects(uow, flavorid, projects)
        return flavorid, sorted(projects)
