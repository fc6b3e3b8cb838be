"""A server's metadata and tags. Each change is announced as an update of the server."""

from collections.abc import Mapping, Sequence

from stackwire.compute.db import instances, quotas, server_metadata, tags
from stackwire.compute.domain import policy
from stackwire.compute.domain.errors import InstanceNotFound, MetadataItemNotFound, TagNotFound
from stackwire.compute.domain.quotas import check_metadata_items
from stackwire.compute.domain.server import Server
from stackwire.compute.flows.deps import ApiFlow, check_allowed
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.pool import UnitOfWork

MAX_TAGS = 50


class ServerMetadata(ApiFlow):
    """``nova/compute/api.py: update_instance_metadata, delete_instance_metadata``."""

    async def list(self, ctx: RequestContext, uuid: str) -> dict[str, str]:
        """All items."""
        return dict((await self._deps.find(ctx, uuid, policy.METADATA_SHOW)).metadata)

    async def get(self, ctx: RequestContext, uuid: str, key: str) -> str:
        """The item's value; MetadataItemNotFound."""
        items = await self.list(ctx, uuid)
        if key not in items:
            raise MetadataItemNotFound(key=key)
        return items[key]

    async def update(
        self, ctx: RequestContext, uuid: str, items: Mapping[str, str], *, replace: bool = False
    ) -> dict[str, str]:
        """All items afterwards; ``replace`` removes those that are not given."""
        await self._find(ctx, uuid)
        async with self._deps.database.work(ctx) as uow:
            server = await _counted(uow, uuid)
            after = dict(items) if replace else {**server.metadata, **items}
            check_metadata_items(await quotas.strictest(uow, ctx), len(after))
            write = server_metadata.replace if replace else server_metadata.upsert
            await write(uow, "instance_metadata", uuid, items)
            await self._deps.announce_read(uow, server)
        return after

    async def delete(self, ctx: RequestContext, uuid: str, key: str) -> None:
        """MetadataItemNotFound, before the server's state is looked at."""
        await self.get(ctx, uuid, key)
        server = await self._find(ctx, uuid)
        async with self._deps.database.work(ctx) as uow:
            if not await server_metadata.delete(uow, "instance_metadata", uuid, key):
                raise MetadataItemNotFound(key=key)
            await self._deps.announce_read(uow, server)

    async def _find(self, ctx: RequestContext, uuid: str) -> Server:
        server = await self._deps.find(ctx, uuid, policy.METADATA_CHANGE)
        check_allowed(ctx, server, "update_metadata")
        return server


class ServerTags(ApiFlow):
    """``nova/api/openstack/compute/server_tags.py``, which publishes the changes by itself, not as a host would."""

    async def list(self, ctx: RequestContext, uuid: str) -> Sequence[str]:
        """All tags."""
        return (await self._deps.find(ctx, uuid, policy.TAGS_SHOW)).tags

    async def require(self, ctx: RequestContext, uuid: str, tag: str) -> None:
        """TagNotFound when the server has not the tag."""
        if tag not in await self.list(ctx, uuid):
            raise TagNotFound(instance_id=uuid, tag=tag)

    async def replace(self, ctx: RequestContext, uuid: str, names: Sequence[str]) -> Sequence[str]:
        """All tags afterwards: these, each once."""
        await self._find(ctx, uuid)
        unique = [*dict.fromkeys(names)]
        async with self._deps.database.work(ctx) as uow:
            server = await _counted(uow, uuid)
            await tags.replace(uow, uuid, unique)
            await self._deps.announce_read(uow, server, "nova-api")
        return unique

    async def add(self, ctx: RequestContext, uuid: str, tag: str) -> bool:
        """False when the server had it; BadRequest when it has ``MAX_TAGS`` others."""
        await self._find(ctx, uuid)
        async with self._deps.database.work(ctx) as uow:
            server = await _counted(uow, uuid)
            if tag not in server.tags and len(server.tags) >= MAX_TAGS:
                raise BadRequest(f"A server can have {MAX_TAGS} tags at most.")
            added = await tags.add(uow, uuid, tag)
            if added:
                await self._deps.announce_read(uow, server, "nova-api")
        return added

    async def delete(self, ctx: RequestContext, uuid: str, tag: str) -> None:
        """TagNotFound."""
        server = await self._find(ctx, uuid)
        async with self._deps.database.work(ctx) as uow:
            if not await tags.delete(uow, uuid, tag):
                raise TagNotFound(instance_id=uuid, tag=tag)
            await self._deps.announce_read(uow, server, "nova-api")

    async def _find(self, ctx: RequestContext, uuid: str) -> Server:
        server = await self._deps.find(ctx, uuid, policy.TAGS_CHANGE)
        check_allowed(ctx, server, "tags")
        return server


async def _counted(uow: UnitOfWork, uuid: str) -> Server:
    """The server as it is now, of which nobody else changes how many tags or items it has; InstanceNotFound."""
    await quotas.lock(uow, uuid)
    server = await instances.by_uuid(uow, uuid)
    if server is None:
        raise InstanceNotFound(instance_id=uuid)
    return server
