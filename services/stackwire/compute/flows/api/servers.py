"""Looking at servers, and what can be changed about them without a host."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.compute.db import instance_actions, instances, listing, quotas, server_metadata, tags
from stackwire.compute.domain import policy
from stackwire.compute.domain.addresses import FixedIp, by_label
from stackwire.compute.domain.errors import (
    ActionNotFound,
    MetadataItemNotFound,
    MetadataLimitExceeded,
    NetworkLabelNotFound,
    TagNotFound,
)
from stackwire.compute.domain.listing import ListServersRequest
from stackwire.compute.domain.requests import ListActionsRequest, UpdateServerRequest
from stackwire.compute.domain.server import ActionDetails, Page, Server
from stackwire.compute.flows.deps import ApiDeps, check_allowed
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, Conflict, NotFound
from stackwire.db.pool import UnitOfWork

MOST_TAGS = 50


class Servers:
    """Reading, naming, labelling."""

    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    async def page(self, ctx: RequestContext, asked: ListServersRequest) -> Page:
        self._deps.policy.require(ctx, policy.INDEX, {"project_id": ctx.project_id})
        return await listing.list_page(self._deps.database, asked)

    async def show(self, ctx: RequestContext, uuid: str, *, rule: str = policy.SHOW) -> Server:
        return await self._deps.find(ctx, uuid, rule)

    async def update(self, ctx: RequestContext, uuid: str, changes: UpdateServerRequest) -> Server:
        """Name, description, host name, access addresses, disk configuration, pinned zone."""
        server = await self._deps.find(ctx, uuid, policy.UPDATE)
        columns: dict[str, tuple[str, Any]] = {
            "name": ("display_name", changes.name),
            "description": ("display_description", changes.description),
            "access_ip_v4": ("access_ip_v4", changes.access_ip_v4 or None),
            "access_ip_v6": ("access_ip_v6", changes.access_ip_v6 or None),
            "hostname": ("hostname", changes.hostname),
            "auto_disk": ("auto_disk_config", changes.auto_disk),
        }
        changed = dict(columns[name] for name in columns if name in changes.fields_set)
        async with self._deps.database.work(ctx) as uow:
            if "pinned_zone" in changes.fields_set:
                await _pin(uow, server, changes.pinned_zone)
            moved = await instances.TABLE.update(uow, uuid, **changed)
            after = await instances.by_uuid(uow, uuid)
            if moved is None or after is None:
                return await instances.find(uow, ctx, uuid)
            self._deps.announce(uow, server, after)
        return after

    # ---- metadata

    async def metadata_item(self, ctx: RequestContext, uuid: str, key: str) -> str:
        server = await self._deps.find(ctx, uuid, policy.METADATA_SHOW)
        if key not in server.metadata:
            raise MetadataItemNotFound(key=key)
        return server.metadata[key]

    async def change_metadata(
        self, ctx: RequestContext, uuid: str, given: Mapping[str, str], *, purge: bool = False
    ) -> dict[str, str]:
        """All of it afterwards; ``purge`` removes what is not given."""
        server = await self._deps.find(ctx, uuid, policy.METADATA_CHANGE)
        check_allowed(ctx, server, "update_metadata")
        after = dict(given) if purge else {**server.metadata, **given}
        async with self._deps.database.work(ctx) as uow:
            most = (await quotas.limits(uow, server.instance.project_id))["metadata_items"]
            if 0 <= most < len(after):
                raise MetadataLimitExceeded(allowed=most)
            write = server_metadata.replace if purge else server_metadata.upsert
            await write(uow, "instance_metadata", uuid, given)
            await self._announce(uow, server)
        return after

    async def delete_metadata(self, ctx: RequestContext, uuid: str, key: str) -> None:
        server = await self._deps.find(ctx, uuid, policy.METADATA_CHANGE)
        check_allowed(ctx, server, "update_metadata")
        async with self._deps.database.work(ctx) as uow:
            if not await server_metadata.delete(uow, "instance_metadata", uuid, key):
                raise MetadataItemNotFound(key=key)
            await self._announce(uow, server)

    # ---- tags

    async def replace_tags(self, ctx: RequestContext, uuid: str, names: Sequence[str]) -> list[str]:
        server = await self._deps.find(ctx, uuid, policy.TAGS_CHANGE)
        check_allowed(ctx, server, "tags")
        async with self._deps.database.work(ctx) as uow:
            await tags.replace(uow, uuid, list(dict.fromkeys(names)))
            await self._announce(uow, server)
        return list(dict.fromkeys(names))

    async def require_tag(self, ctx: RequestContext, uuid: str, tag: str) -> None:
        server = await self._deps.find(ctx, uuid, policy.TAGS_SHOW)
        if tag not in server.tags:
            raise TagNotFound(instance_id=uuid, tag=tag)

    async def add_tag(self, ctx: RequestContext, uuid: str, tag: str) -> bool:
        """False when the server had it."""
        server = await self._deps.find(ctx, uuid, policy.TAGS_CHANGE)
        check_allowed(ctx, server, "tags")
        if tag not in server.tags and len(server.tags) >= MOST_TAGS:
            raise BadRequest(f"A server can have {MOST_TAGS} tags at most.")
        async with self._deps.database.work(ctx) as uow:
            added = await tags.add(uow, uuid, tag)
            if added:
                await self._announce(uow, server)
        return added

    async def delete_tag(self, ctx: RequestContext, uuid: str, tag: str) -> None:
        server = await self._deps.find(ctx, uuid, policy.TAGS_CHANGE)
        check_allowed(ctx, server, "tags")
        async with self._deps.database.work(ctx) as uow:
            if not await tags.delete(uow, uuid, tag):
                raise TagNotFound(instance_id=uuid, tag=tag)
            await self._announce(uow, server)

    async def _announce(self, uow: UnitOfWork, server: Server) -> None:
        after = await instances.by_uuid(uow, server.uuid)
        if after is not None:
            self._deps.announce(uow, server, after)

    # ---- addresses, actions, guest

    async def addresses(self, ctx: RequestContext, uuid: str, label: str) -> list[FixedIp]:
        """On the network of that label; 404 when the server is not on it."""
        server = await self._deps.find(ctx, uuid, policy.IPS)
        found = by_label(server.addresses).get(label)
        if found is None:
            raise NetworkLabelNotFound(label=label)
        return found

    async def actions(self, ctx: RequestContext, uuid: str, wanted: ListActionsRequest) -> list[ActionDetails]:
        """Newest first, behind the request its marker names (400 when it is none)."""
        server = await self._deps.find(ctx, uuid, policy.ACTIONS)
        async with self._deps.database.read() as session:
            behind = None
            if wanted.marker is not None:
                behind = await instance_actions.get(session, uuid, wanted.marker)
                if behind is None:
                    raise BadRequest(f"marker [{wanted.marker[:100]}] not found")
            found = await instance_actions.list_page(session, uuid, wanted, behind)
        return [ActionDetails(action=action, server_project_id=server.instance.project_id) for action in found]

    async def action(self, ctx: RequestContext, uuid: str, request_id: str) -> ActionDetails:
        server = await self._deps.find(ctx, uuid, policy.ACTIONS)
        async with self._deps.database.read() as session:
            found = await instance_actions.get(session, uuid, request_id)
            if found is None:
                raise ActionNotFound(request_id=request_id, instance_id=uuid)
            events = await instance_actions.list_events(session, found.id)
        return ActionDetails(action=found, events=tuple(events), server_project_id=server.instance.project_id)

    async def guest(self, ctx: RequestContext, uuid: str) -> str:
        """The definition the host gave to the hypervisor; 404 before there is one."""
        await self._deps.find(ctx, uuid, policy.GUEST)
        async with self._deps.database.read() as session:
            xml = await session.value("SELECT guest_xml FROM instance_extra WHERE instance_uuid = $1", uuid)
        if xml is None:
            raise NotFound(f"Instance {uuid} has no guest definition yet.")
        return str(xml)


async def _pin(uow: UnitOfWork, server: Server, zone: str | None) -> None:
    """Unpin, or pin to the zone the server is in; a Conflict for another (2.104)."""
    if zone == server.pinned_zone:
        return
    if zone is not None and (server.pinned_zone is not None or zone != server.instance.availability_zone):
        raise Conflict(f"The server cannot be pinned to {zone}.")
    await instances.set_request_spec(uow, server.uuid, {**server.request_spec, "availability_zone": zone})
