"""Reading servers, and what can be changed about one without its host."""

from collections.abc import Sequence

from stackwire.compute.db import instances, listing, server_metadata
from stackwire.compute.domain import policy
from stackwire.compute.domain.addresses import FixedIp, by_label
from stackwire.compute.domain.errors import NetworkLabelNotFound
from stackwire.compute.domain.listing import list_servers_request, wants_all_tenants
from stackwire.compute.domain.requests import UpdateServerRequest
from stackwire.compute.domain.server import Server, ServerVisibility
from stackwire.compute.flows.deps import ApiFlow
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, NotFound
from stackwire.db.pool import UnitOfWork


class ServerQueries(ApiFlow):
    """``nova/compute/api.py: get, get_all``."""

    async def list_page(
        self, ctx: RequestContext, query: Sequence[tuple[str, str]], version: tuple[int, int], limit: int
    ) -> list[Server]:
        """The page of a query string. Filters that the caller may not use are ignored, as Nova does."""
        self._deps.policy.require(ctx, policy.INDEX, {"project_id": ctx.project_id})
        if wants_all_tenants(dict(query)):
            self._deps.policy.require(ctx, policy.ALL_TENANTS)
        every_filter = self._deps.policy.allows(ctx, policy.ALL_TENANTS)
        request = list_servers_request(
            query, version, project_id=ctx.project_id, every_filter=every_filter, limit=limit
        )
        async with self._deps.database.read() as session:
            return await listing.list_page(session, request)

    async def get(self, ctx: RequestContext, uuid: str) -> Server:
        """InstanceNotFound for a server the caller cannot see."""
        return await self._deps.find(ctx, uuid, policy.SHOW)

    def visibility(self, ctx: RequestContext) -> ServerVisibility:
        """What of a server this caller may see."""
        allows = self._deps.policy.allows
        return ServerVisibility(
            extended_attributes=allows(ctx, policy.EXTENDED),
            host_status=allows(ctx, policy.HOST_STATUS),
            now=self._deps.database.clock.now(),
            behaviours=self._deps.behaviours,
        )

    async def list_addresses(self, ctx: RequestContext, uuid: str) -> Sequence[FixedIp]:
        """On all networks."""
        return (await self._deps.find(ctx, uuid, policy.IPS)).addresses

    async def get_addresses(self, ctx: RequestContext, uuid: str, label: str) -> Sequence[FixedIp]:
        """On the network of that label; NetworkLabelNotFound when the server is not on it."""
        found = by_label(await self.list_addresses(ctx, uuid)).get(label)
        if found is None:
            raise NetworkLabelNotFound(label=label)
        return found

    async def get_guest_xml(self, ctx: RequestContext, uuid: str) -> str:
        """The libvirt domain that the host defined; NotFound before there is one."""
        await self._deps.find(ctx, uuid, policy.GUEST)
        async with self._deps.database.read() as session:
            xml = await instances.guest_xml(session, uuid)
        if xml is None:
            raise NotFound(f"Instance {uuid} has no guest definition yet.")
        return xml


_PASSWORD_ROWS = tuple(f"password_{number}" for number in range(4))


class ServerPassword(ApiFlow):
    """``nova/api/metadata/password.py``: the encrypted password that a guest posts, in rows of its system metadata."""

    async def get(self, ctx: RequestContext, uuid: str) -> str:
        """Empty, unless it was written: the metadata service, to which a guest would post it, is not simulated."""
        rows = (await self._deps.find(ctx, uuid, policy.PASSWORD)).system_metadata
        return "".join(rows.get(row) or "" for row in _PASSWORD_ROWS)

    async def clear(self, ctx: RequestContext, uuid: str) -> None:
        """The rows are there afterwards, and empty."""
        server = await self._deps.find(ctx, uuid, policy.PASSWORD_CLEAR)
        async with self._deps.database.work(ctx) as uow:
            await server_metadata.upsert(uow, "instance_system_metadata", uuid, dict.fromkeys(_PASSWORD_ROWS, ""))
            await self._deps.announce_read(uow, server)


class UpdateServer(ApiFlow):
    """``nova/compute/api.py: update_instance``."""

    async def update_server(self, ctx: RequestContext, uuid: str, request: UpdateServerRequest) -> Server:
        """Name, description, host name, access addresses, disk configuration, pinned zone."""
        server = await self._deps.find(ctx, uuid, policy.UPDATE)
        async with self._deps.database.work(ctx) as uow:
            if "pinned_zone" in request.fields_set:
                await _pin(uow, server, request.pinned_zone)
            updated = await instances.TABLE.update(uow, uuid, **request.columns())
            after = await instances.by_uuid(uow, uuid)
            if updated is None or after is None:
                return await instances.find(uow, ctx, uuid)
            self._deps.announce(uow, server, after)
        return after


async def _pin(uow: UnitOfWork, server: Server, zone: str | None) -> None:
    """Unpins the server, or pins it to the zone it is in; a Conflict for another zone (2.104)."""
    if zone == server.pinned_zone:
        return
    if zone is not None and (server.pinned_zone is not None or zone != server.instance.availability_zone):
        raise Conflict(f"The server cannot be pinned to {zone}.")
    await instances.set_request_spec(uow, server.uuid, {**server.request_spec, "availability_zone": zone})
