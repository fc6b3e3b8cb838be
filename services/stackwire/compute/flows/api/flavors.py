"""Flavors, the sizes of servers; what only administrators may do with them is a policy rule of its own."""

from collections.abc import Mapping
from dataclasses import asdict

from stackwire.compute.db import flavors
from stackwire.compute.domain import policy
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
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict
from stackwire.db.errors import UniqueViolation


class Flavors(ApiFlow):
    """``nova/compute/flavors.py``, ``nova/objects/flavor.py``. All methods: FlavorNotFound."""

    async def list_page(self, ctx: RequestContext, request: ListFlavorsRequest) -> list[Flavor]:
        """The page: public flavors, and private ones that the caller's project may use."""
        async with self._deps.database.read() as session:
            if request.marker is not None and await flavors.get(session, ctx, request.marker) is None:
                raise BadRequest(f"marker [{request.marker[:100]}] not found")
            return await flavors.list_page(session, ctx, request)

    async def get(self, ctx: RequestContext, flavorid: str) -> Flavor:
        """A flavor that the caller may use."""
        async with self._deps.database.read() as session:
            found = await flavors.get(session, ctx, flavorid)
        if found is None:
            raise FlavorNotFound(flavor_id=flavorid)
        return found

    def shows_extra_specs(self, ctx: RequestContext) -> bool:
        """Whether the caller may see extra specs in a flavor."""
        return self._deps.policy.allows(ctx, policy.FLAVOR_SPECS, {"project_id": ctx.project_id})

    async def create(self, ctx: RequestContext, request: CreateFlavorRequest) -> Flavor:
        """FlavorExists, FlavorIdExists. A private flavor is at first for administrators alone."""
        self._deps.policy.require(ctx, policy.FLAVOR_MANAGE)
        flavorid = request.flavorid or self._deps.make_id("flavor")
        columns = asdict(request) | {"flavorid": flavorid}
        try:
            async with self._deps.database.work(ctx) as uow:
                return await flavors.insert(uow, columns)
        except UniqueViolation as taken:
            if "flavorid" in str(taken):
                raise FlavorIdExists(flavor_id=flavorid) from None
            raise FlavorExists(name=request.name) from None

    async def set_description(self, ctx: RequestContext, flavorid: str, description: str | None) -> Flavor:
        """The flavor afterwards."""
        self._deps.policy.require(ctx, policy.FLAVOR_MANAGE)
        async with self._deps.database.work(ctx) as uow:
            found = await flavors.describe(uow, flavorid, description)
        if found is None:
            raise FlavorNotFound(flavor_id=flavorid)
        return found

    async def delete(self, ctx: RequestContext, flavorid: str) -> None:
        """Servers keep the flavor they were created with."""
        self._deps.policy.require(ctx, policy.FLAVOR_MANAGE)
        async with self._deps.database.work(ctx) as uow:
            if not await flavors.delete(uow, flavorid):
                raise FlavorNotFound(flavor_id=flavorid)

    # ---- extra specs

    async def get_extra_spec(self, ctx: RequestContext, flavorid: str, key: str) -> str:
        """Its value; ExtraSpecNotFound."""
        flavor = await self.get(ctx, flavorid)
        if key not in flavor.extra_specs:
            raise ExtraSpecNotFound(flavor_id=flavorid, key=key)
        return flavor.extra_specs[key]

    async def set_extra_specs(self, ctx: RequestContext, flavorid: str, specs: Mapping[str, str]) -> None:
        """These specs; the others stay."""
        self._deps.policy.require(ctx, policy.FLAVOR_SPECS_CHANGE)
        async with self._deps.database.work(ctx) as uow:
            if not await flavors.update_specs(uow, flavorid, specs):
                raise FlavorNotFound(flavor_id=flavorid)

    async def delete_extra_spec(self, ctx: RequestContext, flavorid: str, key: str) -> None:
        """ExtraSpecNotFound."""
        self._deps.policy.require(ctx, policy.FLAVOR_SPECS_CHANGE)
        await self.get_extra_spec(ctx, flavorid, key)
        async with self._deps.database.work(ctx) as uow:
            await flavors.update_specs(uow, flavorid, {}, [key])

    # ---- who may use a private flavor

    async def list_access(self, ctx: RequestContext, flavorid: str) -> list[str]:
        """The projects' ids; FlavorNotFound for a public flavor."""
        self._deps.policy.require(ctx, policy.FLAVOR_ACCESS)
        await self.get(ctx, flavorid)
        return await self._projects(flavorid)

    async def add_access(self, ctx: RequestContext, flavorid: str, project_id: str) -> list[str]:
        """The projects' ids afterwards; Conflict for a public flavor, FlavorAccessExists. The project must be one."""
        self._deps.policy.require(ctx, policy.FLAVOR_ACCESS_CHANGE)
        await self._deps.require_project(ctx, project_id)
        if (await self.get(ctx, flavorid)).is_public:
            raise Conflict("Can not add access to a public flavor.")
        projects = await self._projects(flavorid)
        if project_id in projects:
            raise FlavorAccessExists(flavor_id=flavorid, project_id=project_id)
        return await self._set_projects(ctx, flavorid, [*projects, project_id])

    async def remove_access(self, ctx: RequestContext, flavorid: str, project_id: str) -> list[str]:
        """The projects' ids afterwards; FlavorAccessNotFound, also for a public flavor. A project that is gone can
        still lose its access."""
        self._deps.policy.require(ctx, policy.FLAVOR_ACCESS_CHANGE)
        flavor = await self.get(ctx, flavorid)
        projects = [] if flavor.is_public else await self._projects(flavorid)
        if project_id not in projects:
            raise FlavorAccessNotFound(flavor_id=flavorid, project_id=project_id)
        return await self._set_projects(ctx, flavorid, [other for other in projects if other != project_id])

    async def _projects(self, flavorid: str) -> list[str]:
        async with self._deps.database.read() as session:
            projects = await flavors.projects(session, flavorid)
        if projects is None:
            raise FlavorNotFound(f"Flavor {flavorid} is public: everybody has access.")
        return projects

    async def _set_projects(self, ctx: RequestContext, flavorid: str, projects: list[str]) -> list[str]:
        async with self._deps.database.work(ctx) as uow:
            await flavors.set_projects(uow, flavorid, projects)
        return sorted(projects)
