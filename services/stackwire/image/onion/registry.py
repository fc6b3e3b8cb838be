"""Innermost in the v1 API of the releases that have glance-registry: each verb is a request to it.

In place of a transaction the layers get ``ELSEWHERE``: the registry has the transaction. Quotas and notifications are
its layers too, since they belong to the change of the row.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict
from stackwire.db.session import Session
from stackwire.db.unit_of_work import UnitOfWork
from stackwire.image.backends.registry import RegistryClient
from stackwire.image.backends.registry_v2 import RegistryV2Client
from stackwire.image.domain.errors import ImageInUse, ImageNotFound, MemberNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.listing import Query
from stackwire.image.domain.members import Member
from stackwire.image.domain.registry import RegistryUpload
from stackwire.image.domain.states import QUEUED
from stackwire.image.domain.uploads import WrittenData
from stackwire.image.onion import port
from stackwire.image.onion.layer import Layer, LayerDeps

ELSEWHERE: Final[Any] = None


class RegistryTransactions:
    """What a flow has that reaches its rows through the registry."""

    @asynccontextmanager
    async def work(self, ctx: RequestContext) -> AsyncIterator[Any]:
        yield ELSEWHERE

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        yield ELSEWHERE


class _Registry:
    """What reaches the registry: the client of its v1, or that of its v2."""

    deps: LayerDeps

    @property
    def client(self) -> RegistryClient | RegistryV2Client:
        assert self.deps.registry is not None  # the layers are only put together where there is one
        return self.deps.registry


class _RegistryV2(_Registry):
    @property
    def client(self) -> RegistryV2Client:
        assert self.deps.registry is not None
        return RegistryV2Client(self.deps.registry)


class ImageRegistry(_Registry, Layer[port.Images], port.Images):
    """Source: ``glance/registry/client/v1/api.py``."""

    async def get(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        return await self.client.image(ctx, image_id)

    async def list_page(self, ctx: RequestContext, session: Session, query: Query, limit: int) -> list[Image]:
        return await self.client.images(ctx, query, limit)

    async def create(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        return await self.client.create(ctx, image)

    async def update(self, ctx: RequestContext, uow: UnitOfWork, before: Image, after: Image) -> Image:
        """Properties that are hidden from the caller stay: a purge names them too."""
        client = self.client
        if self.deps.protection is not None and set(before.properties) - set(after.properties):
            whole = (await client.image(ctx, before.id)).properties
            hidden = {name: value for name, value in whole.items() if name not in before.properties}
            before = replace(before, properties={**hidden, **before.properties})
            after = replace(after, properties={**hidden, **after.properties})
        return await client.update(ctx, before, after)

    async def delete(self, ctx: RequestContext, uow: UnitOfWork, image: Image) -> Image:
        """Bytes that a store cannot let go are asked for first: the registry reaches no store."""
        now = image.object if not self.deps.delayed_delete else None
        if now is not None and await self.deps.stores.in_use(now, image.stores):
            raise ImageInUse(image_id=image.id)
        return await self.client.delete(ctx, image.id)


class DataRegistry(_Registry, Layer[port.ImageData], port.ImageData):
    """Bytes never get here. The registry knows who writes them, and under which name, before the first one."""

    async def write(self, ctx: RequestContext, upload: port.Upload) -> WrittenData:
        raise NotImplementedError

    async def write_staging(self, ctx: RequestContext, upload: port.Upload) -> int:
        raise NotImplementedError

    async def finish_staging(self, ctx: RequestContext, uow: UnitOfWork, image: Image, size: int) -> Image:
        raise NotImplementedError

    async def begin_upload(self, ctx: RequestContext, uow: UnitOfWork, upload: port.Upload) -> port.Upload:
        begun = RegistryUpload(
            object=upload.object_name, store=upload.store, worker=self.deps.leases.owner, announced=upload.announced
        )
        image, allowance = await self.client.begin_upload(ctx, upload.image, begun)
        return replace(upload, image=image, allowance=allowance)

    async def finish_upload(self, ctx: RequestContext, uow: UnitOfWork, image: Image, written: WrittenData) -> Image:
        finished = RegistryUpload(
            object=written.object,
            store=written.stores[0],
            virtual_size=written.virtual_size,
            os_hash_algo=written.os_hash_algo,
            os_hash_value=written.os_hash_value,
            disk_format=image.disk_format,
            container_format=image.container_format,
        )
        facts = {"size": written.size, "checksum": written.checksum}
        return await self.client.finish_upload(ctx, image, facts, finished)

    async def abort(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, reason: str, status: str = QUEUED
    ) -> bool:
        aborted = RegistryUpload(object=image.object or "", reason=reason)
        try:
            await self.client.abort_upload(ctx, image, status, aborted)
        except (Conflict, ImageNotFound):
            return False
        return True

    async def get_for_download(self, ctx: RequestContext, session: Session, image_id: str) -> Image:
        return await self.client.image(ctx, image_id)

    async def record_download(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int
    ) -> None:
        raise NotImplementedError


class MemberRegistry(_Registry, Layer[port.ImageMembers], port.ImageMembers):
    """v1 has no status of members: who is one accepts an image by v2."""

    async def list_for_image(self, ctx: RequestContext, session: Session, image: Image) -> list[Member]:
        return await self.client.members(ctx, image.id)

    async def list_for_project(self, ctx: RequestContext, session: Session, member: str) -> list[Member]:
        return await self.client.shared_images(ctx, member)

    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        """A member that is one already stays as it is."""
        client = self.client
        assert isinstance(client, RegistryClient)
        await client.add_member(ctx, image.id, member)
        return await self._member(ctx, image, member)

    async def set_status(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        raise NotImplementedError

    async def remove(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        client, removed = self.client, await self._member(ctx, image, member)
        assert isinstance(client, RegistryClient)
        await client.remove_member(ctx, image.id, member)
        return removed

    async def _member(self, ctx: RequestContext, image: Image, member: str) -> Member:
        for row in await self.client.members(ctx, image.id):
            if row.member == member:
                return row
        raise MemberNotFound(member_id=member, image_id=image.id)


class ImageRegistryV2(_RegistryV2, ImageRegistry):
    """Source: ``glance/db/registry/api.py``."""


class DataRegistryV2(_RegistryV2, DataRegistry):
    """An upload is begun and ended by updates of its image. What was sent is no row's: this service tells of it."""

    async def record_download(
        self, ctx: RequestContext, uow: UnitOfWork, image: Image, sent: int, expected: int
    ) -> None:
        uow.notify(self.deps.notifications.downloaded(image, sent, expected, ctx.project_id, ctx.user_id))


class MemberRegistryV2(_RegistryV2, MemberRegistry):
    """Members with their status."""

    async def add(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        return await self.client.create_member(ctx, image.id, member)

    async def set_status(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str, status: str) -> Member:
        return await self.client.update_member(ctx, await self._member(ctx, image, member), status)

    async def remove(self, ctx: RequestContext, uow: UnitOfWork, image: Image, member: str) -> Member:
        return await self.client.delete_member(ctx, await self._member(ctx, image, member))
